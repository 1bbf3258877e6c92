//! Rules: adding and removing them.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use crate::core::{
    Call, Handler, Outcome,
    error::ApiError,
    ids,
    params::Params,
    records::{Rule, RuleTarget, SecurityGroup},
    tags::{self, Specifications, Tags},
    world::{Region, World},
    xml::Node,
};

use super::{by_id, by_name, named_group, permissions};

/// Rules of a group in one direction (Amazon VPC quotas, "Inbound or outbound rules per security group").
const MAX_RULES: usize = 60;

pub(super) fn handler(action: &str) -> Option<Handler> {
    match action {
        "AuthorizeSecurityGroupIngress" => Some(Handler::Write(|call, world| authorize(call, world, false))),
        "AuthorizeSecurityGroupEgress" => Some(Handler::Write(|call, world| authorize(call, world, true))),
        "RevokeSecurityGroupIngress" => Some(Handler::Write(|call, world| revoke(call, world, false))),
        "RevokeSecurityGroupEgress" => Some(Handler::Write(|call, world| revoke(call, world, true))),
        _ => None,
    }
}

fn authorize(call: &Call, world: &mut World, egress: bool) -> Outcome {
    let tags = Specifications::parse(call.params, &["security-group-rule"])?.of("security-group-rule");
    let region = call.region(world);
    let group = SecurityGroup::clone(named_group(call, region)?);
    let mut added = asked_rules(call, region, egress)?;
    check_new(&group, &added, egress)?;
    for rule in &mut added {
        rule.id = world.mint(ids::GROUP_RULE);
        rule.tags = tags.clone();
    }
    let nodes: Vec<Node> = added.iter().map(|rule| rule_node(call, world, &group, rule)).collect();
    change(call, world, &group.id, |rules| rules.extend(added));
    Ok(Node::done().set("securityGroupRuleSet", nodes).into())
}

fn check_new(group: &SecurityGroup, added: &[Rule], egress: bool) -> Result<(), ApiError> {
    for (at, rule) in added.iter().enumerate() {
        if added[..at].iter().any(|other| is_same(other, rule)) {
            return Err(ApiError::invalid_value("The same permission must not appear multiple times"));
        }
        if group.rules.iter().any(|other| is_same(other, rule)) {
            let message = format!("the specified rule \"{}, ALLOW\" already exists", spoken(rule));
            return Err(ApiError::new("InvalidPermission.Duplicate", message));
        }
    }
    if group.rules.iter().filter(|rule| rule.egress == egress).count() + added.len() > MAX_RULES {
        let message = "The maximum number of rules per security group has been reached.";
        return Err(ApiError::new("RulesPerSecurityGroupLimitExceeded", message));
    }
    Ok(())
}

/// Descriptions and tags make no difference between rules.
fn is_same(one: &Rule, other: &Rule) -> bool {
    let essence = |rule: &Rule| (rule.egress, rule.protocol.clone(), rule.from_port, rule.to_port);
    essence(one) == essence(other) && one.target == other.target
}

fn spoken(rule: &Rule) -> String {
    let protocol = if rule.protocol == "-1" { "ALL".to_owned() } else { rule.protocol.to_uppercase() };
    match (rule.from_port, rule.to_port) {
        (Some(from), Some(to)) => {
            format!("peer: {}, {protocol}, from port: {from}, to port: {to}", target(rule))
        }
        _ => format!("peer: {}, {protocol}", target(rule)),
    }
}

fn target(rule: &Rule) -> &str {
    match &rule.target {
        RuleTarget::Ipv4(value)
        | RuleTarget::Ipv6(value)
        | RuleTarget::PrefixList(value)
        | RuleTarget::Group(value) => value,
    }
}

fn change(call: &Call, world: &mut World, id: &str, change: impl FnOnce(&mut Vec<Rule>)) {
    let group = call.region_mut(world).security_groups.get_mut(id).expect("the group was found before");
    change(&mut Arc::make_mut(group).rules);
}

fn revoke(call: &Call, world: &mut World, egress: bool) -> Outcome {
    let region = call.region(world);
    let group = SecurityGroup::clone(named_group(call, region)?);
    let rule_ids = call.params.ids("SecurityGroupRuleId")?;
    let (doomed, unknown) = if rule_ids.is_empty() {
        matching(call, region, &group, egress)?
    } else {
        (by_ids(&group, &rule_ids, egress)?, Vec::new())
    };
    let unknown = permissions::of_rules(region, &unknown.iter().collect::<Vec<_>>());
    let nodes: Vec<Node> = doomed.iter().map(|rule| revoked_node(&group, rule)).collect();
    change(call, world, &group.id, |rules| rules.retain(|rule| !doomed.contains(rule)));
    Ok(Node::done().set("revokedSecurityGroupRuleSet", nodes).set("unknownIpPermissionSet", unknown).into())
}

/// The rules that are there, and those that are not: only outside of a default VPC these are an error.
/// Source: EC2 API reference, `RevokeSecurityGroupIngress`.
fn matching(
    call: &Call,
    region: &Region,
    group: &SecurityGroup,
    egress: bool,
) -> Result<(Vec<Rule>, Vec<Rule>), ApiError> {
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    for asked in asked_rules(call, region, egress)? {
        match group.rules.iter().find(|rule| is_same(rule, &asked)) {
            Some(rule) => found.push(rule.clone()),
            None => unknown.push(asked),
        }
    }
    let is_lenient = region.vpcs.get(&group.vpc_id).is_some_and(|vpc| vpc.is_default);
    if !unknown.is_empty() && !is_lenient {
        let message = "The specified rule does not exist in this security group.";
        return Err(ApiError::new("InvalidPermission.NotFound", message));
    }
    Ok((found, unknown))
}

fn by_ids(group: &SecurityGroup, rule_ids: &[&str], egress: bool) -> Result<Vec<Rule>, ApiError> {
    let find = |id: &&str| {
        ids::GROUP_RULE.check(id)?;
        let found = group.rules.iter().find(|rule| rule.id == **id && rule.egress == egress);
        found.cloned().ok_or_else(|| ids::GROUP_RULE.not_found(id))
    };
    rule_ids.iter().map(find).collect()
}

/// The rules of `IpPermissions`, or of the older parameters that describe a single one.
fn asked_rules(call: &Call, region: &Region, egress: bool) -> Result<Vec<Rule>, ApiError> {
    let permissions = call.params.list("IpPermissions");
    if permissions.is_empty() {
        return plain_rule(call, region, egress);
    }
    let mut rules = Vec::new();
    for permission in permissions {
        let (protocol, ports) = protocol_and_ports(permission)?;
        let targets = targets(call, region, permission)?;
        if targets.is_empty() {
            return Err(ApiError::missing("cidrIp, cidrIpv6, prefixListId or groupId"));
        }
        rules.extend(targets.into_iter().map(|(target, text)| rule(egress, &protocol, ports, target, text)));
    }
    Ok(rules)
}

type PortRange = (Option<i64>, Option<i64>);

fn rule(
    egress: bool,
    protocol: &str,
    ports: PortRange,
    target: RuleTarget,
    description: Option<String>,
) -> Rule {
    Rule {
        id: String::new(),
        egress,
        protocol: protocol.to_owned(),
        from_port: ports.0,
        to_port: ports.1,
        target,
        description,
        tags: Tags::new(),
    }
}

fn plain_rule(call: &Call, region: &Region, egress: bool) -> Result<Vec<Rule>, ApiError> {
    if let Some(name) = call.params.text("SourceSecurityGroupName") {
        let group = by_name(call, region, name)?;
        return Ok(vec![rule(egress, "-1", (None, None), RuleTarget::Group(group.id.clone()), None)]);
    }
    let Some(cidr) = call.params.text("CidrIp") else { return Err(ApiError::missing("ipPermissions")) };
    let (protocol, ports) = protocol_and_ports(call.params)?;
    Ok(vec![rule(egress, &protocol, ports, RuleTarget::Ipv4(ipv4(cidr)?), None)])
}

fn protocol_and_ports(params: &Params) -> Result<(String, PortRange), ApiError> {
    let asked = params.text("IpProtocol").ok_or_else(|| {
        let message =
            "Invalid value 'null' for protocol. VPC security group rules must specify protocols explicitly.";
        ApiError::invalid_value(message)
    })?;
    let protocol = protocol(asked)?;
    let ports = (params.int("FromPort")?, params.int("ToPort")?);
    let ports = match protocol.as_str() {
        "tcp" | "udp" => check_ports(ports)?,
        "icmp" | "icmpv6" => (Some(ports.0.unwrap_or(-1)), Some(ports.1.unwrap_or(-1))),
        _ => (None, None),
    };
    Ok((protocol, ports))
}

/// Protocols that have a name here are shown by it, whichever way they were given.
fn protocol(asked: &str) -> Result<String, ApiError> {
    let name = asked.to_ascii_lowercase();
    let known = match name.as_str() {
        "tcp" | "6" => "tcp",
        "udp" | "17" => "udp",
        "icmp" | "1" => "icmp",
        "icmpv6" | "58" => "icmpv6",
        "-1" | "all" => "-1",
        number if number.parse::<u8>().is_ok() => number,
        _ => {
            let message = format!("Invalid value '{asked}' for IP protocol. Unknown protocol.");
            return Err(ApiError::invalid_value(message));
        }
    };
    Ok(known.to_owned())
}

fn check_ports(ports: PortRange) -> Result<PortRange, ApiError> {
    let (Some(from), Some(to)) = ports else {
        let message = "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.";
        return Err(ApiError::invalid_value(message));
    };
    if let Some(port) = [from, to].into_iter().find(|port| !(0..=65535).contains(port)) {
        return Err(ApiError::invalid_value(format!("TCP/UDP port ({port}) out of range")));
    }
    if from > to {
        return Err(ApiError::invalid_value(format!("Invalid TCP/UDP port range ({from}:{to})")));
    }
    Ok(ports)
}

fn targets(
    call: &Call,
    region: &Region,
    permission: &Params,
) -> Result<Vec<(RuleTarget, Option<String>)>, ApiError> {
    let mut targets = Vec::new();
    let described = |item: &Params| item.text("Description").map(str::to_owned);
    for item in permission.list("IpRanges") {
        targets.push((RuleTarget::Ipv4(ipv4(item.require("CidrIp")?)?), described(item)));
    }
    for item in permission.list("Ipv6Ranges") {
        targets.push((RuleTarget::Ipv6(ipv6(item.require("CidrIpv6")?)?), described(item)));
    }
    for item in permission.list("PrefixListIds") {
        targets.push((RuleTarget::PrefixList(prefix_list(item.require("PrefixListId")?)?), described(item)));
    }
    for item in permission.list("Groups") {
        targets.push((RuleTarget::Group(peer(call, region, item)?), described(item)));
    }
    Ok(targets)
}

/// A group of the same region; one of another account is named by its id.
fn peer(call: &Call, region: &Region, item: &Params) -> Result<String, ApiError> {
    let Some(id) = item.text("GroupId") else {
        return Ok(by_name(call, region, item.require("GroupName")?)?.id.clone());
    };
    if item.text("UserId").is_some_and(|user| user != call.account()) {
        ids::GROUP.check(id)?;
        return region
            .security_groups
            .get(id)
            .map(|group| group.id.clone())
            .ok_or_else(|| ids::GROUP.not_found(id));
    }
    Ok(by_id(call, region, id)?.id.clone())
}

/// AWS's own lists exist in every region but are not modelled, so that any well-formed id is taken.
fn prefix_list(id: &str) -> Result<String, ApiError> {
    let digits = id.strip_prefix("pl-").unwrap_or_default();
    if matches!(digits.len(), 8 | 17) && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Ok(id.to_owned());
    }
    let message = format!("Invalid id: \"{id}\" (expecting \"pl-...\")");
    Err(ApiError::new("InvalidPrefixListId.Malformed", message))
}

/// The canonical form: host bits are cleared, as EC2 does.
fn ipv4(cidr: &str) -> Result<String, ApiError> {
    let parsed = cidr.split_once('/').and_then(|(address, bits)| {
        let (address, bits) = (address.parse::<Ipv4Addr>().ok()?, bits.parse::<u32>().ok()?);
        let mask = u32::MAX.checked_shl(32_u32.checked_sub(bits)?).unwrap_or(0);
        Some(format!("{}/{bits}", Ipv4Addr::from_bits(address.to_bits() & mask)))
    });
    parsed.ok_or_else(|| malformed(cidr))
}

fn ipv6(cidr: &str) -> Result<String, ApiError> {
    let parsed = cidr.split_once('/').and_then(|(address, bits)| {
        let (address, bits) = (address.parse::<Ipv6Addr>().ok()?, bits.parse::<u32>().ok()?);
        let mask = u128::MAX.checked_shl(128_u32.checked_sub(bits)?).unwrap_or(0);
        Some(format!("{}/{bits}", Ipv6Addr::from_bits(address.to_bits() & mask)))
    });
    parsed.ok_or_else(|| malformed(cidr))
}

fn malformed(cidr: &str) -> ApiError {
    ApiError::invalid_value(format!("CIDR block {cidr} is malformed"))
}

fn plain_node(group: &SecurityGroup, rule: &Rule) -> Node {
    let node = Node::new()
        .text("securityGroupRuleId", &rule.id)
        .text("groupId", &group.id)
        .text("isEgress", rule.egress)
        .text("ipProtocol", &rule.protocol)
        .text("fromPort", rule.from_port.unwrap_or(-1))
        .text("toPort", rule.to_port.unwrap_or(-1))
        .opt("description", rule.description.as_deref());
    match &rule.target {
        RuleTarget::Ipv4(cidr) => node.text("cidrIpv4", cidr),
        RuleTarget::Ipv6(cidr) => node.text("cidrIpv6", cidr),
        RuleTarget::PrefixList(id) => node.text("prefixListId", id),
        RuleTarget::Group(_) => node,
    }
}

pub(super) fn rule_node(call: &Call, world: &World, group: &SecurityGroup, rule: &Rule) -> Node {
    let region = call.region(world);
    let arn = format!("arn:aws:ec2:{}:{}:security-group-rule/{}", region.name, group.owner, rule.id);
    let referenced = match &rule.target {
        RuleTarget::Group(id) => {
            let owner = region.security_groups.get(id).map_or(&group.owner, |peer| &peer.owner);
            Some(Node::new().text("groupId", id).text("userId", owner).text("vpcId", &group.vpc_id))
        }
        RuleTarget::Ipv4(_) | RuleTarget::Ipv6(_) | RuleTarget::PrefixList(_) => None,
    };
    plain_node(group, rule)
        .text("groupOwnerId", &group.owner)
        .text("securityGroupRuleArn", arn)
        .opt_child("referencedGroupInfo", referenced)
        .set("tagSet", tags::nodes(&rule.tags))
}

fn revoked_node(group: &SecurityGroup, rule: &Rule) -> Node {
    let referenced = if let RuleTarget::Group(id) = &rule.target { Some(id) } else { None };
    plain_node(group, rule).opt("referencedGroupId", referenced)
}
