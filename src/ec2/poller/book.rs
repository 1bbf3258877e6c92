//! What is watched in one region, the last answers, and which questions are due. No I/O.

mod known;
mod watchers;

use std::{
    collections::HashMap,
    mem::{Discriminant, discriminant},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::Instant;

use self::{known::Known, watchers::Watchers};
use super::{Subject, Tempo, packed::Words};
use crate::{
    ec2::timing::{SLOWEST_POLL, SLOWEST_POLL_FOR_AGENTS, SLOWEST_ROUND},
    model::{Absence, Answer, AwsError, Class, Disposition, Query, Region, Seen},
    plan::{Pace, Sighting, Sightings, Watch},
};

#[cfg(test)]
mod tests;

/// So many empty or failed answers in a row are asked for at full speed: enough to tell gone from stale.
const UNSLOWED_MISSES: u32 = 6;

/// So many passing failures in a row are kept from those who wait: the region is asked again soon.
const HIDDEN_FAILURES: u32 = 2;

/// The watch set of one region.
pub(super) struct Book {
    tempo: Tempo,
    entries: HashMap<Arc<Query>, Watched>,
    /// Which entries each subject watches: a pass of one object must not cost time for all the others'.
    subjects: HashMap<Arc<Subject>, Box<[Arc<Query>]>>,
    words: Words,
    last_tick: Option<Instant>,
    /// Nothing is due before; maybe nothing is due then. Each pass of each object asks for the next round, and must not have
    /// to look at everything that is watched.
    not_before: Option<Instant>,
    /// Between two rounds; more than the tempo says while AWS throttles the region.
    spacing: Duration,
}

struct Watched {
    watchers: Watchers,
    known: Known,
    /// When the last call for it returned.
    asked_at: Option<Instant>,
    /// Answers of calls that began before this are too old.
    valid_from: Instant,
    /// Empty or failed answers in a row.
    misses: u32,
}

impl Book {
    pub(super) fn new(tempo: Tempo) -> Self {
        let spacing = tempo.spacing;
        let (entries, subjects, words) = (HashMap::new(), HashMap::new(), Words::default());
        Self { tempo, entries, subjects, words, last_tick: None, not_before: None, spacing }
    }

    /// Replaces what `subject` looks at here; true if something that it had not looked at has an answer already.
    pub(super) fn watch(&mut self, subject: &Arc<Subject>, watches: &[&Watch], now: Instant) -> bool {
        let known = self.subjects.remove_entry(subject);
        if known.is_none() && watches.is_empty() {
            return false;
        }
        let (subject, before) = known.unwrap_or_else(|| (subject.clone(), Box::default()));
        let wanted: Box<[Arc<Query>]> = watches.iter().map(|watch| self.entry(&watch.query, now)).collect();
        for query in before.iter().filter(|query| !wanted.contains(query)) {
            self.unwatch(&subject, query);
        }
        let mut answered = false;
        for (query, watch) in wanted.iter().zip(watches) {
            let Some(entry) = self.entries.get_mut(query) else { continue };
            let new = entry.watchers.insert(&subject, watch.pace);
            if new && entry.is_old(now, self.tempo.interval) {
                entry.forget(now);
            }
            answered |= new && !entry.known.is_nothing();
            sooner(&mut self.not_before, entry.due(query, self.tempo.interval));
        }
        if !wanted.is_empty() {
            self.subjects.insert(subject, wanted);
        }
        answered
    }

    /// The key of a query's entry, which is there from now on.
    fn entry(&mut self, query: &Query, now: Instant) -> Arc<Query> {
        if let Some((query, _)) = self.entries.get_key_value(query) {
            return query.clone();
        }
        let query = Arc::new(query.clone());
        self.entries.insert(query.clone(), Watched::new(now));
        query
    }

    fn unwatch(&mut self, subject: &Subject, query: &Query) {
        if let Some(entry) = self.entries.get_mut(query) {
            entry.watchers.remove(subject);
            if entry.watchers.is_empty() {
                self.entries.remove(query);
            }
        }
    }

    pub(super) fn sightings(&self, subject: &Subject, region: &Region, into: &mut Sightings) {
        for query in self.subjects.get(subject).into_iter().flatten() {
            let sighting = self.entries.get(query).and_then(|entry| entry.known.sighting(&self.words));
            into.0.extend(sighting.map(|sighting| ((region.clone(), Query::clone(query)), sighting)));
        }
    }

    /// Whether a first answer to `subject` is under way: it is asked for at once, and not in vain so far.
    pub(super) fn awaits(&self, subject: &Subject) -> bool {
        let is_first = |e: &Watched| e.known.is_nothing() && e.misses == 0 && e.pace() != Pace::Tick;
        let mut watched = self.subjects.get(subject).into_iter().flatten();
        self.spacing == self.tempo.spacing
            && watched.any(|query| self.entries.get(query).is_some_and(is_first))
    }

    pub(super) fn forget(&mut self, subject: &Subject, now: Instant) {
        for query in self.subjects.get(subject).into_iter().flatten() {
            if let Some(entry) = self.entries.get_mut(query) {
                entry.forget(now);
                sooner(&mut self.not_before, entry.due(query, self.tempo.interval));
            }
        }
    }

    /// When the next round may be due; never where nothing is watched. Only a time that has come is the exact one.
    pub(super) fn next_round(&mut self, now: Instant) -> Option<Instant> {
        if self.entries.is_empty() {
            return None;
        }
        let spaced = self.last_tick.map_or(now, |last| last + self.spacing);
        if spaced <= now && self.not_before.is_none_or(|due| due <= now) {
            self.not_before = self.entries.iter().map(|(query, e)| e.due(query, self.tempo.interval)).min();
        }
        Some(self.not_before.map_or(spaced, |due| due.max(spaced)))
    }

    /// A call ended. Throttling slows the whole region, as its bucket is the region's; what works speeds it up again.
    pub(super) fn heard(&mut self, trouble: Option<Class>) {
        self.spacing = match trouble {
            Some(Class::Throttled) => (self.spacing * 2).min(SLOWEST_ROUND),
            Some(_) => self.spacing,
            None => (self.spacing / 2).max(self.tempo.spacing),
        };
    }

    /// What is due now. Whatever is due within half an interval goes along; and so does, where a call has room for it, what
    /// its last look is half a period ago: one more id costs nothing. So objects that came one by one are looked at together.
    pub(super) fn take_due(&mut self, now: Instant, capacity: fn(&Query) -> usize) -> Vec<Query> {
        self.last_tick = Some(now);
        self.not_before = None;
        let soon = now + self.tempo.interval / 2;
        let is_due = |query: &Query, e: &Watched| e.due(query, self.tempo.interval) <= soon;
        let due = self.entries.iter().filter(|(query, e)| is_due(query, e));
        let mut taken: Vec<Query> = due.map(|(query, _)| Query::clone(query)).collect();
        let mut room = room(&taken, capacity);
        if room.values().all(|room| *room == 0) {
            return taken;
        }
        let early = self.entries.iter().filter(|(query, e)| !is_due(query, e) && e.may_go_along(now));
        let mut early: Vec<(&Arc<Query>, &Watched)> = early.collect();
        early.sort_unstable_by_key(|(_, e)| e.asked_at);
        for (query, _) in early {
            if let Some(room) = room.get_mut(&discriminant(&**query)).filter(|room| **room > 0) {
                *room -= 1;
                taken.push(Query::clone(query));
            }
        }
        taken
    }

    /// Stores the answer of a call that began at `began`; the subjects to wake are those for whom it is news.
    pub(super) fn answer(
        &mut self,
        query: &Query,
        found: Option<Answer>,
        began: Instant,
        at: (Instant, Timestamp),
    ) -> Vec<Subject> {
        let Some(entry) = self.entries.get_mut(query).filter(|e| e.valid_from <= began) else {
            return Vec::new();
        };
        entry.misses = if found.is_some() { 0 } else { entry.misses.saturating_add(1) };
        let seen = match found {
            Some(answer) => Seen::Present(answer),
            None => entry.absent(at.1),
        };
        let woken = entry.store(Known::new(Sighting { seen, error: None }, &mut self.words), at.0);
        sooner(&mut self.not_before, entry.due(query, self.tempo.interval));
        woken
    }

    /// Stores a failure. A passing one is shown only when it lasts; until then the former answer stands. Whoever has none may
    /// have been kept waiting for it.
    pub(super) fn failure(
        &mut self,
        query: &Query,
        error: &AwsError,
        began: Instant,
        now: Instant,
    ) -> Vec<Subject> {
        let Some(entry) = self.entries.get_mut(query).filter(|e| e.valid_from <= began) else {
            return Vec::new();
        };
        entry.misses = entry.misses.saturating_add(1);
        let passing = match error.class().disposition() {
            Disposition::Wait | Disposition::Retry => entry.misses <= HIDDEN_FAILURES,
            Disposition::NeedsHelp | Disposition::Rejected => false,
        };
        let woken = if passing {
            entry.asked_at = Some(now);
            if entry.known.is_nothing() && entry.misses == 1 { entry.watchers.all() } else { Vec::new() }
        } else {
            let failed = Sighting { seen: Seen::Unknown, error: Some(error.clone()) };
            entry.store(Known::Other(Box::new(failed)), now)
        };
        sooner(&mut self.not_before, entry.due(query, self.tempo.interval));
        woken
    }
}

impl Watched {
    fn new(now: Instant) -> Self {
        let (watchers, known) = (Watchers::default(), Known::default());
        Self { watchers, known, asked_at: None, valid_from: now, misses: 0 }
    }

    /// Others are content with it, being slow or long in vain; whoever looks for the first time is not.
    fn is_old(&self, now: Instant, interval: Duration) -> bool {
        self.asked_at.is_some_and(|asked| asked + 2 * interval < now)
    }

    fn forget(&mut self, now: Instant) {
        self.known = Known::Nothing;
        self.misses = 0;
        self.valid_from = now;
    }

    fn pace(&self) -> Pace {
        self.watchers.pace().unwrap_or(Pace::Tick)
    }

    fn due(&self, query: &Query, interval: Duration) -> Instant {
        let last = self.asked_at.map_or(self.valid_from, |asked| asked.max(self.valid_from));
        if self.misses > 0 {
            return last + self.slowed(interval, slowest(query));
        }
        match (self.pace(), self.known.is_nothing()) {
            (Pace::Now | Pace::Every(_), true) => self.valid_from,
            (Pace::Now, false) | (Pace::Tick, _) => last + interval,
            (Pace::Every(period), false) => last + period,
        }
    }

    /// It is as it should be, and half of its period is over.
    fn may_go_along(&self, now: Instant) -> bool {
        match (self.pace(), self.asked_at) {
            (Pace::Every(period), Some(asked)) if self.misses == 0 => asked + period / 2 <= now,
            (Pace::Now | Pace::Tick | Pace::Every(_), _) => false,
        }
    }

    fn slowed(&self, interval: Duration, slowest: Duration) -> Duration {
        let doublings = self.misses.saturating_sub(UNSLOWED_MISSES).min(16);
        (interval * 2_u32.pow(doublings)).min(slowest).max(interval)
    }

    fn absent(&self, now: Timestamp) -> Seen<Answer> {
        let first = Absence { checks: 0, since: now, until: now };
        let before = self.known.absence().unwrap_or(first);
        Seen::Absent(Absence { checks: before.checks.saturating_add(1), until: now, ..before })
    }

    fn store(&mut self, known: Known, now: Instant) -> Vec<Subject> {
        self.asked_at = Some(now);
        if self.known.says(&known) {
            return Vec::new();
        }
        self.known = known;
        self.watchers.all()
    }
}

/// Keeps the earlier of two times; what is not known stays so.
fn sooner(time: &mut Option<Instant>, other: Instant) {
    *time = time.map(|time| time.min(other));
}

/// How many more of each kind the calls for these can ask for.
fn room(queries: &[Query], capacity: fn(&Query) -> usize) -> HashMap<Discriminant<Query>, usize> {
    let mut room = HashMap::new();
    for query in queries {
        let left = room.entry(discriminant(query)).or_insert(0);
        *left = if *left == 0 { capacity(query) - 1 } else { *left - 1 };
    }
    room
}

/// It is asked for at least this often, however often in vain.
fn slowest(query: &Query) -> Duration {
    if matches!(query, Query::Agent(_)) { SLOWEST_POLL_FOR_AGENTS } else { SLOWEST_POLL }
}
