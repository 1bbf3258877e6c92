//! `transport: SSM`: the steps are commands of Systems Manager, one after the other, and the machine is stopped after the
//! last. A command has no token: it is written down, sent with a comment of its own, and found again by that. Its program
//! does its work once, however often it is sent.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{
    BuildCall, BuildRecord, BuildView, Decided, Decision, Eyes, Failure, Stage, WaitingOn, attempts, call,
    content, during, image, record, wait,
};
use crate::{
    api::image_build::{BuilderStatus, CommandStatus, SourceStatus, StepStatus},
    customize::{self, CLEANUP, Contents, Platform, StepCommand},
    model::{
        ClientToken, CommandId, CommandOutput, InstanceId, Invocation, InvocationStatus, Nonce, Ping, Seen,
        SendCommand, StepResult,
    },
    plan::{Pace, naming, timing},
};

const STAGE: Stage = Stage::Customizing;

/// The exit code of a step that was ended at its timeout, as the other transport and timeout(1) have it.
const TIMED_OUT: i32 = 124;

/// User data of a launch: nothing but a timer that powers the machine off should nobody drive it any more.
pub(super) fn user_data(
    view: &BuildView<'_>,
    source: &SourceStatus,
    contents: &Contents,
    token: &ClientToken,
) -> Result<Vec<u8>, Failure> {
    let customize = &view.spec.customize;
    if let Some(step) = customize::unsupported_on_windows(customize).filter(|_| source.is_windows()) {
        let message = format!(
            "step {step} is not supported on a Windows image; use script steps for PowerShell, file steps and reboot"
        );
        return Err(Failure::new("StepNotSupported", message));
    }
    commands(view, source, contents, token)?;
    let powered = Duration::from(customize.timeout) + timing::GUEST_GRACE + timing::DEAD_MAN_MARGIN;
    Ok(customize::dead_man_user_data(platform(source), powered.as_secs()))
}

fn platform(source: &SourceStatus) -> Platform {
    if source.is_windows() { Platform::Windows } else { Platform::Linux }
}

fn commands(
    view: &BuildView<'_>,
    source: &SourceStatus,
    contents: &Contents,
    token: &ClientToken,
) -> Result<Vec<StepCommand>, Failure> {
    let nonce = Nonce::for_token(token);
    customize::commands(&view.spec.customize, contents, &nonce, platform(source))
        .map_err(|too_large| Failure::new("CommandTooLarge", too_large.to_string()))
}

/// The machine runs: the agent first, then step by step, then the stop.
pub(super) fn running(
    view: &BuildView<'_>,
    eyes: &Eyes<'_>,
    builder: &BuilderStatus,
    id: &InstanceId,
) -> Decided {
    if builder.agent_online_at.is_none() {
        return agent(view, eyes, id);
    }
    if builder.stopping_at.is_some() {
        return Ok(stop(view, builder, id));
    }
    let Some(source) = &view.status.source else {
        return Ok(wait(STAGE, WaitingOn::SourceLookup { region: view.region() }));
    };
    let planned = content::of_attempt(view, builder)
        .and_then(|contents| commands(view, source, contents, &builder.client_token));
    let planned = match planned {
        Ok(planned) => planned,
        Err(failure) => return Ok(attempts::failed(view, STAGE, failure)),
    };
    let Some(next) = planned.iter().find(|c| !is_done(view, builder, &c.step)) else {
        return Ok(stop(view, builder, id));
    };
    match &builder.command {
        Some(command) if command.step == next.step => follow(view, eyes, builder, id, (next, command)),
        Some(_) | None => Ok(begin(view, id, next)),
    }
}

fn agent(view: &BuildView<'_>, eyes: &Eyes<'_>, id: &InstanceId) -> Decided {
    let waiting_on = WaitingOn::Agent { id: id.clone(), region: view.region() };
    let seen = eyes.agent(&view.spec.region, id, Pace::Now).map_err(during(STAGE))?;
    Ok(match seen.present().map(|agent| &agent.ping) {
        Some(Ping::Online) => record(STAGE, BuildRecord::AgentOnline, waiting_on),
        Some(Ping::ConnectionLost | Ping::Inactive | Ping::Other(_)) | None => wait(STAGE, waiting_on),
    })
}

/// Why a machine whose agent never reported is given up.
pub(super) fn no_agent(view: &BuildView<'_>, id: &InstanceId, timeout: &str) -> Failure {
    let profile = match &view.spec.builder.instance_profile {
        Some(name) => format!("instance profile {name} must allow what AmazonSSMManagedInstanceCore allows"),
        None => "builder.instanceProfile is not set, and must name a profile that allows what AmazonSSMManagedInstanceCore allows".to_owned(),
    };
    Failure::new(
        "AgentNotOnline",
        format!(
            "the Systems Manager agent of builder {id} in {} was not online within customize.timeout ({timeout}): {profile}, the source image must have the agent, and the subnet must be able to reach the ssm, ssmmessages and ec2messages endpoints",
            view.spec.region
        ),
    )
}

/// A step is done when its success is written down; the cleanup, which is no step, when its command is over.
fn is_done(view: &BuildView<'_>, builder: &BuilderStatus, step: &str) -> bool {
    let succeeded = |s: &StepStatus| s.name == step && s.result == StepResult::Succeeded;
    let over = builder.command.as_ref().is_some_and(|c| c.step == step && c.finished_at.is_some());
    over || view.status.steps.iter().any(succeeded)
}

/// Writes down the command before it is sent.
fn begin(view: &BuildView<'_>, id: &InstanceId, next: &StepCommand) -> Decision {
    let command = CommandStatus {
        step: next.step.clone(),
        requested_at: Time(view.now),
        command_id: None,
        uncertain: None,
        finished_at: None,
        cancelled_at: None,
    };
    record(STAGE, BuildRecord::Command(command), runs(view, id, &next.step))
}

fn runs(view: &BuildView<'_>, id: &InstanceId, step: &str) -> WaitingOn {
    WaitingOn::Guest { id: id.clone(), step: Some(step.to_owned()), region: view.region() }
}

fn follow(
    view: &BuildView<'_>,
    eyes: &Eyes<'_>,
    builder: &BuilderStatus,
    id: &InstanceId,
    (next, command): (&StepCommand, &CommandStatus),
) -> Decided {
    let region = &view.spec.region;
    let request = request(view, builder, id, next);
    let waiting_on = runs(view, id, &next.step);
    let age = timing::elapsed(command.requested_at.0, view.now);
    if command.command_id.is_none() && command.uncertain.is_none() && age < timing::RESEND_WITHOUT_LOOKUP {
        return Ok(call(STAGE, BuildCall::SendCommand(request), waiting_on));
    }
    let seen = eyes.commands(region, id, Pace::Every(timing::COMMAND_INTERVAL)).map_err(during(STAGE))?;
    let sent = seen.present().map(Vec::as_slice).unwrap_or_default();
    let Some(command_id) = &command.command_id else {
        return Ok(match naming::first_with_comment(sent, &request.comment) {
            Some(found) => record(STAGE, BuildRecord::CommandFound(found.command_id.clone()), waiting_on),
            None if seen != Seen::Unknown && age >= timing::COMMAND_WINDOW => {
                call(STAGE, BuildCall::SendCommand(request), waiting_on)
            }
            None => looking_again(waiting_on),
        });
    };
    Ok(match sent.iter().find(|i| i.command_id == *command_id) {
        Some(invocation) if invocation.status.is_final() => {
            ended(view, eyes, id, (next, command), invocation)
        }
        Some(_) | None => wait(STAGE, waiting_on),
    })
}

/// Nothing wakes the object when a list stays as it is.
fn looking_again(waiting_on: WaitingOn) -> Decision {
    Decision { check_after: Some(timing::COMMAND_INTERVAL), ..wait(STAGE, waiting_on) }
}

fn request(
    view: &BuildView<'_>,
    builder: &BuilderStatus,
    id: &InstanceId,
    next: &StepCommand,
) -> SendCommand {
    let timeout = Duration::from(view.spec.customize.timeout);
    let running_at = builder.running_at.as_ref().map_or(view.now, |t| t.0);
    let left = timing::remaining(running_at, timeout, view.now).as_secs();
    let allowed = next.timeout_seconds.map_or(left, |limit| limit.min(left));
    let seconds = (allowed + timing::COMMAND_GRACE).min(timing::LONGEST_COMMAND);
    SendCommand {
        region: view.region(),
        instance_id: id.clone(),
        document: next.document,
        comment: naming::command_comment(&Nonce::for_token(&builder.client_token), &next.step),
        commands: next.lines.clone(),
        execution_timeout_seconds: u32::try_from(seconds).unwrap_or(u32::MAX),
        delivery_timeout_seconds: timing::DELIVERY_SECONDS,
    }
}

/// The command is over. Its output is worth a look, but nothing waits for one that cannot be had.
fn ended(
    view: &BuildView<'_>,
    eyes: &Eyes<'_>,
    id: &InstanceId,
    (next, command): (&StepCommand, &CommandStatus),
    invocation: &Invocation,
) -> Decision {
    let output = match eyes.command_output(&view.spec.region, &invocation.command_id, id, Pace::Now) {
        Ok(Seen::Present(output)) => Some(output),
        Ok(Seen::Unknown) => return wait(STAGE, runs(view, id, &next.step)),
        Ok(Seen::Absent(absence)) if !timing::is_absent(absence) => {
            return wait(STAGE, runs(view, id, &next.step));
        }
        Ok(Seen::Absent(_)) | Err(_) => None,
    };
    let log = output.as_ref().map(tail).filter(|text| !text.is_empty());
    let step = StepStatus {
        name: next.step.clone(),
        result: result(&invocation.status),
        exit_code: exit_code(invocation),
        duration: Some(timing::human(timing::elapsed(command.requested_at.0, view.now).as_secs())),
    };
    if step.result == StepResult::Succeeded {
        let cleaned = output.map(|o| customize::cleaned(&o.stdout)).unwrap_or_default();
        return record(STAGE, BuildRecord::CommandDone { step, cleaned, log }, runs(view, id, &next.step));
    }
    let steps = view.status.steps.iter().filter(|s| s.name != step.name).cloned();
    let steps = steps.chain([step.clone()]).collect();
    attempts::failed_with(view, STAGE, step_failed(&step, id, invocation), steps, log)
}

fn tail(output: &CommandOutput) -> String {
    let CommandOutput { stdout, stderr, .. } = output;
    customize::log_text(&customize::tail(&format!("{}\n{stderr}", stdout.trim_end())))
}

fn result(status: &InvocationStatus) -> StepResult {
    if *status == InvocationStatus::Success { StepResult::Succeeded } else { StepResult::Failed }
}

fn exit_code(invocation: &Invocation) -> Option<i32> {
    let timed_out = (invocation.status == InvocationStatus::TimedOut).then_some(TIMED_OUT);
    invocation.exit_code.or(timed_out)
}

fn step_failed(step: &StepStatus, id: &InstanceId, invocation: &Invocation) -> Failure {
    let details = &invocation.status_details;
    let (name, command): (&str, &CommandId) = (&step.name, &invocation.command_id);
    let message = match step.exit_code.filter(|_| invocation.status == InvocationStatus::Failed) {
        Some(code) => format!("step {name} failed with exit code {code} on builder {id}"),
        None => format!("step {name} was not carried out on builder {id}: Systems Manager says {details}"),
    };
    Failure::new("StepFailed", format!("{message} (command {command}); its last output is in status.log"))
}

/// Whether nothing is left but the stop. That may have been made though nobody heard of it: an operator that died over the
/// call must not take its own stop for somebody else's, and fail a build that is done.
pub(super) fn are_done(builder: &BuilderStatus) -> bool {
    let cleaned = builder.command.as_ref().is_some_and(|c| c.step == CLEANUP && c.finished_at.is_some());
    cleaned || builder.stopping_at.is_some()
}

/// The steps are done: the machine is stopped, so that its disk is whole.
fn stop(view: &BuildView<'_>, builder: &BuilderStatus, id: &InstanceId) -> Decision {
    let waiting_on = WaitingOn::BuilderStop { id: id.clone(), region: view.region() };
    let region = view.region();
    let again = |since: &Time| timing::elapsed(since.0, view.now) >= timing::CONSISTENCY_WINDOW;
    if builder.stopping_at.as_ref().is_none_or(again) {
        return call(Stage::Stopping, BuildCall::StopInstances { region, id: id.clone() }, waiting_on);
    }
    wait(Stage::Stopping, waiting_on)
}

/// The machine is off after its last step.
pub(super) fn customized(view: &BuildView<'_>) -> Decision {
    let intent = image::intent(view, naming::image_name(view.spec, view.owner));
    let waiting_on = WaitingOn::ImageCreation { name: intent.name.clone(), region: view.region() };
    let (steps, cleaned) = (view.status.steps.clone(), view.status.cleaned.clone());
    record(Stage::CreatingImage, BuildRecord::Customized { steps, cleaned, image: intent }, waiting_on)
}

/// The command that runs on a machine which is to go: it is asked to end, so that nothing of it is done half.
pub(super) fn cancel(view: &BuildView<'_>, builder: &BuilderStatus, id: &InstanceId) -> Option<BuildCall> {
    let running = builder.command.as_ref().filter(|c| c.finished_at.is_none() && c.cancelled_at.is_none())?;
    let command_id = running.command_id.clone()?;
    Some(BuildCall::CancelCommand { region: view.region(), id: command_id, instance_id: id.clone() })
}
