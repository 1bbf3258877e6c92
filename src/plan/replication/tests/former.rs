//! Copies of former sources: how long they serve, which stay, how the rest goes.

use std::time::Duration;

use crate::{
    api::{
        DeletionPolicy, LaunchState,
        image_replication::{Published, SourceChangePolicy},
    },
    model::{Answer, Image, ImageId, ImageState, Protection, Query, Snapshot, SnapshotId, Tags},
    plan::{
        Progress,
        fixtures::*,
        replication::{DestinationPlan, Matter},
    },
    status::Outcome,
};

const EU: &str = "eu-west-1";
const PARIS: &str = "eu-west-3";
const OLDER: &str = "ami-00000000000000003";

fn former() -> ImageId {
    previous_copy().image_id
}

/// A copy in place, with one of a former source that nobody keeps.
fn replacing() -> Replication {
    let former = previous_image();
    Replication::of(vec![kept(EU)])
        .sees_image(copy(ImageState::Available))
        .sees_image(former.clone())
        .sees_images_of_ours(vec![copy(ImageState::Available), former])
        .with(|r| {
            r.spec.source_change_policy = SourceChangePolicy::ReplaceWhenReady;
            r.spec.keep_previous = 0;
            r.status.destinations[0].previous = vec![previous_copy()];
        })
}

fn protected(replication: Replication) -> Replication {
    replication.with(|r| r.spec.protect_in_use = true)
}

fn launched(hours: i64) -> Replication {
    let image = Image { last_launched_at: Some(at(-3600 * hours)), ..previous_image() };
    named_by(protected(replacing()).sees_image(image), &[])
}

fn named_by(replication: Replication, arns: &[&str]) -> Replication {
    let arns = arns.iter().map(|arn| (*arn).to_owned()).collect();
    replication.sees(Query::ImageReferences(former()), Answer::References(arns))
}

/// Where former copies stand, besides a region that is as it should be.
fn shown(plan: &DestinationPlan) -> String {
    assert_eq!(plan.progress, Progress::Done);
    plan.shown.get(&Matter::PreviousRemoved).map_or_else(|| "nothing".to_owned(), progress)
}

#[test]
fn former_copies_stay_unless_the_policy_says_otherwise() {
    let retained = replacing().with(|r| r.spec.source_change_policy = SourceChangePolicy::Retain);
    assert_eq!((retained.says(), shown(&retained.ireland())), ("done".to_owned(), "nothing".to_owned()));
}

#[test]
fn a_former_copy_goes_once_every_region_has_the_newest() {
    assert_eq!(replacing().says(), format!("DeregisterImage {}", former()));
    assert_eq!(replacing().ireland().progress, Progress::Done);
    let waiting = replacing().into_regions(&[EU, PARIS]).ireland();
    assert_eq!((waiting.step.clone(), shown(&waiting)), (None, "wait WaitingForSuccession".to_owned()));
}

#[test]
fn as_many_stay_as_the_manifest_keeps_and_the_oldest_goes_first() {
    let three = |keep| {
        replacing().with(|r| {
            r.status.destinations[0].previous.push(previous(OLDER));
            r.spec.keep_previous = keep;
        })
    };
    let older = Image { id: ImageId::from(OLDER), ..previous_image() };
    let both = |keep| three(keep).sees_image(older.clone()).sees_images_of_ours(vec![older.clone()]);
    assert_eq!(both(0).says(), format!("DeregisterImage {OLDER}"));
    assert_eq!(both(1).says(), format!("DeregisterImage {OLDER}"));
    assert_eq!((both(2).says(), shown(&both(2).ireland())), ("done".to_owned(), "done".to_owned()));
}

fn receipt(id: &str) -> Published {
    Published {
        image_id: ImageId::from(id),
        tag_keys: Vec::new(),
        previous_image_id: Some(former()),
        previous_tag_keys: Vec::new(),
        replaced_tags: Tags::new(),
        previous_replaced_tags: Tags::new(),
        parameters: Vec::new(),
    }
}

#[test]
fn a_former_copy_that_is_still_published_stays() {
    let published = |id: &str, publish: serde_json::Value| {
        replacing()
            .with(|r| {
                r.spec.publish = Some(serde_json::from_value(publish).expect("publish"));
                r.spec.publish.as_mut().expect("some").include_source_region = false;
                r.status.destinations[0].published = Some(receipt(id));
            })
            .says()
    };
    let pinned = serde_json::json!({"pin": "Previous"});
    assert_eq!(published(IMAGE, serde_json::json!({})), format!("DeregisterImage {}", former()));
    assert_eq!(published(IMAGE, pinned), "done");
}

#[test]
fn the_copy_to_go_back_to_is_kept_rather_than_a_newer_one_that_was_never_published() {
    let unpublished = Image { id: ImageId::from(OLDER), ..previous_image() };
    let replication = replacing()
        .sees_image(unpublished.clone())
        .sees_images_of_ours(vec![copy(ImageState::Available), previous_image(), unpublished])
        .with(|r| {
            r.spec.publish = Some(serde_json::from_value(serde_json::json!({})).expect("publish"));
            r.spec.publish.as_mut().expect("some").include_source_region = false;
            r.spec.keep_previous = 1;
            r.status.destinations[0].previous.insert(0, previous(OLDER));
            r.status.destinations[0].published = Some(receipt(IMAGE));
        });
    assert_eq!(replication.says(), format!("DeregisterImage {OLDER}"));
}

#[test]
fn a_former_copy_goes_where_nothing_is_published_as_nothing_can_be_launched() {
    let disabled = |published: bool| {
        let image = Image { state: ImageState::Disabled, ..copy(ImageState::Available) };
        replacing().sees_image(image).with(|r| {
            r.spec.launch_state = Some(LaunchState::Disabled);
            r.spec.publish = Some(serde_json::from_value(serde_json::json!({})).expect("publish"));
            r.status.destinations[0].published = published.then(|| receipt(IMAGE));
        })
    };
    assert_eq!(disabled(false).says(), format!("DeregisterImage {}", former()));
    assert_eq!(disabled(true).says(), "record withdrawn");
}

#[test]
fn what_was_launched_lately_is_kept_with_a_condition() {
    assert_eq!(shown(&launched(24).ireland()), "blocked ImageInUse");
    assert_eq!(launched(24 * 31).says(), format!("DeregisterImage {}", former()));
    let short = launched(48).with(|r| r.spec.in_use_period = Duration::from_hours(24).into());
    assert_eq!(short.says(), format!("DeregisterImage {}", former()));
}

#[test]
fn what_is_referenced_is_kept_with_a_condition() {
    let plan = named_by(protected(replacing()), &["arn:i-1", "arn:i-2"]).ireland();
    assert_eq!(shown(&plan), "blocked ImageInUse");
    let Progress::Blocked(failure) = &plan.shown[&Matter::PreviousRemoved] else { panic!("{plan:?}") };
    assert!(failure.message.contains("referenced by arn:i-1 and 1 more"), "{}", failure.message);
    assert_eq!(named_by(replacing(), &["arn:i-1"]).says(), format!("DeregisterImage {}", former()));
}

#[test]
fn who_may_not_see_references_is_told_of_launches_only() {
    let denied = protected(replacing()).cannot_see(Query::ImageReferences(former()), "UnauthorizedOperation");
    assert_eq!(denied.says(), format!("DeregisterImage {}", former()));
    let throttled =
        protected(replacing()).cannot_see(Query::ImageReferences(former()), "RequestLimitExceeded");
    assert!(matches!(throttled.ireland().progress, Progress::Trouble(_)));
}

#[test]
fn whether_it_is_in_use_is_known_before_it_goes() {
    assert_eq!(shown(&protected(replacing()).ireland()), "wait WaitingForSuccession");
}

#[test]
fn the_cooldown_of_a_former_copy_is_waited_for() {
    let image = Image { protection: Protection::Cooling { until: at(3600) }, ..previous_image() };
    let plan = replacing().sees_image(image).ireland();
    assert_eq!(shown(&plan), "wait WaitingForCooldown");
    assert_eq!(plan.check_after, Some(Duration::from_secs(3601)));
}

#[test]
fn a_former_copy_is_forgotten_when_it_is_gone_with_its_snapshots() {
    let gone = || {
        let of_former = Snapshot { id: SnapshotId::from("snap-00000000000000002"), ..snapshot(100) };
        replacing()
            .misses(Query::Image(former()), 9, 60)
            .sees_images_of_ours(vec![copy(ImageState::Available)])
            .sees_snapshots(vec![of_former])
    };
    assert_eq!(gone().says(), "DeleteSnapshot snap-00000000000000002");
    let gone = gone().sees_snapshots(vec![snapshot(100)]);
    assert_eq!(gone.says(), format!("record former {} gone", former()));
    assert!(gone.after(Outcome::NoCall).destinations[0].previous.is_empty());
}

/// The object goes with its copies.
fn going() -> Replication {
    protected(Replication::of(vec![kept(EU)])).deleting(DeletionPolicy::Delete)
}

#[test]
fn an_object_that_goes_waits_for_images_that_are_in_use() {
    let image = Image { last_launched_at: Some(at(-60)), ..copy(ImageState::Available) };
    assert_eq!(going().sees_image(image).says(), "wait ImageInUse");
    let unused = going()
        .sees_image(copy(ImageState::Available))
        .sees_images_of_ours(vec![copy(ImageState::Available)])
        .sees(Query::ImageReferences(ImageId::from(IMAGE)), Answer::References(Vec::new()));
    assert_eq!(unused.says(), format!("DeregisterImage {IMAGE}"));
}

#[test]
fn a_region_that_was_taken_off_keeps_images_that_are_in_use() {
    let image = Image { last_launched_at: Some(at(-60)), ..copy(ImageState::Available) };
    let left = protected(Replication::of(vec![kept(EU)]))
        .into_regions(&[PARIS])
        .sees_image(image)
        .with(|r| r.spec.removed_destination_policy = DeletionPolicy::Delete);
    assert_eq!(shown(&left.ireland()), "blocked ImageInUse");
}

#[test]
fn the_former_copy_serves_until_every_region_has_the_newest() {
    let serving = |regions: &[&str], before: Option<ImageId>| {
        let replication = replacing().into_regions(regions).with(|r| {
            r.status.destinations[0].serving_image_id = before;
        });
        replication.after(Outcome::Accepted).destinations[0].serving_image_id.clone()
    };
    assert_eq!(serving(&[EU], Some(former())), Some(ImageId::from(IMAGE)));
    assert_eq!(serving(&[EU, PARIS], Some(former())), Some(former()));
    assert_eq!(serving(&[EU, PARIS], Some(ImageId::from(IMAGE))), Some(ImageId::from(IMAGE)));
    assert_eq!(serving(&[EU, PARIS], None), Some(ImageId::from(IMAGE)));
}
