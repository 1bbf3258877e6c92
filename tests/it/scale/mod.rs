//! How a fleet of replications costs: calls, time, and what happens when nothing happens; in simulated time.
//!
//! The real passes of one operator, side by side as in kube's controller, against ec2sim with its request limits switched on.
//! Each object copies a source image of its own into five regions. The ordinary test run plays a hundred objects and holds
//! counts; `SCALE=file SCALE_SIZES="1 100 1000" cargo test --release --test it scale` writes a table for any sizes.
//! Nothing here depends on how fast the machine is.

mod bound;
mod fleet;
mod naive;
mod report;
mod tally;

use std::{fs, time::Duration};

use ami_operator::ec2::limits::COPIES_PER_REGION;
use ec2sim::{buckets::Buckets, core::profile::Profile};
use serde_json::{Value, json};

use self::{
    bound::{Bound, Terms},
    fleet::{Fleet, subject},
    naive::Naive,
    tally::Tally,
};
use crate::flow::{Flow, simulation::simulate};

/// Names a file for the table.
const REPORT: &str = "SCALE";
/// Names the numbers of objects.
const SIZES: &str = "SCALE_SIZES";

pub const SOURCE_REGION: &str = "us-east-1";
pub const REGIONS: [&str; 5] = ["ap-southeast-2", "ca-central-1", "eu-central-1", "eu-west-1", "us-west-2"];

/// AWS's bucket for `CopyImage`, all of it though the operator leaves a part to others, and the copies that AWS lets be under
/// way into a region. Source: EC2 developer guide, "Request throttling"; EBS quotas, "Concurrent snapshot copies per
/// destination Region".
const BURST: f64 = 100.0;
const REFILL: f64 = 1.0;
const SLOTS: usize = COPIES_PER_REGION;

/// Copies in the ordinary run: small images.
const SMALL: Duration = Duration::from_mins(5);

/// Two resync intervals: what was ready at different times is looked at in its own rhythm.
const SETTLING: Duration = Duration::from_mins(20);
const HOUR: Duration = Duration::from_hours(1);
/// After a start.
const START: Duration = Duration::from_mins(5);

/// The bound is missed by a twentieth at most.
const NEAR: f64 = 1.05;

/// What a fleet cost.
pub struct Measured {
    pub objects: usize,
    pub bound: Bound,
    /// From nothing until all were ready.
    pub took: Duration,
    pub until_ready: Tally,
    pub status_writes: usize,
    pub passes: usize,
    pub an_hour: Steady,
    /// The first minutes of another operator's process.
    pub restart: Steady,
    /// The other way, where it was played.
    pub naive: Option<Naive>,
    pub real: Duration,
}

/// What it costs that nothing happens.
pub struct Steady {
    pub calls: Tally,
    pub status_writes: usize,
    pub passes: usize,
}

/// The image that an object copies.
pub fn source(number: usize) -> String {
    format!("ami-{number:017x}")
}

fn spec(number: usize, sharing: &Value) -> Value {
    let destinations: Vec<Value> = REGIONS.iter().map(|region| json!({"region": region})).collect();
    let image = json!({"imageID": source(number), "region": SOURCE_REGION});
    let mut spec =
        json!({"source": {"image": image}, "destinations": destinations, "tags": {"channel": "candidate"}});
    if !sharing.is_null() {
        spec["sharing"] = sharing.clone();
    }
    spec
}

/// A world with the sources, and with the request limits of AWS.
fn furnish(flow: &Flow, objects: usize, copy: Duration) {
    let mut knobs = flow.sim.knobs();
    knobs.profile = Profile { copy, ..Profile::demo() };
    flow.sim.set_knobs(knobs);
    flow.sim.gate(|gate| gate.buckets = Some(Buckets::default()));
    for number in 0..objects {
        flow.seed_image(&source(number), &format!("golden-{number}"));
    }
}

fn terms(copy: Duration) -> Terms {
    Terms { burst: BURST, refill: REFILL, slots: SLOTS, copy }
}

fn measure(objects: usize, copy: Duration) -> Measured {
    measure_shared(objects, copy, &Value::Null)
}

fn measure_shared(objects: usize, copy: Duration, sharing: &Value) -> Measured {
    let began = std::time::Instant::now();
    simulate(async |flow| {
        furnish(flow, objects, copy);
        flow.cluster.apply(&subject(0), spec(0, sharing));
        (1..objects).for_each(|number| flow.cluster.put(&subject(number), spec(number, sharing)));
        let bound = terms(copy).bound(objects);
        let mut fleet = Fleet::start(flow, objects, copy);
        let took =
            fleet.until_ready(3 * bound.time + HOUR).await.expect("it is ready within three times the bound");
        let (until_ready, passes) = (fleet.tally.clone(), fleet.reconciliations);
        let status_writes = flow.cluster.status_writes();
        fleet.run_for(SETTLING).await;
        let an_hour = steady(flow, &mut fleet, HOUR).await;
        drop(fleet);
        let mut successor = Fleet::start(flow, objects, copy);
        let restart = steady(flow, &mut successor, START).await;
        let real = began.elapsed();
        Measured {
            objects,
            bound,
            took,
            until_ready,
            status_writes,
            passes,
            an_hour,
            restart,
            naive: None,
            real,
        }
    })
}

async fn steady(flow: &Flow, fleet: &mut Fleet<'_>, time: Duration) -> Steady {
    let before = (flow.cluster.status_writes(), fleet.reconciliations);
    let calls = fleet.run_for(time).await;
    let (status_writes, passes) = (flow.cluster.status_writes() - before.0, fleet.reconciliations - before.1);
    Steady { calls, status_writes, passes }
}

fn naively(objects: usize, copy: Duration) -> Naive {
    simulate(async |flow| {
        furnish(flow, objects, copy);
        naive::run(flow, objects, copy).await
    })
}

impl Measured {
    fn share_of_bound(&self) -> f64 {
        self.took.as_secs_f64() / self.bound.time.as_secs_f64()
    }
}

#[test]
fn a_hundred_replications_cost_what_their_copies_cost() {
    let one = measure(1, SMALL);
    let hundred = measure(100, SMALL);
    let copies = 100 * REGIONS.len();
    assert_eq!((hundred.until_ready.of("CopyImage"), hundred.until_ready.writes), (copies, copies));
    assert!(hundred.until_ready.throttled_share() <= 1.0, "{:?}", hundred.until_ready);
    assert!(hundred.until_ready.refused.is_empty(), "{:?}", hundred.until_ready.refused);
    assert!(hundred.share_of_bound() <= NEAR, "{:?} for a bound of {:?}", hundred.took, hundred.bound);
    for steady in [&hundred.an_hour, &hundred.restart] {
        assert_eq!((steady.calls.writes, steady.status_writes), (0, 0));
    }
    assert_eq!(hundred.an_hour.calls.by_action, one.an_hour.calls.by_action);
    assert_eq!(hundred.restart.calls.by_action, one.restart.calls.by_action);
    // To look, and to see that all is well: not once more for each region.
    assert_eq!(hundred.restart.passes, 2 * 100);
}

#[test]
fn a_hundred_shared_replications_are_looked_over_by_no_more_calls_than_one() {
    let sharing = json!({"accountIDs": ["111111111111"], "snapshots": "Shared"});
    let [one, hundred] = [1, 100].map(|objects| measure_shared(objects, SMALL, &sharing));
    for (one, hundred) in [(&one.an_hour, &hundred.an_hour), (&one.restart, &hundred.restart)] {
        assert_eq!((hundred.calls.writes, hundred.status_writes), (0, 0));
        assert!(hundred.calls.calls() <= one.calls.calls(), "{:?} {:?}", one.calls, hundred.calls);
    }
}

#[test]
fn the_table_of_sizes_that_were_asked_for() {
    let Ok(file) = std::env::var(REPORT) else { return };
    let sizes = std::env::var(SIZES).unwrap_or_else(|_| "1 100".to_owned());
    let sizes: Vec<usize> = sizes.split_whitespace().map(|size| size.parse().expect("a number")).collect();
    fs::write(file, report::write(&sizes)).expect("the report can be written");
}
