//! Every crash point of every scenario, and pairs of them.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use super::{
    ending::Ending,
    run::{Verdict, deaths, judge, run},
    scenarios::{self, Scenario},
};
use crate::flow::boundaries::{Boundary, Place};

/// The next operator starts at once, within the consistency windows; or when everything that goes on by itself is over.
const OUTAGES: [Duration; 2] = [Duration::ZERO, Duration::from_mins(10)];

/// The second crash of a pair is at most so many boundaries after the first.
const DISTANCE: usize = 12;

/// How much of it is tried.
pub enum Extent {
    /// Each boundary with each outage, and so many pairs of each scenario.
    All { pairs: usize },
    /// So many of these.
    Sample { singles: usize, pairs: usize },
}

/// One crash, or two.
struct Case<'a> {
    scenario: &'a Scenario,
    places: Vec<Place>,
    outage: Duration,
}

/// A case that went wrong.
struct Failure {
    case: String,
    verdict: Verdict,
}

#[derive(Default)]
pub struct Report {
    crash_points: usize,
    /// Cases whose boundary this run did not come to: two regions took turns in another order.
    missed: usize,
    failures: Vec<Failure>,
    of_scenario: BTreeMap<&'static str, (usize, usize)>,
}

impl Report {
    pub fn is_good(&self) -> bool {
        self.failures.is_empty()
    }

    fn count(&self, of: impl Fn(&Verdict) -> usize) -> usize {
        self.failures.iter().map(|f| of(&f.verdict)).sum()
    }

    /// What went wrong where, a table of the scenarios, and the sum.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for failure in &self.failures {
            let Verdict { leaks, duplicates, differences } = &failure.verdict;
            let _ = writeln!(text, "{}\n  leaks {leaks:?}, duplicates {duplicates:?}", failure.case);
            for line in differences.iter().take(12) {
                let _ = writeln!(text, "  {line}");
            }
        }
        for (scenario, (crash_points, boundaries)) in &self.of_scenario {
            let _ = writeln!(text, "{crash_points:5} crash points, {boundaries:4} boundaries: {scenario}");
        }
        let (leaks, duplicates) = (self.count(|v| v.leaks.len()), self.count(|v| v.duplicates.len()));
        let differences = self.count(|v| usize::from(!v.differences.is_empty()));
        let _ = writeln!(text, "{differences} other ends, {} boundaries not met again", self.missed);
        let _ = writeln!(text, "{} crash points, {leaks} leaks, {duplicates} duplicates", self.crash_points);
        text
    }
}

/// Tries the crash points. What is drawn follows from the seed.
pub fn sweep(extent: &Extent, seed: u64) -> Report {
    let scenarios = scenarios::all();
    let undisturbed = in_parallel(&scenarios, |scenario| {
        let run = run(scenario, &|_| {}).unwrap_or_else(|why| panic!("{} alone: {why}", scenario.name));
        (run.ending, run.passed)
    });
    let endings: BTreeMap<&str, &Ending> =
        scenarios.iter().zip(&undisturbed).map(|(s, (ending, _))| (s.name, ending)).collect();
    let mut random = fastrand::Rng::with_seed(seed);
    let mut report = Report::default();
    for (scenario, (ending, passed)) in scenarios.iter().zip(&undisturbed) {
        assert!(ending.leaks.is_empty(), "{} alone: {ending:?}", scenario.name);
        report.of_scenario.insert(scenario.name, (0, passed.len()));
    }
    let cases = cases(&scenarios, undisturbed.iter().map(|(_, passed)| passed), extent, &mut random);
    for (case, (met, verdict)) in cases.iter().zip(in_parallel(&cases, |case| attempt(case, &endings))) {
        let row = report.of_scenario.entry(case.scenario.name).or_default();
        row.0 += met.len();
        report.crash_points += met.len();
        report.missed += usize::from(met.is_empty() && verdict.is_good());
        if !verdict.is_good() {
            report.failures.push(Failure { case: case.describe(&met), verdict });
        }
    }
    report
}

impl Case<'_> {
    fn describe(&self, met: &[Boundary]) -> String {
        let places = if met.is_empty() {
            format!("{:?}", self.places)
        } else {
            met.iter().map(ToString::to_string).collect::<Vec<_>>().join(", then ")
        };
        format!(
            "{}: the operator dies {places}, the next one starts {:?} later",
            self.scenario.name, self.outage
        )
    }
}

fn attempt(case: &Case<'_>, endings: &BTreeMap<&str, &Ending>) -> (Vec<Boundary>, Verdict) {
    let ended = run(case.scenario, &deaths(&case.places, case.outage));
    let other = case.scenario.or_ends_as.map(|name| endings[name]);
    let right: Vec<&Ending> = std::iter::once(endings[case.scenario.name]).chain(other).collect();
    let verdict = judge(&ended, &right);
    (ended.map(|run| run.met).unwrap_or_default(), verdict)
}

fn cases<'a>(
    scenarios: &'a [Scenario],
    passed: impl Iterator<Item = &'a Vec<Boundary>>,
    extent: &Extent,
    random: &mut fastrand::Rng,
) -> Vec<Case<'a>> {
    let (mut singles, mut pairs) = (Vec::new(), Vec::new());
    let of_each = match extent {
        Extent::All { pairs } => *pairs,
        Extent::Sample { pairs, .. } => pairs.div_ceil(scenarios.len()),
    };
    for (scenario, passed) in scenarios.iter().zip(passed) {
        for boundary in passed {
            for outage in OUTAGES {
                singles.push(Case { scenario, places: vec![Place::At(boundary.clone())], outage });
            }
        }
        for _ in 0..of_each {
            let Some(first) = random.choice(passed) else { continue };
            let second = Place::Later(random.usize(1..=DISTANCE));
            let places = vec![Place::At(first.clone()), second];
            pairs.push(Case { scenario, places, outage: OUTAGES[random.usize(..OUTAGES.len())] });
        }
    }
    if let Extent::Sample { singles: wanted, pairs: wanted_pairs } = extent {
        random.shuffle(&mut singles);
        singles.truncate(*wanted);
        random.shuffle(&mut pairs);
        pairs.truncate(*wanted_pairs);
    }
    singles.extend(pairs);
    singles
}

/// Maps `items` on all processors, in their order.
pub fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(BTreeMap::new());
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((at, item)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, items.get(at)?)))
                {
                    let result = work(item);
                    done.lock().expect("no worker panics").insert(at, result);
                }
            });
        }
    });
    done.into_inner().expect("no worker panics").into_values().collect()
}
