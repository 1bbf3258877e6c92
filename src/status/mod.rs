//! Projection: (old status, plan, outcome, now) → new status. The only place that sets a condition.

pub mod build;
pub mod conditions;
pub mod events;
mod receipts;
pub mod replication;

use crate::model::{AwsError, CommandId, ImageId, Instance, SnapshotId};

/// The outcome of a step.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// There was no call to make.
    NoCall,
    Launched(Box<Instance>),
    ImageCreated(ImageId),
    CommandSent(CommandId),
    /// EC2 took the call.
    Accepted,
    /// The image is deregistered, but EC2 kept these snapshots for the reason that it gives.
    SnapshotsKept(Vec<(SnapshotId, String)>),
    Failed(AwsError),
}

/// The object metadata that a status reflects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seeing {
    /// `metadata.generation`.
    pub generation: Option<i64>,
    /// The annotation's value, echoed in `status.lastHandledReconcileAt`.
    pub reconcile_requested_at: Option<String>,
}
