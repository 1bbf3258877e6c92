//! AWS's commercial regions and their zones.

use imbl::OrdMap;

use crate::core::world::{Region, Zone};

/// The letter of a zone's name, and the number of its id.
type Letters = &'static [(char, u8)];

const THREE: [(char, u8); 3] = [('a', 1), ('b', 2), ('c', 3)];

/// Name, short form in zone ids, long name, whether accounts must opt in, zones.
/// Source: "AWS Regions and Availability Zones". Which id a zone's name means differs by account in the oldest regions; here
/// it is the same for all accounts, in the order of the letters where nothing speaks for another.
const REGIONS: [(&str, &str, &str, bool, Letters); 34] = [
    ("af-south-1", "afs1", "Africa (Cape Town)", true, &THREE),
    ("ap-east-1", "ape1", "Asia Pacific (Hong Kong)", true, &THREE),
    ("ap-east-2", "ape2", "Asia Pacific (Taipei)", true, &THREE),
    ("ap-northeast-1", "apne1", "Asia Pacific (Tokyo)", false, &[('a', 4), ('c', 1), ('d', 2)]),
    ("ap-northeast-2", "apne2", "Asia Pacific (Seoul)", false, &[('a', 1), ('b', 2), ('c', 3), ('d', 4)]),
    ("ap-northeast-3", "apne3", "Asia Pacific (Osaka)", false, &THREE),
    ("ap-south-1", "aps1", "Asia Pacific (Mumbai)", false, &[('a', 1), ('b', 3), ('c', 2)]),
    ("ap-south-2", "aps2", "Asia Pacific (Hyderabad)", true, &THREE),
    ("ap-southeast-1", "apse1", "Asia Pacific (Singapore)", false, &THREE),
    ("ap-southeast-2", "apse2", "Asia Pacific (Sydney)", false, &THREE),
    ("ap-southeast-3", "apse3", "Asia Pacific (Jakarta)", true, &THREE),
    ("ap-southeast-4", "apse4", "Asia Pacific (Melbourne)", true, &THREE),
    ("ap-southeast-5", "apse5", "Asia Pacific (Malaysia)", true, &THREE),
    ("ap-southeast-6", "apse6", "Asia Pacific (New Zealand)", true, &THREE),
    ("ap-southeast-7", "apse7", "Asia Pacific (Thailand)", true, &THREE),
    ("ca-central-1", "cac1", "Canada (Central)", false, &[('a', 1), ('b', 2), ('d', 4)]),
    ("ca-west-1", "caw1", "Canada West (Calgary)", true, &THREE),
    ("eu-central-1", "euc1", "Europe (Frankfurt)", false, &THREE),
    ("eu-central-2", "euc2", "Europe (Zurich)", true, &THREE),
    ("eu-north-1", "eun1", "Europe (Stockholm)", false, &THREE),
    ("eu-south-1", "eus1", "Europe (Milan)", true, &THREE),
    ("eu-south-2", "eus2", "Europe (Spain)", true, &THREE),
    ("eu-west-1", "euw1", "Europe (Ireland)", false, &THREE),
    ("eu-west-2", "euw2", "Europe (London)", false, &THREE),
    ("eu-west-3", "euw3", "Europe (Paris)", false, &THREE),
    ("il-central-1", "ilc1", "Israel (Tel Aviv)", true, &THREE),
    ("me-central-1", "mec1", "Middle East (UAE)", true, &THREE),
    ("me-south-1", "mes1", "Middle East (Bahrain)", true, &THREE),
    ("mx-central-1", "mxc1", "Mexico (Central)", true, &THREE),
    ("sa-east-1", "sae1", "South America (Sao Paulo)", false, &THREE),
    (
        "us-east-1",
        "use1",
        "US East (N. Virginia)",
        false,
        &[('a', 1), ('b', 2), ('c', 3), ('d', 4), ('e', 5), ('f', 6)],
    ),
    ("us-east-2", "use2", "US East (Ohio)", false, &THREE),
    ("us-west-1", "usw1", "US West (N. California)", false, &[('a', 1), ('c', 3)]),
    ("us-west-2", "usw2", "US West (Oregon)", false, &[('a', 1), ('b', 2), ('c', 3), ('d', 4)]),
];

pub(super) fn all() -> impl Iterator<Item = Region> {
    REGIONS.iter().map(|(name, short, _, opt_in, zones)| region(name, short, *opt_in, zones))
}

/// Names and long names.
pub(super) fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    REGIONS.iter().map(|(name, _, long, ..)| (*name, *long))
}

fn region(name: &str, short: &str, opt_in: bool, zones: Letters) -> Region {
    let zone = |(letter, number): &(char, u8)| Zone {
        name: format!("{name}{letter}"),
        id: format!("{short}-az{number}"),
    };
    Region {
        name: name.to_owned(),
        opt_in,
        zones: zones.iter().map(zone).collect(),
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
        spot_requests: OrdMap::new(),
        keys: OrdMap::new(),
        key_aliases: OrdMap::new(),
        snapshot_locks: OrdMap::new(),
        fast_launches: OrdMap::new(),
        stored_images: OrdMap::new(),
        fleets: OrdMap::new(),
        launch_templates: OrdMap::new(),
        guest_tags: OrdMap::new(),
        tokens: OrdMap::new(),
        settings: OrdMap::new(),
    }
}
