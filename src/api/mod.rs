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

/// Annotation that requests a reconciliation when its value changes. `status.lastHandledReconcileAt` repeats the value.
pub const RECONCILE_REQUESTED_AT: &str = "ami-operator.dev/reconcile-requested-at";

/// As much of that annotation as is repeated; any new value is as good as another.
pub const MAX_ANNOTATION: usize = 256;

/// The longest error code that is recorded; EC2's are much shorter, but a proxy may answer anything.
pub const MAX_ERROR_CODE: usize = 256;

/// Snapshots in use that a status has room for; an image has at most 64.
pub const MAX_USED_SNAPSHOTS: usize = 100;

/// The finalizer that objects carry while AWS resources may still have to be removed or handed over.
pub const FINALIZER: &str = "ami-operator.dev/cleanup";

/// The default of options that are enabled.
fn yes() -> bool {
    true
}

/// Whether a count can be left out.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &i32) -> bool {
    *number == 0
}

/// What happens to an image when the object that created it is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// The AMI and its snapshots stay in the account.
    #[default]
    Retain,
    /// The AMI is deregistered and its snapshots are deleted.
    Delete,
}

/// Whether AWS prevents anyone from deregistering an image; with a cooldown, protection continues for 24 hours after it is
/// disabled.
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

/// KMS key that encrypts an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Encryption {
    /// KMS key of the image's region: key ID, key ARN, `alias/…` or alias ARN.
    #[serde(rename = "kmsKeyID")]
    #[schemars(length(max = 2048), regex(pattern = schema::KMS_KEY))]
    pub kms_key_id: String,
}

/// Reference to an object of a known kind in the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocalRef {
    /// Name of the object, in the namespace of this object.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"))]
    pub name: String,
}

/// A snapshot that could not be deleted because something else uses it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsedSnapshot {
    /// ID of the snapshot that is in use.
    #[serde(rename = "snapshotID")]
    pub snapshot_id: crate::model::SnapshotId,
    /// When EC2 first reported the use. After some minutes the snapshot is left to its user.
    pub since: Time,
}

/// One EBS snapshot of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotStatus {
    /// Device name, such as `/dev/xvda`.
    #[schemars(length(max = 256))]
    pub device_name: String,
    /// ID of the snapshot.
    #[serde(rename = "snapshotID")]
    pub snapshot_id: crate::model::SnapshotId,
    /// Size of the volume in GiB.
    #[serde(rename = "sizeGiB", default, skip_serializing_if = "Option::is_none")]
    pub size_gib: Option<i32>,
}
