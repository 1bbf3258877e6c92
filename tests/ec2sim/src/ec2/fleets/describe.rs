//! `DescribeFleets` and `DescribeFleetInstances`.

use std::sync::Arc;

use super::find;
use crate::core::{
    Call, Outcome, echo,
    error::ApiError,
    filters::Filters,
    paging::Page,
    records::{Fleet, Instance},
    tags::{self, Tags},
    world::{Region, World},
    xml::Node,
};

const FILTERS: [&str; 5] = [
    "activity-status",
    "excess-capacity-termination-policy",
    "fleet-state",
    "replace-unhealthy-instances",
    "type",
];

/// Instant fleets are there for those only who name them.
pub fn fleets(call: &Call, world: &World) -> Outcome {
    let filters = Filters::parse(call.params, &FILTERS)?;
    let page = Page::parse(call.params, 1..=1000)?;
    let region = call.region(world);
    let asked = call.params.ids("FleetId")?;
    for id in &asked {
        find(call, region, id)?;
    }
    let shown = region.fleets.values().filter(|fleet| {
        let is_meant =
            if asked.is_empty() { fleet.kind != "instant" } else { asked.contains(&fleet.id.as_str()) };
        fleet.owner == call.account()
            && is_meant
            && filters.match_all(&Tags::new(), |name| filter_values(call, region, fleet, name))
    });
    let show = |fleet: &Arc<Fleet>| node(call, region, fleet);
    Ok(page.reply("fleetSet", shown, |fleet| fleet.id.clone(), show).into())
}

fn filter_values(call: &Call, region: &Region, fleet: &Fleet, name: &str) -> Vec<String> {
    match name {
        "activity-status" => vec!["fulfilled".to_owned()],
        "excess-capacity-termination-policy" => vec![policy(fleet).to_owned()],
        "fleet-state" => vec![state(call, region, fleet).replace('_', "-")],
        "replace-unhealthy-instances" => vec!["false".to_owned()],
        _ => vec![fleet.kind.clone()],
    }
}

fn policy(fleet: &Fleet) -> &str {
    fleet.request.text("ExcessCapacityTerminationPolicy").unwrap_or("termination")
}

/// The instances of a fleet that are not terminated.
fn active<'r>(
    call: &'r Call,
    region: &'r Region,
    fleet: &'r Fleet,
) -> impl Iterator<Item = &'r Arc<Instance>> {
    let found = fleet.instances.iter().filter_map(|id| region.instances.get(id));
    found.filter(|instance| !instance.is_terminated(call.now))
}

pub fn state(call: &Call, region: &Region, fleet: &Fleet) -> &'static str {
    match (fleet.deleted, active(call, region, fleet).next().is_some()) {
        (None, _) => "active",
        (Some(_), false) => "deleted",
        (Some(true), true) => "deleted_terminating",
        (Some(false), true) => "deleted_running",
    }
}

fn node(call: &Call, region: &Region, fleet: &Fleet) -> Node {
    let on_demand = active(call, region, fleet).filter(|instance| instance.spot_request.is_none()).count();
    let configs = fleet.request.list("LaunchTemplateConfigs").into_iter();
    let capacity = Node::new()
        .text("totalTargetCapacity", fleet.capacity.total)
        .text("onDemandTargetCapacity", fleet.capacity.on_demand)
        .text("spotTargetCapacity", fleet.capacity.spot)
        .text("defaultTargetCapacityType", fleet.capacity.default);
    let node = Node::new()
        .text("fleetId", &fleet.id)
        .text("fleetState", state(call, region, fleet))
        .text("activityStatus", "fulfilled")
        .time("createTime", fleet.created_at)
        .opt("clientToken", fleet.request.text("ClientToken"))
        .text("excessCapacityTerminationPolicy", policy(fleet))
        .text("fulfilledCapacity", active(call, region, fleet).count())
        .text("fulfilledOnDemandCapacity", on_demand)
        .set("launchTemplateConfigs", configs.map(config))
        .child("targetCapacitySpecification", capacity)
        .text("terminateInstancesWithExpiration", false)
        .text("type", &fleet.kind)
        .text("replaceUnhealthyInstances", false)
        .set("tagSet", tags::nodes(&fleet.tags));
    if fleet.kind != "instant" {
        return node;
    }
    node.set("errorSet", fleet.errors.iter().cloned()).set("fleetInstanceSet", fleet.launched.iter().cloned())
}

fn config(given: &crate::core::params::Params) -> Node {
    let template = given.get("LaunchTemplateSpecification").map(echo::structure);
    Node::new()
        .opt_child("launchTemplateSpecification", template)
        .set("overrides", given.list("Overrides").into_iter().map(echo::structure))
}

pub fn instances(call: &Call, world: &World) -> Outcome {
    let region = call.region(world);
    let page = Page::parse(call.params, 1..=1000)?;
    let filters = Filters::parse(call.params, &["instance-type"])?;
    let fleet = find(call, region, call.params.require("FleetId")?)?;
    if fleet.kind == "instant" {
        let message = "DescribeFleetInstances does not support fleets of type instant. Use DescribeFleets.";
        return Err(ApiError::new("UnsupportedOperation", message));
    }
    let shown = active(call, region, fleet)
        .filter(|it| filters.match_all(&Tags::new(), |_| vec![it.instance_type.clone()]));
    let show = |instance: &Arc<Instance>| {
        Node::new()
            .text("instanceId", &instance.id)
            .text("instanceType", &instance.instance_type)
            .opt("spotInstanceRequestId", instance.spot_request.as_ref())
            .text("instanceHealth", "healthy")
    };
    let mut shown: Vec<_> = shown.collect();
    shown.sort_by(|one, other| one.id.cmp(&other.id));
    let node = page.reply("activeInstanceSet", shown, |it| it.id.clone(), show);
    Ok(node.text("fleetId", &fleet.id).into())
}
