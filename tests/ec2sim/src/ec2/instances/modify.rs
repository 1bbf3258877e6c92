//! `ModifyInstanceAttribute` and `ModifyInstanceMetadataOptions`.

use std::sync::Arc;

use super::{change, credits, find, network, options, request, show};
use crate::{
    core::{
        Call, Outcome,
        error::ApiError,
        params::Params,
        records::{Image, Instance, InstanceState},
        world::World,
        xml::Node,
    },
    ec2::instance_types,
};

/// The attributes, and those that an instance must be stopped for.
/// Source: EC2 API reference, `ModifyInstanceAttribute`; EC2 user guide, for what needs a stopped instance.
const ATTRIBUTES: [(&str, &str, bool); 13] = [
    ("BlockDeviceMapping", "blockDeviceMapping", false),
    ("DisableApiStop", "disableApiStop", false),
    ("DisableApiTermination", "disableApiTermination", false),
    ("EbsOptimized", "ebsOptimized", true),
    ("EnaSupport", "enaSupport", true),
    ("GroupId", "groupSet", false),
    ("InstanceInitiatedShutdownBehavior", "instanceInitiatedShutdownBehavior", false),
    ("InstanceType", "instanceType", true),
    ("Kernel", "kernel", true),
    ("Ramdisk", "ramdisk", true),
    ("SourceDestCheck", "sourceDestCheck", false),
    ("SriovNetSupport", "sriovNetSupport", true),
    ("UserData", "userData", true),
];

pub fn modify(call: &Call, world: &mut World) -> Outcome {
    let instance = find(call, call.region(world), call.params.require("InstanceId")?)?.clone();
    let (name, must_be_stopped) = attribute(call.params)?;
    if must_be_stopped && instance.state(call.now) != InstanceState::Stopped {
        return Err(not_stopped(&instance));
    }
    match name {
        "blockDeviceMapping" => map_devices(call, world, &instance)?,
        "groupSet" => {
            let groups = network::groups_of(call, call.region(world), &instance)?;
            change(call, world, &instance.id, |instance| instance.primary.security_groups = groups);
        }
        _ => {
            let changed = with_value(&instance, name, value(call.params, name))?;
            change(call, world, &instance.id, |instance| *instance = changed);
        }
    }
    Ok(Node::done().into())
}

/// Back to what they are without being asked for.
/// Source: EC2 API reference, `ResetInstanceAttribute`.
pub fn reset(call: &Call, world: &mut World) -> Outcome {
    let instance = find(call, call.region(world), call.params.require("InstanceId")?)?.clone();
    let attribute = call.params.require("Attribute")?;
    let must_be_stopped = matches!(attribute, "kernel" | "ramdisk");
    if must_be_stopped && instance.state(call.now) != InstanceState::Stopped {
        return Err(not_stopped(&instance));
    }
    let image = call.region(world).images.get(&instance.image.id).cloned();
    change(call, world, &instance.id, |instance| match attribute {
        "sourceDestCheck" => instance.primary.source_dest_check = true,
        "kernel" => Arc::make_mut(&mut instance.image).kernel_id = image.and_then(|it| it.kernel_id.clone()),
        _ => Arc::make_mut(&mut instance.image).ramdisk_id = image.and_then(|it| it.ramdisk_id.clone()),
    });
    match attribute {
        "sourceDestCheck" | "kernel" | "ramdisk" => Ok(Node::done().into()),
        other => {
            Err(ApiError::bad_value(other, "attribute", "Valid values: kernel, ramdisk, sourceDestCheck."))
        }
    }
}

fn not_stopped(instance: &Instance) -> ApiError {
    let message = format!("The instance '{}' is not in the 'stopped' state.", instance.id);
    ApiError::new("IncorrectInstanceState", message)
}

/// The one attribute that a call names, by `Attribute` or by its own parameter.
fn attribute(params: &Params) -> Result<(&'static str, bool), ApiError> {
    if let Some(name) = params.text("Attribute") {
        let known = ATTRIBUTES.iter().find(|(_, attribute, _)| *attribute == name);
        let (_, attribute, stopped) =
            known.ok_or_else(|| ApiError::bad_value(name, "attribute", "Unknown attribute."))?;
        return Ok((attribute, *stopped));
    }
    let mut named = ATTRIBUTES.iter().filter(|(parameter, ..)| params.has(parameter));
    match (named.next(), named.next()) {
        (Some((_, attribute, stopped)), None) => Ok((attribute, *stopped)),
        (None, _) => Err(ApiError::invalid_combination("No attributes specified.")),
        (Some((_, one, _)), Some((_, other, _))) => Err(ApiError::invalid_combination(format!(
            "Fields for multiple attribute types specified: {one}, {other}"
        ))),
    }
}

/// Empty for user data that are taken away.
fn value<'p>(params: &'p Params, attribute: &str) -> &'p str {
    let known = ATTRIBUTES.iter().find(|(_, name, _)| *name == attribute);
    let own = known.and_then(|(parameter, ..)| params.get(parameter));
    let value = own.and_then(|own| own.text("Value").or(own.value()));
    value.or(params.text("Value")).unwrap_or_default()
}

fn with_value(instance: &Instance, attribute: &str, value: &str) -> Result<Instance, ApiError> {
    let mut changed = instance.clone();
    let given = Params::default().with("Value", Params::of_text(value));
    let flag = || given.flag("Value")?.ok_or_else(|| ApiError::missing("Value"));
    match attribute {
        "disableApiStop" => changed.disable_api_stop = flag()?,
        "disableApiTermination" if instance.spot_request.is_some() => {
            return Err(options::spot_unprotected());
        }
        "disableApiTermination" => changed.disable_api_termination = flag()?,
        "ebsOptimized" => changed.ebs_optimized = flag()?,
        "enaSupport" => Arc::make_mut(&mut changed.image).ena = flag()?,
        "instanceInitiatedShutdownBehavior" => {
            changed.terminate_on_shutdown = request::terminates(Some(value))?;
        }
        "instanceType" => {
            if instance_types::find(value).is_none() {
                let message = format!("'{value}' is not a valid instance type.");
                return Err(ApiError::new("InvalidInstanceAttributeValue", message));
            }
            let kind = request::check_type(value, &instance.image)?;
            changed.cpu = (i64::from(kind.cores()), i64::from(kind.threads()));
            changed.cpu_credits = credits::of_launch(&Params::default(), kind)?;
            kind.name.clone_into(&mut changed.instance_type);
        }
        "sourceDestCheck" => changed.primary.source_dest_check = flag()?,
        "sriovNetSupport" if value != "simple" => {
            return Err(ApiError::bad_value(value, "sriovNetSupport", "The only valid value is simple."));
        }
        "userData" => changed.user_data = request::user_data(Some(value).filter(|it| !it.is_empty()))?,
        _ => nature(Arc::make_mut(&mut changed.image), attribute, value),
    }
    Ok(changed)
}

fn nature(image: &mut Image, attribute: &str, value: &str) {
    let value = Some(value.to_owned());
    match attribute {
        "kernel" => image.kernel_id = value,
        "ramdisk" => image.ramdisk_id = value,
        _ => image.sriov = value,
    }
}

/// Whether volumes go with the instance, as they do unless they are said to stay.
/// Source: EC2 API reference, `ModifyInstanceAttribute`, `BlockDeviceMapping.N`.
fn map_devices(call: &Call, world: &mut World, instance: &Instance) -> Result<(), ApiError> {
    for asked in call.params.list("BlockDeviceMapping") {
        let name = asked.require("DeviceName")?;
        let device = instance.devices.iter().find(|device| device.device_name == name);
        let device = device.ok_or_else(|| {
            let message = format!("No device is currently mapped at {name}");
            ApiError::new("InvalidInstanceAttributeValue", message)
        })?;
        let deletes = asked.flag("Ebs.DeleteOnTermination")?.unwrap_or(true);
        if let Some(volume) = call.region_mut(world).volumes.get_mut(&device.volume_id) {
            Arc::make_mut(volume).delete_on_termination = deletes;
        }
    }
    Ok(())
}

pub fn modify_metadata_options(call: &Call, world: &mut World) -> Outcome {
    let instance = find(call, call.region(world), call.params.require("InstanceId")?)?.clone();
    match instance.state(call.now) {
        InstanceState::ShuttingDown | InstanceState::Terminated => {
            let message = format!("The instance '{}' is not in a state that allows it.", instance.id);
            return Err(ApiError::new("IncorrectInstanceState", message));
        }
        InstanceState::Pending
        | InstanceState::Running
        | InstanceState::Stopping
        | InstanceState::Stopped => {}
    }
    let metadata = request::metadata_options(call.params, &instance.metadata)?;
    let shown = show::metadata_node(&metadata, "pending");
    change(call, world, &instance.id, |instance| instance.metadata = metadata);
    Ok(Node::new().text("instanceId", &instance.id).child("instanceMetadataOptions", shown).into())
}
