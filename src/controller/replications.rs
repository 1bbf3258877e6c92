//! One pass of an `ImageReplication`: observe → plan → act in every region → project → write.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;

use super::{
    Operator, Pass, act,
    builds::{newest, referred},
    cluster::ClusterError,
    metadata::{has_finalizer, seeing, set_finalizer},
    status_writer::{self, Held},
};
use crate::{
    api::{ImageReplication, ImageReplicationStatus, image_replication::DestinationStatus},
    ec2::poller::Subject,
    model::Region,
    plan::{
        build::BaseBuild,
        replication::{self, DestinationPlan, ReplicationPlan, ReplicationStep, ReplicationView},
    },
    status::{
        Outcome, events,
        replication::{Outcomes, repairs},
    },
};

/// `kind` of the custom resource.
pub const KIND: &str = "ImageReplication";

/// Decides once, executes the decision in all regions concurrently and records the outcome.
///
/// # Errors
/// Only for failures of the Kubernetes API.
pub async fn pass(operator: &Operator, subject: &Subject) -> Result<Pass, ClusterError> {
    let Some(value) = operator.cluster.get(subject).await? else { return Ok(operator.forget(subject)) };
    let held: Held<ImageReplication> = status_writer::read(subject, value)?;
    let seeing = seeing(&held.object.metadata);
    let status = held.object.status.clone().unwrap_or_default();
    let handled = (status.observed_generation, status.last_handled_reconcile_at.as_ref());
    operator.asked_anew(subject, &seeing, handled);
    let owner = operator.owner(subject, &held.uid);
    let view = ReplicationView {
        owner: &owner,
        spec: &held.object.spec,
        status: &status,
        deleting: held.object.metadata.deletion_timestamp.is_some(),
        held: has_finalizer(&held.object.metadata),
        generation: seeing.generation,
        base: base(operator, subject, &held.object).await?,
        newest: newest(operator, subject, held.object.spec.source.image_build_selector.as_ref()).await?,
        slots: slots(operator, subject, &status),
        now: operator.clock.now(),
    };
    let (view, plan) = decide(operator, subject, view).await?;
    let answered = operator.poller.watch(subject, &plan.watches);
    let outcomes = act(operator, subject, &plan).await;
    let view = ReplicationView { now: operator.clock.now(), ..view };
    let new = crate::status::replication::project(&view, &plan, &outcomes, &seeing);
    status_writer::write(operator, subject, &held.uid, &held.resource_version, (&status, &new)).await?;
    if plan.step.is_none() {
        operator.hold_slots(subject, &concerned(&new, &plan, &outcomes));
    }
    report(operator, subject, &held.uid, (&status, &new), (&plan, &outcomes)).await;
    match plan.step {
        Some(ReplicationStep::Hold) => set_finalizer(operator, subject, &held.uid, true).await?,
        Some(ReplicationStep::Release) => set_finalizer(operator, subject, &held.uid, false).await?,
        Some(
            ReplicationStep::RecordSource(_) | ReplicationStep::RecordGrants(_) | ReplicationStep::ForgetLeft,
        )
        | None => {}
    }
    let has_failed = |region: &Region| matches!(outcomes.get(region), Some(Outcome::Failed(_)));
    let moved = |(region, d): (&Region, &DestinationPlan)| d.step.is_some() && !has_failed(region);
    let moved = answered || plan.step.is_some() || plan.destinations.iter().any(moved);
    Ok(operator.next(subject, moved, outcomes.keys().any(has_failed), plan.check_after))
}

/// The slots of this object. A copy that surely, or perhaps, is under way has one, whoever began it.
fn slots(operator: &Operator, subject: &Subject, status: &ImageReplicationStatus) -> BTreeSet<Region> {
    let known = |copy: &&DestinationStatus| copy.image_id.is_some() || copy.uncertain.is_some();
    for copy in status.destinations.iter().filter(known).filter(|copy| copy.is_under_way()) {
        operator.slots.occupy(subject, &copy.region);
    }
    operator.slots.held_by(subject)
}

/// Decides; where a copy waits for a slot and there is one, once more.
async fn decide<'a>(
    operator: &Operator,
    subject: &Subject,
    mut view: ReplicationView<'a>,
) -> Result<(ReplicationView<'a>, ReplicationPlan), ClusterError> {
    let sightings = operator.poller.sightings(subject);
    let mut plan = replication::plan(&view, &sightings);
    let waiting = plan.in_line();
    if !waiting.is_empty() && operator.slots.ask(operator.cluster.as_ref(), subject, &waiting).await? {
        view.slots = operator.slots.held_by(subject);
        plan = replication::plan(&view, &sightings);
    }
    Ok((view, plan))
}

/// The regions in which this object needs a slot, or a place in line. What AWS refused for certain is not under way: while
/// its call rests others may copy.
fn concerned(new: &ImageReplicationStatus, plan: &ReplicationPlan, outcomes: &Outcomes) -> BTreeSet<Region> {
    let refused = |copy: &DestinationStatus| match outcomes.get(&copy.region) {
        Some(Outcome::Failed(error)) => copy.image_id.is_none() && !error.class().leaves_doubt(),
        Some(_) | None => false,
    };
    let pursued = |copy: &&DestinationStatus| {
        plan.destinations.contains_key(&copy.region) || plan.unattended.contains(&copy.region)
    };
    let under_way = new.destinations.iter().filter(|copy| copy.is_under_way() && !refused(copy));
    under_way.filter(pursued).map(|copy| copy.region.clone()).chain(plan.in_line()).collect()
}

async fn base(
    operator: &Operator,
    subject: &Subject,
    object: &ImageReplication,
) -> Result<Option<(BaseBuild, String)>, ClusterError> {
    if let Some(reference) = &object.spec.source.image_build_ref {
        Ok(Some(referred(operator, subject, &reference.name).await?))
    } else {
        operator.dependents.depends(subject, None);
        Ok(None)
    }
}

/// One write per region, all regions concurrently: a slow one delays no other.
async fn act(operator: &Operator, subject: &Subject, plan: &ReplicationPlan) -> Outcomes {
    let calls = plan.destinations.iter().map(|(region, destination)| async move {
        (region.clone(), act::destination(operator, subject, region, destination).await)
    });
    join_all(calls).await.into_iter().collect::<BTreeMap<_, _>>()
}

async fn report(
    operator: &Operator,
    subject: &Subject,
    uid: &str,
    (old, new): (&ImageReplicationStatus, &ImageReplicationStatus),
    (plan, outcomes): (&ReplicationPlan, &Outcomes),
) {
    let mut notes = events::of_change(&old.conditions, &new.conditions);
    for destination in &new.destinations {
        let before = old.destination(&destination.region);
        notes.extend(events::of_change(before.map_or(&[], |d| &d.conditions), &destination.conditions));
    }
    let place = |status: &ImageReplicationStatus| status.source_region.clone().unwrap_or_default().conditions;
    notes.extend(events::of_change(&place(old), &place(new)));
    if new.drift_repaired > old.drift_repaired {
        notes.push(events::of_repairs(repairs(plan, outcomes)));
    }
    for drift in repairs(plan, outcomes) {
        operator.metrics.drift_repaired(drift.kind.as_str());
    }
    for note in notes {
        operator.cluster.publish(subject, uid, &note).await;
    }
}
