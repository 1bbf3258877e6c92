"""Network interfaces of a launch."""

import pytest
from conftest import refused

TWO = {"NetworkInterfaces": [{"DeviceIndex": 1, "Description": "second"}, {"DeviceIndex": 0, "Description": "first"}]}


def interfaces(ec2, instance):
    found = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    return found["NetworkInterfaces"]


def test_interfaces_are_attached_in_the_order_of_their_index(ec2, launch):
    launched = launch(**TWO)
    for shown in (launched["NetworkInterfaces"], interfaces(ec2, launched["InstanceId"])):
        assert [it["Attachment"]["DeviceIndex"] for it in shown] == [0, 1]
        assert [it["Description"] for it in shown] == ["first", "second"]
    first, second = interfaces(ec2, launched["InstanceId"])
    assert launched["PrivateIpAddress"] == first["PrivateIpAddress"] != second["PrivateIpAddress"]
    assert first["MacAddress"] != second["MacAddress"]
    assert "Association" not in first
    filters = [{"Name": "attachment.instance-id", "Values": [launched["InstanceId"]]}]
    found = ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
    assert {it["NetworkInterfaceId"] for it in found} == {first["NetworkInterfaceId"], second["NetworkInterfaceId"]}


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ([{"Description": "no index"}], "MissingParameter"),
        ([{"DeviceIndex": 0}, {"DeviceIndex": 0}], "InvalidParameterCombination"),
        ([{"DeviceIndex": 1}], "InvalidParameterCombination"),
        ([{"DeviceIndex": 0, "AssociatePublicIpAddress": True}, {"DeviceIndex": 1}], "InvalidParameterCombination"),
        ([{"DeviceIndex": index} for index in range(3)], "AttachmentLimitExceeded"),
        ([{"DeviceIndex": 0, "SecondaryPrivateIpAddressCount": 2}], "PrivateIpAddressLimitExceeded"),
    ],
)
def test_interfaces_that_cannot_be(launch, wanted, code):
    refused(code, launch, NetworkInterfaces=wanted)


def test_secondary_addresses(ec2, launch):
    wanted = {"DeviceIndex": 0, "SecondaryPrivateIpAddressCount": 3}
    [shown] = launch(InstanceType="m5.large", NetworkInterfaces=[wanted])["NetworkInterfaces"]
    assert [it["Primary"] for it in shown["PrivateIpAddresses"]] == [True, False, False, False]
    assert len({it["PrivateIpAddress"] for it in shown["PrivateIpAddresses"]}) == 4
    last = shown["PrivateIpAddresses"][3]["PrivateIpAddress"]
    filters = [{"Name": "addresses.private-ip-address", "Values": [last]}]
    [found] = ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
    assert found["NetworkInterfaceId"] == shown["NetworkInterfaceId"]


def test_an_interface_can_stay_behind(ec2, launch):
    wanted = [{"DeviceIndex": 0, "DeleteOnTermination": False}, {"DeviceIndex": 1}]
    launched = launch(NetworkInterfaces=wanted)
    kept = launched["NetworkInterfaces"][0]["NetworkInterfaceId"]
    assert [it["Attachment"]["DeleteOnTermination"] for it in launched["NetworkInterfaces"]] == [False, True]
    refused("InvalidNetworkInterface.InUse", ec2.delete_network_interface, NetworkInterfaceId=kept)
    ec2.terminate_instances(InstanceIds=[launched["InstanceId"]])
    [found] = ec2.describe_network_interfaces()["NetworkInterfaces"]
    assert (found["NetworkInterfaceId"], found["Status"], "Attachment" in found) == (kept, "available", False)
    ec2.delete_network_interface(NetworkInterfaceId=kept)
    assert ec2.describe_network_interfaces()["NetworkInterfaces"] == []


def test_every_interface_takes_the_tags_of_the_launch(ec2, launch):
    specification = {"ResourceType": "network-interface", "Tags": [{"Key": "a", "Value": "1"}]}
    second = launch(TagSpecifications=[specification], **TWO)["NetworkInterfaces"][1]["NetworkInterfaceId"]
    ec2.create_tags(Resources=[second], Tags=[{"Key": "b", "Value": "2"}])
    [found] = ec2.describe_network_interfaces(Filters=[{"Name": "tag:b", "Values": ["2"]}])["NetworkInterfaces"]
    assert {tag["Key"]: tag["Value"] for tag in found["TagSet"]} == {"a": "1", "b": "2"}
