"""Launch templates, launches from them, and instant fleets."""

import pytest
from conftest import refused, tags_of

NAME = "builders"


@pytest.fixture
def data(base_ami):
    return {"ImageId": base_ami, "InstanceType": "t3.small", "UserData": "aGVsbG8="}


@pytest.fixture
def template(ec2, data):
    return ec2.create_launch_template(LaunchTemplateName=NAME, LaunchTemplateData=data)["LaunchTemplate"][
        "LaunchTemplateId"
    ]


def run(ec2, **launch):
    return ec2.run_instances(**({"MinCount": 1, "MaxCount": 1} | launch))["Instances"][0]


def test_a_template_is_described(ec2, template, data, account):
    [found] = ec2.describe_launch_templates(LaunchTemplateNames=[NAME])["LaunchTemplates"]
    assert (found["LaunchTemplateId"], found["LatestVersionNumber"]) == (template, 1)
    [version] = ec2.describe_launch_template_versions(LaunchTemplateId=template)["LaunchTemplateVersions"]
    assert (version["VersionNumber"], version["DefaultVersion"]) == (1, True)
    assert version["LaunchTemplateData"] == data


def test_nested_data_come_back_as_they_were_given(ec2):
    data = {
        "BlockDeviceMappings": [
            {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 20, "DeleteOnTermination": True}}
        ],
        "NetworkInterfaces": [{"DeviceIndex": 0, "Groups": ["sg-0123456789abcdef0"]}],
        "SecurityGroupIds": ["sg-0123456789abcdef0"],
        "IamInstanceProfile": {"Name": "builder"},
        "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "1"}]}],
        "MetadataOptions": {"HttpTokens": "required"},
    }
    ec2.create_launch_template(LaunchTemplateName="nested", LaunchTemplateData=data)
    [found] = ec2.describe_launch_template_versions(LaunchTemplateName="nested")["LaunchTemplateVersions"]
    assert found["LaunchTemplateData"] == data


def test_names_are_unique_and_well_formed(ec2, template, data):
    create = ec2.create_launch_template
    refused(
        "InvalidLaunchTemplateName.AlreadyExistsException",
        create,
        LaunchTemplateName=NAME,
        LaunchTemplateData=data,
    )
    refused(
        "InvalidLaunchTemplateName.MalformedException",
        create,
        LaunchTemplateName="a b!",
        LaunchTemplateData=data,
    )


def test_versions_follow_each_other(ec2, template):
    change = {"InstanceType": "t3.large"}
    made = ec2.create_launch_template_version(
        LaunchTemplateId=template, SourceVersion="1", LaunchTemplateData=change
    )["LaunchTemplateVersion"]
    assert (made["VersionNumber"], made["LaunchTemplateData"]["InstanceType"]) == (2, "t3.large")
    assert made["LaunchTemplateData"]["UserData"] == "aGVsbG8="
    launched = run(ec2, LaunchTemplate={"LaunchTemplateId": template, "Version": "$Latest"})
    assert launched["InstanceType"] == "t3.large"
    assert run(ec2, LaunchTemplate={"LaunchTemplateId": template})["InstanceType"] == "t3.small"
    ec2.modify_launch_template(LaunchTemplateId=template, DefaultVersion="2")
    assert run(ec2, LaunchTemplate={"LaunchTemplateId": template})["InstanceType"] == "t3.large"
    latest = ec2.describe_launch_template_versions(Versions=["$Latest"])["LaunchTemplateVersions"]
    assert [v["VersionNumber"] for v in latest] == [2]


def test_versions_are_deleted_but_the_default_one(ec2, template):
    ec2.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData={"KeyName": "k"})
    reply = ec2.delete_launch_template_versions(LaunchTemplateId=template, Versions=["1", "2", "3"])
    assert [v["VersionNumber"] for v in reply["SuccessfullyDeletedLaunchTemplateVersions"]] == [2]
    assert [v["VersionNumber"] for v in reply["UnsuccessfullyDeletedLaunchTemplateVersions"]] == [1, 3]


def test_a_request_counts_before_its_template(ec2, template):
    launched = run(ec2, LaunchTemplate={"LaunchTemplateName": NAME}, InstanceType="t3.micro")
    assert launched["InstanceType"] == "t3.micro"
    assert tags_of(launched) == {
        "aws:ec2launchtemplate:id": template,
        "aws:ec2launchtemplate:version": "1",
    }


def test_launches_from_what_does_not_exist(ec2, template):
    for asked, code in [
        ({"LaunchTemplateId": "lt-0123456789abcdef0"}, "InvalidLaunchTemplateId.NotFound"),
        ({"LaunchTemplateId": "nonsense"}, "InvalidLaunchTemplateId.Malformed"),
        ({"LaunchTemplateName": "absent"}, "InvalidLaunchTemplateName.NotFoundException"),
        ({"LaunchTemplateId": template, "Version": "7"}, "InvalidLaunchTemplateId.VersionNotFound"),
    ]:
        refused(code, ec2.run_instances, LaunchTemplate=asked, MinCount=1, MaxCount=1)


def test_a_deleted_template_is_gone(ec2, template):
    assert ec2.delete_launch_template(LaunchTemplateId=template)["LaunchTemplate"]["LaunchTemplateName"] == NAME
    refused(
        "InvalidLaunchTemplateId.NotFound", ec2.describe_launch_templates, LaunchTemplateIds=[template]
    )


def test_a_template_refers_to_its_image(ec2, template, base_ami):
    found = ec2.describe_image_references(ImageIds=[base_ami], IncludeAllResourceTypes=True)["ImageReferences"]
    assert [(r["ResourceType"], r["Arn"].rsplit("/", 1)[1]) for r in found] == [
        ("ec2:LaunchTemplate", template)
    ]


def fleet(ec2, template, overrides=(), **more):
    config = {"LaunchTemplateSpecification": {"LaunchTemplateId": template, "Version": "1"}}
    if overrides:
        config["Overrides"] = list(overrides)
    target = {"TotalTargetCapacity": 1, "DefaultTargetCapacityType": "spot"}
    return ec2.create_fleet(
        **(
            {"Type": "instant", "LaunchTemplateConfigs": [config], "TargetCapacitySpecification": target}
            | more
        )
    )


def test_an_instant_fleet_launches_a_spot_instance(ec2, template):
    specification = {"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "1"}]}
    reply = fleet(ec2, template, [{"InstanceType": "t3.large"}], TagSpecifications=[specification])
    assert reply["FleetId"].startswith("fleet-") and reply["Errors"] == []
    [launched] = reply["Instances"]
    assert (launched["Lifecycle"], launched["InstanceType"]) == ("spot", "t3.large")
    [reservation] = ec2.describe_instances(InstanceIds=launched["InstanceIds"])["Reservations"]
    instance = reservation["Instances"][0]
    assert (instance["InstanceLifecycle"], tags_of(instance)["a"]) == ("spot", "1")
    assert instance["SpotInstanceRequestId"].startswith("sir-")


def test_a_fleet_takes_the_next_override_and_tells_why(ec2, template):
    reply = fleet(ec2, template, [{"InstanceType": "m7g.large"}, {"InstanceType": "m5.large"}])
    assert [e["ErrorCode"] for e in reply["Errors"]] == ["InvalidParameterValue"]
    assert [i["InstanceType"] for i in reply["Instances"]] == ["m5.large"]


def test_a_fleet_without_a_template_is_refused(ec2):
    refused("InvalidLaunchTemplateId.NotFound", fleet, ec2=ec2, template="lt-0123456789abcdef0")


def test_a_fleet_splits_its_capacity(ec2, template):
    target = {"TotalTargetCapacity": 5, "OnDemandTargetCapacity": 2, "DefaultTargetCapacityType": "spot"}
    reply = fleet(ec2, template, TargetCapacitySpecification=target)
    assert {i["Lifecycle"]: len(i["InstanceIds"]) for i in reply["Instances"]} == {"on-demand": 2, "spot": 3}
    [found] = ec2.describe_fleets(FleetIds=[reply["FleetId"]])["Fleets"]
    assert [i["InstanceIds"] for i in found["Instances"]] == [i["InstanceIds"] for i in reply["Instances"]]
    assert (found["FleetState"], found["Type"], found["FulfilledCapacity"]) == ("active", "instant", 5.0)
    assert found["TargetCapacitySpecification"]["SpotTargetCapacity"] == 3
    too_many = target | {"SpotTargetCapacity": 4}
    refused("InvalidParameterCombination", fleet, ec2=ec2, template=template, TargetCapacitySpecification=too_many)


def test_a_fleet_needs_a_version_of_its_template(ec2, template):
    config = {"LaunchTemplateSpecification": {"LaunchTemplateId": template}}
    refused("MissingParameter", fleet, ec2=ec2, template=template, LaunchTemplateConfigs=[config])


def test_instances_end_with_their_fleet(ec2, template):
    made = fleet(ec2, template)
    assert ec2.describe_fleets()["Fleets"] == []
    reply = ec2.delete_fleets(FleetIds=[made["FleetId"], "fleet-0"], TerminateInstances=True)
    [deleted] = reply["SuccessfulFleetDeletions"]
    assert (deleted["PreviousFleetState"], deleted["CurrentFleetState"]) == ("active", "deleted_terminating")
    assert reply["UnsuccessfulFleetDeletions"][0]["Error"]["Code"] == "fleetIdDoesNotExist"
    assert ec2.describe_fleets(FleetIds=[made["FleetId"]])["Fleets"][0]["FleetState"] == "deleted"
    refused("InvalidFleetId.NotFound", ec2.describe_fleets, FleetIds=["fleet-0"])


def test_a_requested_fleet_shows_its_instances(ec2, template):
    made = fleet(ec2, template, Type="request")
    assert "Instances" not in made
    [found] = ec2.describe_fleets(Filters=[{"Name": "type", "Values": ["request"]}])["Fleets"]
    assert found["FleetId"] == made["FleetId"]
    [instance] = ec2.describe_fleet_instances(FleetId=made["FleetId"])["ActiveInstances"]
    [tag] = ec2.describe_tags(Filters=[{"Name": "key", "Values": ["aws:ec2:fleet-id"]}])["Tags"]
    assert (tag["ResourceId"], tag["Value"]) == (instance["InstanceId"], made["FleetId"])


def test_a_template_shows_the_image_behind_a_parameter(ec2, base_ami):
    name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
    data = {"ImageId": f"resolve:ssm:{name}"}
    ec2.create_launch_template(LaunchTemplateName="alias", LaunchTemplateData=data)
    for resolves, image in [(False, data["ImageId"]), (True, base_ami)]:
        [version] = ec2.describe_launch_template_versions(
            LaunchTemplateName="alias", Versions=["$Latest"], ResolveAlias=resolves
        )["LaunchTemplateVersions"]
        assert version["LaunchTemplateData"]["ImageId"] == image


def test_a_template_of_an_instance(ec2, launch):
    instance = launch(InstanceType="t3.small")
    data = ec2.get_launch_template_data(InstanceId=instance["InstanceId"])["LaunchTemplateData"]
    assert (data["ImageId"], data["InstanceType"]) == (instance["ImageId"], "t3.small")
    assert data["NetworkInterfaces"][0]["Groups"] == [group["GroupId"] for group in instance["SecurityGroups"]]
    assert data["BlockDeviceMappings"][0]["DeviceName"] == "/dev/xvda"
