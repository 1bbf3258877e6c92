//! The world as JSON, made for assertions: `accounts.<id>.<region>.<kind>.<id>` with states as of now.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::core::{
    records::{Image, Instance, Parameter, Permissions, Snapshot, StateReason, Volume},
    tags::Tags,
    world::{Region, World},
};

/// Regions in which an account has nothing but its default network are left out.
pub(super) fn dump(world: &World, now: Timestamp) -> Value {
    let accounts = world.accounts.keys().map(|id| {
        let regions = world.regions.values().filter_map(|it| Some((it.name.clone(), region(it, id, now)?)));
        (id.clone(), Value::Object(regions.collect()))
    });
    json!({"now": now.to_string(), "seed": world.seed, "accounts": accounts.collect::<Map<_, _>>()})
}

fn region(region: &Region, account: &str, now: Timestamp) -> Option<Value> {
    let kinds = [
        ("images", of(region.images.values(), account, |it| (&it.owner, &it.id), |it| image(it, now))),
        (
            "snapshots",
            of(region.snapshots.values(), account, |it| (&it.owner, &it.id), |it| snapshot(it, now)),
        ),
        ("instances", instances(region, account, now)),
        ("volumes", volumes(region, account, now)),
        ("securityGroups", security_groups(region, account)),
        (
            "keyPairs",
            of(region.key_pairs.values(), account, |it| (&it.owner, &it.id), |it| named(&it.name, &it.tags)),
        ),
        ("parameters", parameters(region, account, now)),
        ("fastRestores", fast_restores(region, account, now)),
    ];
    if kinds.iter().all(|(_, items)| items.is_empty()) {
        return None;
    }
    Some(kinds.into_iter().map(|(kind, items)| (kind.to_owned(), Value::Object(items))).collect())
}

fn of<'w, T: 'w>(
    all: impl Iterator<Item = &'w std::sync::Arc<T>>,
    account: &str,
    identity: impl Fn(&T) -> (&String, &String),
    show: impl Fn(&T) -> Value,
) -> Map<String, Value> {
    let own = all.filter(|it| identity(it).0 == account);
    own.map(|it| (identity(it).1.clone(), show(it))).collect()
}

fn tags(tags: &Tags) -> Value {
    tags.iter().map(|(key, value)| (key.clone(), json!(value))).collect()
}

fn named(name: &str, of: &Tags) -> Value {
    json!({"name": name, "tags": tags(of)})
}

fn reason(reason: Option<&StateReason>) -> Value {
    reason.map_or(Value::Null, |reason| json!({"code": reason.code, "message": reason.message}))
}

fn permissions(of: &Permissions) -> Value {
    json!({
        "public": of.public,
        "users": of.users.iter().collect::<Vec<_>>(),
        "organizations": of.organizations.iter().collect::<Vec<_>>(),
        "units": of.units.iter().collect::<Vec<_>>(),
    })
}

fn image(image: &Image, now: Timestamp) -> Value {
    json!({
        "name": image.name,
        "description": image.description,
        "state": image.state(now).name(),
        "stateReason": reason(image.failure.as_ref().filter(|_| now >= image.settles_at)),
        "createdAt": image.created_at.to_string(),
        "architecture": image.architecture,
        "imdsSupport": image.imds_v2.then_some("v2.0"),
        "snapshots": image.snapshot_ids().collect::<Vec<_>>(),
        "sourceInstanceId": image.source_instance_id,
        "sourceImageId": image.source_image_id,
        "sourceImageRegion": image.source_image_region,
        "launchPermissions": permissions(&image.permissions),
        "deprecatedAt": image.deprecated_at.map(|at| at.to_string()),
        "protection": format!("{:?}", image.protection),
        "tags": tags(&image.tags),
    })
}

fn snapshot(snapshot: &Snapshot, now: Timestamp) -> Value {
    json!({
        "state": snapshot.state(now).name(),
        "stateReason": reason(snapshot.failure.as_ref().filter(|_| now >= snapshot.completes_at)),
        "progress": snapshot.progress(now),
        "description": snapshot.description,
        "volumeId": snapshot.volume_id,
        "sizeGib": snapshot.size,
        "encrypted": snapshot.encrypted,
        "kmsKeyId": snapshot.kms_key_id,
        "createVolumePermissions": permissions(&snapshot.permissions),
        "tags": tags(&snapshot.tags),
    })
}

fn instances(region: &Region, account: &str, now: Timestamp) -> Map<String, Value> {
    let own = region.instances.values().filter(|it| it.owner == account && it.is_visible(now));
    own.map(|it| (it.id.clone(), instance(it, now))).collect()
}

fn instance(instance: &Instance, now: Timestamp) -> Value {
    let phase = instance.phase(now);
    let printed = instance.console.iter().filter(|(at, _)| *at <= now);
    let console: Vec<u8> = printed.flat_map(|(_, bytes)| bytes.iter().copied()).collect();
    let console = String::from_utf8_lossy(&console);
    json!({
        "state": phase.state.name(),
        "stateReason": reason(phase.reason.as_ref()),
        "imageId": instance.image.id,
        "instanceType": instance.instance_type,
        "zone": instance.zone,
        "subnetId": instance.primary.subnet_id,
        "securityGroups": instance.primary.security_groups,
        "instanceProfile": instance.instance_profile.as_ref().map(|(arn, _)| arn),
        "keyName": instance.key_name,
        "launchedAt": instance.launched_at.to_string(),
        "clientToken": instance.client_token,
        "volumes": instance.devices.iter().map(|device| &device.volume_id).collect::<Vec<_>>(),
        "console": console.lines().collect::<Vec<_>>(),
        "tags": tags(&instance.tags),
    })
}

fn volumes(region: &Region, account: &str, now: Timestamp) -> Map<String, Value> {
    let own = region.volumes.values().filter(|it| it.owner == account && region.has_volume(it, now));
    own.map(|it| (it.id.clone(), volume(region, it, now))).collect()
}

fn volume(region: &Region, volume: &Volume, now: Timestamp) -> Value {
    let attachment = region.attachment(volume, now);
    json!({
        "state": if attachment.is_some() { "in-use" } else { "available" },
        "instanceId": attachment.map(|(instance, _)| &instance.id),
        "device": attachment.map(|(_, device)| &device.device_name),
        "sizeGib": volume.size,
        "type": volume.volume_type,
        "encrypted": volume.encrypted,
        "kmsKeyId": volume.kms_key_id,
        "tags": tags(&volume.tags),
    })
}

/// Without the default group, which is always there.
fn security_groups(region: &Region, account: &str) -> Map<String, Value> {
    let own =
        region.security_groups.values().filter(|group| group.owner == account && group.name != "default");
    own.map(|group| (group.id.clone(), named(&group.name, &group.tags))).collect()
}

fn parameters(region: &Region, account: &str, now: Timestamp) -> Map<String, Value> {
    let own = region.parameters.iter().filter(|((owner, _), _)| owner == account);
    own.filter_map(|((_, name), it)| Some((name.clone(), parameter(it, now)?))).collect()
}

fn parameter(parameter: &Parameter, now: Timestamp) -> Option<Value> {
    let newest = parameter.newest(now)?;
    Some(json!({
        "value": newest.value,
        "version": newest.version,
        "type": parameter.kind,
        "dataType": parameter.data_type,
        "tags": tags(&parameter.tags),
    }))
}

/// By `snapshot/zone`.
fn fast_restores(region: &Region, account: &str, now: Timestamp) -> Map<String, Value> {
    let own = region.fast_restores.iter().filter(|(_, restore)| restore.owner == account);
    let shown = own.map(|((snapshot, zone), restore)| {
        let disabled = restore.disabled_at.is_some_and(|at| at <= now);
        (
            format!("{snapshot}/{zone}"),
            json!({"enabledAt": restore.enabled_at.to_string(), "disabled": disabled}),
        )
    });
    shown.collect()
}
