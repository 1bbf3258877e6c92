//! Volumes: what `RunInstances` made, and the account's encryption default.

use crate::core::{
    Call, Handler, Outcome, filters::Filters, ids, paging::Page, records::Volume, tags, world::World,
    xml::Node,
};

pub fn handler(action: &str) -> Option<Handler> {
    match action {
        "DescribeVolumes" => Some(Handler::Read(describe_volumes)),
        "GetEbsEncryptionByDefault" => Some(Handler::Read(get_ebs_encryption_by_default)),
        _ => None,
    }
}

const FILTERS: [&str; 15] = [
    "attachment.delete-on-termination",
    "attachment.device",
    "attachment.instance-id",
    "attachment.status",
    "availability-zone",
    "create-time",
    "encrypted",
    "size",
    "snapshot-id",
    "status",
    "tag-key",
    "throughput",
    "volume-id",
    "volume-type",
    "tag-value",
];

fn describe_volumes(call: &Call, world: &World) -> Outcome {
    let filters = Filters::parse(call.params, &FILTERS)?;
    let page = Page::parse(call.params, 5..=1000)?;
    let asked = call.params.texts("VolumeId");
    let region = call.region(world);
    for id in &asked {
        ids::VOLUME.check(id)?;
        region
            .volumes
            .get(*id)
            .filter(|volume| volume.owner == call.account())
            .ok_or_else(|| ids::VOLUME.not_found(id))?;
    }
    let shown = region.volumes.values().filter(|volume| {
        volume.owner == call.account()
            && (asked.is_empty() || asked.contains(&volume.id.as_str()))
            && filters.match_all(&volume.tags, |name| filter_values(volume, name))
    });
    Ok(page
        .reply(
            "volumeSet",
            shown,
            |volume| volume.id.clone(),
            |volume| node(volume),
        )
        .into())
}

fn filter_values(volume: &Volume, name: &str) -> Vec<String> {
    let value = match name {
        "attachment.delete-on-termination" => volume.delete_on_termination.to_string(),
        "attachment.device" => volume.device_name.clone(),
        "attachment.instance-id" => volume.instance_id.clone(),
        "availability-zone" => volume.zone.clone(),
        "encrypted" => volume.encrypted.to_string(),
        "size" => volume.size.to_string(),
        "volume-id" => volume.id.clone(),
        "volume-type" => volume.volume_type.clone(),
        "snapshot-id" => return volume.snapshot_id.iter().cloned().collect(),
        _ => return Vec::new(),
    };
    vec![value]
}

fn node(volume: &Volume) -> Node {
    Node::new()
        .text("volumeId", &volume.id)
        .text("size", volume.size)
        .text("snapshotId", volume.snapshot_id.as_deref().unwrap_or_default())
        .text("availabilityZone", &volume.zone)
        .time("createTime", volume.created_at)
        .text("volumeType", &volume.volume_type)
        .opt("iops", volume.iops)
        .text("encrypted", volume.encrypted)
        .set("tagSet", tags::nodes(&volume.tags))
}

fn get_ebs_encryption_by_default(call: &Call, world: &World) -> Outcome {
    let settings = call.region(world).settings(call.account());
    Ok(Node::new()
        .text("ebsEncryptionByDefault", settings.encrypt_by_default)
        .text("sseType", "sse-ebs")
        .into())
}
