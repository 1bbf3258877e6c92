//! The only module that writes a status: server-side apply, skipped when nothing changed.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{Operator, cluster::ClusterError};
use crate::ec2::poller::Subject;

/// A status that could not be written for a conflict is tried so often: an edit of the spec in the same moment must not
/// cost the id of an instance that was just launched.
const ATTEMPTS: usize = 5;

/// An object as a pass holds it.
pub struct Held<K> {
    pub object: K,
    pub uid: String,
    pub resource_version: String,
}

/// Reads JSON as an object of kind `K`.
///
/// # Errors
/// [`ClusterError::Malformed`] names the object and what is wrong with it.
pub fn read<K: DeserializeOwned>(subject: &Subject, value: Value) -> Result<Held<K>, ClusterError> {
    let meta = |field: &str| {
        value.pointer(&format!("/metadata/{field}")).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let (uid, resource_version) = (meta("uid"), meta("resourceVersion"));
    let object = serde_json::from_value(value)
        .map_err(|error| ClusterError::Malformed { object: name(subject), why: error.to_string() })?;
    Ok(Held { object, uid, resource_version })
}

/// Writes `new` where it differs from `old`.
///
/// After a conflict the same status is applied to the object as it is then, as long as it is the same object and its
/// status is still `old`. One that changed was written by another operator: ours, made from the older one, would take its
/// receipts and conditions back, and nothing might come to put them right.
///
/// # Errors
/// The Kubernetes API's, or that the object is gone or another status was written.
pub async fn write<S: Serialize + DeserializeOwned + Default + PartialEq>(
    operator: &Operator,
    subject: &Subject,
    uid: &str,
    resource_version: &str,
    (old, new): (&S, &S),
) -> Result<(), ClusterError> {
    if old == new {
        return Ok(());
    }
    let status = serde_json::to_value(new)
        .map_err(|e| ClusterError::Malformed { object: name(subject), why: e.to_string() })?;
    let mut version = resource_version.to_owned();
    for _ in 1..ATTEMPTS {
        match operator.cluster.apply_status(subject, &version, &status).await {
            Err(ClusterError::Conflict(_)) => version = current_version(operator, subject, uid, old).await?,
            written => return written,
        }
    }
    operator.cluster.apply_status(subject, &version, &status).await
}

/// The version of the object, where it is still the one that had the status `old`.
async fn current_version<S: DeserializeOwned + Default + PartialEq>(
    operator: &Operator,
    subject: &Subject,
    uid: &str,
    old: &S,
) -> Result<String, ClusterError> {
    let gone = || ClusterError::Gone(name(subject));
    let object = operator.cluster.get(subject).await?.ok_or_else(gone)?;
    let held = read::<Stored<S>>(subject, object)?;
    if held.uid != uid {
        return Err(gone());
    }
    let is_as_read = held.object.status.unwrap_or_default() == *old;
    if is_as_read { Ok(held.resource_version) } else { Err(ClusterError::Conflict(name(subject))) }
}

/// Of an object only its status.
#[derive(Deserialize)]
struct Stored<S> {
    status: Option<S>,
}

/// Kind, namespace and name for display: `ImageBuild images/web`.
pub fn name(subject: &Subject) -> String {
    format!("{} {}/{}", subject.kind, subject.namespace, subject.name)
}
