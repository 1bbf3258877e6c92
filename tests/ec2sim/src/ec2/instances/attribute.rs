//! `DescribeInstanceAttribute`.

use super::{features, find, show};
use crate::core::{
    Call, Outcome,
    error::ApiError,
    records::{Image, Instance},
    world::World,
    xml::Node,
};

pub fn describe(call: &Call, world: &World) -> Outcome {
    let region = call.region(world);
    let id = call.params.require("InstanceId")?;
    let attribute = call.params.require("Attribute")?;
    let instance = find(call, region, id)?;
    let node = Node::new().text("instanceId", &instance.id);
    let node = match attribute {
        "groupSet" => node.set("groupSet", show::groups(region, instance)),
        "productCodes" => node.set("productCodes", product_codes(&instance.image)),
        "blockDeviceMapping" => node.set("blockDeviceMapping", show::devices(region, instance, "attached")),
        "enclaveOptions" => node.child("enclaveOptions", features::enclave(&instance.features)),
        _ => {
            let (name, value) = value(instance, attribute)?;
            node.child(name, Node::new().opt("value", value))
        }
    };
    Ok(node.into())
}

fn product_codes(image: &Image) -> impl Iterator<Item = Node> + '_ {
    image.product_codes.iter().map(|code| Node::new().text("productCode", &code.id).text("type", &code.kind))
}

/// The attributes that have one value, with the element that carries them.
fn value(instance: &Instance, attribute: &str) -> Result<(&'static str, Option<String>), ApiError> {
    let image = &instance.image;
    let shutdown = if instance.terminate_on_shutdown { "terminate" } else { "stop" };
    Ok(match attribute {
        "disableApiStop" => ("disableApiStop", Some(instance.disable_api_stop.to_string())),
        "disableApiTermination" => {
            ("disableApiTermination", Some(instance.disable_api_termination.to_string()))
        }
        "ebsOptimized" => ("ebsOptimized", Some(instance.ebs_optimized.to_string())),
        "enaSupport" => ("enaSupport", Some(image.ena.to_string())),
        "instanceInitiatedShutdownBehavior" => {
            ("instanceInitiatedShutdownBehavior", Some(shutdown.to_owned()))
        }
        "instanceType" => ("instanceType", Some(instance.instance_type.clone())),
        "kernel" => ("kernel", image.kernel_id.clone()),
        "ramdisk" => ("ramdisk", image.ramdisk_id.clone()),
        "rootDeviceName" => ("rootDeviceName", Some(image.root_device_name.clone())),
        "sourceDestCheck" => ("sourceDestCheck", Some(instance.primary.source_dest_check.to_string())),
        "sriovNetSupport" => ("sriovNetSupport", image.sriov.clone()),
        "userData" => ("userData", instance.user_data.clone()),
        other => {
            let message = format!("Value ({other}) for parameter attribute is invalid. Unknown attribute.");
            return Err(ApiError::invalid_value(message));
        }
    })
}
