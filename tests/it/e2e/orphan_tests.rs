//! `ami-operator orphans` against a real API server, with no more rights than the operator has.

use std::process::Command;

use harness::{Profile, project_binary};

use super::stand::{PATIENCE, Stand, build, installed};

/// What the command prints of us-east-1.
fn orphans(stand: &Stand) -> String {
    let mut command = Command::new(project_binary("ami-operator").expect("the binary is built"));
    command
        .args(["orphans", "--region", "us-east-1", "--watch-namespaces", &stand.namespace])
        .args(["--aws-endpoint-url", &stand.ec2sim.endpoint()])
        .env("KUBECONFIG", installed().1)
        .envs([("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "secret")])
        .envs([("AWS_CONFIG_FILE", "/dev/null"), ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")]);
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn a_builder_shows_as_an_orphan_once_its_object_is_gone() {
    let stand = Stand::new(Profile::Demo);
    let operator = stand.start();
    stand.apply(&build("web", "sleep 3000"));
    let object = stand.until_launched("imagebuild/web");
    let id = object["status"]["builder"]["instanceID"].as_str().expect("an id");
    assert_eq!(orphans(&stand).lines().count(), 1, "only the titles");
    operator.kill();
    stand.kubectl.run(&["delete", "imagebuild/web", "--wait=false"]).expect("deleted");
    let no_finalizers = r#"{"metadata":{"finalizers":null}}"#;
    stand
        .kubectl
        .run(&["patch", "imagebuild/web", "--type=merge", "--patch", no_finalizers])
        .expect("force-removed");
    stand.kubectl.wait_until_gone(&["imagebuild/web"], PATIENCE).expect("gone");
    let shown = orphans(&stand);
    let line = shown.lines().find(|line| line.contains(id)).unwrap_or_else(|| panic!("{id} in {shown}"));
    assert!(line.contains(&format!("ImageBuild {}/web", stand.namespace)), "{line}");
    assert!(line.contains("wait") && line.contains("its owner is gone"), "{line}");
}
