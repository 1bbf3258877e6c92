//! Two operators at once: a lease was handed over while the former holder was still at work. Both act on what they read
//! before the other wrote.

use std::time::Duration;

use super::{
    run::{judge, run},
    scenarios::{Scenario, all},
    tries_everything,
};
use crate::flow::{Flow, simulation::in_parallel};

/// Interleavings of each scenario.
const SEEDS: u64 = 3;

/// And where everything is to be tried.
const ALL_SEEDS: u64 = 20;

/// Boundaries take up to so long each, so that the two fall between each other's.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// The two overlap for up to so many seconds.
const LONGEST_OVERLAP: u64 = 120;

fn two_at_once(seed: u64) -> impl Fn(&mut Flow) + Send + Sync {
    move |flow| {
        let mut random = fastrand::Rng::with_seed(seed);
        flow.boundaries.pause_by(random.u64(..), LONGEST_PAUSE);
        flow.hand_over(Duration::from_secs(random.u64(1..LONGEST_OVERLAP)));
    }
}

fn after_hand_over(scenario: &Scenario, others: &[Scenario]) -> Vec<String> {
    let ending = |scenario: &Scenario| run(scenario, &|_| {}).expect("an undisturbed run ends").ending;
    let other = scenario.or_ends_as.and_then(|name| others.iter().find(|s| s.name == name)).map(ending);
    let own = ending(scenario);
    let right: Vec<_> = [Some(&own), other.as_ref()].into_iter().flatten().collect();
    let seeds = if tries_everything() { ALL_SEEDS } else { SEEDS };
    let verdicts = (0..seeds).map(|seed| (seed, judge(&run(scenario, &two_at_once(seed)), &right)));
    let bad = verdicts.filter(|(_, verdict)| !verdict.is_good());
    bad.map(|(seed, verdict)| format!("{}, seed {seed}: {verdict:#?}", scenario.name)).collect()
}

#[test]
fn two_operators_during_a_hand_over_make_nothing_twice() {
    let scenarios = all();
    let bad = in_parallel(&scenarios, |scenario| after_hand_over(scenario, &scenarios)).concat();
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}
