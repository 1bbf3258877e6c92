//! `RebootInstances`, `StartInstances`, `StopInstances`, `TerminateInstances`.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{boot, change, find_all};
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
    let ids = call.params.ids("InstanceId")?;
    if ids.is_empty() {
        return Err(ApiError::missing("InstanceId"));
    }
    let found = find_all(call, call.region(world), &ids)?;
    Ok(found.into_iter().map(|instance| (instance.id.clone(), instance.state(call.now))).collect())
}

/// Carries out a call on each of its instances. `act` answers the state that the instance enters, which the
/// answer shows however soon the instance leaves it.
fn for_each(
    call: &Call,
    world: &mut World,
    mut act: impl FnMut(&mut World, &str, InstanceState) -> Result<InstanceState, ApiError>,
) -> Outcome {
    let mut changes = Vec::new();
    for (id, previous) in asked(call, world)? {
        let current = act(world, &id, previous)?;
        let change = Node::new()
            .text("instanceId", &id)
            .child("currentState", state_node(current))
            .child("previousState", state_node(previous));
        changes.push(change);
    }
    Ok(Node::new().set("instancesSet", changes).into())
}

pub fn state_node(state: InstanceState) -> Node {
    Node::new().text("code", state.code()).text("name", state.name())
}

pub fn start(call: &Call, world: &mut World) -> Outcome {
    for_each(call, world, |world, id, state| match state {
        InstanceState::Pending | InstanceState::Running => Ok(state),
        InstanceState::Stopped => {
            check_root(call, world, id)?;
            start_one(call, world, id);
            Ok(InstanceState::Pending)
        }
        InstanceState::Stopping | InstanceState::ShuttingDown | InstanceState::Terminated => {
            let message = format!("The instance '{id}' is not in a state from which it can be started.");
            Err(ApiError::new("IncorrectInstanceState", message))
        }
    })
}

fn check_root(call: &Call, world: &World, id: &str) -> Result<(), ApiError> {
    match call.region(world).instances.get(id) {
        Some(instance) if instance.root_volume().is_none() => Err(ApiError::invalid_value(format!(
            "Invalid value '{id}' for instanceId. Instance does not have a volume attached at root ({})",
            instance.image.root_device_name
        ))),
        _ => Ok(()),
    }
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
    boot::boot(call, world, &mut instance);
    change(call, world, id, |old| *old = instance);
}

/// The instance stays in its state, and its guest system begins anew. Who has none to begin is passed over.
/// Source: EC2 API reference, `RebootInstances`, which succeeds for every valid instance and ignores terminated ones.
pub fn reboot(call: &Call, world: &mut World) -> Outcome {
    let running = asked(call, world)?.into_iter().filter(|(_, state)| *state == InstanceState::Running);
    for (id, _) in running {
        let Some(instance) = call.region(world).instances.get(&id) else { continue };
        // A real machine does it by itself.
        if instance.is_machine {
            continue;
        }
        let mut instance = Instance::clone(instance);
        instance.interrupt(call.now);
        instance.boots += 1;
        boot::follow(call, world, &mut instance, call.now);
        change(call, world, &id, |old| *old = instance);
    }
    Ok(Node::done().into())
}

pub fn stop(call: &Call, world: &mut World) -> Outcome {
    check_hibernation(call, world)?;
    for_each(call, world, |world, id, state| match state {
        InstanceState::Stopping | InstanceState::Stopped => Ok(state),
        InstanceState::Running => stop_one(call, world, id),
        InstanceState::Pending | InstanceState::ShuttingDown | InstanceState::Terminated => {
            let message = format!("The instance '{id}' is not in a state from which it can be stopped.");
            Err(ApiError::new("IncorrectInstanceState", message))
        }
    })
}

/// Only an instance that was launched for it hibernates.
/// Source: EC2 API reference, `StopInstances`, `Hibernate`; its error codes.
fn check_hibernation(call: &Call, world: &World) -> Result<(), ApiError> {
    if !call.params.is_set("Hibernate")? {
        return Ok(());
    }
    let ids = call.params.ids("InstanceId")?;
    let found = find_all(call, call.region(world), &ids)?;
    match found.into_iter().find(|instance| !instance.features.hibernation) {
        Some(instance) => {
            let message = format!("The instance '{}' is not enabled for hibernation.", instance.id);
            Err(ApiError::new("UnsupportedHibernationConfiguration", message))
        }
        None => Ok(()),
    }
}

fn stop_one(call: &Call, world: &mut World, id: &str) -> Result<InstanceState, ApiError> {
    let instance = call.region(world).instances.get(id);
    if instance.is_some_and(|instance| instance.disable_api_stop) {
        return Err(is_protected(id, "stopped", "disableApiStop"));
    }
    let request = instance.and_then(|it| call.region(world).spot_requests.get(it.spot_request.as_ref()?));
    if request.is_some_and(|request| !request.options.persistent) {
        let message = format!(
            "You can't stop the Spot Instance '{id}' because it is associated with a one-time Spot Instance request."
        );
        return Err(ApiError::new("UnsupportedOperation", message));
    }
    // When a real machine has stopped is for the machine to say.
    let tells_itself = instance.is_some_and(|instance| instance.is_machine);
    let stopped = call.end_of(world, call.profile.stop);
    let mut phases = vec![(call.now, InstanceState::Stopping)];
    if !tells_itself {
        phases.push((stopped, InstanceState::Stopped));
    }
    change(call, world, id, |instance| end(instance, call.now, &phases));
    Ok(InstanceState::Stopping)
}

fn is_protected(id: &str, done: &str, attribute: &str) -> ApiError {
    ApiError::not_permitted(format!(
        "The instance '{id}' may not be {done}. Modify its '{attribute}' instance attribute and try again."
    ))
}

/// A protected instance fails the call and keeps the instances of its zone; those of other zones are terminated.
/// Source: EC2 API reference, `TerminateInstances`, its example.
pub fn terminate(call: &Call, world: &mut World) -> Outcome {
    let protected = protected_of(call, world)?;
    let zones: BTreeSet<String> = protected.iter().map(|(_, zone)| zone.clone()).collect();
    let reply = for_each(call, world, |world, id, state| {
        let is_kept = call.region(world).instances.get(id).is_some_and(|it| zones.contains(&it.zone));
        Ok(if is_kept { state } else { terminate_one(call, world, id, state) })
    })?;
    match protected.first() {
        Some((id, _)) => Err(is_protected(id, "terminated", "disableApiTermination").after_a_part()),
        None => Ok(reply),
    }
}

/// The instances of a call that may not be terminated, with their zones.
fn protected_of(call: &Call, world: &World) -> Result<Vec<(String, String)>, ApiError> {
    let ids = call.params.ids("InstanceId")?;
    let found = find_all(call, call.region(world), &ids)?.into_iter();
    let protected = found.filter(|it| it.disable_api_termination && !it.is_terminated(call.now));
    Ok(protected.map(|it| (it.id.clone(), it.zone.clone())).collect())
}

fn terminate_one(call: &Call, world: &mut World, id: &str, state: InstanceState) -> InstanceState {
    match state {
        InstanceState::ShuttingDown | InstanceState::Terminated => state,
        InstanceState::Pending
        | InstanceState::Running
        | InstanceState::Stopping
        | InstanceState::Stopped => {
            shut_down(call, world, id, state);
            InstanceState::ShuttingDown
        }
    }
}

fn shut_down(call: &Call, world: &mut World, id: &str, state: InstanceState) {
    let takes = if state == InstanceState::Stopped { call.profile.stop / 5 } else { call.profile.stop };
    let gone = call.end_of(world, takes);
    let phases = [(call.now, InstanceState::ShuttingDown), (gone, InstanceState::Terminated)];
    change(call, world, id, |instance| end(instance, call.now, &phases));
    images::fail_pending_of_instance(call, world, id);
}

/// Ends what an instance was about to do, on behalf of the caller.
fn end(instance: &mut Instance, now: Timestamp, phases: &[(Timestamp, InstanceState)]) {
    instance.interrupt(now);
    let code = "Client.UserInitiatedShutdown";
    let reason = StateReason::new(code, format!("{code}: User initiated shutdown"));
    let transition = format!("User initiated ({} GMT)", now.strftime("%Y-%m-%d %H:%M:%S"));
    instance.phases.extend(phases.iter().map(|&(from, state)| Phase {
        from,
        state,
        reason: Some(reason.clone()),
        transition: transition.clone(),
    }));
}
