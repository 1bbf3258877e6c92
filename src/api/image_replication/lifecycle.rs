//! What was done to a copy besides making it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::model::{ImageId, SnapshotId};

/// What was written on an image besides its tags, so that it can be taken off again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    /// When others no longer find the image, as it was last set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecate_at: Option<Time>,
    /// Zones with fast snapshot restore, written down before it is switched on: it is paid for by the hour.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 32)))]
    pub fast_snapshot_restore_zones: Vec<String>,
    /// The image that is ready to be published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepared: Option<ImageId>,
    /// Grants that were gone and were made again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regrants: Option<Regrants>,
    /// The generation whose sharing is complete, where something else of it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_generation: Option<i64>,
}

impl Applied {
    /// Nothing was.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Snapshots that are fast in these zones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct FastSnapshotRestores {
    /// The snapshots behind the copy.
    #[serde(rename = "snapshotIDs")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "atomic"))]
    pub snapshot_ids: Vec<SnapshotId>,
    /// Where it is still paid for.
    #[schemars(length(max = 20), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 32)))]
    pub zones: Vec<String>,
}

/// How often grants were made again. An account that cancels its own is asked ever more rarely.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Regrants {
    /// Within a week.
    pub times: i32,
    /// The last of them.
    pub at: Time,
}
