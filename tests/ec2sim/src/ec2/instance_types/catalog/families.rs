//! The families, sorted by name.

use super::{Family, Hypervisor, sizes};

/// MiB per virtual CPU of families for computing, of general ones, and of those with much memory.
const LEAN: u32 = 2_048;
const GENERAL: u32 = 4_096;
const SPACIOUS: u32 = 7_808;
const RICH: u32 = 8_192;
const HUGE: u32 = 16_384;

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
    sizes: &sizes::UP_TO_24,
    memory: GENERAL,
    disks: false,
};

const AMD: Family = Family { manufacturer: "AMD", clock: "3.6", ..INTEL };

/// Without threads: each virtual CPU is a core.
const AMD_7: Family = Family { clock: "3.7", threads: 1, ..AMD };

const ARM: Family = Family {
    architectures: &["arm64"],
    manufacturer: "AWS",
    clock: "2.5",
    threads: 1,
    sizes: &sizes::GRAVITON,
    ..INTEL
};

const XEN: Family = Family { hypervisor: Hypervisor::Xen, current: false, ..INTEL };

pub(super) static FAMILIES: [Family; 72] = [
    Family { name: "a1", clock: "2.3", network: "Up to 10 Gigabit", sizes: &sizes::A1, memory: LEAN, ..ARM },
    Family { name: "c4", clock: "2.9", network: "Moderate", sizes: &sizes::C4, ..XEN },
    Family {
        name: "c5",
        clock: "3.4",
        network: "Up to 10 Gigabit",
        sizes: &sizes::C5,
        memory: LEAN,
        ..INTEL
    },
    Family {
        name: "c5a",
        clock: "3.3",
        network: "Up to 10 Gigabit",
        sizes: &sizes::UP_TO_24,
        memory: LEAN,
        ..AMD
    },
    Family {
        name: "c5ad",
        clock: "3.3",
        network: "Up to 10 Gigabit",
        sizes: &sizes::UP_TO_24,
        memory: LEAN,
        disks: true,
        ..AMD
    },
    Family {
        name: "c5d",
        clock: "3.4",
        network: "Up to 10 Gigabit",
        sizes: &sizes::C5,
        memory: LEAN,
        disks: true,
        ..INTEL
    },
    Family {
        name: "c5n",
        clock: "3.4",
        network: "Up to 25 Gigabit",
        sizes: &sizes::C5N,
        memory: 2_688,
        ..INTEL
    },
    Family { name: "c6a", sizes: &sizes::UP_TO_48_METAL, memory: LEAN, ..AMD },
    Family { name: "c6g", network: "Up to 10 Gigabit", sizes: &sizes::GRAVITON_METAL, memory: LEAN, ..ARM },
    Family {
        name: "c6gd",
        network: "Up to 10 Gigabit",
        sizes: &sizes::GRAVITON_METAL,
        memory: LEAN,
        disks: true,
        ..ARM
    },
    Family { name: "c6gn", network: "Up to 25 Gigabit", sizes: &sizes::GRAVITON, memory: LEAN, ..ARM },
    Family { name: "c6i", sizes: &sizes::UP_TO_32_METAL, memory: LEAN, ..INTEL },
    Family { name: "c6id", sizes: &sizes::UP_TO_32_METAL, memory: LEAN, disks: true, ..INTEL },
    Family {
        name: "c6in",
        network: "Up to 25 Gigabit",
        sizes: &sizes::UP_TO_32_METAL,
        memory: LEAN,
        ..INTEL
    },
    Family { name: "c7a", sizes: &sizes::AMD_7, memory: LEAN, ..AMD_7 },
    Family { name: "c7g", clock: "2.6", sizes: &sizes::GRAVITON_METAL, memory: LEAN, ..ARM },
    Family { name: "c7gd", clock: "2.6", sizes: &sizes::GRAVITON_METAL, memory: LEAN, disks: true, ..ARM },
    Family {
        name: "c7gn",
        clock: "2.6",
        network: "Up to 30 Gigabit",
        sizes: &sizes::GRAVITON_METAL,
        memory: LEAN,
        ..ARM
    },
    Family { name: "c7i", clock: "3.2", sizes: &sizes::INTEL_7, memory: LEAN, ..INTEL },
    Family { name: "c8g", clock: "2.8", sizes: &sizes::GRAVITON_4, memory: LEAN, ..ARM },
    Family {
        name: "g4dn",
        clock: "2.5",
        network: "Up to 25 Gigabit",
        sizes: &sizes::G4DN,
        disks: true,
        ..INTEL
    },
    Family {
        name: "g5",
        clock: "3.3",
        network: "Up to 10 Gigabit",
        sizes: &sizes::GPU_UP_TO_48,
        disks: true,
        ..AMD
    },
    Family {
        name: "g6",
        clock: "3.4",
        network: "Up to 10 Gigabit",
        sizes: &sizes::GPU_UP_TO_48,
        disks: true,
        ..AMD
    },
    Family {
        name: "i3",
        current: true,
        clock: "2.3",
        network: "Up to 10 Gigabit",
        sizes: &sizes::I3,
        disks: true,
        ..XEN
    },
    Family {
        name: "i4i",
        network: "Up to 10 Gigabit",
        sizes: &sizes::UP_TO_32_METAL,
        memory: RICH,
        disks: true,
        ..INTEL
    },
    Family {
        name: "inf1",
        clock: "2.5",
        network: "Up to 25 Gigabit",
        sizes: &sizes::INF1,
        memory: LEAN,
        ..INTEL
    },
    Family { name: "inf2", clock: "2.95", network: "Up to 15 Gigabit", sizes: &sizes::INF2, ..AMD },
    Family {
        name: "m1",
        architectures: &["i386", "x86_64"],
        threads: 1,
        clock: "1.7",
        network: "Low",
        sizes: &sizes::M1,
        ..XEN
    },
    Family { name: "m3", clock: "2.5", network: "Moderate", sizes: &sizes::M3, disks: true, ..XEN },
    Family { name: "m4", clock: "2.4", network: "Moderate", sizes: &sizes::M4, ..XEN },
    Family { name: "m5", clock: "3.1", network: "Up to 10 Gigabit", sizes: &sizes::UP_TO_24_METAL, ..INTEL },
    Family { name: "m5a", clock: "2.5", network: "Up to 10 Gigabit", sizes: &sizes::UP_TO_24, ..AMD },
    Family {
        name: "m5ad",
        clock: "2.5",
        network: "Up to 10 Gigabit",
        sizes: &sizes::UP_TO_24,
        disks: true,
        ..AMD
    },
    Family {
        name: "m5d",
        clock: "3.1",
        network: "Up to 10 Gigabit",
        sizes: &sizes::UP_TO_24_METAL,
        disks: true,
        ..INTEL
    },
    Family { name: "m5n", clock: "3.1", network: "Up to 25 Gigabit", sizes: &sizes::UP_TO_24_METAL, ..INTEL },
    Family { name: "m6a", sizes: &sizes::UP_TO_48_METAL, ..AMD },
    Family { name: "m6g", network: "Up to 10 Gigabit", sizes: &sizes::GRAVITON_METAL, ..ARM },
    Family { name: "m6gd", network: "Up to 10 Gigabit", sizes: &sizes::GRAVITON_METAL, disks: true, ..ARM },
    Family { name: "m6i", sizes: &sizes::UP_TO_32_METAL, ..INTEL },
    Family { name: "m6id", sizes: &sizes::UP_TO_32_METAL, disks: true, ..INTEL },
    Family { name: "m7a", sizes: &sizes::AMD_7, ..AMD_7 },
    Family { name: "m7g", clock: "2.6", sizes: &sizes::GRAVITON_METAL, ..ARM },
    Family { name: "m7gd", clock: "2.6", sizes: &sizes::GRAVITON_METAL, disks: true, ..ARM },
    Family { name: "m7i", clock: "3.2", sizes: &sizes::INTEL_7, ..INTEL },
    Family { name: "m8g", clock: "2.8", sizes: &sizes::GRAVITON_4, ..ARM },
    Family {
        name: "p3",
        current: true,
        clock: "2.7",
        network: "Up to 10 Gigabit",
        sizes: &sizes::P3,
        memory: SPACIOUS,
        ..XEN
    },
    Family {
        name: "p4d",
        clock: "3",
        network: "4x 100 Gigabit",
        sizes: &[sizes::with("24xlarge", 96, 1_179_648)],
        disks: true,
        ..INTEL
    },
    Family {
        name: "p5",
        network: "3200 Gigabit",
        sizes: &[sizes::with("48xlarge", 192, 2_097_152)],
        disks: true,
        ..AMD
    },
    Family {
        name: "r4",
        clock: "2.3",
        network: "Up to 10 Gigabit",
        sizes: &sizes::XEN_UP_TO_16,
        memory: SPACIOUS,
        ..XEN
    },
    Family {
        name: "r5",
        clock: "3.1",
        network: "Up to 10 Gigabit",
        sizes: &sizes::UP_TO_24_METAL,
        memory: RICH,
        ..INTEL
    },
    Family {
        name: "r5a",
        clock: "2.5",
        network: "Up to 10 Gigabit",
        sizes: &sizes::UP_TO_24,
        memory: RICH,
        ..AMD
    },
    Family {
        name: "r5ad",
        clock: "2.5",
        network: "Up to 10 Gigabit",
        sizes: &sizes::UP_TO_24,
        memory: RICH,
        disks: true,
        ..AMD
    },
    Family {
        name: "r5d",
        clock: "3.1",
        network: "Up to 10 Gigabit",
        sizes: &sizes::UP_TO_24_METAL,
        memory: RICH,
        disks: true,
        ..INTEL
    },
    Family {
        name: "r5n",
        clock: "3.1",
        network: "Up to 25 Gigabit",
        sizes: &sizes::UP_TO_24_METAL,
        memory: RICH,
        ..INTEL
    },
    Family { name: "r6a", sizes: &sizes::UP_TO_48_METAL, memory: RICH, ..AMD },
    Family { name: "r6g", network: "Up to 10 Gigabit", sizes: &sizes::GRAVITON_METAL, memory: RICH, ..ARM },
    Family {
        name: "r6gd",
        network: "Up to 10 Gigabit",
        sizes: &sizes::GRAVITON_METAL,
        memory: RICH,
        disks: true,
        ..ARM
    },
    Family { name: "r6i", sizes: &sizes::UP_TO_32_METAL, memory: RICH, ..INTEL },
    Family { name: "r6id", sizes: &sizes::UP_TO_32_METAL, memory: RICH, disks: true, ..INTEL },
    Family { name: "r7a", sizes: &sizes::AMD_7, memory: RICH, ..AMD_7 },
    Family { name: "r7g", clock: "2.6", sizes: &sizes::GRAVITON_METAL, memory: RICH, ..ARM },
    Family { name: "r7gd", clock: "2.6", sizes: &sizes::GRAVITON_METAL, memory: RICH, disks: true, ..ARM },
    Family { name: "r7i", clock: "3.2", sizes: &sizes::INTEL_7, memory: RICH, ..INTEL },
    Family { name: "r8g", clock: "2.8", sizes: &sizes::GRAVITON_4, memory: RICH, ..ARM },
    Family {
        name: "t2",
        architectures: &["i386", "x86_64"],
        threads: 1,
        burstable: true,
        current: true,
        clock: "2.5",
        network: "Low to Moderate",
        sizes: &sizes::BURSTABLE_XEN,
        ..XEN
    },
    Family {
        name: "t3",
        burstable: true,
        clock: "2.5",
        network: "Up to 5 Gigabit",
        sizes: &sizes::BURSTABLE,
        ..INTEL
    },
    Family {
        name: "t3a",
        burstable: true,
        clock: "2.2",
        network: "Up to 5 Gigabit",
        sizes: &sizes::BURSTABLE,
        ..AMD
    },
    Family { name: "t4g", burstable: true, network: "Up to 5 Gigabit", sizes: &sizes::BURSTABLE, ..ARM },
    Family {
        name: "x2gd",
        network: "Up to 10 Gigabit",
        sizes: &sizes::GRAVITON_METAL,
        memory: HUGE,
        disks: true,
        ..ARM
    },
    Family { name: "x2idn", network: "50 Gigabit", sizes: &sizes::X2IDN, memory: HUGE, disks: true, ..INTEL },
    Family {
        name: "x2iedn",
        network: "Up to 25 Gigabit",
        sizes: &sizes::X2IEDN,
        memory: 2 * HUGE,
        disks: true,
        ..INTEL
    },
    Family {
        name: "z1d",
        clock: "4",
        network: "Up to 10 Gigabit",
        sizes: &sizes::Z1D,
        memory: RICH,
        disks: true,
        ..INTEL
    },
];
