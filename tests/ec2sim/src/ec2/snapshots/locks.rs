//! `LockSnapshot`, `UnlockSnapshot`, `DescribeLockedSnapshots`.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    core::{
        Call, Handler, Outcome,
        clock::after,
        error::ApiError,
        filters::Filters,
        paging::Page,
        records::SnapshotLock,
        tags::Tags,
        world::{Region, World},
        xml::Node,
    },
    ec2::images::access,
};

/// In days and in hours (EC2 API reference, `LockSnapshot`).
const DURATIONS: std::ops::RangeInclusive<i64> = 1..=36_500;
const COOL_OFFS: std::ops::RangeInclusive<i64> = 1..=72;

pub fn handler(action: &str) -> Option<Handler> {
    match action {
        "DescribeLockedSnapshots" => Some(Handler::Read(describe)),
        "LockSnapshot" => Some(Handler::Write(lock)),
        "UnlockSnapshot" => Some(Handler::Write(unlock)),
        _ => None,
    }
}

/// Whether a snapshot cannot be deleted.
pub fn is_locked(region: &Region, id: &str, now: Timestamp) -> bool {
    region.snapshot_locks.get(id).is_some_and(|lock| now < lock.expires_at)
}

fn lock(call: &Call, world: &mut World) -> Outcome {
    let id = call.params.require("SnapshotId")?.to_owned();
    access::own_snapshot(call, world, &id)?;
    if let Some(old) = call.region(world).snapshot_locks.get(&id) {
        check_change(call, old)?;
    }
    let lock = read(call)?;
    let shown = node(call, &id, &lock);
    call.region_mut(world).snapshot_locks.insert(id, lock);
    Ok(shown.into())
}

fn read(call: &Call) -> Result<SnapshotLock, ApiError> {
    let compliance = match call.params.require("LockMode")? {
        "compliance" => true,
        "governance" => false,
        other => return Err(ApiError::bad_value(other, "LockMode", "Valid values: compliance, governance.")),
    };
    let cool_off = within(call, "CoolOffPeriod", &COOL_OFFS)?;
    if cool_off.is_some() && !compliance {
        return Err(ApiError::invalid_combination(
            "CoolOffPeriod can be used with the compliance mode only.",
        ));
    }
    let days = |days: i64| Duration::from_secs(days.unsigned_abs() * 24 * 60 * 60);
    let (duration, expires_at) =
        match (within(call, "LockDuration", &DURATIONS)?, call.params.text("ExpirationDate")) {
            (Some(lasts), None) => (lasts, after(call.now, days(lasts))),
            (None, Some(date)) => {
                let at: Timestamp =
                    date.parse().map_err(|_| ApiError::bad_value(date, "ExpirationDate", "Not a time."))?;
                (at.duration_since(call.now).as_hours() / 24, at)
            }
            (None, None) | (Some(_), Some(_)) => {
                let message = "Either LockDuration or ExpirationDate must be specified.";
                return Err(ApiError::invalid_combination(message));
            }
        };
    let hours = |hours: i64| Duration::from_secs(hours.unsigned_abs() * 60 * 60);
    Ok(SnapshotLock {
        compliance,
        cool_off,
        cool_off_ends_at: cool_off.map(|lasts| after(call.now, hours(lasts))),
        created_at: call.now,
        duration,
        expires_at,
    })
}

fn within(call: &Call, name: &str, range: &std::ops::RangeInclusive<i64>) -> Result<Option<i64>, ApiError> {
    match call.params.int(name)? {
        Some(value) if !range.contains(&value) => {
            let hint = format!("Expecting a value from {} to {}.", range.start(), range.end());
            Err(ApiError::bad_value(&value.to_string(), name, &hint))
        }
        value => Ok(value),
    }
}

/// What is locked for compliance stays so, and is never locked for less, once the time to cool off is over.
fn check_change(call: &Call, old: &SnapshotLock) -> Result<(), ApiError> {
    if state(old, call.now) != "compliance" {
        return Ok(());
    }
    let new = read(call)?;
    if new.compliance && new.expires_at >= old.expires_at {
        return Ok(());
    }
    Err(ApiError::not_permitted("The lock in compliance mode can be extended only."))
}

fn unlock(call: &Call, world: &mut World) -> Outcome {
    let id = call.params.require("SnapshotId")?;
    access::own_snapshot(call, world, id)?;
    let lock = call.region(world).snapshot_locks.get(id);
    let state = lock
        .map(|lock| state(lock, call.now))
        .ok_or_else(|| ApiError::new("IncorrectState", format!("The snapshot '{id}' is not locked.")))?;
    if state == "compliance" {
        let message = format!("The snapshot '{id}' is locked in compliance mode.");
        return Err(ApiError::not_permitted(message));
    }
    call.region_mut(world).snapshot_locks.remove(id);
    Ok(Node::new().text("snapshotId", id).into())
}

fn describe(call: &Call, world: &World) -> Outcome {
    let filters = Filters::parse(call.params, &["lock-state"])?;
    let page = Page::parse(call.params, 5..=1000)?;
    let asked = call.params.ids("SnapshotId")?;
    for id in &asked {
        access::own_snapshot(call, world, id)?;
    }
    let region = call.region(world);
    let own = |id: &String| region.snapshots.get(id).is_some_and(|it| it.owner == call.account());
    let shown = region.snapshot_locks.iter().filter(|(id, lock)| {
        own(id)
            && (asked.is_empty() || asked.contains(&id.as_str()))
            && filters.match_all(&Tags::new(), |_| vec![state(lock, call.now).to_owned()])
    });
    let show = |(id, lock): (&String, &SnapshotLock)| node(call, id, lock).text("ownerId", call.account());
    Ok(page.reply("snapshotSet", shown, |(id, _)| (*id).clone(), show).into())
}

fn state(lock: &SnapshotLock, now: Timestamp) -> &'static str {
    match (lock.compliance, lock.cool_off_ends_at) {
        _ if now >= lock.expires_at => "expired",
        (true, Some(ends)) if now < ends => "compliance-cooloff",
        (true, _) => "compliance",
        (false, _) => "governance",
    }
}

fn node(call: &Call, id: &str, lock: &SnapshotLock) -> Node {
    let node = Node::new()
        .text("snapshotId", id)
        .text("lockState", state(lock, call.now))
        .text("lockDuration", lock.duration)
        .opt("coolOffPeriod", lock.cool_off)
        .time("lockCreatedOn", lock.created_at)
        .time("lockDurationStartTime", lock.created_at)
        .time("lockExpiresOn", lock.expires_at);
    match lock.cool_off_ends_at {
        Some(ends) => node.time("coolOffPeriodExpiresOn", ends),
        None => node,
    }
}
