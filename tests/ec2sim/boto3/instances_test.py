"""Instances: launch, tokens, states, status, console and user data."""

import base64

import pytest
from conftest import instance_state, refused, tags_of

ABSENT = "i-0123456789abcdef0"


def test_a_launched_instance(ec2, launch, base_ami, account):
    instance = launch()
    assert instance["State"] == {"Code": 0, "Name": "pending"}
    assert instance["ImageId"] == base_ami
    assert instance["RootDeviceType"] == "ebs"
    [reservation] = ec2.describe_instances(InstanceIds=[instance["InstanceId"]])["Reservations"]
    assert reservation["OwnerId"] == account
    assert reservation["ReservationId"].startswith("r-")
    [found] = reservation["Instances"]
    assert found["State"] == {"Code": 16, "Name": "running"}
    assert found["Placement"]["AvailabilityZone"].startswith("us-east-1")
    assert found["PrivateIpAddress"].startswith("172.31.")
    assert found["Architecture"] == "x86_64"
    assert found["VirtualizationType"] == "hvm"
    assert found["Hypervisor"] == "xen"
    assert found["BlockDeviceMappings"][0]["Ebs"]["VolumeId"].startswith("vol-")
    assert found["NetworkInterfaces"][0]["SubnetId"] == found["SubnetId"]
    assert found["SecurityGroups"][0]["GroupName"] == "default"
    assert found["AmiLaunchIndex"] == 0


def test_several_instances_of_one_launch(launch, ec2, base_ami):
    made = ec2.run_instances(ImageId=base_ami, InstanceType="t3.micro", MinCount=2, MaxCount=3)
    assert len(made["Instances"]) == 3
    assert [i["AmiLaunchIndex"] for i in made["Instances"]] == [0, 1, 2]


def test_metadata_options_and_user_data_are_kept(ec2, launch):
    instance = launch(
        MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
        UserData="#!/bin/sh\necho hello\n",
    )
    assert instance["MetadataOptions"]["HttpTokens"] == "required"
    found = ec2.describe_instance_attribute(InstanceId=instance["InstanceId"], Attribute="userData")
    assert base64.b64decode(found["UserData"]["Value"]) == b"#!/bin/sh\necho hello\n"


def test_a_pending_instance_is_still_being_attached(sim, ec2, launch):
    sim.profile("demo")
    instance = launch()
    [interface] = instance["NetworkInterfaces"]
    assert (interface["Attachment"]["Status"], instance["MetadataOptions"]["State"]) == (
        "attaching",
        "pending",
    )
    sim.advance(60)
    [reservation] = ec2.describe_instances(InstanceIds=[instance["InstanceId"]])["Reservations"]
    [found] = reservation["Instances"]
    [interface] = found["NetworkInterfaces"]
    assert (interface["Attachment"]["Status"], found["MetadataOptions"]["State"]) == ("attached", "applied")
    [interface] = ec2.describe_network_interfaces()["NetworkInterfaces"]
    assert interface["Attachment"]["Status"] == "attached"


FEATURES = {
    "EnclaveOptions": {"Enabled": True},
    "CapacityReservationSpecification": {"CapacityReservationPreference": "none"},
    "PrivateDnsNameOptions": {
        "HostnameType": "resource-name",
        "EnableResourceNameDnsARecord": True,
        "EnableResourceNameDnsAAAARecord": False,
    },
    "NetworkPerformanceOptions": {"BandwidthWeighting": "vpc-1"},
}


def test_what_a_launch_switches_on_shows(ec2, launch):
    instance = launch(InstanceType="m5.xlarge", **FEATURES)
    assert {name: instance[name] for name in FEATURES} == FEATURES
    assert instance["PrivateDnsName"] == f"{instance['InstanceId']}.ec2.internal"
    enclave = ec2.describe_instance_attribute(InstanceId=instance["InstanceId"], Attribute="enclaveOptions")
    assert enclave["EnclaveOptions"] == {"Enabled": True}


@pytest.mark.parametrize(
    ("name", "value", "other"),
    [
        ("enclave-options.enabled", "true", "false"),
        ("hibernation-options.configured", "false", "true"),
        ("capacity-reservation-specification.capacity-reservation-preference", "none", "open"),
        ("private-dns-name-options.hostname-type", "resource-name", "ip-name"),
        ("private-dns-name-options.enable-resource-name-dns-a-record", "true", "false"),
        ("network-performance-options.bandwidth-weighting", "vpc-1", "default"),
    ],
)
def test_instances_are_found_by_what_their_launch_switched_on(ec2, launch, name, value, other):
    launch(InstanceType="m5.xlarge", **FEATURES)
    found = [
        len(ec2.describe_instances(Filters=[{"Name": name, "Values": [wanted]}])["Reservations"])
        for wanted in (value, other)
    ]
    assert found == [1, 0]


@pytest.mark.parametrize(
    ("code", "options"),
    [
        (
            "InvalidParameterCombination",
            {"EnclaveOptions": {"Enabled": True}, "HibernationOptions": {"Configured": True}},
        ),
        ("InvalidParameterValue", {"PrivateDnsNameOptions": {"HostnameType": "nickname"}}),
        (
            "InvalidCapacityReservationId.NotFound",
            {
                "CapacityReservationSpecification": {
                    "CapacityReservationTarget": {"CapacityReservationId": "cr-0123456789abcdef0"}
                }
            },
        ),
    ],
)
def test_what_a_launch_cannot_switch_on_is_refused(launch, code, options):
    refused(code, launch, **options)


def test_only_an_instance_launched_for_it_hibernates(ec2, launch):
    plain = launch()["InstanceId"]
    code = "UnsupportedHibernationConfiguration"
    refused(code, ec2.stop_instances, InstanceIds=[plain], Hibernate=True)
    assert instance_state(ec2, plain) == "running"
    encrypted = [{"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True}}]
    made = launch(HibernationOptions={"Configured": True}, BlockDeviceMappings=encrypted)
    assert made["HibernationOptions"] == {"Configured": True}
    ec2.stop_instances(InstanceIds=[made["InstanceId"]], Hibernate=True)
    assert instance_state(ec2, made["InstanceId"]) == "stopped"


def test_absent_user_data_shows_as_empty(ec2, launch):
    found = ec2.describe_instance_attribute(InstanceId=launch()["InstanceId"], Attribute="userData")
    assert found["UserData"] == {}


def test_an_unknown_attribute_is_refused(ec2, launch):
    refused(
        "InvalidParameterValue",
        ec2.describe_instance_attribute,
        InstanceId=launch()["InstanceId"],
        Attribute="colour",
    )


def test_block_devices_override_the_images(ec2, launch, base_ami):
    root = ec2.describe_images(ImageIds=[base_ami])["Images"][0]["RootDeviceName"]
    mappings = [
        {"DeviceName": root, "Ebs": {"VolumeSize": 20, "VolumeType": "gp3", "Encrypted": True, "DeleteOnTermination": True}},
        {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 5}},
    ]
    instance = launch(BlockDeviceMappings=mappings)["InstanceId"]
    filters = [{"Name": "attachment.instance-id", "Values": [instance]}]
    volumes = {v["Attachments"][0]["Device"]: v for v in ec2.describe_volumes(Filters=filters)["Volumes"]}
    assert (volumes[root]["Size"], volumes[root]["VolumeType"], volumes[root]["Encrypted"]) == (20, "gp3", True)
    assert volumes[root]["KmsKeyId"].startswith("arn:aws:kms:us-east-1:")
    assert volumes["/dev/sdf"]["Size"] == 5
    assert volumes["/dev/sdf"]["State"] == "in-use"


def test_a_token_gives_the_same_instance_again(launch):
    first = launch(ClientToken="one")
    assert first["ClientToken"] == "one"
    assert launch(ClientToken="one")["InstanceId"] == first["InstanceId"]
    assert launch(ClientToken="two")["InstanceId"] != first["InstanceId"]


def test_a_token_with_other_parameters_is_refused(ec2, launch, base_ami):
    launch(ClientToken="one")
    refused(
        "IdempotentParameterMismatch",
        ec2.run_instances,
        ImageId=base_ami,
        InstanceType="t3.small",
        MinCount=1,
        MaxCount=1,
        ClientToken="one",
    )


def test_a_token_of_a_terminated_instance_is_refused(ec2, launch, base_ami):
    ec2.terminate_instances(InstanceIds=[launch(ClientToken="one")["InstanceId"]])
    refused(
        "IdempotentInstanceTerminated",
        ec2.run_instances,
        ImageId=base_ami,
        InstanceType="t3.micro",
        MinCount=1,
        MaxCount=1,
        ClientToken="one",
    )


def test_a_token_counts_for_one_zone(ec2, launch):
    by_zone = {s["AvailabilityZone"]: s["SubnetId"] for s in ec2.describe_subnets()["Subnets"]}
    first = launch(ClientToken="one", SubnetId=by_zone["us-east-1a"])
    other = launch(ClientToken="one", SubnetId=by_zone["us-east-1b"])
    assert other["InstanceId"] != first["InstanceId"]


def test_an_instance_is_found_by_its_token(ec2, launch):
    instance = launch(ClientToken="one")["InstanceId"]
    launch(ClientToken="two")
    filters = [{"Name": "client-token", "Values": ["one"]}]
    [reservation] = ec2.describe_instances(Filters=filters)["Reservations"]
    assert [i["InstanceId"] for i in reservation["Instances"]] == [instance]


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({"ImageId": "ami-0123456789abcdef0"}, "InvalidAMIID.NotFound"),
        ({"ImageId": "nonsense"}, "InvalidAMIID.Malformed"),
        ({"SubnetId": "subnet-0123456789abcdef0"}, "InvalidSubnetID.NotFound"),
        ({"SecurityGroupIds": ["sg-0123456789abcdef0"]}, "InvalidGroup.NotFound"),
        ({"MinCount": 3}, ("InvalidParameterValue", "InvalidParameterCombination")),
        ({"MinCount": 0, "MaxCount": 0}, "InvalidParameterValue"),
        ({"UserData": "x" * 17000}, "InvalidParameterValue"),
        ({"Placement": {"AvailabilityZone": "us-east-1z"}}, ("InvalidParameterValue", "InvalidZone.NotFound")),
        ({"IamInstanceProfile": {"Name": "p", "Arn": "arn:aws:iam::123456789012:instance-profile/p"}}, "InvalidParameterCombination"),
        ({"ClientToken": "x" * 65}, ("InvalidParameterValue", "InvalidClientToken")),
    ],
)
def test_a_launch_with_wrong_values_is_refused(ec2, base_ami, change, codes):
    request = {"ImageId": base_ami, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    refused(codes, ec2.run_instances, **(request | change))


def test_a_launch_without_an_image_is_refused(ec2):
    message = refused("MissingParameter", ec2.run_instances, InstanceType="t3.micro", MinCount=1, MaxCount=1)
    assert "ImageId" in message


def test_a_product_that_is_not_subscribed_is_refused(ec2):
    images = ec2.describe_images(Owners=["aws-marketplace"])["Images"]
    assert images[0]["ProductCodes"][0]["ProductCodeType"] == "marketplace"
    refused(
        "OptInRequired",
        ec2.run_instances,
        ImageId=images[0]["ImageId"],
        InstanceType="m5.large",
        MinCount=1,
        MaxCount=1,
    )


def test_a_dry_launch_makes_nothing(ec2, base_ami):
    refused(
        "DryRunOperation",
        ec2.run_instances,
        ImageId=base_ami,
        InstanceType="t3.micro",
        MinCount=1,
        MaxCount=1,
        DryRun=True,
    )
    assert ec2.describe_instances()["Reservations"] == []


def test_the_life_of_an_instance_takes_time(sim, ec2, launch):
    sim.profile("demo")
    instance = launch()["InstanceId"]
    assert instance_state(ec2, instance) == "pending"
    sim.advance(60)
    assert instance_state(ec2, instance) == "running"
    [change] = ec2.stop_instances(InstanceIds=[instance])["StoppingInstances"]
    assert (change["PreviousState"]["Name"], change["CurrentState"]["Name"]) == ("running", "stopping")
    assert instance_state(ec2, instance) == "stopping"
    sim.advance(60)
    assert instance_state(ec2, instance) == "stopped"
    [change] = ec2.start_instances(InstanceIds=[instance])["StartingInstances"]
    assert (change["PreviousState"]["Name"], change["CurrentState"]["Name"]) == ("stopped", "pending")
    sim.advance(60)
    [change] = ec2.terminate_instances(InstanceIds=[instance])["TerminatingInstances"]
    assert change["CurrentState"] == {"Code": 32, "Name": "shutting-down"}
    sim.advance(60)
    assert instance_state(ec2, instance) == "terminated"
    sim.advance(2 * 3600)
    refused("InvalidInstanceID.NotFound", ec2.describe_instances, InstanceIds=[instance])


def test_the_reason_of_a_stop_by_the_api(ec2, launch):
    instance = launch()["InstanceId"]
    ec2.stop_instances(InstanceIds=[instance])
    found = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    assert found["State"]["Name"] == "stopped"
    assert found["StateReason"]["Code"] == "Client.UserInitiatedShutdown"
    assert found["StateTransitionReason"].startswith("User initiated (")


def test_the_reason_of_a_stop_from_within(ec2, sim, launch):
    instance = launch(UserData="#!/bin/sh\necho working\npoweroff\n")["InstanceId"]
    sim.advance(300)
    found = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    assert found["State"]["Name"] == "stopped"
    assert found["StateReason"]["Code"] == "Client.InstanceInitiatedShutdown"


def test_a_shutdown_from_within_can_terminate(ec2, sim, launch):
    script = "#!/bin/sh\nshutdown -h now\n"
    instance = launch(UserData=script, InstanceInitiatedShutdownBehavior="terminate")["InstanceId"]
    sim.advance(300)
    assert instance_state(ec2, instance) == "terminated"


def test_stop_start_and_terminate_can_be_repeated(ec2, launch):
    instance = launch()["InstanceId"]
    [change] = ec2.start_instances(InstanceIds=[instance])["StartingInstances"]
    assert change["CurrentState"]["Name"] == "running"
    for _ in range(2):
        ec2.stop_instances(InstanceIds=[instance])
    for _ in range(2):
        [change] = ec2.terminate_instances(InstanceIds=[instance])["TerminatingInstances"]
    assert change["PreviousState"]["Name"] == "terminated"


def test_a_terminated_instance_can_neither_start_nor_stop(ec2, launch):
    instance = launch()["InstanceId"]
    ec2.terminate_instances(InstanceIds=[instance])
    refused("IncorrectInstanceState", ec2.start_instances, InstanceIds=[instance])
    refused("IncorrectInstanceState", ec2.stop_instances, InstanceIds=[instance])


def test_a_protected_instance_cannot_be_terminated(ec2, launch):
    instance = launch(DisableApiTermination=True)["InstanceId"]
    refused("OperationNotPermitted", ec2.terminate_instances, InstanceIds=[instance])
    assert instance_state(ec2, instance) == "running"


@pytest.mark.parametrize(
    "call", ["start_instances", "stop_instances", "terminate_instances", "describe_instances"]
)
def test_unknown_and_malformed_instances_are_refused(ec2, call):
    refused("InvalidInstanceID.NotFound", getattr(ec2, call), InstanceIds=[ABSENT])
    refused("InvalidInstanceID.Malformed", getattr(ec2, call), InstanceIds=["nonsense"])


def test_volumes_go_with_the_instance_if_asked(ec2, launch):
    keep = [{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1, "DeleteOnTermination": False}}]
    instance = launch(BlockDeviceMappings=keep)["InstanceId"]
    assert len(ec2.describe_volumes()["Volumes"]) == 2
    ec2.terminate_instances(InstanceIds=[instance])
    [left] = ec2.describe_volumes()["Volumes"]
    assert (left["Size"], left["State"], left["Attachments"]) == (1, "available", [])


def test_a_volume_can_be_deleted_once_it_is_on_no_instance(ec2, launch):
    keep = [{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1, "DeleteOnTermination": False}}]
    instance = launch(BlockDeviceMappings=keep)["InstanceId"]
    attached = [v["VolumeId"] for v in ec2.describe_volumes()["Volumes"]]
    refused("VolumeInUse", ec2.delete_volume, VolumeId=attached[0])
    ec2.terminate_instances(InstanceIds=[instance])
    [left] = ec2.describe_volumes()["Volumes"]
    ec2.delete_volume(VolumeId=left["VolumeId"])
    assert ec2.describe_volumes()["Volumes"] == []
    refused("InvalidVolume.NotFound", ec2.delete_volume, VolumeId=left["VolumeId"])


def test_volume_errors_and_filters(ec2, launch):
    launch()
    refused("InvalidVolume.NotFound", ec2.describe_volumes, VolumeIds=["vol-0123456789abcdef0"])
    refused(("InvalidParameterValue", "InvalidVolumeID.Malformed"), ec2.describe_volumes, VolumeIds=["nonsense"])
    assert len(ec2.describe_volumes(Filters=[{"Name": "status", "Values": ["in-use"]}])["Volumes"]) == 1
    refused("InvalidParameterValue", ec2.describe_volumes, Filters=[{"Name": "bad", "Values": ["x"]}])


def test_instances_are_filtered(ec2, launch):
    running, stopped = launch()["InstanceId"], launch(InstanceType="t3.small")["InstanceId"]
    ec2.stop_instances(InstanceIds=[stopped])
    for name, value, expected in [
        ("instance-state-name", "stopped", [stopped]),
        ("instance-state-code", "16", [running]),
        ("instance-type", "t3.small", [stopped]),
        ("instance-id", running, [running]),
        ("architecture", "arm64", []),
    ]:
        found = ec2.describe_instances(Filters=[{"Name": name, "Values": [value]}])["Reservations"]
        assert [i["InstanceId"] for r in found for i in r["Instances"]] == expected, name
    refused("InvalidParameterValue", ec2.describe_instances, Filters=[{"Name": "bad", "Values": ["x"]}])


def test_instances_are_paged(ec2, launch):
    ids = {launch()["InstanceId"] for _ in range(7)}
    pages = list(ec2.get_paginator("describe_instances").paginate(PaginationConfig={"PageSize": 5}))
    assert len(pages) == 2
    assert {i["InstanceId"] for p in pages for r in p["Reservations"] for i in r["Instances"]} == ids


def test_page_parameters_are_checked(ec2, launch):
    instance = launch()["InstanceId"]
    refused(("InvalidParameterValue", "InvalidMaxResults"), ec2.describe_instances, MaxResults=4)
    refused("InvalidParameterCombination", ec2.describe_instances, MaxResults=5, InstanceIds=[instance])
    refused(
        ("InvalidParameterValue", "InvalidNextToken", "InvalidPaginationToken"),
        ec2.describe_instances,
        NextToken="nonsense",
    )


def test_status_shows_running_instances_only(ec2, launch):
    instance = launch()["InstanceId"]
    [status] = ec2.describe_instance_status(InstanceIds=[instance])["InstanceStatuses"]
    assert status["InstanceState"] == {"Code": 16, "Name": "running"}
    assert status["InstanceStatus"]["Status"] in ("ok", "initializing")
    assert status["SystemStatus"]["Details"][0]["Name"] == "reachability"
    ec2.stop_instances(InstanceIds=[instance])
    assert ec2.describe_instance_status(InstanceIds=[instance])["InstanceStatuses"] == []
    everything = ec2.describe_instance_status(IncludeAllInstances=True)["InstanceStatuses"]
    assert everything[0]["InstanceState"]["Name"] == "stopped"
    assert everything[0]["InstanceStatus"]["Status"] == "not-applicable"
    refused("InvalidInstanceID.NotFound", ec2.describe_instance_status, InstanceIds=[ABSENT])


def test_the_console_shows_what_the_guest_printed(ec2, sim, launch):
    instance = launch(UserData="#!/bin/sh\necho hello\n")["InstanceId"]
    sim.advance(600)
    found = ec2.get_console_output(InstanceId=instance, Latest=True)
    assert found["InstanceId"] == instance
    assert "Timestamp" in found
    assert len(found["Output"]) > 0


def test_a_fresh_console_is_empty(ec2, sim, launch):
    sim.profile("demo")
    assert ec2.get_console_output(InstanceId=launch()["InstanceId"]).get("Output", "") == ""


def test_console_errors(ec2, launch):
    refused("InvalidInstanceID.NotFound", ec2.get_console_output, InstanceId=ABSENT)
    refused("InvalidInstanceID.Malformed", ec2.get_console_output, InstanceId="nonsense")
    xen = launch(InstanceType="t2.micro")["InstanceId"]
    refused(
        ("UnsupportedOperation", "InvalidParameterCombination", "InvalidParameterValue"),
        ec2.get_console_output,
        InstanceId=xen,
        Latest=True,
    )


def test_an_instance_profile_is_shown(launch, account):
    profile = launch(IamInstanceProfile={"Name": "builder"})["IamInstanceProfile"]
    assert profile["Arn"] == f"arn:aws:iam::{account}:instance-profile/builder"
    assert profile["Id"].startswith("AIPA")


def test_instances_of_another_account_are_not_seen(second, launch):
    instance = launch()["InstanceId"]
    assert second.describe_instances()["Reservations"] == []
    refused("InvalidInstanceID.NotFound", second.describe_instances, InstanceIds=[instance])


def test_tag_limits_at_launch(launch):
    fifty_one = [{"Key": f"k{i}", "Value": ""} for i in range(51)]
    with pytest.raises(Exception, match="TagLimitExceeded"):
        launch(TagSpecifications=[{"ResourceType": "instance", "Tags": fifty_one}])
    double = [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]
    with pytest.raises(Exception, match="InvalidParameterValue"):
        launch(TagSpecifications=[{"ResourceType": "instance", "Tags": double}])
    assert tags_of(launch(TagSpecifications=[{"ResourceType": "instance", "Tags": fifty_one[:50]}]))["k49"] == ""
