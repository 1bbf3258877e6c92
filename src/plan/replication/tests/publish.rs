//! How consumers are told: after everything else, and only by what is ours.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    api::{
        DeletionPolicy,
        image_replication::{Published, PutParameterStatus},
    },
    model::{Answer, Image, ImageId, ImageState, Query, Tags, ownership::Role},
    plan::{
        Pace, Progress,
        fixtures::*,
        replication::{DriftKind, Matter},
    },
};

const EU: &str = "eu-west-1";
const NAME: &str = "/images/web";
const FORMER: &str = "ami-00000000000000002";

/// A copy in place that is not published yet.
fn publishing(publish: Value) -> Replication {
    let new = Replication::of(vec![kept(EU)]).sees_image(copy(ImageState::Available));
    new.with(|r| {
        r.spec.publish = Some(serde_json::from_value(publish).expect("publish"));
        r.spec.publish.as_mut().expect("some").include_source_region = false;
        r.status.destinations[0].observed_generation = Some(0);
    })
}

fn by_parameter() -> Value {
    json!({"ssmParameters": [{"name": NAME}]})
}

fn prepared(replication: Replication) -> Replication {
    replication.with(|r| r.status.destinations[0].applied.prepared = Some(ImageId::from(IMAGE)))
}

fn receipt(previous: Option<&str>) -> Published {
    Published {
        image_id: ImageId::from(IMAGE),
        previous_image_id: previous.map(ImageId::from),
        parameters: vec![PutParameterStatus { name: NAME.to_owned(), value: None, put_at: None }],
    }
}

/// Written down as published.
fn published(publish: Value) -> Replication {
    publishing(publish).with(|r| r.status.destinations[0].published = Some(receipt(None)))
}

fn holding(replication: Replication, value: &str) -> Replication {
    replication.sees(Query::Parameter(NAME.to_owned()), Answer::Parameter(value.to_owned()))
}

fn tagged(replication: Replication, tags: Tags) -> Replication {
    replication.sees(Query::ParameterTags(NAME.to_owned()), Answer::Tags(tags))
}

fn ours() -> Tags {
    copy_owner().tags(&Tags::new(), Role::Parameter, 1, None)
}

fn missing(replication: Replication) -> Replication {
    replication.misses(Query::Parameter(NAME.to_owned()), 1, 0)
}

fn in_sync(replication: Replication) -> Replication {
    replication.with(|r| r.status.destinations[0].observed_generation = Some(1))
}

fn put(value: &str, how: &str) -> String {
    format!("PutParameter {NAME} = {value}, {how}")
}

/// How often the parameter is looked at.
fn pace(replication: &Replication) -> Pace {
    let watches = replication.plan().watches;
    watches.iter().find(|w| w.query == Query::Parameter(NAME.to_owned())).expect("a watch").pace
}

#[test]
fn an_image_is_prepared_then_written_down_then_published() {
    assert_eq!(publishing(by_parameter()).says(), format!("record prepared {IMAGE}"));
    let ready = prepared(publishing(by_parameter()));
    assert_eq!(ready.says(), format!("record publishing {IMAGE} after nothing"));
    assert_eq!(missing(published(by_parameter())).says(), put(IMAGE, "new"));
    assert_eq!(holding(published(by_parameter()), IMAGE).says(), "record in sync");
}

#[test]
fn an_image_that_is_not_shared_yet_is_not_published() {
    let unshared = prepared(publishing(by_parameter())).with(|r| {
        let one = json!({"accountIDs": ["111111111111"]});
        r.spec.sharing = Some(serde_json::from_value(one).expect("sharing"));
        let granted = r.spec.sharing.as_ref().expect("some").grants();
        r.status.granted = Some(crate::api::image_replication::GrantsStatus::of(&granted, false));
    });
    assert_eq!(unshared.says(), "wait Sharing");
}

#[test]
fn all_regions_are_waited_for_unless_each_is_published_by_itself() {
    let two = |when: &str| {
        let publish = json!({"ssmParameters": [{"name": NAME}], "when": when});
        prepared(publishing(publish)).into_regions(&[EU, "eu-west-3"])
    };
    assert_eq!(two("AllReady").says(), "wait Publishing");
    assert_eq!(two("EachReady").says(), format!("record publishing {IMAGE} after nothing"));
}

#[test]
fn a_parameter_of_ours_is_changed() {
    let old = tagged(holding(published(by_parameter()), FORMER), ours());
    assert_eq!(old.says(), put(IMAGE, "changed"));
}

#[test]
fn a_parameter_of_somebody_else_s_is_left_alone_unless_adopted() {
    let foreign = |publish| tagged(holding(published(publish), FORMER), Tags::new());
    assert_eq!(foreign(by_parameter()).says(), "blocked ParameterNotOwned");
    let adopt = json!({"ssmParameters": [{"name": NAME, "adopt": true}]});
    assert_eq!(foreign(adopt).says(), format!("TagParameter {NAME}"));
}

#[test]
fn the_validation_of_a_parameter_is_waited_for_before_it_is_put_again() {
    let put_ago = |age: i64| {
        tagged(holding(published(by_parameter()), FORMER), ours()).with(|r| {
            let receipt = r.status.destinations[0].published.as_mut().expect("some");
            receipt.parameters[0].value = Some(ImageId::from(IMAGE));
            receipt.parameters[0].put_at = Some(time(-age));
        })
    };
    assert_eq!(put_ago(60).says(), "wait Publishing");
    assert_eq!(put_ago(60).ireland().check_after.expect("a pause").as_secs(), 60);
    assert_eq!(pace(&put_ago(60)), Pace::Tick);
    assert_eq!(pace(&holding(put_ago(60), IMAGE)), Pace::Every(Duration::from_mins(10)));
    assert_eq!(put_ago(120).says(), put(IMAGE, "changed"));
}

#[test]
fn a_parameter_that_somebody_changed_is_put_back() {
    let changed = in_sync(tagged(holding(published(by_parameter()), FORMER), ours()));
    assert_eq!(changed.says(), put(IMAGE, "changed") + " as repair");
    assert_eq!(changed.ireland().drift.expect("drift").kind, DriftKind::Parameter);
}

#[test]
fn what_is_published_is_shown() {
    let done = in_sync(holding(published(by_parameter()), IMAGE)).ireland();
    assert_eq!((done.step, done.progress), (None, Progress::Done));
    assert_eq!(done.shown[&Matter::Published], Progress::Done);
}

#[test]
fn a_parameter_that_is_taken_off_the_list_is_deleted_if_it_is_ours() {
    let off = |tags| tagged(published(json!({})), tags).says();
    assert_eq!(off(ours()), format!("DeleteParameter {NAME}"));
    assert_eq!(off(Tags::new()), format!("record parameter gone {NAME}"));
}

#[test]
fn without_publish_all_is_taken_back() {
    let silent = |receipt: Published| {
        tagged(published(by_parameter()), ours()).with(|r| {
            r.spec.publish = None;
            r.status.destinations[0].published = Some(receipt);
        })
    };
    assert_eq!(silent(receipt(None)).says(), format!("DeleteParameter {NAME}"));
    let empty = Published { parameters: Vec::new(), ..receipt(None) };
    assert_eq!(silent(empty).says(), "record withdrawn");
}

#[test]
fn a_pinned_parameter_goes_back_to_the_image_before() {
    let pinned = published(json!({"ssmParameters": [{"name": NAME}], "pin": "Previous"}))
        .with(|r| r.status.destinations[0].published = Some(receipt(Some(FORMER))));
    assert_eq!(tagged(holding(pinned, IMAGE), ours()).says(), put(FORMER, "changed"));
}

fn stable() -> Value {
    json!({"tags": {"channel": "published"}})
}

fn by_tags(publish: Value, former: &str) -> Replication {
    let mut image = copy(ImageState::Available);
    image.tags.insert("channel".to_owned(), "published".to_owned());
    let before = Image { id: ImageId::from(FORMER), tags: tags(&[("channel", former)]), ..image.clone() };
    publishing(publish).sees_image(image).sees_image(before).with(|r| {
        let receipt = Published { parameters: Vec::new(), ..receipt(Some(FORMER)) };
        r.status.destinations[0].published = Some(receipt);
    })
}

#[test]
fn tags_that_publish_are_laid_over_the_others_at_that_moment() {
    let before = prepared(publishing(stable()));
    assert_eq!(before.says(), format!("record publishing {IMAGE} after nothing"));
    let after = publishing(stable()).with(|r| r.status.destinations[0].published = Some(receipt(None)));
    assert_eq!(after.says(), r#"CreateTags {"channel": "published"}"#);
}

#[test]
fn the_image_before_loses_the_tags_that_publish() {
    assert_eq!(by_tags(stable(), "published").says(), r#"DeleteTags ["channel"]"#);
    assert_eq!(by_tags(stable(), "other").says(), "record in sync");
}

#[test]
fn a_pin_gives_the_tags_back_to_the_image_before() {
    let pinned = json!({"tags": {"channel": "published"}, "pin": "Previous"});
    assert_eq!(by_tags(pinned.clone(), "other").says(), r#"CreateTags {"channel": "stable"}"#);
    let taken_off = by_tags(pinned, "other").sees_image(copy(ImageState::Available));
    assert_eq!(taken_off.says(), r#"CreateTags {"channel": "published"}"#);
}

#[test]
fn a_parameter_goes_before_the_image_that_it_points_at() {
    let going = |policy| {
        let replication = tagged(in_sync(holding(published(by_parameter()), IMAGE)), ours());
        replication.sees_images_of_ours(vec![copy(ImageState::Available)]).deleting(policy).says()
    };
    assert_eq!(going(DeletionPolicy::Delete), format!("DeleteParameter {NAME}"));
    assert_eq!(going(DeletionPolicy::Retain), "record dropped");
}
