//! What a client sees of each preset.

use serde_json::{Value, json};

use super::{Delivery, presets};
use crate::{
    core::{Service, error::ApiError},
    lab::Lab,
};

fn lab_with(preset: &str, options: &Value) -> Lab {
    let lab = Lab::new();
    lab.preset(preset, options);
    lab
}

fn refusal(lab: &Lab, service: Service, action: &str, params: &[(&str, &str)]) -> (String, u16) {
    let error = lab.send(service, action, params).outcome.unwrap_err();
    (error.code, error.status)
}

fn launch(lab: &Lab, kind: &str) -> Result<String, ApiError> {
    let image = lab.base("al2023-ami-2023.9.20261110.0-kernel-6.1-x86");
    let params = [("ImageId", image.as_str()), ("InstanceType", kind), ("MinCount", "1"), ("MaxCount", "1")];
    let node = lab.try_call("RunInstances", &params)?;
    Ok(node.find_text("instancesSet/item/instanceId").unwrap_or_default().to_owned())
}

fn reason(lab: &Lab, image: &str) -> (String, String) {
    let text = |path: &str| lab.of_image(image, path).unwrap_or_default();
    (text("imageState"), text("stateReason/code"))
}

#[test]
fn throttle_burst_refuses_each_service_in_its_words() {
    let lab = lab_with("throttle-burst", &json!({"times": 2}));
    for _ in 0..2 {
        let seen = refusal(&lab, Service::Ec2, "DescribeImages", &[]);
        assert_eq!(seen, ("RequestLimitExceeded".to_owned(), 503));
    }
    lab.call("DescribeImages", &[]);
    let parameter = [("Names.1", "/a")];
    let seen = refusal(&lab, Service::Ssm, "GetParameters", &parameter);
    assert_eq!(seen, ("ThrottlingException".to_owned(), 400));
    assert_eq!(refusal(&lab, Service::Sts, "GetCallerIdentity", &[]), ("Throttling".to_owned(), 400));
}

#[test]
fn throttle_run_refuses_launches_only() {
    let lab = lab_with("throttle-run", &json!({"times": 1}));
    let error = launch(&lab, "t3.micro").unwrap_err();
    assert_eq!((error.message.as_str(), error.status), ("Request limit exceeded.", 503));
    launch(&lab, "t3.micro").unwrap();
}

#[test]
fn flaky_5xx_fails_inside_of_aws() {
    let lab = lab_with("flaky-5xx", &json!({"probability": 1.0, "action": "DescribeImages"}));
    let seen = refusal(&lab, Service::Ec2, "DescribeImages", &[]);
    assert_eq!(seen, ("InternalError".to_owned(), 500));
    lab.call("DescribeVpcs", &[]);
}

#[test]
fn reset_cuts_the_connection_before_anything_happens() {
    let lab = lab_with("reset", &json!({"probability": 1.0, "action": "CreateKeyPair"}));
    let answer = lab.send(Service::Ec2, "CreateKeyPair", &[("KeyName", "k")]);
    assert_eq!(answer.delivery, Delivery::Reset);
    assert!(lab.call("DescribeKeyPairs", &[]).nodes("keySet/item").is_empty());
}

#[test]
fn lost_run_launches_and_does_not_say_so() {
    let lab = lab_with("lost-run", &json!({}));
    let image = lab.base("al2023-ami-2023.9.20261110.0-kernel-6.1-x86");
    let params = [("ImageId", image.as_str()), ("MinCount", "1"), ("MaxCount", "1"), ("ClientToken", "one")];
    let lost = lab.send(Service::Ec2, "RunInstances", &params);
    assert_eq!(lost.delivery, Delivery::Reset);
    let again = lab.send(Service::Ec2, "RunInstances", &params);
    assert_eq!(again.delivery, Delivery::Now);
    assert_eq!(lab.sim.world().regions["us-east-1"].instances.len(), 1);
}

#[test]
fn lost_create_leaves_a_name_that_is_taken() {
    let lab = Lab::new();
    let instance = lab.stopped();
    lab.preset("lost-create", &json!({}));
    let params = [("InstanceId", instance.as_str()), ("Name", "web")];
    assert_eq!(lab.send(Service::Ec2, "CreateImage", &params).delivery, Delivery::Reset);
    assert_eq!(lab.refused("CreateImage", &params), "InvalidAMIName.Duplicate");
}

#[test]
fn lost_copy_leaves_a_copy() {
    let lab = Lab::new();
    let image = lab.image("web");
    lab.preset("lost-copy", &json!({}));
    let there = lab.region("eu-west-1");
    let params = [("SourceRegion", "us-east-1"), ("SourceImageId", &image), ("Name", "web")];
    assert_eq!(there.send(Service::Ec2, "CopyImage", &params).delivery, Delivery::Reset);
    assert_eq!(there.call("DescribeImages", &[("Owner.1", "self")]).nodes("imagesSet/item").len(), 1);
}

#[test]
fn not_found_window_hides_what_is_new() {
    let lab = lab_with("not-found-window", &json!({"seconds": 30}));
    let id = launch(&lab, "t3.micro").unwrap();
    assert_eq!(lab.refused("DescribeInstances", &[("InstanceId.1", &id)]), "InvalidInstanceID.NotFound");
    lab.wait(30);
    assert_eq!(lab.instance_state(&id), "running");
}

#[test]
fn capacity_is_missing_for_a_type_in_a_zone() {
    let lab = lab_with("capacity", &json!({"instanceType": "m7i.*", "zone": "us-east-1a"}));
    let error = launch(&lab, "m7i.large").unwrap_err();
    assert_eq!((error.code.as_str(), error.status), ("InsufficientInstanceCapacity", 500));
    assert_eq!(
        error.message,
        "We currently do not have sufficient m7i.large capacity in the Availability Zone you requested (us-east-1a). \
         Our system will be working on provisioning additional capacity. You can currently get m7i.large capacity by \
         not specifying an Availability Zone in your request or choosing us-east-1b, us-east-1c, us-east-1d, us-east-1e, \
         us-east-1f."
    );
    launch(&lab, "m6i.large").unwrap();
}

#[test]
fn dies_on_launch_ends_with_a_reason() {
    let lab =
        lab_with("dies-on-launch", &json!({"code": "Client.VolumeLimitExceeded", "message": "too many"}));
    let id = launch(&lab, "t3.micro").unwrap();
    assert_eq!(lab.instance_state(&id), "pending");
    lab.wait(5);
    assert_eq!(lab.instance_state(&id), "terminated");
    assert_eq!(lab.of_instance(&id, "stateReason/code").unwrap(), "Client.VolumeLimitExceeded");
}

#[test]
fn stuck_stopping_never_stops_but_can_be_terminated() {
    let lab = lab_with("stuck-stopping", &json!({}));
    let stopped_by_guest = lab.launch(&[("UserData", "IyEvYmluL3NoCnBvd2Vyb2ZmCg==")]);
    let stopped_by_call = lab.launch(&[]);
    lab.wait(10);
    lab.call("StopInstances", &[("InstanceId.1", &stopped_by_call)]);
    lab.wait(3000);
    for id in [stopped_by_guest, stopped_by_call] {
        assert_eq!(lab.instance_state(&id), "stopping");
        lab.call("TerminateInstances", &[("InstanceId.1", &id)]);
        lab.wait(10);
        assert_eq!(lab.instance_state(&id), "terminated");
    }
}

#[test]
fn image_failed_ends_in_failed_with_a_reason() {
    let lab = Lab::new();
    let instance = lab.stopped();
    lab.preset("image-failed", &json!({"seconds": 3}));
    let image = lab.image_of(&instance, "web");
    assert_eq!(lab.image_state(&image), "pending");
    lab.wait(3);
    assert_eq!(reason(&lab, &image), ("failed".to_owned(), "Server.InternalError".to_owned()));
}

#[test]
fn copy_failed_fails_in_its_region_only() {
    let lab = Lab::new();
    let image = lab.image("web");
    lab.preset("copy-failed", &json!({"region": "eu-west-1"}));
    let (failing, other) = (lab.region("eu-west-1"), lab.region("ap-southeast-2"));
    let (failed, copied) = (failing.copy(&image, &[]).unwrap(), other.copy(&image, &[]).unwrap());
    lab.wait(60);
    assert_eq!(failing.image_state(&failed), "failed");
    assert_eq!(other.image_state(&copied), "available");
}

#[test]
fn slow_copy_is_pending_for_hours() {
    let lab = Lab::new();
    let image = lab.image("web");
    lab.preset("slow-copy", &json!({}));
    let there = lab.region("eu-west-1");
    let copy = there.copy(&image, &[]).unwrap();
    lab.wait(6 * 3600 - 1);
    assert_eq!(there.image_state(&copy), "pending");
    lab.wait(1);
    assert_eq!(there.image_state(&copy), "available");
}

#[test]
fn kms_async_accepts_and_then_fails() {
    let lab = Lab::new();
    let image = lab.image("web");
    lab.preset("kms-async", &json!({}));
    let there = lab.region("eu-west-1");
    let (instance, copy) = (lab.launch(&[]), there.copy(&image, &[]).unwrap());
    lab.wait(5);
    assert_eq!(lab.of_instance(&instance, "stateReason/code").unwrap(), "Client.InternalError");
    let message = there.of_image(&copy, "stateReason/message").unwrap();
    assert!(message.contains("Given key ID is not accessible"), "{message}");
}

#[test]
fn region_down_leaves_the_other_regions_up() {
    let lab = lab_with("region-down", &json!({"region": "us-east-1", "when": {"untilSeconds": 600}}));
    let seen = refusal(&lab, Service::Ec2, "DescribeImages", &[]);
    assert_eq!(seen, ("Unavailable".to_owned(), 503));
    assert_eq!(refusal(&lab, Service::Ssm, "DescribeInstanceInformation", &[]).1, 503);
    lab.region("eu-west-1").call("DescribeImages", &[]);
    lab.wait(600);
    lab.call("DescribeImages", &[]);
}

#[test]
fn opt_in_required_asks_to_subscribe() {
    let error = launch(&lab_with("opt-in-required", &json!({})), "t3.micro").unwrap_err();
    assert_eq!((error.code.as_str(), error.status), ("OptInRequired", 401));
    assert!(error.message.contains("accept terms and subscribe"), "{}", error.message);
}

#[test]
fn expired_credentials_are_refused_in_the_words_of_each_service() {
    let lab = lab_with("expired-credentials", &json!({}));
    let seen = refusal(&lab, Service::Ec2, "DescribeImages", &[]);
    assert_eq!(seen, ("RequestExpired".to_owned(), 400));
    let seen = refusal(&lab, Service::Ssm, "GetParameters", &[("Names.1", "/a")]);
    assert_eq!(seen, ("ExpiredTokenException".to_owned(), 400));
    assert_eq!(refusal(&lab, Service::Sts, "GetCallerIdentity", &[]), ("ExpiredToken".to_owned(), 403));
}

#[test]
fn sts_denied_refuses_roles() {
    let lab = lab_with("sts-denied", &json!({}));
    let role = "arn:aws:iam::210987654321:role/images";
    let error = lab.send(Service::Sts, "AssumeRole", &[("RoleArn", role)]).outcome.unwrap_err();
    assert_eq!((error.code.as_str(), error.status), ("AccessDenied", 403));
    assert_eq!(
        error.message,
        format!(
            "User: arn:aws:iam::123456789012:user/test is not authorized to perform: sts:AssumeRole on resource: {role}"
        )
    );
    lab.send(Service::Sts, "GetCallerIdentity", &[]).outcome.unwrap();
}

#[test]
fn ssm_lag_shows_the_agent_late() {
    let lab = lab_with("ssm-lag", &json!({"seconds": 30}));
    lab.launch(&[("IamInstanceProfile.Name", "builder")]);
    let known = || {
        let answer = lab.send(Service::Ssm, "DescribeInstanceInformation", &[]).outcome.unwrap();
        answer.to_json()["InstanceInformationList"].as_array().map_or(0, Vec::len)
    };
    lab.wait(30);
    assert_eq!(known(), 0);
    lab.wait(30);
    assert_eq!(known(), 1);
}

#[test]
fn partial_prune_removes_the_image_and_keeps_its_snapshots() {
    let lab = Lab::new();
    let image = lab.image("web");
    let snapshot = lab.snapshot(&image);
    lab.preset("partial-prune", &json!({}));
    let params = [("ImageId", image.as_str()), ("DeleteAssociatedSnapshots", "true")];
    let node = lab.call("DeregisterImage", &params);
    let result = |name: &str| node.find_text(&format!("deleteSnapshotResultSet/item/{name}"));
    assert_eq!(
        (result("snapshotId"), result("returnCode")),
        (Some(snapshot.as_str()), Some("internal-error"))
    );
    assert_eq!(
        lab.ask("DescribeSnapshots", &[("SnapshotId.1", &snapshot)], "snapshotSet/item/snapshotId"),
        snapshot
    );
    assert_eq!(lab.refused("DeregisterImage", &params), "InvalidAMIID.NotFound");
}

#[test]
fn drift_changes_an_image_behind_the_back() {
    let lab = Lab::new();
    let image = lab.image("web");
    lab.call("CreateTags", &[("ResourceId.1", &image), ("Tag.1.Key", "app"), ("Tag.1.Value", "web")]);
    let share = ("LaunchPermission.Add.1.UserId", crate::lab::OTHER);
    lab.call("ModifyImageAttribute", &[("ImageId", &image), share]);
    lab.preset("drift", &json!({"change": "tag", "key": "app", "value": "other"}));
    assert_eq!(lab.of_image(&image, "tagSet/item/value").unwrap(), "other");
    lab.preset("drift", &json!({"change": "tag", "key": "app"}));
    assert_eq!(lab.of_image(&image, "tagSet/item/value"), None);
    lab.preset("drift", &json!({}));
    lab.call("DescribeImages", &[]);
    let asked = [("ImageId", image.as_str()), ("Attribute", "launchPermission")];
    assert!(lab.call("DescribeImageAttribute", &asked).nodes("launchPermission/item").is_empty());
    lab.preset("drift", &json!({"change": "disabled", "image": "we?"}));
    assert_eq!(lab.image_state(&image), "disabled");
    lab.preset("drift", &json!({"change": "deregistered", "image": image}));
    assert_eq!(lab.refused("DescribeImages", &[("ImageId.1", &image)]), "InvalidAMIID.NotFound");
}

#[test]
fn an_option_that_a_preset_does_not_know_is_refused() {
    let refused = |name: &str, options: Value| presets::rules(name, &options).unwrap_err();
    assert_eq!(refused("lost-run", json!({"time": 1})), "time is not an option of lost-run");
    assert_eq!(refused("lost-run", json!({"times": "1"})), "times is a whole number, not \"1\"");
    assert_eq!(refused("no-such", json!({})), "no-such is not a preset");
    assert_eq!(refused("region-down", json!({})), "region-down needs a region");
}

#[test]
fn every_preset_has_a_test_of_its_name() {
    let tests = include_str!("preset_tests.rs");
    for name in presets::names() {
        let quoted = format!("\"{name}\"");
        assert!(tests.contains(&quoted), "{name}");
    }
}
