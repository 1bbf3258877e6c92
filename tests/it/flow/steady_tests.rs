//! Whatever a replication is asked for besides copies: once it is so, nothing is written any more.

use std::time::Duration;

use ami_operator::ec2::poller::Subject;
use ec2sim::core::records::Image;
use serde_json::{Value, json};

use super::{
    Flow, build, replication,
    replication_tests::{HOUR, REGIONS, default_spec, destination, ready, replicated},
    sharing_tests::{ONE, ORGANIZATION, PLACES, UNIT},
    world::{build_spec, condition, with},
};

const DAY: Duration = Duration::from_hours(24);

/// Looked at every hour: two weeks are as many looks as there would be in three days.
fn spec() -> Value {
    with(default_spec(), "/resyncInterval", json!("1h"))
}

fn shared(sharing: Value) -> Value {
    with(spec(), "/sharing", sharing)
}

/// Becomes ready, and writes nothing from then on; nor is it any less ready afterwards.
async fn stays_as_it_is(flow: &mut Flow, copies: &Subject) {
    ready(flow, copies).await;
    flow.run_for(2 * HOUR).await;
    flow.writes_nothing_for_two_weeks().await;
    assert!(flow.is_true(copies, "Ready"), "{:?}", flow.condition(copies, "Ready"));
    assert_eq!(flow.status(copies)["driftRepaired"], 0);
}

fn copies_of(flow: &Flow) -> impl Iterator<Item = Image> {
    REGIONS.iter().flat_map(|region| flow.images(region))
}

#[tokio::test(start_paused = true)]
async fn an_image_for_everybody_and_for_organizations_stays_as_it_is() {
    let receivers = json!({
        "accountIDs": [ONE], "organizationARNs": [ORGANIZATION], "organizationalUnitARNs": [UNIT],
        "public": true, "snapshots": "Shared", "unmanagedGrants": "Revoke",
    });
    let (mut flow, copies) = replicated(shared(receivers)).await;
    stays_as_it_is(&mut flow, &copies).await;
    for image in PLACES.iter().flat_map(|region| flow.images(region)) {
        let all = &image.permissions;
        assert!(all.public && all.users.contains(ONE), "{all:?}");
        assert!(all.organizations.contains(ORGANIZATION) && all.units.contains(UNIT), "{all:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_whose_time_is_over_is_deprecated_once() {
    for public in [false, true] {
        let sharing = json!({"accountIDs": [ONE], "public": public});
        let (mut flow, copies) = replicated(shared(sharing.clone())).await;
        flow.run_for(2 * DAY).await;
        flow.apply(&copies, with(shared(sharing), "/deprecateAfter", json!("24h")));
        stays_as_it_is(&mut flow, &copies).await;
        assert!(copies_of(&flow).all(|image| image.deprecated_at.is_some_and(|at| at < flow.now())));
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_that_becomes_public_is_deprecated_when_aws_has_it_so() {
    let spec = with(spec(), "/deprecateAfter", json!("43800h"));
    let (mut flow, copies) = replicated(spec.clone()).await;
    flow.apply(&copies, with(spec, "/sharing", json!({"public": true})));
    stays_as_it_is(&mut flow, &copies).await;
    for image in copies_of(&flow) {
        let lives = image.deprecated_at.expect("a deprecation").duration_since(image.created_at);
        assert_eq!(lives.as_hours() / 24, 2 * 365, "{}", image.id);
    }
}

#[tokio::test(start_paused = true)]
async fn a_disabled_copy_with_a_description_that_is_shared_stays_as_it_is() {
    let sharing = json!({"accountIDs": [ONE], "snapshots": "Shared", "unmanagedGrants": "Revoke"});
    let spec = with(shared(sharing), "/description", json!("of the web"));
    let (mut flow, copies) = replicated(spec.clone()).await;
    flow.apply(&copies, with(spec, "/launchState", json!("Disabled")));
    stays_as_it_is(&mut flow, &copies).await;
    let is_so = |image: Image| image.disabled && image.description.as_deref() == Some("of the web");
    assert!(copies_of(&flow).all(is_so));
}

#[tokio::test(start_paused = true)]
async fn a_warm_and_protected_copy_stays_as_it_is() {
    let zones = json!([{"region": "eu-west-1", "fastSnapshotRestoreZones": ["eu-west-1a", "eu-west-1b"]}]);
    let spec = with(spec(), "/destinations", zones);
    let (mut flow, copies) = replicated(with(spec, "/deregistrationProtection", json!("Enabled"))).await;
    stays_as_it_is(&mut flow, &copies).await;
    let world = flow.sim.world();
    let warm = world.regions["eu-west-1"].fast_restores.values().filter(|r| r.disabled_at.is_none());
    assert_eq!(warm.count(), 2);
}

/// A published replication of the newest build with a label, of which there were three, one after the other; the first one's
/// copy in Ireland is in use.
async fn rolled_out_twice(spec: &Value) -> (Flow, Subject) {
    let mut flow = Flow::new();
    let copies = replication("web");
    flow.apply(&copies, spec.clone());
    for name in ["one", "two", "three"] {
        flow.apply(&build(name), build_spec(&[]));
        flow.label(&build(name), json!({"app": "web"}));
        let is_source = |f: &Flow| f.status(&copies)["source"]["imageBuildName"] == name;
        flow.until("found", HOUR, is_source).await;
        ready(&mut flow, &copies).await;
        if name == "one" {
            flow.launch("eu-west-1", &flow.images("eu-west-1")[0].id);
        }
    }
    // AWS tells of a launch a day late.
    flow.run_for(2 * DAY).await;
    (flow, copies)
}

fn rolling_out() -> Value {
    let selector = json!({"imageBuildSelector": {"matchLabels": {"app": "web"}}});
    let publish = json!({"ssmParameters": [{"name": "/images/web"}], "tags": {"stage": "live"}});
    with(with(spec(), "/source", selector), "/publish", publish)
}

#[tokio::test(start_paused = true)]
async fn a_pin_to_the_image_before_the_newest_build_s_stays_as_it_is() {
    let (mut flow, copies) = rolled_out_twice(&rolling_out()).await;
    let before = destination(&flow, &copies, "eu-west-1")["previous"][0]["imageID"].clone();
    flow.apply(&copies, with(rolling_out(), "/publish/pin", json!("Previous")));
    stays_as_it_is(&mut flow, &copies).await;
    let live = flow.images("eu-west-1").into_iter().filter(|image| image.tags.contains_key("stage"));
    assert_eq!(live.map(|image| json!(image.id)).collect::<Vec<_>>(), [before]);
}

#[tokio::test(start_paused = true)]
async fn a_former_copy_that_is_kept_and_one_in_use_stay_as_they_are() {
    let spec = with(rolling_out(), "/sourceChangePolicy", json!("ReplaceWhenReady"));
    let (mut flow, copies) = rolled_out_twice(&with(spec, "/keepPrevious", json!(1))).await;
    stays_as_it_is(&mut flow, &copies).await;
    assert_eq!((flow.images("eu-west-1").len(), flow.images("ap-southeast-2").len()), (3, 2));
    let told = condition(&destination(&flow, &copies, "eu-west-1"), "PreviousRemoved");
    assert_eq!(told.1, "ImageInUse");
}
