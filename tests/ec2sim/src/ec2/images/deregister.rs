//! `DeregisterImage`.

use super::access;
use crate::{
    core::{
        Call, Outcome,
        error::ApiError,
        records::{Image, Protection},
        world::World,
        xml::Node,
    },
    ec2::snapshots,
};

pub fn deregister(call: &Call, world: &mut World) -> Outcome {
    let image = access::own_image(call, world, call.params.require("ImageId")?)?.clone();
    check_protection(call, &image)?;
    let with_snapshots = call.params.is_set("DeleteAssociatedSnapshots")?;
    call.region_mut(world).images.remove(&image.id);
    let node = Node::done();
    if !with_snapshots {
        return Ok(node.into());
    }
    let ids = image.snapshot_ids();
    let results: Vec<Node> = ids
        .map(|id| Node::new().text("snapshotId", id).text("returnCode", delete(call, world, id)))
        .collect();
    Ok(node.set("deleteSnapshotResultSet", results).into())
}

fn check_protection(call: &Call, image: &Image) -> Result<(), ApiError> {
    let refuse = |why: String| {
        let message = format!("The AMI '{}' is protected from deregistration{why}.", image.id);
        Err(ApiError::not_permitted(message))
    };
    match image.protection {
        Protection::On { .. } => refuse(". Disable deregistration protection and try again".to_owned()),
        Protection::Cooling { until } if call.now < until => refuse(format!(" until {until} (cooldown)")),
        Protection::Off | Protection::Cooling { .. } => Ok(()),
    }
}

/// Deletes what can be deleted; answers the code of `DeleteSnapshotReturnCode`.
fn delete(call: &Call, world: &mut World, id: &str) -> &'static str {
    let region = call.region(world);
    match region.snapshots.get(id) {
        None => "client-error",
        Some(snapshot) if snapshot.owner != call.account() => "missing-permissions",
        Some(_) if snapshots::user(region, id).is_some() => "skipped",
        Some(_) if snapshots::is_locked(region, id, call.now) => "client-error",
        Some(_) => {
            snapshots::remove(call, world, id);
            "success"
        }
    }
}
