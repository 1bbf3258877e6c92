//! `transport: UserData`: the guest runs the steps by itself and reports the result on its serial console.

use super::{
    BuildRecord, BuildView, Decided, Decision, Eyes, Failure, Stage, WaitingOn, attempts, during, image,
    record, wait,
};
use crate::{
    api::image_build::{BuilderStatus, SourceStatus, StepStatus},
    customize::{self, Contents},
    model::{
        ClientToken, ConsoleView, GuestOutcome, InstanceId, Nonce, Seen, StepReport, StepResult, Verdict,
    },
    plan::{Pace, naming, timing},
};

/// The program of a launch with this token.
pub(super) fn user_data(
    view: &BuildView<'_>,
    source: &SourceStatus,
    contents: &Contents,
    token: &ClientToken,
) -> Result<Vec<u8>, Failure> {
    if source.is_windows() {
        let message = format!(
            "source image {} is a Windows image, whose console does not report the steps; set customize.transport to SSM",
            source.image_id
        );
        return Err(Failure::new("TransportNotSupported", message));
    }
    customize::user_data(&view.spec.customize, contents, &Nonce::for_token(token))
        .map_err(|too_large| Failure::new("UserDataTooLarge", too_large.to_string()))
}

/// The guest runs its steps: what its console says so far is only shown. A console that cannot be read now (types on the
/// Xen hypervisor show theirs after a stop only) hides nothing that matters.
pub(super) fn running(
    view: &BuildView<'_>,
    eyes: &Eyes<'_>,
    builder: &BuilderStatus,
    id: &InstanceId,
) -> Decision {
    let nonce = Nonce::for_token(&builder.client_token);
    let pace = Pace::Every(timing::LIVE_INTERVAL);
    let seen = eyes.verdict(&view.spec.region, id, &nonce, ConsoleView::Latest, pace);
    let said = seen.as_ref().ok().and_then(Seen::present);
    let steps = said.map(|verdict| steps_with(&view.status.steps, verdict)).unwrap_or_default();
    let step = steps.iter().find(|s| s.result == StepResult::Running).map(|s| s.name.clone());
    let waiting_on = WaitingOn::Guest { id: id.clone(), step, region: view.region() };
    if steps.is_empty() || steps == view.status.steps {
        return wait(Stage::Customizing, waiting_on);
    }
    record(Stage::Customizing, BuildRecord::Steps(steps), waiting_on)
}

/// The machine is off: what it said in the end counts.
pub(super) fn verdict(
    view: &BuildView<'_>,
    eyes: &Eyes<'_>,
    builder: &BuilderStatus,
    id: &InstanceId,
) -> Decided {
    let nonce = Nonce::for_token(&builder.client_token);
    let seen = eyes
        .verdict(&view.spec.region, id, &nonce, ConsoleView::Posted, Pace::Now)
        .map_err(during(Stage::Stopping))?;
    // An operator that was away for longer than the console may take has not looked yet: only an answer can be without a
    // verdict, and a finished build must not be given up for one that nobody asked for.
    if matches!(seen, Seen::Unknown) {
        return Ok(wait(Stage::Stopping, WaitingOn::Console { id: id.clone(), region: view.region() }));
    }
    let verdict = seen.present().cloned().unwrap_or_default();
    let steps = steps_with(&view.status.steps, &verdict);
    Ok(match verdict.outcome {
        Some(GuestOutcome::Succeeded) => {
            let intent = image::intent(view, naming::image_name(view.spec, view.owner));
            let waiting_on = WaitingOn::ImageCreation { name: intent.name.clone(), region: view.region() };
            record(
                Stage::CreatingImage,
                BuildRecord::Customized { steps, cleaned: verdict.cleaned, image: intent },
                waiting_on,
            )
        }
        Some(GuestOutcome::Failed) => {
            attempts::failed_with(view, Stage::Customizing, step_failed(&verdict, id), steps, log(&verdict))
        }
        None => no_verdict(view, builder, id, steps, &verdict),
    })
}

fn no_verdict(
    view: &BuildView<'_>,
    builder: &BuilderStatus,
    id: &InstanceId,
    steps: Vec<StepStatus>,
    verdict: &Verdict,
) -> Decision {
    let stopped_at = builder.stopped_at.as_ref().map_or(view.now, |t| t.0);
    let left = timing::remaining(stopped_at, timing::CONSOLE_WINDOW, view.now);
    if left.is_zero() {
        let message = format!(
            "builder {id} in {} powered off without reporting a result on its serial console; its image may lack cloud-init, or a step shut it down",
            view.spec.region
        );
        let failure = Failure::new("NoVerdict", message);
        return attempts::failed_with(view, Stage::Customizing, failure, steps, log(verdict));
    }
    let mut decision = wait(Stage::Stopping, WaitingOn::Console { id: id.clone(), region: view.region() });
    decision.check_after = Some(left);
    decision
}

fn step_failed(verdict: &Verdict, id: &InstanceId) -> Failure {
    let failed = verdict.steps.iter().find(|s| s.result == StepResult::Failed);
    let message = match failed {
        Some(step) => format!(
            "step {} failed with exit code {} on builder {id}; its last output is in status.log",
            step.name,
            step.exit_code.unwrap_or(-1)
        ),
        None => {
            format!(
                "a step failed on builder {id}, which did not report the name; the last output is in status.log"
            )
        }
    };
    Failure::new("StepFailed", message)
}

fn log(verdict: &Verdict) -> Option<String> {
    (!verdict.log.is_empty()).then(|| customize::log_text(&verdict.log))
}

/// What was known of the steps and what the console says now. Its head may be lost by now, and an older view of it may
/// come after a newer one: a step never goes back.
fn steps_with(known: &[StepStatus], verdict: &Verdict) -> Vec<StepStatus> {
    let mut steps = known.to_vec();
    for said in verdict.steps.iter().map(step_status) {
        match steps.iter_mut().find(|known| known.name == said.name) {
            Some(known) if known.result == StepResult::Running => *known = said,
            Some(_) => {}
            None => steps.push(said),
        }
    }
    steps
}

fn step_status(step: &StepReport) -> StepStatus {
    StepStatus {
        name: step.name.clone(),
        result: step.result,
        exit_code: step.exit_code,
        duration: step.seconds.map(|s| format!("{s}s")),
    }
}
