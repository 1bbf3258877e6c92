//! Settings of an image before its run counts as succeeded, and its launch state afterwards.

use super::{
    BuildCall, BuildRecord, BuildView, Decided, Decision, Eyes, Failure, Stage, WaitingOn, call, during,
    record, wait,
};
use crate::{
    api::{
        LaunchState,
        image_build::{FinishedImage, ImageStatus},
    },
    model::{Image, ImageId, ImageState, Seen},
    plan::{Pace, Progress, UpkeepCall, lifecycle, timing},
};

const STAGE: Stage = Stage::CleaningUp;

/// The next thing that the image of a run lacks. Protection comes last: what fails before it can still be removed at once.
pub(super) fn lacks(view: &BuildView<'_>, image: &Image) -> Option<UpkeepCall> {
    let wanted = &view.spec.image;
    let imds = || {
        let lacking = wanted.require_imdsv2 && !lifecycle::requires_imdsv2(image);
        lacking.then(|| UpkeepCall::RequireImdsV2(image.id.clone()))
    };
    let deprecation = || {
        let wanted = lifecycle::deprecate_at(wanted.deprecate_after?.into(), image)?;
        let at = lifecycle::deprecation(wanted, image, None, view.now)?;
        Some(UpkeepCall::EnableImageDeprecation { id: image.id.clone(), at })
    };
    let protection = || lifecycle::protection(wanted.deregistration_protection, image);
    imds().or_else(deprecation).or_else(protection)
}

/// The image of a run that succeeded is retired, or taken back into use. It is looked at only where that is asked for.
pub(super) fn after_the_run(view: &BuildView<'_>, eyes: &Eyes<'_>) -> Decided {
    let Some(image) = &view.status.image else { return Ok(done()) };
    let Some(id) = image.image_id.clone() else { return Ok(done()) };
    if image.state == Some(FinishedImage::Gone) {
        return Ok(Decision { progress: Progress::Rejected(gone(image, &id)), ..done() });
    }
    let Some(wanted) = view.spec.launch_state else { return Ok(done()) };
    let is_as_wanted = shown_as(image) == wanted;
    if view.spec.suspend {
        return Ok(if is_as_wanted { done() } else { wait(STAGE, WaitingOn::Suspended) });
    }
    let region = &image.region;
    let waiting_on = WaitingOn::Lifecycle { id: id.clone(), region: region.clone() };
    let seen = match eyes.image(region, &id, Pace::Every(timing::FINISHED_INTERVAL)) {
        Ok(Seen::Present(seen)) => seen,
        Ok(Seen::Absent(absence)) if timing::is_lost(absence, image.requested_at.0) => {
            return Ok(record(STAGE, BuildRecord::ImageSeen(FinishedImage::Gone), waiting_on));
        }
        // What is as wanted so far as anybody knows is not told otherwise for want of an answer.
        Ok(Seen::Unknown | Seen::Absent(_)) | Err(_) if is_as_wanted => return Ok(done()),
        Ok(Seen::Unknown | Seen::Absent(_)) => return Ok(wait(STAGE, waiting_on)),
        Err(error) => return Err(during(STAGE)(error)),
    };
    let Some(state) = state(&seen) else { return Ok(done()) };
    let decision = match (state, lifecycle::launch_state(Some(wanted), &seen)) {
        (FinishedImage::Enabled | FinishedImage::Disabled, Some(to_do)) => {
            let region = region.clone();
            call(STAGE, BuildCall::Upkeep { region, call: to_do }, waiting_on)
        }
        (FinishedImage::Enabled | FinishedImage::Disabled, None) if is_as_wanted => done(),
        (FinishedImage::Enabled | FinishedImage::Disabled | FinishedImage::Gone, _) => {
            record(STAGE, BuildRecord::ImageSeen(state), waiting_on)
        }
    };
    Ok(decision)
}

/// Nothing brings a deregistered image back.
fn gone(image: &ImageStatus, id: &ImageId) -> Failure {
    let message = format!(
        "image {id} is no longer in {}: somebody deregistered it; create a new ImageBuild, or delete this one",
        image.region
    );
    Failure::new("ImageGone", message)
}

/// None: EC2 is about to change it, or says something that this version does not know.
fn state(image: &Image) -> Option<FinishedImage> {
    match &image.state {
        ImageState::Available => Some(FinishedImage::Enabled),
        ImageState::Disabled => Some(FinishedImage::Disabled),
        ImageState::Deregistered => Some(FinishedImage::Gone),
        ImageState::Pending
        | ImageState::Invalid
        | ImageState::Transient
        | ImageState::Failed
        | ImageState::Error
        | ImageState::Other(_) => None,
    }
}

/// As the run left it, unless it was seen otherwise.
fn shown_as(image: &ImageStatus) -> LaunchState {
    match image.state {
        None | Some(FinishedImage::Enabled | FinishedImage::Gone) => LaunchState::Enabled,
        Some(FinishedImage::Disabled) => LaunchState::Disabled,
    }
}

fn done() -> Decision {
    Decision { step: None, stage: STAGE, progress: Progress::Done, check_after: None }
}
