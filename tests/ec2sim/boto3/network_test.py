"""What comes with a VPC, and what there is none of."""

import pytest
from conftest import refused


@pytest.fixture
def vpc(ec2):
    return ec2.describe_vpcs()["Vpcs"][0]


def test_the_main_route_table_leads_to_the_internet_gateway(ec2, vpc):
    filters = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}, {"Name": "association.main", "Values": ["true"]}]
    [table] = ec2.describe_route_tables(Filters=filters)["RouteTables"]
    [gateway] = ec2.describe_internet_gateways()["InternetGateways"]
    routes = {route["DestinationCidrBlock"]: route["GatewayId"] for route in table["Routes"]}
    assert routes == {"172.31.0.0/16": "local", "0.0.0.0/0": gateway["InternetGatewayId"]}
    assert gateway["Attachments"] == [{"VpcId": vpc["VpcId"], "State": "available"}]
    assert ec2.describe_route_tables(RouteTableIds=[table["RouteTableId"]])["RouteTables"] == [table]


def test_subnets_have_no_route_table_of_their_own(ec2):
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    filters = [{"Name": "association.subnet-id", "Values": [subnet]}]
    assert ec2.describe_route_tables(Filters=filters)["RouteTables"] == []


def test_the_default_acl_holds_every_subnet(ec2, vpc):
    filters = [{"Name": "default", "Values": ["true"]}, {"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
    [acl] = ec2.describe_network_acls(Filters=filters)["NetworkAcls"]
    subnets = {subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]}
    assert {association["SubnetId"] for association in acl["Associations"]} == subnets
    rules = {(entry["Egress"], entry["RuleNumber"]): entry["RuleAction"] for entry in acl["Entries"]}
    both = [(100, "allow"), (32767, "deny")]
    assert rules == {(egress, number): action for egress in (True, False) for number, action in both}


def test_dhcp_options_are_those_that_the_vpc_names(ec2, ec2_eu, vpc):
    [options] = ec2.describe_dhcp_options(DhcpOptionsIds=[vpc["DhcpOptionsId"]])["DhcpOptions"]
    shown = {one["Key"]: [value["Value"] for value in one["Values"]] for one in options["DhcpConfigurations"]}
    assert shown == {"domain-name": ["ec2.internal"], "domain-name-servers": ["AmazonProvidedDNS"]}
    filters = [{"Name": "value", "Values": ["eu-west-1.compute.internal"]}]
    assert len(ec2_eu.describe_dhcp_options(Filters=filters)["DhcpOptions"]) == 1


def test_what_comes_with_a_vpc_can_be_tagged(ec2):
    table = ec2.describe_route_tables()["RouteTables"][0]["RouteTableId"]
    ec2.create_tags(Resources=[table], Tags=[{"Key": "Name", "Value": "main"}])
    [found] = ec2.describe_route_tables(Filters=[{"Name": "tag:Name", "Values": ["main"]}])["RouteTables"]
    assert found["Tags"] == [{"Key": "Name", "Value": "main"}]
    [tag] = ec2.describe_tags(Filters=[{"Name": "resource-type", "Values": ["route-table"]}])["Tags"]
    assert tag["ResourceId"] == table


@pytest.mark.parametrize(
    ("call", "arguments", "code"),
    [
        ("describe_route_tables", {"RouteTableIds": ["rtb-0123456789abcdef0"]}, "InvalidRouteTableID.NotFound"),
        (
            "describe_internet_gateways",
            {"InternetGatewayIds": ["igw-0123456789abcdef0"]},
            "InvalidInternetGatewayID.NotFound",
        ),
        ("describe_network_acls", {"NetworkAclIds": ["acl-0123456789abcdef0"]}, "InvalidNetworkAclID.NotFound"),
        ("describe_dhcp_options", {"DhcpOptionsIds": ["dopt-0123456789abcdef0"]}, "InvalidDhcpOptionID.NotFound"),
        ("describe_addresses", {"PublicIps": ["192.0.2.1"]}, "InvalidAddress.NotFound"),
        (
            "describe_addresses",
            {"AllocationIds": ["eipalloc-0123456789abcdef0"]},
            "InvalidAllocationID.NotFound",
        ),
        ("describe_nat_gateways", {"NatGatewayIds": ["nat-0123456789abcdef0"]}, "NatGatewayNotFound"),
        ("describe_placement_groups", {"GroupNames": ["absent"]}, "InvalidPlacementGroup.Unknown"),
        ("describe_vpc_endpoints", {"VpcEndpointIds": ["vpce-0123456789abcdef0"]}, "InvalidVpcEndpointId.NotFound"),
        ("describe_route_tables", {"Filters": [{"Name": "taste", "Values": ["x"]}]}, "InvalidParameterValue"),
        ("describe_addresses", {"Filters": [{"Name": "taste", "Values": ["x"]}]}, "InvalidParameterValue"),
    ],
)
def test_what_is_not_there(ec2, call, arguments, code):
    refused(code, getattr(ec2, call), **arguments)


@pytest.mark.parametrize(
    ("call", "found"),
    [
        ("describe_addresses", "Addresses"),
        ("describe_placement_groups", "PlacementGroups"),
        ("describe_managed_prefix_lists", "PrefixLists"),
        ("describe_prefix_lists", "PrefixLists"),
        ("describe_nat_gateways", "NatGateways"),
        ("describe_vpc_endpoints", "VpcEndpoints"),
    ],
)
def test_there_are_none(ec2, call, found):
    assert getattr(ec2, call)()[found] == []


def test_subnets_by_the_names_of_their_instances(ec2):
    kind = {"Name": "private-dns-name-options-on-launch.hostname-type", "Values": ["ip-name"]}
    record = {"Name": "private-dns-name-options-on-launch.enable-resource-name-dns-a-record", "Values": ["false"]}
    assert ec2.describe_subnets(Filters=[kind, record])["Subnets"] == ec2.describe_subnets()["Subnets"]
