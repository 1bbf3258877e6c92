//! The instance types that are offered: sizes by family, as in the Amazon EC2 instance type specifications.

mod families;
mod sizes;

use self::{families::FAMILIES, sizes::Size};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hypervisor {
    Nitro,
    Xen,
}

#[derive(Debug)]
pub struct Family {
    pub name: &'static str,
    pub hypervisor: Hypervisor,
    pub architectures: &'static [&'static str],
    pub manufacturer: &'static str,
    /// Sustained, in GHz.
    pub clock: &'static str,
    /// Threads per core.
    pub threads: u32,
    pub burstable: bool,
    pub current: bool,
    pub network: &'static str,
    sizes: &'static [Size],
    /// MiB per virtual CPU, for sizes that do not say it themselves.
    memory: u32,
    /// Has disks of its own.
    pub disks: bool,
}

/// One instance type.
#[derive(Clone, Debug)]
pub struct InstanceType {
    pub name: String,
    pub family: &'static Family,
    pub vcpus: u32,
    /// In MiB.
    pub memory: u32,
    size: &'static str,
}

/// All types, sorted by name.
pub fn all() -> impl Iterator<Item = InstanceType> {
    let mut types: Vec<InstanceType> = FAMILIES.iter().flat_map(of_family).collect();
    types.sort_by(|one, other| one.name.cmp(&other.name));
    types.into_iter()
}

pub fn find(name: &str) -> Option<InstanceType> {
    let (family, _) = name.split_once('.')?;
    let family = FAMILIES.iter().find(|it| it.name == family)?;
    of_family(family).find(|it| it.name == name)
}

fn of_family(family: &'static Family) -> impl Iterator<Item = InstanceType> {
    family.sizes.iter().map(move |size| InstanceType {
        name: format!("{}.{}", family.name, size.name),
        family,
        vcpus: size.vcpus,
        memory: size.memory.unwrap_or(size.vcpus * family.memory),
        size: size.name,
    })
}

impl InstanceType {
    pub fn is_nitro(&self) -> bool {
        self.family.hypervisor == Hypervisor::Nitro || self.is_metal()
    }

    /// Runs without a hypervisor.
    pub fn is_metal(&self) -> bool {
        self.size.starts_with("metal")
    }

    /// The numbers of cores that `CpuOptions` may ask for; none where the number cannot be chosen.
    pub fn valid_cores(&self) -> Vec<u32> {
        if self.is_metal() || !self.is_nitro() {
            return Vec::new();
        }
        (1..=self.cores()).filter(|cores| *cores == 1 || cores % 2 == 0).collect()
    }

    pub fn runs(&self, architecture: &str) -> bool {
        self.family.architectures.contains(&architecture)
    }

    pub fn cores(&self) -> u32 {
        (self.vcpus / self.family.threads).max(1)
    }

    pub fn is_free_tier(&self) -> bool {
        matches!(self.name.as_str(), "t2.micro" | "t3.micro")
    }

    pub fn boot_modes(&self) -> &'static [&'static str] {
        match (self.family.hypervisor, self.family.manufacturer) {
            (Hypervisor::Xen, _) => &["legacy-bios"],
            (Hypervisor::Nitro, "AWS") => &["uefi"],
            (Hypervisor::Nitro, _) => &["legacy-bios", "uefi"],
        }
    }

    pub fn ena(&self) -> &'static str {
        if self.is_nitro() { "required" } else { "unsupported" }
    }

    pub fn nvme(&self) -> &'static str {
        if self.is_nitro() { "required" } else { "unsupported" }
    }

    pub fn ebs_optimized(&self) -> &'static str {
        if matches!(self.family.name, "m1" | "m3" | "t2") { "unsupported" } else { "default" }
    }

    pub fn interfaces(&self) -> u32 {
        match self.size {
            "nano" | "micro" | "medium" if self.vcpus <= 2 && self.memory <= 4096 => 2,
            "small" | "medium" | "large" => 3,
            "xlarge" | "2xlarge" => 4,
            "16xlarge" | "24xlarge" => 15,
            _ => 8,
        }
    }

    /// IPv4 addresses of each interface.
    pub fn addresses(&self) -> u32 {
        match self.size {
            "nano" | "micro" => 2,
            "small" | "medium" => 4,
            "large" => 10,
            "xlarge" | "2xlarge" => 15,
            "16xlarge" | "24xlarge" => 50,
            _ => 30,
        }
    }
}
