//! Decisions: pure functions of the receipts, the spec and the observations. No clock, no I/O.
//!
//! A pass asks [`build::plan`] or [`replication::plan`] what to do next, makes at most one AWS write per region, records the
//! outcome, and asks again.

pub mod build;
pub mod eyes;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod lifecycle;
pub mod naming;
pub mod orphans;
pub mod removal;
pub mod replication;
pub mod timing;
pub mod upkeep;
mod waiting_on;

pub use eyes::{Eyes, Pace, Sighting, Sightings, Watch};
pub use upkeep::UpkeepCall;
pub(crate) use waiting_on::COPY_FAILED;
pub use waiting_on::WaitingOn;

use std::time::Duration;

use crate::api::image_build::FailureStatus;
use crate::model::AwsError;

/// The progress of a run or a copy, as it is reported.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// In progress.
    Moving(WaitingOn),
    /// An AWS call failed or got no response; the class of the error determines what follows.
    Trouble(AwsError),
    /// Someone has to act outside the object; checked again every ten minutes.
    Blocked(Failure),
    /// Everything matches the manifest.
    Done,
    /// Cannot proceed until the object is changed.
    Rejected(Failure),
}

/// Why something cannot proceed: a CamelCase reason, and a sentence that names IDs, region and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub reason: String,
    pub message: String,
}

impl Failure {
    /// A failure with this reason and message.
    pub fn new(reason: &str, message: impl Into<String>) -> Self {
        Self { reason: reason.to_owned(), message: message.into() }
    }
}

impl From<&FailureStatus> for Failure {
    fn from(written: &FailureStatus) -> Self {
        Self::new(&written.reason, written.message.clone())
    }
}

/// The longest time until the next look, even if no change was seen.
pub type CheckAfter = Option<Duration>;
