//! What people are told of a change.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::of_change;
use crate::plan::fixtures::time;

fn condition(kind: &str, status: &str, reason: &str) -> Condition {
    Condition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: "words".to_owned(),
        last_transition_time: time(0),
        observed_generation: None,
    }
}

fn told(old: &[Condition], new: &[Condition]) -> Vec<(bool, String)> {
    of_change(old, new).into_iter().map(|note| (note.warning, note.reason)).collect()
}

#[test]
fn a_milestone_is_told_when_it_is_reached() {
    let reached = condition("ImageAvailable", "True", "ImageAvailable");
    let news = [(false, "ImageAvailable".to_owned())];
    assert_eq!(told(&[], std::slice::from_ref(&reached)), news);
    assert_eq!(told(&[condition("ImageAvailable", "Unknown", "X")], &[reached]), news);
}

#[test]
fn a_milestone_is_not_told_again() {
    let old = condition("ImageAvailable", "True", "A");
    assert_eq!(told(&[old], &[condition("ImageAvailable", "True", "B")]), []);
}

#[test]
fn a_milestone_that_is_missed_is_not_told() {
    assert_eq!(told(&[], &[condition("ImageAvailable", "False", "A")]), []);
}

#[test]
fn trouble_is_told_with_its_reason_as_a_warning() {
    let stalled = condition("Stalled", "True", "AccessDenied");
    assert_eq!(told(&[], &[stalled]), [(true, "AccessDenied".to_owned())]);
}

#[test]
fn the_same_trouble_is_told_once() {
    let stalled = || condition("Stalled", "True", "AccessDenied");
    assert_eq!(told(&[stalled()], &[stalled()]), []);
}

#[test]
fn other_trouble_is_news() {
    let new = condition("Stalled", "True", "NameConflict");
    let old = condition("Stalled", "True", "AccessDenied");
    assert_eq!(told(&[old], &[new]), [(true, "NameConflict".to_owned())]);
}

#[test]
fn progress_is_no_event() {
    assert_eq!(told(&[], &[condition("Reconciling", "True", "Copying")]), []);
}
