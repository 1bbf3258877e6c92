//! What the tests of this tier build, and how they look into machines.

use std::{io::Write, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use harness::{Ec2sim, Ec2simOptions, Guests, Profile, wait_for};
use serde_json::{Value, json};

use crate::e2e::stand::Stand;

/// A boot of an emulated machine takes one minute on an idle processor, and several on one that is shared.
pub const PATIENCE: Duration = Duration::from_mins(45);

/// `None`, said on the terminal, where no real machine can run.
pub fn machines() -> Option<Stand> {
    if Ec2sim::systems().is_none() {
        let test = std::thread::current();
        let name = test.name().unwrap_or_default();
        // Not by eprintln!, which is shown for failing tests only.
        let _ = writeln!(std::io::stderr(), "SKIPPED {name}: GUEST_SYSTEMS is not set, see make test-guest");
        return None;
    }
    let options = Ec2simOptions { guests: Guests::Machines, ..Ec2simOptions::new(Profile::Test) };
    Some(Stand::on(options, PATIENCE))
}

/// A build of the newest image of a system's name.
pub fn build(system: &str, customize: &Value) -> Value {
    json!({
        "apiVersion": "ami-operator.dev/v1alpha1", "kind": "ImageBuild", "metadata": {"name": "web"},
        "spec": {
            "region": "us-east-1",
            "source": {"selector": {"owners": ["136693071363"], "name": format!("{system}-amd64-*"), "architecture": "x86_64"}},
            "builder": {"instanceTypes": ["m7i.large"]},
            "customize": customize,
            "image": {"requireIMDSv2": true},
            "backoffLimit": 0,
        },
    })
}

/// What an instance has printed on its console so far.
pub fn console(stand: &Stand, instance: &str) -> String {
    let parameters = [("InstanceId", instance), ("Latest", "true")];
    let answer = stand.ec2sim.call("us-east-1", "GetConsoleOutput", &parameters).expect("answered");
    let encoded = text_of(&answer, "output").unwrap_or_default();
    String::from_utf8_lossy(&BASE64.decode(encoded).expect("base64")).into_owned()
}

/// Launches an image in us-east-1b with user data of its own, waits until that has said `PROOF end` on the console, and
/// answers what it said before, line by line without `PROOF`. Then the instance is terminated.
pub fn proof(stand: &Stand, image: &str, user_data: &str) -> Vec<String> {
    let parameters = [
        ("ImageId", image),
        ("InstanceType", "m7i.large"),
        ("MinCount", "1"),
        ("MaxCount", "1"),
        ("Placement.AvailabilityZone", "us-east-1b"),
        ("UserData", &BASE64.encode(user_data)),
    ];
    let launched = stand.ec2sim.call("us-east-1", "RunInstances", &parameters).expect("launched");
    let id = text_of(&launched, "instanceId").expect("an instance").to_owned();
    let said = wait_for("the proof", PATIENCE, || {
        let text = console(stand, &id);
        let lines =
            text.lines().filter_map(|line| line.split_once("PROOF ")).map(|(_, said)| said.to_owned());
        let lines: Vec<String> = lines.collect();
        Ok((lines.last().is_some_and(|last| last == "end")).then_some(lines))
    });
    let said = said.unwrap_or_else(|error| panic!("{error:#}; the console says\n{}", console(stand, &id)));
    stand.ec2sim.call("us-east-1", "TerminateInstances", &[("InstanceId.1", &id)]).expect("terminated");
    said
}

fn text_of<'t>(xml: &'t str, element: &str) -> Option<&'t str> {
    let (_, rest) = xml.split_once(&format!("<{element}>"))?;
    rest.split_once("</").map(|(text, _)| text)
}

/// The process ids of an ec2sim's machines.
pub fn processes(ec2sim: u32) -> Vec<String> {
    let children = std::fs::read_dir(format!("/proc/{ec2sim}/task")).into_iter().flatten().flatten();
    let children = children.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    children.flat_map(|text| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Waits until no machine runs any more.
pub fn await_no_process(stand: &mut Stand) {
    let ec2sim = stand.ec2sim.process().pid();
    wait_for("the machines to end", PATIENCE, || Ok(processes(ec2sim).is_empty().then_some(())))
        .expect("ended");
}
