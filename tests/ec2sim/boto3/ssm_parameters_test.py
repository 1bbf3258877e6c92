"""Parameter Store."""

import pytest
from conftest import refused


def put(ssm, name="/app/one", value="v", **more):
    return ssm.put_parameter(**({"Name": name, "Value": value, "Type": "String"} | more))


def test_a_parameter_is_stored(ssm, account):
    made = put(ssm)
    assert (made["Version"], made["Tier"]) == (1, "Standard")
    found = ssm.get_parameter(Name="/app/one")["Parameter"]
    assert (found["Name"], found["Type"], found["Value"], found["Version"]) == ("/app/one", "String", "v", 1)
    assert found["DataType"] == "text"
    assert found["ARN"] == f"arn:aws:ssm:us-east-1:{account}:parameter/app/one"
    assert "LastModifiedDate" in found


def test_an_existing_parameter_is_not_overwritten_by_accident(ssm):
    put(ssm)
    refused("ParameterAlreadyExists", ssm.put_parameter, Name="/app/one", Value="w", Type="String")
    assert put(ssm, value="w", Overwrite=True)["Version"] == 2
    assert ssm.get_parameter(Name="/app/one")["Parameter"]["Value"] == "w"


def test_an_overwrite_needs_no_type(ssm):
    put(ssm)
    assert ssm.put_parameter(Name="/app/one", Value="w", Overwrite=True)["Version"] == 2


def test_older_versions_are_read_by_number(ssm):
    put(ssm)
    put(ssm, value="w", Overwrite=True)
    found = ssm.get_parameter(Name="/app/one:1")["Parameter"]
    assert (found["Value"], found["Version"], found["Selector"]) == ("v", 1, ":1")
    refused("ParameterVersionNotFound", ssm.get_parameter, Name="/app/one:9")


def test_an_unknown_parameter_is_refused(ssm):
    refused("ParameterNotFound", ssm.get_parameter, Name="/absent")
    refused("ParameterNotFound", ssm.delete_parameter, Name="/absent")


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({"Name": "no-slash/in-the-middle"}, ("ValidationException", "ParameterPatternMismatchException")),
        ({"Name": "/with space"}, "ValidationException"),
        ({"Name": "aws-mine"}, "ValidationException"),
        ({"Name": "/aws/mine"}, ("AccessDeniedException", "ValidationException")),
        ({"Name": "/a" * 16}, ("HierarchyLevelLimitExceededException", "ValidationException")),
        ({"Value": "x" * 4097}, "ValidationException"),
        ({"Value": "ab", "AllowedPattern": "^[0-9]+$"}, "ParameterPatternMismatchException"),
        ({"DataType": "nonsense"}, "ValidationException"),
        ({"Type": "Number"}, ("ValidationException", "UnsupportedParameterType")),
        ({"Overwrite": True, "Tags": [{"Key": "a", "Value": "1"}]}, "ValidationException"),
    ],
)
def test_malformed_parameters_are_refused(ssm, change, codes):
    request = {"Name": "/app/one", "Value": "v", "Type": "String"}
    refused(codes, ssm.put_parameter, **(request | change))


def test_a_new_parameter_needs_a_type(ssm):
    refused("ValidationException", ssm.put_parameter, Name="/app/one", Value="v")


def test_an_advanced_parameter_is_larger(ssm):
    assert put(ssm, value="x" * 5000, Tier="Advanced")["Tier"] == "Advanced"
    assert put(ssm, "/app/two", "x" * 5000, Tier="Intelligent-Tiering")["Tier"] == "Advanced"


def test_several_parameters_at_once(ssm):
    put(ssm)
    put(ssm, "/app/two")
    found = ssm.get_parameters(Names=["/app/one", "/app/two", "/absent"])
    assert {p["Name"] for p in found["Parameters"]} == {"/app/one", "/app/two"}
    assert found["InvalidParameters"] == ["/absent"]
    refused("ValidationException", ssm.get_parameters, Names=[f"/p{i}" for i in range(11)])


def test_parameters_by_path(ssm):
    for name in ("/app/one", "/app/deep/two", "/apple/three"):
        put(ssm, name)
    direct = ssm.get_parameters_by_path(Path="/app")["Parameters"]
    assert [p["Name"] for p in direct] == ["/app/one"]
    deep = ssm.get_parameters_by_path(Path="/app/", Recursive=True)["Parameters"]
    assert {p["Name"] for p in deep} == {"/app/one", "/app/deep/two"}
    assert ssm.get_parameters_by_path(Path="/absent")["Parameters"] == []
    refused("ValidationException", ssm.get_parameters_by_path, Path="no-slash")


def test_parameters_by_path_are_paged(ssm):
    for i in range(12):
        put(ssm, f"/app/{i:02}")
    first = ssm.get_parameters_by_path(Path="/app")
    assert len(first["Parameters"]) == 10
    pages = ssm.get_paginator("get_parameters_by_path").paginate(Path="/app", PaginationConfig={"PageSize": 5})
    assert len([p for page in pages for p in page["Parameters"]]) == 12
    refused("InvalidNextToken", ssm.get_parameters_by_path, Path="/app", NextToken="nonsense")


def test_parameters_by_path_are_filtered(ssm):
    put(ssm)
    put(ssm, "/app/list", "a,b", Type="StringList")
    filters = [{"Key": "Type", "Option": "Equals", "Values": ["StringList"]}]
    found = ssm.get_parameters_by_path(Path="/app", ParameterFilters=filters)["Parameters"]
    assert [p["Name"] for p in found] == ["/app/list"]


def test_a_secret_is_shown_only_decrypted(ssm):
    put(ssm, value="hidden", Type="SecureString")
    assert ssm.get_parameter(Name="/app/one")["Parameter"]["Value"] != "hidden"
    found = ssm.get_parameter(Name="/app/one", WithDecryption=True)["Parameter"]
    assert (found["Value"], found["Type"]) == ("hidden", "SecureString")


def test_parameters_are_deleted(ssm):
    for name in ("/a", "/b", "/c"):
        put(ssm, name)
    ssm.delete_parameter(Name="/a")
    refused("ParameterNotFound", ssm.get_parameter, Name="/a")
    reply = ssm.delete_parameters(Names=["/b", "/absent"])
    assert (reply["DeletedParameters"], reply["InvalidParameters"]) == (["/b"], ["/absent"])


def test_a_parameter_is_tagged(ssm):
    put(ssm, Tags=[{"Key": "a", "Value": "1"}])
    ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId="/app/one", Tags=[{"Key": "b", "Value": "2"}])
    found = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/app/one")["TagList"]
    assert {t["Key"]: t["Value"] for t in found} == {"a": "1", "b": "2"}
    refused(
        "InvalidResourceId",
        ssm.add_tags_to_resource,
        ResourceType="Parameter",
        ResourceId="/absent",
        Tags=[{"Key": "b", "Value": "2"}],
    )
    refused(
        ("InvalidResourceType", "ValidationException"),
        ssm.add_tags_to_resource,
        ResourceType="Volcano",
        ResourceId="/app/one",
        Tags=[{"Key": "b", "Value": "2"}],
    )


def test_parameters_are_described(ssm):
    put(ssm, Description="words", Tags=[{"Key": "a", "Value": "1"}])
    put(ssm, "/other")
    filters = [{"Key": "Name", "Option": "BeginsWith", "Values": ["/app"]}]
    [found] = ssm.describe_parameters(ParameterFilters=filters)["Parameters"]
    assert (found["Name"], found["Description"], found["Version"]) == ("/app/one", "words", 1)
    assert "Value" not in found


def test_public_parameters_name_images(ssm, ec2, sim):
    found = ssm.get_parameters_by_path(Path="/aws/service/ami-amazon-linux-latest", Recursive=True)["Parameters"]
    assert len(found) >= 2
    ids = [p["Value"] for p in found]
    assert len(ec2.describe_images(ImageIds=list(set(ids)))["Images"]) == len(set(ids))
    other = sim.client("ssm", "eu-west-1").get_parameter(Name=found[0]["Name"])["Parameter"]
    assert other["Value"] != found[0]["Value"]


def test_an_image_parameter_is_validated_later(sim, ssm, base_ami):
    sim.profile("demo")
    assert put(ssm, "/image", base_ami, DataType="aws:ec2:image")["Version"] == 1
    sim.advance(300)
    found = ssm.get_parameter(Name="/image")["Parameter"]
    assert (found["Value"], found["DataType"]) == (base_ami, "aws:ec2:image")


def test_an_image_parameter_of_no_image_is_never_stored(sim, ssm, base_ami):
    put(ssm, "/image", base_ami, DataType="aws:ec2:image")
    put(ssm, "/image", "ami-0123456789abcdef0", DataType="aws:ec2:image", Overwrite=True)
    put(ssm, "/fresh", "ami-0123456789abcdef0", DataType="aws:ec2:image")
    sim.advance(300)
    assert ssm.get_parameter(Name="/image")["Parameter"]["Value"] == base_ami
    refused("ParameterNotFound", ssm.get_parameter, Name="/fresh")
    refused(
        "ValidationException", ssm.put_parameter, Name="/i", Value="nonsense", Type="String", DataType="aws:ec2:image"
    )


def test_a_launch_resolves_a_parameter(ssm, ec2, base_ami):
    put(ssm, "/image", base_ami, DataType="aws:ec2:image")
    made = ec2.run_instances(ImageId="resolve:ssm:/image", InstanceType="t3.micro", MinCount=1, MaxCount=1)
    assert made["Instances"][0]["ImageId"] == base_ami


def test_parameters_of_accounts_and_regions_are_separate(sim, ssm):
    put(ssm)
    refused("ParameterNotFound", sim.client("ssm", "eu-west-1").get_parameter, Name="/app/one")
    refused("ParameterNotFound", sim.of_account("ssm", "222222222222").get_parameter, Name="/app/one")


def test_a_page_is_not_larger_than_ten(ssm):
    message = refused("ValidationException", ssm.get_parameters_by_path, Path="/", MaxResults=11)
    assert "'maxResults'" in message and "less than or equal to 10" in message


def test_parameters_are_listed_by_the_older_filters(ssm):
    ssm.put_parameter(Name="/a/one", Value="1", Type="String")
    ssm.put_parameter(Name="/b/two", Value="2", Type="StringList")

    def names(**how):
        return [p["Name"] for p in ssm.describe_parameters(**how)["Parameters"]]

    assert names(Filters=[{"Key": "Name", "Values": ["/a"]}]) == ["/a/one"]
    assert names(Filters=[{"Key": "Type", "Values": ["StringList"]}]) == ["/b/two"]
    assert names(Shared=True) == []


def test_the_older_filters_do_not_go_with_the_newer(ssm):
    refused(
        "ValidationException",
        ssm.describe_parameters,
        Filters=[{"Key": "Name", "Values": ["/a"]}],
        ParameterFilters=[{"Key": "Name", "Values": ["/a"]}],
    )


@pytest.mark.parametrize(
    ("name", "image_name"),
    [
        ("ami-amazon-linux-latest/amzn2-ami-kernel-5.10-hvm-x86_64-gp2", "amzn2-ami-kernel-5.10-hvm-*-x86_64-gp2"),
        ("ami-amazon-linux-latest/amzn2-ami-kernel-5.10-hvm-arm64-gp2", "amzn2-ami-kernel-5.10-hvm-*-arm64-gp2"),
        ("ami-amazon-linux-latest/al2023-ami-minimal-kernel-default-x86_64", "al2023-ami-minimal-*-x86_64"),
        ("canonical/ubuntu/server/22.04/stable/current/arm64/hvm/ebs-gp2/ami-id", "*jammy-22.04-arm64*"),
        ("canonical/ubuntu/server/jammy/stable/current/amd64/hvm/ebs-gp2/ami-id", "*jammy-22.04-amd64*"),
        ("canonical/ubuntu/server/noble/stable/current/amd64/hvm/ebs-gp3/ami-id", "*noble-24.04-amd64*"),
    ],
)
def test_public_parameters_name_images(ssm, ec2, name, image_name):
    value = ssm.get_parameter(Name=f"/aws/service/{name}")["Parameter"]["Value"]
    found = ec2.describe_images(Filters=[{"Name": "name", "Values": [image_name]}])["Images"]
    assert [i["ImageId"] for i in found] == [value]


def test_public_parameters_name_the_regions(ssm):
    pages = ssm.get_paginator("get_parameters_by_path")
    path = "/aws/service/global-infrastructure/regions"
    found = {p["Value"] for page in pages.paginate(Path=path) for p in page["Parameters"]}
    assert {"us-east-1", "eu-west-1", "mx-central-1"} <= found and len(found) == 34
    [one] = ssm.get_parameters(Names=[f"{path}/eu-west-1/longName"])["Parameters"]
    assert one["Value"] == "Europe (Ireland)"
