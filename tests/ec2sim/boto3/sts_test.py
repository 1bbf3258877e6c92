"""STS."""

import base64
import json

import pytest
from conftest import SECOND_ACCOUNT, refused

ROLE = f"arn:aws:iam::{SECOND_ACCOUNT}:role/deep/operator"


def token(**claims):
    parts = ({"alg": "RS256", "kid": "1"}, claims, "signature")
    encoded = (base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in parts)
    return ".".join(encoded)


def test_the_caller(sts):
    who = sts.get_caller_identity()
    assert len(who["Account"]) == 12
    assert who["Arn"].startswith(f"arn:aws:iam::{who['Account']}:")
    assert who["UserId"]


def test_a_role_of_another_account(sim, sts):
    reply = sts.assume_role(RoleArn=ROLE, RoleSessionName="me@work", ExternalId="abc", DurationSeconds=900)
    user = reply["AssumedRoleUser"]
    assert user["Arn"] == f"arn:aws:sts::{SECOND_ACCOUNT}:assumed-role/operator/me@work"
    assert user["AssumedRoleId"].startswith("AROA")
    assert user["AssumedRoleId"].endswith(":me@work")
    keys = reply["Credentials"]
    assert keys["AccessKeyId"].startswith("ASIA")
    assert keys["SecretAccessKey"] and keys["SessionToken"] and keys["Expiration"]
    who = sim.client("sts", credentials=keys).get_caller_identity()
    assert (who["Account"], who["Arn"]) == (SECOND_ACCOUNT, user["Arn"])
    assert who["UserId"] == user["AssumedRoleId"]


def test_sessions_differ(sts):
    one, two = (
        sts.assume_role(RoleArn=ROLE, RoleSessionName="me")["Credentials"]["AccessKeyId"] for _ in range(2)
    )
    assert one != two


@pytest.mark.parametrize(
    "change",
    [
        {"RoleArn": "arn:aws:iam::123:role/x-short-account"},
        {"RoleArn": "arn:aws:iam::123456789012:user/not-a-role"},
        {"RoleSessionName": "with space"},
        {"RoleSessionName": "xx" * 33},
        {"DurationSeconds": 43201},
    ],
)
def test_malformed_roles_are_refused(sts, change):
    request = {"RoleArn": ROLE, "RoleSessionName": "me"}
    refused("ValidationError", sts.assume_role, **(request | change))


def test_a_role_assumed_by_a_role_lasts_an_hour(sim, sts):
    keys = sts.assume_role(RoleArn=ROLE, RoleSessionName="me")["Credentials"]
    chained = sim.client("sts", credentials=keys)
    chained.assume_role(RoleArn=ROLE, RoleSessionName="me", DurationSeconds=3600)
    refused("ValidationError", chained.assume_role, RoleArn=ROLE, RoleSessionName="me", DurationSeconds=7200)


def test_a_role_by_web_identity(sim):
    anonymous = sim.client("sts")
    claims = {"iss": "https://oidc.example.com/id/1", "sub": "system:serviceaccount:a:b", "aud": ["sts.amazonaws.com"], "exp": 4102444800}
    reply = anonymous.assume_role_with_web_identity(
        RoleArn=ROLE, RoleSessionName="me", WebIdentityToken=token(**claims)
    )
    assert reply["SubjectFromWebIdentityToken"] == "system:serviceaccount:a:b"
    assert reply["Audience"] == "sts.amazonaws.com"
    assert reply["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{SECOND_ACCOUNT}:assumed-role/operator/me"
    who = sim.client("sts", credentials=reply["Credentials"]).get_caller_identity()
    assert who["Account"] == SECOND_ACCOUNT


def test_a_malformed_web_identity_is_refused(sts):
    refused(
        "InvalidIdentityToken",
        sts.assume_role_with_web_identity,
        RoleArn=ROLE,
        RoleSessionName="me",
        WebIdentityToken="nonsense",
    )


def test_an_expired_web_identity_is_refused(sts):
    refused(
        "ExpiredTokenException",
        sts.assume_role_with_web_identity,
        RoleArn=ROLE,
        RoleSessionName="me",
        WebIdentityToken=token(iss="https://x", sub="s", aud="a", exp=1),
    )


def test_expired_credentials_are_refused(sim, sts):
    keys = sts.assume_role(RoleArn=ROLE, RoleSessionName="me", DurationSeconds=900)["Credentials"]
    sim.advance(1000)
    refused(
        ("RequestExpired", "ExpiredToken"),
        sim.client("ec2", credentials=keys).describe_images,
        Owners=["self"],
    )
    refused(("ExpiredToken", "ExpiredTokenException"), sim.client("sts", credentials=keys).get_caller_identity)


def test_a_session_token_is_for_the_same_user(sim, sts):
    keys = sts.get_session_token(DurationSeconds=900)["Credentials"]
    assert keys["AccessKeyId"].startswith("ASIA")
    session = sim.client("sts", credentials=keys)
    assert session.get_caller_identity()["Arn"] == sts.get_caller_identity()["Arn"]


def test_a_role_gets_no_session_token(sim):
    refused("AccessDenied", sim.of_account("sts", "222222222222").get_session_token)


def test_the_duration_of_a_session_token_is_bounded(sts):
    refused("ValidationError", sts.get_session_token, DurationSeconds=129601)


def test_what_was_never_encoded_cannot_be_decoded(sts):
    refused(
        "InvalidAuthorizationMessageException", sts.decode_authorization_message, EncodedMessage="nonsense"
    )


def test_whose_a_key_is(sts, account):
    assert sts.get_access_key_info(AccessKeyId="AKIAIOSFODNN7EXAMPLE")["Account"] == account
    role = sts.assume_role(RoleArn="arn:aws:iam::222222222222:role/tests", RoleSessionName="tests")
    key = role["Credentials"]["AccessKeyId"]
    assert sts.get_access_key_info(AccessKeyId=key)["Account"] == "222222222222"
