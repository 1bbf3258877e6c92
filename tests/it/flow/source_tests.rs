//! Which image is copied, and which cannot be.

use std::{sync::Arc, time::Duration};

use ami_operator::{ec2::poller::Subject, model::Action};
use ec2sim::core::{records::ProductCode, world::World};
use serde_json::json;

use super::{
    Flow, build, replication,
    replication_tests::{HOUR, default_spec, destination, ready},
    world::{ACCOUNT, build_spec, condition, with},
};

const ID: &str = "ami-0123456789abcdef0";
const VENDOR: &str = "999999999999";

/// An image of somebody else that our account may launch.
fn shared_by_a_vendor(flow: &Flow) {
    flow.seed_image(ID, "appliance");
    flow.meddle(|world| {
        let region = world.region_mut("us-east-1");
        let image = region.images.get_mut(ID).map(Arc::make_mut).expect("the image");
        VENDOR.clone_into(&mut image.owner);
        image.permissions.users.insert(ACCOUNT.to_owned());
        for id in image.devices.iter().filter_map(|d| d.ebs.as_ref()?.snapshot_id.clone()) {
            let snapshot = region.snapshots.get_mut(&id).map(Arc::make_mut).expect("its snapshot");
            VENDOR.clone_into(&mut snapshot.owner);
            snapshot.permissions = ec2sim::core::records::Permissions::default();
        }
    });
}

fn share_snapshots(world: &mut World) {
    let region = world.region_mut("us-east-1");
    let ids: Vec<String> = region.images[ID].snapshot_ids().map(str::to_owned).collect();
    for id in ids {
        let snapshot = region.snapshots.get_mut(&id).map(Arc::make_mut).expect("its snapshot");
        snapshot.permissions.users.insert(ACCOUNT.to_owned());
    }
}

fn copy_of_it(flow: &mut Flow) -> Subject {
    let copies = replication("appliance");
    let source = json!({"image": {"imageID": ID, "region": "us-east-1"}});
    flow.apply(&copies, with(default_spec(), "/source", source));
    copies
}

#[tokio::test(start_paused = true)]
async fn a_shared_image_whose_snapshots_are_not_shared_waits_for_its_owner() {
    let mut flow = Flow::new();
    shared_by_a_vendor(&flow);
    let copies = copy_of_it(&mut flow);
    flow.until("stalled", HOUR, |f| f.is_true(&copies, "Stalled")).await;
    let (_, reason, message) = condition(&destination(&flow, &copies, "eu-west-1"), "Stalled");
    assert_eq!(reason, "SnapshotsNotShared");
    assert!(message.contains("createVolumePermission"), "{message}");
    flow.meddle(share_snapshots);
    ready(&mut flow, &copies).await;
}

#[tokio::test(start_paused = true)]
async fn somebody_else_s_product_is_refused_before_anything_is_copied() {
    let mut flow = Flow::new();
    shared_by_a_vendor(&flow);
    flow.meddle(|world| {
        share_snapshots(world);
        let image = world.region_mut("us-east-1").images.get_mut(ID).map(Arc::make_mut).expect("the image");
        image.product_codes.push(ProductCode { id: "code-1".to_owned(), kind: "marketplace".to_owned() });
    });
    let copies = copy_of_it(&mut flow);
    flow.until("stalled", HOUR, |f| f.is_true(&copies, "Stalled")).await;
    let (_, reason, message) = flow.condition(&copies, "SourceResolved");
    assert_eq!(reason, "SourceNotCopyable");
    assert!(message.contains(VENDOR) && message.contains("product code code-1"), "{message}");
    assert_eq!(flow.ec2.count(Action::CopyImage), 0);
}

fn label(flow: &mut Flow, name: &str, app: &str) {
    flow.label(&build(name), json!({"app": app}));
}

fn apply_build(flow: &mut Flow, name: &str) {
    flow.apply(&build(name), build_spec(&[]));
    label(flow, name, "web");
}

fn source_name(flow: &Flow) -> String {
    flow.status(&replication("web"))["source"]["imageBuildName"].as_str().unwrap_or_default().to_owned()
}

/// A replication of the newest build with label `app=web`, and such a build, which is copied.
async fn rolled_out() -> (Flow, Subject) {
    let mut flow = Flow::new();
    let copies = replication("web");
    let selector = json!({"imageBuildSelector": {"matchLabels": {"app": "web"}}});
    flow.apply(&copies, with(default_spec(), "/source", selector));
    flow.run_for(Duration::from_secs(1)).await;
    assert_eq!(flow.condition(&copies, "SourceResolved").1, "WaitingForSourceBuild");
    apply_build(&mut flow, "one");
    ready(&mut flow, &copies).await;
    assert_eq!(source_name(&flow), "one");
    (flow, copies)
}

#[tokio::test(start_paused = true)]
async fn a_new_build_with_the_labels_is_rolled_out_by_itself() {
    let (mut flow, copies) = rolled_out().await;
    let old = destination(&flow, &copies, "eu-west-1")["imageID"].clone();
    apply_build(&mut flow, "two");
    flow.until("rolled out", HOUR, |f| source_name(f) == "two" && f.is_true(&copies, "Ready")).await;
    let shown = destination(&flow, &copies, "eu-west-1");
    assert_eq!(shown["sourceImageID"], flow.status(&build("two"))["image"]["imageID"]);
    assert_eq!(shown["previous"][0]["imageID"], old);
}

#[tokio::test(start_paused = true)]
async fn builds_are_listed_when_one_is_finished_and_not_each_time() {
    let (mut flow, copies) = rolled_out().await;
    let before = flow.cluster.visits();
    flow.run_for(24 * HOUR).await;
    assert_eq!(flow.cluster.visits(), before);
    apply_build(&mut flow, "two");
    flow.until("rolled out", HOUR, |f| source_name(f) == "two" && f.is_true(&copies, "Ready")).await;
    assert_eq!(flow.cluster.visits(), before + 1);
}

#[tokio::test(start_paused = true)]
async fn a_build_that_is_finished_while_no_operator_runs_is_found_by_the_next_one() {
    let (mut flow, copies) = rolled_out().await;
    flow.apply(&build("two"), build_spec(&[]));
    flow.until("built", HOUR, |f| f.is_true(&build("two"), "Succeeded")).await;
    flow.run_for(Duration::from_mins(1)).await;
    assert_eq!(source_name(&flow), "one");
    flow.cluster.label(&build("two"), json!({"app": "web"}));
    flow.restart();
    flow.until("rolled out", HOUR, |f| source_name(f) == "two" && f.is_true(&copies, "Ready")).await;
}

#[tokio::test(start_paused = true)]
async fn a_label_put_on_later_rolls_a_build_out() {
    let (mut flow, copies) = rolled_out().await;
    flow.apply(&build("two"), build_spec(&[]));
    flow.until("built", HOUR, |f| f.is_true(&build("two"), "Succeeded")).await;
    flow.run_for(Duration::from_mins(5)).await;
    label(&mut flow, "two", "web");
    flow.until("rolled out", HOUR, |f| source_name(f) == "two" && f.is_true(&copies, "Ready")).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_rolled_out_stays_when_its_build_is_deleted_or_loses_its_labels() {
    let (mut flow, copies) = rolled_out().await;
    apply_build(&mut flow, "two");
    flow.until("rolled out", HOUR, |f| source_name(f) == "two" && f.is_true(&copies, "Ready")).await;
    label(&mut flow, "two", "retired");
    flow.run_for(HOUR).await;
    flow.delete(&build("two"));
    flow.run_for(HOUR).await;
    flow.restart();
    flow.run_for(HOUR).await;
    assert_eq!(source_name(&flow), "two");
    assert!(flow.is_true(&copies, "Ready"));
    assert_eq!(flow.ec2.count(Action::CopyImage), 4);
}

#[tokio::test(start_paused = true)]
async fn a_build_that_failed_is_not_rolled_out() {
    let (mut flow, copies) = rolled_out().await;
    flow.apply(&build("two"), build_spec(&[("work", "exit 3")]));
    label(&mut flow, "two", "web");
    flow.until("failed", HOUR, |f| f.condition(&build("two"), "Succeeded").0 == "False").await;
    flow.run_for(HOUR).await;
    assert_eq!(source_name(&flow), "one");
    assert!(flow.is_true(&copies, "Ready"));
}
