//! Trouble with the API server itself: each test has a control plane of its own and breaks it.

use std::time::Duration;

use harness::{ControlPlane, Profile, repository};
use serde_json::{Value, json};

use super::stand::{PATIENCE, Stand, build, pass, replication};

const CRDS: [&str; 2] =
    ["crds/imagebuilds.ami-operator.dev.yaml", "crds/imagereplications.ami-operator.dev.yaml"];

fn stand() -> (ControlPlane, Stand) {
    let control_plane = ControlPlane::start().expect("a control plane");
    let stand = Stand::apart(&control_plane, Profile::Demo);
    (control_plane, stand)
}

/// Longer than a builder takes to customize itself: what is then to be written down has to wait.
const OUTAGE: Duration = Duration::from_secs(8);

#[test]
fn work_goes_on_after_the_api_server_was_away_and_after_etcd_was() {
    let (mut control_plane, stand) = stand();
    let operator = stand.start();
    stand.apply(&build("web", "sleep 30"));
    stand.apply(&replication("web"));
    stand.until_launched("imagebuild/web");
    control_plane.kill_api_server();
    pass(OUTAGE);
    control_plane.start_servers().expect("the API server is back");
    control_plane.kill_etcd();
    pass(OUTAGE);
    control_plane.start_servers().expect("etcd is back");
    stand.assert_made_once();
    assert_eq!(operator.page("/livez").expect("the same process"), "ok\n");
}

#[test]
fn crds_that_go_take_their_builders_along_and_can_come_back() {
    let (control_plane, stand) = stand();
    let operator = stand.start();
    stand.apply(&build("web", "sleep 3000"));
    stand.until_launched("imagebuild/web");
    let admin = control_plane.kubectl().expect("kubectl");
    admin
        .run(&[
            "delete",
            "--timeout=60s",
            "crd",
            "imagebuilds.ami-operator.dev",
            "imagereplications.ami-operator.dev",
        ])
        .expect("they go, as the operator lets their objects go");
    assert_eq!(stand.running_instances(), Vec::<String>::new());
    for crd in CRDS {
        admin.apply_file(&repository().join(crd)).expect("it is back");
    }
    admin.run(&["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"]).expect("in time");
    stand.apply(&build("web", "true"));
    stand.apply(&replication("web"));
    stand.until("imagereplication/web", "Ready");
    assert_eq!(stand.instances().len(), 2, "one for each of the two builds");
    assert_eq!(operator.page("/livez").expect("the same process"), "ok\n");
}

/// Takes every rule off the schema of both kinds' specs, as an older or a hand-edited CRD would have it.
fn loosen(crd: &Value) -> Value {
    let mut loose = crd.clone();
    for version in loose["spec"]["versions"].as_array_mut().expect("versions") {
        version["schema"]["openAPIV3Schema"] =
            json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        // They may only name fields that the schema has.
        version.as_object_mut().expect("a version").remove("selectableFields");
    }
    loose
}

#[test]
fn an_object_that_nobody_can_read_stops_no_other() {
    let (control_plane, stand) = stand();
    let admin = control_plane.kubectl().expect("kubectl");
    let crd = admin.get(&["crd", "imagebuilds.ami-operator.dev"]).expect("the CRD");
    let patch = json!({"spec": loosen(&crd)["spec"]}).to_string();
    let patch_crd = |patch: &str| {
        admin.run(&["patch", "crd", "imagebuilds.ami-operator.dev", "--type=merge", "--patch", patch])
    };
    patch_crd(&patch).expect("a looser schema");
    let malformed = json!({
        "apiVersion": "ami-operator.dev/v1alpha1", "kind": "ImageBuild", "metadata": {"name": "malformed"},
        "spec": {"region": 5, "builder": "none"}, "status": "what is this",
    });
    let accepted = || Ok(stand.kubectl.apply(&malformed.to_string()).ok());
    harness::wait_for("the looser schema to be in force", PATIENCE, accepted).expect("in time");
    patch_crd(&json!({"spec": crd["spec"]}).to_string()).expect("the schema is back");
    let operator = stand.start();
    stand.apply(&build("web", "true"));
    stand.apply(&replication("web"));
    stand.assert_made_once();
    let told = format!("ImageBuild {}/malformed cannot be read: ", stand.namespace);
    assert!(operator.log().contains(&told), "{}", operator.log());
}
