"""Attributes and permissions of images, block public access."""

import pytest
from conftest import SECOND_ACCOUNT, image, refused

ORGANISATION = "arn:aws:organizations::123456789012:organization/o-123example"
UNIT = "arn:aws:organizations::123456789012:ou/o-123example/ou-1234-5example"


@pytest.fixture
def made(make_image):
    return make_image()


def permissions(ec2, made):
    return ec2.describe_image_attribute(ImageId=made, Attribute="launchPermission")["LaunchPermissions"]


def allow(ec2, made, *grants):
    ec2.modify_image_attribute(ImageId=made, LaunchPermission={"Add": list(grants)})


def test_an_account_is_granted_and_refused(ec2, second, made):
    allow(ec2, made, {"UserId": SECOND_ACCOUNT})
    assert permissions(ec2, made) == [{"UserId": SECOND_ACCOUNT}]
    assert [i["ImageId"] for i in second.describe_images(ExecutableUsers=["self"])["Images"]] == [made]
    assert second.describe_images(ImageIds=[made])["Images"][0]["Public"] is False
    ec2.modify_image_attribute(ImageId=made, LaunchPermission={"Remove": [{"UserId": SECOND_ACCOUNT}]})
    assert permissions(ec2, made) == []
    refused("InvalidAMIID.NotFound", second.describe_images, ImageIds=[made])


def test_a_shared_image_can_be_launched(ec2, second, made):
    allow(ec2, made, {"UserId": SECOND_ACCOUNT})
    second.run_instances(ImageId=made, InstanceType="t3.micro", MinCount=1, MaxCount=1)


def test_granting_twice_changes_nothing(ec2, made):
    allow(ec2, made, {"UserId": SECOND_ACCOUNT})
    allow(ec2, made, {"UserId": SECOND_ACCOUNT})
    assert permissions(ec2, made) == [{"UserId": SECOND_ACCOUNT}]


def test_the_older_form_of_a_grant(ec2, made):
    ec2.modify_image_attribute(
        ImageId=made, Attribute="launchPermission", OperationType="add", UserIds=[SECOND_ACCOUNT]
    )
    assert permissions(ec2, made) == [{"UserId": SECOND_ACCOUNT}]


def test_organisations_and_units_are_granted(ec2, made):
    allow(ec2, made, {"OrganizationArn": ORGANISATION}, {"OrganizationalUnitArn": UNIT})
    assert {"OrganizationArn": ORGANISATION} in permissions(ec2, made)
    assert {"OrganizationalUnitArn": UNIT} in permissions(ec2, made)


@pytest.mark.parametrize("grant", [{"UserId": "12-34"}, {"UserId": "nonsense"}, {"Group": "everybody"}])
def test_malformed_grants_are_refused(ec2, made, grant):
    refused(
        ("InvalidAMIAttributeItemValue", "InvalidParameterValue"),
        ec2.modify_image_attribute,
        ImageId=made,
        LaunchPermission={"Add": [grant]},
    )


def test_own_images_are_found_by_whom_they_are_shared_with(ec2, made, make_image):
    make_image("private")
    allow(ec2, made, {"UserId": SECOND_ACCOUNT})
    found = ec2.describe_images(Owners=["self"], ExecutableUsers=[SECOND_ACCOUNT])["Images"]
    assert [i["ImageId"] for i in found] == [made]


def test_permissions_are_reset(ec2, made):
    allow(ec2, made, {"UserId": SECOND_ACCOUNT})
    ec2.reset_image_attribute(ImageId=made, Attribute="launchPermission")
    assert permissions(ec2, made) == []
    refused(
        ("InvalidParameterValue", "InvalidRequest"), ec2.reset_image_attribute, ImageId=made, Attribute="colour"
    )


def test_a_public_image_is_seen_by_everybody(ec2, second, made):
    ec2.disable_image_block_public_access()
    allow(ec2, made, {"Group": "all"})
    assert image(ec2, made)["Public"] is True
    assert made in {i["ImageId"] for i in second.describe_images(ExecutableUsers=["all"])["Images"]}


def test_new_accounts_block_public_images(ec2, second):
    assert ec2.get_image_block_public_access_state()["ImageBlockPublicAccessState"] == "unblocked"
    assert second.get_image_block_public_access_state()["ImageBlockPublicAccessState"] == "block-new-sharing"


def test_block_public_access_prevents_publishing(ec2, made):
    reply = ec2.enable_image_block_public_access(ImageBlockPublicAccessState="block-new-sharing")
    assert reply["ImageBlockPublicAccessState"] == "block-new-sharing"
    assert ec2.get_image_block_public_access_state()["ImageBlockPublicAccessState"] == "block-new-sharing"
    refused(
        ("OperationNotPermitted", "UnauthorizedOperation"),
        ec2.modify_image_attribute,
        ImageId=made,
        LaunchPermission={"Add": [{"Group": "all"}]},
    )
    assert ec2.disable_image_block_public_access()["ImageBlockPublicAccessState"] == "unblocked"
    assert ec2.get_image_block_public_access_state()["ImageBlockPublicAccessState"] == "unblocked"


def test_an_unknown_block_state_is_refused(ec2):
    refused(
        "InvalidParameterValue", ec2.enable_image_block_public_access, ImageBlockPublicAccessState="perhaps"
    )


def test_the_description_is_changed(ec2, made):
    ec2.modify_image_attribute(ImageId=made, Description={"Value": "new words"})
    assert image(ec2, made)["Description"] == "new words"
    found = ec2.describe_image_attribute(ImageId=made, Attribute="description")
    assert found["Description"] == {"Value": "new words"}


def test_imds_support_is_set_and_stays(ec2, made):
    ec2.modify_image_attribute(ImageId=made, ImdsSupport={"Value": "v2.0"})
    assert image(ec2, made)["ImdsSupport"] == "v2.0"
    found = ec2.describe_image_attribute(ImageId=made, Attribute="imdsSupport")
    assert found["ImdsSupport"] == {"Value": "v2.0"}
    refused("InvalidParameterValue", ec2.modify_image_attribute, ImageId=made, ImdsSupport={"Value": "v9"})


def test_other_attributes_are_described(ec2, made):
    refused("AuthFailure", ec2.describe_image_attribute, ImageId=made, Attribute="blockDeviceMapping")
    assert ec2.describe_image_attribute(ImageId=made, Attribute="productCodes")["ProductCodes"] == []
    refused("InvalidParameterValue", ec2.describe_image_attribute, ImageId=made, Attribute="colour")


def test_only_the_owner_sees_and_changes_permissions(ec2, second, made):
    allow(ec2, made, {"UserId": SECOND_ACCOUNT})
    foreign = ("AuthFailure", "OperationNotPermitted", "UnauthorizedOperation")
    refused(foreign, second.describe_image_attribute, ImageId=made, Attribute="launchPermission")
    refused(foreign, second.modify_image_attribute, ImageId=made, Description={"Value": "x"})


def test_attribute_errors_of_unknown_images(ec2):
    absent = "ami-0123456789abcdef0"
    refused("InvalidAMIID.NotFound", ec2.describe_image_attribute, ImageId=absent, Attribute="description")
    refused("InvalidAMIID.NotFound", ec2.modify_image_attribute, ImageId=absent, Description={"Value": "x"})
    refused("InvalidAMIID.Malformed", ec2.describe_image_attribute, ImageId="nonsense", Attribute="description")


def test_one_attribute_in_a_call(ec2, made):
    refused(
        ("InvalidParameterCombination", "InvalidParameterValue"),
        ec2.modify_image_attribute,
        ImageId=made,
        Description={"Value": "x"},
        ImdsSupport={"Value": "v2.0"},
    )
    refused(("MissingParameter", "InvalidParameterCombination"), ec2.modify_image_attribute, ImageId=made)


def test_an_image_dry_run_changes_nothing(ec2, made):
    refused(
        "DryRunOperation", ec2.modify_image_attribute, ImageId=made, Description={"Value": "x"}, DryRun=True
    )
    refused("DryRunOperation", ec2.deregister_image, ImageId=made, DryRun=True)
    assert image(ec2, made)["State"] == "available"
