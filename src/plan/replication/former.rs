//! Copies of former sources: they serve until every region has the newest one; then as many stay as the manifest keeps.

use super::{
    DestinationPlan, DestinationRecord, Eyes, Failure, Matter, Progress, ReplicationView, WaitingOn,
    destination::{Decided, Perhaps, record, requested_at, standing},
    in_use::{self, Usage},
    leave::remove_doomed,
};
use crate::{
    api::image_replication::{DestinationStatus, PreviousCopy, Publish, SourceChangePolicy},
    model::ImageId,
    plan::{
        removal::{Doomed, Origin, handed_over},
        timing,
    },
};

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
        let message =
            format!("{why}: it stays; set spec.protectInUse to false to have it removed all the same");
        Progress::Blocked(Failure::new("ImageInUse", message))
    });
    // No answer of AWS tells that the last launch was long ago.
    let check_after = kept.is_some().then_some(timing::NEEDS_HELP);
    Ok(Some(DestinationPlan { check_after, ..telling(kept.unwrap_or(Progress::Done)) }))
}

fn telling(progress: Progress) -> DestinationPlan {
    standing(Progress::Done).showing(Matter::FormerRemoved, progress)
}

/// Those beyond the number that is kept, the newest first. What is pinned stays.
fn surplus<'c>(view: &ReplicationView<'_>, copy: &'c DestinationStatus) -> Vec<&'c PreviousCopy> {
    let published = copy.published.as_ref().filter(|_| is_pinned(view));
    let pinned = published.and_then(|published| published.previous_image_id.as_ref());
    let kept = usize::try_from(view.spec.keep_previous).unwrap_or(usize::MAX);
    copy.previous.iter().skip(kept).filter(|former| Some(&former.image_id) != pinned).collect()
}

/// No parameter and no tag points at a former copy any more.
fn is_published(view: &ReplicationView<'_>, copy: &DestinationStatus) -> bool {
    let Some(published) = &copy.published else { return view.spec.publish.is_none() };
    is_pinned(view) || copy.image_id.as_ref() == Some(&published.image_id)
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
    let gone = |_| record(DestinationRecord::FormerGone(id.clone()), removing.clone());
    let plan = remove_doomed(view, eyes, &doomed, removing.clone(), gone)?;
    Ok(DestinationPlan { step: plan.step, check_after: plan.check_after, ..telling(plan.progress) })
}
