//! `GetInstanceProfile`, by which clients look before they launch with a profile.

use jiff::Timestamp;

use crate::{
    core::{Call, Handler, Outcome, arn, digest, error::ApiError, world::World, xml::Node},
    ec2::profile_id,
};

/// When each of them was made.
const CREATED: Timestamp = Timestamp::constant(1_577_836_800, 0);
/// (IAM API reference, `GetInstanceProfile`, `InstanceProfileName`)
const MAX_NAME: usize = 128;
const NAME_PUNCTUATION: &str = "_+=,.@-";

pub fn handler(action: &str) -> Option<Handler> {
    (action == "GetInstanceProfile").then_some(Handler::Read(get_instance_profile))
}

/// As for EC2, every well-formed profile exists, and has the role of its name.
fn get_instance_profile(call: &Call, _: &World) -> Outcome {
    let name = name(call)?;
    let profile = arn::of_profile(call.account(), name);
    let role = format!("arn:aws:iam::{}:role/{name}", call.account());
    let role = Node::new()
        .text("Path", "/")
        .text("RoleName", name)
        .text("RoleId", format!("AROA{}", digest(&role)[..17].to_uppercase()))
        .text("Arn", &role)
        .time("CreateDate", CREATED);
    let node = Node::new()
        .text("Path", "/")
        .text("InstanceProfileName", name)
        .text("InstanceProfileId", profile_id(&profile))
        .text("Arn", &profile)
        .time("CreateDate", CREATED)
        .child("Roles", Node::new().child("member", role));
    Ok(Node::new().child("InstanceProfile", node).into())
}

fn name<'c>(call: &'c Call) -> Result<&'c str, ApiError> {
    let invalid = |message: &str| ApiError::new("ValidationError", message);
    let name = call.params.text("InstanceProfileName").ok_or_else(|| {
        invalid(
            "1 validation error detected: Value null at 'instanceProfileName' failed to satisfy constraint: Member must not be null",
        )
    })?;
    let allowed = |character: char| character.is_ascii_alphanumeric() || NAME_PUNCTUATION.contains(character);
    if name.len() <= MAX_NAME && name.chars().all(allowed) {
        return Ok(name);
    }
    Err(invalid(
        "The specified value for instanceProfileName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-",
    ))
}
