"""Changing instances: attributes, metadata options, reboot; what a launch refuses; Spot."""

import pytest
from conftest import instance_state, refused

ABSENT = "i-0123456789abcdef0"


@pytest.fixture
def instance(launch):
    return launch()["InstanceId"]


@pytest.fixture
def stopped(ec2, instance):
    ec2.stop_instances(InstanceIds=[instance])
    return instance


def described(ec2, instance):
    return ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]


def attribute(ec2, instance, name):
    return ec2.describe_instance_attribute(InstanceId=instance, Attribute=name)


def test_protection_is_switched(ec2, instance):
    ec2.modify_instance_attribute(InstanceId=instance, DisableApiTermination={"Value": True})
    refused("OperationNotPermitted", ec2.terminate_instances, InstanceIds=[instance])
    ec2.modify_instance_attribute(InstanceId=instance, Attribute="disableApiTermination", Value="false")
    ec2.terminate_instances(InstanceIds=[instance])


def test_a_protected_instance_keeps_those_of_its_zone_only(ec2, launch):
    kept, shielded, gone = (
        launch(Placement={"AvailabilityZone": zone}, DisableApiTermination=protect)["InstanceId"]
        for zone, protect in [("us-east-1a", False), ("us-east-1a", True), ("us-east-1b", False)]
    )
    refused("OperationNotPermitted", ec2.terminate_instances, InstanceIds=[kept, shielded, gone])
    states = [instance_state(ec2, one) for one in (kept, shielded, gone)]
    assert states == ["running", "running", "terminated"]


def test_type_and_user_data_change_while_stopped(ec2, stopped):
    ec2.modify_instance_attribute(InstanceId=stopped, InstanceType={"Value": "m5.large"})
    ec2.modify_instance_attribute(InstanceId=stopped, UserData={"Value": b"hello"})
    assert described(ec2, stopped)["InstanceType"] == "m5.large"
    assert attribute(ec2, stopped, "userData")["UserData"]["Value"] == "aGVsbG8="


@pytest.mark.parametrize(
    "change",
    [
        {"InstanceType": {"Value": "z9.huge"}},
        {"Attribute": "instanceType", "Value": "z9.huge"},
    ],
)
def test_the_new_type_must_exist(ec2, stopped, change):
    refused("InvalidInstanceAttributeValue", ec2.modify_instance_attribute, InstanceId=stopped, **change)


@pytest.mark.parametrize(
    "change",
    [
        {"InstanceType": {"Value": "m5.large"}},
        {"UserData": {"Value": b"hello"}},
        {"EnaSupport": {"Value": True}},
        {"SriovNetSupport": {"Value": "simple"}},
        {"EbsOptimized": {"Value": True}},
    ],
)
def test_what_needs_a_stopped_instance(ec2, instance, change):
    refused("IncorrectInstanceState", ec2.modify_instance_attribute, InstanceId=instance, **change)


def test_network_attributes_change(ec2, instance):
    group = ec2.create_security_group(GroupName="other", Description="other")["GroupId"]
    ec2.modify_instance_attribute(InstanceId=instance, Groups=[group])
    ec2.modify_instance_attribute(InstanceId=instance, SourceDestCheck={"Value": False})
    found = described(ec2, instance)
    assert [g["GroupId"] for g in found["SecurityGroups"]] == [group]
    assert found["SourceDestCheck"] is False
    assert attribute(ec2, instance, "sourceDestCheck")["SourceDestCheck"]["Value"] is False


def test_volumes_can_be_kept(ec2, instance):
    mapping = {"DeviceName": "/dev/xvda", "Ebs": {"DeleteOnTermination": False}}
    ec2.modify_instance_attribute(InstanceId=instance, BlockDeviceMappings=[mapping])
    volume = described(ec2, instance)["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    ec2.terminate_instances(InstanceIds=[instance])
    assert ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["State"] == "available"


def test_volumes_go_unless_they_are_said_to_stay(ec2, instance):
    for ebs, shown in [({"DeleteOnTermination": False}, False), ({}, True)]:
        mapping = {"DeviceName": "/dev/xvda", "Ebs": ebs}
        ec2.modify_instance_attribute(InstanceId=instance, BlockDeviceMappings=[mapping])
        [device] = described(ec2, instance)["BlockDeviceMappings"]
        assert device["Ebs"]["DeleteOnTermination"] is shown


def test_the_shutdown_behavior_changes(ec2, instance):
    behavior = {"Value": "terminate"}
    ec2.modify_instance_attribute(InstanceId=instance, InstanceInitiatedShutdownBehavior=behavior)
    shown = attribute(ec2, instance, "instanceInitiatedShutdownBehavior")
    assert shown["InstanceInitiatedShutdownBehavior"] == behavior


def test_one_attribute_at_a_time(ec2, instance):
    modify = ec2.modify_instance_attribute
    two = {"DisableApiStop": {"Value": True}, "SourceDestCheck": {"Value": True}}
    refused("InvalidParameterCombination", modify, InstanceId=instance, **two)
    refused("InvalidParameterCombination", modify, InstanceId=instance)
    refused("InvalidInstanceID.NotFound", modify, InstanceId=ABSENT, DisableApiStop={"Value": True})


def test_an_image_takes_over_what_its_instance_was_given(ec2, stopped):
    ec2.modify_instance_attribute(InstanceId=stopped, EnaSupport={"Value": False})
    made = ec2.create_image(InstanceId=stopped, Name="no-ena")["ImageId"]
    assert ec2.describe_images(ImageIds=[made])["Images"][0]["EnaSupport"] is False


def test_metadata_options_change_one_by_one(ec2, instance):
    reply = ec2.modify_instance_metadata_options(InstanceId=instance, HttpPutResponseHopLimit=3)
    assert reply["InstanceMetadataOptions"]["State"] == "pending"
    options = described(ec2, instance)["MetadataOptions"]
    assert (options["State"], options["HttpPutResponseHopLimit"]) == ("applied", 3)
    assert options["HttpTokens"] == "required"
    ec2.modify_instance_metadata_options(InstanceId=instance, HttpTokens="optional")
    assert described(ec2, instance)["MetadataOptions"]["HttpTokens"] == "optional"


def test_a_reboot_leaves_the_instance_running(ec2, instance):
    ec2.reboot_instances(InstanceIds=[instance])
    assert instance_state(ec2, instance) == "running"
    refused("InvalidInstanceID.NotFound", ec2.reboot_instances, InstanceIds=[ABSENT])


def test_a_reboot_passes_over_instances_that_do_not_run(ec2, stopped):
    ec2.reboot_instances(InstanceIds=[stopped])
    assert instance_state(ec2, stopped) == "stopped"
    ec2.terminate_instances(InstanceIds=[stopped])
    ec2.reboot_instances(InstanceIds=[stopped])
    assert instance_state(ec2, stopped) == "terminated"


def test_there_is_no_password_for_linux(ec2, instance):
    assert ec2.get_password_data(InstanceId=instance)["PasswordData"] == ""


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Placement": {"Tenancy": "shared"}}, "InvalidParameterValue"),
        ({"Placement": {"GroupName": "absent"}}, "InvalidPlacementGroup.Unknown"),
        ({"PrivateIpAddress": "10.0.0.5"}, "InvalidParameterValue"),
        ({"PrivateIpAddress": "172.31.0.2"}, "InvalidParameterValue"),
        ({"PrivateIpAddress": "172.31.0.20", "MaxCount": 2}, "InvalidParameterCombination"),
        ({"CpuOptions": {"CoreCount": 1}}, "MissingParameter"),
        ({"CpuOptions": {"CoreCount": 9, "ThreadsPerCore": 1}}, "InvalidParameterValue"),
        ({"CpuOptions": {"CoreCount": 1, "ThreadsPerCore": 3}}, "InvalidParameterValue"),
        ({"InstanceMarketOptions": {"MarketType": "auction"}}, "InvalidParameterValue"),
        (
            {"NetworkInterfaces": [{"DeviceIndex": 0, "NetworkInterfaceId": "eni-0123456789abcdef0"}]},
            "InvalidNetworkInterfaceID.NotFound",
        ),
    ],
)
def test_a_launch_is_refused(launch, change, code):
    refused(code, launch, **change)


def test_an_address_belongs_to_one_instance(launch):
    zone = {"Placement": {"AvailabilityZone": "us-east-1a"}, "PrivateIpAddress": "172.31.0.20"}
    assert launch(**zone)["PrivateIpAddress"] == "172.31.0.20"
    refused("InvalidIPAddress.InUse", launch, **zone)


def test_a_repeated_launch_finds_its_own_address(launch):
    request = {"PrivateIpAddress": "172.31.0.20", "ClientToken": "one"}
    assert launch(**request)["InstanceId"] == launch(**request)["InstanceId"]


def test_cores_can_be_chosen(launch):
    options = {"CoreCount": 2, "ThreadsPerCore": 1}
    assert launch(InstanceType="m5.2xlarge", CpuOptions=options)["CpuOptions"] == options


def spot(**options):
    return {"InstanceMarketOptions": {"MarketType": "spot", "SpotOptions": options}}


def test_a_one_time_spot_instance_cannot_be_stopped(ec2, launch):
    instance = launch(**spot(MaxPrice="0.05"))
    assert instance["InstanceLifecycle"] == "spot"
    refused("UnsupportedOperation", ec2.stop_instances, InstanceIds=[instance["InstanceId"]])
    [request] = ec2.describe_spot_instance_requests(
        SpotInstanceRequestIds=[instance["SpotInstanceRequestId"]]
    )["SpotInstanceRequests"]
    assert (request["State"], request["Status"]["Code"], request["Type"]) == ("active", "fulfilled", "one-time")
    assert (request["InstanceId"], request["SpotPrice"]) == (instance["InstanceId"], "0.05")
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    filters = [{"Name": "state", "Values": ["closed"]}]
    [closed] = ec2.describe_spot_instance_requests(Filters=filters)["SpotInstanceRequests"]
    assert closed["Status"]["Code"] == "instance-terminated-by-user"


def test_a_persistent_spot_instance_can_be_stopped(ec2, launch):
    instance = launch(**spot(SpotInstanceType="persistent", InstanceInterruptionBehavior="stop"))
    ec2.stop_instances(InstanceIds=[instance["InstanceId"]])
    [request] = ec2.describe_spot_instance_requests()["SpotInstanceRequests"]
    assert (request["State"], request["Type"]) == ("disabled", "persistent")
    reply = ec2.cancel_spot_instance_requests(SpotInstanceRequestIds=[request["SpotInstanceRequestId"]])
    assert reply["CancelledSpotInstanceRequests"][0]["State"] == "cancelled"


def test_a_spot_instance_cannot_be_protected(ec2, launch):
    refused("UnsupportedOperation", launch, DisableApiTermination=True, **spot())
    instance = launch(**spot())["InstanceId"]
    protection = {"DisableApiTermination": {"Value": True}}
    refused("UnsupportedOperation", ec2.modify_instance_attribute, InstanceId=instance, **protection)


def test_spot_options_that_do_not_fit(ec2, launch):
    refused("InvalidParameterCombination", launch, **spot(SpotInstanceType="persistent"))
    refused("InvalidParameterCombination", launch, **spot(InstanceInterruptionBehavior="stop"))
    refused("InvalidParameterValue", launch, **spot(MaxPrice="0.0001"))
    refused(
        "InvalidSpotInstanceRequestID.NotFound",
        ec2.describe_spot_instance_requests,
        SpotInstanceRequestIds=["sir-0123456789abcdef0"],
    )


def test_spot_requests_are_tagged_at_launch(ec2, launch):
    specification = {"ResourceType": "spot-instances-request", "Tags": [{"Key": "a", "Value": "1"}]}
    request = launch(TagSpecifications=[specification], **spot())["SpotInstanceRequestId"]
    [tag] = ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [request]}])["Tags"]
    assert (tag["Key"], tag["ResourceType"]) == ("a", "spot-instances-request")


def test_spot_prices(ec2):
    found = ec2.describe_spot_price_history(
        InstanceTypes=["m5.large"], ProductDescriptions=["Linux/UNIX"], AvailabilityZone="us-east-1b"
    )["SpotPriceHistory"]
    [price] = found
    assert (price["InstanceType"], price["AvailabilityZone"]) == ("m5.large", "us-east-1b")
    assert 0 < float(price["SpotPrice"]) < 1


def test_monitoring_is_switched(ec2, instance):
    [reply] = ec2.monitor_instances(InstanceIds=[instance])["InstanceMonitorings"]
    assert reply["Monitoring"]["State"] == "pending"
    assert described(ec2, instance)["Monitoring"]["State"] == "enabled"
    ec2.unmonitor_instances(InstanceIds=[instance])
    assert described(ec2, instance)["Monitoring"]["State"] == "disabled"


def test_recovery_is_switched(ec2, instance):
    ec2.modify_instance_maintenance_options(InstanceId=instance, AutoRecovery="disabled")
    assert described(ec2, instance)["MaintenanceOptions"]["AutoRecovery"] == "disabled"


def credits(ec2, **how):
    found = ec2.describe_instance_credit_specifications(**how)["InstanceCreditSpecifications"]
    return {one["InstanceId"]: one["CpuCredits"] for one in found}


def test_burstable_instances_have_credits(ec2, launch, instance):
    standard = launch(CreditSpecification={"CpuCredits": "standard"})["InstanceId"]
    assert credits(ec2) == {instance: "unlimited"}
    assert credits(ec2, InstanceIds=[standard]) == {standard: "standard"}
    wanted = [{"InstanceId": standard, "CpuCredits": "unlimited"}, {"InstanceId": ABSENT, "CpuCredits": "standard"}]
    reply = ec2.modify_instance_credit_specification(InstanceCreditSpecifications=wanted)
    assert [s["InstanceId"] for s in reply["SuccessfulInstanceCreditSpecifications"]] == [standard]
    [failed] = reply["UnsuccessfulInstanceCreditSpecifications"]
    assert failed["Error"]["Code"] == "InvalidInstanceID.NotFound"
    assert credits(ec2) == {instance: "unlimited", standard: "unlimited"}


def test_other_instances_have_no_credits(ec2, launch):
    other = launch(InstanceType="m5.large")["InstanceId"]
    refused(
        "InstanceCreditSpecification.NotSupported",
        ec2.describe_instance_credit_specifications,
        InstanceIds=[other],
    )
    refused(
        "InvalidParameterCombination",
        launch,
        InstanceType="m5.large",
        CreditSpecification={"CpuCredits": "unlimited"},
    )


def associations(ec2, instance):
    filters = [{"Name": "instance-id", "Values": [instance]}]
    return ec2.describe_iam_instance_profile_associations(Filters=filters)["IamInstanceProfileAssociations"]


def test_a_profile_is_given_replaced_and_taken(ec2, instance):
    first = ec2.associate_iam_instance_profile(InstanceId=instance, IamInstanceProfile={"Name": "one"})
    association = first["IamInstanceProfileAssociation"]["AssociationId"]
    assert described(ec2, instance)["IamInstanceProfile"]["Arn"].endswith(":instance-profile/one")
    refused(
        "IncorrectState",
        ec2.associate_iam_instance_profile,
        InstanceId=instance,
        IamInstanceProfile={"Name": "two"},
    )
    ec2.replace_iam_instance_profile_association(AssociationId=association, IamInstanceProfile={"Name": "two"})
    [shown] = associations(ec2, instance)
    assert (shown["State"], shown["IamInstanceProfile"]["Arn"][-4:]) == ("associated", "/two")
    ec2.disassociate_iam_instance_profile(AssociationId=shown["AssociationId"])
    assert associations(ec2, instance) == []
    refused(
        "InvalidAssociationID.NotFound",
        ec2.disassociate_iam_instance_profile,
        AssociationId=shown["AssociationId"],
    )


def test_filters_find_what_is_shown(ec2, launch):
    instance = launch(**spot())["InstanceId"]
    for name in ("association.ip-owner-id", "addresses.association.ip-owner-id"):
        filters = [{"Name": f"network-interface.{name}", "Values": ["amazon"]}]
        assert len(ec2.describe_instances(Filters=filters)["Reservations"]) == 1
    for name in ("association.ip-owner-id", "addresses.association.owner-id"):
        filters = [{"Name": name, "Values": ["amazon"]}]
        assert len(ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]) == 1
    [request] = ec2.describe_spot_instance_requests()["SpotInstanceRequests"]
    assert request["InstanceId"] == instance
    for name, value in [("status-message", request["Status"]["Message"]), ("launch.group-name", "default")]:
        filters = [{"Name": name, "Values": [value]}]
        assert ec2.describe_spot_instance_requests(Filters=filters)["SpotInstanceRequests"] == [request]


HIBERNATION = {"HibernationOptions": {"Configured": True}}
ENCRYPTED = {"BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True}}]}


def test_hibernation_needs_a_fitting_type_and_an_encrypted_root(launch):
    code = "UnsupportedHibernationConfiguration"
    refused(code, launch, **HIBERNATION)
    refused(code, launch, InstanceType="m5.metal", **HIBERNATION, **ENCRYPTED)
    assert launch(**HIBERNATION, **ENCRYPTED)["HibernationOptions"] == {"Configured": True}


def test_a_spot_instance_for_hibernation_is_interrupted_by_it(ec2, launch):
    launch(**HIBERNATION, **ENCRYPTED, **spot())
    [request] = ec2.describe_spot_instance_requests()["SpotInstanceRequests"]
    assert request["InstanceInterruptionBehavior"] == "hibernate"
    options = {"SpotInstanceType": "persistent", "InstanceInterruptionBehavior": "stop"}
    refused("InvalidParameterCombination", launch, **HIBERNATION, **ENCRYPTED, **spot(**options))


def test_a_zone_is_named_once(launch):
    both = {"AvailabilityZone": "us-east-1a", "AvailabilityZoneId": "use1-az1"}
    refused("InvalidParameterCombination", launch, Placement=both)


def test_no_instance_starts_from_a_slow_disk(launch):
    ebs = {"VolumeType": "st1", "VolumeSize": 200}
    refused("InvalidParameterValue", launch, BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": ebs}])
    launch(BlockDeviceMappings=[{"DeviceName": "/dev/sdf", "Ebs": ebs}])


def test_the_source_check_is_reset(ec2, instance):
    ec2.modify_instance_attribute(InstanceId=instance, SourceDestCheck={"Value": False})
    ec2.reset_instance_attribute(InstanceId=instance, Attribute="sourceDestCheck")
    assert described(ec2, instance)["SourceDestCheck"] is True
    reset = ec2.reset_instance_attribute
    refused("IncorrectInstanceState", reset, InstanceId=instance, Attribute="kernel")
    refused("InvalidParameterValue", reset, InstanceId=instance, Attribute="userData")


def test_an_account_has_metadata_defaults(ec2, launch):
    assert "HttpTokens" not in ec2.get_instance_metadata_defaults()["AccountLevel"]
    ec2.modify_instance_metadata_defaults(HttpTokens="optional", HttpPutResponseHopLimit=5)
    shown = ec2.get_instance_metadata_defaults()["AccountLevel"]
    assert (shown["HttpTokens"], shown["HttpPutResponseHopLimit"]) == ("optional", 5)
    options = launch()["MetadataOptions"]
    assert (options["HttpTokens"], options["HttpPutResponseHopLimit"]) == ("optional", 5)
    asked = {"HttpTokens": "required"}
    assert launch(MetadataOptions=asked)["MetadataOptions"]["HttpTokens"] == "required"
    ec2.modify_instance_metadata_defaults(HttpTokens="no-preference", HttpPutResponseHopLimit=-1)
    assert launch()["MetadataOptions"]["HttpTokens"] == "required"


def test_an_account_can_enforce_tokens(ec2, launch):
    ec2.modify_instance_metadata_defaults(HttpTokensEnforced="enabled")
    refused("UnsupportedOperation", launch, MetadataOptions={"HttpTokens": "optional"})
    launch(MetadataOptions={"HttpTokens": "required"})


def test_only_a_uefi_instance_has_uefi_data(ec2, launch, arm_ami):
    arm = launch(ImageId=arm_ami, InstanceType="t4g.micro")["InstanceId"]
    assert ec2.get_instance_uefi_data(InstanceId=arm)["InstanceId"] == arm
    legacy = {"Name": "boot-mode", "Values": ["legacy-bios"]}
    windows = ec2.describe_images(Filters=[{"Name": "platform", "Values": ["windows"]}, legacy])["Images"]
    for image in windows:
        instance = launch(ImageId=image["ImageId"], InstanceType="t3.large")["InstanceId"]
        refused("UnsupportedOperation", ec2.get_instance_uefi_data, InstanceId=instance)


def test_there_are_no_capacity_reservations(ec2):
    assert ec2.describe_capacity_reservations()["CapacityReservations"] == []
