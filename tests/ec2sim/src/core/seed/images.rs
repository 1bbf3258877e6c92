//! The public images, with the parameters that point at them.

use std::sync::Arc;

use jiff::Timestamp;

use super::{AMAZON, CANONICAL, DEBIAN, MARKETPLACE, PRODUCT_CODE, PUBLIC, WINDOWS, fixed_id, parameters};
use crate::core::{
    ids,
    records::{Billing, Device, Disk, Ebs, Image, Permissions, ProductCode, Snapshot},
    tags::Tags,
    world::Region,
};

/// A public image that is there from the start.
struct Base {
    owner: &'static str,
    alias: Option<&'static str>,
    name: &'static str,
    description: &'static str,
    architecture: &'static str,
    root: &'static str,
    size: i64,
    volume_type: &'static str,
    imds_v2: bool,
    boot_mode: Option<&'static str>,
    product_code: Option<&'static str>,
    /// `PlatformDetails` and `UsageOperation`.
    platform: (&'static str, &'static str),
    /// The system that a real machine boots from it.
    system: Option<&'static str>,
    /// SSM public parameters whose value is the image id.
    parameters: &'static [&'static str],
}

const AMAZON_LINUX: Base = Base {
    owner: AMAZON,
    alias: Some("amazon"),
    name: "",
    description: "",
    architecture: "x86_64",
    root: "/dev/xvda",
    size: 8,
    volume_type: "gp3",
    imds_v2: true,
    boot_mode: Some("uefi-preferred"),
    product_code: None,
    platform: ("Linux/UNIX", "RunInstances"),
    system: None,
    parameters: &[],
};

const UBUNTU: Base = Base { owner: CANONICAL, root: "/dev/sda1", volume_type: "gp2", ..AMAZON_LINUX };

const DEBIAN_12: Base = Base {
    owner: DEBIAN,
    alias: None,
    name: "debian-12-amd64-20261109-2291",
    description: "Debian 12 (20261109-2291)",
    imds_v2: false,
    boot_mode: None,
    system: Some("debian-12"),
    parameters: &["/aws/service/debian/release/12/latest/amd64"],
    ..AMAZON_LINUX
};

const DEBIAN_13_OPENRC: Base = Base {
    name: "debian-13-openrc-amd64-20261109-2291",
    description: "Debian 13 with OpenRC (20261109-2291)",
    system: Some("debian-13-openrc"),
    parameters: &[],
    ..DEBIAN_12
};

const BASES: [Base; 16] = [
    Base {
        name: "amzn2-ami-hvm-2.0.20261105.0-x86_64-gp2",
        description: "Amazon Linux 2 AMI 2.0.20261105.0 x86_64 HVM gp2",
        volume_type: "gp2",
        imds_v2: false,
        boot_mode: None,
        parameters: &["/aws/service/ami-amazon-linux-latest/amzn2-ami-hvm-x86_64-gp2"],
        ..AMAZON_LINUX
    },
    Base {
        name: "amzn2-ami-hvm-2.0.20261105.0-arm64-gp2",
        description: "Amazon Linux 2 LTS Arm64 AMI 2.0.20261105.0 arm64 HVM gp2",
        architecture: "arm64",
        volume_type: "gp2",
        imds_v2: false,
        boot_mode: Some("uefi"),
        parameters: &["/aws/service/ami-amazon-linux-latest/amzn2-ami-hvm-arm64-gp2"],
        ..AMAZON_LINUX
    },
    Base {
        name: "al2023-ami-2023.9.20261110.0-kernel-6.1-x86_64",
        description: "Amazon Linux 2023 AMI 2023.9.20261110.0 x86_64 HVM kernel-6.1",
        parameters: &[
            "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-6.1-x86_64",
            "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64",
        ],
        ..AMAZON_LINUX
    },
    Base {
        name: "al2023-ami-2023.9.20261110.0-kernel-6.1-arm64",
        description: "Amazon Linux 2023 AMI 2023.9.20261110.0 arm64 HVM kernel-6.1",
        architecture: "arm64",
        boot_mode: Some("uefi"),
        parameters: &[
            "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-6.1-arm64",
            "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64",
        ],
        ..AMAZON_LINUX
    },
    Base {
        name: "amzn2-ami-kernel-5.10-hvm-2.0.20261105.0-x86_64-gp2",
        description: "Amazon Linux 2 Kernel 5.10 AMI 2.0.20261105.0 x86_64 HVM gp2",
        volume_type: "gp2",
        imds_v2: false,
        boot_mode: None,
        parameters: &["/aws/service/ami-amazon-linux-latest/amzn2-ami-kernel-5.10-hvm-x86_64-gp2"],
        ..AMAZON_LINUX
    },
    Base {
        name: "amzn2-ami-kernel-5.10-hvm-2.0.20261105.0-arm64-gp2",
        description: "Amazon Linux 2 LTS Arm64 Kernel 5.10 AMI 2.0.20261105.0 arm64 HVM gp2",
        volume_type: "gp2",
        imds_v2: false,
        architecture: "arm64",
        boot_mode: Some("uefi"),
        parameters: &["/aws/service/ami-amazon-linux-latest/amzn2-ami-kernel-5.10-hvm-arm64-gp2"],
        ..AMAZON_LINUX
    },
    Base {
        name: "al2023-ami-minimal-2023.9.20261110.0-kernel-6.1-x86_64",
        description: "Amazon Linux 2023 AMI 2023.9.20261110.0 x86_64 Minimal HVM kernel-6.1",
        size: 2,
        parameters: &[
            "/aws/service/ami-amazon-linux-latest/al2023-ami-minimal-kernel-6.1-x86_64",
            "/aws/service/ami-amazon-linux-latest/al2023-ami-minimal-kernel-default-x86_64",
        ],
        ..AMAZON_LINUX
    },
    Base {
        name: "al2023-ami-minimal-2023.9.20261110.0-kernel-6.1-arm64",
        description: "Amazon Linux 2023 AMI 2023.9.20261110.0 arm64 Minimal HVM kernel-6.1",
        size: 2,
        architecture: "arm64",
        boot_mode: Some("uefi"),
        parameters: &[
            "/aws/service/ami-amazon-linux-latest/al2023-ami-minimal-kernel-6.1-arm64",
            "/aws/service/ami-amazon-linux-latest/al2023-ami-minimal-kernel-default-arm64",
        ],
        ..AMAZON_LINUX
    },
    Base {
        name: "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-20261101",
        description: "Canonical, Ubuntu, 22.04 LTS, amd64 jammy image build on 2026-11-01",
        imds_v2: false,
        parameters: &[
            "/aws/service/canonical/ubuntu/server/22.04/stable/current/amd64/hvm/ebs-gp2/ami-id",
            "/aws/service/canonical/ubuntu/server/jammy/stable/current/amd64/hvm/ebs-gp2/ami-id",
        ],
        ..UBUNTU
    },
    Base {
        name: "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-arm64-server-20261101",
        description: "Canonical, Ubuntu, 22.04 LTS, arm64 jammy image build on 2026-11-01",
        architecture: "arm64",
        imds_v2: false,
        boot_mode: Some("uefi"),
        parameters: &[
            "/aws/service/canonical/ubuntu/server/22.04/stable/current/arm64/hvm/ebs-gp2/ami-id",
            "/aws/service/canonical/ubuntu/server/jammy/stable/current/arm64/hvm/ebs-gp2/ami-id",
        ],
        ..UBUNTU
    },
    Base {
        name: "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20261101",
        description: "Canonical, Ubuntu, 24.04, amd64 noble image",
        volume_type: "gp3",
        parameters: &[
            "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id",
            "/aws/service/canonical/ubuntu/server/noble/stable/current/amd64/hvm/ebs-gp3/ami-id",
        ],
        ..UBUNTU
    },
    Base {
        name: "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-arm64-server-20261101",
        description: "Canonical, Ubuntu, 24.04, arm64 noble image",
        architecture: "arm64",
        volume_type: "gp3",
        boot_mode: Some("uefi"),
        parameters: &[
            "/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id",
            "/aws/service/canonical/ubuntu/server/noble/stable/current/arm64/hvm/ebs-gp3/ami-id",
        ],
        ..UBUNTU
    },
    Base {
        owner: MARKETPLACE,
        alias: Some("aws-marketplace"),
        name: "hardened-linux-9.2-prod-5exampleproduct",
        description: "Hardened Linux 9.2 from AWS Marketplace",
        root: "/dev/sda1",
        imds_v2: false,
        product_code: Some(PRODUCT_CODE),
        ..AMAZON_LINUX
    },
    Base {
        owner: WINDOWS,
        name: "Windows_Server-2022-English-Full-Base-2026.11.11",
        description: "Microsoft Windows Server 2022 Full Locale English AMI provided by Amazon",
        root: "/dev/sda1",
        size: 30,
        imds_v2: false,
        boot_mode: None,
        platform: ("Windows", "RunInstances:0002"),
        parameters: &["/aws/service/ami-windows-latest/Windows_Server-2022-English-Full-Base"],
        ..AMAZON_LINUX
    },
    DEBIAN_12,
    DEBIAN_13_OPENRC,
];

pub(super) fn add(region: &mut Region, made_at: Timestamp) {
    for base in &BASES {
        let snapshot = base_snapshot(base, region, made_at);
        let image = base_image(base, region, made_at, snapshot.id.clone());
        for name in base.parameters {
            let parameter = parameters::public(name, &image.id, "aws:ec2:image", made_at);
            region.parameters.insert((PUBLIC.to_owned(), (*name).to_owned()), Arc::new(parameter));
        }
        region.snapshots.insert(snapshot.id.clone(), Arc::new(snapshot));
        region.images.insert(image.id.clone(), Arc::new(image));
    }
}

fn base_snapshot(base: &Base, region: &Region, made_at: Timestamp) -> Snapshot {
    Snapshot {
        id: fixed_id(ids::SNAPSHOT, &format!("{}/{}", region.name, base.name)),
        owner: base.owner.to_owned(),
        owner_alias: base.alias.map(str::to_owned),
        description: base.description.to_owned(),
        volume_id: "vol-ffffffff".to_owned(),
        size: base.size,
        encrypted: false,
        kms_key_id: None,
        started_at: made_at,
        completes_at: made_at,
        failure: None,
        permissions: Permissions { public: base.product_code.is_none(), ..Permissions::default() },
        billing: billing(base),
        completion_minutes: None,
        disk: base.system.map(|system| Disk { system: system.to_owned(), kept_by: None }),
        tags: Tags::new(),
    }
}

fn product_codes(base: &Base) -> Vec<ProductCode> {
    let product = |code: &str| ProductCode { id: code.to_owned(), kind: "marketplace".to_owned() };
    base.product_code.into_iter().map(product).collect()
}

/// Nothing for a Linux that costs nothing.
fn billing(base: &Base) -> Option<Billing> {
    let is_free = base.platform.1 == "RunInstances" && base.product_code.is_none();
    (!is_free).then(|| Billing {
        platform_details: base.platform.0.to_owned(),
        usage_operation: base.platform.1.to_owned(),
        product_codes: product_codes(base),
    })
}

fn base_image(base: &Base, region: &Region, made_at: Timestamp, snapshot_id: String) -> Image {
    let ebs = Ebs {
        snapshot_id: Some(snapshot_id),
        size: base.size,
        volume_type: base.volume_type.to_owned(),
        iops: (base.volume_type == "gp3").then_some(3000),
        throughput: (base.volume_type == "gp3").then_some(125),
        delete_on_termination: true,
        ..Ebs::default()
    };
    Image {
        id: fixed_id(ids::IMAGE, &format!("{}/{}", region.name, base.name)),
        owner_alias: base.alias.map(str::to_owned),
        name: base.name.to_owned(),
        description: Some(base.description.to_owned()),
        architecture: base.architecture.to_owned(),
        platform_details: base.platform.0.to_owned(),
        usage_operation: base.platform.1.to_owned(),
        product_codes: product_codes(base),
        root_device_name: base.root.to_owned(),
        devices: vec![Device { name: base.root.to_owned(), virtual_name: None, ebs: Some(ebs) }],
        boot_mode: base.boot_mode.map(str::to_owned),
        imds_v2: base.imds_v2,
        permissions: Permissions { public: true, ..Permissions::default() },
        // Public images are deprecated two years after their creation.
        deprecated_at: made_at.checked_add(jiff::SignedDuration::from_hours(24 * 730)).ok(),
        ..Image::plain(base.owner, made_at)
    }
}
