//! What a user applies, and what stands in `.status` then.

use harness::Profile;
use serde_json::json;

use super::stand::{PATIENCE, Stand, build, replication, told};

#[test]
fn from_apply_to_image_ids_in_three_regions() {
    let stand = Stand::new(Profile::Test);
    let _operator = stand.start();
    stand.apply(&build("web", "echo hello"));
    stand.apply(&replication("web"));
    let copies = stand.until("imagereplication/web", "Ready");
    let built = stand.until("imagebuild/web", "Succeeded");
    let source = &built["status"]["image"]["imageID"];
    assert_eq!(json!(stand.images("us-east-1")), json!([source]));
    for destination in copies["status"]["destinations"].as_array().expect("destinations") {
        let region = destination["region"].as_str().expect("a region");
        assert_eq!(json!(stand.images(region)), json!([destination["imageID"]]), "{region}");
        assert_eq!(destination["sourceImageID"], *source, "{region}");
    }
    assert_eq!(copies["status"]["ready"], "2/2");
    assert!(stand.running_instances().is_empty());
}

#[test]
fn a_new_build_is_rolled_out_as_soon_as_it_has_the_labels() {
    let stand = Stand::new(Profile::Test);
    let _operator = stand.start();
    let labelled = |name: &str, app: &str| {
        let mut manifest = build(name, "true");
        manifest["metadata"]["labels"] = json!({"app": app});
        stand.apply(&manifest);
    };
    labelled("one", "web");
    let mut manifest = replication("web");
    manifest["spec"]["source"] = json!({"imageBuildSelector": {"matchLabels": {"app": "web"}}});
    stand.apply(&manifest);
    let copies = stand.until("imagereplication/web", "Ready");
    assert_eq!(copies["status"]["source"]["imageBuildName"], "one");
    labelled("two", "next");
    stand.until("imagebuild/two", "Succeeded");
    stand.kubectl.run(&["label", "--overwrite", "imagebuild/two", "app=web"]).expect("labelled");
    let rolled_out = |o: &serde_json::Value| {
        o["status"]["source"]["imageBuildName"] == "two" && o["status"]["ready"] == "2/2"
    };
    stand.kubectl.wait_until("rolled out", &["imagereplication/web"], PATIENCE, rolled_out).expect("in time");
}

#[test]
fn a_step_that_exits_with_3_is_named_with_its_code_and_output() {
    let stand = Stand::new(Profile::Test);
    let _operator = stand.start();
    stand.apply(&build("web", "echo this is why\nexit 3"));
    let built = stand.until_ended("imagebuild/web");
    let (reason, message) = told(&built, "Stalled");
    assert_eq!(reason, "StepFailed");
    assert!(message.contains("step work failed with exit code 3"), "{message}");
    assert_eq!(built["status"]["log"], "this is why");
    assert!(stand.running_instances().is_empty());
    assert!(stand.images("us-east-1").is_empty());
}

#[test]
fn a_finished_build_is_deleted_when_its_time_is_over_and_its_image_stays() {
    let stand = Stand::new(Profile::Test);
    let _operator = stand.start();
    let mut manifest = build("web", "true");
    manifest["spec"]["ttlAfterFinished"] = json!("2s");
    stand.apply(&manifest);
    stand.kubectl.wait_until_gone(&["imagebuild/web"], PATIENCE).expect("gone");
    assert_eq!(stand.images("us-east-1").len(), 1);
    assert!(stand.running_instances().is_empty());
}

#[test]
fn an_unknown_image_is_told_with_its_id_and_region() {
    let stand = Stand::new(Profile::Test);
    let _operator = stand.start();
    let mut manifest = build("web", "true");
    manifest["spec"]["source"] = json!({"imageID": "ami-0123456789abcdef0"});
    stand.apply(&manifest);
    let (reason, message) = told(&stand.until("imagebuild/web", "Stalled"), "Stalled");
    assert_eq!(reason, "SourceNotFound");
    assert!(message.contains("ami-0123456789abcdef0") && message.contains("us-east-1"), "{message}");
    assert_eq!(stand.calls("RunInstances"), 0);
}

#[test]
fn without_credentials_the_object_says_so_and_heals_when_there_are_some() {
    let mut stand = Stand::new(Profile::Test);
    let with_credentials = stand.options.clone();
    stand.options = with_credentials
        .clone()
        .environment("AWS_ACCESS_KEY_ID", "")
        .environment("AWS_SECRET_ACCESS_KEY", "");
    let operator = stand.start();
    stand.apply(&build("web", "true"));
    let (reason, message) = told(&stand.until("imagebuild/web", "Stalled"), "Stalled");
    assert_eq!(reason, "AuthenticationFailed");
    assert!(message.contains("GetParameters in us-east-1") && message.contains("credentials"), "{message}");
    let ready = operator.page("/readyz").expect("ready all the same");
    assert!(
        ready
            .starts_with("ok\nAWS did not accept the operator's credentials: GetCallerIdentity in us-east-1"),
        "{ready}"
    );
    operator.stop().expect("stops");
    stand.options = with_credentials;
    let operator = stand.start();
    stand.until("imagebuild/web", "Succeeded");
    assert!(operator.log().contains("AWS accepted the operator's credentials"), "{}", operator.log());
    assert_eq!(operator.page("/readyz").expect("ready"), "ok\n");
}

#[test]
fn a_build_waits_for_its_config_map_and_reads_it_by_its_own_right() {
    let stand = Stand::new(Profile::Test);
    let _operator = stand.start();
    let mut manifest = build("web", "");
    let reference = json!({"configMapKeyRef": {"name": "scripts", "key": "work.sh"}});
    manifest["spec"]["customize"]["steps"] = json!([{"name": "work", "script": {"from": reference}}]);
    stand.apply(&manifest);
    let waits = |o: &serde_json::Value| told(o, "Ready").0 == "WaitingForContent";
    stand.kubectl.wait_until("the wait", &["imagebuild/web"], PATIENCE, waits).expect("it waits");
    assert_eq!(stand.calls("RunInstances"), 0);
    stand.apply(&json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "scripts"}, "data": {"work.sh": "echo done"},
    }));
    let built = stand.until("imagebuild/web", "Succeeded");
    assert!(built["status"]["builder"]["contentHash"].as_str().is_some_and(|h| h.starts_with("sha256:")));
}

#[test]
fn steps_can_be_commands_of_systems_manager() {
    let stand = Stand::new(Profile::Test);
    let _operator = stand.start();
    let mut manifest = build("web", "echo hello");
    manifest["spec"]["customize"]["transport"] = json!("SSM");
    manifest["spec"]["builder"]["instanceProfile"] = json!("image-builder");
    stand.apply(&manifest);
    let built = stand.until("imagebuild/web", "Succeeded");
    assert_eq!(built["status"]["steps"][0]["result"], "Succeeded");
    assert_eq!((stand.calls("SendCommand"), stand.calls("StopInstances")), (2, 1));
    assert!(stand.running_instances().is_empty());
}

#[test]
fn a_deleted_build_is_gone_with_its_builder() {
    let stand = Stand::new(Profile::Demo);
    let _operator = stand.start();
    stand.apply(&build("web", "sleep 30"));
    stand.until_launched("imagebuild/web");
    stand.delete(&["imagebuild/web"]);
    assert!(stand.running_instances().is_empty());
}

/// Everything in the namespace goes at once, and nothing can be created in it any more.
#[test]
fn a_namespace_that_is_deleted_goes_with_its_builds_and_their_builders() {
    let stand = Stand::new(Profile::Demo);
    let _operator = stand.start();
    stand.apply(&build("web", "sleep 30"));
    stand.until_launched("imagebuild/web");
    let namespace = format!("namespace/{}", stand.namespace);
    stand.delete(&[&namespace]);
    assert!(stand.running_instances().is_empty());
}

#[test]
fn events_and_columns_tell_a_person_what_happened() {
    let stand = Stand::new(Profile::Test);
    let _operator = stand.start();
    stand.apply(&build("web", "true"));
    let built = stand.until("imagebuild/web", "Succeeded");
    let events =
        stand.kubectl.run(&["get", "events", "-o", "custom-columns=REASON:.reason"]).expect("events");
    for reason in ["SourceResolved", "BuilderRunning", "Customized", "ImageAvailable"] {
        assert!(events.contains(reason), "{reason} in {events}");
    }
    let row = stand.kubectl.run(&["get", "amib", "web"]).expect("a table");
    let id = built["status"]["image"]["imageID"].as_str().expect("an id");
    assert!(row.contains("READY") && row.contains("True") && row.contains(id), "{row}");
}
