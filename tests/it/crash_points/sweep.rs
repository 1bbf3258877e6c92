//! Every crash point of every scenario, and pairs of them.

use std::{
    collections::BTreeMap,
    fmt::Write,
    time::{Duration, Instant},
};

use super::{
    ending::Ending,
    run::{Verdict, deaths, judge, run},
    scenarios::{self, Scenario},
};
use crate::flow::{
    boundaries::{Boundary, Place},
    simulation::in_parallel,
};

/// The next operator starts at once, within the consistency windows; or when everything that goes on by itself is over.
const OUTAGES: [Duration; 2] = [Duration::ZERO, Duration::from_mins(10)];

/// The second crash of a pair is at most so many boundaries after the first.
const DISTANCE: usize = 12;

/// How much of it is tried of each scenario.
pub struct Extent {
    /// One of so many boundaries and outages.
    pub one_of: usize,
    /// So many pairs.
    pub pairs: usize,
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
}

impl Report {
    pub fn is_good(&self) -> bool {
        self.failures.is_empty()
    }

    fn count(&self, of: impl Fn(&Verdict) -> usize) -> usize {
        self.failures.iter().map(|f| of(&f.verdict)).sum()
    }

    fn add(&mut self, case: &Case<'_>, met: &[Boundary], verdict: Verdict) {
        self.crash_points += met.len();
        self.missed += usize::from(met.is_empty() && verdict.is_good());
        if !verdict.is_good() {
            self.failures.push(Failure { case: case.describe(met), verdict });
        }
    }

    /// What went wrong where, and the sum.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for failure in &self.failures {
            let Verdict { leaks, duplicates, differences } = &failure.verdict;
            let _ = writeln!(text, "{}\n  leaks {leaks:?}, duplicates {duplicates:?}", failure.case);
            for line in differences.iter().take(12) {
                let _ = writeln!(text, "  {line}");
            }
        }
        let (leaks, duplicates) = (self.count(|v| v.leaks.len()), self.count(|v| v.duplicates.len()));
        let differences = self.count(|v| usize::from(!v.differences.is_empty()));
        let _ = writeln!(text, "{differences} other ends, {} boundaries not met again", self.missed);
        let _ = writeln!(text, "{} crash points, {leaks} leaks, {duplicates} duplicates", self.crash_points);
        text
    }
}

/// Names a part of the names of the scenarios that are tried.
const ONLY: &str = "CRASH_SCENARIO";

/// Tries the crash points, and tells what came of each scenario. What is drawn follows from the seed.
pub fn sweep(extent: &Extent, seed: u64) -> Report {
    let only = std::env::var(ONLY).unwrap_or_default();
    let scenarios: Vec<Scenario> = scenarios::all().into_iter().filter(|s| s.name.contains(&only)).collect();
    let undisturbed = in_parallel(&scenarios, |scenario| {
        let run = run(scenario, &|_| {}).unwrap_or_else(|why| panic!("{} alone: {why}", scenario.name));
        assert!(run.ending.leaks.is_empty(), "{} alone: {:?}", scenario.name, run.ending);
        (run.ending, run.passed)
    });
    let endings: BTreeMap<&str, &Ending> =
        scenarios.iter().zip(&undisturbed).map(|(s, (ending, _))| (s.name, ending)).collect();
    let mut random = fastrand::Rng::with_seed(seed);
    let mut report = Report::default();
    for (scenario, (_, passed)) in scenarios.iter().zip(&undisturbed) {
        let (began, before) = (Instant::now(), report.crash_points);
        let cases = cases(scenario, passed, extent, &mut random);
        for (case, (met, verdict)) in cases.iter().zip(in_parallel(&cases, |case| attempt(case, &endings))) {
            report.add(case, &met, verdict);
        }
        let (tried, bad) = (report.crash_points - before, report.failures.len());
        let (boundaries, seconds) = (passed.len(), began.elapsed().as_secs());
        println!(
            "{tried:5} crash points at {boundaries:3} boundaries, {seconds:3} s, {bad} bad so far: {}",
            scenario.name
        );
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
    scenario: &'a Scenario,
    passed: &[Boundary],
    extent: &Extent,
    random: &mut fastrand::Rng,
) -> Vec<Case<'a>> {
    let single = |(at, outage): (&Boundary, Duration)| {
        let places = vec![Place::At(at.clone())];
        Case { scenario, places, outage }
    };
    let of_each = passed.iter().flat_map(|boundary| OUTAGES.map(|outage| (boundary, outage)));
    let mut cases: Vec<Case<'_>> = of_each.map(single).collect();
    random.shuffle(&mut cases);
    cases.truncate(cases.len().div_ceil(extent.one_of));
    for _ in 0..extent.pairs {
        let Some(first) = random.choice(passed) else { continue };
        let second = Place::Later(random.usize(1..=DISTANCE));
        let outage = OUTAGES[random.usize(..OUTAGES.len())];
        cases.push(Case { scenario, places: vec![Place::At(first.clone()), second], outage });
    }
    cases
}
