//! One run of a scenario, disturbed or not, and what is wrong with its end.

use std::{collections::BTreeSet, time::Duration};

use super::{ending::Ending, scenarios::Scenario};
use crate::flow::{
    Flow,
    boundaries::{Boundary, Incident, Place},
    simulation::try_simulate,
};

/// Whatever is under way when a scenario is over ends in this time.
const SETTLING: Duration = Duration::from_mins(15);

/// What disturbs a run.
pub type Disturb<'a> = dyn Fn(&mut Flow) + Send + Sync + 'a;

pub struct Run {
    pub ending: Ending,
    pub passed: Vec<Boundary>,
    /// Where it was disturbed.
    pub met: Vec<Boundary>,
}

/// Runs a scenario to its end.
///
/// # Errors
/// Why it came to none.
pub fn run(scenario: &Scenario, disturb: &Disturb<'_>) -> Result<Run, String> {
    try_simulate(async |flow| {
        disturb(flow);
        (scenario.script)(flow).await;
        flow.boundaries.end();
        flow.run_for(SETTLING).await;
        Run { ending: Ending::of(flow), passed: flow.boundaries.passed(), met: flow.boundaries.met() }
    })
}

/// Lets the operator die at these places, each time followed by an outage.
pub fn deaths(places: &[Place], outage: Duration) -> impl Fn(&mut Flow) + Send + Sync + use<> {
    let places = places.to_vec();
    move |flow| {
        flow.outage = outage;
        flow.boundaries.plan(places.iter().map(|place| (place.clone(), Incident::Death)));
    }
}

/// How a disturbed run differs from the undisturbed ones that it may end as.
#[derive(Debug, Default)]
pub struct Verdict {
    pub leaks: Vec<String>,
    pub duplicates: Vec<String>,
    pub differences: Vec<String>,
}

impl Verdict {
    pub fn is_good(&self) -> bool {
        self.leaks.is_empty() && self.duplicates.is_empty() && self.differences.is_empty()
    }
}

/// Judges an ending by those that are right.
pub fn judge(ending: &Result<Run, String>, right: &[&Ending]) -> Verdict {
    let ending = match ending {
        Ok(run) => &run.ending,
        Err(why) => return Verdict { differences: vec![why.clone()], ..Verdict::default() },
    };
    let leaks = ending.leaks.clone();
    // A copy that failed is made again, also where nothing disturbs.
    let is_right = |made: &&String| right.iter().any(|right| right.duplicates.contains(made));
    let duplicates = ending.duplicates.iter().filter(|made| !is_right(made)).cloned().collect();
    let mut differences = least(right.iter().map(|right| difference(&right.objects, &ending.objects)));
    // Each region is left as it is found then: one may come too late where another does not.
    let regions: BTreeSet<&str> =
        right.iter().copied().chain([ending]).flat_map(|e| &e.resources).map(|line| place(line)).collect();
    for region in regions {
        let found = of_region(ending, region);
        differences.extend(least(right.iter().map(|right| difference(&of_region(right, region), &found))));
    }
    Verdict { leaks, duplicates, differences }
}

fn least(differences: impl Iterator<Item = Vec<String>>) -> Vec<String> {
    differences.min_by_key(Vec::len).unwrap_or_default()
}

/// The region that a line about a resource begins with.
fn place(line: &str) -> &str {
    line.split(' ').next().unwrap_or_default()
}

fn of_region(ending: &Ending, region: &str) -> Vec<String> {
    ending.resources.iter().filter(|line| place(line) == region).cloned().collect()
}

/// Lines that are missing (`-`) and that are too many (`+`).
fn difference(expected: &[String], found: &[String]) -> Vec<String> {
    let mut extra = found.to_vec();
    let mut lines = Vec::new();
    for line in expected {
        match extra.iter().position(|other| other == line) {
            Some(at) => drop(extra.remove(at)),
            None => lines.push(format!("- {line}")),
        }
    }
    lines.extend(extra.iter().map(|line| format!("+ {line}")));
    lines
}
