//! EC2 calls for each build, from ec2sim's journal.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{Run, builds};

/// How often each action was called, and for how many builds.
pub struct Calls {
    builds: usize,
    by_action: BTreeMap<String, usize>,
}

impl Calls {
    pub fn of(journal: &Value, builds: usize) -> Result<Self> {
        let entries = journal["calls"].as_array().context("the journal has no list of calls")?;
        let mut by_action = BTreeMap::new();
        for entry in entries.iter().filter(|entry| !is_of_sweep(entry)) {
            let action = entry["action"].as_str().context("a call without an action")?;
            *by_action.entry(action.to_owned()).or_default() += 1;
        }
        Ok(Self { builds, by_action })
    }

    fn per_build(&self, counts: impl Fn(&str) -> bool) -> f64 {
        let calls: usize =
            self.by_action.iter().filter(|(action, _)| counts(action)).map(|(_, calls)| calls).sum();
        #[allow(clippy::cast_precision_loss, reason = "far less than 2^52 calls")]
        let per_build = calls as f64 / self.builds as f64;
        per_build
    }
}

/// Calls a build by action, one column for each run.
pub fn table(runs: &[Run]) -> String {
    let mut text = "| calls per build |".to_owned();
    for run in runs {
        let _ = write!(text, " {} at once |", builds(run.count));
    }
    let _ = writeln!(text, "\n|---|{}", "---:|".repeat(runs.len()));
    let actions: BTreeSet<&String> = runs.iter().flat_map(|run| run.calls.by_action.keys()).collect();
    for action in actions {
        text += &row(action, runs, |other| other == action);
    }
    text += &row("**all reads**", runs, is_read);
    text + &row("**all writes**", runs, |action| !is_read(action))
}

fn row(title: &str, runs: &[Run], counts: impl Fn(&str) -> bool) -> String {
    let cells = runs.iter().map(|run| format!(" {:.1} |", run.calls.per_build(&counts)));
    format!("| {title} |{}\n", cells.collect::<String>())
}

/// The sweep for orphans asks every region by the cluster's tag, however many builds there are.
pub fn is_of_sweep(entry: &Value) -> bool {
    let filter = &entry["params"]["Filter"]["1"]["Name"];
    entry["action"] == "DescribeRegions" || filter == "tag:ami-operator.dev/cluster-id"
}

fn is_read(action: &str) -> bool {
    ["Describe", "Get", "List"].iter().any(|prefix| action.starts_with(prefix))
}
