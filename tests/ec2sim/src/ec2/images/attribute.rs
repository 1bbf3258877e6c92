//! `DescribeImageAttribute`.

use super::{access, show};
use crate::core::{
    Call, Outcome,
    error::ApiError,
    records::{Image, Permissions},
    world::World,
    xml::{Node, iso},
};

pub fn describe(call: &Call, world: &World) -> Outcome {
    let attribute = call.params.require("Attribute")?;
    let image = access::own_image(call, world, call.params.require("ImageId")?)?;
    let node = Node::new().text("imageId", &image.id);
    let node = match attribute {
        "launchPermission" => node.set("launchPermission", permissions(&image.permissions)),
        "productCodes" => {
            let codes = image.product_codes.iter();
            node.set(
                "productCodes",
                codes.map(|code| Node::new().text("productCode", &code.id).text("type", &code.kind)),
            )
        }
        // Deprecated, and answered so by EC2.
        "blockDeviceMapping" => {
            let message = "Unauthorized attempt to access restricted resource";
            return Err(ApiError::new("AuthFailure", message).with_status(403));
        }
        _ => {
            let (name, value) = value(call, image, attribute)?;
            node.child(name, Node::new().opt("value", value))
        }
    };
    Ok(node.into())
}

fn value(call: &Call, image: &Image, attribute: &str) -> Result<(&'static str, Option<String>), ApiError> {
    Ok(match attribute {
        "bootMode" => ("bootMode", image.boot_mode.clone()),
        "deregistrationProtection" => ("deregistrationProtection", Some(show::protection(image, call.now))),
        "description" => ("description", Some(image.description.clone().unwrap_or_default())),
        "imdsSupport" => ("imdsSupport", image.imds_v2.then(|| "v2.0".to_owned())),
        "kernel" => ("kernel", image.kernel_id.clone()),
        "lastLaunchedTime" => ("lastLaunchedTime", image.reported_launch(call.now).map(iso)),
        "ramdisk" => ("ramdisk", image.ramdisk_id.clone()),
        "sriovNetSupport" => ("sriovNetSupport", image.sriov.clone()),
        "tpmSupport" => ("tpmSupport", image.tpm_support.clone()),
        "uefiData" => ("uefiData", image.uefi_data.clone()),
        other => return Err(ApiError::bad_value(other, "attribute", "Unknown attribute.")),
    })
}

fn permissions(permissions: &Permissions) -> Vec<Node> {
    let public = permissions.public.then(|| Node::new().text("group", "all"));
    let users = permissions.users.iter().map(|user| Node::new().text("userId", user));
    let organizations = permissions.organizations.iter().map(|arn| Node::new().text("organizationArn", arn));
    let units = permissions.units.iter().map(|arn| Node::new().text("organizationalUnitArn", arn));
    public.into_iter().chain(users).chain(organizations).chain(units).collect()
}
