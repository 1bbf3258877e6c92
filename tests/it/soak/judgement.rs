//! What must hold when everything has settled.

use std::collections::{BTreeMap, BTreeSet};

use ami_operator::{
    controller::builds,
    model::ownership::{ATTEMPT, UID},
};
use ec2sim::{
    assertions::{creates_per_owner, creates_per_token, is_about, writes_between},
    core::records::{Image, ImageState, Protection},
};
use jiff::Timestamp;
use serde_json::Value;

use super::{
    case::REGIONS,
    run::{Actor, RECEIVER, SETTLING, SOURCES, parameter},
};
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
    wrongs.others.extend(writes_at_rest(flow));
    let builds = actors.iter().filter(|actor| actor.subject.kind == builds::KIND).count();
    for actor in actors {
        let images = available(flow, &actor.uid);
        if actor.subject.kind == builds::KIND {
            of_build(flow, actor, &images, &mut wrongs);
        } else {
            of_replication(flow, actor, builds, &images, &mut wrongs);
        }
        let is_copied = actors.iter().any(|other| other.copies(&actor.subject.name));
        wrongs.others.extend(writes_while_suspended(flow, actor, is_copied));
    }
    wrongs
}

/// By what a source is shared and published as its copies are, whosever it is.
const OF_SHARING: [&str; 4] = ["CreateTags", "DeleteTags", "ModifyImageAttribute", "ModifySnapshotAttribute"];

fn is_of_sharing(trespass: &str) -> bool {
    let numbers = SOURCES.map(|(id, ..)| id.trim_start_matches("ami-"));
    OF_SHARING.iter().any(|action| trespass.starts_with(action))
        && numbers.iter().any(|id| trespass.contains(id))
}

/// What is as it should be needs no call. What is refused, such as a copy of a source that is gone, is tried again.
fn writes_at_rest(flow: &Flow) -> Vec<String> {
    let settled = flow.now().checked_sub(SETTLING / 2).expect("a time");
    flow.sim.journal(|journal| {
        let writes = writes_between(journal, settled, flow.now());
        let done = writes.iter().filter(|entry| entry.error.is_none());
        done.map(|entry| format!("{} at {}, at rest", entry.action, entry.at)).collect()
    })
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

fn of_replication(flow: &Flow, actor: &Actor, builds: usize, images: &Images, wrongs: &mut Wrongs) {
    let name = &actor.subject.name;
    for (region, ids) in images {
        // Each new build is one more order.
        let times = if actor.selects() { builds } else { 1 };
        if ids.len() > times * actor.ordered.get(region).copied().unwrap_or(0) {
            wrongs.duplicates.push(format!("{name} has {ids:?} in {region}"));
        }
        // What was no longer wanted was handed over before.
        let kept = actor.spec["deletionPolicy"] == "Retain" || !actor.regions().contains(region);
        if actor.deleted && !kept && actor.ordered[region] == 1 {
            wrongs.leaks.push(format!("{name} is deleted, and left {ids:?} in {region}"));
        }
    }
    if actor.deleted && actor.spec["deletionPolicy"] == "Delete" {
        wrongs.others.extend(of_sources(flow, actor, &Value::Null));
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
            Some(id) => wrongs.others.extend(of_consumers(flow, actor, &region, &images[&region], &id)),
        }
    }
    wrongs.others.extend(of_sources(flow, actor, &status));
}

/// Receivers, parameters and what is done to the copy are as the manifest says.
fn of_consumers(flow: &Flow, actor: &Actor, region: &str, ids: &[String], id: &str) -> Vec<String> {
    let world = flow.sim.world();
    let image = &world.regions[region].images[id];
    let is_wanted = |field: &str| !actor.spec[field].is_null();
    // Protection that is no longer asked for is left as it is.
    let is_protected = image.protection != Protection::Off && is_wanted("deregistrationProtection");
    let states = [
        ("sharing", image.permissions.users.contains(RECEIVER)),
        ("deprecateAfter", image.deprecated_at.is_some()),
        ("deregistrationProtection", is_protected),
    ];
    let untrue = states.into_iter().filter(|(field, is_so)| *is_so != is_wanted(field));
    let mut wrongs: Vec<String> =
        untrue.map(|(field, is_so)| format!("{id}, {field}: {is_so}, and {}", actor.spec)).collect();
    let told = told(flow, actor, region);
    let is_right = if actor.spec["publish"]["pin"].is_null() {
        told.as_deref() == Some(id).filter(|_| is_wanted("publish"))
    } else {
        told.as_ref().is_none_or(|told| ids.contains(told))
    };
    if !is_right {
        wrongs.push(format!("a parameter tells of {told:?} instead of {id}, and {}", actor.spec));
    }
    wrongs
}

/// The image that the parameter of an object holds.
fn told(flow: &Flow, actor: &Actor, region: &str) -> Option<String> {
    let (world, now) = (flow.sim.world(), flow.now());
    let key = (ACCOUNT.to_owned(), parameter(&actor.subject.name));
    let parameter = world.regions[region].parameters.get(&key)?;
    Some(parameter.newest(now)?.value.clone())
}

/// Consumers are told of the source in its region, and of none where it was before and no copy can have been.
fn of_sources(flow: &Flow, actor: &Actor, status: &Value) -> Vec<String> {
    let source = &status["source"];
    let is_pinned = !actor.spec["publish"]["pin"].is_null();
    let is_published = !actor.deleted && !actor.spec["publish"].is_null();
    let regions: BTreeSet<&str> = SOURCES.iter().map(|(.., region)| *region).collect();
    let is_certain = |region: &&&str| !REGIONS.contains(region) || source["region"] == **region;
    let wrong = |region: &&str| {
        let told = told(flow, actor, region);
        let is_here = is_published && source["region"] == **region;
        let id = source["imageID"].as_str().filter(|_| is_here);
        (told.as_deref() != id && !(is_here && is_pinned)).then(|| {
            format!("a parameter in {region} tells of {told:?} instead of {id:?}, and {}", actor.spec)
        })
    };
    regions.iter().filter(is_certain).filter_map(wrong).collect()
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
