//! `DescribeInstanceImageMetadata`.

use std::sync::Arc;

use super::{find_all, lifecycle::state_node, visible};
use crate::{
    core::{
        Call, Outcome,
        records::Instance,
        selection::Selection,
        tags,
        world::{Region, World},
        xml::{Node, iso},
    },
    ec2::images,
};

const FILTERS: [&str; 10] = [
    "availability-zone",
    "image-allowed",
    "instance-id",
    "instance-state-name",
    "instance-type",
    "launch-time",
    "owner-alias",
    "owner-id",
    "tag-key",
    "zone-id",
];

pub fn describe(call: &Call, world: &World) -> Outcome {
    let selection = Selection::parse(call.params, &FILTERS, "InstanceId", "instancesSet")?;
    let region = call.region(world);
    find_all(call, region, &selection.asked)?;
    let shown = visible(call, region).filter(|instance| {
        selection.wants(&instance.id, &instance.tags, |name| filter_values(call, region, instance, name))
    });
    let show = |instance: &Arc<Instance>| node(call, region, instance);
    Ok(selection.page.reply("instanceImageMetadataSet", shown, |instance| instance.id.clone(), show).into())
}

fn is_allowed(call: &Call, region: &Region, instance: &Instance) -> bool {
    images::allows(region, call.account(), &instance.image, call.now)
}

fn filter_values(call: &Call, region: &Region, instance: &Instance, name: &str) -> Vec<String> {
    let value = match name {
        "availability-zone" => instance.zone.clone(),
        "image-allowed" => is_allowed(call, region, instance).to_string(),
        "instance-id" => instance.id.clone(),
        "instance-state-name" => instance.state(call.now).name().to_owned(),
        "instance-type" => instance.instance_type.clone(),
        "launch-time" => iso(instance.launched_at),
        "owner-alias" => return instance.image.owner_alias.iter().cloned().collect(),
        "owner-id" => instance.owner.clone(),
        _ => return region.zone(&instance.zone).map(|zone| zone.id.clone()).into_iter().collect(),
    };
    vec![value]
}

fn node(call: &Call, region: &Region, instance: &Instance) -> Node {
    Node::new()
        .text("instanceId", &instance.id)
        .text("instanceType", &instance.instance_type)
        .time("launchTime", instance.launched_at)
        .text("availabilityZone", &instance.zone)
        .opt("zoneId", region.zone(&instance.zone).map(|zone| &zone.id))
        .child("instanceState", state_node(instance.state(call.now)))
        .text("instanceOwnerId", &instance.owner)
        .set_if_any("tagSet", tags::nodes(&instance.tags))
        .child("imageMetadata", image_node(call, region, instance))
        .child("operator", Node::new().text("managed", false))
}

/// The image as it is now, or as it was at launch if it is deregistered.
fn image_node(call: &Call, region: &Region, instance: &Instance) -> Node {
    let now = region.images.get(&instance.image.id);
    let image = now.unwrap_or(&instance.image);
    Node::new()
        .text("imageId", &image.id)
        .text("name", &image.name)
        .text("imageOwnerId", &image.owner)
        .text("imageState", now.map_or("deregistered", |image| image.state(call.now).name()))
        .opt("imageOwnerAlias", image.owner_alias.as_ref())
        .time("creationDate", image.created_at)
        .opt("deprecationTime", image.deprecated_at.map(iso))
        .text("imageAllowed", is_allowed(call, region, instance))
        .text("isPublic", image.permissions.public)
}
