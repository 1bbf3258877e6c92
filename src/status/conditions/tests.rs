//! Conditions as the Kubernetes conventions and kstatus want them.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{Conditions, Said, Standing, Value, explain, saying, standing};
use crate::{
    model::{AwsError, error::TABLE},
    plan::{Failure, Progress, WaitingOn, fixtures::*},
};

fn said(value: Value, reason: &str) -> Said {
    Said::new(value, reason, "message")
}

/// The list after this was said at that second.
fn set(mut list: Vec<Condition>, second: i64, said: Said) -> Vec<Condition> {
    Conditions { list: &mut list, generation: Some(second), now: at(second) }.set("Ready", said);
    list
}

fn summary(mut list: Vec<Condition>, progress: &Progress) -> Vec<Condition> {
    let done = said(Value::True, "Succeeded");
    Conditions { list: &mut list, generation: None, now: at(0) }.set_summary(progress, &done);
    list
}

fn kinds(list: &[Condition]) -> Vec<(&str, &str)> {
    list.iter().map(|c| (c.type_.as_str(), c.status.as_str())).collect()
}

fn blocked() -> Progress {
    Progress::Blocked(Failure::new("Why", "because"))
}

#[test]
fn the_transition_time_moves_with_the_value() {
    let list = set(set(vec![], 1, said(Value::False, "A")), 2, said(Value::True, "A"));
    assert_eq!(list[0].last_transition_time, time(2));
}

#[test]
fn the_transition_time_stays_with_the_value() {
    let list = set(set(vec![], 1, said(Value::False, "A")), 2, said(Value::False, "B"));
    assert_eq!((&list[0].last_transition_time, list[0].reason.as_str()), (&time(1), "B"));
}

#[test]
fn the_observed_generation_is_the_latest() {
    let list = set(set(vec![], 1, said(Value::False, "A")), 2, said(Value::False, "A"));
    assert_eq!(list[0].observed_generation, Some(2));
}

#[test]
fn a_condition_is_there_once() {
    assert_eq!(set(set(vec![], 1, said(Value::False, "A")), 2, said(Value::True, "A")).len(), 1);
}

#[test]
fn what_moves_is_reconciling() {
    let list = summary(vec![], &Progress::Moving(WaitingOn::Start));
    assert_eq!(kinds(&list), [("Ready", "False"), ("Reconciling", "True")]);
}

#[test]
fn what_needs_a_person_is_stalled() {
    assert_eq!(kinds(&summary(vec![], &blocked())), [("Ready", "False"), ("Stalled", "True")]);
}

#[test]
fn what_is_done_is_neither() {
    assert_eq!(kinds(&summary(vec![], &Progress::Done)), [("Ready", "True")]);
}

#[test]
fn what_is_suspended_is_neither() {
    assert_eq!(kinds(&summary(vec![], &Progress::Moving(WaitingOn::Suspended))), [("Ready", "False")]);
}

#[test]
fn the_pair_is_never_there_together() {
    let reconciling = summary(vec![], &Progress::Moving(WaitingOn::Start));
    assert_eq!(kinds(&summary(reconciling, &blocked())), [("Ready", "False"), ("Stalled", "True")]);
    let stalled = summary(vec![], &blocked());
    assert_eq!(
        kinds(&summary(stalled, &Progress::Moving(WaitingOn::Start))),
        [("Ready", "False"), ("Reconciling", "True")]
    );
}

#[test]
fn an_error_stalls_exactly_where_a_person_is_needed() {
    let stalls = |code| standing(&Progress::Trouble(error(code))) == Standing::Stalled;
    for code in ["UnauthorizedOperation", "OptInRequired", "AuthFailure", "InvalidParameterValue"] {
        assert!(stalls(code), "{code}");
    }
    for code in ["RequestLimitExceeded", "InternalError", "NoAnswer", "VcpuLimitExceeded", "SomethingNew"] {
        assert!(!stalls(code), "{code}");
    }
}

#[test]
fn every_error_is_told_with_its_call_and_its_request() {
    for (code, _) in TABLE {
        let message = explain(&error(code));
        for part in ["RunInstances", "us-east-1", code, "request-1"] {
            assert!(message.contains(part), "{message}");
        }
    }
}

#[test]
fn messages_are_bounded_and_without_control_characters() {
    let error = AwsError { message: "é\n\t\u{7f}\u{85}".repeat(50_000), ..error("InternalError") };
    let said = saying(&Progress::Trouble(error));
    assert!(said.message.chars().count() <= 32_768);
    assert!(!said.message.contains(char::is_control));
}

#[test]
fn a_reason_is_never_empty() {
    for (code, _) in TABLE {
        assert!(!saying(&Progress::Trouble(error(code))).reason.is_empty(), "{code}");
    }
    assert!(!saying(&Progress::Done).reason.is_empty());
}
