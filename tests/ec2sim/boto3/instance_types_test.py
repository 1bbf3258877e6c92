"""Instance types and where they are offered."""

import pytest
from conftest import refused


def types(ec2, **arguments):
    pages = ec2.get_paginator("describe_instance_types").paginate(**arguments)
    return {t["InstanceType"]: t for page in pages for t in page["InstanceTypes"]}


def test_a_nitro_type(ec2):
    [found] = ec2.describe_instance_types(InstanceTypes=["m5.large"])["InstanceTypes"]
    assert found["Hypervisor"] == "nitro"
    assert found["ProcessorInfo"]["SupportedArchitectures"] == ["x86_64"]
    assert found["VCpuInfo"]["DefaultVCpus"] == 2
    assert found["MemoryInfo"]["SizeInMiB"] == 8192
    assert found["NetworkInfo"]["EnaSupport"] == "required"
    assert found["SupportedRootDeviceTypes"] == ["ebs"]
    assert "hvm" in found["SupportedVirtualizationTypes"]
    assert found["EbsInfo"]["EncryptionSupport"] == "supported"
    assert found["BurstablePerformanceSupported"] is False
    assert found["CurrentGeneration"] is True


def test_a_xen_type(ec2):
    [found] = ec2.describe_instance_types(InstanceTypes=["t2.micro"])["InstanceTypes"]
    assert found["Hypervisor"] == "xen"
    assert {"x86_64", "i386"} == set(found["ProcessorInfo"]["SupportedArchitectures"])
    assert found["NetworkInfo"]["EnaSupport"] == "unsupported"
    assert found["BurstablePerformanceSupported"] is True
    assert found["MemoryInfo"]["SizeInMiB"] == 1024


def test_arm_types(ec2):
    found = types(ec2, InstanceTypes=["t4g.micro", "m6g.large", "m7g.large", "c7g.xlarge"])
    for one in found.values():
        assert one["ProcessorInfo"]["SupportedArchitectures"] == ["arm64"]
        assert one["SupportedBootModes"] == ["uefi"]


def test_the_usual_families_are_there(ec2):
    families = {name.split(".")[0] for name in types(ec2)}
    assert {"t2", "t3", "t4g", "m5", "m6i", "m6g", "m7i", "m7g", "c5", "c6i", "c7g", "r6i"} <= families


def test_types_are_filtered(ec2):
    arm = [{"Name": "processor-info.supported-architecture", "Values": ["arm64"]}]
    assert "t4g.micro" in types(ec2, Filters=arm)
    assert "t3.micro" not in types(ec2, Filters=arm)
    xen = [{"Name": "hypervisor", "Values": ["xen"]}, {"Name": "instance-type", "Values": ["t2.*"]}]
    assert {n.split(".")[0] for n in types(ec2, Filters=xen)} == {"t2"}
    four = [{"Name": "vcpu-info.default-vcpus", "Values": ["4"]}, {"Name": "current-generation", "Values": ["true"]}]
    assert {t["VCpuInfo"]["DefaultVCpus"] for t in types(ec2, Filters=four).values()} == {4}


def test_an_unknown_type_is_refused(ec2):
    refused("InvalidInstanceType", ec2.describe_instance_types, InstanceTypes=["z9.huge"])


def test_an_unknown_type_filter_is_refused(ec2):
    refused("InvalidParameterValue", ec2.describe_instance_types, Filters=[{"Name": "taste", "Values": ["x"]}])


def test_types_are_paged(ec2):
    first = ec2.describe_instance_types(MaxResults=5)
    assert len(first["InstanceTypes"]) == 5
    assert types(ec2, PaginationConfig={"PageSize": 5}).keys() == types(ec2).keys()


def test_offerings_by_region(ec2):
    found = ec2.describe_instance_type_offerings()["InstanceTypeOfferings"]
    assert {o["LocationType"] for o in found} == {"region"}
    assert {o["Location"] for o in found} == {"us-east-1"}
    assert "t3.micro" in {o["InstanceType"] for o in found}


def test_offerings_by_zone_and_zone_id(ec2):
    filters = [{"Name": "instance-type", "Values": ["t3.micro"]}]
    by_zone = ec2.describe_instance_type_offerings(LocationType="availability-zone", Filters=filters)
    assert {"us-east-1a", "us-east-1b"} <= {o["Location"] for o in by_zone["InstanceTypeOfferings"]}
    by_id = ec2.describe_instance_type_offerings(LocationType="availability-zone-id", Filters=filters)
    assert all(o["Location"].startswith("use1-az") for o in by_id["InstanceTypeOfferings"])


def test_offerings_by_location(ec2):
    filters = [{"Name": "location", "Values": ["us-east-1a"]}]
    found = ec2.describe_instance_type_offerings(LocationType="availability-zone", Filters=filters)
    assert {o["Location"] for o in found["InstanceTypeOfferings"]} == {"us-east-1a"}


def test_a_launch_checks_type_and_architecture(ec2, base_ami, arm_ami):
    request = {"MinCount": 1, "MaxCount": 1}
    refused(
        "InvalidParameterValue", ec2.run_instances, ImageId=base_ami, InstanceType="z9.huge", **request
    )
    refused(
        ("InvalidParameterValue", "InvalidParameterCombination", "Unsupported", "UnsupportedOperation"),
        ec2.run_instances,
        ImageId=arm_ami,
        InstanceType="t3.micro",
        **request,
    )
    launched = ec2.run_instances(ImageId=arm_ami, InstanceType="t4g.micro", **request)
    assert launched["Instances"][0]["Architecture"] == "arm64"


def test_sizes_and_memory_of_many_families(ec2):
    expected = {
        "c5.9xlarge": (36, 73728),
        "c5.metal": (96, 196608),
        "m5a.8xlarge": (32, 131072),
        "m7a.medium": (1, 4096),
        "m7i.48xlarge": (192, 786432),
        "c7i.metal-24xl": (96, 196608),
        "r5.large": (2, 16384),
        "r7a.xlarge": (4, 32768),
        "t2.small": (1, 2048),
        "t4g.nano": (2, 512),
        "i3.large": (2, 15616),
        "i4i.32xlarge": (128, 1048576),
        "g4dn.xlarge": (4, 16384),
        "g5.48xlarge": (192, 786432),
        "p3.2xlarge": (8, 62464),
        "x2idn.16xlarge": (64, 1048576),
        "m4.10xlarge": (40, 163840),
    }
    found = types(ec2, InstanceTypes=list(expected))
    shown = {n: (t["VCpuInfo"]["DefaultVCpus"], t["MemoryInfo"]["SizeInMiB"]) for n, t in found.items()}
    assert shown == expected


def one_type(ec2, name):
    return ec2.describe_instance_types(InstanceTypes=[name])["InstanceTypes"][0]


@pytest.mark.parametrize(
    ("name", "vcpus", "memory"),
    [
        ("m7i-flex.large", 2, 8192),
        ("c7i-flex.8xlarge", 32, 65536),
        ("m8i.xlarge", 4, 16384),
        ("i3en.24xlarge", 96, 786432),
        ("i7ie.large", 2, 16384),
        ("i8g.large", 2, 16384),
        ("im4gn.large", 2, 8192),
        ("is4gen.medium", 1, 6144),
        ("g6e.xlarge", 4, 32768),
        ("gr6.4xlarge", 16, 131072),
        ("g5g.xlarge", 4, 8192),
        ("g4ad.xlarge", 4, 16384),
        ("r5b.large", 2, 16384),
        ("r6in.large", 2, 16384),
        ("m6in.large", 2, 8192),
        ("m5dn.large", 2, 8192),
        ("m5zn.large", 2, 8192),
        ("r7iz.large", 2, 16384),
        ("x1.32xlarge", 128, 1998848),
        ("x1e.xlarge", 4, 124928),
        ("d2.xlarge", 4, 31232),
        ("d3.xlarge", 4, 32768),
        ("trn1.2xlarge", 8, 32768),
        ("t1.micro", 1, 627),
        ("c3.large", 2, 3840),
        ("r3.large", 2, 15360),
    ],
)
def test_vcpus_and_memory(ec2, name, vcpus, memory):
    found = one_type(ec2, name)
    assert (found["VCpuInfo"]["DefaultVCpus"], found["MemoryInfo"]["SizeInMiB"]) == (vcpus, memory)


def test_t2_shares_its_hardware(ec2):
    found = one_type(ec2, "t2.micro")
    assert found["VCpuInfo"]["ValidCores"] == [1]
    assert found["PlacementGroupInfo"]["SupportedStrategies"] == ["partition", "spread"]
    assert found["DedicatedHostsSupported"] is False
    assert (found["HibernationSupported"], found["NitroTpmSupport"]) == (True, "unsupported")


def test_disks_of_the_type_itself(ec2):
    found = one_type(ec2, "m5d.4xlarge")["InstanceStorageInfo"]
    assert (found["TotalSizeInGB"], found["NvmeSupport"]) == (600, "required")
    assert found["Disks"] == [{"SizeInGB": 300, "Count": 2, "Type": "ssd"}]
    assert "InstanceStorageInfo" not in one_type(ec2, "m5.4xlarge")


def test_gpus_and_their_memory(ec2):
    info = one_type(ec2, "g4dn.12xlarge")["GpuInfo"]
    assert info["TotalGpuMemoryInMiB"] == 65536
    [gpu] = info["Gpus"]
    assert (gpu["Name"], gpu["Manufacturer"], gpu["Count"]) == ("T4", "NVIDIA", 4)
    assert gpu["MemoryInfo"]["SizeInMiB"] == 16384


def test_how_fast_a_type_is_with_ebs(ec2):
    assert one_type(ec2, "m5.large")["EbsInfo"]["EbsOptimizedInfo"] == {
        "BaselineBandwidthInMbps": 650,
        "BaselineThroughputInMBps": 81.25,
        "BaselineIops": 3600,
        "MaximumBandwidthInMbps": 4750,
        "MaximumThroughputInMBps": 593.75,
        "MaximumIops": 18750,
    }


@pytest.mark.parametrize(
    ("name", "value", "there", "absent"),
    [
        ("hibernation-supported", "true", "m5.large", "m5.metal"),
        ("hibernation-supported", "false", "x1.32xlarge", "t3.micro"),
        ("nitro-tpm-support", "supported", "t3.micro", "t2.micro"),
        ("nitro-enclaves-support", "supported", "m5.xlarge", "m5.large"),
        ("dedicated-hosts-supported", "false", "t2.micro", "m5.large"),
        ("instance-storage-info.disk.type", "hdd", "d2.xlarge", "m5d.large"),
        ("instance-storage-info.total-size-in-gb", "75", "m5d.large", "m5d.xlarge"),
        ("ebs-info.ebs-optimized-info.maximum-iops", "18750", "m5.large", "c5.large"),
    ],
)
def test_types_by_what_they_can_do(ec2, name, value, there, absent):
    found = types(ec2, Filters=[{"Name": name, "Values": [value]}])
    assert there in found and absent not in found


def test_the_sizes_of_c5(ec2):
    names = types(ec2, Filters=[{"Name": "instance-type", "Values": ["c5.*"]}])
    sizes = "large xlarge 2xlarge 4xlarge 9xlarge 12xlarge 18xlarge 24xlarge metal"
    assert set(names) == {f"c5.{size}" for size in sizes.split()}


def test_metal_has_no_hypervisor(ec2):
    metal = types(ec2, Filters=[{"Name": "bare-metal", "Values": ["true"]}])
    assert "m5.metal" in metal and "m5.large" not in metal
    assert not any("Hypervisor" in found for found in metal.values())
