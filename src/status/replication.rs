//! The status of an `ImageReplication`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{
    Outcome, Seeing,
    conditions::{self, Conditions, Said, Value},
    receipts::{failure_status, in_use, uncertain},
};
use crate::{
    api::{
        ImageReplicationStatus,
        image_replication::{Applied, DestinationStatus, MAX_PREVIOUS_SOURCES},
    },
    model::{Class, Image, ImageId, Region, ownership},
    plan::{
        Failure, Progress, WaitingOn,
        replication::{
            CopyRecord, DestinationCall, DestinationPlan, DestinationRecord, DestinationStep, Drift,
            ReplicationPlan, ReplicationStep, ReplicationView, Target, worst,
        },
    },
};

mod places;
#[cfg(test)]
mod tests;

/// The outcomes of the steps, by region.
pub type Outcomes = BTreeMap<Region, Outcome>;

/// Computes the new status: first the receipts, then the conditions derived from them.
pub fn project(
    view: &ReplicationView<'_>,
    plan: &ReplicationPlan,
    outcomes: &Outcomes,
    seen: &Seeing,
) -> ImageReplicationStatus {
    let mut status = view.status.clone();
    match &plan.step {
        Some(ReplicationStep::RecordSource(source)) => places::source(&mut status, source),
        Some(ReplicationStep::ForgetLeft) => status.left_source = None,
        Some(ReplicationStep::RecordGrants(granted)) => status.granted.clone_from(granted),
        Some(ReplicationStep::Hold | ReplicationStep::Release) | None => {}
    }
    let mut shown = BTreeMap::new();
    for (region, destination) in &plan.destinations {
        let outcome = outcomes.get(region).unwrap_or(&Outcome::NoCall);
        let progress = progress_after(&destination.progress, outcome);
        apply(view, &mut status, region, destination, outcome);
        places::show(view, &mut status, (region, destination), outcome, &progress);
        shown.insert(region.clone(), progress);
    }
    if !view.spec.concerns_source_region(&status) {
        status.source_region = None;
    }
    remember_sources(view.status, &mut status);
    status.drift_repaired += i32::try_from(repairs(plan, outcomes).count()).unwrap_or(0);
    status.observed_generation = seen.generation;
    status.last_handled_reconcile_at.clone_from(&seen.reconcile_requested_at);
    summarise(view, &mut status, plan, &overall(plan, &shown));
    status
}

/// Sources of which the last copy was forgotten: their grants outlive it, and are to be found when they are taken back.
fn remember_sources(before: &ImageReplicationStatus, status: &mut ImageReplicationStatus) {
    if status.granted.is_none() {
        status.previous_source_ids.clear();
        return;
    }
    let known = status.sources();
    let forgotten: Vec<ImageId> =
        before.sources().into_iter().filter(|id| !known.contains(id)).cloned().collect();
    status.previous_source_ids.splice(0..0, forgotten);
    status.previous_source_ids.truncate(MAX_PREVIOUS_SOURCES);
}

fn apply(
    view: &ReplicationView<'_>,
    status: &mut ImageReplicationStatus,
    region: &Region,
    plan: &DestinationPlan,
    outcome: &Outcome,
) {
    match &plan.step {
        None => {}
        Some(DestinationStep::Record(record)) => apply_record(view, status, (region, plan.target), record),
        Some(DestinationStep::Call(call)) => {
            if *outcome == Outcome::Accepted {
                if plan.drift.is_some() {
                    places::repaired(status, (region, plan.target), call, view.now);
                }
                places::called(status, (region, plan.target), call, view.now);
            }
            if let Some(copy) = status.destination_mut(region) {
                apply_call(copy, call, outcome, view.now);
            }
        }
    }
}

fn apply_record(
    view: &ReplicationView<'_>,
    status: &mut ImageReplicationStatus,
    (region, target): (&Region, Target),
    record: &DestinationRecord,
) {
    match record {
        DestinationRecord::Copy(record) => apply_copy_record(status, region, record, view.now),
        DestinationRecord::Image(record) => places::recorded(view, status, (region, target), record),
        DestinationRecord::Publication(record) => places::publication(status, (region, target), record),
    }
}

fn apply_copy_record(
    status: &mut ImageReplicationStatus,
    region: &Region,
    record: &CopyRecord,
    now: Timestamp,
) {
    match record {
        CopyRecord::Attempt(intent) => attempt(status, region, intent),
        CopyRecord::Found(id) => change(status, region, |copy| begun(copy, id)),
        CopyRecord::Available(image) => change(status, region, |copy| finished(copy, image, now)),
        CopyRecord::Failed(failure) => change(status, region, |copy| failed(copy, failure, now)),
        CopyRecord::FailedRemoved => change(status, region, |copy| copy.image_id = None),
        CopyRecord::Lost => change(status, region, lost),
        CopyRecord::FormerGone(id) => {
            change(status, region, |copy| copy.previous.retain(|former| former.image_id != *id));
        }
        CopyRecord::Dropped => status.destinations.retain(|d| d.region != *region),
    }
}

fn change(status: &mut ImageReplicationStatus, region: &Region, change: impl FnOnce(&mut DestinationStatus)) {
    if let Some(copy) = status.destination_mut(region) {
        change(copy);
    }
}

fn attempt(status: &mut ImageReplicationStatus, region: &Region, intent: &DestinationStatus) {
    let left = status.left_source.as_mut();
    if let Some(left) = left.filter(|left| left.region == *region && left.published == intent.published) {
        left.published = None;
    }
    match status.destination_mut(region) {
        Some(slot) => slot.clone_from(intent),
        None => status.destinations.push(intent.clone()),
    }
}

fn finished(copy: &mut DestinationStatus, image: &Image, now: Timestamp) {
    copy.available_at = Some(Time(now));
    copy.failed_attempts = 0;
    copy.snapshot_ids = image.snapshot_ids();
    copy.applied.shared_generation = None;
}

fn failed(copy: &mut DestinationStatus, failure: &Failure, now: Timestamp) {
    copy.failure = Some(failure_status(failure, now));
    copy.failed_attempts += 1;
    copy.available_at = None;
    copy.observed_generation = None;
    copy.applied.shared_generation = None;
}

fn lost(copy: &mut DestinationStatus) {
    copy.image_id = None;
    copy.source_image_id = None;
    copy.snapshot_ids.clear();
    copy.requested_at = None;
    copy.available_at = None;
    copy.observed_generation = None;
    copy.applied = Applied::default();
}

fn begun(copy: &mut DestinationStatus, id: &ImageId) {
    copy.image_id = Some(id.clone());
    copy.uncertain = None;
}

fn apply_call(copy: &mut DestinationStatus, call: &DestinationCall, outcome: &Outcome, now: Timestamp) {
    if let DestinationCall::CopyImage(request) = call {
        // The manifest may have changed since the intent: a key that nobody wrote down would stay on the copy.
        let keys = request.tags.keys().filter(|key| !key.starts_with(ownership::PREFIX));
        let new: Vec<String> = keys.filter(|key| !copy.tag_keys.contains(key)).cloned().collect();
        copy.tag_keys.extend(new);
    }
    match (call, outcome) {
        (DestinationCall::CopyImage(_), Outcome::ImageCreated(id)) => begun(copy, id),
        (DestinationCall::CopyImage(_), Outcome::Failed(error)) if error.class().leaves_doubt() => {
            copy.uncertain = Some(uncertain(error));
        }
        (DestinationCall::DeleteSnapshot { id, .. }, Outcome::Failed(error))
            if error.class() == Class::InUse =>
        {
            in_use(&mut copy.used_snapshots, id, now);
        }
        (
            DestinationCall::CopyImage(_)
            | DestinationCall::Upkeep { .. }
            | DestinationCall::PutParameter(_)
            | DestinationCall::TagParameter { .. }
            | DestinationCall::DeleteParameter { .. }
            | DestinationCall::CreateTags { .. }
            | DestinationCall::DeleteTags { .. }
            | DestinationCall::DeregisterImage { .. }
            | DestinationCall::DeleteSnapshot { .. },
            _,
        ) => {}
    }
}

/// The drift that the plan repaired: recorded, or accepted by AWS.
pub fn repairs<'p>(plan: &'p ReplicationPlan, outcomes: &'p Outcomes) -> impl Iterator<Item = &'p Drift> {
    let done = |region: &Region, plan: &DestinationPlan| match &plan.step {
        Some(DestinationStep::Record(_)) => true,
        Some(DestinationStep::Call(_)) => outcomes.get(region) == Some(&Outcome::Accepted),
        None => false,
    };
    plan.destinations.iter().filter(move |(r, p)| done(r, p)).filter_map(|(_, p)| p.drift.as_ref())
}

fn progress_after(progress: &Progress, outcome: &Outcome) -> Progress {
    match outcome {
        Outcome::Failed(error) => Progress::Trouble(error.clone()),
        Outcome::NoCall
        | Outcome::Launched(_)
        | Outcome::ImageCreated(_)
        | Outcome::CommandSent(_)
        | Outcome::Accepted
        | Outcome::SnapshotsKept(_) => progress.clone(),
    }
}

/// The plan's own word, unless a call that failed has something worse to say.
fn overall(plan: &ReplicationPlan, shown: &BTreeMap<Region, Progress>) -> Progress {
    worst(std::iter::once(&plan.progress).chain(shown.values())).unwrap_or(&plan.progress).clone()
}

/// The copies of a former source serve until every region has the new one.
fn serve(view: &ReplicationView<'_>, status: &mut ImageReplicationStatus) {
    let everywhere = status.is_everywhere(view.spec);
    for copy in &mut status.destinations {
        let is_former = |id: &&ImageId| copy.previous.iter().any(|former| former.image_id == **id);
        let before = copy.serving_image_id.as_ref().filter(|_| !everywhere).filter(is_former);
        let last = copy.previous.first().map(|former| &former.image_id);
        copy.serving_image_id = before.or(copy.finished()).or(last).cloned();
    }
}

fn summarise(
    view: &ReplicationView<'_>,
    status: &mut ImageReplicationStatus,
    plan: &ReplicationPlan,
    progress: &Progress,
) {
    serve(view, status);
    let (ready, total) = (count(view, status, |d| status.is_newest(d)), view.spec.destinations.len());
    status.ready = Some(format!("{ready}/{total}"));
    let available = available(view, status);
    let resolved = resolved(status, plan, progress);
    let mut conditions =
        Conditions { list: &mut status.conditions, generation: view.generation, now: view.now };
    let done = Said::new(Value::True, "Replicated", format!("all {total} destinations are ready"));
    conditions.set_summary(progress, &done);
    if stays_ready(view, ready, progress) {
        conditions.set("Ready", Said { value: Value::True, ..conditions::saying(progress) });
    }
    conditions.set("Available", available);
    conditions.set("SourceResolved", resolved);
}

/// How many of the destinations that the manifest lists are so.
fn count(
    view: &ReplicationView<'_>,
    status: &ImageReplicationStatus,
    is_so: impl Fn(&DestinationStatus) -> bool,
) -> usize {
    let is_wanted = |d: &&DestinationStatus| view.spec.destinations.iter().any(|w| w.region == d.region);
    status.destinations.iter().filter(is_wanted).filter(|d| is_so(d)).count()
}

/// What is ready stays so while it is suspended.
fn stays_ready(view: &ReplicationView<'_>, ready: usize, progress: &Progress) -> bool {
    let was_ready = view.status.conditions.iter().any(|c| c.type_ == "Ready" && c.status == "True");
    let is_complete = ready == view.spec.destinations.len();
    was_ready && is_complete && *progress == Progress::Moving(WaitingOn::Suspended)
}

fn available(view: &ReplicationView<'_>, status: &ImageReplicationStatus) -> Said {
    let total = view.spec.destinations.len();
    let usable = count(view, status, |d| d.available_at.is_some() || !d.previous.is_empty());
    if usable == total {
        return Said::new(
            Value::True,
            "Available",
            format!("a usable copy exists in all {total} destinations"),
        );
    }
    let message = format!("a usable copy exists in {usable} of {total} destinations");
    Said::new(Value::False, "NotYetCopied", message)
}

fn resolved(status: &ImageReplicationStatus, plan: &ReplicationPlan, progress: &Progress) -> Said {
    match (&status.source, &plan.unresolved) {
        (Some(source), None) => {
            let message = format!("source is {} in {}", source.image_id, source.region);
            Said::new(Value::True, "SourceResolved", message)
        }
        (_, Some(why)) => conditions::saying(why),
        (None, None) => conditions::saying(progress),
    }
}
