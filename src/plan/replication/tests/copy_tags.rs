//! The tags of the source image on its copies.

use super::whole::told;
use crate::{
    api::image_replication::DestinationStatus,
    model::{Answer, Image, ImageId, ImageState, Query, Seen, Tags, ownership::Role},
    plan::{
        fixtures::*,
        replication::{CopyRecord, DestinationCall, DestinationRecord, DestinationStep, ReplicationStep},
    },
};

const EU: &str = "eu-west-1";

/// A replication that wants the tags of its source, which were these when it was found.
fn of_source_with(pairs: &[(&str, &str)], copies: Vec<DestinationStatus>) -> Replication {
    Replication::of(copies).with(|r| {
        r.spec.copy_source_tags = true;
        r.status.source.as_mut().expect("a source").tags = Some(tags(pairs));
    })
}

/// The source image has these tags, and was not read yet.
fn unread(pairs: &[(&str, &str)], copies: Vec<DestinationStatus>) -> Replication {
    let image = Image { tags: tags(pairs), ..source_image(ImageState::Available) };
    Replication::of(copies).with(|r| {
        r.spec.copy_source_tags = true;
        let seen = Seen::Present(Answer::Image(Box::new(image)));
        r.sightings.insert(&region(), Query::Image(ImageId::from(SOURCE)), seen);
    })
}

fn requested(replication: &Replication) -> Tags {
    match replication.ireland().step {
        Some(DestinationStep::Call(DestinationCall::CopyImage(request))) => request.tags,
        other => panic!("{other:?}"),
    }
}

fn owned(user: &[(&str, &str)]) -> Tags {
    copy_owner().tags(&tags(user), Role::Copy, 1, None)
}

#[test]
fn the_source_s_tags_are_read_and_neither_aws_s_nor_a_build_s_ownership() {
    let all =
        [("app", "web"), ("aws:cloudformation:stack-name", "s"), ("ami-operator.dev/uid", "uid-of-a-build")];
    let plan = unread(&all, vec![]).plan();
    let Some(ReplicationStep::RecordSource(source)) = plan.step else { panic!("{}", told(&plan)) };
    assert_eq!(source.tags, Some(tags(&[("app", "web")])));
}

#[test]
fn tags_that_are_not_asked_for_are_not_kept() {
    let replication = of_source_with(&[("app", "web")], vec![]).with(|r| r.spec.copy_source_tags = false);
    let Some(ReplicationStep::RecordSource(source)) = replication.plan().step else { panic!() };
    assert_eq!(source.tags, None);
}

#[test]
fn a_copy_is_made_with_the_source_s_tags_over_which_those_of_the_manifest_are_laid() {
    let replication = of_source_with(&[("app", "web"), ("channel", "nightly")], vec![asked(EU, 1)]);
    assert_eq!(requested(&replication), owned(&[("app", "web"), ("channel", "stable")]));
}

#[test]
fn what_publishes_an_image_is_not_copied_with_the_others() {
    let replication = of_source_with(&[("app", "web"), ("released", "yes")], vec![asked(EU, 1)]).with(|r| {
        r.spec.publish =
            serde_json::from_value(serde_json::json!({"tags": {"released": "yes"}})).expect("a spec");
    });
    assert_eq!(requested(&replication), owned(&[("app", "web"), ("channel", "stable")]));
}

#[test]
fn the_intent_knows_the_source_s_tags_too() {
    let replication = of_source_with(&[("app", "web")], vec![]);
    let Some(DestinationStep::Record(DestinationRecord::Copy(CopyRecord::Attempt(intent)))) =
        replication.ireland().step
    else {
        panic!()
    };
    assert_eq!(intent.tag_keys, ["app", "channel"]);
}

#[test]
fn a_copy_that_is_there_gets_them_when_they_are_known() {
    let changed = DestinationStatus { observed_generation: None, ..kept(EU) };
    let seen = copy(ImageState::Available);
    let replication = of_source_with(&[("app", "web")], vec![changed]).sees_image(seen);
    assert_eq!(replication.says(), r#"record tagging ["app"]"#);
}

#[test]
fn they_are_taken_off_again() {
    let both = DestinationStatus { tag_keys: vec!["app".into(), "channel".into()], ..kept(EU) };
    let seen = Image { tags: owned(&[("app", "web"), ("channel", "stable")]), ..copy(ImageState::Available) };
    let replication = Replication::of(vec![both]).sees_image(seen);
    assert_eq!(replication.says(), r#"DeleteTags ["app"]"#);
}

#[test]
fn more_tags_than_aws_takes_are_refused_before_a_copy_is_begun() {
    let many: Vec<(String, String)> = (0..42).map(|n| (format!("key-{n}"), "v".to_owned())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(of_source_with(&many[..41], vec![]).says(), "record attempt 1 (0 previous)");
    assert_eq!(of_source_with(&many, vec![]).says(), "rejected TooManyTags");
}
