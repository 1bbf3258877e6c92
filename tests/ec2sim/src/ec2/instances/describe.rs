//! `DescribeInstances`.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;

use super::{find_all, show};
use crate::core::{
    Call, Outcome,
    filters::Filters,
    paging::Page,
    records::{Instance, Phase},
    world::{Region, World},
    xml::{Node, iso},
};

const FILTERS: [&str; 62] = [
    "architecture",
    "availability-zone",
    "availability-zone-id",
    "block-device-mapping.attach-time",
    "block-device-mapping.delete-on-termination",
    "block-device-mapping.device-name",
    "block-device-mapping.status",
    "block-device-mapping.volume-id",
    "boot-mode",
    "client-token",
    "current-instance-boot-mode",
    "dns-name",
    "ebs-optimized",
    "ena-support",
    "group-id",
    "group-name",
    "hypervisor",
    "iam-instance-profile.arn",
    "iam-instance-profile.id",
    "image-id",
    "instance-id",
    "instance-lifecycle",
    "instance-state-code",
    "instance-state-name",
    "instance-type",
    "instance.group-id",
    "instance.group-name",
    "ip-address",
    "key-name",
    "launch-index",
    "launch-time",
    "metadata-options.http-endpoint",
    "metadata-options.http-put-response-hop-limit",
    "metadata-options.http-tokens",
    "metadata-options.state",
    "monitoring-state",
    "network-interface.network-interface-id",
    "network-interface.subnet-id",
    "network-interface.vpc-id",
    "owner-id",
    "placement-group-name",
    "platform",
    "platform-details",
    "private-dns-name",
    "private-ip-address",
    "product-code",
    "product-code.type",
    "reason",
    "requester-id",
    "reservation-id",
    "root-device-name",
    "root-device-type",
    "source-dest-check",
    "state-reason-code",
    "state-reason-message",
    "subnet-id",
    "tag-key",
    "tag-value",
    "tenancy",
    "usage-operation",
    "virtualization-type",
    "vpc-id",
];

pub fn describe(call: &Call, world: &World) -> Outcome {
    let filters = Filters::parse(call.params, &FILTERS)?;
    let page = Page::parse(call.params, 5..=1000)?;
    Page::refuse_with_ids(call.params, "InstanceId", "instancesSet")?;
    let region = call.region(world);
    let asked = call.params.texts("InstanceId");
    find_all(call, region, &asked)?;
    let shown = region.instances.values().filter(|instance| {
        instance.owner == call.account()
            && instance.is_visible(call.now)
            && (asked.is_empty() || asked.contains(&instance.id.as_str()))
            && filters.match_all(&instance.tags, |name| filter_values(region, instance, name, call.now))
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

fn filter_values(region: &Region, instance: &Instance, name: &str, now: Timestamp) -> Vec<String> {
    let (image, phase) = (&instance.image, instance.phase(now));
    let one = match name {
        "architecture" => image.architecture.clone(),
        "availability-zone" => instance.zone.clone(),
        "client-token" => instance.client_token.clone(),
        "ebs-optimized" => instance.ebs_optimized.to_string(),
        "ena-support" => image.ena.to_string(),
        "hypervisor" => "xen".to_owned(),
        "image-id" => image.id.clone(),
        "instance-id" => instance.id.clone(),
        "instance-lifecycle" => if instance.spot { "spot" } else { "" }.to_owned(),
        "instance-state-code" => phase.state.code().to_string(),
        "instance-state-name" => phase.state.name().to_owned(),
        "instance-type" => instance.instance_type.clone(),
        "launch-index" => instance.launch_index.to_string(),
        "launch-time" => iso(instance.launched_at),
        "monitoring-state" => if instance.monitoring { "enabled" } else { "disabled" }.to_owned(),
        "metadata-options.http-endpoint" => instance.metadata.http_endpoint.clone(),
        "metadata-options.http-put-response-hop-limit" => instance.metadata.hop_limit.to_string(),
        "metadata-options.http-tokens" => instance.metadata.http_tokens.clone(),
        "metadata-options.state" => "applied".to_owned(),
        "network-interface.network-interface-id" => instance.interface_id.clone(),
        "subnet-id" | "network-interface.subnet-id" => instance.subnet_id.clone(),
        "vpc-id" | "network-interface.vpc-id" => instance.vpc_id.clone(),
        "owner-id" => instance.owner.clone(),
        "platform-details" => image.platform_details.clone(),
        "private-ip-address" => instance.private_ip.clone(),
        "reason" => phase.transition.clone(),
        "reservation-id" => instance.reservation_id.clone(),
        "root-device-name" => image.root_device_name.clone(),
        "root-device-type" => "ebs".to_owned(),
        "source-dest-check" => "true".to_owned(),
        "tenancy" => instance.tenancy.clone(),
        "usage-operation" => image.usage_operation.clone(),
        "virtualization-type" => image.virtualization.clone(),
        _ => return several_values(region, instance, name, now),
    };
    vec![one]
}

/// The filters for which an instance has no value or more than one.
fn several_values(region: &Region, instance: &Instance, name: &str, now: Timestamp) -> Vec<String> {
    let (image, reason) = (&instance.image, instance.phase(now).reason.as_ref());
    let profile = instance.instance_profile.as_ref();
    let devices = instance.devices.iter();
    match name {
        "availability-zone-id" => {
            region.zone(&instance.zone).map(|zone| zone.id.clone()).into_iter().collect()
        }
        "block-device-mapping.delete-on-termination" => {
            devices.map(|it| it.delete_on_termination.to_string()).collect()
        }
        "block-device-mapping.device-name" => devices.map(|it| it.device_name.clone()).collect(),
        "block-device-mapping.status" => devices.map(|_| "attached".to_owned()).collect(),
        "block-device-mapping.volume-id" => devices.map(|it| it.volume_id.clone()).collect(),
        "boot-mode" => image.boot_mode.iter().cloned().collect(),
        "iam-instance-profile.arn" => profile.map(|(arn, _)| arn.clone()).into_iter().collect(),
        "iam-instance-profile.id" => profile.map(|(_, id)| id.clone()).into_iter().collect(),
        "instance.group-id" | "group-id" => instance.security_groups.clone(),
        "instance.group-name" | "group-name" => {
            let groups = instance.security_groups.iter().filter_map(|id| region.security_groups.get(id));
            groups.map(|group| group.name.clone()).collect()
        }
        "ip-address" => instance.public_ip.iter().cloned().collect(),
        "key-name" => instance.key_name.iter().cloned().collect(),
        "product-code" => image.product_codes.iter().map(|code| code.id.clone()).collect(),
        "product-code.type" => image.product_codes.iter().map(|code| code.kind.clone()).collect(),
        "state-reason-code" => reason.map(|reason| reason.code.clone()).into_iter().collect(),
        "state-reason-message" => reason.map(|reason| reason.message.clone()).into_iter().collect(),
        "platform" if image.is_windows() => vec!["windows".to_owned()],
        _ => Vec::new(),
    }
}
