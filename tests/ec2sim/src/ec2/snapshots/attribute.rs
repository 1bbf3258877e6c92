//! `DescribeSnapshotAttribute`, `ModifySnapshotAttribute`, `ResetSnapshotAttribute`.

use std::sync::Arc;

use imbl::OrdSet;

use super::block_public_access;
use crate::{
    core::{
        Call, Outcome,
        error::ApiError,
        params::Params,
        records::{Permissions, Snapshot},
        world::World,
        xml::Node,
    },
    ec2::{images::access, kms},
};

/// Accounts that one call may add or remove.
const MAX_CHANGES: usize = 500;

pub fn describe(call: &Call, world: &World) -> Outcome {
    let attribute = call.params.require("Attribute")?;
    let snapshot = access::own_snapshot(call, world, call.params.require("SnapshotId")?)?;
    let node = Node::new().text("snapshotId", &snapshot.id);
    match attribute {
        "createVolumePermission" => {
            let public = snapshot.permissions.public.then(|| Node::new().text("group", "all"));
            let users = snapshot.permissions.users.iter().map(|user| Node::new().text("userId", user));
            Ok(node.set("createVolumePermission", public.into_iter().chain(users)).into())
        }
        "productCodes" => {
            let codes = snapshot.product_codes().iter();
            let codes = codes.map(|code| Node::new().text("productCode", &code.id).text("type", &code.kind));
            Ok(node.set("productCodes", codes).into())
        }
        other => Err(ApiError::bad_value(other, "attribute", "Unknown attribute.")),
    }
}

/// Who is named by a list of permissions.
#[derive(Default)]
struct Named {
    public: bool,
    users: OrdSet<String>,
}

impl Named {
    fn is_empty(&self) -> bool {
        !self.public && self.users.is_empty()
    }

    fn add(&mut self, kind: &str, value: &str) -> Result<(), ApiError> {
        let account = value.len() == 12 && value.bytes().all(|digit| digit.is_ascii_digit());
        match kind {
            "UserId" if account => _ = self.users.insert(value.to_owned()),
            "UserId" => {
                let message = format!("Invalid user id: \"{value}\"");
                return Err(ApiError::new("InvalidUserID.Malformed", message));
            }
            "Group" if value == "all" => self.public = true,
            _ => return Err(ApiError::bad_value(value, "group", "The only valid group is all.")),
        }
        if self.users.len() > MAX_CHANGES {
            let message = format!("No more than {MAX_CHANGES} accounts may be changed in one request");
            return Err(ApiError::invalid_value(message));
        }
        Ok(())
    }

    fn of(items: &[&Params]) -> Result<Self, ApiError> {
        let mut named = Self::default();
        for item in items {
            for (kind, value) in item.members() {
                named.add(kind, value.value().unwrap_or_default())?;
            }
        }
        Ok(named)
    }
}

/// What is added and what is removed.
fn changes(params: &Params) -> Result<(Named, Named), ApiError> {
    if params.has("CreateVolumePermission") {
        let add = Named::of(&params.list("CreateVolumePermission.Add"))?;
        let remove = Named::of(&params.list("CreateVolumePermission.Remove"))?;
        if !add.is_empty() && !remove.is_empty() {
            let message = "Permissions cannot be added and removed in the same request";
            return Err(ApiError::invalid_combination(message));
        }
        return Ok((add, remove));
    }
    let mut named = Named::default();
    for user in params.texts("UserId") {
        named.add("UserId", user)?;
    }
    for group in params.texts("UserGroup") {
        named.add("Group", group)?;
    }
    match params.require("OperationType")? {
        "add" => Ok((named, Named::default())),
        "remove" => Ok((Named::default(), named)),
        other => Err(ApiError::bad_value(other, "operationType", "Expecting add or remove.")),
    }
}

pub fn modify(call: &Call, world: &mut World) -> Outcome {
    let id = call.params.require("SnapshotId")?;
    let snapshot = access::own_snapshot(call, world, id)?;
    if let Some(other) = call.params.text("Attribute").filter(|name| *name != "createVolumePermission") {
        return Err(ApiError::bad_value(other, "attribute", "Only createVolumePermission can be modified."));
    }
    let (add, remove) = changes(call.params)?;
    if add.is_empty() && remove.is_empty() {
        return Err(ApiError::invalid_combination("No attributes specified."));
    }
    check_sharing(call, snapshot, &add)?;
    let settings = call.region(world).settings(call.account());
    if add.public && block_public_access::blocks_new(settings) {
        let message = "You can't publicly share this snapshot because block public access for snapshots is enabled for this \
                       account in this Region.";
        return Err(ApiError::not_permitted(message));
    }
    change(call, world, id, |permissions| {
        permissions.public = (permissions.public || add.public) && !remove.public;
        permissions.users = permissions.users.clone().union(add.users).relative_complement(remove.users);
    });
    Ok(Node::done().into())
}

fn check_sharing(call: &Call, snapshot: &Snapshot, add: &Named) -> Result<(), ApiError> {
    if !snapshot.encrypted || add.is_empty() {
        return Ok(());
    }
    if add.public {
        return Err(ApiError::not_permitted("Encrypted snapshots cannot be shared publicly"));
    }
    let key = snapshot.kms_key_id.as_deref().unwrap_or_default();
    if kms::is_managed(key, &call.caller.region, call.account()) {
        return Err(ApiError::not_permitted("Encrypted snapshots with EBS default key cannot be shared"));
    }
    Ok(())
}

fn change(call: &Call, world: &mut World, id: &str, change: impl FnOnce(&mut Permissions)) {
    if let Some(snapshot) = call.region_mut(world).snapshots.get_mut(id) {
        change(&mut Arc::make_mut(snapshot).permissions);
    }
}

pub fn reset(call: &Call, world: &mut World) -> Outcome {
    let id = call.params.require("SnapshotId")?;
    let attribute = call.params.require("Attribute")?;
    access::own_snapshot(call, world, id)?;
    if attribute != "createVolumePermission" {
        return Err(ApiError::bad_value(attribute, "attribute", "Only createVolumePermission can be reset."));
    }
    change(call, world, id, |permissions| *permissions = Permissions::default());
    Ok(Node::done().into())
}
