//! What a call needs permission for: an action on each resource that it touches.
//!
//! After the Service Authorization Reference of Amazon EC2, Systems Manager, STS and KMS. A resource that does not
//! exist is asked for all the same, and has no tags: a policy that goes by tags denies the call, as AWS does.

use super::{
    condition::Context,
    resources::{self, Resource},
};
use crate::{
    core::{Call, Service, arn, params::Params, tags::Tags, world::World},
    ec2::kms,
};

/// One question to the policies.
pub struct Question {
    /// `ec2:RunInstances`
    pub action: String,
    /// An ARN, or `*`.
    pub resource: String,
    pub context: Context,
    pub denial: Denial,
}

/// What becomes of a call whose question is answered by no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    Refuse,
    /// The call is accepted, and what it makes fails because of its key.
    LoseKey,
    /// The image goes and its snapshots stay.
    KeepSnapshots,
    /// The call needs no permission, but a policy may name it.
    Harmless,
}

/// What KMS is asked for on the caller's behalf (EBS user guide, "Required permissions" of encryption).
const KMS: [&str; 6] = [
    "CreateGrant",
    "Decrypt",
    "DescribeKey",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
];

pub fn all(service: Service, call: &Call, world: &World) -> Vec<Question> {
    match service {
        Service::Ec2 => of_ec2(call, world),
        Service::Ssm => of_ssm(call, world),
        Service::Sts => of_sts(call),
        Service::Iam => of_iam(call),
        Service::Kms => of_kms(call, world),
    }
}

fn ask(call: &Call, action: String, resource: Resource, denial: Denial) -> Question {
    let mut context = resource.context;
    let caller = call.caller;
    let principal = resources::role_of_session(&caller.principal);
    for (key, value) in [
        ("aws:requestedregion", caller.region.as_str()),
        ("ec2:region", caller.region.as_str()),
        ("aws:principalaccount", caller.account.as_str()),
        ("aws:principalarn", principal.as_str()),
        ("aws:securetransport", "true"),
    ] {
        context.insert(key.to_owned(), vec![value.to_owned()]);
    }
    Question { action, resource: resource.arn, context, denial }
}

fn of_ec2(call: &Call, world: &World) -> Vec<Question> {
    let action = || format!("ec2:{}", call.action);
    let (made, named) = (resources::made(call, world), resources::named(call, world));
    let mut questions = Vec::new();
    for mut resource in made.iter().cloned() {
        let kind = resource.kind;
        let tags = specified(call.params, kind);
        add_request_tags(&mut resource.context, &tags);
        questions.push(ask(call, action(), resource, Denial::Refuse));
    }
    for mut resource in named {
        if matches!(call.action, "CreateTags" | "DeleteTags") {
            add_request_tags(&mut resource.context, &listed(call.params, "Tag"));
        }
        questions.push(ask(call, action(), resource, Denial::Refuse));
    }
    if questions.is_empty() {
        questions.push(ask(call, action(), Resource::any(), Denial::Refuse));
    }
    questions.extend(tag_on_create(call, made));
    questions.extend(on_behalf(call, world));
    questions
}

/// Tags in a create call need a permission of their own.
fn tag_on_create(call: &Call, made: Vec<Resource>) -> Vec<Question> {
    let tagged = made.into_iter().filter_map(|mut resource| {
        let tags = specified(call.params, resource.kind);
        if tags.is_empty() {
            return None;
        }
        add_request_tags(&mut resource.context, &tags);
        resource.set("ec2:createaction", call.action);
        Some(ask(call, "ec2:CreateTags".to_owned(), resource, Denial::Refuse))
    });
    tagged.collect()
}

/// What EC2 does in the caller's name.
fn on_behalf(call: &Call, world: &World) -> Vec<Question> {
    let mut questions = Vec::new();
    if let Some(mut role) = resources::passed_role(call, world) {
        role.set("iam:passedtoservice", "ec2.amazonaws.com");
        questions.push(ask(call, "iam:PassRole".to_owned(), role, Denial::Refuse));
    }
    for key in resources::keys(call, world) {
        for action in KMS {
            let mut key = key.clone();
            key.set("kms:viaservice", &format!("ec2.{}.amazonaws.com", call.caller.region));
            if action == "CreateGrant" {
                key.set("kms:grantisforawsresource", "true");
            }
            questions.push(ask(call, format!("kms:{action}"), key, Denial::LoseKey));
        }
    }
    for snapshot in resources::pruned(call, world) {
        questions.push(ask(call, "ec2:DeleteSnapshot".to_owned(), snapshot, Denial::KeepSnapshots));
    }
    questions
}

fn of_ssm(call: &Call, world: &World) -> Vec<Question> {
    let tags = listed(call.params, "Tags");
    let mut questions = Vec::new();
    for mut resource in resources::of_ssm(call, world) {
        add_request_tags(&mut resource.context, &tags);
        if let Some(overwrite) = call.params.text("Overwrite") {
            resource.set("ssm:overwrite", overwrite);
        }
        if call.action == "PutParameter" && !tags.is_empty() {
            questions.push(ask(call, "ssm:AddTagsToResource".to_owned(), resource.clone(), Denial::Refuse));
        }
        questions.push(ask(call, format!("ssm:{}", call.action), resource, Denial::Refuse));
    }
    if questions.is_empty() {
        questions.push(ask(call, format!("ssm:{}", call.action), Resource::any(), Denial::Refuse));
    }
    questions
}

fn of_iam(call: &Call) -> Vec<Question> {
    let action = format!("iam:{}", call.action);
    // Calls that name both act on the profile.
    let resource = match (call.params.text("InstanceProfileName"), call.params.text("RoleName")) {
        (Some(profile), _) => Resource::new("instance-profile", arn::of_profile(call.account(), profile)),
        (None, Some(role)) => Resource::new("role", format!("arn:aws:iam::{}:role/{role}", call.account())),
        (None, None) => Resource::any(),
    };
    vec![ask(call, action, resource, Denial::Refuse)]
}

fn of_kms(call: &Call, world: &World) -> Vec<Question> {
    let action = format!("kms:{}", call.action);
    let key = call.params.text("KeyId").or(call.params.text("TargetKeyId"));
    let arn = key
        .filter(|_| call.action != "ListAliases")
        .map(|name| kms::resolve(name, call.region(world), call.account()).arn);
    let resource = arn.map_or_else(Resource::any, |arn| Resource::new("key", arn));
    vec![ask(call, action, resource, Denial::Refuse)]
}

fn of_sts(call: &Call) -> Vec<Question> {
    let action = format!("sts:{}", call.action);
    match (call.action, call.params.text("RoleArn")) {
        ("GetCallerIdentity", _) => vec![ask(call, action, Resource::any(), Denial::Harmless)],
        ("AssumeRole", Some(role)) => {
            let mut role = Resource::new("role", role.to_owned());
            for (key, parameter) in
                [("sts:externalid", "ExternalId"), ("sts:rolesessionname", "RoleSessionName")]
            {
                if let Some(value) = call.params.text(parameter) {
                    role.set(key, value);
                }
            }
            vec![ask(call, action, role, Denial::Refuse)]
        }
        // The others are made without credentials: there is no caller to ask for.
        _ => Vec::new(),
    }
}

fn add_request_tags(context: &mut Context, tags: &Tags) {
    for (key, value) in tags {
        context.insert(format!("aws:requesttag/{}", key.to_ascii_lowercase()), vec![value.clone()]);
    }
    if !tags.is_empty() {
        context.insert("aws:tagkeys".to_owned(), tags.keys().cloned().collect());
    }
}

/// The tags that a call gives to what it makes of a kind.
fn specified(params: &Params, kind: &str) -> Tags {
    let specifications = params.list("TagSpecification").into_iter();
    let of_kind = specifications.filter(|it| it.text("ResourceType") == Some(kind));
    of_kind.flat_map(|specification| listed(specification, "Tag")).collect()
}

fn listed(params: &Params, name: &str) -> Tags {
    let pair =
        |tag: &Params| Some((tag.text("Key")?.to_owned(), tag.text("Value").unwrap_or_default().to_owned()));
    params.list(name).into_iter().filter_map(pair).collect()
}
