//! VPCs and subnets, the default ones of each account, and what comes with them.

mod acls;
mod companions;
mod dhcp_options;
mod gateways;
mod route_tables;

use crate::core::{
    Call, Handler, Outcome,
    error::ApiError,
    filters::Filters,
    ids,
    paging::Page,
    records::{Subnet, Vpc},
    tags,
    world::{Region, World},
    xml::Node,
};

/// Addresses that AWS keeps of each subnet (Amazon VPC User Guide, "Subnet CIDR blocks").
const RESERVED_ADDRESSES: usize = 5;

pub fn handler(action: &str) -> Option<Handler> {
    match action {
        "DescribeVpcAttribute" => Some(Handler::Read(describe_vpc_attribute)),
        "DescribeVpcs" => Some(Handler::Read(describe_vpcs)),
        "DescribeSubnets" => Some(Handler::Read(describe_subnets)),
        other => companions::handler(other),
    }
}

const VPC_FILTERS: [&str; 16] = [
    "cidr",
    "cidr-block",
    "cidr-block-association.association-id",
    "cidr-block-association.cidr-block",
    "cidr-block-association.state",
    "dhcp-options-id",
    "ipv6-cidr-block-association.association-id",
    "ipv6-cidr-block-association.ipv6-cidr-block",
    "ipv6-cidr-block-association.ipv6-pool",
    "ipv6-cidr-block-association.state",
    "is-default",
    "isDefault",
    "owner-id",
    "state",
    "tag-key",
    "vpc-id",
];

fn describe_vpcs(call: &Call, world: &World) -> Outcome {
    let filters = Filters::parse(call.params, &VPC_FILTERS)?;
    let page = Page::parse(call.params, 5..=1000)?;
    let asked = call.params.ids("VpcId")?;
    let region = call.region(world);
    for id in &asked {
        vpc(call, region, id)?;
    }
    let shown = region.vpcs.values().filter(|vpc| {
        vpc.owner == call.account()
            && (asked.is_empty() || asked.contains(&vpc.id.as_str()))
            && filters.match_all(&vpc.tags, |name| vpc_filter_values(vpc, name))
    });
    Ok(page.reply("vpcSet", shown, |vpc| vpc.id.clone(), |vpc| vpc_node(vpc)).into())
}

/// A VPC of the caller by its id.
pub(super) fn vpc<'w>(call: &Call, region: &'w Region, id: &str) -> Result<&'w Vpc, ApiError> {
    ids::VPC.check(id)?;
    let found = region.vpcs.get(id).filter(|vpc| vpc.owner == call.account());
    found.map(|vpc| &**vpc).ok_or_else(|| ids::VPC.not_found(id))
}

fn vpc_filter_values(vpc: &Vpc, name: &str) -> Vec<String> {
    let value = match name {
        "cidr" | "cidr-block" | "cidr-block-association.cidr-block" => vpc.cidr.clone(),
        "cidr-block-association.association-id" => companions::id(vpc, "vpc-cidr-assoc"),
        "cidr-block-association.state" => "associated".to_owned(),
        "dhcp-options-id" => companions::id(vpc, "dopt"),
        "is-default" | "isDefault" => vpc.is_default.to_string(),
        "owner-id" => vpc.owner.clone(),
        "state" => "available".to_owned(),
        "vpc-id" => vpc.id.clone(),
        _ => return Vec::new(),
    };
    vec![value]
}

fn vpc_node(vpc: &Vpc) -> Node {
    let association = Node::new()
        .text("associationId", companions::id(vpc, "vpc-cidr-assoc"))
        .text("cidrBlock", &vpc.cidr)
        .child("cidrBlockState", Node::new().text("state", "associated"));
    Node::new()
        .text("vpcId", &vpc.id)
        .text("ownerId", &vpc.owner)
        .text("state", "available")
        .text("cidrBlock", &vpc.cidr)
        .set("cidrBlockAssociationSet", [association])
        .text("dhcpOptionsId", companions::id(vpc, "dopt"))
        .text("instanceTenancy", "default")
        .text("isDefault", vpc.is_default)
        .child("blockPublicAccessStates", Node::new().text("internetGatewayBlockMode", "off"))
        .set_if_any("tagSet", tags::nodes(&vpc.tags))
}

/// Those of a default VPC.
fn describe_vpc_attribute(call: &Call, world: &World) -> Outcome {
    let vpc = vpc(call, call.region(world), call.params.require("VpcId")?)?;
    let (name, value) = match call.params.require("Attribute")? {
        "enableDnsHostnames" => ("enableDnsHostnames", vpc.is_default),
        "enableDnsSupport" => ("enableDnsSupport", true),
        "enableNetworkAddressUsageMetrics" => ("enableNetworkAddressUsageMetrics", false),
        other => return Err(ApiError::bad_value(other, "attribute", "Unknown attribute.")),
    };
    Ok(Node::new().text("vpcId", &vpc.id).child(name, Node::new().text("value", value)).into())
}

const SUBNET_FILTERS: [&str; 29] = [
    "availability-zone",
    "availability-zone-id",
    "availabilityZone",
    "availabilityZoneId",
    "available-ip-address-count",
    "cidr",
    "cidr-block",
    "cidrBlock",
    "customer-owned-ipv4-pool",
    "default-for-az",
    "defaultForAz",
    "enable-dns64",
    "enable-lni-at-device-index",
    "ipv6-cidr-block-association.association-id",
    "ipv6-cidr-block-association.ipv6-cidr-block",
    "ipv6-cidr-block-association.state",
    "ipv6-native",
    "map-customer-owned-ip-on-launch",
    "map-public-ip-on-launch",
    "outpost-arn",
    "owner-id",
    "private-dns-name-options-on-launch.enable-resource-name-dns-a-record",
    "private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record",
    "private-dns-name-options-on-launch.hostname-type",
    "state",
    "subnet-arn",
    "subnet-id",
    "tag-key",
    "vpc-id",
];

fn describe_subnets(call: &Call, world: &World) -> Outcome {
    let filters = Filters::parse(call.params, &SUBNET_FILTERS)?;
    let page = Page::parse(call.params, 5..=1000)?;
    let asked = call.params.ids("SubnetId")?;
    let region = call.region(world);
    for id in &asked {
        ids::SUBNET.check(id)?;
        let found = region.subnets.get(*id).filter(|subnet| subnet.owner == call.account());
        found.ok_or_else(|| ids::SUBNET.not_found(id))?;
    }
    let shown = region.subnets.values().filter(|subnet| {
        subnet.owner == call.account()
            && (asked.is_empty() || asked.contains(&subnet.id.as_str()))
            && filters.match_all(&subnet.tags, |name| subnet_filter_values(call, region, subnet, name))
    });
    let show = |subnet: &std::sync::Arc<Subnet>| subnet_node(call, region, subnet);
    Ok(page.reply("subnetSet", shown, |subnet| subnet.id.clone(), show).into())
}

fn free_addresses(call: &Call, region: &Region, subnet: &Subnet) -> usize {
    let bits = subnet.cidr.split_once('/').and_then(|(_, bits)| bits.parse::<u32>().ok()).unwrap_or(32);
    let alive = region.instances.values().filter(|it| !it.is_terminated(call.now));
    let taken: usize = alive.map(|it| it.addresses_in(&subnet.id)).sum();
    (1_usize << (32 - bits.min(32))).saturating_sub(RESERVED_ADDRESSES + taken)
}

fn zone_id<'w>(region: &'w Region, subnet: &Subnet) -> &'w str {
    region.zone(&subnet.zone).map_or("", |zone| &zone.id)
}

fn arn(region: &Region, subnet: &Subnet) -> String {
    format!("arn:aws:ec2:{}:{}:subnet/{}", region.name, subnet.owner, subnet.id)
}

fn subnet_filter_values(call: &Call, region: &Region, subnet: &Subnet, name: &str) -> Vec<String> {
    let value = match name {
        "availability-zone" | "availabilityZone" => subnet.zone.clone(),
        "availability-zone-id" | "availabilityZoneId" => zone_id(region, subnet).to_owned(),
        "available-ip-address-count" => free_addresses(call, region, subnet).to_string(),
        "cidr" | "cidr-block" | "cidrBlock" => subnet.cidr.clone(),
        "default-for-az" | "defaultForAz" => subnet.is_default.to_string(),
        "private-dns-name-options-on-launch.enable-resource-name-dns-a-record"
        | "private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record"
        | "enable-dns64"
        | "ipv6-native"
        | "map-customer-owned-ip-on-launch" => "false".to_owned(),
        "map-public-ip-on-launch" => subnet.map_public_ip.to_string(),
        "owner-id" => subnet.owner.clone(),
        "private-dns-name-options-on-launch.hostname-type" => "ip-name".to_owned(),
        "state" => "available".to_owned(),
        "subnet-arn" => arn(region, subnet),
        "subnet-id" => subnet.id.clone(),
        "vpc-id" => subnet.vpc_id.clone(),
        _ => return Vec::new(),
    };
    vec![value]
}

fn subnet_node(call: &Call, region: &Region, subnet: &Subnet) -> Node {
    let names = Node::new()
        .text("hostnameType", "ip-name")
        .text("enableResourceNameDnsARecord", false)
        .text("enableResourceNameDnsAAAARecord", false);
    Node::new()
        .text("subnetId", &subnet.id)
        .text("subnetArn", arn(region, subnet))
        .text("state", "available")
        .text("ownerId", &subnet.owner)
        .text("vpcId", &subnet.vpc_id)
        .text("cidrBlock", &subnet.cidr)
        .set("ipv6CidrBlockAssociationSet", [])
        .text("availableIpAddressCount", free_addresses(call, region, subnet))
        .text("availabilityZone", &subnet.zone)
        .text("availabilityZoneId", zone_id(region, subnet))
        .text("defaultForAz", subnet.is_default)
        .text("mapPublicIpOnLaunch", subnet.map_public_ip)
        .text("mapCustomerOwnedIpOnLaunch", false)
        .text("assignIpv6AddressOnCreation", false)
        .text("enableDns64", false)
        .text("ipv6Native", false)
        .child("privateDnsNameOptionsOnLaunch", names)
        .child("blockPublicAccessStates", Node::new().text("internetGatewayBlockMode", "off"))
        .set_if_any("tagSet", tags::nodes(&subnet.tags))
}
