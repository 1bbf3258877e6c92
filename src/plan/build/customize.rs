//! Watches the builder run its steps, and trusts only authenticated reports.

use std::time::Duration;

use super::{
    BuildRecord, BuildView, Decided, Decision, Eyes, Failure, Stage, WaitingOn, attempts, commands,
    current_stage, during, fail, guest, record, wait,
};
use crate::{
    api::image_build::{BuilderStatus, Transport},
    model::{Absence, Class, Instance, InstanceId, InstanceState, Seen, StateReason},
    plan::{Pace, timing},
};

pub(super) fn watch(
    view: &BuildView<'_>,
    eyes: &Eyes<'_>,
    builder: &BuilderStatus,
    id: &InstanceId,
) -> Decided {
    if builder.stopped_at.is_some() {
        return match view.spec.customize.transport {
            Transport::UserData => guest::verdict(view, eyes, builder, id),
            Transport::Ssm => Ok(commands::customized(view)),
        };
    }
    let stage = current_stage(view.status);
    match eyes.instance(&view.spec.region, id, Pace::Tick).map_err(during(stage))? {
        Seen::Unknown => Ok(as_before(view, builder, id)),
        Seen::Absent(absence) => Ok(missing(view, builder, id, absence)),
        Seen::Present(instance) => by_state(view, eyes, builder, &instance),
    }
}

/// What was last known stands: an answer that says nothing, or is older than the one before, takes no stage back.
fn as_before(view: &BuildView<'_>, builder: &BuilderStatus, id: &InstanceId) -> Decision {
    let id = id.clone();
    let waiting_on = match builder.running_at {
        Some(_) => WaitingOn::Guest { id, step: None, region: view.region() },
        None => WaitingOn::BuilderStart { id, region: view.region() },
    };
    wait(current_stage(view.status), waiting_on)
}

fn missing(view: &BuildView<'_>, builder: &BuilderStatus, id: &InstanceId, absence: Absence) -> Decision {
    if timing::is_gone(absence, builder.requested_at.0) {
        let message = format!("builder {id} is no longer in {}: somebody terminated it", view.spec.region);
        return attempts::failed(view, current_stage(view.status), Failure::new("BuilderGone", message));
    }
    as_before(view, builder, id)
}

fn by_state(view: &BuildView<'_>, eyes: &Eyes<'_>, builder: &BuilderStatus, instance: &Instance) -> Decided {
    let id = instance.id.clone();
    match &instance.state {
        InstanceState::Pending | InstanceState::Other(_) => Ok(as_before(view, builder, &id)),
        InstanceState::Running => running(view, eyes, builder, id),
        InstanceState::Stopping => Ok(stopping(view, builder, id)),
        InstanceState::Stopped => Ok(stopped(view, builder, instance)),
        InstanceState::ShuttingDown | InstanceState::Terminated => Ok(died(view, builder, instance)),
    }
}

fn running(view: &BuildView<'_>, eyes: &Eyes<'_>, builder: &BuilderStatus, id: InstanceId) -> Decided {
    let Some(since) = &builder.running_at else {
        return Ok(record(
            Stage::Customizing,
            BuildRecord::Running,
            WaitingOn::Guest { id, step: None, region: view.region() },
        ));
    };
    let left = timing::remaining(since.0, allowed(view), view.now);
    if left.is_zero() && builder.stopping_at.is_none() {
        return Ok(too_late(view, builder, &id));
    }
    let mut decision = match view.spec.customize.transport {
        Transport::UserData => guest::running(view, eyes, builder, &id),
        Transport::Ssm => commands::running(view, eyes, builder, &id)?,
    };
    if decision.step.is_none() {
        decision.check_after = decision.check_after.into_iter().chain([left]).min();
    }
    Ok(decision)
}

/// How long the steps may take, with the time in which a guest still says which one hung.
fn allowed(view: &BuildView<'_>) -> Duration {
    Duration::from(view.spec.customize.timeout) + timing::GUEST_GRACE
}

fn too_late(view: &BuildView<'_>, builder: &BuilderStatus, id: &InstanceId) -> Decision {
    let timeout = timing::human(Duration::from(view.spec.customize.timeout).as_secs());
    if view.spec.customize.transport == Transport::Ssm && builder.agent_online_at.is_none() {
        return attempts::failed(view, Stage::Customizing, commands::no_agent(view, id, &timeout));
    }
    let message = format!(
        "builder {id} was still running when customize.timeout ({timeout}) expired; raise it, or check what the steps wait for"
    );
    attempts::failed(view, Stage::Customizing, Failure::new("CustomizeTimeout", message))
}

/// A machine that does not come to an end is given up, never stopped by force: its disk would hold half of what was written,
/// and so would the image.
fn stopping(view: &BuildView<'_>, builder: &BuilderStatus, id: InstanceId) -> Decision {
    let Some(since) = &builder.running_at else {
        return record(
            Stage::Stopping,
            BuildRecord::Running,
            WaitingOn::BuilderStop { id, region: view.region() },
        );
    };
    let window = timing::human(timing::STOP_WINDOW.as_secs());
    let left = timing::remaining(since.0, allowed(view) + timing::STOP_WINDOW, view.now);
    if left.is_zero() {
        let message = format!(
            "builder {id} in {} was still stopping {window} after its steps should have been done; it is not force-stopped, because its disk may be inconsistent",
            view.spec.region
        );
        return attempts::failed(view, Stage::Stopping, Failure::new("StopTimeout", message));
    }
    Decision {
        check_after: Some(left),
        ..wait(Stage::Stopping, WaitingOn::BuilderStop { id, region: view.region() })
    }
}

/// Only a machine that was shut down when its steps were done can have finished them: by its own guest, or by us where we
/// drive it. One that was stopped by anybody else was interrupted, and its disk may hold half of them.
fn stopped(view: &BuildView<'_>, builder: &BuilderStatus, instance: &Instance) -> Decision {
    let id = instance.id.clone();
    let reason = instance.state_reason.as_ref();
    let finished = match view.spec.customize.transport {
        Transport::UserData => reason.is_some_and(StateReason::is_guest_shutdown),
        Transport::Ssm => commands::are_done(builder),
    };
    if finished {
        return record(
            Stage::Stopping,
            BuildRecord::Stopped,
            WaitingOn::Console { id, region: view.region() },
        );
    }
    let code = reason.map_or("no reason", |reason| reason.code.as_str());
    let message = format!(
        "builder {id} in {} was stopped externally ({code}) before its steps were done",
        view.spec.region
    );
    attempts::failed(view, Stage::Customizing, Failure::new("BuilderInterrupted", message))
}

/// Terminated: where EC2 gave up on a launch that it had accepted, another type or subnet may do; else it is a failure.
fn died(view: &BuildView<'_>, builder: &BuilderStatus, instance: &Instance) -> Decision {
    let reason = instance.state_reason.as_ref();
    let (code, text) = reason.map_or(("no reason", ""), |r| (r.code.as_str(), r.message.as_str()));
    let id = &instance.id;
    let said = format!("builder {id} in {} was terminated: {code}: {text}", view.spec.region);
    if builder.running_at.is_none() && reason.is_some_and(StateReason::is_fault_of_ec2) {
        return record(
            Stage::Launching,
            BuildRecord::Refused(Failure::new("LaunchFailed", said)),
            WaitingOn::BuilderStart { id: id.clone(), region: view.region() },
        );
    }
    let stage = current_stage(view.status);
    if Class::of_code(code) == Some(Class::Kms) {
        let hint =
            format!("the usual cause is a KMS key of a volume that may not be used: {}", Class::Kms.advice());
        return fail(stage, Failure::new("BuilderTerminated", format!("{said}; {hint}")));
    }
    attempts::failed(view, stage, Failure::new("BuilderTerminated", said))
}
