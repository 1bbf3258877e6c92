//! What a build's status says after a step.

use std::time::Duration;

use serde_json::json;

use crate::{
    api::{
        DeletionPolicy, ImageBuildStatus, LaunchState,
        image_build::{FinishedImage, StepResult},
    },
    customize::read_verdict,
    model::{Answer, ConsoleView, ImageState, InstanceId, InstanceState, Nonce, Query, StateReason},
    plan::fixtures::*,
    status::Outcome,
};

fn failed(code: &str) -> Outcome {
    Outcome::Failed(error(code))
}

fn condition(status: &ImageBuildStatus, kind: &str) -> (String, String, String) {
    let found = status.conditions.iter().find(|c| c.type_ == kind);
    found.map_or_else(Default::default, |c| (c.status.clone(), c.reason.clone(), c.message.clone()))
}

fn is(status: &ImageBuildStatus, kind: &str) -> String {
    condition(status, kind).0
}

fn stages(status: &ImageBuildStatus) -> Vec<(&str, bool)> {
    status.stages.iter().map(|s| (s.name.as_str(), s.completion_time.is_some())).collect()
}

/// What the operator would find after writing this status.
fn then(build: Build, status: ImageBuildStatus) -> Build {
    build.with(|b| b.status = status)
}

#[test]
fn an_id_is_written_with_the_answer_that_brought_it() {
    let status = Build::launching(1).after(&Outcome::Launched(Box::new(instance(InstanceState::Pending))));
    let builder = status.builder.expect("a builder");
    assert_eq!(builder.instance_id, Some(InstanceId::from(BUILDER)));
    assert_eq!(builder.availability_zone.as_deref(), Some("us-east-1a"));
}

#[test]
fn an_image_s_id_is_written_with_the_answer_that_brought_it() {
    let status = Build::imaging(1).after(&Outcome::ImageCreated(image(ImageState::Pending).id));
    assert_eq!(status.image.expect("an image").image_id, Some(image(ImageState::Pending).id));
}

#[test]
fn the_first_intent_starts_the_clock() {
    let status = Build::resolved().misses(name_query(), 1, 0).after(&Outcome::NoCall);
    assert_eq!((status.attempt, status.start_time), (Some(1), Some(time(0))));
}

#[test]
fn a_later_attempt_does_not_start_the_clock_anew() {
    let build = Build::launching(20);
    let status =
        then(Build::new(), build.after(&failed("InsufficientInstanceCapacity"))).after(&Outcome::NoCall);
    assert_eq!((status.attempt, status.start_time), (Some(2), Some(time(-20))));
}

#[test]
fn a_launch_that_ec2_refused_for_certain_ends_the_attempt() {
    for code in ["InsufficientInstanceCapacity", "Unsupported", "IdempotentInstanceTerminated"] {
        let status = Build::launching(1).after(&failed(code));
        let builder = status.builder.expect("a builder");
        assert!(builder.refused.is_some() && builder.uncertain.is_none(), "{code}");
        assert_eq!(status.failure, None, "{code}");
    }
}

#[test]
fn a_launch_that_may_have_happened_is_marked() {
    for code in ["NoAnswer", "InternalError", "IdempotentParameterMismatch"] {
        let status = Build::launching(1).after(&failed(code));
        assert_eq!(status.builder.expect("a builder").uncertain.as_deref(), Some(code));
    }
}

#[test]
fn an_image_that_may_have_been_made_is_marked() {
    for code in ["NoAnswer", "InternalError", "InvalidAMIName.Duplicate"] {
        let status = Build::imaging(1).after(&failed(code));
        assert_eq!(status.image.expect("an image").uncertain.as_deref(), Some(code));
        assert_eq!(status.failure, None);
    }
}

#[test]
fn a_call_that_ec2_calls_wrong_fails_the_build() {
    for build in [Build::launching(1), Build::imaging(1)] {
        let status = build.after(&failed("InvalidParameterValue"));
        assert_eq!(status.failure.expect("a failure").reason, "InvalidRequest");
    }
}

#[test]
fn a_create_call_that_was_held_back_or_denied_leaves_no_receipt() {
    for code in
        ["RequestLimitExceeded", "UnauthorizedOperation", "VcpuLimitExceeded", "ExpiredToken", "AuthFailure"]
    {
        for build in [Build::launching(1), Build::imaging(1)] {
            let status = build.after(&failed(code));
            assert_eq!(
                (&status.builder, &status.image, &status.failure),
                (&build.status.builder, &build.status.image, &build.status.failure),
                "{code}"
            );
        }
    }
}

#[test]
fn an_accepted_termination_is_written_down() {
    let status = Build::available().after(&Outcome::Accepted);
    assert_eq!(status.builder.expect("a builder").terminating_at, Some(time(0)));
}

#[test]
fn a_builder_that_may_be_gone_counts_as_terminating_and_is_looked_at() {
    for code in ["InvalidInstanceID.NotFound", "NoAnswer", "UnauthorizedOperation"] {
        let status = Build::available().after(&failed(code));
        assert_eq!(status.builder.expect("a builder").terminating_at, Some(time(0)), "{code}");
    }
}

#[test]
fn a_termination_that_was_put_off_is_not_written_down() {
    let status = Build::available().after(&failed("RequestLimitExceeded"));
    assert_eq!(status.builder.expect("a builder").terminating_at, None);
}

#[test]
fn an_adopted_launch_is_no_longer_uncertain() {
    let build = Build::launching(31)
        .builder(|b| b.uncertain = Some("NoAnswer".to_owned()))
        .sees(token_query(), Answer::Instance(Box::new(instance(InstanceState::Pending))));
    let builder = build.after(&Outcome::NoCall).builder.expect("a builder");
    assert_eq!((builder.instance_id.is_some(), builder.uncertain), (true, None));
}

#[test]
fn an_image_taken_up_after_a_wiped_status_brings_its_attempt_back() {
    let status = Build::resolved().sees_named(vec![image(ImageState::Available)]).after(&Outcome::NoCall);
    assert_eq!(status.attempt, Some(1));
    assert_eq!(status.builder.expect("a builder").client_token, token());
    assert_eq!(status.image.expect("an image").image_id, Some(image(ImageState::Available).id));
}

#[test]
fn a_machine_that_was_never_seen_running_ran_all_the_same() {
    let stopped = because(InstanceState::Stopped, StateReason::GUEST_SHUTDOWN);
    let builder =
        Build::launched(60).sees_instance(stopped).after(&Outcome::NoCall).builder.expect("a builder");
    assert_eq!((builder.running_at, builder.stopped_at), (Some(time(0)), Some(time(0))));
}

#[test]
fn a_failure_of_a_later_stage_leaves_the_steps_as_they_were() {
    let steps = json!([{"name": "one", "result": "Succeeded", "exitCode": 0}]);
    let build = Build::imaged(60)
        .with(|b| b.status.steps = serde_json::from_value(steps).expect("steps"))
        .sees_image(image(ImageState::Failed));
    let status = build.after(&Outcome::NoCall);
    assert_eq!(status.steps.len(), 1);
    assert_eq!(status.steps[0].result, StepResult::Succeeded);
}

#[test]
fn the_first_failure_stays() {
    let status = Build::imaging(1).failed("StepFailed").with(|b| b.status.completion_time = None);
    let status = then(status, Build::imaging(1).after(&failed("InvalidParameterValue")));
    assert_eq!(status.status.failure.expect("a failure").reason, "InvalidRequest");
    let second = Build::running(10_000)
        .failed("StepFailed")
        .sees_instance(instance(InstanceState::Running))
        .after(&failed("UnauthorizedOperation"));
    assert_eq!(second.failure.expect("a failure").reason, "StepFailed");
}

#[test]
fn a_completed_run_says_so_and_how_long_it_took() {
    let status = Build::available().terminated().after(&Outcome::NoCall);
    assert_eq!(status.completion_time, Some(time(0)));
    assert_eq!(status.duration.as_deref(), Some("7m40s"));
    assert_eq!((is(&status, "Ready").as_str(), is(&status, "Succeeded").as_str()), ("True", "True"));
    assert_eq!(is(&status, "CleanedUp"), "True");
}

#[test]
fn succeeded_does_not_change_after_completion() {
    let done = then(Build::completed(), Build::available().terminated().after(&Outcome::NoCall));
    let before = condition(&done.status, "Succeeded");
    let images = vec![image(ImageState::Available)];
    let done = done.deleting(DeletionPolicy::Delete).sees_images_of_ours(images);
    for outcome in [Outcome::Accepted, failed("UnauthorizedOperation"), failed("NoAnswer")] {
        assert_eq!(condition(&done.after(&outcome), "Succeeded"), before);
    }
}

#[test]
fn a_completed_run_is_looked_at_without_a_write() {
    let done = then(Build::completed(), Build::completed().after(&Outcome::NoCall));
    assert_eq!(done.after(&Outcome::NoCall), done.status);
}

#[test]
fn a_wait_that_goes_on_changes_nothing() {
    let waiting = || Build::running(60).sees_instance(instance(InstanceState::Running));
    let first = then(waiting(), waiting().after(&Outcome::NoCall));
    assert_eq!(first.after(&Outcome::NoCall), first.status);
}

#[test]
fn a_failed_call_is_the_trouble_of_the_pass() {
    let status = Build::launching(1).after(&failed("UnauthorizedOperation"));
    let (value, reason, message) = condition(&status, "Ready");
    assert_eq!((value.as_str(), reason.as_str()), ("False", "AccessDenied"));
    assert!(message.contains("RunInstances in us-east-1") && message.contains("request-1"), "{message}");
}

#[test]
fn missing_capacity_is_a_wait_and_no_trouble() {
    let status = Build::launching(1).after(&failed("InsufficientInstanceCapacity"));
    assert_eq!(condition(&status, "Reconciling").1, "WaitingForCapacity");
    assert_eq!(is(&status, "Stalled"), "");
}

#[test]
fn an_unsubscribed_product_says_where_to_subscribe() {
    let product = json!({"marketplace": {"productCode": "0123456789abcdefghijklmno"}});
    let build =
        Build::launching(1).with(|b| b.spec.source = serde_json::from_value(product).expect("a source"));
    let (_, reason, message) = condition(&build.after(&failed("OptInRequired")), "Stalled");
    assert_eq!(reason, "SubscriptionRequired");
    assert!(
        message.contains("https://aws.amazon.com/marketplace/pp?sku=0123456789abcdefghijklmno"),
        "{message}"
    );
}

#[test]
fn a_stage_s_condition_is_unknown_until_its_receipt_is_there() {
    let status = Build::running(60).after(&Outcome::NoCall);
    let values: Vec<String> =
        ["SourceResolved", "BuilderRunning", "Customized", "BuilderStopped", "ImageAvailable", "CleanedUp"]
            .iter()
            .map(|kind| is(&status, kind))
            .collect();
    assert_eq!(values, ["True", "True", "Unknown", "Unknown", "Unknown", "Unknown"]);
}

#[test]
fn a_failed_run_did_not_reach_the_later_stages() {
    let status = Build::running(60).failed("StepFailed").after(&Outcome::Accepted);
    assert_eq!(
        (is(&status, "BuilderRunning"), is(&status, "ImageAvailable")),
        ("True".into(), "False".into())
    );
    assert_eq!(condition(&status, "ImageAvailable").1, "StepFailed");
    assert_eq!(is(&status, "CleanedUp"), "Unknown");
}

#[test]
fn stages_follow_each_other_and_end_where_the_next_begins() {
    let launched = Build::launched(10).with(|b| {
        b.status = Build::launching(1).after(&Outcome::Launched(Box::new(instance(InstanceState::Pending))));
    });
    let status = launched.sees_instance(instance(InstanceState::Running)).after(&Outcome::NoCall);
    assert_eq!(stages(&status), [("Launching", true), ("Customizing", false)]);
}

#[test]
fn a_new_attempt_begins_its_stages_anew() {
    let stage = |name: &str| json!({"name": name, "startTime": "2026-11-23T11:00:00Z"});
    let stages_before = json!([stage("ResolvingSource"), stage("Launching"), stage("Customizing")]);
    let build = Build::launching(1)
        .with(|b| b.status.stages = serde_json::from_value(stages_before).expect("stages"));
    let status = build.after(&Outcome::NoCall);
    assert_eq!(stages(&status), [("ResolvingSource", true), ("Launching", false)]);
}

#[test]
fn a_suspended_build_enters_no_stage() {
    let status = Build::new().with(|b| b.spec.suspend = true).after(&Outcome::NoCall);
    assert!(status.stages.is_empty());
    assert_eq!(condition(&status, "Ready").1, "Suspended");
    assert_eq!((is(&status, "Reconciling"), is(&status, "Stalled")), (String::new(), String::new()));
}

#[test]
fn the_echoes_of_generation_and_request_are_written() {
    let build = Build::new();
    let seeing =
        crate::status::Seeing { generation: Some(7), reconcile_requested_at: Some("now".to_owned()) };
    let status = super::project(&build.view(), &build.plan(), &Outcome::NoCall, &seeing);
    assert_eq!(status.observed_generation, Some(7));
    assert_eq!(status.last_handled_reconcile_at.as_deref(), Some("now"));
    assert!(status.conditions.iter().all(|c| c.observed_generation == Some(7)));
}

#[test]
fn the_percentage_is_shown_while_the_image_is_made() {
    let build = Build::imaged(60).sees_image(image(ImageState::Pending)).sees_snapshots(vec![snapshot(35)]);
    assert_eq!(build.after(&Outcome::NoCall).progress, Some(35));
    assert_eq!(
        Build::available().with(|b| b.status.progress = Some(99)).after(&Outcome::Accepted).progress,
        None
    );
}

#[test]
fn words_of_aws_never_exceed_the_schema() {
    let long =
        crate::model::AwsError { message: "ä\n\u{1b}[31m".repeat(40_000), ..error("InvalidParameterValue") };
    let status = Build::launching(1).after(&Outcome::Failed(long));
    let failure = status.failure.expect("a failure");
    assert!(failure.message.chars().count() <= 32_768);
    assert!(!failure.message.contains(char::is_control));
}

#[test]
fn an_error_code_never_exceeds_the_schema() {
    let odd = crate::model::AwsError { code: format!("InternalError{}", "x".repeat(999)), ..error("") };
    assert!(super::uncertain(&odd).chars().count() <= 256);
}

#[test]
fn what_a_guest_says_of_a_failing_step_never_exceeds_the_schema() {
    let line = format!("log {}", "4pyT".repeat(66));
    let mut said = vec!["begin 1", "step one started", "step one failed 3 4"];
    said.extend(std::iter::repeat_n(line.as_str(), 500));
    said.push("verdict failed");
    let nonce = Nonce::for_token(&token());
    let verdict = read_verdict(&console(&said), &nonce);
    let query = Query::Console { id: InstanceId::from(BUILDER), nonce, view: ConsoleView::Posted };
    let status = Build::stopped(5).sees(query, Answer::Verdict(Box::new(verdict))).after(&Outcome::NoCall);
    let log = status.log.expect("a log");
    assert!((1..=8_192).contains(&log.len()), "{}", log.len());
}

#[test]
fn at_most_one_of_reconciling_and_stalled_is_there_and_then_it_is_true() {
    let builds = vec![
        Build::new(),
        Build::new().with(|b| b.spec.suspend = true),
        Build::launching(1),
        Build::running(60),
        Build::running(60).failed("StepFailed"),
        Build::running(60).cannot_see(instance_query(), "UnauthorizedOperation"),
        Build::running(60).cannot_see(instance_query(), "RequestLimitExceeded"),
        Build::imaged(60).sees_image(image(ImageState::Disabled)),
        Build::available().terminated(),
        Build::completed().deleting(DeletionPolicy::Retain),
    ];
    for build in builds {
        for outcome in [
            Outcome::NoCall,
            failed("UnauthorizedOperation"),
            failed("NoAnswer"),
            failed("InvalidParameterValue"),
        ] {
            let status = build.after(&outcome);
            let pair = (is(&status, "Reconciling"), is(&status, "Stalled"));
            let allowed = [("", ""), ("True", ""), ("", "True")];
            assert!(allowed.contains(&(pair.0.as_str(), pair.1.as_str())), "{pair:?}");
            assert!(["True", "False", "Unknown"].contains(&is(&status, "Ready").as_str()));
        }
    }
}

#[test]
fn a_ready_build_is_neither_reconciling_nor_stalled() {
    let status = Build::available().terminated().after(&Outcome::NoCall);
    assert_eq!((is(&status, "Reconciling"), is(&status, "Stalled")), (String::new(), String::new()));
}

/// A finished build whose image is to be retired, and is still available.
fn retiring() -> Build {
    Build::completed()
        .with(|b| b.spec.launch_state = Some(LaunchState::Disabled))
        .sees_image(image(ImageState::Available))
}

#[test]
fn an_image_that_is_being_retired_is_not_ready_and_its_run_stays_a_success() {
    let status = retiring().after(&Outcome::Accepted);
    assert_eq!(condition(&status, "Ready").1, "UpdatingLifecycle");
    assert_eq!((is(&status, "Reconciling"), is(&status, "Succeeded")), ("True".into(), "True".into()));
    assert_eq!(status.completion_time, Some(time(-1)));
}

#[test]
fn a_retired_image_is_ready_but_not_available() {
    let status = retiring().sees_image(image(ImageState::Disabled)).after(&Outcome::NoCall);
    assert_eq!(status.image.as_ref().and_then(|i| i.state), Some(FinishedImage::Disabled));
    let settled = then(retiring().sees_image(image(ImageState::Disabled)), status).after(&Outcome::NoCall);
    let said = |kind| (condition(&settled, kind).0, condition(&settled, kind).1);
    assert_eq!(said("Ready"), ("True".to_owned(), "ImageDisabled".to_owned()));
    assert_eq!(said("ImageAvailable"), ("False".to_owned(), "ImageDisabled".to_owned()));
    assert_eq!(said("Succeeded"), ("True".to_owned(), "Succeeded".to_owned()));
    assert!(condition(&settled, "Succeeded").2.ends_with("is available in us-east-1"));
}

#[test]
fn a_build_whose_image_was_deregistered_is_not_ready_and_its_run_stays_a_success() {
    let gone = || retiring().sees_image(image(ImageState::Deregistered));
    let settled = then(gone(), gone().after(&Outcome::NoCall)).after(&Outcome::NoCall);
    let said = |kind| (condition(&settled, kind).0, condition(&settled, kind).1);
    for (kind, value) in [("Ready", "False"), ("Stalled", "True"), ("ImageAvailable", "False")] {
        assert_eq!(said(kind), (value.to_owned(), "ImageGone".to_owned()), "{kind}");
    }
    assert_eq!(said("Succeeded"), ("True".to_owned(), "Succeeded".to_owned()));
}

#[test]
fn an_image_that_cannot_be_retired_makes_no_failure_of_its_run() {
    let status = retiring().after(&failed("OperationNotPermitted"));
    assert_eq!((status.failure, &status.completion_time), (None, &Some(time(-1))));
    let status = retiring().after(&failed("InvalidParameterValue"));
    assert_eq!(
        (&status.failure, is(&status, "Stalled"), is(&status, "Succeeded")),
        (&None, "True".into(), "True".into())
    );
}

#[test]
fn an_image_that_cannot_be_deprecated_fails_its_run() {
    let build = Build::imaged(60)
        .with(|b| b.spec.image.deprecate_after = Some(Duration::from_hours(1).into()))
        .sees_image(image(ImageState::Available));
    assert_eq!(
        build.after(&failed("InvalidParameterValue")).failure.expect("a failure").reason,
        "InvalidRequest"
    );
    assert_eq!(build.after(&failed("UnauthorizedOperation")).failure, None);
}
