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
    ec2::{images::access, kms},
};

pub fn copy(call: &Call, world: &mut World) -> Outcome {
    let given = Specifications::parse(call.params, &["snapshot"])?.of("snapshot");
    let source = source(call, world)?;
    check_quota(call, world, 1)?;
    let region = call.caller.region.clone();
    let encrypt = call.params.is_set("Encrypted")?;
    let key = match call.params.text("KmsKeyId") {
        Some(_) if !encrypt => {
            let message = "The parameter KmsKeyId requires the parameter Encrypted to be set.";
            return Err(ApiError::new("InvalidParameterDependency", message));
        }
        Some(name) => Some(kms::resolve(name, &region, call.account())),
        None if encrypt || source.encrypted => Some(kms::default_key(&region, call.account())),
        None => None,
    };
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
        completion_minutes: None,
        tags: given,
        ..Snapshot::clone(&source)
    };
    let node = Node::new().text("snapshotId", &copy.id).set_if_any("tagSet", tags::nodes(&copy.tags));
    call.region_mut(world).snapshots.insert(copy.id.clone(), Arc::new(copy));
    Ok(node.into())
}

fn source(call: &Call, world: &World) -> Result<Arc<Snapshot>, ApiError> {
    let name = call.params.require("SourceRegion")?;
    let id = call.params.require("SourceSnapshotId")?;
    ids::SNAPSHOT.check(id)?;
    let region = world.regions.get(name).ok_or_else(|| {
        ApiError::new("InvalidRegion", format!("The specified AWS Region '{name}' is not valid."))
    })?;
    let visible = region.snapshots.get(id).filter(|snapshot| access::sees_snapshot(call, snapshot));
    let snapshot = visible.ok_or_else(|| ids::SNAPSHOT.not_found(id))?;
    match snapshot.state(call.now) {
        SnapshotState::Completed => Ok(snapshot.clone()),
        SnapshotState::Pending | SnapshotState::Error => {
            Err(ApiError::new("IncorrectState", format!("Snapshot '{id}' is not 'completed'.")))
        }
    }
}
