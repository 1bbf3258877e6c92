//! `AttachVolume` and `DetachVolume`.

use std::sync::Arc;

use super::{attachment_node, find};
use crate::{
    core::{
        Call, Outcome,
        error::ApiError,
        records::{Attachment, Instance, InstanceState, Volume},
        world::World,
    },
    ec2::{
        block_devices::{Purpose, name},
        instances,
    },
};

pub fn attach(call: &Call, world: &mut World) -> Outcome {
    let region = call.region(world);
    let volume = find(call, region, call.params.require("VolumeId")?)?.clone();
    let instance = instances::find(call, region, call.params.require("InstanceId")?)?.clone();
    let device = call.params.require("Device")?;
    if region.attachment(&volume, call.now).is_some() {
        let message = format!("{} is already attached to an instance", volume.id);
        return Err(ApiError::new("VolumeInUse", message));
    }
    check_instance(call, &volume, &instance)?;
    check_device(&instance, device)?;
    let attachment =
        Attachment { device_name: device.to_owned(), volume_id: volume.id.clone(), attached_at: call.now };
    let kept =
        Volume { delete_on_termination: false, instance_id: instance.id.clone(), ..Volume::clone(&volume) };
    let shown = attachment_node(&kept, &attachment, "attaching");
    change(call, world, &instance.id, |instance| instance.devices.push(attachment));
    call.region_mut(world).volumes.insert(kept.id.clone(), Arc::new(kept));
    Ok(shown.into())
}

fn check_instance(call: &Call, volume: &Volume, instance: &Instance) -> Result<(), ApiError> {
    match instance.state(call.now) {
        InstanceState::Running | InstanceState::Stopping | InstanceState::Stopped => {}
        InstanceState::Pending | InstanceState::ShuttingDown | InstanceState::Terminated => {
            let message = format!("Instance '{}' is not 'running'.", instance.id);
            return Err(ApiError::new("IncorrectState", message));
        }
    }
    if volume.zone != instance.zone {
        let message = format!(
            "The volume '{}' is not in the same availability zone as instance '{}'",
            volume.id, instance.id
        );
        return Err(ApiError::new("InvalidVolume.ZoneMismatch", message));
    }
    Ok(())
}

fn check_device(instance: &Instance, device: &str) -> Result<(), ApiError> {
    let refuse = |why: &str| Err(ApiError::bad_value(device, "device", &format!("{device} is {why}")));
    if instance.devices.iter().any(|other| other.device_name == device) {
        return refuse("already in use");
    }
    let is_root = device == instance.image.root_device_name;
    if is_root || name::is_valid(device, Purpose::Launch) {
        return Ok(());
    }
    refuse("not a valid EBS device name.")
}

pub fn detach(call: &Call, world: &mut World) -> Outcome {
    let region = call.region(world);
    let volume = find(call, region, call.params.require("VolumeId")?)?;
    let Some((instance, attachment)) = region.attachment(volume, call.now) else {
        let message = format!("Volume '{}' is in the 'available' state.", volume.id);
        return Err(ApiError::new("IncorrectState", message));
    };
    let is_other = |name: &str, own: &str| call.params.text(name).is_some_and(|asked| asked != own);
    if is_other("InstanceId", &instance.id) || is_other("Device", &attachment.device_name) {
        let message = "The volume is not attached to the instance as the specified device";
        return Err(ApiError::new("InvalidAttachment.NotFound", message));
    }
    let is_down = instance.state(call.now) == InstanceState::Stopped;
    if !is_down && instance.root_volume() == Some(&volume.id) {
        let message = format!("Unable to detach root volume '{}' from instance '{}'", volume.id, instance.id);
        return Err(ApiError::not_permitted(message));
    }
    let shown = attachment_node(volume, attachment, "detaching");
    let free = Volume { delete_on_termination: false, instance_id: String::new(), ..Volume::clone(volume) };
    let instance_id = volume.instance_id.clone();
    change(call, world, &instance_id, |instance| instance.devices.retain(|it| it.volume_id != free.id));
    call.region_mut(world).volumes.insert(free.id.clone(), Arc::new(free));
    Ok(shown.into())
}

fn change(call: &Call, world: &mut World, id: &str, change: impl FnOnce(&mut Instance)) {
    if let Some(instance) = call.region_mut(world).instances.get_mut(id) {
        change(Arc::make_mut(instance));
    }
}
