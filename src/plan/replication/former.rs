//! Copies of former sources: they serve until every region has the newest one; then `keepPrevious` of them stay.

use super::{
    CopyRecord, DestinationPlan, Eyes, Failure, Matter, Progress, ReplicationView, WaitingOn,
    decision::{Decided, Perhaps, record, standing},
    destination::requested_at,
    in_use::{self, Usage},
    leave::{remove_doomed, switch_off},
};
use crate::{
    api::image_replication::{
        Destination, DestinationStatus, FastSnapshotRestores, PreviousCopy, Publish, PutParameterStatus,
        SourceChangePolicy,
    },
    model::ImageId,
    plan::{
        removal::{Doomed, Origin, handed_over},
        timing,
    },
};

/// Former copies that status has room for. Older ones are nobody's business any more; a policy that removes former copies
/// has done so long before.
const MAX_PREVIOUS: usize = 100;

/// Former copies once the next one is begun: a finished one has become one of them.
pub(super) fn with_this(copy: &DestinationStatus) -> Vec<PreviousCopy> {
    let mut previous = copy.previous.clone();
    let Some(id) = copy.finished().cloned() else { return previous };
    let (snapshot_ids, zones) = (copy.snapshot_ids.clone(), copy.applied.fast_snapshot_restore_zones.clone());
    let fast_snapshot_restores = (!zones.is_empty()).then_some(FastSnapshotRestores { snapshot_ids, zones });
    let source_image_id = copy.source_image_id.clone();
    previous.insert(0, PreviousCopy { image_id: id, source_image_id, fast_snapshot_restores });
    let is_cold = |former: &PreviousCopy| former.fast_snapshot_restores.is_none();
    if let Some(oldest) = previous.iter().rposition(is_cold).filter(|_| previous.len() > MAX_PREVIOUS) {
        previous.remove(oldest);
    }
    previous
}

/// Fast snapshot restore goes off on former copies from which no machines are launched any more, and in zones that are no
/// longer asked for.
pub(super) fn cool_unused(
    view: &ReplicationView<'_>,
    wanted: &Destination,
    copy: &DestinationStatus,
) -> Option<DestinationPlan> {
    cool_down(copy, |former, zone| {
        wanted.fast_snapshot_restore_zones.contains(zone) && is_launched(view, copy, &former.image_id)
    })
}

/// Switches fast snapshot restore of a former copy off, in zones where it is not to stay.
pub(super) fn cool_down(
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

/// What is to be done about former copies in a region whose newest copy is as it should be. The object is ready all the
/// same: a condition of the region tells of it.
pub(super) fn retire(view: &ReplicationView<'_>, eyes: &Eyes<'_>, copy: &DestinationStatus) -> Perhaps {
    if view.spec.source_change_policy == SourceChangePolicy::Retain {
        return Ok(None);
    }
    let surplus = surplus(view, copy);
    if surplus.is_empty() {
        return Ok(Some(telling(Progress::Done)));
    }
    let succession = WaitingOn::Succession { region: copy.region.clone() };
    if !view.status.is_everywhere(view.spec) || !is_published(view, copy) {
        return Ok(Some(telling(Progress::Moving(succession))));
    }
    let mut in_use = None;
    for former in surplus.into_iter().rev() {
        match in_use::of(view, eyes, &copy.region, &former.image_id)? {
            Usage::Unknown => return Ok(Some(telling(Progress::Moving(succession)))),
            Usage::Used(why) => in_use = in_use.or(Some(why)),
            Usage::Free => return remove(view, eyes, copy, &former.image_id).map(Some),
        }
    }
    let kept = in_use.map(|why| {
        let message = format!("{why}: it is kept; set spec.protectInUse to false to remove it anyway");
        Progress::Blocked(Failure::new("ImageInUse", message))
    });
    // No answer of AWS tells that the last launch was long ago.
    let check_after = kept.is_some().then_some(timing::NEEDS_HELP);
    Ok(Some(DestinationPlan { check_after, ..telling(kept.unwrap_or(Progress::Done)) }))
}

fn telling(progress: Progress) -> DestinationPlan {
    standing(Progress::Done).showing(Matter::FormerRemoved, progress)
}

/// Those beyond the number that is kept: the one that a pin goes back to, then the newest. One that was never published, as
/// the next source came before all regions had it, must not take that one's place. What is pinned stays in any case.
fn surplus<'c>(view: &ReplicationView<'_>, copy: &'c DestinationStatus) -> Vec<&'c PreviousCopy> {
    let kept = usize::try_from(view.spec.keep_previous).unwrap_or(usize::MAX);
    let published = copy.published.as_ref().filter(|_| kept > 0 || is_pinned(view));
    let before = published.and_then(|published| published.previous_image_id.as_ref());
    let (first, others): (Vec<_>, Vec<_>) =
        copy.previous.iter().partition(|former| Some(&former.image_id) == before);
    others.into_iter().skip(kept.saturating_sub(first.len())).collect()
}

/// No parameter and no tag points at a former copy any more.
fn is_published(view: &ReplicationView<'_>, copy: &DestinationStatus) -> bool {
    match (view.spec.publishing(false), &copy.published) {
        (None, left) => left.is_none(),
        (Some(_), None) => false,
        (Some(publish), Some(published)) => {
            publish.is_pinned() || copy.image_id.as_ref() == Some(&published.image_id)
        }
    }
}

fn is_pinned(view: &ReplicationView<'_>) -> bool {
    view.spec.publish.as_ref().is_some_and(Publish::is_pinned)
}

/// Removes one former copy with its snapshots.
fn remove(view: &ReplicationView<'_>, eyes: &Eyes<'_>, copy: &DestinationStatus, id: &ImageId) -> Decided {
    let region = &copy.region;
    let others = copy.previous.iter().map(|former| &former.image_id).filter(|other| *other != id);
    let keep: Vec<ImageId> = others.chain(&copy.image_id).cloned().collect();
    let handed_over = handed_over(&copy.used_snapshots, view.now);
    let doomed = Doomed {
        region,
        owner: view.owner,
        known: std::slice::from_ref(id),
        origin: Origin::Images(&[]),
        keep: &keep,
        handed_over: &handed_over,
        spare_available: false,
        made_at: requested_at(copy),
        was_seen: true,
    };
    let removing = WaitingOn::ImageRemoval { id: Some(id.clone()), region: region.clone() };
    let gone = |_| record(CopyRecord::FormerGone(id.clone()), removing.clone());
    let plan = remove_doomed(view, eyes, &doomed, removing.clone(), gone)?;
    Ok(DestinationPlan { step: plan.step, check_after: plan.check_after, ..telling(plan.progress) })
}
