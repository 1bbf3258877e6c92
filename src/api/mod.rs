//! The custom resources: what users write and read. Group `ami-operator.dev`, version `v1alpha1`.

pub mod check;
pub mod crds;
pub mod image_build;
pub mod image_replication;
mod schema;
#[cfg(test)]
mod tests;

pub use image_build::{ImageBuild, ImageBuildSpec, ImageBuildStatus};
pub use image_replication::{ImageReplication, ImageReplicationSpec, ImageReplicationStatus};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The API group of both kinds, and the prefix of annotations and finalizers.
pub const GROUP: &str = "ami-operator.dev";

/// Any new value means "look now". Its echo is `status.lastHandledReconcileAt`.
pub const RECONCILE_REQUESTED_AT: &str = "ami-operator.dev/reconcile-requested-at";

/// Held while something in AWS may still have to be removed or handed over.
pub const FINALIZER: &str = "ami-operator.dev/cleanup";

/// The default of what is on.
fn yes() -> bool {
    true
}

/// A count that needs no telling.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &i32) -> bool {
    *number == 0
}

/// What happens to an image when the object that made it goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// The AMI and its snapshots stay in the account.
    #[default]
    Retain,
    /// The AMI is deregistered and its snapshots are deleted.
    Delete,
}

/// Whether AWS lets an image be deregistered, whoever asks; with a cooldown it outlasts its end by 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeregistrationProtection {
    Disabled,
    Enabled,
    EnabledWithCooldown,
}

/// Whether an image can be launched at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LaunchState {
    Enabled,
    Disabled,
}

/// With which key an image is encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Encryption {
    /// Key id, key ARN, `alias/…` or alias ARN, of the image's region.
    #[serde(rename = "kmsKeyID")]
    #[schemars(length(max = 2048), regex(pattern = schema::KMS_KEY))]
    pub kms_key_id: String,
}

/// Names an object of a known kind in the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocalRef {
    /// Name of the object, in the namespace of the one that refers to it.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"))]
    pub name: String,
}

/// A snapshot that was to be deleted, and that something else uses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsedSnapshot {
    #[serde(rename = "snapshotID")]
    pub snapshot_id: crate::model::SnapshotId,
    /// When EC2 first said so. Minutes later it is left to its user.
    pub since: Time,
}

/// One EBS snapshot behind an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotStatus {
    /// Such as `/dev/xvda`.
    #[schemars(length(max = 256))]
    pub device_name: String,
    #[serde(rename = "snapshotID")]
    pub snapshot_id: crate::model::SnapshotId,
    /// Size of the volume, in GiB.
    #[serde(rename = "sizeGiB", default, skip_serializing_if = "Option::is_none")]
    pub size_gib: Option<i32>,
}
