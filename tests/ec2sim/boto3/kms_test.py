"""Keys, as clients look for them before they encrypt."""

import pytest
from conftest import refused


@pytest.fixture
def kms(sim):
    return sim.client("kms")


@pytest.fixture
def key(kms):
    return kms.create_key(Description="images")["KeyMetadata"]


def test_a_key_is_described_by_every_name(kms, key):
    assert (key["KeyState"], key["KeyManager"], key["Description"]) == ("Enabled", "CUSTOMER", "images")
    kms.create_alias(AliasName="alias/images", TargetKeyId=key["KeyId"])
    alias_arn = key["Arn"].replace(f"key/{key['KeyId']}", "alias/images")
    for name in (key["KeyId"], key["Arn"], "alias/images", alias_arn):
        assert kms.describe_key(KeyId=name)["KeyMetadata"] == key


def test_what_is_encrypted_shows_the_key_behind_the_alias(kms, key, ec2):
    kms.create_alias(AliasName="alias/volumes", TargetKeyId=key["KeyId"])
    volume = ec2.create_volume(
        AvailabilityZone="us-east-1a", Size=1, Encrypted=True, KmsKeyId="alias/volumes"
    )
    assert volume["KmsKeyId"] == key["Arn"]


def test_the_key_of_aws_for_volumes(kms, ec2):
    managed = kms.describe_key(KeyId="alias/aws/ebs")["KeyMetadata"]
    assert managed["KeyManager"] == "AWS"
    volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1, Encrypted=True)
    assert volume["KmsKeyId"] == managed["Arn"]


def test_keys_and_aliases_are_listed(kms, key):
    kms.create_alias(AliasName="alias/images", TargetKeyId=key["KeyId"])
    assert [a["AliasName"] for a in kms.list_aliases()["Aliases"]] == ["alias/aws/ebs", "alias/images"]
    [own] = kms.list_aliases(KeyId=key["KeyId"])["Aliases"]
    assert own["TargetKeyId"] == key["KeyId"]
    assert {"KeyId": key["KeyId"], "KeyArn": key["Arn"]} in kms.list_keys()["Keys"]
    pages = list(kms.get_paginator("list_aliases").paginate(PaginationConfig={"PageSize": 1}))
    assert [len(page["Aliases"]) for page in pages] == [1, 1]
    kms.delete_alias(AliasName="alias/images")
    assert [a["AliasName"] for a in kms.list_aliases()["Aliases"]] == ["alias/aws/ebs"]


def test_keys_that_are_not_there(kms, key):
    refused("NotFoundException", kms.describe_key, KeyId="00000000-0000-0000-0000-000000000000")
    refused("NotFoundException", kms.describe_key, KeyId="alias/no-such-key")
    alias = {"AliasName": "alias/images", "TargetKeyId": key["KeyId"]}
    kms.create_alias(**alias)
    refused("AlreadyExistsException", kms.create_alias, **alias)
    refused("InvalidAliasNameException", kms.create_alias, **(alias | {"AliasName": "images"}))
    refused("NotAuthorizedException", kms.create_alias, **(alias | {"AliasName": "alias/aws/own"}))
    refused("UnknownOperationException", kms.list_grants, KeyId=key["KeyId"])
