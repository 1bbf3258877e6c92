//! Lost answers, dead operators: one build makes one image, whatever happens.

use std::time::Duration;

use ami_operator::model::Action;
use ec2sim::{
    core::params::Params,
    faults::{Effect, Rule},
};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    Flow, build,
    faults::Fault,
    replication,
    world::{build_spec, replication_spec, with},
};

const HOUR: Duration = Duration::from_hours(1);

fn start(flow: &mut Flow) {
    flow.apply(&replication("web"), replication_spec("web", &["eu-west-1", "ap-southeast-2"]));
    flow.apply(&build("web"), build_spec(&[("work", "sleep 3")]));
}

async fn end(flow: &mut Flow) {
    flow.until("replicated", HOUR, |f| f.is_true(&replication("web"), "Ready")).await;
    flow.until("built", HOUR, |f| f.is_true(&build("web"), "Succeeded")).await;
}

/// What an undisturbed run leaves behind, and no more.
fn assert_as_undisturbed(flow: &Flow, told: &str) {
    for region in ["us-east-1", "eu-west-1", "ap-southeast-2"] {
        assert_eq!(flow.images(region).len(), 1, "{told}: images in {region}");
    }
    assert_eq!(flow.snapshots().len(), 3, "{told}: snapshots");
    assert_eq!(flow.temporary_things(), Vec::<String>::new(), "{told}");
    let world = flow.sim.world();
    assert_eq!(world.regions["us-east-1"].instances.len(), 1, "{told}: instances ever launched");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_of_any_create_call_makes_nothing_twice() {
    for action in [Action::RunInstances, Action::CreateImage, Action::CopyImage] {
        let mut flow = Flow::new();
        flow.ec2.next(action, [Fault::LoseAnswer]);
        start(&mut flow);
        end(&mut flow).await;
        assert_as_undisturbed(&flow, &format!("lost answer of {action}"));
    }
}

/// EC2 refuses what is gone to a role whose policy goes by tags, in the words in which it refuses what is somebody else's.
const DENIED: Fault =
    Fault::Refuse("UnauthorizedOperation", "You are not authorized to perform this operation");

#[tokio::test(start_paused = true)]
async fn a_builder_whose_termination_was_not_answered_is_looked_at_before_it_is_terminated_again() {
    let mut flow = Flow::new();
    flow.enforce_policy();
    flow.ec2.next(Action::TerminateInstances, [Fault::LoseAnswer, DENIED]);
    start(&mut flow);
    end(&mut flow).await;
    assert_as_undisturbed(&flow, "lost answer of TerminateInstances");
    assert_eq!(flow.ec2.count(Action::TerminateInstances), 1);
    assert_eq!(flow.permissions().1, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_builder_that_is_gone_already_is_no_matter_of_permissions() {
    let mut flow = Flow::new();
    start(&mut flow);
    let stopped = |f: &Flow| f.status(&build("web"))["image"]["availableAt"].is_string();
    flow.ec2.next(Action::TerminateInstances, [DENIED]);
    flow.until("imaged", HOUR, stopped).await;
    let id = flow.status(&build("web"))["builder"]["instanceID"].as_str().expect("an id").to_owned();
    flow.call("TerminateInstances", &[("InstanceId.1", &id)]);
    let limit = Duration::from_mins(5);
    flow.until("built", limit, |f| f.is_true(&build("web"), "Succeeded")).await;
    assert!(!flow.is_true(&build("web"), "Stalled"), "{}", flow.status(&build("web")));
}

#[tokio::test(start_paused = true)]
async fn an_image_whose_removal_was_not_answered_is_looked_for_before_it_is_removed_again() {
    for action in [Action::DeregisterImage, Action::DeleteSnapshot] {
        let mut flow = Flow::new();
        flow.enforce_policy();
        if action == Action::DeleteSnapshot {
            flow.fault("partial-prune");
        }
        flow.apply(&build("web"), with(build_spec(&[("work", "true")]), "/deletionPolicy", json!("Delete")));
        flow.until("built", HOUR, |f| f.is_true(&build("web"), "Succeeded")).await;
        flow.ec2.next(action, [Fault::LoseAnswer, DENIED]);
        flow.delete(&build("web"));
        flow.until("gone", HOUR, |f| f.cluster.subjects().is_empty()).await;
        assert_eq!(flow.ec2.count(action), 1, "{action}");
        assert_eq!((flow.images("us-east-1").len(), flow.snapshots().len()), (0, 0), "{action}");
        assert_eq!(flow.permissions().1, Vec::<String>::new(), "{action}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_that_a_stale_list_still_shows_is_no_matter_of_permissions_for_long() {
    let mut flow = Flow::new();
    flow.enforce_policy();
    flow.apply(&build("web"), with(build_spec(&[("work", "true")]), "/deletionPolicy", json!("Delete")));
    flow.until("built", HOUR, |f| f.is_true(&build("web"), "Succeeded")).await;
    flow.run_for(Duration::from_mins(2)).await;
    let stale = Rule::on("DescribeImages", Effect::Lag { seconds: Duration::from_mins(1) });
    let now = flow.now();
    flow.sim.gate(|gate| gate.faults.add(now, stale)).expect("a valid rule");
    flow.ec2.next(Action::DeregisterImage, [Fault::LoseAnswer]);
    flow.delete(&build("web"));
    flow.until("gone", Duration::from_mins(5), |f| f.cluster.subjects().is_empty()).await;
    assert_eq!((flow.images("us-east-1").len(), flow.snapshots().len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_connection_reset_after_a_create_call_makes_nothing_twice_whatever_the_sdk_retries() {
    for preset in ["lost-run", "lost-create", "lost-copy"] {
        let mut flow = Flow::new();
        flow.fault(preset);
        start(&mut flow);
        end(&mut flow).await;
        assert_as_undisturbed(&flow, preset);
        assert_eq!(flow.sim.gate(|gate| gate.faults.rules()[0].fired), 1, "{preset}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_lost_by_a_dead_operator_is_found_by_the_next_one() {
    for action in [Action::RunInstances, Action::CreateImage, Action::CopyImage] {
        let mut flow = Flow::new();
        flow.ec2.next(action, [Fault::LoseAnswer]);
        start(&mut flow);
        flow.until("called", HOUR, |f| f.ec2.count(action) > 0).await;
        tokio::time::advance(HOUR / 6).await;
        flow.restart();
        end(&mut flow).await;
        assert_as_undisturbed(&flow, &format!("ten minutes after a lost answer of {action}"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_operator_that_dies_after_every_reconciliation_gets_there_all_the_same() {
    let mut flow = Flow::new();
    start(&mut flow);
    let deadline = Instant::now() + 3 * HOUR;
    while !(flow.is_true(&build("web"), "Succeeded") && flow.is_true(&replication("web"), "Ready")) {
        assert!(Instant::now() < deadline, "{}", flow.status(&build("web")));
        flow.step(deadline).await;
        flow.restart();
        flow.run_for(Duration::from_secs(7)).await;
    }
    assert_as_undisturbed(&flow, "dying all the time");
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_no_list_shows_for_minutes_is_not_made_again() {
    let mut flow = Flow::new();
    let now = flow.now();
    let hidden =
        flow.sim.gate(|gate| gate.faults.add_preset(now, "not-found-window", &json!({"seconds": 200})));
    hidden.expect("the preset is there");
    start(&mut flow);
    end(&mut flow).await;
    assert_as_undisturbed(&flow, "hidden for 200 s");
}

#[tokio::test(start_paused = true)]
async fn a_termination_of_what_is_not_found_rests_before_it_is_asked_for_again() {
    let mut flow = Flow::new();
    let unseen = || Fault::Refuse("InvalidInstanceID.NotFound", "The instance ID does not exist");
    flow.ec2.next(Action::TerminateInstances, [unseen(), unseen(), unseen()]);
    start(&mut flow);
    flow.until("asked for", HOUR, |f| f.ec2.count(Action::TerminateInstances) > 0).await;
    let before = flow.cluster.status_writes();
    end(&mut flow).await;
    let writes = flow.cluster.status_writes() - before;
    assert!(writes < 50, "{writes} status writes");
    assert_as_undisturbed(&flow, "not found at first");
}

#[tokio::test(start_paused = true)]
async fn throttling_slows_the_region_and_fails_nobody() {
    let mut flow = Flow::new();
    let throttled = || Fault::Refuse("RequestLimitExceeded", "Request limit exceeded.");
    flow.ec2.next(Action::DescribeInstances, [throttled(), throttled()]);
    flow.ec2.next(Action::DescribeImages, [throttled(), throttled()]);
    flow.ec2.next(Action::RunInstances, [throttled(), throttled()]);
    start(&mut flow);
    end(&mut flow).await;
    assert_as_undisturbed(&flow, "throttled");
    assert!(!flow.cluster.event_reasons(&build("web")).contains(&"Throttled".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_status_wiped_by_a_backup_tool_brings_no_second_image() {
    let mut flow = Flow::new();
    start(&mut flow);
    end(&mut flow).await;
    flow.wipe_status(&build("web"));
    flow.until("built", HOUR, |f| f.is_true(&build("web"), "Succeeded")).await;
    assert_eq!(flow.images("us-east-1").len(), 1);
    assert_eq!(flow.ec2.count(Action::CreateImage), 1);
    assert_eq!(flow.temporary_things(), Vec::<String>::new());
}

/// What an older version wrote down before it died over a launch, and the request that it had sent.
const RECORDED: &str = include_str!("recorded/launching.json");

#[tokio::test(start_paused = true)]
async fn an_upgrade_in_the_middle_of_an_attempt_takes_up_the_old_version_s_builder() {
    let mut flow = Flow::new();
    let web = build("web");
    let recorded: Value = serde_json::from_str(RECORDED).expect("recorded");
    let sent = Params::from_json(&recorded["runInstances"]);
    flow.run_for(Duration::from_secs(2)).await;
    flow.call_with("RunInstances", &sent);
    flow.cluster.restore_recorded(&web, &recorded["object"]);
    flow.restart();
    flow.until("built", HOUR, |f| f.is_true(&web, "Succeeded")).await;
    assert_eq!(
        flow.ec2.count(Action::RunInstances),
        1,
        "and that was refused: the token has other parameters"
    );
    assert_eq!(flow.sim.world().regions["us-east-1"].instances.len(), 1);
    assert_eq!(flow.status(&web)["builder"]["clientToken"], recorded["runInstances"]["ClientToken"]);
    assert_eq!(flow.images("us-east-1").len(), 1);
    assert_eq!(flow.temporary_things(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_after_an_intent_that_was_never_carried_out_launches_once() {
    let mut flow = Flow::new();
    let web = build("web");
    let recorded: Value = serde_json::from_str(RECORDED).expect("recorded");
    flow.cluster.restore_recorded(&web, &recorded["object"]);
    flow.restart();
    flow.until("built", HOUR, |f| f.is_true(&web, "Succeeded")).await;
    assert_eq!(flow.sim.world().regions["us-east-1"].instances.len(), 1);
    assert_eq!(flow.status(&web)["builder"]["clientToken"], recorded["runInstances"]["ClientToken"]);
}
