//! `DescribeNetworkInterfaces` and `DeleteNetworkInterface`: those that instances have, or left behind.

use std::sync::Arc;

use super::{change, interface_filters, show};
use crate::core::{
    Call, Outcome,
    error::ApiError,
    ids,
    records::{Instance, InstanceState, Interface},
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
        find(call, region, id)?;
    }
    let shown = own(call, region).filter(|(instance, it)| {
        let values = |name: &str| interface_filters::values(region, instance, it, name, call.now);
        selection.wants(&it.id, &it.tags, values)
    });
    let mut shown: Vec<Owned> = shown.collect();
    shown.sort_by(|(_, one), (_, other)| one.id.cmp(&other.id));
    let show = |(instance, it): Owned| node(call, region, instance, it);
    Ok(selection.page.reply("networkInterfaceSet", shown, |(_, it)| it.id.clone(), show).into())
}

/// An interface with the instance that it is, or was, on.
type Owned<'r> = (&'r Arc<Instance>, &'r Interface);

/// An interface goes with its instance, unless it was launched to stay.
fn own<'r>(call: &'r Call, region: &'r Region) -> impl Iterator<Item = Owned<'r>> {
    let instances = region.instances.values().filter(|it| it.owner == call.account());
    instances.flat_map(|instance| {
        let is_gone = instance.is_terminated(call.now);
        let stays = move |it: &&Interface| !is_gone || !it.delete_on_termination;
        instance.interfaces().filter(stays).map(move |it| (instance, it))
    })
}

fn find<'r>(call: &'r Call, region: &'r Region, id: &str) -> Result<Owned<'r>, ApiError> {
    ids::INTERFACE.check(id)?;
    own(call, region).find(|(_, it)| it.id == id).ok_or_else(|| ids::INTERFACE.not_found(id))
}

fn node(call: &Call, region: &Region, instance: &Instance, interface: &Interface) -> Node {
    let state = instance.state(call.now);
    let attachment = || {
        show::interface_attachment(instance, interface, state)
            .text("instanceId", &instance.id)
            .text("instanceOwnerId", &instance.owner)
    };
    show::interface(region, instance, interface, state)
        .opt_child("attachment", (state != InstanceState::Terminated).then(attachment))
        .text("availabilityZone", &instance.zone)
        .opt("availabilityZoneId", region.zone(&instance.zone).map(|zone| &zone.id))
        .text("requesterManaged", false)
        .set("tagSet", tags::nodes(&interface.tags))
}

/// One that stayed behind, which goes with its instance after all.
pub fn delete(call: &Call, world: &mut World) -> Outcome {
    let (instance, interface) = find(call, call.region(world), call.params.require("NetworkInterfaceId")?)?;
    let (owner, id) = (instance.id.clone(), interface.id.clone());
    if !instance.is_terminated(call.now) {
        let message = format!("Network interface '{id}' is currently in use.");
        return Err(ApiError::new("InvalidNetworkInterface.InUse", message));
    }
    change(call, world, &owner, |instance| {
        if let Some(interface) = instance.interface_mut(&id) {
            interface.delete_on_termination = true;
        }
    });
    Ok(Node::done().into())
}
