//! The parts of object metadata that the operator uses: generation, reconcile request, and the finalizer.

use serde_json::Value;

use super::{
    Operator,
    cluster::ClusterError,
    status_writer::{self, Held},
};
use crate::{
    api::{FINALIZER, MAX_ANNOTATION, RECONCILE_REQUESTED_AT},
    ec2::poller::Subject,
    status::Seeing,
};

/// What a status answers to.
pub fn seeing(meta: &kube::api::ObjectMeta) -> Seeing {
    let annotation = meta.annotations.as_ref().and_then(|a| a.get(RECONCILE_REQUESTED_AT));
    let asked = annotation.map(|value| value.chars().take(MAX_ANNOTATION).collect());
    Seeing { generation: meta.generation, reconcile_requested_at: asked }
}

/// Whether the object has the operator's finalizer.
pub fn has_finalizer(meta: &kube::api::ObjectMeta) -> bool {
    meta.finalizers.iter().flatten().any(|f| f == FINALIZER)
}

/// Adds or removes the operator's finalizer; those of other controllers stay.
///
/// # Errors
/// Only for failures of the Kubernetes API.
pub async fn set_finalizer(
    operator: &Operator,
    subject: &Subject,
    uid: &str,
    on: bool,
) -> Result<(), ClusterError> {
    let Some(value) = operator.cluster.get(subject).await? else { return Ok(()) };
    let listed = value.pointer("/metadata/finalizers").and_then(Value::as_array);
    let others = listed.into_iter().flatten().filter_map(Value::as_str).filter(|f| *f != FINALIZER);
    let mut finalizers: Vec<String> = others.map(str::to_owned).collect();
    if on {
        finalizers.push(FINALIZER.to_owned());
    }
    let held: Held<Value> = status_writer::read(subject, value)?;
    if held.uid != uid {
        return Ok(());
    }
    operator.cluster.set_finalizers(subject, &held.resource_version, &finalizers).await
}
