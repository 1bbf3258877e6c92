//! Watching the builder run its steps, and trusting only what it says in the right way.

use std::time::Duration;

use super::{
    BuildRecord, BuildView, Decided, Decision, Eyes, Failure, Stage, WaitingOn, current_stage, during, fail,
    fail_with, image, record, wait,
};
use crate::{
    api::image_build::{BuilderStatus, StepResult, StepStatus},
    customize::{self, Nonce, Outcome, Verdict},
    model::{Instance, InstanceId, InstanceState, Seen, StateReason},
    plan::{Pace, naming, timing},
};

pub(super) fn watch(
    view: &BuildView<'_>,
    eyes: &Eyes<'_>,
    builder: &BuilderStatus,
    id: &InstanceId,
) -> Decided {
    if builder.stopped_at.is_some() {
        return verdict(view, eyes, builder, id);
    }
    let stage = current_stage(view.status);
    Ok(match eyes.instance(&view.spec.region, id, Pace::Tick).map_err(during(stage))? {
        Seen::Unknown => as_before(view, builder, id),
        Seen::Absent { checks, since } => missing(view, builder, id, checks, since),
        Seen::Present(instance) => by_state(view, builder, &instance),
    })
}

/// What was last known stands: an answer that says nothing, or is older than the one before, takes no stage back.
fn as_before(view: &BuildView<'_>, builder: &BuilderStatus, id: &InstanceId) -> Decision {
    let id = id.clone();
    let waiting_on = match builder.running_at {
        Some(_) => WaitingOn::Guest { id },
        None => WaitingOn::BuilderStart { id },
    };
    wait(current_stage(view.status), waiting_on)
}

fn missing(
    view: &BuildView<'_>,
    builder: &BuilderStatus,
    id: &InstanceId,
    checks: u32,
    since: jiff::Timestamp,
) -> Decision {
    if timing::is_gone(checks, since, builder.requested_at.0, view.now) {
        let message = format!("builder {id} is no longer in {}: somebody terminated it", view.spec.region);
        return fail(current_stage(view.status), Failure::new("BuilderGone", message));
    }
    as_before(view, builder, id)
}

fn by_state(view: &BuildView<'_>, builder: &BuilderStatus, instance: &Instance) -> Decision {
    let id = instance.id.clone();
    match &instance.state {
        InstanceState::Pending | InstanceState::Other(_) => as_before(view, builder, &id),
        InstanceState::Running => running(view, builder, id),
        InstanceState::Stopping => wait(Stage::Stopping, WaitingOn::BuilderStop { id }),
        InstanceState::Stopped => stopped(view, instance),
        InstanceState::ShuttingDown | InstanceState::Terminated => died(view, builder, instance),
    }
}

fn running(view: &BuildView<'_>, builder: &BuilderStatus, id: InstanceId) -> Decision {
    let Some(since) = &builder.running_at else {
        return record(Stage::Customizing, BuildRecord::Running, WaitingOn::Guest { id });
    };
    let timeout = Duration::from(view.spec.customize.timeout);
    let left = timing::remaining(since.0, timeout + timing::GUEST_GRACE, view.now);
    if left.is_zero() {
        let message = format!(
            "builder {id} was still running when customize.timeout ({timeout:?}) was over; raise it, or look at what the steps wait for"
        );
        return fail(Stage::Customizing, Failure::new("CustomizeTimeout", message));
    }
    let mut decision = wait(Stage::Customizing, WaitingOn::Guest { id });
    decision.check_after = Some(left);
    decision
}

/// Only a machine that its own guest shut down can have finished its steps: one that was stopped through the API, or by
/// AWS, was interrupted, and its disk may hold half of them.
fn stopped(view: &BuildView<'_>, instance: &Instance) -> Decision {
    let id = instance.id.clone();
    let code = instance.state_reason.as_ref().map_or("no reason", |r| r.code.as_str());
    if code == StateReason::GUEST_SHUTDOWN {
        return record(Stage::Stopping, BuildRecord::Stopped, WaitingOn::Console { id });
    }
    let message = format!(
        "builder {id} in {} was stopped from outside ({code}) before its steps were done",
        view.spec.region
    );
    fail(Stage::Customizing, Failure::new("BuilderInterrupted", message))
}

/// Terminated: where EC2 gave up on a launch that it had accepted, another type or subnet may do; else it is a failure.
fn died(view: &BuildView<'_>, builder: &BuilderStatus, instance: &Instance) -> Decision {
    let (code, text) =
        instance.state_reason.as_ref().map_or(("no reason", ""), |r| (r.code.as_str(), r.message.as_str()));
    let id = &instance.id;
    let said = format!("builder {id} in {} was terminated: {code}: {text}", view.spec.region);
    if builder.running_at.is_none() && code.starts_with("Server.") {
        return record(
            Stage::Launching,
            BuildRecord::Refused(Failure::new("LaunchFailed", said)),
            WaitingOn::BuilderStart { id: id.clone() },
        );
    }
    let hint = if code == "Client.InternalError" {
        "; most often the operator's role may not use the KMS key of a volume: it needs kms:CreateGrant, kms:Decrypt and kms:GenerateDataKeyWithoutPlaintext"
    } else {
        ""
    };
    fail(current_stage(view.status), Failure::new("BuilderTerminated", format!("{said}{hint}")))
}

fn verdict(view: &BuildView<'_>, eyes: &Eyes<'_>, builder: &BuilderStatus, id: &InstanceId) -> Decided {
    let seen = eyes.console(&view.spec.region, id).map_err(during(Stage::Stopping))?;
    let text = seen.present().map(String::as_str).unwrap_or_default();
    let verdict = customize::read_verdict(text, &Nonce::for_token(&builder.client_token));
    let steps = step_statuses(&verdict);
    Ok(match verdict.outcome {
        Some(Outcome::Succeeded) => {
            let intent = image::intent(view, naming::image_name(view.spec, view.owner));
            let waiting_on = WaitingOn::ImageCreation { name: intent.name.clone() };
            record(
                Stage::CreatingImage,
                BuildRecord::Customized { steps, cleaned: verdict.cleaned, image: intent },
                waiting_on,
            )
        }
        Some(Outcome::Failed) => {
            fail_with(Stage::Customizing, step_failed(&verdict, id), steps, log(&verdict))
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
            "builder {id} in {} powered off without a verdict on its serial console; its image may lack cloud-init, or a step shut the machine down",
            view.spec.region
        );
        return fail_with(Stage::Customizing, Failure::new("NoVerdict", message), steps, log(verdict));
    }
    let mut decision = wait(Stage::Stopping, WaitingOn::Console { id: id.clone() });
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
            format!("the steps failed on builder {id} without saying which; the last output is in status.log")
        }
    };
    Failure::new("StepFailed", message)
}

fn log(verdict: &Verdict) -> Option<String> {
    (!verdict.log.is_empty()).then(|| verdict.log.join("\n"))
}

fn step_statuses(verdict: &Verdict) -> Vec<StepStatus> {
    verdict.steps.iter().map(step_status).collect()
}

fn step_status(step: &customize::StepReport) -> StepStatus {
    StepStatus {
        name: step.name.clone(),
        result: step.result,
        exit_code: step.exit_code,
        duration: step.seconds.map(|s| format!("{s}s")),
    }
}
