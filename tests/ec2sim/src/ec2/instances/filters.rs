//! The filters of `DescribeInstances`.

use jiff::Timestamp;

use super::{features, show};
use crate::core::{
    records::{Instance, InstanceState},
    world::Region,
    xml::iso,
};

/// All that the API reference names.
pub const KNOWN: [&str; 138] = [
    "affinity",
    "architecture",
    "availability-zone",
    "availability-zone-id",
    "block-device-mapping.attach-time",
    "block-device-mapping.delete-on-termination",
    "block-device-mapping.device-name",
    "block-device-mapping.status",
    "block-device-mapping.volume-id",
    "boot-mode",
    "capacity-reservation-id",
    "capacity-reservation-specification.capacity-reservation-preference",
    "capacity-reservation-specification.capacity-reservation-target.capacity-reservation-id",
    "capacity-reservation-specification.capacity-reservation-target.capacity-reservation-resource-group-arn",
    "client-token",
    "current-instance-boot-mode",
    "dns-name",
    "ebs-optimized",
    "ena-support",
    "enclave-options.enabled",
    "group-id",
    "group-name",
    "hibernation-options.configured",
    "host-id",
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
    "ipv6-address",
    "kernel-id",
    "key-name",
    "launch-index",
    "launch-time",
    "maintenance-options.auto-recovery",
    "metadata-options.http-endpoint",
    "metadata-options.http-protocol-ipv4",
    "metadata-options.http-protocol-ipv6",
    "metadata-options.http-put-response-hop-limit",
    "metadata-options.http-tokens",
    "metadata-options.instance-metadata-tags",
    "metadata-options.state",
    "monitoring-state",
    "network-interface.addresses.association.allocation-id",
    "network-interface.addresses.association.association-id",
    "network-interface.addresses.association.carrier-ip",
    "network-interface.addresses.association.customer-owned-ip",
    "network-interface.addresses.association.ip-owner-id",
    "network-interface.addresses.association.public-dns-name",
    "network-interface.addresses.association.public-ip",
    "network-interface.addresses.primary",
    "network-interface.addresses.private-dns-name",
    "network-interface.addresses.private-ip-address",
    "network-interface.association.allocation-id",
    "network-interface.association.association-id",
    "network-interface.association.carrier-ip",
    "network-interface.association.customer-owned-ip",
    "network-interface.association.ip-owner-id",
    "network-interface.association.public-dns-name",
    "network-interface.association.public-ip",
    "network-interface.attachment.attach-time",
    "network-interface.attachment.attachment-id",
    "network-interface.attachment.delete-on-termination",
    "network-interface.attachment.device-index",
    "network-interface.attachment.instance-id",
    "network-interface.attachment.instance-owner-id",
    "network-interface.attachment.network-card-index",
    "network-interface.attachment.status",
    "network-interface.availability-zone",
    "network-interface.deny-all-igw-traffic",
    "network-interface.description",
    "network-interface.group-id",
    "network-interface.group-name",
    "network-interface.ipv4-prefixes.ipv4-prefix",
    "network-interface.ipv6-address",
    "network-interface.ipv6-addresses.ipv6-address",
    "network-interface.ipv6-addresses.is-primary-ipv6",
    "network-interface.ipv6-native",
    "network-interface.ipv6-prefixes.ipv6-prefix",
    "network-interface.mac-address",
    "network-interface.network-interface-id",
    "network-interface.operator.managed",
    "network-interface.operator.principal",
    "network-interface.outpost-arn",
    "network-interface.owner-id",
    "network-interface.private-dns-name",
    "network-interface.private-ip-address",
    "network-interface.public-dns-name",
    "network-interface.requester-id",
    "network-interface.requester-managed",
    "network-interface.source-dest-check",
    "network-interface.status",
    "network-interface.subnet-id",
    "network-interface.tag-key",
    "network-interface.tag-value",
    "network-interface.vpc-id",
    "network-performance-options.bandwidth-weighting",
    "operator.managed",
    "operator.principal",
    "outpost-arn",
    "owner-id",
    "placement-group-name",
    "placement-partition-number",
    "platform",
    "platform-details",
    "private-dns-name",
    "private-dns-name-options.enable-resource-name-dns-a-record",
    "private-dns-name-options.enable-resource-name-dns-aaaa-record",
    "private-dns-name-options.hostname-type",
    "private-ip-address",
    "product-code",
    "product-code.type",
    "ramdisk-id",
    "reason",
    "requester-id",
    "reservation-id",
    "root-device-name",
    "root-device-type",
    "source-dest-check",
    "spot-instance-request-id",
    "state-reason-code",
    "state-reason-message",
    "subnet-id",
    "tag-key",
    "tag-value",
    "tenancy",
    "tpm-support",
    "usage-operation",
    "usage-operation-update-time",
    "virtualization-type",
    "vpc-id",
];

/// What an instance has for a filter.
pub fn values(region: &Region, instance: &Instance, name: &str, now: Timestamp) -> Vec<String> {
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
        "instance-lifecycle" => if instance.spot_request.is_some() { "spot" } else { "" }.to_owned(),
        "instance-state-code" => phase.state.code().to_string(),
        "instance-state-name" => phase.state.name().to_owned(),
        "instance-type" => instance.instance_type.clone(),
        "current-instance-boot-mode" => show::current_boot_mode(instance).to_owned(),
        "operator.managed" => "false".to_owned(),
        "launch-index" => instance.launch_index.to_string(),
        "launch-time" | "usage-operation-update-time" => iso(instance.launched_at),
        "maintenance-options.auto-recovery" => instance.auto_recovery.clone(),
        "monitoring-state" => if instance.monitoring { "enabled" } else { "disabled" }.to_owned(),
        "metadata-options.http-endpoint" => instance.metadata.http_endpoint.clone(),
        "metadata-options.http-put-response-hop-limit" => instance.metadata.hop_limit.to_string(),
        "metadata-options.http-protocol-ipv4" => "enabled".to_owned(),
        "metadata-options.http-protocol-ipv6" => instance.metadata.http_protocol_ipv6.clone(),
        "metadata-options.instance-metadata-tags" => instance.metadata.instance_tags.clone(),
        "metadata-options.http-tokens" => instance.metadata.http_tokens.clone(),
        "metadata-options.state" => show::metadata_state(phase.state).to_owned(),
        "subnet-id" => instance.subnet_id.clone(),
        "vpc-id" => instance.vpc_id.clone(),
        "owner-id" => instance.owner.clone(),
        "platform-details" => image.platform_details.clone(),
        "private-ip-address" => instance.private_ip.clone(),
        "reason" => phase.transition.clone(),
        "reservation-id" => instance.reservation_id.clone(),
        "root-device-name" => image.root_device_name.clone(),
        "root-device-type" => "ebs".to_owned(),
        "source-dest-check" => instance.source_dest_check.to_string(),
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
    if let Some(name) = name.strip_prefix("network-interface.") {
        return interface_values(region, instance, name, now);
    }
    let of = |value: Option<&String>| value.into_iter().cloned().collect();
    let profile = instance.instance_profile.as_ref();
    let devices = instance.devices.iter();
    match name {
        "availability-zone-id" => {
            region.zone(&instance.zone).map(|zone| zone.id.clone()).into_iter().collect()
        }
        "block-device-mapping.attach-time" => devices.map(|it| iso(it.attached_at)).collect(),
        "block-device-mapping.delete-on-termination" => {
            region.volumes_of(instance).map(|(_, it)| it.delete_on_termination.to_string()).collect()
        }
        "block-device-mapping.device-name" => devices.map(|it| it.device_name.clone()).collect(),
        "block-device-mapping.status" => devices.map(|_| "attached".to_owned()).collect(),
        "block-device-mapping.volume-id" => devices.map(|it| it.volume_id.clone()).collect(),
        "boot-mode" => of(image.boot_mode.as_ref()),
        "dns-name" => show::public_name(region, instance, instance.state(now)).into_iter().collect(),
        "kernel-id" => of(image.kernel_id.as_ref()),
        "private-dns-name" => vec![show::private_name(region, instance, instance.state(now))],
        "ramdisk-id" => of(image.ramdisk_id.as_ref()),
        "tpm-support" => of(image.tpm_support.as_ref()),
        "iam-instance-profile.arn" => profile.map(|(arn, _)| arn.clone()).into_iter().collect(),
        "iam-instance-profile.id" => profile.map(|(_, id)| id.clone()).into_iter().collect(),
        "instance.group-id" | "group-id" => instance.security_groups.clone(),
        "instance.group-name" | "group-name" => group_names(region, instance),
        "ip-address" => of(show::public_ip(instance, instance.state(now))),
        "key-name" => of(instance.key_name.as_ref()),
        "product-code" => image.product_codes.iter().map(|code| code.id.clone()).collect(),
        "product-code.type" => image.product_codes.iter().map(|code| code.kind.clone()).collect(),
        "state-reason-code" => reason.map(|reason| reason.code.clone()).into_iter().collect(),
        "state-reason-message" => reason.map(|reason| reason.message.clone()).into_iter().collect(),
        "spot-instance-request-id" => of(instance.spot_request.as_ref()),
        "platform" if image.is_windows() => vec!["windows".to_owned()],
        other => features::filter_value(&instance.features, other).into_iter().collect(),
    }
}

pub fn group_names(region: &Region, instance: &Instance) -> Vec<String> {
    let groups = instance.security_groups.iter().filter_map(|id| region.security_groups.get(id));
    groups.map(|group| group.name.clone()).collect()
}

/// The filters of `network-interface.`: every instance has one interface.
pub fn interface_values(region: &Region, instance: &Instance, name: &str, now: Timestamp) -> Vec<String> {
    let state = instance.state(now);
    if state == InstanceState::Terminated {
        return Vec::new();
    }
    let one = match name {
        "network-interface-id" => instance.interface_id.clone(),
        "subnet-id" => instance.subnet_id.clone(),
        "vpc-id" => instance.vpc_id.clone(),
        "availability-zone" => instance.zone.clone(),
        "availability-zone-id" => {
            return region.zone(&instance.zone).map(|zone| zone.id.clone()).into_iter().collect();
        }
        "description" => String::new(),
        "interface-type" => "interface".to_owned(),
        "mac-address" => instance.mac_address.clone(),
        "owner-id" | "attachment.instance-owner-id" => instance.owner.clone(),
        "private-ip-address" | "addresses.private-ip-address" => instance.private_ip.clone(),
        "private-dns-name" | "addresses.private-dns-name" => show::private_name(region, instance, state),
        "status" => "in-use".to_owned(),
        "source-dest-check" => instance.source_dest_check.to_string(),
        "addresses.primary" | "attachment.delete-on-termination" => "true".to_owned(),
        "attachment.attach-time" => iso(instance.launched_at),
        "attachment.attachment-id" => instance.interface_attachment_id.clone(),
        "attachment.device-index" | "attachment.network-card-index" => "0".to_owned(),
        "attachment.instance-id" => instance.id.clone(),
        "attachment.status" => show::attachment_status(state).to_owned(),
        "requester-managed" | "operator.managed" | "ipv6-native" => "false".to_owned(),
        "group-id" => return instance.security_groups.clone(),
        "group-name" => return group_names(region, instance),
        "association.ip-owner-id"
        | "addresses.association.ip-owner-id"
        | "addresses.association.owner-id" => {
            return show::public_ip(instance, state).map(|_| show::IP_OWNER.to_owned()).into_iter().collect();
        }
        "association.public-ip" | "addresses.association.public-ip" => {
            return show::public_ip(instance, state).into_iter().cloned().collect();
        }
        "association.public-dns-name" | "addresses.association.public-dns-name" | "public-dns-name" => {
            return show::public_name(region, instance, state).into_iter().collect();
        }
        "tag-key" => return instance.interface_tags.keys().cloned().collect(),
        "tag-value" => return instance.interface_tags.values().cloned().collect(),
        _ => return Vec::new(),
    };
    vec![one]
}
