//! The result of customization as the guest reports it, independent of the transport.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The overall result of the steps, as the guest reports it. It counts only once the instance has stopped itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuestOutcome {
    /// Every step succeeded.
    Succeeded,
    /// A step failed, or did not end in time.
    Failed,
}

/// The report on one step.
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
    /// The overall result; none: not reported yet, or the report was lost.
    pub outcome: Option<GuestOutcome>,
    /// In the order in which they were first mentioned, at most as many as a build may have.
    pub steps: Vec<StepReport>,
    /// The last lines that the failing step printed: at most 20 of at most 200 characters, control characters escaped.
    pub log: Vec<String>,
    /// What the cleanup removed, such as `SSH host keys`: at most 16, each once, of letters, dashes and spaces.
    pub cleaned: Vec<String>,
}

/// The result of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum StepResult {
    Running,
    Succeeded,
    Failed,
}
