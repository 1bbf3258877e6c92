//! The policy of deploy/iam allows what the operator does, and nothing that it does not do.

use std::collections::BTreeSet;

use harness::Profile;
use serde_json::{Value, json};

use super::stand::{PATIENCE, Stand, build, replication, told};

/// Which the sweep alone needs, for a volume that outlived its owner by hours: a flow test uses it in simulated time.
const USED_ELSEWHERE: [&str; 1] = ["ec2:DeleteVolume"];

/// A build that gives its builder a role and encrypts its volume, and whose image goes with it. Its source does not ask
/// for IMDSv2, so that the image has to be told.
fn privileged_build() -> Value {
    let mut manifest = build("web", "true");
    manifest["spec"]["source"] =
        json!({"ssmParameter": "/aws/service/ami-amazon-linux-latest/amzn2-ami-hvm-x86_64-gp2"});
    manifest["spec"]["builder"]["instanceProfile"] = json!("image-builder");
    manifest["spec"]["builder"]["volumes"] = json!([{"deviceName": "/dev/xvda", "kmsKeyID": "alias/images"}]);
    manifest["spec"]["deletionPolicy"] = json!("Delete");
    manifest
}

fn privileged_replication(channel: &str) -> Value {
    let mut manifest = replication("web");
    manifest["spec"]["destinations"][0]["encryption"] = json!({"kmsKeyID": "alias/images"});
    manifest["spec"]["tags"] = json!({channel: "yes"});
    manifest["spec"]["deletionPolicy"] = json!("Delete");
    manifest
}

/// A build by Systems Manager's commands.
fn commanded_build(name: &str, script: &str) -> Value {
    let mut manifest = build(name, script);
    manifest["spec"]["customize"]["transport"] = json!("SSM");
    manifest["spec"]["builder"]["instanceProfile"] = json!("image-builder");
    manifest
}

/// Waits until each copy has one tag in place of another.
fn until_tagged(stand: &Stand, key: &str, former: &str) {
    let tagged = |copy: &Value| copy["tags"][key] == "yes" && copy["tags"][former].is_null();
    let all_tagged = || {
        let copies = ["eu-west-1", "ap-southeast-2"].map(|region| stand.things(region, "images"));
        Ok(copies.iter().flat_map(serde_json::Map::values).all(tagged).then_some(()))
    };
    harness::wait_for("the tags", PATIENCE, all_tagged).expect("in time");
}

/// The actions that no call needed so far.
fn unused(stand: &Stand) -> BTreeSet<String> {
    let permissions = stand.ec2sim.permissions().expect("the permissions");
    let unused = permissions["unused"].as_array().into_iter().flatten();
    unused.filter_map(|permission| permission["action"].as_str()).map(str::to_owned).collect()
}

#[test]
fn the_policy_holds_no_permission_that_nothing_needs() {
    let stand = Stand::new(Profile::Demo);
    let _operator = stand.start();
    stand.apply(&privileged_build());
    stand.apply(&privileged_replication("candidate"));
    stand.apply(&commanded_build("commands", "echo hello"));
    stand.apply(&commanded_build("endless", "sleep 3000"));
    let sent = |o: &Value| o["status"]["builder"]["command"]["commandID"].is_string();
    stand.kubectl.wait_until("a command", &["imagebuild/endless"], PATIENCE, sent).expect("in time");
    stand.delete(&["imagebuild/endless"]);
    stand.until("imagebuild/commands", "Succeeded");
    stand.until("imagereplication/web", "Ready");
    stand.apply(&privileged_replication("stable"));
    until_tagged(&stand, "stable", "candidate");
    stand.delete(&["imagereplication/web"]);
    stand.delete(&["imagebuild/web"]);
    let expected: BTreeSet<String> = USED_ELSEWHERE.map(str::to_owned).into();
    assert_eq!(unused(&stand), expected);
}

#[test]
fn a_call_without_permission_is_told_and_heals_when_the_policy_is_put_back() {
    let mut stand = Stand::new(Profile::Test);
    stand.expects_denials = true;
    stand.ec2sim.permit_all_but(&["ec2:RunInstances"]).expect("the policy is in force");
    let operator = stand.start();
    stand.apply(&build("web", "true"));
    let (reason, message) = told(&stand.until("imagebuild/web", "Stalled"), "Stalled");
    assert_eq!(reason, "AccessDenied");
    for part in [
        "RunInstances in us-east-1",
        "perform: ec2:RunInstances on resource: arn:aws:ec2:us-east-1:",
        "request id ",
        "deploy/iam",
    ] {
        assert!(message.contains(part), "{part} in {message}");
    }
    stand.ec2sim.permit_all_but(&[]).expect("the policy is in force");
    // A successor asks at once what this one would ask again after ten minutes; nobody edits the object.
    operator.kill();
    let _operator = stand.start();
    stand.until("imagebuild/web", "Succeeded");
}
