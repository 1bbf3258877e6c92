//! `DescribeSecurityGroupRules`.

use super::rules;
use crate::core::{
    Call, Outcome,
    error::ApiError,
    ids,
    records::{Rule, SecurityGroup},
    selection::Selection,
    world::{Region, World},
};

const FILTERS: [&str; 3] = ["group-id", "security-group-rule-id", "tag-key"];

pub fn describe(call: &Call, world: &World) -> Outcome {
    let (ids, shown) = ("SecurityGroupRuleId", "securityGroupRuleIdSet");
    let selection = Selection::parse(call.params, &FILTERS, ids, shown)?;
    let region = call.region(world);
    for id in &selection.asked {
        check(call, region, id)?;
    }
    let shown = own(call, region).filter(|(group, rule)| {
        selection.wants(&rule.id, &rule.tags, |name| match name {
            "group-id" => vec![group.id.clone()],
            _ => vec![rule.id.clone()],
        })
    });
    let mut shown: Vec<_> = shown.collect();
    shown.sort_by(|(_, one), (_, other)| one.id.cmp(&other.id));
    let show = |(group, rule): (&SecurityGroup, &Rule)| rules::rule_node(call, world, group, rule);
    Ok(selection.page.reply("securityGroupRuleSet", shown, |(_, rule)| rule.id.clone(), show).into())
}

fn own<'r>(call: &'r Call, region: &'r Region) -> impl Iterator<Item = (&'r SecurityGroup, &'r Rule)> {
    let groups = region.security_groups.values().filter(|group| group.owner == call.account());
    groups.flat_map(|group| group.rules.iter().map(move |rule| (&**group, rule)))
}

fn check(call: &Call, region: &Region, id: &str) -> Result<(), ApiError> {
    ids::GROUP_RULE.check(id)?;
    let is_there = own(call, region).any(|(_, rule)| rule.id == id);
    if is_there { Ok(()) } else { Err(ids::GROUP_RULE.not_found(id)) }
}
