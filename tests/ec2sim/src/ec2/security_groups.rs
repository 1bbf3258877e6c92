//! Security groups; their rules are in [`rules`].

mod describe_rules;
mod permissions;
mod rules;

use std::sync::Arc;

use crate::core::{
    Call, Handler, Outcome,
    error::ApiError,
    filters::Filters,
    ids,
    paging::Page,
    records::{Rule, RuleTarget, SecurityGroup},
    tags::{self, Specifications, Tags},
    world::{Region, World},
    xml::Node,
};

use super::network;

/// Length of names and descriptions (`CreateSecurityGroup`, "Constraints: Up to 255 characters in length").
const MAX_TEXT: usize = 255;
const TEXT_PUNCTUATION: &str = " ._-:/()#,@[]+=&;{}!$*";

pub fn handler(action: &str) -> Option<Handler> {
    match action {
        "CreateSecurityGroup" => Some(Handler::Write(create_security_group)),
        "DescribeSecurityGroupRules" => Some(Handler::Read(describe_rules::describe)),
        "DescribeSecurityGroups" => Some(Handler::Read(describe_security_groups)),
        "DeleteSecurityGroup" => Some(Handler::Write(delete_security_group)),
        other => rules::handler(other),
    }
}

fn create_security_group(call: &Call, world: &mut World) -> Outcome {
    let name = group_name(call)?;
    let description = call.params.require("GroupDescription")?;
    check_text(description, "security group description")?;
    let tags = Specifications::parse(call.params, &["security-group"])?.of("security-group");
    let region = call.region(world);
    let vpc_id = vpc_of(call, region)?;
    check_new(call, region, world.quotas.security_groups, &vpc_id, name)?;
    let group = SecurityGroup {
        id: world.mint(ids::GROUP),
        owner: call.account().to_owned(),
        vpc_id,
        name: name.to_owned(),
        description: description.to_owned(),
        rules: vec![allow_all_egress(world)],
        tags,
    };
    let node = Node::done()
        .text("groupId", &group.id)
        .text("securityGroupArn", arn(call, &group))
        .set_if_any("tagSet", tags::nodes(&group.tags));
    call.region_mut(world).security_groups.insert(group.id.clone(), Arc::new(group));
    Ok(node.into())
}

fn check_new(call: &Call, region: &Region, quota: usize, vpc_id: &str, name: &str) -> Result<(), ApiError> {
    let own: Vec<_> = region.security_groups.values().filter(|group| group.owner == call.account()).collect();
    // Names that differ in case only are the same (EC2 API reference, `CreateSecurityGroup`, `GroupName`).
    if own.iter().any(|group| group.vpc_id == vpc_id && group.name.eq_ignore_ascii_case(name)) {
        let message = format!("The security group '{name}' already exists for VPC '{vpc_id}'");
        return Err(ApiError::new("InvalidGroup.Duplicate", message));
    }
    if own.len() >= quota {
        let message = "The maximum number of security groups has been reached.";
        return Err(ApiError::new("SecurityGroupLimitExceeded", message));
    }
    Ok(())
}

fn group_name<'c>(call: &'c Call) -> Result<&'c str, ApiError> {
    let name = call.params.require("GroupName")?;
    if name == "default" {
        let message = "Cannot use reserved security group name: default";
        return Err(ApiError::new("InvalidGroup.Reserved", message));
    }
    if name.to_ascii_lowercase().starts_with("sg-") {
        let message = format!(
            "invalid value for parameter groupName: {name}. Group names may not be in the format sg-*"
        );
        return Err(ApiError::invalid_value(message));
    }
    check_text(name, "security group name")?;
    Ok(name)
}

fn check_text(text: &str, what: &str) -> Result<(), ApiError> {
    let allowed = |character: char| character.is_ascii_alphanumeric() || TEXT_PUNCTUATION.contains(character);
    if text.len() <= MAX_TEXT && text.chars().all(allowed) {
        return Ok(());
    }
    let message = format!(
        "Invalid {what}. Valid values are strings less than 256 characters from the following set: \
         a-zA-Z0-9. _-:/()#,@[]+=&;{{}}!$*"
    );
    Err(ApiError::invalid_value(message))
}

fn vpc_of(call: &Call, region: &Region) -> Result<String, ApiError> {
    if let Some(id) = call.params.text("VpcId") {
        return Ok(network::vpc(call, region, id)?.id.clone());
    }
    let default = region.default_vpc(call.account()).map(|vpc| vpc.id.clone());
    default.ok_or_else(|| ApiError::new("VPCIdNotSpecified", "No default VPC for this user"))
}

fn allow_all_egress(world: &mut World) -> Rule {
    Rule {
        id: world.mint(ids::GROUP_RULE),
        egress: true,
        protocol: "-1".to_owned(),
        from_port: None,
        to_port: None,
        target: RuleTarget::Ipv4("0.0.0.0/0".to_owned()),
        description: None,
        tags: Tags::new(),
    }
}

/// The group of `GroupId`, or of `GroupName` in the default VPC.
fn named_group<'w>(call: &Call, region: &'w Region) -> Result<&'w Arc<SecurityGroup>, ApiError> {
    match (call.params.text("GroupId"), call.params.text("GroupName")) {
        (Some(id), _) => by_id(call, region, id),
        (None, Some(name)) => by_name(call, region, name),
        (None, None) => Err(ApiError::missing("GroupName or GroupId")),
    }
}

fn by_id<'w>(call: &Call, region: &'w Region, id: &str) -> Result<&'w Arc<SecurityGroup>, ApiError> {
    ids::GROUP.check(id)?;
    let found = region.security_groups.get(id).filter(|group| group.owner == call.account());
    found.ok_or_else(|| ids::GROUP.not_found(id))
}

fn by_name<'w>(call: &Call, region: &'w Region, name: &str) -> Result<&'w Arc<SecurityGroup>, ApiError> {
    let vpc_id = region.default_vpc(call.account()).map_or("none", |vpc| &vpc.id);
    let mut groups = region.security_groups.values();
    groups.find(|group| group.vpc_id == vpc_id && group.name == name).ok_or_else(|| {
        let message = format!("The security group '{name}' does not exist in default VPC '{vpc_id}'");
        ApiError::new("InvalidGroup.NotFound", message)
    })
}

/// EC2 refuses while an instance has the group or another group's rule names it.
fn delete_security_group(call: &Call, world: &mut World) -> Outcome {
    let region = call.region(world);
    let group = named_group(call, region)?;
    if group.name == "default" {
        let message =
            format!("the specified group: \"{}\" name: \"default\" cannot be deleted by a user", group.id);
        return Err(ApiError::new("CannotDelete", message));
    }
    let worn = region.instances.values().any(|it| !it.is_terminated(call.now) && it.uses_group(&group.id));
    let target = RuleTarget::Group(group.id.clone());
    let mut others = region.security_groups.values().filter(|other| other.id != group.id);
    if worn || others.any(|other| other.rules.iter().any(|rule| rule.target == target)) {
        return Err(ApiError::new(
            "DependencyViolation",
            format!("resource {} has a dependent object", group.id),
        ));
    }
    let id = group.id.clone();
    call.region_mut(world).security_groups.remove(&id);
    Ok(Node::done().text("groupId", id).into())
}

const FILTERS: [&str; 25] = [
    "description",
    "egress.ip-permission.cidr",
    "egress.ip-permission.from-port",
    "egress.ip-permission.group-id",
    "egress.ip-permission.group-name",
    "egress.ip-permission.ipv6-cidr",
    "egress.ip-permission.prefix-list-id",
    "egress.ip-permission.protocol",
    "egress.ip-permission.to-port",
    "egress.ip-permission.user-id",
    "group-id",
    "group-name",
    "ip-permission.cidr",
    "ip-permission.from-port",
    "ip-permission.group-id",
    "ip-permission.group-name",
    "ip-permission.ipv6-cidr",
    "ip-permission.prefix-list-id",
    "ip-permission.protocol",
    "ip-permission.to-port",
    "ip-permission.user-id",
    "owner-id",
    "tag-key",
    "tag-value",
    "vpc-id",
];

fn describe_security_groups(call: &Call, world: &World) -> Outcome {
    let filters = Filters::parse(call.params, &FILTERS)?;
    let page = Page::parse(call.params, 5..=1000)?;
    let region = call.region(world);
    let mut asked = Vec::new();
    for id in call.params.ids("GroupId")? {
        asked.push(&by_id(call, region, id)?.id);
    }
    for name in call.params.texts("GroupName") {
        asked.push(&by_name(call, region, name)?.id);
    }
    let shown = region.security_groups.values().filter(|group| {
        group.owner == call.account()
            && (asked.is_empty() || asked.contains(&&group.id))
            && filters.match_all(&group.tags, |name| filter_values(region, group, name))
    });
    let show = |group: &Arc<SecurityGroup>| node(call, region, group);
    Ok(page.reply("securityGroupInfo", shown, |group| group.id.clone(), show).into())
}

fn filter_values(region: &Region, group: &SecurityGroup, name: &str) -> Vec<String> {
    let value = match name {
        "description" => &group.description,
        "group-id" => &group.id,
        "group-name" => &group.name,
        "owner-id" => &group.owner,
        "vpc-id" => &group.vpc_id,
        rule_filter => return permissions::filter_values(region, group, rule_filter),
    };
    vec![value.clone()]
}

fn arn(call: &Call, group: &SecurityGroup) -> String {
    format!("arn:aws:ec2:{}:{}:security-group/{}", call.caller.region, group.owner, group.id)
}

fn node(call: &Call, region: &Region, group: &SecurityGroup) -> Node {
    Node::new()
        .text("ownerId", &group.owner)
        .text("groupId", &group.id)
        .text("securityGroupArn", arn(call, group))
        .text("groupName", &group.name)
        .text("groupDescription", &group.description)
        .text("vpcId", &group.vpc_id)
        .set("ipPermissions", permissions::nodes(region, group, false))
        .set("ipPermissionsEgress", permissions::nodes(region, group, true))
        .set_if_any("tagSet", tags::nodes(&group.tags))
}
