//! Machines that do not do what they should.

use std::time::Duration;

use harness::wait_for;
use serde_json::json;

use super::stand::{await_no_process, build, console, machines, processes};
use crate::e2e::stand::told;

#[test]
fn a_script_that_fails_is_told_with_its_exit_code_and_its_last_words() {
    let Some(mut stand) = machines() else { return };
    let _operator = stand.start();
    let script = "seq 1 30\necho 'the reason: größer' >&2\nexit 7\n";
    let steps = json!([{"name": "bad", "script": {"inline": script}}, {"name": "never", "script": {"inline": "true"}}]);
    stand.apply(&build("debian-12", &json!({"timeout": "40m", "steps": steps})));
    let built = stand.until_ended("imagebuild/web");
    let (reason, message) = told(&built, "Stalled");
    assert_eq!(reason, "StepFailed", "{message}");
    assert!(message.contains("step bad failed with exit code 7"), "{message}");
    let log: Vec<&str> = built["status"]["log"].as_str().expect("a log").lines().collect();
    assert_eq!((log.len(), log[0], log[19]), (20, "12", "the reason: größer"));
    assert!(stand.running_instances().is_empty() && stand.images("us-east-1").is_empty());
    await_no_process(&mut stand);
}

#[test]
fn a_guest_that_panics_ends_when_its_time_is_over_and_leaves_nothing() {
    let Some(mut stand) = machines() else { return };
    let _operator = stand.start();
    let panic =
        "echo 1 >/proc/sys/kernel/sysrq\necho 0 >/proc/sys/kernel/panic\necho c >/proc/sysrq-trigger\n";
    let steps = json!([{"name": "panic", "script": {"inline": panic}}]);
    stand.apply(&build("debian-12", &json!({"timeout": "3m", "steps": steps})));
    let built = stand.until_ended("imagebuild/web");
    let (reason, message) = told(&built, "Stalled");
    assert_eq!(reason, "CustomizeTimeout", "{message}");
    let instance = built["status"]["builder"]["instanceID"].as_str().expect("a builder");
    assert!(console(&stand, instance).contains("Kernel panic - not syncing: sysrq triggered crash"));
    assert!(stand.running_instances().is_empty() && stand.images("us-east-1").is_empty());
    await_no_process(&mut stand);
}

#[test]
fn no_machine_outlives_ec2sim_however_that_dies() {
    let Some(mut stand) = machines() else { return };
    let filter = [("Filter.1.Name", "name"), ("Filter.1.Value.1", "debian-12-*")];
    let images = stand.ec2sim.call("us-east-1", "DescribeImages", &filter).expect("answered");
    let image =
        images.split_once("<imageId>").and_then(|(_, rest)| rest.split_once('<')).expect("an image").0;
    let launch = [("ImageId", image), ("InstanceType", "m7i.large"), ("MinCount", "1"), ("MaxCount", "1")];
    stand.ec2sim.call("us-east-1", "RunInstances", &launch).expect("launched");
    let patience = Duration::from_mins(1);
    let ec2sim = stand.ec2sim.process();
    let pid = ec2sim.pid();
    let machine = wait_for("a machine", patience, || Ok(processes(pid).pop())).expect("it runs");
    ec2sim.signal("KILL").expect("killed");
    let directory = std::path::PathBuf::from("/proc").join(machine);
    wait_for("the machine to end", patience, || Ok((!directory.exists()).then_some(()))).expect("it is gone");
}
