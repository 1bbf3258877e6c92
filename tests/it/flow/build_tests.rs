//! The life of an `ImageBuild`.

use std::time::Duration;

use ami_operator::{ec2::poller::Subject, model::Action};
use serde_json::{Value, json};

use super::{
    Flow, build,
    faults::Fault,
    world::{build_spec, with},
};

const HOUR: Duration = Duration::from_hours(1);

/// A build that ran to its end, whatever that was.
async fn finished(spec: Value) -> (Flow, Subject) {
    let mut flow = Flow::new();
    let web = build("web");
    flow.apply(&web, spec);
    end(&mut flow, &web).await;
    (flow, web)
}

async fn end(flow: &mut Flow, subject: &Subject) {
    flow.until("finished", HOUR, |f| f.status(subject)["completionTime"].is_string()).await;
}

#[tokio::test(start_paused = true)]
async fn a_build_ends_with_an_image_and_nothing_temporary() {
    let (flow, web) = finished(build_spec(&[("hello", "echo hello")])).await;
    let status = flow.status(&web);
    assert!(flow.is_true(&web, "Ready") && flow.is_true(&web, "Succeeded"), "{status}");
    let images = flow.images("us-east-1");
    assert_eq!(images.len(), 1);
    assert_eq!(status["image"]["imageID"], images[0].id.as_str());
    assert_eq!(images[0].name, "images-web");
    assert_eq!(flow.temporary_things(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn what_the_cleanup_removed_is_told() {
    let (flow, web) = finished(build_spec(&[])).await;
    let cleaned = flow.status(&web)["cleaned"].as_array().cloned().unwrap_or_default();
    assert!(cleaned.contains(&json!("machine-id")), "{cleaned:?}");
}

#[tokio::test(start_paused = true)]
async fn a_build_makes_each_write_once() {
    let (flow, _) = finished(build_spec(&[("hello", "echo hello")])).await;
    for action in [Action::RunInstances, Action::CreateImage, Action::TerminateInstances] {
        assert_eq!(flow.ec2.count(action), 1, "{action}");
    }
}

#[tokio::test(start_paused = true)]
async fn image_and_snapshots_carry_the_users_tags_and_the_owners() {
    let (flow, web) = finished(build_spec(&[])).await;
    let image = &flow.images("us-east-1")[0];
    let uid = flow.object(&web)["metadata"]["uid"].as_str().expect("a uid").to_owned();
    let world = flow.sim.world();
    let snapshot =
        world.regions["us-east-1"].snapshots.values().find(|s| s.owner == image.owner).expect("a snapshot");
    for tags in [&image.tags, &snapshot.tags] {
        assert_eq!(tags.get("app").map(String::as_str), Some("web"));
        assert_eq!(tags.get("ami-operator.dev/uid"), Some(&uid));
        assert_eq!(tags.get("ami-operator.dev/cluster-id").map(String::as_str), Some("test-cluster"));
        assert_eq!(tags.get("ami-operator.dev/role").map(String::as_str), Some("image"));
    }
}

#[tokio::test(start_paused = true)]
async fn the_image_requires_imdsv2_and_names_its_snapshots() {
    let amazon_linux_2 =
        json!({"ssmParameter": "/aws/service/ami-amazon-linux-latest/amzn2-ami-hvm-x86_64-gp2"});
    let (flow, web) = finished(with(build_spec(&[]), "/source", amazon_linux_2)).await;
    assert!(flow.images("us-east-1")[0].imds_v2);
    assert_eq!(flow.ec2.count(Action::ModifyImageAttribute), 1);
    let snapshots = flow.status(&web)["image"]["snapshots"].clone();
    assert_eq!(snapshots[0]["deviceName"], "/dev/xvda");
    assert_eq!(snapshots[0]["snapshotID"], flow.snapshots()[0].as_str());
}

#[tokio::test(start_paused = true)]
async fn each_stage_has_a_condition_and_a_time() {
    let (flow, web) = finished(build_spec(&[("hello", "echo hello")])).await;
    for kind in
        ["SourceResolved", "BuilderRunning", "Customized", "BuilderStopped", "ImageAvailable", "CleanedUp"]
    {
        assert!(flow.is_true(&web, kind), "{kind}: {:?}", flow.condition(&web, kind));
    }
    let stages = flow.status(&web)["stages"].as_array().expect("stages").clone();
    assert!(stages.iter().all(|s| s["completionTime"].is_string()), "{stages:?}");
    assert_eq!(stages.last().expect("stages")["name"], "CleaningUp");
}

#[tokio::test(start_paused = true)]
async fn a_failing_step_fails_the_build_with_its_name_exit_code_and_output() {
    let (flow, web) = finished(build_spec(&[
        ("first", "echo fine"),
        ("second", "echo went wrong\nexit 3"),
        ("third", "echo never"),
    ]))
    .await;
    let (_, reason, message) = flow.condition(&web, "Stalled");
    assert_eq!(reason, "StepFailed");
    assert!(message.contains("step second failed with exit code 3"), "{message}");
    let status = flow.status(&web);
    assert_eq!(status["steps"][1]["result"], "Failed");
    assert_eq!(status["steps"][1]["exitCode"], 3);
    assert_eq!(status["log"], "went wrong");
    assert_eq!(status["steps"].as_array().map(Vec::len), Some(2));
    assert_eq!(flow.condition(&web, "Succeeded").0, "False");
}

#[tokio::test(start_paused = true)]
async fn a_failed_build_leaves_nothing() {
    let (flow, _) = finished(build_spec(&[("only", "exit 1")])).await;
    assert_eq!(flow.temporary_things(), Vec::<String>::new());
    assert!(flow.images("us-east-1").is_empty());
    assert_eq!(flow.ec2.count(Action::CreateImage), 0);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_source_image_is_said_and_nothing_is_launched() {
    let mut flow = Flow::new();
    let web = build("web");
    flow.apply(&web, with(build_spec(&[]), "/source", json!({"imageID": "ami-00000000000000000"})));
    flow.until("stalled", HOUR, |f| f.is_true(&web, "Stalled")).await;
    let (_, reason, message) = flow.condition(&web, "Stalled");
    assert_eq!(reason, "SourceNotFound");
    assert!(message.contains("ami-00000000000000000") && message.contains("us-east-1"), "{message}");
    assert_eq!(flow.ec2.count(Action::RunInstances), 0);
}

#[tokio::test(start_paused = true)]
async fn an_unsubscribed_product_says_where_to_subscribe() {
    let mut flow = Flow::new();
    let web = build("web");
    let product = ec2sim::core::seed::PRODUCT_CODE;
    flow.apply(&web, with(build_spec(&[]), "/source", json!({"marketplace": {"productCode": product}})));
    flow.until("stalled", HOUR, |f| f.is_true(&web, "Stalled")).await;
    let (_, reason, message) = flow.condition(&web, "Stalled");
    assert_eq!(reason, "SubscriptionRequired");
    assert!(message.contains(&format!("https://aws.amazon.com/marketplace/pp?sku={product}")), "{message}");
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_source_is_resolved() {
    let world = ec2sim::core::world::World::new(7, "2026-11-23T12:00:00Z".parse().expect("a time"));
    let images = world.regions["us-east-1"].images.values();
    let by_id = images
        .into_iter()
        .find(|i| i.name.starts_with("al2023-ami") && i.architecture == "x86_64")
        .expect("seeded")
        .id
        .clone();
    for source in [
        json!({"imageID": by_id}),
        json!({"ssmParameter": "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"}),
        json!({"selector": {"owners": ["amazon"], "name": "al2023-ami-2023.*", "architecture": "x86_64"}}),
    ] {
        let (flow, web) = finished(with(build_spec(&[]), "/source", source.clone())).await;
        assert!(flow.is_true(&web, "Succeeded"), "{source}: {}", flow.status(&web));
    }
}

#[tokio::test(start_paused = true)]
async fn a_build_can_be_layered_on_another_that_is_still_running() {
    let mut flow = Flow::new();
    let (top, base) = (build("top"), build("base"));
    flow.apply(&top, with(build_spec(&[]), "/source", json!({"imageBuildRef": {"name": "base"}})));
    flow.run_for(Duration::from_mins(1)).await;
    assert_eq!(flow.condition(&top, "Ready").1, "WaitingForSourceBuild");
    flow.apply(&base, build_spec(&[]));
    end(&mut flow, &top).await;
    assert_eq!(flow.status(&top)["source"]["imageID"], flow.status(&base)["image"]["imageID"]);
}

#[tokio::test(start_paused = true)]
async fn a_name_in_use_is_found_before_anything_is_launched() {
    let (mut flow, _) = finished(build_spec(&[])).await;
    let other = build("other");
    flow.apply(&other, with(build_spec(&[]), "/image/name", json!("images-web")));
    flow.until("stalled", HOUR, |f| f.is_true(&other, "Stalled")).await;
    assert_eq!(flow.condition(&other, "Stalled").1, "NameConflict");
    assert_eq!(flow.ec2.count(Action::RunInstances), 1);
    assert_eq!(flow.images("us-east-1").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn missing_capacity_takes_the_next_instance_type_as_a_new_attempt() {
    let mut flow = Flow::new();
    let web = build("web");
    flow.ec2.next(
        Action::RunInstances,
        [Fault::Refuse("InsufficientInstanceCapacity", "no m7i.large in us-east-1a")],
    );
    flow.apply(&web, build_spec(&[]));
    end(&mut flow, &web).await;
    let status = flow.status(&web);
    assert_eq!(status["attempt"], 2);
    assert_eq!(status["builder"]["instanceType"], "m6i.large");
    assert!(flow.is_true(&web, "Succeeded"));
}

#[tokio::test(start_paused = true)]
async fn a_denied_call_names_the_action_and_heals_without_an_edit() {
    let mut flow = Flow::new();
    let web = build("web");
    flow.ec2.next(
        Action::RunInstances,
        [Fault::Refuse("UnauthorizedOperation", "You are not authorized to perform this operation.")],
    );
    flow.apply(&web, build_spec(&[]));
    flow.until("stalled", HOUR, |f| f.is_true(&web, "Stalled")).await;
    let (_, reason, message) = flow.condition(&web, "Stalled");
    assert_eq!(reason, "AccessDenied");
    assert!(
        message.contains("RunInstances")
            && message.contains("us-east-1")
            && message.contains("request id fault"),
        "{message}"
    );
    end(&mut flow, &web).await;
    assert!(flow.is_true(&web, "Succeeded"));
}

#[tokio::test(start_paused = true)]
async fn a_subnet_that_does_not_appear_within_minutes_fails_the_build() {
    let mut flow = Flow::new();
    let web = build("web");
    flow.apply(&web, with(build_spec(&[]), "/builder/subnetIDs", json!(["subnet-00000000000000000"])));
    flow.run_for(HOUR / 15).await;
    assert_eq!(flow.condition(&web, "Reconciling").1, "NotFound");
    end(&mut flow, &web).await;
    let (_, reason, message) = flow.condition(&web, "Stalled");
    assert_eq!(reason, "NotFound");
    assert!(message.contains("InvalidSubnetID.NotFound"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn a_machine_stopped_from_outside_never_becomes_an_image() {
    let mut flow = Flow::new();
    let web = build("web");
    flow.apply(&web, build_spec(&[("long", "sleep 600")]));
    flow.until("running", HOUR, |f| f.is_true(&web, "BuilderRunning")).await;
    let id = flow.status(&web)["builder"]["instanceID"].as_str().expect("an id").to_owned();
    flow.call("StopInstances", &[("InstanceId.1", &id)]);
    end(&mut flow, &web).await;
    assert_eq!(flow.condition(&web, "Stalled").1, "BuilderInterrupted");
    assert_eq!(flow.ec2.count(Action::CreateImage), 0);
    assert_eq!(flow.temporary_things(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_passes_its_deadline_fails_and_is_cleaned_up() {
    let mut flow = Flow::new();
    let web = build("web");
    let spec = with(build_spec(&[("long", "sleep 900")]), "/activeDeadline", json!("10m"));
    flow.apply(&web, with(spec, "/customize/timeout", json!("10m")));
    end(&mut flow, &web).await;
    assert_eq!(flow.condition(&web, "Stalled").1, "DeadlineExceeded");
    assert_eq!(flow.temporary_things(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_suspended_build_starts_nothing_and_goes_on_when_resumed() {
    let mut flow = Flow::new();
    let web = build("web");
    flow.apply(&web, with(build_spec(&[]), "/suspend", json!(true)));
    flow.run_for(HOUR).await;
    assert_eq!(flow.condition(&web, "Ready").1, "Suspended");
    assert!(flow.ec2.calls().is_empty(), "{:?}", flow.ec2.calls());
    flow.apply(&web, build_spec(&[]));
    end(&mut flow, &web).await;
    assert!(flow.is_true(&web, "Succeeded"));
}

#[tokio::test(start_paused = true)]
async fn deleting_at_any_moment_leaves_nothing_unfinished() {
    for seconds in [0, 1, 2, 5, 8, 12, 16, 20, 30, 45] {
        let mut flow = Flow::new();
        let web = build("web");
        flow.apply(&web, build_spec(&[("work", "sleep 3")]));
        flow.run_for(Duration::from_secs(seconds)).await;
        let finished = flow.is_true(&web, "ImageAvailable");
        flow.delete(&web);
        flow.until("gone", HOUR, |f| f.object(&web).is_null()).await;
        assert_eq!(flow.temporary_things(), Vec::<String>::new(), "deleted after {seconds} s");
        assert_eq!(flow.images("us-east-1").len(), usize::from(finished), "deleted after {seconds} s");
        assert_eq!(flow.snapshots().len(), usize::from(finished), "deleted after {seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_retained_image_outlives_its_build() {
    let (mut flow, web) = finished(build_spec(&[])).await;
    flow.delete(&web);
    flow.until("gone", HOUR, |f| f.object(&web).is_null()).await;
    assert_eq!((flow.images("us-east-1").len(), flow.snapshots().len()), (1, 1));
    assert_eq!(flow.ec2.count(Action::DeregisterImage), 0);
}

#[tokio::test(start_paused = true)]
async fn deletion_policy_delete_removes_image_and_snapshots() {
    let (mut flow, web) = finished(with(build_spec(&[]), "/deletionPolicy", json!("Delete"))).await;
    flow.delete(&web);
    flow.until("gone", HOUR, |f| f.object(&web).is_null()).await;
    assert_eq!((flow.images("us-east-1").len(), flow.snapshots().len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn events_tell_the_milestones_once() {
    let (flow, web) = finished(build_spec(&[])).await;
    let reasons = flow.cluster.event_reasons(&web);
    let expected = [
        "SourceResolved",
        "BuilderRunning",
        "BuilderStopped",
        "Customized",
        "ImageAvailable",
        "CleanedUp",
        "Ready",
    ];
    for milestone in expected {
        assert_eq!(reasons.iter().filter(|r| *r == milestone).count(), 1, "{milestone} in {reasons:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn ten_builds_at_once_share_their_reads() {
    let mut flow = Flow::new();
    let builds: Vec<Subject> = (0..10).map(|n| build(&format!("web-{n}"))).collect();
    for subject in &builds {
        flow.apply(subject, build_spec(&[("work", "sleep 3")]));
    }
    for subject in &builds {
        end(&mut flow, subject).await;
    }
    let reads = flow.ec2.calls().iter().filter(|a| a.is_read()).count();
    assert!(reads <= 120, "{reads} reads for ten builds");
}

#[tokio::test(start_paused = true)]
async fn a_finished_build_costs_nothing_for_a_week() {
    let (mut flow, _) = finished(build_spec(&[])).await;
    let (calls, writes) = (flow.ec2.calls().len(), flow.cluster.status_writes());
    flow.run_for(7 * 24 * HOUR).await;
    assert_eq!((flow.ec2.calls().len(), flow.cluster.status_writes()), (calls, writes));
}

/// Somebody terminates the builder; the next one is left alone.
#[tokio::test(start_paused = true)]
async fn a_builder_that_is_lost_is_replaced_by_another_one() {
    let mut flow = Flow::new();
    let web = build("web");
    flow.apply(&web, with(build_spec(&[("work", "sleep 60")]), "/backoffLimit", json!(1)));
    flow.until("running", HOUR, |f| f.is_true(&web, "BuilderRunning")).await;
    let id = flow.status(&web)["builder"]["instanceID"].as_str().expect("an id").to_owned();
    flow.call("TerminateInstances", &[("InstanceId.1", &id)]);
    flow.until("retrying", HOUR, |f| f.condition(&web, "Reconciling").1 == "RetryingBuild").await;
    end(&mut flow, &web).await;
    assert!(flow.is_true(&web, "Succeeded"));
    let status = flow.status(&web);
    assert_eq!((&status["attempt"], &status["failedAttempts"]), (&json!(2), &json!(1)));
    assert_eq!(flow.images("us-east-1").len(), 1);
    assert_eq!(flow.temporary_things(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_step_that_always_fails_uses_up_its_builders_one_after_the_other() {
    let (flow, web) = finished(with(build_spec(&[("bad", "exit 3")]), "/backoffLimit", json!(2))).await;
    let (_, reason, message) = flow.condition(&web, "Stalled");
    assert_eq!(reason, "StepFailed");
    assert!(message.contains("the last of 3 builders"), "{message}");
    assert_eq!(flow.status(&web)["log"], Value::Null);
    assert_eq!(flow.status(&web)["steps"][0]["exitCode"], 3);
    let world = flow.sim.world();
    assert_eq!(world.regions["us-east-1"].instances.len(), 3);
    assert_eq!(flow.temporary_things(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn missing_capacity_uses_up_no_builder() {
    let mut flow = Flow::new();
    let web = build("web");
    flow.fault("capacity");
    flow.apply(&web, with(build_spec(&[]), "/activeDeadline", json!("35m")));
    end(&mut flow, &web).await;
    let status = flow.status(&web);
    assert_eq!(flow.condition(&web, "Stalled").1, "DeadlineExceeded");
    assert!(status["attempt"].as_i64() > Some(10), "{status}");
    assert_eq!(status["failedAttempts"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_build_removes_its_builder_at_once() {
    let mut flow = Flow::new();
    let web = build("web");
    let spec = build_spec(&[("long", "sleep 600")]);
    flow.apply(&web, spec.clone());
    flow.until("running", HOUR, |f| f.is_true(&web, "BuilderRunning")).await;
    flow.apply(&web, with(spec, "/desiredState", json!("Cancelled")));
    flow.until("ended", HOUR / 20, |f| f.status(&web)["completionTime"].is_string()).await;
    assert_eq!(flow.condition(&web, "Succeeded").1, "Cancelled");
    assert_eq!(flow.temporary_things(), Vec::<String>::new());
    assert_eq!(flow.ec2.count(Action::CreateImage), 0);
}

#[tokio::test(start_paused = true)]
async fn a_finished_build_goes_when_its_time_is_over_and_leaves_its_image() {
    let (mut flow, web) = finished(with(build_spec(&[]), "/ttlAfterFinished", json!("72h"))).await;
    flow.run_for(71 * HOUR).await;
    assert!(!flow.object(&web).is_null());
    flow.until("gone", 2 * HOUR, |f| f.object(&web).is_null()).await;
    assert_eq!(flow.images("us-east-1").len(), 1);
}
