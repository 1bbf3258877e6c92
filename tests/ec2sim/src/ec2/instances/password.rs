//! `GetPasswordData`.

use super::find;
use crate::core::{Call, Outcome, world::World, xml::Node};

/// Empty, as for instances that are not Windows or have not generated a password.
pub fn get(call: &Call, world: &World) -> Outcome {
    let instance = find(call, call.region(world), call.params.require("InstanceId")?)?;
    Ok(Node::new()
        .text("instanceId", &instance.id)
        .time("timestamp", call.now)
        .text("passwordData", "")
        .into())
}
