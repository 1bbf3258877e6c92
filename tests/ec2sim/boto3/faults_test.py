"""Fault rules as other clients meet them: over HTTP, with AWS's codes, statuses and broken connections."""

import urllib.error

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError
from botocore.parsers import ResponseParserError
from conftest import image, instance_state, refused, tags_of


def status_of(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response
    return error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]


def patient(sim, **settings):
    """A client with the retries and timeouts of `settings`."""
    return boto3.client(
        "ec2",
        region_name="us-east-1",
        endpoint_url=sim.endpoint,
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="secret",
        config=Config(**settings),
    )


def test_a_rule_refuses_as_it_says_and_counts(sim, ec2):
    error = {"code": "InternalError", "message": "An internal error has occurred", "status": 500}
    rule = {"name": "twice", "match": {"action": "Describe*"}, "when": {"times": 2}, "effect": {"error": error}}
    [identifier] = sim.fault(rule)["ids"]
    assert status_of(ec2.describe_vpcs) == ("InternalError", 500)
    assert status_of(ec2.describe_images) == ("InternalError", 500)
    ec2.describe_vpcs()
    [shown] = sim.admin("faults")["rules"]
    assert (shown["id"], shown["name"], shown["matched"], shown["fired"]) == (identifier, "twice", 3, 2)


def test_rules_are_removed_one_by_one_and_all_together(sim, ec2):
    error = {"code": "Unavailable", "message": "down", "status": 503}
    rules = [{"match": {"action": action}, "effect": {"error": error}} for action in ("DescribeVpcs", "DescribeSubnets")]
    first, _ = sim.fault({"rules": rules})["ids"]
    sim.delete(f"faults/{first}")
    ec2.describe_vpcs()
    assert status_of(ec2.describe_subnets) == ("Unavailable", 503)
    assert sim.delete("faults") == {"rules": []}
    ec2.describe_subnets()


@pytest.mark.parametrize(
    "rule",
    [
        {"effect": "explode"},
        {"match": {"acton": "RunInstances"}, "effect": "reset"},
        {"when": {"every": 0}, "effect": "reset"},
        {"preset": "no-such"},
        {"preset": "lost-run", "tims": 1},
        {},
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(sim, rule):
    with pytest.raises(urllib.error.HTTPError) as caught:
        sim.fault(rule)
    assert caught.value.code == 400


def test_a_reset_connection(sim, ec2):
    sim.fault({"match": {"action": "CreateKeyPair"}, "effect": "reset"})
    with pytest.raises(ConnectionClosedError):
        ec2.create_key_pair(KeyName="k")
    assert ec2.describe_key_pairs()["KeyPairs"] == []


def test_a_lost_reply_of_a_launch_is_found_by_its_token(sim, ec2, launch):
    sim.fault({"preset": "lost-run"})
    with pytest.raises(ConnectionClosedError):
        launch(ClientToken="one")
    found = ec2.describe_instances(Filters=[{"Name": "client-token", "Values": ["one"]}])
    [[made]] = [reservation["Instances"] for reservation in found["Reservations"]]
    assert launch(ClientToken="one")["InstanceId"] == made["InstanceId"]


def test_a_client_that_retries_after_a_lost_reply_meets_its_own_image(sim, launch):
    instance = launch()["InstanceId"]
    sim.fault({"preset": "lost-create"})
    client = patient(sim, retries={"mode": "standard", "total_max_attempts": 2})
    message = refused("InvalidAMIName.Duplicate", client.create_image, InstanceId=instance, Name="web")
    [made] = client.describe_images(Owners=["self"])["Images"]
    assert made["ImageId"] in message


def test_a_truncated_answer_is_no_answer(sim, ec2):
    sim.fault({"match": {"action": "DescribeVpcs"}, "when": {"times": 1}, "effect": "truncatedBody"})
    with pytest.raises(ResponseParserError):
        ec2.describe_vpcs()
    assert len(ec2.describe_vpcs()["Vpcs"]) == 1


def test_a_call_that_hangs_ends_by_the_timeout_of_the_client(sim):
    sim.fault({"match": {"action": "CreateKeyPair"}, "effect": "hang"})
    client = patient(sim, read_timeout=0.2, retries={"total_max_attempts": 1})
    with pytest.raises(ReadTimeoutError):
        client.create_key_pair(KeyName="k")
    assert client.describe_key_pairs()["KeyPairs"] == []


def test_a_delayed_answer_comes_too_late_and_the_call_was_made(sim):
    sim.fault({"match": {"action": "CreateKeyPair"}, "effect": {"delay": {"ms": 60_000}}})
    client = patient(sim, read_timeout=0.2, retries={"total_max_attempts": 1})
    with pytest.raises(ReadTimeoutError):
        client.create_key_pair(KeyName="k")
    assert [pair["KeyName"] for pair in client.describe_key_pairs()["KeyPairs"]] == ["k"]


def test_throttling_in_the_words_of_each_service(sim, ec2, ssm, sts):
    sim.fault({"preset": "throttle-burst"})
    assert status_of(ec2.describe_images, Owners=["self"]) == ("RequestLimitExceeded", 503)
    assert status_of(ssm.get_parameters, Names=["/a"]) == ("ThrottlingException", 400)
    assert status_of(sts.get_caller_identity) == ("Throttling", 400)


def test_a_client_outlasts_a_short_burst(sim):
    sim.fault({"preset": "throttle-burst", "times": 1})
    patient(sim, retries={"mode": "standard", "total_max_attempts": 3}).describe_vpcs()


def test_no_capacity_in_one_zone(sim, ec2, launch):
    sim.fault({"preset": "capacity", "instanceType": "t3.*", "zone": "us-east-1a"})
    subnets = {subnet["AvailabilityZone"]: subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]}
    message = refused("InsufficientInstanceCapacity", launch, SubnetId=subnets["us-east-1a"])
    assert "sufficient t3.micro capacity in the Availability Zone you requested (us-east-1a)" in message
    launch(SubnetId=subnets["us-east-1b"])


def test_what_is_new_is_not_found_for_a_while(sim, ec2, launch):
    sim.fault({"preset": "not-found-window", "seconds": 60})
    instance = launch()["InstanceId"]
    refused("InvalidInstanceID.NotFound", ec2.describe_instances, InstanceIds=[instance])
    assert ec2.describe_instances()["Reservations"] == []
    sim.advance(60)
    assert instance_state(ec2, instance) == "running"


def test_an_image_that_fails_says_why(sim, ec2, make_image):
    sim.fault({"preset": "image-failed", "seconds": 20, "code": "Client.InstanceTerminated", "message": "gone"})
    made = make_image()
    assert image(ec2, made)["State"] == "pending"
    sim.advance(20)
    failed = image(ec2, made)
    assert (failed["State"], failed["StateReason"]["Code"]) == ("failed", "Client.InstanceTerminated")


def test_snapshots_that_outlive_their_image(sim, ec2, make_image):
    made = make_image()
    sim.fault({"preset": "partial-prune"})
    reply = ec2.deregister_image(ImageId=made, DeleteAssociatedSnapshots=True)
    [result] = reply["DeleteSnapshotResults"]
    assert result["ReturnCode"] == "internal-error"
    ec2.delete_snapshot(SnapshotId=result["SnapshotId"])


def test_a_tag_changed_behind_the_back(sim, ec2, make_image):
    made = make_image()
    ec2.create_tags(Resources=[made], Tags=[{"Key": "app", "Value": "web"}])
    sim.fault({"preset": "drift", "change": "tag", "key": "app", "value": "other"})
    assert tags_of(image(ec2, made)) == {"app": "other"}


def test_a_command_that_fails(sim, ssm, launch):
    instance = launch(IamInstanceProfile={"Name": "managed"})["InstanceId"]
    effect = {"command": {"exitCode": 7, "output": "out of space", "status": "Failed"}}
    sim.fault({"match": {"action": "SendCommand"}, "effect": effect})
    sent = ssm.send_command(
        DocumentName="AWS-RunShellScript", InstanceIds=[instance], Parameters={"commands": ["true"]}
    )
    ended = ssm.get_command_invocation(CommandId=sent["Command"]["CommandId"], InstanceId=instance)
    assert (ended["Status"], ended["ResponseCode"]) == ("Failed", 7)


def test_a_reset_of_the_world_ends_all_faults(sim, ec2):
    sim.fault({"preset": "region-down", "region": "us-east-1"})
    assert status_of(ec2.describe_vpcs) == ("Unavailable", 503)
    sim.reset()
    assert sim.admin("faults") == {"rules": []}
    ec2.describe_vpcs()


def test_the_journal_tells_what_the_client_was_not_told(sim, launch):
    sim.fault({"preset": "lost-run"})
    with pytest.raises(ConnectionClosedError):
        launch(ClientToken="one")
    [call] = [call for call in sim.admin("journal")["calls"] if call["action"] == "RunInstances"]
    assert (call["fault"], call["answered"], call["error"]) == ("lost-run", False, None)
    assert [made for made in call["made"] if made.startswith("i-")]
