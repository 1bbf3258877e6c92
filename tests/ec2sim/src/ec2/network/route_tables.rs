//! `DescribeRouteTables`: the main one of each VPC, with the routes of a default VPC.

use super::companions::{id, tags};
use crate::core::{
    ids::{INTERNET_GATEWAY, ROUTE_TABLE},
    records::Vpc,
    tags::nodes,
    world::Region,
    xml::Node,
};

pub const FILTERS: [&str; 20] = [
    "association.gateway-id",
    "association.main",
    "association.route-table-association-id",
    "association.route-table-id",
    "association.subnet-id",
    "owner-id",
    "route-table-id",
    "route.destination-cidr-block",
    "route.destination-ipv6-cidr-block",
    "route.destination-prefix-list-id",
    "route.egress-only-internet-gateway-id",
    "route.gateway-id",
    "route.instance-id",
    "route.nat-gateway-id",
    "route.origin",
    "route.state",
    "route.transit-gateway-id",
    "route.vpc-peering-connection-id",
    "tag-key",
    "vpc-id",
];

/// Destination, target and origin of each route.
fn routes(vpc: &Vpc) -> [(String, String, &'static str); 2] {
    let outward = ("0.0.0.0/0".to_owned(), id(vpc, INTERNET_GATEWAY.prefix), "CreateRoute");
    [(vpc.cidr.clone(), "local".to_owned(), "CreateRouteTable"), outward]
}

fn association_id(vpc: &Vpc) -> String {
    id(vpc, "rtbassoc")
}

/// Subnets are with the main table by themselves: they have no associations that could be asked for.
pub fn values(_: &Region, vpc: &Vpc, name: &str) -> Vec<String> {
    let routes = routes(vpc).into_iter();
    let one = match name {
        "association.main" => "true".to_owned(),
        "association.route-table-association-id" => association_id(vpc),
        "association.route-table-id" | "route-table-id" => id(vpc, ROUTE_TABLE.prefix),
        "owner-id" => vpc.owner.clone(),
        "route.destination-cidr-block" => return routes.map(|(destination, ..)| destination).collect(),
        "route.gateway-id" => return routes.map(|(_, gateway, _)| gateway).collect(),
        "route.origin" => return routes.map(|(.., origin)| origin.to_owned()).collect(),
        "route.state" => "active".to_owned(),
        "vpc-id" => vpc.id.clone(),
        _ => return Vec::new(),
    };
    vec![one]
}

pub fn node(_: &Region, vpc: &Vpc) -> Node {
    let association = Node::new()
        .text("routeTableAssociationId", association_id(vpc))
        .text("routeTableId", id(vpc, ROUTE_TABLE.prefix))
        .text("main", true)
        .child("associationState", Node::new().text("state", "associated"));
    let route = |(destination, gateway, origin): (String, String, &str)| {
        Node::new()
            .text("destinationCidrBlock", destination)
            .text("gatewayId", gateway)
            .text("state", "active")
            .text("origin", origin)
    };
    Node::new()
        .text("routeTableId", id(vpc, ROUTE_TABLE.prefix))
        .text("vpcId", &vpc.id)
        .text("ownerId", &vpc.owner)
        .set("routeSet", routes(vpc).map(route))
        .set("associationSet", [association])
        .set("propagatingVgwSet", [])
        .set("tagSet", nodes(&tags(vpc, ROUTE_TABLE)))
}
