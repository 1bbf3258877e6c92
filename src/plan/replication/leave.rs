//! Leaving a region: usable copies stay or are removed as the policy says; unfinished ones are always removed.

use super::{
    CopyRecord, DestinationPlan, Eyes, Failure, Matter, Progress, ReplicationView, WaitingOn, cooling,
    decision::{Perhaps, moving, record, settled, standing, with},
    in_use::{self, Usage},
    place, removing,
};
use crate::{
    api::image_replication::DestinationStatus,
    model::{AwsError, Class, ImageId},
    plan::timing,
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
    if let Some(plan) = cooling::all(copy) {
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
    match removing::copies(view, eyes, copy, retain, dropped) {
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
            standing(Progress::Done).showing(Matter::PreviousRemoved, kept)
        };
        let held = DestinationPlan { check_after: Some(timing::NEEDS_HELP), ..held };
        // They may stay for years, and the receipt of a grant does not.
        return Ok(Some(with(held, place::revoke_from(view, eyes, &copy.region, images)?)));
    }
    Ok(None)
}
