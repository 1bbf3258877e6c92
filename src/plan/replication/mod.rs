//! What an `ImageReplication` does next: resolve the source, then each region on its own, with at most one write per region.

mod cooling;
mod copy_tags;
mod copying;
mod decision;
mod destination;
mod failure;
mod former;
mod in_place;
mod in_use;
mod leave;
mod place;
mod removing;
mod source;
mod step;
#[cfg(test)]
mod tests;

pub use step::{
    CopyRecord, DestinationCall, DestinationPlan, DestinationRecord, DestinationStep, Drift, DriftKind,
    ImageRecord, Matter, PublicationRecord, Target,
};

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    CheckAfter, Eyes, Failure, Pace, Progress, Sightings, WaitingOn, Watch,
    build::{BaseBuild, FinishedBuild},
    timing,
};
use crate::{
    api::{
        DeletionPolicy, ImageReplicationSpec, ImageReplicationStatus,
        image_replication::{DestinationStatus, GrantsStatus, ReplicationSourceStatus},
    },
    model::{Disposition, Region, ownership::Owner},
};

/// An `ImageReplication` as a decision sees it.
#[derive(Clone, Debug)]
pub struct ReplicationView<'a> {
    pub owner: &'a Owner,
    pub spec: &'a ImageReplicationSpec,
    pub status: &'a ImageReplicationStatus,
    /// Whether `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// Whether the operator's finalizer is on the object.
    pub held: bool,
    /// `metadata.generation`.
    pub generation: Option<i64>,
    /// The build that `spec.source.imageBuildRef` names, where it does, and the name of its image.
    pub base: Option<(BaseBuild, String)>,
    /// The newest build that `spec.source.imageBuildSelector` matches, where it does.
    pub newest: Option<FinishedBuild>,
    /// The regions in which this object may start a copy now, or has started one.
    pub slots: BTreeSet<Region>,
    pub now: Timestamp,
}

impl ReplicationView<'_> {
    /// How often what is in place is looked at.
    fn resync(&self) -> Pace {
        Pace::Every(self.spec.resync_interval.into())
    }
}

/// What to do next in each region, the progress, and what to watch.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplicationPlan {
    /// The step for the object as a whole.
    pub step: Option<ReplicationStep>,
    /// The plan of each region; empty while `step` is to be done.
    pub destinations: BTreeMap<Region, DestinationPlan>,
    /// Regions in which a copy is assumed to continue in AWS, although nothing is done or observed there.
    pub unattended: BTreeSet<Region>,
    pub progress: Progress,
    /// Why `spec.source` is not resolved; none if it is.
    pub unresolved: Option<Progress>,
    pub check_after: CheckAfter,
    pub watches: Vec<Watch>,
}

/// One step of a pass for the object as a whole.
#[derive(Clone, Debug, PartialEq)]
pub enum ReplicationStep {
    Hold,
    RecordSource(ReplicationSourceStatus),
    /// Whom the images will be shared with, before the first call; and at the end, whom they are shared with.
    RecordGrants(Option<GrantsStatus>),
    /// Nothing is left of a source in a region that was left.
    ForgetLeft,
    Release,
}

/// Decides what to do next.
pub fn plan(view: &ReplicationView<'_>, sightings: &Sightings) -> ReplicationPlan {
    let eyes = Eyes::new(sightings);
    let mut plan = decide(view, &eyes);
    plan.watches = eyes.into_watches();
    plan
}

fn decide(view: &ReplicationView<'_>, eyes: &Eyes<'_>) -> ReplicationPlan {
    if view.deleting {
        return delete(view, eyes);
    }
    if view.spec.suspend {
        return suspended(view);
    }
    if !view.held {
        return whole(Some(ReplicationStep::Hold), Progress::Moving(WaitingOn::Start));
    }
    match source::resolve(view, eyes) {
        Ok(source) if view.status.source.as_ref() == Some(&source) => replicate(view, eyes, &source),
        Ok(source) => {
            if let Some(plan) = place_left(view, eyes, &source) {
                return plan;
            }
            let waiting_on = WaitingOn::SourceLookup { region: source.region.clone() };
            whole(Some(ReplicationStep::RecordSource(source)), Progress::Moving(waiting_on))
        }
        Err(progress) => unresolved(view, eyes, *progress),
    }
}

/// Nothing is looked at, so only time tells when a copy that was begun before has ended. An intent counts: its call may have
/// been made.
fn suspended(view: &ReplicationView<'_>) -> ReplicationPlan {
    let lasts = view.spec.time_based_copy_minutes.and_then(|minutes| u64::try_from(minutes).ok());
    let lasts = lasts.map_or(timing::UNATTENDED_COPY, Duration::from_mins);
    let left = |copy: &DestinationStatus| {
        let left = timing::remaining(copy.made_at(), lasts, view.now);
        (!left.is_zero()).then(|| (copy.region.clone(), left))
    };
    let under_way = view.status.destinations.iter().filter(|copy| copy.is_under_way());
    let going_on: BTreeMap<Region, Duration> = under_way.filter_map(left).collect();
    ReplicationPlan {
        check_after: going_on.values().min().copied(),
        unattended: going_on.into_keys().collect(),
        ..whole(None, Progress::Moving(WaitingOn::Suspended))
    }
}

/// What is left of a source in one region that was left is taken back before another such region is remembered.
fn place_left(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    new: &ReplicationSourceStatus,
) -> Option<ReplicationPlan> {
    view.status.source.as_ref().filter(|old| old.region != new.region)?;
    let left = view.status.left_source.as_ref().filter(|left| left.region != new.region)?;
    let plan = place::withdrawal::of_left(view, eyes, left)?;
    Some(of_what_is_left(BTreeMap::from([(left.region.clone(), plan)])))
}

/// What is still to be done about a source in a region that was left, once the new one is everywhere.
fn take_left_back(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    destinations: &mut BTreeMap<Region, DestinationPlan>,
) -> Option<ReplicationStep> {
    let left = view.status.left_source.as_ref()?;
    let is_over = are_quiet(destinations);
    if !is_over && !place::withdrawal::is_overdue(view, eyes, left) {
        return None;
    }
    let Some(plan) = place::withdrawal::of_left(view, eyes, left) else {
        return is_over.then_some(ReplicationStep::ForgetLeft);
    };
    add(destinations, &left.region, plan);
    None
}

/// What else is to be done in a region, after what is there already: a copy that stays there for years holds up nothing.
fn add(destinations: &mut BTreeMap<Region, DestinationPlan>, region: &Region, plan: DestinationPlan) {
    let plan = match destinations.remove(region) {
        Some(first) if first.step.is_some() => first,
        Some(first) => decision::both(first, plan),
        None => plan,
    };
    destinations.insert(region.clone(), plan);
}

fn are_quiet(destinations: &BTreeMap<Region, DestinationPlan>) -> bool {
    destinations.values().all(|d| d.step.is_none() && d.progress == Progress::Done)
}

/// Copies of the last source that was found are kept in sync even while the (next) one cannot be had, whatever is wrong with it:
/// nobody who mistypes an id wants shared images to stay shared, or parameters to go stale.
fn unresolved(view: &ReplicationView<'_>, eyes: &Eyes<'_>, progress: Progress) -> ReplicationPlan {
    let alone = whole(None, progress.clone());
    let Some(known) = &view.status.source else {
        return ReplicationPlan { unresolved: Some(progress), ..alone };
    };
    let mut plan = replicate(view, eyes, known);
    if matches!(progress, Progress::Moving(WaitingOn::SourceLookup { .. })) {
        // The next source is known in a moment: nobody wants another copy of this one.
        let begun = plan.destinations.values_mut().filter(|destination| destination.begins_a_copy());
        begun.for_each(|destination| *destination = DestinationPlan::standing(progress.clone()));
    }
    if plan.progress == Progress::Done || gravity(&progress) > gravity(&plan.progress) {
        plan.progress = progress.clone();
    }
    plan.check_after = plan.check_after.into_iter().chain(alone.check_after).min();
    plan.unresolved = Some(progress);
    plan
}

fn replicate(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    source: &ReplicationSourceStatus,
) -> ReplicationPlan {
    if let Some(granted) = place::about_to_grant(view) {
        let granting = WaitingOn::Sharing { id: source.image_id.clone(), region: source.region.clone() };
        return whole(Some(ReplicationStep::RecordGrants(Some(granted))), Progress::Moving(granting));
    }
    let wanted = view.spec.destinations.iter().map(|d| {
        let plan = destination::keep(view, eyes, source, d);
        (d.region.clone(), plan)
    });
    let mut destinations: BTreeMap<Region, DestinationPlan> = wanted.collect();
    let retain = view.spec.removed_destination_policy == DeletionPolicy::Retain;
    for left in removed(view) {
        destinations.insert(left.region.clone(), leave::leave(view, eyes, left, retain));
    }
    if let Some(plan) = place::source_region(view, eyes, source) {
        add(&mut destinations, &source.region, plan);
    }
    if let Some(step) = take_left_back(view, eyes, &mut destinations) {
        return whole(Some(step), Progress::Done);
    }
    let granted = place::left_granted(view);
    if are_quiet(&destinations) && granted != view.status.granted {
        return whole(Some(ReplicationStep::RecordGrants(granted)), Progress::Done);
    }
    of_regions(summary(view, &destinations), destinations)
}

/// Regions that were removed from the list: the policy decides about a finished copy, an unfinished one is cancelled.
fn removed<'a>(view: &ReplicationView<'a>) -> impl Iterator<Item = &'a DestinationStatus> {
    let wanted: Vec<&Region> = view.spec.destinations.iter().map(|d| &d.region).collect();
    view.status.destinations.iter().filter(move |d| !wanted.contains(&&d.region))
}

fn delete(view: &ReplicationView<'_>, eyes: &Eyes<'_>) -> ReplicationPlan {
    if !view.held {
        return whole(None, Progress::Moving(WaitingOn::Start));
    }
    let left = view.status.destinations.iter();
    let retain = view.spec.deletion_policy == DeletionPolicy::Retain;
    let plans = left.map(|d| (d.region.clone(), leave::leave(view, eyes, d, retain)));
    let mut destinations: BTreeMap<Region, DestinationPlan> = plans.collect();
    let source = view.status.source.as_ref().filter(|_| !retain);
    if let Some((source, plan)) = source.and_then(|s| Some((s, place::withdrawal::of_source(view, eyes, s)?)))
    {
        add(&mut destinations, &source.region, plan);
    }
    let left = view.status.left_source.as_ref().filter(|_| !retain);
    if let Some((left, plan)) =
        left.and_then(|left| Some((left, place::withdrawal::of_left(view, eyes, left)?)))
    {
        add(&mut destinations, &left.region, plan);
    }
    if destinations.is_empty() {
        return whole(Some(ReplicationStep::Release), Progress::Moving(WaitingOn::Start));
    }
    of_what_is_left(destinations)
}

fn of_what_is_left(destinations: BTreeMap<Region, DestinationPlan>) -> ReplicationPlan {
    let progress = || destinations.values().map(|d| &d.progress);
    let next = || progress().find(|p| takes_long(p)).or(progress().find(|p| **p != Progress::Done));
    let told = worst(progress()).or_else(next).cloned();
    of_regions(told.unwrap_or(Progress::Moving(WaitingOn::Start)), destinations)
}

/// Whether the deletion of an object waits for something that takes hours or days, so that the condition should report it.
fn takes_long(progress: &Progress) -> bool {
    let Progress::Moving(waiting_on) = progress else { return false };
    matches!(waiting_on, WaitingOn::Disuse { .. } | WaitingOn::ProtectionCooldown { .. })
}

fn of_regions(progress: Progress, destinations: BTreeMap<Region, DestinationPlan>) -> ReplicationPlan {
    let check_after = destinations.values().filter_map(|d| d.check_after).min();
    ReplicationPlan { destinations, check_after, ..whole(None, progress) }
}

fn whole(step: Option<ReplicationStep>, progress: Progress) -> ReplicationPlan {
    let check_after = matches!(progress, Progress::Blocked(_)).then_some(timing::NEEDS_HELP);
    ReplicationPlan {
        step,
        destinations: BTreeMap::new(),
        unattended: BTreeSet::new(),
        progress,
        unresolved: None,
        check_after,
        watches: Vec::new(),
    }
}

/// Done when every region is; else the worst trouble of any region, so that it is never hidden behind another's progress.
fn summary(view: &ReplicationView<'_>, destinations: &BTreeMap<Region, DestinationPlan>) -> Progress {
    let total = view.spec.destinations.len();
    let is_wanted = |region: &Region| view.spec.destinations.iter().any(|d| d.region == *region);
    let done =
        |(region, plan): &(&Region, &DestinationPlan)| is_wanted(region) && plan.progress == Progress::Done;
    let ready = destinations.iter().filter(done).count();
    if destinations.values().all(|d| d.progress == Progress::Done) {
        return Progress::Done;
    }
    let rest = || destinations.values().map(|d| &d.progress);
    let mut unfinished = rest().filter(|p| **p != Progress::Done);
    let all_in_line = unfinished.clone().all(waits_in_line);
    let last = unfinished.next().filter(|_| ready == total || all_in_line);
    worst(rest()).or(last).cloned().unwrap_or(Progress::Moving(WaitingOn::Destinations { ready, total }))
}

fn waits_in_line(progress: &Progress) -> bool {
    matches!(progress, Progress::Moving(WaitingOn::CopySlot { .. }))
}

impl ReplicationPlan {
    /// The regions in which a copy waits for a slot.
    pub fn in_line(&self) -> BTreeSet<Region> {
        let waiting = self.destinations.iter().filter(|(_, plan)| waits_in_line(&plan.progress));
        waiting.map(|(region, _)| region.clone()).collect()
    }
}

/// The worst problem, if any: those that need someone to act come before those that resolve on their own.
pub fn worst<'a>(progress: impl Iterator<Item = &'a Progress>) -> Option<&'a Progress> {
    progress.filter(|p| gravity(p) > 0).min_by_key(|p| std::cmp::Reverse(gravity(p)))
}

fn gravity(progress: &Progress) -> u8 {
    match progress {
        Progress::Done | Progress::Moving(_) => 0,
        Progress::Trouble(error) => match error.class().disposition() {
            Disposition::Wait => 1,
            Disposition::Retry => 2,
            Disposition::NeedsHelp | Disposition::Rejected => 3,
        },
        Progress::Blocked(_) => 3,
        Progress::Rejected(_) => 4,
    }
}
