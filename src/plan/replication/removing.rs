//! Removal of copies, with their snapshots.

use super::{
    DestinationCall, DestinationPlan, Eyes, ReplicationView, WaitingOn,
    decision::{Decided, call, moving},
};
use crate::{
    api::image_replication::DestinationStatus,
    model::ImageId,
    plan::removal::{self, Doomed, Origin, Removal, handed_over},
};

/// Removes this region's copy, and without `retain` the previous ones too; then goes on with `then`.
pub(super) fn copies(
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
        made_at: copy.made_at(),
        was_seen: copy.available_at.is_some() || copy.failure.is_some(),
    };
    let waiting_on = WaitingOn::ImageRemoval { id: copy.image_id.clone(), region: region.clone() };
    step(view, eyes, &doomed, waiting_on, then)
}

/// Removes one former copy; then goes on with `then`.
pub(super) fn former(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    copy: &DestinationStatus,
    id: &ImageId,
    then: impl FnOnce(Option<ImageId>) -> DestinationPlan,
) -> Decided {
    let region = &copy.region;
    let others = copy.previous.iter().map(|former| &former.image_id).filter(|other| *other != id);
    let keep: Vec<ImageId> = others.chain(&copy.image_id).cloned().collect();
    let handed_over = handed_over(&copy.used_snapshots, view.now);
    let doomed = Doomed {
        region,
        owner: view.owner,
        known: std::slice::from_ref(id),
        origin: Origin::Images(&[]),
        keep: &keep,
        handed_over: &handed_over,
        spare_available: false,
        made_at: copy.made_at(),
        was_seen: true,
    };
    let waiting_on = WaitingOn::ImageRemoval { id: Some(id.clone()), region: region.clone() };
    step(view, eyes, &doomed, waiting_on, then)
}

/// The next step of a removal; then goes on with `then`, which is told of an image that was spared.
fn step(
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

/// All images that a copy in this region can be one of.
fn sources(view: &ReplicationView<'_>, copy: &DestinationStatus) -> Vec<ImageId> {
    let former = copy.previous.iter().filter_map(|p| p.source_image_id.clone());
    let current = view.status.source.iter().map(|s| s.image_id.clone());
    copy.source_image_id.iter().cloned().chain(current).chain(former).collect()
}
