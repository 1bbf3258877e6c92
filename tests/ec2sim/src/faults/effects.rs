//! Effects on what a call makes and answers.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{CommandEnd, Effect, ImageEnd, InstanceEnd};
use crate::core::{
    Call, Reply,
    changes::Changes,
    clock::after,
    records::{Image, Instance, InstanceState, Invocation, Phase, Snapshot, StateReason},
    world::{Region, World},
    xml::Node,
};

/// Where `DeregisterImage` lists what became of the snapshots.
const RESULTS: &str = "deleteSnapshotResultSet";

/// Bends what a call that changes something has just done; `before` is the world without it.
pub(crate) fn on_write(call: &Call, effect: &Effect, before: &World, world: &mut World, reply: &mut Reply) {
    let changes = Changes::between(call.region(before), call.region(world));
    let region = call.region_mut(world);
    match effect {
        Effect::Image { pending, then } => {
            let failure = match then {
                ImageEnd::Available => None,
                ImageEnd::Failed { code, message } => Some(StateReason::new(code, message)),
            };
            settle(region, &changes, after(call.now, *pending), failure.as_ref());
        }
        Effect::Snapshot { pending, message } => {
            let failure = StateReason::new("Server.InternalError", message);
            settle(region, &changes, after(call.now, *pending), Some(&failure));
        }
        Effect::Instance { pending, then } => {
            for_each_instance(region, &changes.made, |instance| go_on(instance, call.now, *pending, then));
        }
        Effect::StuckStopping => {
            let ids = changes.made.iter().chain(changes.touched.iter().map(|touched| &touched.id));
            for_each_instance(region, ids, |instance| {
                instance.phases.retain(|it| it.from < call.now || it.state != InstanceState::Stopped);
            });
        }
        Effect::Command { exit_code, output, status } => {
            for id in &changes.made {
                let command = region.commands.get_mut(id).map(Arc::make_mut);
                for invocation in command.into_iter().flat_map(|command| command.invocations.values_mut()) {
                    end_command(invocation, *exit_code, output, *status);
                }
            }
        }
        Effect::KeepSnapshots { code } => keep_snapshots(call.region(before), region, &changes, code, reply),
        Effect::Error { .. }
        | Effect::Reset
        | Effect::Hang
        | Effect::Delay { .. }
        | Effect::LostReply
        | Effect::TruncatedBody
        | Effect::InvisibleFor { .. }
        | Effect::Lag { .. }
        | Effect::Console { .. }
        | Effect::Drift { .. } => {}
    }
}

/// Bends the answer of a read.
pub(crate) fn on_read(call: &Call, effect: &Effect, reply: &mut Reply) {
    if let (Effect::Console { text }, Reply::Xml(node), "GetConsoleOutput") = (effect, reply, call.action) {
        let output = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, text);
        *node = std::mem::take(node).without("output").opt("output", (!text.is_empty()).then_some(output));
    }
}

fn settle(region: &mut Region, changes: &Changes, at: Timestamp, failure: Option<&StateReason>) {
    for id in &changes.made {
        if let Some(image) = region.images.get_mut(id) {
            let image: &mut Image = Arc::make_mut(image);
            (image.settles_at, image.failure) = (at, failure.cloned());
        }
        if let Some(snapshot) = region.snapshots.get_mut(id) {
            let snapshot: &mut Snapshot = Arc::make_mut(snapshot);
            (snapshot.completes_at, snapshot.failure) = (at, failure.cloned());
        }
    }
}

fn for_each_instance<'a>(
    region: &mut Region,
    ids: impl IntoIterator<Item = &'a String>,
    mut edit: impl FnMut(&mut Instance),
) {
    for id in ids {
        if let Some(instance) = region.instances.get_mut(id) {
            edit(Arc::make_mut(instance));
        }
    }
}

fn go_on(instance: &mut Instance, now: Timestamp, pending: Duration, then: &InstanceEnd) {
    let at = after(now, pending);
    match then {
        InstanceEnd::Running => shift(instance, at),
        InstanceEnd::Terminated { code, message } => {
            instance.phases.truncate(1);
            instance.console.clear();
            instance.phases.push(Phase {
                from: at,
                state: InstanceState::Terminated,
                reason: Some(StateReason::new(code, message)),
                transition: code.clone(),
            });
        }
    }
}

/// Moves all that comes from `running` on, so that the instance runs from `at` on.
fn shift(instance: &mut Instance, at: Timestamp) {
    let running = instance.phases.iter().position(|phase| phase.state == InstanceState::Running);
    let Some(running) = running else { return };
    let by = at.duration_since(instance.phases[running].from);
    let moved = |time: Timestamp| time.checked_add(by).unwrap_or(Timestamp::MAX);
    for phase in &mut instance.phases[running..] {
        phase.from = moved(phase.from);
    }
    for (time, _) in &mut instance.console {
        *time = moved(*time);
    }
}

const CANCELLED_TOOK: Duration = Duration::from_hours(1);

fn end_command(invocation: &mut Invocation, exit_code: i32, output: &str, status: CommandEnd) {
    invocation.exit_code = exit_code;
    output.clone_into(&mut invocation.stdout);
    invocation.stderr.clear();
    invocation.killed = status == CommandEnd::TimedOut;
    match status {
        CommandEnd::Success => invocation.exit_code = 0,
        CommandEnd::Failed if exit_code == 0 => invocation.exit_code = 1,
        CommandEnd::Failed | CommandEnd::TimedOut => {}
        CommandEnd::Cancelled => {
            // Cancelled before its own end, however soon that is.
            invocation.took = CANCELLED_TOOK;
            invocation.cancelled_at = Some(invocation.sent_at);
        }
        CommandEnd::Pending => {
            (invocation.sent_at, invocation.expires_at) = (Timestamp::MAX, Timestamp::MAX);
        }
    }
}

/// Puts back what `DeregisterImage` deleted besides the image, and says so in its answer.
fn keep_snapshots(before: &Region, after: &mut Region, changes: &Changes, code: &str, reply: &mut Reply) {
    for touched in changes.touched.iter().filter(|touched| touched.removed) {
        if let Some(snapshot) = before.snapshots.get(&touched.id) {
            after.snapshots.insert(touched.id.clone(), snapshot.clone());
        }
    }
    let Reply::Xml(node) = reply else { return };
    let item = |item: &Node| {
        let id = item.find_text("snapshotId").unwrap_or_default();
        Node::new().text("snapshotId", id).text("returnCode", code)
    };
    let items: Vec<Node> =
        node.nodes(RESULTS).into_iter().flat_map(|set| set.nodes("item")).map(item).collect();
    if !items.is_empty() {
        *node = std::mem::take(node).without(RESULTS).set(RESULTS, items);
    }
}
