//! What exists before the first call.

mod images;
mod parameters;
mod regions;

use std::sync::{Arc, Mutex, PoisonError};

use imbl::{HashMap, OrdMap};
use jiff::Timestamp;

use super::{
    digest,
    ids::{self, Kind},
    records::{self, Rule, RuleTarget, SecurityGroup, Subnet, Vpc},
    tags::Tags,
    world::{Account, Identity, Quotas, Region, World},
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

/// The world that was made last, when it started. Tests begin with the same one over and over, and clones share all of it.
static LAST: Mutex<Option<(Timestamp, World)>> = Mutex::new(None);

pub fn world(seed: u64, started: Timestamp) -> World {
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let world = match &*last {
        Some((then, world)) if *then == started => world.clone(),
        _ => furnished(started),
    };
    *last = Some((started, world.clone()));
    World { seed, ..world }
}

/// Nothing in it depends on the seed.
fn furnished(started: Timestamp) -> World {
    let mut world = World {
        seed: 0,
        minted: 0,
        accounts: HashMap::new(),
        regions: regions::all().map(|region| (region.name.clone(), Arc::new(region))).collect(),
        access_keys: HashMap::new(),
        roles: OrdMap::new(),
        instance_profiles: OrdMap::new(),
        quotas: Quotas::default(),
    };
    let names: Vec<String> = world.regions.keys().cloned().collect();
    // Public images and parameters are weeks old when the world starts; they are listed before all that is made in it.
    let made_at = started.checked_sub(jiff::SignedDuration::from_hours(24 * 14)).unwrap_or(started);
    let everywhere = parameters::of_all_regions(made_at);
    for name in names {
        let region = world.region_mut(&name);
        region.parameters = everywhere.clone();
        images::add(region, made_at);
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
    let companions = [ids::ROUTE_TABLE, ids::INTERNET_GATEWAY, ids::NETWORK_ACL, ids::DHCP_OPTIONS];
    let vpc = Vpc {
        id: vpc_id.clone(),
        owner: account.to_owned(),
        cidr: "172.31.0.0/16".to_owned(),
        is_default: true,
        tags: Tags::new(),
        companion_tags: companions
            .map(|kind| (records::companion_id(&vpc_id, kind.prefix), Tags::new()))
            .into_iter()
            .collect(),
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
