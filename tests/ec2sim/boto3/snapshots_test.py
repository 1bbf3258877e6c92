"""Snapshots, their permissions and fast restores."""

import pytest
from conftest import SECOND_ACCOUNT, image, refused, tags_of

ABSENT = "snap-0123456789abcdef0"


@pytest.fixture
def volume(ec2, launch):
    instance = launch()["InstanceId"]
    found = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    return found["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]


@pytest.fixture
def snapshot(ec2, volume):
    return ec2.create_snapshot(VolumeId=volume)["SnapshotId"]


def test_a_snapshot_of_a_volume(ec2, volume, account):
    specification = {"ResourceType": "snapshot", "Tags": [{"Key": "a", "Value": "1"}]}
    made = ec2.create_snapshot(VolumeId=volume, Description="words", TagSpecifications=[specification])
    assert (made["State"], made["OwnerId"], made["VolumeId"]) == ("pending", account, volume)
    [found] = ec2.describe_snapshots(SnapshotIds=[made["SnapshotId"]])["Snapshots"]
    assert (found["State"], found["Progress"], found["Description"]) == ("completed", "100%", "words")
    assert found["VolumeSize"] >= 1
    assert found["StorageTier"] == "standard"
    assert tags_of(found) == {"a": "1"}


def test_progress_grows_with_time(sim, ec2, volume):
    sim.profile("demo")
    made = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    [found] = ec2.describe_snapshots(SnapshotIds=[made])["Snapshots"]
    assert found["State"] == "pending"
    assert int(found["Progress"].rstrip("%") or 0) < 100
    sim.advance(600)
    [found] = ec2.describe_snapshots(SnapshotIds=[made])["Snapshots"]
    assert (found["State"], found["Progress"]) == ("completed", "100%")


def test_snapshot_errors(ec2):
    malformed = ("InvalidParameterValue", "InvalidSnapshotID.Malformed")
    refused("InvalidSnapshot.NotFound", ec2.describe_snapshots, SnapshotIds=[ABSENT])
    refused(malformed, ec2.describe_snapshots, SnapshotIds=["nonsense"])
    refused("InvalidSnapshot.NotFound", ec2.delete_snapshot, SnapshotId=ABSENT)
    refused(malformed, ec2.delete_snapshot, SnapshotId="nonsense")
    refused("InvalidVolume.NotFound", ec2.create_snapshot, VolumeId="vol-0123456789abcdef0")
    refused("InvalidParameterValue", ec2.describe_snapshots, Filters=[{"Name": "bad", "Values": ["x"]}])


def test_snapshots_are_filtered(ec2, snapshot, volume, account):
    for name, value in {
        "snapshot-id": snapshot,
        "volume-id": volume,
        "status": "completed",
        "owner-id": account,
        "encrypted": "false",
        "progress": "100%",
    }.items():
        found = ec2.describe_snapshots(OwnerIds=["self"], Filters=[{"Name": name, "Values": [value]}])
        assert [s["SnapshotId"] for s in found["Snapshots"]] == [snapshot], name


def test_snapshots_are_paged(ec2, volume):
    made = {ec2.create_snapshot(VolumeId=volume)["SnapshotId"] for _ in range(7)}
    paginator = ec2.get_paginator("describe_snapshots")
    pages = list(paginator.paginate(OwnerIds=["self"], PaginationConfig={"PageSize": 5}))
    assert {s["SnapshotId"] for p in pages for s in p["Snapshots"]} == made
    assert len(pages) == 2


def test_a_snapshot_is_deleted(ec2, snapshot):
    ec2.delete_snapshot(SnapshotId=snapshot)
    refused("InvalidSnapshot.NotFound", ec2.describe_snapshots, SnapshotIds=[snapshot])


def test_a_snapshot_of_a_registered_image_stays(ec2, make_image):
    used = image(ec2, make_image())["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    refused("InvalidSnapshot.InUse", ec2.delete_snapshot, SnapshotId=used)


def test_a_snapshot_is_shared(ec2, second, snapshot):
    change = {"SnapshotId": snapshot, "Attribute": "createVolumePermission"}
    ec2.modify_snapshot_attribute(**change, OperationType="add", UserIds=[SECOND_ACCOUNT])
    found = ec2.describe_snapshot_attribute(**change)
    assert found["CreateVolumePermissions"] == [{"UserId": SECOND_ACCOUNT}]
    assert len(second.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"]) == 1
    assert len(second.describe_snapshots(RestorableByUserIds=["self"])["Snapshots"]) == 1
    assert len(ec2.describe_snapshots(OwnerIds=["self"], RestorableByUserIds=[SECOND_ACCOUNT])["Snapshots"]) == 1
    ec2.modify_snapshot_attribute(**change, OperationType="remove", UserIds=[SECOND_ACCOUNT])
    assert ec2.describe_snapshot_attribute(**change)["CreateVolumePermissions"] == []
    refused("InvalidSnapshot.NotFound", second.describe_snapshots, SnapshotIds=[snapshot])


def test_a_snapshot_is_shared_in_the_newer_form(ec2, snapshot):
    ec2.modify_snapshot_attribute(
        SnapshotId=snapshot, CreateVolumePermission={"Add": [{"UserId": SECOND_ACCOUNT}]}
    )
    found = ec2.describe_snapshot_attribute(SnapshotId=snapshot, Attribute="createVolumePermission")
    assert found["CreateVolumePermissions"] == [{"UserId": SECOND_ACCOUNT}]


def test_snapshot_attribute_errors(ec2, snapshot):
    attribute = {"Attribute": "createVolumePermission"}
    refused("InvalidSnapshot.NotFound", ec2.describe_snapshot_attribute, SnapshotId=ABSENT, **attribute)
    refused(
        ("InvalidParameterValue", "InvalidAttributeItemValue", "InvalidUserID.Malformed"),
        ec2.modify_snapshot_attribute,
        SnapshotId=snapshot,
        OperationType="add",
        UserIds=["nonsense"],
        **attribute,
    )
    refused("InvalidParameterValue", ec2.describe_snapshot_attribute, SnapshotId=snapshot, Attribute="colour")


def test_fast_restores_are_enabled_and_disabled(sim, ec2, snapshot):
    where = {"AvailabilityZones": ["us-east-1a"], "SourceSnapshotIds": [snapshot]}
    [made] = ec2.enable_fast_snapshot_restores(**where)["Successful"]
    assert (made["SnapshotId"], made["AvailabilityZone"], made["State"]) == (snapshot, "us-east-1a", "enabling")
    sim.advance(7200)
    [found] = ec2.describe_fast_snapshot_restores()["FastSnapshotRestores"]
    assert found["State"] == "enabled"
    [gone] = ec2.disable_fast_snapshot_restores(**where)["Successful"]
    assert gone["State"] == "disabling"
    sim.advance(7200)
    found = ec2.describe_fast_snapshot_restores()["FastSnapshotRestores"]
    assert found == [] or found[0]["State"] == "disabled"


def test_fast_restores_of_unknown_snapshots_fail(ec2):
    reply = ec2.enable_fast_snapshot_restores(AvailabilityZones=["us-east-1a"], SourceSnapshotIds=[ABSENT])
    assert reply["Successful"] == []
    assert reply["Unsuccessful"][0]["SnapshotId"] == ABSENT
    error = reply["Unsuccessful"][0]["FastSnapshotRestoreStateErrors"][0]["Error"]
    assert error["Code"] == "InvalidSnapshot.NotFound"


def test_snapshot_dry_runs(ec2, snapshot, volume):
    refused("DryRunOperation", ec2.create_snapshot, VolumeId=volume, DryRun=True)
    refused("DryRunOperation", ec2.delete_snapshot, SnapshotId=snapshot, DryRun=True)


def test_encryption_by_default_is_off(ec2):
    assert ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"] is False


def test_several_snapshots_of_an_instance_at_once(ec2, launch):
    extra = [{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 3}}]
    specification = {"ResourceType": "volume", "Tags": [{"Key": "from", "Value": "volume"}]}
    instance = launch(BlockDeviceMappings=extra, TagSpecifications=[specification])["InstanceId"]
    source = {"InstanceId": instance}
    made = ec2.create_snapshots(InstanceSpecification=source, CopyTagsFromSource="volume")["Snapshots"]
    assert sorted(s["VolumeSize"] for s in made) == [3, 8]
    assert {s["State"] for s in made} == {"pending"}
    assert all(tags_of(s) == {"from": "volume"} for s in made)
    [data] = ec2.create_snapshots(InstanceSpecification=source | {"ExcludeBootVolume": True})["Snapshots"]
    assert (data["VolumeSize"], tags_of(data)) == (3, {})


@pytest.mark.parametrize("minutes", [1, 14, 20, 2895])
def test_the_duration_of_a_copy_is_in_quarters_of_an_hour(ec2, snapshot, minutes):
    refused(
        "InvalidParameterValue",
        ec2.copy_snapshot,
        SourceRegion="us-east-1",
        SourceSnapshotId=snapshot,
        CompletionDurationMinutes=minutes,
    )


def test_a_time_based_copy_says_so(ec2, snapshot):
    made = ec2.copy_snapshot(
        SourceRegion="us-east-1", SourceSnapshotId=snapshot, CompletionDurationMinutes=30
    )["SnapshotId"]
    [found] = ec2.describe_snapshots(SnapshotIds=[made])["Snapshots"]
    assert (found["CompletionDurationMinutes"], found["TransferType"]) == (30, "time-based")


def test_encryption_by_default_encrypts_copies_of_snapshots(ec2, snapshot):
    ec2.enable_ebs_encryption_by_default()
    made = ec2.copy_snapshot(SourceRegion="us-east-1", SourceSnapshotId=snapshot)["SnapshotId"]
    assert ec2.describe_snapshots(SnapshotIds=[made])["Snapshots"][0]["Encrypted"] is True
    refused(
        "InvalidParameterValue",
        ec2.copy_snapshot,
        SourceRegion="us-east-1",
        SourceSnapshotId=made,
        Encrypted=False,
    )


def test_a_snapshot_of_a_region_that_is_not_enabled_cannot_be_copied(ec2, snapshot):
    refused("AuthFailure", ec2.copy_snapshot, SourceRegion="af-south-1", SourceSnapshotId=snapshot)


def test_a_locked_snapshot_cannot_be_deleted(sim, ec2, volume):
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    locked = ec2.lock_snapshot(SnapshotId=snapshot, LockMode="governance", LockDuration=1)
    assert (locked["LockState"], locked["LockDuration"]) == ("governance", 1)
    refused("OperationNotPermitted", ec2.delete_snapshot, SnapshotId=snapshot)
    [shown] = ec2.describe_locked_snapshots(SnapshotIds=[snapshot])["Snapshots"]
    assert shown["LockExpiresOn"] == locked["LockExpiresOn"]
    sim.advance(86400)
    [shown] = ec2.describe_locked_snapshots(Filters=[{"Name": "lock-state", "Values": ["expired"]}])["Snapshots"]
    assert shown["SnapshotId"] == snapshot
    ec2.delete_snapshot(SnapshotId=snapshot)


def test_compliance_ends_the_time_to_cool_off(sim, ec2, volume):
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    lock = {"SnapshotId": snapshot, "LockMode": "compliance", "LockDuration": 2}
    assert ec2.lock_snapshot(CoolOffPeriod=1, **lock)["LockState"] == "compliance-cooloff"
    ec2.unlock_snapshot(SnapshotId=snapshot)
    ec2.lock_snapshot(CoolOffPeriod=1, **lock)
    sim.advance(3600)
    refused("OperationNotPermitted", ec2.unlock_snapshot, SnapshotId=snapshot)
    refused("OperationNotPermitted", ec2.lock_snapshot, **(lock | {"LockDuration": 1}))
    assert ec2.lock_snapshot(**(lock | {"LockDuration": 9}))["LockState"] == "compliance"


@pytest.mark.parametrize(
    "lock",
    [
        {"LockMode": "governance"},
        {"LockMode": "governance", "LockDuration": 1, "CoolOffPeriod": 1},
        {"LockMode": "governance", "LockDuration": 1, "ExpirationDate": "2030-01-01"},
    ],
)
def test_locks_that_are_none(ec2, volume, lock):
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    refused("InvalidParameterCombination", ec2.lock_snapshot, SnapshotId=snapshot, **lock)


def test_nothing_is_archived(ec2, volume):
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    filters = [{"Name": "snapshot-id", "Values": [snapshot]}]
    [shown] = ec2.describe_snapshot_tier_status(Filters=filters)["SnapshotTierStatuses"]
    assert (shown["VolumeId"], shown["StorageTier"]) == (volume, "standard")
