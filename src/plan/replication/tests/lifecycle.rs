//! How long copies live, and what it costs to keep them fast.

use std::time::Duration;

use serde_json::json;

use crate::{
    api::{
        DeletionPolicy, DeregistrationProtection, LaunchState,
        image_replication::{FastSnapshotRestores, PreviousCopy, Published, PutParameterStatus},
    },
    model::{Answer, Image, ImageId, ImageState, Protection, Query, Seen, SnapshotId, Tags},
    plan::{
        Progress, UpkeepCall,
        fixtures::*,
        replication::{DestinationCall, DestinationStep, DriftKind},
    },
    status::Outcome,
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
    assert_eq!(described(Some("[Copied]"), Some("web")), r#"ModifyDescription "web" as repair"#);
    assert_eq!(described(None, Some("web")), r#"ModifyDescription "web" as repair"#);
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

const FORMER_SNAPSHOT: &str = "snap-00000000000000002";

/// The newest copy is there, and the one before still has fast snapshot restore.
fn succeeding(serving: &str) -> Replication {
    warmed(&[], &[]).with(|r| {
        let fast = FastSnapshotRestores {
            snapshot_ids: vec![SnapshotId::from(FORMER_SNAPSHOT)],
            zones: vec!["eu-west-1a".to_owned()],
        };
        let copy = &mut r.status.destinations[0];
        copy.previous = vec![PreviousCopy { fast_snapshot_restores: Some(fast), ..previous_copy() }];
        copy.serving_image_id = Some(ImageId::from(serving));
    })
}

fn former() -> String {
    previous_copy().image_id.0
}

/// Which snapshots it is switched off for, by the call.
fn off(replication: &Replication) -> Option<Vec<String>> {
    match replication.ireland().step? {
        DestinationStep::Call(DestinationCall::Upkeep {
            call: UpkeepCall::DisableFastRestores { ids, .. },
            ..
        }) => Some(ids.into_iter().map(|id| id.0).collect()),
        _ => None,
    }
}

#[test]
fn fast_restore_goes_with_a_copy_that_becomes_a_former_one() {
    let next = warmed(&["eu-west-1a"], &["eu-west-1a"])
        .with(|r| r.status.destinations[0].source_image_id = Some(ImageId::from("ami-9")))
        .after(Outcome::NoCall);
    let copy = &next.destinations[0];
    let fast = copy.previous[0].fast_snapshot_restores.as_ref().expect("fast");
    assert_eq!((fast.snapshot_ids[0].0.as_str(), fast.zones[0].as_str()), (SNAPSHOT, "eu-west-1a"));
    assert!(copy.applied.fast_snapshot_restore_zones.is_empty());
}

#[test]
fn fast_restore_stays_on_the_copy_that_serves_and_only_there() {
    let other_regions_lack_theirs = succeeding(&former());
    assert_eq!(other_regions_lack_theirs.says(), "done");
    let everywhere = succeeding(IMAGE);
    assert_eq!(off(&everywhere), Some(vec![FORMER_SNAPSHOT.to_owned()]));
    let cold = Replication { status: everywhere.after(Outcome::Accepted), ..everywhere };
    assert_eq!(cold.status.destinations[0].previous[0], previous_copy());
    assert_eq!(cold.says(), "record warming eu-west-1a");
    let on = Replication { status: cold.after(Outcome::NoCall), ..cold };
    assert_eq!(on.says(), "EnableFastRestores of 1 in eu-west-1a");
}

#[test]
fn fast_restore_of_a_former_copy_is_not_forgotten_where_aws_did_not_switch_it_off() {
    let refused = succeeding(IMAGE).after(Outcome::Failed(error("RequestLimitExceeded")));
    assert!(refused.destinations[0].previous[0].fast_snapshot_restores.is_some());
}

#[test]
fn fast_restore_stays_on_the_copy_that_is_published() {
    let off = |change: fn(&mut Published)| {
        let published = succeeding(IMAGE).with(|r| {
            let publish = json!({"ssmParameters": [{"name": "/images/web"}]});
            r.spec.publish = Some(serde_json::from_value(publish).expect("publish"));
            let parameter = PutParameterStatus {
                name: "/images/web".to_owned(),
                value: Some(ImageId::from(IMAGE)),
                put_at: None,
                unseen_puts: None,
            };
            let mut published = Published {
                image_id: ImageId::from(IMAGE),
                tag_keys: Vec::new(),
                previous_image_id: Some(previous_copy().image_id),
                previous_tag_keys: Vec::new(),
                replaced_tags: Tags::new(),
                previous_replaced_tags: Tags::new(),
                parameters: vec![parameter],
            };
            change(&mut published);
            r.status.destinations[0].published = Some(published);
        });
        off(&published).is_some()
    };
    assert!(off(|_| {}));
    assert!(!off(|p| p.image_id = previous_copy().image_id));
    assert!(!off(|p| p.parameters[0].value = Some(previous_copy().image_id)));
    assert!(!off(|p| p.parameters[0].unseen_puts = Some(1)));
    assert!(!off(|p| p.previous_tag_keys.push("channel".to_owned())));
}

#[test]
fn fast_restore_of_a_former_copy_goes_where_it_is_no_longer_asked_for() {
    assert!(off(&succeeding(&former()).into_regions(&[EU])).is_some());
}

#[test]
fn fast_restore_of_a_former_copy_that_serves_goes_when_the_object_or_its_region_does() {
    let deleted = |policy| off(&succeeding(&former()).deleting(policy));
    assert_eq!(deleted(DeletionPolicy::Retain), Some(vec![FORMER_SNAPSHOT.to_owned()]));
    assert_eq!(deleted(DeletionPolicy::Delete), Some(vec![FORMER_SNAPSHOT.to_owned()]));
    let left = succeeding(&former()).into_regions(&["eu-west-3"]);
    assert_eq!(off(&left), Some(vec![FORMER_SNAPSHOT.to_owned()]));
}

#[test]
fn fast_restore_is_switched_off_before_a_copy_that_broke_is_forgotten() {
    let broken = warmed(&["eu-west-1a"], &[]).sees_image(copy(ImageState::Failed));
    let failed = Replication { status: broken.after(Outcome::NoCall), ..broken };
    assert_eq!(failed.says(), "DisableFastRestores of 1 in eu-west-1a");
}

#[test]
fn a_copy_with_fast_restore_is_never_the_one_that_status_has_no_room_for() {
    let full = warmed(&[], &[]).with(|r| {
        let copy = &mut r.status.destinations[0];
        copy.source_image_id = Some(ImageId::from("ami-9"));
        copy.previous = (0..100).map(|n| previous(&format!("ami-{n}"))).collect();
        copy.serving_image_id = Some(ImageId::from("ami-99"));
        let zones = vec!["eu-west-1a".to_owned()];
        copy.previous[99].fast_snapshot_restores =
            Some(FastSnapshotRestores { snapshot_ids: Vec::new(), zones });
    });
    let previous = full.after(Outcome::NoCall).destinations[0].previous.clone();
    let ids: Vec<&str> = previous[98..].iter().map(|former| former.image_id.0.as_str()).collect();
    assert_eq!((previous.len(), ids), (100, vec!["ami-97", "ami-99"]));
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
