//! `DescribeInstances`.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;

use super::{filters, find_all, show};
use crate::core::{
    Call, Outcome,
    filters::Filters,
    paging::Page,
    records::{Instance, Phase},
    world::{Region, World},
    xml::Node,
};

pub fn describe(call: &Call, world: &World) -> Outcome {
    let asked_for = Filters::parse(call.params, &filters::KNOWN)?;
    let page = Page::parse(call.params, 5..=1000)?;
    Page::refuse_with_ids(call.params, "InstanceId", "instancesSet")?;
    let region = call.region(world);
    let asked = call.params.ids("InstanceId")?;
    find_all(call, region, &asked)?;
    let shown = region.instances.values().filter(|instance| {
        instance.owner == call.account()
            && instance.is_visible(call.now)
            && (asked.is_empty() || asked.contains(&instance.id.as_str()))
            && asked_for.match_all(&instance.tags, |name| filters::values(region, instance, name, call.now))
    });
    let (shown, token) = page.cut(shown, |instance| instance.id.clone());
    Ok(Node::new()
        .set("reservationSet", reservations(region, &shown, call.now))
        .opt("nextToken", token)
        .into())
}

fn reservations(region: &Region, shown: &[&Arc<Instance>], now: Timestamp) -> Vec<Node> {
    let mut by_reservation: BTreeMap<&str, Vec<(&Instance, &Phase)>> = BTreeMap::new();
    for instance in shown {
        by_reservation.entry(&instance.reservation_id).or_default().push((instance, instance.phase(now)));
    }
    by_reservation.values().map(|instances| show::reservation(region, instances)).collect()
}
