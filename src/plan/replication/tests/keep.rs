//! One region: making the copy and keeping it true.

use std::time::Duration;

use crate::{
    api::image_build::FailureStatus,
    api::image_replication::DestinationStatus,
    model::{CopyImage, Image, ImageId, ImageState, Query, Snapshot, SnapshotState, Tags, ownership},
    plan::{
        Failure, Pace, Progress, WaitingOn,
        fixtures::*,
        naming,
        replication::{CopyRecord, DestinationCall, DestinationRecord, DestinationStep},
        timing,
    },
};

const EU: &str = "eu-west-1";

fn images() -> Query {
    Query::ImagesOf(copy_owner().uid)
}

fn with(change: impl FnOnce(&mut DestinationStatus), mut copy: DestinationStatus) -> Replication {
    change(&mut copy);
    Replication::of(vec![copy])
}

fn failed(attempt: i32, age: i64) -> DestinationStatus {
    let failure = FailureStatus { reason: "CopyFailed".into(), message: "no key".into(), time: time(-age) };
    let failed_attempts = attempt;
    DestinationStatus {
        attempt: Some(attempt),
        failed_attempts,
        failure: Some(failure),
        ..begun(EU, age + 60)
    }
}

/// The failed copy is gone.
fn removed(attempt: i32, age: i64) -> Replication {
    Replication::of(vec![DestinationStatus { image_id: None, ..failed(attempt, age) }])
}

fn request(replication: &Replication) -> CopyImage {
    match replication.ireland().step {
        Some(DestinationStep::Call(DestinationCall::CopyImage(request))) => request,
        other => panic!("{other:?}"),
    }
}

fn intent(replication: &Replication) -> DestinationStatus {
    match replication.ireland().step {
        Some(DestinationStep::Record(DestinationRecord::Copy(CopyRecord::Attempt(intent)))) => *intent,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_intent_is_written_before_the_call() {
    let replication = Replication::of(vec![]);
    assert_eq!(replication.says(), "record attempt 1 (0 previous)");
    assert!(intent(&replication).client_token.is_some());
    assert_eq!(intent(&replication).requested_at, Some(time(0)));
}

fn full(replication: Replication) -> Replication {
    replication.with(|r| r.full = vec![ireland()])
}

#[test]
fn a_copy_is_neither_written_down_nor_asked_for_before_its_turn() {
    assert_eq!(full(Replication::of(vec![])).says(), "wait WaitingForCopySlot");
    assert_eq!(full(Replication::of(vec![asked(EU, 1)])).says(), "wait WaitingForCopySlot");
    assert_eq!(progress(&full(Replication::of(vec![])).plan().progress), "wait WaitingForCopySlot");
}

#[test]
fn a_copy_that_is_under_way_needs_no_turn() {
    let begun = Replication::of(vec![begun(EU, 60)]).sees_image(copy(ImageState::Pending));
    assert_eq!(full(begun).says(), "wait WaitingForImage");
}

#[test]
fn the_intent_knows_which_tags_it_will_have_put_on() {
    assert_eq!(intent(&Replication::of(vec![])).tag_keys, ["channel"]);
}

#[test]
fn a_copy_takes_as_long_as_the_manifest_gives_it() {
    let replication = Replication::of(vec![asked(EU, 1)]);
    assert_eq!(request(&replication).completion_minutes, None);
    let replication = replication.with(|r| r.spec.time_based_copy_minutes = Some(45));
    assert_eq!(request(&replication).completion_minutes, Some(45));
}

#[test]
fn a_fresh_intent_is_carried_out_without_a_search() {
    let replication = Replication::of(vec![asked(EU, 1)]);
    assert_eq!(replication.says(), format!("CopyImage {SOURCE}"));
    assert!(replication.plan().watches.is_empty());
}

#[test]
fn the_same_receipts_give_the_same_request_at_any_time() {
    let late = Replication::of(vec![asked(EU, 1)]).with(|r| r.now = at(20));
    assert_eq!(request(&Replication::of(vec![asked(EU, 1)])), request(&late));
}

#[test]
fn a_copy_carries_the_ownership_in_its_create_call() {
    let request = request(&Replication::of(vec![asked(EU, 1)]));
    assert!(copy_owner().owns_attempt(&request.tags, 1));
    assert_eq!(request.tags.get("channel").map(String::as_str), Some("stable"));
    assert_eq!(request.tags.get(ownership::ROLE).map(String::as_str), Some("copy"));
}

#[test]
fn a_copy_is_named_as_its_source_unless_told_otherwise() {
    let replication = Replication::of(vec![asked(EU, 1)]);
    assert_eq!(request(&replication).name, "base");
    let named = replication.with(|r| r.spec.image_name = Some("golden".to_owned()));
    assert_eq!(request(&named).name, "golden");
}

#[test]
fn a_copy_with_a_key_is_encrypted_with_it() {
    let replication = Replication::of(vec![asked(EU, 1)]).encrypted_with("alias/golden");
    assert_eq!(request(&replication).kms_key_id.as_deref(), Some("alias/golden"));
}

#[test]
fn a_region_that_is_added_again_with_another_key_has_a_copy_made_with_it() {
    let other_key = |copy: DestinationStatus| {
        let replication = Replication::of(vec![copy]).encrypted_with("alias/golden");
        replication.with(|r| r.status.destinations[0].kms_key_id = Some("alias/old".to_owned()))
    };
    let intent = intent(&other_key(kept(EU)).sees_image(copy(ImageState::Available)));
    assert_eq!(intent.kms_key_id.as_deref(), Some("alias/golden"));
    assert_eq!(intent.previous[0].image_id, ImageId::from(IMAGE));
    let under_way = other_key(begun(EU, 60))
        .sees_image(copy(ImageState::Pending))
        .sees_images_of_ours(vec![copy(ImageState::Pending)]);
    assert_eq!(under_way.says(), format!("DeregisterImage {IMAGE}"));
}

#[test]
fn another_source_region_key_or_attempt_is_another_token() {
    let (owner, source) = (copy_owner(), ImageId::from(SOURCE));
    let tokens = [
        naming::copy_token(&owner, &ireland(), &source, None, 1),
        naming::copy_token(&owner, &region(), &source, None, 1),
        naming::copy_token(&owner, &ireland(), &ImageId::from(IMAGE), None, 1),
        naming::copy_token(&owner, &ireland(), &source, Some("alias/golden"), 1),
        naming::copy_token(&owner, &ireland(), &source, None, 2),
    ];
    let distinct: std::collections::BTreeSet<_> = tokens.iter().collect();
    assert_eq!(distinct.len(), tokens.len());
}

#[test]
fn an_old_or_uncertain_intent_is_looked_for_first() {
    let lost = with(|c| c.uncertain = Some("NoAnswer".to_owned()), asked(EU, 1));
    for replication in [Replication::of(vec![asked(EU, 31)]), lost] {
        assert_eq!(replication.says(), "wait LookingForCopy");
        assert_eq!(replication.plan().watches[0].query, images());
    }
}

#[test]
fn a_copy_that_was_begun_is_adopted() {
    let replication =
        Replication::of(vec![asked(EU, 31)]).sees_images_of_ours(vec![copy(ImageState::Pending)]);
    assert_eq!(replication.says(), format!("record found {IMAGE}"));
}

#[test]
fn a_copy_of_another_attempt_is_not_this_one_s() {
    let mut other = copy(ImageState::Available);
    other.tags = copy_owner().tags(&Tags::new(), ownership::Role::Copy, 2, None);
    let replication = Replication::of(vec![asked(EU, 31)]).sees_images_of_ours(vec![other]);
    assert_eq!(replication.says(), format!("CopyImage {SOURCE}"));
}

#[test]
fn a_copy_from_before_the_region_was_taken_off_is_not_the_new_one() {
    let old = Image { created_at: Some(at(-3600)), ..copy(ImageState::Available) };
    let replication = Replication::of(vec![asked(EU, 31)]).sees_images_of_ours(vec![old]);
    assert_eq!(replication.says(), format!("CopyImage {SOURCE}"));
}

#[test]
fn one_empty_answer_does_not_make_a_second_copy() {
    assert_eq!(Replication::of(vec![asked(EU, 31)]).misses(images(), 1, 0).says(), "wait LookingForCopy");
}

#[test]
fn a_copy_that_stays_missing_is_asked_for_again_with_its_token() {
    let replication = Replication::of(vec![asked(EU, 31)]).lacks_images();
    assert_eq!(Some(request(&replication).client_token), asked(EU, 31).client_token);
}

#[test]
fn a_token_known_with_other_parameters_belongs_to_a_copy_however_old() {
    let old = Image { created_at: Some(at(-3600)), ..copy(ImageState::Available) };
    let replication =
        with(|c| c.uncertain = Some(TOKEN_MISMATCH.to_owned()), asked(EU, 10)).sees_images_of_ours(vec![old]);
    assert_eq!(replication.says(), format!("record found {IMAGE}"));
}

#[test]
fn a_token_known_with_other_parameters_is_given_up_after_the_window() {
    let mismatch = |age| {
        with(|c| c.uncertain = Some(TOKEN_MISMATCH.to_owned()), asked(EU, age))
            .sees_images_of_ours(vec![previous_image_of_attempt_2()])
    };
    assert_eq!(mismatch(299).says(), "wait LookingForCopy");
    assert_eq!(mismatch(299).ireland().check_after, Some(Duration::from_secs(1)));
    assert_eq!(mismatch(300).says(), "record attempt 2 (0 previous)");
}

fn previous_image_of_attempt_2() -> Image {
    Image { tags: copy_owner().tags(&Tags::new(), ownership::Role::Copy, 2, None), ..previous_image() }
}

#[test]
fn a_copy_under_way_is_waited_for() {
    for state in [ImageState::Pending, ImageState::Transient, ImageState::Other("new".to_owned())] {
        let replication = Replication::of(vec![begun(EU, 60)]).sees_image(copy(state));
        assert_eq!(replication.says(), "wait WaitingForImage");
    }
}

#[test]
fn the_progress_counts_this_attempt_s_snapshots_only() {
    let of = |attempt, progress| Snapshot {
        tags: copy_owner().tags(&Tags::new(), ownership::Role::Copy, attempt, None),
        ..snapshot(progress)
    };
    let replication = Replication::of(vec![begun(EU, 60)])
        .sees_image(copy(ImageState::Pending))
        .sees_snapshots(vec![of(1, 70), of(2, 10)]);
    let Progress::Moving(WaitingOn::Image { progress, .. }) = replication.ireland().progress else {
        panic!()
    };
    assert_eq!(progress, Some(70));
}

#[test]
fn a_finished_copy_is_written_down() {
    for state in [ImageState::Available, ImageState::Disabled] {
        let replication = Replication::of(vec![begun(EU, 60)]).sees_image(copy(state));
        assert_eq!(replication.says(), format!("record available {IMAGE}"));
    }
}

#[test]
fn a_copy_that_will_never_be_available_has_failed() {
    for state in [ImageState::Invalid, ImageState::Deregistered, ImageState::Failed, ImageState::Error] {
        let replication = Replication::of(vec![begun(EU, 60)]).sees_image(copy(state));
        assert_eq!(replication.says(), "record failed CopyFailed");
    }
}

/// A pending copy, and a snapshot of this attempt that came to nothing, made for this image.
fn pending_with_a_broken_snapshot_for(image: &str, why: &str) -> Replication {
    let broken = Snapshot {
        state: SnapshotState::Error,
        state_message: Some(why.to_owned()),
        description: format!(
            "Copied for DestinationAmi {image} from SourceAmi {SOURCE} for SourceSnapshot snap-0."
        ),
        tags: copy_owner().tags(&Tags::new(), ownership::Role::Copy, 1, None),
        ..snapshot(0)
    };
    Replication::of(vec![begun(EU, 60)]).sees_image(copy(ImageState::Pending)).sees_snapshots(vec![broken])
}

fn failure(replication: &Replication) -> Failure {
    match replication.ireland().step {
        Some(DestinationStep::Record(DestinationRecord::Copy(CopyRecord::Failed(failure)))) => failure,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_pending_copy_with_a_snapshot_in_error_has_failed() {
    let Failure { reason, message } = failure(&pending_with_a_broken_snapshot_for(IMAGE, "it broke"));
    assert_eq!(reason, "CopyFailed");
    assert!(message.ends_with(&format!("will never be available: {SNAPSHOT}: it broke")), "{message}");
}

#[test]
fn an_internal_error_of_an_encrypted_copy_is_likely_its_key() {
    let broken = || pending_with_a_broken_snapshot_for(IMAGE, "Copy image failed with an internal error.");
    assert!(!failure(&broken()).message.contains("kms:"));
    let Failure { reason, message } = failure(&broken().encrypted_with("alias/images"));
    assert_eq!(reason, "CopyFailed");
    assert!(
        message.contains("likely its key cannot be used: key alias/images must exist in eu-west-1"),
        "{message}"
    );
    assert!(message.contains("\"kms:CreateGrant\""), "{message}");
}

#[test]
fn a_copy_whose_key_cannot_be_used_says_what_the_key_s_policy_must_allow() {
    let replication = pending_with_a_broken_snapshot_for(IMAGE, "Given key ID is not accessible");
    let Failure { reason, message } = failure(&replication);
    assert_eq!(reason, "KeyNotUsable");
    assert!(message.contains("the default EBS encryption key of eu-west-1 must exist"), "{message}");
    for action in ["CreateGrant", "Decrypt", "DescribeKey", "GenerateDataKeyWithoutPlaintext", "ReEncrypt*"] {
        assert!(message.contains(&format!("\"kms:{action}\"")), "{message}");
    }
    let message = failure(&replication.encrypted_with("alias/images")).message;
    assert!(message.contains("key alias/images must exist in eu-west-1"), "{message}");
}

#[test]
fn a_failure_that_a_person_must_end_is_not_called_a_repetition() {
    let replication = removed(1, 10);
    assert_eq!(replication.says(), "wait CopyFailed");
    let replication = replication.with(|r| {
        r.status.destinations[0].failure.as_mut().expect("it failed").reason = "KeyNotUsable".to_owned();
    });
    assert_eq!(replication.says(), "blocked KeyNotUsable");
}

#[test]
fn a_snapshot_in_error_that_was_made_for_another_image_says_nothing_of_a_copy() {
    let replication = pending_with_a_broken_snapshot_for("ami-0000000000000dead", "it broke");
    assert_eq!(replication.says(), "wait WaitingForImage");
}

#[test]
fn a_copy_may_be_missing_for_minutes() {
    let missing = |age| Replication::of(vec![begun(EU, age)]).misses(image_query(), 5, age).says();
    assert_eq!(missing(299), "wait WaitingForImage");
    assert_eq!(missing(300), "record lost");
}

#[test]
fn a_copy_that_was_begun_long_after_it_was_written_down_may_be_missing_as_long() {
    let missing = |age| Replication::of(vec![begun(EU, 900)]).misses(image_query(), 5, age).says();
    assert_eq!(missing(299), "wait WaitingForImage");
    assert_eq!(missing(300), "record lost");
}

#[test]
fn a_new_copy_is_in_sync_when_its_tags_are_right() {
    let replication =
        with(|c| c.observed_generation = None, kept(EU)).sees_image(copy(ImageState::Available));
    assert_eq!(replication.says(), "record in sync");
}

#[test]
fn a_copy_in_sync_is_done_and_looked_at_now_and_then() {
    let replication = Replication::of(vec![kept(EU)]).sees_image(copy(ImageState::Available));
    assert_eq!(replication.says(), "done");
    assert_eq!(replication.plan().watches[0].pace, Pace::Every(Duration::from_mins(10)));
}

#[test]
fn a_copy_in_sync_stays_done_without_an_answer() {
    assert_eq!(Replication::of(vec![kept(EU)]).says(), "done");
}

#[test]
fn a_copy_in_sync_stays_done_on_one_empty_answer() {
    assert_eq!(Replication::of(vec![kept(EU)]).misses(image_query(), 1, 0).says(), "done");
}

#[test]
fn a_copy_that_somebody_removed_is_lost() {
    assert_eq!(Replication::of(vec![kept(EU)]).misses(image_query(), 5, 60).says(), "record lost as repair");
    let shown = Replication::of(vec![kept(EU)]).sees_image(copy(ImageState::Deregistered));
    assert_eq!(shown.says(), "record lost as repair");
}

#[test]
fn a_copy_that_broke_has_failed() {
    for state in [ImageState::Invalid, ImageState::Failed, ImageState::Error] {
        let replication = Replication::of(vec![kept(EU)]).sees_image(copy(state));
        assert_eq!(replication.says(), "record failed CopyFailed");
    }
}

#[test]
fn a_copy_that_somebody_disabled_needs_a_person() {
    let replication = Replication::of(vec![kept(EU)]).sees_image(copy(ImageState::Disabled));
    assert_eq!(replication.says(), "blocked CopyDisabled");
    assert_eq!(replication.ireland().check_after, Some(timing::NEEDS_HELP));
}

#[test]
fn a_tag_of_a_new_generation_is_written_down_and_then_put_on() {
    let known = |keys: &[&str]| {
        let keys = keys.iter().map(|k| (*k).to_owned()).collect();
        with(|c| (c.observed_generation, c.tag_keys) = (Some(0), keys), kept(EU))
            .with(|r| r.spec.tags = tags(&[("channel", "stable"), ("stage", "prod")]))
            .sees_image(copy(ImageState::Available))
    };
    assert_eq!(known(&["channel"]).says(), r#"record tagging ["stage"]"#);
    assert_eq!(known(&["channel", "stage"]).says(), r#"CreateTags {"stage": "prod"}"#);
}

#[test]
fn a_tag_that_somebody_changed_is_repaired() {
    let mut changed = copy(ImageState::Available);
    changed.tags.insert("channel".to_owned(), "other".to_owned());
    let replication = Replication::of(vec![kept(EU)]).sees_image(changed);
    assert_eq!(replication.says(), r#"CreateTags {"channel": "stable"} as repair"#);
}

#[test]
fn tags_are_put_on_the_snapshots_too() {
    let mut changed = copy(ImageState::Available);
    changed.tags.remove("channel");
    let step = Replication::of(vec![kept(EU)]).sees_image(changed).ireland().step;
    let Some(DestinationStep::Call(DestinationCall::CreateTags { resources, .. })) = step else {
        panic!("{step:?}")
    };
    assert_eq!(resources, [IMAGE, SNAPSHOT]);
}

#[test]
fn a_tag_that_is_no_longer_asked_for_is_taken_off() {
    let replication = with(|c| c.observed_generation = Some(0), kept(EU))
        .with(|r| r.spec.tags.clear())
        .sees_image(copy(ImageState::Available));
    assert_eq!(replication.says(), r#"DeleteTags ["channel"]"#);
}

#[test]
fn tags_of_others_are_left_alone() {
    let mut tagged = copy(ImageState::Available);
    tagged.tags.insert("cost-centre".to_owned(), "42".to_owned());
    assert_eq!(Replication::of(vec![kept(EU)]).sees_image(tagged).says(), "done");
}

#[test]
fn a_lost_copy_is_made_again_as_a_new_attempt() {
    let lost =
        DestinationStatus { attempt: Some(1), source_image_id: None, requested_at: None, ..asked(EU, 0) };
    assert_eq!(Replication::of(vec![lost]).says(), "record attempt 2 (0 previous)");
}

#[test]
fn a_finished_copy_of_a_former_source_stays_as_a_previous_one() {
    let replication = with(|c| c.source_image_id = Some(ImageId::from("ami-00000000000000009")), kept(EU));
    assert_eq!(replication.says(), "record attempt 2 (1 previous)");
    assert_eq!(intent(&replication).previous[0].image_id, ImageId::from(IMAGE));
    assert_eq!(intent(&replication).image_id, None);
}

#[test]
fn an_unfinished_copy_of_a_former_source_is_cancelled_first() {
    let replication =
        with(|c| c.source_image_id = Some(ImageId::from("ami-00000000000000009")), begun(EU, 60))
            .sees_images_of_ours(vec![copy(ImageState::Pending)])
            .sees_image(copy(ImageState::Pending));
    assert_eq!(replication.says(), format!("DeregisterImage {IMAGE}"));
}

#[test]
fn the_next_copy_begins_when_the_cancelled_one_is_gone() {
    let replication =
        with(|c| c.source_image_id = Some(ImageId::from("ami-00000000000000009")), begun(EU, 400))
            .lacks_images();
    assert_eq!(replication.says(), "record attempt 2 (0 previous)");
}

#[test]
fn a_failed_copy_is_removed_before_it_is_made_again() {
    let replication = Replication::of(vec![failed(1, 600)])
        .sees_images_of_ours(vec![copy(ImageState::Failed)])
        .sees_image(copy(ImageState::Failed));
    assert_eq!(replication.says(), format!("DeregisterImage {IMAGE}"));
    assert_eq!(Replication::of(vec![failed(1, 600)]).lacks_images().says(), "record failed copy removed");
}

#[test]
fn the_pause_after_a_failed_copy_grows() {
    let pauses: Vec<u64> = [1, 2, 3, 4, 9]
        .iter()
        .map(|n| removed(*n, 0).ireland().check_after.expect("a pause").as_secs())
        .collect();
    assert_eq!(pauses, [60, 120, 240, 480, 3600]);
}

#[test]
fn after_the_pause_the_copy_is_made_again() {
    assert_eq!(removed(1, 59).says(), "wait CopyFailed");
    assert_eq!(removed(1, 60).says(), "record attempt 2 (0 previous)");
}

#[test]
fn a_copy_that_failed_three_times_needs_a_person() {
    assert_eq!(removed(2, 0).says(), "wait CopyFailed");
    assert_eq!(removed(3, 0).says(), "blocked CopyFailed");
}

#[test]
fn a_new_source_does_not_wait_for_the_old_one_s_pause() {
    let replication = removed(5, 1).with(|r| {
        r.status.destinations[0].source_image_id = Some(ImageId::from("ami-00000000000000009"));
    });
    assert_eq!(replication.says(), "record attempt 6 (0 previous)");
    assert_eq!(intent(&replication).failed_attempts, 0);
    assert_eq!(intent(&removed(5, 3600)).failed_attempts, 5);
}

#[test]
fn a_copy_of_a_former_source_that_was_finished_unseen_is_a_former_copy() {
    let outdated = |copy| with(|c| c.source_image_id = Some(ImageId::from("ami-00000000000000009")), copy);
    let known = outdated(begun(EU, 400)).sees_image(copy(ImageState::Available));
    assert_eq!(known.says(), format!("record available {IMAGE}"));
    let image =
        Image { source_image_id: Some("ami-00000000000000009".into()), ..copy(ImageState::Available) };
    let listed = |copy| outdated(copy).lacks_images().sees_images_of_ours(vec![image.clone()]);
    assert_eq!(listed(asked(EU, 400)).says(), format!("record found {IMAGE}"));
    assert_eq!(listed(begun(EU, 400)).says(), "wait LookingForCopy", "it is found already");
}

#[test]
fn a_copy_that_does_not_carry_our_tags_is_left_alone() {
    let foreign = Image { tags: Tags::new(), ..copy(ImageState::Available) };
    assert_eq!(Replication::of(vec![kept(EU)]).sees_image(foreign).says(), "blocked CopyNotOwned");
}

#[test]
fn a_region_of_another_partition_is_refused() {
    let replication = Replication::of(vec![]).with(|r| {
        r.status.source.as_mut().expect("a source").region = "us-gov-west-1".into();
        r.spec.source.image.as_mut().expect("an image").region = "us-gov-west-1".into();
    });
    assert_eq!(replication.says(), "rejected OtherPartition");
}

#[test]
fn the_source_s_own_region_is_refused() {
    let plan = Replication::of(vec![]).into_regions(&["us-east-1"]).plan();
    assert!(
        matches!(&plan.destinations[&region()].progress, Progress::Rejected(f) if f.reason == "SourceRegion")
    );
    assert_eq!(plan.destinations[&region()].step, None);
}

#[test]
fn what_cannot_be_seen_is_trouble_and_never_a_step() {
    for code in ["RequestLimitExceeded", "UnauthorizedOperation", "NoAnswer", "AuthFailure", "SomethingNew"] {
        for copy in [asked(EU, 31), begun(EU, 60), kept(EU), failed(1, 10)] {
            let blind = Replication::of(vec![copy.clone()])
                .cannot_see(images(), code)
                .cannot_see(image_query(), code)
                .cannot_see(Query::SnapshotsOf(copy_owner().uid), code);
            assert_eq!(blind.ireland().progress, Progress::Trouble(error(code)), "{copy:?}");
            assert_eq!(blind.ireland().step, None, "{copy:?}");
        }
    }
}
