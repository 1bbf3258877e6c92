//! Copies of former sources: they serve until every region has the newest one; then `keepPrevious` of them stay.

use super::{
    CopyRecord, DestinationPlan, Eyes, Failure, Matter, Progress, ReplicationView, WaitingOn,
    decision::{Decided, Perhaps, record, standing},
    in_use::{self, Usage},
    removing,
};
use crate::{
    api::image_replication::{
        DestinationStatus, FastSnapshotRestores, MAX_PREVIOUS, PreviousCopy, Publish, SourceChangePolicy,
    },
    model::ImageId,
    plan::timing,
};

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
    standing(Progress::Done).showing(Matter::PreviousRemoved, progress)
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

fn remove(view: &ReplicationView<'_>, eyes: &Eyes<'_>, copy: &DestinationStatus, id: &ImageId) -> Decided {
    let removing = WaitingOn::ImageRemoval { id: Some(id.clone()), region: copy.region.clone() };
    let gone = |_| record(CopyRecord::FormerGone(id.clone()), removing);
    let plan = removing::former(view, eyes, copy, id, gone)?;
    Ok(DestinationPlan { step: plan.step, check_after: plan.check_after, ..telling(plan.progress) })
}
