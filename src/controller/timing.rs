//! All waiting times of the controller. Those of decisions are in [`crate::plan::timing`], those of calls to AWS and of the
//! poller in [`crate::ec2::timing`].

use std::time::Duration;

/// An object at rest is looked at so often all the same, by a read of the Kubernetes API and nothing else: a status that a
/// backup tool wiped moves nothing that is watched. Nor may a timer of the queue be set for longer than two years.
/// Source: controller-runtime, `SyncPeriod`.
pub const LONGEST_REST: Duration = Duration::from_hours(10);

/// How long a pass that is under way may take to finish after SIGTERM: within the ten seconds that we promise.
pub(super) const GRACE: Duration = Duration::from_secs(9);

/// So long a pass keeps its turn; one that waits for AWS gives it away.
pub(super) const TURN: Duration = Duration::from_secs(1);

/// Before a pass that failed on the Kubernetes API is made again; kube's client retries nothing by itself.
pub(super) const API_TROUBLE: Duration = Duration::from_secs(5);

/// How long a write rests after its first failure; doubled each time, up to [`LONGEST_BACKOFF`].
pub(super) const FIRST_BACKOFF: Duration = Duration::from_secs(2);
pub(super) const LONGEST_BACKOFF: Duration = Duration::from_mins(5);

/// What uses up a quota goes on for minutes, and terminated instances count for a while.
pub(super) const FIRST_BACKOFF_FOR_QUOTA: Duration = Duration::from_mins(2);

/// What was refused as wrong is wrong until the object changes, which ends the rest.
pub(super) const UNTIL_EDITED: Duration = Duration::from_hours(24 * 365);

/// What needs a person stays what is shown while the repetition is prepared by a look around.
pub(super) const LOOK_AROUND: Duration = Duration::from_secs(30);
