//! Snapshots.

mod attribute;
mod block_public_access;
mod copy;
mod create;
mod describe;
mod fast_restores;
mod locks;
mod tiers;

use crate::core::{
    Call, Handler, Outcome,
    error::ApiError,
    records::SnapshotState,
    world::{Region, World},
    xml::Node,
};

pub use self::{block_public_access::blocks_all, create::of_volume, locks::is_locked};
use super::images::access;

/// Snapshots that may be in the making of one volume (EBS quotas, gp2, gp3, io1 and io2).
const CONCURRENT_PER_VOLUME: usize = 5;

pub fn handler(action: &str) -> Option<Handler> {
    match action {
        "CopySnapshot" => Some(Handler::Write(copy::copy)),
        "CreateSnapshot" => Some(Handler::Write(create::create)),
        "CreateSnapshots" => Some(Handler::Write(create::create_several)),
        "DeleteSnapshot" => Some(Handler::Write(delete)),
        "DescribeFastSnapshotRestores" => Some(Handler::Read(fast_restores::describe)),
        "DescribeSnapshotAttribute" => Some(Handler::Read(attribute::describe)),
        "DescribeSnapshots" => Some(Handler::Read(describe::describe)),
        "DisableSnapshotBlockPublicAccess" => Some(Handler::Write(block_public_access::disable)),
        "EnableSnapshotBlockPublicAccess" => Some(Handler::Write(block_public_access::enable)),
        "GetSnapshotBlockPublicAccessState" => Some(Handler::Read(block_public_access::get)),
        "DisableFastSnapshotRestores" => Some(Handler::Write(fast_restores::disable)),
        "EnableFastSnapshotRestores" => Some(Handler::Write(fast_restores::enable)),
        "ModifySnapshotAttribute" => Some(Handler::Write(attribute::modify)),
        "ResetSnapshotAttribute" => Some(Handler::Write(attribute::reset)),
        "DescribeSnapshotTierStatus" => Some(Handler::Read(tiers::describe)),
        other => locks::handler(other),
    }
}

fn delete(call: &Call, world: &mut World) -> Outcome {
    let id = call.params.require("SnapshotId")?;
    access::own_snapshot(call, world, id)?;
    if let Some(image) = user(call.region(world), id) {
        let message = format!("The snapshot {id} is currently in use by {image}");
        return Err(ApiError::new("InvalidSnapshot.InUse", message));
    }
    if is_locked(call.region(world), id, call.now) {
        let message = format!("The snapshot {id} is locked and cannot be deleted.");
        return Err(ApiError::not_permitted(message));
    }
    remove(call, world, id);
    Ok(Node::done().into())
}

/// The id of an image, in whatever state, that is made of the snapshot.
pub fn user<'r>(region: &'r Region, id: &str) -> Option<&'r str> {
    let mut images = region.images.values();
    images.find(|image| image.snapshot_ids().any(|used| used == id)).map(|image| image.id.as_str())
}

pub fn remove(call: &Call, world: &mut World, id: &str) {
    let region = call.region_mut(world);
    region.snapshots.remove(id);
    region.snapshot_locks.remove(id);
    for zone in region.zones.iter() {
        region.fast_restores.remove(&(id.to_owned(), zone.name.clone()));
    }
}

pub fn check_quota(call: &Call, world: &World, more: usize) -> Result<(), ApiError> {
    let own = call.region(world).snapshots.values().filter(|snapshot| snapshot.owner == call.account());
    if own.count() + more > world.quotas.snapshots {
        let message =
            format!("You have reached your quota of {} snapshots in this Region", world.quotas.snapshots);
        return Err(ApiError::new("SnapshotLimitExceeded", message));
    }
    Ok(())
}

pub fn check_concurrency<'a>(
    call: &Call,
    world: &World,
    volumes: impl Iterator<Item = &'a str>,
) -> Result<(), ApiError> {
    for volume in volumes {
        let snapshots = call.region(world).snapshots.values();
        let of_volume = snapshots.filter(|snapshot| snapshot.volume_id == volume);
        let unfinished = of_volume.filter(|it| it.state(call.now) != SnapshotState::Completed).count();
        if unfinished >= CONCURRENT_PER_VOLUME {
            let message =
                format!("Maximum allowed in-progress snapshots for a single volume exceeded ({volume}).");
            return Err(ApiError::new("ConcurrentSnapshotLimitExceeded", message));
        }
    }
    Ok(())
}
