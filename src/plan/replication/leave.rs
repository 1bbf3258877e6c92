//! Leaving a region: usable copies stay or are removed as the policy says; unfinished ones are always removed.

use super::{
    CopyRecord, DestinationCall, DestinationPlan, Eyes, Failure, Matter, Progress, ReplicationView,
    WaitingOn,
    decision::{Decided, Perhaps, call, moving, record, settled, standing, with},
    destination::requested_at,
    former,
    in_use::{self, Usage},
    place,
};
use crate::{
    api::image_replication::DestinationStatus,
    model::{AwsError, Class, ImageId, Region, SnapshotId},
    plan::{
        UpkeepCall,
        removal::{self, Doomed, Origin, Removal, handed_over},
        timing,
    },
};

/// The region is no longer wanted. With `retain`, what is usable is handed over; an unfinished copy always goes.
pub(super) fn leave(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    copy: &DestinationStatus,
    retain: bool,
) -> DestinationPlan {
    let dropped =
        |_| record(CopyRecord::Dropped, WaitingOn::ImageRemoval { id: None, region: copy.region.clone() });
    let handed_over = copy.available_at.is_some() || copy.requested_at.is_none();
    if let Some(plan) = cool_down(copy).or_else(|| former::cool_down(copy, |_, _| false)) {
        return plan;
    }
    if retain && handed_over {
        return dropped(None);
    }
    if !retain {
        // First, as a parameter of ours names the image too.
        if let Some(plan) = place::withdrawal::of_copy(view, eyes, copy) {
            return plan;
        }
        if let Some(plan) = held_by_use(view, eyes, copy).transpose() {
            return settled(plan);
        }
    }
    let never_made = copy.image_id.is_none() && copy.previous.is_empty();
    match remove(view, eyes, copy, retain, dropped) {
        // Where there is no region, or none for this account, nothing can be left: else what was never made there could never
        // be taken off.
        Err(error) if never_made && is_no_place(&error, copy) => dropped(None),
        decided => settled(decided),
    }
}

/// A region that is off may have been on when a call was made whose answer was lost.
fn is_no_place(error: &AwsError, copy: &DestinationStatus) -> bool {
    let class = error.class();
    class == Class::NoSuchRegion || (class == Class::RegionOff && copy.uncertain.is_none())
}

/// Fast snapshot restore is paid for by the hour, and nobody would look after it any more.
pub(super) fn cool_down(copy: &DestinationStatus) -> Option<DestinationPlan> {
    let zones = copy.applied.fast_snapshot_restore_zones.clone();
    let (region, ids) = (copy.region.clone(), copy.snapshot_ids.clone());
    let waiting_on = WaitingOn::ImageRemoval { id: copy.image_id.clone(), region: region.clone() };
    (!zones.is_empty()).then(|| switch_off(region, ids, zones, waiting_on))
}

/// Switches fast snapshot restore off.
pub(super) fn switch_off(
    region: Region,
    ids: Vec<SnapshotId>,
    zones: Vec<String>,
    waiting_on: WaitingOn,
) -> DestinationPlan {
    let off = UpkeepCall::DisableFastRestores { ids, zones };
    call(DestinationCall::Upkeep { region, call: off }, waiting_on)
}

/// Removes this region's copy, and without `retain` the previous ones too; then goes on with `then`.
pub(super) fn remove(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    copy: &DestinationStatus,
    retain: bool,
    then: impl FnOnce(Option<ImageId>) -> DestinationPlan,
) -> Decided {
    let region = copy.region.clone();
    let previous: Vec<ImageId> = copy.previous.iter().map(|p| p.image_id.clone()).collect();
    let mut known: Vec<ImageId> = copy.image_id.iter().cloned().collect();
    if !retain {
        known.extend(previous.iter().cloned());
    }
    let sources = sources(view, copy);
    let handed_over = handed_over(&copy.used_snapshots, view.now);
    let doomed = Doomed {
        region: &region,
        owner: view.owner,
        known: &known,
        origin: Origin::Images(&sources),
        keep: if retain { &previous } else { &[] },
        handed_over: &handed_over,
        spare_available: retain,
        made_at: requested_at(copy),
        was_seen: copy.available_at.is_some() || copy.failure.is_some(),
    };
    let waiting_on = WaitingOn::ImageRemoval { id: copy.image_id.clone(), region: region.clone() };
    remove_doomed(view, eyes, &doomed, waiting_on, then)
}

/// The next step of a removal; then goes on with `then`, which is told of an image that was spared.
pub(super) fn remove_doomed(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    doomed: &Doomed<'_>,
    waiting_on: WaitingOn,
    then: impl FnOnce(Option<ImageId>) -> DestinationPlan,
) -> Decided {
    let region = doomed.region.clone();
    Ok(match removal::of_images(eyes, doomed, view.now)? {
        Removal::Waiting(check_after) => DestinationPlan { check_after, ..moving(waiting_on) },
        Removal::Unprotect(off) => call(DestinationCall::Upkeep { region, call: off }, waiting_on),
        Removal::Cooling { id, until, left } => {
            let waiting_on = WaitingOn::ProtectionCooldown { id, region, until };
            DestinationPlan { check_after: Some(left), ..moving(waiting_on) }
        }
        Removal::Deregister(id) => call(DestinationCall::DeregisterImage { region, id }, waiting_on),
        Removal::DeleteSnapshot(id) => call(DestinationCall::DeleteSnapshot { region, id }, waiting_on),
        Removal::Spared(id) => then(Some(id)),
        Removal::Gone => then(None),
    })
}

/// A finished copy, or one of a former source, that is in use holds up the removal of the region's copies. An object that
/// is to stay is ready all the same.
fn held_by_use(view: &ReplicationView<'_>, eyes: &Eyes<'_>, copy: &DestinationStatus) -> Perhaps {
    let images: Vec<&ImageId> =
        copy.finished().into_iter().chain(copy.previous.iter().map(|former| &former.image_id)).collect();
    for id in &images {
        let why = match in_use::of(view, eyes, &copy.region, id)? {
            Usage::Free => continue,
            Usage::Unknown => {
                let (id, region) = (Some((*id).clone()), copy.region.clone());
                return Ok(Some(moving(WaitingOn::ImageRemoval { id, region })));
            }
            Usage::Used(why) => why,
        };
        let held = if view.deleting {
            moving(WaitingOn::Disuse { why })
        } else {
            let message = format!(
                "{why}: the copies in {} stay; set spec.protectInUse to false to remove them anyway",
                copy.region
            );
            let kept = Progress::Blocked(Failure::new("ImageInUse", message));
            standing(Progress::Done).showing(Matter::FormerRemoved, kept)
        };
        let held = DestinationPlan { check_after: Some(timing::NEEDS_HELP), ..held };
        // They may stay for years, and the receipt of a grant does not.
        return Ok(Some(with(held, place::revoke_from(view, eyes, &copy.region, images)?)));
    }
    Ok(None)
}

/// All images that a copy in this region can be one of.
fn sources(view: &ReplicationView<'_>, copy: &DestinationStatus) -> Vec<ImageId> {
    let former = copy.previous.iter().filter_map(|p| p.source_image_id.clone());
    let current = view.status.source.iter().map(|s| s.image_id.clone());
    copy.source_image_id.iter().cloned().chain(current).chain(former).collect()
}
