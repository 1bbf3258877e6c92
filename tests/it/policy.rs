//! The IAM policy names exactly the actions of the port, and keeps the operator to what is its own.

use std::{collections::BTreeSet, fs, path::Path};

use ami_operator::model::{Action, ownership};
use ec2sim::{
    core::{Caller, Service, Sim, params::Params, profile::Profile, records::Image, world::World},
    iam::Iam,
};
use jiff::Timestamp;
use serde_json::Value;

/// What the policy must allow besides our own calls: EC2 makes these in our name.
const ON_OUR_BEHALF: [&str; 2] = ["iam", "kms"];

fn policy() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/iam/ami-operator-policy.json");
    serde_json::from_str(&fs::read_to_string(path).expect("the policy is there")).expect("the policy is JSON")
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        other => other.as_str().map(str::to_owned).into_iter().collect(),
    }
}

fn allowed() -> BTreeSet<String> {
    let policy = policy();
    let statements = policy["Statement"].as_array().expect("a policy has statements");
    let allowing = statements.iter().filter(|s| s["Effect"] == "Allow");
    allowing.flat_map(|s| texts(&s["Action"])).collect()
}

#[test]
fn the_iam_policy_names_exactly_the_actions_of_the_port() {
    let own: BTreeSet<String> = allowed()
        .into_iter()
        .filter(|action| !ON_OUR_BEHALF.contains(&action.split(':').next().unwrap_or_default()))
        .collect();
    let port: BTreeSet<String> = Action::ALL.iter().map(|action| action.iam()).collect();
    assert_eq!(own, port);
}

#[test]
fn no_action_is_allowed_by_a_wildcard() {
    assert!(allowed().iter().all(|action| !action.contains('*')), "{:?}", allowed());
}

const REGION: &str = "us-east-1";

/// An account with an instance and an image that nobody tagged, where the operator is kept to its policy.
struct Account {
    sim: Sim,
    now: Timestamp,
}

impl Account {
    fn new() -> Self {
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().expect("a time");
        let account = Self { sim: Sim::new(World::new(7, now), now, Profile::test()), now };
        let iam =
            Iam::new(&[("policy".to_owned(), policy())], "*:user/operator").expect("it can be evaluated");
        account.sim.gate(|gate| gate.iam = Some(iam));
        let base = account.public_image();
        let launch =
            [("ImageId", &*base), ("InstanceType", "m7i.large"), ("MinCount", "1"), ("MaxCount", "1")];
        account.call("somebody", "RunInstances", &launch).expect("launched");
        let instance = account.instance();
        account
            .call("somebody", "CreateImage", &[("InstanceId", &instance), ("Name", "theirs")])
            .expect("made");
        account
    }

    fn call(&self, user: &str, action: &str, params: &[(&str, &str)]) -> Result<(), String> {
        let account = "123456789012".to_owned();
        let principal = format!("arn:aws:iam::{account}:user/{user}");
        let caller = Caller { account, region: REGION.to_owned(), principal };
        let params = Params::from_query(params.iter().copied());
        let done = self.sim.call(self.now, &caller, Service::Ec2, action, &params);
        done.outcome.map(drop).map_err(|error| error.code)
    }

    /// Asserts that the operator's role may not make a call.
    fn assert_denied(&self, action: &str, params: &[(&str, &str)]) {
        let refused = Err("UnauthorizedOperation".to_owned());
        assert_eq!(self.call("operator", action, params), refused, "{action} {params:?}");
    }

    fn public_image(&self) -> String {
        let world = self.sim.world();
        let mut images = world.regions[REGION].images.values();
        let fits = |image: &Image| image.name.starts_with("al2023") && image.architecture == "x86_64";
        images.find(|image| fits(image)).expect("a public image").id.clone()
    }

    fn instance(&self) -> String {
        self.sim.world().regions[REGION].instances.keys().next().expect("an instance").clone()
    }

    fn image(&self) -> String {
        let world = self.sim.world();
        let mut images = world.regions[REGION].images.values();
        images.find(|image| image.name == "theirs").expect("an image").id.clone()
    }
}

#[test]
fn the_role_can_change_and_remove_nothing_that_lacks_the_tag() {
    let account = Account::new();
    let (instance, image) = (account.instance(), account.image());
    for action in ["StopInstances", "TerminateInstances"] {
        account.assert_denied(action, &[("InstanceId.1", &instance)]);
    }
    account.assert_denied("GetConsoleOutput", &[("InstanceId", &instance)]);
    account.assert_denied("CreateImage", &[("InstanceId", &instance), ("Name", "taken")]);
    account.assert_denied("DeregisterImage", &[("ImageId", &image)]);
    account.assert_denied("ModifyImageAttribute", &[("ImageId", &image), ("ImdsSupport.Value", "v2.0")]);
    account.assert_denied("DeleteTags", &[("ResourceId.1", &image), ("Tag.1.Key", "app")]);
}

#[test]
fn the_role_cannot_make_anothers_things_its_own_by_a_tag() {
    let account = Account::new();
    for id in [account.instance(), account.image()] {
        let tag = [("ResourceId.1", &*id), ("Tag.1.Key", ownership::CLUSTER_ID), ("Tag.1.Value", "mine")];
        account.assert_denied("CreateTags", &tag);
    }
}

#[test]
fn the_role_launches_only_with_its_tag_with_imdsv2_and_with_a_role_for_builders() {
    let account = Account::new();
    let base = account.public_image();
    let plain = [("ImageId", &*base), ("InstanceType", "m7i.large"), ("MinCount", "1"), ("MaxCount", "1")];
    let imds = [("MetadataOptions.HttpTokens", "required")];
    let kinds = ["instance", "volume", "network-interface"];
    let names: Vec<[String; 3]> = (1..=kinds.len())
        .map(|n| {
            ["ResourceType", "Tag.1.Key", "Tag.1.Value"].map(|part| format!("TagSpecification.{n}.{part}"))
        })
        .collect();
    let tags: Vec<(&str, &str)> = names
        .iter()
        .zip(kinds)
        .flat_map(|([kind, key, value], of)| {
            [(&**kind, of), (&**key, ownership::CLUSTER_ID), (&**value, "mine")]
        })
        .collect();
    let with_role = |name| [("IamInstanceProfile.Name", name)];
    account.assert_denied("RunInstances", &[&plain[..], &imds].concat());
    account.assert_denied("RunInstances", &[&plain[..], &tags].concat());
    account.assert_denied("RunInstances", &[&plain[..], &imds, &tags, &with_role("administrator")].concat());
    let allowed = [&plain[..], &imds, &tags, &with_role("image-builder")].concat();
    assert_eq!(account.call("operator", "RunInstances", &allowed), Ok(()));
}
