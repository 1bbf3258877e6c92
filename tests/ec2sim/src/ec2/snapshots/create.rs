//! `CreateSnapshot` and `CreateSnapshots`.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{check_concurrency, check_quota, describe};
use crate::{
    core::{
        Call, Outcome,
        clock::after,
        error::ApiError,
        ids,
        records::{Permissions, Snapshot, Volume},
        tags::{self, Specifications, Tags},
        world::World,
        xml::Node,
    },
    ec2::{instances, volumes},
};

pub fn create(call: &Call, world: &mut World) -> Outcome {
    let volume = volumes::find(call, call.region(world), call.params.require("VolumeId")?)?.clone();
    let [node] = <[Node; 1]>::try_from(snapshot_all(call, world, &[volume], false)?)
        .expect("one volume has one snapshot");
    Ok(node.into())
}

/// Of the volumes of an instance, all at one moment.
pub fn create_several(call: &Call, world: &mut World) -> Outcome {
    let of_source = match call.params.text("CopyTagsFromSource") {
        None => false,
        Some("volume") => true,
        Some(other) => return Err(ApiError::bad_value(other, "CopyTagsFromSource", "Valid values: volume.")),
    };
    let volumes = volumes_of_instance(call, world)?;
    let shown = snapshot_all(call, world, &volumes, of_source)?;
    // This action calls the state by another name than all others.
    Ok(Node::new().set("snapshotSet", shown.into_iter().map(|node| node.renamed("status", "state"))).into())
}

fn volumes_of_instance(call: &Call, world: &World) -> Result<Vec<Arc<Volume>>, ApiError> {
    let region = call.region(world);
    let id = call.params.require("InstanceSpecification.InstanceId")?;
    let instance = instances::find(call, region, id)?;
    let without_boot = call.params.is_set("InstanceSpecification.ExcludeBootVolume")?;
    let excluded = call.params.texts("InstanceSpecification.ExcludeDataVolumeId");
    let ids = instance.devices.iter().map(|device| device.volume_id.as_str());
    let root = instance.root_volume();
    if let Some(wrong) = excluded.iter().find(|id| root == Some(id) || !ids.clone().any(|own| own == **id)) {
        let message = format!("Volume '{wrong}' is not a data volume of instance '{}'", instance.id);
        return Err(ApiError::invalid_value(message));
    }
    let wanted = ids.filter(|id| !(excluded.contains(id) || without_boot && root == Some(id)));
    Ok(wanted.filter_map(|id| region.volumes.get(id).cloned()).collect())
}

/// Answers the snapshots as they begin.
fn snapshot_all(
    call: &Call,
    world: &mut World,
    volumes: &[Arc<Volume>],
    with_tags: bool,
) -> Result<Vec<Node>, ApiError> {
    let given = Specifications::parse(call.params, &["snapshot"])?.of("snapshot");
    let description = call.params.text("Description").unwrap_or_default();
    if description.chars().count() > 255 {
        return Err(ApiError::invalid_value("Description exceeds the maximum length of 255 characters"));
    }
    check_quota(call, world, volumes.len())?;
    check_concurrency(call, world, volumes.iter().map(|volume| volume.id.as_str()))?;
    let completes_at = call.end_of(world, call.profile.image);
    let mut nodes = Vec::new();
    for volume in volumes {
        let mut own = if with_tags { volume.tags.clone() } else { Tags::new() };
        tags::merge(&mut own, &given)?;
        let snapshot = of_volume(call, world, volume, description, completes_at);
        let snapshot = Snapshot { tags: own, ..snapshot };
        // The answer shows it as pending, even if that takes no time.
        let later = completes_at.max(after(call.now, Duration::from_secs(1)));
        nodes.push(describe::node(call, &Snapshot { completes_at: later, ..snapshot.clone() }));
        call.region_mut(world).snapshots.insert(snapshot.id.clone(), Arc::new(snapshot));
    }
    Ok(nodes)
}

/// A new snapshot of a volume, without tags.
pub fn of_volume(
    call: &Call,
    world: &mut World,
    volume: &Volume,
    description: &str,
    completes_at: Timestamp,
) -> Snapshot {
    let id = world.mint(ids::SNAPSHOT);
    Snapshot {
        disk: volume.disk.as_ref().map(|disk| disk.on_snapshot(&id)),
        id,
        owner: call.account().to_owned(),
        owner_alias: None,
        description: description.to_owned(),
        volume_id: volume.id.clone(),
        size: volume.size,
        encrypted: volume.encrypted,
        kms_key_id: volume.kms_key_id.clone(),
        started_at: call.now,
        completes_at,
        failure: None,
        permissions: Permissions::default(),
        billing: volume.billing.clone(),
        completion_minutes: None,
        tags: Tags::new(),
    }
}
