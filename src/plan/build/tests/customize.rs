//! Watching the builder run its steps.

use std::time::Duration;

use crate::{
    api::image_build::StepResult,
    customize::read_verdict,
    model::{Answer, ConsoleView, InstanceId, InstanceState, Nonce, Query, StateReason},
    plan::{
        Progress,
        build::{BuildRecord, BuildStep, Stage},
        fixtures::*,
    },
    status::Outcome,
};

const GOOD: [&str; 4] = ["begin 1", "step one started", "step one succeeded 0 4", "verdict succeeded"];
const BAD: [&str; 5] =
    ["begin 1", "step one started", "step one failed 3 4", "log d2VudCB3cm9uZw==", "verdict failed"];

fn console_query(view: ConsoleView) -> Query {
    Query::Console { id: InstanceId::from(BUILDER), nonce: Nonce::for_token(&token()), view }
}

fn says_on(view: ConsoleView, build: Build, text: &str) -> Build {
    let verdict = read_verdict(text, &Nonce::for_token(&token()));
    build.sees(console_query(view), Answer::Verdict(Box::new(verdict)))
}

fn prints(build: Build, text: &str) -> Build {
    says_on(ConsoleView::Posted, build, text)
}

/// A guest that runs and has printed this so far.
fn runs(build: Build, payloads: &[&str]) -> Build {
    says_on(ConsoleView::Latest, build.sees_instance(instance(InstanceState::Running)), &console(payloads))
}

#[test]
fn a_builder_on_its_way_is_waited_for() {
    for state in [InstanceState::Pending, InstanceState::Other("new".to_owned())] {
        assert_eq!(Build::launched(10).sees_instance(instance(state)).says(), "wait WaitingForBuilder");
    }
}

#[test]
fn a_builder_that_runs_is_written_down_once() {
    let running = instance(InstanceState::Running);
    assert_eq!(Build::launched(10).sees_instance(running.clone()).says(), "record running");
    assert_eq!(Build::running(10).sees_instance(running).says(), "wait Customizing");
}

#[test]
fn a_new_builder_may_be_missing_for_minutes() {
    assert_eq!(Build::launched(299).lacks(instance_query()).says(), "wait WaitingForBuilder");
}

#[test]
fn a_builder_that_is_missing_in_one_late_answer_is_not_gone() {
    assert_eq!(Build::launched(400).misses(instance_query(), 1, 0).says(), "wait WaitingForBuilder");
}

#[test]
fn a_builder_that_stays_missing_is_gone() {
    assert_eq!(Build::launched(301).lacks(instance_query()).says(), "record failed BuilderGone");
}

#[test]
fn a_stale_answer_takes_no_stage_back() {
    for build in [
        Build::running(60).misses(instance_query(), 1, 0),
        Build::running(60).sees_instance(instance(InstanceState::Pending)),
        Build::running(60),
    ] {
        assert_eq!(build.says(), "wait Customizing");
        assert_eq!(build.plan().stage, Stage::Customizing);
    }
}

#[test]
fn a_guest_that_runs_too_long_fails_the_build() {
    let seen = |age| Build::running(age).sees_instance(instance(InstanceState::Running));
    assert_eq!(seen(30 * 60 + 180 - 1).says(), "wait Customizing");
    assert_eq!(seen(30 * 60 + 180).says(), "record failed CustomizeTimeout");
}

#[test]
fn a_guest_that_never_stops_is_given_up_and_not_stopped_by_force() {
    let seen = |age| Build::running(age).sees_instance(instance(InstanceState::Stopping));
    let end = 30 * 60 + 180 + 15 * 60;
    assert_eq!(seen(end - 1).says(), "wait WaitingForStop");
    assert_eq!(seen(end - 1).plan().check_after, Some(Duration::from_secs(1)));
    assert_eq!(seen(end).says(), "record failed StopTimeout");
}

#[test]
fn a_guest_that_was_never_seen_running_has_its_time_to_stop_from_now() {
    let build = Build::launched(60).sees_instance(instance(InstanceState::Stopping));
    assert_eq!(build.says(), "record running");
}

#[test]
fn a_running_guest_wakes_the_build_when_its_time_is_up() {
    let build = Build::running(60).sees_instance(instance(InstanceState::Running));
    assert_eq!(build.plan().check_after, Some(Duration::from_mins(30 + 3 - 1)));
}

#[test]
fn what_a_running_guest_says_of_its_steps_is_written_down_once() {
    let build = runs(Build::running(60), &GOOD[..3]);
    assert_eq!(build.says(), "record 1 steps");
    let status = build.after(&Outcome::NoCall);
    assert_eq!((status.steps[0].name.as_str(), status.steps[0].result), ("one", StepResult::Succeeded));
    assert_eq!(build.with(|b| b.status.steps = status.steps).says(), "wait Customizing");
}

#[test]
fn the_step_under_way_is_named() {
    let build = runs(Build::running(60), &GOOD[..2]);
    let steps = build.after(&Outcome::NoCall).steps;
    let Progress::Moving(waiting_on) = build.with(|b| b.status.steps = steps).plan().progress else {
        panic!("moving")
    };
    assert_eq!(waiting_on.to_string(), format!("builder {BUILDER} in {} runs step one", region()));
}

#[test]
fn a_console_that_lost_its_head_takes_no_step_back() {
    let known = runs(Build::running(60), &GOOD[..3]).after(&Outcome::NoCall).steps;
    let build = runs(Build::running(90), &["step two started"]).with(|b| b.status.steps = known);
    let steps = build.after(&Outcome::NoCall).steps;
    let results: Vec<_> = steps.iter().map(|s| (s.name.as_str(), s.result)).collect();
    assert_eq!(results, [("one", StepResult::Succeeded), ("two", StepResult::Running)]);
}

#[test]
fn a_console_that_cannot_be_read_yet_hides_nothing() {
    let build = Build::running(60).sees_instance(instance(InstanceState::Running));
    let build = build.cannot_see(console_query(ConsoleView::Latest), "UnsupportedOperation");
    assert_eq!(build.says(), "wait Customizing");
}

#[test]
fn a_verdict_of_a_machine_that_runs_does_not_count_yet() {
    let build = runs(Build::running(60), &GOOD);
    let steps = build.after(&Outcome::NoCall).steps;
    assert_eq!(build.with(|b| b.status.steps = steps).says(), "wait Customizing");
}

#[test]
fn a_windows_image_is_not_customised_by_user_data() {
    let windows = |b: &mut Build| {
        b.status.source.as_mut().expect("a source").platform = Some("windows".to_owned());
    };
    assert_eq!(Build::resolved().with(windows).says(), "record failed TransportNotSupported");
}

#[test]
fn a_machine_that_is_stopping_is_waited_for() {
    assert_eq!(
        Build::running(60).sees_instance(instance(InstanceState::Stopping)).says(),
        "wait WaitingForStop"
    );
}

#[test]
fn only_a_machine_that_its_own_guest_shut_down_has_finished() {
    let stopped = because(InstanceState::Stopped, StateReason::GUEST_SHUTDOWN);
    assert_eq!(Build::running(60).sees_instance(stopped).says(), "record stopped");
}

#[test]
fn a_machine_that_was_never_seen_running_can_have_finished() {
    let stopped = because(InstanceState::Stopped, StateReason::GUEST_SHUTDOWN);
    assert_eq!(Build::launched(60).sees_instance(stopped).says(), "record stopped");
}

#[test]
fn a_machine_stopped_by_anybody_else_fails_the_build() {
    for instance in [
        instance(InstanceState::Stopped),
        because(InstanceState::Stopped, "Client.UserInitiatedShutdown"),
        because(InstanceState::Stopped, "Server.ScheduledStop"),
    ] {
        assert_eq!(Build::running(60).sees_instance(instance).says(), "record failed BuilderInterrupted");
    }
}

#[test]
fn a_launch_that_ec2_gave_up_on_is_tried_elsewhere() {
    let died = because(InstanceState::Terminated, "Server.InsufficientInstanceCapacity");
    assert_eq!(Build::launched(20).sees_instance(died).says(), "record refused LaunchFailed");
}

#[test]
fn a_machine_that_died_while_it_ran_fails_the_build() {
    for state in [InstanceState::ShuttingDown, InstanceState::Terminated] {
        let died = because(state, "Server.SpotInstanceTermination");
        assert_eq!(Build::running(20).sees_instance(died).says(), "record failed BuilderTerminated");
    }
}

#[test]
fn a_machine_that_died_of_its_key_says_what_the_role_needs() {
    let died = because(InstanceState::Terminated, "Client.InternalError");
    let step = Build::launched(20).sees_instance(died).plan().step;
    let Some(BuildStep::Record(BuildRecord::Failed { failure, .. })) = step else { panic!("{step:?}") };
    assert!(failure.message.contains("kms:CreateGrant"), "{}", failure.message);
}

#[test]
fn what_counts_of_a_console_is_what_was_posted_after_the_stop() {
    let looks =
        |build: Build| build.plan().watches.iter().any(|w| w.query == console_query(ConsoleView::Posted));
    assert!(!looks(Build::running(60).sees_instance(instance(InstanceState::Running))));
    assert!(looks(Build::stopped(60)));
}

#[test]
fn a_good_verdict_makes_the_image_s_intent() {
    let build = prints(Build::stopped(5), &console(&GOOD));
    assert_eq!(build.says(), "record customized, image images-web");
}

#[test]
fn a_bad_verdict_fails_the_build_with_steps_and_log() {
    let step = prints(Build::stopped(5), &console(&BAD)).plan().step;
    let Some(BuildStep::Record(BuildRecord::Failed { failure, steps, log })) = step else {
        panic!("{step:?}")
    };
    assert_eq!(failure.reason, "StepFailed");
    assert!(failure.message.contains("step one failed with exit code 3"), "{}", failure.message);
    assert_eq!((steps[0].result, steps[0].exit_code), (StepResult::Failed, Some(3)));
    assert_eq!(log.as_deref(), Some("went wrong"));
}

#[test]
fn another_attempt_s_verdict_is_not_ours() {
    let second = crate::plan::naming::launch_token(&build_owner(), 2);
    let build = prints(Build::stopped(5), &console(&GOOD)).builder(|b| b.client_token = second);
    assert_eq!(build.says(), "wait WaitingForVerdict");
}

#[test]
fn a_console_without_a_verdict_is_waited_for_while_it_may_still_be_posted() {
    let build = prints(Build::stopped(299), "login:");
    assert_eq!(build.says(), "wait WaitingForVerdict");
    assert_eq!(build.plan().check_after, Some(Duration::from_secs(1)));
}

#[test]
fn a_console_without_a_verdict_fails_the_build_in_the_end() {
    assert_eq!(prints(Build::stopped(300), "login:").says(), "record failed NoVerdict");
}

#[test]
fn a_console_that_was_not_looked_at_is_not_one_without_a_verdict() {
    assert_eq!(Build::stopped(600).says(), "wait WaitingForVerdict");
}

#[test]
fn steps_without_a_verdict_are_no_success() {
    assert_eq!(prints(Build::stopped(300), &console(&GOOD[..3])).says(), "record failed NoVerdict");
}
