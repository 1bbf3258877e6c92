//! Receipts that builds and copies have in common.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::conditions;
use crate::{
    api::{MAX_ERROR_CODE, MAX_USED_SNAPSHOTS, UsedSnapshot, image_build::FailureStatus},
    model::{AwsError, SnapshotId},
    plan::Failure,
};

/// Remembers since when something else uses a snapshot.
pub(super) fn in_use(used: &mut Vec<UsedSnapshot>, id: &SnapshotId, now: Timestamp) {
    if !used.iter().any(|s| s.snapshot_id == *id) {
        // The API server takes no more. The oldest is met again, if it is still to be deleted.
        if used.len() >= MAX_USED_SNAPSHOTS {
            used.remove(0);
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_snapshots_in_use_are_remembered_than_a_status_takes() {
        let mut used = Vec::new();
        let ids: Vec<SnapshotId> =
            (0..=MAX_USED_SNAPSHOTS).map(|n| SnapshotId(format!("snap-{n}"))).collect();
        for id in &ids {
            in_use(&mut used, id, Timestamp::UNIX_EPOCH);
        }
        assert_eq!(used.len(), MAX_USED_SNAPSHOTS);
        assert_eq!(used.last().map(|used| &used.snapshot_id), ids.last());
    }
}
