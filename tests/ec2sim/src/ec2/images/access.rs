//! Who may see, use and change an image or a snapshot.

use std::sync::Arc;

use crate::core::{
    Call,
    error::ApiError,
    ids,
    records::{Image, Permissions, Snapshot},
    world::{Region, World},
};

/// True if the permissions let an account in, by itself or by its organisation.
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

/// The owner sees all of its images, others those that are shared with them and finished.
pub fn sees_image(call: &Call, world: &World, image: &Image) -> bool {
    image.owner == call.account() || (!image.disabled && admits(world, &image.permissions, call.account()))
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
    let image = region.images.get(id).filter(|image| sees_image(call, world, image));
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

pub fn sees_snapshot(call: &Call, snapshot: &Snapshot) -> bool {
    let permissions = &snapshot.permissions;
    snapshot.owner == call.account() || permissions.public || permissions.users.contains(call.account())
}

pub fn visible_snapshot<'w>(call: &Call, world: &'w World, id: &str) -> Result<&'w Arc<Snapshot>, ApiError> {
    ids::SNAPSHOT.check(id)?;
    let snapshot = call.region(world).snapshots.get(id).filter(|snapshot| sees_snapshot(call, snapshot));
    snapshot.ok_or_else(|| ids::SNAPSHOT.not_found(id))
}

pub fn own_snapshot<'w>(call: &Call, world: &'w World, id: &str) -> Result<&'w Arc<Snapshot>, ApiError> {
    let snapshot = visible_snapshot(call, world, id)?;
    if snapshot.owner == call.account() {
        return Ok(snapshot);
    }
    Err(ApiError::new("AuthFailure", format!("Not authorized for snapshot:{id}")).with_status(403))
}
