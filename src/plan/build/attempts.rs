//! Failed builders: each is removed, and the run is retried on a new one, as often as `backoffLimit` allows.

use super::{
    BuildRecord, BuildView, Decided, Decision, Eyes, Failure, Stage, WaitingOn, cleanup, fail_with, launch,
    record, wait,
};
use crate::{
    api::image_build::{FailureStatus, StepStatus},
    plan::timing,
};

/// The attempt is over without an image. What it says of itself stays until the next one begins.
pub(super) fn failed(view: &BuildView<'_>, stage: Stage, failure: Failure) -> Decision {
    failed_with(view, stage, failure, Vec::new(), None)
}

pub(super) fn failed_with(
    view: &BuildView<'_>,
    stage: Stage,
    failure: Failure,
    steps: Vec<StepStatus>,
    log: Option<String>,
) -> Decision {
    let (failed, allowed) = (view.status.failed_attempts + 1, view.spec.backoff_limit + 1);
    if failed >= allowed {
        let last = Failure { message: of_several(&failure.message, allowed), ..failure };
        return fail_with(stage, last, steps, log);
    }
    let waiting_on = retry(failed, allowed, &failure);
    record(stage, BuildRecord::AttemptFailed { failure, steps, log }, waiting_on)
}

fn of_several(message: &str, attempts: i32) -> String {
    if attempts == 1 { message.to_owned() } else { format!("{message} (the last of {attempts} builders)") }
}

fn retry(failed: i32, allowed: i32, failure: &Failure) -> WaitingOn {
    let Failure { reason, message } = failure;
    WaitingOn::Retry { failed, allowed, message: format!("{reason}: {message}") }
}

/// The transition from a failed builder to the next: never two at a time, with increasing delays.
pub(super) fn again(view: &BuildView<'_>, eyes: &Eyes<'_>, why: &FailureStatus) -> Decided {
    let waiting_on = retry(view.status.failed_attempts, view.spec.backoff_limit + 1, &why.into());
    if let Some(mut decision) = cleanup::builder(view, eyes)? {
        decision.progress = super::Progress::Moving(waiting_on);
        return Ok(decision);
    }
    let pause = timing::attempt_delay(view.status.failed_attempts);
    let left = timing::remaining(why.time.0, pause, view.now);
    if left.is_zero() {
        return Ok(launch::begin_anew(view));
    }
    let mut decision = wait(Stage::Launching, waiting_on);
    decision.check_after = Some(left);
    Ok(decision)
}
