//! What every VPC has one of: its main route table, its internet gateway, its default network ACL, its DHCP options.

use std::sync::Arc;

use super::{acls, dhcp_options, gateways, route_tables};
use crate::core::{
    Call, Handler, Outcome,
    filters::Filters,
    ids::{self, Kind},
    paging::Page,
    records::{Vpc, companion_id},
    tags::Tags,
    world::{Region, World},
    xml::Node,
};

/// One kind of them, with its Describe call.
struct Companion {
    action: &'static str,
    kind: Kind,
    /// The parameter that holds ids.
    ids: &'static str,
    filters: &'static [&'static str],
    set: &'static str,
    values: fn(&Region, &Vpc, &str) -> Vec<String>,
    show: fn(&Region, &Vpc) -> Node,
}

const ALL: [Companion; 4] = [
    Companion {
        action: "DescribeRouteTables",
        kind: ids::ROUTE_TABLE,
        ids: "RouteTableId",
        filters: &route_tables::FILTERS,
        set: "routeTableSet",
        values: route_tables::values,
        show: route_tables::node,
    },
    Companion {
        action: "DescribeInternetGateways",
        kind: ids::INTERNET_GATEWAY,
        ids: "InternetGatewayId",
        filters: &gateways::FILTERS,
        set: "internetGatewaySet",
        values: gateways::values,
        show: gateways::node,
    },
    Companion {
        action: "DescribeNetworkAcls",
        kind: ids::NETWORK_ACL,
        ids: "NetworkAclId",
        filters: &acls::FILTERS,
        set: "networkAclSet",
        values: acls::values,
        show: acls::node,
    },
    Companion {
        action: "DescribeDhcpOptions",
        kind: ids::DHCP_OPTIONS,
        ids: "DhcpOptionsId",
        filters: &dhcp_options::FILTERS,
        set: "dhcpOptionsSet",
        values: dhcp_options::values,
        show: dhcp_options::node,
    },
];

pub fn handler(action: &str) -> Option<Handler> {
    ALL.iter().any(|it| it.action == action).then_some(Handler::Read(describe))
}

pub fn id(vpc: &Vpc, prefix: &str) -> String {
    companion_id(&vpc.id, prefix)
}

pub fn tags(vpc: &Vpc, kind: Kind) -> Tags {
    vpc.companion_tags.get(&id(vpc, kind.prefix)).cloned().unwrap_or_default()
}

fn describe(call: &Call, world: &World) -> Outcome {
    let it = ALL.iter().find(|it| it.action == call.action).expect("the handler knows the action");
    let filters = Filters::parse(call.params, it.filters)?;
    let page = Page::parse(call.params, 5..=1000)?;
    let asked = call.params.ids(it.ids)?;
    let region = call.region(world);
    let own = || region.vpcs.values().filter(|vpc| vpc.owner == call.account());
    for wanted in &asked {
        it.kind.check(wanted)?;
        own().find(|vpc| id(vpc, it.kind.prefix) == *wanted).ok_or_else(|| it.kind.not_found(wanted))?;
    }
    let key = |vpc: &&Arc<Vpc>| id(vpc, it.kind.prefix);
    let shown = own().filter(|vpc| {
        (asked.is_empty() || asked.contains(&key(vpc).as_str()))
            && filters.match_all(&tags(vpc, it.kind), |name| (it.values)(region, vpc, name))
    });
    Ok(page.reply(it.set, shown, key, |vpc| (it.show)(region, vpc)).into())
}
