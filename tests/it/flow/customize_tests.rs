//! Contents from ConfigMaps, steps seen while they run, commands of Systems Manager, and kept builders.

use std::time::Duration;

use ami_operator::{ec2::poller::Subject, model::Action};
use serde_json::{Value, json};

use super::{
    Flow, build,
    faults::Fault,
    world::{build_spec, with},
};

const HOUR: Duration = Duration::from_hours(1);

async fn end(flow: &mut Flow, subject: &Subject) {
    flow.until("finished", HOUR, |f| f.status(subject)["completionTime"].is_string()).await;
}

/// A build whose script is in a ConfigMap.
fn from_config_map() -> Value {
    let reference = json!({"configMapKeyRef": {"name": "scripts", "key": "work.sh"}});
    let step = json!([{"name": "work", "script": {"from": reference}}]);
    with(build_spec(&[]), "/customize/steps", step)
}

/// A build by commands of Systems Manager.
fn by_commands(scripts: &[(&str, &str)]) -> Value {
    let spec = with(build_spec(scripts), "/customize/transport", json!("SSM"));
    with(spec, "/builder/instanceProfile", json!("image-builder"))
}

fn results(status: &Value) -> Vec<String> {
    let steps = status["steps"].as_array().into_iter().flatten();
    steps.map(|s| format!("{} {}", s["name"].as_str().unwrap_or_default(), s["result"])).collect()
}

#[tokio::test(start_paused = true)]
async fn a_build_waits_for_its_config_map_and_then_runs() {
    let (mut flow, web) = (Flow::new(), build("web"));
    flow.apply(&web, from_config_map());
    flow.run_for(Duration::from_mins(5)).await;
    let (_, reason, message) = flow.condition(&web, "Ready");
    assert_eq!(reason, "WaitingForContent");
    assert!(message.contains("ConfigMap images/scripts"), "{message}");
    assert_eq!(flow.ec2.count(Action::RunInstances), 0);
    flow.cluster.apply_config_map("images", "scripts", &json!({"other.sh": "true"}));
    flow.run_for(Duration::from_secs(30)).await;
    assert!(flow.condition(&web, "Ready").2.contains("key work.sh"));
    flow.cluster.apply_config_map("images", "scripts", &json!({"work.sh": "echo done"}));
    end(&mut flow, &web).await;
    assert!(flow.is_true(&web, "Succeeded"), "{}", flow.status(&web));
    assert!(flow.status(&web)["builder"]["contentHash"].as_str().is_some_and(|h| h.starts_with("sha256:")));
}

#[tokio::test(start_paused = true)]
async fn an_edit_of_the_config_map_changes_no_attempt_under_way() {
    let (mut flow, web) = (Flow::new(), build("web"));
    flow.cluster.apply_config_map("images", "scripts", &json!({"work.sh": "sleep 60"}));
    flow.apply(&web, from_config_map());
    flow.until("running", HOUR, |f| f.status(&web)["builder"]["runningAt"].is_string()).await;
    flow.cluster.apply_config_map("images", "scripts", &json!({"work.sh": "exit 1"}));
    flow.restart();
    end(&mut flow, &web).await;
    assert!(flow.is_true(&web, "Succeeded"), "{}", flow.status(&web));
}

#[tokio::test(start_paused = true)]
async fn a_lost_launch_whose_config_map_changed_is_found_and_not_made_again() {
    let (mut flow, web) = (Flow::new(), build("web"));
    flow.cluster.apply_config_map("images", "scripts", &json!({"work.sh": "true"}));
    flow.ec2.next(Action::RunInstances, [Fault::LoseAnswer]);
    flow.apply(&web, from_config_map());
    flow.until("asked for", HOUR, |f| f.ec2.count(Action::RunInstances) == 1).await;
    flow.cluster.apply_config_map("images", "scripts", &json!({"work.sh": "exit 1"}));
    flow.restart();
    end(&mut flow, &web).await;
    assert!(flow.is_true(&web, "Succeeded"), "{}", flow.status(&web));
    assert_eq!(flow.ec2.count(Action::RunInstances), 1);
}

#[tokio::test(start_paused = true)]
async fn steps_are_seen_while_they_run() {
    let (mut flow, web) = (Flow::new(), build("web"));
    flow.apply(&web, build_spec(&[("quick", "true"), ("slow", "sleep 300")]));
    flow.until("seen", Duration::from_mins(2), |f| {
        results(&f.status(&web)) == ["quick \"Succeeded\"", "slow \"Running\""]
    })
    .await;
    assert!(flow.condition(&web, "Ready").2.contains("runs step slow"));
    assert!(!flow.is_true(&web, "Customized"));
}

#[tokio::test(start_paused = true)]
async fn steps_can_be_commands() {
    let (mut flow, web) = (Flow::new(), build("web"));
    flow.apply(&web, by_commands(&[("one", "echo first"), ("two", "sleep 20")]));
    flow.until("the second step", HOUR, |f| f.status(&web)["builder"]["command"]["step"] == "two").await;
    assert_eq!(flow.status(&web)["log"], "first");
    end(&mut flow, &web).await;
    let status = flow.status(&web);
    assert!(flow.is_true(&web, "Succeeded"), "{status}");
    assert_eq!(results(&status), ["one \"Succeeded\"", "two \"Succeeded\""]);
    assert_eq!((flow.ec2.count(Action::SendCommand), flow.ec2.count(Action::StopInstances)), (3, 1));
    assert_eq!(flow.images("us-east-1").len(), 1);
    assert_eq!(flow.temporary_things(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_command_that_fails_fails_the_build_with_its_output() {
    let (mut flow, web) = (Flow::new(), build("web"));
    flow.apply(&web, by_commands(&[("one", "echo went wrong\nexit 3"), ("two", "true")]));
    end(&mut flow, &web).await;
    let (_, reason, message) = flow.condition(&web, "Stalled");
    assert_eq!(reason, "StepFailed");
    assert!(message.contains("step one failed with exit code 3"), "{message}");
    let log = flow.status(&web)["log"].as_str().unwrap_or_default().to_owned();
    assert!(log.contains("went wrong"), "{log}");
    assert_eq!(flow.temporary_things(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_command_whose_answer_was_lost_is_found_and_not_sent_again() {
    let (mut flow, web) = (Flow::new(), build("web"));
    flow.ec2.next(Action::SendCommand, [Fault::LoseAnswer]);
    flow.apply(&web, by_commands(&[("one", "true")]));
    end(&mut flow, &web).await;
    assert!(flow.is_true(&web, "Succeeded"), "{}", flow.status(&web));
    assert_eq!(flow.ec2.count(Action::SendCommand), 2);
}

#[tokio::test(start_paused = true)]
async fn a_build_by_commands_survives_the_operator() {
    let (mut flow, web) = (Flow::new(), build("web"));
    flow.apply(&web, by_commands(&[("one", "sleep 30"), ("two", "true")]));
    for _ in 0..200 {
        flow.restart();
        flow.run_for(Duration::from_secs(12)).await;
    }
    assert!(flow.is_true(&web, "Succeeded"), "{}", flow.status(&web));
    assert_eq!((flow.ec2.count(Action::RunInstances), flow.ec2.count(Action::SendCommand)), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn a_machine_whose_agent_never_reports_is_given_up_with_the_reason() {
    let (mut flow, web) = (Flow::new(), build("web"));
    flow.apply(&web, with(build_spec(&[("one", "true")]), "/customize/transport", json!("SSM")));
    end(&mut flow, &web).await;
    let (_, reason, message) = flow.condition(&web, "Stalled");
    assert_eq!(reason, "AgentNotOnline");
    assert!(message.contains("builder.instanceProfile is not set"), "{message}");
    assert_eq!(flow.temporary_things(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_deleted_build_cancels_its_command() {
    let (mut flow, web) = (Flow::new(), build("web"));
    flow.apply(&web, by_commands(&[("slow", "sleep 600")]));
    flow.until("sent", HOUR, |f| f.status(&web)["builder"]["command"]["commandID"].is_string()).await;
    flow.delete(&web);
    flow.until("gone", HOUR, |f| f.object(&web).is_null()).await;
    assert_eq!(flow.ec2.count(Action::CancelCommand), 1);
    assert_eq!(flow.temporary_things(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn windows_is_customised_by_powershell() {
    let windows =
        json!({"ssmParameter": "/aws/service/ami-windows-latest/Windows_Server-2022-English-Full-Base"});
    let spec = with(by_commands(&[("hello", "Write-Output hello")]), "/source", windows);
    let (mut flow, web) = (Flow::new(), build("web"));
    flow.apply(&web, spec);
    end(&mut flow, &web).await;
    assert!(flow.is_true(&web, "Succeeded"), "{}", flow.status(&web));
    let documents = flow.sim.journal(|j| {
        let sent = j.entries().filter(|e| e.action == "SendCommand");
        sent.filter_map(|e| e.params.text("DocumentName").map(str::to_owned)).collect::<Vec<_>>()
    });
    assert!(documents.iter().all(|name| name == "AWS-RunPowerShellScript"), "{documents:?}");
}

#[tokio::test(start_paused = true)]
async fn the_builder_of_a_failed_run_is_kept_and_then_goes() {
    let (mut flow, web) = (Flow::new(), build("web"));
    let spec = with(build_spec(&[("only", "exit 1")]), "/onFailure", json!("KeepBuilder"));
    flow.apply(&web, with(spec, "/keepBuilderFor", json!("30m")));
    flow.until("failed", HOUR, |f| f.is_true(&web, "Stalled")).await;
    flow.run_for(Duration::from_mins(28)).await;
    let (_, reason, message) = flow.condition(&web, "Stalled");
    assert_eq!(reason, "StepFailed");
    assert!(message.contains("aws ssm start-session"), "{message}");
    assert!(!flow.temporary_things().is_empty());
    end(&mut flow, &web).await;
    assert_eq!(flow.temporary_things(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_kept_builder_goes_at_once_when_the_manifest_says_so() {
    let (mut flow, web) = (Flow::new(), build("web"));
    let spec = with(build_spec(&[("only", "exit 1")]), "/onFailure", json!("KeepBuilder"));
    flow.apply(&web, spec.clone());
    flow.until("failed", HOUR, |f| f.is_true(&web, "Stalled")).await;
    flow.run_for(Duration::from_mins(5)).await;
    assert!(!flow.temporary_things().is_empty());
    flow.apply(&web, with(spec, "/onFailure", json!("Terminate")));
    flow.until("finished", Duration::from_mins(3), |f| f.status(&web)["completionTime"].is_string()).await;
    assert_eq!(flow.temporary_things(), Vec::<String>::new());
}
