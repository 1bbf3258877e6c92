//! Images and snapshots: translation of requests and responses.

use aws_sdk_ec2::{
    operation::{
        copy_image::builders::CopyImageInputBuilder, create_image::builders::CreateImageInputBuilder,
        deregister_image::DeregisterImageOutput, describe_images::builders::DescribeImagesInputBuilder,
        describe_snapshots::builders::DescribeSnapshotsInputBuilder,
    },
    types::{
        self, BlockDeviceMapping, BootModeOverrideValues, EbsBlockDevice, Filter, ResourceType,
        SnapshotReturnCodes,
    },
};

use super::convert::{self, filter};
use crate::{
    ec2::{Deregistered, ImageFilter, SnapshotFilter},
    model::{
        BootMode, CopyImage, CreateImage, Device, Image, ImageId, ImageSelector, ImageState, InstanceId,
        Protection, Snapshot, SnapshotId, SnapshotState, ownership,
    },
};

const TAGGED: [ResourceType; 2] = [ResourceType::Image, ResourceType::Snapshot];

/// `NoReboot` stays off: the builder is stopped, and should somebody have started it meanwhile, then EC2's reboot
/// keeps its file systems whole, where `NoReboot` would take an image of half-written ones.
pub(super) fn create_image(request: &CreateImage) -> CreateImageInputBuilder {
    let kept: Vec<_> = request.kept_devices.iter().map(kept_device).collect();
    CreateImageInputBuilder::default()
        .instance_id(&request.instance_id.0)
        .name(&request.name)
        .set_description(request.description.clone())
        .set_block_device_mappings((!kept.is_empty()).then_some(kept))
        .set_boot_mode_override(request.boot_mode.map(boot_mode))
        .set_tag_specifications(Some(convert::tag_specifications(&TAGGED, &request.tags)))
}

fn boot_mode(wanted: BootMode) -> BootModeOverrideValues {
    match wanted {
        BootMode::Uefi => BootModeOverrideValues::Uefi,
    }
}

fn kept_device(name: &String) -> BlockDeviceMapping {
    let ebs = EbsBlockDevice::builder().delete_on_termination(false).build();
    BlockDeviceMapping::builder().device_name(name).ebs(ebs).build()
}

/// Without the source's tags: its ownership tags on a copy would make the copy look like somebody else's.
pub(super) fn copy_image(request: &CopyImage) -> CopyImageInputBuilder {
    let encrypted = request.kms_key_id.is_some();
    CopyImageInputBuilder::default()
        .client_token(&request.client_token.0)
        .source_image_id(&request.source_image_id.0)
        .source_region(&request.source_region.0)
        .name(&request.name)
        .set_encrypted(encrypted.then_some(true))
        .set_kms_key_id(request.kms_key_id.clone())
        .set_snapshot_copy_completion_duration_minutes(request.completion_minutes.map(i64::from))
        .copy_image_tags(false)
        .set_tag_specifications(Some(convert::tag_specifications(&TAGGED, &request.tags)))
}

/// Disabled images are always asked for: without, an image that somebody disabled would look deleted.
pub(super) fn describe_images(wanted: &ImageFilter) -> DescribeImagesInputBuilder {
    let input = DescribeImagesInputBuilder::default().include_disabled(true);
    match wanted {
        ImageFilter::Ids(ids) => {
            input.include_deprecated(true).filters(filter("image-id", ids.iter().map(|id| &id.0)))
        }
        ImageFilter::Named(names) => own_images(input).filters(filter("name", names)),
        ImageFilter::OwnedBy(uids) => own_images(input).filters(filter(uid_tag(), uids)),
        ImageFilter::OfCluster(id) => own_images(input).filters(convert::of_cluster(id)),
        ImageFilter::SharedWith(account) => own_images(input).executable_users(account),
        ImageFilter::Selected(selector) => input
            .set_owners(Some(selector.owners.clone()))
            .set_filters(Some(selected(selector)))
            .max_results(convert::PAGE_SIZE),
    }
}

fn own_images(input: DescribeImagesInputBuilder) -> DescribeImagesInputBuilder {
    input.owners("self").max_results(convert::PAGE_SIZE)
}

fn uid_tag() -> String {
    format!("tag:{}", ownership::UID)
}

fn selected(selector: &ImageSelector) -> Vec<Filter> {
    let optional = |name: &str, value: &Option<String>| value.as_ref().map(|value| filter(name, [value]));
    let mut filters = vec![filter("state", ["available"]), filter("root-device-type", ["ebs"])];
    filters.extend(optional("name", &selector.name));
    filters.extend(optional("architecture", &selector.architecture));
    filters.extend(optional("product-code", &selector.product_code));
    filters.extend(selector.tags.iter().map(|(key, value)| filter(format!("tag:{key}"), [value])));
    filters
}

pub(super) fn describe_snapshots(wanted: &SnapshotFilter) -> DescribeSnapshotsInputBuilder {
    let input = DescribeSnapshotsInputBuilder::default().owner_ids("self").max_results(convert::PAGE_SIZE);
    match wanted {
        SnapshotFilter::OwnedBy(uids) => input.filters(filter(uid_tag(), uids)),
        SnapshotFilter::OfCluster(id) => input.filters(convert::of_cluster(id)),
        SnapshotFilter::SharedWith(account) => input.restorable_by_user_ids(account),
    }
}

/// None where EC2 left out the id or the state.
pub(super) fn image(found: types::Image) -> Option<Image> {
    Some(Image {
        id: ImageId(found.image_id?),
        name: found.name.unwrap_or_default(),
        description: convert::non_empty(found.description),
        state: image_state(&found.state?),
        state_reason: found.state_reason.and_then(|reason| reason.message.or(reason.code)),
        owner_id: found.owner_id.unwrap_or_default(),
        architecture: found.architecture.map(|name| name.as_str().to_owned()).unwrap_or_default(),
        created_at: found.creation_date.and_then(|date| date.parse().ok()),
        platform: found.platform.map(|name| name.as_str().to_ascii_lowercase()),
        root_device_type: found.root_device_type.map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
        devices: found.block_device_mappings.unwrap_or_default().into_iter().filter_map(device).collect(),
        root_device_name: found.root_device_name,
        boot_mode: found.boot_mode.map(|mode| mode.as_str().to_owned()),
        imds_support: found.imds_support.map(|version| version.as_str().to_owned()),
        product_codes: found
            .product_codes
            .unwrap_or_default()
            .into_iter()
            .filter_map(|c| c.product_code_id)
            .collect(),
        usage_operation: convert::non_empty(found.usage_operation),
        source_instance_id: found.source_instance_id.map(InstanceId),
        source_image_id: found.source_image_id.map(ImageId),
        public: found.public.unwrap_or_default(),
        deprecated_at: found.deprecation_time.and_then(|date| date.parse().ok()),
        last_launched_at: found.last_launched_time.and_then(|date| date.parse().ok()),
        protection: found.deregistration_protection.map(|state| protection(&state)).unwrap_or_default(),
        tags: convert::tags(found.tags),
    })
}

/// None for what is not EBS (instance store, suppressed devices).
fn device(mapping: BlockDeviceMapping) -> Option<Device> {
    let ebs = mapping.ebs?;
    Some(Device {
        device_name: mapping.device_name?,
        snapshot_id: convert::non_empty(ebs.snapshot_id).map(SnapshotId),
        size_gib: ebs.volume_size,
        delete_on_termination: ebs.delete_on_termination.unwrap_or_default(),
        encrypted: ebs.encrypted.unwrap_or_default(),
    })
}

/// Such as `enabled-with-cooldown`, or `disabled after 2026-11-24T12:00:00.000Z`.
fn protection(state: &str) -> Protection {
    let until = state.strip_prefix("disabled after ").and_then(|time| time.parse().ok());
    match (state, until) {
        (_, Some(until)) => Protection::Cooling { until },
        ("enabled-with-cooldown", None) => Protection::On { cooldown: true },
        (on, None) if on.starts_with("enabled") => Protection::On { cooldown: false },
        (_, None) => Protection::Off,
    }
}

fn image_state(state: &types::ImageState) -> ImageState {
    match state {
        types::ImageState::Pending => ImageState::Pending,
        types::ImageState::Available => ImageState::Available,
        types::ImageState::Invalid => ImageState::Invalid,
        types::ImageState::Deregistered => ImageState::Deregistered,
        types::ImageState::Transient => ImageState::Transient,
        types::ImageState::Failed => ImageState::Failed,
        types::ImageState::Error => ImageState::Error,
        types::ImageState::Disabled => ImageState::Disabled,
        added_since => ImageState::Other(added_since.as_str().to_owned()),
    }
}

/// None where EC2 left out the id or the state.
pub(super) fn snapshot(found: types::Snapshot) -> Option<Snapshot> {
    Some(Snapshot {
        id: SnapshotId(found.snapshot_id?),
        state: snapshot_state(&found.state?),
        progress: found.progress.and_then(|text| text.trim_end_matches('%').parse().ok()).unwrap_or_default(),
        state_message: convert::non_empty(found.state_message),
        started_at: convert::time(found.start_time),
        description: found.description.unwrap_or_default(),
        tags: convert::tags(found.tags),
    })
}

fn snapshot_state(state: &types::SnapshotState) -> SnapshotState {
    match state {
        types::SnapshotState::Pending => SnapshotState::Pending,
        types::SnapshotState::Completed => SnapshotState::Completed,
        types::SnapshotState::Error => SnapshotState::Error,
        other => SnapshotState::Other(other.as_str().to_owned()),
    }
}

/// The call succeeds even where snapshots stayed; only the list tells.
pub(super) fn deregistered(answer: DeregisterImageOutput) -> Deregistered {
    let results = answer.delete_snapshot_results.unwrap_or_default();
    Deregistered { kept: results.into_iter().filter_map(kept_snapshot).collect() }
}

fn kept_snapshot(result: types::DeleteSnapshotReturnCode) -> Option<(SnapshotId, String)> {
    let code = result.return_code.filter(|code| *code != SnapshotReturnCodes::Success)?;
    Some((SnapshotId(result.snapshot_id?), code.as_str().to_owned()))
}
