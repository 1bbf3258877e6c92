//! `CreateVolume`.

use std::sync::Arc;

use super::node;
use crate::{
    core::{
        Call, Outcome,
        error::ApiError,
        ids,
        records::{Billing, Disk, Ebs, Volume},
        tags::Specifications,
        world::{Region, World},
    },
    ec2::{block_devices::volume, kms, tokens::Token},
};

pub fn create(call: &Call, world: &mut World) -> Outcome {
    let zone = zone(call, call.region(world))?;
    let tags = Specifications::parse(call.params, &["volume"])?.of("volume");
    let token = Token::of(call, &zone)?;
    if let Some([id]) = token.as_ref().map(|token| token.replay(call.region(world))).transpose()?.flatten()
        && let Some(made) = call.region(world).volumes.get(id)
    {
        return Ok(node(call, call.region(world), made).into());
    }
    let ebs = volume::specify(call, world, call.params, call.params.int("Size")?, None).map_err(unmapped)?;
    let multi_attach = multi_attach(call, &ebs.volume_type)?;
    let made = Volume {
        id: world.mint(ids::VOLUME),
        owner: call.account().to_owned(),
        zone,
        size: ebs.size,
        disk: disk(call, world, &ebs),
        billing: billing(call, world, &ebs),
        volume_type: ebs.volume_type,
        iops: ebs.iops,
        throughput: ebs.throughput,
        snapshot_id: ebs.snapshot_id,
        encrypted: ebs.encrypted,
        kms_key_id: ebs.kms_key_id,
        created_at: call.now,
        instance_id: String::new(),
        more_instances: Vec::new(),
        multi_attach,
        delete_on_termination: false,
        modification: None,
        tags,
    };
    if let Some(token) = token {
        token.remember(call, world, vec![made.id.clone()]);
    }
    let shown = node(call, call.region(world), &made).without("status").text("status", "creating");
    // Under a wrong key "the action can appear to complete, but eventually fails" (`CreateVolume`): the volume vanishes.
    let key = made.kms_key_id.as_deref();
    if !key.is_some_and(|key| kms::is_wrong(key, &call.caller.region, call.account())) {
        call.region_mut(world).volumes.insert(made.id.clone(), Arc::new(made));
    }
    Ok(shown.into())
}

/// Source: EC2 API reference, `CreateVolume`, `MultiAttachEnabled`.
fn multi_attach(call: &Call, volume_type: &str) -> Result<bool, ApiError> {
    let is_asked = call.params.is_set("MultiAttachEnabled")?;
    if is_asked && !matches!(volume_type, "io1" | "io2") {
        let message = format!("Multi-Attach is not supported for {volume_type} volumes.");
        return Err(ApiError::invalid_combination(message));
    }
    Ok(is_asked)
}

/// There is no mapping here whose fault it could be.
fn unmapped(error: ApiError) -> ApiError {
    let is_mapping = error.code == "InvalidBlockDeviceMapping";
    if is_mapping { ApiError::invalid_value(error.message) } else { error }
}

fn zone(call: &Call, region: &Region) -> Result<String, ApiError> {
    let (name, id) = (call.params.text("AvailabilityZone"), call.params.text("AvailabilityZoneId"));
    let asked = match (name, id) {
        (Some(_), Some(_)) => {
            let message = "Only one of AvailabilityZone and AvailabilityZoneId may be specified.";
            return Err(ApiError::invalid_combination(message));
        }
        (None, None) => return Err(ApiError::missing("AvailabilityZone")),
        (Some(asked), None) | (None, Some(asked)) => asked,
    };
    let found = region.zones.iter().find(|zone| zone.name == asked || zone.id == asked);
    let refused = || ApiError::new("InvalidZone.NotFound", format!("The zone '{asked}' does not exist."));
    found.map(|zone| zone.name.clone()).ok_or_else(refused)
}

/// What is on a new volume.
pub fn disk(call: &Call, world: &World, ebs: &Ebs) -> Option<Disk> {
    call.region(world).snapshots.get(ebs.snapshot_id.as_deref()?)?.disk.clone()
}

/// What is billed for the system on a new volume.
pub fn billing(call: &Call, world: &World, ebs: &Ebs) -> Option<Billing> {
    call.region(world).snapshots.get(ebs.snapshot_id.as_deref()?)?.billing.clone()
}
