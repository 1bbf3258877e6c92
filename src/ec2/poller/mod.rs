//! Polls each region once for all objects.
//!
//! Whoever waits for something in AWS registers what it looks at. A task for each region asks for all of it together,
//! stores the answers with their time, and wakes the owners of what changed: once they all know what they look at for the
//! first time. So reads grow with time and regions, not with objects. Throttling slows the region, not one object.

mod book;
mod packed;
mod tick;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, mpsc},
    task::JoinSet,
    time::Instant,
};

use self::book::Book;
use super::{Ec2, clock::Clock, timing};
use crate::{
    model::Region,
    plan::{Sightings, Watch},
};

/// An object that watches something and is woken when it changes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject {
    /// Kind of the custom resource.
    pub kind: &'static str,
    pub namespace: String,
    pub name: String,
}

/// The polling rate of a region.
#[derive(Clone, Copy, Debug)]
pub struct Tempo {
    /// Interval for something that is expected to change.
    pub interval: Duration,
    /// Minimum time between two rounds of calls in a region, however urgent.
    pub spacing: Duration,
}

impl Default for Tempo {
    fn default() -> Self {
        Self { interval: timing::POLL_INTERVAL, spacing: timing::ROUND_SPACING }
    }
}

/// The watches of all regions, and their tasks, which end when this is dropped.
pub struct Poller {
    ec2: Arc<dyn Ec2>,
    clock: Clock,
    tempo: Tempo,
    wake: mpsc::UnboundedSender<Subject>,
    regions: Arc<Regions>,
    tasks: Mutex<JoinSet<()>>,
}

/// What is watched, by region.
#[derive(Default)]
struct Regions(Mutex<BTreeMap<Region, Arc<WatchSet>>>);

/// What is watched in a region, and the bell that rings when that changes.
struct WatchSet {
    book: Mutex<Book>,
    changed: Notify,
}

impl WatchSet {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Regions {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Region, Arc<WatchSet>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> Vec<(Region, Arc<WatchSet>)> {
        self.lock().iter().map(|(name, region)| (name.clone(), region.clone())).collect()
    }

    /// Whether the first answers to something that `subject` looks at are under way anywhere.
    fn awaits(&self, subject: &Subject) -> bool {
        self.lock().values().any(|region| region.book().awaits(subject))
    }
}

impl Poller {
    /// A poller, and the stream of those whose resources changed.
    pub fn new(ec2: Arc<dyn Ec2>, clock: Clock, tempo: Tempo) -> (Self, mpsc::UnboundedReceiver<Subject>) {
        let (wake, woken) = mpsc::unbounded_channel();
        let (regions, tasks) = (Arc::default(), Mutex::default());
        (Self { ec2, clock, tempo, wake, regions, tasks }, woken)
    }

    /// Replaces what `subject` watches. Returns true if some of it is already answered, so that another pass is worthwhile now.
    pub fn watch(&self, subject: &Subject, watches: &[Watch]) -> bool {
        let (subject, mut answered) = (Arc::new(subject.clone()), false);
        for watch in watches {
            let _ = self.region(&watch.region);
        }
        for (name, region) in self.regions.all() {
            let mine: Vec<_> = watches.iter().filter(|w| w.region == name).collect();
            answered |= region.book().watch(&subject, &mine, Instant::now());
            region.changed.notify_one();
        }
        answered
    }

    /// The last answers to what `subject` watches.
    pub fn sightings(&self, subject: &Subject) -> Sightings {
        let mut sightings = Sightings::default();
        for (name, region) in self.regions.all() {
            region.book().sightings(subject, &name, &mut sightings);
        }
        sightings
    }

    /// Drops the answers that `subject` has from `region`, because a write has made them stale.
    pub fn forget(&self, subject: &Subject, region: &Region) {
        let region = self.region(region);
        region.book().forget(subject, Instant::now());
        region.changed.notify_one();
    }

    /// Drops all answers that `subject` has, because a reconciliation was requested.
    pub fn forget_all(&self, subject: &Subject) {
        for (_, region) in self.regions.all() {
            region.book().forget(subject, Instant::now());
            region.changed.notify_one();
        }
    }

    fn region(&self, name: &Region) -> Arc<WatchSet> {
        let mut regions = self.regions.lock();
        let region = regions.entry(name.clone()).or_insert_with(|| self.start(name.clone()));
        region.clone()
    }

    fn start(&self, name: Region) -> Arc<WatchSet> {
        let watched = Arc::new(WatchSet { book: Mutex::new(Book::new(self.tempo)), changed: Notify::new() });
        let ticker = tick::Ticker {
            watched: watched.clone(),
            regions: self.regions.clone(),
            name,
            ec2: self.ec2.clone(),
            clock: self.clock,
            wake: self.wake.clone(),
        };
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.spawn(ticker.run(self.tempo.spacing));
        watched
    }
}
