//! `ModifyVolume` and `DescribeVolumesModifications`.

use std::sync::Arc;

use jiff::Timestamp;

use super::find;
use crate::{
    core::{
        Call, Outcome,
        clock::after,
        error::ApiError,
        filters::Filters,
        paging::Page,
        records::{Ebs, Modification, Performance, Volume},
        tags::Tags,
        world::World,
        xml::{Node, iso},
    },
    ec2::block_devices::volume,
};

pub fn modify(call: &Call, world: &mut World) -> Outcome {
    let volume = find(call, call.region(world), call.params.require("VolumeId")?)?.clone();
    if volume.modification.as_ref().is_some_and(|last| call.now < last.completes_at) {
        let message = format!("Volume {} has a modification that is not completed yet.", volume.id);
        return Err(ApiError::new("IncorrectModificationState", message));
    }
    let target = target(call, &volume)?;
    let effective_at = call.end_of(world, call.profile.stop);
    let modification = Modification {
        original: performance(&volume),
        target: target.clone(),
        started_at: call.now,
        effective_at,
        completes_at: after(effective_at, call.jittered(world, call.profile.image)),
    };
    let shown = node(&volume.id, &modification, "modifying", call.now);
    let changed = Volume {
        size: target.size,
        volume_type: target.volume_type,
        iops: target.iops,
        throughput: target.throughput,
        modification: Some(modification),
        ..Volume::clone(&volume)
    };
    call.region_mut(world).volumes.insert(changed.id.clone(), Arc::new(changed));
    Ok(Node::new().child("volumeModification", shown).into())
}

fn performance(volume: &Volume) -> Performance {
    Performance {
        size: volume.size,
        volume_type: volume.volume_type.clone(),
        iops: volume.iops,
        throughput: volume.throughput,
    }
}

fn target(call: &Call, volume: &Volume) -> Result<Performance, ApiError> {
    if !["Size", "VolumeType", "Iops", "Throughput"].iter().any(|name| call.params.text(name).is_some()) {
        return Err(ApiError::missing("size, volumeType, iops or throughput"));
    }
    let size = call.params.int("Size")?.unwrap_or(volume.size);
    if size < volume.size {
        return Err(ApiError::invalid_value("New size cannot be smaller than existing size"));
    }
    let old = Ebs {
        volume_type: volume.volume_type.clone(),
        iops: volume.iops,
        throughput: volume.throughput,
        ..Ebs::default()
    };
    let Ebs { volume_type, iops, throughput, .. } = volume::performance(call.params, &old, size)?;
    Ok(Performance { size, volume_type, iops, throughput })
}

const FILTERS: [&str; 11] = [
    "modification-state",
    "original-iops",
    "original-size",
    "original-volume-type",
    "originalMultiAttachEnabled",
    "start-time",
    "target-iops",
    "target-size",
    "target-volume-type",
    "targetMultiAttachEnabled",
    "volume-id",
];

pub fn describe(call: &Call, world: &World) -> Outcome {
    let filters = Filters::parse(call.params, &FILTERS)?;
    let page = Page::parse(call.params, 1..=500)?;
    let asked = call.params.ids("VolumeId")?;
    let region = call.region(world);
    for id in &asked {
        if find(call, region, id)?.modification.is_none() {
            let message = format!("Modification for volume '{id}' does not exist.");
            return Err(ApiError::new("InvalidVolumeModification.NotFound", message));
        }
    }
    let own = region.volumes.values().filter(|it| find(call, region, &it.id).is_ok());
    let modified = own.filter_map(|volume| Some((volume, volume.modification.as_ref()?)));
    let shown = modified.filter(|(volume, last)| {
        (asked.is_empty() || asked.contains(&volume.id.as_str()))
            && filters.match_all(&Tags::new(), |name| filter_values(&volume.id, last, call.now, name))
    });
    let show = |(volume, last): (&Arc<Volume>, &Modification)| {
        node(&volume.id, last, state(last, call.now), call.now)
    };
    Ok(page.reply("volumeModificationSet", shown, |(volume, _)| volume.id.clone(), show).into())
}

fn state(modification: &Modification, now: Timestamp) -> &'static str {
    match now {
        _ if now < modification.effective_at => "modifying",
        _ if now < modification.completes_at => "optimizing",
        _ => "completed",
    }
}

fn filter_values(id: &str, last: &Modification, now: Timestamp, name: &str) -> Vec<String> {
    let iops = |of: &Performance| of.iops.unwrap_or_default().to_string();
    let value = match name {
        "modification-state" => state(last, now).to_owned(),
        "original-iops" => iops(&last.original),
        "original-size" => last.original.size.to_string(),
        "original-volume-type" => last.original.volume_type.clone(),
        "start-time" => iso(last.started_at),
        "target-iops" => iops(&last.target),
        "target-size" => last.target.size.to_string(),
        "target-volume-type" => last.target.volume_type.clone(),
        "volume-id" => id.to_owned(),
        _ => "false".to_owned(),
    };
    vec![value]
}

fn node(id: &str, last: &Modification, state: &str, now: Timestamp) -> Node {
    let Modification { original, target, .. } = last;
    let is_over = state == "completed";
    Node::new()
        .text("volumeId", id)
        .text("modificationState", state)
        .text("targetSize", target.size)
        .opt("targetIops", target.iops)
        .text("targetVolumeType", &target.volume_type)
        .opt("targetThroughput", target.throughput)
        .text("targetMultiAttachEnabled", false)
        .text("originalSize", original.size)
        .opt("originalIops", original.iops)
        .text("originalVolumeType", &original.volume_type)
        .opt("originalThroughput", original.throughput)
        .text("originalMultiAttachEnabled", false)
        .text("progress", if is_over { 100 } else { progress(last, now) })
        .time("startTime", last.started_at)
        .opt("endTime", is_over.then(|| iso(last.completes_at)))
}

/// Percent of the optimization that is done, which is never all of it before the end.
fn progress(last: &Modification, now: Timestamp) -> i64 {
    let whole = last.completes_at.duration_since(last.effective_at).as_secs().max(1);
    let done = now.duration_since(last.effective_at).as_secs().max(0);
    (done * 100 / whole).min(99)
}
