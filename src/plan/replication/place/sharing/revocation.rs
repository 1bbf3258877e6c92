//! Revokes grants on images that are no longer kept in sync: those of former sources, whose receivers keep them until
//! the manifest says otherwise, and all sources when the object goes with its copies.

use super::{
    DestinationPlan, Eyes, Grants, Image, Place, ReplicationSourceStatus, ReplicationView, Seen, UpkeepCall,
    granted, moving, shared_snapshots, shares_snapshots, waiting_for, wanted_of,
};
use crate::{
    model::{ImageId, Region, VolumeGrants},
    plan::{
        replication::{
            DestinationCall,
            decision::{Perhaps, call},
        },
        timing::Presence,
    },
};

/// What may stay, and where.
struct Revocation<'a> {
    region: &'a Region,
    /// Ours: nobody else's images were shared by us, and their permissions are not for us to see.
    account: &'a str,
    images: Grants,
    snapshots: Grants,
}

/// While something is taken back from the newest images, it is from those before them.
pub(super) fn of_former(view: &ReplicationView<'_>, eyes: &Eyes<'_>, place: &Place<'_>) -> Perhaps {
    if !is_reduced(view, place.is_source) {
        return Ok(None);
    }
    let former = match &place.former {
        Some(copies) => copies.clone(),
        None => former_sources(view, &place.image.id),
    };
    let unwanted = Revocation::of_the_unwanted(view, place.region, &place.image.owner_id, place.is_source);
    unwanted.of_any(view, eyes, former)
}

/// The same where the source is dead: those before it may not be, and snapshots of a disabled image keep their permissions.
pub(in super::super) fn beside_dead_source(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    source: &ReplicationSourceStatus,
) -> Perhaps {
    let id = &source.image_id;
    let images = std::iter::once(id).chain(former_sources(view, id)).collect();
    of_images(view, eyes, (&source.region, true), images)
}

/// The same of copies that stay and are no longer kept in sync.
pub(in super::super::super) fn of_copies(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    region: &Region,
    copies: Vec<&ImageId>,
) -> Perhaps {
    of_images(view, eyes, (region, false), copies)
}

fn of_images(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    (region, is_source): (&Region, bool),
    images: Vec<&ImageId>,
) -> Perhaps {
    let Some(first) = images.first().filter(|_| is_reduced(view, is_source)) else { return Ok(None) };
    let Seen::Present(account) = eyes.account(region)? else { return Ok(Some(waiting(region, first))) };
    Revocation::of_the_unwanted(view, region, &account, is_source).of_any(view, eyes, images)
}

/// Something that was granted is no longer wanted.
fn is_reduced(view: &ReplicationView<'_>, is_source: bool) -> bool {
    let private = shared_snapshots(view) && !shares_snapshots(view);
    private || !granted(view).without(&wanted_of(view, is_source)).is_empty()
}

/// All that was granted on the source, and on those before it.
pub(in super::super) fn of_sources(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    region: &Region,
    current: &ImageId,
) -> Perhaps {
    if view.status.granted.is_none() {
        return Ok(None);
    }
    let Seen::Present(account) = eyes.account(region)? else { return Ok(Some(waiting(region, current))) };
    let images = std::iter::once(current).chain(former_sources(view, current)).collect();
    let all =
        Revocation { region, account: &account, images: Grants::default(), snapshots: Grants::default() };
    all.of_any(view, eyes, images)
}

fn waiting(region: &Region, id: &ImageId) -> DestinationPlan {
    moving(waiting_for(region, id))
}

fn former_sources<'v>(view: &ReplicationView<'v>, current: &ImageId) -> Vec<&'v ImageId> {
    let newest = view.status.source.as_ref().map(|source| &source.image_id);
    view.status.sources().into_iter().filter(|id| *id != current && Some(*id) != newest).collect()
}

impl<'a> Revocation<'a> {
    fn of_the_unwanted(
        view: &ReplicationView<'_>,
        region: &'a Region,
        account: &'a str,
        is_source: bool,
    ) -> Self {
        let images = wanted_of(view, is_source);
        let snapshots = if shares_snapshots(view) { images.clone() } else { Grants::default() };
        Self { region, account, images, snapshots }
    }

    /// The first write that one of the images asks for.
    fn of_any(&self, view: &ReplicationView<'_>, eyes: &Eyes<'_>, images: Vec<&ImageId>) -> Perhaps {
        for id in images {
            if let Some(plan) = self.of(view, eyes, id)? {
                return Ok(Some(plan));
            }
        }
        Ok(None)
    }

    fn of(&self, view: &ReplicationView<'_>, eyes: &Eyes<'_>, id: &ImageId) -> Perhaps {
        let image = match Presence::of_image(eyes.image(self.region, id, view.resync())?) {
            Presence::There(image) if image.owner_id == self.account => image,
            Presence::Unsure => return Ok(Some(self.wait(id))),
            Presence::There(_) | Presence::Gone => return Ok(None),
        };
        let present = match eyes.launch_permissions(self.region, id, view.resync())? {
            Seen::Present(present) => present,
            Seen::Unknown | Seen::Absent(_) => return Ok(Some(self.wait(id))),
        };
        let surplus = present.common_with(&granted(view)).without(&self.images);
        if surplus.is_empty() {
            return self.of_snapshots(view, eyes, &image);
        }
        let change =
            UpkeepCall::ModifyLaunchPermissions { id: id.clone(), add: Grants::default(), remove: surplus };
        Ok(Some(self.write(id, change)))
    }

    fn of_snapshots(&self, view: &ReplicationView<'_>, eyes: &Eyes<'_>, image: &Image) -> Perhaps {
        if !shared_snapshots(view) {
            return Ok(None);
        }
        for id in image.snapshot_ids() {
            let present = match eyes.volume_permissions(self.region, &id, view.resync())? {
                Seen::Present(present) => present,
                Seen::Unknown | Seen::Absent(_) => return Ok(Some(self.wait(&image.id))),
            };
            let surplus = present.common_with(&granted(view)).without(&self.snapshots).accounts;
            let remove: Vec<String> = surplus.into_iter().take(super::CHUNK).collect();
            if !remove.is_empty() {
                let change = UpkeepCall::ModifyVolumePermissions { id, change: VolumeGrants::Remove(remove) };
                return Ok(Some(self.write(&image.id, change)));
            }
        }
        Ok(None)
    }

    fn wait(&self, id: &ImageId) -> DestinationPlan {
        waiting(self.region, id)
    }

    fn write(&self, id: &ImageId, change: UpkeepCall) -> DestinationPlan {
        let change = DestinationCall::Upkeep { region: self.region.clone(), call: change };
        call(change, waiting_for(self.region, id))
    }
}
