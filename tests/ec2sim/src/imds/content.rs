//! What there is to read, by path without the version.

use std::{collections::BTreeMap, fmt::Display};

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use serde_json::json;

use crate::core::{
    records::{Instance, InstanceState, SecurityGroup},
    world::Region,
};
use crate::ec2::instances::{private_name, public_name};

pub fn of(region: &Region, instance: &Instance) -> BTreeMap<String, Vec<u8>> {
    let mut content = BTreeMap::new();
    if let Some(data) = &instance.user_data {
        content.insert("user-data".to_owned(), BASE64.decode(data).unwrap_or_default());
    }
    content.insert(
        "dynamic/instance-identity/document".to_owned(),
        identity(region, instance).to_string().into_bytes(),
    );
    let metadata = machine(region, instance).into_iter().chain(network(region, instance));
    let metadata = metadata.chain(options(region, instance));
    content.extend(metadata.map(|(name, value)| (format!("meta-data/{name}"), value.into_bytes())));
    content
}

fn identity(region: &Region, instance: &Instance) -> serde_json::Value {
    json!({
        "accountId": instance.owner,
        "architecture": instance.image.architecture,
        "availabilityZone": instance.zone,
        "imageId": instance.image.id,
        "instanceId": instance.id,
        "instanceType": instance.instance_type,
        "pendingTime": instance.launched_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "privateIp": instance.primary.private_ip,
        "region": region.name,
        "version": "2017-09-30",
    })
}

type Item = (String, String);

fn item(name: &str, value: impl Display) -> Item {
    (name.to_owned(), value.to_string())
}

fn machine(region: &Region, instance: &Instance) -> Vec<Item> {
    let image = &instance.image;
    let name = private_name(region, instance, InstanceState::Running);
    let mut items = vec![
        item("ami-id", &image.id),
        item("ami-launch-index", instance.launch_index),
        item("ami-manifest-path", "(unknown)"),
        item("block-device-mapping/ami", image.root_device_name.trim_start_matches("/dev/")),
        item("block-device-mapping/root", &image.root_device_name),
        item("hostname", &name),
        item("instance-action", "none"),
        item("instance-id", &instance.id),
        item("instance-life-cycle", if instance.spot_request.is_some() { "spot" } else { "on-demand" }),
        item("instance-type", &instance.instance_type),
        item("local-hostname", &name),
        item("local-ipv4", &instance.primary.private_ip),
        item("mac", &instance.primary.mac_address),
        item("placement/availability-zone", &instance.zone),
        item("placement/region", &region.name),
        item("profile", "default-hvm"),
        item("reservation-id", &instance.reservation_id),
        item("security-groups", lines(groups(region, instance).map(|group| group.name.as_str()))),
        item("services/domain", "amazonaws.com"),
        item("services/partition", "aws"),
    ];
    let zone = region.zone(&instance.zone);
    items.extend(zone.map(|zone| item("placement/availability-zone-id", &zone.id)));
    items
}

fn lines<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.collect::<Vec<_>>().join("\n")
}

fn groups<'r>(region: &'r Region, instance: &'r Instance) -> impl Iterator<Item = &'r SecurityGroup> {
    instance
        .primary
        .security_groups
        .iter()
        .filter_map(|id| region.security_groups.get(id).map(|group| &**group))
}

fn network(region: &Region, instance: &Instance) -> Vec<Item> {
    let of_interface = |name: &str, value: &str| {
        item(&format!("network/interfaces/macs/{}/{name}", instance.primary.mac_address), value)
    };
    let mut items = vec![
        of_interface("device-number", "0"),
        of_interface("interface-id", &instance.primary.id),
        of_interface("local-hostname", &private_name(region, instance, InstanceState::Running)),
        of_interface("local-ipv4s", &instance.primary.private_ip),
        of_interface("mac", &instance.primary.mac_address),
        of_interface("owner-id", &instance.owner),
        of_interface(
            "security-group-ids",
            &lines(instance.primary.security_groups.iter().map(String::as_str)),
        ),
        of_interface("security-groups", &lines(groups(region, instance).map(|group| group.name.as_str()))),
        of_interface("subnet-id", &instance.primary.subnet_id),
        of_interface("vpc-id", &instance.vpc_id),
    ];
    if let Some(subnet) = region.subnets.get(&instance.primary.subnet_id) {
        items.push(of_interface("subnet-ipv4-cidr-block", &subnet.cidr));
    }
    if let Some(vpc) = region.vpcs.get(&instance.vpc_id) {
        items.push(of_interface("vpc-ipv4-cidr-block", &vpc.cidr));
        items.push(of_interface("vpc-ipv4-cidr-blocks", &vpc.cidr));
    }
    if let Some(address) = &instance.primary.public_ip {
        let name = public_name(region, instance, InstanceState::Running).unwrap_or_default();
        items.extend([of_interface("public-hostname", &name), of_interface("public-ipv4s", address)]);
        items.extend([item("public-hostname", name), item("public-ipv4", address)]);
    }
    items
}

/// What is there only if it was asked for at launch.
fn options(region: &Region, instance: &Instance) -> Vec<Item> {
    let mut items = Vec::new();
    if let Some((arn, id)) = &instance.instance_profile {
        let info = json!({"Code": "Success", "InstanceProfileArn": arn, "InstanceProfileId": id});
        items.push(item("iam/info", info));
    }
    let named = |key: &str| region.key_pairs.values().find(|it| it.owner == instance.owner && it.name == key);
    let public_key = instance.key_name.as_deref().and_then(named).and_then(|key| key.public_key.as_ref());
    items.extend(public_key.map(|key| item("public-keys/0/openssh-key", key)));
    if instance.metadata.instance_tags == "enabled" {
        items.extend(instance.tags.iter().map(|(key, value)| item(&format!("tags/instance/{key}"), value)));
    }
    items
}
