//! What the operator is disturbed in. A scenario drives a world until nothing more is to happen.
//!
//! An operator that was away finds a world that went on without it. So a scenario never waits for a moment to be seen,
//! only for one to be over, and says which other ending an outage may lead to.

mod builds;
mod replications;

use std::time::Duration;

use ami_operator::ec2::poller::Subject;
use ec2sim::faults::Rule;
use futures::future::LocalBoxFuture;
use serde_json::{Value, json};

use crate::flow::Flow;

/// Long enough for an outage, or two, and for all waiting times of the operator.
const LIMIT: Duration = Duration::from_hours(3);

/// How a scenario is run.
pub type Script = for<'a> fn(&'a mut Flow) -> LocalBoxFuture<'a, ()>;

pub struct Scenario {
    pub name: &'static str,
    pub script: Script,
    /// The name of a scenario whose ending is as good as its own, for one who comes too late.
    pub or_ends_as: Option<&'static str>,
}

impl Scenario {
    fn new(name: &'static str, script: Script) -> Self {
        Self { name, script, or_ends_as: None }
    }

    fn or_ends_as(self, other: &'static str) -> Self {
        Self { or_ends_as: Some(other), ..self }
    }
}

pub fn all() -> Vec<Scenario> {
    builds::all().into_iter().chain(replications::all()).collect()
}

/// The scenario of this name.
pub fn named(name: &str) -> Scenario {
    all().into_iter().find(|s| s.name == name).expect("there is such a scenario")
}

async fn gone(flow: &mut Flow, subject: &Subject) {
    flow.until("gone", LIMIT, |f| f.object(subject).is_null()).await;
}

/// AWS disturbs calls by this rule.
fn fault(flow: &Flow, rule: Rule) {
    let now = flow.now();
    flow.sim.gate(|gate| gate.faults.add(now, rule)).expect("a rule");
}

fn preset(flow: &Flow, name: &str, options: &Value) {
    let now = flow.now();
    flow.sim.gate(|gate| gate.faults.add_preset(now, name, options)).expect("a preset");
}

/// Reads find whatever is made two minutes later only.
fn hide_what_is_made(flow: &Flow) {
    preset(flow, "not-found-window", &json!({"seconds": 120}));
}
