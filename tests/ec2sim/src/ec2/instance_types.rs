//! Instance types and where they are offered.

mod catalog;

use self::catalog::Hypervisor;
pub use self::catalog::{InstanceType, all, find};
use crate::core::{
    Call, Handler, Outcome, error::ApiError, filters::Filters, paging::Page, tags::Tags, world::World,
    xml::Node,
};

pub fn handler(action: &str) -> Option<Handler> {
    match action {
        "DescribeInstanceTypes" => Some(Handler::Read(describe_instance_types)),
        "DescribeInstanceTypeOfferings" => Some(Handler::Read(describe_instance_type_offerings)),
        _ => None,
    }
}

const FILTERS: [&str; 56] = [
    "auto-recovery-supported",
    "bare-metal",
    "burstable-performance-supported",
    "current-generation",
    "dedicated-hosts-supported",
    "ebs-info.attachment-limit-type",
    "ebs-info.ebs-optimized-info.baseline-bandwidth-in-mbps",
    "ebs-info.ebs-optimized-info.baseline-iops",
    "ebs-info.ebs-optimized-info.baseline-throughput-in-mbps",
    "ebs-info.ebs-optimized-info.maximum-bandwidth-in-mbps",
    "ebs-info.ebs-optimized-info.maximum-iops",
    "ebs-info.ebs-optimized-info.maximum-throughput-in-mbps",
    "ebs-info.ebs-optimized-support",
    "ebs-info.encryption-support",
    "ebs-info.maximum-ebs-attachments",
    "ebs-info.nvme-support",
    "free-tier-eligible",
    "hibernation-supported",
    "hypervisor",
    "instance-storage-info.disk.count",
    "instance-storage-info.disk.size-in-gb",
    "instance-storage-info.disk.type",
    "instance-storage-info.encryption-support",
    "instance-storage-info.nvme-support",
    "instance-storage-info.total-size-in-gb",
    "instance-storage-supported",
    "instance-type",
    "memory-info.size-in-mib",
    "network-info.bandwidth-weightings",
    "network-info.efa-info.maximum-efa-interfaces",
    "network-info.efa-supported",
    "network-info.ena-support",
    "network-info.encryption-in-transit-supported",
    "network-info.flexible-ena-queues-support",
    "network-info.ipv4-addresses-per-interface",
    "network-info.ipv6-addresses-per-interface",
    "network-info.ipv6-supported",
    "network-info.maximum-network-cards",
    "network-info.maximum-network-interfaces",
    "network-info.network-performance",
    "nitro-enclaves-support",
    "nitro-tpm-info.supported-versions",
    "nitro-tpm-support",
    "processor-info.supported-architecture",
    "processor-info.supported-features",
    "processor-info.sustained-clock-speed-in-ghz",
    "reboot-migration-support",
    "supported-boot-mode",
    "supported-root-device-type",
    "supported-usage-class",
    "supported-virtualization-type",
    "vcpu-info.default-cores",
    "vcpu-info.default-threads-per-core",
    "vcpu-info.default-vcpus",
    "vcpu-info.valid-cores",
    "vcpu-info.valid-threads-per-core",
];

fn describe_instance_types(call: &Call, _: &World) -> Outcome {
    let filters = Filters::parse(call.params, &FILTERS)?;
    let page = Page::parse(call.params, 5..=100)?.at_most(100);
    let asked = call.params.texts("InstanceType");
    let unknown: Vec<&str> = asked.iter().copied().filter(|name| find(name).is_none()).collect();
    if !unknown.is_empty() {
        let message = format!("The following supplied instance types do not exist: [{}]", unknown.join(", "));
        return Err(ApiError::new("InvalidInstanceType", message));
    }
    let shown = catalog::all().filter(|it| {
        (asked.is_empty() || asked.contains(&it.name.as_str()))
            && filters.match_all(&Tags::new(), |name| filter_values(it, name))
    });
    Ok(page.reply("instanceTypeSet", shown, |it| it.name.clone(), |it| node(&it)).into())
}

fn filter_values(it: &InstanceType, name: &str) -> Vec<String> {
    let texts = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    let value = match name {
        "supported-boot-mode" => return texts(it.boot_modes()),
        "processor-info.supported-architecture" => return texts(it.family.architectures),
        "supported-usage-class" => return texts(&USAGE_CLASSES),
        "burstable-performance-supported" => it.family.burstable.to_string(),
        "current-generation" => it.family.current.to_string(),
        "free-tier-eligible" => it.is_free_tier().to_string(),
        "bare-metal" => it.is_metal().to_string(),
        "hypervisor" => return hypervisor(it).map(str::to_owned).into_iter().collect(),
        "instance-storage-supported" => it.family.disks.to_string(),
        "instance-type" => it.name.clone(),
        "memory-info.size-in-mib" => it.memory.to_string(),
        "network-info.ipv4-addresses-per-interface" | "network-info.ipv6-addresses-per-interface" => {
            it.addresses().to_string()
        }
        "network-info.maximum-network-cards" => "1".to_owned(),
        "network-info.maximum-network-interfaces" => it.interfaces().to_string(),
        "vcpu-info.valid-threads-per-core" => {
            return (1..=it.family.threads).map(|threads| threads.to_string()).collect();
        }
        "vcpu-info.valid-cores" => return it.valid_cores().iter().map(ToString::to_string).collect(),
        "vcpu-info.default-cores" => it.cores().to_string(),
        "vcpu-info.default-threads-per-core" => it.family.threads.to_string(),
        "vcpu-info.default-vcpus" => it.vcpus.to_string(),
        other => fixed_value(it, other).to_owned(),
    };
    vec![value]
}

fn fixed_value(it: &InstanceType, name: &str) -> &'static str {
    match name {
        "auto-recovery-supported" | "dedicated-hosts-supported" | "network-info.ipv6-supported" => "true",
        "hibernation-supported" | "network-info.efa-supported" => "false",
        "ebs-info.ebs-optimized-support" => it.ebs_optimized(),
        "ebs-info.encryption-support" => "supported",
        "ebs-info.nvme-support" => it.nvme(),
        "network-info.ena-support" => it.ena(),
        "network-info.network-performance" => it.family.network,
        "nitro-enclaves-support" | "nitro-tpm-support" => "unsupported",
        "processor-info.sustained-clock-speed-in-ghz" => it.family.clock,
        "supported-root-device-type" => "ebs",
        "supported-virtualization-type" => "hvm",
        _ => "",
    }
}

/// None on bare metal.
fn hypervisor(it: &InstanceType) -> Option<&'static str> {
    (!it.is_metal()).then(|| it.family.hypervisor.name())
}

const USAGE_CLASSES: [&str; 2] = ["on-demand", "spot"];

fn node(it: &InstanceType) -> Node {
    let processor = Node::new()
        .texts("supportedArchitectures", it.family.architectures)
        .text("sustainedClockSpeedInGhz", it.family.clock)
        .text("manufacturer", it.family.manufacturer);
    let vcpus = Node::new()
        .text("defaultVCpus", it.vcpus)
        .text("defaultCores", it.cores())
        .text("defaultThreadsPerCore", it.family.threads)
        .texts("validCores", it.valid_cores())
        .texts("validThreadsPerCore", 1..=it.family.threads);
    Node::new()
        .text("instanceType", &it.name)
        .text("currentGeneration", it.family.current)
        .text("freeTierEligible", it.is_free_tier())
        .texts("supportedUsageClasses", USAGE_CLASSES)
        .texts("supportedRootDeviceTypes", ["ebs"])
        .texts("supportedVirtualizationTypes", ["hvm"])
        .text("bareMetal", it.is_metal())
        .opt("hypervisor", hypervisor(it))
        .child("processorInfo", processor)
        .child("vCpuInfo", vcpus)
        .child("memoryInfo", Node::new().text("sizeInMiB", it.memory))
        .text("instanceStorageSupported", it.family.disks)
        .child("ebsInfo", ebs_node(it))
        .child("networkInfo", network_node(it))
        .child(
            "placementGroupInfo",
            Node::new().texts("supportedStrategies", ["cluster", "partition", "spread"]),
        )
        .text("hibernationSupported", false)
        .text("burstablePerformanceSupported", it.family.burstable)
        .text("dedicatedHostsSupported", true)
        .text("autoRecoverySupported", true)
        .texts("supportedBootModes", it.boot_modes())
        .text("nitroEnclavesSupport", "unsupported")
        .text("nitroTpmSupport", "unsupported")
        .text("supportedInRegion", true)
}

fn ebs_node(it: &InstanceType) -> Node {
    Node::new()
        .text("ebsOptimizedSupport", it.ebs_optimized())
        .text("encryptionSupport", "supported")
        .text("nvmeSupport", it.nvme())
}

fn network_node(it: &InstanceType) -> Node {
    let card = Node::new()
        .text("networkCardIndex", 0)
        .text("networkPerformance", it.family.network)
        .text("maximumNetworkInterfaces", it.interfaces());
    Node::new()
        .text("networkPerformance", it.family.network)
        .text("maximumNetworkInterfaces", it.interfaces())
        .text("maximumNetworkCards", 1)
        .text("defaultNetworkCardIndex", 0)
        .set("networkCards", [card])
        .text("ipv4AddressesPerInterface", it.addresses())
        .text("ipv6AddressesPerInterface", it.addresses())
        .text("ipv6Supported", true)
        .text("enaSupport", it.ena())
        .text("efaSupported", false)
        .text("encryptionInTransitSupported", false)
        .text("enaSrdSupported", false)
}

const OFFERING_FILTERS: [&str; 2] = ["instance-type", "location"];

/// Every type is offered in every region and zone.
fn describe_instance_type_offerings(call: &Call, world: &World) -> Outcome {
    let filters = Filters::parse(call.params, &OFFERING_FILTERS)?;
    let page = Page::parse(call.params, 5..=1000)?.at_most(1000);
    let region = call.region(world);
    let kind = call.params.text("LocationType").unwrap_or("region");
    let locations: Vec<&str> = match kind {
        "region" => vec![&region.name],
        "availability-zone" => region.zones.iter().map(|zone| zone.name.as_str()).collect(),
        "availability-zone-id" => region.zones.iter().map(|zone| zone.id.as_str()).collect(),
        "outpost" => Vec::new(),
        other => return Err(ApiError::bad_value(other, "locationType", "")),
    };
    let offered = catalog::all().flat_map(|it| locations.iter().map(move |place| (it.name.clone(), *place)));
    let shown = offered.filter(|(name, place)| {
        filters.match_all(&Tags::new(), |filter| match filter {
            "instance-type" => vec![name.clone()],
            _ => vec![(*place).to_owned()],
        })
    });
    let show = |(name, place): (String, &str)| {
        Node::new().text("instanceType", name).text("locationType", kind).text("location", place)
    };
    Ok(page.reply("instanceTypeOfferingSet", shown, |(name, place)| format!("{name} {place}"), show).into())
}

impl Hypervisor {
    fn name(self) -> &'static str {
        match self {
            Self::Nitro => "nitro",
            Self::Xen => "xen",
        }
    }
}
