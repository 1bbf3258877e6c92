//! What is said of each region.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::{Outcomes, progress_after};
use crate::{
    api::{
        ImageReplicationStatus,
        image_replication::{Applied, DestinationStatus, Regrants, Sharing},
    },
    model::Region,
    plan::{
        Progress, UpkeepCall,
        replication::{DestinationCall, DestinationPlan, Matter, ReplicationPlan, ReplicationView},
        timing,
    },
    status::{
        Outcome,
        conditions::{self, Conditions, Said, Standing, Value},
    },
};

/// Grants that last so long were not cancelled by those who received them.
const REGRANTS_FORGOTTEN: Duration = Duration::from_hours(7 * 24);

/// The conditions of each region that the plan speaks of.
pub(super) fn show(
    view: &ReplicationView<'_>,
    status: &mut ImageReplicationStatus,
    plan: &ReplicationPlan,
    outcomes: &Outcomes,
) {
    for (region, part) in &plan.destinations {
        let outcome = outcomes.get(region).unwrap_or(&Outcome::NoCall);
        let progress = progress_after(&part.progress, outcome);
        if let Some(copy) = status.destinations.iter_mut().find(|d| d.region == *region) {
            show_copy(view, copy, &progress);
            show_place(view, &mut copy.conditions, part, outcome, &progress);
        } else if let Some(place) = &mut status.source_region {
            show_place(view, &mut place.conditions, part, outcome, &progress);
        }
    }
    if view.spec.sharing.is_none() && status.granted.is_none() {
        status.source_region = None;
    }
}

fn show_copy(view: &ReplicationView<'_>, copy: &mut DestinationStatus, progress: &Progress) {
    copy.progress = conditions::percent(progress);
    let copied = match (&copy.image_id, &copy.available_at) {
        (Some(id), Some(_)) => {
            Said::new(Value::True, "Copied", format!("copy {id} is available in {}", copy.region))
        }
        _ => conditions::saying(progress),
    };
    of(view, &mut copy.conditions).set("Copied", copied);
}

fn show_place(
    view: &ReplicationView<'_>,
    list: &mut Vec<Condition>,
    plan: &DestinationPlan,
    outcome: &Outcome,
    progress: &Progress,
) {
    let is_new = !list.iter().any(|c| c.type_ == "Shared");
    let mut conditions = of(view, list);
    match (&view.spec.sharing, plan.shown.get(&Matter::Shared)) {
        (None, _) => conditions.remove("Shared"),
        (Some(sharing), Some(Progress::Done)) => conditions.set("Shared", shared(sharing)),
        (Some(_), Some(said @ Progress::Moving(_))) => {
            conditions.set("Shared", conditions::saying(&progress_after(said, outcome)));
        }
        (Some(_), Some(said)) => conditions.set("Shared", conditions::saying(said)),
        (Some(_), None) if is_new => conditions.set("Shared", not_yet(progress)),
        (Some(_), None) => {}
    }
    if conditions::standing(progress) == Standing::Stalled {
        conditions.set("Stalled", Said { value: Value::True, ..conditions::saying(progress) });
    } else {
        conditions.remove("Stalled");
    }
}

fn shared(sharing: &Sharing) -> Said {
    Said::new(Value::True, "Shared", format!("shared with {}", sharing.grants()))
}

fn not_yet(progress: &Progress) -> Said {
    Said { value: Value::False, ..conditions::saying(progress) }
}

fn of<'a>(view: &ReplicationView<'_>, list: &'a mut Vec<Condition>) -> Conditions<'a> {
    Conditions { list, generation: view.generation, now: view.now }
}

/// What is no longer written down once it was taken off.
pub(super) fn done(copy: &mut DestinationStatus, call: &UpkeepCall) {
    match call {
        UpkeepCall::DisableFastRestores { zones, .. } => {
            copy.applied.fast_snapshot_restore_zones.retain(|zone| !zones.contains(zone));
        }
        UpkeepCall::DisableImageDeprecation(_) => copy.applied.deprecate_at = None,
        UpkeepCall::RequireImdsV2(_)
        | UpkeepCall::ModifyLaunchPermissions { .. }
        | UpkeepCall::ModifyVolumePermissions { .. }
        | UpkeepCall::EnableImageDeprecation { .. }
        | UpkeepCall::EnableProtection { .. }
        | UpkeepCall::DisableProtection(_)
        | UpkeepCall::EnableImage(_)
        | UpkeepCall::DisableImage(_)
        | UpkeepCall::EnableFastRestores { .. } => {}
    }
}

/// Counts the repair of permissions: who cancels a grant that is made again and again is left in peace.
pub(super) fn repaired(
    status: &mut ImageReplicationStatus,
    region: &Region,
    call: &DestinationCall,
    now: Timestamp,
) {
    let DestinationCall::Upkeep { call: UpkeepCall::ModifyLaunchPermissions { add, .. }, .. } = call else {
        return;
    };
    if let Some(applied) = applied(status, region).filter(|_| !add.accounts.is_empty()) {
        let before = applied.regrants.as_ref();
        let before = before.filter(|r| timing::elapsed(r.at.0, now) < REGRANTS_FORGOTTEN);
        let times = before.map_or(0, |r| r.times).saturating_add(1);
        applied.regrants = Some(Regrants { times, at: Time(now) });
    }
}

fn applied<'s>(status: &'s mut ImageReplicationStatus, region: &Region) -> Option<&'s mut Applied> {
    let copy = status.destinations.iter_mut().find(|d| d.region == *region).map(|d| &mut d.applied);
    copy.or(status.source_region.as_mut().map(|s| &mut s.applied))
}
