//! Whatever Kubernetes does, there is no second build and no leak, and all goes on after it heals.

use std::time::Duration;

use ami_operator::ec2::poller::Subject;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    ending::Ending,
    run::{Disturb, Run, judge, run},
    scenarios::{Scenario, named},
    tries_everything,
};
use crate::flow::{
    Flow,
    boundaries::{Boundary, Incident, Place},
    build,
    cluster::Trouble,
    replication,
    simulation::{in_parallel, simulate},
    world::build_spec,
};

const HOUR: Duration = Duration::from_hours(1);

/// All kinds of calls are in one of these.
const SCENARIOS: [&str; 4] = [
    "a build and its replication",
    "a build fails in a step",
    "a build is deleted while its image is created, Delete",
    "a replication is deleted with its copies",
];

fn undisturbed(scenario: &Scenario) -> Run {
    run(scenario, &|_| {}).expect("an undisturbed run ends")
}

/// What is wrong with the end of a disturbed run.
fn wrong(scenario: &Scenario, right: &Ending, disturb: &Disturb<'_>) -> Option<String> {
    let verdict = judge(&run(scenario, disturb), &[right]);
    (!verdict.is_good()).then(|| format!("{}: {verdict:#?}", scenario.name))
}

fn assert_overcome(trouble: Trouble) {
    let scenarios = SCENARIOS.map(named);
    let wrong = in_parallel(&scenarios, |scenario| {
        let right = undisturbed(scenario).ending;
        wrong(scenario, &right, &move |flow: &mut Flow| flow.cluster.trouble(trouble))
    });
    let wrong: Vec<String> = wrong.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{trouble:?}: {}", wrong.join("\n"));
}

/// All that were passed, or a part of them.
fn places(passed: Vec<Boundary>) -> Vec<Boundary> {
    passed.into_iter().step_by(if tries_everything() { 1 } else { 8 }).collect()
}

/// Runs `scenario` once for each of these boundaries, where `change` happens.
fn at_boundaries(scenario: &Scenario, change: fn(&Flow) -> Incident) {
    let Run { ending, passed, .. } = undisturbed(scenario);
    let places = places(passed);
    let wrong = in_parallel(&places, |place| {
        let disturb = |flow: &mut Flow| {
            let incident = change(flow);
            flow.boundaries.plan([(Place::At(place.clone()), incident)]);
        };
        wrong(scenario, &ending, &disturb).map(|wrong| format!("{place}: {wrong}"))
    });
    let wrong: Vec<String> = wrong.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn away_for_ten_minutes(flow: &Flow) -> Incident {
    let cluster = flow.cluster.clone();
    Incident::Change(Box::new(move || {
        cluster.trouble(Trouble::AwayUntil(Instant::now() + Duration::from_mins(10)));
    }))
}

#[test]
fn an_api_server_that_is_away_for_ten_minutes_changes_no_end() {
    for name in SCENARIOS {
        at_boundaries(&named(name), away_for_ten_minutes);
    }
}

#[test]
fn a_slow_api_server_changes_no_end() {
    assert_overcome(Trouble::Slow(Duration::from_secs(5)));
}

#[test]
fn conflicts_of_every_second_write_change_no_end() {
    assert_overcome(Trouble::Conflicts);
}

#[test]
fn refused_requests_change_no_end() {
    for status in ["410 Gone", "429 TooManyRequests", "500 InternalError"] {
        assert_overcome(Trouble::Refusals(status));
    }
}

#[test]
fn writes_whose_answers_are_lost_change_no_end() {
    assert_overcome(Trouble::LostAnswers);
}

async fn finished(flow: &mut Flow, subject: &Subject) {
    flow.until("finished", 3 * HOUR, |f| f.status(subject)["completionTime"].is_string()).await;
    flow.run_for(Duration::from_mins(15)).await;
}

fn spec() -> Value {
    build_spec(&[("work", "sleep 3")])
}

#[test]
fn a_status_wiped_at_any_stage_brings_no_second_build() {
    let right = undisturbed(&named("a build")).ending;
    let receipts = [
        "/source/imageID",
        "/builder/clientToken",
        "/builder/instanceID",
        "/builder/runningAt",
        "/builder/stoppedAt",
        "/image/imageID",
        "/image/availableAt",
        "/completionTime",
    ];
    for receipt in receipts {
        let ending = simulate(async |flow| {
            let web = build("web");
            flow.apply(&web, spec());
            flow.until("so far", HOUR, |f| f.status(&web).pointer(receipt).is_some()).await;
            flow.wipe_status(&web);
            finished(flow, &web).await;
            Ending::of(flow)
        });
        assert_eq!((&ending.leaks, &ending.duplicates), (&vec![], &vec![]), "wiped at {receipt}");
        assert_eq!(ending.resources, right.resources, "wiped at {receipt}");
    }
}

#[test]
fn an_object_deleted_and_created_again_is_built_anew_and_once() {
    simulate(async |flow| {
        let web = build("web");
        flow.apply(&web, spec());
        flow.until("running", HOUR, |f| f.status(&web)["builder"]["runningAt"].is_string()).await;
        flow.delete(&web);
        flow.until("gone", HOUR, |f| f.object(&web).is_null()).await;
        flow.apply(&web, spec());
        finished(flow, &web).await;
        assert!(flow.is_true(&web, "Succeeded"), "{}", flow.status(&web));
        let ending = Ending::of(flow);
        assert_eq!((ending.leaks, ending.duplicates), (vec![], vec![]));
        assert_eq!(flow.images("us-east-1").len(), 1);
    });
}

/// Replaces the object while a pass of it may be under way: the new one is another owner.
fn replaced_at(boundary: &Boundary) -> Result<(), String> {
    simulate(async |flow| {
        let web = build("web");
        flow.apply(&web, spec());
        let (cluster, name) = (flow.cluster.clone(), web.clone());
        let replace = Incident::Change(Box::new(move || cluster.restore(&name)));
        flow.boundaries.plan([(Place::At(boundary.clone()), replace)]);
        flow.boundaries.begin();
        flow.until("replaced", HOUR, |f| f.object(&web)["metadata"]["uid"].as_str() == Some(SECOND)).await;
        flow.restart();
        finished(flow, &web).await;
        let (status, ending) = (flow.status(&web), Ending::of(flow));
        let reason = flow.condition(&web, "Succeeded").1;
        let world = flow.sim.world();
        let instances = world.regions["us-east-1"].instances.values();
        let left =
            instances.filter(|i| i.tags.get("ami-operator.dev/uid").map(String::as_str) == Some(SECOND));
        let left = left.filter(|i| !i.is_terminated(flow.now())).count();
        let good = ["Succeeded", "NameConflict"].contains(&reason.as_str());
        if good && left == 0 && ending.duplicates.is_empty() {
            return Ok(());
        }
        Err(format!("{boundary}: {left} instances left, {:?}, {status}", ending.duplicates))
    })
}

/// The uid of the second object that a cluster in memory creates.
const SECOND: &str = "00000000-0000-4000-8000-000000000002";

#[test]
fn an_object_replaced_behind_our_back_never_gets_the_other_s_receipts() {
    let places = places(undisturbed(&named("a build")).passed);
    let bad: Vec<String> = in_parallel(&places, replaced_at).into_iter().filter_map(Result::err).collect();
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn a_malformed_object_stops_no_other() {
    simulate(async |flow| {
        flow.apply_malformed(&build("malformed"), json!({"region": 5}));
        flow.apply_malformed(&replication("malformed"), json!({"destinations": "everywhere"}));
        flow.apply(&build("web"), spec());
        finished(flow, &build("web")).await;
        assert!(flow.is_true(&build("web"), "Succeeded"), "{}", flow.status(&build("web")));
    });
}
