//! One region that is no longer wanted, and the deletion of the whole.

use std::time::Duration;

use crate::{
    api::{
        DeletionPolicy::{Delete, Retain},
        image_replication::DestinationStatus,
    },
    model::{AwsError, Image, ImageState, Query, Tags},
    plan::{
        Progress, WaitingOn,
        fixtures::*,
        replication::{ReplicationPlan, ReplicationStep},
    },
};

const EU: &str = "eu-west-1";

fn with_previous(copy: DestinationStatus) -> DestinationStatus {
    DestinationStatus { previous: vec![previous_copy()], ..copy }
}

fn lost(copy: DestinationStatus) -> DestinationStatus {
    DestinationStatus {
        image_id: None,
        source_image_id: None,
        requested_at: None,
        available_at: None,
        ..copy
    }
}

fn deleted(copy: DestinationStatus, policy: crate::api::DeletionPolicy) -> Replication {
    Replication::of(vec![copy]).deleting(policy)
}

/// The region is taken off the list.
fn taken_off(copy: DestinationStatus) -> Replication {
    Replication::of(vec![copy]).into_regions(&["ap-southeast-2"])
}

fn releases(plan: &ReplicationPlan) -> bool {
    plan.step == Some(ReplicationStep::Release)
}

#[test]
fn a_finished_copy_is_handed_over() {
    assert_eq!(taken_off(kept(EU)).says(), "record dropped");
    assert_eq!(deleted(kept(EU), Retain).says(), "record dropped");
}

#[test]
fn a_region_taken_off_keeps_its_copy_whatever_the_deletion_policy() {
    let replication = taken_off(kept(EU)).with(|r| r.spec.deletion_policy = Delete);
    assert_eq!(replication.says(), "record dropped");
}

#[test]
fn a_region_taken_off_loses_its_copy_where_its_policy_says_so() {
    let replication = taken_off(kept(EU)).with(|r| r.spec.removed_destination_policy = Delete);
    let seen = replication.sees_images_of_ours(vec![copy(ImageState::Available)]);
    assert_eq!(seen.sees_image(copy(ImageState::Available)).says(), format!("DeregisterImage {IMAGE}"));
}

#[test]
fn an_unfinished_copy_always_goes() {
    for replication in
        [taken_off(begun(EU, 60)), deleted(begun(EU, 60), Retain), deleted(begun(EU, 60), Delete)]
    {
        let replication = replication
            .sees_images_of_ours(vec![copy(ImageState::Pending)])
            .sees_image(copy(ImageState::Pending));
        assert_eq!(replication.says(), format!("DeregisterImage {IMAGE}"));
    }
}

#[test]
fn a_region_that_does_not_exist_is_left_though_it_cannot_be_looked_at() {
    let unseen = |copy: DestinationStatus| {
        let of_ours = Query::ImagesOf(copy_owner().uid);
        taken_off(copy).cannot_see(of_ours, AwsError::UNKNOWN_REGION)
    };
    assert_eq!(unseen(asked(EU, 60)).says(), "record dropped");
    let seen_once = unseen(begun(EU, 60)).says();
    assert!(seen_once.contains("UnknownRegion"), "{seen_once}");
    assert!(!unseen(with_previous(asked(EU, 60))).says().contains("dropped"));
}

#[test]
fn a_region_that_was_off_when_the_copy_was_refused_is_left_though_it_cannot_be_looked_at() {
    let off = |copy: DestinationStatus| {
        let of_ours = Query::ImagesOf(copy_owner().uid);
        taken_off(copy).cannot_see(of_ours, AwsError::REGION_NOT_ENABLED).says()
    };
    assert_eq!(off(asked(EU, 60)), "record dropped");
    let unanswered = DestinationStatus { uncertain: Some("RequestTimeout".to_owned()), ..asked(EU, 60) };
    for perhaps_made in [unanswered, begun(EU, 60), with_previous(asked(EU, 60))] {
        assert!(off(perhaps_made).contains("RegionNotEnabled"));
    }
}

#[test]
fn a_copy_that_became_available_meanwhile_stays_where_copies_are_retained() {
    let replication = deleted(begun(EU, 400), Retain)
        .lacks_images()
        .sees_images_of_ours(vec![copy(ImageState::Available)])
        .sees_image(copy(ImageState::Available));
    assert_eq!(replication.says(), "record dropped");
}

#[test]
fn with_policy_delete_a_finished_copy_goes() {
    let replication = deleted(kept(EU), Delete).sees_images_of_ours(vec![copy(ImageState::Available)]);
    assert_eq!(replication.says(), format!("DeregisterImage {IMAGE}"));
}

#[test]
fn with_policy_delete_copies_of_former_sources_go_too() {
    let replication = deleted(with_previous(kept(EU)), Delete).sees_images_of_ours(vec![previous_image()]);
    assert_eq!(replication.says(), "DeregisterImage ami-00000000000000002");
}

#[test]
fn with_policy_delete_copies_of_former_sources_go_though_the_next_copy_was_never_made() {
    let former = Image { created_at: Some(at(-9000)), ..previous_image() };
    let refused = deleted(with_previous(asked(EU, 600)), Delete).lacks_images();
    assert_eq!(refused.sees_image(former).says(), "DeregisterImage ami-00000000000000002");
}

#[test]
fn a_copy_that_may_have_been_begun_is_waited_for_though_the_former_ones_are_gone() {
    let gone = Query::Image(previous_copy().image_id);
    let replication = deleted(with_previous(asked(EU, 60)), Delete)
        .lacks_images()
        .misses(gone, 5, 300)
        .sees_images_of_ours(vec![handed_over()]);
    assert_eq!(replication.says(), "wait RemovingImage");
    assert_eq!(replication.plan().check_after, Some(Duration::from_secs(241)));
}

#[test]
fn with_policy_delete_a_copy_that_lost_our_tags_goes_too() {
    let mut untagged = copy(ImageState::Available);
    untagged.tags = Tags::new();
    let replication = deleted(kept(EU), Delete).lacks_images().sees_image(untagged);
    assert_eq!(replication.says(), format!("DeregisterImage {IMAGE}"));
}

/// A copy of this object that it does not know any more.
fn handed_over() -> Image {
    Image { id: "ami-00000000000000007".into(), created_at: Some(at(-9000)), ..copy(ImageState::Available) }
}

#[test]
fn with_policy_delete_what_was_handed_over_before_stays() {
    let replication = deleted(kept(EU), Delete).lacks_images().sees_images_of_ours(vec![handed_over()]);
    assert_eq!(replication.says(), "record dropped");
}

#[test]
fn where_copies_are_retained_those_of_former_sources_stay() {
    let replication = deleted(with_previous(begun(EU, 400)), Retain)
        .lacks_images()
        .sees_images_of_ours(vec![previous_image()]);
    assert_eq!(replication.says(), "record dropped");
}

#[test]
fn a_region_is_done_with_when_nothing_is_left() {
    assert_eq!(deleted(kept(EU), Delete).lacks_images().says(), "record dropped");
}

#[test]
fn a_copy_that_may_have_been_begun_is_waited_for() {
    let replication = deleted(asked(EU, 60), Retain).lacks_images();
    assert_eq!(replication.says(), "wait RemovingImage");
    assert_eq!(replication.plan().check_after, Some(Duration::from_secs(241)));
}

#[test]
fn a_copy_that_may_have_been_begun_is_waited_for_among_former_ones_with_an_end() {
    let replication = deleted(with_previous(asked(EU, 60)), Retain)
        .lacks_images()
        .sees_images_of_ours(vec![previous_image()]);
    assert_eq!(replication.says(), "wait RemovingImage");
    assert_eq!(replication.plan().check_after, Some(Duration::from_secs(241)));
}

#[test]
fn a_lost_copy_does_not_hold_the_deletion_up() {
    assert_eq!(deleted(lost(kept(EU)), Retain).says(), "record dropped");
    assert_eq!(deleted(lost(kept(EU)), Delete).lacks_images().says(), "record dropped");
}

#[test]
fn the_finalizer_goes_when_no_region_is_left() {
    assert!(releases(&Replication::of(vec![]).deleting(Delete).plan()));
}

#[test]
fn the_finalizer_stays_while_a_region_is_left() {
    for policy in [Retain, Delete] {
        for copy in [asked(EU, 600), begun(EU, 600), kept(EU), lost(kept(EU))] {
            assert!(!releases(&deleted(copy, policy).plan()));
        }
    }
}

#[test]
fn the_finalizer_stays_while_a_region_cannot_be_seen() {
    let plan = deleted(kept(EU), Delete).cannot_see(Query::ImagesOf(copy_owner().uid), "AuthFailure").plan();
    assert!(!releases(&plan));
    assert_eq!(progress(&plan.progress), "trouble AuthenticationFailed");
}

#[test]
fn a_suspended_replication_is_still_deleted() {
    assert!(releases(&Replication::of(vec![]).with(|r| r.spec.suspend = true).deleting(Retain).plan()));
}

#[test]
fn an_object_that_goes_with_its_copies_says_what_is_removed() {
    let plan = deleted(kept(EU), Delete).sees_images_of_ours(vec![copy(ImageState::Available)]).plan();
    assert!(matches!(plan.progress, Progress::Moving(WaitingOn::ImageRemoval { .. })), "{:?}", plan.progress);
}
