//! `DescribeInternetGateways`: the one of each VPC.

use super::companions::{id, tags};
use crate::core::{ids::INTERNET_GATEWAY, records::Vpc, tags::nodes, world::Region, xml::Node};

pub const FILTERS: [&str; 5] =
    ["attachment.state", "attachment.vpc-id", "internet-gateway-id", "owner-id", "tag-key"];

pub fn values(_: &Region, vpc: &Vpc, name: &str) -> Vec<String> {
    let value = match name {
        "attachment.state" => "available".to_owned(),
        "attachment.vpc-id" => vpc.id.clone(),
        "internet-gateway-id" => id(vpc, INTERNET_GATEWAY.prefix),
        "owner-id" => vpc.owner.clone(),
        _ => return Vec::new(),
    };
    vec![value]
}

pub fn node(_: &Region, vpc: &Vpc) -> Node {
    let attachment = Node::new().text("vpcId", &vpc.id).text("state", "available");
    Node::new()
        .text("internetGatewayId", id(vpc, INTERNET_GATEWAY.prefix))
        .text("ownerId", &vpc.owner)
        .set("attachmentSet", [attachment])
        .set("tagSet", nodes(&tags(vpc, INTERNET_GATEWAY)))
}
