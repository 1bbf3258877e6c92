//! `DescribeImages`.

use std::sync::Arc;

use super::{access, allowed, show};
use crate::core::{
    Call, Outcome,
    error::ApiError,
    filters::Filters,
    ids,
    paging::Page,
    records::Image,
    world::{Region, World},
    xml::iso,
};

const FILTERS: [&str; 53] = [
    "architecture",
    "block-device-mapping.delete-on-termination",
    "block-device-mapping.device-name",
    "block-device-mapping.encrypted",
    "block-device-mapping.snapshot-id",
    "block-device-mapping.volume-size",
    "block-device-mapping.volume-type",
    "boot-mode",
    "creation-date",
    "description",
    "ena-support",
    "free-tier-eligible",
    "hypervisor",
    "image-allowed",
    "image-id",
    "image-type",
    "image-watermark.source-image-creation-time",
    "image-watermark.source-image-id",
    "image-watermark.source-image-region",
    "image-watermark.watermark-creation-time",
    "image-watermark.watermark-key",
    "instance-type-specification.supported-instance-type",
    "instance-type-specification.unsupported-instance-type",
    "is-public",
    "kernel-id",
    "manifest-location",
    "name",
    "owner-alias",
    "owner-id",
    "platform",
    "product-code",
    "product-code.type",
    "public-ssm-parameter-name",
    "ramdisk-id",
    "root-device-name",
    "root-device-type",
    "scan-result.critical-fix-available-since",
    "scan-result.finding-scan-date",
    "scan-result.high-fix-available-since",
    "scan-result.highest-finding-severity-label",
    "scan-result.informational-fix-available-since",
    "scan-result.low-fix-available-since",
    "scan-result.medium-fix-available-since",
    "source-image-id",
    "source-image-region",
    "source-instance-id",
    "sriov-net-support",
    "state",
    "state-reason-code",
    "state-reason-message",
    "tag-key",
    "tag-value",
    "virtualization-type",
];

const ALIASES: [&str; 3] = ["amazon", "aws-marketplace", "aws-backup-vault"];

pub fn describe(call: &Call, world: &World) -> Outcome {
    let filters = Filters::parse(call.params, &FILTERS)?;
    let page = Page::parse(call.params, 1..=1000)?;
    Page::refuse_with_ids(call.params, "ImageId", "imagesSet")?;
    let query = Query::parse(call)?;
    let asked = call.params.ids("ImageId")?;
    check_ids(call, world, &asked)?;
    let region = call.region(world);
    let shown = candidates(region, &filters).into_iter().filter(|image| {
        let tags = region.tags_seen(call.account(), &image.id, &image.owner, &image.tags);
        access::sees_image(call, world, region, image)
            && (asked.is_empty() || asked.contains(&image.id.as_str()))
            && query.wants(call, world, image, !asked.is_empty())
            && filters.match_all(tags, |name| filter_values(call, region, image, name))
    });
    let show = |image: &Arc<Image>| show::node(region, image, call.account(), call.now);
    Ok(page.reply("imagesSet", shown, |image| image.id.clone(), show).into())
}

/// The images that can be meant, by their ids.
fn candidates<'r>(region: &'r Region, filters: &Filters) -> Vec<&'r Arc<Image>> {
    match filters.exact("image-id") {
        Some(ids) => ids.into_iter().filter_map(|id| region.images.get(id)).collect(),
        None => region.images.values().collect(),
    }
}

/// One id that is wrong fails the call; that of a deregistered image does not while an instance runs from it.
/// Source: EC2 API reference, `DescribeImages`.
fn check_ids(call: &Call, world: &World, asked: &[&str]) -> Result<(), ApiError> {
    for id in asked {
        ids::IMAGE.check(id)?;
    }
    let is_missing =
        |id: &&str| access::visible_image(call, world, id).is_err() && !is_remembered(call, world, id);
    let missing: Vec<&str> = asked.iter().copied().filter(is_missing).collect();
    match missing.as_slice() {
        [] => Ok(()),
        [id] => Err(ids::IMAGE.not_found(id)),
        several => {
            let message = format!("The image ids '[{}]' do not exist", several.join(", "));
            Err(ApiError::new("InvalidAMIID.NotFound", message))
        }
    }
}

fn is_remembered(call: &Call, world: &World, id: &str) -> bool {
    let region = call.region(world);
    let is_gone = !region.images.contains_key(id);
    is_gone
        && region
            .instances
            .values()
            .any(|it| it.image.id == id && it.owner == call.account() && !it.is_terminated(call.now))
}

/// The parameters that scope the answer.
struct Query<'a> {
    owners: Vec<&'a str>,
    executable_by: Vec<&'a str>,
    deprecated: bool,
    disabled: bool,
}

impl<'a> Query<'a> {
    fn parse(call: &'a Call) -> Result<Self, ApiError> {
        let owners = call.params.texts("Owner");
        let executable_by = call.params.texts("ExecutableBy");
        check_accounts(&owners, &["self", "amazon", "aws-marketplace", "aws-backup-vault"])?;
        check_accounts(&executable_by, &["self", "all"])?;
        Ok(Self {
            owners,
            executable_by,
            deprecated: call.params.is_set("IncludeDeprecated")?,
            disabled: call.params.is_set("IncludeDisabled")?,
        })
    }

    fn wants(&self, call: &Call, world: &World, image: &Image, by_id: bool) -> bool {
        let own = image.owner == call.account();
        (self.owners.is_empty() || self.owners.iter().any(|owner| owns(call, image, owner)))
            && (self.executable_by.is_empty()
                || self.executable_by.iter().any(|who| executes(call, world, image, who)))
            && (self.disabled || !image.disabled)
            && (self.deprecated || by_id || own || !image.is_deprecated(call.now))
    }
}

fn check_accounts(names: &[&str], words: &[&str]) -> Result<(), ApiError> {
    let account = |name: &str| name.len() == 12 && name.bytes().all(|digit| digit.is_ascii_digit());
    let wrong = names.iter().find(|name| !words.contains(name) && !account(name));
    wrong.map_or(Ok(()), |name| {
        Err(ApiError::new("InvalidUserID.Malformed", format!("Invalid user id: \"{name}\"")))
    })
}

fn owns(call: &Call, image: &Image, owner: &str) -> bool {
    match owner {
        "self" => image.owner == call.account(),
        alias if ALIASES.contains(&alias) => image.owner_alias.as_deref() == Some(alias),
        account => image.owner == account,
    }
}

/// Explicit launch permissions only; those of an organization count for the caller itself.
fn executes(call: &Call, world: &World, image: &Image, who: &str) -> bool {
    let permissions = &image.permissions;
    match who {
        "all" => permissions.public,
        account if account == "self" || account == call.account() => {
            let named = crate::core::records::Permissions { public: false, ..permissions.clone() };
            access::admits(world, &named, call.account())
        }
        account => permissions.users.contains(account),
    }
}

fn filter_values(call: &Call, region: &Region, image: &Image, name: &str) -> Vec<String> {
    let state = image.state(call.now);
    let one = match name {
        "architecture" => image.architecture.clone(),
        "creation-date" => iso(image.created_at),
        "ena-support" => image.ena.to_string(),
        "free-tier-eligible" => (image.owner_alias.as_deref() == Some("amazon")).to_string(),
        "hypervisor" => "xen".to_owned(),
        "image-allowed" => allowed::allows(region, call.account(), image, call.now).to_string(),
        "image-id" => image.id.clone(),
        "image-type" => "machine".to_owned(),
        "is-public" => image.permissions.public.to_string(),
        "manifest-location" => show::location(image),
        "name" => image.name.clone(),
        "owner-id" => image.owner.clone(),
        "root-device-name" => image.root_device_name.clone(),
        "root-device-type" => "ebs".to_owned(),
        "state" => state.name().to_owned(),
        "virtualization-type" => image.virtualization.clone(),
        _ => return several_values(call, region, image, name),
    };
    vec![one]
}

/// The filters for which an image has no value or more than one.
fn several_values(call: &Call, region: &Region, image: &Image, name: &str) -> Vec<String> {
    let volumes = || image.devices.iter().filter_map(|device| device.ebs.as_ref());
    let of = |value: &Option<String>| value.iter().cloned().collect();
    let reason = image.failure.as_ref().filter(|_| call.now >= image.settles_at);
    match name {
        "block-device-mapping.delete-on-termination" => {
            volumes().map(|it| it.delete_on_termination.to_string()).collect()
        }
        "block-device-mapping.device-name" => image.devices.iter().map(|it| it.name.clone()).collect(),
        "block-device-mapping.encrypted" => volumes().map(|it| it.encrypted.to_string()).collect(),
        "block-device-mapping.snapshot-id" if show::shows_snapshots(image, image.state(call.now)) => {
            image.snapshot_ids().map(str::to_owned).collect()
        }
        "block-device-mapping.volume-size" => volumes().map(|it| it.size.to_string()).collect(),
        "block-device-mapping.volume-type" => volumes().map(|it| it.volume_type.clone()).collect(),
        "boot-mode" => of(&image.boot_mode),
        "description" => of(&image.description),
        "kernel-id" => of(&image.kernel_id),
        "owner-alias" => of(&image.owner_alias),
        "platform" if image.is_windows() => vec!["windows".to_owned()],
        "product-code" => image.product_codes.iter().map(|code| code.id.clone()).collect(),
        "product-code.type" => image.product_codes.iter().map(|code| code.kind.clone()).collect(),
        "public-ssm-parameter-name" => show::public_parameter(region, image).into_iter().collect(),
        "ramdisk-id" => of(&image.ramdisk_id),
        "source-image-id" => of(&image.source_image_id),
        "source-image-region" => of(&image.source_image_region),
        "source-instance-id" => of(&image.source_instance_id),
        "sriov-net-support" => of(&image.sriov),
        "state-reason-code" => reason.map(|reason| reason.code.clone()).into_iter().collect(),
        "state-reason-message" => reason.map(|reason| reason.message.clone()).into_iter().collect(),
        _ => Vec::new(),
    }
}
