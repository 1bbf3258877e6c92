//! The IAM policy names exactly the actions of the port.

use std::{collections::BTreeSet, fs, path::Path};

use ami_operator::model::Action;
use serde_json::Value;

/// What the policy must allow besides our own calls: EC2 makes these in our name.
const ON_OUR_BEHALF: [&str; 2] = ["iam", "kms"];

fn policy() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/iam/ami-operator-policy.json");
    serde_json::from_str(&fs::read_to_string(path).expect("the policy is there")).expect("the policy is JSON")
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        other => other.as_str().map(str::to_owned).into_iter().collect(),
    }
}

fn allowed() -> BTreeSet<String> {
    let policy = policy();
    let statements = policy["Statement"].as_array().expect("a policy has statements");
    let allowing = statements.iter().filter(|s| s["Effect"] == "Allow");
    allowing.flat_map(|s| texts(&s["Action"])).collect()
}

#[test]
fn the_iam_policy_names_exactly_the_actions_of_the_port() {
    let own: BTreeSet<String> = allowed()
        .into_iter()
        .filter(|action| !ON_OUR_BEHALF.contains(&action.split(':').next().unwrap_or_default()))
        .collect();
    let port: BTreeSet<String> = Action::ALL.iter().map(|action| action.iam()).collect();
    assert_eq!(own, port);
}

#[test]
fn no_action_is_allowed_by_a_wildcard() {
    assert!(allowed().iter().all(|action| !action.contains('*')), "{:?}", allowed());
}
