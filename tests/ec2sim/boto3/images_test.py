"""Images: making, finding, registering, retiring and removing them."""

import datetime

import pytest
from conftest import image, refused, tags_of

ABSENT = "ami-0123456789abcdef0"


def now(sim):
    return datetime.datetime.fromisoformat(sim.admin("clock")["now"])


def names(reply):
    return [i["Name"] for i in reply["Images"]]


def test_an_image_of_an_instance(ec2, launch, account):
    instance = launch()["InstanceId"]
    specifications = [
        {"ResourceType": "image", "Tags": [{"Key": "kind", "Value": "image"}]},
        {"ResourceType": "snapshot", "Tags": [{"Key": "kind", "Value": "snapshot"}]},
    ]
    made = ec2.create_image(
        InstanceId=instance, Name="my image", Description="words", TagSpecifications=specifications
    )["ImageId"]
    found = image(ec2, made)
    assert found["State"] == "available"
    assert (found["Name"], found["Description"], found["OwnerId"]) == ("my image", "words", account)
    assert found["ImageLocation"] == f"{account}/my image"
    assert found["SourceInstanceId"] == instance
    assert (found["Public"], found["ImageType"], found["RootDeviceType"]) == (False, "machine", "ebs")
    assert found["EnaSupport"] is True
    assert tags_of(found) == {"kind": "image"}
    snapshot = found["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    [stored] = ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"]
    assert stored["State"] == "completed"
    assert stored["Description"] == f"Created by CreateImage({instance}) for {made}"
    assert tags_of(stored) == {"kind": "snapshot"}


def test_an_image_is_pending_at_first(sim, ec2, launch):
    instance = launch()["InstanceId"]
    sim.profile("demo")
    made = ec2.create_image(InstanceId=instance, Name="slow")["ImageId"]
    assert image(ec2, made)["State"] == "pending"
    sim.advance(120)
    assert image(ec2, made)["State"] == "available"


def test_terminating_the_source_fails_a_pending_image(sim, ec2, launch):
    instance = launch()["InstanceId"]
    sim.profile("demo")
    made = ec2.create_image(InstanceId=instance, Name="slow")["ImageId"]
    ec2.terminate_instances(InstanceIds=[instance])
    sim.advance(120)
    found = image(ec2, made)
    assert found["State"] == "failed"
    assert found["StateReason"]["Code"] == "Client.InstanceTerminated"


def test_names_are_unique_until_deregistration(ec2, make_image, launch):
    first = make_image("taken")
    message = refused(
        "InvalidAMIName.Duplicate", ec2.create_image, InstanceId=launch()["InstanceId"], Name="taken"
    )
    assert first in message
    ec2.deregister_image(ImageId=first)
    assert make_image("taken") != first


@pytest.mark.parametrize("name", ["x" * 129, "semi;colon", "star*"])
def test_malformed_names_are_refused(ec2, launch, name):
    refused("InvalidAMIName.Malformed", ec2.create_image, InstanceId=launch()["InstanceId"], Name=name)


def test_image_source_errors(ec2, launch):
    refused("InvalidInstanceID.NotFound", ec2.create_image, InstanceId="i-0123456789abcdef0", Name="abc")
    refused("InvalidInstanceID.Malformed", ec2.create_image, InstanceId="nonsense", Name="abc")
    gone = launch()["InstanceId"]
    ec2.terminate_instances(InstanceIds=[gone])
    refused("InvalidParameterValue", ec2.create_image, InstanceId=gone, Name="abc")


def test_a_stopped_instance_can_be_imaged(ec2, launch):
    instance = launch()["InstanceId"]
    ec2.stop_instances(InstanceIds=[instance])
    made = ec2.create_image(InstanceId=instance, Name="stopped", NoReboot=True)["ImageId"]
    assert image(ec2, made)["State"] == "available"


def test_a_stopping_instance_cannot_be_imaged(sim, ec2, launch):
    instance = launch()["InstanceId"]
    sim.profile("demo")
    ec2.stop_instances(InstanceIds=[instance])
    refused("InvalidParameterValue", ec2.create_image, InstanceId=instance, Name="abc")


def test_an_image_dry_run(ec2, launch):
    instance = launch()["InstanceId"]
    refused("DryRunOperation", ec2.create_image, InstanceId=instance, Name="dry", DryRun=True)
    assert ec2.describe_images(Owners=["self"])["Images"] == []


def test_image_tags_of_other_types_are_refused(ec2, launch):
    specification = {"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "1"}]}
    refused(
        "InvalidParameterValue",
        ec2.create_image,
        InstanceId=launch()["InstanceId"],
        Name="abc",
        TagSpecifications=[specification],
    )


def test_mappings_change_what_is_imaged(ec2, launch):
    data = [{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1}}]
    instance = launch(BlockDeviceMappings=data)["InstanceId"]
    made = ec2.create_image(
        InstanceId=instance,
        Name="partial",
        BlockDeviceMappings=[
            {"DeviceName": "/dev/sdf", "NoDevice": ""},
            {"DeviceName": "/dev/sdg", "Ebs": {"VolumeSize": 3, "DeleteOnTermination": True}},
        ],
    )["ImageId"]
    mappings = {m["DeviceName"]: m for m in image(ec2, made)["BlockDeviceMappings"]}
    assert "/dev/sdf" not in mappings
    assert mappings["/dev/sdg"]["Ebs"]["VolumeSize"] == 3
    assert len(mappings) == 2


def test_an_encrypted_instance_gives_an_encrypted_image(ec2, launch, base_ami):
    root = image(ec2, base_ami)["RootDeviceName"]
    instance = launch(BlockDeviceMappings=[{"DeviceName": root, "Ebs": {"Encrypted": True}}])["InstanceId"]
    made = image(ec2, ec2.create_image(InstanceId=instance, Name="secret")["ImageId"])
    ebs = made["BlockDeviceMappings"][0]["Ebs"]
    assert ebs["Encrypted"] is True
    [snapshot] = ec2.describe_snapshots(SnapshotIds=[ebs["SnapshotId"]])["Snapshots"]
    assert snapshot["Encrypted"] is True
    assert snapshot["KmsKeyId"].startswith("arn:aws:kms:")


def test_base_images_of_amazon(ec2, base_ami):
    found = ec2.describe_images(Owners=["amazon"])["Images"]
    assert base_ami in {i["ImageId"] for i in found}
    mine = image(ec2, base_ami)
    assert (mine["Public"], mine["State"], mine["Architecture"]) == (True, "available", "x86_64")
    assert mine["ImageOwnerAlias"] == "amazon"
    assert mine["PlatformDetails"] == "Linux/UNIX"
    assert mine["UsageOperation"] == "RunInstances"


def test_images_by_owner(ec2, second, make_image, account):
    mine = make_image()
    assert [i["ImageId"] for i in ec2.describe_images(Owners=["self"])["Images"]] == [mine]
    assert [i["ImageId"] for i in ec2.describe_images(Owners=[account])["Images"]] == [mine]
    assert second.describe_images(Owners=[account])["Images"] == []
    refused("InvalidAMIID.NotFound", second.describe_images, ImageIds=[mine])
    refused("InvalidUserID.Malformed", ec2.describe_images, Owners=["nonsense"])


def test_image_errors(ec2):
    refused("InvalidAMIID.NotFound", ec2.describe_images, ImageIds=[ABSENT])
    refused("InvalidAMIID.Malformed", ec2.describe_images, ImageIds=["nonsense"])
    refused("InvalidParameterValue", ec2.describe_images, Filters=[{"Name": "bad", "Values": ["x"]}])


def test_images_are_filtered(ec2, make_image):
    one = make_image("red one", TagSpecifications=[{"ResourceType": "image", "Tags": [{"Key": "a", "Value": "1"}]}])
    make_image("blue two")
    found = image(ec2, one)
    for name, value in {
        "name": "red*",
        "tag:a": "1",
        "tag-key": "a",
        "image-id": one,
        "source-instance-id": found["SourceInstanceId"],
        "block-device-mapping.snapshot-id": found["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"],
    }.items():
        filters = [{"Name": name, "Values": [value]}, {"Name": "state", "Values": ["available"]}]
        assert names(ec2.describe_images(Owners=["self"], Filters=filters)) == ["red one"], name
    for name, value in {
        "architecture": "x86_64",
        "is-public": "false",
        "root-device-type": "ebs",
        "virtualization-type": "hvm",
        "owner-id": found["OwnerId"],
        "image-type": "machine",
        "ena-support": "true",
    }.items():
        filters = [{"Name": name, "Values": [value]}]
        assert len(ec2.describe_images(Owners=["self"], Filters=filters)["Images"]) == 2, name


def test_filter_values_are_alternatives_and_case_sensitive(ec2, make_image):
    make_image("Alpha")
    make_image("beta")
    either = [{"Name": "name", "Values": ["Alpha", "beta"]}]
    assert sorted(names(ec2.describe_images(Owners=["self"], Filters=either))) == ["Alpha", "beta"]
    lower = [{"Name": "name", "Values": ["alpha"]}]
    assert names(ec2.describe_images(Owners=["self"], Filters=lower)) == []


def test_images_are_paged(ec2, launch):
    instance = launch()["InstanceId"]
    made = {ec2.create_image(InstanceId=instance, Name=f"image {i}")["ImageId"] for i in range(7)}
    pages = list(ec2.get_paginator("describe_images").paginate(Owners=["self"], PaginationConfig={"PageSize": 3}))
    assert [len(p["Images"]) for p in pages] == [3, 3, 1]
    assert {i["ImageId"] for p in pages for i in p["Images"]} == made


def test_an_image_is_deregistered(ec2, make_image):
    made = make_image()
    snapshot = image(ec2, made)["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    refused("InvalidSnapshot.InUse", ec2.delete_snapshot, SnapshotId=snapshot)
    ec2.deregister_image(ImageId=made)
    refused(("InvalidAMIID.Unavailable", "InvalidAMIID.NotFound"), ec2.deregister_image, ImageId=made)
    assert ec2.describe_images(Owners=["self"])["Images"] == []
    ec2.delete_snapshot(SnapshotId=snapshot)
    refused("InvalidSnapshot.NotFound", ec2.describe_snapshots, SnapshotIds=[snapshot])


def test_snapshots_can_go_with_the_image(ec2, make_image):
    made = make_image()
    snapshot = image(ec2, made)["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    reply = ec2.deregister_image(ImageId=made, DeleteAssociatedSnapshots=True)
    assert reply["Return"] is True
    assert reply["DeleteSnapshotResults"] == [{"SnapshotId": snapshot, "ReturnCode": "success"}]
    refused("InvalidSnapshot.NotFound", ec2.describe_snapshots, SnapshotIds=[snapshot])


def test_a_snapshot_another_image_uses_is_skipped(ec2, make_image):
    made = make_image()
    snapshot = image(ec2, made)["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    device = {"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot}}
    ec2.register_image(Name="second", RootDeviceName="/dev/xvda", BlockDeviceMappings=[device])
    reply = ec2.deregister_image(ImageId=made, DeleteAssociatedSnapshots=True)
    assert reply["DeleteSnapshotResults"] == [{"SnapshotId": snapshot, "ReturnCode": "skipped"}]


def test_deregistration_errors(ec2, second, make_image, base_ami):
    refused("InvalidAMIID.NotFound", ec2.deregister_image, ImageId=ABSENT)
    refused("InvalidAMIID.Malformed", ec2.deregister_image, ImageId="nonsense")
    refused(("AuthFailure", "OperationNotPermitted"), ec2.deregister_image, ImageId=base_ami)
    refused(("AuthFailure", "InvalidAMIID.NotFound"), second.deregister_image, ImageId=make_image())


def test_a_deregistered_image_cannot_be_launched(ec2, make_image):
    made = make_image()
    ec2.deregister_image(ImageId=made)
    refused(
        ("InvalidAMIID.Unavailable", "InvalidAMIID.NotFound"),
        ec2.run_instances,
        ImageId=made,
        InstanceType="t3.micro",
        MinCount=1,
        MaxCount=1,
    )


def test_an_image_is_registered_from_a_snapshot(ec2, launch):
    launch()
    instance = ec2.describe_instances()["Reservations"][0]["Instances"][0]
    volume = instance["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    device = {"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": snapshot, "VolumeType": "gp3"}}
    made = ec2.register_image(
        Name="registered",
        Architecture="x86_64",
        VirtualizationType="hvm",
        RootDeviceName="/dev/sda1",
        EnaSupport=True,
        ImdsSupport="v2.0",
        BootMode="uefi",
        BlockDeviceMappings=[device],
        TagSpecifications=[{"ResourceType": "image", "Tags": [{"Key": "a", "Value": "1"}]}],
    )["ImageId"]
    found = image(ec2, made)
    assert (found["State"], found["RootDeviceName"]) == ("available", "/dev/sda1")
    assert (found["ImdsSupport"], found["BootMode"], found["EnaSupport"]) == ("v2.0", "uefi", True)
    assert found["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"] == snapshot
    assert tags_of(found) == {"a": "1"}


def test_registration_defaults_are_the_old_ones(ec2, make_image):
    snapshot = image(ec2, make_image())["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    device = {"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": snapshot}}
    made = ec2.register_image(Name="old", RootDeviceName="/dev/sda1", BlockDeviceMappings=[device])["ImageId"]
    assert (image(ec2, made)["Architecture"], image(ec2, made)["VirtualizationType"]) == ("i386", "paravirtual")


def test_registration_errors(ec2, make_image):
    made = make_image("taken")
    snapshot = image(ec2, made)["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    device = {"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": snapshot}}
    absent = {"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": "snap-0123456789abcdef0"}}
    root = {"RootDeviceName": "/dev/sda1"}
    refused("InvalidAMIName.Duplicate", ec2.register_image, Name="taken", BlockDeviceMappings=[device], **root)
    refused("InvalidSnapshot.NotFound", ec2.register_image, Name="other", BlockDeviceMappings=[absent], **root)
    refused("InvalidAMIName.Malformed", ec2.register_image, Name="star*", BlockDeviceMappings=[device], **root)


def test_an_image_is_disabled_and_enabled(ec2, second, make_image):
    made = make_image()
    ec2.modify_image_attribute(ImageId=made, LaunchPermission={"Add": [{"UserId": "222222222222"}]})
    assert ec2.disable_image(ImageId=made)["Return"] is True
    assert ec2.describe_images(Owners=["self"])["Images"] == []
    [hidden] = ec2.describe_images(Owners=["self"], IncludeDisabled=True)["Images"]
    assert hidden["State"] == "disabled"
    refused("InvalidAMIID.NotFound", second.describe_images, ImageIds=[made])
    refused(
        "InvalidAMIID.Unavailable", ec2.run_instances, ImageId=made, InstanceType="t3.micro", MinCount=1, MaxCount=1
    )
    snapshot = hidden["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    refused("InvalidSnapshot.InUse", ec2.delete_snapshot, SnapshotId=snapshot)
    ec2.enable_image(ImageId=made)
    assert image(ec2, made)["State"] == "available"
    attribute = ec2.describe_image_attribute(ImageId=made, Attribute="launchPermission")
    assert attribute["LaunchPermissions"] == []


def test_disabling_errors(ec2):
    refused("InvalidAMIID.NotFound", ec2.disable_image, ImageId=ABSENT)
    refused("InvalidAMIID.NotFound", ec2.enable_image, ImageId=ABSENT)


def test_deprecation_is_rounded_to_the_minute(ec2, sim, make_image):
    made = make_image()
    at = (now(sim) + datetime.timedelta(days=10)).replace(second=20, microsecond=0)
    ec2.enable_image_deprecation(ImageId=made, DeprecateAt=at)
    shown = datetime.datetime.fromisoformat(image(ec2, made)["DeprecationTime"])
    assert shown == at.replace(second=0)
    ec2.disable_image_deprecation(ImageId=made)
    assert "DeprecationTime" not in image(ec2, made)


def test_a_deprecated_image_is_hidden_from_others(ec2, second, sim, make_image):
    made = make_image()
    ec2.modify_image_attribute(ImageId=made, LaunchPermission={"Add": [{"UserId": "222222222222"}]})
    ec2.enable_image_deprecation(ImageId=made, DeprecateAt=now(sim) + datetime.timedelta(minutes=10))
    sim.advance(1200)
    assert second.describe_images(ExecutableUsers=["self"])["Images"] == []
    assert len(second.describe_images(ExecutableUsers=["self"], IncludeDeprecated=True)["Images"]) == 1
    assert len(second.describe_images(ImageIds=[made])["Images"]) == 1
    assert len(ec2.describe_images(Owners=["self"])["Images"]) == 1


def test_deprecation_bounds(ec2, sim, make_image):
    made = make_image()
    wrong = ("InvalidParameterValue", "InvalidParameter", "InvalidTime", "InvalidParameterCombination")
    past = now(sim) - datetime.timedelta(days=1)
    late = now(sim) + datetime.timedelta(days=3660)
    refused(wrong, ec2.enable_image_deprecation, ImageId=made, DeprecateAt=past)
    refused(wrong, ec2.enable_image_deprecation, ImageId=made, DeprecateAt=late)
    refused("InvalidAMIID.NotFound", ec2.enable_image_deprecation, ImageId=ABSENT, DeprecateAt=late)


def test_protection_prevents_deregistration(ec2, make_image):
    made = make_image()
    ec2.enable_image_deregistration_protection(ImageId=made)
    assert image(ec2, made)["DeregistrationProtection"].startswith("enabled")
    refused("OperationNotPermitted", ec2.deregister_image, ImageId=made)
    ec2.disable_image_deregistration_protection(ImageId=made)
    ec2.deregister_image(ImageId=made)


def test_a_cooldown_lasts_a_day(ec2, sim, make_image):
    made = make_image()
    ec2.enable_image_deregistration_protection(ImageId=made, WithCooldown=True)
    ec2.disable_image_deregistration_protection(ImageId=made)
    refused("OperationNotPermitted", ec2.deregister_image, ImageId=made)
    sim.advance(25 * 3600)
    ec2.deregister_image(ImageId=made)


def test_ids_and_pages_do_not_go_together(ec2, make_image):
    refused("InvalidParameterCombination", ec2.describe_images, ImageIds=[make_image()], MaxResults=5)


def test_a_deregistered_image_is_unknown_when_nothing_runs_from_it_any_more(ec2, launch, make_image):
    made = make_image()
    instance = launch(ImageId=made)["InstanceId"]
    ec2.deregister_image(ImageId=made)
    assert ec2.describe_images(ImageIds=[made])["Images"] == []
    ec2.terminate_instances(InstanceIds=[instance])
    refused("InvalidAMIID.NotFound", ec2.describe_images, ImageIds=[made])


def test_an_image_of_a_windows_volume_is_windows(ec2, ec2_eu):
    windows = ec2.describe_images(Filters=[{"Name": "platform", "Values": ["windows"]}])["Images"][0]
    request = {"ImageId": windows["ImageId"], "InstanceType": "t3.large", "MinCount": 1, "MaxCount": 1}
    instance = ec2.run_instances(**request)["Instances"][0]["InstanceId"]
    [volume] = ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [instance]}])["Volumes"]
    snapshot = ec2.create_snapshot(VolumeId=volume["VolumeId"])["SnapshotId"]
    copied = ec2_eu.copy_snapshot(SourceRegion="us-east-1", SourceSnapshotId=snapshot)["SnapshotId"]
    for client, source in [(ec2, snapshot), (ec2_eu, copied)]:
        mapping = {"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": source}}
        made = client.register_image(Name="windows", RootDeviceName="/dev/sda1", BlockDeviceMappings=[mapping])
        shown = image(client, made["ImageId"])
        assert shown["Platform"] == "windows"
        assert shown["UsageOperation"] == windows["UsageOperation"] == "RunInstances:0002"


def test_an_image_is_stored_and_restored(sim, ec2, make_image):
    made = make_image("kept")
    sim.profile("demo")
    key = ec2.create_store_image_task(ImageId=made, Bucket="shelf")["ObjectKey"]
    [task] = ec2.describe_store_image_tasks(ImageIds=[made])["StoreImageTaskResults"]
    assert (task["S3objectKey"], task["StoreTaskState"]) == (key, "InProgress")
    restore = ec2.create_restore_image_task
    refused("InvalidParameterValue", restore, Bucket="shelf", ObjectKey=key)
    sim.advance(60)
    filters = [{"Name": "task-state", "Values": ["Completed"]}]
    assert ec2.describe_store_image_tasks(Filters=filters)["StoreImageTaskResults"][0]["AmiId"] == made
    refused("InvalidAMIName.Duplicate", restore, Bucket="shelf", ObjectKey=key)
    restored = restore(Bucket="shelf", ObjectKey=key, Name="back")["ImageId"]
    assert image(ec2, restored)["State"] == "pending"
    sim.advance(60)
    old, new = image(ec2, made), image(ec2, restored)
    assert (new["Name"], new["State"], new["Architecture"]) == ("back", "available", old["Architecture"])
    snapshots = [it["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"] for it in (old, new)]
    assert snapshots[0] != snapshots[1]


def test_windows_images_launch_fast(ec2, base_ami):
    windows = ec2.describe_images(Filters=[{"Name": "platform", "Values": ["windows"]}])["Images"][0]["ImageId"]
    enabled = ec2.enable_fast_launch(ImageId=windows, SnapshotConfiguration={"TargetResourceCount": 10})
    assert (enabled["State"], enabled["MaxParallelLaunches"]) == ("enabling", 6)
    [shown] = ec2.describe_fast_launch_images(ImageIds=[windows])["FastLaunchImages"]
    assert (shown["State"], shown["SnapshotConfiguration"]) == ("enabled", {"TargetResourceCount": 10})
    assert ec2.disable_fast_launch(ImageId=windows)["State"] == "disabling"
    assert ec2.describe_fast_launch_images()["FastLaunchImages"] == []
    refused("UnsupportedOperation", ec2.enable_fast_launch, ImageId=base_ami)
    refused("InvalidParameterValue", ec2.enable_fast_launch, ImageId=windows, MaxParallelLaunches=5)
