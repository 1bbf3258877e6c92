//! `DescribeInstances`.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;

use super::{filters, find_all, show, visible};
use crate::core::{
    Call, Outcome,
    records::{Instance, Phase},
    selection::Selection,
    world::{Region, World},
    xml::Node,
};

pub fn describe(call: &Call, world: &World) -> Outcome {
    let selection = Selection::parse(call.params, &filters::KNOWN, "InstanceId", "instancesSet")?;
    let region = call.region(world);
    find_all(call, region, &selection.asked)?;
    let shown = visible(call, region).filter(|instance| {
        let values = |name: &str| filters::values(region, instance, name, call.now);
        selection.wants(&instance.id, &instance.tags, values)
    });
    let (shown, token) = selection.page.cut(shown, |instance| instance.id.clone());
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
