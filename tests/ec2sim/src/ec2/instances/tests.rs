use base64::{Engine, prelude::BASE64_STANDARD as BASE64};

use crate::{core::profile::Profile, lab::Lab};

fn user_data(script: &str) -> String {
    BASE64.encode(script)
}

#[test]
fn a_launched_instance_runs_after_its_delay() {
    let lab = Lab::new();
    let id = lab.launch(&[]);
    assert_eq!(lab.instance_state(&id), "pending");
    lab.wait(6);
    assert_eq!(lab.instance_state(&id), "running");
}

#[test]
fn the_answer_shows_a_pending_instance_even_without_delays() {
    let lab = Lab::with(Profile::test());
    let image = lab.base("ubuntu/images/hvm-ssd/ubuntu-jammy");
    let params =
        [("ImageId", image.as_str()), ("InstanceType", "t3.micro"), ("MinCount", "1"), ("MaxCount", "1")];
    assert_eq!(lab.ask("RunInstances", &params, "instancesSet/item/instanceState/name"), "pending");
    let all = "reservationSet/item/instancesSet/item/instanceState/name";
    assert_eq!(lab.ask("DescribeInstances", &[], all), "running");
}

#[test]
fn a_repeated_client_token_answers_the_same_instance() {
    let lab = Lab::new();
    let first = lab.launch(&[("ClientToken", "t")]);
    lab.wait(60);
    assert_eq!(lab.launch(&[("ClientToken", "t")]), first);
}

#[test]
fn a_client_token_is_case_sensitive() {
    let lab = Lab::new();
    assert_ne!(lab.launch(&[("ClientToken", "t")]), lab.launch(&[("ClientToken", "T")]));
}

#[test]
fn a_client_token_counts_for_one_zone() {
    let lab = Lab::new();
    let first = lab.launch(&[("ClientToken", "t"), ("Placement.AvailabilityZone", "us-east-1a")]);
    let second = lab.launch(&[("ClientToken", "t"), ("Placement.AvailabilityZone", "us-east-1b")]);
    assert_ne!(first, second);
}

#[test]
fn a_client_token_with_other_parameters_is_a_mismatch() {
    let lab = Lab::new();
    lab.launch(&[("ClientToken", "t")]);
    let image = lab.base("al2023-ami-2023.9.20261110.0-kernel-6.1-x86");
    let params = [
        ("ImageId", image.as_str()),
        ("InstanceType", "t3.small"),
        ("MinCount", "1"),
        ("MaxCount", "1"),
        ("ClientToken", "t"),
    ];
    assert_eq!(lab.refused("RunInstances", &params), "IdempotentParameterMismatch");
}

#[test]
fn a_client_token_of_a_terminated_instance_is_refused() {
    let lab = Lab::new();
    let id = lab.launch(&[("ClientToken", "t")]);
    lab.wait(10);
    lab.call("TerminateInstances", &[("InstanceId.1", &id)]);
    lab.wait(10);
    let image = lab.base("al2023-ami-2023.9.20261110.0-kernel-6.1-x86");
    let params = [
        ("ImageId", image.as_str()),
        ("InstanceType", "t3.micro"),
        ("MinCount", "1"),
        ("MaxCount", "1"),
        ("ClientToken", "t"),
    ];
    assert_eq!(lab.refused("RunInstances", &params), "IdempotentInstanceTerminated");
}

#[test]
fn a_guest_that_powers_off_stops_its_instance_by_itself() {
    let lab = Lab::new();
    let id = lab.launch(&[("UserData", &user_data("#!/bin/sh\necho hello\npoweroff\n"))]);
    lab.wait(60);
    assert_eq!(lab.instance_state(&id), "stopped");
    let code = lab.of_instance(&id, "stateReason/code");
    assert_eq!(code.as_deref(), Some("Client.InstanceInitiatedShutdown"));
}

#[test]
fn a_guest_that_powers_off_terminates_its_instance_if_told_so() {
    let lab = Lab::new();
    let data = user_data("#!/bin/sh\npoweroff\n");
    let id = lab.launch(&[("UserData", &data), ("InstanceInitiatedShutdownBehavior", "terminate")]);
    lab.wait(60);
    assert_eq!(lab.instance_state(&id), "terminated");
}

#[test]
fn a_stop_by_the_caller_names_the_caller() {
    let lab = Lab::new();
    let id = lab.stopped();
    assert_eq!(lab.of_instance(&id, "stateReason/code").as_deref(), Some("Client.UserInitiatedShutdown"));
    assert_eq!(lab.of_instance(&id, "reason").as_deref(), Some("User initiated (2026-11-23 12:00:10 GMT)"));
}

#[test]
fn a_terminated_instance_is_visible_for_an_hour() {
    let lab = Lab::new();
    let id = lab.launch(&[]);
    lab.call("TerminateInstances", &[("InstanceId.1", &id)]);
    lab.wait(3000);
    assert_eq!(lab.instance_state(&id), "terminated");
    lab.wait(700);
    assert_eq!(lab.refused("DescribeInstances", &[("InstanceId.1", &id)]), "InvalidInstanceID.NotFound");
}

#[test]
fn a_wrong_key_terminates_a_launch_that_was_accepted() {
    let lab = Lab::new();
    let id = lab.launch(&[
        ("BlockDeviceMapping.1.DeviceName", "/dev/xvda"),
        ("BlockDeviceMapping.1.Ebs.Encrypted", "true"),
        ("BlockDeviceMapping.1.Ebs.KmsKeyId", "alias/does-not-exist"),
    ]);
    lab.wait(10);
    assert_eq!(lab.instance_state(&id), "terminated");
    assert_eq!(lab.of_instance(&id, "stateReason/code").as_deref(), Some("Client.InternalError"));
}

#[test]
fn console_output_comes_late_unless_the_latest_is_asked_for() {
    let lab = Lab::new();
    let id = lab.launch(&[("UserData", &user_data("#!/bin/sh\necho hello\n"))]);
    lab.wait(7);
    let latest = lab.call("GetConsoleOutput", &[("InstanceId", &id), ("Latest", "true")]);
    let text = BASE64.decode(latest.find_text("output").unwrap()).unwrap();
    assert!(String::from_utf8(text).unwrap().contains("hello"));
    let posted = lab.call("GetConsoleOutput", &[("InstanceId", &id)]);
    assert_eq!(posted.find_text("output"), None);
}

#[test]
fn the_latest_console_output_needs_a_nitro_type() {
    let lab = Lab::new();
    let id = lab.launch(&[("InstanceType", "t2.micro")]);
    let refused = lab.refused("GetConsoleOutput", &[("InstanceId", &id), ("Latest", "true")]);
    assert_eq!(refused, "UnsupportedOperation");
}

#[test]
fn a_launch_is_refused_with_the_code_of_aws() {
    let lab = Lab::new();
    let x86 = lab.base("al2023-ami-2023.9.20261110.0-kernel-6.1-x86");
    let marketplace = lab.base("hardened-linux");
    let big = user_data(&"x".repeat(16_385));
    let cases: [(&str, &str, &str); 17] = [
        ("ImageId", "ami-nonsense", "InvalidAMIID.Malformed"),
        ("ImageId", "ami-0123456789abcdef0", "InvalidAMIID.NotFound"),
        ("ImageId", &marketplace, "OptInRequired"),
        ("InstanceType", "t3.colossal", "InvalidParameterValue"),
        ("InstanceType", "t4g.micro", "InvalidParameterValue"),
        ("SubnetId", "subnet-0123456789abcdef0", "InvalidSubnetID.NotFound"),
        ("SecurityGroupId.1", "sg-0123456789abcdef0", "InvalidGroup.NotFound"),
        ("KeyName", "nobody", "InvalidKeyPair.NotFound"),
        ("MinCount", "2", "InvalidParameterValue"),
        ("UserData", &big, "InvalidParameterValue"),
        ("UserData", "%%%", "InvalidUserData.Malformed"),
        ("Placement.AvailabilityZone", "us-east-1z", "InvalidParameterValue"),
        ("InstanceInitiatedShutdownBehavior", "explode", "InvalidParameterValue"),
        ("TagSpecification.1.ResourceType", "image", "InvalidParameterValue"),
        ("IamInstanceProfile.Arn", "nonsense", "InvalidIamInstanceProfileArn.Malformed"),
        ("DryRun", "true", "DryRunOperation"),
        ("ClientToken", &"t".repeat(65), "InvalidParameterValue"),
    ];
    for (name, value, code) in cases {
        let mut params = vec![
            ("ImageId", x86.as_str()),
            ("InstanceType", "t3.micro"),
            ("MinCount", "1"),
            ("MaxCount", "1"),
        ];
        params.retain(|(other, _)| *other != name);
        params.push((name, value));
        assert_eq!(lab.refused("RunInstances", &params), code, "{name}={}", value.get(..20).unwrap_or(value));
    }
}

#[test]
fn a_volume_smaller_than_its_snapshot_is_refused() {
    let lab = Lab::new();
    let image = lab.base("al2023-ami-2023.9.20261110.0-kernel-6.1-x86");
    let params = [
        ("ImageId", image.as_str()),
        ("InstanceType", "t3.micro"),
        ("MinCount", "1"),
        ("MaxCount", "1"),
        ("BlockDeviceMapping.1.DeviceName", "/dev/xvda"),
        ("BlockDeviceMapping.1.Ebs.VolumeSize", "4"),
    ];
    assert_eq!(lab.refused("RunInstances", &params), "InvalidBlockDeviceMapping");
}

#[test]
fn volumes_go_with_their_instance() {
    let lab = Lab::new();
    let id = lab.launch(&[]);
    let of_instance = [("Filter.1.Name", "attachment.instance-id"), ("Filter.1.Value.1", id.as_str())];
    assert_eq!(lab.call("DescribeVolumes", &of_instance).nodes("volumeSet/item").len(), 1);
    lab.call("TerminateInstances", &[("InstanceId.1", &id)]);
    lab.wait(10);
    assert_eq!(lab.call("DescribeVolumes", &[]).nodes("volumeSet/item").len(), 0);
}

#[test]
fn a_read_lags_behind_by_as_much_as_it_is_told() {
    let lab = Lab::new();
    let mut knobs = lab.sim.knobs();
    knobs.lag = std::time::Duration::from_secs(30);
    lab.sim.set_knobs(knobs);
    let id = lab.launch(&[]);
    assert_eq!(lab.refused("DescribeInstances", &[("InstanceId.1", &id)]), "InvalidInstanceID.NotFound");
    lab.wait(31);
    assert_eq!(lab.instance_state(&id), "pending");
    lab.wait(6);
    assert_eq!(lab.instance_state(&id), "running");
}

#[test]
fn pages_are_followed_by_their_token() {
    let lab = Lab::new();
    for _ in 0..7 {
        lab.launch(&[]);
    }
    let first = lab.call("DescribeInstances", &[("MaxResults", "5")]);
    let token = first.find_text("nextToken").unwrap().to_owned();
    let second = lab.call("DescribeInstances", &[("MaxResults", "5"), ("NextToken", &token)]);
    assert_eq!(first.nodes("reservationSet/item").len(), 5);
    assert_eq!(second.nodes("reservationSet/item").len(), 2);
    assert_eq!(second.find_text("nextToken"), None);
}

#[test]
fn a_token_of_another_query_is_refused() {
    let lab = Lab::new();
    for _ in 0..7 {
        lab.launch(&[]);
    }
    let token = lab.ask("DescribeInstances", &[("MaxResults", "5")], "nextToken");
    let other = [
        ("NextToken", token.as_str()),
        ("Filter.1.Name", "instance-state-name"),
        ("Filter.1.Value.1", "running"),
    ];
    assert_eq!(lab.refused("DescribeInstances", &other), "InvalidNextToken");
}
