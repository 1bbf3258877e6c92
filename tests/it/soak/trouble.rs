//! What goes wrong at AWS: all of ec2sim's presets, and rules of any kind.
//!
//! Only what AWS is known to do. A list that is old, or does not show what is new, is so by less than the consistency
//! window; no error denies what was carried out.

use std::{fmt, time::Duration};

use ec2sim::{
    core::Service,
    faults::{CommandEnd, Effect, ImageEnd, InstanceEnd, Rule, When, presets},
};
use proptest::{prelude::*, sample::select};
use serde_json::{Value, json};

use super::case::REGIONS;

/// What stands between the operator and AWS for some time.
#[derive(Clone)]
pub struct AwsTrouble {
    pub rules: Vec<Rule>,
}

impl fmt::Debug for AwsTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", serde_json::to_string(&self.rules).map_err(|_| fmt::Error)?)
    }
}

pub fn aws_trouble() -> impl Strategy<Value = AwsTrouble> {
    prop_oneof![2 => preset(), 3 => rule()]
}

fn when() -> impl Strategy<Value = When> {
    let skip = prop_oneof![3 => Just(0), 1 => 1_u64..6];
    let times = prop_oneof![3 => 1_u64..6, 1 => 6_u64..60].prop_map(Some);
    let probability = select(vec![1.0, 1.0, 0.5, 0.2]);
    // Most launches are in the first minutes.
    let from = prop_oneof![3 => Just(0), 2 => 0_u64..1_200];
    (skip, times, probability, from, 30_u64..1_200).prop_map(|(skip, times, probability, from, lasts)| When {
        skip,
        times,
        every: 1,
        probability,
        from: Duration::from_secs(from),
        until: Some(Duration::from_secs(from + lasts)),
    })
}

fn preset() -> impl Strategy<Value = AwsTrouble> {
    let names: Vec<&'static str> = presets::names().collect();
    let change = select(vec!["permission", "tag", "disabled", "deregistered"]);
    (select(names), select(REGIONS.to_vec()), change, when()).prop_map(|(name, region, change, when)| {
        let mut options = options(name, region, change);
        options["when"] = serde_json::to_value(when).expect("a time window");
        let rules = presets::rules(name, &options).expect("options of this preset");
        AwsTrouble { rules }
    })
}

/// What is not left to a preset's defaults.
fn options(name: &str, region: &str, change: &str) -> Value {
    match name {
        "region-down" => json!({"region": region}),
        "slow-copy" => json!({"seconds": 1_800}),
        "not-found-window" => json!({"seconds": 200}),
        // Only copies are put right and made again.
        "drift" if change == "tag" => json!({"region": region, "change": change, "key": "channel"}),
        "drift" => json!({"region": region, "change": change}),
        _ => json!({}),
    }
}

fn rule() -> impl Strategy<Value = AwsTrouble> {
    let acting = prop_oneof![
        4 => (select(ANY.to_vec()), on_any()),
        2 => (select(CREATES.to_vec()), on_create()),
        2 => (select(READS.to_vec()), on_read()),
        1 => (select(CREATES.to_vec()), refusal_of_create()),
        1 => (select(REMOVALS.to_vec()), refusal_of_removal()),
        1 => (Just("SendCommand"), end_of_command()),
    ];
    (acting, when()).prop_map(|((action, effect), when)| {
        let mut rule = Rule::on(action, effect);
        rule.when = when;
        if matches!(rule.effect, Effect::Lag { .. }) && action == "Describe*" {
            rule = rule.of(Service::Ec2);
        }
        let name = format!("{action} {}", kind(&rule.effect));
        AwsTrouble { rules: vec![rule.named(&name)] }
    })
}

/// The first word of an effect.
fn kind(effect: &Effect) -> String {
    let told = serde_json::to_value(effect).unwrap_or_default();
    let code = told.pointer("/error/code").and_then(Value::as_str).map(str::to_owned);
    let key = told.as_object().and_then(|fields| fields.keys().next().cloned());
    code.or(key).or(told.as_str().map(str::to_owned)).unwrap_or_default()
}

const CREATES: [&str; 3] = ["RunInstances", "CreateImage", "CopyImage"];
const READS: [&str; 6] =
    ["Describe*", "DescribeInstances", "DescribeImages", "DescribeSnapshots", "GetConsoleOutput", "List*"];
const REMOVALS: [&str; 4] = ["TerminateInstances", "DeregisterImage", "DeleteSnapshot", "StopInstances"];
const ANY: [&str; 15] = [
    "*",
    "Describe*",
    "RunInstances",
    "CreateImage",
    "CopyImage",
    "StopInstances",
    "TerminateInstances",
    "DeregisterImage",
    "DeleteSnapshot",
    "CreateTags",
    "DeleteTags",
    "ModifyImageAttribute",
    "SendCommand",
    "GetCommandInvocation",
    "GetParameters",
];

fn error(code: &'static str, status: u16) -> Effect {
    Effect::Error { code: code.to_owned(), message: format!("{code}: by a rule"), status }
}

fn on_any() -> impl Strategy<Value = Effect> {
    select(vec![
        error("InternalError", 500),
        error("Unavailable", 503),
        error("RequestLimitExceeded", 503),
        error("UnauthorizedOperation", 403),
        error("AuthFailure", 401),
        error("RequestExpired", 400),
        error("SomethingNew", 400),
        Effect::Reset,
        Effect::Hang,
        Effect::LostReply,
        Effect::TruncatedBody,
        Effect::Delay { ms: 4_000 },
        Effect::Delay { ms: 45_000 },
    ])
}

fn on_create() -> impl Strategy<Value = Effect> {
    let code = "Server.InternalError".to_owned();
    let reason = || (code.clone(), "it failed, by a rule".to_owned());
    let failed = |seconds| {
        let (code, message) = reason();
        Effect::Image { pending: Duration::from_secs(seconds), then: ImageEnd::Failed { code, message } }
    };
    let (code, message) = reason();
    let dead = InstanceEnd::Terminated { code, message };
    select(vec![
        Effect::InvisibleFor { seconds: Duration::from_secs(20) },
        Effect::InvisibleFor { seconds: Duration::from_secs(200) },
        failed(0),
        failed(90),
        Effect::Image { pending: Duration::from_mins(15), then: ImageEnd::Available },
        Effect::Instance { pending: Duration::from_secs(20), then: dead },
        Effect::Instance { pending: Duration::from_mins(5), then: InstanceEnd::Running },
        Effect::Snapshot { pending: Duration::from_secs(15), message: "it failed, by a rule".to_owned() },
        Effect::StuckStopping,
    ])
}

fn on_read() -> impl Strategy<Value = Effect> {
    select(vec![
        Effect::Lag { seconds: Duration::from_secs(15) },
        Effect::Lag { seconds: Duration::from_mins(2) },
        Effect::Console { text: String::new() },
    ])
}

fn refusal_of_create() -> impl Strategy<Value = Effect> {
    select(vec![
        error("InsufficientInstanceCapacity", 500),
        error("VcpuLimitExceeded", 400),
        error("ResourceLimitExceeded", 400),
        error("IncorrectState", 400),
    ])
}

fn end_of_command() -> impl Strategy<Value = Effect> {
    let ends = [CommandEnd::Failed, CommandEnd::TimedOut, CommandEnd::Cancelled, CommandEnd::Pending];
    let end = |status| Effect::Command { exit_code: 1, output: String::new(), status };
    select(ends.map(end).to_vec())
}

fn refusal_of_removal() -> impl Strategy<Value = Effect> {
    select(vec![
        error("InvalidInstanceID.NotFound", 400),
        error("InvalidAMIID.NotFound", 400),
        error("InvalidSnapshot.InUse", 400),
        error("IncorrectInstanceState", 400),
        error("OperationNotPermitted", 400),
        error("DependencyViolation", 400),
        Effect::KeepSnapshots { code: "internal-error".to_owned() },
    ])
}
