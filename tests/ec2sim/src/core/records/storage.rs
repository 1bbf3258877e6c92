use std::time::Duration;

use jiff::Timestamp;

use super::{Permissions, StateReason};
use crate::core::tags::Tags;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotState {
    Pending,
    Completed,
    Error,
}

impl SnapshotState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Completed => "completed",
            Self::Error => "error",
        }
    }
}

/// What is on a volume, where a real machine can have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// The system that was on it in the beginning, and whose kernel boots it.
    pub system: String,
    /// The snapshot that kept it; `None` for the system as it was installed. Copies name the snapshot that they are of.
    pub kept_by: Option<String>,
}

impl Disk {
    /// What is on a snapshot of a volume with this disk.
    #[must_use]
    pub fn on_snapshot(&self, snapshot: &str) -> Self {
        Self { kept_by: Some(snapshot.to_owned()), ..self.clone() }
    }
}

/// What is billed for the system on a disk, and stays with it on volumes and snapshots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Billing {
    /// `Windows`
    pub platform_details: String,
    /// `RunInstances:0002`
    pub usage_operation: String,
    pub product_codes: Vec<super::ProductCode>,
}

#[derive(Clone, Debug)]
pub struct Snapshot {
    pub id: String,
    pub owner: String,
    pub owner_alias: Option<String>,
    pub description: String,
    pub volume_id: String,
    /// In GiB.
    pub size: i64,
    pub encrypted: bool,
    pub kms_key_id: Option<String>,
    pub started_at: Timestamp,
    pub completes_at: Timestamp,
    /// What it is from `completes_at` on, if not completed.
    pub failure: Option<StateReason>,
    pub permissions: Permissions,
    pub billing: Option<Billing>,
    /// In how many minutes it had to be made, if it is a time-based copy.
    pub completion_minutes: Option<i64>,
    pub disk: Option<Disk>,
    pub tags: Tags,
}

impl Snapshot {
    pub fn product_codes(&self) -> &[super::ProductCode] {
        self.billing.as_ref().map_or(&[], |billing| &billing.product_codes)
    }

    pub fn state(&self, now: Timestamp) -> SnapshotState {
        match (&self.failure, now < self.completes_at) {
            (_, true) => SnapshotState::Pending,
            (Some(_), false) => SnapshotState::Error,
            (None, false) => SnapshotState::Completed,
        }
    }

    /// Percent done.
    pub fn progress(&self, now: Timestamp) -> u8 {
        if now >= self.completes_at {
            return 100;
        }
        let total = self.completes_at.duration_since(self.started_at).as_secs_f64();
        let done = now.duration_since(self.started_at).as_secs_f64();
        // Truncation is wanted: 100 % is reached with completion only.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let percent = (done / total * 100.0).clamp(0.0, 99.0) as u8;
        percent
    }
}

#[derive(Clone, Debug)]
pub struct Volume {
    pub id: String,
    pub owner: String,
    pub zone: String,
    /// In GiB.
    pub size: i64,
    pub volume_type: String,
    pub iops: Option<i64>,
    pub throughput: Option<i64>,
    pub snapshot_id: Option<String>,
    pub encrypted: bool,
    pub kms_key_id: Option<String>,
    pub created_at: Timestamp,
    /// The instance that it is, or until its termination was, attached to, and that knows how; empty for none.
    pub instance_id: String,
    /// Further instances, if it is enabled for Multi-Attach.
    pub more_instances: Vec<String>,
    pub multi_attach: bool,
    /// Goes with that instance.
    pub delete_on_termination: bool,
    pub modification: Option<Modification>,
    /// As it was when the volume was made.
    pub disk: Option<Disk>,
    pub billing: Option<Billing>,
    pub tags: Tags,
}

/// The last change of a volume by `ModifyVolume`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Modification {
    pub original: Performance,
    pub target: Performance,
    pub started_at: Timestamp,
    /// From when on the change has taken effect, and the volume is being optimized.
    pub effective_at: Timestamp,
    pub completes_at: Timestamp,
}

/// What can be changed of a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Performance {
    pub size: i64,
    pub volume_type: String,
    pub iops: Option<i64>,
    pub throughput: Option<i64>,
}

/// Fast restore of one snapshot in one zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FastRestore {
    pub owner: String,
    pub enabled_at: Timestamp,
    /// Duration of each of `enabling` and `optimizing`.
    pub step: Duration,
    pub disabled_at: Option<Timestamp>,
}

/// What keeps a snapshot from being deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotLock {
    /// In compliance mode, rather than governance.
    pub compliance: bool,
    /// In hours.
    pub cool_off: Option<i64>,
    pub cool_off_ends_at: Option<Timestamp>,
    pub created_at: Timestamp,
    /// In days.
    pub duration: i64,
    pub expires_at: Timestamp,
}
