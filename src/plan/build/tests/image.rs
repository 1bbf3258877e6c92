//! Making the image.

use serde_json::json;

use crate::{
    api::image_build::DeviceStatus,
    model::{CreateImage, ImageState, InstanceId, Snapshot, SnapshotState, Tags, ownership},
    plan::{
        Progress, WaitingOn,
        build::{BuildCall, BuildRecord, BuildStep},
        fixtures::*,
        timing,
    },
};

fn request(build: &Build) -> CreateImage {
    match build.call() {
        BuildCall::CreateImage(request) => request,
        other => panic!("{other:?}"),
    }
}

fn uncertain() -> Build {
    Build::imaging(1).image(|i| i.uncertain = Some("InvalidAMIName.Duplicate".to_owned()))
}

#[test]
fn a_fresh_intent_is_carried_out_without_a_search() {
    assert_eq!(Build::imaging(1).says(), "CreateImage images-web");
}

#[test]
fn an_old_intent_is_looked_for_first() {
    assert_eq!(Build::imaging(31).says(), "wait LookingForImage");
}

#[test]
fn an_uncertain_call_is_looked_for_first() {
    assert_eq!(uncertain().says(), "wait LookingForImage");
}

#[test]
fn one_empty_answer_does_not_make_a_second_image() {
    assert_eq!(Build::imaging(31).misses(name_query(), 1, 0).says(), "wait LookingForImage");
}

#[test]
fn an_image_that_stays_missing_is_asked_for_again() {
    assert_eq!(Build::imaging(31).lacks(name_query()).says(), "CreateImage images-web");
}

#[test]
fn an_image_with_our_tags_is_adopted() {
    let build = uncertain().sees_named(vec![image(ImageState::Pending)]);
    assert_eq!(build.says(), format!("record found {IMAGE}"));
}

#[test]
fn an_image_of_our_very_builder_is_adopted() {
    let mut untagged = image(ImageState::Pending);
    untagged.tags = Tags::new();
    untagged.source_instance_id = Some(InstanceId::from(BUILDER));
    assert_eq!(uncertain().sees_named(vec![untagged]).says(), format!("record found {IMAGE}"));
}

#[test]
fn somebody_else_s_image_of_this_name_is_never_touched() {
    assert_eq!(uncertain().sees_named(vec![foreign_image()]).says(), "record failed NameConflict");
}

#[test]
fn an_image_of_another_attempt_is_not_this_one_s() {
    let mut other = image(ImageState::Available);
    other.tags = build_owner().tags(&Tags::new(), ownership::Role::Image, 2, None);
    assert_eq!(uncertain().sees_named(vec![other]).says(), "record failed NameConflict");
}

#[test]
fn an_intent_without_a_builder_fails_instead_of_guessing() {
    let build = Build::imaging(1).with(|b| b.status.builder = None);
    assert_eq!(build.says(), "record failed BuilderUnknown");
}

#[test]
fn devices_that_outlive_an_instance_do_so_in_the_image() {
    let data = DeviceStatus { device_name: "/dev/sdb".to_owned(), delete_on_termination: false };
    let build = Build::imaging(1).with(|b| b.status.source.as_mut().expect("a source").devices.push(data));
    assert_eq!(request(&build).kept_devices, ["/dev/sdb"]);
}

#[test]
fn the_request_carries_the_user_s_tags_and_the_ownership() {
    let image = json!({"tags": {"app": "web", "ami-operator.dev/uid": "mine"}, "description": "x"});
    let build = Build::imaging(1).with(|b| b.spec.image = serde_json::from_value(image).expect("settings"));
    let request = request(&build);
    assert_eq!(request.tags.get("app").map(String::as_str), Some("web"));
    assert!(build_owner().owns_attempt(&request.tags, 1));
    assert_eq!(request.tags.get(ownership::ROLE).map(String::as_str), Some("image"));
}

#[test]
fn an_image_has_no_date_after_which_anybody_may_remove_it() {
    assert_eq!(request(&Build::imaging(1)).tags.get(ownership::DELETE_AFTER), None);
}

#[test]
fn the_same_receipts_give_the_same_request_at_any_time() {
    assert_eq!(request(&Build::imaging(1)), request(&Build::imaging(1).with(|b| b.now = at(20))));
}

#[test]
fn an_image_on_its_way_is_waited_for() {
    for state in [ImageState::Pending, ImageState::Transient, ImageState::Other("new".to_owned())] {
        assert_eq!(Build::imaged(60).sees_image(image(state)).says(), "wait WaitingForImage");
    }
}

#[test]
fn the_progress_is_the_slowest_snapshot_s() {
    let build = Build::imaged(60)
        .sees_image(image(ImageState::Pending))
        .sees_snapshots(vec![snapshot(80), snapshot(35)]);
    let Progress::Moving(WaitingOn::Image { progress, .. }) = build.plan().progress else { panic!() };
    assert_eq!(progress, Some(35));
}

#[test]
fn an_image_that_will_never_be_available_fails_the_build() {
    for state in [ImageState::Invalid, ImageState::Deregistered, ImageState::Failed, ImageState::Error] {
        assert_eq!(Build::imaged(60).sees_image(image(state)).says(), "record failed ImageFailed");
    }
}

#[test]
fn an_image_with_a_broken_snapshot_is_not_waited_for() {
    let broken = Snapshot { state: SnapshotState::Error, ..snapshot(0) };
    let build = Build::imaged(60).sees_image(image(ImageState::Pending)).sees_snapshots(vec![broken]);
    assert_eq!(build.says(), "record failed ImageFailed");
}

#[test]
fn a_broken_snapshot_of_another_attempt_says_nothing_of_this_one() {
    let tags = build_owner().tags(&Tags::new(), ownership::Role::Image, 2, None);
    let broken = Snapshot { state: SnapshotState::Error, tags, ..snapshot(0) };
    let build = Build::imaged(60).sees_image(image(ImageState::Pending)).sees_snapshots(vec![broken]);
    assert_eq!(build.says(), "wait WaitingForImage");
}

#[test]
fn why_an_image_failed_is_written_down_while_it_can_be_read() {
    let mut failed = image(ImageState::Failed);
    failed.state_reason = Some("Client.Bad: words of EC2".to_owned());
    let broken = Snapshot {
        state: SnapshotState::Error,
        state_message: Some("key revoked".to_owned()),
        ..snapshot(0)
    };
    let step = Build::imaged(60).sees_image(failed).sees_snapshots(vec![broken]).plan().step;
    let Some(BuildStep::Record(BuildRecord::Failed { failure, .. })) = step else { panic!("{step:?}") };
    assert!(failure.message.contains("words of EC2"), "{}", failure.message);
    assert!(failure.message.contains("key revoked"), "{}", failure.message);
}

#[test]
fn a_disabled_image_needs_a_person() {
    let build = Build::imaged(60).sees_image(image(ImageState::Disabled));
    assert_eq!(build.says(), "blocked ImageDisabled");
    assert_eq!(build.plan().check_after, Some(timing::NEEDS_HELP));
}

#[test]
fn a_new_image_may_be_missing_for_minutes() {
    assert_eq!(Build::imaged(299).lacks(image_query()).says(), "wait WaitingForImage");
}

#[test]
fn an_image_that_stays_missing_is_gone() {
    assert_eq!(Build::imaged(301).lacks(image_query()).says(), "record failed ImageGone");
}

#[test]
fn an_available_image_is_written_down_with_its_snapshots() {
    let step = Build::imaged(60).sees_image(image(ImageState::Available)).plan().step;
    let Some(BuildStep::Record(BuildRecord::ImageAvailable(status))) = step else { panic!("{step:?}") };
    assert_eq!(status.snapshots[0].snapshot_id.0, SNAPSHOT);
    assert_eq!(status.available_at, Some(time(0)));
}

#[test]
fn imdsv2_is_required_before_the_image_counts_as_available() {
    let mut open = image(ImageState::Available);
    open.imds_support = None;
    assert_eq!(Build::imaged(60).sees_image(open).says(), format!("RequireImdsV2 {IMAGE}"));
}

#[test]
fn imdsv2_is_left_alone_where_it_is_not_asked_for() {
    let mut open = image(ImageState::Available);
    open.imds_support = None;
    let build = Build::imaged(60).with(|b| b.spec.image.require_imdsv2 = false).sees_image(open);
    assert_eq!(build.says(), "record available");
}
