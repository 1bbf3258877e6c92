//! Images as `DescribeImages` shows them.

use jiff::Timestamp;

use super::allowed;
use crate::{
    core::{
        records::{Image, ImageState, Parameter, Protection},
        seed, tags,
        world::Region,
        xml::{Node, iso},
    },
    ec2::block_devices,
};

/// An image as an account sees it: only the owner sees when it was last launched.
pub fn node(region: &Region, image: &Image, account: &str, now: Timestamp) -> Node {
    let own = image.owner == account;
    let state = image.state(now);
    let reason = image.failure.as_ref().filter(|_| state == ImageState::Failed);
    let tags = region.tags_seen(account, &image.id, &image.owner, &image.tags);
    origin(image, own, now, kind(image, now))
        .text("imageAllowed", allowed::allows(region, account, image, now))
        .opt("publicSsmParameterName", public_parameter(region, image))
        .opt_child("stateReason", reason.map(crate::core::records::StateReason::node))
        .set("blockDeviceMapping", block_devices::nodes(&image.devices, shows_snapshots(image, state)))
        .set_if_any("tagSet", tags::nodes(tags))
}

/// The public parameter that points at the image.
pub fn public_parameter(region: &Region, image: &Image) -> Option<String> {
    image.owner_alias.as_ref()?;
    let first = (seed::PUBLIC.to_owned(), String::new());
    let public = region.parameters.range(first..).take_while(|((account, _), _)| account == seed::PUBLIC);
    let points_here =
        |parameter: &Parameter| parameter.versions.iter().any(|version| version.value == image.id);
    let mut names = public.filter(|(_, parameter)| points_here(parameter)).map(|((_, name), _)| name.clone());
    names.next()
}

/// A pending copy does not tell its snapshots.
pub fn shows_snapshots(image: &Image, state: ImageState) -> bool {
    !(image.is_copy && state == ImageState::Pending)
}

pub fn location(image: &Image) -> String {
    let owner = image.owner_alias.as_deref().unwrap_or(&image.owner);
    format!("{owner}/{}", image.name)
}

fn kind(image: &Image, now: Timestamp) -> Node {
    let codes = image.product_codes.iter();
    Node::new()
        .text("imageId", &image.id)
        .text("imageLocation", location(image))
        .text("imageState", image.state(now).name())
        .text("imageOwnerId", &image.owner)
        .time("creationDate", image.created_at)
        .text("isPublic", image.permissions.public)
        .set_if_any(
            "productCodes",
            codes.map(|code| Node::new().text("productCode", &code.id).text("type", &code.kind)),
        )
        .text("architecture", &image.architecture)
        .text("imageType", "machine")
        .opt("kernelId", image.kernel_id.as_ref())
        .opt("ramdiskId", image.ramdisk_id.as_ref())
        .opt("platform", image.is_windows().then_some("windows"))
        .text("platformDetails", &image.platform_details)
        .text("usageOperation", &image.usage_operation)
        .opt("imageOwnerAlias", image.owner_alias.as_ref())
        .text("name", &image.name)
        .opt("description", image.description.as_ref())
        .text("rootDeviceType", "ebs")
        .text("rootDeviceName", &image.root_device_name)
        .text("virtualizationType", &image.virtualization)
        .text("hypervisor", "xen")
        .text("enaSupport", image.ena)
        .opt("sriovNetSupport", image.sriov.as_ref())
        .opt("bootMode", image.boot_mode.as_ref())
        .opt("tpmSupport", image.tpm_support.as_ref())
        .opt("imdsSupport", image.imds_v2.then_some("v2.0"))
        .text("freeTierEligible", image.owner_alias.as_deref() == Some("amazon"))
        .text("deregistrationProtection", protection(image, now))
}

fn origin(image: &Image, own: bool, now: Timestamp, node: Node) -> Node {
    node.opt("deprecationTime", image.deprecated_at.map(iso))
        .opt("sourceInstanceId", image.source_instance_id.as_ref().filter(|_| own))
        .opt("sourceImageId", image.source_image_id.as_ref())
        .opt("sourceImageRegion", image.source_image_region.as_ref())
        .opt("lastLaunchedTime", image.reported_launch(now).filter(|_| own).map(iso))
}

/// The words of `deregistrationProtection`.
pub fn protection(image: &Image, now: Timestamp) -> String {
    match image.protection {
        Protection::On { cooldown: false } => "enabled-without-cooldown".to_owned(),
        Protection::On { cooldown: true } => "enabled-with-cooldown".to_owned(),
        Protection::Cooling { until } if now < until => {
            format!("disabled after {}", until.strftime("%Y-%m-%dT%H:%M:%S.000Z"))
        }
        Protection::Off | Protection::Cooling { .. } => "disabled".to_owned(),
    }
}
