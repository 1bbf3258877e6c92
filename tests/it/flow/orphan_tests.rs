//! What is left in the account when an object goes without its finalizer, and what a sweep makes of it.

use std::{sync::Arc, time::Duration};

use ami_operator::{controller::sweeper::Sweeper, model::Action};
use ec2sim::core::{
    records::{Image, StateReason},
    world::World,
};
use serde_json::json;

use super::{
    Flow, build,
    cluster::Lists,
    faults::Fault,
    replication,
    world::{ACCOUNT, CLUSTER, build_spec, replication_spec, with},
};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// What changes something for good.
const REMOVALS: [Action; 4] =
    [Action::TerminateInstances, Action::DeleteVolume, Action::DeregisterImage, Action::DeleteSnapshot];

fn removals(flow: &Flow) -> usize {
    REMOVALS.into_iter().map(|action| flow.ec2.count(action)).sum()
}

/// A build whose guest never ends, and whose object is gone without its finalizer having done anything.
async fn left_builder() -> Flow {
    let mut flow = Flow::new();
    flow.apply(&build("web"), build_spec(&[("work", "sleep 600000")]));
    flow.until("launched", HOUR, |f| f.status(&build("web"))["builder"]["runningAt"].is_string()).await;
    flow.cluster.vanish(&build("web"));
    flow
}

/// A build whose image was being made when its object went.
async fn left_image(flow: &mut Flow) {
    flow.apply(&build("web"), build_spec(&[("work", "true")]));
    flow.until("imaged", HOUR, |f| f.status(&build("web"))["image"]["imageID"].is_string()).await;
    flow.cluster.vanish(&build("web"));
}

/// Changes our account's images in us-east-1.
fn change_images(world: &mut World, change: impl Fn(&mut Image)) {
    let images = &mut world.region_mut("us-east-1").images;
    let ours = images.values().filter(|i| i.owner == ACCOUNT);
    for id in ours.map(|i| i.id.clone()).collect::<Vec<_>>() {
        change(Arc::make_mut(images.get_mut(&id).expect("it is there")));
    }
}

/// The image that is being made fails, while its snapshots are completed.
fn fail_images(world: &mut World) {
    change_images(world, |image| image.failure = Some(StateReason::new("Server.InternalError", "no")));
}

/// A sweep each quarter of an hour.
async fn sweeps(sweeper: &mut Sweeper, count: usize) {
    for _ in 0..count {
        tokio::time::advance(15 * MINUTE).await;
        sweeper.sweep().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_builder_whose_object_vanished_is_removed_after_its_time_and_not_before() {
    let flow = left_builder().await;
    let mut sweeper = flow.sweeper();
    // The run may take two hours, a failed one's builder may be kept for one, and there is one more.
    sweeps(&mut sweeper, 15).await;
    assert_eq!(removals(&flow), 0);
    sweeps(&mut sweeper, 3).await;
    tokio::time::advance(MINUTE).await;
    assert_eq!(flow.temporary_things(), Vec::<String>::new());
    assert_eq!(removals(&flow), 1);
    assert!(flow.metrics().contains(r#"orphans_removed_total{kind="instance"} 1"#), "{}", flow.metrics());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_removed_in_the_first_minutes_nor_by_a_single_sweep() {
    let flow = left_builder().await;
    tokio::time::advance(DAY).await;
    let mut sweeper = flow.sweeper();
    for _ in 0..14 {
        sweeper.sweep().await;
        tokio::time::advance(MINUTE).await;
    }
    assert_eq!(removals(&flow), 0, "in the first minutes");
    let mut late = flow.sweeper();
    tokio::time::advance(HOUR).await;
    late.sweep().await;
    assert_eq!(removals(&flow), 0, "by a single sweep");
    late.sweep().await;
    assert_eq!(removals(&flow), 1);
}

#[tokio::test(start_paused = true)]
async fn another_cluster_s_builder_is_never_touched() {
    let flow = left_builder().await;
    tokio::time::advance(DAY).await;
    for id in ["another-cluster", "test-*"] {
        let mut sweeper = flow.sweeper_of(id, true);
        sweeps(&mut sweeper, 4).await;
    }
    assert_eq!(removals(&flow), 0);
}

#[tokio::test(start_paused = true)]
async fn a_list_of_objects_that_fails_removes_nothing() {
    let flow = left_builder().await;
    tokio::time::advance(DAY).await;
    let mut sweeper = flow.sweeper();
    sweeps(&mut sweeper, 1).await;
    flow.cluster.answer_lists(Lists::Failing);
    sweeps(&mut sweeper, 4).await;
    flow.cluster.answer_lists(Lists::Complete);
    sweeps(&mut sweeper, 1).await;
    assert_eq!(removals(&flow), 0);
    assert!(flow.metrics().contains(r#"sweeps_total{result="Error"} 4"#), "{}", flow.metrics());
    sweeps(&mut sweeper, 1).await;
    assert_eq!(removals(&flow), 1);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_lacks_every_object_removes_nothing_of_a_living_one() {
    let mut flow = Flow::new();
    flow.apply(&build("web"), build_spec(&[("work", "sleep 600000")]));
    flow.until("launched", HOUR, |f| f.status(&build("web"))["builder"]["runningAt"].is_string()).await;
    flow.cluster.answer_lists(Lists::Empty);
    tokio::time::advance(DAY).await;
    let mut sweeper = flow.sweeper();
    sweeps(&mut sweeper, 4).await;
    assert_eq!(removals(&flow), 0);
}

#[tokio::test(start_paused = true)]
async fn a_builder_of_a_living_object_is_left_to_it() {
    let mut flow = Flow::new();
    flow.apply(&build("web"), build_spec(&[("work", "sleep 600000")]));
    flow.until("launched", HOUR, |f| f.status(&build("web"))["builder"]["runningAt"].is_string()).await;
    // The operator is down for a day; its sweeper alone runs.
    tokio::time::advance(DAY).await;
    let mut sweeper = flow.sweeper();
    sweeps(&mut sweeper, 4).await;
    assert_eq!(removals(&flow), 0);
    let events = flow.cluster.event_reasons(&build("web"));
    assert_eq!(events.iter().filter(|reason| *reason == "Orphan").count(), 1, "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn a_volume_that_outlived_its_builder_goes_after_it_as_the_policy_allows() {
    let flow = left_builder().await;
    flow.enforce_policy();
    flow.meddle(|world| {
        let volumes = &mut world.region_mut("us-east-1").volumes;
        for id in volumes.keys().cloned().collect::<Vec<_>>() {
            Arc::make_mut(volumes.get_mut(&id).expect("it is there")).delete_on_termination = false;
        }
    });
    let mut sweeper = flow.sweeper();
    tokio::time::advance(DAY).await;
    sweeps(&mut sweeper, 2).await;
    tokio::time::advance(MINUTE).await;
    assert_eq!(flow.temporary_things().len(), 1, "the volume");
    sweeps(&mut sweeper, 2).await;
    assert_eq!(flow.temporary_things(), Vec::<String>::new());
    let (used, denied) = flow.permissions();
    assert!(used.contains("ec2:DeleteVolume"), "{used:?}");
    assert_eq!(denied, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn an_available_image_is_only_reported() {
    let mut flow = Flow::new();
    flow.apply(&build("web"), build_spec(&[("work", "true")]));
    flow.until("built", HOUR, |f| f.is_true(&build("web"), "Succeeded")).await;
    let before = removals(&flow);
    flow.cluster.vanish(&build("web"));
    let mut sweeper = flow.sweeper();
    tokio::time::advance(30 * DAY).await;
    sweeps(&mut sweeper, 4).await;
    assert_eq!((flow.images("us-east-1").len(), flow.snapshots().len()), (1, 1));
    assert_eq!(removals(&flow), before);
    let found = r#"orphans{kind="image",verdict="Report"} 1"#;
    assert!(flow.metrics().contains(found), "{}", flow.metrics());
}

#[tokio::test(start_paused = true)]
async fn an_image_that_failed_goes_with_its_snapshots_and_its_builder() {
    let mut flow = Flow::new();
    left_image(&mut flow).await;
    flow.meddle(fail_images);
    let mut sweeper = flow.sweeper();
    tokio::time::advance(DAY).await;
    sweeps(&mut sweeper, 2).await;
    assert_eq!(flow.images("us-east-1").len(), 1, "it has two days");
    tokio::time::advance(DAY).await;
    sweeps(&mut sweeper, 4).await;
    assert_eq!((flow.images("us-east-1").len(), flow.snapshots().len()), (0, 0));
    assert_eq!(flow.temporary_things(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_its_failed_image_left_behind_goes_by_its_mark() {
    let mut flow = Flow::new();
    left_image(&mut flow).await;
    flow.meddle(fail_images);
    // An image that does not name its snapshots is deregistered without them.
    flow.meddle(|world| change_images(world, |image| image.devices.clear()));
    let mut sweeper = flow.sweeper();
    tokio::time::advance(3 * DAY).await;
    sweeps(&mut sweeper, 2).await;
    assert_eq!((flow.images("us-east-1").len(), flow.snapshots().len()), (0, 1));
    sweeps(&mut sweeper, 2).await;
    assert_eq!(flow.snapshots().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_failed_copy_in_another_region_is_found() {
    let mut flow = Flow::new();
    flow.apply(&build("web"), build_spec(&[("work", "true")]));
    flow.until("built", HOUR, |f| f.is_true(&build("web"), "Succeeded")).await;
    let key = "arn:aws:kms:eu-west-1:123456789012:key/wrong";
    let spec = with(
        replication_spec("web", &["eu-west-1"]),
        "/destinations",
        json!([{"region": "eu-west-1", "encryption": {"kmsKeyID": key}}]),
    );
    flow.apply(&replication("web"), spec);
    flow.until("copying", HOUR, |f| f.ec2.count(Action::CopyImage) > 0).await;
    flow.cluster.vanish(&replication("web"));
    let mut sweeper = flow.sweeper();
    tokio::time::advance(3 * DAY).await;
    sweeps(&mut sweeper, 4).await;
    assert_eq!((flow.images("eu-west-1").len(), flow.images("us-east-1").len()), (0, 1));
    assert_eq!(flow.snapshots().len(), 1, "the build's own");
}

#[tokio::test(start_paused = true)]
async fn a_region_that_is_forbidden_hides_no_other() {
    let flow = left_builder().await;
    let mut sweeper = flow.sweeper();
    tokio::time::advance(DAY).await;
    let denied =
        || Fault::Refuse("UnauthorizedOperation", "You are not authorized to perform this operation.");
    // The first region of each sweep is another one than the builder's.
    for _ in 0..2 {
        flow.ec2.next(Action::DescribeSnapshots, [denied()]);
        sweeps(&mut sweeper, 1).await;
    }
    assert_eq!(removals(&flow), 1);
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_is_refused_is_tried_again_by_the_next_sweep() {
    let flow = left_builder().await;
    let mut sweeper = flow.sweeper();
    tokio::time::advance(DAY).await;
    flow.ec2.next(Action::TerminateInstances, [Fault::Refuse("UnauthorizedOperation", "no")]);
    sweeps(&mut sweeper, 3).await;
    tokio::time::advance(MINUTE).await;
    assert_eq!(flow.temporary_things(), Vec::<String>::new());
    assert_eq!(removals(&flow), 2);
}

/// A finished build, restored by a backup tool under another uid and without its status.
async fn restored() -> Flow {
    let mut flow = Flow::new();
    flow.apply(&build("web"), build_spec(&[("work", "true")]));
    flow.until("built", HOUR, |f| f.is_true(&build("web"), "Succeeded")).await;
    flow.cluster.restore(&build("web"));
    flow
}

#[tokio::test(start_paused = true)]
async fn what_a_restored_object_left_is_not_touched_unless_adoption_is_asked_for() {
    let flow = left_builder().await;
    let mut flow = flow;
    flow.apply(&build("web"), with(build_spec(&[("work", "true")]), "/suspend", json!(true)));
    tokio::time::advance(DAY).await;
    let mut sweeper = flow.sweeper();
    sweeps(&mut sweeper, 4).await;
    assert_eq!(removals(&flow), 0);
    assert_eq!(flow.cluster.event_reasons(&build("web")).iter().filter(|r| *r == "Orphan").count(), 1);
    let mut adopting = flow.sweeper_of(CLUSTER, true);
    sweeps(&mut adopting, 2).await;
    assert_eq!(removals(&flow), 1);
}

#[tokio::test(start_paused = true)]
async fn a_restored_build_gets_its_image_back_instead_of_making_another() {
    let mut flow = restored().await;
    flow.sweeper_of(CLUSTER, true).adopt().await.expect("adopted");
    flow.restart();
    flow.until("built", HOUR, |f| f.is_true(&build("web"), "Succeeded")).await;
    assert_eq!(flow.ec2.count(Action::CreateImage), 1);
    assert_eq!((flow.images("us-east-1").len(), flow.snapshots().len()), (1, 1));
    let mut sweeper = flow.sweeper();
    tokio::time::advance(DAY).await;
    sweeps(&mut sweeper, 2).await;
    let found = r#"orphans{kind="image",verdict="Report"} 0"#;
    assert!(flow.metrics().contains(found), "{}", flow.metrics());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_adopted_unless_it_is_asked_for() {
    let mut flow = restored().await;
    flow.sweeper().adopt().await.expect("nothing to do");
    flow.restart();
    flow.until("refused", HOUR, |f| f.condition(&build("web"), "Stalled").1 == "NameConflict").await;
    assert_eq!(flow.ec2.count(Action::CreateTags), 0);
}
