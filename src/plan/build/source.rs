//! Resolves the image to start from: once per run, so that a newer image that appears meanwhile changes nothing.

use super::{
    BaseBuild, BuildRecord, BuildView, Decided, Decision, Eyes, Failure, Stage, WaitingOn, blocked, during,
    fail, record, wait,
};
use crate::{
    api::image_build::{Architecture, DeviceStatus, Marketplace, Selector, SourceStatus},
    model::{BootMode, Image, ImageId, ImageSelector, ImageState, Seen, Tags},
    plan::{Pace, timing},
};

const STAGE: Stage = Stage::ResolvingSource;

pub(super) fn resolve(view: &BuildView<'_>, eyes: &Eyes<'_>) -> Decided {
    let source = &view.spec.source;
    if let Some(id) = &source.image_id {
        return by_id(view, eyes, id);
    }
    if let Some(name) = &source.ssm_parameter {
        return by_parameter(view, eyes, name);
    }
    if let Some(selector) = &source.selector {
        return newest(view, eyes, &of_selector(selector), "spec.source.selector");
    }
    if let Some(product) = &source.marketplace {
        return newest(view, eyes, &of_product(product), "spec.source.marketplace");
    }
    by_build(view, eyes)
}

fn by_id(view: &BuildView<'_>, eyes: &Eyes<'_>, id: &ImageId) -> Decided {
    let region = &view.spec.region;
    let seen = eyes.image(region, id, Pace::Now).map_err(during(STAGE))?;
    Ok(judge(view, seen, || {
        format!(
            "image {id} was not found in {region}: it does not exist there, is not shared with this account, or is not allowed by the account's Allowed AMIs setting; check spec.source"
        )
    }))
}

fn by_parameter(view: &BuildView<'_>, eyes: &Eyes<'_>, name: &str) -> Decided {
    let region = &view.spec.region;
    match eyes.parameter(region, name, Pace::Now).map_err(during(STAGE))? {
        Seen::Unknown => Ok(wait(STAGE, WaitingOn::SourceLookup { region: view.region() })),
        Seen::Absent(_) => {
            let message =
                format!("SSM parameter {name} does not exist in {region}; check spec.source.ssmParameter");
            Ok(blocked(STAGE, Failure::new("SourceNotFound", message)))
        }
        Seen::Present(value) if is_image_id(&value) => by_id(view, eyes, &ImageId(value)),
        Seen::Present(_) => {
            let message = format!(
                "SSM parameter {name} in {region} does not hold an AMI id; use one whose value is ami- followed by 8 or 17 hexadecimal digits"
            );
            Ok(blocked(STAGE, Failure::new("SourceNotAnImage", message)))
        }
    }
}

/// Anything else would fail the one call that asks for everybody's images.
fn is_image_id(value: &str) -> bool {
    let is_digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    value.strip_prefix("ami-").is_some_and(|hex| matches!(hex.len(), 8 | 17) && hex.chars().all(is_digit))
}

fn newest(view: &BuildView<'_>, eyes: &Eyes<'_>, selector: &ImageSelector, field: &str) -> Decided {
    let region = &view.spec.region;
    let seen = eyes.newest(region, selector).map_err(during(STAGE))?;
    Ok(judge(view, seen, || {
        format!("no available image in {region} matches {field}; check it, or wait for one to appear")
    }))
}

fn by_build(view: &BuildView<'_>, eyes: &Eyes<'_>) -> Decided {
    let name = view.spec.source.image_build_ref.as_ref().map(|r| r.name.clone()).unwrap_or_default();
    match &view.base {
        None | Some(BaseBuild::Missing | BaseBuild::Running) => {
            Ok(wait(STAGE, WaitingOn::SourceBuild { name }))
        }
        Some(BaseBuild::Failed) => {
            let message = format!("ImageBuild {name} ended without an image; refer to another build");
            Ok(blocked(STAGE, Failure::new("SourceBuildFailed", message)))
        }
        Some(BaseBuild::Ready { region, .. }) if *region != view.spec.region => {
            let message = format!(
                "the image of ImageBuild {name} is in {region}, this build runs in {}; build in the same region, or from a replicated copy by its id",
                view.spec.region
            );
            Ok(fail(STAGE, Failure::new("SourceInOtherRegion", message)))
        }
        Some(BaseBuild::Ready { image_id, .. }) => by_id(view, eyes, image_id),
    }
}

/// Takes the image that was found, where a build can start from it.
fn judge(view: &BuildView<'_>, seen: Seen<Image>, not_found: impl FnOnce() -> String) -> Decision {
    match seen {
        Seen::Unknown => wait(STAGE, WaitingOn::SourceLookup { region: view.region() }),
        Seen::Absent(absence) if timing::is_absent(absence) => {
            blocked(STAGE, Failure::new("SourceNotFound", not_found()))
        }
        Seen::Absent(_) => wait(STAGE, WaitingOn::SourceLookup { region: view.region() }),
        Seen::Present(image) => take(view, &image),
    }
}

fn take(view: &BuildView<'_>, image: &Image) -> Decision {
    let (id, region) = (&image.id, &view.spec.region);
    match &image.state {
        ImageState::Available => {}
        ImageState::Pending | ImageState::Transient | ImageState::Other(_) => {
            return wait(
                STAGE,
                WaitingOn::SourceImage {
                    id: id.clone(),
                    state: image.state.to_string(),
                    region: view.region(),
                },
            );
        }
        ImageState::Disabled
        | ImageState::Invalid
        | ImageState::Deregistered
        | ImageState::Failed
        | ImageState::Error => {
            let message = format!("source image {id} in {region} is {}; use an available one", image.state);
            return blocked(STAGE, Failure::new("SourceNotAvailable", message));
        }
    }
    if image.root_device_type != "ebs" {
        let message = format!(
            "source image {id} in {region} has an {} root device; an image can be created only from EBS-backed instances",
            image.root_device_type
        );
        return fail(STAGE, Failure::new("SourceNotEBS", message));
    }
    if view.spec.image.boot_mode == Some(BootMode::Uefi) && boots_by_bios(image) {
        let message = format!(
            "source image {id} in {region} boots by legacy BIOS, so an image built from it cannot boot by UEFI; use another source, or remove image.bootMode, in a new ImageBuild"
        );
        return fail(STAGE, Failure::new("SourceNotUEFI", message));
    }
    record(
        STAGE,
        BuildRecord::Source(source_status(image)),
        WaitingOn::SourceLookup { region: view.region() },
    )
}

/// Without a boot mode of its own an image starts as its instance type does, of which those for x86 prefer BIOS.
/// Source: EC2 user guide, "Instance launch behavior with Amazon EC2 boot modes".
fn boots_by_bios(image: &Image) -> bool {
    match image.boot_mode.as_deref() {
        Some(mode) => !mode.starts_with("uefi"),
        None => image.architecture != Architecture::Arm64.as_str(),
    }
}

fn source_status(image: &Image) -> SourceStatus {
    let device = |d: &crate::model::Device| DeviceStatus {
        device_name: d.device_name.clone(),
        delete_on_termination: d.delete_on_termination,
    };
    SourceStatus {
        image_id: image.id.clone(),
        name: image.name.clone(),
        owner_id: image.owner_id.clone(),
        architecture: image.architecture.clone(),
        created_at: image.created_at.map(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time),
        root_device_name: image.root_device_name.clone(),
        platform: image.platform.clone(),
        devices: image.devices.iter().map(device).collect(),
    }
}

fn of_selector(selector: &Selector) -> ImageSelector {
    ImageSelector {
        owners: selector.owners.clone(),
        name: selector.name.clone(),
        architecture: selector.architecture.map(|a| a.as_str().to_owned()),
        product_code: None,
        tags: selector.tags.clone(),
    }
}

fn of_product(product: &Marketplace) -> ImageSelector {
    ImageSelector {
        owners: vec!["aws-marketplace".to_owned()],
        name: None,
        architecture: product.architecture.map(|a| a.as_str().to_owned()),
        product_code: Some(product.product_code.clone()),
        tags: Tags::new(),
    }
}
