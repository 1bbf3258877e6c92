//! What must hold when everything has settled.

use std::collections::BTreeMap;

use ami_operator::model::ownership::{ATTEMPT, UID};
use ec2sim::{
    assertions::{creates_per_owner, creates_per_token, is_about, writes_between},
    core::records::{Image, ImageState},
};
use jiff::Timestamp;
use serde_json::Value;

use super::run::{Actor, RECEIVER, SOURCES, parameter};
use crate::{
    crash_points::ending::{leaks, trespasses},
    flow::{Flow, world::ACCOUNT},
};

/// A call that was under way when an object was suspended may still be carried out: no longer than the SDK tries.
const UNDER_WAY: jiff::SignedDuration = jiff::SignedDuration::from_mins(3);

/// What is wrong.
#[derive(Clone, Debug, Default)]
pub struct Wrongs {
    pub leaks: Vec<String>,
    pub duplicates: Vec<String>,
    pub others: Vec<String>,
}

impl Wrongs {
    pub fn other(what: String) -> Self {
        Self { others: vec![what], ..Self::default() }
    }

    pub fn is_empty(&self) -> bool {
        self.leaks.is_empty() && self.duplicates.is_empty() && self.others.is_empty()
    }
}

/// What is wrong with the end of a run.
pub fn wrongs(flow: &Flow, actors: &[Actor]) -> Wrongs {
    let mut wrongs = Wrongs { leaks: leaks(flow), duplicates: duplicates(flow), others: Vec::new() };
    wrongs.others.extend(trespasses(flow).into_iter().filter(|trespass| !is_of_sharing(trespass)));
    for actor in actors {
        let images = available(flow, &actor.uid);
        if actor.subject.kind == "ImageBuild" {
            of_build(flow, actor, &images, &mut wrongs);
        } else {
            of_replication(flow, actor, &images, &mut wrongs);
        }
        let is_copied = actors.iter().any(|other| other.copies(&actor.subject.name));
        wrongs.others.extend(writes_while_suspended(flow, actor, is_copied));
    }
    wrongs
}

/// By what a source is shared and published as its copies are, whosever it is.
const OF_SHARING: [&str; 4] = ["CreateTags", "DeleteTags", "ModifyImageAttribute", "ModifySnapshotAttribute"];

fn is_of_sharing(trespass: &str) -> bool {
    let numbers = SOURCES.map(|(id, _)| id.trim_start_matches("ami-"));
    OF_SHARING.iter().any(|action| trespass.starts_with(action))
        && numbers.iter().any(|id| trespass.contains(id))
}

/// More than one instance of a token or an attempt, and more than one image of an attempt.
fn duplicates(flow: &Flow) -> Vec<String> {
    flow.sim.journal(|journal| {
        let tokens = creates_per_token(journal).into_iter().map(|(token, n)| (format!("{token:?}"), n));
        let of_attempts = creates_per_owner(journal, &[UID, ATTEMPT]).into_iter();
        let of_attempts =
            of_attempts.filter(|((action, ..), _)| action == "RunInstances" || action == "CreateImage");
        let of_attempts = of_attempts.map(|(attempt, n)| (format!("{attempt:?}"), n));
        let made = tokens.chain(of_attempts);
        made.filter(|(_, n)| *n > 1).map(|(what, n)| format!("{n} times {what}")).collect()
    })
}

/// By region.
type Images = BTreeMap<String, Vec<String>>;

fn available(flow: &Flow, uid: &str) -> Images {
    let (world, now) = (flow.sim.world(), flow.now());
    let is_ours = |image: &&Image| {
        image.owner == ACCOUNT
            && image.state(now) == ImageState::Available
            && image.tags.get(UID).is_some_and(|of| of == uid)
    };
    let of_region = |images: Vec<&Image>| images.iter().map(|i| i.id.clone()).collect();
    let regions = world.regions.values();
    let found = regions.map(|region| {
        let images: Vec<&Image> = region.images.values().map(|i| &**i).filter(is_ours).collect();
        (region.name.clone(), of_region(images))
    });
    found.filter(|(_, ids): &(String, Vec<String>)| !ids.is_empty()).collect()
}

fn of_build(flow: &Flow, actor: &Actor, images: &Images, wrongs: &mut Wrongs) {
    let (name, made) = (&actor.subject.name, images.values().flatten().collect::<Vec<_>>());
    if made.len() > 1 {
        wrongs.duplicates.push(format!("{name} has {made:?}"));
    }
    let known = flow.status(&actor.subject)["image"]["imageID"].clone();
    let succeeded = flow.is_true(&actor.subject, "Succeeded");
    match (actor.is_gone(flow), made.first()) {
        (true, Some(id)) if actor.spec["deletionPolicy"] == "Delete" => {
            wrongs.leaks.push(format!("{name} is deleted, and left {id}"));
        }
        (false, Some(id)) if known != Value::String((*id).clone()) => {
            wrongs.leaks.push(format!("{name} made {id}, and knows of {known}"));
        }
        (false, None) if succeeded => {
            wrongs.others.push(format!("{name} succeeded without an image: {}", flow.status(&actor.subject)));
        }
        (true | false, _) => {}
    }
}

fn of_replication(flow: &Flow, actor: &Actor, images: &Images, wrongs: &mut Wrongs) {
    let name = &actor.subject.name;
    for (region, ids) in images {
        if ids.len() > actor.ordered.get(region).copied().unwrap_or(0) {
            wrongs.duplicates.push(format!("{name} has {ids:?} in {region}"));
        }
        // What was no longer wanted was handed over before.
        let kept = actor.spec["deletionPolicy"] == "Retain" || !actor.regions().contains(region);
        if actor.deleted && !kept && actor.ordered[region] == 1 {
            wrongs.leaks.push(format!("{name} is deleted, and left {ids:?} in {region}"));
        }
    }
    if actor.deleted || !actor.has_source(flow) {
        return;
    }
    let status = flow.status(&actor.subject);
    let known = |region: &str| {
        let copies = status["destinations"].as_array().into_iter().flatten();
        let copy = copies.filter(|d| d["region"] == region).find_map(|d| d["imageID"].as_str());
        copy.map(str::to_owned)
    };
    for region in actor.regions() {
        let copy = known(&region).filter(|id| images.get(&region).is_some_and(|ids| ids.contains(id)));
        match copy {
            None => wrongs.others.push(format!("{name} has no copy in {region}: {status}")),
            Some(id) => wrongs.others.extend(of_consumers(flow, actor, &region, &id)),
        }
    }
}

/// Receivers and parameters are as the manifest says.
fn of_consumers(flow: &Flow, actor: &Actor, region: &str, id: &str) -> Vec<String> {
    let (world, now) = (flow.sim.world(), flow.now());
    let region = &world.regions[region];
    let is_shared = region.images[id].permissions.users.contains(RECEIVER);
    let key = (ACCOUNT.to_owned(), parameter(&actor.subject.name));
    let told = region.parameters.get(&key).and_then(|p| p.newest(now)).map(|version| version.value.as_str());
    let wanted = |field: &str| !actor.spec[field].is_null();
    let mut wrongs = Vec::new();
    if is_shared != wanted("sharing") {
        wrongs.push(format!("{id} is shared: {is_shared}, and {}", actor.spec));
    }
    if told != Some(id).filter(|_| wanted("publish")) {
        wrongs.push(format!("a parameter tells of {told:?} instead of {id}, and {}", actor.spec));
    }
    wrongs
}

/// Whoever copies a build's image shares it, though the build is suspended.
fn writes_while_suspended(flow: &Flow, actor: &Actor, is_copied: bool) -> Vec<String> {
    let later = |at: Timestamp| at.checked_add(UNDER_WAY).unwrap_or(Timestamp::MAX);
    flow.sim.journal(|journal| {
        let spans = actor.suspended.iter().map(|(from, until)| (later(*from), *until));
        let writes = spans.flat_map(|(from, until)| writes_between(journal, from, until));
        let own = writes.filter(|entry| is_about(entry, UID, &actor.uid));
        let own = own.filter(|entry| !is_copied || !OF_SHARING.contains(&entry.action.as_str()));
        let told = |entry: &ec2sim::core::journal::Entry| {
            format!("{} at {} for {}, which was suspended", entry.action, entry.at, actor.subject.name)
        };
        own.map(told).collect()
    })
}
