//! Names and descriptions of images.

use crate::core::{Call, error::ApiError, world::World};

const MAX_DESCRIPTION: usize = 255;

/// The `Name` of a call that makes an image (EC2 API reference, `CreateImage`: 3 to 128 characters).
pub fn well_formed<'a>(call: &'a Call) -> Result<&'a str, ApiError> {
    let name = call.params.require("Name")?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || " ()[]./-'@_".contains(c);
    if (3..=128).contains(&name.len()) && name.chars().all(allowed) {
        return Ok(name);
    }
    let message = "AMI names must be between 3 and 128 characters long, and may contain letters, numbers, '(', ')', '.', '-', '/' and '_'";
    Err(ApiError::new("InvalidAMIName.Malformed", message))
}

/// Refuses a name that another image of the account has, in whatever state it is. Not enforced for copies.
pub fn check_free(call: &Call, world: &World, name: &str) -> Result<(), ApiError> {
    let mut images = call.region(world).images.values();
    let holder = images.find(|image| image.owner == call.account() && image.name == name);
    holder.map_or(Ok(()), |holder| {
        let message = format!("AMI name {name} is already in use by AMI {}", holder.id);
        Err(ApiError::new("InvalidAMIName.Duplicate", message))
    })
}

pub fn description(call: &Call) -> Result<Option<String>, ApiError> {
    let description = call.params.text("Description");
    check_description(description.unwrap_or_default())?;
    Ok(description.map(str::to_owned))
}

pub fn check_description(description: &str) -> Result<(), ApiError> {
    if description.chars().count() > MAX_DESCRIPTION {
        let message = format!("Description exceeds the maximum length of {MAX_DESCRIPTION} characters");
        return Err(ApiError::invalid_value(message));
    }
    Ok(())
}

/// The quota counts images in every state.
pub fn check_quota(call: &Call, world: &World) -> Result<(), ApiError> {
    let own = call.region(world).images.values().filter(|image| image.owner == call.account());
    if own.count() >= world.quotas.images {
        let message = format!("You have reached your quota of {} AMIs in this Region", world.quotas.images);
        return Err(ApiError::new("ResourceLimitExceeded", message));
    }
    Ok(())
}
