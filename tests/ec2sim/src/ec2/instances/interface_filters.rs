//! What interfaces have for filters: those of `DescribeNetworkInterfaces`, which `DescribeInstances` calls `network-interface.`….

use jiff::Timestamp;

use super::show;
use crate::core::{
    records::{Instance, InstanceState, Interface},
    world::Region,
    xml::iso,
};

/// Of all interfaces that an instance has.
pub fn of_instance(region: &Region, instance: &Instance, name: &str, now: Timestamp) -> Vec<String> {
    if instance.is_terminated(now) {
        return Vec::new();
    }
    instance.interfaces().flat_map(|it| values(region, instance, it, name, now)).collect()
}

pub fn values(
    region: &Region,
    instance: &Instance,
    interface: &Interface,
    name: &str,
    now: Timestamp,
) -> Vec<String> {
    let state = instance.state(now);
    if let Some(name) = name.strip_prefix("attachment.") {
        let is_attached = state != InstanceState::Terminated;
        return attachment_value(instance, interface, name, state)
            .filter(|_| is_attached)
            .into_iter()
            .collect();
    }
    let one = match name {
        "network-interface-id" => interface.id.clone(),
        "subnet-id" => interface.subnet_id.clone(),
        "vpc-id" => instance.vpc_id.clone(),
        "availability-zone" => instance.zone.clone(),
        "availability-zone-id" => {
            return region.zone(&instance.zone).map(|zone| zone.id.clone()).into_iter().collect();
        }
        "description" => interface.description.clone(),
        "interface-type" => "interface".to_owned(),
        "mac-address" => interface.mac_address.clone(),
        "owner-id" => instance.owner.clone(),
        "private-ip-address" => interface.private_ip.clone(),
        "status" if state == InstanceState::Terminated => "available".to_owned(),
        "status" => "in-use".to_owned(),
        "source-dest-check" => interface.source_dest_check.to_string(),
        "requester-managed" | "operator.managed" | "ipv6-native" => "false".to_owned(),
        "group-id" => return interface.security_groups.clone(),
        "group-name" => return group_names(region, interface),
        "tag-key" => return interface.tags.keys().cloned().collect(),
        "tag-value" => return interface.tags.values().cloned().collect(),
        _ => return address_values(region, instance, interface, name, state),
    };
    vec![one]
}

fn group_names(region: &Region, interface: &Interface) -> Vec<String> {
    let groups = interface.security_groups.iter().filter_map(|id| region.security_groups.get(id));
    groups.map(|group| group.name.clone()).collect()
}

fn attachment_value(
    instance: &Instance,
    interface: &Interface,
    name: &str,
    state: InstanceState,
) -> Option<String> {
    Some(match name {
        "instance-owner-id" => instance.owner.clone(),
        "delete-on-termination" => interface.delete_on_termination.to_string(),
        "attach-time" => iso(instance.launched_at),
        "attachment-id" => interface.attachment_id.clone(),
        "device-index" => interface.device_index.to_string(),
        "network-card-index" => "0".to_owned(),
        "instance-id" => instance.id.clone(),
        "status" => show::attachment_status(state).to_owned(),
        _ => return None,
    })
}

fn address_values(
    region: &Region,
    instance: &Instance,
    interface: &Interface,
    name: &str,
    state: InstanceState,
) -> Vec<String> {
    let all = || std::iter::once(&interface.private_ip).chain(&interface.secondary_ips);
    let public = interface.public_ip.as_ref().filter(|_| state == InstanceState::Running);
    let own_name = match interface.device_index {
        0 => show::private_name(region, instance, state),
        _ => show::name_of_address(region, &interface.private_ip),
    };
    match name {
        "addresses.private-ip-address" => all().cloned().collect(),
        "private-dns-name" => vec![own_name],
        "addresses.private-dns-name" => {
            let others = interface.secondary_ips.iter().map(|ip| show::name_of_address(region, ip));
            std::iter::once(own_name).chain(others).collect()
        }
        "addresses.primary" if interface.secondary_ips.is_empty() => vec!["true".to_owned()],
        "addresses.primary" => vec!["true".to_owned(), "false".to_owned()],
        "association.ip-owner-id"
        | "addresses.association.ip-owner-id"
        | "addresses.association.owner-id" => public.map(|_| show::IP_OWNER.to_owned()).into_iter().collect(),
        "association.public-ip" | "addresses.association.public-ip" => public.into_iter().cloned().collect(),
        "association.public-dns-name" | "addresses.association.public-dns-name" | "public-dns-name" => {
            public.and_then(|_| show::public_name(region, instance, state)).into_iter().collect()
        }
        _ => Vec::new(),
    }
}
