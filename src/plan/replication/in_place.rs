//! A copy that is there: it is checked periodically, repaired where it differs, and created again when it was removed.

use super::{
    CopyRecord, DestinationPlan, DriftKind, Eyes, Failure, Progress, ReplicationView, WaitingOn, cooling,
    decision::{Decided, blocked, moving, record, standing, with},
    former, place, timing,
};
use crate::{
    api::image_replication::DestinationStatus,
    model::{
        Image, ImageId, ImageState, Seen,
        ownership::{CLUSTER_ID, UID},
    },
    plan::{COPY_FAILED, Pace, build::why_failed},
};

/// Keeps the copy as the manifest wants it, or makes way for the next one.
pub(super) fn keep(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    copy: &DestinationStatus,
    id: &ImageId,
) -> Decided {
    let in_sync = copy.observed_generation == view.generation;
    let pace = if in_sync { view.resync() } else { Pace::Now };
    let waiting_on = WaitingOn::Tags { id: id.clone(), region: copy.region.clone() };
    Ok(match eyes.image(&copy.region, id, pace)? {
        Seen::Absent(absence) if timing::is_lost(absence, copy.made_at()) => {
            lost(copy, WaitingOn::CopyStart { region: copy.region.clone() })
        }
        Seen::Unknown | Seen::Absent(_) if in_sync => standing(Progress::Done),
        Seen::Unknown | Seen::Absent(_) => moving(waiting_on),
        Seen::Present(image) => {
            let plan = by_state(view, eyes, copy, &image, in_sync);
            if plan.step.is_some() || plan.progress != Progress::Done {
                return Ok(plan);
            }
            with(plan, former::retire(view, eyes, copy)?)
        }
    })
}

fn by_state(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    copy: &DestinationStatus,
    image: &Image,
    in_sync: bool,
) -> DestinationPlan {
    let (id, region) = (image.id.clone(), copy.region.clone());
    let waiting_on = WaitingOn::CopyStart { region: region.clone() };
    if !view.owner.owns(&image.tags) {
        return blocked(not_ours(view, copy, &id));
    }
    match &image.state {
        ImageState::Disabled if view.spec.launch_state.is_none() => {
            let message = format!(
                "copy {id} in {region} was disabled by somebody and cannot be launched; enable it again, or set spec.launchState"
            );
            blocked(Failure::new("CopyDisabled", message))
        }
        ImageState::Available
        | ImageState::Pending
        | ImageState::Transient
        | ImageState::Disabled
        | ImageState::Other(_) => place::copy(view, eyes, copy, image, in_sync),
        ImageState::Deregistered => lost(copy, waiting_on),
        ImageState::Invalid | ImageState::Failed | ImageState::Error => {
            let why = why_failed(image, &[]);
            let message = format!("copy {id} in {region} is {}: {why}", image.state);
            record(CopyRecord::Failed(Failure::new(COPY_FAILED, message)), waiting_on)
        }
    }
}

fn not_ours(view: &ReplicationView<'_>, copy: &DestinationStatus, id: &ImageId) -> Failure {
    let message = format!(
        "{id} in {} no longer has the ownership tags {CLUSTER_ID}={} and {UID}={}: it is left alone; restore them, or deregister it to have it copied again",
        copy.region, view.owner.cluster_id, view.owner.uid
    );
    Failure::new("CopyNotOwned", message)
}

/// Somebody removed a copy that was there, or that was on its way.
pub(super) fn lost(copy: &DestinationStatus, waiting_on: WaitingOn) -> DestinationPlan {
    // Its snapshots can be there still, and are paid for.
    if let Some(plan) = cooling::newest(copy) {
        return plan;
    }
    // They stay for now: whoever deregistered the copy may want it back from the Recycle Bin.
    let found = || {
        let id = copy.image_id.as_ref().map(ToString::to_string).unwrap_or_default();
        let snapshots: Vec<&str> = copy.snapshot_ids.iter().map(|snapshot| snapshot.0.as_str()).collect();
        format!(
            "copy {id} in {} was deregistered and is created again; its remaining snapshots ({}) are deleted with the next copy that is removed",
            copy.region,
            snapshots.join(", ")
        )
    };
    record(CopyRecord::Lost, waiting_on).repairing(copy.available_at.is_some(), DriftKind::Image, found)
}
