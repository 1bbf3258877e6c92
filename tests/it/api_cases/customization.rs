//! What is done to a builder.

use serde_json::{Value, json};

use super::{Case, accepted, build, edit_refused, many, refused, with};

const TWO_ACTIONS: &str = "a step has exactly one action: script or file";

/// The cases of this file.
pub fn cases() -> Vec<Case> {
    [customization(), steps(), files(), step_edits()].concat()
}

fn with_steps(steps: Value) -> Value {
    with(build(), "customize.steps", steps)
}

fn with_file(file: Value) -> Value {
    let mut step = json!({"name": "motd"});
    step["file"] = file;
    with_steps(vec![step].into())
}

fn script(name: &str, inline: &str) -> Value {
    json!({"name": name, "script": {"inline": inline}})
}

fn customization() -> Vec<Case> {
    let timeout = |timeout: &str| with(build(), "customize.timeout", json!(timeout));
    let too_short = "customize.timeout must be at least 1m";
    vec![
        accepted("a timeout can have two units", timeout("1h30m")),
        accepted("a timeout can have a fraction", timeout("1.5h")),
        accepted("the shortest timeout is a minute", timeout("60s")),
        refused("a shorter timeout is refused", timeout("59s"), too_short),
        refused("a timeout has a unit", timeout("30"), "spec.customize.timeout"),
        refused("a timeout is a duration", timeout("soon"), "spec.customize.timeout"),
        refused("a timeout is not negative", timeout("-5m"), "spec.customize.timeout"),
        refused(
            "a timeout longer than the default deadline is refused",
            timeout("3h"),
            "customize.timeout must not exceed activeDeadline",
        ),
        accepted("a timeout as long as the deadline is allowed", timeout("2h")),
        accepted(
            "a longer deadline allows a longer timeout",
            with(timeout("3h"), "activeDeadline", json!("4h")),
        ),
    ]
}

fn steps() -> Vec<Case> {
    let both = json!([{"name": "a", "script": {"inline": "true"}, "file": {"path": "/a", "content": ""}}]);
    vec![
        accepted("a step can be a script", with_steps(json!([script("packages", "dnf install -y nginx")]))),
        accepted(
            "a step can be a file",
            with_file(
                json!({"path": "/etc/motd", "content": "golden\n", "mode": "0644", "owner": "root:root"}),
            ),
        ),
        accepted("a file can be empty", with_file(json!({"path": "/etc/motd", "content": ""}))),
        refused("a step without action is refused", with_steps(json!([{"name": "a"}])), TWO_ACTIONS),
        refused("a step with two actions is refused", with_steps(both), TWO_ACTIONS),
        refused(
            "a step has a name",
            with_steps(json!([{"script": {"inline": "true"}}])),
            "spec.customize.steps[0].name",
        ),
        refused(
            "the name of a step is lower-case",
            with_steps(json!([script("Packages", "true")])),
            "spec.customize.steps[0].name",
        ),
        refused(
            "the name of a step is unique",
            with_steps(json!([script("a", "true"), script("a", "false")])),
            "spec.customize.steps[1]",
        ),
        accepted(
            "sixty-four steps are allowed",
            with_steps(many(64, |i| script(&format!("step-{i}"), "true"))),
        ),
        refused(
            "sixty-five steps are refused",
            with_steps(many(65, |i| script(&format!("step-{i}"), "true"))),
            "spec.customize.steps",
        ),
        refused(
            "a script is not empty",
            with_steps(json!([script("a", "")])),
            "spec.customize.steps[0].script.inline",
        ),
        refused(
            "a script is shorter than user data",
            with_steps(json!([script("a", &"x".repeat(16385))])),
            "spec.customize.steps[0].script.inline",
        ),
    ]
}

fn files() -> Vec<Case> {
    vec![
        refused("a file has a path", with_file(json!({"content": ""})), "spec.customize.steps[0].file.path"),
        refused(
            "a file has a content",
            with_file(json!({"path": "/a"})),
            "spec.customize.steps[0].file.content",
        ),
        refused(
            "a path is absolute",
            with_file(json!({"path": "etc/motd", "content": ""})),
            "spec.customize.steps[0].file.path",
        ),
        refused(
            "a path is no directory",
            with_file(json!({"path": "/etc/", "content": ""})),
            "spec.customize.steps[0].file.path",
        ),
        refused(
            "a path is one line",
            with_file(json!({"path": "/etc/a\nb", "content": ""})),
            "spec.customize.steps[0].file.path",
        ),
        refused(
            "a mode is octal",
            with_file(json!({"path": "/a", "content": "", "mode": "0888"})),
            "spec.customize.steps[0].file.mode",
        ),
        refused(
            "a mode is in quotes",
            with_file(json!({"path": "/a", "content": "", "mode": 420})),
            "spec.customize.steps[0].file.mode",
        ),
        refused(
            "an owner is a user and a group",
            with_file(json!({"path": "/a", "content": "", "owner": "a b"})),
            "spec.customize.steps[0].file.owner",
        ),
    ]
}

fn step_edits() -> Vec<Case> {
    let immutable = "customize is immutable";
    let (a, b) = (script("a", "true"), script("b", "false"));
    let one = with_steps(json!([a]));
    let two = with_steps(json!([a, b]));
    let swapped = with_steps(json!([b, a]));
    vec![
        edit_refused("a script stays", one.clone(), with_steps(json!([script("a", "false")])), immutable),
        edit_refused("a step is not added", one.clone(), two.clone(), immutable),
        edit_refused("a step is not removed", two.clone(), one.clone(), immutable),
        edit_refused("steps are not added", build(), one.clone(), immutable),
        edit_refused("steps are not removed", one, build(), immutable),
        edit_refused("the order of steps stays", two, swapped, "the order of customize.steps is immutable"),
    ]
}
