"""Throttling and permissions, as the server's options switch them on."""

import json
import os
import pathlib
import subprocess
import urllib.error

import pytest
from botocore.exceptions import ClientError
from conftest import refused


@pytest.fixture
def throttled(sim):
    sim.admin("config", {"buckets": True})
    yield sim
    sim.admin("config", {"buckets": False})


@pytest.fixture
def enforce(sim):
    """Puts statements in force for the default user of the server."""

    def put(*statements):
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        return sim.admin("iam", {"documents": [document], "principal": "*:user/ec2sim"})

    yield put
    sim.admin("iam", {"off": True})


def allow(actions, resource="*", **condition):
    statement = {"Sid": "Allow", "Effect": "Allow", "Action": actions, "Resource": resource}
    return statement | ({"Condition": condition} if condition else {})


def test_launches_are_throttled_after_five(throttled, launch):
    for _ in range(5):
        launch()
    with pytest.raises(ClientError) as caught:
        launch()
    response = caught.value.response
    assert response["Error"] == {"Code": "RequestLimitExceeded", "Message": "Request limit exceeded."}
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 503
    throttled.advance(1)
    launch()
    launch()
    refused("RequestLimitExceeded", launch)


def test_parameters_are_throttled_by_systems_manager(throttled, ssm):
    for number in range(3):
        ssm.put_parameter(Name=f"/p{number}", Value="v", Type="String")
    assert refused("ThrottlingException", ssm.put_parameter, Name="/p", Value="v", Type="String") == "Rate exceeded"


def test_a_denied_call_names_principal_action_and_resource(enforce, launch, account, base_ami):
    enforce(allow("ec2:RunInstances", "arn:aws:ec2:*:*:instance/*"))
    message = refused("UnauthorizedOperation", launch)
    assert message.startswith("You are not authorized to perform this operation. ")
    assert f"User: arn:aws:iam::{account}:user/ec2sim is not authorized to perform: ec2:RunInstances" in message
    assert "because no identity-based policy allows the ec2:RunInstances action" in message


@pytest.fixture
def base_ami(sim):
    """Found by an account that no policy restricts."""
    parameters = sim.of_account("ssm", "222222222222")
    name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
    return parameters.get_parameter(Name=name)["Parameter"]["Value"]


def test_only_instances_with_the_tag_may_be_stopped(sim, enforce, ec2, launch):
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "ours", "Value": "1"}]}]
    ours, theirs = launch(TagSpecifications=tags)["InstanceId"], launch()["InstanceId"]
    enforce(allow("ec2:StopInstances", "arn:aws:ec2:*:*:instance/*", StringLike={"aws:ResourceTag/ours": "*"}))
    ec2.stop_instances(InstanceIds=[ours])
    refused("UnauthorizedOperation", ec2.stop_instances, InstanceIds=[theirs])
    refused("UnauthorizedOperation", ec2.stop_instances, InstanceIds=[ours, theirs])


def test_systems_manager_and_sts_have_their_own_words(enforce, ssm, sts):
    enforce(allow("ec2:*"))
    refused("AccessDeniedException", ssm.get_parameter, Name="/a")
    role = "arn:aws:iam::222222222222:role/x"
    refused("AccessDenied", sts.assume_role, RoleArn=role, RoleSessionName="tests")
    sts.get_caller_identity()


def test_a_permission_that_no_call_used_is_told(sim, enforce, ec2):
    enforce(allow(["ec2:DescribeVpcs", "ec2:DescribeImages"]))
    ec2.describe_vpcs()
    refused("UnauthorizedOperation", ec2.describe_subnets)
    told = sim.admin("iam")
    assert [(use["sid"], use["action"], use["calls"]) for use in told["used"]] == [("Allow", "ec2:DescribeVpcs", 1)]
    assert [permission["action"] for permission in told["unused"]] == ["ec2:DescribeImages"]
    assert [denied["action"] for denied in told["denied"]] == ["ec2:DescribeSubnets"]


def test_a_policy_that_cannot_be_evaluated_is_refused(enforce):
    with pytest.raises(urllib.error.HTTPError) as caught:
        enforce(allow("ec2:*", NumericEquals={"ec2:VolumeSize": "8"}))
    assert "NumericEquals is not evaluated" in json.load(caught.value)["error"]


def serve(*options):
    command = [os.environ["EC2SIM_BIN"], "serve", "--listen", "127.0.0.1:0", "--die-with-parent", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_server_starts_with_the_policies_of_a_directory():
    directory = pathlib.Path(__file__).parents[3] / "deploy" / "iam"
    with serve("--buckets", "--iam", str(directory), "--iam-principal", "*:role/ami-operator") as server:
        assert server.stdout.readline().startswith("listening on http://")
        server.terminate()
    assert server.returncode == 0


def test_the_server_does_not_start_with_a_policy_that_it_cannot_evaluate(tmp_path):
    statement = allow("ec2:*", StringEquals={"ec2:Vendor": "x"})
    document = {"Version": "2012-10-17", "Statement": [statement]}
    (tmp_path / "policy.json").write_text(json.dumps(document))
    server = serve("--iam", str(tmp_path))
    _, errors = server.communicate(timeout=10)
    assert server.returncode == 1
    assert "policy.json: Allow: the condition key ec2:Vendor is not evaluated" in errors
