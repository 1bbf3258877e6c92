//! What an account was asked, from ec2sim's journal: the SDK's own repetitions are in it.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use ec2sim::core::{Sim, journal::Entry};
use jiff::Timestamp;

/// Calls, counted and let go: those of ten thousand objects would fill the memory.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub by_action: BTreeMap<String, usize>,
    pub writes: usize,
    pub throttled: usize,
    /// Other errors, by code.
    pub refused: BTreeMap<String, usize>,
    pub most_under_way: usize,
    copy: Duration,
    /// When the copies of each region that may be under way began.
    under_way: BTreeMap<String, VecDeque<Timestamp>>,
}

impl Tally {
    /// `copy`: how long a copy is under way.
    pub fn new(copy: Duration) -> Self {
        Self { copy, ..Self::default() }
    }

    pub fn calls(&self) -> usize {
        self.by_action.values().sum()
    }

    pub fn of(&self, action: &str) -> usize {
        self.by_action.get(action).copied().unwrap_or(0)
    }

    /// In percent of all calls.
    pub fn throttled_share(&self) -> f64 {
        100.0 * ratio(self.throttled, self.calls().max(1))
    }

    /// Takes over what the journal has.
    pub fn drain(&mut self, sim: &Sim) {
        sim.journal(|journal| {
            journal.entries().for_each(|entry| self.count(entry));
            journal.clear();
        });
    }

    fn count(&mut self, entry: &Entry) {
        *self.by_action.entry(entry.action.clone()).or_default() += 1;
        self.writes += usize::from(entry.is_write);
        match entry.error.as_ref().map(|error| error.code.as_str()) {
            Some("RequestLimitExceeded" | "ThrottlingException") => self.throttled += 1,
            Some(code) => *self.refused.entry(code.to_owned()).or_default() += 1,
            None if entry.action == "CopyImage" => self.begun(entry),
            None => {}
        }
    }

    fn begun(&mut self, entry: &Entry) {
        let of_region = self.under_way.entry(entry.caller.region.clone()).or_default();
        while of_region.front().is_some_and(|began| *began + self.copy <= entry.at) {
            of_region.pop_front();
        }
        of_region.push_back(entry.at);
        self.most_under_way = self.most_under_way.max(of_region.len());
    }
}

/// For shares and averages.
#[expect(clippy::cast_precision_loss, reason = "far less than 2^52")]
pub fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}
