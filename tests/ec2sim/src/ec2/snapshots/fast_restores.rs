//! Fast snapshot restore.

use crate::{
    core::{
        Call, Outcome,
        clock::after,
        error::ApiError,
        filters::Filters,
        ids,
        paging::Page,
        records::FastRestore,
        tags::Tags,
        world::{Region, World, Zone},
        xml::Node,
    },
    ec2::images::access,
};

const FILTERS: [&str; 5] = ["availability-zone", "availability-zone-id", "owner-id", "snapshot-id", "state"];

type Key = (String, String);

pub fn describe(call: &Call, world: &World) -> Outcome {
    let filters = Filters::parse(call.params, &FILTERS)?;
    let page = Page::parse(call.params, 0..=200)?.at_most(200);
    let region = call.region(world);
    let shown = region.fast_restores.iter().filter(|((snapshot, zone), restore)| {
        restore.owner == call.account()
            && filters.match_all(&Tags::new(), |name| match name {
                "availability-zone" => vec![zone.clone()],
                "availability-zone-id" => region.zone(zone).map(|zone| zone.id.clone()).into_iter().collect(),
                "owner-id" => vec![restore.owner.clone()],
                "snapshot-id" => vec![snapshot.clone()],
                "state" => vec![state(call, restore).to_owned()],
                _ => Vec::new(),
            })
    });
    let key = |((snapshot, zone), _): &(&Key, &FastRestore)| format!("{snapshot}/{zone}");
    let show = |(key, restore): (&Key, &FastRestore)| node(call, region, key, restore, state(call, restore));
    Ok(page.reply("fastSnapshotRestoreSet", shown, key, show).into())
}

fn state(call: &Call, restore: &FastRestore) -> &'static str {
    let optimizing = after(restore.enabled_at, restore.step);
    match restore.disabled_at {
        Some(at) if call.now >= after(at, restore.step) => "disabled",
        Some(_) => "disabling",
        None if call.now >= after(optimizing, restore.step) => "enabled",
        None if call.now >= optimizing => "optimizing",
        None => "enabling",
    }
}

fn node(call: &Call, region: &Region, (snapshot, zone): &Key, restore: &FastRestore, state: &str) -> Node {
    let optimizing = after(restore.enabled_at, restore.step);
    let enabled = after(optimizing, restore.step);
    let disabled = restore.disabled_at.map(|at| after(at, restore.step));
    let reached = |at: jiff::Timestamp| (at <= call.now).then(|| crate::core::xml::iso(at));
    Node::new()
        .text("snapshotId", snapshot)
        .text("availabilityZone", zone)
        .opt("availabilityZoneId", region.zone(zone).map(|zone| &zone.id))
        .text("state", state)
        .text("stateTransitionReason", "Client.UserInitiated - Lifecycle state transition")
        .text("ownerId", &restore.owner)
        .opt("enablingTime", reached(restore.enabled_at))
        .opt("optimizingTime", reached(optimizing))
        .opt("enabledTime", reached(enabled))
        .opt("disablingTime", restore.disabled_at.and_then(reached))
        .opt("disabledTime", disabled.and_then(reached))
}

/// The snapshots and zones of a call.
fn asked(call: &Call, region: &Region) -> Result<(Vec<String>, Vec<String>), ApiError> {
    let snapshots = call.params.ids("SourceSnapshotId")?;
    let mut zones = call.params.texts("AvailabilityZone");
    zones.extend(call.params.texts("AvailabilityZoneId"));
    if snapshots.is_empty() {
        return Err(ApiError::missing("SourceSnapshotId"));
    }
    if zones.is_empty() {
        return Err(ApiError::missing("AvailabilityZone"));
    }
    for id in &snapshots {
        ids::SNAPSHOT.check(id)?;
    }
    let zone = |asked: &&str| {
        let fits = |zone: &&Zone| zone.name == *asked || zone.id == *asked;
        let found = region.zones.iter().find(fits).map(|zone| zone.name.clone());
        found.ok_or_else(|| ApiError::invalid_value(format!("Invalid availability zone: [{asked}]")))
    };
    let zones = zones.iter().map(zone).collect::<Result<_, _>>()?;
    Ok((snapshots.into_iter().map(str::to_owned).collect(), zones))
}

/// Does one thing for every pair of snapshot and zone, and lists what went well (in the state it enters) and what
/// did not.
fn for_each(
    call: &Call,
    world: &mut World,
    entered: &str,
    mut act: impl FnMut(&mut World, &Key) -> Result<(), ApiError>,
) -> Outcome {
    let (snapshots, zones) = asked(call, call.region(world))?;
    let (mut successful, mut unsuccessful) = (Vec::new(), Vec::new());
    for snapshot in snapshots {
        let mut errors = Vec::new();
        for zone in &zones {
            let key = (snapshot.clone(), zone.clone());
            match act(world, &key) {
                Ok(()) => {
                    let region = call.region(world);
                    let changed = region.fast_restores.get(&key);
                    successful.extend(changed.map(|it| node(call, region, &key, it, entered)));
                }
                Err(error) => errors.push(error_node(zone, &error)),
            }
        }
        if !errors.is_empty() {
            let item =
                Node::new().text("snapshotId", &snapshot).set("fastSnapshotRestoreStateErrorSet", errors);
            unsuccessful.push(item);
        }
    }
    Ok(Node::new().set("successful", successful).set("unsuccessful", unsuccessful).into())
}

fn error_node(zone: &str, error: &ApiError) -> Node {
    let detail = Node::new().text("code", &error.code).text("message", &error.message);
    Node::new().text("availabilityZone", zone).child("error", detail)
}

pub fn enable(call: &Call, world: &mut World) -> Outcome {
    for_each(call, world, "enabling", |world, key| {
        access::visible_snapshot(call, world, &key.0)?;
        let active = |it: &FastRestore| it.owner == call.account() && it.disabled_at.is_none();
        let restores = &call.region(world).fast_restores;
        if restores.get(key).is_some_and(active) {
            return Ok(());
        }
        let snapshots: std::collections::BTreeSet<&String> =
            restores.iter().filter(|(_, it)| active(it)).map(|((snapshot, _), _)| snapshot).collect();
        if !snapshots.contains(&key.0) && snapshots.len() >= world.quotas.fast_snapshot_restores {
            let message = "You have reached the limit of snapshots enabled for fast snapshot restore";
            return Err(ApiError::new("FastSnapshotRestoreLimitExceeded", message));
        }
        let restore = FastRestore {
            owner: call.account().to_owned(),
            enabled_at: call.now,
            step: call.jittered(world, call.profile.fast_restore),
            disabled_at: None,
        };
        call.region_mut(world).fast_restores.insert(key.clone(), restore);
        Ok(())
    })
}

pub fn disable(call: &Call, world: &mut World) -> Outcome {
    for_each(call, world, "disabling", |world, key| {
        let restore = call.region_mut(world).fast_restores.get_mut(key);
        let restore = restore.filter(|it| it.owner == call.account() && it.disabled_at.is_none());
        let message = format!("Fast snapshot restore is not enabled for {} in {}", key.0, key.1);
        let restore = restore.ok_or_else(|| ApiError::new("InvalidFastSnapshotRestore.NotFound", message))?;
        restore.disabled_at = Some(call.now);
        Ok(())
    })
}
