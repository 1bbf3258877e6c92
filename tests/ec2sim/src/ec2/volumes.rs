//! Volumes.

mod attach;
mod create;
mod encryption;
mod modify;
mod status;

use std::sync::Arc;

pub use self::create::{billing, disk};
use crate::core::{
    Call, Handler, Outcome,
    error::ApiError,
    ids,
    records::{Attachment, Instance, Volume},
    selection::Selection,
    tags,
    world::{Region, World},
    xml::{Node, iso},
};

pub fn handler(action: &str) -> Option<Handler> {
    match action {
        "AttachVolume" => Some(Handler::Write(attach::attach)),
        "CreateVolume" => Some(Handler::Write(create::create)),
        "DeleteVolume" => Some(Handler::Write(delete_volume)),
        "DescribeVolumeAttribute" => Some(Handler::Read(status::describe_attribute)),
        "DescribeVolumeStatus" => Some(Handler::Read(status::describe)),
        "DescribeVolumes" => Some(Handler::Read(describe_volumes)),
        "DescribeVolumesModifications" => Some(Handler::Read(modify::describe)),
        "DetachVolume" => Some(Handler::Write(attach::detach)),
        "ModifyVolume" => Some(Handler::Write(modify::modify)),
        other => encryption::handler(other),
    }
}

const FILTERS: [&str; 20] = [
    "attachment.attach-time",
    "attachment.delete-on-termination",
    "attachment.device",
    "attachment.instance-id",
    "attachment.status",
    "availability-zone",
    "availability-zone-id",
    "create-time",
    "encrypted",
    "fast-restored",
    "multi-attach-enabled",
    "operator.managed",
    "operator.principal",
    "size",
    "snapshot-id",
    "status",
    "tag-key",
    "tag-value",
    "volume-id",
    "volume-type",
];

/// The caller's volume.
pub fn find<'r>(call: &Call, region: &'r Region, id: &str) -> Result<&'r Arc<Volume>, ApiError> {
    ids::VOLUME.check(id)?;
    let volume = region.volumes.get(id);
    let own = volume.filter(|volume| volume.owner == call.account() && region.has_volume(volume, call.now));
    own.ok_or_else(|| ids::VOLUME.not_found(id))
}

fn describe_volumes(call: &Call, world: &World) -> Outcome {
    let selection = Selection::parse(call.params, &FILTERS, "VolumeId", "volumeSet")?;
    let region = call.region(world);
    for id in &selection.asked {
        find(call, region, id)?;
    }
    let shown = region.volumes.values().filter(|volume| {
        volume.owner == call.account()
            && region.has_volume(volume, call.now)
            && selection.wants(&volume.id, &volume.tags, |name| filter_values(call, region, volume, name))
    });
    let show = |volume: &Arc<Volume>| node(call, region, volume);
    Ok(selection.page.reply("volumeSet", shown, |volume| volume.id.clone(), show).into())
}

fn filter_values(call: &Call, region: &Region, volume: &Volume, name: &str) -> Vec<String> {
    let mut attachments = region.attachments(volume, call.now);
    if let Some(name) = name.strip_prefix("attachment.") {
        return attachments
            .map(|(instance, device)| attachment_value(volume, instance, device, name))
            .collect();
    }
    let value = match name {
        "create-time" => iso(volume.created_at),
        "availability-zone" => volume.zone.clone(),
        "availability-zone-id" => {
            return region.zone(&volume.zone).map(|it| it.id.clone()).into_iter().collect();
        }
        "encrypted" => volume.encrypted.to_string(),
        "multi-attach-enabled" => volume.multi_attach.to_string(),
        "fast-restored" | "operator.managed" => "false".to_owned(),
        "size" => volume.size.to_string(),
        "snapshot-id" => volume.snapshot_id.clone().unwrap_or_default(),
        "status" => status(attachments.next().is_some()).to_owned(),
        "volume-id" => volume.id.clone(),
        "volume-type" => volume.volume_type.clone(),
        _ => return Vec::new(),
    };
    vec![value]
}

fn attachment_value(volume: &Volume, instance: &Instance, device: &Attachment, name: &str) -> String {
    match name {
        "attach-time" => iso(device.attached_at),
        "delete-on-termination" => volume.delete_on_termination.to_string(),
        "device" => device.device_name.clone(),
        "instance-id" => instance.id.clone(),
        _ => "attached".to_owned(),
    }
}

fn status(attached: bool) -> &'static str {
    if attached { "in-use" } else { "available" }
}

fn node(call: &Call, region: &Region, volume: &Volume) -> Node {
    let attachments: Vec<_> = region.attachments(volume, call.now).collect();
    let shown =
        attachments.iter().map(|(instance, device)| attachment_node(volume, instance, device, "attached"));
    Node::new()
        .text("volumeId", &volume.id)
        .text("size", volume.size)
        .text("snapshotId", volume.snapshot_id.as_deref().unwrap_or_default())
        .text("availabilityZone", &volume.zone)
        .opt("availabilityZoneId", region.zone(&volume.zone).map(|zone| &zone.id))
        .text("status", status(!attachments.is_empty()))
        .time("createTime", volume.created_at)
        .set("attachmentSet", shown)
        .set_if_any("tagSet", tags::nodes(&volume.tags))
        .text("volumeType", &volume.volume_type)
        .opt("iops", volume.iops)
        .opt("throughput", volume.throughput)
        .text("encrypted", volume.encrypted)
        .opt("kmsKeyId", volume.kms_key_id.as_ref())
        .text("multiAttachEnabled", volume.multi_attach)
        .text("sseType", if volume.encrypted { "sse-kms" } else { "none" })
        .child("operator", Node::new().text("managed", false))
}

fn attachment_node(volume: &Volume, instance: &Instance, device: &Attachment, status: &str) -> Node {
    Node::new()
        .text("volumeId", &device.volume_id)
        .text("instanceId", &instance.id)
        .text("device", &device.device_name)
        .text("status", status)
        .time("attachTime", device.attached_at)
        .text("deleteOnTermination", volume.delete_on_termination)
}

fn delete_volume(call: &Call, world: &mut World) -> Outcome {
    let region = call.region(world);
    let volume = find(call, region, call.params.require("VolumeId")?)?.clone();
    if let Some((instance, _)) = region.attachment(&volume, call.now) {
        let message = format!("Volume {} is currently attached to {}", volume.id, instance.id);
        return Err(ApiError::new("VolumeInUse", message));
    }
    call.region_mut(world).volumes.remove(&volume.id);
    Ok(Node::done().into())
}
