//! Where an operator can die: before and after each call to AWS and each write to Kubernetes.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    future::pending,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use tokio::{sync::Notify, time::sleep};

/// On which side of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The call is not made.
    Before,
    /// It was carried out, and nobody hears of it.
    After,
}

/// One side of one call. It is known by what is called and how often that was called before, not by a number in a row:
/// regions and their pollers may take turns in another order the next time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Boundary {
    pub side: Side,
    /// Such as `CopyImage in eu-west-1`.
    pub call: String,
    /// From 1.
    pub nth: usize,
}

impl fmt::Display for Boundary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = match self.side {
            Side::Before => "before",
            Side::After => "after",
        };
        write!(f, "{side} {} (number {})", self.call, self.nth)
    }
}

/// At which boundary something happens.
#[derive(Clone, Debug)]
pub enum Place {
    At(Boundary),
    /// So many boundaries after whatever happened last.
    Later(usize),
}

/// What happens at a boundary.
pub enum Incident {
    /// The operator dies.
    Death,
    /// Something else changes.
    Change(Box<dyn FnOnce() + Send>),
}

/// The boundaries of a run. They are counted, and something can happen at them, from [`Boundaries::begin`] on.
#[derive(Default)]
pub struct Boundaries {
    state: Mutex<State>,
    died: Notify,
}

#[derive(Default)]
struct State {
    is_open: bool,
    is_dead: bool,
    passed: Vec<Boundary>,
    counts: HashMap<(Side, String), usize>,
    plan: VecDeque<(Place, Incident)>,
    since_incident: usize,
    met: Vec<Boundary>,
    pauses: Option<(fastrand::Rng, Duration)>,
}

impl State {
    fn pass(&mut self, side: Side, call: &str) -> Option<Incident> {
        let nth = self.counts.entry((side, call.to_owned())).or_default();
        *nth += 1;
        let boundary = Boundary { side, call: call.to_owned(), nth: *nth };
        self.passed.push(boundary.clone());
        self.since_incident += 1;
        let is_met = match &self.plan.front()?.0 {
            Place::At(place) => *place == boundary,
            Place::Later(distance) => self.since_incident == *distance,
        };
        if !is_met {
            return None;
        }
        self.since_incident = 0;
        self.met.push(boundary);
        self.plan.pop_front().map(|(_, incident)| incident)
    }

    fn pause(&mut self) -> Option<Duration> {
        self.pauses.as_mut().map(|(random, longest)| longest.mul_f64(random.f64()))
    }
}

impl Boundaries {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while it holds the lock")
    }

    /// What is to happen, in this order.
    pub fn plan(&self, plan: impl IntoIterator<Item = (Place, Incident)>) {
        self.state().plan = plan.into_iter().collect();
    }

    /// From now on each boundary takes a time from the seed, so that what runs side by side interleaves by it.
    pub fn pause_by(&self, seed: u64, longest: Duration) {
        self.state().pauses = Some((fastrand::Rng::with_seed(seed), longest));
    }

    /// What matters of the run begins.
    pub fn begin(&self) {
        self.state().is_open = true;
    }

    /// What matters of the run is over.
    pub fn end(&self) {
        self.state().is_open = false;
    }

    /// All boundaries that were passed.
    pub fn passed(&self) -> Vec<Boundary> {
        self.state().passed.clone()
    }

    /// Where something happened.
    pub fn met(&self) -> Vec<Boundary> {
        self.state().met.clone()
    }

    /// Passes a boundary, or never does.
    pub async fn pass(&self, side: Side, call: &str) {
        if self.meets_death(side, call) {
            self.died.notify_one();
            pending::<()>().await;
        }
        let pause = self.state().pause();
        if let Some(pause) = pause {
            sleep(pause).await;
        }
    }

    fn meets_death(&self, side: Side, call: &str) -> bool {
        let mut state = self.state();
        if !state.is_open {
            return state.is_dead;
        }
        match state.pass(side, call).filter(|_| !state.is_dead) {
            Some(Incident::Death) => state.is_dead = true,
            Some(Incident::Change(change)) => {
                drop(state);
                change();
                return false;
            }
            None => {}
        }
        state.is_dead
    }

    /// The operator dies. Whatever it still has under way reaches no boundary any more.
    pub async fn death(&self) {
        self.died.notified().await;
    }

    /// A new operator starts.
    pub fn revive(&self) {
        self.state().is_dead = false;
    }
}
