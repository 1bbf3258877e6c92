//! The instance types that are offered: sizes by family, as in the Amazon EC2 instance type specifications.

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
}

#[derive(Clone, Copy, Debug)]
struct Size {
    name: &'static str,
    vcpus: u32,
    /// MiB, if not in proportion to the virtual CPUs.
    memory: Option<u32>,
}

const fn size(name: &'static str, vcpus: u32) -> Size {
    Size { name, vcpus, memory: None }
}

const fn burst(name: &'static str, vcpus: u32, memory: u32) -> Size {
    Size { name, vcpus, memory: Some(memory) }
}

const BURSTABLE: [Size; 7] = [
    burst("nano", 2, 512),
    burst("micro", 2, 1024),
    burst("small", 2, 2048),
    burst("medium", 2, 4096),
    burst("large", 2, 8192),
    burst("xlarge", 4, 16_384),
    burst("2xlarge", 8, 32_768),
];

const BURSTABLE_XEN: [Size; 7] = [
    burst("nano", 1, 512),
    burst("micro", 1, 1024),
    burst("small", 1, 2048),
    burst("medium", 2, 4096),
    burst("large", 2, 8192),
    burst("xlarge", 4, 16_384),
    burst("2xlarge", 8, 32_768),
];

const REGULAR: [Size; 8] = [
    size("large", 2),
    size("xlarge", 4),
    size("2xlarge", 8),
    size("4xlarge", 16),
    size("8xlarge", 32),
    size("12xlarge", 48),
    size("16xlarge", 64),
    size("24xlarge", 96),
];

const GRAVITON: [Size; 8] = [
    size("medium", 1),
    size("large", 2),
    size("xlarge", 4),
    size("2xlarge", 8),
    size("4xlarge", 16),
    size("8xlarge", 32),
    size("12xlarge", 48),
    size("16xlarge", 64),
];

const INTEL: Family = Family {
    name: "",
    hypervisor: Hypervisor::Nitro,
    architectures: &["x86_64"],
    manufacturer: "Intel",
    clock: "3.5",
    threads: 2,
    burstable: false,
    current: true,
    network: "Up to 12.5 Gigabit",
    sizes: &REGULAR,
    memory: 4096,
};

const ARM: Family = Family {
    architectures: &["arm64"],
    manufacturer: "AWS",
    clock: "2.5",
    threads: 1,
    sizes: &GRAVITON,
    ..INTEL
};

static FAMILIES: [Family; 21] = [
    Family { name: "c5", clock: "3.4", network: "Up to 10 Gigabit", memory: 2048, ..INTEL },
    Family { name: "c6g", network: "Up to 10 Gigabit", memory: 2048, ..ARM },
    Family { name: "c6i", memory: 2048, ..INTEL },
    Family { name: "c7g", clock: "2.6", memory: 2048, ..ARM },
    Family { name: "c7i", clock: "3.2", memory: 2048, ..INTEL },
    Family {
        name: "m1",
        hypervisor: Hypervisor::Xen,
        architectures: &["i386", "x86_64"],
        clock: "1.7",
        threads: 1,
        network: "Low",
        current: false,
        sizes: &[burst("small", 1, 1740), burst("medium", 1, 3788)],
        ..INTEL
    },
    Family {
        name: "m4",
        hypervisor: Hypervisor::Xen,
        clock: "2.4",
        network: "Moderate",
        current: false,
        sizes: &[size("large", 2), size("xlarge", 4), size("2xlarge", 8), size("4xlarge", 16)],
        ..INTEL
    },
    Family { name: "m5", clock: "3.1", network: "Up to 10 Gigabit", ..INTEL },
    Family { name: "m6a", manufacturer: "AMD", clock: "3.6", ..INTEL },
    Family { name: "m6g", network: "Up to 10 Gigabit", ..ARM },
    Family { name: "m6i", ..INTEL },
    Family { name: "m7g", clock: "2.6", ..ARM },
    Family { name: "m7i", clock: "3.2", ..INTEL },
    Family { name: "r5", clock: "3.1", network: "Up to 10 Gigabit", memory: 8192, ..INTEL },
    Family { name: "r6g", network: "Up to 10 Gigabit", memory: 8192, ..ARM },
    Family { name: "r6i", memory: 8192, ..INTEL },
    Family { name: "r7g", clock: "2.6", memory: 8192, ..ARM },
    Family {
        name: "t2",
        hypervisor: Hypervisor::Xen,
        architectures: &["i386", "x86_64"],
        clock: "2.5",
        threads: 1,
        burstable: true,
        network: "Low to Moderate",
        sizes: &BURSTABLE_XEN,
        ..INTEL
    },
    Family {
        name: "t3",
        burstable: true,
        clock: "2.5",
        network: "Up to 5 Gigabit",
        sizes: &BURSTABLE,
        ..INTEL
    },
    Family {
        name: "t3a",
        manufacturer: "AMD",
        burstable: true,
        clock: "2.2",
        network: "Up to 5 Gigabit",
        sizes: &BURSTABLE,
        ..INTEL
    },
    Family { name: "t4g", burstable: true, network: "Up to 5 Gigabit", sizes: &BURSTABLE, ..ARM },
];

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
        self.family.hypervisor == Hypervisor::Nitro
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
        if matches!(self.family.name, "m1" | "t2") { "unsupported" } else { "default" }
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
