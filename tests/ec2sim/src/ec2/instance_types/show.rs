//! Instance types as `DescribeInstanceTypes` shows them.

use super::catalog::{Disks, EbsPerformance, Gpus, Hypervisor, InstanceType, throughput};
use crate::core::xml::Node;

pub const USAGE_CLASSES: [&str; 2] = ["on-demand", "spot"];

pub fn supported(is_able: bool) -> &'static str {
    if is_able { "supported" } else { "unsupported" }
}

/// None on bare metal.
pub fn hypervisor(it: &InstanceType) -> Option<&'static str> {
    let name = match it.hypervisor {
        Hypervisor::Nitro => "nitro",
        Hypervisor::Xen => "xen",
    };
    (!it.is_metal()).then_some(name)
}

pub fn tpm_versions(it: &InstanceType) -> &'static [&'static str] {
    if it.has_tpm() { &["2.0"] } else { &[] }
}

pub fn disk_encryption(disks: &Disks) -> &'static str {
    if disks.nvme { "required" } else { "unsupported" }
}

pub fn disk_nvme(disks: &Disks) -> &'static str {
    if disks.nvme { "required" } else { "unsupported" }
}

pub fn network(it: &InstanceType) -> String {
    it.network.replace('_', " ")
}

pub fn node(it: &InstanceType) -> Node {
    let node = Node::new()
        .text("instanceType", it.name)
        .text("currentGeneration", it.is_current())
        .text("freeTierEligible", it.is_free_tier())
        .texts("supportedUsageClasses", USAGE_CLASSES)
        .texts("supportedRootDeviceTypes", ["ebs"])
        .texts("supportedVirtualizationTypes", ["hvm"])
        .text("bareMetal", it.is_metal())
        .opt("hypervisor", hypervisor(it))
        .child("processorInfo", processor(it))
        .child("vCpuInfo", vcpus(it))
        .child("memoryInfo", Node::new().text("sizeInMiB", it.memory))
        .text("instanceStorageSupported", it.disks.is_some())
        .opt_child("instanceStorageInfo", it.disks.as_ref().map(storage))
        .child("ebsInfo", ebs(it))
        .child("networkInfo", interfaces(it))
        .opt_child("gpuInfo", it.gpus.as_ref().map(gpus));
    abilities(it, node)
}

fn abilities(it: &InstanceType, node: Node) -> Node {
    let strategies = Node::new().texts("supportedStrategies", it.placement_strategies());
    let versions = || Node::new().texts("supportedVersions", tpm_versions(it));
    node.child("placementGroupInfo", strategies)
        .text("hibernationSupported", it.hibernates())
        .text("burstablePerformanceSupported", it.is_burstable())
        .text("dedicatedHostsSupported", it.on_dedicated_hosts())
        .text("autoRecoverySupported", it.recovers())
        .texts("supportedBootModes", it.boot_modes())
        .text("nitroEnclavesSupport", supported(it.has_enclaves()))
        .text("nitroTpmSupport", supported(it.has_tpm()))
        .opt_child("nitroTpmInfo", it.has_tpm().then(versions))
        .text("supportedInRegion", true)
}

fn processor(it: &InstanceType) -> Node {
    Node::new()
        .texts("supportedArchitectures", it.architectures())
        .opt("sustainedClockSpeedInGhz", it.clock)
        .text("manufacturer", it.manufacturer)
}

fn vcpus(it: &InstanceType) -> Node {
    Node::new()
        .text("defaultVCpus", it.vcpus)
        .text("defaultCores", it.cores())
        .text("defaultThreadsPerCore", it.threads())
        .texts("validCores", it.valid_cores())
        .texts("validThreadsPerCore", 1..=it.threads())
}

fn storage(disks: &Disks) -> Node {
    let disk = Node::new().text("sizeInGB", disks.size).text("count", disks.count).text("type", disks.kind);
    Node::new()
        .text("totalSizeInGB", disks.count * disks.size)
        .set("disks", [disk])
        .text("nvmeSupport", disk_nvme(disks))
        .text("encryptionSupport", disk_encryption(disks))
}

fn ebs(it: &InstanceType) -> Node {
    Node::new()
        .text("ebsOptimizedSupport", it.ebs_optimized())
        .text("encryptionSupport", "supported")
        .opt_child("ebsOptimizedInfo", it.ebs_performance().as_ref().map(performance))
        .text("nvmeSupport", it.nvme())
}

fn performance(ebs: &EbsPerformance) -> Node {
    Node::new()
        .text("baselineBandwidthInMbps", ebs.baseline)
        .text("baselineThroughputInMBps", throughput(ebs.baseline))
        .text("baselineIops", ebs.baseline_iops)
        .text("maximumBandwidthInMbps", ebs.maximum)
        .text("maximumThroughputInMBps", throughput(ebs.maximum))
        .text("maximumIops", ebs.maximum_iops)
}

fn gpus(gpus: &Gpus) -> Node {
    let gpu = Node::new()
        .text("name", &gpus.name)
        .text("manufacturer", gpus.manufacturer)
        .text("count", gpus.count)
        .child("memoryInfo", Node::new().text("sizeInMiB", gpus.memory));
    Node::new().set("gpus", [gpu]).text("totalGpuMemoryInMiB", gpus.count * gpus.memory)
}

fn interfaces(it: &InstanceType) -> Node {
    let card = Node::new()
        .text("networkCardIndex", 0)
        .text("networkPerformance", network(it))
        .text("maximumNetworkInterfaces", it.interfaces);
    Node::new()
        .text("networkPerformance", network(it))
        .text("maximumNetworkInterfaces", it.interfaces)
        .text("maximumNetworkCards", 1)
        .text("defaultNetworkCardIndex", 0)
        .set("networkCards", [card])
        .text("ipv4AddressesPerInterface", it.addresses)
        .text("ipv6AddressesPerInterface", it.addresses)
        .text("ipv6Supported", true)
        .text("enaSupport", it.ena())
        .text("efaSupported", false)
        .text("encryptionInTransitSupported", it.encrypts)
        .text("enaSrdSupported", false)
}
