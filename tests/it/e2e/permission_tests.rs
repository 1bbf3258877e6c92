//! The policy of deploy/iam and the ClusterRole allow what the operator does, and nothing that it does not do.

use std::{collections::BTreeSet, sync::LazyLock};

use harness::{Audited, Profile, condition};
use serde_json::{Value, json};

use super::stand::{PATIENCE, Stand, build, installed, replication, told};

/// Which the sweep alone needs, for a volume that outlived its owner by hours: a flow test uses it in simulated time.
const USED_ELSEWHERE: [&str; 1] = ["ec2:DeleteVolume"];

/// The operator's user at the API server.
const SERVICE_ACCOUNT: &str = "system:serviceaccount:ami-operator-system:ami-operator";

/// A build that gives its builder a role and encrypts its volume, and whose image goes with it, though it is protected. Its
/// source does not ask for IMDSv2, so that the image has to be told.
fn privileged_build() -> Value {
    let mut manifest = build("web", "true");
    manifest["spec"]["source"] =
        json!({"ssmParameter": "/aws/service/ami-amazon-linux-latest/amzn2-ami-hvm-x86_64-gp2"});
    manifest["spec"]["builder"]["instanceProfile"] = json!("image-builder");
    manifest["spec"]["builder"]["volumes"] = json!([{"deviceName": "/dev/xvda", "kmsKeyID": "alias/images"}]);
    manifest["spec"]["image"] = json!({"deprecateAfter": "2160h", "deregistrationProtection": "Enabled"});
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

/// Copies that are shared, published, kept warm and safe; with `false`, none of it any more.
fn kept_replication(kept: bool) -> Value {
    let mut manifest = replication("commands");
    let spec = &mut manifest["spec"];
    spec["deletionPolicy"] = json!("Delete");
    spec["destinations"] = json!([{"region": "eu-west-1"}]);
    spec["publish"] = json!({"ssmParameters": [{"name": "/images/web"}]});
    if kept {
        let accounts = ["111111111111"];
        spec["sharing"] = json!({"accountIDs": accounts, "public": true, "snapshots": "Shared"});
        spec["deprecateAfter"] = json!("2160h");
        spec["deregistrationProtection"] = json!("Enabled");
        spec["destinations"][0]["fastSnapshotRestoreZones"] = json!(["eu-west-1a"]);
    } else {
        spec["deregistrationProtection"] = json!("Disabled");
        spec["launchState"] = json!("Disabled");
    }
    manifest
}

fn until_kept(stand: &Stand, manifest: &Value) {
    stand.apply(manifest);
    let ready = |o: &Value| {
        let seen = o["status"]["observedGeneration"] == o["metadata"]["generation"];
        seen && condition(o, "Ready").is_some_and(|c| c["status"] == "True")
    };
    let object = ["imagereplication/commands"];
    stand.kubectl.wait_until("ready", &object, PATIENCE, ready).expect("in time");
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
fn unused_actions(stand: &Stand) -> BTreeSet<String> {
    let permissions = stand.ec2sim.permissions().expect("the permissions");
    let unused = permissions["unused"].as_array().into_iter().flatten();
    unused.filter_map(|permission| permission["action"].as_str()).map(str::to_owned).collect()
}

/// Verbs and what they are on.
type Permissions = BTreeSet<(String, String)>;

/// Verb and resource of each permission of the operator's ClusterRole.
fn granted() -> Permissions {
    let kubectl = installed().0.kubectl().expect("kubectl");
    let role = kubectl.get(&["clusterrole", "ami-operator"]).expect("the role");
    let texts = |list: &Value| -> Vec<String> {
        list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut granted = BTreeSet::new();
    for rule in role["rules"].as_array().expect("rules") {
        let (verbs, resources) = (texts(&rule["verbs"]), texts(&rule["resources"]));
        let pairs = verbs.iter().flat_map(|verb| resources.iter().map(|it| (verb.clone(), it.clone())));
        granted.extend(pairs);
    }
    granted
}

/// Verb and resource of each request of the operator that the API server answered, and of those that it refused.
fn asked() -> (Permissions, Permissions) {
    let mut requests = installed().0.audit().expect("the audit log");
    requests.retain(|request| request.user == SERVICE_ACCOUNT);
    let (refused, answered): (Vec<_>, Vec<_>) = requests.into_iter().partition(|request| request.code == 403);
    let pairs = |requests: Vec<Audited>| requests.into_iter().map(|it| (it.verb, it.resource)).collect();
    (pairs(answered), pairs(refused))
}

/// What a life that needs everything did not need.
struct Unused {
    actions: BTreeSet<String>,
    of_role: Permissions,
}

static UNUSED: LazyLock<Unused> = LazyLock::new(|| {
    let stand = need_everything();
    let of_role = granted().difference(&asked().0).cloned().collect();
    Unused { actions: unused_actions(&stand), of_role }
});

#[test]
fn the_policy_holds_no_permission_that_nothing_needs() {
    assert_eq!(UNUSED.actions, USED_ELSEWHERE.map(str::to_owned).into());
}

#[test]
fn the_cluster_role_holds_no_permission_that_nothing_needs_and_lacks_none() {
    assert_eq!(UNUSED.of_role, BTreeSet::new(), "unused");
    // Nobody may tell of anything in a namespace that is going: what was answered elsewhere is granted.
    let (answered, refused) = asked();
    assert_eq!(refused.difference(&answered).collect::<Vec<_>>(), Vec::<&(String, String)>::new(), "refused");
}

/// Builds by both transports, with role, key and ConfigMap, copies that are changed, and the removal of all of it, by others
/// and by the operator.
fn need_everything() -> Stand {
    let stand = Stand::new(Profile::Demo);
    let _operator = stand.start();
    stand.apply(&privileged_build());
    stand.apply(&privileged_replication("candidate"));
    stand.apply(&json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "scripts"}, "data": {"work.sh": "echo done"},
    }));
    let mut commands = commanded_build("commands", "");
    let reference = json!({"configMapKeyRef": {"name": "scripts", "key": "work.sh"}});
    commands["spec"]["customize"]["steps"] = json!([{"name": "work", "script": {"from": reference}}]);
    stand.apply(&commands);
    stand.apply(&commanded_build("endless", "sleep 3000"));
    let sent = |o: &Value| o["status"]["builder"]["command"]["commandID"].is_string();
    stand.kubectl.wait_until("a command", &["imagebuild/endless"], PATIENCE, sent).expect("in time");
    stand.delete(&["imagebuild/endless"]);
    stand.until("imagebuild/commands", "Succeeded");
    stand.until("imagereplication/web", "Ready");
    stand.apply(&privileged_replication("stable"));
    until_tagged(&stand, "stable", "candidate");
    until_kept(&stand, &kept_replication(true));
    until_kept(&stand, &kept_replication(false));
    let mut enabled = kept_replication(false);
    enabled["spec"]["launchState"] = json!("Enabled");
    until_kept(&stand, &enabled);
    let mut short_lived = build("spent", "true");
    short_lived["spec"]["ttlAfterFinished"] = json!("1s");
    stand.apply(&short_lived);
    stand.kubectl.wait_until_gone(&["imagebuild/spent"], PATIENCE).expect("in time");
    stand.delete(&["imagereplication/commands"]);
    stand.delete(&["imagereplication/web"]);
    stand.delete(&["imagebuild/web"]);
    stand
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
