//! The instance types that are offered, as in the Amazon EC2 instance type specifications.

mod abilities;
mod ebs;
mod line;

use std::{collections::BTreeMap, sync::LazyLock};

pub use self::ebs::{EbsPerformance, throughput};

/// One type a line: name, virtual CPUs, MiB, sustained clock in GHz, manufacturer, hypervisor, network interfaces with the
/// addresses of each; then EBS bandwidth in Mbps, disks, GPUs and network where there are any.
const TYPES: &str = include_str!("catalog/types.txt");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hypervisor {
    Nitro,
    Xen,
}

/// One instance type.
#[derive(Debug)]
pub struct InstanceType {
    pub name: &'static str,
    pub vcpus: u32,
    /// In MiB.
    pub memory: u32,
    /// Sustained, in GHz.
    pub clock: Option<&'static str>,
    pub manufacturer: &'static str,
    pub hypervisor: Hypervisor,
    pub interfaces: u32,
    /// IPv4 addresses of each interface.
    pub addresses: u32,
    /// The greatest bandwidth to EBS, in Mbps.
    pub ebs_bandwidth: Option<u32>,
    pub disks: Option<Disks>,
    pub gpus: Option<Gpus>,
    pub network: &'static str,
    /// Encrypts the traffic between instances.
    pub encrypts: bool,
}

/// Disks of the instance's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disks {
    pub count: u32,
    /// Of each, in GB.
    pub size: u32,
    /// `ssd` or `hdd`.
    pub kind: &'static str,
    pub nvme: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gpus {
    pub count: u32,
    /// Of each, in MiB.
    pub memory: u32,
    pub manufacturer: &'static str,
    pub name: String,
}

static ALL: LazyLock<BTreeMap<&str, InstanceType>> =
    LazyLock::new(|| TYPES.lines().filter_map(line::read).map(|kind| (kind.name, kind)).collect());

/// All types, sorted by name.
pub fn all() -> impl Iterator<Item = &'static InstanceType> {
    ALL.values()
}

pub fn find(name: &str) -> Option<&'static InstanceType> {
    ALL.get(name)
}

impl InstanceType {
    pub fn family(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(family, _)| family)
    }

    pub fn is_nitro(&self) -> bool {
        self.hypervisor == Hypervisor::Nitro
    }

    /// Runs without a hypervisor.
    pub fn is_metal(&self) -> bool {
        self.name.contains(".metal")
    }

    pub fn cores(&self) -> u32 {
        (self.vcpus / self.threads()).max(1)
    }

    /// The numbers of cores that `CpuOptions` may ask for; none where the number cannot be chosen.
    pub fn valid_cores(&self) -> Vec<u32> {
        if self.is_metal() || self.is_before_options() {
            return Vec::new();
        }
        (1..=self.cores()).filter(|cores| *cores == 1 || cores % 2 == 0).collect()
    }

    pub fn runs(&self, architecture: &str) -> bool {
        self.architectures().contains(&architecture)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str) -> &'static InstanceType {
        find(name).expect("the type is there")
    }

    #[test]
    fn every_line_is_read() {
        assert_eq!(all().count(), TYPES.lines().count());
    }

    #[test]
    fn disks_are_those_of_the_type() {
        let disks = Disks { count: 2, size: 300, kind: "ssd", nvme: true };
        assert_eq!(found("m5d.4xlarge").disks, Some(disks));
        assert_eq!(found("m5.4xlarge").disks, None);
        assert_eq!(found("d2.xlarge").disks.map(|disks| (disks.count, disks.kind)), Some((3, "hdd")));
    }

    #[test]
    fn gpus_are_those_of_the_type() {
        let gpus = found("g4dn.12xlarge").gpus.clone().expect("it has some");
        assert_eq!((gpus.count, gpus.name.as_str(), gpus.memory), (4, "T4", 16_384));
        assert_eq!(found("m5.large").gpus, None);
    }

    #[test]
    fn hibernation_enclaves_and_tpm_go_by_family_and_size() {
        let able = |name| {
            let kind = found(name);
            (kind.hibernates(), kind.has_enclaves(), kind.has_tpm())
        };
        assert_eq!(able("m5.xlarge"), (true, true, true));
        assert_eq!(able("m5.large"), (true, false, true));
        assert_eq!(able("m5.24xlarge"), (false, true, true));
        assert_eq!(able("m5.metal"), (false, false, false));
        assert_eq!(able("t2.micro"), (true, false, false));
        assert_eq!(able("t3.2xlarge"), (true, false, true));
        assert_eq!(able("m6g.large"), (true, true, true));
    }
}
