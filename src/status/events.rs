//! Events: derived from condition changes and from repaired drift.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::plan::replication::Drift;

#[cfg(test)]
mod tests;

/// One event to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub warning: bool,
    pub reason: String,
    pub message: String,
}

/// Conditions whose coming true is news.
const MILESTONES: [&str; 11] = [
    "SourceResolved",
    "BuilderRunning",
    "BuilderStopped",
    "Customized",
    "ImageAvailable",
    "CleanedUp",
    "Copied",
    "Shared",
    "Published",
    "Available",
    "Ready",
];

/// The event that reports repaired drift.
pub fn of_repairs<'d>(repairs: impl Iterator<Item = &'d Drift>) -> Note {
    let found: Vec<&str> = repairs.map(|drift| drift.found.as_str()).collect();
    let message = format!("drift repaired: {}", found.join("; "));
    Note { warning: true, reason: "DriftRepaired".to_owned(), message }
}

/// The events for a change from `old` to `new`: milestones reached, and problems that will not resolve on their own.
pub fn of_change(old: &[Condition], new: &[Condition]) -> Vec<Note> {
    new.iter().filter_map(|condition| of_condition(old, condition)).collect()
}

fn of_condition(old: &[Condition], new: &Condition) -> Option<Note> {
    let before = old.iter().find(|c| c.type_ == new.type_);
    let came_true = new.status == "True" && before.is_none_or(|c| c.status != "True");
    let note =
        |warning, reason: &str| Note { warning, reason: reason.to_owned(), message: new.message.clone() };
    if new.type_ == "Stalled" {
        let news = before.is_none_or(|c| c.reason != new.reason);
        return news.then(|| note(true, &new.reason));
    }
    (came_true && MILESTONES.contains(&new.type_.as_str())).then(|| note(false, &new.type_))
}
