//! Volumes: what `RunInstances` made, and the account's encryption default.

use std::sync::Arc;

use super::kms;
use crate::core::{
    Call, Handler, Outcome,
    error::ApiError,
    filters::Filters,
    ids,
    paging::Page,
    records::Volume,
    tags,
    world::{Region, World},
    xml::{Node, iso},
};

pub fn handler(action: &str) -> Option<Handler> {
    match action {
        "DeleteVolume" => Some(Handler::Write(delete_volume)),
        "DescribeVolumes" => Some(Handler::Read(describe_volumes)),
        "GetEbsDefaultKmsKeyId" => Some(Handler::Read(get_ebs_default_kms_key_id)),
        "GetEbsEncryptionByDefault" => Some(Handler::Read(get_ebs_encryption_by_default)),
        _ => None,
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
    let filters = Filters::parse(call.params, &FILTERS)?;
    let page = Page::parse(call.params, 5..=1000)?;
    Page::refuse_with_ids(call.params, "VolumeId", "volumeSet")?;
    let asked = call.params.texts("VolumeId");
    let region = call.region(world);
    for id in &asked {
        find(call, region, id)?;
    }
    let shown = region.volumes.values().filter(|volume| {
        volume.owner == call.account()
            && region.has_volume(volume, call.now)
            && (asked.is_empty() || asked.contains(&volume.id.as_str()))
            && filters.match_all(&volume.tags, |name| filter_values(call, region, volume, name))
    });
    let show = |volume: &Arc<Volume>| node(call, region, volume);
    Ok(page.reply("volumeSet", shown, |volume| volume.id.clone(), show).into())
}

fn filter_values(call: &Call, region: &Region, volume: &Volume, name: &str) -> Vec<String> {
    let attached = region.is_attached(volume, call.now);
    let value = match name {
        _ if name.starts_with("attachment.") && !attached => return Vec::new(),
        "attachment.attach-time" | "create-time" => iso(volume.created_at),
        "attachment.delete-on-termination" => volume.delete_on_termination.to_string(),
        "attachment.device" => volume.device_name.clone(),
        "attachment.instance-id" => volume.instance_id.clone(),
        "attachment.status" => "attached".to_owned(),
        "availability-zone" => volume.zone.clone(),
        "availability-zone-id" => {
            return region.zone(&volume.zone).map(|it| it.id.clone()).into_iter().collect();
        }
        "encrypted" => volume.encrypted.to_string(),
        "fast-restored" | "multi-attach-enabled" | "operator.managed" => "false".to_owned(),
        "size" => volume.size.to_string(),
        "snapshot-id" => volume.snapshot_id.clone().unwrap_or_default(),
        "status" => status(attached).to_owned(),
        "volume-id" => volume.id.clone(),
        "volume-type" => volume.volume_type.clone(),
        _ => return Vec::new(),
    };
    vec![value]
}

fn status(attached: bool) -> &'static str {
    if attached { "in-use" } else { "available" }
}

fn node(call: &Call, region: &Region, volume: &Volume) -> Node {
    let attached = region.is_attached(volume, call.now);
    let attachment = attached.then(|| {
        Node::new()
            .text("volumeId", &volume.id)
            .text("instanceId", &volume.instance_id)
            .text("device", &volume.device_name)
            .text("status", "attached")
            .time("attachTime", volume.created_at)
            .text("deleteOnTermination", volume.delete_on_termination)
    });
    Node::new()
        .text("volumeId", &volume.id)
        .text("size", volume.size)
        .text("snapshotId", volume.snapshot_id.as_deref().unwrap_or_default())
        .text("availabilityZone", &volume.zone)
        .opt("availabilityZoneId", region.zone(&volume.zone).map(|zone| &zone.id))
        .text("status", status(attached))
        .time("createTime", volume.created_at)
        .set("attachmentSet", attachment)
        .set_if_any("tagSet", tags::nodes(&volume.tags))
        .text("volumeType", &volume.volume_type)
        .opt("iops", volume.iops)
        .opt("throughput", volume.throughput)
        .text("encrypted", volume.encrypted)
        .opt("kmsKeyId", volume.kms_key_id.as_ref())
        .text("multiAttachEnabled", false)
        .text("sseType", if volume.encrypted { "sse-kms" } else { "none" })
        .child("operator", Node::new().text("managed", false))
}

fn delete_volume(call: &Call, world: &mut World) -> Outcome {
    let region = call.region(world);
    let volume = find(call, region, call.params.require("VolumeId")?)?.clone();
    if region.is_attached(&volume, call.now) {
        let message = format!("Volume {} is currently attached to {}", volume.id, volume.instance_id);
        return Err(ApiError::new("VolumeInUse", message));
    }
    call.region_mut(world).volumes.remove(&volume.id);
    Ok(Node::done().into())
}

/// Nobody has set another one. (EC2 API reference, `GetEbsDefaultKmsKeyId`: then the alias is answered.)
fn get_ebs_default_kms_key_id(_: &Call, _: &World) -> Outcome {
    Ok(Node::new().text("kmsKeyId", kms::DEFAULT_ALIAS).into())
}

fn get_ebs_encryption_by_default(call: &Call, world: &World) -> Outcome {
    let settings = call.region(world).settings(call.account());
    let kind = if settings.encrypt_by_default { "sse-kms" } else { "none" };
    Ok(Node::new().text("ebsEncryptionByDefault", settings.encrypt_by_default).text("sseType", kind).into())
}
