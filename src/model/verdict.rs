//! The result of customization as the guest reports it, independent of the transport.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the steps as a whole ended, in the guest's own words. It counts only when the instance has stopped itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuestOutcome {
    /// Every step succeeded.
    Succeeded,
    /// A step failed, or did not end in time.
    Failed,
}

/// How one step went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepReport {
    pub name: String,
    pub result: StepResult,
    /// 124 when the time was up. None while the step runs.
    pub exit_code: Option<i32>,
    /// None while the step runs.
    pub seconds: Option<u32>,
}

/// What was found on a console. Empty when there is no line of this attempt on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// None: the guest has not said so far, or its words are lost.
    pub outcome: Option<GuestOutcome>,
    /// In the order in which they were first mentioned, at most as many as a build may have.
    pub steps: Vec<StepReport>,
    /// The last lines that the failing step printed: at most 20 of at most 200 characters, control characters escaped.
    pub log: Vec<String>,
    /// What the cleanup removed, such as `SSH host keys`: at most 16, each once, of letters, dashes and spaces.
    pub cleaned: Vec<String>,
}

/// How far a step came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum StepResult {
    Running,
    Succeeded,
    Failed,
}
