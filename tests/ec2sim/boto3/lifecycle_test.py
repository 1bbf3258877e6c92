"""Whole lives of instances, as their descriptions tell them."""

import pytest
from conftest import image, refused


def describe(ec2, instance):
    return ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]


def test_a_launch_without_a_type_is_small(ec2, base_ami):
    [made] = ec2.run_instances(ImageId=base_ami, MinCount=1, MaxCount=1)["Instances"]
    assert made["InstanceType"] == "m1.small"
    [kind] = ec2.describe_instance_types(InstanceTypes=["m1.small"])["InstanceTypes"]
    assert (kind["CurrentGeneration"], kind["Hypervisor"]) == (False, "xen")


def test_a_terminated_instance_keeps_nothing(ec2, launch):
    instance = launch()["InstanceId"]
    ec2.terminate_instances(InstanceIds=[instance])
    gone = describe(ec2, instance)
    assert gone["SecurityGroups"] == gone["NetworkInterfaces"] == gone["BlockDeviceMappings"] == []
    assert not {"VpcId", "SubnetId", "PrivateIpAddress"} & gone.keys()


@pytest.mark.parametrize("ending", ["shutdown -h now", "/sbin/poweroff", "systemctl poweroff"])
@pytest.mark.parametrize(("behavior", "state"), [("stop", "stopped"), ("terminate", "terminated")])
def test_a_machine_powers_itself_off(sim, ec2, launch, ending, behavior, state):
    data = f"#!/bin/sh\nsleep 60\n{ending}\n"
    instance = launch(UserData=data, InstanceInitiatedShutdownBehavior=behavior)["InstanceId"]
    assert describe(ec2, instance)["State"]["Name"] == "running"
    sim.advance(61)
    ended = describe(ec2, instance)
    assert ended["State"]["Name"] == state
    assert ended["StateReason"]["Code"] == "Client.InstanceInitiatedShutdown"


def test_a_machine_writes_to_its_console(ec2, launch):
    instance = launch(UserData="#!/bin/sh\necho 'made ready' > /dev/console\n")["InstanceId"]
    assert "made ready" in ec2.get_console_output(InstanceId=instance, Latest=True)["Output"]


def test_what_has_no_tags_shows_none(ec2, launch, make_image):
    made = image(ec2, make_image())
    snapshot = made["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    [snapshot] = ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"]
    [vpc] = ec2.describe_vpcs()["Vpcs"]
    for resource in (made, snapshot, vpc, launch(), *ec2.describe_volumes()["Volumes"]):
        assert "Tags" not in resource


def test_a_group_by_name_needs_the_default_network(ec2, launch):
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    assert launch(SecurityGroups=["default"])["SecurityGroups"][0]["GroupName"] == "default"
    refused("InvalidParameterCombination", launch, SubnetId=subnet, SecurityGroups=["default"])
