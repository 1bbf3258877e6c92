//! `BlockDeviceMapping.n`: what a request asks for, laid over what an image or instance has.

pub mod name;
pub mod volume;

use crate::core::{
    Call,
    error::ApiError,
    params::Params,
    records::{Device, Ebs},
    world::World,
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

/// Lays the request's mappings over `base`, whose device `root` cannot be left out.
pub fn overlay(
    call: &Call,
    world: &World,
    base: &[Device],
    root: Option<&str>,
    purpose: Purpose,
) -> Result<Vec<Device>, ApiError> {
    let mut devices = base.to_vec();
    let mut seen = Vec::new();
    for asked in call.params.list("BlockDeviceMapping") {
        let name = asked.text("DeviceName").ok_or_else(|| invalid("Missing device name"))?;
        if seen.contains(&name) {
            return Err(invalid(format!("Duplicate device name '{name}' in the block device mapping")));
        }
        seen.push(name);
        if asked.has("NoDevice") && root == Some(name) {
            return Err(invalid(format!("The root device {name} cannot be suppressed")));
        }
        let before = devices.iter().position(|device| device.name == name);
        if before.is_none() && !name::is_valid(name, purpose) {
            return Err(invalid(format!("Invalid device name {name}")));
        }
        let old = before.map(|at| devices.remove(at));
        // A suppressed device is left out; the others keep their place.
        if !asked.has("NoDevice") {
            let device = map_one(call, world, asked, old, purpose)?;
            devices.insert(before.unwrap_or(devices.len()), device);
        }
    }
    match root.and_then(|root| devices.iter().find(|device| device.name == root)?.ebs.as_ref()) {
        Some(ebs) if purpose == Purpose::Launch => refuse_slow_root(ebs)?,
        _ => {}
    }
    Ok(devices)
}

/// Source: EBS user guide, "Amazon EBS volume types": the HDD volumes cannot be boot volumes.
fn refuse_slow_root(ebs: &Ebs) -> Result<(), ApiError> {
    match ebs.volume_type.as_str() {
        kind @ ("sc1" | "st1") => Err(ApiError::invalid_value(format!(
            "The volume type {kind} is not supported for a boot volume."
        ))),
        _ => Ok(()),
    }
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
    refuse_encryption_of_snapshot(ebs, &name, purpose)?;
    let ebs = if let (Some(old), Purpose::CreateImage) = (&old, purpose) {
        only_deletion(ebs, old)?
    } else {
        volume::specify(call, world, ebs, ebs.int("VolumeSize")?, old)?
    };
    Ok(Device { name, virtual_name: None, ebs: Some(ebs) })
}

/// An image takes the encryption of its snapshots.
/// Source: EC2 API reference, `EbsBlockDevice.Encrypted`: "you must omit this parameter".
fn refuse_encryption_of_snapshot(asked: &Params, name: &str, purpose: Purpose) -> Result<(), ApiError> {
    let is_image = purpose != Purpose::Launch;
    if is_image && asked.text("Encrypted").is_some() && asked.text("SnapshotId").is_some() {
        let message =
            format!("the encrypted flag cannot be specified since device {name} has a snapshot specified.");
        return Err(invalid(message));
    }
    Ok(())
}

/// `CreateImage` can change nothing else of a volume that exists; that it is as encrypted as it is may be said.
/// Source: EC2 API reference, `EbsBlockDevice.Encrypted`.
fn only_deletion(asked: &Params, old: &Ebs) -> Result<Ebs, ApiError> {
    if asked.flag("Encrypted")? == Some(true) && !old.encrypted {
        return Err(invalid("The parameter Encrypted cannot be changed for an attached volume"));
    }
    for fixed in ["KmsKeyId", "SnapshotId"] {
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
