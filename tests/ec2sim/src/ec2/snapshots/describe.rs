//! `DescribeSnapshots`.

use std::sync::Arc;

use jiff::Timestamp;

use crate::{
    core::{
        Call, Outcome,
        error::ApiError,
        ids,
        records::{Snapshot, SnapshotState},
        selection::Selection,
        tags,
        world::{Region, World},
        xml::{Node, iso},
    },
    ec2::{images::access, kms},
};

const FILTERS: [&str; 15] = [
    "completion-time",
    "description",
    "encrypted",
    "owner-alias",
    "owner-id",
    "progress",
    "snapshot-id",
    "start-time",
    "status",
    "storage-tier",
    "tag-key",
    "tag-value",
    "transfer-type",
    "volume-id",
    "volume-size",
];

pub fn describe(call: &Call, world: &World) -> Outcome {
    let selection = Selection::parse(call.params, &FILTERS, "SnapshotId", "snapshotSet")?;
    for id in &selection.asked {
        ids::SNAPSHOT.check(id)?;
    }
    for id in &selection.asked {
        access::visible_snapshot(call, world, id)?;
    }
    let (owners, restorers) = (call.params.texts("Owner"), call.params.texts("RestorableBy"));
    check_accounts(&owners, &["self", "amazon", "aws-marketplace"])?;
    check_accounts(&restorers, &["self", "all"])?;
    let region = call.region(world);
    let seen = |it: &Snapshot| region.tags_seen(call.account(), &it.id, &it.owner, &it.tags).clone();
    let shown = region.snapshots.values().filter(|snapshot| {
        let tags = seen(snapshot);
        access::sees_snapshot(call, region, snapshot)
            && (owners.is_empty() || owners.iter().any(|owner| owns(call, snapshot, owner)))
            && (restorers.is_empty() || restorers.iter().any(|who| restores(call, region, snapshot, who)))
            && selection.wants(&snapshot.id, &tags, |name| filter_values(call, snapshot, name))
    });
    let show = |snapshot: &Arc<Snapshot>| {
        node(call, snapshot).without("tagSet").set_if_any("tagSet", tags::nodes(&seen(snapshot)))
    };
    Ok(selection.page.reply("snapshotSet", shown, |snapshot| snapshot.id.clone(), show).into())
}

fn check_accounts(names: &[&str], words: &[&str]) -> Result<(), ApiError> {
    let account = |name: &str| name.len() == 12 && name.bytes().all(|digit| digit.is_ascii_digit());
    let wrong = names.iter().find(|name| !words.contains(name) && !account(name));
    let refuse = |name| ApiError::new("InvalidUserID.Malformed", format!("Invalid user id: \"{name}\""));
    wrong.map_or(Ok(()), |name| Err(refuse(name)))
}

fn owns(call: &Call, snapshot: &Snapshot, owner: &str) -> bool {
    match owner {
        "self" => snapshot.owner == call.account(),
        "amazon" | "aws-marketplace" => snapshot.owner_alias.as_deref() == Some(owner),
        account => snapshot.owner == account,
    }
}

fn restores(call: &Call, region: &Region, snapshot: &Snapshot, who: &str) -> bool {
    let account = if who == "self" { call.account() } else { who };
    match who {
        "all" => access::is_public(region, snapshot),
        _ => snapshot.owner == account || snapshot.permissions.users.contains(account),
    }
}

fn filter_values(call: &Call, snapshot: &Snapshot, name: &str) -> Vec<String> {
    let one = match name {
        "description" => snapshot.description.clone(),
        "encrypted" => snapshot.encrypted.to_string(),
        "owner-alias" => return snapshot.owner_alias.iter().cloned().collect(),
        "owner-id" => snapshot.owner.clone(),
        "progress" => format!("{}%", snapshot.progress(call.now)),
        "snapshot-id" => snapshot.id.clone(),
        "start-time" => iso(snapshot.started_at),
        "status" => snapshot.state(call.now).name().to_owned(),
        "storage-tier" => "standard".to_owned(),
        "transfer-type" => transfer_type(snapshot).to_owned(),
        "volume-id" => snapshot.volume_id.clone(),
        "volume-size" => snapshot.size.to_string(),
        "completion-time" if call.now >= snapshot.completes_at => iso(snapshot.completes_at),
        _ => return Vec::new(),
    };
    vec![one]
}

/// One snapshot, as `CreateSnapshot` answers it too.
pub fn node(call: &Call, snapshot: &Snapshot) -> Node {
    let state = snapshot.state(call.now);
    let own = snapshot.owner == call.account();
    let failure = snapshot.failure.as_ref().filter(|_| state == SnapshotState::Error);
    let tags: Vec<Node> = tags::nodes(&snapshot.tags).collect();
    let node = Node::new()
        .text("snapshotId", &snapshot.id)
        .text("volumeId", &snapshot.volume_id)
        .text("status", state.name())
        .opt("statusMessage", failure.map(|reason| &reason.message))
        .time("startTime", snapshot.started_at)
        .text("progress", format!("{}%", shown_progress(snapshot, state, call.now)))
        .text("ownerId", &snapshot.owner)
        .opt("ownerAlias", snapshot.owner_alias.as_ref())
        .text("volumeSize", snapshot.size)
        .text("description", &snapshot.description)
        .text("encrypted", snapshot.encrypted)
        .text("storageTier", "standard")
        .text("transferType", transfer_type(snapshot))
        .opt("completionDurationMinutes", snapshot.completion_minutes)
        .text("fullSnapshotSizeInBytes", full_size(snapshot))
        .set_if_any("tagSet", if own { tags } else { Vec::new() });
    let node = match state {
        SnapshotState::Completed => node.time("completionTime", snapshot.completes_at),
        SnapshotState::Pending | SnapshotState::Error => node,
    };
    encryption(snapshot, node)
}

fn shown_progress(snapshot: &Snapshot, state: SnapshotState, now: Timestamp) -> u8 {
    match state {
        SnapshotState::Pending | SnapshotState::Completed => snapshot.progress(now),
        SnapshotState::Error => 0,
    }
}

fn transfer_type(snapshot: &Snapshot) -> &'static str {
    if snapshot.completion_minutes.is_some() { "time-based" } else { "standard" }
}

/// Blocks that were ever written: a quarter of the volume here.
fn full_size(snapshot: &Snapshot) -> i64 {
    snapshot.size * (1 << 30) / 4
}

fn encryption(snapshot: &Snapshot, node: Node) -> Node {
    let Some(key) = snapshot.kms_key_id.as_ref().filter(|_| snapshot.encrypted) else {
        return node.text("sseType", "none");
    };
    node.text("kmsKeyId", key)
        .text("dataEncryptionKeyId", kms::data_key_id(&snapshot.id))
        .text("sseType", "sse-kms")
}
