//! `BlockDeviceMapping.n`: what a request asks for, laid over what an image or instance has.

use super::{images::access, kms};
use crate::core::{
    Call,
    error::ApiError,
    params::Params,
    records::{Device, Ebs, Snapshot},
    world::{Region, World},
    xml::Node,
};

/// What a mapping may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Volumes of the image can be resized, retyped and encrypted.
    Launch,
    /// Of the instance's volumes only `DeleteOnTermination` can be changed.
    CreateImage,
    /// There is nothing before the request.
    Register,
}

/// Lays the request's mappings over `base`.
pub fn overlay(
    call: &Call,
    world: &World,
    base: &[Device],
    purpose: Purpose,
) -> Result<Vec<Device>, ApiError> {
    let mut devices = base.to_vec();
    let mut seen = Vec::new();
    for asked in call.params.list("BlockDeviceMapping") {
        let name = asked.text("DeviceName").ok_or_else(|| ApiError::missing("DeviceName"))?;
        if seen.contains(&name) {
            return Err(invalid(format!("Duplicate device name '{name}' in the block device mapping")));
        }
        seen.push(name);
        let before = devices.iter().position(|device| device.name == name);
        let old = before.map(|at| devices.remove(at));
        // A suppressed device is left out; the others keep their place.
        if !asked.has("NoDevice") {
            let device = map_one(call, world, asked, old, purpose)?;
            devices.insert(before.unwrap_or(devices.len()), device);
        }
    }
    Ok(devices)
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidBlockDeviceMapping", message)
}

fn map_one(
    call: &Call,
    world: &World,
    asked: &Params,
    old: Option<Device>,
    purpose: Purpose,
) -> Result<Device, ApiError> {
    let name = asked.require("DeviceName")?.to_owned();
    let Some(ebs) = asked.get("Ebs").filter(|ebs| !ebs.is_empty()) else {
        let virtual_name = asked.text("VirtualName").map(str::to_owned);
        let kept = old.and_then(|old| old.ebs);
        if virtual_name.is_none() && kept.is_none() {
            return Err(invalid(format!("Device '{name}' has neither a volume nor a virtual name")));
        }
        return Ok(Device { name, virtual_name, ebs: kept });
    };
    let old = old.and_then(|old| old.ebs);
    let ebs = match (&old, purpose) {
        (Some(old), Purpose::CreateImage) => only_deletion(ebs, old)?,
        _ => volume(call, world, ebs, old)?,
    };
    Ok(Device { name, virtual_name: None, ebs: Some(ebs) })
}

/// `CreateImage` can change nothing else of a volume that exists.
fn only_deletion(asked: &Params, old: &Ebs) -> Result<Ebs, ApiError> {
    for fixed in ["Encrypted", "KmsKeyId", "SnapshotId"] {
        if asked.text(fixed).is_some() {
            return Err(invalid(format!("The parameter {fixed} cannot be changed for an attached volume")));
        }
    }
    if asked.int("VolumeSize")?.is_some_and(|size| size != old.size) {
        return Err(invalid("The size of an attached volume cannot be changed"));
    }
    let delete_on_termination = asked.flag("DeleteOnTermination")?.unwrap_or(old.delete_on_termination);
    Ok(Ebs { delete_on_termination, ..old.clone() })
}

fn volume(call: &Call, world: &World, asked: &Params, old: Option<Ebs>) -> Result<Ebs, ApiError> {
    let region = call.region(world);
    let snapshot_id = asked.text("SnapshotId").map(str::to_owned);
    let snapshot_id = snapshot_id.or_else(|| old.as_ref()?.snapshot_id.clone());
    let snapshot = match &snapshot_id {
        Some(id) if asked.text("SnapshotId").is_some() => Some(access::visible_snapshot(call, world, id)?),
        Some(id) => region.snapshots.get(id),
        None => None,
    };
    let old = old.unwrap_or_else(|| Ebs {
        volume_type: "gp2".to_owned(),
        // Volumes that the image does not have persist unless told otherwise only with attached ones; a new
        // device of a launch is deleted with its instance.
        delete_on_termination: true,
        ..Ebs::default()
    });
    let size = size(asked, &old, snapshot.map(|snapshot| &**snapshot))?;
    let ebs = Ebs {
        snapshot_id,
        size,
        delete_on_termination: asked.flag("DeleteOnTermination")?.unwrap_or(old.delete_on_termination),
        ..performance(asked, &old, size)?
    };
    encryption(call, region, asked, ebs, snapshot.map(|snapshot| &**snapshot))
}

fn size(asked: &Params, old: &Ebs, snapshot: Option<&Snapshot>) -> Result<i64, ApiError> {
    let least = snapshot.map(|snapshot| snapshot.size);
    let size = asked.int("VolumeSize")?.or((old.size > 0).then_some(old.size)).or(least);
    let size = size.ok_or_else(|| {
        ApiError::new("MissingParameter", "The request must contain the parameter size or snapshotId")
    })?;
    if !(1..=65_536).contains(&size) {
        return Err(ApiError::bad_value(
            &size.to_string(),
            "volumeSize",
            "Expecting a size from 1 to 65536 GiB.",
        ));
    }
    match snapshot {
        Some(snapshot) if size < snapshot.size => Err(invalid(format!(
            "Volume of size {size}GB is smaller than snapshot '{}', expect size>= {}GB",
            snapshot.id, snapshot.size
        ))),
        _ => Ok(size),
    }
}

/// Type, IOPS and throughput.
fn performance(asked: &Params, old: &Ebs, size: i64) -> Result<Ebs, ApiError> {
    let volume_type = asked.text("VolumeType").unwrap_or(&old.volume_type).to_owned();
    let same = volume_type == old.volume_type;
    let iops = asked.int("Iops")?;
    let throughput = asked.int("Throughput")?;
    let refuse = |parameter: &str| {
        let message = format!("The parameter {parameter} is not supported for {volume_type} volumes.");
        Err(ApiError::invalid_combination(message))
    };
    let (iops, throughput) = match volume_type.as_str() {
        "gp3" => {
            let (iops, throughput) =
                (iops.or(old.iops.filter(|_| same)), throughput.or(old.throughput.filter(|_| same)));
            (Some(iops.unwrap_or(3000)), Some(throughput.unwrap_or(125)))
        }
        _ if throughput.is_some() => return refuse("throughput"),
        "io1" | "io2" => {
            let kept = iops.or(old.iops.filter(|_| same));
            let missing = || {
                let message = format!("The parameter iops must be specified for {volume_type} volumes.");
                ApiError::new("MissingParameter", message)
            };
            (Some(kept.ok_or_else(missing)?), None)
        }
        "gp2" | "st1" | "sc1" | "standard" if iops.is_some() => return refuse("iops"),
        "gp2" => (Some((size * 3).clamp(100, 16_000)), None),
        "st1" | "sc1" | "standard" => (None, None),
        _ => return Err(ApiError::bad_value(&volume_type, "volumeType", "Unknown volume type.")),
    };
    check_range("iops", iops, 100..=256_000)?;
    check_range("throughput", throughput, 125..=2_000)?;
    Ok(Ebs { volume_type, iops, throughput, ..Ebs::default() })
}

fn check_range(name: &str, value: Option<i64>, range: std::ops::RangeInclusive<i64>) -> Result<(), ApiError> {
    match value {
        Some(value) if !range.contains(&value) => {
            let hint = format!("Expecting a value from {} to {}.", range.start(), range.end());
            Err(ApiError::bad_value(&value.to_string(), name, &hint))
        }
        _ => Ok(()),
    }
}

fn encryption(
    call: &Call,
    region: &Region,
    asked: &Params,
    ebs: Ebs,
    snapshot: Option<&Snapshot>,
) -> Result<Ebs, ApiError> {
    let flag = asked.flag("Encrypted")?;
    let source = snapshot.filter(|snapshot| snapshot.encrypted);
    if flag == Some(false) && source.is_some() {
        return Err(invalid("The encrypted flag cannot be false for an encrypted snapshot"));
    }
    if flag != Some(true) && source.is_none() && asked.text("KmsKeyId").is_some() {
        let message = "The parameter KmsKeyId requires the parameter Encrypted to be set.";
        return Err(ApiError::new("InvalidParameterDependency", message));
    }
    let by_default = region.settings(call.account()).encrypt_by_default;
    if flag != Some(true) && source.is_none() && !by_default {
        return Ok(ebs);
    }
    let key = asked.text("KmsKeyId").map(|name| kms::resolve(name, &region.name, call.account()).arn);
    Ok(Ebs { encrypted: true, kms_key_id: Some(key.unwrap_or_else(|| own_key(call, region, source))), ..ebs })
}

/// The key of a volume for which none is named: its snapshot's if that is the caller's, else the default.
pub fn own_key(call: &Call, region: &Region, snapshot: Option<&Snapshot>) -> String {
    let own = snapshot.filter(|snapshot| snapshot.owner == call.account());
    let key = own.and_then(|snapshot| snapshot.kms_key_id.clone());
    key.unwrap_or_else(|| kms::default_key(&region.name, call.account()).arn)
}

/// The `blockDeviceMapping` of an image. A pending copy does not know its snapshots yet.
pub fn nodes(devices: &[Device], with_snapshots: bool) -> impl Iterator<Item = Node> + '_ {
    devices.iter().map(move |device| {
        Node::new()
            .text("deviceName", &device.name)
            .opt("virtualName", device.virtual_name.as_ref())
            .opt_child("ebs", device.ebs.as_ref().map(|ebs| ebs_node(ebs, with_snapshots)))
    })
}

fn ebs_node(ebs: &Ebs, with_snapshot: bool) -> Node {
    // DescribeImages names IOPS only where they can be chosen.
    let provisioned = matches!(ebs.volume_type.as_str(), "gp3" | "io1" | "io2");
    Node::new()
        .opt("snapshotId", ebs.snapshot_id.as_ref().filter(|_| with_snapshot))
        .text("volumeSize", ebs.size)
        .text("deleteOnTermination", ebs.delete_on_termination)
        .text("volumeType", &ebs.volume_type)
        .opt("iops", ebs.iops.filter(|_| provisioned))
        .opt("throughput", ebs.throughput)
        .text("encrypted", ebs.encrypted)
}
