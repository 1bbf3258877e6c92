//! `RegisterImage`.

use std::sync::Arc;

use super::{access, name};
use crate::{
    core::{
        Call, Outcome,
        error::ApiError,
        ids,
        records::{Device, Image, Snapshot, SnapshotState},
        tags::Specifications,
        world::World,
        xml::Node,
    },
    ec2::block_devices::{self, Purpose},
};

pub fn register(call: &Call, world: &mut World) -> Outcome {
    let name = name::well_formed(call)?.to_owned();
    let description = name::description(call)?;
    let tags = Specifications::parse(call.params, &["image"])?;
    name::check_free(call, world, &name)?;
    name::check_quota(call, world)?;
    let devices = block_devices::overlay(call, world, &[], None, Purpose::Register)?;
    let root_device_name = root(call, world, &devices)?;
    let nature = billed(call, world, &devices, &root_device_name, nature(call)?);
    let id = world.mint(ids::IMAGE);
    let image = Image {
        id: id.clone(),
        name,
        description,
        devices,
        root_device_name,
        tags: tags.of("image"),
        ..nature
    };
    call.region_mut(world).images.insert(id.clone(), Arc::new(image));
    Ok(Node::new().text("imageId", id).into())
}

/// The root device, which must come from a complete snapshot.
fn root(call: &Call, world: &World, devices: &[Device]) -> Result<String, ApiError> {
    let no_root =
        || ApiError::new("InvalidBlockDeviceMapping", "No root snapshot specified in device mapping.");
    if devices.is_empty() && call.params.text("ImageLocation").is_none() {
        let message = "The request must contain the parameter blockDeviceMapping or imageLocation";
        return Err(ApiError::new("MissingParameter", message));
    }
    let name = call.params.text("RootDeviceName").or(devices.first().map(|device| device.name.as_str()));
    let name = name.ok_or_else(no_root)?;
    let root = devices.iter().find(|device| device.name == name).and_then(|device| device.ebs.as_ref());
    let id = root.and_then(|ebs| ebs.snapshot_id.as_deref()).ok_or_else(no_root)?;
    let snapshot = access::visible_snapshot(call, world, id)?;
    if snapshot.state(call.now) != SnapshotState::Completed {
        return Err(ApiError::new("IncorrectState", format!("Snapshot '{id}' is not 'completed'.")));
    }
    Ok(name.to_owned())
}

/// What is billed for a system stays with the snapshot of its root volume, and Marketplace codes with any.
/// Source: EC2 API reference, `RegisterImage`.
fn billed(call: &Call, world: &World, devices: &[Device], root: &str, image: Image) -> Image {
    let snapshot = |device: &Device| {
        call.region(world).snapshots.get(device.ebs.as_ref()?.snapshot_id.as_deref()?).map(|it| &**it)
    };
    let mut image = image;
    if let Some(billing) =
        devices.iter().find(|device| device.name == root).and_then(snapshot).and_then(|it| it.billing.clone())
    {
        image.platform_details = billing.platform_details;
        image.usage_operation = billing.usage_operation;
    }
    for code in devices.iter().filter_map(snapshot).flat_map(Snapshot::product_codes) {
        if !image.product_codes.contains(code) {
            image.product_codes.push(code.clone());
        }
    }
    image
}

fn nature(call: &Call) -> Result<Image, ApiError> {
    let params = call.params;
    let one_of = |name: &str, allowed: &[&str]| match params.text(name) {
        Some(value) if !allowed.contains(&value) => Err(ApiError::bad_value(value, name, "")),
        value => Ok(value.map(str::to_owned)),
    };
    let architectures = ["i386", "x86_64", "arm64", "x86_64_mac", "arm64_mac"];
    Ok(Image {
        // Still the defaults of 2006.
        architecture: one_of("Architecture", &architectures)?.unwrap_or_else(|| "i386".to_owned()),
        virtualization: one_of("VirtualizationType", &["hvm", "paravirtual"])?
            .unwrap_or_else(|| "paravirtual".to_owned()),
        ena: params.is_set("EnaSupport")?,
        sriov: one_of("SriovNetSupport", &["simple"])?,
        boot_mode: one_of("BootMode", &["legacy-bios", "uefi", "uefi-preferred"])?,
        tpm_support: one_of("TpmSupport", &["v2.0"])?,
        imds_v2: one_of("ImdsSupport", &["v2.0"])?.is_some(),
        uefi_data: params.text("UefiData").map(str::to_owned),
        kernel_id: params.text("KernelId").map(str::to_owned),
        ramdisk_id: params.text("RamdiskId").map(str::to_owned),
        ..Image::plain(call.account(), call.now)
    })
}
