//! `CopySnapshot`.

use std::sync::Arc;

use super::check_quota;
use crate::{
    core::{
        Call, Outcome,
        error::ApiError,
        ids,
        records::{Permissions, Snapshot, SnapshotState, StateReason},
        tags::{self, Specifications},
        world::World,
        xml::Node,
    },
    ec2::{copies, images::access, kms},
};

pub fn copy(call: &Call, world: &mut World) -> Outcome {
    let given = Specifications::parse(call.params, &["snapshot"])?.of("snapshot");
    let source = source(call, world)?;
    check_quota(call, world, 1)?;
    let minutes = copies::minutes(call.params, "CompletionDurationMinutes")?;
    let region = call.region(world);
    let key = copies::key(call, region)?;
    let key = key.or_else(|| source.encrypted.then(|| kms::default_key(region, call.account())));
    let wrong = key.as_ref().is_some_and(|key| !key.usable);
    let copy = Snapshot {
        id: world.mint(ids::SNAPSHOT),
        owner: call.account().to_owned(),
        owner_alias: None,
        description: call.params.text("Description").unwrap_or_default().to_owned(),
        volume_id: "vol-ffffffff".to_owned(),
        encrypted: key.is_some(),
        kms_key_id: key.map(|key| key.arn),
        started_at: call.now,
        completes_at: call.end_of(world, call.profile.copy),
        failure: wrong.then(|| StateReason::new("Client.InternalError", "Given key ID is not accessible")),
        permissions: Permissions::default(),
        completion_minutes: minutes,
        tags: given,
        ..Snapshot::clone(&source)
    };
    let node = Node::new().text("snapshotId", &copy.id).set_if_any("tagSet", tags::nodes(&copy.tags));
    call.region_mut(world).snapshots.insert(copy.id.clone(), Arc::new(copy));
    Ok(node.into())
}

fn source(call: &Call, world: &World) -> Result<Arc<Snapshot>, ApiError> {
    let id = call.params.require("SourceSnapshotId")?;
    ids::SNAPSHOT.check(id)?;
    let region = copies::source_region(call, world)?;
    let visible = region.snapshots.get(id).filter(|snapshot| access::sees_snapshot(call, region, snapshot));
    let snapshot = visible.ok_or_else(|| ids::SNAPSHOT.not_found(id))?;
    // "You cannot set this parameter to false." Clients do all the same, which matters only where it would decrypt.
    if snapshot.encrypted && call.params.flag("Encrypted")? == Some(false) {
        let message = "A copy of an encrypted snapshot cannot be unencrypted.";
        return Err(ApiError::bad_value("false", "Encrypted", message));
    }
    match snapshot.state(call.now) {
        SnapshotState::Completed => Ok(snapshot.clone()),
        SnapshotState::Pending | SnapshotState::Error => {
            Err(ApiError::new("IncorrectState", format!("Snapshot '{id}' is not 'completed'.")))
        }
    }
}
