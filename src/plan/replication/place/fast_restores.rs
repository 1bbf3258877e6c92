//! Fast snapshot restore in the zones that a destination lists. It is billed by the hour, so it is recorded before it is
//! enabled, and disabled when it is no longer wanted.

use super::{
    Decided, DriftKind, Eyes, ImageRecord, Place, Progress, ReplicationView, Seen, UpkeepCall, WaitingOn,
    moving, record, standing, write,
};
use crate::model::{AwsError, SnapshotId};

pub(super) fn keep(view: &ReplicationView<'_>, eyes: &Eyes<'_>, place: &Place<'_>) -> Decided {
    let destination = view.spec.destinations.iter().find(|d| d.region == *place.region);
    let wanted = destination.map(|d| d.fast_snapshot_restore_zones.clone()).unwrap_or_default();
    let known = &place.applied.fast_snapshot_restore_zones;
    let (region, id) = (place.region.clone(), place.image.id.clone());
    let waiting_on = WaitingOn::Lifecycle { id: id.clone(), region };
    let surplus: Vec<String> = known.iter().filter(|zone| !wanted.contains(zone)).cloned().collect();
    if !surplus.is_empty() {
        let ids = place.snapshots.to_vec();
        return Ok(write(place, UpkeepCall::DisableFastRestores { ids, zones: surplus }, waiting_on));
    }
    // Both at once could exceed the quota of five snapshots a region, and what is refused holds up the publication on which
    // the former copy waits.
    if a_former_copy_has_it(view, place) {
        return Ok(standing(Progress::Done));
    }
    if wanted.iter().any(|zone| !known.contains(zone)) {
        return Ok(record(ImageRecord::Warming(wanted), waiting_on));
    }
    for zone in wanted {
        let cold = match cold(view, eyes, place, &zone)? {
            Some(cold) if cold.is_empty() => continue,
            Some(cold) => cold,
            None if place.in_sync => continue,
            None => return Ok(moving(waiting_on)),
        };
        let found = format!("fast snapshot restore of {id} in {zone} is enabled again");
        let on = UpkeepCall::EnableFastRestores { ids: cold, zones: vec![zone] };
        return Ok(write(place, on, waiting_on).repairing(place.in_sync, DriftKind::FastRestore, || found));
    }
    Ok(standing(Progress::Done))
}

fn a_former_copy_has_it(view: &ReplicationView<'_>, place: &Place<'_>) -> bool {
    let copy = view.status.destination(place.region);
    copy.is_some_and(|copy| copy.previous.iter().any(|former| former.fast_snapshot_restores.is_some()))
}

/// The snapshots without it in this zone; none where that is not known.
fn cold(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    place: &Place<'_>,
    zone: &String,
) -> Result<Option<Vec<SnapshotId>>, AwsError> {
    let mut cold = Vec::new();
    for id in place.snapshots {
        match eyes.fast_restores(place.region, id, view.resync())? {
            Seen::Unknown => return Ok(None),
            Seen::Present(zones) if zones.contains(zone) => {}
            Seen::Present(_) | Seen::Absent(_) => cold.push(id.clone()),
        }
    }
    Ok(Some(cold))
}
