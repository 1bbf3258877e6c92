//! `AttachVolume` and `DetachVolume`.

use std::sync::Arc;

use super::{attachment_node, find};
use crate::{
    core::{
        Call, Outcome,
        error::ApiError,
        records::{Attachment, Instance, InstanceState, Volume},
        world::{Region, World},
    },
    ec2::{
        block_devices::{Purpose, name},
        instance_types::{self, InstanceType},
        instances,
    },
};

/// Of the Nitro System, in the same zone (EC2 API reference, `CreateVolume`, `MultiAttachEnabled`).
const MOST_INSTANCES: usize = 16;

pub fn attach(call: &Call, world: &mut World) -> Outcome {
    let region = call.region(world);
    let volume = find(call, region, call.params.require("VolumeId")?)?.clone();
    let instance = instances::find(call, region, call.params.require("InstanceId")?)?.clone();
    let device = call.params.require("Device")?;
    check_free(call, region, &volume, &instance)?;
    check_instance(call, &volume, &instance)?;
    check_device(&instance, device)?;
    let attachment =
        Attachment { device_name: device.to_owned(), volume_id: volume.id.clone(), attached_at: call.now };
    let kept = on_one_more(&volume, &instance.id, region.attachment(&volume, call.now).is_some());
    let shown = attachment_node(&kept, &instance, &attachment, "attaching");
    change(call, world, &instance.id, |instance| instance.devices.push(attachment));
    call.region_mut(world).volumes.insert(kept.id.clone(), Arc::new(kept));
    Ok(shown.into())
}

fn on_one_more(volume: &Volume, instance_id: &str, has_others: bool) -> Volume {
    let mut kept = Volume { delete_on_termination: false, ..volume.clone() };
    if has_others {
        kept.more_instances.push(instance_id.to_owned());
    } else {
        instance_id.clone_into(&mut kept.instance_id);
        kept.more_instances.clear();
    }
    kept
}

/// A volume is on one instance, or on several of the Nitro System if it is enabled for that.
/// Source: EBS user guide, "Attach an EBS volume to multiple EC2 instances using Multi-Attach".
fn check_free(call: &Call, region: &Region, volume: &Volume, instance: &Instance) -> Result<(), ApiError> {
    let on: Vec<&str> = region.attachments(volume, call.now).map(|(other, _)| other.id.as_str()).collect();
    let is_nitro = instance_types::find(&instance.instance_type).is_some_and(InstanceType::is_nitro);
    if volume.multi_attach && !is_nitro {
        let message = format!("{} does not support Multi-Attach.", instance.instance_type);
        return Err(ApiError::new("UnsupportedOperation", message));
    }
    if volume.multi_attach && on.len() >= MOST_INSTANCES {
        let message = format!("{} is attached to {MOST_INSTANCES} instances.", volume.id);
        return Err(ApiError::new("AttachmentLimitExceeded", message));
    }
    let is_taken = !volume.multi_attach && !on.is_empty();
    if is_taken || on.contains(&instance.id.as_str()) {
        let message = format!("{} is already attached to an instance", volume.id);
        return Err(ApiError::new("VolumeInUse", message));
    }
    Ok(())
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
    let wanted = |id: &str| call.params.text("InstanceId").is_none_or(|asked| asked == id);
    let on: Vec<_> = region.attachments(volume, call.now).collect();
    let found = on.iter().find(|(instance, _)| wanted(&instance.id)).or(on.first());
    let Some(&(instance, attachment)) = found else {
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
    let shown = attachment_node(volume, instance, attachment, "detaching");
    let instance_id = instance.id.clone();
    let mut others = on.iter().map(|(other, _)| other.id.clone()).filter(|id| *id != instance_id);
    let free = Volume {
        delete_on_termination: false,
        instance_id: others.next().unwrap_or_default(),
        more_instances: others.collect(),
        ..Volume::clone(volume)
    };
    change(call, world, &instance_id, |instance| instance.devices.retain(|it| it.volume_id != free.id));
    call.region_mut(world).volumes.insert(free.id.clone(), Arc::new(free));
    Ok(shown.into())
}

fn change(call: &Call, world: &mut World, id: &str, change: impl FnOnce(&mut Instance)) {
    if let Some(instance) = call.region_mut(world).instances.get_mut(id) {
        change(Arc::make_mut(instance));
    }
}
