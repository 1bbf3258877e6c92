"""Roles and instance profiles that are made for one build."""

import json

import pytest
from conftest import refused

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
)
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]})
MANAGED = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"


@pytest.fixture
def iam(sim):
    return sim.client("iam")


@pytest.fixture
def role(iam):
    return iam.create_role(RoleName="build", AssumeRolePolicyDocument=TRUST)["Role"]


@pytest.fixture
def profile(iam, role):
    iam.create_instance_profile(InstanceProfileName="build")
    iam.add_role_to_instance_profile(InstanceProfileName="build", RoleName="build")
    return iam.get_instance_profile(InstanceProfileName="build")["InstanceProfile"]


def test_a_role_is_made_once(iam, role, account):
    assert role["Arn"] == f"arn:aws:iam::{account}:role/build"
    assert role["AssumeRolePolicyDocument"] == json.loads(TRUST)
    assert iam.get_role(RoleName="build")["Role"] == role
    refused("EntityAlreadyExists", iam.create_role, RoleName="build", AssumeRolePolicyDocument=TRUST)
    refused("MalformedPolicyDocument", iam.create_role, RoleName="other", AssumeRolePolicyDocument="no")
    refused("NoSuchEntity", iam.get_role, RoleName="other")


def test_a_role_has_policies(iam, role):
    iam.put_role_policy(RoleName="build", PolicyName="inline", PolicyDocument=POLICY)
    iam.attach_role_policy(RoleName="build", PolicyArn=MANAGED)
    assert iam.list_role_policies(RoleName="build")["PolicyNames"] == ["inline"]
    shown = iam.get_role_policy(RoleName="build", PolicyName="inline")
    assert shown["PolicyDocument"] == json.loads(POLICY)
    [attached] = iam.list_attached_role_policies(RoleName="build")["AttachedPolicies"]
    assert attached == {"PolicyName": "AmazonSSMManagedInstanceCore", "PolicyArn": MANAGED}
    refused("DeleteConflict", iam.delete_role, RoleName="build")
    iam.detach_role_policy(RoleName="build", PolicyArn=MANAGED)
    refused("DeleteConflict", iam.delete_role, RoleName="build")
    iam.delete_role_policy(RoleName="build", PolicyName="inline")
    iam.delete_role(RoleName="build")
    refused("NoSuchEntity", iam.get_role, RoleName="build")


def test_a_profile_holds_a_role(iam, role, profile):
    assert [held["RoleName"] for held in profile["Roles"]] == ["build"]
    assert iam.list_instance_profiles_for_role(RoleName="build")["InstanceProfiles"] == [profile]
    add = iam.add_role_to_instance_profile
    refused("LimitExceeded", add, InstanceProfileName="build", RoleName="build")
    refused("EntityAlreadyExists", iam.create_instance_profile, InstanceProfileName="build")
    refused("DeleteConflict", iam.delete_role, RoleName="build")
    refused("DeleteConflict", iam.delete_instance_profile, InstanceProfileName="build")


def test_what_is_made_for_a_launch_goes_after_it(iam, profile, launch):
    launched = launch(IamInstanceProfile={"Name": "build"})
    assert launched["IamInstanceProfile"] == {"Arn": profile["Arn"], "Id": profile["InstanceProfileId"]}
    iam.remove_role_from_instance_profile(InstanceProfileName="build", RoleName="build")
    iam.delete_instance_profile(InstanceProfileName="build")
    iam.delete_role(RoleName="build")
    refused("NoSuchEntity", iam.get_instance_profile, InstanceProfileName="build")
    refused("InvalidParameterValue", launch, IamInstanceProfile={"Name": "build"})


def test_a_profile_that_nobody_made_is_there(iam, launch):
    [role] = iam.get_instance_profile(InstanceProfileName="given")["InstanceProfile"]["Roles"]
    assert role["RoleName"] == "given"
    launch(IamInstanceProfile={"Name": "given"})
