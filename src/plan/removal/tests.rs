//! What is removed of an owner's images, and when they count as gone.

use std::time::Duration;

use jiff::Timestamp;

use super::{Doomed, Origin, Removal, of_images};
use crate::{
    model::{
        Absence, Answer, Image, ImageId, ImageState, InstanceId, Protection, Query, Seen, Snapshot,
        SnapshotId,
    },
    plan::{Eyes, Sightings, UpkeepCall, fixtures::*},
};

struct Case {
    known: Vec<ImageId>,
    keep: Vec<ImageId>,
    handed_over: Vec<SnapshotId>,
    spare_available: bool,
    made_at: Timestamp,
    was_seen: bool,
    sightings: Sightings,
}

/// An image that was made long ago, and of which nothing is left.
fn all_gone() -> Case {
    let case = Case {
        known: vec![ImageId::from(IMAGE)],
        keep: vec![],
        handed_over: vec![],
        spare_available: false,
        made_at: at(-1000),
        was_seen: true,
        sightings: Sightings::default(),
    };
    case.misses(images(), 5).misses(snapshots(), 5).misses(image_query(), 5)
}

fn images() -> Query {
    Query::ImagesOf(build_owner().uid)
}

fn snapshots() -> Query {
    Query::SnapshotsOf(build_owner().uid)
}

impl Case {
    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn misses(self, query: Query, checks: u32) -> Self {
        let absence = Absence { checks, since: at(-300), until: at(0) };
        self.with(|c| c.sightings.insert(&region(), query, Seen::Absent(absence)))
    }

    fn lists(self, list: Vec<Image>) -> Self {
        let of_builder = |i: Image| Image { source_instance_id: Some(InstanceId::from(BUILDER)), ..i };
        let list = list.into_iter().map(of_builder).collect();
        self.with(|c| c.sightings.insert(&region(), images(), Seen::Present(Answer::Images(list))))
    }

    fn has_snapshots(self, list: Vec<Snapshot>) -> Self {
        self.with(|c| c.sightings.insert(&region(), snapshots(), Seen::Present(Answer::Snapshots(list))))
    }

    fn without_id(self) -> Self {
        self.with(|c| c.known.clear())
    }

    fn next(&self) -> Removal {
        let (region, owner, builder) = (region(), build_owner(), InstanceId::from(BUILDER));
        let doomed = Doomed {
            region: &region,
            owner: &owner,
            known: &self.known,
            origin: Origin::Instance(Some(&builder)),
            keep: &self.keep,
            handed_over: &self.handed_over,
            spare_available: self.spare_available,
            made_at: self.made_at,
            was_seen: self.was_seen,
        };
        of_images(&Eyes::new(&self.sightings), &doomed, at(0)).expect("everything can be seen")
    }

    fn waits(&self) -> bool {
        matches!(self.next(), Removal::Waiting(_))
    }
}

fn ours() -> Removal {
    Removal::Deregister(ImageId::from(IMAGE))
}

#[test]
fn what_several_answers_lack_is_gone() {
    assert_eq!(all_gone().next(), Removal::Gone);
}

#[test]
fn nothing_is_gone_before_it_was_looked_for() {
    assert!(all_gone().with(|c| c.sightings = Sightings::default()).waits());
}

#[test]
fn each_of_the_lists_must_be_empty_several_times() {
    for query in [images(), snapshots(), image_query()] {
        assert!(all_gone().misses(query.clone(), 1).waits(), "{query:?}");
    }
}

#[test]
fn an_image_is_deregistered_before_its_snapshots_are_deleted() {
    let case = all_gone().lists(vec![image(ImageState::Available)]).has_snapshots(vec![snapshot(100)]);
    assert_eq!(case.next(), ours());
}

#[test]
fn snapshots_without_an_image_are_deleted() {
    let case = all_gone().has_snapshots(vec![snapshot(100)]);
    assert_eq!(case.next(), Removal::DeleteSnapshot(SnapshotId::from(SNAPSHOT)));
}

#[test]
fn no_snapshot_is_deleted_while_the_images_are_unknown() {
    let case = all_gone().has_snapshots(vec![snapshot(100)]).with(|c| {
        c.sightings.0.remove(&(region(), images()));
    });
    assert!(case.waits());
}

#[test]
fn an_available_image_is_spared_where_no_policy_condemns_it() {
    for state in [ImageState::Available, ImageState::Disabled] {
        let case = all_gone().with(|c| c.spare_available = true).lists(vec![image(state)]);
        assert_eq!(case.next(), Removal::Spared(ImageId::from(IMAGE)));
    }
}

#[test]
fn an_unfinished_image_is_never_spared() {
    for state in [ImageState::Pending, ImageState::Failed, ImageState::Error, ImageState::Invalid] {
        let case = all_gone().with(|c| c.spare_available = true).lists(vec![image(state)]);
        assert_eq!(case.next(), ours());
    }
}

#[test]
fn the_snapshots_of_a_spared_image_stay() {
    let case = all_gone()
        .with(|c| c.spare_available = true)
        .lists(vec![image(ImageState::Available)])
        .has_snapshots(vec![snapshot(100)]);
    assert_eq!(case.next(), Removal::Spared(ImageId::from(IMAGE)));
}

#[test]
fn an_image_that_somebody_copied_with_our_tags_is_not_ours() {
    let copied = Image { id: ImageId::from("ami-0000000000000copy"), ..image(ImageState::Available) };
    let listed = Answer::Images(vec![Image { source_instance_id: None, ..copied }]);
    let case = all_gone().with(|c| c.sightings.insert(&region(), images(), Seen::Present(listed)));
    assert_eq!(case.next(), Removal::Gone);
}

#[test]
fn a_snapshot_that_something_else_uses_is_handed_over() {
    let case = all_gone()
        .has_snapshots(vec![snapshot(100)])
        .with(|c| c.handed_over = vec![SnapshotId::from(SNAPSHOT)]);
    assert_eq!(case.next(), Removal::Gone);
}

#[test]
fn a_kept_image_and_its_snapshots_stay() {
    let case = all_gone()
        .with(|c| c.keep = vec![previous_copy().image_id])
        .lists(vec![previous_image()])
        .has_snapshots(vec![Snapshot { id: previous_image().snapshot_ids().remove(0), ..snapshot(100) }]);
    assert_eq!(case.next(), Removal::Gone);
}

#[test]
fn no_snapshot_is_deleted_on_a_list_that_lacks_a_kept_image_once() {
    let case = all_gone()
        .with(|c| c.keep = vec![previous_copy().image_id])
        .misses(images(), 1)
        .has_snapshots(vec![snapshot(100)]);
    assert!(case.waits());
}

#[test]
fn snapshots_go_when_the_kept_images_are_gone_for_good() {
    let case =
        all_gone().with(|c| c.keep = vec![previous_copy().image_id]).has_snapshots(vec![snapshot(100)]);
    assert_eq!(case.next(), Removal::DeleteSnapshot(SnapshotId::from(SNAPSHOT)));
}

#[test]
fn another_image_of_the_owner_stays_where_images_are_spared() {
    let case = all_gone().with(|c| c.spare_available = true).lists(vec![previous_image()]);
    assert_eq!(case.next(), Removal::Gone);
}

#[test]
fn every_image_of_the_owner_goes_where_the_policy_says_so() {
    let case = all_gone().lists(vec![Image { tags: image(ImageState::Available).tags, ..previous_image() }]);
    assert_eq!(case.next(), Removal::Deregister(previous_copy().image_id));
}

#[test]
fn an_image_that_lost_our_tags_is_found_by_its_id() {
    let present = Seen::Present(Answer::Image(Box::new(image(ImageState::Available))));
    let case = all_gone().with(|c| c.sightings.insert(&region(), image_query(), present));
    assert_eq!(case.next(), ours());
}

#[test]
fn a_deregistered_image_is_not_deregistered_again() {
    assert_eq!(all_gone().lists(vec![image(ImageState::Deregistered)]).next(), Removal::Gone);
}

#[test]
fn without_an_id_nothing_is_gone_within_the_consistency_window() {
    let case = |age: i64| all_gone().without_id().with(|c| c.made_at = at(-age)).next();
    assert!(matches!(case(299), Removal::Waiting(Some(_))));
    assert_eq!(case(300), Removal::Gone);
}

#[test]
fn an_id_that_was_never_seen_is_not_gone_within_the_consistency_window() {
    let case = |age: i64| all_gone().with(|c| (c.was_seen, c.made_at) = (false, at(-age))).next();
    assert!(matches!(case(299), Removal::Waiting(Some(_))));
    assert_eq!(case(300), Removal::Gone);
}

#[test]
fn a_list_that_does_not_change_any_more_is_waited_for_with_an_end() {
    let case = all_gone()
        .without_id()
        .with(|c| (c.keep, c.made_at, c.spare_available) = (vec![previous_copy().image_id], at(-100), true))
        .lists(vec![previous_image()]);
    assert_eq!(case.next(), Removal::Waiting(Some(std::time::Duration::from_secs(201))));
}

fn protected(protection: Protection) -> Case {
    let image = Image { protection, ..image(ImageState::Available) };
    let by_id = Answer::Image(Box::new(image.clone()));
    all_gone().lists(vec![image]).with(|c| c.sightings.insert(&region(), image_query(), Seen::Present(by_id)))
}

#[test]
fn protection_is_switched_off_before_an_image_is_deregistered() {
    let off = UpkeepCall::DisableProtection(ImageId::from(IMAGE));
    assert_eq!(protected(Protection::On { cooldown: true }).next(), Removal::Unprotect(off));
    assert_eq!(protected(Protection::Cooling { until: at(0) }).next(), ours());
}

#[test]
fn a_cooldown_is_waited_for() {
    let (until, left) = (at(60), Duration::from_secs(61));
    let cooling = Removal::Cooling { id: ImageId::from(IMAGE), until, left };
    assert_eq!(protected(Protection::Cooling { until }).next(), cooling);
    assert_eq!(protected(Protection::Cooling { until }).without_id().next(), cooling);
}

#[test]
fn the_protection_of_a_spared_image_is_its_owner_s() {
    for protection in [Protection::On { cooldown: true }, Protection::Cooling { until: at(60) }] {
        let spared = protected(protection).with(|c| c.spare_available = true);
        assert_eq!(spared.next(), Removal::Spared(ImageId::from(IMAGE)));
    }
}
