//! How long copies live, and what it costs to keep them fast.

use std::time::Duration;

use serde_json::json;

use crate::{
    api::{DeletionPolicy, DeregistrationProtection, LaunchState},
    model::{Answer, Image, ImageId, ImageState, Protection, Query, Seen, SnapshotId},
    plan::{Progress, fixtures::*, replication::DriftKind},
};

const EU: &str = "eu-west-1";

/// A copy in place that was created thirty seconds ago.
fn in_place(change: impl FnOnce(&mut Image)) -> Replication {
    let mut image = copy(ImageState::Available);
    change(&mut image);
    Replication::of(vec![kept(EU)]).sees_image(image)
}

fn deprecated_after(hours: u64, change: impl FnOnce(&mut Image)) -> Replication {
    in_place(change).with(|r| r.spec.deprecate_after = Some(Duration::from_hours(hours).into()))
}

fn written(replication: Replication, seconds: i64) -> Replication {
    replication.with(|r| r.status.destinations[0].applied.deprecate_at = Some(time(seconds)))
}

#[test]
fn a_deprecation_is_written_down_and_then_set() {
    assert_eq!(deprecated_after(1, |_| {}).says(), "record deprecating at 2026-11-23T13:00:00Z");
    let says = written(deprecated_after(1, |_| {}), 3600).says();
    assert_eq!(says, "EnableImageDeprecation at 2026-11-23T13:00:00Z as repair");
}

#[test]
fn a_deprecation_is_compared_by_the_minute() {
    assert_eq!(deprecated_after(1, |i| i.deprecated_at = Some(at(3600))).says(), "done");
    assert_eq!(deprecated_after(1, |i| i.deprecated_at = Some(at(3590))).says(), "done");
}

#[test]
fn a_public_image_is_deprecated_after_two_years() {
    let public = deprecated_after(87_600, |i| i.public = true);
    assert_eq!(public.says(), "record deprecating at 2028-11-22T12:00:00Z");
}

#[test]
fn a_deprecation_that_should_be_over_is_set_to_the_next_minutes_once() {
    let old = |i: &mut Image| i.created_at = Some(at(-86_400));
    assert_eq!(deprecated_after(1, old).says(), "record deprecating at 2026-11-23T12:15:00Z");
    let says = |written_at| written(deprecated_after(1, old), written_at).says();
    assert_eq!(says(60), "EnableImageDeprecation at 2026-11-23T12:01:00Z as repair");
    assert_eq!(says(-60), "record deprecating at 2026-11-23T12:15:00Z");
    let set = deprecated_after(1, |i| {
        old(i);
        i.deprecated_at = Some(at(-60));
    });
    assert_eq!(set.says(), "done");
}

#[test]
fn only_our_own_deprecation_is_taken_off() {
    let deprecated = |i: &mut Image| i.deprecated_at = Some(at(3600));
    assert_eq!(in_place(deprecated).says(), "done");
    assert!(written(in_place(deprecated), 3600).says().starts_with("DisableImageDeprecation"));
    assert_eq!(written(in_place(|_| {}), 3600).says(), "record no deprecation");
}

#[test]
fn a_description_is_put_back() {
    let described = |is: Option<&str>, wanted: Option<&str>| {
        let replication = in_place(|i| i.description = is.map(str::to_owned));
        replication.with(|r| r.spec.description = wanted.map(str::to_owned)).says()
    };
    assert_eq!(described(Some("[Copied]"), None), "done");
    assert_eq!(described(Some("[Copied]"), Some("web")), r#"Describe as "web" as repair"#);
    assert_eq!(described(None, Some("web")), r#"Describe as "web" as repair"#);
    assert_eq!(described(Some("web"), Some("web")), "done");
}

#[test]
fn protection_is_as_the_manifest_says() {
    let protected = |is, wanted| {
        in_place(|i| i.protection = is).with(|r| r.spec.deregistration_protection = wanted).says()
    };
    let (off, on, cooling) =
        (Protection::Off, Protection::On { cooldown: false }, Protection::Cooling { until: at(60) });
    assert_eq!(protected(on, None), "done");
    assert_eq!(protected(off, Some(DeregistrationProtection::Enabled)), "EnableProtection as repair");
    assert_eq!(protected(on, Some(DeregistrationProtection::Enabled)), "done");
    let with_cooldown = Some(DeregistrationProtection::EnabledWithCooldown);
    assert_eq!(protected(on, with_cooldown), "EnableProtection with cooldown as repair");
    assert_eq!(protected(on, Some(DeregistrationProtection::Disabled)), "DisableProtection as repair");
    assert_eq!(protected(cooling, Some(DeregistrationProtection::Disabled)), "done");
}

#[test]
fn a_copy_is_disabled_and_enabled_as_the_manifest_says() {
    let state = |is, wanted| in_place(|i| i.state = is).with(|r| r.spec.launch_state = wanted).says();
    assert_eq!(state(ImageState::Available, Some(LaunchState::Disabled)), "DisableImage as repair");
    assert_eq!(state(ImageState::Disabled, Some(LaunchState::Disabled)), "done");
    assert_eq!(state(ImageState::Disabled, Some(LaunchState::Enabled)), "EnableImage as repair");
    assert_eq!(state(ImageState::Disabled, None), "blocked CopyDisabled");
}

#[test]
fn a_copy_requires_imdsv2_where_its_source_does() {
    let seen = |support: Option<&str>| {
        in_place(|i| i.imds_support = None).with(|r| {
            let source =
                Image { imds_support: support.map(str::to_owned), ..source_image(ImageState::Available) };
            let query = Query::Image(ImageId::from(SOURCE));
            r.sightings.insert(&region(), query, Seen::Present(Answer::Image(Box::new(source))));
        })
    };
    assert_eq!(seen(Some("v2.0")).says(), format!("RequireImdsV2 {IMAGE} as repair"));
    assert_eq!(seen(None).says(), "done");
}

fn warmed(known: &[&str], seen: &[&str]) -> Replication {
    let list = |zones: &[&str]| zones.iter().map(|z| (*z).to_owned()).collect::<Vec<_>>();
    in_place(|_| {})
        .with(|r| {
            let warm = json!([{"region": EU, "fastSnapshotRestoreZones": ["eu-west-1a"]}]);
            r.spec.destinations = serde_json::from_value(warm).expect("destinations");
            r.status.destinations[0].applied.fast_snapshot_restore_zones = list(known);
        })
        .sees(Query::FastRestores(SnapshotId::from(SNAPSHOT)), Answer::Zones(list(seen)))
}

#[test]
fn fast_restore_is_written_down_before_it_is_paid_for() {
    assert_eq!(warmed(&[], &[]).says(), "record warming eu-west-1a");
    assert_eq!(warmed(&["eu-west-1a"], &[]).says(), "EnableFastRestores of 1 in eu-west-1a as repair");
    assert_eq!(warmed(&["eu-west-1a"], &["eu-west-1a"]).says(), "done");
}

#[test]
fn fast_restore_is_switched_off_when_no_longer_asked_for() {
    let off = warmed(&["eu-west-1a", "eu-west-1b"], &["eu-west-1a", "eu-west-1b"]);
    assert_eq!(off.says(), "DisableFastRestores of 1 in eu-west-1b");
}

#[test]
fn fast_restore_is_switched_off_before_a_copy_is_handed_over() {
    let leaving = warmed(&["eu-west-1a"], &["eu-west-1a"]).deleting(DeletionPolicy::Retain);
    assert_eq!(leaving.says(), "DisableFastRestores of 1 in eu-west-1a");
}

#[test]
fn fast_restore_is_switched_off_before_a_lost_copy_is_forgotten() {
    let lost = warmed(&["eu-west-1a"], &["eu-west-1a"]).misses(image_query(), 9, 60);
    assert_eq!(lost.says(), "DisableFastRestores of 1 in eu-west-1a");
    let cold = warmed(&[], &[]).misses(image_query(), 9, 60);
    assert_eq!(cold.says(), "record lost as repair");
}

fn going(protection: Protection) -> Replication {
    let mut image = copy(ImageState::Available);
    image.protection = protection;
    Replication::of(vec![kept(EU)])
        .deleting(DeletionPolicy::Delete)
        .sees_images_of_ours(vec![image.clone()])
        .sees_image(image)
}

#[test]
fn protection_is_switched_off_before_a_copy_is_removed() {
    assert_eq!(going(Protection::On { cooldown: true }).says(), "DisableProtection");
    assert_eq!(going(Protection::Off).says(), format!("DeregisterImage {IMAGE}"));
}

#[test]
fn a_cooldown_is_waited_for() {
    let cooling = going(Protection::Cooling { until: at(3600) });
    assert_eq!(cooling.says(), "wait WaitingForCooldown");
    assert_eq!(cooling.ireland().check_after, Some(Duration::from_secs(3601)));
    assert_eq!(going(Protection::Cooling { until: at(-1) }).says(), format!("DeregisterImage {IMAGE}"));
}

#[test]
fn drift_is_told_by_its_kind() {
    let drift = in_place(|_| {})
        .with(|r| r.spec.deregistration_protection = Some(DeregistrationProtection::Enabled))
        .ireland()
        .drift;
    assert_eq!(drift.expect("drift").kind, DriftKind::Protection);
}

#[test]
fn what_cannot_be_seen_hides_no_other_matter() {
    let blind = warmed(&["eu-west-1a"], &[])
        .cannot_see(Query::FastRestores(SnapshotId::from(SNAPSHOT)), "UnauthorizedOperation");
    assert_eq!(blind.ireland().progress, Progress::Trouble(error("UnauthorizedOperation")));
    let blind = blind.with(|r| r.spec.tags.clear());
    assert!(blind.says().starts_with("DeleteTags"));
}
