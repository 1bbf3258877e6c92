//! `DescribeInstanceStatus`.

use super::{find_all, lifecycle::state_node, visible};
use crate::core::{
    Call, Outcome,
    clock::after,
    error::ApiError,
    records::{Instance, InstanceState},
    selection::Selection,
    world::{Region, World},
    xml::Node,
};

/// ("Constraints: Maximum 100 explicitly specified instance IDs.")
const MAX_IDS: usize = 100;

const FILTERS: [&str; 19] = [
    "application-status.status",
    "attached-ebs-status.status",
    "availability-zone",
    "availability-zone-id",
    "event.code",
    "event.description",
    "event.instance-event-id",
    "event.not-after",
    "event.not-before",
    "event.not-before-deadline",
    "instance-state-code",
    "instance-state-name",
    "instance-status.reachability",
    "instance-status.status",
    "operator.managed",
    "operator.principal",
    "system-status.reachability",
    "system-status.status",
    "tag-key",
];

pub fn describe(call: &Call, world: &World) -> Outcome {
    let selection = Selection::parse(call.params, &FILTERS, "InstanceId", "InstanceId")?;
    let region = call.region(world);
    if selection.asked.len() > MAX_IDS {
        let message = format!("No more than {MAX_IDS} instance IDs may be specified.");
        return Err(ApiError::invalid_value(message));
    }
    find_all(call, region, &selection.asked)?;
    let all = call.params.is_set("IncludeAllInstances")?;
    let shown = visible(call, region).filter(|instance| {
        let values = |name: &str| filter_values(call, region, instance, name);
        (all || instance.state(call.now) == InstanceState::Running)
            && selection.wants(&instance.id, &instance.tags, values)
    });
    Ok(selection
        .page
        .reply("instanceStatusSet", shown, |it| it.id.clone(), |it| node(call, region, it))
        .into())
}

/// What the checks say: they pass when the machine has booted.
fn health(call: &Call, instance: &Instance) -> &'static str {
    let phase = instance.phase(call.now);
    match phase.state {
        InstanceState::Running if call.now >= after(phase.from, call.profile.boot) => "ok",
        InstanceState::Running | InstanceState::Pending => "initializing",
        InstanceState::Stopping
        | InstanceState::Stopped
        | InstanceState::ShuttingDown
        | InstanceState::Terminated => "not-applicable",
    }
}

fn filter_values(call: &Call, region: &Region, instance: &Instance, name: &str) -> Vec<String> {
    let state = instance.state(call.now);
    match name {
        "availability-zone" => vec![instance.zone.clone()],
        "availability-zone-id" => {
            region.zone(&instance.zone).map(|zone| zone.id.clone()).into_iter().collect()
        }
        "instance-state-code" => vec![state.code().to_string()],
        "instance-state-name" => vec![state.name().to_owned()],
        "operator.managed" => vec!["false".to_owned()],
        "instance-status.reachability" | "system-status.reachability" => {
            vec![if health(call, instance) == "ok" { "passed" } else { health(call, instance) }.to_owned()]
        }
        "attached-ebs-status.status" | "instance-status.status" | "system-status.status" => {
            vec![health(call, instance).to_owned()]
        }
        _ => Vec::new(),
    }
}

fn node(call: &Call, region: &Region, instance: &Instance) -> Node {
    let health = health(call, instance);
    let summary = || {
        let passed = match health {
            "ok" => "passed",
            other => other,
        };
        let details = Node::new().text("name", "reachability").text("status", passed);
        let details = if health == "not-applicable" { vec![] } else { vec![details] };
        Node::new().text("status", health).set("details", details)
    };
    Node::new()
        .text("instanceId", &instance.id)
        .text("availabilityZone", &instance.zone)
        .opt("availabilityZoneId", region.zone(&instance.zone).map(|zone| &zone.id))
        .child("instanceState", state_node(instance.state(call.now)))
        .child("systemStatus", summary())
        .child("instanceStatus", summary())
        .child("attachedEbsStatus", summary())
        .child("operator", Node::new().text("managed", false))
}
