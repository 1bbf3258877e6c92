//! What became of a command on a machine: the script as it was told in advance, and the machine as it went on.

use std::time::Duration;

use jiff::Timestamp;

use crate::core::{
    clock::after,
    records::{Instance, InstanceState, Invocation, InvocationState},
};

/// Ends a script well whatever else it did. Source: amazon-ssm-agent, `ExitWithSuccess`.
const SUCCESS_CODE: i32 = 168;

/// What is known of an invocation at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fate {
    pub state: InvocationState,
    /// When the agent took it.
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}

/// When an agent is there: from its registration until its machine leaves `running`.
#[derive(Clone, Copy)]
struct Session {
    from: Timestamp,
    until: Timestamp,
}

fn sessions(instance: &Instance, agent: Duration) -> impl Iterator<Item = Session> {
    let phases = &instance.phases;
    let running = phases.iter().enumerate().filter(|(_, phase)| phase.state == InstanceState::Running);
    running.map(move |(at, phase)| Session {
        from: after(phase.from, agent),
        until: phases.get(at + 1).map_or(Timestamp::MAX, |next| next.from),
    })
}

/// Whether the machine's agent is there.
pub fn is_online(instance: &Instance, agent: Duration, now: Timestamp) -> bool {
    sessions(instance, agent).any(|session| session.from <= now && now < session.until)
}

/// Whether Systems Manager takes a command for it: its agent registered once, and it is not gone for good.
pub fn is_known(instance: &Instance, agent: Duration, now: Timestamp) -> bool {
    let registered = |session: Session| session.from <= now && session.from < session.until;
    let gone = matches!(instance.state(now), InstanceState::ShuttingDown | InstanceState::Terminated);
    !gone && sessions(instance, agent).any(registered)
}

/// `agent` is the time that an agent takes to register after a start.
pub fn fate(invocation: &Invocation, instance: Option<&Instance>, agent: Duration, now: Timestamp) -> Fate {
    let (started, (state, ended)) = course(invocation, instance, agent);
    let started_at = started.filter(|at| *at <= now);
    match invocation.cancelled_at.filter(|at| *at <= now && *at < ended) {
        Some(at) => Fate { state: InvocationState::Cancelled, started_at, ended_at: Some(at) },
        None if ended <= now => Fate { state, started_at, ended_at: Some(ended) },
        None if started_at.is_some() => {
            Fate { state: InvocationState::InProgress, started_at, ended_at: None }
        }
        None if now < invocation.sent_at => {
            Fate { state: InvocationState::Pending, started_at, ended_at: None }
        }
        None => Fate { state: InvocationState::Delayed, started_at, ended_at: None },
    }
}

/// When it starts, if it does, and how and when it ends, as far as the machine's future is known.
///
/// A command that expires is `DeliveryTimedOut` even where it was delivered. Source: SSM API reference,
/// `Command.ExpiresAfter`.
fn course(
    invocation: &Invocation,
    instance: Option<&Instance>,
    agent: Duration,
) -> (Option<Timestamp>, (InvocationState, Timestamp)) {
    let expired = (InvocationState::DeliveryTimedOut, invocation.expires_at);
    let Some(instance) = instance else { return (None, expired) };
    let mut sessions = sessions(instance, agent)
        .filter(|session| invocation.sent_at.max(session.from) < session.until.min(invocation.expires_at));
    let Some(session) = sessions.next() else {
        let gone = instance.phases.iter().find(|phase| phase.state == InstanceState::ShuttingDown);
        let gone = gone.map(|phase| phase.from.max(invocation.sent_at));
        let undeliverable = gone.filter(|at| *at < invocation.expires_at);
        return (None, undeliverable.map_or(expired, |at| (InvocationState::Undeliverable, at)));
    };
    let started = invocation.sent_at.max(session.from);
    let ended = after(started, invocation.took);
    let end = if ended <= session.until.min(invocation.expires_at) {
        (result(invocation), ended)
    } else {
        // The agent that comes back misses the process that it left.
        sessions.next().map_or(expired, |next| (InvocationState::Failed, next.from))
    };
    (Some(started), end)
}

fn result(invocation: &Invocation) -> InvocationState {
    match invocation.exit_code {
        _ if invocation.killed => InvocationState::ExecutionTimedOut,
        0 | SUCCESS_CODE => InvocationState::Success,
        _ => InvocationState::Failed,
    }
}

/// Whether it ended by the script's own doing, so that there is an output and an exit code.
pub fn ran_to_its_end(invocation: &Invocation, fate: &Fate) -> bool {
    match fate.state {
        InvocationState::Success | InvocationState::ExecutionTimedOut => true,
        InvocationState::Failed => {
            fate.started_at.zip(fate.ended_at).is_some_and(|(from, to)| after(from, invocation.took) == to)
        }
        InvocationState::Pending
        | InvocationState::Delayed
        | InvocationState::InProgress
        | InvocationState::DeliveryTimedOut
        | InvocationState::Undeliverable
        | InvocationState::Cancelled => false,
    }
}
