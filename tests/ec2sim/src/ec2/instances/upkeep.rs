//! `MonitorInstances`, `UnmonitorInstances`, `ModifyInstanceMaintenanceOptions`.

use super::{change, find, find_all};
use crate::core::{Call, Outcome, error::ApiError, world::World, xml::Node};

pub fn monitor(call: &Call, world: &mut World) -> Outcome {
    set_monitoring(call, world, true)
}

pub fn unmonitor(call: &Call, world: &mut World) -> Outcome {
    set_monitoring(call, world, false)
}

/// The answer shows the state on the way.
fn set_monitoring(call: &Call, world: &mut World, on: bool) -> Outcome {
    let asked = call.params.ids("InstanceId")?;
    if asked.is_empty() {
        return Err(ApiError::missing("InstanceId"));
    }
    find_all(call, call.region(world), &asked)?;
    for id in &asked {
        change(call, world, id, |instance| instance.monitoring = on);
    }
    let state = if on { "pending" } else { "disabling" };
    let node =
        |id: &&str| Node::new().text("instanceId", *id).child("monitoring", Node::new().text("state", state));
    Ok(Node::new().set("instancesSet", asked.iter().map(node)).into())
}

pub fn modify_maintenance(call: &Call, world: &mut World) -> Outcome {
    let instance = find(call, call.region(world), call.params.require("InstanceId")?)?.clone();
    let recovery = call.params.text("AutoRecovery").unwrap_or(&instance.auto_recovery).to_owned();
    if !matches!(recovery.as_str(), "default" | "disabled") {
        return Err(ApiError::bad_value(&recovery, "autoRecovery", "Valid values: default, disabled."));
    }
    let node = Node::new()
        .text("instanceId", &instance.id)
        .text("autoRecovery", &recovery)
        .text("rebootMigration", "default");
    change(call, world, &instance.id, |instance| instance.auto_recovery = recovery);
    Ok(node.into())
}
