//! `DescribeNetworkInterfaces`: every instance has one, and there are no others.

use std::sync::Arc;

use super::{filters, show};
use crate::core::{
    Call, Outcome,
    error::ApiError,
    ids,
    records::Instance,
    selection::Selection,
    tags,
    world::{Region, World},
    xml::Node,
};

const FILTERS: [&str; 36] = [
    "addresses.association.owner-id",
    "addresses.association.public-ip",
    "addresses.primary",
    "addresses.private-ip-address",
    "association.allocation-id",
    "association.association-id",
    "association.ip-owner-id",
    "association.public-dns-name",
    "association.public-ip",
    "attachment.attach-time",
    "attachment.attachment-id",
    "attachment.delete-on-termination",
    "attachment.device-index",
    "attachment.instance-id",
    "attachment.instance-owner-id",
    "attachment.status",
    "availability-zone",
    "availability-zone-id",
    "description",
    "group-id",
    "interface-type",
    "ipv6-addresses.ipv6-address",
    "mac-address",
    "network-interface-id",
    "operator.managed",
    "operator.principal",
    "owner-id",
    "private-dns-name",
    "private-ip-address",
    "requester-id",
    "requester-managed",
    "source-dest-check",
    "status",
    "subnet-id",
    "tag-key",
    "vpc-id",
];

pub fn describe(call: &Call, world: &World) -> Outcome {
    let (ids, shown) = ("NetworkInterfaceId", "networkInterfaceIdSet");
    let selection = Selection::parse(call.params, &FILTERS, ids, shown)?;
    let region = call.region(world);
    for id in &selection.asked {
        check(call, region, id)?;
    }
    let shown = own(call, region).filter(|instance| {
        let values = |name: &str| filters::interface_values(region, instance, name, call.now);
        selection.wants(&instance.interface_id, &instance.interface_tags, values)
    });
    let mut shown: Vec<_> = shown.collect();
    shown.sort_by(|one, other| one.interface_id.cmp(&other.interface_id));
    let show = |instance: &Arc<Instance>| node(call, region, instance);
    Ok(selection.page.reply("networkInterfaceSet", shown, |it| it.interface_id.clone(), show).into())
}

/// An interface goes with its instance.
fn own<'r>(call: &'r Call, region: &'r Region) -> impl Iterator<Item = &'r Arc<Instance>> {
    region.instances.values().filter(|it| it.owner == call.account() && !it.is_terminated(call.now))
}

fn check(call: &Call, region: &Region, id: &str) -> Result<(), ApiError> {
    ids::INTERFACE.check(id)?;
    let is_there = own(call, region).any(|instance| instance.interface_id == id);
    if is_there { Ok(()) } else { Err(ids::INTERFACE.not_found(id)) }
}

fn node(call: &Call, region: &Region, instance: &Instance) -> Node {
    let state = instance.state(call.now);
    let attachment = show::interface_attachment(instance, state)
        .text("instanceId", &instance.id)
        .text("instanceOwnerId", &instance.owner);
    show::interface(region, instance, state)
        .without("attachment")
        .child("attachment", attachment)
        .text("availabilityZone", &instance.zone)
        .opt("availabilityZoneId", region.zone(&instance.zone).map(|zone| &zone.id))
        .text("requesterManaged", false)
        .set("tagSet", tags::nodes(&instance.interface_tags))
}
