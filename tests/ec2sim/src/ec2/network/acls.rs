//! `DescribeNetworkAcls`: the default one of each VPC, which lets everything through.

use super::companions::{id, tags};
use crate::core::{
    ids::NETWORK_ACL,
    records::{Subnet, Vpc},
    tags::nodes,
    world::Region,
    xml::Node,
};

pub const FILTERS: [&str; 18] = [
    "association.association-id",
    "association.network-acl-id",
    "association.subnet-id",
    "default",
    "entry.cidr",
    "entry.egress",
    "entry.icmp.code",
    "entry.icmp.type",
    "entry.ipv6-cidr",
    "entry.port-range.from",
    "entry.port-range.to",
    "entry.protocol",
    "entry.rule-action",
    "entry.rule-number",
    "network-acl-id",
    "owner-id",
    "tag-key",
    "vpc-id",
];

/// Number and action of the entries in each direction; the last one cannot be taken away.
/// Source: Amazon VPC User Guide, "Default network ACL".
const ENTRIES: [(u32, &str); 2] = [(100, "allow"), (32_767, "deny")];

fn subnets<'r>(region: &'r Region, vpc: &'r Vpc) -> impl Iterator<Item = &'r Subnet> {
    region.subnets.values().filter(|subnet| subnet.vpc_id == vpc.id).map(|subnet| &**subnet)
}

fn association_id(subnet: &Subnet) -> String {
    subnet.id.replacen("subnet", "aclassoc", 1)
}

pub fn values(region: &Region, vpc: &Vpc, name: &str) -> Vec<String> {
    let one = match name {
        "association.association-id" => return subnets(region, vpc).map(association_id).collect(),
        "association.subnet-id" => return subnets(region, vpc).map(|subnet| subnet.id.clone()).collect(),
        "association.network-acl-id" | "network-acl-id" => id(vpc, NETWORK_ACL.prefix),
        "default" => "true".to_owned(),
        "entry.cidr" => "0.0.0.0/0".to_owned(),
        "entry.egress" => return vec!["true".to_owned(), "false".to_owned()],
        "entry.protocol" => "-1".to_owned(),
        "entry.rule-action" => return ENTRIES.map(|(_, action)| action.to_owned()).to_vec(),
        "entry.rule-number" => return ENTRIES.map(|(number, _)| number.to_string()).to_vec(),
        "owner-id" => vpc.owner.clone(),
        "vpc-id" => vpc.id.clone(),
        _ => return Vec::new(),
    };
    vec![one]
}

pub fn node(region: &Region, vpc: &Vpc) -> Node {
    let acl = id(vpc, NETWORK_ACL.prefix);
    let association = |subnet: &Subnet| {
        Node::new()
            .text("networkAclAssociationId", association_id(subnet))
            .text("networkAclId", &acl)
            .text("subnetId", &subnet.id)
    };
    Node::new()
        .text("networkAclId", &acl)
        .text("vpcId", &vpc.id)
        .text("ownerId", &vpc.owner)
        .text("default", true)
        .set("entrySet", [true, false].into_iter().flat_map(|egress| ENTRIES.map(|it| entry(egress, it))))
        .set("associationSet", subnets(region, vpc).map(association))
        .set("tagSet", nodes(&tags(vpc, NETWORK_ACL)))
}

fn entry(egress: bool, (number, action): (u32, &str)) -> Node {
    Node::new()
        .text("ruleNumber", number)
        .text("protocol", "-1")
        .text("ruleAction", action)
        .text("egress", egress)
        .text("cidrBlock", "0.0.0.0/0")
}
