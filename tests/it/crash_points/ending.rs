//! What a run leaves behind, in a form in which two runs can be compared.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock},
};

use ami_operator::model::ownership;
use ec2sim::{
    assertions::{creates_per_owner, creates_per_token, resources_left, writes_to_strangers},
    core::{
        records::{ImageState, Parameter},
        world::Region,
    },
};
use regex::{Captures, Regex};
use serde_json::Value;

use crate::flow::{Flow, world::ACCOUNT};

/// Ids, tokens and times: each run has its own.
static OWN: LazyLock<Regex> = LazyLock::new(|| {
    let id = r"\b(?P<id>ami|snap|i|vol|amir|amib)-[0-9a-f]{8,}\b";
    let time = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z";
    Regex::new(&format!("{id}|{time}")).expect("a regular expression")
});

/// What of a status tells of the way, not of the end. That AWS accepted a stop, a repair or a parameter's value may never have
/// been heard.
const OF_THE_WAY: [&str; 11] = [
    "stages",
    "duration",
    "progress",
    "message",
    "startTime",
    "commandID",
    "stoppingAt",
    "driftRepaired",
    "putAt",
    "value",
    "regrants",
];

/// The objects and the account, a line a fact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// Of Kubernetes.
    pub objects: Vec<String>,
    /// Of AWS.
    pub resources: Vec<String>,
    /// What is paid for, and by nobody wanted.
    pub leaks: Vec<String>,
    /// What was made twice.
    pub duplicates: Vec<String>,
}

impl Ending {
    pub fn of(flow: &Flow) -> Self {
        let mut ending = Self { leaks: leaks(flow), duplicates: duplicates(flow), ..Self::default() };
        for subject in flow.cluster.subjects() {
            let object = flow.object(&subject);
            let name = format!("{} {}", subject.kind, subject.name);
            flatten(&format!("{name} finalizers"), &object["metadata"]["finalizers"], &mut ending.objects);
            flatten(&format!("{name} status"), &object["status"], &mut ending.objects);
        }
        let world = flow.sim.world();
        for region in world.regions.values() {
            resources(flow, region, &mut ending.resources);
        }
        ending.resources.extend(trespasses(flow));
        ending.objects.sort();
        ending.resources.sort();
        ending
    }
}

fn flatten(path: &str, value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields.iter().filter(|(key, _)| !OF_THE_WAY.contains(&key.as_str())) {
                flatten(&format!("{path}.{key}"), value, into);
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                let key = ["type", "region", "name", "deviceName"].iter().find_map(|key| item[key].as_str());
                let key = key.map_or_else(|| at.to_string(), str::to_owned);
                flatten(&format!("{path}[{key}]"), item, into);
            }
        }
        Value::Null => {}
        Value::String(text) => into.push(format!("{path} = {}", without_own(text))),
        Value::Bool(_) | Value::Number(_) => into.push(format!("{path} = {value}")),
    }
}

fn without_own(text: &str) -> String {
    let stand_in = |found: &Captures| match found.name("id") {
        Some(kind) => format!("<{}>", kind.as_str()),
        None => "<time>".to_owned(),
    };
    OWN.replace_all(text, stand_in).into_owned()
}

fn resources(flow: &Flow, region: &Region, into: &mut Vec<String>) {
    let now = flow.now();
    for image in region.images.values().filter(|i| i.owner == ACCOUNT) {
        let snapshots = image.snapshot_ids().count();
        let (name, state) = (&image.name, image.state(now).name());
        let line = format!("{} image {name} {state} of {snapshots} snapshots {:?}", region.name, image.tags);
        into.push(without_own(&line));
    }
    for snapshot in region.snapshots.values().filter(|s| s.owner == ACCOUNT) {
        let line = format!("{} snapshot {} {:?}", region.name, snapshot.state(now).name(), snapshot.tags);
        into.push(without_own(&line));
    }
}

/// All but available images, their snapshots and parameters that hold their ids: builders, volumes, unfinished images, orphaned snapshots.
pub fn leaks(flow: &Flow) -> Vec<String> {
    let (world, now) = (flow.sim.world(), flow.now());
    let images = world.regions.values().flat_map(|r| r.images.values());
    let available = images.filter(|i| i.owner == ACCOUNT && i.state(now) == ImageState::Available);
    let mut kept: BTreeSet<&str> =
        available.flat_map(|i| i.snapshot_ids().chain(std::iter::once(i.id.as_str()))).collect();
    let parameters = world.regions.values().flat_map(|r| r.parameters.values());
    let tells = |p: &&Arc<Parameter>| p.newest(now).is_some_and(|v| kept.contains(v.value.as_str()));
    let told: Vec<&str> = parameters.filter(tells).map(|p| p.name.as_str()).collect();
    kept.extend(told);
    let left = resources_left(&world, now, ACCOUNT, |left| kept.contains(left.id.as_str()));
    left.into_iter().map(|left| format!("{:?} {} in {}", left.kind, left.id, left.region)).collect()
}

/// More than one builder for a token or an attempt, image of a build, or copy of an image in a region.
fn duplicates(flow: &Flow) -> Vec<String> {
    flow.sim.journal(|journal| {
        let mut made: BTreeMap<String, usize> = BTreeMap::new();
        for (token, times) in creates_per_token(journal) {
            made.insert(format!("{token:?}"), times);
        }
        for (tags, action) in
            [(&[ownership::UID, ownership::ATTEMPT][..], "RunInstances"), (&[ownership::UID], "CreateImage")]
        {
            let of_owners = creates_per_owner(journal, tags).into_iter().filter(|((a, ..), _)| a == action);
            made.extend(of_owners.map(|(owner, times)| (format!("{owner:?}"), times)));
        }
        for copy in journal.entries().filter(|e| e.action == "CopyImage" && !e.changes.made.is_empty()) {
            let source = copy.params.text("SourceImageId").unwrap_or_default();
            *made.entry(format!("copy of {source} in {}", copy.caller.region)).or_default() += 1;
        }
        made.into_iter().filter(|(_, n)| *n > 1).map(|(what, n)| format!("{n} times {what}")).collect()
    })
}

/// Changes of what does not carry our tags.
pub fn trespasses(flow: &Flow) -> Vec<String> {
    let found = flow.sim.journal(|journal| writes_to_strangers(journal, ownership::UID));
    let told = found.into_iter().map(|t| format!("{} of {}, which is not ours", t.action, t.id));
    told.collect::<BTreeSet<_>>().into_iter().collect()
}
