//! Regions that do not exist, and such as are not to be reached for a while.

use std::time::Duration;

use ami_operator::ec2::poller::Subject;
use ec2sim::faults::{Effect, Rule};
use serde_json::json;

use super::{
    Flow, build, replication,
    replication_tests::{HOUR, default_spec, destination, ready},
    world::{build_spec, condition, replication_spec, with},
};

/// A replication of a build's image into Ireland and a region that does not exist, as far as it goes.
async fn mistyped() -> (Flow, Subject) {
    let mut flow = Flow::new();
    let copies = replication("web");
    flow.apply(&copies, replication_spec("web", &["eu-west-9", "eu-west-1"]));
    flow.apply(&build("web"), build_spec(&[]));
    flow.until("copied to Ireland", HOUR, |f| f.status(&copies)["ready"] == "1/2").await;
    flow.run_for(Duration::from_mins(5)).await;
    (flow, copies)
}

#[tokio::test(start_paused = true)]
async fn a_region_that_does_not_exist_is_told_with_what_was_meant() {
    let (flow, copies) = mistyped().await;
    let (_, reason, message) = condition(&destination(&flow, &copies, "eu-west-9"), "Stalled");
    assert_eq!(reason, "UnknownRegion");
    assert!(message.contains("lists no eu-west-9 for this account, but eu-west-1, eu-west-2"), "{message}");
    assert_eq!(flow.condition(&copies, "Stalled").1, "UnknownRegion");
    assert_eq!(condition(&destination(&flow, &copies, "eu-west-1"), "Stalled").0, "");
}

#[tokio::test(start_paused = true)]
async fn a_region_that_does_not_exist_is_not_told_anew_for_two_weeks() {
    let (mut flow, _) = mistyped().await;
    let before = flow.cluster.status_writes();
    flow.run_for(Duration::from_hours(14 * 24)).await;
    assert_eq!(flow.cluster.status_writes(), before);
}

#[tokio::test(start_paused = true)]
async fn a_region_that_does_not_exist_is_taken_off_by_an_edit() {
    let (mut flow, copies) = mistyped().await;
    flow.apply(&copies, replication_spec("web", &["eu-west-2", "eu-west-1"]));
    ready(&mut flow, &copies).await;
    flow.until("taken off", HOUR, |f| destination(f, &copies, "eu-west-9").is_null()).await;
}

#[tokio::test(start_paused = true)]
async fn an_object_with_a_region_that_does_not_exist_can_be_deleted() {
    let (mut flow, copies) = mistyped().await;
    flow.delete(&copies);
    flow.until("gone", HOUR, |f| f.object(&copies).is_null()).await;
}

#[tokio::test(start_paused = true)]
async fn a_source_and_a_build_in_a_region_that_does_not_exist_are_told() {
    let mut flow = Flow::new();
    let (copies, web) = (replication("web"), build("web"));
    let source = json!({"image": {"imageID": "ami-0123456789abcdef0", "region": "us-east-9"}});
    flow.apply(&copies, with(default_spec(), "/source", source));
    flow.apply(&web, with(build_spec(&[]), "/region", json!("us-east-9")));
    for object in [copies, web] {
        flow.until("stalled", HOUR, |f| f.is_true(&object, "Stalled")).await;
        let (_, reason, message) = flow.condition(&object, "Stalled");
        assert_eq!(reason, "UnknownRegion");
        assert!(message.contains("but us-east-1, us-east-2"), "{message}");
        flow.delete(&object);
        flow.until("gone", HOUR, |f| f.object(&object).is_null()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_region_that_cannot_be_reached_for_a_while_is_tried_until_it_can() {
    let mut flow = Flow::new();
    let copies = replication("web");
    let cut_off = Rule::on("*", Effect::Reset).in_region("eu-west-1");
    flow.sim.gate(|gate| gate.faults.add(flow.now(), cut_off)).expect("a valid rule");
    flow.apply(&copies, default_spec());
    flow.apply(&build("web"), build_spec(&[]));
    flow.until("copied elsewhere", HOUR, |f| f.status(&copies)["ready"] == "1/2").await;
    flow.run_for(Duration::from_mins(5)).await;
    assert_eq!(flow.condition(&copies, "Ready").1, "RetryingAfterNoAnswer");
    assert!(!flow.is_true(&copies, "Stalled"));
    flow.sim.gate(|gate| gate.faults.clear());
    ready(&mut flow, &copies).await;
}
