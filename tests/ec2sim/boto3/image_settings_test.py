"""Allowed images, ancestry, the Recycle Bin, and what blocks public snapshots."""

import datetime

import pytest
from conftest import SECOND_ACCOUNT, refused

ABSENT_IMAGE = "ami-0123456789abcdef0"
ABSENT_SNAPSHOT = "snap-0123456789abcdef0"


def test_the_ancestry_of_a_copy(ec2, ec2_eu, make_image, base_ami):
    made = make_image()
    copied = ec2_eu.copy_image(SourceRegion="us-east-1", SourceImageId=made, Name="copied")["ImageId"]
    entries = ec2_eu.get_image_ancestry(ImageId=copied)["ImageAncestryEntries"]
    assert [e["ImageId"] for e in entries] == [copied, made, base_ami]
    assert (entries[0]["SourceImageId"], entries[0]["SourceImageRegion"]) == (made, "us-east-1")
    assert (entries[2]["ImageOwnerAlias"], "SourceImageId" in entries[2]) == ("amazon", False)
    refused("InvalidAMIID.NotFound", ec2.get_image_ancestry, ImageId=ABSENT_IMAGE)


def test_without_rules_the_recycle_bin_is_empty(ec2, make_image):
    made = make_image()
    ec2.deregister_image(ImageId=made)
    assert ec2.list_images_in_recycle_bin()["Images"] == []
    assert ec2.list_snapshots_in_recycle_bin()["Snapshots"] == []
    refused("InvalidAMIID.NotFound", ec2.restore_image_from_recycle_bin, ImageId=made)
    refused("InvalidAMIID.NotFound", ec2.list_images_in_recycle_bin, ImageIds=[made])
    refused("InvalidSnapshot.NotFound", ec2.restore_snapshot_from_recycle_bin, SnapshotId=ABSENT_SNAPSHOT)
    refused("InvalidAMIID.Malformed", ec2.restore_image_from_recycle_bin, ImageId="nonsense")


def test_a_share_can_be_given_back(ec2, second, make_image):
    made = make_image()
    permission = {"Add": [{"UserId": SECOND_ACCOUNT}]}
    ec2.modify_image_attribute(ImageId=made, LaunchPermission=permission)
    assert second.cancel_image_launch_permission(ImageId=made)["Return"] is True
    refused("InvalidAMIID.NotFound", second.describe_images, ImageIds=[made])
    shown = ec2.describe_image_attribute(ImageId=made, Attribute="launchPermission")
    assert shown["LaunchPermissions"] == []
    refused("OperationNotPermitted", ec2.cancel_image_launch_permission, ImageId=made)


@pytest.fixture
def snapshot(ec2, make_image):
    [found] = ec2.describe_images(ImageIds=[make_image()])["Images"]
    return found["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]


def publish(ec2, snapshot):
    permission = {"Add": [{"Group": "all"}]}
    ec2.modify_snapshot_attribute(SnapshotId=snapshot, CreateVolumePermission=permission)


def test_new_public_snapshots_are_blocked(ec2, snapshot):
    assert ec2.get_snapshot_block_public_access_state()["State"] == "unblocked"
    assert ec2.enable_snapshot_block_public_access(State="block-new-sharing")["State"] == "block-new-sharing"
    refused("OperationNotPermitted", publish, ec2=ec2, snapshot=snapshot)
    permission = {"Add": [{"UserId": SECOND_ACCOUNT}]}
    ec2.modify_snapshot_attribute(SnapshotId=snapshot, CreateVolumePermission=permission)
    assert ec2.disable_snapshot_block_public_access()["State"] == "unblocked"
    publish(ec2, snapshot)


def test_all_public_snapshots_are_blocked(ec2, second, snapshot):
    publish(ec2, snapshot)
    assert len(second.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"]) == 1
    ec2.enable_snapshot_block_public_access(State="block-new-sharing")
    assert len(second.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"]) == 1
    ec2.enable_snapshot_block_public_access(State="block-all-sharing")
    refused("InvalidSnapshot.NotFound", second.describe_snapshots, SnapshotIds=[snapshot])
    refused("InvalidParameterValue", ec2.enable_snapshot_block_public_access, State="unblocked")


def test_only_allowed_images_are_found(ec2, base_ami, make_image):
    mine = make_image()
    assert ec2.get_allowed_images_settings()["State"] == "disabled"
    criteria = [{"ImageProviders": ["aws-marketplace"]}, {"ImageNames": ["ubuntu/*"]}]
    ec2.replace_image_criteria_in_allowed_images_settings(ImageCriteria=criteria)
    ec2.enable_allowed_images_settings(AllowedImagesSettingsState="audit-mode")
    settings = ec2.get_allowed_images_settings()
    assert (settings["State"], settings["ImageCriteria"]) == ("audit-mode", criteria)
    assert ec2.describe_images(ImageIds=[base_ami])["Images"][0]["ImageAllowed"] is False
    assert ec2.describe_images(ImageIds=[mine])["Images"][0]["ImageAllowed"] is True
    ec2.enable_allowed_images_settings(AllowedImagesSettingsState="enabled")
    refused("InvalidAMIID.NotFound", ec2.describe_images, ImageIds=[base_ami])
    names = [i["Name"] for i in ec2.describe_images()["Images"]]
    assert "made" in names and any(name.startswith("ubuntu/") for name in names)
    assert not any(name.startswith("amzn2") for name in names)
    assert ec2.disable_allowed_images_settings()["AllowedImagesSettingsState"] == "disabled"
    assert len(ec2.describe_images(ImageIds=[base_ami])["Images"]) == 1


def test_the_images_of_instances(ec2, launch, make_image):
    made = make_image()
    instance = launch(ImageId=made)["InstanceId"]
    [found] = ec2.describe_instance_image_metadata(InstanceIds=[instance])["InstanceImageMetadata"]
    assert (found["State"]["Name"], found["ZoneId"][:4]) == ("running", "use1")
    shown = found["ImageMetadata"]
    assert (shown["ImageId"], shown["Name"], shown["State"]) == (made, "made", "available")
    ec2.deregister_image(ImageId=made)
    [found] = ec2.describe_instance_image_metadata(InstanceIds=[instance])["InstanceImageMetadata"]
    assert found["ImageMetadata"]["State"] == "deregistered"


@pytest.mark.parametrize(
    "criterion",
    [
        {"ImageProviders": ["none", "amazon"]},
        {"ImageProviders": ["nobody"]},
        {"ImageProviders": ["self"]},
        {"ImageProviders": ["111122223333"] * 201},
        {"ImageNames": ["name"] * 51},
    ],
)
def test_criteria_that_are_none(ec2, criterion):
    replace = ec2.replace_image_criteria_in_allowed_images_settings
    refused("InvalidParameterValue", replace, ImageCriteria=[criterion])
    accepted = {"ImageProviders": ["amazon", "aws-marketplace", "aws-backup-vault", "111122223333"]}
    assert replace(ImageCriteria=[accepted])["ReturnValue"] is True


def test_no_images_of_others_are_allowed(ec2, base_ami):
    replace = ec2.replace_image_criteria_in_allowed_images_settings
    replace(ImageCriteria=[{"ImageProviders": ["none"]}])
    ec2.enable_allowed_images_settings(AllowedImagesSettingsState="enabled")
    refused("InvalidAMIID.NotFound", ec2.describe_images, ImageIds=[base_ami])


def test_no_days_exclude_all_that_is_deprecated(sim, ec2, second, make_image):
    made = make_image()
    ec2.modify_image_attribute(ImageId=made, LaunchPermission={"Add": [{"UserId": SECOND_ACCOUNT}]})
    criterion = {"DeprecationTimeCondition": {"MaximumDaysSinceDeprecated": 0}}
    second.replace_image_criteria_in_allowed_images_settings(ImageCriteria=[criterion])
    second.enable_allowed_images_settings(AllowedImagesSettingsState="enabled")
    assert len(second.describe_images(ImageIds=[made])["Images"]) == 1
    request = {"ImageId": made, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    now = second.run_instances(**request)["Instances"][0]["LaunchTime"]
    ec2.enable_image_deprecation(ImageId=made, DeprecateAt=now + datetime.timedelta(minutes=5))
    assert len(second.describe_images(ImageIds=[made])["Images"]) == 1
    sim.advance(600)
    refused("InvalidAMIID.NotFound", second.describe_images, ImageIds=[made])
