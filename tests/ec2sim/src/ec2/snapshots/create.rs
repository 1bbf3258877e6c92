//! `CreateSnapshot`.

use std::{sync::Arc, time::Duration};

use super::{check_concurrency, check_quota, describe};
use crate::{
    core::{
        Call, Outcome,
        clock::after,
        error::ApiError,
        ids,
        records::{Permissions, Snapshot},
        tags::Specifications,
        world::World,
    },
    ec2::volumes,
};

pub fn create(call: &Call, world: &mut World) -> Outcome {
    let volume = volumes::find(call, call.region(world), call.params.require("VolumeId")?)?.clone();
    let tags = Specifications::parse(call.params, &["snapshot"])?.of("snapshot");
    let description = call.params.text("Description").unwrap_or_default();
    if description.chars().count() > 255 {
        return Err(ApiError::invalid_value("Description exceeds the maximum length of 255 characters"));
    }
    check_quota(call, world, 1)?;
    check_concurrency(call, world, std::iter::once(volume.id.as_str()))?;
    let id = world.mint(ids::SNAPSHOT);
    let snapshot = Snapshot {
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
        completes_at: call.end_of(world, call.profile.image),
        failure: None,
        permissions: Permissions::default(),
        product_codes: Vec::new(),
        completion_minutes: None,
        tags,
    };
    // The answer shows it as pending, even if that takes no time.
    let later = snapshot.completes_at.max(after(call.now, Duration::from_secs(1)));
    let node = describe::node(call, &Snapshot { completes_at: later, ..snapshot.clone() });
    call.region_mut(world).snapshots.insert(snapshot.id.clone(), Arc::new(snapshot));
    Ok(node.into())
}
