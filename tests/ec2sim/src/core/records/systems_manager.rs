use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::core::tags::Tags;

/// An SSM parameter with its past values, the newest last.
#[derive(Clone, Debug)]
pub struct Parameter {
    pub name: String,
    pub kind: String,
    pub data_type: String,
    pub tier: String,
    pub description: Option<String>,
    /// The key of a `SecureString`.
    pub key_id: Option<String>,
    pub versions: Vec<ParameterVersion>,
    pub tags: Tags,
}

impl Parameter {
    /// The newest value that can be read; an image id cannot while it is still being validated.
    pub fn newest(&self, now: Timestamp) -> Option<&ParameterVersion> {
        self.versions.iter().rev().find(|version| version.modified_at <= now)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterVersion {
    pub version: i64,
    pub value: String,
    /// From when on it can be read.
    pub modified_at: Timestamp,
    pub labels: Vec<String>,
}

/// A command sent by `SendCommand`.
#[derive(Clone, Debug)]
pub struct Command {
    pub id: String,
    pub owner: String,
    pub document: String,
    pub comment: String,
    pub parameters: BTreeMap<String, Vec<String>>,
    /// How long the delivery may take.
    pub timeout_seconds: i64,
    pub requested_at: Timestamp,
    /// By instance id.
    pub invocations: BTreeMap<String, Invocation>,
}

/// A command on one instance, told in advance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    pub started_at: Timestamp,
    pub ends_at: Timestamp,
    pub cancelled_at: Option<Timestamp>,
    /// True if the end is the document's `executionTimeout`.
    pub times_out: bool,
    pub exit_code: i32,
    pub stdout: String,
    pub stderr: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvocationState {
    Pending,
    InProgress,
    Success,
    Failed,
    TimedOut,
    Cancelled,
}

impl InvocationState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InProgress => "InProgress",
            Self::Success => "Success",
            Self::Failed => "Failed",
            Self::TimedOut => "TimedOut",
            Self::Cancelled => "Cancelled",
        }
    }

    /// The finer state of `StatusDetails`.
    pub fn details(self) -> &'static str {
        if self == Self::TimedOut { "Execution Timed Out" } else { self.name() }
    }

    pub fn is_over(self) -> bool {
        !matches!(self, Self::Pending | Self::InProgress)
    }
}

impl Invocation {
    pub fn state(&self, now: Timestamp) -> InvocationState {
        match (self.cancelled_at, self.exit_code) {
            (Some(at), _) if at <= now => InvocationState::Cancelled,
            _ if now < self.started_at => InvocationState::Pending,
            _ if now < self.ends_at => InvocationState::InProgress,
            _ if self.times_out => InvocationState::TimedOut,
            (_, 0) => InvocationState::Success,
            _ => InvocationState::Failed,
        }
    }
}
