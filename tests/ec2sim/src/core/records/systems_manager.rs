use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde_json::Value;

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
    pub recipients: Recipients,
    /// Where its output and its course are to be told, as the answers show it.
    pub reporting: Value,
    /// How long the delivery may take.
    pub timeout_seconds: i64,
    pub requested_at: Timestamp,
    /// By instance id.
    pub invocations: BTreeMap<String, Invocation>,
}

/// For whom a command was sent, as it was said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipients {
    pub instance_ids: Vec<String>,
    /// Keys with their values.
    pub targets: Vec<(String, Vec<String>)>,
    pub max_concurrency: String,
    pub max_errors: String,
}

/// A command on one instance: what its script does there is told in advance, whether it comes to that is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// From when on the agent can have it.
    pub sent_at: Timestamp,
    /// Then it is given up, wherever it is.
    pub expires_at: Timestamp,
    /// How long the script runs, if nothing interferes.
    pub took: Duration,
    /// True if the agent kills it in the end.
    pub killed: bool,
    pub exit_code: i32,
    pub stdout: String,
    pub stderr: String,
    pub cancelled_at: Option<Timestamp>,
}

/// The finer states, those of `StatusDetails`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvocationState {
    Pending,
    /// Sent, but no agent is there to take it.
    Delayed,
    InProgress,
    Success,
    Failed,
    ExecutionTimedOut,
    DeliveryTimedOut,
    Undeliverable,
    Cancelled,
}

impl InvocationState {
    /// The coarser state of `Status`.
    pub fn name(self) -> &'static str {
        match self {
            Self::ExecutionTimedOut | Self::DeliveryTimedOut => "TimedOut",
            Self::Undeliverable => "Failed",
            Self::Pending
            | Self::Delayed
            | Self::InProgress
            | Self::Success
            | Self::Failed
            | Self::Cancelled => self.details(),
        }
    }

    pub fn details(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Delayed => "Delayed",
            Self::InProgress => "InProgress",
            Self::Success => "Success",
            Self::Failed => "Failed",
            Self::ExecutionTimedOut => "ExecutionTimedOut",
            Self::DeliveryTimedOut => "DeliveryTimedOut",
            Self::Undeliverable => "Undeliverable",
            Self::Cancelled => "Cancelled",
        }
    }

    pub fn is_over(self) -> bool {
        match self {
            Self::Pending | Self::Delayed | Self::InProgress => false,
            Self::Success
            | Self::Failed
            | Self::ExecutionTimedOut
            | Self::DeliveryTimedOut
            | Self::Undeliverable
            | Self::Cancelled => true,
        }
    }
}
