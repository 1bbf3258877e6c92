"""Security groups and their rules."""

import pytest
from conftest import refused, tags_of

SSH = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "in"}]}


@pytest.fixture
def group(ec2):
    return ec2.create_security_group(GroupName="builders", Description="for builders")["GroupId"]


def described(ec2, group):
    return ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]


def test_a_new_group_allows_all_egress_and_no_ingress(ec2, group, account):
    found = described(ec2, group)
    assert found["GroupName"] == "builders"
    assert found["Description"] == "for builders"
    assert found["OwnerId"] == account
    assert found["VpcId"] == ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    assert found["IpPermissions"] == []
    [egress] = found["IpPermissionsEgress"]
    assert egress["IpProtocol"] == "-1"
    assert egress["IpRanges"] == [{"CidrIp": "0.0.0.0/0"}]


def test_a_group_is_tagged_at_creation(ec2):
    specification = {"ResourceType": "security-group", "Tags": [{"Key": "a", "Value": "1"}]}
    made = ec2.create_security_group(GroupName="g", Description="d", TagSpecifications=[specification])
    assert made["Tags"] == [{"Key": "a", "Value": "1"}]
    assert made["SecurityGroupArn"].endswith(f"security-group/{made['GroupId']}")
    assert tags_of(described(ec2, made["GroupId"])) == {"a": "1"}


def test_the_default_group_refers_to_itself(ec2):
    filters = [{"Name": "group-name", "Values": ["default"]}]
    [default] = ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
    [ingress] = default["IpPermissions"]
    assert ingress["UserIdGroupPairs"][0]["GroupId"] == default["GroupId"]


def test_names_are_unique_in_a_vpc(ec2, group):
    refused("InvalidGroup.Duplicate", ec2.create_security_group, GroupName="builders", Description="again")


def test_the_default_name_is_reserved(ec2):
    refused("InvalidGroup.Reserved", ec2.create_security_group, GroupName="default", Description="d")


def test_names_and_descriptions_are_checked(ec2):
    refused("InvalidParameterValue", ec2.create_security_group, GroupName="sg-mine", Description="d")
    refused("InvalidParameterValue", ec2.create_security_group, GroupName="x" * 256, Description="d")
    refused("MissingParameter", ec2.create_security_group, GroupName="g", Description="")
    refused("InvalidVpcID.NotFound", ec2.create_security_group, GroupName="g", Description="d", VpcId="vpc-0123456789abcdef0")


def test_groups_are_found_by_name_and_filters(ec2, group):
    [by_name] = ec2.describe_security_groups(GroupNames=["builders"])["SecurityGroups"]
    assert by_name["GroupId"] == group
    for name, value in [("group-id", group), ("description", "for *"), ("group-name", "build*")]:
        found = ec2.describe_security_groups(Filters=[{"Name": name, "Values": [value]}])
        assert [g["GroupId"] for g in found["SecurityGroups"]] == [group]


def test_groups_are_found_by_their_rules(ec2, group):
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[SSH])
    filters = [
        {"Name": "ip-permission.from-port", "Values": ["22"]},
        {"Name": "ip-permission.cidr", "Values": ["10.0.0.0/8"]},
    ]
    [found] = ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
    assert found["GroupId"] == group


def test_unknown_groups_are_refused(ec2):
    refused("InvalidGroup.NotFound", ec2.describe_security_groups, GroupIds=["sg-0123456789abcdef0"])
    refused("InvalidGroup.NotFound", ec2.describe_security_groups, GroupNames=["absent"])
    refused("InvalidGroupId.Malformed", ec2.describe_security_groups, GroupIds=["nonsense"])
    refused("InvalidGroup.NotFound", ec2.delete_security_group, GroupId="sg-0123456789abcdef0")


def test_an_ingress_rule_is_added_and_removed(ec2, group):
    reply = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[SSH])
    [rule] = reply["SecurityGroupRules"]
    assert reply["Return"] is True
    assert rule["SecurityGroupRuleId"].startswith("sgr-")
    assert (rule["IsEgress"], rule["FromPort"], rule["CidrIpv4"]) == (False, 22, "10.0.0.0/8")
    assert rule["Description"] == "in"
    assert described(ec2, group)["IpPermissions"][0]["IpRanges"] == SSH["IpRanges"]
    assert ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[SSH])["Return"] is True
    assert described(ec2, group)["IpPermissions"] == []


def test_rules_of_one_port_range_are_shown_together(ec2, group):
    other = SSH | {"IpRanges": [{"CidrIp": "192.168.0.0/16"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[SSH, other])
    [permission] = described(ec2, group)["IpPermissions"]
    assert {r["CidrIp"] for r in permission["IpRanges"]} == {"10.0.0.0/8", "192.168.0.0/16"}


def test_a_rule_by_plain_parameters(ec2, group):
    ec2.authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=443, ToPort=443, CidrIp="0.0.0.0/0"
    )
    assert described(ec2, group)["IpPermissions"][0]["FromPort"] == 443


def test_a_rule_can_refer_to_a_group_or_ipv6(ec2, group):
    permissions = [
        {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "UserIdGroupPairs": [{"GroupId": group}]},
        {"IpProtocol": "tcp", "FromPort": 3, "ToPort": 4, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]},
    ]
    rules = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=permissions)
    by_port = {r["FromPort"]: r for r in rules["SecurityGroupRules"]}
    assert by_port[1]["ReferencedGroupInfo"]["GroupId"] == group
    assert by_port[3]["CidrIpv6"] == "::/0"


def test_a_duplicate_rule_is_refused(ec2, group):
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[SSH])
    refused(
        "InvalidPermission.Duplicate", ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[SSH]
    )


def test_address_ranges_are_made_canonical(ec2, group):
    loose = SSH | {"IpRanges": [{"CidrIp": "100.68.0.18/18"}]}
    [rule] = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[loose])["SecurityGroupRules"]
    assert rule["CidrIpv4"] == "100.68.0.0/18"
    strict = SSH | {"IpRanges": [{"CidrIp": "100.68.0.0/18"}]}
    refused(
        "InvalidPermission.Duplicate", ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[strict]
    )


def test_a_rule_by_the_name_of_a_group(ec2, group):
    ec2.authorize_security_group_ingress(GroupId=group, SourceSecurityGroupName="default")
    [permission] = described(ec2, group)["IpPermissions"]
    assert permission["IpProtocol"] == "-1"
    assert permission["UserIdGroupPairs"][0]["GroupId"].startswith("sg-")


def test_revoking_an_absent_rule_of_a_default_vpc_names_it_as_unknown(ec2, group):
    reply = ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[SSH])
    assert (reply["Return"], reply["RevokedSecurityGroupRules"]) == (True, [])
    [unknown] = reply["UnknownIpPermissions"]
    assert (unknown["FromPort"], unknown["IpRanges"][0]["CidrIp"]) == (22, "10.0.0.0/8")
    reply = ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[SSH])
    assert (reply["Return"], len(reply["UnknownIpPermissions"])) == (True, 1)


def test_a_known_rule_is_revoked_beside_an_unknown_one(ec2, group):
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[SSH])
    other = SSH | {"FromPort": 80, "ToPort": 80}
    reply = ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[SSH, other])
    assert [r["FromPort"] for r in reply["RevokedSecurityGroupRules"]] == [22]
    assert [p["FromPort"] for p in reply["UnknownIpPermissions"]] == [80]
    assert described(ec2, group)["IpPermissions"] == []


def test_a_rule_is_revoked_by_its_id(ec2, group):
    made = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[SSH])
    rule = made["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[rule])
    assert described(ec2, group)["IpPermissions"] == []
    refused(
        "InvalidSecurityGroupRuleId.NotFound",
        ec2.revoke_security_group_ingress,
        GroupId=group,
        SecurityGroupRuleIds=["sgr-0123456789abcdef0"],
    )


def test_egress_rules_are_separate(ec2, group):
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    refused(
        "InvalidPermission.Duplicate", ec2.authorize_security_group_egress, GroupId=group, IpPermissions=[everything]
    )
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[everything])
    [rule] = ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[SSH])["SecurityGroupRules"]
    assert rule["IsEgress"] is True
    assert [p["FromPort"] for p in described(ec2, group)["IpPermissionsEgress"]] == [22]


@pytest.mark.parametrize(
    "permission",
    [
        SSH | {"IpRanges": [{"CidrIp": "not-a-cidr"}]},
        SSH | {"IpRanges": [{"CidrIp": "10.0.0.0/40"}]},
        SSH | {"FromPort": 70000, "ToPort": 70000},
        SSH | {"FromPort": 30, "ToPort": 20},
        SSH | {"IpProtocol": "nonsense"},
    ],
)
def test_malformed_rules_are_refused(ec2, group, permission):
    refused(
        ("InvalidParameterValue", "InvalidPermission.Malformed"),
        ec2.authorize_security_group_ingress,
        GroupId=group,
        IpPermissions=[permission],
    )


def test_authorizing_an_unknown_group_is_refused(ec2):
    refused(
        "InvalidGroup.NotFound",
        ec2.authorize_security_group_ingress,
        GroupId="sg-0123456789abcdef0",
        IpPermissions=[SSH],
    )


def test_a_group_is_deleted_by_id_and_by_name(ec2, group):
    ec2.delete_security_group(GroupId=group)
    refused("InvalidGroup.NotFound", ec2.describe_security_groups, GroupIds=[group])
    ec2.create_security_group(GroupName="again", Description="d")
    ec2.delete_security_group(GroupName="again")
    refused("InvalidGroup.NotFound", ec2.describe_security_groups, GroupNames=["again"])


def test_the_default_group_cannot_be_deleted(ec2):
    default = ec2.describe_security_groups(GroupNames=["default"])["SecurityGroups"][0]["GroupId"]
    refused("CannotDelete", ec2.delete_security_group, GroupId=default)


def test_a_group_of_an_instance_cannot_be_deleted_until_it_is_gone(ec2, launch, group):
    instance = launch(SecurityGroupIds=[group])["InstanceId"]
    refused("DependencyViolation", ec2.delete_security_group, GroupId=group)
    ec2.terminate_instances(InstanceIds=[instance])
    ec2.delete_security_group(GroupId=group)


def test_a_group_another_refers_to_cannot_be_deleted(ec2, group):
    other = ec2.create_security_group(GroupName="other", Description="d")["GroupId"]
    pair = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "UserIdGroupPairs": [{"GroupId": group}]}
    ec2.authorize_security_group_ingress(GroupId=other, IpPermissions=[pair])
    refused(("DependencyViolation", "InvalidGroup.InUse"), ec2.delete_security_group, GroupId=group)


def test_groups_dry_run(ec2, group):
    refused("DryRunOperation", ec2.create_security_group, GroupName="n", Description="d", DryRun=True)
    refused("DryRunOperation", ec2.delete_security_group, GroupId=group, DryRun=True)


def test_rules_are_described_by_themselves(ec2, group):
    made = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[SSH])["SecurityGroupRules"][0]
    rule = made["SecurityGroupRuleId"]
    [found] = ec2.describe_security_group_rules(SecurityGroupRuleIds=[rule])["SecurityGroupRules"]
    assert (found["GroupId"], found["CidrIpv4"], found["IsEgress"]) == (group, "10.0.0.0/8", False)
    filters = [{"Name": "group-id", "Values": [group]}]
    assert len(ec2.describe_security_group_rules(Filters=filters)["SecurityGroupRules"]) == 2
    refused(
        "InvalidSecurityGroupRuleId.NotFound",
        ec2.describe_security_group_rules,
        SecurityGroupRuleIds=["sgr-0123456789abcdef0"],
    )


def test_names_that_differ_in_case_are_the_same(ec2):
    ec2.create_security_group(GroupName="Web", Description="one")
    refused("InvalidGroup.Duplicate", ec2.create_security_group, GroupName="wEB", Description="two")
