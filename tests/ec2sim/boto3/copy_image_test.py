"""CopyImage."""

import pytest
from conftest import SECOND_ACCOUNT, image, refused, tags_of


@pytest.fixture
def source(make_image):
    return make_image("source")


@pytest.fixture
def copy(ec2_eu, source):
    def copy_one(name="copy", **more):
        request = {"Name": name, "SourceImageId": source, "SourceRegion": "us-east-1"}
        return ec2_eu.copy_image(**(request | more))["ImageId"]

    return copy_one


def test_a_copy_in_another_region(ec2_eu, copy, source, account):
    specifications = [
        {"ResourceType": "image", "Tags": [{"Key": "k", "Value": "image"}]},
        {"ResourceType": "snapshot", "Tags": [{"Key": "k", "Value": "snapshot"}]},
    ]
    made = copy(Description="words", TagSpecifications=specifications)
    found = image(ec2_eu, made)
    assert made != source
    assert (found["State"], found["Name"], found["Description"]) == ("available", "copy", "words")
    assert (found["SourceImageId"], found["SourceImageRegion"]) == (source, "us-east-1")
    assert found["OwnerId"] == account
    assert tags_of(found) == {"k": "image"}
    [snapshot] = ec2_eu.describe_snapshots(
        SnapshotIds=[found["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]]
    )["Snapshots"]
    assert snapshot["Description"].startswith(f"Copied for DestinationAmi {made} from SourceAmi {source}")
    assert snapshot["VolumeId"] == "vol-ffffffff"
    assert tags_of(snapshot) == {"k": "snapshot"}


def test_a_pending_copy_shows_no_snapshots(sim, ec2_eu, copy):
    sim.profile("demo")
    made = copy()
    found = image(ec2_eu, made)
    assert found["State"] == "pending"
    assert not any("SnapshotId" in m.get("Ebs", {}) for m in found.get("BlockDeviceMappings", []))
    sim.advance(600)
    found = image(ec2_eu, made)
    assert found["State"] == "available"
    assert found["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"].startswith("snap-")


def test_a_copy_token_gives_the_same_image_again(copy):
    first = copy(ClientToken="one")
    assert copy(ClientToken="one") == first
    assert copy(ClientToken="two") != first


def test_a_copy_token_with_other_parameters_is_refused(ec2_eu, copy, source):
    copy(ClientToken="one")
    refused(
        "IdempotentParameterMismatch",
        ec2_eu.copy_image,
        Name="another",
        SourceImageId=source,
        SourceRegion="us-east-1",
        ClientToken="one",
    )


def test_a_copy_token_counts_for_one_region(sim, copy, source):
    first = copy(ClientToken="one")
    other = sim.client("ec2", "ap-southeast-2").copy_image(
        Name="copy", SourceImageId=source, SourceRegion="us-east-1", ClientToken="one"
    )["ImageId"]
    assert other != first


def test_copies_may_share_a_name(ec2_eu, copy):
    assert copy("same") != copy("same")
    filters = [{"Name": "name", "Values": ["same"]}]
    assert len(ec2_eu.describe_images(Owners=["self"], Filters=filters)["Images"]) == 2


def test_tags_are_copied_only_if_asked(ec2, ec2_eu, copy, source):
    ec2.create_tags(Resources=[source], Tags=[{"Key": "mine", "Value": "1"}])
    assert tags_of(image(ec2_eu, copy("plain"))) == {}
    assert tags_of(image(ec2_eu, copy("tagged", CopyImageTags=True))) == {"mine": "1"}


def test_permissions_are_not_copied(ec2, ec2_eu, copy, source):
    ec2.modify_image_attribute(ImageId=source, LaunchPermission={"Add": [{"UserId": SECOND_ACCOUNT}]})
    found = ec2_eu.describe_image_attribute(ImageId=copy(), Attribute="launchPermission")
    assert found["LaunchPermissions"] == []


def test_an_encrypted_copy(ec2_eu, copy, account):
    key = f"arn:aws:kms:eu-west-1:{account}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    ebs = image(ec2_eu, copy(Encrypted=True, KmsKeyId=key))["BlockDeviceMappings"][0]["Ebs"]
    assert ebs["Encrypted"] is True
    [snapshot] = ec2_eu.describe_snapshots(SnapshotIds=[ebs["SnapshotId"]])["Snapshots"]
    assert (snapshot["Encrypted"], snapshot["KmsKeyId"]) == (True, key)


def test_a_key_without_encryption_is_refused(ec2_eu, source, account):
    refused(
        ("InvalidParameterCombination", "InvalidParameterDependency", "InvalidParameterValue"),
        ec2_eu.copy_image,
        Name="copy",
        SourceImageId=source,
        SourceRegion="us-east-1",
        KmsKeyId=f"arn:aws:kms:eu-west-1:{account}:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    )


def test_a_key_of_another_region_fails_later(ec2_eu, copy, account):
    key = f"arn:aws:kms:us-east-1:{account}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    found = image(ec2_eu, copy(Encrypted=True, KmsKeyId=key))
    assert found["State"] == "failed"
    assert found["StateReason"]["Message"]


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({"SourceImageId": "ami-0123456789abcdef0"}, "InvalidAMIID.NotFound"),
        ({"SourceImageId": "nonsense"}, "InvalidAMIID.Malformed"),
        ({"SourceRegion": "mars-1"}, ("InvalidRegion", "InvalidParameterValue")),
        ({"Name": "star*"}, "InvalidAMIName.Malformed"),
        ({"SnapshotCopyCompletionDurationMinutes": 17}, ("InvalidParameterValue", "InvalidParameter")),
        (
            {"TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "a", "Value": ""}]}]},
            "InvalidParameterValue",
        ),
    ],
)
def test_a_copy_with_wrong_values_is_refused(ec2_eu, source, change, codes):
    request = {"Name": "copy", "SourceImageId": source, "SourceRegion": "us-east-1"}
    refused(codes, ec2_eu.copy_image, **(request | change))


def test_a_pending_image_cannot_be_copied(sim, ec2, ec2_eu, launch):
    instance = launch()["InstanceId"]
    sim.profile("demo")
    pending = ec2.create_image(InstanceId=instance, Name="slow")["ImageId"]
    refused(
        ("InvalidAMIID.Unavailable", "InvalidRequest", "InvalidParameterValue", "IncorrectState"),
        ec2_eu.copy_image,
        Name="copy",
        SourceImageId=pending,
        SourceRegion="us-east-1",
    )


def test_a_copy_by_another_account_needs_both_permissions(ec2, sim, source):
    theirs = sim.of_account("ec2", SECOND_ACCOUNT, "eu-west-1")
    request = {"Name": "copy", "SourceImageId": source, "SourceRegion": "us-east-1"}
    refused(("InvalidAMIID.NotFound", "InvalidRequest", "AuthFailure"), theirs.copy_image, **request)
    ec2.modify_image_attribute(ImageId=source, LaunchPermission={"Add": [{"UserId": SECOND_ACCOUNT}]})
    message = refused("InvalidRequest", theirs.copy_image, **request)
    assert "permission to access the storage" in message
    snapshot = image(ec2, source)["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    ec2.modify_snapshot_attribute(
        SnapshotId=snapshot, Attribute="createVolumePermission", OperationType="add", UserIds=[SECOND_ACCOUNT]
    )
    made = theirs.copy_image(**request)["ImageId"]
    assert image(theirs, made)["OwnerId"] == SECOND_ACCOUNT


def test_a_pending_copy_is_cancelled_by_deregistration(sim, ec2_eu, copy):
    sim.profile("demo")
    made = copy()
    ec2_eu.deregister_image(ImageId=made)
    sim.advance(600)
    assert ec2_eu.describe_images(Owners=["self"])["Images"] == []


def test_a_copy_dry_run(ec2_eu, source):
    refused(
        "DryRunOperation",
        ec2_eu.copy_image,
        Name="copy",
        SourceImageId=source,
        SourceRegion="us-east-1",
        DryRun=True,
    )
    assert ec2_eu.describe_images(Owners=["self"])["Images"] == []


def test_copies_are_found_by_their_source(ec2_eu, copy, source):
    made = copy()
    filters = [{"Name": "source-image-id", "Values": [source]}, {"Name": "source-image-region", "Values": ["us-east-1"]}]
    assert [i["ImageId"] for i in ec2_eu.describe_images(Filters=filters)["Images"]] == [made]


def test_a_copy_within_the_region(ec2, source):
    made = ec2.copy_image(Name="same region", SourceImageId=source, SourceRegion="us-east-1")["ImageId"]
    assert image(ec2, made)["State"] == "available"
