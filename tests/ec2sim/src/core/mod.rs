//! The clouds without I/O and without a clock: a call, a time and a world give an answer.

pub mod arn;
pub mod changes;
pub mod clock;
pub mod echo;
pub mod error;
pub mod filters;
pub mod gate;
pub mod ids;
pub mod journal;
pub mod paging;
pub mod params;
pub mod profile;
pub mod records;
pub mod seed;
pub mod selection;
mod service;
pub mod tags;
pub mod world;
pub mod xml;

#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

pub use self::service::Service;
use self::{
    changes::Changes,
    clock::{after, before},
    error::ApiError,
    gate::{Gate, Passage},
    journal::{Entry, Journal},
    params::Params,
    profile::Profile,
    service::handler,
    world::{Identity, World},
    xml::Node,
};
use crate::{
    faults::{self, Delivery, Effect},
    guest::{Guest, Interpreter},
};

/// Who calls, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub account: String,
    pub region: String,
    /// ARN of the user, role or session.
    pub principal: String,
}

/// The content of an answer, without the envelope of the protocol.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    Xml(Node),
    Json(serde_json::Value),
}

impl Reply {
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Xml(node) => node.to_json(),
            Self::Json(json) => json.clone(),
        }
    }
}

impl From<Node> for Reply {
    fn from(node: Node) -> Self {
        Self::Xml(node)
    }
}

impl From<serde_json::Value> for Reply {
    fn from(value: serde_json::Value) -> Self {
        Self::Json(value)
    }
}

pub type Outcome = Result<Reply, ApiError>;

/// What a call came to, and how the client is to learn of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub outcome: Outcome,
    pub delivery: Delivery,
}

impl From<ApiError> for Answer {
    fn from(error: ApiError) -> Self {
        Self { outcome: Err(error), delivery: Delivery::Now }
    }
}

/// How an action is carried out.
#[derive(Clone, Copy)]
pub enum Handler {
    /// Sees the world of some time ago (the lag).
    Read(fn(&Call, &World) -> Outcome),
    /// Sees and changes the present; a dry run and all but partial errors leave it as it was.
    Write(fn(&Call, &mut World) -> Outcome),
}

/// What an action knows about its call.
pub struct Call<'a> {
    /// For reads the time of the world that is shown, which is earlier by the lag.
    pub now: Timestamp,
    pub caller: &'a Caller,
    pub action: &'a str,
    pub params: &'a Params,
    pub profile: &'a Profile,
    pub guest: &'a dyn Guest,
}

impl Call<'_> {
    pub fn account(&self) -> &str {
        &self.caller.account
    }

    pub fn region<'w>(&self, world: &'w World) -> &'w world::Region {
        world.region(&self.caller.region)
    }

    pub fn region_mut<'w>(&self, world: &'w mut World) -> &'w mut world::Region {
        world.region_mut(&self.caller.region)
    }

    /// The end of something that begins now and takes about `duration`.
    pub fn end_of(&self, world: &mut World, duration: Duration) -> Timestamp {
        clock::after(self.now, self.jittered(world, duration))
    }

    pub fn jittered(&self, world: &mut World, duration: Duration) -> Duration {
        let spread = self.profile.jitter * (2.0 * world.draw_fraction() - 1.0);
        duration.mul_f64(1.0 + spread)
    }
}

/// Settings that can change while the world runs.
#[derive(Clone, Debug)]
pub struct Knobs {
    pub profile: Profile,
    /// Age of the world that reads see.
    pub lag: Duration,
    /// How much history is kept, the bound of `lag`.
    pub max_lag: Duration,
}

/// One simulated cloud. Every call of every front goes through [`Sim::call`].
pub struct Sim {
    state: Mutex<State>,
    guest: Box<dyn Guest>,
}

struct State {
    /// The world since each time; never empty.
    history: VecDeque<(Timestamp, Arc<World>)>,
    knobs: Knobs,
    journal: Journal,
    gate: Gate,
}

impl Sim {
    pub fn new(world: World, started: Timestamp, profile: Profile) -> Self {
        Self::with_guest(world, started, profile, Box::new(Interpreter))
    }

    pub fn with_guest(world: World, started: Timestamp, profile: Profile, guest: Box<dyn Guest>) -> Self {
        let knobs = Knobs { profile, lag: Duration::ZERO, max_lag: Duration::from_mins(10) };
        let history = VecDeque::from([(started, Arc::new(world))]);
        let state = State { history, knobs, journal: Journal::default(), gate: Gate::default() };
        Self { state: Mutex::new(state), guest }
    }

    /// Carries out one call. The only way to the actions: what acts before or after the core belongs here.
    pub fn call(
        &self,
        now: Timestamp,
        caller: &Caller,
        service: Service,
        action: &str,
        params: &Params,
    ) -> Answer {
        let Passage { refusal, fault, delivery } = self.enter(now, caller, service, action, params);
        let effect = fault.as_ref().map(|met| &met.effect);
        let done = match (refusal, handler(service, action)) {
            (Some(error), _) => Err(error),
            (None, Some(Handler::Read(read))) => self
                .read(now, caller, action, params, read, effect)
                .map(|reply| (Ok(reply), Changes::default())),
            (None, Some(Handler::Write(write))) => self.write(now, caller, action, params, write, effect),
            (None, None) => Err(ApiError::unknown_action(action)),
        };
        let (outcome, changes) = done.unwrap_or_else(|error| (Err(error), Changes::default()));
        let error = outcome.as_ref().err().cloned();
        // The answers to reads would fill the memory, and follow from the world anyway.
        let is_write = matches!(handler(service, action), Some(Handler::Write(_)));
        let answer = outcome.as_ref().ok().filter(|_| is_write).cloned();
        let entry = Entry {
            at: now,
            caller: caller.clone(),
            service,
            action: action.to_owned(),
            params: params.clone(),
            dry_run: error.as_ref().is_some_and(|error| error.code == "DryRunOperation"),
            is_write,
            error,
            answer,
            changes,
            fault: fault.map(|met| met.rule),
            delivery,
        };
        self.lock().journal.record(entry);
        Answer { outcome, delivery }
    }

    /// What the call meets before it is carried out.
    fn enter(
        &self,
        now: Timestamp,
        caller: &Caller,
        service: Service,
        action: &str,
        params: &Params,
    ) -> Passage {
        if handler(service, action).is_none() {
            return ApiError::unknown_action(action).into();
        }
        let mut state = self.lock();
        if let Err(error) = state.admit(caller) {
            return error.into();
        }
        let (profile, world) = (state.knobs.profile.clone(), state.newest().1.clone());
        let call = Call { now, caller, action, params, profile: &profile, guest: &*self.guest };
        let passage = state.gate.enter(service, &call, &world);
        if let Some(Effect::Drift { image, change }) = passage.fault.as_ref().map(|met| &met.effect) {
            let mut drifted = World::clone(&world);
            faults::drift(&call, &mut drifted, image, change);
            state.push(now, drifted);
        }
        passage
    }

    fn read(
        &self,
        now: Timestamp,
        caller: &Caller,
        action: &str,
        params: &Params,
        read: fn(&Call, &World) -> Outcome,
        effect: Option<&Effect>,
    ) -> Outcome {
        let mut state = self.lock();
        let lag = state.knobs.lag.max(effect.map_or(Duration::ZERO, Effect::lag));
        let (knobs, shown_at, mut world) = state.past(now, lag);
        if state.gate.faults.hides_something_in(&caller.region) {
            state.gate.faults.veil(now, Arc::make_mut(&mut world).region_mut(&caller.region));
        }
        drop(state);
        let call =
            Call { now: shown_at, caller, action, params, profile: &knobs.profile, guest: &*self.guest };
        let mut reply = read(&call, &world)?;
        if let Some(effect) = effect {
            faults::on_read(&call, effect, &mut reply);
        }
        if params.is_set("DryRun")? { Err(ApiError::dry_run()) } else { Ok(reply) }
    }

    fn write(
        &self,
        now: Timestamp,
        caller: &Caller,
        action: &str,
        params: &Params,
        write: fn(&Call, &mut World) -> Outcome,
        effect: Option<&Effect>,
    ) -> Result<(Outcome, Changes), ApiError> {
        let mut state = self.lock();
        let now = now.max(state.newest().0);
        let knobs = state.knobs.clone();
        let call = Call { now, caller, action, params, profile: &knobs.profile, guest: &*self.guest };
        let before = state.newest().1.clone();
        let mut world = World::clone(&before);
        let mut outcome = match write(&call, &mut world) {
            Err(error) if !error.is_partial => return Err(error),
            outcome => outcome,
        };
        if params.is_set("DryRun")? {
            return Err(outcome.err().unwrap_or_else(ApiError::dry_run));
        }
        if let (Some(effect), Ok(reply)) = (effect, &mut outcome) {
            faults::on_write(&call, effect, &before, &mut world, reply);
        }
        let changes = Changes::between(call.region(&before), call.region(&world));
        if let Some(Effect::InvisibleFor { seconds }) = effect {
            state.gate.faults.hide(&caller.region, &changes.made, after(now, *seconds));
        }
        state.push(now, world);
        Ok((outcome, changes))
    }

    /// Who an access key stands for.
    pub fn identify(&self, access_key: &str) -> Identity {
        let world = self.world();
        world.access_keys.get(access_key).cloned().unwrap_or_else(|| seed::default_identity(access_key))
    }

    /// The world of the present.
    pub fn world(&self) -> Arc<World> {
        self.lock().newest().1.clone()
    }

    /// Changes the world from outside of the API: what a test arranges, what an operator of the server sets.
    pub fn change<T>(&self, now: Timestamp, change: impl FnOnce(&mut World) -> T) -> T {
        let mut state = self.lock();
        let mut world = World::clone(&state.newest().1);
        let result = change(&mut world);
        let now = now.max(state.newest().0);
        state.push(now, world);
        result
    }

    pub fn knobs(&self) -> Knobs {
        self.lock().knobs.clone()
    }

    pub fn set_knobs(&self, knobs: Knobs) {
        self.lock().knobs = knobs;
    }

    /// Sees and sets what stands before the actions: faults, token buckets, policies.
    pub fn gate<T>(&self, look: impl FnOnce(&mut Gate) -> T) -> T {
        look(&mut self.lock().gate)
    }

    pub fn journal<T>(&self, look: impl FnOnce(&mut Journal) -> T) -> T {
        look(&mut self.lock().journal)
    }

    /// Starts anew with another world, without history, journal and faults.
    pub fn reset(&self, world: World, started: Timestamp) {
        let mut state = self.lock();
        state.history = VecDeque::from([(started, Arc::new(world))]);
        state.journal.clear();
        state.gate.reset();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A handler that panics leaves the history as it was before its call.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn newest(&self) -> &(Timestamp, Arc<World>) {
        self.history.back().expect("the history is never empty")
    }

    /// The world that a read sees, and its time.
    fn past(&self, now: Timestamp, lag: Duration) -> (Knobs, Timestamp, Arc<World>) {
        let shown_at = before(now, lag);
        let then = self.history.iter().rev().find(|(since, _)| *since <= shown_at);
        let (_, world) = then.or(self.history.front()).expect("the history is never empty");
        (self.knobs.clone(), shown_at, world.clone())
    }

    fn push(&mut self, now: Timestamp, world: World) {
        self.history.push_back((now, Arc::new(world)));
        let oldest = before(now, self.knobs.max_lag);
        while self.history.get(1).is_some_and(|(since, _)| *since <= oldest) {
            self.history.pop_front();
        }
    }

    /// Lets a caller into a region, and furnishes an account that is seen for the first time.
    fn admit(&mut self, caller: &Caller) -> Result<(), ApiError> {
        let world = &self.newest().1;
        let region = world.regions.get(&caller.region).ok_or_else(ApiError::auth_failure)?;
        if !world.may_use(&caller.account, region) {
            return Err(ApiError::auth_failure());
        }
        if !world.accounts.contains_key(&caller.account) {
            // Into all of the past as well: an account does not come into being by its first call.
            for (_, world) in &mut self.history {
                seed::add_account(Arc::make_mut(world), &caller.account);
            }
        }
        Ok(())
    }
}

/// A short digest, for fingerprints and for ids that follow from a name.
pub fn digest(text: &str) -> String {
    use std::fmt::Write;
    Sha256::digest(text).iter().take(16).fold(String::new(), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}
