//! What a test asks of an account at its end: made once, nothing left, nobody else's things touched.
//!
//! Pure functions over the journal and the world. The journal tells real outcomes, also of calls whose answer was lost.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::core::{
    journal::{Entry, Journal},
    records::InstanceState,
    tags::Tags,
    world::{Region, World},
};

/// Calls that bring something into being which is paid for or found by others.
const CREATES: [&str; 8] = [
    "CopyImage",
    "CopySnapshot",
    "CreateImage",
    "CreateSnapshot",
    "PutParameter",
    "RegisterImage",
    "RunInstances",
    "SendCommand",
];

/// A client token within its scope.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Token {
    pub account: String,
    pub region: String,
    pub action: String,
    pub token: String,
}

/// A resource in an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Left {
    pub account: String,
    pub region: String,
    pub kind: Kind,
    /// The name of a parameter.
    pub id: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Image,
    Instance,
    KeyPair,
    Parameter,
    SecurityGroup,
    Snapshot,
    Volume,
}

/// A change of a resource that is not ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trespass {
    pub at: Timestamp,
    pub action: String,
    pub region: String,
    pub id: String,
}

/// How often each action was called, refused calls included.
pub fn calls_per_action(journal: &Journal) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for entry in journal.entries() {
        *counts.entry(entry.action.as_str()).or_default() += 1;
    }
    counts
}

/// The create calls that made something.
fn creates(journal: &Journal) -> impl Iterator<Item = &Entry> {
    journal
        .entries()
        .filter(|entry| CREATES.contains(&entry.action.as_str()) && !entry.changes.made.is_empty())
}

/// How many create calls made something under each client token; calls without one are not counted.
///
/// More than one means a duplicate: in another zone, or with a token whose instance is gone.
pub fn creates_per_token(journal: &Journal) -> BTreeMap<Token, usize> {
    let mut counts = BTreeMap::new();
    for entry in creates(journal) {
        if let Some(token) = entry.params.text("ClientToken") {
            let token = Token {
                account: entry.caller.account.clone(),
                region: entry.caller.region.clone(),
                action: entry.action.clone(),
                token: token.to_owned(),
            };
            *counts.entry(token).or_default() += 1;
        }
    }
    counts
}

/// How many create calls made something for each owner and attempt, by action, region and the values of these tags of the
/// call. A call that lacks one of the tags counts with an empty value.
pub fn creates_per_owner(journal: &Journal, tags: &[&str]) -> BTreeMap<(String, String, Vec<String>), usize> {
    let mut counts = BTreeMap::new();
    for entry in creates(journal) {
        let given = requested_tags(entry);
        let values = tags.iter().map(|key| given.get(*key).cloned().unwrap_or_default()).collect();
        let key = (entry.action.clone(), entry.caller.region.clone(), values);
        *counts.entry(key).or_default() += 1;
    }
    counts
}

fn requested_tags(entry: &Entry) -> Tags {
    let specifications = entry.params.list("TagSpecification").into_iter();
    let tags = specifications.flat_map(|it| it.list("Tag")).chain(entry.params.list("Tags"));
    let pairs = tags.filter_map(|tag| Some((tag.text("Key")?.to_owned(), tag.text("Value")?.to_owned())));
    pairs.collect()
}

/// All that an account still has and pays for: instances not terminated, volumes, images, snapshots, parameters, and the
/// groups and key pairs that somebody made. What `is_meant_to_stay` is not left.
pub fn resources_left(
    world: &World,
    now: Timestamp,
    account: &str,
    is_meant_to_stay: impl Fn(&Left) -> bool,
) -> Vec<Left> {
    let mut left = Vec::new();
    for region in world.regions.values() {
        for (kind, id) in of_account(region, now, account) {
            let region = region.name.clone();
            left.push(Left { account: account.to_owned(), region, kind, id });
        }
    }
    left.retain(|resource| !is_meant_to_stay(resource));
    left
}

fn of_account(region: &Region, now: Timestamp, account: &str) -> Vec<(Kind, String)> {
    let alive: BTreeSet<&String> = region
        .instances
        .values()
        .filter(|it| it.owner == account && it.state(now) != InstanceState::Terminated)
        .map(|it| &it.id)
        .collect();
    let images = region.images.values().filter(|it| it.owner == account).map(|it| (Kind::Image, &it.id));
    let snapshots =
        region.snapshots.values().filter(|it| it.owner == account).map(|it| (Kind::Snapshot, &it.id));
    let volumes = region.volumes.values().filter(|it| it.owner == account);
    let volumes = volumes.filter(|it| region.has_volume(it, now));
    let groups = region.security_groups.values().filter(|it| it.owner == account && it.name != "default");
    let keys = region.key_pairs.values().filter(|it| it.owner == account);
    let parameters = region.parameters.keys().filter(|(owner, _)| owner == account);
    let instances = alive.iter().map(|id| (Kind::Instance, *id));
    let all = images
        .chain(instances)
        .chain(snapshots)
        .chain(volumes.map(|it| (Kind::Volume, &it.id)))
        .chain(groups.map(|it| (Kind::SecurityGroup, &it.id)))
        .chain(keys.map(|it| (Kind::KeyPair, &it.id)))
        .chain(parameters.map(|(_, name)| (Kind::Parameter, name)));
    all.map(|(kind, id)| (kind, id.clone())).collect()
}

/// Calls that change something (dry runs excepted), from a time on until before another, refused ones included.
pub fn writes_between(journal: &Journal, from: Timestamp, until: Timestamp) -> Vec<&Entry> {
    let within = |entry: &&Entry| from <= entry.at && entry.at < until;
    journal.entries().filter(within).filter(|entry| entry.is_write && !entry.dry_run).collect()
}

/// Whether a call made, changed or removed something that bears this tag.
pub fn is_about(entry: &Entry, key: &str, value: &str) -> bool {
    let bears = |tags: &Tags| tags.get(key).is_some_and(|it| it == value);
    bears(&requested_tags(entry)) || entry.changes.touched.iter().any(|touched| bears(&touched.tags))
}

/// Changes and removals of what did not bear a tag of this key when it was changed.
///
/// A launch notes its time on the image that it is made of: that is no change of the caller's.
pub fn writes_to_strangers(journal: &Journal, key: &str) -> Vec<Trespass> {
    let mut found = Vec::new();
    for entry in journal.entries().filter(|entry| entry.action != "RunInstances") {
        let strangers = entry.changes.touched.iter().filter(|touched| !touched.tags.contains_key(key));
        found.extend(strangers.map(|touched| Trespass {
            at: entry.at,
            action: entry.action.clone(),
            region: entry.caller.region.clone(),
            id: touched.id.clone(),
        }));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        faults::{Effect, Rule},
        lab::{Lab, OWN},
    };

    const OURS: &str = "ours";

    fn tagged<'a>(kind: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let tag = [
            ("TagSpecification.1.ResourceType", kind),
            ("TagSpecification.1.Tag.1.Key", OURS),
            ("TagSpecification.1.Tag.1.Value", "attempt-1"),
        ];
        [&tag, more].concat()
    }

    fn left(lab: &Lab) -> Vec<Kind> {
        let left = resources_left(&lab.sim.world(), lab.now(), OWN, |_| false);
        left.into_iter().map(|resource| resource.kind).collect()
    }

    #[test]
    fn a_repeated_token_makes_one_instance_and_a_second_zone_another() {
        let lab = Lab::new();
        let token = ("ClientToken", "t");
        lab.launch(&[token]);
        lab.launch(&[token]);
        let per_token = lab.sim.journal(|journal| creates_per_token(journal));
        assert_eq!(per_token.into_values().collect::<Vec<_>>(), [1]);
        for zone in ["us-east-1b", "us-east-1c"] {
            lab.launch(&[("ClientToken", "z"), ("Placement.AvailabilityZone", zone)]);
        }
        let per_token = lab.sim.journal(|journal| creates_per_token(journal));
        assert_eq!(per_token.into_values().collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn a_create_counts_for_the_owner_in_its_tags_even_if_its_answer_was_lost() {
        let lab = Lab::new();
        lab.fault(Rule::on("RunInstances", Effect::LostReply).times(1));
        lab.launch(&tagged("instance", &[]));
        lab.launch(&tagged("instance", &[]));
        let per_owner = lab.sim.journal(|journal| creates_per_owner(journal, &[OURS]));
        let key = ("RunInstances".to_owned(), "us-east-1".to_owned(), vec!["attempt-1".to_owned()]);
        assert_eq!(per_owner, BTreeMap::from([(key, 2)]));
    }

    #[test]
    fn nothing_is_left_of_a_terminated_instance() {
        let lab = Lab::new();
        let id = lab.launch(&[]);
        assert_eq!(left(&lab), [Kind::Instance, Kind::Volume]);
        lab.call("TerminateInstances", &[("InstanceId.1", &id)]);
        lab.wait(10);
        assert_eq!(left(&lab), []);
    }

    #[test]
    fn an_image_and_its_snapshots_are_left_unless_they_are_meant_to_stay() {
        let lab = Lab::new();
        let image = lab.image("web");
        let kept = |resource: &Left| resource.kind == Kind::Snapshot || resource.id == image;
        let left = resources_left(&lab.sim.world(), lab.now(), OWN, kept);
        let kinds: Vec<Kind> = left.iter().map(|resource| resource.kind).collect();
        assert_eq!(kinds, [Kind::Instance, Kind::Volume]);
    }

    #[test]
    fn a_call_while_nothing_may_be_called_is_found() {
        let lab = Lab::new();
        let id = lab.launch(&[]);
        lab.wait(60);
        let from = lab.now();
        lab.call("DescribeInstances", &[]);
        lab.try_call("StopInstances", &[("InstanceId.1", &id), ("DryRun", "true")]).unwrap_err();
        lab.call("StopInstances", &[("InstanceId.1", &id)]);
        lab.wait(60);
        let until = lab.now();
        lab.call("TerminateInstances", &[("InstanceId.1", &id)]);
        let writes = lab.sim.journal(|journal| {
            writes_between(journal, from, until).iter().map(|entry| entry.action.clone()).collect::<Vec<_>>()
        });
        assert_eq!(writes, ["StopInstances"]);
    }

    #[test]
    fn a_call_is_about_what_it_asks_for_and_what_it_changes() {
        let lab = Lab::new();
        let (ours, theirs) = (lab.launch(&tagged("instance", &[])), lab.launch(&[]));
        lab.wait(10);
        lab.call("StopInstances", &[("InstanceId.1", &ours)]);
        lab.call("StopInstances", &[("InstanceId.1", &theirs)]);
        let about = lab.sim.journal(|journal| {
            let writes = journal.entries().filter(|entry| entry.is_write);
            writes.map(|entry| is_about(entry, OURS, "attempt-1")).collect::<Vec<_>>()
        });
        assert_eq!(about, [true, false, true, false]);
    }

    #[test]
    fn a_change_of_what_is_not_ours_is_found() {
        let lab = Lab::new();
        let (ours, theirs) = (lab.launch(&tagged("instance", &[])), lab.launch(&[]));
        lab.wait(10);
        lab.call("TerminateInstances", &[("InstanceId.1", &ours)]);
        assert_eq!(lab.sim.journal(|journal| writes_to_strangers(journal, OURS)), []);
        lab.call("StopInstances", &[("InstanceId.1", &theirs)]);
        let found = lab.sim.journal(|journal| writes_to_strangers(journal, OURS));
        let told: Vec<_> = found.iter().map(|it| (it.action.as_str(), it.id.as_str())).collect();
        assert_eq!(told, [("StopInstances", theirs.as_str())]);
    }

    #[test]
    fn refused_calls_are_counted_too() {
        let lab = Lab::new();
        lab.refused("StopInstances", &[]);
        lab.call("DescribeVpcs", &[]);
        lab.sim.journal(|journal| {
            assert_eq!(
                calls_per_action(journal),
                BTreeMap::from([("DescribeVpcs", 1), ("StopInstances", 1)])
            );
        });
    }
}
