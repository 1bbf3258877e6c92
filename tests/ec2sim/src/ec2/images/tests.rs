use crate::lab::{Lab, OTHER, OWN};

#[test]
fn an_image_is_pending_before_it_is_available() {
    let lab = Lab::new();
    let id = lab.image_of(&lab.stopped(), "web");
    assert_eq!(lab.image_state(&id), "pending");
    lab.wait(20);
    assert_eq!(lab.image_state(&id), "available");
}

#[test]
fn a_snapshot_of_an_image_makes_progress() {
    let lab = Lab::new();
    let id = lab.image_of(&lab.stopped(), "web");
    let snapshot = lab.snapshot(&id);
    lab.wait(9);
    let progress = lab.ask("DescribeSnapshots", &[("SnapshotId.1", &snapshot)], "snapshotSet/item/progress");
    assert_eq!(progress, "50%");
}

#[test]
fn a_running_instance_can_be_imaged() {
    let lab = Lab::new();
    let instance = lab.launch(&[]);
    lab.wait(10);
    let id = lab.image_of(&instance, "web");
    assert_eq!(lab.of_image(&id, "sourceInstanceId"), Some(instance));
}

#[test]
fn a_stopping_or_terminated_instance_cannot_be_imaged() {
    let lab = Lab::new();
    let instance = lab.launch(&[]);
    lab.wait(10);
    lab.call("StopInstances", &[("InstanceId.1", &instance)]);
    let params = [("InstanceId", instance.as_str()), ("Name", "web")];
    assert_eq!(lab.refused("CreateImage", &params), "InvalidParameterValue");
    lab.call("TerminateInstances", &[("InstanceId.1", &instance)]);
    lab.wait(10);
    assert_eq!(lab.refused("CreateImage", &params), "InvalidParameterValue");
}

#[test]
fn a_name_is_taken_while_an_image_has_it() {
    let lab = Lab::new();
    let instance = lab.stopped();
    let id = lab.image_of(&instance, "web");
    let error = lab.try_call("CreateImage", &[("InstanceId", &instance), ("Name", "web")]).unwrap_err();
    assert_eq!(error.code, "InvalidAMIName.Duplicate");
    assert_eq!(error.message, format!("AMI name web is already in use by AMI {id}"));
    lab.call("DeregisterImage", &[("ImageId", &id)]);
    lab.image_of(&instance, "web");
}

#[test]
fn a_name_is_free_in_another_account() {
    let lab = Lab::new();
    lab.image("web");
    lab.account(OTHER).image("web");
}

#[test]
fn an_image_fails_if_its_instance_is_terminated_before_it_is_available() {
    let lab = Lab::new();
    let instance = lab.stopped();
    let id = lab.image_of(&instance, "web");
    lab.call("TerminateInstances", &[("InstanceId.1", &instance)]);
    assert_eq!(lab.image_state(&id), "failed");
    assert_eq!(lab.of_image(&id, "stateReason/code").as_deref(), Some("Client.InstanceTerminated"));
}

#[test]
fn an_available_image_outlives_its_instance() {
    let lab = Lab::new();
    let instance = lab.stopped();
    let id = lab.image_of(&instance, "web");
    lab.wait(20);
    lab.call("TerminateInstances", &[("InstanceId.1", &instance)]);
    assert_eq!(lab.image_state(&id), "available");
}

#[test]
fn a_volume_encrypted_at_launch_gives_an_encrypted_image() {
    let lab = Lab::new();
    let instance = lab.launch(&[
        ("BlockDeviceMapping.1.DeviceName", "/dev/xvda"),
        ("BlockDeviceMapping.1.Ebs.Encrypted", "true"),
        ("BlockDeviceMapping.1.Ebs.KmsKeyId", "alias/images"),
    ]);
    lab.wait(10);
    let id = lab.image_of(&instance, "web");
    assert_eq!(lab.of_image(&id, "blockDeviceMapping/item/ebs/encrypted").as_deref(), Some("true"));
}

#[test]
fn a_pending_copy_does_not_tell_its_snapshots() {
    let lab = Lab::new();
    let image = lab.image("web");
    let ireland = lab.region("eu-west-1");
    let id = ireland.copy(&image, &[]).unwrap();
    assert_eq!(ireland.of_image(&id, "blockDeviceMapping/item/ebs/snapshotId"), None);
    ireland.wait(30);
    assert!(ireland.of_image(&id, "blockDeviceMapping/item/ebs/snapshotId").is_some());
    assert_eq!(ireland.of_image(&id, "sourceImageId"), Some(image));
    assert_eq!(ireland.of_image(&id, "sourceImageRegion").as_deref(), Some("us-east-1"));
}

#[test]
fn a_snapshot_of_a_copy_names_where_it_comes_from() {
    let lab = Lab::new();
    let image = lab.image("web");
    let (source, ireland) = (lab.snapshot(&image), lab.region("eu-west-1"));
    let id = ireland.copy(&image, &[]).unwrap();
    ireland.wait(30);
    let snapshot = ireland.snapshot(&id);
    let told =
        ireland.ask("DescribeSnapshots", &[("SnapshotId.1", &snapshot)], "snapshotSet/item/description");
    let expected = format!(
        "Copied for DestinationAmi {id} from SourceAmi {image} for SourceSnapshot {source}. Task created on "
    );
    assert!(told.starts_with(&expected), "{told}");
}

#[test]
fn a_pending_image_cannot_be_copied() {
    let lab = Lab::new();
    let image = lab.image_of(&lab.stopped(), "web");
    assert_eq!(lab.region("eu-west-1").copy(&image, &[]).unwrap_err().code, "InvalidAMIID.Unavailable");
}

#[test]
fn a_time_based_copy_needs_some_throughput_that_is_left() {
    let lab = Lab::new();
    let image = lab.image("web");
    let ireland = lab.region("eu-west-1");
    let quick = [("SnapshotCopyCompletionDurationMinutes", "15")];
    lab.sim.change(lab.now(), |world| world.quotas.time_based_copies = 9);
    let id = ireland.copy(&image, &quick).unwrap();
    assert_eq!(ireland.copy(&image, &quick).unwrap_err().code, "ResourceLimitExceeded");
    ireland.copy(&image, &[]).unwrap();
    ireland.wait(30);
    ireland.copy(&image, &quick).unwrap();
    let snapshot = ireland.snapshot(&id);
    let told = |field: &str| ireland.ask("DescribeSnapshots", &[("SnapshotId.1", &snapshot)], field);
    assert_eq!(told("snapshotSet/item/transferType"), "time-based");
    assert_eq!(told("snapshotSet/item/completionDurationMinutes"), "15");
}

#[test]
fn copies_may_share_a_name() {
    let lab = Lab::new();
    let image = lab.image("web");
    let ireland = lab.region("eu-west-1");
    assert_ne!(ireland.copy(&image, &[]).unwrap(), ireland.copy(&image, &[]).unwrap());
}

#[test]
fn a_repeated_copy_token_answers_the_same_image_within_a_region() {
    let lab = Lab::new();
    let image = lab.image("web");
    let (ireland, ohio) = (lab.region("eu-west-1"), lab.region("us-east-2"));
    let first = ireland.copy(&image, &[("ClientToken", "t")]).unwrap();
    assert_eq!(ireland.copy(&image, &[("ClientToken", "t")]).unwrap(), first);
    assert_ne!(ohio.copy(&image, &[("ClientToken", "t")]).unwrap(), first);
    let changed = ireland.copy(&image, &[("ClientToken", "t"), ("Name", "other")]);
    assert_eq!(changed.unwrap_err().code, "IdempotentParameterMismatch");
}

#[test]
fn a_wrong_key_fails_a_copy_that_was_accepted() {
    let lab = Lab::new();
    let image = lab.image("web");
    let ireland = lab.region("eu-west-1");
    let key = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let id = ireland.copy(&image, &[("Encrypted", "true"), ("KmsKeyId", key)]).unwrap();
    assert_eq!(ireland.image_state(&id), "pending");
    ireland.wait(30);
    assert_eq!(ireland.image_state(&id), "failed");
    assert!(ireland.of_image(&id, "stateReason/message").unwrap().contains("Given key ID is not accessible"));
}

#[test]
fn a_key_without_encryption_is_refused() {
    let lab = Lab::new();
    let image = lab.image("web");
    let refused = lab.region("eu-west-1").copy(&image, &[("KmsKeyId", "alias/images")]);
    assert_eq!(refused.unwrap_err().code, "InvalidParameterDependency");
}

#[test]
fn a_shared_image_needs_shared_snapshots_to_be_copied() {
    let lab = Lab::new();
    let (image, other) = (lab.image("web"), lab.account(OTHER));
    assert_eq!(other.copy(&image, &[]).unwrap_err().code, "InvalidAMIID.NotFound");
    lab.call("ModifyImageAttribute", &[("ImageId", &image), ("LaunchPermission.Add.1.UserId", OTHER)]);
    assert_eq!(other.copy(&image, &[]).unwrap_err().code, "InvalidRequest");
    let snapshot = lab.snapshot(&image);
    let share = [("SnapshotId", snapshot.as_str()), ("CreateVolumePermission.Add.1.UserId", OTHER)];
    lab.call("ModifySnapshotAttribute", &share);
    let copy = other.copy(&image, &[]).unwrap();
    assert_eq!(other.of_image(&copy, "imageOwnerId").as_deref(), Some(OTHER));
}

#[test]
fn a_shared_image_is_seen_by_the_account_it_is_shared_with() {
    let lab = Lab::new();
    let (image, other) = (lab.image("web"), lab.account(OTHER));
    lab.call("ModifyImageAttribute", &[("ImageId", &image), ("LaunchPermission.Add.1.UserId", OTHER)]);
    let shared = [("ExecutableBy.1", "self")];
    assert_eq!(other.ask("DescribeImages", &shared, "imagesSet/item/imageId"), image);
    assert_eq!(other.of_image(&image, "imageOwnerId").as_deref(), Some(OWN));
    assert_eq!(other.refused("DeregisterImage", &[("ImageId", &image)]), "AuthFailure");
    lab.call("ModifyImageAttribute", &[("ImageId", &image), ("LaunchPermission.Remove.1.UserId", OTHER)]);
    assert_eq!(other.refused("DescribeImages", &[("ImageId.1", &image)]), "InvalidAMIID.NotFound");
}

#[test]
fn disabling_an_image_takes_its_permissions_for_good() {
    let lab = Lab::new();
    let image = lab.image("web");
    lab.call("ModifyImageAttribute", &[("ImageId", &image), ("LaunchPermission.Add.1.UserId", OTHER)]);
    lab.call("DisableImage", &[("ImageId", &image)]);
    assert_eq!(lab.image_state(&image), "disabled");
    assert_eq!(lab.call("DescribeImages", &[("Owner.1", "self")]).nodes("imagesSet/item").len(), 0);
    lab.call("EnableImage", &[("ImageId", &image)]);
    let asked = [("ImageId", image.as_str()), ("Attribute", "launchPermission")];
    assert_eq!(lab.call("DescribeImageAttribute", &asked).nodes("launchPermission/item").len(), 0);
}

#[test]
fn a_deprecated_image_is_hidden_from_others() {
    let lab = Lab::new();
    let (image, other) = (lab.image("web"), lab.account(OTHER));
    lab.call("ModifyImageAttribute", &[("ImageId", &image), ("LaunchPermission.Add.1.UserId", OTHER)]);
    lab.call("EnableImageDeprecation", &[("ImageId", &image), ("DeprecateAt", "2026-11-23T12:05:31Z")]);
    assert_eq!(lab.of_image(&image, "deprecationTime").as_deref(), Some("2026-11-23T12:06:00.000Z"));
    lab.wait(600);
    let count = |lab: &Lab, more: &[(&str, &str)]| {
        let mut params = vec![("Owner.1", OWN)];
        params.extend_from_slice(more);
        lab.call("DescribeImages", &params).nodes("imagesSet/item").len()
    };
    assert_eq!(count(&lab, &[]), 1);
    assert_eq!(count(&other, &[]), 0);
    assert_eq!(count(&other, &[("IncludeDeprecated", "true")]), 1);
    assert_eq!(count(&other, &[("ImageId.1", &image)]), 1);
}

#[test]
fn a_protected_image_is_not_deregistered_before_its_cooldown_is_over() {
    let lab = Lab::new();
    let image = lab.image("web");
    let id = ("ImageId", image.as_str());
    lab.call("EnableImageDeregistrationProtection", &[id, ("WithCooldown", "true")]);
    assert_eq!(lab.refused("DeregisterImage", &[id]), "OperationNotPermitted");
    lab.call("DisableImageDeregistrationProtection", &[id]);
    assert_eq!(lab.refused("DeregisterImage", &[id]), "OperationNotPermitted");
    lab.wait(24 * 3600);
    lab.call("DeregisterImage", &[id]);
}

#[test]
fn a_snapshot_is_in_use_while_its_image_is_registered() {
    let lab = Lab::new();
    let image = lab.image("web");
    let snapshot = lab.snapshot(&image);
    assert_eq!(lab.refused("DeleteSnapshot", &[("SnapshotId", &snapshot)]), "InvalidSnapshot.InUse");
    lab.call("DeregisterImage", &[("ImageId", &image)]);
    lab.call("DeleteSnapshot", &[("SnapshotId", &snapshot)]);
}

#[test]
fn deregistration_tells_what_became_of_each_snapshot() {
    let lab = Lab::new();
    let image = lab.image("web");
    let snapshot = lab.snapshot(&image);
    let register = [
        ("Name", "other"),
        ("RootDeviceName", "/dev/xvda"),
        ("BlockDeviceMapping.1.DeviceName", "/dev/xvda"),
        ("BlockDeviceMapping.1.Ebs.SnapshotId", snapshot.as_str()),
    ];
    let other = lab.ask("RegisterImage", &register, "imageId");
    let result = "deleteSnapshotResultSet/item/returnCode";
    let with_snapshots =
        |id: &str| [("ImageId", id.to_owned()), ("DeleteAssociatedSnapshots", "true".to_owned())];
    let deregister = |id: &str| {
        let params = with_snapshots(id);
        let params: Vec<(&str, &str)> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
        lab.ask("DeregisterImage", &params, result)
    };
    assert_eq!(deregister(&image), "skipped");
    assert_eq!(deregister(&other), "success");
    assert_eq!(lab.refused("DescribeSnapshots", &[("SnapshotId.1", &snapshot)]), "InvalidSnapshot.NotFound");
}

#[test]
fn blocked_public_access_refuses_public_images() {
    let lab = Lab::new();
    let image = lab.image("web");
    let public = [("ImageId", image.as_str()), ("LaunchPermission.Add.1.Group", "all")];
    lab.call("EnableImageBlockPublicAccess", &[("ImageBlockPublicAccessState", "block-new-sharing")]);
    assert_eq!(lab.refused("ModifyImageAttribute", &public), "OperationNotPermitted");
    lab.call("DisableImageBlockPublicAccess", &[]);
    lab.call("ModifyImageAttribute", &public);
    assert_eq!(lab.of_image(&image, "isPublic").as_deref(), Some("true"));
}

#[test]
fn required_imds_v2_cannot_be_unset() {
    let lab = Lab::new();
    let image = lab.image("web");
    lab.call("ModifyImageAttribute", &[("ImageId", &image), ("ImdsSupport.Value", "v2.0")]);
    let unset = [("ImageId", image.as_str()), ("ImdsSupport.Value", "")];
    assert_eq!(lab.refused("ModifyImageAttribute", &unset), "InvalidParameterValue");
    assert_eq!(lab.of_image(&image, "imdsSupport").as_deref(), Some("v2.0"));
}

#[test]
fn a_dry_run_makes_nothing() {
    let lab = Lab::new();
    let instance = lab.stopped();
    let params = [("InstanceId", instance.as_str()), ("Name", "web"), ("DryRun", "true")];
    assert_eq!(lab.refused("CreateImage", &params), "DryRunOperation");
    assert_eq!(lab.call("DescribeImages", &[("Owner.1", "self")]).nodes("imagesSet/item").len(), 0);
}

#[test]
fn a_region_that_is_not_opted_in_knows_nobody() {
    let lab = Lab::new();
    assert_eq!(lab.region("af-south-1").refused("DescribeImages", &[]), "AuthFailure");
}

#[test]
fn what_references_an_image_is_listed() {
    let lab = Lab::new();
    let image = lab.image("web");
    let all = [("ImageId.1", image.as_str()), ("IncludeAllResourceTypes", "true")];
    let kinds = |params: &[(&str, &str)]| {
        let answer = lab.call("DescribeImageReferences", params);
        let items = answer.nodes("imageReferenceSet/item").into_iter();
        items.filter_map(|item| item.find_text("resourceType").map(str::to_owned)).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&all), Vec::<String>::new());
    let instance = lab.launch(&[("ImageId", &image)]);
    assert_eq!(kinds(&all), ["ec2:Instance"]);
    let running = [
        ("ImageId.1", image.as_str()),
        ("ResourceType.1.ResourceType", "ec2:Instance"),
        ("ResourceType.1.ResourceTypeOption.1.OptionName", "state-name"),
        ("ResourceType.1.ResourceTypeOption.1.OptionValue.1", "running"),
    ];
    assert_eq!(kinds(&running), Vec::<String>::new());
    lab.wait(10);
    assert_eq!(kinds(&running), ["ec2:Instance"]);
    lab.call("TerminateInstances", &[("InstanceId.1", &instance)]);
    assert_eq!(kinds(&running), Vec::<String>::new());
    assert_eq!(lab.refused("DescribeImageReferences", &[("ImageId.1", &image)]), "MissingParameter");
}

#[test]
fn the_boot_mode_of_an_image_can_be_narrowed_to_uefi() {
    let lab = Lab::new();
    let instance = lab.stopped();
    let image = lab.image_of(&instance, "as-before");
    assert_eq!(lab.of_image(&image, "bootMode").as_deref(), Some("uefi-preferred"));
    let image = |mode| [("InstanceId", instance.as_str()), ("Name", "web"), ("BootModeOverride", mode)];
    assert_eq!(lab.refused("CreateImage", &image("legacy-bios")), "InvalidParameterValue");
    let made = lab.ask("CreateImage", &image("uefi"), "imageId");
    assert_eq!(lab.of_image(&made, "bootMode").as_deref(), Some("uefi"));
}
