//! Receipts that builds and copies have in common.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::conditions;
use crate::{
    api::{MAX_ERROR_CODE, UsedSnapshot, image_build::FailureStatus},
    model::{AwsError, SnapshotId},
    plan::Failure,
};

/// Remembers since when something else uses a snapshot.
pub(super) fn in_use(used: &mut Vec<UsedSnapshot>, id: &SnapshotId, now: Timestamp) {
    if !used.iter().any(|s| s.snapshot_id == *id) {
        used.push(UsedSnapshot { snapshot_id: id.clone(), since: Time(now) });
    }
}

/// The code by which the next decision knows why it is to look first.
pub(super) fn uncertain(error: &AwsError) -> String {
    error.code.chars().take(MAX_ERROR_CODE).collect()
}

/// A failure as it is written down.
pub(super) fn failure_status(failure: &Failure, now: Timestamp) -> FailureStatus {
    FailureStatus {
        reason: failure.reason.clone(),
        message: conditions::bounded(&failure.message),
        time: Time(now),
    }
}
