//! What follows from the family of a type.

use super::{Hypervisor, InstanceType};

/// Source: EC2 user guide, "Prerequisites for EC2 instance hibernation".
const HIBERNATING: [&str; 60] = [
    "c3", "c4", "c5", "c5a", "c5ad", "c5d", "c6a", "c6g", "c6gd", "c6gn", "c6i", "c6id", "c6in", "c7a",
    "c7g", "c7gd", "c7gn", "c7i", "c7i-flex", "c8g", "i3", "i3en", "i4g", "m3", "m4", "m5", "m5a", "m5ad",
    "m5d", "m6a", "m6g", "m6gd", "m6i", "m6id", "m7a", "m7g", "m7gd", "m7i", "m7i-flex", "m8g", "r3", "r4",
    "r5", "r5a", "r5ad", "r5d", "r6a", "r6g", "r6gd", "r6i", "r7a", "r7g", "r7gd", "r7i", "r7iz", "r8g",
    "t2", "t3", "t3a", "t4g",
];
/// In MiB: "less than 150 GiB" (ibidem).
const TOO_MUCH_TO_HIBERNATE: u32 = 150 * 1024;

/// Families of x86 and of Graviton that have no enclaves.
/// Source: AWS Nitro Enclaves User Guide, "Requirements".
const WITHOUT_ENCLAVES: [&str; 18] = [
    "a1", "c7i-flex", "g4ad", "g5g", "hpc6a", "hpc6id", "hpc7a", "hpc7g", "im4gn", "is4gen", "m7i-flex",
    "t3", "t3a", "t4g", "trn1", "trn1n", "trn2", "vt1",
];

/// Nitro types that start by legacy BIOS only (EC2 user guide, "Requirements for UEFI boot mode").
const WITHOUT_UEFI: [&str; 5] = ["g4ad", "p4d", "p4de", "vt1", "dl1"];

const PREVIOUS: [&str; 12] = ["c1", "c3", "c4", "i2", "m1", "m2", "m3", "m4", "r3", "r4", "t1", "g2"];

/// From before the options of a processor could be chosen.
const BEFORE_OPTIONS: [&str; 8] = ["c1", "c3", "i2", "m1", "m2", "m3", "r3", "t1"];

/// Of Xen, with the enhanced network of today.
const ENA_ON_XEN: [&str; 7] = ["h1", "i3", "p3", "r4", "x1", "x1e", "f1"];

impl InstanceType {
    pub fn architectures(&self) -> &'static [&'static str] {
        let is_old = matches!(
            self.name,
            "c1.medium"
                | "c3.large"
                | "m1.small"
                | "m1.medium"
                | "t1.micro"
                | "t2.nano"
                | "t2.micro"
                | "t2.small"
                | "t2.medium"
        );
        match self.manufacturer {
            "AWS" => &["arm64"],
            _ if is_old => &["i386", "x86_64"],
            _ => &["x86_64"],
        }
    }

    /// Threads of each core.
    pub fn threads(&self) -> u32 {
        let family = self.family();
        let is_single = self.manufacturer == "AWS"
            || matches!(family, "c1" | "m1" | "m2" | "t1" | "t2" | "hpc6a" | "hpc7a" | "hpc8a" | "hpc6id")
            || self.name == "m3.medium"
            || (self.manufacturer == "AMD"
                && family.chars().nth(1).is_some_and(|generation| generation >= '7'));
        if is_single || self.vcpus == 1 { 1 } else { 2 }
    }

    pub fn is_burstable(&self) -> bool {
        matches!(self.family(), "t2" | "t3" | "t3a" | "t4g")
    }

    pub fn is_current(&self) -> bool {
        !PREVIOUS.contains(&self.family())
    }

    pub fn is_before_options(&self) -> bool {
        BEFORE_OPTIONS.contains(&self.family())
    }

    pub fn is_free_tier(&self) -> bool {
        matches!(self.name, "t2.micro" | "t3.micro")
    }

    pub fn hibernates(&self) -> bool {
        !self.is_metal() && self.memory < TOO_MUCH_TO_HIBERNATE && HIBERNATING.contains(&self.family())
    }

    pub fn has_enclaves(&self) -> bool {
        let least = if self.manufacturer == "AWS" { 2 } else { 4 };
        let is_able = self.is_nitro() && !self.is_metal() && !self.family().starts_with("u-");
        is_able && self.vcpus >= least && !WITHOUT_ENCLAVES.contains(&self.family())
    }

    /// It needs UEFI, and a hypervisor that provides it (EC2 user guide, "Requirements for using `NitroTPM`").
    pub fn has_tpm(&self) -> bool {
        self.is_nitro() && !self.is_metal() && self.family() != "a1" && self.boot_modes().contains(&"uefi")
    }

    pub fn boot_modes(&self) -> &'static [&'static str] {
        let is_legacy = self.is_metal() || self.family().starts_with("u-");
        match self.hypervisor {
            Hypervisor::Nitro if self.manufacturer == "AWS" => &["uefi"],
            Hypervisor::Nitro if !is_legacy && !WITHOUT_UEFI.contains(&self.family()) => {
                &["legacy-bios", "uefi"]
            }
            Hypervisor::Nitro | Hypervisor::Xen => &["legacy-bios"],
        }
    }

    pub fn ena(&self) -> &'static str {
        match self.hypervisor {
            Hypervisor::Nitro => "required",
            Hypervisor::Xen if ENA_ON_XEN.contains(&self.family()) || self.name == "m4.16xlarge" => {
                "supported"
            }
            Hypervisor::Xen => "unsupported",
        }
    }

    /// Of EBS volumes.
    pub fn nvme(&self) -> &'static str {
        if self.is_nitro() { "required" } else { "unsupported" }
    }

    /// A type that shares its hardware too much, or too little, is in no cluster.
    pub fn placement_strategies(&self) -> &'static [&'static str] {
        let family = self.family();
        let is_apart = family.starts_with('t') && !family.starts_with("trn")
            || family.ends_with("-flex")
            || matches!(family, "c1" | "m1" | "m2" | "m3");
        if is_apart { &["partition", "spread"] } else { &["cluster", "partition", "spread"] }
    }

    pub fn on_dedicated_hosts(&self) -> bool {
        let family = self.family();
        !(family.ends_with("-flex")
            || family.starts_with("hpc")
            || matches!(family, "c1" | "m1" | "m2" | "t1" | "t2" | "t3a" | "t4g"))
    }

    /// Not where disks of its own would stay behind.
    pub fn recovers(&self) -> bool {
        !self.is_metal() && self.disks.is_none_or(|disks| !disks.nvme)
    }
}
