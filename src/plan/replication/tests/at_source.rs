//! The source image in its own region: told of while it can be launched.

use serde_json::{Value, json};

use crate::{
    api::image_replication::{GrantsStatus, Published, PutParameterStatus, SourceRegionStatus},
    model::{Absence, Answer, Image, ImageId, ImageState, Query, Seen, Tags, ownership::Role},
    plan::{
        fixtures::*,
        replication::{DestinationRecord, DestinationStep, PublicationRecord},
    },
    status::Outcome,
};

const EU: &str = "eu-west-1";
pub(super) const NAME: &str = "/images/web";
const FORMER: &str = "ami-00000000000000002";

/// The source is published in its own region, as is the copy in Ireland.
pub(super) fn published(publish: Value) -> Replication {
    let parameter =
        PutParameterStatus { name: NAME.to_owned(), value: None, put_at: None, unseen_puts: None };
    let receipt = |id: &str| Published {
        image_id: ImageId::from(id),
        tag_keys: Vec::new(),
        previous_image_id: None,
        previous_tag_keys: Vec::new(),
        replaced_tags: Tags::new(),
        previous_replaced_tags: Tags::new(),
        parameters: vec![parameter.clone()],
    };
    let parameter = || Query::Parameter(NAME.to_owned());
    Replication::of(vec![kept(EU)])
        .sees_image(copy(ImageState::Available))
        .sees(parameter(), Answer::Parameter(IMAGE.to_owned()))
        .sees_at_source(parameter(), Seen::Present(Answer::Parameter(SOURCE.to_owned())))
        .sees_at_source(Query::ParameterTags(NAME.to_owned()), Seen::Present(Answer::Tags(ours())))
        .with(|r| {
            r.spec.publish = Some(serde_json::from_value(publish).expect("publish"));
            r.status.destinations[0].published = Some(receipt(IMAGE));
            r.status.destinations[0].applied.prepared = Some(ImageId::from(IMAGE));
            r.status.source_region = Some(SourceRegionStatus {
                observed_generation: Some(1),
                published: Some(receipt(SOURCE)),
                ..SourceRegionStatus::default()
            });
            r.status.source_region.as_mut().expect("some").applied.prepared = Some(ImageId::from(SOURCE));
        })
}

pub(super) fn by_parameter() -> Value {
    json!({"ssmParameters": [{"name": NAME}]})
}

fn ours() -> Tags {
    copy_owner().tags(&Tags::new(), Role::Parameter, 1, None)
}

fn receipt_of(replication: &mut Replication) -> &mut Published {
    replication.status.source_region.as_mut().and_then(|s| s.published.as_mut()).expect("a receipt")
}

fn without_receipt(replication: Replication) -> Replication {
    replication.with(|r| r.status.source_region.as_mut().expect("some").published = None)
}

/// The condition of the source's region.
fn condition(status: &crate::api::ImageReplicationStatus, kind: &str) -> (String, String) {
    let list = &status.source_region.as_ref().expect("a region").conditions;
    let found = list.iter().find(|c| c.type_ == kind);
    found.map_or_else(Default::default, |c| (c.status.clone(), c.reason.clone()))
}

#[test]
fn a_source_that_is_gone_or_cannot_be_launched_is_told_to_nobody() {
    let source_in = |state| published(by_parameter()).sees_source(source_image(state)).says_at_source();
    assert_eq!(
        published(by_parameter()).misses_source(9).says_at_source(),
        format!("DeleteParameter {NAME}")
    );
    for state in [ImageState::Disabled, ImageState::Deregistered] {
        assert_eq!(source_in(state), format!("DeleteParameter {NAME}"));
    }
    assert_eq!(source_in(ImageState::Available), "done");
}

#[test]
fn the_tags_of_a_source_that_was_disabled_go_too() {
    let disabled = Image { tags: tags(&[("channel", "published")]), ..source_image(ImageState::Disabled) };
    let replication = published(json!({"tags": {"channel": "published"}})).sees_source(disabled);
    let tagged = replication.with(|r| {
        receipt_of(r).parameters.clear();
        receipt_of(r).tag_keys = vec!["channel".to_owned()];
    });
    assert_eq!(tagged.says_at_source(), r#"DeleteTags ["channel"]"#);
}

#[test]
fn one_empty_answer_about_a_source_takes_nothing_back() {
    assert_eq!(published(by_parameter()).misses_source(1).says_at_source(), "done");
}

#[test]
fn what_is_published_of_a_dead_source_is_not_said_to_be_published() {
    let dead = || published(by_parameter()).misses_source(9);
    let told = dead().with(|r| {
        let available = published(by_parameter()).sees_source(source_image(ImageState::Available));
        r.status.source_region = available.after_at_source(Outcome::NoCall).source_region;
    });
    assert_eq!(condition(&told.status, "Published").0, "True");
    assert_eq!(condition(&told.after_at_source(Outcome::Accepted), "Published").0, "False");
    let withdrawn = without_receipt(told);
    assert_eq!(withdrawn.says_at_source(), "done");
    let status = withdrawn.after_at_source(Outcome::NoCall);
    assert_eq!(condition(&status, "Published"), ("False".to_owned(), "SourceNotAvailable".to_owned()));
    assert_eq!(status.conditions.iter().find(|c| c.type_ == "Ready").expect("ready").status, "True");
}

#[test]
fn a_source_that_comes_back_is_published_again() {
    let back = without_receipt(published(by_parameter())).sees_source(source_image(ImageState::Available));
    assert_eq!(back.says_at_source(), format!("record publishing {SOURCE} after nothing"));
}

#[test]
fn the_image_before_stays_published_while_the_newest_source_cannot_be_launched() {
    let former = |state| Image { id: ImageId::from(FORMER), ..source_image(state) };
    let behind = |state| {
        let replication = published(by_parameter()).sees_source(former(state)).misses_source(9);
        replication.with(|r| receipt_of(r).image_id = ImageId::from(FORMER))
    };
    assert_eq!(behind(ImageState::Available).says_at_source(), "done");
    assert_eq!(behind(ImageState::Disabled).says_at_source(), format!("DeleteParameter {NAME}"));
}

#[test]
fn a_former_source_that_is_gone_is_told_to_nobody_while_the_next_one_waits_for_all_regions() {
    let waiting = |former: Seen<Answer>| {
        let replication = published(by_parameter()).sees_source(source_image(ImageState::Available));
        let former = replication.sees_at_source(Query::Image(ImageId::from(FORMER)), former);
        former.into_regions(&[EU, "eu-west-3"]).with(|r| receipt_of(r).image_id = ImageId::from(FORMER))
    };
    let image = Image { id: ImageId::from(FORMER), ..source_image(ImageState::Available) };
    let there = waiting(Seen::Present(Answer::Image(Box::new(image))));
    assert_eq!(there.says_at_source(), "wait Publishing");
    let gone = waiting(Seen::Absent(Absence { checks: 9, since: at(-900), until: at(0) }));
    assert_eq!(gone.says_at_source(), format!("DeleteParameter {NAME}"));
}

#[test]
fn what_is_published_nowhere_is_not_said_to_be_published() {
    let shown = published(by_parameter()).sees_source(source_image(ImageState::Available));
    let private = without_receipt(published(json!({"includeSourceRegion": false}))).with(|r| {
        r.status.source_region = shown.after_at_source(Outcome::NoCall).source_region;
        r.status.granted = Some(GrantsStatus::default());
    });
    assert_eq!(condition(&private.status, "Published").0, "True");
    assert_eq!(condition(&private.after_at_source(Outcome::Accepted), "Published").0, "");
}

/// The source is published by its tag alone, and has this tag.
fn by_tag(value: &str) -> Replication {
    let image = Image { tags: tags(&[("channel", value)]), ..source_image(ImageState::Available) };
    published(json!({"tags": {"channel": "stable"}})).sees_source(image).with(|r| {
        r.spec.tags.clear();
        receipt_of(r).parameters.clear();
        let of_copy = Published { image_id: ImageId::from(IMAGE), ..receipt_of(r).clone() };
        r.status.destinations[0].published = Some(of_copy);
        r.status.destinations[0].tag_keys = vec!["channel".to_owned()];
    })
}

/// The same, where the build had put on another before.
fn replacing(value: &str, before: &str) -> Replication {
    by_tag(value).with(|r| {
        receipt_of(r).tag_keys = vec!["channel".to_owned()];
        receipt_of(r).replaced_tags = tags(&[("channel", before)]);
    })
}

fn silent(replication: Replication) -> Replication {
    replication.with(|r| r.spec.publish = None)
}

fn next_receipt(replication: &Replication) -> Published {
    match replication.at_source().step {
        Some(DestinationStep::Record(DestinationRecord::Publication(PublicationRecord::Publishing(
            next,
        )))) => next,
        other => panic!("{other:?}"),
    }
}

fn candidate() -> Tags {
    tags(&[("channel", "candidate")])
}

#[test]
fn what_the_source_had_is_written_down_before_it_is_replaced() {
    assert_eq!(next_receipt(&without_receipt(by_tag("candidate"))).replaced_tags, candidate());
    let later = next_receipt(&by_tag("candidate"));
    assert_eq!((later.replaced_tags, later.tag_keys), (candidate(), vec!["channel".to_owned()]));
    assert_eq!(
        replacing("candidate", "candidate").says_at_source(),
        r#"CreateTags {"channel": "stable"} as repair"#
    );
}

#[test]
fn the_source_gets_back_what_it_had_before_it_was_published() {
    let says = |value, before| silent(replacing(value, before)).says_at_source();
    assert_eq!(says("stable", "candidate"), r#"CreateTags {"channel": "candidate"}"#);
    assert_eq!(says("candidate", "candidate"), format!("record publishing {SOURCE} after nothing"));
}

#[test]
fn a_tag_that_the_source_had_all_the_time_stays_on_it() {
    let says = silent(replacing("stable", "stable")).says_at_source();
    assert_eq!(says, format!("record publishing {SOURCE} after nothing"));
}

#[test]
fn a_tag_that_publishes_no_longer_is_replaced_and_then_forgotten() {
    let other = replacing("stable", "candidate").with(|r| {
        r.spec.publish = Some(serde_json::from_value(json!({"tags": {"stage": "prod"}})).expect("publish"));
        receipt_of(r).tag_keys.push("stage".to_owned());
        r.status.source_region.as_mut().expect("some").observed_generation = Some(0);
    });
    let back = r#"CreateTags {"channel": "candidate", "stage": "prod"}"#;
    assert_eq!(other.says_at_source(), back);
    let mut after = other.after_at_source(Outcome::Accepted).source_region.expect("a region");
    let left = after.published.take().expect("a receipt");
    assert_eq!((left.tag_keys, left.replaced_tags), (vec!["stage".to_owned()], Tags::new()));
}

#[test]
fn the_source_before_gets_back_what_it_had_too() {
    let before = Image {
        id: ImageId::from(FORMER),
        tags: tags(&[("channel", "stable")]),
        ..source_image(ImageState::Available)
    };
    let next =
        next_receipt(&replacing("candidate", "candidate").with(|r| receipt_of(r).image_id = FORMER.into()));
    assert_eq!((next.replaced_tags.clone(), next.previous_replaced_tags.clone()), (candidate(), candidate()));
    let succeeded = by_tag("stable").sees_source(before).with(|r| {
        r.status.source_region.as_mut().expect("some").published = Some(next);
    });
    assert_eq!(succeeded.says_at_source(), r#"CreateTags {"channel": "candidate"}"#);
}

#[test]
fn a_parameter_that_holds_the_source_is_deleted_when_nothing_is_to_be_published() {
    let put = published(by_parameter()).sees_source(source_image(ImageState::Available)).with(|r| {
        receipt_of(r).parameters[0].value = Some(ImageId::from(SOURCE));
        r.spec.publish = None;
    });
    assert_eq!(put.says_at_source(), format!("DeleteParameter {NAME}"));
}
