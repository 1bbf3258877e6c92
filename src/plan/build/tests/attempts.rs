//! Builders that come to nothing, and how often another one is tried.

use std::time::Duration;

use crate::{
    api::{
        DeletionPolicy,
        image_build::{OnFailure, StepStatus},
    },
    model::{InstanceState, StateReason, StepResult},
    plan::{Progress, WaitingOn, fixtures::*},
    status::Outcome,
};

/// Somebody stopped the builder in the middle of its steps.
fn interrupted(allowed: i32) -> Build {
    let stopped = because(InstanceState::Stopped, "Client.UserInitiatedShutdown");
    Build::running(60).with(|b| b.spec.backoff_limit = allowed).sees_instance(stopped)
}

#[test]
fn a_builder_that_came_to_nothing_ends_its_attempt_and_not_the_run() {
    let build = interrupted(1);
    assert_eq!(build.says(), "record attempt failed BuilderInterrupted");
    let status = build.after(&Outcome::NoCall);
    assert_eq!((status.failed_attempts, status.failure), (1, None));
    assert_eq!(status.builder.and_then(|b| b.failed).expect("why").reason, "BuilderInterrupted");
}

#[test]
fn without_another_try_the_run_fails() {
    assert_eq!(interrupted(0).says(), "record failed BuilderInterrupted");
}

#[test]
fn the_last_failure_says_how_many_there_were() {
    let build = interrupted(2).with(|b| b.status.failed_attempts = 2);
    assert_eq!(build.says(), "record failed BuilderInterrupted");
    let message = build.after(&Outcome::NoCall).failure.expect("a failure").message;
    assert!(message.ends_with("(the last of 3 builders)"), "{message}");
}

#[test]
fn the_old_builder_goes_before_the_next_one_comes() {
    let failed = Build::running(60).failed_once(0);
    assert_eq!(failed.says(), format!("TerminateInstances {BUILDER}"));
    let going = Build::running(60).terminating().failed_once(0);
    assert_eq!(going.sees_instance(instance(InstanceState::ShuttingDown)).says(), "wait RetryingBuild");
    let gone = Build::running(60).terminating().failed_once(0);
    assert_eq!(gone.sees_instance(instance(InstanceState::Terminated)).says(), "record builder gone");
}

#[test]
fn what_went_wrong_is_shown_until_the_next_builder() {
    let Progress::Moving(WaitingOn::Retry { message, .. }) =
        Build::running(60).failed_once(0).plan().progress
    else {
        panic!("a retry")
    };
    assert_eq!(message, "StepFailed: it broke");
}

#[test]
fn the_next_builder_is_launched_ever_later() {
    let failed = |times: i32, age: i64| {
        Build::running(60).terminated().failed_once(times).with(|b| b.status.failed_attempts = times).builder(
            |b| {
                b.failed.as_mut().expect("failed").time = time(-age);
            },
        )
    };
    for (times, pause) in [(1, 10), (2, 20), (3, 40), (9, 360)] {
        let waiting = failed(times, pause - 1);
        assert_eq!(waiting.says(), "wait RetryingBuild");
        assert_eq!(waiting.plan().check_after, Some(Duration::from_secs(1)));
        assert_eq!(failed(times, pause).says(), "record attempt 2: m7i.large in any subnet");
    }
}

#[test]
fn the_next_builder_is_of_the_preferred_type_again() {
    let build = Build::running(60).terminated().failed_once(0).builder(|b| {
        b.instance_type = "m6i.large".to_owned();
        b.failed.as_mut().expect("failed").time = time(-10);
    });
    assert_eq!(build.says(), "record attempt 2: m7i.large in any subnet");
}

#[test]
fn a_new_attempt_knows_nothing_of_the_steps_before() {
    let step = StepStatus {
        name: "one".to_owned(),
        result: StepResult::Succeeded,
        exit_code: Some(0),
        duration: None,
    };
    let build = Build::running(60).terminated().failed_once(0).with(|b| {
        b.status.steps = vec![step];
        b.status.log = Some("no".to_owned());
        b.now = at(60);
    });
    let status = build.after(&Outcome::NoCall);
    assert_eq!((status.attempt, status.steps, status.log), (Some(2), Vec::new(), None));
    let builder = status.builder.expect("a builder");
    assert_eq!((builder.instance_id, builder.failed), (None, None));
}

#[test]
fn a_builder_that_is_tried_again_is_not_kept() {
    let build = Build::running(60).failed_once(0).with(|b| b.spec.on_failure = OnFailure::KeepBuilder);
    assert_eq!(build.says(), format!("TerminateInstances {BUILDER}"));
}

#[test]
fn a_key_that_may_not_be_used_is_not_tried_again() {
    let died = because(InstanceState::Terminated, "Client.InternalError");
    let build = Build::running(20).with(|b| b.spec.backoff_limit = 2).sees_instance(died);
    assert_eq!(build.says(), "record failed BuilderTerminated");
}

#[test]
fn every_end_of_a_builder_is_tried_again() {
    let again = |b: Build| b.with(|b| b.spec.backoff_limit = 1).says();
    let running = || Build::running(40 * 60).sees_instance(instance(InstanceState::Running));
    let killed = because(InstanceState::Terminated, "Client.UserInitiatedShutdown");
    let off = because(InstanceState::Stopped, StateReason::GUEST_SHUTDOWN);
    assert_eq!(again(running()), "record attempt failed CustomizeTimeout");
    assert_eq!(again(Build::running(60).sees_instance(killed)), "record attempt failed BuilderTerminated");
    assert_eq!(again(Build::launched(301).lacks(instance_query())), "record attempt failed BuilderGone");
    assert_eq!(again(Build::running(60).sees_instance(off)), "record stopped");
}

#[test]
fn the_deadline_ends_a_run_between_two_builders() {
    let build = Build::running(2 * 3600).terminated().failed_once(5);
    assert_eq!(build.says(), "record failed DeadlineExceeded");
}

#[test]
fn a_build_that_is_deleted_between_two_builders_launches_no_more() {
    let build = Build::running(60).terminated().failed_once(1).deleting(DeletionPolicy::Retain);
    assert_eq!(build.says(), "release");
}
