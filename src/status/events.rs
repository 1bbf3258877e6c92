//! Events for what a person should see: they follow from how conditions changed, and from nothing else.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::{
    api::ImageReplicationStatus,
    model::Region,
    plan::replication::{DestinationCall, DestinationRecord, DestinationStep, ReplicationPlan},
};

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
const MILESTONES: [&str; 9] = [
    "SourceResolved",
    "BuilderRunning",
    "BuilderStopped",
    "Customized",
    "ImageAvailable",
    "CleanedUp",
    "Copied",
    "Available",
    "Ready",
];

/// What was put right that had been ready before: where, and what.
pub fn of_repairs(old: &ImageReplicationStatus, plan: &ReplicationPlan) -> Note {
    let found = plan.destinations.iter().filter_map(|(region, d)| repair(old, region, d.step.as_ref()?));
    let message = format!("changed behind the operator's back: {}", found.collect::<Vec<_>>().join("; "));
    Note { warning: true, reason: "DriftRepaired".to_owned(), message }
}

fn repair(old: &ImageReplicationStatus, region: &Region, step: &DestinationStep) -> Option<String> {
    let copy = old.destinations.iter().find(|d| d.region == *region)?;
    let id = copy.image_id.as_ref()?;
    match step {
        DestinationStep::Call(DestinationCall::CreateTags { tags, repair: true, .. }) => {
            let keys: Vec<&str> = tags.keys().map(String::as_str).collect();
            Some(format!("tags {} of {id} in {region} are put back", keys.join(", ")))
        }
        DestinationStep::Record(DestinationRecord::Lost) => {
            Some(format!("copy {id} in {region} was deregistered, and is made again"))
        }
        DestinationStep::Call(_) | DestinationStep::Record(_) => None,
    }
}

/// What to tell of a change from `old` to `new`: milestones reached, and trouble that will not pass by itself.
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
