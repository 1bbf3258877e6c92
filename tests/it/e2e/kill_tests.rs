//! The operator killed by SIGKILL again and again, at moments that nobody chose.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use harness::Profile;
use serde_json::Value;

use super::stand::{Stand, build, pass, replication};

const ROUNDS: usize = 30;

/// A build is added in every so many rounds, so that something is at each stage at any time.
const ROUNDS_A_BUILD: usize = 3;

/// How long an operator lives, in milliseconds.
const LIFE: std::ops::Range<u64> = 200..2_000;

const REGIONS: [&str; 3] = ["us-east-1", "eu-west-1", "ap-southeast-2"];

/// Tells the seed if the test fails.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the moments of death follow from seed {}: set KILL_SEED to have them again", self.0);
        }
    }
}

fn seed() -> Seed {
    let given = std::env::var("KILL_SEED").ok().and_then(|text| text.parse().ok());
    Seed(given.unwrap_or_else(|| fastrand::u64(..)))
}

fn name(round: usize) -> String {
    format!("web-{}", round / ROUNDS_A_BUILD)
}

/// One operator's life, to the end that nothing announces.
fn live(stand: &Stand, life: Duration) {
    let operator = stand.start();
    pass(life);
    operator.kill();
}

/// How many things each token made.
fn made_by_token(stand: &Stand, action: &str) -> BTreeMap<String, usize> {
    let mut made = BTreeMap::new();
    for call in stand.journal(action).iter().filter(|c| c["made"].as_array().is_some_and(|m| !m.is_empty())) {
        let token = call["params"]["ClientToken"].as_str().unwrap_or_default().to_owned();
        *made.entry(token).or_default() += 1;
    }
    made
}

/// Image ids that the objects tell, by region.
fn told_images(builds: &[Value], replications: &[Value]) -> BTreeMap<String, BTreeSet<String>> {
    let mut told: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut tell = |region: &Value, id: &Value| {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        told.entry(text(region)).or_default().insert(text(id));
    };
    for build in builds {
        tell(&build["spec"]["region"], &build["status"]["image"]["imageID"]);
    }
    for destination in replications.iter().filter_map(|r| r["status"]["destinations"].as_array()).flatten() {
        tell(&destination["region"], &destination["imageID"]);
    }
    told
}

fn assert_nothing_else_is_there(stand: &Stand, told: &BTreeMap<String, BTreeSet<String>>) {
    assert_eq!(stand.running_instances(), Vec::<String>::new(), "builders that still run");
    for region in REGIONS {
        let images = stand.things(region, "images");
        assert_eq!(images.keys().cloned().collect::<BTreeSet<_>>(), told[region], "images in {region}");
        let used = images.values().filter_map(|i| i["snapshots"].as_array()).flatten();
        let used: BTreeSet<_> = used.filter_map(Value::as_str).map(str::to_owned).collect();
        let snapshots: BTreeSet<_> = stand.things(region, "snapshots").keys().cloned().collect();
        assert_eq!(snapshots, used, "snapshots in {region}");
        assert_eq!(stand.things(region, "volumes").len(), 0, "volumes in {region}");
    }
}

#[test]
fn thirty_deaths_bring_nothing_twice_and_leave_nothing() {
    let seed = seed();
    let mut random = fastrand::Rng::with_seed(seed.0);
    let stand = Stand::new(Profile::Demo);
    let mut names = Vec::new();
    for round in 0..ROUNDS {
        if round % ROUNDS_A_BUILD == 0 {
            stand.apply(&build(&name(round), "echo hello"));
            stand.apply(&replication(&name(round)));
            names.push(name(round));
        }
        live(&stand, Duration::from_millis(random.u64(LIFE)));
    }
    let _operator = stand.start();
    let objects = |kind: &str, condition: &str| -> Vec<Value> {
        names.iter().map(|name| stand.until(&format!("{kind}/{name}"), condition)).collect()
    };
    let replications = objects("imagereplication", "Ready");
    let builds = objects("imagebuild", "Succeeded");
    let launches = made_by_token(&stand, "RunInstances");
    assert_eq!(launches.len(), builds.len(), "one attempt a build");
    for action in ["RunInstances", "CopyImage"] {
        let made = made_by_token(&stand, action);
        assert!(made.values().all(|count| *count == 1), "{action} by token: {made:?}");
    }
    assert_eq!(stand.instances().len(), builds.len(), "one instance a build");
    assert_nothing_else_is_there(&stand, &told_images(&builds, &replications));
}
