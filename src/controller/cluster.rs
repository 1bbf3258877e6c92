//! What a pass needs from Kubernetes, as a port: the kube client implements it, and so does a cluster in memory.

use async_trait::async_trait;
use kube::core::Selector;
use serde_json::Value;

use crate::{ec2::poller::Subject, status::events::Note};

/// A failure of the Kubernetes API: the pass ends and is retried.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The object changed since it was read.
    #[error("{0} was changed by somebody else meanwhile")]
    Conflict(String),
    /// The object is gone.
    #[error("{0} is gone")]
    Gone(String),
    /// RBAC keeps us from it.
    #[error("{0}")]
    Forbidden(String),
    /// The API server refused, or did not answer.
    #[error("the Kubernetes API refused or did not answer: {0}")]
    Unavailable(String),
    /// The object cannot be read as its kind: it was stored by another version.
    #[error("{object} cannot be read: {why}")]
    Malformed { object: String, why: String },
    /// There is no such kind here.
    #[error("unknown kind {0}")]
    UnknownKind(String),
}

/// An object as a list of metadata shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub namespace: String,
    pub name: String,
    pub uid: String,
}

/// The namespaces to go through one by one: of none given, all together.
pub fn scopes(namespaces: &[String]) -> Vec<Option<&str>> {
    match namespaces {
        [] => vec![None],
        given => given.iter().map(|namespace| Some(namespace.as_str())).collect(),
    }
}

/// Kubernetes, as a pass uses it. Objects are passed as JSON, so that a malformed object affects no other.
#[async_trait]
pub trait Cluster: Send + Sync {
    /// The object as it is stored now, past every cache; none if there is no such object.
    async fn get(&self, subject: &Subject) -> Result<Option<Value>, ClusterError>;

    /// A ConfigMap as it is stored now; none if there is no such object.
    async fn config_map(&self, namespace: &str, name: &str) -> Result<Option<Value>, ClusterError>;

    /// All objects of a kind in a namespace (none: in all), as they are stored now, past every cache. Complete, or an error.
    async fn list(&self, kind: &'static str, namespace: Option<&str>) -> Result<Vec<Listed>, ClusterError>;

    /// Hands all objects of a kind in a namespace (none: in all) that a selector matches to `visit`, one after the other, as
    /// they are stored now, past every cache. Complete, or an error.
    async fn visit(
        &self,
        kind: &'static str,
        namespace: Option<&str>,
        selector: &Selector,
        visit: &mut (dyn FnMut(Value) + Send),
    ) -> Result<(), ClusterError>;

    /// Applies the whole status, if the object is still at `resource_version`.
    async fn apply_status(
        &self,
        subject: &Subject,
        resource_version: &str,
        status: &Value,
    ) -> Result<(), ClusterError>;

    /// Puts our finalizer on the object or takes it off, if the object is still at `resource_version`.
    async fn set_finalizers(
        &self,
        subject: &Subject,
        resource_version: &str,
        finalizers: &[String],
    ) -> Result<(), ClusterError>;

    /// Deletes the object, if it is still this very one at `resource_version`.
    async fn delete(&self, subject: &Subject, uid: &str, resource_version: &str) -> Result<(), ClusterError>;

    /// Publishes an event about the object. Best effort: an event that cannot be published is logged.
    async fn publish(&self, subject: &Subject, uid: &str, note: &Note);
}
