//! The status of an `ImageBuild`.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{
    Outcome, Seeing, conditions,
    receipts::{failure_status, in_use, uncertain},
};
use crate::{
    api::{
        ImageBuildStatus,
        image_build::{BuilderStatus, CommandStatus, ImageStatus, StageStatus, StepStatus},
    },
    customize::CLEANUP,
    model::{AwsError, Class, CommandId, Disposition, ImageId, Instance},
    plan::{
        Failure, Progress, WaitingOn,
        build::{BuildCall, BuildPlan, BuildRecord, BuildStep, BuildView, Stage},
        timing,
    },
};

mod shown;
#[cfg(test)]
mod tests;

/// Computes the new status: first the receipts, then the conditions derived from them.
pub fn project(view: &BuildView<'_>, plan: &BuildPlan, outcome: &Outcome, seen: &Seeing) -> ImageBuildStatus {
    let mut status = view.status.clone();
    if let Some(step) = &plan.step {
        apply(&mut status, step, outcome, view.now);
    }
    status.observed_generation = seen.generation;
    status.last_handled_reconcile_at.clone_from(&seen.reconcile_requested_at);
    let progress = progress_after(view, plan, outcome, &status);
    status.progress = conditions::percent(&progress);
    if progress != Progress::Moving(WaitingOn::Suspended) && !view.deleting {
        enter_stage(&mut status, plan.stage, view.now);
    }
    shown::set_conditions(&mut status, &progress, seen.generation, view.now);
    status
}

fn apply(status: &mut ImageBuildStatus, step: &BuildStep, outcome: &Outcome, now: Timestamp) {
    match (step, outcome) {
        (BuildStep::Hold | BuildStep::Expire | BuildStep::Release, _) => {}
        (BuildStep::Record(record), _) => apply_record(status, record, now),
        (BuildStep::Call(call), Outcome::Failed(error)) => apply_failure(status, call, error, now),
        (BuildStep::Call(call), _) => apply_success(status, call, outcome, now),
    }
}

fn apply_record(status: &mut ImageBuildStatus, record: &BuildRecord, now: Timestamp) {
    match record {
        BuildRecord::Source(source) => status.source = Some(source.clone()),
        BuildRecord::ContentMissing => {
            status.waiting_for_content_since.get_or_insert(Time(now));
        }
        BuildRecord::Attempt { number, builder } => begin(status, *number, builder, now),
        BuildRecord::Launched(instance) => launched(status, instance),
        BuildRecord::Running => change(&mut status.builder, |b| b.running_at = Some(Time(now))),
        BuildRecord::Steps(steps) => status.steps.clone_from(steps),
        BuildRecord::AgentOnline => {
            change(&mut status.builder, |b| b.agent_online_at = Some(Time(now)));
        }
        BuildRecord::Command(command) => change(&mut status.builder, |b| b.command = Some(command.clone())),
        BuildRecord::CommandFound(id) => command_sent(status, id),
        BuildRecord::CommandDone { step, cleaned, log } => {
            change_command(status, |c| c.finished_at = Some(Time(now)));
            status.cleaned.clone_from(cleaned);
            status.log.clone_from(log);
            status.steps.extend(Some(step.clone()).filter(|s| s.name != CLEANUP));
        }
        BuildRecord::Stopped => change(&mut status.builder, |b| {
            b.running_at.get_or_insert(Time(now));
            b.stopped_at = Some(Time(now));
        }),
        BuildRecord::Refused(failure) => refused(status, failure, now),
        BuildRecord::AttemptFailed { failure, steps, log } => {
            status.failed_attempts += 1;
            change(&mut status.builder, |b| b.failed = Some(failure_status(failure, now)));
            keep_report(status, steps, log.as_ref());
        }
        BuildRecord::Customized { steps, cleaned, image } => {
            status.steps.clone_from(steps);
            status.cleaned.clone_from(cleaned);
            status.log = None;
            status.image = Some(image.clone());
        }
        BuildRecord::Failed { failure, steps, log } => {
            fail(status, failure, now);
            keep_report(status, steps, log.as_ref());
        }
        BuildRecord::ImageFound { image_id, intent, attempt } => {
            if let Some((number, builder)) = attempt {
                status.attempt = Some(*number);
                status.builder = Some(builder.clone());
            }
            found(status, image_id, intent, now);
        }
        BuildRecord::ImageAvailable(image) => status.image = Some(image.clone()),
        BuildRecord::ImageKept(id) => change(&mut status.image, |i| {
            i.image_id = Some(id.clone());
            i.available_at.get_or_insert(Time(now));
        }),
        BuildRecord::ImageGone => change(&mut status.image, |i| i.removed_at = Some(Time(now))),
        BuildRecord::BuilderGone => change(&mut status.builder, |b| b.terminated_at = Some(Time(now))),
        BuildRecord::Completed => complete(status, now),
        BuildRecord::ImageSeen(state) => change(&mut status.image, |i| i.state = Some(*state)),
    }
}

fn apply_success(status: &mut ImageBuildStatus, call: &BuildCall, outcome: &Outcome, now: Timestamp) {
    match (call, outcome) {
        (BuildCall::RunInstances(_), Outcome::Launched(instance)) => launched(status, instance),
        (BuildCall::CreateImage(_), Outcome::ImageCreated(id)) => change(&mut status.image, |i| {
            i.image_id = Some(id.clone());
            i.uncertain = None;
        }),
        (BuildCall::SendCommand(_), Outcome::CommandSent(id)) => command_sent(status, id),
        (BuildCall::CancelCommand { .. }, _) => change_command(status, |c| c.cancelled_at = Some(Time(now))),
        (BuildCall::StopInstances { .. }, _) => {
            change(&mut status.builder, |b| b.stopping_at = Some(Time(now)));
        }
        (BuildCall::TerminateInstances { .. }, _) => {
            change(&mut status.builder, |b| b.terminating_at = Some(Time(now)));
        }
        (
            BuildCall::RunInstances(_)
            | BuildCall::SendCommand(_)
            | BuildCall::CreateImage(_)
            | BuildCall::Upkeep { .. }
            | BuildCall::DeregisterImage { .. }
            | BuildCall::DeleteSnapshot { .. },
            _,
        ) => {}
    }
}

/// A create call that failed leaves a mark only where the next decision needs it: that nothing can have come of it, that
/// something may have, or that asking again is no use.
fn apply_failure(status: &mut ImageBuildStatus, call: &BuildCall, error: &AwsError, now: Timestamp) {
    let class = error.class();
    let rejected = class.disposition() == Disposition::Rejected;
    let failure = || Failure::new(class.reason(), conditions::explain(error));
    match call {
        BuildCall::RunInstances(_) if class.ends_attempt() => refused(status, &failure(), now),
        BuildCall::RunInstances(_) if class.leaves_doubt() => {
            change(&mut status.builder, |b| b.uncertain = Some(uncertain(error)));
        }
        BuildCall::CreateImage(_) if class.leaves_doubt() => {
            change(&mut status.image, |i| i.uncertain = Some(uncertain(error)));
        }
        BuildCall::SendCommand(_) if class.leaves_doubt() => {
            change_command(status, |c| c.uncertain = Some(uncertain(error)));
        }
        // It is only asked of a machine that goes; whatever the answer, the machine goes next.
        BuildCall::CancelCommand { .. } => change_command(status, |c| c.cancelled_at = Some(Time(now))),
        BuildCall::RunInstances(_) | BuildCall::SendCommand(_) | BuildCall::CreateImage(_) if rejected => {
            fail(status, &failure(), now);
        }
        // What an image of a finished run refuses changes nothing about the run.
        BuildCall::Upkeep { .. } if rejected && !has_image(status) => fail(status, &failure(), now),
        BuildCall::RunInstances(_)
            if matches!(class, Class::NotReadyYet | Class::NotFound) && is_late(status, class, now) =>
        {
            fail(status, &failure(), now);
        }
        BuildCall::DeleteSnapshot { id, .. } if class == Class::InUse => {
            change(&mut status.image, |i| in_use(&mut i.used_snapshots, id, now));
        }
        // Once it may have been terminated it is looked at before it is terminated again: EC2 refuses a machine that is gone
        // to a role whose policy goes by tags, as it does one that is not ours. The first time only is kept: one that each look
        // moved would be news to each next look, which so never rested.
        BuildCall::TerminateInstances { .. }
            if matches!(class, Class::NotFound | Class::Ambiguous | Class::Denied) =>
        {
            change(&mut status.builder, |b| {
                b.terminating_at.get_or_insert(Time(now));
            });
        }
        BuildCall::RunInstances(_)
        | BuildCall::SendCommand(_)
        | BuildCall::StopInstances { .. }
        | BuildCall::CreateImage(_)
        | BuildCall::Upkeep { .. }
        | BuildCall::TerminateInstances { .. }
        | BuildCall::DeregisterImage { .. }
        | BuildCall::DeleteSnapshot { .. } => {}
    }
}

/// Whether the run came to what it was for.
fn has_image(status: &ImageBuildStatus) -> bool {
    status.image.as_ref().is_some_and(|image| image.available_at.is_some())
}

/// A new attempt knows nothing of the one before.
fn begin(status: &mut ImageBuildStatus, number: i32, builder: &BuilderStatus, now: Timestamp) {
    status.waiting_for_content_since = None;
    status.attempt = Some(number);
    status.start_time.get_or_insert(Time(now));
    status.builder = Some(builder.clone());
    status.steps.clear();
    status.cleaned.clear();
    status.log = None;
}

/// A later stage that fails knows of no steps; what they were stays true.
fn keep_report(status: &mut ImageBuildStatus, steps: &[StepStatus], log: Option<&String>) {
    if !steps.is_empty() {
        status.steps = steps.to_vec();
    }
    status.log = log.cloned();
}

/// Whether what a launch names had time enough to appear.
fn is_late(status: &ImageBuildStatus, class: Class, now: Timestamp) -> bool {
    let window = if class == Class::NotFound { timing::CONSISTENCY_WINDOW } else { timing::PROFILE_WINDOW };
    let requested_at = status.builder.as_ref().map(|b| b.requested_at.0);
    requested_at.is_some_and(|at| timing::elapsed(at, now) >= window)
}

/// Also for an instance that came back from an old token already dead: it is looked at like any other.
fn launched(status: &mut ImageBuildStatus, instance: &Instance) {
    change(&mut status.builder, |b| {
        b.instance_id = Some(instance.id.clone());
        b.availability_zone = Some(instance.availability_zone.clone());
        b.uncertain = None;
    });
}

fn command_sent(status: &mut ImageBuildStatus, id: &CommandId) {
    change_command(status, |c| {
        c.command_id = Some(id.clone());
        c.uncertain = None;
    });
}

fn change_command(status: &mut ImageBuildStatus, f: impl FnOnce(&mut CommandStatus)) {
    change(&mut status.builder, |b| change(&mut b.command, f));
}

fn refused(status: &mut ImageBuildStatus, failure: &Failure, now: Timestamp) {
    change(&mut status.builder, |b| {
        b.refused = Some(failure_status(failure, now));
        b.instance_id = None;
    });
}

fn found(status: &mut ImageBuildStatus, id: &ImageId, intent: &ImageStatus, now: Timestamp) {
    status.start_time.get_or_insert(Time(now));
    status.image = Some(ImageStatus { image_id: Some(id.clone()), uncertain: None, ..intent.clone() });
}

fn fail(status: &mut ImageBuildStatus, failure: &Failure, now: Timestamp) {
    status.failure.get_or_insert(failure_status(failure, now));
}

fn complete(status: &mut ImageBuildStatus, now: Timestamp) {
    let start = status.start_time.get_or_insert(Time(now)).0;
    status.completion_time.get_or_insert(Time(now));
    status.duration = Some(timing::human(timing::elapsed(start, now).as_secs()));
    if let Some(last) = status.stages.last_mut() {
        last.completion_time.get_or_insert(Time(now));
    }
}

fn change<T>(slot: &mut Option<T>, f: impl FnOnce(&mut T)) {
    if let Some(value) = slot {
        f(value);
    }
}

/// A call that failed says more than the plan that led to it.
fn progress_after(
    view: &BuildView<'_>,
    plan: &BuildPlan,
    outcome: &Outcome,
    status: &ImageBuildStatus,
) -> Progress {
    if status.completion_time.is_some() && view.status.completion_time.is_none() && !view.deleting {
        return status.failure.as_ref().map_or(Progress::Done, |failure| Progress::Rejected(failure.into()));
    }
    let Outcome::Failed(error) = outcome else { return plan.progress.clone() };
    if let Some(failure) = status.failure.as_ref().filter(|_| view.status.failure.is_none()) {
        return Progress::Rejected(failure.into());
    }
    let attempt = status.attempt.unwrap_or(1);
    match error.class() {
        class if class.ends_attempt() => {
            Progress::Moving(WaitingOn::Capacity { attempt, message: error.to_string() })
        }
        Class::NameTaken => plan.progress.clone(),
        Class::NotSubscribed => {
            Progress::Blocked(Failure::new(Class::NotSubscribed.reason(), where_to_subscribe(view, error)))
        }
        Class::Throttled
        | Class::Ambiguous
        | Class::Capacity
        | Class::Quota
        | Class::Denied
        | Class::Credentials
        | Class::NotAuthenticated
        | Class::RegionOff
        | Class::NoSuchRegion
        | Class::NotFound
        | Class::AlreadyThere
        | Class::TokenMismatch
        | Class::TokenSpent
        | Class::NotReadyYet
        | Class::NotShared
        | Class::NotCopyable
        | Class::NotShareable
        | Class::InUse
        | Class::Protected
        | Class::Kms
        | Class::Invalid
        | Class::Unknown => Progress::Trouble(error.clone()),
    }
}

fn where_to_subscribe(view: &BuildView<'_>, error: &AwsError) -> String {
    let page = view
        .spec
        .source
        .marketplace
        .as_ref()
        .map(|m| format!(" at https://aws.amazon.com/marketplace/pp?sku={}", m.product_code));
    format!("{error}; accept the product's terms with this account{}", page.unwrap_or_default())
}

/// Ends the stage before and begins this one; a new attempt begins its stages anew.
fn enter_stage(status: &mut ImageBuildStatus, stage: Stage, now: Timestamp) {
    let name = stage.to_string();
    if status.completion_time.is_some() || status.stages.last().is_some_and(|s| s.name == name) {
        return;
    }
    let repeated = status.stages.iter().position(|s| s.name == name);
    status.stages.truncate(repeated.unwrap_or(status.stages.len()));
    if let Some(last) = status.stages.last_mut() {
        last.completion_time.get_or_insert(Time(now));
    }
    status.stages.push(StageStatus { name, start_time: Time(now), completion_time: None });
}
