//! `GetInstanceUefiData`.

use super::{current_boot_mode, find};
use crate::core::{Call, Outcome, error::ApiError, world::World, xml::Node};

/// The variables are those of the image: nothing here writes them.
pub fn get(call: &Call, world: &World) -> Outcome {
    let instance = find(call, call.region(world), call.params.require("InstanceId")?)?;
    if current_boot_mode(instance) != "uefi" {
        let message = format!("The instance '{}' does not boot in UEFI mode.", instance.id);
        return Err(ApiError::new("UnsupportedOperation", message));
    }
    let data = instance.image.uefi_data.clone().unwrap_or_default();
    Ok(Node::new().text("instanceId", &instance.id).text("uefiData", data).into())
}
