"""CreateTags, DeleteTags, DescribeTags and the rules of tags at creation."""

import pytest
from conftest import refused, tags_of


@pytest.fixture
def instance(launch):
    return launch()["InstanceId"]


def tags(ec2, resource):
    filters = [{"Name": "resource-id", "Values": [resource]}]
    return {t["Key"]: t["Value"] for t in ec2.describe_tags(Filters=filters)["Tags"]}


def test_tags_are_added_and_overwritten(ec2, instance):
    ec2.create_tags(Resources=[instance], Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}])
    ec2.create_tags(Resources=[instance], Tags=[{"Key": "a", "Value": "2"}])
    assert tags(ec2, instance) == {"a": "2", "b": ""}


def test_tags_show_on_the_resource(ec2, instance):
    ec2.create_tags(Resources=[instance], Tags=[{"Key": "a", "Value": "1"}])
    found = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    assert tags_of(found) == {"a": "1"}


def test_several_resources_are_tagged_at_once(ec2, launch):
    ids = [launch()["InstanceId"], ec2.describe_vpcs()["Vpcs"][0]["VpcId"]]
    ec2.create_tags(Resources=ids, Tags=[{"Key": "a", "Value": "1"}])
    found = ec2.describe_tags(Filters=[{"Name": "key", "Values": ["a"]}])["Tags"]
    assert {(t["ResourceId"], t["ResourceType"]) for t in found} == {(ids[0], "instance"), (ids[1], "vpc")}


def test_a_tag_is_deleted_whatever_its_value(ec2, instance):
    ec2.create_tags(Resources=[instance], Tags=[{"Key": "a", "Value": "1"}])
    ec2.delete_tags(Resources=[instance], Tags=[{"Key": "a"}])
    assert tags(ec2, instance) == {}


def test_a_tag_with_another_value_stays(ec2, instance):
    ec2.create_tags(Resources=[instance], Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "x"}])
    ec2.delete_tags(Resources=[instance], Tags=[{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "x"}])
    assert tags(ec2, instance) == {"a": "1"}


def test_an_empty_value_deletes_only_an_empty_tag(ec2, instance):
    ec2.create_tags(Resources=[instance], Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}])
    ec2.delete_tags(Resources=[instance], Tags=[{"Key": "a", "Value": ""}, {"Key": "b", "Value": ""}])
    assert tags(ec2, instance) == {"a": "1"}


def test_without_tags_all_are_deleted(ec2, instance):
    ec2.create_tags(Resources=[instance], Tags=[{"Key": k, "Value": "1"} for k in "abc"])
    ec2.delete_tags(Resources=[instance])
    assert tags(ec2, instance) == {}


def test_deleting_an_absent_tag_succeeds(ec2, instance):
    ec2.delete_tags(Resources=[instance], Tags=[{"Key": "absent"}])


def test_tags_are_found_by_each_filter(ec2, instance):
    ec2.create_tags(Resources=[instance], Tags=[{"Key": "team", "Value": "blue"}])
    for name, value in {
        "key": "te*",
        "value": "bl?e",
        "resource-type": "instance",
        "resource-id": instance,
        "tag:team": "blue",
    }.items():
        found = ec2.describe_tags(Filters=[{"Name": name, "Values": [value]}])["Tags"]
        assert found == [
            {"Key": "team", "Value": "blue", "ResourceId": instance, "ResourceType": "instance"}
        ], name


def test_an_unknown_tag_filter_is_refused(ec2):
    refused("InvalidParameterValue", ec2.describe_tags, Filters=[{"Name": "colour", "Values": ["x"]}])


def test_tags_are_paged(ec2, instance):
    ec2.create_tags(Resources=[instance], Tags=[{"Key": f"k{i:02}", "Value": "1"} for i in range(12)])
    first = ec2.describe_tags(MaxResults=5)
    assert len(first["Tags"]) == 5
    pages = ec2.get_paginator("describe_tags").paginate(PaginationConfig={"PageSize": 5})
    assert len([t for page in pages for t in page["Tags"]]) == 12


def test_a_page_of_fewer_than_five_is_refused(ec2):
    refused(("InvalidParameterValue", "InvalidMaxResults"), ec2.describe_tags, MaxResults=4)


def test_a_reserved_prefix_is_refused(ec2, instance):
    refused(
        ("InvalidParameterValue", "InvalidTagKey.Malformed"),
        ec2.create_tags,
        Resources=[instance],
        Tags=[{"Key": "aws:mine", "Value": "1"}],
    )


def test_fifty_tags_are_the_limit(ec2, instance):
    ec2.create_tags(Resources=[instance], Tags=[{"Key": f"k{i}", "Value": ""} for i in range(50)])
    refused("TagLimitExceeded", ec2.create_tags, Resources=[instance], Tags=[{"Key": "x", "Value": ""}])
    ec2.create_tags(Resources=[instance], Tags=[{"Key": "k1", "Value": "again"}])


def test_over_long_keys_and_values_are_refused(ec2, instance):
    long_key, long_value = {"Key": "k" * 129, "Value": ""}, {"Key": "k", "Value": "v" * 257}
    for tag in (long_key, long_value):
        refused("InvalidParameterValue", ec2.create_tags, Resources=[instance], Tags=[tag])


@pytest.mark.parametrize(
    ("resource", "code"),
    [
        ("i-0123456789abcdef0", "InvalidInstanceID.NotFound"),
        ("ami-0123456789abcdef0", "InvalidAMIID.NotFound"),
        ("snap-0123456789abcdef0", "InvalidSnapshot.NotFound"),
        ("vol-0123456789abcdef0", "InvalidVolume.NotFound"),
        ("sg-0123456789abcdef0", ("InvalidGroup.NotFound", "InvalidSecurityGroupID.NotFound")),
        ("subnet-0123456789abcdef0", "InvalidSubnetID.NotFound"),
        ("vpc-0123456789abcdef0", "InvalidVpcID.NotFound"),
        ("nonsense", "InvalidID"),
    ],
)
def test_tagging_what_does_not_exist_is_refused(ec2, resource, code):
    refused(code, ec2.create_tags, Resources=[resource], Tags=[{"Key": "a", "Value": "1"}])


def test_interfaces_and_rules_are_tagged_as_everything_else(ec2, launch):
    interface = launch()["NetworkInterfaces"][0]["NetworkInterfaceId"]
    group = ec2.create_security_group(GroupName="tagged", Description="tagged")["GroupId"]
    made = ec2.authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="10.0.0.0/8"
    )
    rule = made["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    ec2.create_tags(Resources=[interface, rule], Tags=[{"Key": "a", "Value": "1"}])
    found = ec2.describe_tags(Filters=[{"Name": "key", "Values": ["a"]}])["Tags"]
    assert {(t["ResourceId"], t["ResourceType"]) for t in found} == {
        (interface, "network-interface"),
        (rule, "security-group-rule"),
    }
    ec2.delete_tags(Resources=[interface, rule])
    assert tags(ec2, interface) == tags(ec2, rule) == {}


def test_one_unknown_resource_spoils_the_whole_call(ec2, instance):
    refused(
        "InvalidAMIID.NotFound",
        ec2.create_tags,
        Resources=[instance, "ami-0123456789abcdef0"],
        Tags=[{"Key": "a", "Value": "1"}],
    )
    assert tags(ec2, instance) == {}


def test_a_dry_run_changes_nothing(ec2, instance):
    tag = [{"Key": "a", "Value": "1"}]
    refused("DryRunOperation", ec2.create_tags, Resources=[instance], Tags=tag, DryRun=True)
    assert tags(ec2, instance) == {}


def test_a_shared_image_cannot_be_tagged_with_the_owners_tags(ec2, second, make_image):
    mine = make_image()
    ec2.create_tags(Resources=[mine], Tags=[{"Key": "mine", "Value": "1"}])
    ec2.modify_image_attribute(
        ImageId=mine, LaunchPermission={"Add": [{"UserId": "222222222222"}]}
    )
    [seen] = second.describe_images(ImageIds=[mine])["Images"]
    assert tags_of(seen) == {}


def test_a_shared_image_is_tagged_for_oneself(ec2, second, make_image):
    mine = make_image()
    ec2.create_tags(Resources=[mine], Tags=[{"Key": "Name", "Value": "owner"}])
    ec2.modify_image_attribute(
        ImageId=mine, LaunchPermission={"Add": [{"UserId": "222222222222"}]}
    )
    second.create_tags(Resources=[mine], Tags=[{"Key": "Name", "Value": "guest"}])
    for client, name in [(ec2, "owner"), (second, "guest")]:
        filters = [{"Name": "tag:Name", "Values": [name]}]
        [seen] = client.describe_images(Filters=filters)["Images"]
        assert (seen["ImageId"], tags_of(seen)) == (mine, {"Name": name})
        assert [tag["Value"] for tag in client.describe_tags()["Tags"]] == [name]
    second.delete_tags(Resources=[mine], Tags=[{"Key": "Name"}])
    assert second.describe_tags()["Tags"] == []
    assert tags_of(ec2.describe_images(ImageIds=[mine])["Images"][0]) == {"Name": "owner"}


def test_a_public_image_is_tagged_for_oneself(ec2, second, base_ami):
    ec2.create_tags(Resources=[base_ami], Tags=[{"Key": "mine", "Value": "1"}])
    assert tags_of(ec2.describe_images(ImageIds=[base_ami])["Images"][0]) == {"mine": "1"}
    assert tags_of(second.describe_images(ImageIds=[base_ami])["Images"][0]) == {}


def test_an_image_that_is_not_shared_cannot_be_tagged(second, make_image):
    tag = [{"Key": "a", "Value": "1"}]
    refused("InvalidAMIID.NotFound", second.create_tags, Resources=[make_image()], Tags=tag)


@pytest.mark.parametrize("kind", ["image", "snapshot", "volcano"])
def test_a_launch_refuses_tags_of_other_types(launch, kind):
    with pytest.raises(Exception, match="InvalidParameterValue"):
        launch(TagSpecifications=[{"ResourceType": kind, "Tags": [{"Key": "a", "Value": "1"}]}])


def test_a_launch_tags_instance_and_volumes(ec2, launch):
    specifications = [
        {"ResourceType": "instance", "Tags": [{"Key": "who", "Value": "i"}]},
        {"ResourceType": "volume", "Tags": [{"Key": "who", "Value": "v"}]},
    ]
    instance = launch(TagSpecifications=specifications)
    assert tags_of(instance) == {"who": "i"}
    filters = [{"Name": "attachment.instance-id", "Values": [instance["InstanceId"]]}]
    [volume] = ec2.describe_volumes(Filters=filters)["Volumes"]
    assert tags_of(volume) == {"who": "v"}


def test_resources_are_found_by_tag_filters(ec2, launch):
    specification = {"ResourceType": "instance", "Tags": [{"Key": "Owner", "Value": "TeamA"}]}
    instance = launch(TagSpecifications=[specification])["InstanceId"]
    for name, value, hit in [
        ("tag:Owner", "TeamA", True),
        ("tag:Owner", "Team?", True),
        ("tag:owner", "TeamA", False),
        ("tag-key", "Owner", True),
        ("tag-key", "Own*", True),
        ("tag-key", "Other", False),
    ]:
        found = ec2.describe_instances(Filters=[{"Name": name, "Values": [value]}])["Reservations"]
        assert [i["InstanceId"] for r in found for i in r["Instances"]] == ([instance] if hit else []), name
