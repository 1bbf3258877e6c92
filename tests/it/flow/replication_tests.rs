//! The life of an `ImageReplication`.

use std::{sync::Arc, time::Duration};

use ami_operator::{api::RECONCILE_REQUESTED_AT, ec2::poller::Subject, model::Action};
use ec2sim::{
    core::records::{ImageState, StateReason},
    faults::{Effect, ImageEnd, Rule},
};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{
    Flow, build,
    faults::Fault,
    replication,
    world::{build_spec, condition, replication_spec, with},
};

pub const HOUR: Duration = Duration::from_hours(1);
pub const REGIONS: [&str; 2] = ["eu-west-1", "ap-southeast-2"];

/// A build and a replication of it that is ready.
pub async fn replicated(spec: Value) -> (Flow, Subject) {
    let mut flow = Flow::new();
    let copies = replication("web");
    flow.apply(&copies, spec);
    flow.apply(&build("web"), build_spec(&[]));
    ready(&mut flow, &copies).await;
    (flow, copies)
}

pub async fn ready(flow: &mut Flow, subject: &Subject) {
    flow.until("ready", HOUR, |f| {
        let seen = f.status(subject)["observedGeneration"] == f.object(subject)["metadata"]["generation"];
        seen && f.is_true(subject, "Ready")
    })
    .await;
}

pub fn destination(flow: &Flow, subject: &Subject, region: &str) -> Value {
    let status = flow.status(subject);
    let found = status["destinations"].as_array().into_iter().flatten().find(|d| d["region"] == region);
    found.cloned().unwrap_or(Value::Null)
}

pub fn default_spec() -> Value {
    replication_spec("web", &REGIONS)
}

#[tokio::test(start_paused = true)]
async fn the_ids_of_three_regions_stand_in_status() {
    let (flow, copies) = replicated(default_spec()).await;
    let source = flow.status(&build("web"))["image"]["imageID"].clone();
    assert_eq!(flow.status(&copies)["ready"], "2/2");
    for region in REGIONS {
        let images = flow.images(region);
        assert_eq!(images.len(), 1, "{region}");
        let shown = destination(&flow, &copies, region);
        assert_eq!(shown["imageID"], images[0].id.as_str());
        assert_eq!(shown["sourceImageID"], source);
        assert_eq!(images[0].source_image_id.as_deref(), source.as_str());
        assert_eq!(images[0].name, "images-web");
    }
}

#[tokio::test(start_paused = true)]
async fn copies_carry_the_objects_tags_and_not_the_builds_ownership() {
    let (flow, copies) = replicated(default_spec()).await;
    let uid = flow.object(&copies)["metadata"]["uid"].as_str().expect("a uid").to_owned();
    for region in REGIONS {
        let tags = &flow.images(region)[0].tags;
        assert_eq!(tags.get("channel").map(String::as_str), Some("candidate"));
        assert_eq!(tags.get("ami-operator.dev/uid"), Some(&uid));
        assert_eq!(tags.get("ami-operator.dev/role").map(String::as_str), Some("copy"));
        assert_eq!(tags.get("app"), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_is_made_within_the_time_that_the_manifest_gives() {
    let (flow, _) = replicated(with(default_spec(), "/timeBasedCopyMinutes", json!(45))).await;
    let world = flow.sim.world();
    let minutes = |region: &str| world.regions[region].snapshots.values().find_map(|s| s.completion_minutes);
    assert!(REGIONS.iter().all(|region| minutes(region) == Some(45)));
}

#[tokio::test(start_paused = true)]
async fn copying_begins_before_the_builder_is_terminated() {
    let mut flow = Flow::new();
    let copies = replication("web");
    flow.apply(&copies, default_spec());
    flow.apply(&build("web"), build_spec(&[]));
    flow.until("copying", HOUR, |f| f.ec2.count(Action::CopyImage) == 2).await;
    assert!(!flow.temporary_things().is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_regions_failure_never_stops_anothers() {
    let mut flow = Flow::new();
    let copies = replication("web");
    flow.apply(&copies, replication_spec("web", &["af-south-1", "eu-west-1"]));
    flow.apply(&build("web"), build_spec(&[]));
    flow.until("copied to Ireland", HOUR, |f| f.status(&copies)["ready"] == "1/2").await;
    let shown = destination(&flow, &copies, "af-south-1");
    let (_, reason, message) = condition(&shown, "Stalled");
    assert_eq!(reason, "RegionNotEnabled");
    assert!(message.contains("region af-south-1 is not enabled for the account"), "{message}");
    assert!(message.contains("enable the region") && message.contains("request id"), "{message}");
    assert_eq!(condition(&destination(&flow, &copies, "eu-west-1"), "Copied").0, "True");
    assert_eq!(condition(&destination(&flow, &copies, "eu-west-1"), "Stalled").0, "");
}

#[tokio::test(start_paused = true)]
async fn an_image_can_be_replicated_by_its_id() {
    let (mut flow, _) = replicated(default_spec()).await;
    let source = flow.images("us-east-1")[0].id.clone();
    let other = replication("other");
    let spec = with(default_spec(), "/source", json!({"image": {"imageID": source, "region": "us-east-1"}}));
    flow.apply(&other, with(spec, "/imageName", json!("renamed")));
    ready(&mut flow, &other).await;
    assert_eq!(flow.images("eu-west-1").iter().filter(|i| i.name == "renamed").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_region_added_later_is_copied_into() {
    let (mut flow, copies) = replicated(replication_spec("web", &["eu-west-1"])).await;
    flow.apply(&copies, default_spec());
    ready(&mut flow, &copies).await;
    assert_eq!(flow.ec2.count(Action::CopyImage), 2);
    assert_eq!(flow.images("ap-southeast-2").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_region_taken_off_keeps_its_finished_copy() {
    let (mut flow, copies) = replicated(default_spec()).await;
    flow.apply(&copies, replication_spec("web", &["eu-west-1"]));
    flow.until("taken off", HOUR, |f| destination(f, &copies, "ap-southeast-2").is_null()).await;
    assert_eq!(flow.images("ap-southeast-2").len(), 1);
    assert_eq!(flow.ec2.count(Action::DeregisterImage), 0);
}

#[tokio::test(start_paused = true)]
async fn a_region_taken_off_loses_its_copy_and_nothing_else_where_its_policy_says_so() {
    let (mut flow, copies) = replicated(default_spec()).await;
    let spec = with(replication_spec("web", &["eu-west-1"]), "/removedDestinationPolicy", json!("Delete"));
    flow.apply(&copies, spec);
    flow.until("taken off", HOUR, |f| destination(f, &copies, "ap-southeast-2").is_null()).await;
    assert!(flow.images("ap-southeast-2").is_empty());
    assert_eq!(flow.images("eu-west-1").len(), 1);
    assert_eq!(flow.snapshots().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_region_taken_off_in_the_middle_of_its_copy_is_cancelled() {
    let mut flow = Flow::new();
    let copies = replication("web");
    flow.apply(&copies, default_spec());
    flow.apply(&build("web"), build_spec(&[]));
    flow.until("copying", HOUR, |f| destination(f, &copies, "ap-southeast-2")["imageID"].is_string()).await;
    flow.apply(&copies, replication_spec("web", &["eu-west-1"]));
    flow.until("taken off", HOUR, |f| destination(f, &copies, "ap-southeast-2").is_null()).await;
    assert!(flow.images("ap-southeast-2").is_empty());
    ready(&mut flow, &copies).await;
}

#[tokio::test(start_paused = true)]
async fn a_tag_added_or_taken_off_in_the_manifest_is_so_on_every_copy() {
    let (mut flow, copies) = replicated(default_spec()).await;
    flow.apply(&copies, with(default_spec(), "/tags", json!({"stage": "prod"})));
    ready(&mut flow, &copies).await;
    for region in REGIONS {
        let tags = flow.images(region)[0].tags.clone();
        assert_eq!(
            (tags.get("stage").map(String::as_str), tags.get("channel")),
            (Some("prod"), None),
            "{region}"
        );
    }
    assert_eq!(flow.status(&copies)["driftRepaired"], 0);
}

#[tokio::test(start_paused = true)]
async fn the_tags_of_a_build_s_image_are_copied_where_that_is_asked_for_and_taken_off_again() {
    let mut flow = Flow::new();
    let copies = replication("web");
    flow.apply(&copies, with(default_spec(), "/copySourceTags", json!(true)));
    flow.apply(&build("web"), build_spec(&[]));
    ready(&mut flow, &copies).await;
    let uid = flow.object(&copies)["metadata"]["uid"].as_str().expect("a uid").to_owned();
    for tags in REGIONS.map(|region| flow.images(region)[0].tags.clone()) {
        assert_eq!(tags.get("app").map(String::as_str), Some("web"));
        assert_eq!(tags.get("ami-operator.dev/uid"), Some(&uid));
    }
    for wanted in [false, true] {
        flow.apply(&copies, with(default_spec(), "/copySourceTags", json!(wanted)));
        ready(&mut flow, &copies).await;
        assert!(REGIONS.iter().all(|r| flow.images(r)[0].tags.contains_key("app") == wanted), "{wanted}");
    }
    assert_eq!(flow.status(&copies)["driftRepaired"], 0);
    assert_eq!(flow.ec2.count(Action::CopyImage), 2);
}

#[tokio::test(start_paused = true)]
async fn a_tag_changed_behind_our_back_is_repaired_and_counted() {
    let (mut flow, copies) = replicated(default_spec()).await;
    let id = flow.images("eu-west-1")[0].id.clone();
    flow.meddle(|world| {
        world
            .region_mut("eu-west-1")
            .tags_mut(&id)
            .expect("the image")
            .insert("channel".to_owned(), "other".to_owned());
    });
    flow.until("repaired", HOUR, |f| f.status(&copies)["driftRepaired"] == 1).await;
    assert_eq!(flow.images("eu-west-1")[0].tags.get("channel").map(String::as_str), Some("candidate"));
    assert!(flow.cluster.event_reasons(&copies).contains(&"DriftRepaired".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_somebody_deregistered_is_made_again() {
    let (mut flow, copies) = replicated(default_spec()).await;
    let lost = flow.images("eu-west-1")[0].id.clone();
    flow.meddle(|world| {
        world.region_mut("eu-west-1").images.remove(&lost);
    });
    flow.until("copied again", 2 * HOUR, |f| f.ec2.count(Action::CopyImage) == 3).await;
    ready(&mut flow, &copies).await;
    assert_eq!(flow.images("eu-west-1").len(), 1);
    assert_ne!(destination(&flow, &copies, "eu-west-1")["imageID"], lost.as_str());
    assert_eq!(flow.status(&copies)["driftRepaired"], 1);
}

#[tokio::test(start_paused = true)]
async fn look_now_finds_drift_before_the_next_resync() {
    let (mut flow, copies) = replicated(with(default_spec(), "/resyncInterval", json!("24h"))).await;
    let id = flow.images("eu-west-1")[0].id.clone();
    flow.meddle(|world| {
        world.region_mut("eu-west-1").tags_mut(&id).expect("the image").remove("channel");
    });
    flow.annotate(&copies, RECONCILE_REQUESTED_AT, "now");
    flow.run_for(Duration::from_mins(1)).await;
    assert_eq!(flow.status(&copies)["lastHandledReconcileAt"], "now");
    assert_eq!(flow.images("eu-west-1")[0].tags.get("channel").map(String::as_str), Some("candidate"));
}

#[tokio::test(start_paused = true)]
async fn a_steady_replication_writes_nothing_for_two_weeks() {
    let (mut flow, _) = replicated(default_spec()).await;
    flow.run_for(Duration::from_mins(1)).await;
    flow.writes_nothing_for_two_weeks().await;
}

#[tokio::test(start_paused = true)]
async fn a_new_source_is_copied_first_and_the_old_copy_stays() {
    let (mut flow, copies) = replicated(default_spec()).await;
    let old = destination(&flow, &copies, "eu-west-1")["imageID"].clone();
    flow.apply(&build("next"), build_spec(&[]));
    flow.apply(&copies, replication_spec("next", &REGIONS));
    flow.until("copying", HOUR, |f| f.ec2.count(Action::CopyImage) == 4).await;
    assert!(flow.is_true(&copies, "Available"));
    assert!(!flow.is_true(&copies, "Ready"));
    ready(&mut flow, &copies).await;
    assert_eq!(destination(&flow, &copies, "eu-west-1")["previous"][0]["imageID"], old);
    assert_eq!(flow.images("eu-west-1").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn deletion_follows_the_policy() {
    for (policy, left) in [("Retain", 1), ("Delete", 0)] {
        let (mut flow, copies) = replicated(with(default_spec(), "/deletionPolicy", json!(policy))).await;
        flow.delete(&copies);
        flow.until("gone", HOUR, |f| f.object(&copies).is_null()).await;
        assert_eq!(flow.images("eu-west-1").len(), left, "{policy}");
        assert_eq!(flow.images("us-east-1").len(), 1, "the source is not ours to delete");
    }
}

#[tokio::test(start_paused = true)]
async fn deleting_at_any_moment_leaves_no_unfinished_copy() {
    for seconds in [0, 1, 20, 36, 38, 45, 60] {
        let mut flow = Flow::new();
        let copies = replication("web");
        flow.apply(&copies, default_spec());
        flow.apply(&build("web"), build_spec(&[]));
        flow.run_for(Duration::from_secs(seconds)).await;
        flow.delete(&copies);
        flow.until("gone", HOUR, |f| f.object(&copies).is_null()).await;
        flow.run_for(Duration::from_mins(2)).await;
        assert!(REGIONS.iter().all(|r| flow.images(r).is_empty()), "deleted after {seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_with_an_unusable_key_says_so_and_leaves_no_failed_image() {
    let mut flow = Flow::new();
    let copies = replication("web");
    let key = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000";
    let destinations = json!([{"region": "eu-west-1", "encryption": {"kmsKeyID": key}}]);
    flow.apply(&copies, with(default_spec(), "/destinations", destinations));
    flow.apply(&build("web"), build_spec(&[]));
    flow.until("stalled", HOUR, |f| f.is_true(&copies, "Stalled")).await;
    let (_, reason, message) = condition(&destination(&flow, &copies, "eu-west-1"), "Stalled");
    assert_eq!(reason, "KeyNotUsable");
    assert!(message.contains(key) && message.contains("kms:ReEncrypt*"), "{message}");
    flow.until("cleaned up", HOUR, |f| f.images("eu-west-1").is_empty()).await;
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_hangs_with_a_broken_snapshot_is_made_again() {
    let mut flow = Flow::new();
    let copies = replication("web");
    flow.apply(&copies, default_spec());
    flow.apply(&build("web"), build_spec(&[]));
    flow.until("copying", HOUR, |f| destination(f, &copies, "eu-west-1")["imageID"].is_string()).await;
    let (now, image) = (flow.now(), flow.images("eu-west-1").remove(0));
    flow.meddle(|world| {
        let region = world.region_mut("eu-west-1");
        let hanging = region.images.get_mut(&image.id).map(Arc::make_mut).expect("the image");
        hanging.settles_at = now + SignedDuration::from_hours(100);
        for id in image.snapshot_ids() {
            let snapshot = region.snapshots.get_mut(id).map(Arc::make_mut).expect("its snapshot");
            snapshot.completes_at = now;
            snapshot.failure = Some(StateReason::new("Server.InternalError", "it broke"));
        }
    });
    ready(&mut flow, &copies).await;
    assert_eq!(flow.ec2.count(Action::CopyImage), 3);
    assert_eq!((flow.images("eu-west-1").len(), flow.snapshots().len()), (1, 3));
}

/// Copies that are under way into Ireland.
fn pending(flow: &Flow) -> usize {
    flow.images("eu-west-1").iter().filter(|i| i.state(flow.now()) == ImageState::Pending).count()
}

fn forty_five_replications() -> (Flow, Vec<Subject>) {
    let mut flow = Flow::new();
    flow.seed_image("ami-0123456789abcdef0", "appliance");
    let source = json!({"image": {"imageID": "ami-0123456789abcdef0", "region": "us-east-1"}});
    let spec = with(replication_spec("web", &["eu-west-1"]), "/source", source);
    let subjects: Vec<Subject> = (0..45).map(|n| replication(&format!("web-{n:02}"))).collect();
    for subject in &subjects {
        flow.apply(subject, spec.clone());
    }
    (flow, subjects)
}

/// Until all copies are there; never more than twenty were under way.
async fn all_ready(flow: &mut Flow, subjects: &[Subject]) {
    flow.until("all ready", HOUR, |f| {
        assert!(pending(f) <= 20, "{} copies are under way", pending(f));
        subjects.iter().all(|subject| f.is_true(subject, "Ready"))
    })
    .await;
    assert_eq!(flow.ec2.count(Action::CopyImage), 45);
}

#[tokio::test(start_paused = true)]
async fn forty_five_copies_into_one_region_are_made_twenty_at_a_time() {
    let (mut flow, subjects) = forty_five_replications();
    flow.until("at the limit", HOUR, |f| pending(f) == 20).await;
    flow.run_for(Duration::from_secs(5)).await;
    let waiting = subjects.iter().filter(|s| flow.condition(s, "Ready").1 == "WaitingForCopySlot").count();
    assert_eq!(waiting, 25);
    all_ready(&mut flow, &subjects).await;
}

#[tokio::test(start_paused = true)]
async fn a_restart_forgets_no_copy_that_is_under_way() {
    let (mut flow, subjects) = forty_five_replications();
    flow.until("at the limit", HOUR, |f| pending(f) == 20).await;
    flow.restart();
    all_ready(&mut flow, &subjects).await;
}

#[tokio::test(start_paused = true)]
async fn copies_of_suspended_objects_keep_their_turn_as_long_as_they_may_be_under_way() {
    let (mut flow, subjects) = forty_five_replications();
    let slow = Effect::Image { pending: Duration::from_mins(50), then: ImageEnd::Available };
    flow.sim.gate(|gate| gate.faults.add(flow.now(), Rule::on("CopyImage", slow))).expect("a rule");
    flow.until("at the limit", HOUR, |f| pending(f) == 20).await;
    flow.run_for(Duration::from_secs(5)).await;
    let copying = |f: &Flow, s: &&Subject| destination(f, s, "eu-west-1")["imageID"].is_string();
    let (begun, waiting): (Vec<_>, Vec<_>) = subjects.iter().partition(|s| copying(&flow, s));
    for subject in &begun {
        flow.apply(subject, with(flow.object(subject)["spec"].clone(), "/suspend", json!(true)));
    }
    flow.run_for(Duration::from_mins(45)).await;
    assert_eq!(flow.ec2.count(Action::CopyImage), 20);
    flow.until("the others are copied", 3 * HOUR, |f| {
        assert!(pending(f) <= 20, "{} copies are under way", pending(f));
        waiting.iter().all(|subject| f.is_true(subject, "Ready"))
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn copies_that_are_refused_keep_nobody_waiting() {
    let (mut flow, subjects) = forty_five_replications();
    let denied = || Fault::Refuse("UnauthorizedOperation", "you may not");
    flow.ec2.next(Action::CopyImage, (0..25).map(|_| denied()));
    flow.until("twenty are ready", Duration::from_mins(9), |f| {
        subjects.iter().filter(|subject| f.is_true(subject, "Ready")).count() == 20
    })
    .await;
    flow.until("all ready", HOUR, |f| subjects.iter().all(|subject| f.is_true(subject, "Ready"))).await;
}

#[tokio::test(start_paused = true)]
async fn a_full_quota_is_waited_for() {
    let mut flow = Flow::new();
    let copies = replication("web");
    let full = || Fault::Refuse("ResourceLimitExceeded", "too many copies in progress");
    flow.ec2.next(Action::CopyImage, [full(), full(), full()]);
    flow.apply(&copies, default_spec());
    flow.apply(&build("web"), build_spec(&[]));
    ready(&mut flow, &copies).await;
    assert!(REGIONS.iter().all(|r| flow.images(r).len() == 1));
}

const OLD: &str = "ami-000000000000000a1";
const NEW: &str = "ami-000000000000000a2";

/// Copies of one of two images of the account; those of the other go once they are replaced.
fn replacing_spec(source: &str) -> Value {
    let source = json!({"image": {"imageID": source, "region": "us-east-1"}});
    let spec = with(default_spec(), "/source", source);
    with(with(spec, "/sourceChangePolicy", json!("ReplaceWhenReady")), "/keepPrevious", json!(0))
}

async fn replacing() -> (Flow, Subject) {
    let mut flow = Flow::new();
    flow.seed_image(OLD, "golden-1");
    flow.seed_image(NEW, "golden-2");
    let copies = replication("web");
    flow.apply(&copies, replacing_spec(OLD));
    ready(&mut flow, &copies).await;
    (flow, copies)
}

fn ids(flow: &Flow, region: &str) -> Vec<String> {
    flow.images(region).into_iter().map(|image| image.id).collect()
}

fn serving(flow: &Flow, copies: &Subject, region: &str) -> String {
    destination(flow, copies, region)["servingImageID"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(start_paused = true)]
async fn the_old_copies_serve_until_the_new_ones_are_everywhere_and_then_go() {
    let (mut flow, copies) = replacing().await;
    let old = ids(&flow, "eu-west-1");
    let slow = Effect::Image { pending: Duration::from_mins(40), then: ImageEnd::Available };
    let rule = Rule::on("CopyImage", slow).in_region("ap-southeast-2");
    flow.sim.gate(|gate| gate.faults.add(flow.now(), rule)).expect("a rule");
    flow.apply(&copies, replacing_spec(NEW));
    flow.until("copied", HOUR, |f| destination(f, &copies, "eu-west-1")["availableAt"].is_string()).await;
    flow.run_for(Duration::from_mins(1)).await;
    assert_eq!(serving(&flow, &copies, "eu-west-1"), old[0]);
    assert_eq!(ids(&flow, "eu-west-1").len(), 2);
    ready(&mut flow, &copies).await;
    flow.run_for(Duration::from_mins(5)).await;
    let new = ids(&flow, "eu-west-1");
    assert_eq!((new.len(), new.contains(&old[0])), (1, false));
    assert_eq!(serving(&flow, &copies, "eu-west-1"), new[0]);
    assert_eq!(flow.snapshots().len(), 2 + 2, "two sources and two copies");
    flow.writes_nothing_for_two_weeks().await;
}

#[tokio::test(start_paused = true)]
async fn an_old_copy_stays_as_long_as_it_is_in_use() {
    let (mut flow, copies) = replacing().await;
    let old = ids(&flow, "eu-west-1")[0].clone();
    flow.launch("eu-west-1", &old);
    flow.apply(&copies, replacing_spec(NEW));
    ready(&mut flow, &copies).await;
    let told = |f: &Flow| condition(&destination(f, &copies, "eu-west-1"), "PreviousRemoved");
    flow.until("kept", HOUR, |f| told(f).1 == "ImageInUse").await;
    assert!(told(&flow).2.contains(&old), "{}", told(&flow).2);
    assert_eq!(flow.condition(&copies, "Ready").2, "all 2 destinations are ready");
    let elsewhere = |f: &Flow| condition(&destination(f, &copies, "ap-southeast-2"), "PreviousRemoved");
    flow.until("removed elsewhere", HOUR, |f| elsewhere(f).0 == "True").await;
    // AWS tells of a launch a day late.
    flow.run_for(Duration::from_hours(24)).await;
    flow.terminate_all("eu-west-1");
    flow.run_for(Duration::from_hours(28 * 24)).await;
    assert!(ids(&flow, "eu-west-1").contains(&old), "launched within thirty days");
    flow.run_for(Duration::from_hours(3 * 24)).await;
    assert!(!ids(&flow, "eu-west-1").contains(&old), "{:?}", told(&flow));
}

#[tokio::test(start_paused = true)]
async fn an_object_that_goes_with_its_copies_waits_for_those_in_use() {
    let (mut flow, copies) = replicated(with(default_spec(), "/deletionPolicy", json!("Delete"))).await;
    flow.launch("eu-west-1", &ids(&flow, "eu-west-1")[0]);
    flow.delete(&copies);
    flow.run_for(HOUR).await;
    assert_eq!((ids(&flow, "eu-west-1").len(), ids(&flow, "ap-southeast-2").len()), (1, 0));
    assert_eq!(flow.condition(&copies, "Ready").1, "ImageInUse");
    let spec = with(default_spec(), "/deletionPolicy", json!("Delete"));
    flow.apply(&copies, with(spec, "/protectInUse", json!(false)));
    flow.until("gone", HOUR, |f| f.object(&copies).is_null()).await;
    assert!(ids(&flow, "eu-west-1").is_empty());
}
