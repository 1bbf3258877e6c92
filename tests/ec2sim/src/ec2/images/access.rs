//! Who may see, use and change an image or a snapshot.

use std::sync::Arc;

use super::allowed;
use crate::{
    core::{
        Call,
        error::ApiError,
        ids,
        records::{Image, Permissions, Snapshot},
        world::{Region, World},
    },
    ec2::snapshots,
};

/// True if the permissions let an account in, by itself or by its organization.
pub fn admits(world: &World, permissions: &Permissions, account: &str) -> bool {
    let member = || {
        let memberships = world.accounts.get(account).map(|account| account.organizations.clone());
        memberships
            .unwrap_or_default()
            .iter()
            .any(|arn| permissions.organizations.contains(arn) || permissions.units.contains(arn))
    };
    permissions.public || permissions.users.contains(account) || member()
}

/// The owner sees all of its images, others those that are shared with them, finished, and allowed by their own settings.
pub fn sees_image(call: &Call, world: &World, region: &Region, image: &Image) -> bool {
    let is_shared = || !image.disabled && admits(world, &image.permissions, call.account());
    image.owner == call.account() || (is_shared() && allowed::admits(region, call.account(), image, call.now))
}

pub fn visible_image<'w>(call: &Call, world: &'w World, id: &str) -> Result<&'w Arc<Image>, ApiError> {
    visible_image_in(call, world, call.region(world), id)
}

pub fn visible_image_in<'w>(
    call: &Call,
    world: &'w World,
    region: &'w Region,
    id: &str,
) -> Result<&'w Arc<Image>, ApiError> {
    ids::IMAGE.check(id)?;
    let image = region.images.get(id).filter(|image| sees_image(call, world, region, image));
    image.ok_or_else(|| ids::IMAGE.not_found(id))
}

/// The caller's own image; one that is only shared is refused.
pub fn own_image<'w>(call: &Call, world: &'w World, id: &str) -> Result<&'w Arc<Image>, ApiError> {
    let image = visible_image(call, world, id)?;
    if image.owner == call.account() {
        return Ok(image);
    }
    Err(ApiError::new("AuthFailure", format!("Not authorized for image:{id}")).with_status(403))
}

/// A changeable copy of the caller's own image in the world.
pub fn own_image_mut<'w>(call: &Call, world: &'w mut World, id: &str) -> Result<&'w mut Image, ApiError> {
    own_image(call, world, id)?;
    let image = call.region_mut(world).images.get_mut(id);
    Ok(Arc::make_mut(image.expect("the image was there a moment ago")))
}

pub fn sees_snapshot(call: &Call, region: &Region, snapshot: &Snapshot) -> bool {
    snapshot.owner == call.account()
        || snapshot.permissions.users.contains(call.account())
        || is_public(region, snapshot)
}

/// Its owner may have blocked all public sharing since.
pub fn is_public(region: &Region, snapshot: &Snapshot) -> bool {
    snapshot.permissions.public && !snapshots::blocks_all(region.settings(&snapshot.owner))
}

pub fn visible_snapshot<'w>(call: &Call, world: &'w World, id: &str) -> Result<&'w Arc<Snapshot>, ApiError> {
    ids::SNAPSHOT.check(id)?;
    let region = call.region(world);
    let snapshot = region.snapshots.get(id).filter(|snapshot| sees_snapshot(call, region, snapshot));
    snapshot.ok_or_else(|| ids::SNAPSHOT.not_found(id))
}

pub fn own_snapshot<'w>(call: &Call, world: &'w World, id: &str) -> Result<&'w Arc<Snapshot>, ApiError> {
    let snapshot = visible_snapshot(call, world, id)?;
    if snapshot.owner == call.account() {
        return Ok(snapshot);
    }
    Err(ApiError::new("AuthFailure", format!("Not authorized for snapshot:{id}")).with_status(403))
}
