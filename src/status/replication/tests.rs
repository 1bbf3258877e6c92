//! What a replication's status says after a step.

use crate::{
    api::UsedSnapshot,
    api::{DeletionPolicy, ImageReplicationStatus, image_replication::DestinationStatus},
    model::SnapshotId,
    model::{ImageId, ImageState, Query, Snapshot, Tags, ownership::Role},
    plan::fixtures::*,
    status::Outcome,
};

const EU: &str = "eu-west-1";

fn failed(code: &str) -> Outcome {
    Outcome::Failed(error(code))
}

fn only(status: &ImageReplicationStatus) -> &DestinationStatus {
    &status.destinations[0]
}

fn of(
    conditions: &[k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition],
    kind: &str,
) -> (String, String) {
    let found = conditions.iter().find(|c| c.type_ == kind);
    found.map_or_else(Default::default, |c| (c.status.clone(), c.reason.clone()))
}

fn is(status: &ImageReplicationStatus, kind: &str) -> (String, String) {
    of(&status.conditions, kind)
}

fn pair(status: &str, reason: &str) -> (String, String) {
    (status.to_owned(), reason.to_owned())
}

#[test]
fn the_intent_is_written_before_the_call() {
    let status = Replication::of(vec![]).after(Outcome::NoCall);
    assert_eq!(only(&status).client_token, asked(EU, 0).client_token);
    assert_eq!(only(&status).image_id, None);
}

#[test]
fn the_id_is_written_with_the_answer_that_brought_it() {
    let status = Replication::of(vec![asked(EU, 1)]).after(Outcome::ImageCreated(ImageId::from(IMAGE)));
    assert_eq!(only(&status).image_id, Some(ImageId::from(IMAGE)));
}

#[test]
fn a_copy_that_may_have_been_begun_is_marked() {
    for code in ["NoAnswer", "InternalError", "IdempotentParameterMismatch"] {
        let status = Replication::of(vec![asked(EU, 1)]).after(failed(code));
        assert_eq!(only(&status).uncertain.as_deref(), Some(code));
        assert_eq!(only(&status).failure, None);
    }
}

#[test]
fn a_copy_that_ec2_calls_wrong_is_stalled_until_the_next_edit() {
    let status = Replication::of(vec![asked(EU, 1)]).after(failed("InvalidParameterValue"));
    assert_eq!(is(&status, "Stalled"), pair("True", "InvalidRequest"));
    assert_eq!(only(&status).failure, None);
}

#[test]
fn since_when_something_else_uses_a_snapshot_is_remembered_once() {
    let mut used = Vec::new();
    let snapshot = SnapshotId::from(SNAPSHOT);
    for seconds in [0, 60] {
        crate::status::receipts::in_use(&mut used, &snapshot, at(seconds));
    }
    assert_eq!(used, [UsedSnapshot { snapshot_id: snapshot, since: time(0) }]);
}

#[test]
fn a_copy_that_was_held_back_or_denied_leaves_no_receipt() {
    for code in ["RequestLimitExceeded", "UnauthorizedOperation", "ResourceLimitExceeded", "AuthFailure"] {
        let status = Replication::of(vec![asked(EU, 1)]).after(failed(code));
        let unchanged = DestinationStatus { conditions: only(&status).conditions.clone(), ..asked(EU, 1) };
        assert_eq!(*only(&status), unchanged, "{code}");
    }
}

#[test]
fn a_finished_copy_names_its_snapshots() {
    let status =
        Replication::of(vec![begun(EU, 60)]).sees_image(copy(ImageState::Available)).after(Outcome::NoCall);
    assert_eq!(only(&status).available_at, Some(time(0)));
    assert_eq!(only(&status).snapshot_ids[0].0, SNAPSHOT);
    assert_eq!(of(&only(&status).conditions, "Copied"), pair("True", "Copied"));
}

#[test]
fn a_failed_copy_is_no_available_one() {
    let status = Replication::of(vec![kept(EU)]).sees_image(copy(ImageState::Failed)).after(Outcome::NoCall);
    assert_eq!(only(&status).available_at, None);
    assert_eq!(only(&status).failure.as_ref().expect("a failure").reason, "CopyFailed");
}

#[test]
fn a_lost_copy_keeps_its_attempt_and_counts_as_drift() {
    let status = Replication::of(vec![kept(EU)]).misses(image_query(), 5, 60).after(Outcome::NoCall);
    let lost = only(&status);
    assert_eq!((lost.attempt, &lost.image_id, &lost.requested_at), (Some(1), &None, &None));
    assert_eq!(status.drift_repaired, 1);
}

#[test]
fn a_copy_lost_before_it_was_there_is_no_drift() {
    let status = Replication::of(vec![begun(EU, 400)]).misses(image_query(), 5, 300).after(Outcome::NoCall);
    assert_eq!(status.drift_repaired, 0);
}

fn tampered() -> Replication {
    let mut image = copy(ImageState::Available);
    image.tags.remove("channel");
    Replication::of(vec![kept(EU)]).sees_image(image)
}

#[test]
fn a_repair_is_counted_when_ec2_took_it() {
    assert_eq!(tampered().after(Outcome::Accepted).drift_repaired, 1);
    assert_eq!(tampered().after(failed("UnauthorizedOperation")).drift_repaired, 0);
}

#[test]
fn keys_that_are_to_be_put_on_are_remembered_and_keys_taken_off_forgotten() {
    let added = Replication::of(vec![DestinationStatus { observed_generation: None, ..kept(EU) }])
        .with(|r| r.spec.tags = tags(&[("channel", "stable"), ("stage", "prod")]))
        .sees_image(copy(ImageState::Available))
        .after(Outcome::NoCall);
    assert_eq!(only(&added).tag_keys, ["channel", "stage"]);
    let removed = Replication::of(vec![DestinationStatus { observed_generation: None, ..kept(EU) }])
        .with(|r| r.spec.tags.clear())
        .sees_image(copy(ImageState::Available))
        .after(Outcome::Accepted);
    assert!(only(&removed).tag_keys.is_empty());
}

#[test]
fn a_region_that_is_done_with_leaves_the_list() {
    let status = Replication::of(vec![kept(EU)]).deleting(DeletionPolicy::Retain).after(Outcome::NoCall);
    assert!(status.destinations.is_empty());
}

#[test]
fn progress_is_shown_while_a_copy_is_under_way() {
    let mine = Snapshot { tags: copy_owner().tags(&Tags::new(), Role::Copy, 1, None), ..snapshot(35) };
    let status = Replication::of(vec![begun(EU, 60)])
        .sees_image(copy(ImageState::Pending))
        .sees_snapshots(vec![mine])
        .after(Outcome::NoCall);
    assert_eq!(only(&status).progress, Some(35));
    assert_eq!(of(&only(&status).conditions, "Copied"), pair("False", "WaitingForImage"));
}

#[test]
fn it_is_ready_when_every_region_is() {
    let status = Replication::of(vec![kept(EU)]).after(Outcome::NoCall);
    assert_eq!(status.ready.as_deref(), Some("1/1"));
    assert_eq!(is(&status, "Ready"), pair("True", "Replicated"));
    assert_eq!(is(&status, "Available"), pair("True", "Available"));
    assert_eq!(is(&status, "Reconciling").0, "");
}

#[test]
fn a_region_on_its_way_is_counted_out() {
    let status = Replication::of(vec![kept(EU)]).into_regions(&[EU, "ap-southeast-2"]).after(Outcome::NoCall);
    assert_eq!(status.ready.as_deref(), Some("1/2"));
    assert_eq!(is(&status, "Ready"), pair("False", "Copying"));
    assert_eq!(is(&status, "Available"), pair("False", "NotYetCopied"));
}

#[test]
fn a_copy_of_the_former_source_is_available_but_not_ready() {
    let next = DestinationStatus { previous: vec![previous_copy()], ..begun(EU, 60) };
    let status = Replication::of(vec![next]).after(Outcome::NoCall);
    assert_eq!(status.ready.as_deref(), Some("0/1"));
    assert_eq!(is(&status, "Available").0, "True");
}

#[test]
fn a_failed_call_is_told_for_its_region_and_for_the_whole() {
    let status = Replication::of(vec![asked(EU, 1)]).after(failed("UnauthorizedOperation"));
    assert_eq!(of(&only(&status).conditions, "Stalled"), pair("True", "AccessDenied"));
    assert_eq!(is(&status, "Stalled"), pair("True", "AccessDenied"));
}

#[test]
fn a_failed_call_never_hides_worse_trouble_of_another_region() {
    let status = Replication::of(vec![asked(EU, 1)])
        .into_regions(&[EU, "us-east-1"])
        .after(failed("RequestLimitExceeded"));
    assert_eq!(is(&status, "Stalled"), pair("True", "SourceRegion"));
}

#[test]
fn a_passing_call_failure_does_not_stall() {
    let status = Replication::of(vec![asked(EU, 1)]).after(failed("RequestLimitExceeded"));
    assert_eq!(is(&status, "Reconciling"), pair("True", "Throttled"));
    assert_eq!(of(&only(&status).conditions, "Stalled").0, "");
}

#[test]
fn trouble_that_is_over_is_taken_back() {
    let stalled = Replication::of(vec![asked(EU, 1)]).after(failed("UnauthorizedOperation"));
    let status =
        Replication::new().with(|r| r.status = stalled).after(Outcome::ImageCreated(ImageId::from(IMAGE)));
    assert_eq!(of(&only(&status).conditions, "Stalled").0, "");
    assert_eq!(is(&status, "Stalled").0, "");
}

#[test]
fn a_suspended_replication_that_was_ready_stays_ready() {
    let ready = Replication::of(vec![kept(EU)]).after(Outcome::NoCall);
    let suspended = |change: fn(&mut Replication)| {
        let suspended = Replication::new().with(|r| {
            r.status = ready.clone();
            r.spec.suspend = true;
        });
        // The manifest was changed: by suspending it, if by nothing else.
        let status = suspended.with(|r| r.status.destinations[0].observed_generation = Some(0));
        is(&status.with(change).after(Outcome::NoCall), "Ready")
    };
    assert_eq!(suspended(|_| {}), pair("True", "Suspended"));
    let with_another = suspended(|r| {
        let paris = serde_json::json!({"region": "eu-west-3"});
        r.spec.destinations.push(serde_json::from_value(paris).expect("a destination"));
    });
    assert_eq!(with_another, pair("False", "Suspended"));
}

#[test]
fn a_suspended_replication_that_was_not_ready_is_not() {
    let status = Replication::of(vec![]).with(|r| r.spec.suspend = true).after(Outcome::NoCall);
    assert_eq!(is(&status, "Ready"), pair("False", "Suspended"));
}

#[test]
fn a_wait_that_goes_on_changes_nothing() {
    let first = Replication::of(vec![kept(EU)]).after(Outcome::NoCall);
    let again = Replication::new().with(|r| r.status = first.clone()).after(Outcome::NoCall);
    assert_eq!(again, first);
}

#[test]
fn a_region_that_cannot_be_seen_keeps_its_receipts() {
    let status = Replication::of(vec![begun(EU, 60)])
        .cannot_see(Query::Image(ImageId::from(IMAGE)), "AuthFailure")
        .after(Outcome::NoCall);
    assert_eq!(only(&status).image_id, Some(ImageId::from(IMAGE)));
    assert_eq!(is(&status, "Stalled"), pair("True", "AuthenticationFailed"));
}

#[test]
fn failures_are_counted_until_a_copy_is_available() {
    let failed = Replication::of(vec![begun(EU, 60)]).sees_image(copy(ImageState::Failed));
    let after = |replication: Replication| only(&replication.after(Outcome::NoCall)).failed_attempts;
    let once_more = |copy: &mut DestinationStatus| copy.failed_attempts = 2;
    assert_eq!(after(failed.with(|r| once_more(&mut r.status.destinations[0]))), 3);
    let made = Replication::of(vec![begun(EU, 60)]).sees_image(copy(ImageState::Available));
    assert_eq!(after(made.with(|r| once_more(&mut r.status.destinations[0]))), 0);
}

#[test]
fn the_keys_that_a_copy_was_really_asked_for_with_are_written_down() {
    let edited = Replication::of(vec![asked(EU, 1)]).with(|r| {
        r.spec.tags.insert("team".to_owned(), "web".to_owned());
    });
    assert_eq!(only(&edited.after(Outcome::ImageCreated(IMAGE.into()))).tag_keys, ["channel", "team"]);
}
