use std::time::Duration;

use serde_json::{Value, json};

use super::{Calls, Delivery, Effect, Rule, When};
use crate::{
    core::{Service, error::ApiError, journal::Entry},
    lab::{Lab, OTHER},
};

fn refusal() -> Effect {
    Effect::error(ApiError::new("Trouble", "as ordered"))
}

/// Which of so many calls were refused.
fn refused(lab: &Lab, calls: usize) -> Vec<usize> {
    (1..=calls).filter(|_| lab.try_call("DescribeVpcs", &[]).is_err()).collect()
}

#[test]
fn a_rule_acts_on_the_calls_that_its_counters_say() {
    for (when, expected) in [
        (When { skip: 2, ..When::default() }, vec![3, 4, 5, 6]),
        (When { times: Some(2), ..When::default() }, vec![1, 2]),
        (When { every: 3, ..When::default() }, vec![1, 4]),
        (When { skip: 1, every: 2, times: Some(2), ..When::default() }, vec![2, 4]),
        (When { probability: 0.0, ..When::default() }, vec![]),
    ] {
        let lab = Lab::new();
        lab.fault(Rule { when: when.clone(), ..Rule::on("DescribeVpcs", refusal()) });
        assert_eq!(refused(&lab, 6), expected, "{when:?}");
    }
}

#[test]
fn a_rule_acts_within_its_time_window() {
    let lab = Lab::new();
    let when =
        When { from: Duration::from_secs(10), until: Some(Duration::from_secs(20)), ..When::default() };
    lab.fault(Rule { when, ..Rule::on("*", refusal()) });
    let mut seen = Vec::new();
    for _ in 0..6 {
        seen.push(lab.try_call("DescribeVpcs", &[]).is_err());
        lab.wait(5);
    }
    assert_eq!(seen, [false, false, true, true, false, false]);
}

#[test]
fn chance_comes_from_the_seed_alone() {
    let run = || {
        let lab = Lab::new();
        lab.fault(Rule::on("*", refusal()).with_probability(0.3));
        refused(&lab, 200)
    };
    let hits = run();
    assert_eq!(hits, run());
    assert!((30..90).contains(&hits.len()), "{} of 200 with a chance of 0.3", hits.len());
}

#[test]
fn the_first_rule_that_acts_wins() {
    let lab = Lab::new();
    let error = |code: &str| Effect::error(ApiError::new(code, ""));
    lab.fault(Rule::on("DescribeVpcs", error("First")).times(1));
    lab.fault(Rule::on("Describe*", error("Second")).times(1));
    let codes: Vec<String> = (0..2).map(|_| lab.refused("DescribeVpcs", &[])).collect();
    assert_eq!(codes, ["First", "Second"]);
    lab.call("DescribeVpcs", &[]);
}

#[test]
fn a_rule_is_about_the_calls_that_all_its_patterns_fit() {
    let about = |calls: Calls| {
        let lab = Lab::new();
        lab.fault(Rule { calls, ..Rule::on("*", refusal()) });
        lab.try_call("DescribeInstanceTypes", &[("InstanceType.1", "m7i.large")]).is_err()
    };
    let any = Calls::default;
    assert!(about(any()));
    assert!(about(Calls { action: "RunInstances|Describe*".to_owned(), ..any() }));
    assert!(!about(Calls { action: "RunInstances".to_owned(), ..any() }));
    assert!(!about(Calls { service: "ssm".to_owned(), ..any() }));
    assert!(!about(Calls { region: "eu-*".to_owned(), ..any() }));
    assert!(!about(Calls { account: OTHER.to_owned(), ..any() }));
    let parameter =
        |name: &str, glob: &str| Calls { parameters: [(name.to_owned(), glob.to_owned())].into(), ..any() };
    assert!(about(parameter("InstanceType", "m7i.*")));
    assert!(!about(parameter("InstanceType", "m6i.*")));
    assert!(!about(parameter("InstanceId", "*")));
}

#[test]
fn a_launch_is_in_the_zone_of_its_subnet() {
    let lab = Lab::new();
    let subnet = |zone: &str| {
        let filter = [("Filter.1.Name", "availability-zone"), ("Filter.1.Value.1", zone)];
        lab.ask("DescribeSubnets", &filter, "subnetSet/item/subnetId")
    };
    let calls = Calls { zone: "us-east-1b".to_owned(), ..Calls::default() };
    lab.fault(Rule { calls, ..Rule::on("RunInstances", refusal()) });
    let launch = |subnet: &str| {
        let image = lab.base("al2023-ami-2023.9.20261110.0-kernel-6.1-x86");
        let counts =
            [("MinCount", "1"), ("MaxCount", "1"), ("ImageId", image.as_str()), ("SubnetId", subnet)];
        lab.try_call("RunInstances", &counts).is_ok()
    };
    assert!(launch(&subnet("us-east-1a")));
    assert!(!launch(&subnet("us-east-1b")));
}

#[test]
fn transport_faults_say_whether_the_call_was_carried_out() {
    for (effect, delivery, carried_out) in [
        (Effect::Reset, Delivery::Reset, false),
        (Effect::Hang, Delivery::Never, false),
        (Effect::Delay { ms: 1500 }, Delivery::After(Duration::from_millis(1500)), true),
        (Effect::LostReply, Delivery::Reset, true),
        (Effect::TruncatedBody, Delivery::Truncated, true),
    ] {
        let lab = Lab::new();
        lab.fault(Rule::on("CreateKeyPair", effect.clone()));
        let answer = lab.send(Service::Ec2, "CreateKeyPair", &[("KeyName", "k"), ("KeyType", "ed25519")]);
        assert_eq!(answer.delivery, delivery, "{effect:?}");
        assert_eq!(answer.outcome.is_ok(), carried_out, "{effect:?}");
        assert_eq!(lab.sim.world().regions["us-east-1"].key_pairs.len(), usize::from(carried_out));
    }
}

#[test]
fn what_a_call_made_cannot_be_read_for_a_while() {
    let lab = Lab::new();
    lab.fault(Rule::on("RunInstances", Effect::InvisibleFor { seconds: Duration::from_mins(1) }));
    let id = lab.launch(&[]);
    assert_eq!(lab.refused("DescribeInstances", &[("InstanceId.1", &id)]), "InvalidInstanceID.NotFound");
    assert!(lab.call("DescribeVolumes", &[]).nodes("volumeSet/item").is_empty());
    lab.wait(60);
    assert_eq!(lab.instance_state(&id), "running");
}

#[test]
fn a_launch_can_take_its_time() {
    let lab = Lab::new();
    let then = super::InstanceEnd::Running;
    lab.fault(Rule::on("RunInstances", Effect::Instance { pending: Duration::from_secs(100), then }));
    let id = lab.launch(&[("UserData", "IyEvYmluL3NoCnBvd2Vyb2ZmCg==")]);
    lab.wait(99);
    assert_eq!(lab.instance_state(&id), "pending");
    lab.wait(1);
    assert_eq!(lab.instance_state(&id), "running");
    lab.wait(10);
    assert_eq!(lab.instance_state(&id), "stopped");
}

#[test]
fn a_snapshot_that_ends_in_error_fails_its_image() {
    let lab = Lab::new();
    let instance = lab.stopped();
    let message = "no more space".to_owned();
    lab.fault(Rule::on("CreateImage", Effect::Snapshot { pending: Duration::from_secs(5), message }));
    let image = lab.image_of(&instance, "web");
    let snapshot = lab.snapshot(&image);
    let asked = [("SnapshotId.1", snapshot.as_str())];
    assert_eq!(lab.ask("DescribeSnapshots", &asked, "snapshotSet/item/status"), "pending");
    lab.wait(5);
    assert_eq!(lab.ask("DescribeSnapshots", &asked, "snapshotSet/item/status"), "error");
    assert_eq!(lab.ask("DescribeSnapshots", &asked, "snapshotSet/item/statusMessage"), "no more space");
    assert_eq!(lab.image_state(&image), "failed");
}

#[test]
fn the_console_shows_what_a_rule_says() {
    let lab = Lab::new();
    let id = lab.launch(&[]);
    lab.wait(60);
    let asked = [("InstanceId", id.as_str()), ("Latest", "true")];
    lab.fault(Rule::on("GetConsoleOutput", Effect::Console { text: String::new() }).times(1));
    assert_eq!(lab.call("GetConsoleOutput", &asked).find_text("output"), None);
    lab.fault(Rule::on("GetConsoleOutput", Effect::Console { text: "hello".to_owned() }));
    assert_eq!(lab.ask("GetConsoleOutput", &asked, "output"), "aGVsbG8=");
}

#[test]
fn a_command_ends_as_a_rule_says() {
    let lab = Lab::new();
    let profile = ("IamInstanceProfile.Name", "builder");
    let id = lab.launch(&[profile]);
    lab.wait(60);
    let effect = json!({"command": {"exitCode": 3, "output": "no", "status": "Failed"}});
    let rule = json!({"match": {"action": "SendCommand"}, "effect": effect});
    lab.fault(serde_json::from_value(rule).unwrap());
    let params = [
        ("DocumentName", "AWS-RunShellScript"),
        ("InstanceIds.1", id.as_str()),
        ("Parameters.commands.1", "true"),
    ];
    let sent = lab.send(Service::Ssm, "SendCommand", &params).outcome.unwrap().to_json();
    let command = sent["Command"]["CommandId"].as_str().unwrap();
    lab.wait(1);
    let asked = [("CommandId", command), ("InstanceId", id.as_str())];
    let ended = lab.send(Service::Ssm, "GetCommandInvocation", &asked).outcome.unwrap().to_json();
    assert_eq!(
        (&ended["Status"], &ended["ResponseCode"], &ended["StandardOutputContent"]),
        (&json!("Failed"), &json!(3), &json!("no"))
    );
}

#[test]
fn a_rule_reads_as_it_is_written() {
    for effect in [
        json!({"error": {"code": "A", "message": "b", "status": 503}}),
        json!("reset"),
        json!("hang"),
        json!({"delay": {"ms": 10}}),
        json!("lostReply"),
        json!("truncatedBody"),
        json!({"image": {"pendingSeconds": 5.0, "then": "available"}}),
        json!({"image": {"pendingSeconds": 5.0, "then": {"failed": {"code": "A", "message": "b"}}}}),
        json!({"instance": {"pendingSeconds": 5.0, "then": "running"}}),
        json!({"instance": {"pendingSeconds": 5.0, "then": {"terminated": {"code": "A", "message": "b"}}}}),
        json!("stuckStopping"),
        json!({"snapshot": {"pendingSeconds": 1.5, "message": "b"}}),
        json!({"invisibleFor": {"seconds": 60.0}}),
        json!({"lag": {"seconds": 60.0}}),
        json!({"console": {"text": "x"}}),
        json!({"command": {"exitCode": 1, "output": "x", "status": "TimedOut"}}),
        json!({"keepSnapshots": {"code": "internal-error"}}),
        json!({"drift": {"image": "web-*", "change": {"tag": {"key": "app", "value": null}}}}),
    ] {
        let rule: Rule = serde_json::from_value(json!({ "effect": effect })).unwrap();
        assert_eq!(serde_json::to_value(&rule).unwrap()["effect"], effect);
    }
}

#[test]
fn a_rule_that_cannot_be_meant_is_refused() {
    let parse = |rule: Value| serde_json::from_value::<Rule>(rule).map_err(|error| error.to_string());
    assert!(parse(json!({"match": {"acton": "x"}, "effect": "reset"})).unwrap_err().contains("acton"));
    assert!(parse(json!({"effect": "explode"})).unwrap_err().contains("explode"));
    assert!(parse(json!({"when": {"fromSeconds": -1}, "effect": "reset"})).is_err());
    let never = Rule { when: When { every: 0, ..When::default() }, ..Rule::on("*", Effect::Reset) };
    let lab = Lab::new();
    assert_eq!(lab.sim.gate(|gate| gate.faults.add(lab.now(), never)).unwrap_err(), "every is at least 1");
}

#[test]
fn the_journal_names_the_rule_that_acted() {
    let lab = Lab::new();
    lab.fault(Rule::on("CreateKeyPair", Effect::LostReply).named("lost").times(1));
    for name in ["a", "b"] {
        lab.send(Service::Ec2, "CreateKeyPair", &[("KeyName", name), ("KeyType", "ed25519")]);
    }
    let told: Vec<Value> = lab.sim.journal(|journal| journal.entries().map(Entry::to_json).collect());
    assert_eq!((&told[0]["fault"], &told[0]["answered"]), (&json!("lost"), &json!(false)));
    assert_eq!((&told[1]["fault"], &told[1]["answered"]), (&Value::Null, &json!(true)));
    assert_eq!(told[0]["made"].as_array().unwrap().len(), 1);
}
