//! Launching the builder.

use std::time::Duration;

use serde_json::json;

use crate::{
    api::image_build::{DeviceStatus, FailureStatus},
    model::{ClientToken, ImageState, InstanceState, Nonce, RunInstances, Tags, ownership},
    plan::{
        build::{BuildCall, BuildRecord, BuildStep},
        fixtures::*,
        naming,
    },
    status::Outcome,
};

fn free_name() -> Build {
    Build::resolved().misses(name_query(), 1, 0)
}

fn request(build: &Build) -> RunInstances {
    match build.call() {
        BuildCall::RunInstances(request) => request,
        other => panic!("{other:?}"),
    }
}

/// The first attempt, for this type in this subnet, ended so many seconds ago for lack of capacity.
fn refused(instance_type: &str, subnet: Option<&str>, age: i64) -> Build {
    let refusal =
        FailureStatus { reason: "InsufficientCapacity".into(), message: "full".into(), time: time(-age) };
    Build::launching(age).builder(|b| {
        b.instance_type = instance_type.to_owned();
        b.subnet_id = subnet.map(ToOwned::to_owned);
        b.refused = Some(refusal);
    })
}

#[test]
fn the_intent_is_written_before_the_call() {
    assert_eq!(free_name().says(), "record attempt 1: m7i.large in any subnet");
}

#[test]
fn the_intent_carries_the_token_of_its_attempt() {
    let step = free_name().plan().step;
    let Some(BuildStep::Record(BuildRecord::Attempt { builder, .. })) = step else { panic!("{step:?}") };
    assert_eq!(builder.client_token, naming::launch_token(&build_owner(), 1));
    assert_eq!(builder.requested_at, time(0));
}

#[test]
fn a_name_that_somebody_else_uses_is_found_before_anything_is_launched() {
    assert_eq!(Build::resolved().sees_named(vec![foreign_image()]).says(), "record failed NameConflict");
}

#[test]
fn an_image_of_our_own_is_taken_up_again_after_a_wiped_status() {
    let build = Build::resolved().sees_named(vec![foreign_image(), image(ImageState::Available)]);
    assert_eq!(build.says(), format!("record found {IMAGE}"));
}

#[test]
fn the_builder_of_an_image_that_is_taken_up_again_is_not_forgotten() {
    let mut second = image(ImageState::Pending);
    second.tags = build_owner().tags(&Tags::new(), ownership::Role::Image, 2, None);
    let step = Build::resolved().sees_named(vec![second]).plan().step;
    let Some(BuildStep::Record(BuildRecord::ImageFound { attempt, .. })) = step else { panic!("{step:?}") };
    let (number, builder) = attempt.expect("the attempt");
    assert_eq!((number, builder.client_token), (2, naming::launch_token(&build_owner(), 2)));
}

#[test]
fn steps_that_do_not_fit_fail_before_anything_is_launched() {
    let noise = |n: usize| Nonce::for_token(&ClientToken(n.to_string())).to_string();
    let script = |n: usize| (512 * n..512 * (n + 1)).map(noise).collect::<String>();
    let step = |n: usize| json!({"name": format!("big-{n}"), "script": {"inline": script(n)}});
    let steps = json!((0..4).map(step).collect::<Vec<_>>());
    let build = free_name().with(|b| b.spec.customize.steps = serde_json::from_value(steps).expect("steps"));
    assert_eq!(build.says(), "record failed UserDataTooLarge");
}

#[test]
fn a_fresh_intent_is_carried_out_without_a_search() {
    let build = Build::launching(1);
    assert_eq!(build.says(), "RunInstances m7i.large");
    assert!(build.plan().watches.is_empty());
}

#[test]
fn an_old_intent_may_be_a_dead_process_s_and_is_looked_for_first() {
    assert_eq!(Build::launching(31).says(), "wait LookingForBuilder");
}

#[test]
fn an_uncertain_launch_is_looked_for_first() {
    let build = Build::launching(1).builder(|b| b.uncertain = Some("NoAnswer".to_owned()));
    assert_eq!(build.says(), "wait LookingForBuilder");
}

#[test]
fn what_was_launched_is_adopted() {
    let build = Build::launching(31)
        .sees(token_query(), crate::model::Answer::Instance(Box::new(instance(InstanceState::Pending))));
    assert_eq!(build.says(), format!("record launched {BUILDER}"));
}

#[test]
fn an_instance_without_our_tags_is_never_touched() {
    let mut stranger = instance(InstanceState::Running);
    stranger.tags = Tags::new();
    let build = Build::launching(31).sees(token_query(), crate::model::Answer::Instance(Box::new(stranger)));
    assert_eq!(build.says(), "record failed BuilderNotOurs");
}

#[test]
fn an_instance_of_another_attempt_is_not_taken_for_this_one_s() {
    let mut other = instance(InstanceState::Running);
    other.tags = build_owner().tags(&Tags::new(), ownership::Role::Builder, 2, None);
    let build = Build::launching(31).sees(token_query(), crate::model::Answer::Instance(Box::new(other)));
    assert_eq!(build.says(), "record failed BuilderNotOurs");
}

#[test]
fn a_launch_that_is_not_found_is_repeated_with_the_same_token() {
    let build = Build::launching(31).misses(token_query(), 1, 0);
    assert_eq!(request(&build).client_token, token());
}

#[test]
fn a_token_known_with_other_parameters_is_not_used_again() {
    let build =
        Build::launching(299).builder(|b| b.uncertain = Some(TOKEN_MISMATCH.to_owned())).lacks(token_query());
    assert_eq!(build.says(), "wait LookingForBuilder");
}

#[test]
fn a_token_known_with_other_parameters_ends_the_attempt_when_nothing_shows_up() {
    let build =
        Build::launching(301).builder(|b| b.uncertain = Some(TOKEN_MISMATCH.to_owned())).lacks(token_query());
    assert_eq!(build.says(), "record refused TokenMismatch");
}

#[test]
fn attempts_go_through_the_subnets_of_a_type_before_the_next_type() {
    let subnets = |b: &mut Build| b.spec.builder.subnet_ids = vec!["subnet-a".into(), "subnet-b".into()];
    let tried = ["m7i.large", "m6i.large"].map(|instance_type| {
        ["subnet-a", "subnet-b"].map(|s| refused(instance_type, Some(s), 61).with(subnets).says())
    });
    assert_eq!(
        tried.concat(),
        [
            "record attempt 2: m7i.large in subnet-b",
            "record attempt 2: m6i.large in subnet-a",
            "record attempt 2: m6i.large in subnet-b",
            "record attempt 2: m7i.large in subnet-a",
        ]
    );
}

#[test]
fn the_next_type_is_tried_at_once() {
    assert_eq!(refused("m7i.large", None, 1).says(), "record attempt 2: m6i.large in any subnet");
}

#[test]
fn a_type_that_is_named_twice_is_not_asked_for_without_end() {
    let twice = |b: &mut Build| b.spec.builder.instance_types = vec!["m7i.large".into(), "m7i.large".into()];
    assert_eq!(refused("m7i.large", None, 1).with(twice).says(), "wait WaitingForCapacity");
}

#[test]
fn a_launch_without_capacity_is_no_builder_that_failed() {
    let status = refused("m7i.large", None, 1).after(&Outcome::NoCall);
    assert_eq!((status.attempt, status.failed_attempts), (Some(2), 0));
}

#[test]
fn after_a_full_round_there_is_a_pause() {
    let build = refused("m6i.large", None, 20);
    assert_eq!(build.says(), "wait WaitingForCapacity");
    assert_eq!(build.plan().check_after, Some(Duration::from_secs(40)));
}

#[test]
fn after_the_pause_the_round_begins_anew() {
    assert_eq!(refused("m6i.large", None, 60).says(), "record attempt 2: m7i.large in any subnet");
}

#[test]
fn the_same_receipts_give_the_same_request_at_any_time() {
    let (early, late) = (Build::launching(1), Build::launching(1).with(|b| b.now = at(20)));
    assert_eq!(request(&early), request(&late));
}

#[test]
fn two_attempts_have_two_tokens_and_two_nonces() {
    let second = Build::launching(1).with(|b| b.status.attempt = Some(2)).builder(|b| {
        b.client_token = naming::launch_token(&build_owner(), 2);
    });
    assert_ne!(request(&Build::launching(1)).client_token, request(&second).client_token);
    assert_ne!(request(&Build::launching(1)).user_data, request(&second).user_data);
}

#[test]
fn every_ownership_tag_is_in_the_launch() {
    let tags = request(&Build::launching(1)).tags;
    for key in [
        ownership::CLUSTER_ID,
        ownership::UID,
        ownership::KIND,
        ownership::NAMESPACE,
        ownership::NAME,
        ownership::ATTEMPT,
        ownership::ROLE,
        ownership::DELETE_AFTER,
    ] {
        assert!(tags.contains_key(key), "{key}");
    }
}

#[test]
fn a_builder_says_when_anybody_may_remove_it() {
    let tags = request(&Build::launching(1)).tags;
    let expected = at(-1 + 7200 + 3600 + 3600).to_string();
    assert_eq!(tags.get(ownership::DELETE_AFTER), Some(&expected));
}

#[test]
fn a_user_s_tags_never_replace_ours() {
    let build = Build::launching(1)
        .with(|b| b.spec.builder.tags = tags(&[(ownership::UID, "mine"), ("team", "platform")]));
    let tags = request(&build).tags;
    assert_eq!(tags.get(ownership::UID), Some(&build_owner().uid));
    assert_eq!(tags.get("team").map(String::as_str), Some("platform"));
}

fn volumes(build: &Build) -> Vec<(String, Option<i32>)> {
    request(build).volumes.into_iter().map(|v| (v.device_name, v.size_gib)).collect()
}

fn asking_for(volumes: serde_json::Value) -> Build {
    Build::launching(1).with(|b| b.spec.builder.volumes = serde_json::from_value(volumes).expect("volumes"))
}

#[test]
fn root_means_the_source_s_root_device() {
    let build = asking_for(json!([{"deviceName": "root", "sizeGiB": 20}]));
    assert_eq!(volumes(&build), [("/dev/xvda".to_owned(), Some(20))]);
}

#[test]
fn the_source_s_other_devices_are_launched_so_that_they_go_with_the_builder() {
    let data = DeviceStatus { device_name: "/dev/sdb".to_owned(), delete_on_termination: false };
    let build = asking_for(json!([{"deviceName": "root", "sizeGiB": 20}]))
        .with(|b| b.status.source.as_mut().expect("a source").devices.push(data));
    assert_eq!(volumes(&build), [("/dev/xvda".to_owned(), Some(20)), ("/dev/sdb".to_owned(), None)]);
}

fn keys(build: &Build) -> Vec<Option<String>> {
    request(build).volumes.into_iter().map(|v| v.kms_key_id).collect()
}

#[test]
fn the_image_s_key_encrypts_every_volume_that_has_none_of_its_own() {
    let data = DeviceStatus { device_name: "/dev/sdb".to_owned(), delete_on_termination: false };
    let build =
        asking_for(json!([{"deviceName": "root", "kmsKeyID": "alias/root"}, {"deviceName": "/dev/sdc"}]))
            .with(|b| b.status.source.as_mut().expect("a source").devices.push(data));
    let own = || Some("alias/root".to_owned());
    assert_eq!(keys(&build), [own(), None, None]);
    let image = json!({"encryption": {"kmsKeyID": "alias/images"}});
    let build = build.with(|b| b.spec.image = serde_json::from_value(image).expect("settings"));
    let shared = || Some("alias/images".to_owned());
    assert_eq!(keys(&build), [own(), shared(), shared()]);
}
