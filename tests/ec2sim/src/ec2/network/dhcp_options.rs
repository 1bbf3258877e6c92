//! `DescribeDhcpOptions`: those that AWS gives every VPC.

use super::companions::{id, tags};
use crate::{
    core::{ids::DHCP_OPTIONS, records::Vpc, tags::nodes, world::Region, xml::Node},
    ec2::instances::private_domain,
};

pub const FILTERS: [&str; 5] = ["dhcp-options-id", "key", "owner-id", "tag-key", "value"];

/// Source: Amazon VPC User Guide, "Default DHCP option set".
fn options(region: &Region) -> [(&'static str, String); 2] {
    [("domain-name", private_domain(&region.name)), ("domain-name-servers", "AmazonProvidedDNS".to_owned())]
}

pub fn values(region: &Region, vpc: &Vpc, name: &str) -> Vec<String> {
    let one = match name {
        "dhcp-options-id" => id(vpc, DHCP_OPTIONS.prefix),
        "key" => return options(region).map(|(key, _)| key.to_owned()).to_vec(),
        "owner-id" => vpc.owner.clone(),
        "value" => return options(region).map(|(_, value)| value).to_vec(),
        _ => return Vec::new(),
    };
    vec![one]
}

pub fn node(region: &Region, vpc: &Vpc) -> Node {
    let option = |(key, value): (&str, String)| {
        Node::new().text("key", key).set("valueSet", [Node::new().text("value", value)])
    };
    Node::new()
        .text("dhcpOptionsId", id(vpc, DHCP_OPTIONS.prefix))
        .text("ownerId", &vpc.owner)
        .set("dhcpConfigurationSet", options(region).map(option))
        .set("tagSet", nodes(&tags(vpc, DHCP_OPTIONS)))
}
