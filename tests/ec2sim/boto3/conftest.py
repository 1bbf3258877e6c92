"""Runs the suite against one server process, which every test finds freshly reset."""

import json
import os
import subprocess
import urllib.request

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

SECOND_ACCOUNT = "222222222222"


class Sim:
    """The server under test and its administration endpoints."""

    def __init__(self, endpoint):
        self.endpoint = endpoint

    def admin(self, path, body=None, method=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.endpoint}/_emu/{path}", data=data, method=method)
        with urllib.request.urlopen(request, timeout=30) as reply:
            return json.load(reply)

    def delete(self, path):
        return self.admin(path, method="DELETE")

    def fault(self, rule):
        """Adds a rule, several, or those of a preset."""
        return self.admin("faults", rule)

    def reset(self):
        self.admin("reset", {"profile": "test", "seed": 1})

    def advance(self, seconds):
        self.admin("clock", {"advanceSeconds": seconds})

    def profile(self, name):
        """With `demo` resources stay pending until the clock is advanced."""
        self.admin("config", {"profile": name})

    def state(self):
        return self.admin("state")

    def client(self, service, region="us-east-1", credentials=None):
        keys = credentials or {
            "AccessKeyId": "AKIAIOSFODNN7EXAMPLE",
            "SecretAccessKey": "secret",
            "SessionToken": None,
        }
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.endpoint,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
            config=Config(retries={"total_max_attempts": 1}, read_timeout=30),
        )

    def of_account(self, service, account, region="us-east-1"):
        """A client with the temporary keys of a role in `account`."""
        role = self.client("sts").assume_role(
            RoleArn=f"arn:aws:iam::{account}:role/tests", RoleSessionName="tests"
        )
        return self.client(service, region, role["Credentials"])


@pytest.fixture(scope="session")
def server():
    command = [os.environ["EC2SIM_BIN"], "serve", "--listen", "127.0.0.1:0"]
    command += ["--profile", "test", "--clock", "manual", "--die-with-parent"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    assert line.startswith("listening on http://"), line
    yield Sim(line.removeprefix("listening on ").strip())
    process.terminate()
    assert process.wait(timeout=10) == 0


@pytest.fixture
def sim(server):
    server.reset()
    return server


@pytest.fixture
def ec2(sim):
    return sim.client("ec2")


@pytest.fixture
def ec2_eu(sim):
    return sim.client("ec2", "eu-west-1")


@pytest.fixture
def second(sim):
    """EC2 as the second account sees it."""
    return sim.of_account("ec2", SECOND_ACCOUNT)


@pytest.fixture
def ssm(sim):
    return sim.client("ssm")


@pytest.fixture
def sts(sim):
    return sim.client("sts")


@pytest.fixture
def account(sts):
    return sts.get_caller_identity()["Account"]


@pytest.fixture
def base_ami(ssm):
    name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
    return ssm.get_parameter(Name=name)["Parameter"]["Value"]


@pytest.fixture
def arm_ami(ssm):
    name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
    return ssm.get_parameter(Name=name)["Parameter"]["Value"]


@pytest.fixture
def launch(ec2, base_ami):
    """Launches one instance and gives its description in the reply."""

    def launch_one(**more):
        request = {"ImageId": base_ami, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
        return ec2.run_instances(**(request | more))["Instances"][0]

    return launch_one


@pytest.fixture
def make_image(ec2, launch):
    """Makes an image of a fresh instance and gives its id."""

    def make(name="made", **more):
        instance = launch()["InstanceId"]
        return ec2.create_image(InstanceId=instance, Name=name, **more)["ImageId"]

    return make


def refused(codes, call, **arguments):
    """Calls and demands an error of one of `codes`; gives its message."""
    accepted = (codes,) if isinstance(codes, str) else codes
    try:
        reply = call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] in accepted, error
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        assert 400 <= status < 600
        return error.response["Error"]["Message"]
    raise AssertionError(f"expected {accepted}, got {reply}")


def instance_state(ec2, instance):
    found = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    return found["State"]["Name"]


def image(ec2, image_id):
    return ec2.describe_images(ImageIds=[image_id])["Images"][0]


def tags_of(resource):
    return {tag["Key"]: tag["Value"] for tag in resource.get("Tags", [])}
