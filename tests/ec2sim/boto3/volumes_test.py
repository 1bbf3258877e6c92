"""Volumes: made, attached, changed, encrypted by default."""

import pytest
from conftest import refused, tags_of

ABSENT = "vol-0123456789abcdef0"
ZONE = "us-east-1a"


@pytest.fixture
def make(ec2):
    def make_one(**more):
        return ec2.create_volume(**({"AvailabilityZone": ZONE, "Size": 10} | more))

    return make_one


@pytest.fixture
def instance(launch):
    return launch(Placement={"AvailabilityZone": ZONE})["InstanceId"]


def described(ec2, volume):
    [found] = ec2.describe_volumes(VolumeIds=[volume])["Volumes"]
    return found


def devices(ec2, instance):
    [reservation] = ec2.describe_instances(InstanceIds=[instance])["Reservations"]
    return {m["DeviceName"]: m["Ebs"] for m in reservation["Instances"][0]["BlockDeviceMappings"]}


def test_a_volume_is_made_and_deleted(ec2, make):
    specification = {"ResourceType": "volume", "Tags": [{"Key": "a", "Value": "1"}]}
    made = make(VolumeType="gp3", TagSpecifications=[specification])
    assert (made["State"], made["Size"], made["Iops"], made["Throughput"]) == ("creating", 10, 3000, 125)
    found = described(ec2, made["VolumeId"])
    assert (found["State"], found["Attachments"], tags_of(found)) == ("available", [], {"a": "1"})
    ec2.delete_volume(VolumeId=made["VolumeId"])
    refused("InvalidVolume.NotFound", ec2.describe_volumes, VolumeIds=[made["VolumeId"]])


def test_a_volume_of_a_snapshot_has_its_size(ec2, make):
    snapshot = ec2.create_snapshot(VolumeId=make()["VolumeId"])["SnapshotId"]
    made = ec2.create_volume(AvailabilityZone=ZONE, SnapshotId=snapshot)
    assert (made["Size"], made["SnapshotId"]) == (10, snapshot)
    refused("InvalidParameterValue", ec2.create_volume, AvailabilityZone=ZONE, SnapshotId=snapshot, Size=5)


def test_a_token_makes_one_volume(make):
    first = make(ClientToken="one")["VolumeId"]
    assert make(ClientToken="one")["VolumeId"] == first
    refused("IdempotentParameterMismatch", make, ClientToken="one", Size=11)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"AvailabilityZone": "us-east-1z"}, "InvalidZone.NotFound"),
        ({"Size": 16385, "VolumeType": "gp2"}, "InvalidParameterValue"),
        ({"Size": 100, "VolumeType": "st1"}, "InvalidParameterValue"),
        ({"Size": 3, "VolumeType": "io1", "Iops": 100}, "InvalidParameterValue"),
        ({"Size": 2000, "VolumeType": "standard"}, "InvalidParameterValue"),
        ({"VolumeType": "io2"}, "MissingParameter"),
        ({"VolumeType": "io1", "Iops": 501}, "InvalidParameterValue"),
        ({"VolumeType": "gp3", "Iops": 5001}, "InvalidParameterValue"),
        ({"VolumeType": "gp3", "Iops": 2999}, "InvalidParameterValue"),
        ({"VolumeType": "gp3", "Throughput": 751}, "InvalidParameterValue"),
        ({"VolumeType": "gp3", "Throughput": 124}, "InvalidParameterValue"),
        ({"VolumeType": "gp2", "Throughput": 125}, "InvalidParameterCombination"),
        ({"VolumeType": "gp2", "Iops": 300}, "InvalidParameterCombination"),
        ({"KmsKeyId": "alias/own"}, "InvalidParameterDependency"),
    ],
)
def test_what_a_volume_cannot_be(make, more, code):
    refused(code, make, **more)


def test_a_volume_without_a_size_is_refused(ec2):
    refused("MissingParameter", ec2.create_volume, AvailabilityZone=ZONE)


def test_a_volume_is_attached_and_detached(ec2, make, instance):
    volume = make()["VolumeId"]
    reply = ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device="/dev/sdf")
    assert (reply["State"], reply["Device"], reply["InstanceId"]) == ("attaching", "/dev/sdf", instance)
    found = described(ec2, volume)
    assert (found["State"], found["Attachments"][0]["DeleteOnTermination"]) == ("in-use", False)
    assert devices(ec2, instance)["/dev/sdf"]["VolumeId"] == volume
    refused("VolumeInUse", ec2.delete_volume, VolumeId=volume)
    refused("VolumeInUse", ec2.attach_volume, VolumeId=volume, InstanceId=instance, Device="/dev/sdg")
    assert ec2.detach_volume(VolumeId=volume)["State"] == "detaching"
    assert described(ec2, volume)["State"] == "available"
    assert "/dev/sdf" not in devices(ec2, instance)
    refused("IncorrectState", ec2.detach_volume, VolumeId=volume)


def test_an_attached_volume_survives_its_instance(ec2, make, instance):
    volume = make()["VolumeId"]
    ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device="/dev/sdf")
    ec2.terminate_instances(InstanceIds=[instance])
    assert described(ec2, volume)["State"] == "available"


def test_an_image_holds_the_volumes_that_were_attached(ec2, make, instance):
    ec2.attach_volume(VolumeId=make()["VolumeId"], InstanceId=instance, Device="/dev/sdf")
    made = ec2.create_image(InstanceId=instance, Name="two volumes")["ImageId"]
    mappings = ec2.describe_images(ImageIds=[made])["Images"][0]["BlockDeviceMappings"]
    assert {m["DeviceName"]: m["Ebs"]["VolumeSize"] for m in mappings} == {"/dev/xvda": 8, "/dev/sdf": 10}


def test_where_a_volume_cannot_be_attached(ec2, make, instance):
    attach = {"VolumeId": make()["VolumeId"], "InstanceId": instance, "Device": "/dev/sdf"}
    elsewhere = make(AvailabilityZone="us-east-1b")["VolumeId"]
    refused("InvalidVolume.ZoneMismatch", ec2.attach_volume, **(attach | {"VolumeId": elsewhere}))
    refused("InvalidVolume.NotFound", ec2.attach_volume, **(attach | {"VolumeId": ABSENT}))
    refused("InvalidParameterValue", ec2.attach_volume, **(attach | {"Device": "/dev/sdk1"}))
    refused("InvalidParameterValue", ec2.attach_volume, **(attach | {"Device": "/dev/xvda"}))
    refused(
        "InvalidInstanceID.NotFound", ec2.attach_volume, **(attach | {"InstanceId": "i-0123456789abcdef0"})
    )


def test_the_root_of_a_running_instance_stays(ec2, instance):
    root = devices(ec2, instance)["/dev/xvda"]["VolumeId"]
    refused("OperationNotPermitted", ec2.detach_volume, VolumeId=root)
    ec2.stop_instances(InstanceIds=[instance])
    ec2.detach_volume(VolumeId=root)
    refused("InvalidParameterValue", ec2.start_instances, InstanceIds=[instance])
    ec2.attach_volume(VolumeId=root, InstanceId=instance, Device="/dev/xvda")
    ec2.start_instances(InstanceIds=[instance])
    assert devices(ec2, instance)["/dev/xvda"]["VolumeId"] == root


def test_a_volume_grows(sim, ec2, make):
    volume = make()["VolumeId"]
    sim.profile("demo")
    change = ec2.modify_volume(VolumeId=volume, Size=20, VolumeType="gp3", Iops=4000)["VolumeModification"]
    assert (change["ModificationState"], change["OriginalSize"], change["TargetSize"]) == ("modifying", 10, 20)
    assert (change["OriginalVolumeType"], change["TargetVolumeType"]) == ("gp2", "gp3")
    refused("IncorrectModificationState", ec2.modify_volume, VolumeId=volume, Size=30)
    sim.advance(600)
    [shown] = ec2.describe_volumes_modifications(VolumeIds=[volume])["VolumesModifications"]
    assert (shown["ModificationState"], shown["Progress"], shown["TargetIops"]) == ("completed", 100, 4000)
    found = described(ec2, volume)
    assert (found["Size"], found["VolumeType"], found["Iops"]) == (20, "gp3", 4000)


def test_a_volume_does_not_shrink(ec2, make):
    refused("InvalidParameterValue", ec2.modify_volume, VolumeId=make()["VolumeId"], Size=5)


def test_a_volume_that_was_never_modified(ec2, make):
    refused(
        "InvalidVolumeModification.NotFound",
        ec2.describe_volumes_modifications,
        VolumeIds=[make()["VolumeId"]],
    )
    assert ec2.describe_volumes_modifications()["VolumesModifications"] == []


def test_encryption_by_default_is_switched(ec2, make):
    assert ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"] is False
    assert ec2.enable_ebs_encryption_by_default()["EbsEncryptionByDefault"] is True
    assert make()["Encrypted"] is True
    assert ec2.disable_ebs_encryption_by_default()["EbsEncryptionByDefault"] is False
    assert make()["Encrypted"] is False


def test_another_default_key_encrypts(ec2, make):
    assert ec2.get_ebs_default_kms_key_id()["KmsKeyId"] == "alias/aws/ebs"
    key = ec2.modify_ebs_default_kms_key_id(KmsKeyId="alias/own")["KmsKeyId"]
    assert key.startswith("arn:aws:kms:us-east-1:")
    assert make(Encrypted=True)["KmsKeyId"] == key
    assert ec2.reset_ebs_default_kms_key_id()["KmsKeyId"] == "alias/aws/ebs"
    assert make(Encrypted=True)["KmsKeyId"] != key


@pytest.mark.parametrize(
    "mapping",
    [
        {"Ebs": {"VolumeSize": 1}},
        {"DeviceName": "/dev/sde1", "Ebs": {"VolumeSize": 1}},
        {"DeviceName": "/dev/nvme1n1", "Ebs": {"VolumeSize": 1}},
        {"DeviceName": "/dev/sdf"},
        {"DeviceName": "/dev/xvda", "NoDevice": ""},
        {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 7}},
    ],
)
def test_a_launch_refuses_mappings_that_make_no_sense(launch, mapping):
    refused("InvalidBlockDeviceMapping", launch, BlockDeviceMappings=[mapping])


def test_an_image_of_a_snapshot_is_as_encrypted_as_that(ec2, make):
    snapshot = ec2.create_snapshot(VolumeId=make()["VolumeId"])["SnapshotId"]
    for encrypted in (True, False):
        ebs = {"SnapshotId": snapshot, "Encrypted": encrypted}
        refused(
            "InvalidBlockDeviceMapping",
            ec2.register_image,
            Name="encrypted",
            RootDeviceName="/dev/xvda",
            BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": ebs}],
        )


def test_every_volume_is_well(ec2, make):
    volume = make()["VolumeId"]
    [found] = ec2.describe_volume_status(VolumeIds=[volume])["VolumeStatuses"]
    assert (found["VolumeStatus"]["Status"], found["AvailabilityZone"]) == ("ok", ZONE)
    shown = ec2.describe_volume_attribute(VolumeId=volume, Attribute="autoEnableIO")
    assert shown["AutoEnableIO"] == {"Value": False}
    refused("InvalidVolume.NotFound", ec2.describe_volume_status, VolumeIds=[ABSENT])


def test_a_volume_under_a_wrong_key_vanishes(ec2, make):
    made = make(Encrypted=True, KmsKeyId="alias/no-such-key")
    assert made["State"] == "creating"
    refused("InvalidVolume.NotFound", ec2.describe_volumes, VolumeIds=[made["VolumeId"]])


def test_a_volume_on_several_instances(ec2, launch):
    zone = {"Placement": {"AvailabilityZone": "us-east-1a"}}
    one, other = (launch(**zone)["InstanceId"] for _ in range(2))
    shared = ec2.create_volume(
        AvailabilityZone="us-east-1a", Size=10, VolumeType="io2", Iops=100, MultiAttachEnabled=True
    )
    assert shared["MultiAttachEnabled"] is True
    volume = shared["VolumeId"]
    for instance in (one, other):
        ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device="/dev/sdf")
    refused("VolumeInUse", ec2.attach_volume, VolumeId=volume, InstanceId=one, Device="/dev/sdg")

    def on():
        [found] = ec2.describe_volumes(VolumeIds=[volume])["Volumes"]
        return [attachment["InstanceId"] for attachment in found["Attachments"]]

    assert on() == [one, other]
    shared = {"Name": "multi-attach-enabled", "Values": ["true"]}
    filters = [{"Name": "attachment.instance-id", "Values": [other]}, shared]
    assert len(ec2.describe_volumes(Filters=filters)["Volumes"]) == 1
    ec2.detach_volume(VolumeId=volume, InstanceId=one)
    assert on() == [other]
    ec2.terminate_instances(InstanceIds=[other])
    assert on() == []


def test_only_provisioned_volumes_are_on_several_instances(ec2):
    refused(
        "InvalidParameterCombination",
        ec2.create_volume,
        AvailabilityZone="us-east-1a",
        Size=10,
        VolumeType="gp3",
        MultiAttachEnabled=True,
    )


def test_the_status_of_volumes_by_instance(ec2, launch):
    instance = launch()["InstanceId"]
    ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)
    filters = [
        {"Name": "attachment-status.instance-id", "Values": [instance]},
        {"Name": "attachment-status.io-performance", "Values": ["not-applicable"]},
    ]
    [found] = ec2.describe_volume_status(Filters=filters)["VolumeStatuses"]
    assert found["AttachmentStatuses"][0]["InstanceId"] == instance
