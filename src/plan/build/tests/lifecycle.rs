//! What is set on an image before its run succeeds, and its retirement afterwards.

use std::time::Duration;

use crate::{
    api::{
        DeletionPolicy::{Delete, Retain},
        DeregistrationProtection, LaunchState,
        image_build::FinishedImage,
    },
    model::{AwsError, Image, ImageState, Protection},
    plan::{Pace, Progress, build::Stage, fixtures::*, timing},
};

/// A build whose image, created thirty seconds ago, has just become available.
fn available(change: impl FnOnce(&mut Image)) -> Build {
    let mut image = image(ImageState::Available);
    change(&mut image);
    Build::imaged(60).sees_image(image)
}

fn living(hours: u64) -> impl FnOnce(&mut Build) {
    move |b| b.spec.image.deprecate_after = Some(Duration::from_hours(hours).into())
}

fn protected(by: DeregistrationProtection) -> impl FnOnce(&mut Build) {
    move |b| b.spec.image.deregistration_protection = Some(by)
}

#[test]
fn an_image_is_deprecated_to_the_minute_before_it_counts_as_available() {
    let build = available(|_| {}).with(living(1));
    assert_eq!(build.says(), "EnableImageDeprecation at 2026-11-23T13:00:00Z");
    assert_eq!(build.plan().stage, Stage::CreatingImage);
    for seconds in [3600, 3590] {
        let right = available(|i| i.deprecated_at = Some(at(seconds))).with(living(1));
        assert_eq!(right.says(), "record available");
    }
}

#[test]
fn an_image_that_took_longer_than_it_is_to_live_is_deprecated_at_once() {
    let old = |i: &mut Image| i.created_at = Some(at(-7200));
    assert_eq!(available(old).with(living(1)).says(), "EnableImageDeprecation at 2026-11-23T12:15:00Z");
    let set = available(|i| {
        old(i);
        i.deprecated_at = Some(at(120));
    });
    assert_eq!(set.with(living(1)).says(), "record available");
}

#[test]
fn an_image_is_protected_before_it_counts_as_available() {
    let protected = |is, by| available(|i| i.protection = is).with(protected(by)).says();
    let (off, on) = (Protection::Off, Protection::On { cooldown: false });
    assert_eq!(protected(off, DeregistrationProtection::Enabled), "EnableProtection");
    assert_eq!(
        protected(off, DeregistrationProtection::EnabledWithCooldown),
        "EnableProtection with cooldown"
    );
    assert_eq!(protected(on, DeregistrationProtection::Enabled), "record available");
    assert_eq!(protected(off, DeregistrationProtection::Disabled), "record available");
}

#[test]
fn protection_comes_last() {
    let open = |i: &mut Image| i.imds_support = None;
    let all = |b: &mut Build| {
        living(1)(b);
        protected(DeregistrationProtection::Enabled)(b);
    };
    assert_eq!(available(open).with(all).says(), format!("RequireImdsV2 {IMAGE}"));
    assert!(available(|_| {}).with(all).says().starts_with("EnableImageDeprecation"));
    assert_eq!(available(|i| i.deprecated_at = Some(at(3600))).with(all).says(), "EnableProtection");
}

#[test]
fn what_is_not_asked_for_is_left_as_it_is() {
    let somebodys = |i: &mut Image| {
        i.deprecated_at = Some(at(60));
        i.protection = Protection::On { cooldown: true };
    };
    assert_eq!(available(somebodys).says(), "record available");
}

#[test]
fn what_somebody_changes_after_the_run_is_not_looked_at() {
    let build = Build::completed().with(living(1)).with(protected(DeregistrationProtection::Enabled));
    assert_eq!(build.says(), "done");
    assert!(build.plan().watches.is_empty());
}

/// A build that is to be removed with its image, which has this protection.
fn going(build: Build, protection: Protection) -> Build {
    let image = Image { protection, ..image(ImageState::Available) };
    build.deleting(Delete).sees_images_of_ours(vec![image.clone()]).sees_image(image)
}

#[test]
fn protection_is_switched_off_before_an_image_is_removed() {
    for cooldown in [false, true] {
        assert_eq!(going(Build::completed(), Protection::On { cooldown }).says(), "DisableProtection");
    }
    assert_eq!(going(Build::completed(), Protection::Off).says(), format!("DeregisterImage {IMAGE}"));
}

#[test]
fn a_cooldown_is_waited_for_without_another_look() {
    let cooling = going(Build::completed(), Protection::Cooling { until: at(3600) });
    assert_eq!(cooling.says(), "wait WaitingForCooldown");
    let plan = cooling.plan();
    assert_eq!(plan.check_after, Some(Duration::from_secs(3601)));
    let watched: Vec<_> = plan.watches.iter().map(|w| (&w.query, w.pace)).collect();
    assert_eq!(watched, [(&image_query(), Pace::Every(timing::COOLDOWN_INTERVAL))]);
    let over = going(Build::completed(), Protection::Cooling { until: at(-1) });
    assert_eq!(over.says(), format!("DeregisterImage {IMAGE}"));
}

#[test]
fn the_protected_image_of_a_run_that_failed_goes_with_its_object_too() {
    let failed = || Build::imaged(400).terminated().failed("Cancelled");
    assert_eq!(going(failed(), Protection::On { cooldown: true }).says(), "DisableProtection");
    let cooling = Protection::Cooling { until: at(60) };
    assert_eq!(going(failed(), cooling).says(), "wait WaitingForCooldown");
}

#[test]
fn a_protected_image_that_is_retained_stays_protected() {
    let on = Protection::On { cooldown: true };
    assert_eq!(going(Build::completed(), on).deleting(Retain).says(), "release");
    let failed = Build::imaged(400).terminated().failed("Cancelled");
    assert_eq!(going(failed, on).deleting(Retain).says(), format!("record kept {IMAGE}"));
}

/// A finished build whose image is seen like this and is to be like that.
fn finished(is: ImageState, wanted: Option<LaunchState>) -> Build {
    Build::completed().with(|b| b.spec.launch_state = wanted).sees_image(image(is))
}

fn seen_before(state: FinishedImage) -> impl FnOnce(&mut crate::api::image_build::ImageStatus) {
    move |image| image.state = Some(state)
}

#[test]
fn a_finished_image_is_retired_and_taken_back_into_use() {
    use FinishedImage::{Disabled as Off, Enabled as On};
    let disabled = finished(ImageState::Available, Some(LaunchState::Disabled));
    assert_eq!(disabled.says(), "DisableImage");
    let seen = finished(ImageState::Disabled, Some(LaunchState::Disabled));
    assert_eq!(seen.says(), "record image disabled");
    assert_eq!(seen.image(seen_before(Off)).says(), "done");
    let enabled = finished(ImageState::Disabled, Some(LaunchState::Enabled)).image(seen_before(Off));
    assert_eq!(enabled.says(), "EnableImage");
    let seen = finished(ImageState::Available, Some(LaunchState::Enabled)).image(seen_before(Off));
    assert_eq!(seen.says(), "record image enabled");
    assert_eq!(seen.image(seen_before(On)).says(), "done");
}

#[test]
fn a_finished_image_is_looked_at_only_where_its_launch_state_matters_and_then_rarely() {
    assert!(finished(ImageState::Available, None).plan().watches.is_empty());
    let watches = finished(ImageState::Available, Some(LaunchState::Enabled)).plan().watches;
    let paces: Vec<_> = watches.iter().map(|w| w.pace).collect();
    assert_eq!(paces, [Pace::Every(timing::FINISHED_INTERVAL)]);
}

#[test]
fn nothing_is_done_to_an_image_that_is_gone() {
    let retired = || Build::completed().with(|b| b.spec.launch_state = Some(LaunchState::Disabled));
    let gone = retired().lacks(image_query());
    assert_eq!(gone.says(), "record image gone");
    let known = gone.image(seen_before(FinishedImage::Gone));
    assert_eq!(known.says(), "rejected ImageGone");
    assert!(known.plan().watches.is_empty());
    assert_eq!(finished(ImageState::Deregistered, Some(LaunchState::Enabled)).says(), "record image gone");
    assert_eq!(retired().misses(image_query(), 1, 0).says(), "wait UpdatingLifecycle");
}

#[test]
fn the_image_of_a_run_that_failed_is_not_retired() {
    let failed = finished(ImageState::Available, Some(LaunchState::Disabled)).failed("StepFailed");
    assert_eq!(failed.says(), "rejected StepFailed");
    assert!(failed.plan().watches.is_empty());
}

#[test]
fn a_suspended_build_retires_nothing() {
    let suspended = |b: &mut Build| b.spec.suspend = true;
    let build = finished(ImageState::Available, Some(LaunchState::Disabled)).with(suspended);
    assert_eq!(build.says(), "wait Suspended");
    assert!(build.plan().watches.is_empty());
    assert_eq!(finished(ImageState::Available, Some(LaunchState::Enabled)).with(suspended).says(), "done");
}

#[test]
fn what_cannot_be_seen_is_trouble_only_where_something_is_to_change() {
    let blind = |wanted| {
        let build = Build::completed().cannot_see(image_query(), "UnauthorizedOperation");
        build.with(|b| b.spec.launch_state = Some(wanted)).plan().progress
    };
    let trouble: AwsError = error("UnauthorizedOperation");
    assert_eq!(blind(LaunchState::Disabled), Progress::Trouble(trouble));
    assert_eq!(blind(LaunchState::Enabled), Progress::Done);
}

#[test]
fn a_retired_build_still_goes_when_its_time_is_over() {
    let build = finished(ImageState::Available, Some(LaunchState::Disabled))
        .with(|b| b.spec.ttl_after_finished = Some(Duration::from_secs(1).into()));
    assert_eq!(build.says(), "expire");
}

/// Its status was lost, or somebody was quicker: the run goes on, and its launch state is looked after at its end.
#[test]
fn an_image_that_is_to_be_retired_may_be_disabled_already() {
    let build = Build::imaged(60).sees_image(image(ImageState::Disabled));
    assert_eq!(build.says(), "blocked ImageDisabled");
    assert_eq!(build.with(|b| b.spec.launch_state = Some(LaunchState::Disabled)).says(), "record available");
}
