//! `StartInstances`, `StopInstances`, `TerminateInstances`.

use jiff::Timestamp;

use super::{change, find_all, run};
use crate::{
    core::{
        Call, Outcome,
        error::ApiError,
        records::{Instance, InstanceState, Phase, StateReason},
        world::World,
        xml::Node,
    },
    ec2::images,
};

/// The ids of a call with the states before it.
fn asked(call: &Call, world: &World) -> Result<Vec<(String, InstanceState)>, ApiError> {
    let ids = call.params.texts("InstanceId");
    if ids.is_empty() {
        return Err(ApiError::missing("InstanceId"));
    }
    let found = find_all(call, call.region(world), &ids)?;
    Ok(found.into_iter().map(|instance| (instance.id.clone(), instance.state(call.now))).collect())
}

fn reply(call: &Call, world: &World, before: &[(String, InstanceState)]) -> Node {
    let item = |(id, previous): &(String, InstanceState)| {
        let current =
            call.region(world).instances.get(id).map_or(*previous, |instance| instance.state(call.now));
        Node::new()
            .text("instanceId", id)
            .child("currentState", state_node(current))
            .child("previousState", state_node(*previous))
    };
    Node::new().set("instancesSet", before.iter().map(item))
}

pub fn state_node(state: InstanceState) -> Node {
    Node::new().text("code", state.code()).text("name", state.name())
}

pub fn start(call: &Call, world: &mut World) -> Outcome {
    let before = asked(call, world)?;
    for (id, state) in &before {
        match state {
            InstanceState::Pending | InstanceState::Running => {}
            InstanceState::Stopped => start_one(call, world, id),
            InstanceState::Stopping | InstanceState::ShuttingDown | InstanceState::Terminated => {
                let message = format!("The instance '{id}' is not in a state from which it can be started.");
                return Err(ApiError::new("IncorrectInstanceState", message));
            }
        }
    }
    Ok(reply(call, world, &before).into())
}

fn start_one(call: &Call, world: &mut World, id: &str) {
    let Some(instance) = call.region(world).instances.get(id) else { return };
    let mut instance = Instance::clone(instance);
    instance.interrupt(call.now);
    instance.boots += 1;
    // The console shows the boot under way only.
    instance.console.clear();
    instance.launched_at = call.now;
    instance.phases.push(Phase {
        from: call.now,
        state: InstanceState::Pending,
        reason: Some(StateReason::new("pending", "pending")),
        transition: String::new(),
    });
    run::boot(call, world, &mut instance);
    change(call, world, id, |old| *old = instance);
}

pub fn stop(call: &Call, world: &mut World) -> Outcome {
    let before = asked(call, world)?;
    for (id, state) in &before {
        match state {
            InstanceState::Stopping | InstanceState::Stopped => {}
            InstanceState::Running => stop_one(call, world, id)?,
            InstanceState::Pending | InstanceState::ShuttingDown | InstanceState::Terminated => {
                let message = format!("The instance '{id}' is not in a state from which it can be stopped.");
                return Err(ApiError::new("IncorrectInstanceState", message));
            }
        }
    }
    Ok(reply(call, world, &before).into())
}

fn stop_one(call: &Call, world: &mut World, id: &str) -> Result<(), ApiError> {
    let instance = call.region(world).instances.get(id);
    if instance.is_some_and(|instance| instance.disable_api_stop) {
        return Err(protected(id, "stopped", "disableApiStop"));
    }
    if instance.is_some_and(|instance| instance.spot) {
        let message = format!(
            "You can't stop the Spot Instance '{id}' because it is associated with a one-time Spot Instance request."
        );
        return Err(ApiError::new("UnsupportedOperation", message));
    }
    let stopped = call.end_of(world, call.profile.stop);
    let phases = [(call.now, InstanceState::Stopping), (stopped, InstanceState::Stopped)];
    change(call, world, id, |instance| end(instance, call.now, phases));
    Ok(())
}

fn protected(id: &str, done: &str, attribute: &str) -> ApiError {
    ApiError::not_permitted(format!(
        "The instance '{id}' may not be {done}. Modify its '{attribute}' instance attribute and try again."
    ))
}

pub fn terminate(call: &Call, world: &mut World) -> Outcome {
    let before = asked(call, world)?;
    for (id, state) in &before {
        if call.region(world).instances.get(id).is_some_and(|instance| instance.disable_api_termination) {
            return Err(protected(id, "terminated", "disableApiTermination"));
        }
        match state {
            InstanceState::ShuttingDown | InstanceState::Terminated => {}
            InstanceState::Pending
            | InstanceState::Running
            | InstanceState::Stopping
            | InstanceState::Stopped => {
                terminate_one(call, world, id, *state);
            }
        }
    }
    Ok(reply(call, world, &before).into())
}

fn terminate_one(call: &Call, world: &mut World, id: &str, state: InstanceState) {
    let takes = if state == InstanceState::Stopped { call.profile.stop / 5 } else { call.profile.stop };
    let gone = call.end_of(world, takes);
    let phases = [(call.now, InstanceState::ShuttingDown), (gone, InstanceState::Terminated)];
    change(call, world, id, |instance| end(instance, call.now, phases));
    images::fail_pending_of_instance(call, world, id);
}

/// Ends what an instance was about to do, on behalf of the caller.
fn end(instance: &mut Instance, now: Timestamp, phases: [(Timestamp, InstanceState); 2]) {
    instance.interrupt(now);
    let code = "Client.UserInitiatedShutdown";
    let reason = StateReason::new(code, format!("{code}: User initiated shutdown"));
    let transition = format!("User initiated ({} GMT)", now.strftime("%Y-%m-%d %H:%M:%S"));
    instance.phases.extend(phases.map(|(from, state)| Phase {
        from,
        state,
        reason: Some(reason.clone()),
        transition: transition.clone(),
    }));
}
