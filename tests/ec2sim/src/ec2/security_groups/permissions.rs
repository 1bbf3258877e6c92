//! How rules show in descriptions: those of one protocol and port range together.

use crate::core::{
    records::{Rule, RuleTarget, SecurityGroup},
    world::Region,
    xml::Node,
};

type Ports<'r> = (&'r str, Option<i64>, Option<i64>);

fn ports(rule: &Rule) -> Ports<'_> {
    (&rule.protocol, rule.from_port, rule.to_port)
}

/// The permissions of one direction.
pub(super) fn nodes(region: &Region, group: &SecurityGroup, egress: bool) -> Vec<Node> {
    of_rules(region, &group.rules.iter().filter(|rule| rule.egress == egress).collect::<Vec<_>>())
}

pub(super) fn of_rules(region: &Region, rules: &[&Rule]) -> Vec<Node> {
    let mut seen: Vec<Ports> = Vec::new();
    for rule in rules {
        if !seen.contains(&ports(rule)) {
            seen.push(ports(rule));
        }
    }
    let node = |of: Ports| {
        let same: Vec<&Rule> = rules.iter().copied().filter(|rule| ports(rule) == of).collect();
        permission(region, of, &same)
    };
    seen.into_iter().map(node).collect()
}

fn permission(region: &Region, (protocol, from, to): Ports, rules: &[&Rule]) -> Node {
    let described = |rule: &Rule, node: Node| node.opt("description", rule.description.as_deref());
    let pick = |show: fn(&Region, &RuleTarget) -> Option<Node>| {
        let shown =
            rules.iter().filter_map(|rule| show(region, &rule.target).map(|node| described(rule, node)));
        shown.collect::<Vec<_>>()
    };
    Node::new()
        .text("ipProtocol", protocol)
        .opt("fromPort", from)
        .opt("toPort", to)
        .set("groups", pick(group_node))
        .set("ipRanges", pick(ipv4_node))
        .set("ipv6Ranges", pick(ipv6_node))
        .set("prefixListIds", pick(prefix_list_node))
}

fn group_node(region: &Region, target: &RuleTarget) -> Option<Node> {
    let RuleTarget::Group(id) = target else { return None };
    let owner = region.security_groups.get(id).map(|group| &group.owner);
    Some(Node::new().opt("userId", owner).text("groupId", id))
}

fn ipv4_node(_: &Region, target: &RuleTarget) -> Option<Node> {
    let RuleTarget::Ipv4(cidr) = target else { return None };
    Some(Node::new().text("cidrIp", cidr))
}

fn ipv6_node(_: &Region, target: &RuleTarget) -> Option<Node> {
    let RuleTarget::Ipv6(cidr) = target else { return None };
    Some(Node::new().text("cidrIpv6", cidr))
}

fn prefix_list_node(_: &Region, target: &RuleTarget) -> Option<Node> {
    let RuleTarget::PrefixList(id) = target else { return None };
    Some(Node::new().text("prefixListId", id))
}

/// Values for `ip-permission.*` and `egress.ip-permission.*`.
pub(super) fn filter_values(region: &Region, group: &SecurityGroup, name: &str) -> Vec<String> {
    let egress = name.strip_prefix("egress.");
    let Some(field) = egress.unwrap_or(name).strip_prefix("ip-permission.") else { return Vec::new() };
    let rules = group.rules.iter().filter(|rule| rule.egress == egress.is_some());
    rules.filter_map(|rule| field_value(region, rule, field)).collect()
}

fn field_value(region: &Region, rule: &Rule, field: &str) -> Option<String> {
    match (field, &rule.target) {
        ("from-port", _) => rule.from_port.map(|port| port.to_string()),
        ("to-port", _) => rule.to_port.map(|port| port.to_string()),
        ("protocol", _) => Some(rule.protocol.clone()),
        ("cidr", RuleTarget::Ipv4(value))
        | ("ipv6-cidr", RuleTarget::Ipv6(value))
        | ("prefix-list-id", RuleTarget::PrefixList(value))
        | ("group-id", RuleTarget::Group(value)) => Some(value.clone()),
        ("group-name", RuleTarget::Group(id)) => Some(region.security_groups.get(id)?.name.clone()),
        ("user-id", RuleTarget::Group(id)) => Some(region.security_groups.get(id)?.owner.clone()),
        _ => None,
    }
}
