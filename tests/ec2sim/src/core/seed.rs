//! What exists before the first call.

use std::sync::Arc;

use imbl::{HashMap, OrdMap};
use jiff::Timestamp;

use super::{
    digest,
    ids::{self, Kind},
    records::{
        Device, Disk, Ebs, Image, Parameter, ParameterVersion, Permissions, ProductCode, Rule, RuleTarget,
        SecurityGroup, Snapshot, Subnet, Vpc,
    },
    tags::Tags,
    world::{Account, Identity, Quotas, Region, World, Zone},
};

/// The account of access keys that the world does not know.
pub const DEFAULT_ACCOUNT: &str = "123456789012";
/// The key under which a region's public parameters stand.
pub const PUBLIC: &str = "public";
pub const AMAZON: &str = "137112412989";
/// Amazon's account for its Windows images.
pub const WINDOWS: &str = "801119661308";
pub const DEBIAN: &str = "136693071363";
pub const CANONICAL: &str = "099720109477";
pub const MARKETPLACE: &str = "679593333241";
/// The product code of the Marketplace image.
pub const PRODUCT_CODE: &str = "5exampleproductcode00000a";

/// Name, short form in zone ids, and whether accounts must opt in.
const REGIONS: [(&str, &str, bool); 23] = [
    ("af-south-1", "afs1", true),
    ("ap-east-1", "ape1", true),
    ("ap-northeast-1", "apne1", false),
    ("ap-northeast-2", "apne2", false),
    ("ap-northeast-3", "apne3", false),
    ("ap-south-1", "aps1", false),
    ("ap-southeast-1", "apse1", false),
    ("ap-southeast-2", "apse2", false),
    ("ap-southeast-3", "apse3", true),
    ("ca-central-1", "cac1", false),
    ("eu-central-1", "euc1", false),
    ("eu-central-2", "euc2", true),
    ("eu-north-1", "eun1", false),
    ("eu-south-1", "eus1", true),
    ("eu-west-1", "euw1", false),
    ("eu-west-2", "euw2", false),
    ("eu-west-3", "euw3", false),
    ("me-south-1", "mes1", true),
    ("sa-east-1", "sae1", false),
    ("us-east-1", "use1", false),
    ("us-east-2", "use2", false),
    ("us-west-1", "usw1", false),
    ("us-west-2", "usw2", false),
];

pub fn world(seed: u64, started: Timestamp) -> World {
    let mut world = World {
        seed,
        minted: 0,
        accounts: HashMap::new(),
        regions: REGIONS
            .iter()
            .map(|(name, short, opt_in)| ((*name).to_owned(), Arc::new(region(name, short, *opt_in))))
            .collect(),
        access_keys: HashMap::new(),
        quotas: Quotas::default(),
    };
    let names: Vec<String> = world.regions.keys().cloned().collect();
    for name in names {
        add_images(world.region_mut(&name), started);
    }
    add_account(&mut world, DEFAULT_ACCOUNT);
    world
}

/// A user of the default account, or of the account whose number is the access key.
pub fn default_identity(access_key: &str) -> Identity {
    let is_account = access_key.len() == 12 && access_key.bytes().all(|digit| digit.is_ascii_digit());
    let account = if is_account { access_key } else { DEFAULT_ACCOUNT };
    Identity {
        account: account.to_owned(),
        principal: format!("arn:aws:iam::{account}:user/ec2sim"),
        user_id: format!("AIDA{}", digest(account)[..17].to_uppercase()),
        expires_at: None,
    }
}

fn region(name: &str, short: &str, opt_in: bool) -> Region {
    let zone = |(at, letter): (usize, char)| Zone {
        name: format!("{name}{letter}"),
        id: format!("{short}-az{}", at + 1),
    };
    Region {
        name: name.to_owned(),
        opt_in,
        zones: ['a', 'b', 'c'].into_iter().enumerate().map(zone).collect(),
        images: OrdMap::new(),
        snapshots: OrdMap::new(),
        volumes: OrdMap::new(),
        instances: OrdMap::new(),
        vpcs: OrdMap::new(),
        subnets: OrdMap::new(),
        security_groups: OrdMap::new(),
        key_pairs: OrdMap::new(),
        fast_restores: OrdMap::new(),
        parameters: OrdMap::new(),
        commands: OrdMap::new(),
        tokens: OrdMap::new(),
        settings: OrdMap::new(),
    }
}

/// An id that follows from what it names, so that seeds of different worlds agree.
fn fixed_id(kind: Kind, name: &str) -> String {
    format!("{}-0{}", kind.prefix, &digest(name)[..16])
}

/// Gives an account its default networks. Does nothing if it has them.
pub fn add_account(world: &mut World, account: &str) {
    if world.accounts.contains_key(account) {
        return;
    }
    world.accounts.insert(account.to_owned(), Account::default());
    let names: Vec<String> = world.regions.keys().cloned().collect();
    for name in names {
        let region = world.region_mut(&name);
        add_network(region, account);
        // Since 2023 on for new accounts, but not for those that had public images before (Amazon EC2 User Guide,
        // "Understand block public access for AMIs"), of which the default account is one.
        let block_public_images = account != DEFAULT_ACCOUNT;
        region.settings.entry(account.to_owned()).or_default().block_public_images = block_public_images;
    }
}

fn add_network(region: &mut Region, account: &str) {
    let place = format!("{account}/{}", region.name);
    let vpc_id = fixed_id(ids::VPC, &format!("{place}/vpc"));
    let vpc = Vpc {
        id: vpc_id.clone(),
        owner: account.to_owned(),
        cidr: "172.31.0.0/16".to_owned(),
        is_default: true,
        tags: Tags::new(),
    };
    region.vpcs.insert(vpc_id.clone(), Arc::new(vpc));
    for (at, zone) in region.zones.clone().iter().enumerate() {
        let subnet = Subnet {
            id: fixed_id(ids::SUBNET, &format!("{place}/subnet/{}", zone.name)),
            owner: account.to_owned(),
            vpc_id: vpc_id.clone(),
            zone: zone.name.clone(),
            cidr: format!("172.31.{}.0/20", at * 16),
            is_default: true,
            map_public_ip: true,
            tags: Tags::new(),
        };
        region.subnets.insert(subnet.id.clone(), Arc::new(subnet));
    }
    let group = default_group(&place, account, vpc_id);
    region.security_groups.insert(group.id.clone(), Arc::new(group));
}

fn default_group(place: &str, account: &str, vpc_id: String) -> SecurityGroup {
    let id = fixed_id(ids::GROUP, &format!("{place}/group"));
    let rule = |egress, target| Rule {
        id: fixed_id(ids::GROUP_RULE, &format!("{place}/rule/{egress}")),
        egress,
        protocol: "-1".to_owned(),
        from_port: None,
        to_port: None,
        target,
        description: None,
        tags: Tags::new(),
    };
    SecurityGroup {
        owner: account.to_owned(),
        vpc_id,
        name: "default".to_owned(),
        description: "default VPC security group".to_owned(),
        rules: vec![
            rule(false, RuleTarget::Group(id.clone())),
            rule(true, RuleTarget::Ipv4("0.0.0.0/0".to_owned())),
        ],
        tags: Tags::new(),
        id,
    }
}

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

const BASES: [Base; 11] = [
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
        name: "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-20261101",
        description: "Canonical, Ubuntu, 22.04 LTS, amd64 jammy image build on 2026-11-01",
        imds_v2: false,
        parameters: &["/aws/service/canonical/ubuntu/server/22.04/stable/current/amd64/hvm/ebs-gp2/ami-id"],
        ..UBUNTU
    },
    Base {
        name: "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20261101",
        description: "Canonical, Ubuntu, 24.04, amd64 noble image",
        volume_type: "gp3",
        parameters: &["/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id"],
        ..UBUNTU
    },
    Base {
        name: "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-arm64-server-20261101",
        description: "Canonical, Ubuntu, 24.04, arm64 noble image",
        architecture: "arm64",
        volume_type: "gp3",
        boot_mode: Some("uefi"),
        parameters: &["/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id"],
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

fn add_images(region: &mut Region, started: Timestamp) {
    // Public images are weeks old when the world starts; they are listed before all that is made in it.
    let made_at = started.checked_sub(jiff::SignedDuration::from_hours(24 * 14)).unwrap_or(started);
    for base in &BASES {
        let snapshot = base_snapshot(base, region, made_at);
        let image = base_image(base, region, made_at, snapshot.id.clone());
        for name in base.parameters {
            let parameter = public_parameter(name, &image.id, made_at);
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
        product_codes: Vec::new(),
        completion_minutes: None,
        disk: base.system.map(|system| Disk { system: system.to_owned(), kept_by: None }),
        tags: Tags::new(),
    }
}

fn base_image(base: &Base, region: &Region, made_at: Timestamp, snapshot_id: String) -> Image {
    let product = |code: &str| ProductCode { id: code.to_owned(), kind: "marketplace".to_owned() };
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
        product_codes: base.product_code.into_iter().map(product).collect(),
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

fn public_parameter(name: &str, value: &str, modified_at: Timestamp) -> Parameter {
    let version = ParameterVersion { version: 1, value: value.to_owned(), modified_at, labels: Vec::new() };
    Parameter {
        name: name.to_owned(),
        kind: "String".to_owned(),
        data_type: "aws:ec2:image".to_owned(),
        tier: "Standard".to_owned(),
        description: None,
        key_id: None,
        versions: vec![version],
        tags: Tags::new(),
    }
}
