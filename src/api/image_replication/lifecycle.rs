//! What was done to a copy besides creating it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::model::{ImageId, SnapshotId};

/// What the operator wrote on the image besides tags, and what it remembers about it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    /// Deprecation time of the image, as last set by the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecate_at: Option<Time>,
    /// Availability zones with fast snapshot restore, recorded before it is enabled, because it is billed by the hour.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 32)))]
    pub fast_snapshot_restore_zones: Vec<String>,
    /// ID of the image that is ready to be published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepared: Option<ImageId>,
    /// Restored grants that others had removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regrants: Option<Regrants>,
    /// The generation whose sharing is complete, where something else of it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_generation: Option<i64>,
}

impl Applied {
    /// Whether nothing was written or is remembered.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Snapshots with fast snapshot restore, and the zones in which it is enabled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct FastSnapshotRestores {
    /// EBS snapshots of the copy.
    #[serde(rename = "snapshotIDs")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "atomic"))]
    pub snapshot_ids: Vec<SnapshotId>,
    /// Availability zones in which fast snapshot restore is still billed.
    #[schemars(length(max = 20), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 32)))]
    pub zones: Vec<String>,
}

/// How often grants were restored. If an account cancels its own grant, it is restored with increasing delays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Regrants {
    /// Grants restored in a row, each less than a week after the one before.
    pub times: i32,
    /// When a grant was last restored.
    pub at: Time,
}
