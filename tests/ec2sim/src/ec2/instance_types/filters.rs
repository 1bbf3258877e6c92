//! The filters of `DescribeInstanceTypes`.

use super::{
    catalog::{Disks, EbsPerformance, InstanceType, throughput},
    show,
};

pub const KNOWN: [&str; 56] = [
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

/// What a type has for a filter.
pub fn values(it: &InstanceType, name: &str) -> Vec<String> {
    let texts = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    let value = match name {
        "supported-boot-mode" => return texts(it.boot_modes()),
        "processor-info.supported-architecture" => return texts(it.architectures()),
        "processor-info.sustained-clock-speed-in-ghz" => return texts(it.clock.as_slice()),
        "supported-usage-class" => return texts(&show::USAGE_CLASSES),
        "hypervisor" => return texts(show::hypervisor(it).as_slice()),
        "nitro-tpm-info.supported-versions" => return texts(show::tpm_versions(it)),
        "vcpu-info.valid-threads-per-core" => {
            return (1..=it.threads()).map(|threads| threads.to_string()).collect();
        }
        "vcpu-info.valid-cores" => return it.valid_cores().iter().map(ToString::to_string).collect(),
        "burstable-performance-supported" => it.is_burstable().to_string(),
        "current-generation" => it.is_current().to_string(),
        "free-tier-eligible" => it.is_free_tier().to_string(),
        "bare-metal" => it.is_metal().to_string(),
        "instance-storage-supported" => it.disks.is_some().to_string(),
        "instance-type" => it.name.to_owned(),
        "memory-info.size-in-mib" => it.memory.to_string(),
        "network-info.ipv4-addresses-per-interface" | "network-info.ipv6-addresses-per-interface" => {
            it.addresses.to_string()
        }
        "network-info.maximum-network-cards" => "1".to_owned(),
        "network-info.maximum-network-interfaces" => it.interfaces.to_string(),
        "vcpu-info.default-cores" => it.cores().to_string(),
        "vcpu-info.default-threads-per-core" => it.threads().to_string(),
        "vcpu-info.default-vcpus" => it.vcpus.to_string(),
        other => return storage_value(it, other).or_else(|| ability(it, other)).into_iter().collect(),
    };
    vec![value]
}

fn storage_value(it: &InstanceType, name: &str) -> Option<String> {
    if let Some(name) = name.strip_prefix("instance-storage-info.") {
        return disk_value(it.disks.as_ref()?, name);
    }
    ebs_value(&it.ebs_performance()?, name.strip_prefix("ebs-info.ebs-optimized-info.")?)
}

fn disk_value(disks: &Disks, name: &str) -> Option<String> {
    Some(match name {
        "disk.count" => disks.count.to_string(),
        "disk.size-in-gb" => disks.size.to_string(),
        "disk.type" => disks.kind.to_owned(),
        "encryption-support" => show::disk_encryption(disks).to_owned(),
        "nvme-support" => show::disk_nvme(disks).to_owned(),
        "total-size-in-gb" => (disks.count * disks.size).to_string(),
        _ => return None,
    })
}

fn ebs_value(ebs: &EbsPerformance, name: &str) -> Option<String> {
    Some(match name {
        "baseline-bandwidth-in-mbps" => ebs.baseline.to_string(),
        "baseline-iops" => ebs.baseline_iops.to_string(),
        "baseline-throughput-in-mbps" => throughput(ebs.baseline).to_string(),
        "maximum-bandwidth-in-mbps" => ebs.maximum.to_string(),
        "maximum-iops" => ebs.maximum_iops.to_string(),
        "maximum-throughput-in-mbps" => throughput(ebs.maximum).to_string(),
        _ => return None,
    })
}

fn ability(it: &InstanceType, name: &str) -> Option<String> {
    let value = match name {
        "auto-recovery-supported" => return Some(it.recovers().to_string()),
        "dedicated-hosts-supported" => return Some(it.on_dedicated_hosts().to_string()),
        "hibernation-supported" => return Some(it.hibernates().to_string()),
        "network-info.encryption-in-transit-supported" => return Some(it.encrypts.to_string()),
        "network-info.ipv6-supported" => "true",
        "network-info.efa-supported" => "false",
        "ebs-info.ebs-optimized-support" => it.ebs_optimized(),
        "ebs-info.encryption-support" => "supported",
        "ebs-info.nvme-support" => it.nvme(),
        "network-info.ena-support" => it.ena(),
        "network-info.network-performance" => &show::network(it),
        "nitro-enclaves-support" => show::supported(it.has_enclaves()),
        "nitro-tpm-support" => show::supported(it.has_tpm()),
        "supported-root-device-type" => "ebs",
        "supported-virtualization-type" => "hvm",
        _ => return None,
    };
    Some(value.to_owned())
}
