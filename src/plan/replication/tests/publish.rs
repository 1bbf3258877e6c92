//! How consumers are told: after everything else, and only by what is ours.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    api::{
        DeletionPolicy, ImageReplicationStatus, LaunchState,
        image_replication::{DestinationStatus, Published, PutParameterStatus},
    },
    model::{
        Answer, Disposition, Image, ImageId, ImageState, ParameterTier, PutParameter, Query, Seen, Tags,
        ownership::Role,
    },
    plan::{
        Pace, Progress,
        fixtures::*,
        replication::{
            DestinationCall, DestinationRecord, DestinationStep, DriftKind, Matter, PublicationRecord,
        },
    },
    status::Outcome,
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
        tag_keys: Vec::new(),
        previous_image_id: previous.map(ImageId::from),
        previous_tag_keys: Vec::new(),
        replaced_tags: Tags::new(),
        previous_replaced_tags: Tags::new(),
        parameters: vec![PutParameterStatus {
            name: NAME.to_owned(),
            value: None,
            put_at: None,
            unseen_puts: None,
        }],
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
    assert_eq!(foreign(adopt.clone()).says(), format!("TagParameter {NAME}"));
    let holds_it_already = holding(foreign(adopt), IMAGE);
    assert_eq!(holds_it_already.says(), format!("TagParameter {NAME}"));
    assert_eq!(tagged(holds_it_already, ours()).says(), "record in sync");
    assert_eq!(holding(foreign(by_parameter()), IMAGE).says(), "record in sync");
}

#[test]
fn complete_sharing_is_written_down_though_something_else_is_not_as_it_should_be() {
    let held = tagged(holding(published(by_parameter()), FORMER), Tags::new()).with(|r| {
        r.spec.sharing = Some(serde_json::from_value(json!({"organizationARNs": []})).expect("sharing"));
    });
    let held = held.sees(Query::LaunchPermissions(ImageId::from(IMAGE)), Answer::Grants(Box::default()));
    assert_eq!(held.says(), "record shared");
    assert!(matches!(held.ireland().progress, Progress::Blocked(f) if f.reason == "ParameterNotOwned"));
    let status = held.after(Outcome::NoCall);
    assert_eq!(held.with(|r| r.status = status).says(), "blocked ParameterNotOwned");
}

/// Put so long ago, so many times without being seen since.
fn put_before(age: i64, unseen: Option<i32>) -> Replication {
    tagged(holding(published(by_parameter()), FORMER), ours()).with(|r| {
        let parameter = &mut receipt_of(r).parameters[0];
        parameter.value = Some(ImageId::from(IMAGE));
        parameter.put_at = Some(time(-age));
        parameter.unseen_puts = unseen;
    })
}

#[test]
fn the_validation_of_a_parameter_is_waited_for() {
    let pending = put_before(60, Some(1));
    assert_eq!(pending.says(), "wait Publishing");
    assert_eq!(pending.ireland().check_after.expect("a pause").as_secs(), 60);
    assert_eq!(pace(&pending), Pace::Tick);
    assert_eq!(pace(&holding(pending, IMAGE)), Pace::Every(Duration::from_mins(10)));
}

#[test]
fn a_parameter_that_never_holds_the_value_is_told_and_put_again_slowly() {
    let overdue = put_before(120, Some(1));
    assert_eq!(overdue.says(), "blocked ParameterNotValidated");
    assert_eq!(overdue.ireland().check_after.expect("a pause").as_secs(), 480);
    let Progress::Blocked(told) = &overdue.ireland().shown[&Matter::Published] else { panic!() };
    for part in [NAME, EU, IMAGE, "ec2:DescribeImages"] {
        assert!(told.message.contains(part), "{}", told.message);
    }
    let again = in_sync(put_before(600, Some(1)));
    assert_eq!(again.says(), put(IMAGE, "changed"));
    assert_eq!(progress(&again.ireland().progress), "blocked ParameterNotValidated");
    assert_eq!(put_before(1, Some(2)).says(), "blocked ParameterNotValidated");
    let of_others = tagged(put_before(600, Some(2)), Tags::new());
    assert_eq!(of_others.says(), "blocked ParameterNotOwned");
}

#[test]
fn puts_are_counted_until_the_value_is_seen() {
    let count = |status: ImageReplicationStatus| {
        let published = status.destinations[0].published.clone().expect("a receipt");
        published.parameters[0].unseen_puts
    };
    assert_eq!(count(missing(published(by_parameter())).after(Outcome::Accepted)), Some(1));
    assert_eq!(count(put_before(600, Some(1)).after(Outcome::Accepted)), Some(2));
    assert_eq!(count(put_before(60, Some(1)).after(Outcome::NoCall)), Some(1));
    assert_eq!(count(holding(put_before(60, Some(1)), IMAGE).after(Outcome::NoCall)), None);
}

#[test]
fn a_value_that_is_found_is_written_down_though_its_put_was_not() {
    let died_after_the_put = holding(published(by_parameter()), IMAGE).with(|r| {
        receipt_of(r).parameters[0].value = Some(ImageId::from(FORMER));
    });
    let status = died_after_the_put.after(Outcome::NoCall);
    let published = status.destinations[0].published.as_ref().expect("a receipt");
    assert_eq!(published.parameters[0].value, Some(ImageId::from(IMAGE)));
}

#[test]
fn a_value_that_was_put_is_not_taken_for_seen_after_a_restart() {
    let restarted = in_sync(put_before(60, Some(1))).with(|r| {
        r.sightings.insert(&ireland(), Query::Parameter(NAME.to_owned()), Seen::Unknown);
    });
    assert_eq!(restarted.says(), "wait Publishing");
}

fn request(replication: &Replication) -> PutParameter {
    match replication.ireland().step {
        Some(DestinationStep::Call(DestinationCall::PutParameter(request))) => request,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_parameter_is_put_into_the_tier_that_is_asked_for() {
    let advanced = json!({"ssmParameters": [{"name": NAME, "tier": "Advanced"}]});
    let tier = |publish| request(&missing(published(publish))).tier;
    assert_eq!(tier(advanced), Some(ParameterTier::Advanced));
    assert_eq!(tier(by_parameter()), None);
}

#[test]
fn a_tier_that_aws_refuses_is_told_until_the_next_edit() {
    let standard = json!({"ssmParameters": [{"name": NAME, "tier": "Standard"}]});
    let refused = tagged(holding(published(standard), FORMER), ours());
    let status = refused.after(Outcome::Failed(error("ValidationException")));
    let told = |kind| {
        let found = status.destinations[0].conditions.iter().find(|c| c.type_ == kind);
        found.map(|c| (c.status.as_str(), c.reason.as_str()))
    };
    assert_eq!(told("Stalled"), Some(("True", "InvalidRequest")));
    assert_eq!(told("Published"), Some(("False", "InvalidRequest")));
    assert_eq!(error("ValidationException").class().disposition(), Disposition::Rejected);
}

#[test]
fn a_new_parameter_has_the_tags_of_the_images_that_systems_manager_takes() {
    let odd = tags(&[("team", "web & db"), ("café", "stable v1.2"), ("a(b)", "c")]);
    let image = Image { tags: copy_owner().tags(&odd, Role::Copy, 1, None), ..copy(ImageState::Available) };
    let new = missing(published(by_parameter())).sees_image(image).with(|r| {
        r.status.destinations[0].tag_keys = odd.keys().cloned().collect();
        r.spec.tags = odd;
    });
    let expected = copy_owner().tags(&tags(&[("café", "stable v1.2")]), Role::Parameter, 1, None);
    assert_eq!(request(&new).new_with, Some(expected));
}

#[test]
fn a_parameter_that_somebody_changed_is_put_back() {
    let changed = in_sync(put_before(9000, None));
    assert_eq!(changed.says(), put(IMAGE, "changed") + " as repair");
    assert_eq!(changed.ireland().drift.expect("drift").kind, DriftKind::Parameter);
}

#[test]
fn a_parameter_that_is_put_for_the_first_time_is_no_repair() {
    assert_eq!(in_sync(missing(published(by_parameter()))).says(), put(IMAGE, "new"));
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

/// A copy's, with one of the manifest.
fn with_channel(value: &str) -> Tags {
    copy_owner().tags(&tags(&[("channel", value)]), Role::Copy, 1, None)
}

fn without_channel() -> Tags {
    copy_owner().tags(&Tags::new(), Role::Copy, 1, None)
}

fn former_image(value: &str) -> Image {
    Image {
        id: ImageId::from(FORMER),
        tags: with_channel(value),
        devices: Vec::new(),
        ..copy(ImageState::Available)
    }
}

/// The receipt in Ireland.
fn receipt_of(replication: &mut Replication) -> &mut Published {
    replication.status.destinations[0].published.as_mut().expect("some")
}

/// The image after [`FORMER`] is published, with this tag; the former one has that.
fn succeeding(publish: Value, newest: &str, former: &str) -> Replication {
    let image = Image { tags: with_channel(newest), ..copy(ImageState::Available) };
    publishing(publish).sees_image(image).sees_image(former_image(former)).with(|r| {
        let keys = vec!["channel".to_owned()];
        let published =
            Published { tag_keys: keys.clone(), previous_tag_keys: keys, ..receipt(Some(FORMER)) };
        r.status.destinations[0].published = Some(published);
    })
}

fn without_parameters(replication: Replication) -> Replication {
    replication.with(|r| receipt_of(r).parameters.clear())
}

fn clean(replication: Replication) -> Replication {
    replication.with(|r| receipt_of(r).previous_tag_keys.clear())
}

fn pinned_parameter() -> Replication {
    let publish = json!({"ssmParameters": [{"name": NAME}], "pin": "Previous"});
    let replication = clean(succeeding(publish, "stable", "stable"));
    tagged(holding(replication, IMAGE), ours())
}

#[test]
fn a_pinned_parameter_goes_back_to_the_image_before() {
    assert_eq!(pinned_parameter().says(), put(FORMER, "changed"));
}

/// The parameter was put with this image, and holds it.
fn naming(id: &str, replication: Replication) -> Replication {
    tagged(holding(replication, id), ours())
        .with(|r| receipt_of(r).parameters[0].value = Some(ImageId::from(id)))
}

fn published_in(state: ImageState) -> Replication {
    naming(IMAGE, published(by_parameter())).sees_image(copy(state))
}

fn deleted() -> String {
    format!("DeleteParameter {NAME}")
}

#[test]
fn a_parameter_does_not_stay_at_a_copy_that_is_gone() {
    let gone = || naming(IMAGE, published(by_parameter())).misses(Query::Image(ImageId::from(IMAGE)), 9, 900);
    assert_eq!(gone().says(), deleted());
    let refused_again_and_again = gone().with(|r| {
        let copy = &mut r.status.destinations[0];
        let published = copy.published.take();
        *copy = DestinationStatus { published, ..asked(EU, 1) };
    });
    assert_eq!(refused_again_and_again.says(), deleted());
    let once = naming(IMAGE, published(by_parameter())).misses(Query::Image(ImageId::from(IMAGE)), 1, 0);
    assert!(!once.says().contains("Parameter"), "one empty answer takes nothing back");
}

#[test]
fn a_parameter_does_not_stay_at_a_copy_that_somebody_disabled_unless_it_is_enabled_again() {
    assert_eq!(published_in(ImageState::Disabled).says(), deleted());
    let mended =
        published_in(ImageState::Disabled).with(|r| r.spec.launch_state = Some(LaunchState::Enabled));
    assert_eq!(mended.says(), "EnableImage");
}

#[test]
fn an_image_is_told_to_nobody_before_it_is_disabled() {
    let disabling = published_in(ImageState::Available);
    assert_eq!(disabling.with(|r| r.spec.launch_state = Some(LaunchState::Disabled)).says(), deleted());
}

#[test]
fn what_is_no_longer_published_is_taken_back_though_the_copy_is_not_as_it_should_be() {
    let foreign = Image { tags: Tags::new(), ..copy(ImageState::Available) };
    let blocked = published_in(ImageState::Available).sees_image(foreign);
    assert_eq!(blocked.says(), "blocked CopyNotOwned");
    assert_eq!(blocked.with(|r| r.spec.publish = None).says(), deleted());
}

#[test]
fn a_pinned_image_that_is_gone_takes_the_parameter_along_and_no_other_takes_its_place() {
    let gone = || naming(FORMER, pinned_parameter()).misses(Query::Image(ImageId::from(FORMER)), 9, 900);
    assert_eq!(gone().says(), deleted());
    let forgotten = gone().with(|r| receipt_of(r).parameters[0].value = None);
    assert_eq!(forgotten.says(), "blocked PinnedImageGone");
}

#[test]
fn the_image_that_was_pinned_stays_published_until_all_regions_have_the_next_one() {
    let unpinned = prepared(naming(FORMER, published(by_parameter())))
        .into_regions(&[EU, "eu-west-3"])
        .sees_image(former_image("stable"))
        .misses(Query::Image(ImageId::from("ami-9")), 9, 900)
        .with(|r| {
            receipt_of(r).image_id = ImageId::from("ami-9");
            receipt_of(r).previous_image_id = Some(ImageId::from(FORMER));
        });
    assert_eq!(unpinned.says(), "wait Publishing");
}

#[test]
fn a_pinned_image_that_is_gone_is_told_and_not_published() {
    let gone = pinned_parameter().misses(Query::Image(ImageId::from(FORMER)), 9, 60);
    assert_eq!(gone.says(), "blocked PinnedImageGone");
    let disabled = Image { state: ImageState::Disabled, ..former_image("stable") };
    assert_eq!(pinned_parameter().sees_image(disabled).says(), "blocked PinnedImageGone");
}

#[test]
fn a_pinned_image_stays_published_whatever_is_copied() {
    let newer = || {
        let newer = pinned_parameter().with(|r| {
            receipt_of(r).image_id = ImageId::from("ami-9");
            receipt_of(r).tag_keys.clear();
        });
        holding(newer, FORMER)
    };
    assert_eq!(newer().says(), format!("record prepared {IMAGE}"), "regions without a pin wait for it");
    assert_eq!(prepared(newer()).says(), "record in sync");
}

#[test]
fn an_image_between_the_pinned_one_and_the_newest_loses_its_tags() {
    let publish = json!({"tags": {"channel": "published"}, "pin": "Previous"});
    let between = Image { id: ImageId::from("ami-9"), ..former_image("published") };
    let newer = prepared(untagged(without_parameters(succeeding(publish, "", "published"))))
        .sees_image(Image { tags: without_channel(), ..copy(ImageState::Available) })
        .sees_image(between)
        .with(|r| {
            receipt_of(r).image_id = ImageId::from("ami-9");
            r.status.destinations[0].tag_keys.clear();
        });
    assert_eq!(newer.says(), r#"DeleteTags ["channel"]"#);
}

#[test]
fn what_is_published_is_kept_true_while_the_next_copy_is_made() {
    let copying = |publish: Option<Value>| {
        let under_way = DestinationStatus {
            image_id: Some(ImageId::from("ami-9")),
            available_at: None,
            published: Some(receipt(None)),
            ..kept(EU)
        };
        let new = Replication::of(vec![under_way])
            .sees_image(copy(ImageState::Available))
            .sees_image(Image { id: ImageId::from("ami-9"), ..copy(ImageState::Pending) });
        tagged(holding(new, FORMER), ours()).with(|r| {
            r.spec.publish = publish.map(|publish| serde_json::from_value(publish).expect("publish"));
        })
    };
    assert_eq!(copying(Some(by_parameter())).says(), put(IMAGE, "changed"));
    assert_eq!(copying(None).says(), format!("DeleteParameter {NAME}"));
    assert_eq!(progress(&copying(None).ireland().progress), "wait Withdrawing");
}

fn next_after(former: &[&str]) -> Published {
    let replaced = prepared(published(by_parameter())).with(|r| {
        receipt_of(r).image_id = ImageId::from("ami-9");
        receipt_of(r).previous_image_id = Some(ImageId::from(FORMER));
        r.status.destinations[0].previous = former.iter().map(|id| previous(id)).collect();
    });
    match replaced.ireland().step {
        Some(DestinationStep::Record(DestinationRecord::Publication(PublicationRecord::Publishing(
            next,
        )))) => next,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_copy_that_was_lost_is_no_image_to_go_back_to() {
    assert_eq!(next_after(&["ami-9", FORMER]).previous_image_id, Some(ImageId::from("ami-9")));
    assert_eq!(next_after(&[FORMER]).previous_image_id, Some(ImageId::from(FORMER)));
}

#[test]
fn a_parameter_that_is_taken_off_goes_before_the_next_image_is_published() {
    let replaced = tagged(prepared(published(json!({}))), ours())
        .with(|r| receipt_of(r).image_id = ImageId::from("ami-9"));
    assert_eq!(replaced.says(), format!("DeleteParameter {NAME}"));
}

fn stable() -> Value {
    json!({"tags": {"channel": "published"}})
}

#[test]
fn tags_that_publish_are_laid_over_the_others_at_that_moment() {
    let before = prepared(publishing(stable()));
    assert_eq!(before.says(), format!("record publishing {IMAGE} after nothing"));
    let after = without_parameters(published(stable()));
    assert_eq!(after.says(), r#"CreateTags {"channel": "published"}"#);
}

/// The same, where the copies have no such tag of their own.
fn untagged(replication: Replication) -> Replication {
    replication.with(|r| {
        r.spec.tags.clear();
        r.status.destinations[0].tag_keys = vec!["channel".to_owned()];
    })
}

fn succeeding_by_tags(former: &str) -> Replication {
    without_parameters(untagged(succeeding(stable(), "published", former)))
}

#[test]
fn the_image_before_loses_the_tags_that_publish() {
    assert_eq!(succeeding_by_tags("published").says(), r#"DeleteTags ["channel"]"#);
    let off = || succeeding_by_tags("").sees_image(Image { tags: Tags::new(), ..former_image("") });
    assert_eq!(off().says(), format!("record publishing {IMAGE} after {FORMER}"));
    assert_eq!(clean(off()).says(), "record in sync");
}

#[test]
fn the_image_before_gets_back_what_all_copies_have() {
    let back = without_parameters(succeeding(stable(), "published", "published"));
    assert_eq!(back.says(), r#"CreateTags {"channel": "stable"}"#);
}

#[test]
fn without_publish_all_images_lose_its_tags() {
    let silent = || {
        let image = Image { tags: without_channel(), ..copy(ImageState::Available) };
        succeeding_by_tags("published").sees_image(image).with(|r| {
            r.spec.publish = None;
            r.status.destinations[0].tag_keys.clear();
        })
    };
    assert_eq!(silent().says(), r#"DeleteTags ["channel"]"#);
    let gone = || silent().misses(Query::Image(ImageId::from(FORMER)), 9, 60);
    assert_eq!(gone().says(), format!("record publishing {IMAGE} after {FORMER}"));
    assert_eq!(clean(gone()).with(|r| receipt_of(r).tag_keys.clear()).says(), "record withdrawn");
}

#[test]
fn a_pin_gives_the_tags_back_to_the_image_before() {
    let pinned = |newest| {
        let publish = json!({"tags": {"channel": "published"}, "pin": "Previous"});
        without_parameters(succeeding(publish, newest, "other"))
    };
    assert_eq!(clean(pinned("published")).says(), r#"CreateTags {"channel": "stable"}"#);
    assert_eq!(clean(pinned("stable")).says(), format!("record publishing {IMAGE} after {FORMER}"));
    assert_eq!(pinned("stable").says(), r#"CreateTags {"channel": "published"}"#);
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
