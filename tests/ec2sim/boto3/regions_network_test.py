"""Regions, zones, VPCs and subnets."""

from conftest import refused


def test_only_enabled_regions_are_listed(ec2):
    regions = {r["RegionName"]: r for r in ec2.describe_regions()["Regions"]}
    assert {"us-east-1", "eu-west-1", "ap-southeast-2"} <= set(regions)
    assert regions["us-east-1"]["Endpoint"] == "ec2.us-east-1.amazonaws.com"
    assert regions["us-east-1"]["OptInStatus"] == "opt-in-not-required"
    assert "not-opted-in" not in {r["OptInStatus"] for r in regions.values()}


def test_all_regions_includes_those_not_opted_in(ec2):
    regions = ec2.describe_regions(AllRegions=True)["Regions"]
    assert "not-opted-in" in {r["OptInStatus"] for r in regions}
    assert len(regions) > len(ec2.describe_regions()["Regions"])


def test_regions_by_name(ec2):
    regions = ec2.describe_regions(RegionNames=["eu-west-1"])["Regions"]
    assert [r["RegionName"] for r in regions] == ["eu-west-1"]


def test_an_unknown_region_name_is_refused(ec2):
    assert "mars" in refused("InvalidParameterValue", ec2.describe_regions, RegionNames=["mars-1"])


def test_regions_filter_by_opt_in_status_and_endpoint(ec2):
    by_status = [{"Name": "opt-in-status", "Values": ["not-opted-in"]}]
    found = ec2.describe_regions(AllRegions=True, Filters=by_status)["Regions"]
    assert found and {r["OptInStatus"] for r in found} == {"not-opted-in"}
    by_endpoint = [{"Name": "endpoint", "Values": ["*eu-west-1*"]}]
    found = ec2.describe_regions(Filters=by_endpoint)["Regions"]
    assert [r["RegionName"] for r in found] == ["eu-west-1"]


def test_an_unknown_region_filter_is_refused(ec2):
    refused("InvalidParameterValue", ec2.describe_regions, Filters=[{"Name": "no", "Values": ["x"]}])


def test_zones_of_a_region(ec2):
    zones = ec2.describe_availability_zones()["AvailabilityZones"]
    assert [z["ZoneName"] for z in zones][:3] == ["us-east-1a", "us-east-1b", "us-east-1c"]
    for zone in zones:
        assert zone["State"] == "available"
        assert zone["RegionName"] == "us-east-1"
        assert zone["ZoneType"] == "availability-zone"
        assert zone["OptInStatus"] == "opt-in-not-required"
        assert zone["ZoneId"].startswith("use1-az")
        assert zone["NetworkBorderGroup"] == "us-east-1"


def test_zones_by_name_id_and_filter(ec2):
    by_name = ec2.describe_availability_zones(ZoneNames=["us-east-1b"])["AvailabilityZones"]
    by_id = ec2.describe_availability_zones(ZoneIds=[by_name[0]["ZoneId"]])["AvailabilityZones"]
    assert by_name == by_id
    filters = [{"Name": "zone-name", "Values": ["us-east-1?"]}, {"Name": "state", "Values": ["available"]}]
    assert len(ec2.describe_availability_zones(Filters=filters)["AvailabilityZones"]) >= 3


def test_a_zone_of_another_region_is_refused(ec2):
    refused("InvalidParameterValue", ec2.describe_availability_zones, ZoneNames=["eu-west-1a"])


def test_a_default_vpc_exists(ec2, account):
    filters = [{"Name": "is-default", "Values": ["true"]}]
    [vpc] = ec2.describe_vpcs(Filters=filters)["Vpcs"]
    assert vpc["IsDefault"] is True
    assert vpc["CidrBlock"] == "172.31.0.0/16"
    assert vpc["State"] == "available"
    assert vpc["OwnerId"] == account
    assert vpc["InstanceTenancy"] == "default"
    assert vpc["CidrBlockAssociationSet"][0]["CidrBlock"] == "172.31.0.0/16"


def test_vpc_errors(ec2):
    refused("InvalidVpcID.NotFound", ec2.describe_vpcs, VpcIds=["vpc-0123456789abcdef0"])
    refused("InvalidVpcID.Malformed", ec2.describe_vpcs, VpcIds=["nonsense"])
    refused("InvalidParameterValue", ec2.describe_vpcs, Filters=[{"Name": "bad", "Values": ["x"]}])


def test_one_default_subnet_in_each_zone(ec2):
    subnets = ec2.describe_subnets()["Subnets"]
    assert {s["AvailabilityZone"] for s in subnets} >= {"us-east-1a", "us-east-1b", "us-east-1c"}
    for subnet in subnets:
        assert subnet["State"] == "available"
        assert subnet["DefaultForAz"] is True
        assert subnet["MapPublicIpOnLaunch"] is True
        assert subnet["AvailableIpAddressCount"] == 4091
        assert subnet["CidrBlock"].endswith("/20")
        assert subnet["SubnetArn"].endswith(f"subnet/{subnet['SubnetId']}")


def test_subnets_by_filter_and_id(ec2):
    filters = [{"Name": "availability-zone", "Values": ["us-east-1a"]}]
    [subnet] = ec2.describe_subnets(Filters=filters)["Subnets"]
    [same] = ec2.describe_subnets(SubnetIds=[subnet["SubnetId"]])["Subnets"]
    assert same == subnet
    by_vpc = [{"Name": "vpc-id", "Values": [subnet["VpcId"]]}, {"Name": "default-for-az", "Values": ["true"]}]
    assert len(ec2.describe_subnets(Filters=by_vpc)["Subnets"]) >= 3


def test_subnets_are_paged(ec2):
    pages = list(ec2.get_paginator("describe_subnets").paginate(PaginationConfig={"PageSize": 5}))
    everything = ec2.describe_subnets()["Subnets"]
    assert [s for page in pages for s in page["Subnets"]] == everything


def test_subnet_errors(ec2):
    refused("InvalidSubnetID.NotFound", ec2.describe_subnets, SubnetIds=["subnet-0123456789abcdef0"])
    refused("InvalidSubnetID.Malformed", ec2.describe_subnets, SubnetIds=["nonsense"])


def test_a_used_subnet_has_one_free_address_less(ec2, launch):
    subnet = launch()["SubnetId"]
    [found] = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"]
    assert found["AvailableIpAddressCount"] == 4090


def test_a_region_that_is_not_opted_in_refuses_credentials(sim, ec2):
    filters = [{"Name": "opt-in-status", "Values": ["not-opted-in"]}]
    region = ec2.describe_regions(AllRegions=True, Filters=filters)["Regions"][0]["RegionName"]
    refused("AuthFailure", sim.client("ec2", region).describe_images, Owners=["self"])


def test_the_largest_region_has_six_zones(ec2):
    zones = ec2.describe_availability_zones()["AvailabilityZones"]
    assert [z["ZoneName"][-1] for z in zones] == list("abcdef")
    assert {z["ZoneId"] for z in zones} == {f"use1-az{number}" for number in range(1, 7)}
    assert len(ec2.describe_subnets()["Subnets"]) == 6


def test_every_commercial_region_is_there(ec2):
    regions = {r["RegionName"]: r["OptInStatus"] for r in ec2.describe_regions(AllRegions=True)["Regions"]}
    assert len(regions) == 34
    assert list(regions.values()).count("not-opted-in") == 17
    assert regions["mx-central-1"] == regions["ap-southeast-7"] == "not-opted-in"
    assert regions["ap-northeast-3"] == "opt-in-not-required"


def test_the_interface_of_an_instance(ec2, launch):
    instance = launch()
    [own] = instance["NetworkInterfaces"]
    filters = [{"Name": "attachment.instance-id", "Values": [instance["InstanceId"]]}]
    [found] = ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
    assert found["NetworkInterfaceId"] == own["NetworkInterfaceId"]
    assert (found["Status"], found["PrivateIpAddress"]) == ("in-use", instance["PrivateIpAddress"])
    assert found["Attachment"]["InstanceId"] == instance["InstanceId"]
    assert found["AvailabilityZone"] == instance["Placement"]["AvailabilityZone"]
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    refused(
        "InvalidNetworkInterfaceID.NotFound",
        ec2.describe_network_interfaces,
        NetworkInterfaceIds=[own["NetworkInterfaceId"]],
    )


def test_attributes_of_a_vpc_and_the_account(ec2):
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    shown = ec2.describe_vpc_attribute(VpcId=vpc, Attribute="enableDnsHostnames")
    assert shown["EnableDnsHostnames"] == {"Value": True}
    [default] = ec2.describe_account_attributes(AttributeNames=["default-vpc"])["AccountAttributes"]
    assert default["AttributeValues"] == [{"AttributeValue": vpc}]
