//! `DescribeSpotInstanceRequests` and `CancelSpotInstanceRequests`.

use std::sync::Arc;

use crate::{
    core::{
        Call, Outcome,
        error::ApiError,
        ids,
        records::{Instance, InstanceState, SpotOptions, SpotRequest},
        selection::Selection,
        tags::{self, Tags},
        world::{Region, World},
        xml::{Node, iso},
    },
    ec2::instances,
};

/// Notes the request of an instance that is launched; answers its id.
pub fn record(
    call: &Call,
    world: &mut World,
    instance_id: &str,
    options: &SpotOptions,
    tags: Tags,
) -> String {
    let request = SpotRequest {
        id: world.mint(ids::SPOT_REQUEST),
        owner: call.account().to_owned(),
        instance_id: instance_id.to_owned(),
        created_at: call.now,
        options: options.clone(),
        cancelled_at: None,
        tags,
    };
    let id = request.id.clone();
    call.region_mut(world).spot_requests.insert(id.clone(), Arc::new(request));
    id
}

/// The state with the code of the status (EC2 user guide, "Spot Instance request states" and "… status").
fn state(call: &Call, request: &SpotRequest, instance: Option<&Instance>) -> (&'static str, &'static str) {
    let instance = instance.map(|instance| instance.state(call.now));
    let is_gone = matches!(instance, None | Some(InstanceState::ShuttingDown | InstanceState::Terminated));
    let is_down = matches!(instance, Some(InstanceState::Stopping | InstanceState::Stopped));
    match (request.cancelled_at.is_some(), request.options.persistent) {
        (true, _) if is_gone => ("cancelled", "instance-terminated-by-user"),
        (true, _) => ("cancelled", "request-canceled-and-instance-running"),
        (false, _) if is_gone => ("closed", "instance-terminated-by-user"),
        (false, true) if is_down => ("disabled", "instance-stopped-by-user"),
        (false, _) => ("active", "fulfilled"),
    }
}

const FILTERS: [&str; 39] = [
    "availability-zone-group",
    "create-time",
    "fault-code",
    "fault-message",
    "instance-id",
    "launch-group",
    "launch.block-device-mapping.delete-on-termination",
    "launch.block-device-mapping.device-name",
    "launch.block-device-mapping.snapshot-id",
    "launch.block-device-mapping.volume-size",
    "launch.block-device-mapping.volume-type",
    "launch.group-id",
    "launch.group-name",
    "launch.image-id",
    "launch.instance-type",
    "launch.kernel-id",
    "launch.key-name",
    "launch.monitoring-enabled",
    "launch.ramdisk-id",
    "launched-availability-zone",
    "launched-availability-zone-id",
    "network-interface.addresses.primary",
    "network-interface.delete-on-termination",
    "network-interface.description",
    "network-interface.device-index",
    "network-interface.group-id",
    "network-interface.network-interface-id",
    "network-interface.private-ip-address",
    "network-interface.subnet-id",
    "product-description",
    "spot-instance-request-id",
    "spot-price",
    "state",
    "status-code",
    "status-message",
    "tag-key",
    "type",
    "valid-from",
    "valid-until",
];

pub fn describe(call: &Call, world: &World) -> Outcome {
    let (ids, shown) = ("SpotInstanceRequestId", "spotInstanceRequestIdSet");
    let selection = Selection::parse(call.params, &FILTERS, ids, shown)?;
    let region = call.region(world);
    for id in &selection.asked {
        find(call, region, id)?;
    }
    let shown = region.spot_requests.values().filter(|request| {
        let instance = region.instances.get(&request.instance_id);
        request.owner == call.account()
            && selection.wants(&request.id, &request.tags, |name| {
                instance.map_or_else(Vec::new, |it| filter_values(call, region, request, it, name))
            })
    });
    let show = |request: &Arc<SpotRequest>| node(call, region, request);
    Ok(selection.page.reply("spotInstanceRequestSet", shown, |request| request.id.clone(), show).into())
}

fn find<'r>(call: &Call, region: &'r Region, id: &str) -> Result<&'r Arc<SpotRequest>, ApiError> {
    ids::SPOT_REQUEST.check(id)?;
    let found = region.spot_requests.get(id).filter(|request| request.owner == call.account());
    found.ok_or_else(|| ids::SPOT_REQUEST.not_found(id))
}

fn filter_values(
    call: &Call,
    region: &Region,
    request: &SpotRequest,
    instance: &Instance,
    name: &str,
) -> Vec<String> {
    let (state, status) = state(call, request, Some(instance));
    let value = match name {
        "create-time" | "valid-from" => iso(request.created_at),
        "instance-id" => instance.id.clone(),
        "launch.group-id" | "network-interface.group-id" => return instance.primary.security_groups.clone(),
        "launch.image-id" => instance.image.id.clone(),
        "launch.instance-type" => instance.instance_type.clone(),
        "launch.key-name" => return instance.key_name.iter().cloned().collect(),
        "launch.monitoring-enabled" => instance.monitoring.to_string(),
        "launched-availability-zone" => instance.zone.clone(),
        "launched-availability-zone-id" => {
            return region.zone(&instance.zone).map(|zone| zone.id.clone()).into_iter().collect();
        }
        "network-interface.network-interface-id" => instance.primary.id.clone(),
        "network-interface.private-ip-address" => instance.primary.private_ip.clone(),
        "network-interface.subnet-id" => instance.primary.subnet_id.clone(),
        "product-description" => instance.image.platform_details.clone(),
        "spot-instance-request-id" => request.id.clone(),
        "spot-price" => return request.options.max_price.iter().cloned().collect(),
        "state" => state.to_owned(),
        "status-code" => status.to_owned(),
        "status-message" => message(status),
        "launch.group-name" => return instances::group_names(region, instance),
        "type" => kind(request).to_owned(),
        _ => return Vec::new(),
    };
    vec![value]
}

fn message(status: &str) -> String {
    status.replace('-', " ")
}

fn kind(request: &SpotRequest) -> &'static str {
    if request.options.persistent { "persistent" } else { "one-time" }
}

fn node(call: &Call, region: &Region, request: &SpotRequest) -> Node {
    let instance = region.instances.get(&request.instance_id).map(|instance| &**instance);
    let (state, status) = state(call, request, instance);
    let status = Node::new()
        .text("code", status)
        .text("message", message(status))
        .time("updateTime", request.cancelled_at.unwrap_or(request.created_at));
    Node::new()
        .text("spotInstanceRequestId", &request.id)
        .opt("spotPrice", request.options.max_price.as_ref())
        .text("type", kind(request))
        .text("state", state)
        .child("status", status)
        .opt_child("launchSpecification", instance.map(|instance| launch_node(region, instance)))
        .text("instanceId", &request.instance_id)
        .time("createTime", request.created_at)
        .text("productDescription", instance.map_or("Linux/UNIX", |it| &it.image.platform_details))
        .opt("launchedAvailabilityZone", instance.map(|it| &it.zone))
        .opt("validUntil", request.options.valid_until.map(iso))
        .text("instanceInterruptionBehavior", &request.options.interruption)
        .set_if_any("tagSet", tags::nodes(&request.tags))
}

fn launch_node(region: &Region, instance: &Instance) -> Node {
    Node::new()
        .text("imageId", &instance.image.id)
        .opt("keyName", instance.key_name.as_ref())
        .set("groupSet", instances::group_nodes(region, instance))
        .text("instanceType", &instance.instance_type)
        .child("placement", Node::new().text("availabilityZone", &instance.zone))
        .text("subnetId", &instance.primary.subnet_id)
        .child("monitoring", Node::new().text("enabled", instance.monitoring))
}

/// The instances run on.
pub fn cancel(call: &Call, world: &mut World) -> Outcome {
    let asked = call.params.ids("SpotInstanceRequestId")?;
    if asked.is_empty() {
        return Err(ApiError::missing("SpotInstanceRequestId"));
    }
    let mut nodes = Vec::new();
    for id in asked {
        let request = find(call, call.region(world), id)?;
        let cancelled = SpotRequest { cancelled_at: Some(call.now), ..SpotRequest::clone(request) };
        nodes.push(Node::new().text("spotInstanceRequestId", id).text("state", "cancelled"));
        call.region_mut(world).spot_requests.insert(id.to_owned(), Arc::new(cancelled));
    }
    Ok(Node::new().set("spotInstanceRequestSet", nodes).into())
}
