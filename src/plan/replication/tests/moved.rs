//! A source that moves to another region: what it was published as stays until the new one is everywhere.

use super::{
    at_source::{NAME, by_parameter, published},
    whole::told,
};
use crate::{
    api::{
        DeletionPolicy,
        image_replication::{PublishWhen, SourceRegionStatus},
    },
    model::{Answer, Image, ImageId, ImageState, Query, Region, Seen},
    plan::{
        fixtures::*,
        replication::{CopyRecord, DestinationRecord, DestinationStep},
    },
    status::Outcome,
};

const EU: &str = "eu-west-1";
const NEW: &str = "ami-00000000000000009";
const FRANKFURT: &str = "eu-central-1";

fn new_source(replication: Replication, region: &str) -> Replication {
    let image = Image { id: ImageId::from(NEW), ..source_image(ImageState::Available) };
    replication.with(|r| {
        let source = serde_json::json!({"image": {"imageID": NEW, "region": region}});
        r.spec.source = serde_json::from_value(source).expect("a source");
        let seen = Seen::Present(Answer::Image(Box::new(image)));
        r.sightings.insert(&Region::from(region), Query::Image(ImageId::from(NEW)), seen);
    })
}

/// The source that was published is there, and its successor is named.
fn moving() -> Replication {
    new_source(published(by_parameter()), FRANKFURT).sees_source(source_image(ImageState::Available))
}

fn after(replication: Replication) -> Replication {
    Replication { status: replication.after_at_source(Outcome::Accepted), ..replication }
}

fn moved() -> Replication {
    after(moving())
}

/// The new one is everywhere, and published.
fn complete() -> Replication {
    moved().with(|r| {
        r.status.destinations[0].source_image_id = Some(ImageId::from(NEW));
        let left = r.status.left_source.as_ref().and_then(|left| left.published.clone()).expect("a receipt");
        let mut here = SourceRegionStatus { observed_generation: Some(1), ..Default::default() };
        here.published =
            Some(crate::api::image_replication::Published { image_id: ImageId::from(NEW), ..left });
        r.status.source_region = Some(here);
        let held = Seen::Present(Answer::Parameter(NEW.to_owned()));
        r.sightings.insert(&Region::from(FRANKFURT), Query::Parameter(NAME.to_owned()), held);
    })
}

fn withdrawal() -> String {
    format!("DeleteParameter {NAME}")
}

fn is_left_alone(replication: &Replication) -> bool {
    !replication.plan().destinations.contains_key(&region())
}

#[test]
fn what_a_source_was_published_as_stays_while_the_next_one_is_copied() {
    assert_eq!(told(&moving().plan()), format!("record source {NEW}"));
    assert!(is_left_alone(&moved()));
    assert!(moved().says().starts_with("record attempt"), "{}", moved().says());
}

#[test]
fn it_is_taken_back_when_the_next_one_is_everywhere_and_then_forgotten() {
    assert_eq!(complete().says_at_source(), withdrawal());
    let deleted = after(complete());
    assert_eq!(deleted.says_at_source(), "record withdrawn");
    let withdrawn = after(deleted);
    assert_eq!(told(&withdrawn.plan()), "forget the source that was left");
    let forgotten = after(withdrawn);
    assert_eq!((forgotten.status.left_source.clone(), is_left_alone(&forgotten)), (None, true));
}

#[test]
fn it_is_taken_back_at_once_where_nobody_could_launch_it_or_nothing_is_to_be_published() {
    assert_eq!(moved().misses_source(9).says_at_source(), withdrawal());
    let disabled = moved().sees_source(source_image(ImageState::Disabled));
    assert_eq!(disabled.says_at_source(), withdrawal());
    assert!(is_left_alone(&moved().misses_source(1)));
    assert_eq!(moved().with(|r| r.spec.publish = None).says_at_source(), withdrawal());
}

#[test]
fn a_copy_takes_the_place_of_a_source_that_has_left_its_region() {
    let home = moved().into_regions(&[EU, "us-east-1"]);
    let left = home.status.left_source.as_ref().and_then(|left| left.published.clone());
    let Some(DestinationStep::Record(DestinationRecord::Copy(CopyRecord::Attempt(intent)))) =
        home.at_source().step
    else {
        panic!("{}", home.says_at_source())
    };
    assert_eq!(intent.published, left);
    assert_eq!(after(home).status.left_source.expect("the source").published, None);
}

#[test]
fn a_source_that_comes_back_goes_on_as_it_was_published() {
    let back = new_source(moved(), "us-east-1");
    assert_eq!(told(&back.plan()), format!("record source {NEW}"));
    let published = moving().status.source_region.and_then(|place| place.published);
    let status = after(back).status;
    assert_eq!(
        (status.source_region.and_then(|place| place.published), status.left_source),
        (published, None)
    );
}

#[test]
fn of_two_regions_that_were_left_the_first_is_done_with_before_the_second_is_remembered() {
    assert_eq!(new_source(moved(), "eu-north-1").says_at_source(), withdrawal());
}

#[test]
fn what_is_left_of_a_source_goes_with_the_object_and_its_copies() {
    let deleted = |policy| {
        moved()
            .with(|r| {
                r.status.destinations.clear();
                r.status.source_region = None;
            })
            .deleting(policy)
    };
    assert_eq!(deleted(DeletionPolicy::Delete).says_at_source(), withdrawal());
    assert_eq!(told(&deleted(DeletionPolicy::Retain).plan()), "release");
}

/// The region of the source has a copy too, of a former source, which was published by the same parameter.
fn with_a_copy_there(replication: Replication) -> Replication {
    replication.with(|r| {
        let former = ImageId::from("ami-00000000000000002");
        let mut there = kept("us-east-1");
        there.published = r.status.destinations[0].published.clone();
        (there.image_id, there.source_image_id) = (Some(former), Some(ImageId::from("ami-8")));
        r.status.destinations.push(there);
    })
}

fn receipts_there(replication: &Replication) -> [Option<ImageId>; 3] {
    let status = &replication.status;
    let copy = status.destinations.iter().find(|d| d.region == region());
    [
        status.source_region.as_ref().and_then(|place| place.published.as_ref()),
        copy.and_then(|copy| copy.published.as_ref()),
        status.left_source.as_ref().and_then(|left| left.published.as_ref()),
    ]
    .map(|published| published.map(|published| published.image_id.clone()))
}

#[test]
fn a_source_has_receipts_of_its_own_in_a_region_with_a_copy() {
    let [source, copy] = [SOURCE, IMAGE].map(|id| Some(ImageId::from(id)));
    let there = with_a_copy_there(published(by_parameter())).sees_source(source_image(ImageState::Available));
    let first = there.into_regions(&[EU, "us-east-1"]).with(|r| {
        r.spec.publish.as_mut().expect("some").when = PublishWhen::EachReady;
        r.status.source_region.as_mut().expect("some").published = None;
    });
    assert_eq!(first.says_at_source(), format!("record publishing {SOURCE} after nothing"));
    assert_eq!(receipts_there(&after(first)), [source, copy, None]);
}

#[test]
fn a_source_that_was_left_has_receipts_of_its_own_in_a_region_with_a_copy() {
    let [source, copy] = [SOURCE, IMAGE].map(|id| Some(ImageId::from(id)));
    let left = with_a_copy_there(complete()).into_regions(&[EU]);
    let left = left.with(|r| r.spec.removed_destination_policy = DeletionPolicy::Delete);
    let withdrawn = after(left);
    assert_eq!(receipts_there(&withdrawn), [Some(ImageId::from(NEW)), copy, source]);
}

#[test]
fn what_a_source_left_behind_is_not_taken_from_a_copy_that_has_taken_it_over() {
    let of_new = |put: bool| {
        let there = with_a_copy_there(complete()).into_regions(&[EU, "us-east-1"]).with(|r| {
            let copy = r.status.destinations.last_mut().expect("the copy there");
            copy.source_image_id = Some(ImageId::from(NEW));
            let published = copy.published.as_mut().expect("a receipt");
            published.image_id = copy.image_id.clone().expect("a copy");
            published.parameters[0].value = Some(published.image_id.clone()).filter(|_| put);
        });
        let image = previous_image();
        let holds = Answer::Parameter(image.id.0.clone());
        there
            .sees_at_source(Query::Image(image.id.clone()), Seen::Present(Answer::Image(Box::new(image))))
            .sees_at_source(Query::Parameter(NAME.to_owned()), Seen::Present(holds))
    };
    assert_eq!(of_new(true).says_at_source(), format!("record parameter gone {NAME}"));
    assert_eq!(of_new(false).says_at_source(), withdrawal());
}

#[test]
fn what_a_source_left_behind_is_not_forgotten_where_the_next_copy_has_another_publication() {
    let there = with_a_copy_there(moved()).into_regions(&[EU, "us-east-1"]);
    assert!(there.says_at_source().starts_with("record attempt"), "{}", there.says_at_source());
    let [copy, left] = [IMAGE, SOURCE].map(|id| Some(ImageId::from(id)));
    assert_eq!(receipts_there(&after(there))[1..], [copy, left]);
}
