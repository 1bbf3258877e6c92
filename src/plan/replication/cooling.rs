//! Fast snapshot restore goes off where no machines are launched from the image any more. It is paid for by the hour, and
//! nobody would look after it.

use super::{DestinationCall, DestinationPlan, ReplicationView, WaitingOn, decision::call};
use crate::{
    api::image_replication::{Destination, DestinationStatus, PreviousCopy, PutParameterStatus},
    model::{ImageId, Region, SnapshotId},
    plan::UpkeepCall,
};

/// Goes off on former copies from which no machines are launched any more, and in zones that are no longer asked for.
pub(super) fn unused(
    view: &ReplicationView<'_>,
    wanted: &Destination,
    copy: &DestinationStatus,
) -> Option<DestinationPlan> {
    former(copy, |former, zone| {
        wanted.fast_snapshot_restore_zones.contains(zone) && is_launched(view, copy, &former.image_id)
    })
}

/// Goes off on all copies of a region.
pub(super) fn all(copy: &DestinationStatus) -> Option<DestinationPlan> {
    newest(copy).or_else(|| former(copy, |_, _| false))
}

/// Goes off on the newest copy.
pub(super) fn newest(copy: &DestinationStatus) -> Option<DestinationPlan> {
    let zones = copy.applied.fast_snapshot_restore_zones.clone();
    let (region, ids) = (copy.region.clone(), copy.snapshot_ids.clone());
    let waiting_on = WaitingOn::ImageRemoval { id: copy.image_id.clone(), region: region.clone() };
    (!zones.is_empty()).then(|| switch_off(region, ids, zones, waiting_on))
}

/// Goes off on former copies, in zones where it is not to stay.
fn former(
    copy: &DestinationStatus,
    stays: impl Fn(&PreviousCopy, &String) -> bool,
) -> Option<DestinationPlan> {
    copy.previous.iter().find_map(|former| {
        let known = former.fast_snapshot_restores.as_ref()?;
        let off: Vec<String> = known.zones.iter().filter(|zone| !stays(former, zone)).cloned().collect();
        let (id, region) = (former.image_id.clone(), copy.region.clone());
        let waiting_on = WaitingOn::Lifecycle { id, region: region.clone() };
        (!off.is_empty()).then(|| switch_off(region, known.snapshot_ids.clone(), off, waiting_on))
    })
}

fn switch_off(
    region: Region,
    ids: Vec<SnapshotId>,
    zones: Vec<String>,
    waiting_on: WaitingOn,
) -> DestinationPlan {
    let off = UpkeepCall::DisableFastRestores { ids, zones };
    call(DestinationCall::Upkeep { region, call: off }, waiting_on)
}

/// Whether this former copy is what consumers launch: until the newest takes its place in parameters and tags, where there
/// are any, and else as what serves.
fn is_launched(view: &ReplicationView<'_>, copy: &DestinationStatus, id: &ImageId) -> bool {
    let Some((publish, published)) = view.spec.publishing(false).zip(copy.published.as_ref()) else {
        return copy.serving_image_id.as_ref() == Some(id);
    };
    let is_moving = |p: &PutParameterStatus| p.value.as_ref() == Some(id) || p.unseen_puts.is_some();
    let is_tagged =
        published.previous_image_id.as_ref() == Some(id) && !published.previous_tag_keys.is_empty();
    *publish.target(published) == *id || is_tagged || published.parameters.iter().any(is_moving)
}
