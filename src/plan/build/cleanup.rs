//! Cleanup after a run: the builder is always removed, an image only if it never became available or policy says so.

use std::time::Duration;

use super::{
    BuildCall, BuildRecord, BuildStep, BuildView, CANCELLED, Decided, Decision, Eyes, Failure, Hidden, Stage,
    WaitingOn, call, commands, during, record, step, wait,
};
use crate::{
    api::{
        DeletionPolicy,
        image_build::{BuilderStatus, ImageStatus, OnFailure},
    },
    model::{ImageId, InstanceId, InstanceState, Seen},
    plan::{
        Pace, Progress, naming,
        removal::{self, Doomed, Origin, Removal, handed_over},
        timing,
    },
};

const STAGE: Stage = Stage::CleaningUp;

/// One thing to remove: what to do about it now, or nothing more.
type Cleared = Result<Option<Decision>, Hidden>;

pub(super) fn after_success(view: &BuildView<'_>, eyes: &Eyes<'_>) -> Decided {
    let todo = builder(view, eyes)?;
    Ok(todo.unwrap_or(Decision {
        step: Some(BuildStep::Record(BuildRecord::Completed)),
        stage: STAGE,
        progress: Progress::Done,
        check_after: None,
    }))
}

/// The failure stays what is shown while its leftovers are removed, and how to look at the builder if that is kept.
pub(super) fn after_failure(view: &BuildView<'_>, eyes: &Eyes<'_>, failure: &Failure) -> Decided {
    let todo = both(builder(view, eyes), unfinished_image(view, eyes))?;
    let mut decision = todo.unwrap_or_else(|| record(STAGE, BuildRecord::Completed, WaitingOn::Start));
    let mut shown = failure.clone();
    if let Progress::Moving(kept @ WaitingOn::KeptBuilder { .. }) = &decision.progress {
        shown.message = format!("{}; {kept}", shown.message);
    }
    decision.progress = Progress::Rejected(shown);
    Ok(decision)
}

/// The object is going: the builder, the image by its policy, then the finalizer.
pub(super) fn delete(view: &BuildView<'_>, eyes: &Eyes<'_>) -> Decided {
    if !view.held {
        return Ok(wait(STAGE, WaitingOn::Start));
    }
    let image = match view.spec.deletion_policy {
        DeletionPolicy::Retain => unfinished_image(view, eyes),
        DeletionPolicy::Delete => any_image(view, eyes),
    };
    let todo = both(builder(view, eyes), image)?;
    Ok(todo.unwrap_or_else(|| step(STAGE, BuildStep::Release, WaitingOn::Start)))
}

/// The builder first, as it costs the most; while one of the two is waited for, or cannot be seen, the other goes on.
fn both(builder: Cleared, image: Cleared) -> Cleared {
    let has_step = |cleared: &Cleared| matches!(cleared, Ok(Some(Decision { step: Some(_), .. })));
    if has_step(&builder) || (!has_step(&image) && !matches!(builder, Ok(None))) { builder } else { image }
}

/// An image that was never recorded as available; should EC2 have made it available all the same, it stays.
fn unfinished_image(view: &BuildView<'_>, eyes: &Eyes<'_>) -> Cleared {
    match &view.status.image {
        Some(image) if image.available_at.is_none() && image.removed_at.is_none() => {
            remove(view, eyes, image, true)
        }
        Some(_) | None => Ok(None),
    }
}

/// Also looks again at one that a failed run was done with: it may be an available one, which that had to spare.
fn any_image(view: &BuildView<'_>, eyes: &Eyes<'_>) -> Cleared {
    view.status.image.as_ref().map_or(Ok(None), |image| remove(view, eyes, image, false))
}

fn remove(view: &BuildView<'_>, eyes: &Eyes<'_>, image: &ImageStatus, spare_available: bool) -> Cleared {
    let region = view.region();
    let known: Vec<ImageId> = image.image_id.iter().cloned().collect();
    let handed_over = handed_over(&image.used_snapshots, view.now);
    let doomed = Doomed {
        region: &region,
        owner: view.owner,
        known: &known,
        origin: Origin::Instance(view.status.builder.as_ref().and_then(|b| b.instance_id.as_ref())),
        keep: &[],
        handed_over: &handed_over,
        spare_available,
        made_at: image.requested_at.0,
        was_seen: image.available_at.is_some(),
    };
    let waiting_on = WaitingOn::ImageRemoval { id: image.image_id.clone(), region: region.clone() };
    Ok(Some(match removal::of_images(eyes, &doomed, view.now).map_err(during(STAGE))? {
        Removal::Waiting(check_after) => Decision { check_after, ..wait(STAGE, waiting_on) },
        Removal::Unprotect(off) => call(STAGE, BuildCall::Upkeep { region, call: off }, waiting_on),
        Removal::Cooling { id, until, left } => {
            let waiting_on = WaitingOn::ProtectionCooldown { id, region, until };
            Decision { check_after: Some(left), ..wait(STAGE, waiting_on) }
        }
        Removal::Deregister(id) => call(STAGE, BuildCall::DeregisterImage { region, id }, waiting_on),
        Removal::DeleteSnapshot(id) => call(STAGE, BuildCall::DeleteSnapshot { region, id }, waiting_on),
        Removal::Spared(id) => record(STAGE, BuildRecord::ImageKept(id), waiting_on),
        Removal::Gone if image.removed_at.is_some() => return Ok(None),
        Removal::Gone => record(STAGE, BuildRecord::ImageGone, waiting_on),
    }))
}

/// The builder of the last attempt, then what an attempt before it may have left.
pub(super) fn builder(view: &BuildView<'_>, eyes: &Eyes<'_>) -> Cleared {
    let Some(builder) = &view.status.builder else { return Ok(None) };
    match &builder.instance_id {
        _ if builder.terminated_at.is_some() => stray(view, eyes),
        Some(id) => match kept(view, eyes, id) {
            Some(decision) => Ok(Some(decision)),
            None => terminate(view, eyes, builder, id).map(Some),
        },
        None if builder.refused.is_some() => stray(view, eyes),
        None => find(view, eyes, builder).map(Some),
    }
}

/// A launch that was refused for want of capacity may have been made by another operator, with the same token, while two of
/// them ran side by side: who heard of the refusal went on to the next attempt, and nobody knew that instance.
fn stray(view: &BuildView<'_>, eyes: &Eyes<'_>) -> Cleared {
    let region = &view.spec.region;
    let look = |attempt| {
        let token = naming::launch_token(view.owner, attempt);
        (attempt, eyes.instance_by_token(region, &token))
    };
    // All at once: missing capacity makes a hundred attempts, which one call tells of.
    let looks: Vec<_> = (1..view.status.attempt.unwrap_or(1)).map(look).collect();
    for (attempt, look) in looks {
        let id = match look.map_err(during(STAGE))? {
            Seen::Unknown => {
                return Ok(Some(wait(STAGE, WaitingOn::LaunchLookup { region: region.clone() })));
            }
            Seen::Present(left) if left.is_alive() && view.owner.owns_attempt(&left.tags, attempt) => left.id,
            Seen::Present(_) | Seen::Absent(_) => continue,
        };
        let waiting_on = WaitingOn::BuilderTermination { id: id.clone(), region: view.region() };
        let terminate = BuildCall::TerminateInstances { region: region.clone(), id };
        return Ok(Some(call(STAGE, terminate, waiting_on)));
    }
    Ok(None)
}

/// The builder of a failed run that somebody may want to look at; none where its time is over, it is gone already, or
/// nobody wants the run any more.
fn kept(view: &BuildView<'_>, eyes: &Eyes<'_>, id: &InstanceId) -> Option<Decision> {
    let failure = view.status.failure.as_ref()?;
    if view.deleting || view.spec.on_failure == OnFailure::Terminate || failure.reason == CANCELLED {
        return None;
    }
    let time = Duration::from(view.spec.keep_builder_for);
    let left = timing::remaining(failure.time.0, time, view.now);
    let seen = eyes.instance(&view.spec.region, id, Pace::Every(timing::LIVE_INTERVAL)).ok();
    let state = seen.as_ref().and_then(Seen::present).map(|instance| &instance.state);
    if left.is_zero() || state == Some(&InstanceState::Terminated) {
        return None;
    }
    let (region, until) = (view.region(), timing::later(failure.time.0, time));
    let mut decision = wait(STAGE, WaitingOn::KeptBuilder { id: id.clone(), region, until });
    decision.check_after = Some(left);
    Some(decision)
}

fn terminate(view: &BuildView<'_>, eyes: &Eyes<'_>, builder: &BuilderStatus, id: &InstanceId) -> Decided {
    let region = view.region();
    let waiting_on = WaitingOn::BuilderTermination { id: id.clone(), region: view.region() };
    let terminate = BuildCall::TerminateInstances { region: region.clone(), id: id.clone() };
    if builder.terminating_at.is_none() {
        let first = commands::cancel(view, builder, id).unwrap_or(terminate);
        return Ok(call(STAGE, first, waiting_on));
    }
    let gone = || record(STAGE, BuildRecord::BuilderGone, waiting_on.clone());
    Ok(match eyes.instance(&region, id, Pace::Tick).map_err(during(STAGE))? {
        Seen::Unknown => wait(STAGE, waiting_on),
        Seen::Absent(absence) if timing::is_gone(absence, builder.requested_at.0) => gone(),
        Seen::Absent(_) => wait(STAGE, waiting_on),
        Seen::Present(instance) => match instance.state {
            InstanceState::Terminated => gone(),
            InstanceState::ShuttingDown => wait(STAGE, waiting_on),
            InstanceState::Pending
            | InstanceState::Running
            | InstanceState::Stopping
            | InstanceState::Stopped
            | InstanceState::Other(_) => call(STAGE, terminate, waiting_on),
        },
    })
}

/// The launch may have happened though nobody heard of it: only after the consistency window is its absence believed.
fn find(view: &BuildView<'_>, eyes: &Eyes<'_>, builder: &BuilderStatus) -> Decided {
    let region = &view.spec.region;
    let waiting_on = WaitingOn::LaunchLookup { region: region.clone() };
    Ok(match eyes.instance_by_token(region, &builder.client_token).map_err(during(STAGE))? {
        Seen::Present(instance) if view.owner.owns(&instance.tags) => {
            record(STAGE, BuildRecord::Launched(Box::new(instance)), waiting_on)
        }
        // What does not carry our tags is not ours to remove: the failure has named it.
        Seen::Present(_) => record(STAGE, BuildRecord::BuilderGone, waiting_on),
        Seen::Absent(absence) if timing::is_gone(absence, builder.requested_at.0) => {
            record(STAGE, BuildRecord::BuilderGone, waiting_on)
        }
        Seen::Unknown | Seen::Absent(_) => wait(STAGE, waiting_on),
    })
}
