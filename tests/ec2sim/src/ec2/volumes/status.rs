//! `DescribeVolumeStatus` and `DescribeVolumeAttribute`: every volume is well.

use std::sync::Arc;

use super::find;
use crate::core::{
    Call, Outcome,
    error::ApiError,
    records::{Attachment, Instance, Volume},
    selection::Selection,
    world::{Region, World},
    xml::Node,
};

const FILTERS: [&str; 16] = [
    "action.code",
    "action.description",
    "action.event-id",
    "attachment-status.instance-id",
    "attachment-status.io-performance",
    "attachment-status.io-status",
    "availability-zone",
    "availability-zone-id",
    "event.description",
    "event.event-id",
    "event.event-type",
    "event.not-after",
    "event.not-before",
    "volume-status.details-name",
    "volume-status.details-status",
    "volume-status.status",
];

/// It is measured for volumes with provisioned IOPS only.
const IO_PERFORMANCE: &str = "not-applicable";

pub fn describe(call: &Call, world: &World) -> Outcome {
    let selection = Selection::parse(call.params, &FILTERS, "VolumeId", "volumeSet")?;
    let region = call.region(world);
    for id in &selection.asked {
        find(call, region, id)?;
    }
    let own = region.volumes.values().filter(|volume| find(call, region, &volume.id).is_ok());
    let shown = own.filter(|volume| {
        selection.wants(&volume.id, &volume.tags, |name| filter_values(call, region, volume, name))
    });
    let show = |volume: &Arc<Volume>| node(call, region, volume);
    Ok(selection.page.reply("volumeStatusSet", shown, |volume| volume.id.clone(), show).into())
}

fn filter_values(call: &Call, region: &Region, volume: &Volume, name: &str) -> Vec<String> {
    let attached = || region.attachments(volume, call.now);
    match name {
        "attachment-status.instance-id" => attached().map(|(instance, _)| instance.id.clone()).collect(),
        "attachment-status.io-performance" => attached().map(|_| IO_PERFORMANCE.to_owned()).collect(),
        "availability-zone" => vec![volume.zone.clone()],
        "availability-zone-id" => region.zone(&volume.zone).map(|zone| zone.id.clone()).into_iter().collect(),
        "volume-status.details-name" => vec!["io-enabled".to_owned(), "io-performance".to_owned()],
        "volume-status.details-status" => vec!["passed".to_owned(), IO_PERFORMANCE.to_owned()],
        "volume-status.status" => vec!["ok".to_owned()],
        _ => Vec::new(),
    }
}

fn node(call: &Call, region: &Region, volume: &Volume) -> Node {
    let detail = |name: &str, status: &str| Node::new().text("name", name).text("status", status);
    let details = [detail("io-enabled", "passed"), detail("io-performance", IO_PERFORMANCE)];
    Node::new()
        .text("volumeId", &volume.id)
        .text("availabilityZone", &volume.zone)
        .opt("availabilityZoneId", region.zone(&volume.zone).map(|zone| &zone.id))
        .child("volumeStatus", Node::new().text("status", "ok").set("details", details))
        .set("eventsSet", [])
        .set("actionsSet", [])
        .set("attachmentStatuses", region.attachments(volume, call.now).map(attachment))
}

fn attachment((instance, _): (&Instance, &Attachment)) -> Node {
    Node::new().text("ioPerformance", IO_PERFORMANCE).text("instanceId", &instance.id)
}

fn product_codes(volume: &Volume) -> impl Iterator<Item = Node> + '_ {
    let codes = volume.billing.iter().flat_map(|billing| &billing.product_codes);
    codes.map(|code| Node::new().text("productCode", &code.id).text("type", &code.kind))
}

pub fn describe_attribute(call: &Call, world: &World) -> Outcome {
    let volume = find(call, call.region(world), call.params.require("VolumeId")?)?;
    let node = Node::new().text("volumeId", &volume.id);
    match call.params.require("Attribute")? {
        "autoEnableIO" => Ok(node.child("autoEnableIO", Node::new().text("value", false)).into()),
        "productCodes" => Ok(node.set("productCodes", product_codes(volume)).into()),
        other => Err(ApiError::bad_value(other, "attribute", "Unknown attribute.")),
    }
}
