//! One pass of an `ImageBuild`: observe → plan → act → project → write.

use kube::{ResourceExt, api::ObjectMeta};

use super::{
    Operator, Pass, act,
    cluster::ClusterError,
    content,
    dependents::Choice,
    metadata::{has_finalizer, seeing, set_finalizer},
    status_writer::{self, Held},
};
use crate::{
    api::{ImageBuild, ImageBuildStatus, image_replication::BuildSelector},
    ec2::poller::Subject,
    plan::build::{self, BaseBuild, BuildPlan, BuildStep, BuildView, FinishedBuild},
    status::{Outcome, events},
};

/// `kind` of the custom resource.
pub const KIND: &str = "ImageBuild";

/// Decides once, executes the decision and records the outcome.
///
/// # Errors
/// Only for failures of the Kubernetes API.
pub async fn pass(operator: &Operator, subject: &Subject) -> Result<Pass, ClusterError> {
    let Some(value) = operator.cluster.get(subject).await? else { return Ok(operator.forget(subject)) };
    let held: Held<ImageBuild> = status_writer::read(subject, value)?;
    let seeing = seeing(&held.object.metadata);
    let status = held.object.status.clone().unwrap_or_default();
    let handled = (status.observed_generation, status.last_handled_reconcile_at.as_ref());
    operator.asked_anew(subject, &seeing, handled);
    let owner = operator.owner(subject, &held.uid);
    let content = content::resolve(operator, subject, &held.object).await?;
    let view = BuildView {
        owner: &owner,
        spec: &held.object.spec,
        status: &status,
        deleting: held.object.metadata.deletion_timestamp.is_some(),
        held: has_finalizer(&held.object.metadata),
        base: base(operator, subject, &held.object).await?,
        content: &content,
        now: operator.clock.now(),
    };
    let plan = build::plan(&view, &operator.poller.sightings(subject));
    let answered = operator.poller.watch(subject, &plan.watches);
    let outcome = act::build(operator, subject, &view.spec.region, &plan).await;
    let view = BuildView { now: operator.clock.now(), ..view };
    let new = crate::status::build::project(&view, &plan, &outcome, &seeing);
    status_writer::write(operator, subject, &held.uid, &held.resource_version, (&status, &new)).await?;
    report(operator, subject, &held.uid, &status, &new).await;
    hold_or_release(operator, subject, &held, &plan).await?;
    operator.dependents.seen(subject, &state(&new));
    if let Some(finished) = finished(&held.object.metadata, &new) {
        operator.dependents.finished(subject, held.object.labels(), &finished);
    }
    let failed = matches!(outcome, Outcome::Failed(_));
    let moved = plan.step.is_some() && (!failed || receipts(&status) != receipts(&new));
    Ok(operator.next(subject, answered || moved, failed, plan.check_after))
}

/// What the next decision is made from: a failed call that changed it leads to another call, which need not rest.
fn receipts(status: &ImageBuildStatus) -> impl PartialEq + use<'_> {
    (&status.failure, &status.builder, &status.image)
}

/// The state of this build, for objects that refer to it.
pub fn state(status: &ImageBuildStatus) -> BaseBuild {
    let image = status.image.as_ref().filter(|i| i.available_at.is_some() && i.removed_at.is_none());
    match image.and_then(|i| Some((i.region.clone(), i.image_id.clone()?))) {
        Some((region, image_id)) => BaseBuild::Ready { region, image_id },
        None if status.failure.is_some() => BaseBuild::Failed,
        None => BaseBuild::Running,
    }
}

/// The build that `name` refers to, and the name of its image.
///
/// # Errors
/// Only for failures of the Kubernetes API.
pub async fn referred(
    operator: &Operator,
    from: &Subject,
    name: &str,
) -> Result<(BaseBuild, String), ClusterError> {
    let build = Subject { kind: KIND, namespace: from.namespace.clone(), name: name.to_owned() };
    operator.dependents.depends(from, Some(build.clone()));
    let Some(value) = operator.cluster.get(&build).await? else {
        return Ok((BaseBuild::Missing, String::new()));
    };
    let held: Held<ImageBuild> = status_writer::read(&build, value)?;
    let status = held.object.status.unwrap_or_default();
    let image_name = status.image.as_ref().map(|i| i.name.clone()).unwrap_or_default();
    Ok((state(&status), image_name))
}

/// A build that has succeeded, and whose image is there to be copied.
fn finished(meta: &ObjectMeta, status: &ImageBuildStatus) -> Option<FinishedBuild> {
    let BaseBuild::Ready { region, image_id } = state(status) else { return None };
    let completed_at = status.completion_time.as_ref()?.0;
    let counts = status.failure.is_none() && meta.deletion_timestamp.is_none();
    counts.then(|| FinishedBuild {
        completed_at,
        created_at: meta.creation_timestamp.as_ref().map(|t| t.0),
        name: meta.name.clone().unwrap_or_default(),
        region,
        image_id,
        image_name: status.image.as_ref().map(|i| i.name.clone()).unwrap_or_default(),
    })
}

/// The newest build that `selector` matches in the namespace of `from`. The builds are listed where that is not known: at the
/// first look after a start, and when one is finished that may be it.
///
/// # Errors
/// Only for failures of the Kubernetes API.
pub async fn newest(
    operator: &Operator,
    from: &Subject,
    selector: Option<&BuildSelector>,
) -> Result<Option<FinishedBuild>, ClusterError> {
    let Some(selector) = selector.filter(|s| s.can_match()).map(BuildSelector::to_kube) else {
        operator.dependents.selects_none(from);
        return Ok(None);
    };
    let ticket = match operator.dependents.selects(from, &selector) {
        Choice::Made(newest) => return Ok(newest),
        Choice::Open(ticket) => ticket,
    };
    let mut newest = None;
    let mut compare = |object| {
        // What cannot be read as a build is none that has succeeded.
        let build = serde_json::from_value::<ImageBuild>(object).ok();
        let build = build.and_then(|b| finished(&b.metadata, b.status.as_ref()?));
        newest = newest.take().max(build);
    };
    operator.cluster.visit(KIND, Some(&from.namespace), &selector, &mut compare).await?;
    operator.dependents.chosen(from, ticket, newest.clone());
    Ok(newest)
}

async fn base(
    operator: &Operator,
    subject: &Subject,
    build: &ImageBuild,
) -> Result<Option<BaseBuild>, ClusterError> {
    let resolved = build.status.as_ref().is_some_and(|s| s.source.is_some());
    match &build.spec.source.image_build_ref {
        Some(reference) if !resolved => Ok(Some(referred(operator, subject, &reference.name).await?.0)),
        Some(_) | None => {
            operator.dependents.depends(subject, None);
            Ok(None)
        }
    }
}

async fn report(
    operator: &Operator,
    subject: &Subject,
    uid: &str,
    old: &ImageBuildStatus,
    new: &ImageBuildStatus,
) {
    for note in events::of_change(&old.conditions, &new.conditions) {
        operator.cluster.publish(subject, uid, &note).await;
    }
    if old.completion_time.is_none() && new.completion_time.is_some() {
        operator.metrics.build_finished(new.failure.is_none());
    }
}

/// As it was read, or not at all: somebody may just have given it more time.
async fn expire(operator: &Operator, subject: &Subject, held: &Held<ImageBuild>) -> Result<(), ClusterError> {
    tracing::info!(object = status_writer::name(subject), "deleting: spec.ttlAfterFinished has expired");
    operator.cluster.delete(subject, &held.uid, &held.resource_version).await
}

async fn hold_or_release(
    operator: &Operator,
    subject: &Subject,
    held: &Held<ImageBuild>,
    plan: &BuildPlan,
) -> Result<(), ClusterError> {
    match plan.step {
        Some(BuildStep::Hold) => set_finalizer(operator, subject, &held.uid, true).await,
        Some(BuildStep::Release) => set_finalizer(operator, subject, &held.uid, false).await,
        Some(BuildStep::Expire) => expire(operator, subject, held).await,
        Some(BuildStep::Record(_) | BuildStep::Call(_)) | None => Ok(()),
    }
}
