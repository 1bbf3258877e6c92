use imbl::OrdMap;
use jiff::Timestamp;

use crate::core::tags::Tags;

#[derive(Clone, Debug)]
pub struct Vpc {
    pub id: String,
    pub owner: String,
    pub cidr: String,
    pub is_default: bool,
    pub tags: Tags,
    /// Of what comes with it, by id: route table, internet gateway, network ACL, DHCP options.
    pub companion_tags: OrdMap<String, Tags>,
}

/// The id of what comes with a VPC follows from the VPC's.
pub fn companion_id(vpc_id: &str, prefix: &str) -> String {
    vpc_id.replacen("vpc", prefix, 1)
}

#[derive(Clone, Debug)]
pub struct Subnet {
    pub id: String,
    pub owner: String,
    pub vpc_id: String,
    /// `us-east-1a`
    pub zone: String,
    pub cidr: String,
    /// The default subnet of its zone.
    pub is_default: bool,
    pub map_public_ip: bool,
    pub tags: Tags,
}

#[derive(Clone, Debug)]
pub struct SecurityGroup {
    pub id: String,
    pub owner: String,
    pub vpc_id: String,
    pub name: String,
    pub description: String,
    pub rules: Vec<Rule>,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// `sgr-…`
    pub id: String,
    pub egress: bool,
    /// `tcp`, `udp`, `icmp`, `-1`, or a number.
    pub protocol: String,
    pub from_port: Option<i64>,
    pub to_port: Option<i64>,
    pub target: RuleTarget,
    pub description: Option<String>,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleTarget {
    Ipv4(String),
    Ipv6(String),
    PrefixList(String),
    Group(String),
}

#[derive(Clone, Debug)]
pub struct KeyPair {
    pub id: String,
    pub owner: String,
    pub name: String,
    /// `rsa` or `ed25519`.
    pub kind: String,
    pub fingerprint: String,
    pub public_key: Option<String>,
    pub created_at: Timestamp,
    pub tags: Tags,
}
