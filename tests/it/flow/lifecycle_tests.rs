//! What becomes of the image of a build: deprecated, protected, retired, and removed.

use std::time::Duration;

use ami_operator::{ec2::poller::Subject, model::Action};
use ec2sim::core::records::{Image, Protection};
use serde_json::{Value, json};

use super::{
    Flow, build, replication,
    world::{build_spec, replication_spec, with},
};

const HOUR: Duration = Duration::from_hours(1);

/// The writes by which an image's life cycle is set.
const WRITES: [Action; 4] = [
    Action::EnableImageDeprecation,
    Action::EnableImageDeregistrationProtection,
    Action::DisableImage,
    Action::EnableImage,
];

/// Deprecated after 90 days, protected with a cooldown, and gone with its object.
fn safe() -> Value {
    let spec = with(build_spec(&[]), "/image/deprecateAfter", json!("2160h"));
    let spec = with(spec, "/image/deregistrationProtection", json!("EnabledWithCooldown"));
    with(spec, "/deletionPolicy", json!("Delete"))
}

fn retired(spec: Value, state: &str) -> Value {
    with(spec, "/launchState", json!(state))
}

async fn finished(spec: Value) -> (Flow, Subject) {
    let mut flow = Flow::new();
    let web = build("web");
    flow.apply(&web, spec);
    flow.until("succeeded", HOUR, |f| f.is_true(&web, "Succeeded")).await;
    (flow, web)
}

async fn seen_as(flow: &mut Flow, web: &Subject, state: &str) {
    let is = |f: &Flow| f.status(web)["image"]["state"] == state && f.is_true(web, "Ready");
    flow.until(state, HOUR, is).await;
}

fn image(flow: &Flow) -> Image {
    let [image] = flow.images("us-east-1").try_into().expect("one image");
    image
}

fn writes(flow: &Flow) -> [usize; 4] {
    WRITES.map(|action| flow.ec2.count(action))
}

#[tokio::test(start_paused = true)]
async fn an_image_is_deprecated_and_protected_before_its_run_succeeds_and_goes_after_its_cooldown() {
    let (mut flow, web) = finished(safe()).await;
    let made = image(&flow);
    let lives = made.deprecated_at.expect("a deprecation").duration_since(made.created_at).as_hours();
    assert!((2159..=2160).contains(&lives), "{lives} h");
    assert_eq!(made.protection, Protection::On { cooldown: true });
    assert_eq!(writes(&flow), [1, 1, 0, 0]);
    flow.run_for(Duration::from_mins(1)).await;
    flow.writes_nothing_for_two_weeks().await;
    flow.delete(&web);
    flow.until("cooling", HOUR, |f| f.condition(&web, "Ready").1 == "WaitingForCooldown").await;
    flow.run_for(23 * HOUR).await;
    assert_eq!(flow.images("us-east-1").len(), 1);
    flow.until("gone", 2 * HOUR, |f| f.object(&web).is_null()).await;
    assert_eq!((flow.images("us-east-1").len(), flow.snapshots().len()), (0, 0));
    assert_eq!(flow.ec2.count(Action::DeregisterImage), 1);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_changes_after_the_run_stays_so() {
    let (mut flow, _) = finished(safe()).await;
    let id = image(&flow).id;
    flow.call("DisableImageDeprecation", &[("ImageId", &id)]);
    flow.run_for(24 * HOUR).await;
    assert_eq!((image(&flow).deprecated_at, writes(&flow)), (None, [1, 1, 0, 0]));
}

#[tokio::test(start_paused = true)]
async fn a_finished_image_is_retired_and_taken_back_into_use() {
    let (mut flow, web) = finished(safe()).await;
    let completed = flow.status(&web)["completionTime"].clone();
    flow.apply(&web, retired(safe(), "Disabled"));
    seen_as(&mut flow, &web, "Disabled").await;
    assert!(image(&flow).disabled);
    assert_eq!(flow.condition(&web, "ImageAvailable").1, "ImageDisabled");
    assert!(flow.is_true(&web, "Succeeded"));
    flow.run_for(Duration::from_mins(1)).await;
    flow.writes_nothing_for_two_weeks().await;
    flow.apply(&web, retired(safe(), "Enabled"));
    seen_as(&mut flow, &web, "Enabled").await;
    assert!(!image(&flow).disabled && flow.is_true(&web, "ImageAvailable"));
    assert_eq!(flow.status(&web)["completionTime"], completed);
    assert_eq!(writes(&flow), [1, 1, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_retired_image_is_looked_at_a_few_times_a_day_and_disabled_again() {
    let (mut flow, web) = finished(retired(build_spec(&[]), "Disabled")).await;
    seen_as(&mut flow, &web, "Disabled").await;
    let before = flow.ec2.calls().len();
    flow.run_for(7 * 24 * HOUR).await;
    let calls = flow.ec2.calls().len() - before;
    assert!((10..=20).contains(&calls), "{calls} calls in a week");
    let id = image(&flow).id;
    flow.call("EnableImage", &[("ImageId", &id)]);
    flow.until("disabled again", 11 * HOUR, |f| image(f).disabled).await;
}

#[tokio::test(start_paused = true)]
async fn a_retired_image_that_somebody_deregistered_is_left_at_that() {
    let (mut flow, web) = finished(retired(build_spec(&[]), "Disabled")).await;
    seen_as(&mut flow, &web, "Disabled").await;
    let id = image(&flow).id;
    flow.call("DeregisterImage", &[("ImageId", &id)]);
    flow.until("seen to be gone", 12 * HOUR, |f| f.status(&web)["image"]["state"] == "Gone").await;
    assert_eq!(flow.condition(&web, "ImageAvailable").1, "ImageGone");
    flow.until("told", HOUR, |f| f.condition(&web, "Stalled").1 == "ImageGone").await;
    assert_eq!(flow.condition(&web, "Ready").0, "False");
    let before = flow.ec2.calls().len();
    flow.run_for(7 * 24 * HOUR).await;
    assert_eq!(flow.ec2.calls().len(), before);
}

#[tokio::test(start_paused = true)]
async fn a_protected_image_goes_with_a_build_whose_time_is_over() {
    let (mut flow, web) = finished(with(safe(), "/ttlAfterFinished", json!("1h"))).await;
    flow.run_for(24 * HOUR).await;
    assert_eq!(flow.images("us-east-1").len(), 1);
    flow.until("gone", 2 * HOUR, |f| f.object(&web).is_null()).await;
    assert!(flow.images("us-east-1").is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_copies_of_a_retired_image_stay_as_they_are() {
    let mut flow = Flow::new();
    let (web, copies) = (build("web"), replication("web"));
    let sharing = json!({"accountIDs": ["111111111111"]});
    flow.apply(&copies, with(replication_spec("web", &["eu-west-1"]), "/sharing", sharing));
    flow.apply(&web, build_spec(&[]));
    flow.until("ready", HOUR, |f| f.is_true(&copies, "Ready")).await;
    flow.apply(&web, retired(build_spec(&[]), "Disabled"));
    seen_as(&mut flow, &web, "Disabled").await;
    flow.run_for(24 * HOUR).await;
    assert!(flow.is_true(&copies, "Ready"), "{}", flow.status(&copies));
    flow.apply(&web, retired(build_spec(&[]), "Enabled"));
    let shared = |f: &Flow| image(f).permissions.users.contains("111111111111");
    flow.until("shared again", HOUR, shared).await;
}

#[tokio::test(start_paused = true)]
async fn an_image_is_encrypted_and_starts_by_uefi_as_asked_for() {
    let spec = with(build_spec(&[]), "/image/encryption", json!({"kmsKeyID": "alias/images"}));
    let (flow, _) = finished(with(spec, "/image/bootMode", json!("uefi"))).await;
    let made = image(&flow);
    assert_eq!(made.boot_mode.as_deref(), Some("uefi"));
    assert!(made.devices.iter().filter_map(|d| d.ebs.as_ref()).all(|ebs| ebs.encrypted));
}
