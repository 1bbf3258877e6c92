//! Roles and their policies, as temporary ones are made for a build.

use std::sync::Arc;

use jiff::Timestamp;

use crate::core::{
    Call, Handler, Outcome, digest,
    error::ApiError,
    params::Params,
    records::{InstanceProfile, Role},
    tags::{self, Tags},
    world::World,
    xml::Node,
};

/// In seconds (IAM API reference, `CreateRole`, `MaxSessionDuration`).
const SESSION: std::ops::RangeInclusive<i64> = 3_600..=43_200;

pub fn handler(action: &str) -> Option<Handler> {
    match action {
        "AttachRolePolicy" => Some(Handler::Write(attach)),
        "CreateRole" => Some(Handler::Write(create)),
        "DeleteRole" => Some(Handler::Write(delete)),
        "DeleteRolePolicy" => Some(Handler::Write(delete_policy)),
        "DetachRolePolicy" => Some(Handler::Write(detach)),
        "GetRole" => Some(Handler::Read(get)),
        "GetRolePolicy" => Some(Handler::Read(get_policy)),
        "ListAttachedRolePolicies" => Some(Handler::Read(list_attached)),
        "ListRolePolicies" => Some(Handler::Read(list_policies)),
        "PutRolePolicy" => Some(Handler::Write(put_policy)),
        _ => None,
    }
}

/// (IAM API reference, common errors of roles and instance profiles)
pub fn no_such(what: &str, name: &str) -> ApiError {
    ApiError::new("NoSuchEntity", format!("{what} {name} cannot be found.")).with_status(404)
}

pub fn exists(what: &str, name: &str) -> ApiError {
    ApiError::new("EntityAlreadyExists", format!("{what} with name {name} already exists.")).with_status(409)
}

pub fn conflict(message: &str) -> ApiError {
    ApiError::new("DeleteConflict", message).with_status(409)
}

pub fn required<'c>(params: &'c Params, name: &str) -> Result<&'c str, ApiError> {
    params.text(name).ok_or_else(|| ApiError::null_member("ValidationError", name))
}

pub fn find<'w>(call: &Call, world: &'w World, name: &str) -> Result<&'w Arc<Role>, ApiError> {
    let found = world.roles.get(&(call.account().to_owned(), name.to_owned()));
    found.ok_or_else(|| no_such("The role with name", name))
}

fn asked<'w>(call: &Call, world: &'w World) -> Result<&'w Arc<Role>, ApiError> {
    find(call, world, required(call.params, "RoleName")?)
}

fn change(call: &Call, world: &mut World, change: impl FnOnce(&mut Role)) -> Outcome {
    let name = asked(call, world)?.name.clone();
    let role = world.roles.get_mut(&(call.account().to_owned(), name));
    change(Arc::make_mut(role.expect("the role was there a moment ago")));
    Ok(Node::new().into())
}

/// What `Tags` of a request says.
pub fn tags_of(params: &Params) -> Tags {
    let pair =
        |tag: &&Params| Some((tag.text("Key")?.to_owned(), tag.text("Value").unwrap_or_default().to_owned()));
    params.list("Tags").iter().filter_map(pair).collect()
}

/// The set of tags in the style of IAM.
pub fn tag_members(given: &Tags) -> Node {
    let node = |(key, value): (&String, &String)| Node::new().text("Key", key).text("Value", value);
    given.iter().map(node).fold(Node::new(), |list, tag| list.child("member", tag))
}

fn policy<'c>(params: &'c Params, name: &str) -> Result<&'c str, ApiError> {
    let document = required(params, name)?;
    let is_policy = serde_json::from_str::<serde_json::Value>(document).is_ok_and(|json| json.is_object());
    let refused = || ApiError::new("MalformedPolicyDocument", "Syntax errors in policy.");
    if is_policy { Ok(document) } else { Err(refused()) }
}

fn create(call: &Call, world: &mut World) -> Outcome {
    let name = required(call.params, "RoleName")?;
    super::profiles::check_name(name, "roleName")?;
    let key = (call.account().to_owned(), name.to_owned());
    if world.roles.contains_key(&key) {
        return Err(exists("Role", name));
    }
    let seconds = call.params.int("MaxSessionDuration")?.unwrap_or(*SESSION.start());
    if !SESSION.contains(&seconds) {
        let message = "1 validation error detected: Value at 'maxSessionDuration' must be from 3600 to 43200";
        return Err(ApiError::new("ValidationError", message));
    }
    let path = call.params.text("Path").unwrap_or("/");
    let arn = format!("arn:aws:iam::{}:role{path}{name}", call.account());
    let role = Role {
        name: name.to_owned(),
        path: path.to_owned(),
        id: format!("AROA{}", digest(&format!("{arn}/{}", world.draw()))[..17].to_uppercase()),
        arn,
        created_at: call.now,
        trust: policy(call.params, "AssumeRolePolicyDocument")?.to_owned(),
        description: call.params.text("Description").map(str::to_owned),
        session_seconds: seconds,
        inline: imbl::OrdMap::new(),
        attached: imbl::OrdSet::new(),
        tags: tags_of(call.params),
    };
    let shown = node(&role);
    world.roles.insert(key, Arc::new(role));
    Ok(Node::new().child("Role", shown).into())
}

fn get(call: &Call, world: &World) -> Outcome {
    Ok(Node::new().child("Role", node(asked(call, world)?)).into())
}

pub fn node(role: &Role) -> Node {
    let node = summary(&role.name, &role.path, &role.id, &role.arn, role.created_at)
        .text("AssumeRolePolicyDocument", encoded(&role.trust))
        .opt("Description", role.description.as_ref())
        .text("MaxSessionDuration", role.session_seconds);
    if role.tags.is_empty() { node } else { node.child("Tags", tag_members(&role.tags)) }
}

pub fn summary(name: &str, path: &str, id: &str, arn: &str, created_at: Timestamp) -> Node {
    Node::new()
        .text("Path", path)
        .text("RoleName", name)
        .text("RoleId", id)
        .text("Arn", arn)
        .time("CreateDate", created_at)
}

/// Policies are answered percent-encoded (RFC 3986).
fn encoded(document: &str) -> String {
    form_urlencoded::byte_serialize(document.as_bytes()).collect::<String>().replace('+', "%20")
}

/// A role with policies, or in a profile, stays.
fn delete(call: &Call, world: &mut World) -> Outcome {
    let role = asked(call, world)?.clone();
    let holds = |((account, _), profile): (&(String, String), &Arc<InstanceProfile>)| {
        account == call.account() && profile.role.as_ref() == Some(&role.name)
    };
    if world.instance_profiles.iter().any(holds) {
        return Err(conflict("Cannot delete entity, must remove roles from instance profile first."));
    }
    if !role.attached.is_empty() {
        return Err(conflict("Cannot delete entity, must detach all policies first."));
    }
    if !role.inline.is_empty() {
        return Err(conflict("Cannot delete entity, must delete policies first."));
    }
    world.roles.remove(&(call.account().to_owned(), role.name.clone()));
    Ok(Node::new().into())
}

fn put_policy(call: &Call, world: &mut World) -> Outcome {
    let (name, document) = (required(call.params, "PolicyName")?, policy(call.params, "PolicyDocument")?);
    change(call, world, |role| {
        role.inline.insert(name.to_owned(), document.to_owned());
    })
}

fn delete_policy(call: &Call, world: &mut World) -> Outcome {
    let name = required(call.params, "PolicyName")?;
    if !asked(call, world)?.inline.contains_key(name) {
        return Err(no_such("The role policy with name", name));
    }
    change(call, world, |role| {
        role.inline.remove(name);
    })
}

fn get_policy(call: &Call, world: &World) -> Outcome {
    let (role, name) = (asked(call, world)?, required(call.params, "PolicyName")?);
    let document = role.inline.get(name).ok_or_else(|| no_such("The role policy with name", name))?;
    let node = Node::new().text("RoleName", &role.name).text("PolicyName", name);
    Ok(node.text("PolicyDocument", encoded(document)).into())
}

fn list_policies(call: &Call, world: &World) -> Outcome {
    let names = asked(call, world)?.inline.keys();
    let list = names.fold(Node::new(), |list, name| list.text("member", name));
    Ok(Node::new().child("PolicyNames", list).text("IsTruncated", false).into())
}

fn attach(call: &Call, world: &mut World) -> Outcome {
    let arn = policy_arn(call)?;
    change(call, world, |role| {
        role.attached.insert(arn.to_owned());
    })
}

/// Every well-formed policy exists.
fn policy_arn<'c>(call: &'c Call) -> Result<&'c str, ApiError> {
    let arn = required(call.params, "PolicyArn")?;
    let is_policy = crate::core::arn::of_service(arn, "iam").is_some_and(|rest| rest.contains(":policy/"));
    let refused = || ApiError::new("InvalidInput", format!("ARN {arn} is not valid."));
    if is_policy { Ok(arn) } else { Err(refused()) }
}

fn detach(call: &Call, world: &mut World) -> Outcome {
    let arn = policy_arn(call)?;
    if !asked(call, world)?.attached.contains(arn) {
        return Err(no_such("Policy", arn));
    }
    change(call, world, |role| {
        role.attached.remove(arn);
    })
}

fn list_attached(call: &Call, world: &World) -> Outcome {
    let member = |arn: &String| {
        let name = arn.rsplit('/').next().unwrap_or_default();
        Node::new().text("PolicyName", name).text("PolicyArn", arn)
    };
    let arns = asked(call, world)?.attached.iter();
    let list = arns.map(member).fold(Node::new(), |list, policy| list.child("member", policy));
    Ok(Node::new().child("AttachedPolicies", list).text("IsTruncated", false).into())
}

/// Tags of AWS's own cannot be given.
pub fn check_tags(given: &Tags) -> Result<(), ApiError> {
    match given.keys().find(|key| tags::reserved(key)) {
        Some(key) => Err(ApiError::new("InvalidInput", format!("The tag key {key} is reserved."))),
        None => Ok(()),
    }
}
