//! How fast types are with EBS, for the families whose numbers follow a rule.
//! Source: EC2 user guide, "Amazon EBS-optimized instance types".

use super::InstanceType;

/// Bandwidths in Mbps; the throughput is an eighth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EbsPerformance {
    pub baseline: u32,
    pub baseline_iops: u32,
    pub maximum: u32,
    pub maximum_iops: u32,
}

/// The baseline of a size: bandwidth and operations. What is not listed has its maximum at all times.
type Baselines = &'static [(&'static str, u32, u32)];

/// Operations by greatest bandwidth.
type Operations = &'static [(u32, u32)];

struct Group {
    families: &'static [&'static str],
    baselines: Baselines,
    operations: Operations,
}

const GROUPS: [Group; 7] = [
    Group {
        families: &["m5", "m5d", "m5dn", "m5n", "r5", "r5d", "r5dn", "r5n"],
        baselines: &[("large", 650, 3_600), ("xlarge", 1_150, 6_000), ("2xlarge", 2_300, 12_000)],
        operations: &[(4_750, 18_750), (6_800, 30_000), (9_500, 40_000), (13_600, 60_000), (19_000, 80_000)],
    },
    Group {
        families: &["c5", "c5d", "c5n"],
        baselines: &[("large", 650, 4_000), ("xlarge", 1_150, 6_000), ("2xlarge", 2_300, 10_000)],
        operations: &[(4_750, 20_000), (9_500, 40_000), (19_000, 80_000)],
    },
    Group {
        families: &["c6i", "c6id", "m6i", "m6id", "r6i", "r6id"],
        baselines: &[
            ("large", 650, 3_600),
            ("xlarge", 1_250, 6_000),
            ("2xlarge", 2_500, 12_000),
            ("4xlarge", 5_000, 20_000),
        ],
        operations: &[
            (10_000, 40_000),
            (15_000, 60_000),
            (20_000, 80_000),
            (30_000, 120_000),
            (40_000, 160_000),
        ],
    },
    Group {
        families: &["c6g", "c6gd", "m6g", "m6gd", "r6g", "r6gd"],
        baselines: &[
            ("medium", 315, 2_500),
            ("large", 630, 3_600),
            ("xlarge", 1_188, 6_000),
            ("2xlarge", 2_375, 12_000),
        ],
        operations: &[(4_750, 20_000), (9_500, 40_000), (14_250, 50_000), (19_000, 80_000)],
    },
    Group {
        families: &["c7g", "c7gd", "m7g", "m7gd", "r7g", "r7gd"],
        baselines: &[
            ("medium", 315, 2_500),
            ("large", 630, 3_600),
            ("xlarge", 1_250, 6_000),
            ("2xlarge", 2_500, 12_000),
            ("4xlarge", 5_000, 20_000),
        ],
        operations: &[(10_000, 40_000), (15_000, 60_000), (20_000, 80_000), (30_000, 120_000)],
    },
    Group {
        families: &["c7i", "m7i", "r7i"],
        baselines: &[
            ("large", 650, 3_600),
            ("xlarge", 1_250, 6_000),
            ("2xlarge", 2_500, 12_000),
            ("4xlarge", 5_000, 20_000),
        ],
        operations: &[(10_000, 40_000), (15_000, 60_000), (20_000, 80_000), (30_000, 120_000)],
    },
    Group {
        families: &["t3", "t4g"],
        baselines: &[
            ("nano", 43, 250),
            ("micro", 87, 500),
            ("small", 174, 1_000),
            ("medium", 347, 2_000),
            ("large", 695, 4_000),
            ("xlarge", 695, 4_000),
            ("2xlarge", 695, 4_000),
        ],
        operations: &[(2_085, 11_800), (2_780, 15_700)],
    },
];

impl InstanceType {
    pub fn ebs_performance(&self) -> Option<EbsPerformance> {
        let group = GROUPS.iter().find(|group| group.families.contains(&self.family()))?;
        let maximum = self.ebs_bandwidth?;
        let (_, maximum_iops) = *group.operations.iter().find(|(bandwidth, _)| *bandwidth == maximum)?;
        let size = self.name.split_once('.').map(|(_, size)| size)?;
        let baseline = group.baselines.iter().find(|(of, ..)| *of == size);
        let (_, baseline, baseline_iops) = baseline.copied().unwrap_or(("", maximum, maximum_iops));
        Some(EbsPerformance { baseline, baseline_iops, maximum, maximum_iops })
    }

    pub fn ebs_optimized(&self) -> &'static str {
        let always = matches!(self.family(), "c4" | "d2" | "h1" | "i3" | "m4" | "p3" | "r4" | "x1" | "x1e");
        match self.ebs_bandwidth {
            _ if self.is_nitro() || always => "default",
            Some(_) => "supported",
            None => "unsupported",
        }
    }
}

/// As EC2 writes a throughput: MB/s of a bandwidth in Mbps.
pub fn throughput(bandwidth: u32) -> f64 {
    f64::from(bandwidth) / 8.0
}

#[cfg(test)]
mod tests {
    use super::super::find;

    #[test]
    fn small_types_are_faster_for_a_while_only() {
        let of = |name| find(name).and_then(super::InstanceType::ebs_performance).expect("it is known");
        assert_eq!((of("m5.large").baseline, of("m5.large").maximum), (650, 4_750));
        assert_eq!((of("m5.24xlarge").baseline, of("m5.24xlarge").maximum_iops), (19_000, 80_000));
        assert_eq!((of("t3.micro").baseline_iops, of("t3.micro").maximum_iops), (500, 11_800));
    }
}
