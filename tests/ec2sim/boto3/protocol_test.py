"""What holds for every call: the query protocol, requests that are odd, the admin endpoints."""

import json
import re
import urllib.error
import urllib.parse
import urllib.request

import pytest
from botocore.exceptions import ClientError
from conftest import refused


def rewrite(client, **changes):
    """Changes the parameters of the next requests on their way out."""

    def change(params, **_):
        params["body"].update(changes)

    client.meta.events.register("before-call.ec2", change)


def raw(sim, body, headers=None):
    request = urllib.request.Request(sim.endpoint + "/", data=body.encode(), headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_an_unknown_action_is_refused(ec2):
    rewrite(ec2, Action="MakeCoffee")
    assert "MakeCoffee" in refused("InvalidAction", ec2.describe_vpcs)


def test_an_action_that_is_not_emulated_is_refused(ec2):
    refused("InvalidAction", ec2.describe_hosts)


def test_empty_parameters_count_as_absent(ec2, base_ami):
    rewrite(ec2, SubnetId="", KeyName="", ClientToken="")
    made = ec2.run_instances(ImageId=base_ami, InstanceType="t3.micro", MinCount=1, MaxCount=1)
    assert made["Instances"][0]["SubnetId"].startswith("subnet-")


def test_empty_parameters_of_a_volume_count_as_absent(ec2, base_ami):
    volume = {"VolumeSize": "9", "SnapshotId": "", "KmsKeyId": "", "Encrypted": ""}
    members = {f"BlockDeviceMapping.1.Ebs.{name}": value for name, value in volume.items()}
    rewrite(ec2, **members, **{"BlockDeviceMapping.1.DeviceName": "/dev/xvda"})
    ec2.run_instances(ImageId=base_ami, InstanceType="t3.micro", MinCount=1, MaxCount=1)
    [made] = ec2.describe_volumes()["Volumes"]
    assert (made["Size"], made["Encrypted"], made["SnapshotId"][:5]) == (9, False, "snap-")


def test_a_number_that_is_none_is_refused(ec2):
    rewrite(ec2, MaxResults="many")
    refused("InvalidParameterValue", ec2.describe_vpcs)


def test_an_unsigned_request_is_refused_in_the_words_of_each_service(sim):
    status, body = raw(sim, "Action=DescribeVpcs&Version=2016-11-15")
    assert (status, "<Code>MissingParameter</Code>" in body, "AWSAccessKeyId" in body) == (400, True, True)
    status, body = raw(sim, "Action=GetCallerIdentity&Version=2011-06-15")
    assert (status, "<Code>MissingAuthenticationToken</Code>" in body) == (403, True)
    status, body = raw(sim, "{}", {"X-Amz-Target": "AmazonSSM.GetParameter"})
    assert (status, json.loads(body)["__type"]) == (400, "MissingAuthenticationTokenException")


@pytest.mark.parametrize(
    ("service", "action"),
    [
        ("secretsmanager", "list_secrets"),
        ("ebs", "start_snapshot"),
        ("rbin", "list_rules"),
        ("s3", "list_buckets"),
    ],
)
def test_another_service_says_that_it_is_not_simulated(sim, service, action):
    arguments = {"ebs": {"VolumeSize": 1}, "rbin": {"ResourceType": "EC2_IMAGE"}}.get(service, {})
    with pytest.raises(ClientError, match=f"The service {service} is not simulated"):
        getattr(sim.client(service), action)(**arguments)


def test_a_profile_is_found_before_a_launch_with_it(sim, launch, account):
    found = sim.client("iam").get_instance_profile(InstanceProfileName="builder")["InstanceProfile"]
    launched = launch(IamInstanceProfile={"Name": "builder"})["IamInstanceProfile"]
    assert launched == {"Arn": found["Arn"], "Id": found["InstanceProfileId"]}
    assert (found["InstanceProfileName"], found["Path"]) == ("builder", "/")
    assert [role["Arn"] for role in found["Roles"]] == [f"arn:aws:iam::{account}:role/builder"]


def test_of_iam_there_is_nothing_else(sim):
    iam = sim.client("iam")
    refused("ValidationError", iam.get_instance_profile, InstanceProfileName="not,a/name")
    refused("InvalidAction", iam.list_roles)


def test_a_page_that_is_too_small_is_refused_in_the_words_of_the_service(ec2, ssm):
    message = refused("InvalidParameterValue", ec2.describe_instances, MaxResults=4)
    assert message == "Value ( 4 ) for parameter maxResults is invalid. Expecting a value greater than 5."


def test_the_status_of_a_hundred_instances_at_most(ec2):
    ids = [f"i-{number:017x}" for number in range(101)]
    refused("InvalidParameterValue", ec2.describe_instance_status, InstanceIds=ids)
    refused("InvalidInstanceID.NotFound", ec2.describe_instance_status, InstanceIds=ids[:100])


def test_organisations_of_every_partition_are_understood(ec2, make_image):
    made = make_image()
    for partition in ("aws", "aws-us-gov", "aws-cn"):
        arn = f"arn:{partition}:organizations::123456789012:organization/o-123example"
        ec2.modify_image_attribute(ImageId=made, LaunchPermission={"Add": [{"OrganizationArn": arn}]})
    wrong = [{"OrganizationArn": "arn:azure:organizations::123456789012:organization/o-123example"}]
    refused(
        "InvalidAMIAttributeItemValue",
        ec2.modify_image_attribute,
        ImageId=made,
        LaunchPermission={"Add": wrong},
    )


def test_an_error_has_the_documented_form(ec2):
    with pytest.raises(ClientError) as caught:
        ec2.describe_vpcs(VpcIds=["vpc-0123456789abcdef0"])
    reply = caught.value.response
    assert reply["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert reply["ResponseMetadata"]["RequestId"]
    assert "vpc-0123456789abcdef0" in reply["Error"]["Message"]


def test_a_dry_run_answers_412(ec2, base_ami):
    with pytest.raises(ClientError) as caught:
        ec2.run_instances(ImageId=base_ami, InstanceType="t3.micro", MinCount=1, MaxCount=1, DryRun=True)
    assert caught.value.response["Error"]["Code"] == "DryRunOperation"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412


def test_every_reply_has_a_request_id(ec2):
    one, two = (ec2.describe_vpcs()["ResponseMetadata"]["RequestId"] for _ in range(2))
    assert one != two


def test_text_is_escaped(ec2, launch):
    words = "<a> & \"b\" 'c' äöü \u65e5"
    instance = launch()["InstanceId"]
    ec2.create_tags(Resources=[instance], Tags=[{"Key": "t", "Value": words}])
    assert ec2.describe_tags()["Tags"][0]["Value"] == words


def test_regions_are_separate_worlds(ec2, ec2_eu, launch):
    launch()
    assert ec2_eu.describe_instances()["Reservations"] == []
    assert ec2_eu.describe_vpcs()["Vpcs"][0]["VpcId"] != ec2.describe_vpcs()["Vpcs"][0]["VpcId"]


def test_unknown_ssm_actions_are_refused(ssm):
    refused(("UnknownOperationException", "InvalidAction"), ssm.list_documents)


def test_a_body_that_is_no_json_is_refused(sim):
    scope = "AKIA/20260101/us-east-1/ssm/aws4_request"
    headers = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
        "X-Amz-Target": "AmazonSSM.GetParameter",
    }
    status, body = raw(sim, '{"Name": ', headers)
    assert (status, json.loads(body)["__type"]) == (400, "SerializationException")


def test_the_state_dump_shows_resources(sim, make_image, account):
    made = make_image()
    state = sim.state()
    region = state["accounts"][account]["us-east-1"]
    assert region["images"][made]["state"] == "available"
    assert len(region["instances"]) == 1
    assert len(region["snapshots"]) == 1
    assert len(region["volumes"]) == 1


def test_the_journal_shows_calls(sim, ec2):
    refused("InvalidVpcID.NotFound", ec2.describe_vpcs, VpcIds=["vpc-0123456789abcdef0"])
    last = sim.admin("journal")["calls"][-1]
    assert (last["service"], last["action"], last["region"]) == ("ec2", "DescribeVpcs", "us-east-1")
    assert last["error"]["code"] == "InvalidVpcID.NotFound"


def test_the_clock_is_moved(sim):
    before = sim.admin("clock")
    sim.advance(90)
    assert before["mode"] == "manual"
    assert sim.admin("clock")["now"] > before["now"]


@pytest.mark.parametrize(
    ("action", "parameter", "name"),
    [
        ("describe_instances", "InstanceIds", "InstanceId"),
        ("terminate_instances", "InstanceIds", "InstanceId"),
        ("describe_images", "ImageIds", "ImageId"),
        ("describe_snapshots", "SnapshotIds", "SnapshotId"),
        ("describe_volumes", "VolumeIds", "VolumeId"),
    ],
)
def test_an_empty_id_counts_as_missing(ec2, action, parameter, name):
    message = refused("MissingParameter", getattr(ec2, action), **{parameter: [""]})
    assert message == f"The request must contain the parameter {name}"


def test_filters_are_limited_in_number_and_length(ec2):
    def look(filters):
        return ec2.describe_instances(Filters=filters)

    one = {"Name": "instance-type", "Values": ["t3.micro"]}
    look([one] * 50)
    refused("FilterLimitExceeded", look, filters=[one] * 51)
    refused("FilterLimitExceeded", look, filters=[{"Name": "tag-key", "Values": ["x"] * 201}])
    look([{"Name": "tag-key", "Values": ["x"] * 200}] * 2)
    look([{"Name": "tag-key", "Values": ["x" * 255]}])
    refused("InvalidParameterValue", look, filters=[{"Name": "tag-key", "Values": ["x" * 256]}])


def test_ids_are_limited_in_number_and_counted_once(ec2, launch):
    instance = launch()["InstanceId"]
    many = [f"i-{number:017x}" for number in range(1001)]
    refused("InvalidParameterValue", ec2.describe_instances, InstanceIds=many)
    refused("InvalidParameterValue", ec2.stop_instances, InstanceIds=many)
    [change] = ec2.stop_instances(InstanceIds=[instance, instance])["StoppingInstances"]
    assert change["InstanceId"] == instance
