//! Instance profiles, which clients look at and make before they launch with one.

use std::sync::Arc;

use jiff::Timestamp;

use super::roles::{self, conflict, exists, no_such, required};
use crate::{
    core::{
        Call, Handler, Outcome, arn, digest, error::ApiError, records::InstanceProfile, world::World,
        xml::Node,
    },
    ec2::profile_id,
};

/// When each of those was made that nobody made.
const CREATED: Timestamp = Timestamp::constant(1_577_836_800, 0);
/// (IAM API reference, `GetInstanceProfile`, `InstanceProfileName`)
const MAX_NAME: usize = 128;
const NAME_PUNCTUATION: &str = "_+=,.@-";

pub fn handler(action: &str) -> Option<Handler> {
    match action {
        "AddRoleToInstanceProfile" => Some(Handler::Write(add_role)),
        "CreateInstanceProfile" => Some(Handler::Write(create)),
        "DeleteInstanceProfile" => Some(Handler::Write(delete)),
        "GetInstanceProfile" => Some(Handler::Read(get)),
        "ListInstanceProfilesForRole" => Some(Handler::Read(list_for_role)),
        "RemoveRoleFromInstanceProfile" => Some(Handler::Write(remove_role)),
        _ => None,
    }
}

fn key(call: &Call, name: &str) -> (String, String) {
    (call.account().to_owned(), name.to_owned())
}

/// A profile that somebody made, and nobody deleted.
fn made<'w>(call: &Call, world: &'w World, name: &str) -> Result<&'w Arc<InstanceProfile>, ApiError> {
    let found = world.instance_profiles.get(&key(call, name)).filter(|profile| !profile.is_deleted);
    found.ok_or_else(|| no_such("Instance Profile", name))
}

fn create(call: &Call, world: &mut World) -> Outcome {
    let name = name(call)?;
    if made(call, world, name).is_ok() {
        return Err(exists("Instance Profile", name));
    }
    let tags = roles::tags_of(call.params);
    roles::check_tags(&tags)?;
    let path = call.params.text("Path").unwrap_or("/");
    let arn = format!("arn:aws:iam::{}:instance-profile{path}{name}", call.account());
    let profile = InstanceProfile {
        name: name.to_owned(),
        path: path.to_owned(),
        id: profile_id(&arn),
        arn,
        created_at: call.now,
        role: None,
        is_deleted: false,
        tags,
    };
    let shown = node(world, call, &profile);
    world.instance_profiles.insert(key(call, name), Arc::new(profile));
    Ok(Node::new().child("InstanceProfile", shown).into())
}

fn delete(call: &Call, world: &mut World) -> Outcome {
    let profile = made(call, world, name(call)?)?.clone();
    if profile.role.is_some() {
        return Err(conflict("Cannot delete entity, must remove roles from instance profile first."));
    }
    Ok(store(call, world, InstanceProfile { is_deleted: true, ..InstanceProfile::clone(&profile) }).into())
}

/// A profile has one role.
fn add_role(call: &Call, world: &mut World) -> Outcome {
    let profile = made(call, world, name(call)?)?.clone();
    let role = roles::find(call, world, required(call.params, "RoleName")?)?.name.clone();
    if profile.role.is_some() {
        let message = "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1";
        return Err(ApiError::new("LimitExceeded", message).with_status(409));
    }
    Ok(store(call, world, InstanceProfile { role: Some(role), ..InstanceProfile::clone(&profile) }).into())
}

fn remove_role(call: &Call, world: &mut World) -> Outcome {
    let profile = made(call, world, name(call)?)?.clone();
    let role = required(call.params, "RoleName")?;
    if profile.role.as_deref() != Some(role) {
        return Err(no_such("The role with name", role));
    }
    Ok(store(call, world, InstanceProfile { role: None, ..InstanceProfile::clone(&profile) }).into())
}

fn store(call: &Call, world: &mut World, profile: InstanceProfile) -> Node {
    world.instance_profiles.insert(key(call, &profile.name), Arc::new(profile));
    Node::new()
}

/// As for EC2, every well-formed profile exists that nobody deleted; one that nobody made has the role of its name.
fn get(call: &Call, world: &World) -> Outcome {
    let name = name(call)?;
    if world.instance_profiles.contains_key(&key(call, name)) {
        let profile = made(call, world, name)?;
        return Ok(Node::new().child("InstanceProfile", node(world, call, profile)).into());
    }
    let profile = InstanceProfile {
        name: name.to_owned(),
        path: "/".to_owned(),
        arn: arn::of_profile(call.account(), name),
        id: profile_id(&arn::of_profile(call.account(), name)),
        created_at: CREATED,
        role: Some(name.to_owned()),
        is_deleted: false,
        tags: crate::core::tags::Tags::new(),
    };
    Ok(Node::new().child("InstanceProfile", node(world, call, &profile)).into())
}

fn list_for_role(call: &Call, world: &World) -> Outcome {
    let role = roles::find(call, world, required(call.params, "RoleName")?)?;
    let own = world.instance_profiles.iter().filter(|((account, _), _)| account == call.account());
    let holding = own.filter(|(_, profile)| profile.role.as_ref() == Some(&role.name));
    let list =
        holding.fold(Node::new(), |list, (_, profile)| list.child("member", node(world, call, profile)));
    Ok(Node::new().child("InstanceProfiles", list).text("IsTruncated", false).into())
}

fn node(world: &World, call: &Call, profile: &InstanceProfile) -> Node {
    let role = profile.role.as_ref().map(|name| {
        roles::find(call, world, name).map_or_else(|_| supposed_role(call, name), |role| roles::node(role))
    });
    let node = Node::new()
        .text("Path", &profile.path)
        .text("InstanceProfileName", &profile.name)
        .text("InstanceProfileId", &profile.id)
        .text("Arn", &profile.arn)
        .time("CreateDate", profile.created_at)
        .child("Roles", Node::new().opt_child("member", role));
    if profile.tags.is_empty() { node } else { node.child("Tags", roles::tag_members(&profile.tags)) }
}

/// The role of a profile that nobody made.
fn supposed_role(call: &Call, name: &str) -> Node {
    let arn = format!("arn:aws:iam::{}:role/{name}", call.account());
    let id = format!("AROA{}", digest(&arn)[..17].to_uppercase());
    roles::summary(name, "/", &id, &arn, CREATED)
}

fn name<'c>(call: &'c Call) -> Result<&'c str, ApiError> {
    let name = call.params.text("InstanceProfileName");
    let name = name.ok_or_else(|| ApiError::null_member("ValidationError", "instanceProfileName"))?;
    check_name(name, "instanceProfileName")?;
    Ok(name)
}

pub fn check_name(name: &str, parameter: &str) -> Result<(), ApiError> {
    let allowed = |character: char| character.is_ascii_alphanumeric() || NAME_PUNCTUATION.contains(character);
    if name.len() <= MAX_NAME && name.chars().all(allowed) {
        return Ok(());
    }
    let message = format!(
        "The specified value for {parameter} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"
    );
    Err(ApiError::new("ValidationError", message))
}
