//! Suspension, the finalizer, the deadline, and what every stage does without an answer.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::{
    api::{
        DeletionPolicy,
        image_build::{DesiredState, OnFailure},
    },
    model::{ImageState, InstanceState},
    plan::{Progress, build::Stage, fixtures::*},
};

/// A build in every stage, with nothing seen yet.
fn every_stage() -> Vec<Build> {
    vec![
        Build::new(),
        Build::resolved(),
        Build::launching(60),
        Build::launched(60),
        Build::running(60),
        Build::stopped(60),
        Build::imaging(60),
        Build::imaged(60),
        Build::available().terminating(),
    ]
}

#[test]
fn nothing_is_done_on_no_answer() {
    for build in every_stage() {
        assert_eq!(build.plan().step, None, "{:?}", build.status);
    }
}

#[test]
fn what_cannot_be_seen_is_trouble_and_never_a_step() {
    let codes = [
        "RequestLimitExceeded",
        "UnauthorizedOperation",
        "InternalError",
        "AuthFailure",
        "ExpiredToken",
        "InvalidParameterValue",
        "NoAnswer",
        "SomethingNew",
    ];
    for build in every_stage() {
        for code in codes {
            let watches = build.plan().watches;
            assert!(!watches.is_empty());
            let mut blind = Build { sightings: crate::plan::Sightings::default(), ..every_stage_of(&build) };
            for watch in watches {
                blind = blind.cannot_see(watch.query, code);
            }
            let plan = blind.plan();
            assert_eq!(plan.step, None, "{code}: {:?}", build.status);
            assert_eq!(plan.progress, Progress::Trouble(error(code)), "{:?}", build.status);
        }
    }
}

fn every_stage_of(build: &Build) -> Build {
    Build { status: build.status.clone(), ..Build::new() }
}

#[test]
fn a_suspended_build_does_nothing_in_any_stage() {
    for build in every_stage() {
        let build = build.failed("StepFailed").with(|b| b.spec.suspend = true);
        assert_eq!(build.says(), "wait Suspended");
        assert!(build.plan().watches.is_empty());
    }
}

#[test]
fn a_suspended_build_is_still_deleted() {
    let build = Build::resolved().with(|b| b.spec.suspend = true).deleting(DeletionPolicy::Retain);
    assert_eq!(build.says(), "release");
}

#[test]
fn the_finalizer_comes_before_anything_else() {
    assert_eq!(Build::new().with(|b| b.held = false).says(), "hold");
}

#[test]
fn a_finalizer_that_was_taken_off_is_put_back_before_the_next_step() {
    let build = Build::running(60).with(|b| b.held = false);
    assert_eq!(build.says(), "hold");
    assert_eq!(build.plan().stage, Stage::Customizing);
}

#[test]
fn a_finished_build_looks_at_nothing() {
    let plan = Build::completed().plan();
    assert_eq!((plan.progress, plan.watches.len(), plan.check_after), (Progress::Done, 0, None));
}

#[test]
fn a_run_past_its_deadline_fails_in_every_stage_before_the_image() {
    for build in [Build::launching(7200), Build::launched(7200), Build::running(7200), Build::stopped(7200)] {
        assert_eq!(build.says(), "record failed DeadlineExceeded");
    }
}

#[test]
fn waiting_for_a_base_image_is_under_no_deadline() {
    let build = Build::new().with(|b| b.now = at(100 * 3600));
    assert_eq!(build.says(), "wait ResolvingSource");
}

#[test]
fn an_image_that_was_asked_for_is_waited_for_beyond_the_deadline() {
    let build = Build::imaged(7300).sees_image(image(ImageState::Pending)).sees_snapshots(vec![]);
    assert_eq!(build.says(), "blocked DeadlineExceeded");
}

#[test]
fn an_image_that_becomes_available_after_the_deadline_is_taken() {
    let build = Build::imaged(7300).sees_image(image(ImageState::Available));
    assert_eq!(build.says(), "record available");
}

#[test]
fn a_waiting_build_wakes_at_its_deadline() {
    assert_eq!(Build::launched(7100).plan().check_after, Some(Duration::from_secs(101)));
}

#[test]
fn a_build_that_cannot_see_wakes_at_its_deadline() {
    let build = Build::launched(7100).cannot_see(instance_query(), "NoAnswer");
    assert_eq!(build.plan().check_after, Some(Duration::from_secs(101)));
}

#[test]
fn nothing_wakes_a_build_for_a_deadline_that_is_over() {
    assert_eq!(Build::imaged(7300).sees_image(image(ImageState::Pending)).plan().check_after, None);
}

/// The user ends the run.
fn cancelled(build: Build) -> Build {
    build.with(|b| b.spec.desired_state = DesiredState::Cancelled)
}

#[test]
fn a_run_is_cancelled_in_every_stage_before_its_image_is_available() {
    for build in
        every_stage().into_iter().filter(|b| b.status.image.as_ref().is_none_or(|i| i.available_at.is_none()))
    {
        assert_eq!(cancelled(build).says(), "record failed Cancelled");
    }
}

#[test]
fn an_available_image_is_not_taken_back() {
    let build =
        cancelled(Build::available().terminating()).sees_instance(instance(InstanceState::Terminated));
    assert_eq!(build.says(), "record builder gone");
}

#[test]
fn the_builder_of_a_cancelled_run_is_not_kept() {
    let keep = |b: &mut Build| b.spec.on_failure = OnFailure::KeepBuilder;
    let build = cancelled(Build::running(60)).failed("Cancelled").with(keep).lacks_images();
    assert_eq!(build.says(), format!("TerminateInstances {BUILDER}"));
}

#[test]
fn a_suspended_run_is_cancelled_when_it_is_resumed() {
    let build = cancelled(Build::running(60));
    assert_eq!(build.says(), "record failed Cancelled");
    assert_eq!(build.with(|b| b.spec.suspend = true).says(), "wait Suspended");
}

#[test]
fn a_finished_build_stays_without_a_ttl() {
    assert_eq!(Build::completed().says(), "done");
    assert_eq!(Build::completed().plan().check_after, None);
}

#[test]
fn a_finished_build_is_deleted_when_its_time_is_over() {
    let ttl = |seconds| {
        let ttl = std::time::Duration::from_secs(seconds).into();
        Build::completed().with(|b| b.spec.ttl_after_finished = Some(ttl))
    };
    assert_eq!(ttl(61).says(), "done");
    assert_eq!(ttl(61).plan().check_after, Some(Duration::from_mins(1)));
    assert_eq!(ttl(1).says(), "expire");
    assert_eq!(ttl(0).with(|b| b.spec.suspend = true).says(), "done");
}

#[test]
fn a_failed_build_is_deleted_by_its_ttl_too_and_an_unfinished_one_never() {
    let ttl = |b: &mut Build| b.spec.ttl_after_finished = Some(Duration::ZERO.into());
    let failed = Build::running(60).terminated().failed("StepFailed");
    assert_eq!(failed.with(|b| b.status.completion_time = Some(time(-1))).with(ttl).says(), "expire");
    assert_eq!(Build::running(60).with(ttl).says(), "wait Customizing");
}

/// Conditions are for people: a tool, or a person, may write anything into them.
#[test]
fn no_condition_decides_anything() {
    let all = ["Ready", "Succeeded", "Stalled", "Customized", "ImageAvailable", "CleanedUp"];
    for build in every_stage() {
        for value in ["True", "False"] {
            let said = all.map(|kind| Condition {
                type_: kind.to_owned(),
                status: value.to_owned(),
                reason: "Said".to_owned(),
                message: String::new(),
                last_transition_time: time(0),
                observed_generation: Some(1),
            });
            let plan = build.plan();
            let told = every_stage_of(&build).with(|b| b.status.conditions = said.to_vec());
            assert_eq!(told.plan(), plan);
        }
    }
}
