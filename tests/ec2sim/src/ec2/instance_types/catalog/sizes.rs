//! The sizes of families; several families share a list.

#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub name: &'static str,
    pub vcpus: u32,
    /// MiB, if not in proportion to the virtual CPUs.
    pub memory: Option<u32>,
}

const fn size(name: &'static str, vcpus: u32) -> Size {
    Size { name, vcpus, memory: None }
}

/// Sizes whose virtual CPUs follow from their names: each `xlarge` has four. A machine without hypervisor has those of the
/// largest size before it.
const fn named<const N: usize>(names: [&'static str; N]) -> [Size; N] {
    let mut sizes = [size("", 0); N];
    let mut at = 0;
    while at < N {
        let before = if at == 0 { 0 } else { sizes[at - 1].vcpus };
        sizes[at] = size(names[at], vcpus(names[at], before));
        at += 1;
    }
    sizes
}

const fn vcpus(name: &str, before: u32) -> u32 {
    match name.as_bytes() {
        b"medium" => 1,
        b"large" => 2,
        b"metal" => before,
        other => 4 * number_in(other),
    }
}

/// The number in `2xlarge` or `metal-24xl`; in `xlarge` it is one.
const fn number_in(name: &[u8]) -> u32 {
    let (mut number, mut at) = (0, 0);
    while at < name.len() {
        if name[at].is_ascii_digit() {
            number = 10 * number + (name[at] - b'0') as u32;
        }
        at += 1;
    }
    if number == 0 { 1 } else { number }
}

pub(super) const fn with(name: &'static str, vcpus: u32, memory: u32) -> Size {
    Size { name, vcpus, memory: Some(memory) }
}

pub(super) const BURSTABLE: [Size; 7] = [
    with("nano", 2, 512),
    with("micro", 2, 1024),
    with("small", 2, 2048),
    with("medium", 2, 4096),
    with("large", 2, 8192),
    with("xlarge", 4, 16_384),
    with("2xlarge", 8, 32_768),
];

pub(super) const BURSTABLE_XEN: [Size; 7] = [
    with("nano", 1, 512),
    with("micro", 1, 1024),
    with("small", 1, 2048),
    with("medium", 2, 4096),
    with("large", 2, 8192),
    with("xlarge", 4, 16_384),
    with("2xlarge", 8, 32_768),
];

pub(super) const C4: [Size; 5] = [
    with("large", 2, 3840),
    with("xlarge", 4, 7680),
    with("2xlarge", 8, 15_360),
    with("4xlarge", 16, 30_720),
    with("8xlarge", 36, 61_440),
];

pub(super) const M4: [Size; 6] = [
    with("large", 2, 8192),
    with("xlarge", 4, 16_384),
    with("2xlarge", 8, 32_768),
    with("4xlarge", 16, 65_536),
    with("10xlarge", 40, 163_840),
    with("16xlarge", 64, 262_144),
];

pub(super) const M3: [Size; 4] =
    [with("medium", 1, 3840), with("large", 2, 7680), with("xlarge", 4, 15_360), with("2xlarge", 8, 30_720)];

pub(super) const M1: [Size; 4] =
    [with("small", 1, 1740), with("medium", 1, 3788), with("large", 2, 7680), with("xlarge", 4, 15_360)];

pub(super) const I3: [Size; 7] = [
    with("large", 2, 15_616),
    with("xlarge", 4, 31_232),
    with("2xlarge", 8, 62_464),
    with("4xlarge", 16, 124_928),
    with("8xlarge", 32, 249_856),
    with("16xlarge", 64, 499_712),
    with("metal", 72, 524_288),
];

pub(super) const UP_TO_24: [Size; 8] =
    named(["large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge"]);

pub(super) const UP_TO_24_METAL: [Size; 9] =
    named(["large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge", "metal"]);

pub(super) const UP_TO_32_METAL: [Size; 10] = named([
    "large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge", "32xlarge",
    "metal",
]);

pub(super) const UP_TO_48_METAL: [Size; 11] = named([
    "large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge", "32xlarge",
    "48xlarge", "metal",
]);

pub(super) const INTEL_7: [Size; 11] = named([
    "large",
    "xlarge",
    "2xlarge",
    "4xlarge",
    "8xlarge",
    "12xlarge",
    "16xlarge",
    "24xlarge",
    "48xlarge",
    "metal-24xl",
    "metal-48xl",
]);

pub(super) const AMD_7: [Size; 12] = named([
    "medium",
    "large",
    "xlarge",
    "2xlarge",
    "4xlarge",
    "8xlarge",
    "12xlarge",
    "16xlarge",
    "24xlarge",
    "32xlarge",
    "48xlarge",
    "metal-48xl",
]);

pub(super) const C5: [Size; 9] =
    named(["large", "xlarge", "2xlarge", "4xlarge", "9xlarge", "12xlarge", "18xlarge", "24xlarge", "metal"]);

pub(super) const C5N: [Size; 7] =
    named(["large", "xlarge", "2xlarge", "4xlarge", "9xlarge", "18xlarge", "metal"]);

pub(super) const GRAVITON: [Size; 8] =
    named(["medium", "large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge"]);

pub(super) const GRAVITON_METAL: [Size; 9] =
    named(["medium", "large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "metal"]);

pub(super) const GRAVITON_4: [Size; 12] = named([
    "medium",
    "large",
    "xlarge",
    "2xlarge",
    "4xlarge",
    "8xlarge",
    "12xlarge",
    "16xlarge",
    "24xlarge",
    "48xlarge",
    "metal-24xl",
    "metal-48xl",
]);

pub(super) const A1: [Size; 6] = named(["medium", "large", "xlarge", "2xlarge", "4xlarge", "metal"]);

pub(super) const XEN_UP_TO_16: [Size; 6] =
    named(["large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "16xlarge"]);

pub(super) const G4DN: [Size; 7] = [
    size("xlarge", 4),
    size("2xlarge", 8),
    size("4xlarge", 16),
    size("8xlarge", 32),
    size("12xlarge", 48),
    size("16xlarge", 64),
    size("metal", 96),
];

pub(super) const GPU_UP_TO_48: [Size; 8] =
    named(["xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge", "48xlarge"]);

pub(super) const P3: [Size; 3] = named(["2xlarge", "8xlarge", "16xlarge"]);

pub(super) const X2IDN: [Size; 4] = named(["16xlarge", "24xlarge", "32xlarge", "metal"]);

pub(super) const X2IEDN: [Size; 8] =
    named(["xlarge", "2xlarge", "4xlarge", "8xlarge", "16xlarge", "24xlarge", "32xlarge", "metal"]);

pub(super) const Z1D: [Size; 7] =
    named(["large", "xlarge", "2xlarge", "3xlarge", "6xlarge", "12xlarge", "metal"]);

pub(super) const INF1: [Size; 4] = named(["xlarge", "2xlarge", "6xlarge", "24xlarge"]);

pub(super) const INF2: [Size; 4] = named(["xlarge", "8xlarge", "24xlarge", "48xlarge"]);
