//! Regions and their zones.

use crate::core::{
    Call, Handler, Outcome,
    error::ApiError,
    filters::Filters,
    tags::Tags,
    world::{Region, World, Zone},
    xml::Node,
};

pub fn handler(action: &str) -> Option<Handler> {
    match action {
        "DescribeRegions" => Some(Handler::Read(describe_regions)),
        "DescribeAvailabilityZones" => Some(Handler::Read(describe_availability_zones)),
        _ => None,
    }
}

const REGION_FILTERS: [&str; 3] = ["endpoint", "opt-in-status", "region-name"];

/// Names reach regions that the account has not enabled; without names only `AllRegions` does.
fn describe_regions(call: &Call, world: &World) -> Outcome {
    let filters = Filters::parse(call.params, &REGION_FILTERS)?;
    let names = call.params.texts("RegionName");
    if let Some(unknown) = names.iter().find(|name| !world.regions.contains_key(**name)) {
        return Err(ApiError::invalid_value(format!("Invalid region provided: {unknown}")));
    }
    let all = call.params.is_set("AllRegions")? || !names.is_empty();
    let shown = world.regions.values().filter(|region| {
        (all || world.may_use(call.account(), region))
            && (names.is_empty() || names.contains(&region.name.as_str()))
            && filters.match_all(&Tags::new(), |filter| region_filter_values(call, world, region, filter))
    });
    let nodes = shown.map(|region| {
        Node::new()
            .text("regionName", &region.name)
            .text("regionEndpoint", endpoint(region))
            .text("optInStatus", opt_in_status(call, world, region))
    });
    Ok(Node::new().set("regionInfo", nodes).into())
}

fn endpoint(region: &Region) -> String {
    format!("ec2.{}.amazonaws.com", region.name)
}

fn opt_in_status(call: &Call, world: &World, region: &Region) -> &'static str {
    match (region.opt_in, world.may_use(call.account(), region)) {
        (false, _) => "opt-in-not-required",
        (true, true) => "opted-in",
        (true, false) => "not-opted-in",
    }
}

fn region_filter_values(call: &Call, world: &World, region: &Region, filter: &str) -> Vec<String> {
    match filter {
        "endpoint" => vec![endpoint(region)],
        "opt-in-status" => vec![opt_in_status(call, world, region).to_owned()],
        "region-name" => vec![region.name.clone()],
        _ => Vec::new(),
    }
}

const ZONE_FILTERS: [&str; 11] = [
    "group-long-name",
    "group-name",
    "message",
    "opt-in-status",
    "parent-zone-id",
    "parent-zone-name",
    "region-name",
    "state",
    "zone-id",
    "zone-name",
    "zone-type",
];

/// There are no Local Zones and no Wavelength Zones, so `AllAvailabilityZones` adds nothing.
fn describe_availability_zones(call: &Call, world: &World) -> Outcome {
    let filters = Filters::parse(call.params, &ZONE_FILTERS)?;
    let region = call.region(world);
    let (names, ids) = (call.params.texts("ZoneName"), call.params.texts("ZoneId"));
    if let Some(unknown) = names.iter().find(|name| region.zone(name).is_none()) {
        return Err(ApiError::invalid_value(format!("Invalid availability zone: [{unknown}]")));
    }
    if let Some(unknown) = ids.iter().find(|id| !region.zones.iter().any(|zone| zone.id == **id)) {
        return Err(ApiError::invalid_value(format!("Invalid availability zone-id: [{unknown}]")));
    }
    let shown = region.zones.iter().filter(|zone| {
        (names.is_empty() || names.contains(&zone.name.as_str()))
            && (ids.is_empty() || ids.contains(&zone.id.as_str()))
            && filters.match_all(&Tags::new(), |filter| zone_filter_values(region, zone, filter))
    });
    let nodes = shown.map(|zone| zone_node(region, zone));
    Ok(Node::new().set("availabilityZoneInfo", nodes).into())
}

fn zone_group(region: &Region) -> String {
    format!("{}-zg-1", region.name)
}

fn zone_filter_values(region: &Region, zone: &Zone, filter: &str) -> Vec<String> {
    let value = match filter {
        "group-name" => zone_group(region),
        "opt-in-status" => "opt-in-not-required".to_owned(),
        "region-name" => region.name.clone(),
        "state" => "available".to_owned(),
        "zone-id" => zone.id.clone(),
        "zone-name" => zone.name.clone(),
        "zone-type" => "availability-zone".to_owned(),
        _ => return Vec::new(),
    };
    vec![value]
}

fn zone_node(region: &Region, zone: &Zone) -> Node {
    Node::new()
        .text("zoneName", &zone.name)
        .text("zoneId", &zone.id)
        .text("zoneState", "available")
        .text("regionName", &region.name)
        .text("groupName", zone_group(region))
        .text("networkBorderGroup", &region.name)
        .text("zoneType", "availability-zone")
        .text("optInStatus", "opt-in-not-required")
        .set("messageSet", [])
}
