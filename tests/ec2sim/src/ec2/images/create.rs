//! `CreateImage`.

use std::sync::Arc;

use jiff::Timestamp;

use super::name;
use crate::{
    core::{
        Call, Outcome,
        clock::after,
        error::ApiError,
        ids,
        records::{Attachment, Device, Ebs, Image, Instance, InstanceState, Snapshot, Volume},
        tags::{Specifications, Tags},
        world::{Region, World},
        xml::Node,
    },
    ec2::{
        block_devices::{self, Purpose},
        instances, snapshots,
    },
};

pub fn create(call: &Call, world: &mut World) -> Outcome {
    let name = name::well_formed(call)?.to_owned();
    let description = name::description(call)?;
    let tags = Specifications::parse(call.params, &["image", "snapshot"])?;
    let instance = imageable(call, world)?;
    let boot_mode = boot_mode(call, &instance)?;
    name::check_free(call, world, &name)?;
    name::check_quota(call, world)?;
    let attached = attached(call.region(world), &instance);
    let root = Some(instance.image.root_device_name.as_str());
    let devices = block_devices::overlay(call, world, &attached, root, Purpose::CreateImage)?;
    let sources = sources(call.region(world), &instance, &devices);
    snapshots::check_quota(call, world, sources.len())?;
    snapshots::check_concurrency(call, world, sources.iter().flatten().map(|volume| volume.id.as_str()))?;
    let id = world.mint(ids::IMAGE);
    let settles_at = call.end_of(world, call.profile.image);
    let devices = snapshot_all(
        call,
        world,
        devices,
        &sources,
        &Making {
            description: format!("Created by CreateImage({}) for {id}", instance.id),
            done_at: settles_at,
            tags: tags.of("snapshot"),
        },
    );
    let image = Image {
        id: id.clone(),
        name,
        description,
        devices,
        settles_at,
        source_instance_id: Some(instance.id.clone()),
        source_image_id: Some(instance.image.id.clone()),
        source_image_region: Some(call.caller.region.clone()),
        boot_mode: boot_mode.or_else(|| instance.image.boot_mode.clone()),
        tags: tags.of("image"),
        ..heir(&instance.image, call.account(), call.now)
    };
    call.region_mut(world).images.insert(id.clone(), Arc::new(image));
    Ok(Node::new().text("imageId", id).into())
}

/// What an image passes on to one that is made of it: its nature, not its permissions, protection or tags.
pub fn heir(image: &Image, owner: &str, now: Timestamp) -> Image {
    Image {
        architecture: image.architecture.clone(),
        platform_details: image.platform_details.clone(),
        usage_operation: image.usage_operation.clone(),
        product_codes: image.product_codes.clone(),
        root_device_name: image.root_device_name.clone(),
        virtualization: image.virtualization.clone(),
        ena: image.ena,
        sriov: image.sriov.clone(),
        boot_mode: image.boot_mode.clone(),
        tpm_support: image.tpm_support.clone(),
        kernel_id: image.kernel_id.clone(),
        ramdisk_id: image.ramdisk_id.clone(),
        uefi_data: image.uefi_data.clone(),
        imds_v2: image.imds_v2,
        ..Image::plain(owner, now)
    }
}

/// Which only a UEFI instance may override. AWS documents no code for the refusal.
/// Source: EC2 API reference, `CreateImage`, `BootModeOverride`.
fn boot_mode(call: &Call, instance: &Instance) -> Result<Option<String>, ApiError> {
    let Some(asked) = call.params.text("BootModeOverride") else { return Ok(None) };
    if asked != "uefi" {
        return Err(ApiError::bad_value(asked, "BootModeOverride", "Valid values: uefi."));
    }
    if instances::current_boot_mode(instance) != "uefi" {
        let why =
            format!("The boot mode of instance '{}' is not uefi, and cannot be overridden.", instance.id);
        return Err(ApiError::invalid_combination(why));
    }
    Ok(Some(asked.to_owned()))
}

fn imageable(call: &Call, world: &World) -> Result<Arc<Instance>, ApiError> {
    let id = call.params.require("InstanceId")?;
    let instance = instances::find(call, call.region(world), id)?;
    match instance.state(call.now) {
        InstanceState::Running | InstanceState::Stopped => Ok(instance.clone()),
        InstanceState::Pending
        | InstanceState::Stopping
        | InstanceState::ShuttingDown
        | InstanceState::Terminated => {
            // Not `IncorrectInstanceState`: users report this code and wording for all four states.
            Err(ApiError::invalid_value(format!(
                "Invalid value '{id}' for instanceId. Instance is not in state 'running' or 'stopped'"
            )))
        }
    }
}

/// The instance's volumes as an image maps them.
fn attached(region: &Region, instance: &Instance) -> Vec<Device> {
    let device = |(attachment, volume): (&Attachment, &Volume)| Device {
        name: attachment.device_name.clone(),
        virtual_name: None,
        ebs: Some(Ebs {
            snapshot_id: None,
            size: volume.size,
            volume_type: volume.volume_type.clone(),
            iops: volume.iops,
            throughput: volume.throughput,
            encrypted: volume.encrypted,
            kms_key_id: volume.kms_key_id.clone(),
            delete_on_termination: volume.delete_on_termination,
        }),
    };
    region.volumes_of(instance).map(device).collect()
}

/// The volume behind each device; none for a device that the request adds.
fn sources(region: &Region, instance: &Instance, devices: &[Device]) -> Vec<Option<Arc<Volume>>> {
    let of_device = |device: &Device| {
        let attachment = instance.devices.iter().find(|attachment| attachment.device_name == device.name);
        attachment.and_then(|attachment| region.volumes.get(&attachment.volume_id).cloned())
    };
    devices.iter().map(of_device).collect()
}

struct Making {
    description: String,
    done_at: Timestamp,
    tags: Tags,
}

fn snapshot_all(
    call: &Call,
    world: &mut World,
    devices: Vec<Device>,
    sources: &[Option<Arc<Volume>>],
    making: &Making,
) -> Vec<Device> {
    let one = |(mut device, source): (Device, &Option<Arc<Volume>>)| {
        if let (Some(ebs), Some(volume)) = (&mut device.ebs, source) {
            ebs.snapshot_id = Some(snapshot(call, world, volume, making));
        }
        device
    };
    devices.into_iter().zip(sources).map(one).collect()
}

fn snapshot(call: &Call, world: &mut World, volume: &Volume, making: &Making) -> String {
    // The image becomes available shortly after its last snapshot is complete.
    let takes = making.done_at.duration_since(call.now).unsigned_abs();
    let completes_at = after(call.now, takes.mul_f64(0.9));
    let snapshot = snapshots::of_volume(call, world, volume, &making.description, completes_at);
    let snapshot = Snapshot { tags: making.tags.clone(), ..snapshot };
    let id = snapshot.id.clone();
    call.region_mut(world).snapshots.insert(id.clone(), Arc::new(snapshot));
    id
}
