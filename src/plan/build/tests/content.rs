//! Contents that steps refer to.

use std::time::Duration;

use serde_json::json;

use crate::{
    customize::Contents,
    plan::{
        build::{BuildCall, content::needed},
        fixtures::*,
    },
    status::Outcome,
};

/// A build whose step writes a file from a ConfigMap that holds this.
fn with_content(build: Build, content: &str) -> Build {
    let step = json!({"name": "agent", "file": {"path": "/etc/agent.json", "contentFrom": {
        "configMapKeyRef": {"name": "agent", "key": "config.json"}}}});
    build.with(|b| {
        b.spec.customize.steps = vec![serde_json::from_value(step).expect("a step")];
        b.content = Ok(Contents::from_iter([("agent".to_owned(), content.as_bytes().to_vec())]));
    })
}

fn without_content(build: Build) -> Build {
    with_content(build, "").with(|b| b.content = Err("ConfigMap images/agent".to_owned()))
}

/// The intent to launch was written so many seconds ago, with this content.
fn launching(age: i64, content: &str) -> Build {
    let begun = with_content(Build::resolved(), content).lacks(name_query());
    let hash = begun.after(&Outcome::NoCall).builder.expect("an intent").content_hash;
    assert!(hash.as_ref().is_some_and(|h| h.starts_with("sha256:")), "{hash:?}");
    with_content(Build::launching(age), content).builder(|b| b.content_hash = hash)
}

#[test]
fn nothing_is_launched_before_the_contents_are_there() {
    let build = without_content(Build::resolved()).lacks(name_query());
    assert_eq!(build.says(), "record content missing");
    let waiting = build.with(|b| b.status.waiting_for_content_since = Some(time(-60)));
    assert_eq!(waiting.says(), "wait WaitingForContent");
    assert_eq!(waiting.plan().check_after, Some(Duration::from_secs(10)));
}

#[test]
fn contents_that_never_come_fail_the_build_at_its_deadline() {
    let since = |age: i64| {
        without_content(Build::resolved())
            .with(|b| b.status.waiting_for_content_since = Some(time(-age)))
            .says()
    };
    assert_eq!(since(2 * 3600 - 1), "wait WaitingForContent");
    assert_eq!(since(2 * 3600), "record failed ContentMissing");
}

#[test]
fn an_attempt_begins_with_the_hash_of_its_contents() {
    let hash = |content: &str| launching(1, content).status.builder.expect("an intent").content_hash;
    assert_eq!(hash("one"), hash("one"));
    assert_ne!(hash("one"), hash("two"));
}

#[test]
fn a_build_without_references_has_no_hash() {
    let status = Build::resolved().lacks(name_query()).after(&Outcome::NoCall);
    assert_eq!(status.builder.expect("an intent").content_hash, None);
}

#[test]
fn the_launch_carries_the_contents_into_the_guest() {
    let sent = |content: &str| match launching(1, content).call() {
        BuildCall::RunInstances(request) => request.user_data,
        other => panic!("{other:?}"),
    };
    assert_ne!(sent("one"), sent("two"));
}

#[test]
fn a_launch_whose_contents_changed_is_never_made_again_with_its_token() {
    for changed in [with_content(launching(1, "one"), "two"), without_content(launching(1, "one"))] {
        assert_eq!(changed.says(), "wait LookingForBuilder");
        assert_eq!(changed.lacks(token_query()).says(), "wait LookingForBuilder");
    }
}

#[test]
fn a_launch_whose_contents_changed_is_over_when_it_made_nothing_for_certain() {
    let changed = with_content(launching(400, "one"), "two").lacks(token_query());
    assert_eq!(changed.says(), "record refused ContentChanged");
}

#[test]
fn a_builder_that_was_launched_with_the_old_contents_is_still_ours() {
    let changed = with_content(launching(60, "one"), "two");
    let found = changed.sees(
        token_query(),
        crate::model::Answer::Instance(Box::new(instance(crate::model::InstanceState::Running))),
    );
    assert_eq!(found.says(), format!("record launched {BUILDER}"));
}

#[test]
fn contents_are_read_no_more_once_they_are_in_the_guest() {
    let asks = |build: Build| {
        let build = with_content(build, "one");
        !needed(&build.spec, &build.status).is_empty()
    };
    assert!(asks(Build::resolved()) && asks(Build::launching(1)));
    assert!(!asks(Build::launched(1)) && !asks(Build::completed()));
    assert!(!asks(Build::launching(1).failed("StepFailed")));
}

#[test]
fn commands_need_the_contents_until_the_machine_stops() {
    let asks = |build: Build| {
        let build = with_content(build, "one").with(|b| {
            b.spec.customize.transport = crate::api::image_build::Transport::Ssm;
        });
        !needed(&build.spec, &build.status).is_empty()
    };
    assert!(asks(Build::running(60)));
    assert!(!asks(Build::running(60).builder(|b| b.stopping_at = Some(time(-1)))));
}
