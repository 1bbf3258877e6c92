//! What is done to a builder.

use serde_json::{Value, json};

use super::{Case, accepted, build, edit_refused, many, refused, with};

const TWO_ACTIONS: &str =
    "a step has exactly one action: script, file, packages, services, user, reboot or monitoring";
const TWO_CONTENTS: &str = "a file has exactly one of content, binaryData and contentFrom";
const TWO_PROGRAMS: &str = "a script has exactly one of inline and from";

/// The cases of this file.
pub fn cases() -> Vec<Case> {
    [
        customization(),
        steps(),
        scripts(),
        files(),
        packages(),
        services(),
        users(),
        references(),
        monitoring(),
        restarts_and_cleanup(),
        step_edits(),
    ]
    .concat()
}

fn with_steps(steps: Value) -> Value {
    with(build(), "customize.steps", steps)
}

/// A build with one step of this action.
fn with_action(action: &str, fields: Value) -> Value {
    let mut step = json!({"name": "one"});
    step[action] = fields;
    with_steps(vec![step].into())
}

fn with_file(file: Value) -> Value {
    with_action("file", file)
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
            "a hundred steps are allowed",
            with_steps(many(100, |i| script(&format!("step-{i}"), "true"))),
        ),
        refused(
            "more than a hundred steps are refused",
            with_steps(many(101, |i| script(&format!("step-{i}"), "true"))),
            "spec.customize.steps",
        ),
        refused(
            "a script is not empty",
            with_steps(json!([script("a", "")])),
            "spec.customize.steps[0].script.inline",
        ),
        refused(
            "a script has at most 64 KiB",
            with_steps(json!([script("a", &"x".repeat(65537))])),
            "spec.customize.steps[0].script.inline",
        ),
    ]
}

const OCTAL: &str = "mode must be three or four octal digits in quotes";

fn files() -> Vec<Case> {
    vec![
        refused("a file has a path", with_file(json!({"content": ""})), "spec.customize.steps[0].file.path"),
        refused("a file has a content", with_file(json!({"path": "/a"})), TWO_CONTENTS),
        refused(
            "a file has one content",
            with_file(json!({"path": "/a", "content": "", "binaryData": ""})),
            TWO_CONTENTS,
        ),
        accepted(
            "a content can be bytes, in lines",
            with_file(json!({"path": "/a", "binaryData": "AAEC\n/v8=\n"})),
        ),
        refused(
            "bytes are in base64",
            with_file(json!({"path": "/a", "binaryData": "AAEC/v8"})),
            "spec.customize.steps[0].file.binaryData",
        ),
        refused(
            "a path is absolute",
            with_file(json!({"path": "etc/motd", "content": ""})),
            "path must be absolute",
        ),
        refused(
            "a path is no directory",
            with_file(json!({"path": "/etc/", "content": ""})),
            "path must name a file",
        ),
        refused(
            "a path is one line",
            with_file(json!({"path": "/etc/a\nb", "content": ""})),
            "spec.customize.steps[0].file.path",
        ),
        refused("a mode is octal", with_file(json!({"path": "/a", "content": "", "mode": "0888"})), OCTAL),
        refused(
            "a mode of nines is refused",
            with_file(json!({"path": "/a", "content": "", "mode": "999"})),
            OCTAL,
        ),
        accepted(
            "a path can be one of Windows",
            with_file(json!({"path": "C:\\app\\app.conf", "content": ""})),
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

fn scripts() -> Vec<Case> {
    let option = |name: &str, value: Value| {
        let mut fields = json!({"inline": "true"});
        fields[name] = value;
        with_action("script", fields)
    };
    let interpreter = "interpreter must be sh, bash, python3, perl, ruby, powershell or an absolute path";
    let timeout = "a script's timeout must be between 1s and customize.timeout";
    let env = |name: &str, value: &str| option("env", json!([{"name": name, "value": value}]));
    vec![
        accepted("an interpreter can be named", option("interpreter", json!("python3"))),
        accepted("an interpreter can be a path", option("interpreter", json!("/opt/venv/bin/python"))),
        refused("an unknown interpreter is refused", option("interpreter", json!("pyhton3")), interpreter),
        refused(
            "an interpreter has no arguments",
            option("interpreter", json!("/bin/sh -x")),
            "spec.customize.steps[0].script.interpreter",
        ),
        accepted("a variable has any value", env("LEVEL", "it's \"2\"\n$(exit 9) größe")),
        refused("a variable has a name", env("1ST", "1"), "spec.customize.steps[0].script.env[0].name"),
        refused("a value has no NUL", env("A", "a\u{0}b"), "spec.customize.steps[0].script.env[0].value"),
        refused(
            "the name of a variable is unique",
            option("env", json!([{"name": "A", "value": "1"}, {"name": "A", "value": "2"}])),
            "spec.customize.steps[0].script.env[1]",
        ),
        accepted("a script has a working directory", option("workingDirectory", json!("/opt/app"))),
        refused(
            "a working directory is absolute",
            option("workingDirectory", json!("opt/app")),
            "spec.customize.steps[0].script.workingDirectory",
        ),
        accepted("a script has a timeout", option("timeout", json!("30m"))),
        refused(
            "a timeout of a script is not longer than all steps",
            option("timeout", json!("31m")),
            timeout,
        ),
        refused("a timeout of a script is at least a second", option("timeout", json!("999ms")), timeout),
    ]
}

fn packages() -> Vec<Case> {
    let packages = |fields: Value| with_action("packages", fields);
    let names =
        json!(["nginx", "g++", "@development", "nginx=1.24.*", "libssl3:arm64", "php~=8.2", "/srv/a.rpm"]);
    vec![
        accepted("packages are installed by names of any manager", packages(json!({"install": names}))),
        accepted("packages can be removed", packages(json!({"remove": ["nano"]}))),
        accepted("packages can be upgraded", packages(json!({"upgrade": "All"}))),
        accepted("repairs of security can be enough", packages(json!({"upgrade": "Security"}))),
        refused(
            "packages has something to do",
            packages(json!({})),
            "packages needs install, remove or upgrade",
        ),
        refused(
            "to upgrade None is nothing to do",
            packages(json!({"upgrade": "None"})),
            "packages needs install, remove or upgrade",
        ),
        refused(
            "an upgrade is None, Security or All",
            packages(json!({"upgrade": "all"})),
            "spec.customize.steps[0].packages.upgrade",
        ),
        refused(
            "a package is no option",
            packages(json!({"install": ["--nogpgcheck"]})),
            "spec.customize.steps[0].packages.install[0]",
        ),
        refused(
            "a package is one word",
            packages(json!({"remove": ["nano vim"]})),
            "spec.customize.steps[0].packages.remove[0]",
        ),
    ]
}

fn services() -> Vec<Case> {
    let services = |fields: Value| with_action("services", fields);
    vec![
        accepted(
            "services are enabled, disabled and masked",
            services(
                json!({"enable": ["nginx", "app@1.service"], "disable": ["cups"], "mask": ["apt-daily.timer"]}),
            ),
        ),
        refused(
            "services has something to do",
            services(json!({})),
            "services needs enable, disable or mask",
        ),
        refused(
            "a service is not started in an image",
            services(json!({"start": ["nginx"]})),
            "spec.customize.steps[0].services.start",
        ),
        refused(
            "a service is no option",
            services(json!({"enable": ["--now"]})),
            "spec.customize.steps[0].services.enable[0]",
        ),
    ]
}

fn users() -> Vec<Case> {
    let user = |fields: Value| with_action("user", fields);
    vec![
        accepted(
            "a user has groups and a shell",
            user(json!({"name": "app", "system": true, "groups": ["www-data"], "shell": "/bin/bash"})),
        ),
        refused("a user has a name", user(json!({})), "spec.customize.steps[0].user.name"),
        refused(
            "the name of a user is lower-case",
            user(json!({"name": "App"})),
            "spec.customize.steps[0].user.name",
        ),
        refused(
            "a shell is a path",
            user(json!({"name": "app", "shell": "bash"})),
            "spec.customize.steps[0].user.shell",
        ),
        refused(
            "a group is one word",
            user(json!({"name": "app", "groups": ["a,b"]})),
            "spec.customize.steps[0].user.groups[0]",
        ),
    ]
}

/// A reference to a key of a ConfigMap.
fn reference(name: &str, key: &str) -> Value {
    json!({"configMapKeyRef": {"name": name, "key": key}})
}

fn references() -> Vec<Case> {
    let from = |source: Value| with_action("script", json!({"from": source}));
    vec![
        accepted("a script can be in a ConfigMap", from(reference("scripts", "bootstrap.sh"))),
        accepted(
            "the content of a file can be in a ConfigMap",
            with_file(json!({"path": "/etc/a", "contentFrom": reference("agent", "config.json")})),
        ),
        refused("a script is somewhere", with_action("script", json!({"env": []})), TWO_PROGRAMS),
        refused(
            "a script is in one place",
            with_action("script", json!({"inline": "true", "from": reference("a", "b")})),
            TWO_PROGRAMS,
        ),
        refused(
            "a content is in one place",
            with_file(json!({"path": "/a", "content": "", "contentFrom": reference("a", "b")})),
            TWO_CONTENTS,
        ),
        refused(
            "a reference has a key",
            from(json!({"configMapKeyRef": {"name": "scripts"}})),
            "spec.customize.steps[0].script.from.configMapKeyRef.key",
        ),
        refused(
            "a reference stays in its namespace",
            from(json!({"configMapKeyRef": {"name": "a", "key": "b", "namespace": "c"}})),
            "spec.customize.steps[0].script.from.configMapKeyRef.namespace",
        ),
        refused(
            "a key is one that a ConfigMap can have",
            from(reference("scripts", "a/b")),
            "spec.customize.steps[0].script.from.configMapKeyRef.key",
        ),
        refused(
            "a secret is no content",
            from(json!({"secretKeyRef": {"name": "a", "key": "b"}})),
            "spec.customize.steps[0].script.from",
        ),
    ]
}

fn monitoring() -> Vec<Case> {
    let agent = |fields: Value| with_action("monitoring", json!({"cloudWatchAgent": fields}));
    let one_config = "cloudWatchAgent has exactly one of config and configFrom";
    vec![
        accepted(
            "an agent has its configuration in a ConfigMap",
            agent(json!({"configFrom": reference("a", "b")})),
        ),
        accepted("an agent has its configuration in the manifest", agent(json!({"config": "{}"}))),
        refused("an agent has a configuration", agent(json!({})), one_config),
        refused(
            "an agent has one configuration",
            agent(json!({"config": "{}", "configFrom": reference("a", "b")})),
            one_config,
        ),
        refused(
            "monitoring names an agent",
            with_action("monitoring", json!({})),
            "spec.customize.steps[0].monitoring.cloudWatchAgent",
        ),
        accepted("commands can be the transport", with(build(), "customize.transport", json!("SSM"))),
        refused(
            "a transport is known",
            with(build(), "customize.transport", json!("SSH")),
            "spec.customize.transport",
        ),
    ]
}

fn restarts_and_cleanup() -> Vec<Case> {
    vec![
        accepted("a step can be a restart", with_action("reboot", json!({}))),
        refused(
            "a restart has nothing to choose",
            with_action("reboot", json!({"delay": "5m"})),
            "spec.customize.steps[0].reboot.delay",
        ),
        accepted("cleanup can be left out", with(build(), "customize.cleanup", json!("None"))),
        refused(
            "cleanup is Standard or None",
            with(build(), "customize.cleanup", json!("All")),
            "spec.customize.cleanup",
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
