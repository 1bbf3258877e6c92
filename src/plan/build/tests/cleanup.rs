//! Removing what a run leaves behind.

use std::time::Duration;

use crate::{
    api::{
        DeletionPolicy::{Delete, Retain},
        image_build::OnFailure,
    },
    model::{Answer, ImageState, Instance, InstanceState, Tags},
    plan::{Progress, fixtures::*},
};

fn terminate() -> String {
    format!("TerminateInstances {BUILDER}")
}

fn deregister() -> String {
    format!("DeregisterImage {IMAGE}")
}

fn image_is(state: ImageState) -> impl FnOnce(Build) -> Build {
    move |build| {
        build
            .sees_images_of_ours(vec![image(state.clone())])
            .sees_image(image(state))
            .lacks(crate::model::Query::SnapshotsOf(build_owner().uid))
    }
}

#[test]
fn the_builder_goes_when_the_image_is_available() {
    assert_eq!(Build::available().says(), terminate());
}

#[test]
fn a_termination_is_confirmed_before_the_run_is_complete() {
    let seen = |state| Build::available().terminating().sees_instance(instance(state)).says();
    assert_eq!(seen(InstanceState::ShuttingDown), "wait WaitingForTermination");
    assert_eq!(seen(InstanceState::Terminated), "record builder gone");
}

#[test]
fn a_builder_that_lives_on_is_terminated_again() {
    for state in [
        InstanceState::Pending,
        InstanceState::Running,
        InstanceState::Stopping,
        InstanceState::Stopped,
        InstanceState::Other("new".to_owned()),
    ] {
        assert_eq!(Build::available().terminating().sees_instance(instance(state)).says(), terminate());
    }
}

#[test]
fn a_builder_that_another_operator_launched_by_the_token_of_a_refused_attempt_goes_too() {
    let second = || Build::available().terminated().with(|b| b.status.attempt = Some(2));
    let left = |state| second().sees(token_query(), Answer::Instance(Box::new(instance(state)))).says();
    assert_eq!(left(InstanceState::Running), terminate());
    assert_eq!(left(InstanceState::Stopped), terminate());
    for state in [InstanceState::ShuttingDown, InstanceState::Terminated] {
        assert_eq!(left(state), "record completed");
    }
    assert_eq!(second().says(), "wait LookingForBuilder");
    assert_eq!(second().lacks(token_query()).says(), "record completed");
    let foreign = Instance { tags: Tags::new(), ..instance(InstanceState::Running) };
    let foreign = second().sees(token_query(), Answer::Instance(Box::new(foreign)));
    assert_eq!(foreign.says(), "record completed");
}

/// A build that failed so many seconds ago and keeps its builder for an hour.
fn keeping(age: i64) -> Build {
    Build::stopped(age + 10).failed("StepFailed").with(|b| {
        b.spec.on_failure = OnFailure::KeepBuilder;
        b.status.failure.as_mut().expect("a failure").time = time(-age);
    })
}

#[test]
fn the_builder_of_a_failed_run_is_kept_for_its_time_and_no_longer() {
    let build = keeping(3599);
    assert_eq!((build.plan().step, build.plan().check_after), (None, Some(Duration::from_secs(1))));
    assert_eq!(keeping(3600).says(), terminate());
}

#[test]
fn a_kept_builder_is_told_with_how_to_look_at_it() {
    let Progress::Rejected(failure) = keeping(60).plan().progress else { panic!("a failure") };
    assert_eq!(failure.reason, "StepFailed");
    for part in ["it broke", "2026-11-23T12:59:00Z", "aws ssm start-session", BUILDER, "serial console"] {
        assert!(failure.message.contains(part), "{part}: {}", failure.message);
    }
}

#[test]
fn a_kept_builder_that_somebody_terminated_holds_up_nothing() {
    assert_eq!(keeping(60).sees_instance(instance(InstanceState::Terminated)).says(), terminate());
}

#[test]
fn a_deleted_build_keeps_no_builder() {
    assert_eq!(keeping(60).deleting(Retain).says(), terminate());
}

#[test]
fn a_build_that_succeeded_keeps_no_builder() {
    let build = Build::available().with(|b| b.spec.on_failure = OnFailure::KeepBuilder);
    assert_eq!(build.says(), terminate());
}

#[test]
fn a_new_builder_that_cannot_be_found_to_be_terminated_is_not_gone() {
    let build = Build::launched(60).terminating().failed("StepFailed").lacks(instance_query());
    assert_eq!(build.plan().step, None);
}

#[test]
fn an_old_builder_that_cannot_be_found_is_gone() {
    let build = Build::launched(301).terminating().failed("StepFailed").lacks(instance_query());
    assert_eq!(build.says(), "record builder gone");
}

#[test]
fn a_run_is_complete_when_the_builder_is_gone() {
    let plan = Build::available().terminated().plan();
    assert_eq!(Build::available().terminated().says(), "record completed");
    assert_eq!(plan.progress, Progress::Done);
}

#[test]
fn a_failed_run_removes_its_builder_and_shows_why_it_failed() {
    let build = Build::running(60).failed("StepFailed");
    assert_eq!(build.says(), terminate());
    assert!(matches!(build.plan().progress, Progress::Rejected(f) if f.reason == "StepFailed"));
}

#[test]
fn a_failed_run_that_launched_nothing_is_complete() {
    assert_eq!(Build::resolved().failed("NameConflict").says(), "record completed");
}

#[test]
fn a_launch_that_may_have_happened_is_looked_for_before_a_run_is_complete() {
    let build = Build::launching(60).failed("DeadlineExceeded");
    assert_eq!(build.says(), "rejected DeadlineExceeded");
    assert_eq!(build.plan().watches[0].query, token_query());
}

#[test]
fn a_launch_that_happened_all_the_same_is_removed() {
    let found = Answer::Instance(Box::new(instance(InstanceState::Running)));
    let build = Build::launching(60).failed("DeadlineExceeded").sees(token_query(), found);
    assert_eq!(build.says(), format!("record launched {BUILDER}"));
}

#[test]
fn a_launch_is_believed_not_to_have_happened_only_after_the_window() {
    let build = |age| Build::launching(age).failed("DeadlineExceeded").lacks(token_query());
    assert_eq!(build(299).plan().step, None);
    assert_eq!(build(301).says(), "record builder gone");
}

#[test]
fn a_refused_launch_left_nothing() {
    let refusal =
        crate::api::image_build::FailureStatus { reason: "x".into(), message: "x".into(), time: time(0) };
    let build = Build::launching(10).builder(|b| b.refused = Some(refusal)).failed("DeadlineExceeded");
    assert_eq!(build.says(), "record completed");
}

#[test]
fn a_failed_image_is_removed_after_its_builder() {
    let build = image_is(ImageState::Failed)(Build::imaged(400).failed("ImageFailed"));
    assert_eq!(build.says(), terminate());
    let build = image_is(ImageState::Failed)(Build::imaged(400).terminated().failed("ImageFailed"));
    assert_eq!(build.says(), deregister());
}

#[test]
fn while_the_builder_is_waited_for_the_image_goes() {
    let build = image_is(ImageState::Failed)(Build::imaged(400).terminating().failed("ImageFailed"))
        .sees_instance(instance(InstanceState::ShuttingDown));
    assert_eq!(build.says(), deregister());
}

#[test]
fn an_image_that_cannot_be_seen_does_not_keep_the_builder() {
    let images = crate::model::Query::ImagesOf(build_owner().uid);
    let build = Build::imaged(400).failed("ImageFailed").cannot_see(images, "UnauthorizedOperation");
    assert_eq!(build.says(), terminate());
}

#[test]
fn a_builder_that_cannot_be_seen_does_not_keep_the_image() {
    let build = image_is(ImageState::Failed)(Build::imaged(400).terminating().failed("ImageFailed"))
        .cannot_see(instance_query(), "UnauthorizedOperation");
    assert_eq!(build.says(), deregister());
}

#[test]
fn what_cannot_be_seen_is_not_taken_for_removed() {
    let images = crate::model::Query::ImagesOf(build_owner().uid);
    let build =
        Build::imaged(400).terminated().failed("ImageFailed").cannot_see(images, "UnauthorizedOperation");
    assert_eq!(build.says(), "trouble AccessDenied");
}

#[test]
fn an_image_that_turns_out_to_be_available_is_left_alone_by_a_failed_run() {
    let build = image_is(ImageState::Available)(Build::imaged(400).terminated().failed("InvalidRequest"));
    assert_eq!(build.says(), "record kept ami-00000000000000001");
}

#[test]
fn a_retained_image_is_handed_over() {
    assert_eq!(Build::completed().deleting(Retain).says(), "release");
}

#[test]
fn a_retained_image_is_not_even_looked_at() {
    assert!(Build::completed().deleting(Retain).plan().watches.is_empty());
}

#[test]
fn with_policy_delete_an_available_image_goes() {
    let build = image_is(ImageState::Available)(Build::completed().deleting(Delete));
    assert_eq!(build.says(), deregister());
}

#[test]
fn with_policy_delete_an_image_that_lost_our_tags_goes_too() {
    let mut untagged = image(ImageState::Available);
    untagged.tags = Tags::new();
    let build = Build::completed().deleting(Delete).lacks_images().sees_image(untagged);
    assert_eq!(build.says(), deregister());
}

#[test]
fn with_policy_delete_an_image_that_a_failed_run_had_to_spare_goes() {
    let spared =
        Build::imaged(400).terminated().failed("InvalidRequest").image(|i| i.removed_at = Some(time(-1)));
    let build = image_is(ImageState::Available)(spared.deleting(Delete));
    assert_eq!(build.says(), deregister());
}

#[test]
fn an_image_that_was_removed_before_is_not_removed_for_ever() {
    let removed =
        Build::imaged(400).terminated().failed("ImageFailed").image(|i| i.removed_at = Some(time(-1)));
    assert_eq!(removed.deleting(Delete).lacks_images().says(), "release");
}

#[test]
fn the_finalizer_stays_until_the_image_is_confirmed_gone() {
    let gone = Build::completed().deleting(Delete);
    assert_eq!(gone.says(), "wait RemovingImage");
    assert_eq!(gone.lacks_images().says(), "record image gone");
}

#[test]
fn the_finalizer_stays_until_the_builder_is_confirmed_gone() {
    let build = Build::running(60).deleting(Retain);
    assert_eq!(build.says(), terminate());
    assert_eq!(build.terminating().says(), "wait WaitingForTermination");
}

#[test]
fn the_finalizer_stays_while_an_unfinished_image_may_exist() {
    let build = Build::imaging(60).terminated().deleting(Retain).lacks_images();
    assert_eq!(build.says(), "wait RemovingImage");
    assert_eq!(build.plan().check_after, Some(Duration::from_secs(241)));
}

#[test]
fn a_finalizer_that_is_off_is_not_taken_off_again() {
    let build = Build::completed().deleting(Retain).with(|b| b.held = false);
    assert_eq!(build.plan().step, None);
}

#[test]
fn cleanup_never_asks_whether_the_spec_is_right() {
    let build = Build::running(60).deleting(Delete).with(|b| {
        b.spec.builder.instance_types.clear();
        b.spec.source = crate::api::image_build::Source::default();
    });
    assert_eq!(build.says(), terminate());
}
