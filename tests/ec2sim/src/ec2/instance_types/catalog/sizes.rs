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

pub(super) const UP_TO_24: [Size; 8] = [
    size("large", 2),
    size("xlarge", 4),
    size("2xlarge", 8),
    size("4xlarge", 16),
    size("8xlarge", 32),
    size("12xlarge", 48),
    size("16xlarge", 64),
    size("24xlarge", 96),
];

pub(super) const UP_TO_24_METAL: [Size; 9] = [
    size("large", 2),
    size("xlarge", 4),
    size("2xlarge", 8),
    size("4xlarge", 16),
    size("8xlarge", 32),
    size("12xlarge", 48),
    size("16xlarge", 64),
    size("24xlarge", 96),
    size("metal", 96),
];

pub(super) const UP_TO_32_METAL: [Size; 10] = [
    size("large", 2),
    size("xlarge", 4),
    size("2xlarge", 8),
    size("4xlarge", 16),
    size("8xlarge", 32),
    size("12xlarge", 48),
    size("16xlarge", 64),
    size("24xlarge", 96),
    size("32xlarge", 128),
    size("metal", 128),
];

pub(super) const UP_TO_48_METAL: [Size; 11] = [
    size("large", 2),
    size("xlarge", 4),
    size("2xlarge", 8),
    size("4xlarge", 16),
    size("8xlarge", 32),
    size("12xlarge", 48),
    size("16xlarge", 64),
    size("24xlarge", 96),
    size("32xlarge", 128),
    size("48xlarge", 192),
    size("metal", 192),
];

pub(super) const INTEL_7: [Size; 11] = [
    size("large", 2),
    size("xlarge", 4),
    size("2xlarge", 8),
    size("4xlarge", 16),
    size("8xlarge", 32),
    size("12xlarge", 48),
    size("16xlarge", 64),
    size("24xlarge", 96),
    size("48xlarge", 192),
    size("metal-24xl", 96),
    size("metal-48xl", 192),
];

pub(super) const AMD_7: [Size; 12] = [
    size("medium", 1),
    size("large", 2),
    size("xlarge", 4),
    size("2xlarge", 8),
    size("4xlarge", 16),
    size("8xlarge", 32),
    size("12xlarge", 48),
    size("16xlarge", 64),
    size("24xlarge", 96),
    size("32xlarge", 128),
    size("48xlarge", 192),
    size("metal-48xl", 192),
];

pub(super) const C5: [Size; 9] = [
    size("large", 2),
    size("xlarge", 4),
    size("2xlarge", 8),
    size("4xlarge", 16),
    size("9xlarge", 36),
    size("12xlarge", 48),
    size("18xlarge", 72),
    size("24xlarge", 96),
    size("metal", 96),
];

pub(super) const C5N: [Size; 7] = [
    size("large", 2),
    size("xlarge", 4),
    size("2xlarge", 8),
    size("4xlarge", 16),
    size("9xlarge", 36),
    size("18xlarge", 72),
    size("metal", 72),
];

pub(super) const GRAVITON: [Size; 8] = [
    size("medium", 1),
    size("large", 2),
    size("xlarge", 4),
    size("2xlarge", 8),
    size("4xlarge", 16),
    size("8xlarge", 32),
    size("12xlarge", 48),
    size("16xlarge", 64),
];

pub(super) const GRAVITON_METAL: [Size; 9] = [
    size("medium", 1),
    size("large", 2),
    size("xlarge", 4),
    size("2xlarge", 8),
    size("4xlarge", 16),
    size("8xlarge", 32),
    size("12xlarge", 48),
    size("16xlarge", 64),
    size("metal", 64),
];

pub(super) const GRAVITON_4: [Size; 12] = [
    size("medium", 1),
    size("large", 2),
    size("xlarge", 4),
    size("2xlarge", 8),
    size("4xlarge", 16),
    size("8xlarge", 32),
    size("12xlarge", 48),
    size("16xlarge", 64),
    size("24xlarge", 96),
    size("48xlarge", 192),
    size("metal-24xl", 96),
    size("metal-48xl", 192),
];

pub(super) const A1: [Size; 6] = [
    size("medium", 1),
    size("large", 2),
    size("xlarge", 4),
    size("2xlarge", 8),
    size("4xlarge", 16),
    size("metal", 16),
];

pub(super) const XEN_UP_TO_16: [Size; 6] = [
    size("large", 2),
    size("xlarge", 4),
    size("2xlarge", 8),
    size("4xlarge", 16),
    size("8xlarge", 32),
    size("16xlarge", 64),
];

pub(super) const G4DN: [Size; 7] = [
    size("xlarge", 4),
    size("2xlarge", 8),
    size("4xlarge", 16),
    size("8xlarge", 32),
    size("12xlarge", 48),
    size("16xlarge", 64),
    size("metal", 96),
];

pub(super) const GPU_UP_TO_48: [Size; 8] = [
    size("xlarge", 4),
    size("2xlarge", 8),
    size("4xlarge", 16),
    size("8xlarge", 32),
    size("12xlarge", 48),
    size("16xlarge", 64),
    size("24xlarge", 96),
    size("48xlarge", 192),
];

pub(super) const P3: [Size; 3] = [size("2xlarge", 8), size("8xlarge", 32), size("16xlarge", 64)];

pub(super) const X2IDN: [Size; 4] =
    [size("16xlarge", 64), size("24xlarge", 96), size("32xlarge", 128), size("metal", 128)];

pub(super) const X2IEDN: [Size; 8] = [
    size("xlarge", 4),
    size("2xlarge", 8),
    size("4xlarge", 16),
    size("8xlarge", 32),
    size("16xlarge", 64),
    size("24xlarge", 96),
    size("32xlarge", 128),
    size("metal", 128),
];

pub(super) const Z1D: [Size; 7] = [
    size("large", 2),
    size("xlarge", 4),
    size("2xlarge", 8),
    size("3xlarge", 12),
    size("6xlarge", 24),
    size("12xlarge", 48),
    size("metal", 48),
];

pub(super) const INF1: [Size; 4] =
    [size("xlarge", 4), size("2xlarge", 8), size("6xlarge", 24), size("24xlarge", 96)];

pub(super) const INF2: [Size; 4] =
    [size("xlarge", 4), size("8xlarge", 32), size("24xlarge", 96), size("48xlarge", 192)];
