//! `ModifyImageAttribute`, `ResetImageAttribute`, `CancelImageLaunchPermission`.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{access, check_settled, lifecycle, name};
use crate::{
    core::{
        Call, Outcome, arn,
        error::ApiError,
        params::Params,
        records::{Image, Permissions},
        world::World,
        xml::Node,
    },
    ec2::kms,
};

pub fn modify(call: &Call, world: &mut World) -> Outcome {
    let image = access::own_image(call, world, call.params.require("ImageId")?)?;
    check_settled(call, image)?;
    let id = image.id.clone();
    match attribute(call.params)? {
        "description" => {
            let text =
                call.params.get("Description.Value").or(call.params.get("Value")).and_then(Params::value);
            let text = text.unwrap_or_default().to_owned();
            name::check_description(&text)?;
            access::own_image_mut(call, world, &id)?.description = Some(text);
        }
        "imdsSupport" => {
            let value = call.params.text("ImdsSupport.Value").or(call.params.text("Value"));
            // Also the empty value is refused: it cannot be unset.
            if value != Some("v2.0") {
                return Err(ApiError::bad_value(
                    value.unwrap_or_default(),
                    "imdsSupport",
                    "The only valid value is v2.0.",
                ));
            }
            access::own_image_mut(call, world, &id)?.imds_v2 = true;
        }
        _ => share(call, world, &id)?,
    }
    Ok(Node::done().into())
}

/// The one attribute that a call names, by `Attribute` or by its own parameter.
fn attribute(params: &Params) -> Result<&'static str, ApiError> {
    let legacy = ["UserId", "UserGroup", "OrganizationArn", "OrganizationalUnitArn", "OperationType"];
    let shares = params.has("LaunchPermission")
        || legacy.iter().any(|name| params.get(name).is_some_and(|it| !it.is_empty()));
    let present = [
        ("description", params.has("Description")),
        ("imdsSupport", params.has("ImdsSupport")),
        ("launchPermission", shares),
    ];
    let mut named: Vec<&'static str> =
        present.into_iter().filter(|(_, is)| *is).map(|(name, _)| name).collect();
    match params.text("Attribute") {
        Some(attribute) => {
            let found = present.iter().find(|(name, _)| *name == attribute);
            let (name, _) =
                found.ok_or_else(|| ApiError::bad_value(attribute, "attribute", "Unknown attribute."))?;
            if !named.contains(name) {
                named.push(name);
            }
        }
        None if named.is_empty() => return Err(ApiError::invalid_combination("No attributes specified.")),
        None => {}
    }
    match named.as_slice() {
        [one] => Ok(one),
        _ => Err(ApiError::invalid_combination("Only one attribute may be specified per call")),
    }
}

/// What a call adds and removes.
struct Change {
    add: Permissions,
    remove: Permissions,
}

fn share(call: &Call, world: &mut World, id: &str) -> Result<(), ApiError> {
    let change = change(call.params)?;
    let image = access::own_image(call, world, id)?;
    if image.disabled {
        return Err(ApiError::not_permitted(format!("The image '{id}' is disabled and cannot be shared")));
    }
    if change.add != Permissions::default() {
        check_key(call, image)?;
    }
    if change.add.public && !image.permissions.public {
        check_public(call, world, image)?;
    }
    let image = access::own_image_mut(call, world, id)?;
    apply(&mut image.permissions, change);
    limit_deprecation(image, call.now);
    Ok(())
}

fn apply(permissions: &mut Permissions, Change { add, remove }: Change) {
    permissions.public = (permissions.public || add.public) && !remove.public;
    let merge = |now: &imbl::OrdSet<String>, add, remove| now.clone().union(add).relative_complement(remove);
    permissions.users = merge(&permissions.users, add.users, remove.users);
    permissions.organizations = merge(&permissions.organizations, add.organizations, remove.organizations);
    permissions.units = merge(&permissions.units, add.units, remove.units);
}

fn change(params: &Params) -> Result<Change, ApiError> {
    let read = |items: Vec<&Params>| {
        items.into_iter().try_fold(Permissions::default(), |mut permissions, item| {
            for (name, value) in item.members() {
                add_one(&mut permissions, name, value.value().unwrap_or_default())?;
            }
            Ok(permissions)
        })
    };
    if params.has("LaunchPermission") {
        let add = read(params.list("LaunchPermission.Add"))?;
        return Ok(Change { add, remove: read(params.list("LaunchPermission.Remove"))? });
    }
    let mut listed = Permissions::default();
    let lists = [
        ("UserId", "UserId"),
        ("UserGroup", "Group"),
        ("OrganizationArn", "OrganizationArn"),
        ("OrganizationalUnitArn", "OrganizationalUnitArn"),
    ];
    for (list, item) in lists {
        for value in params.texts(list) {
            add_one(&mut listed, item, value)?;
        }
    }
    match params.require("OperationType")? {
        "add" => Ok(Change { add: listed, remove: Permissions::default() }),
        "remove" => Ok(Change { add: Permissions::default(), remove: listed }),
        other => Err(ApiError::bad_value(other, "operationType", "Expecting add or remove.")),
    }
}

fn add_one(permissions: &mut Permissions, kind: &str, value: &str) -> Result<(), ApiError> {
    let account = value.len() == 12 && value.bytes().all(|digit| digit.is_ascii_digit());
    let arn = |part: &str| arn::of_service(value, "organizations").is_some_and(|rest| rest.contains(part));
    let refused = |item: &str| {
        let message = format!("Invalid attribute item value \"{value}\" for {item} item type.");
        Err(ApiError::new("InvalidAMIAttributeItemValue", message))
    };
    let list = match kind {
        "UserId" if account => &mut permissions.users,
        "UserId" => return refused("userId"),
        "Group" if value == "all" => {
            permissions.public = true;
            return Ok(());
        }
        "Group" => return refused("group"),
        "OrganizationArn" if arn(":organization/o-") => &mut permissions.organizations,
        "OrganizationArn" => return refused("organizationArn"),
        "OrganizationalUnitArn" if arn(":ou/o-") => &mut permissions.units,
        "OrganizationalUnitArn" => return refused("organizationalUnitArn"),
        other => {
            let message = format!("The parameter {other} is not recognized");
            return Err(ApiError::new("UnknownParameter", message));
        }
    };
    list.insert(value.to_owned());
    Ok(())
}

/// Volumes under the account's default key can be used by nobody else.
fn check_key(call: &Call, image: &Image) -> Result<(), ApiError> {
    let mut keys = image.devices.iter().filter_map(|device| device.ebs.as_ref()?.kms_key_id.as_deref());
    if keys.any(|key| kms::is_managed(key, &call.caller.region, call.account())) {
        let message =
            "Snapshots encrypted with the AWS Managed CMK can't be shared. Specify another snapshot.";
        return Err(ApiError::new("InvalidParameter", message));
    }
    Ok(())
}

fn check_public(call: &Call, world: &World, image: &Image) -> Result<(), ApiError> {
    let region = call.region(world);
    if region.settings(call.account()).block_public_images {
        let message = "You can't publicly share this image because block public access for AMIs is enabled for this account in this Region.";
        return Err(ApiError::not_permitted(message));
    }
    if !image.product_codes.is_empty() {
        return Err(ApiError::not_permitted("Images with product codes cannot be made public."));
    }
    if image.devices.iter().any(|device| device.ebs.as_ref().is_some_and(|ebs| ebs.encrypted)) {
        return Err(ApiError::not_permitted("Images with encrypted snapshots cannot be made public."));
    }
    let public = region.images.values().filter(|it| it.owner == call.account() && it.permissions.public);
    if public.count() >= world.quotas.public_images {
        let message = format!(
            "You have reached your quota of {} public AMIs in this Region",
            world.quotas.public_images
        );
        return Err(ApiError::new("ResourceLimitExceeded", message));
    }
    Ok(())
}

/// A public image is deprecated two years after its creation at the latest.
fn limit_deprecation(image: &mut Image, now: Timestamp) {
    if !image.permissions.public {
        return;
    }
    let latest = lifecycle::latest_deprecation(image, now);
    if image.deprecated_at.is_none_or(|at| at > latest) {
        let floor = now.checked_add(SignedDuration::from_mins(1)).unwrap_or(now);
        image.deprecated_at = Some(latest.max(floor));
    }
}

/// Takes the caller out of those with whom an image is shared by their account's number.
pub fn cancel(call: &Call, world: &mut World) -> Outcome {
    let id = call.params.require("ImageId")?;
    let image = access::visible_image(call, world, id)?;
    if !image.permissions.users.contains(call.account()) {
        let message = format!("The image '{id}' is not shared with account {}.", call.account());
        return Err(ApiError::not_permitted(message));
    }
    let mut image = Image::clone(image);
    image.permissions.users.remove(call.account());
    call.region_mut(world).images.insert(image.id.clone(), Arc::new(image));
    Ok(Node::done().into())
}

pub fn reset(call: &Call, world: &mut World) -> Outcome {
    let attribute = call.params.require("Attribute")?;
    let id = call.params.require("ImageId")?;
    if attribute != "launchPermission" {
        return Err(ApiError::bad_value(attribute, "attribute", "Only launchPermission can be reset."));
    }
    check_settled(call, access::own_image(call, world, id)?)?;
    access::own_image_mut(call, world, id)?.permissions = Permissions::default();
    Ok(Node::done().into())
}
