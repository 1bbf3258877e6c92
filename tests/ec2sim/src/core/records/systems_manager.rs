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
    pub versions: Vec<ParameterVersion>,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterVersion {
    pub version: i64,
    pub value: String,
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
    pub timeout_seconds: i64,
    pub requested_at: Timestamp,
    pub cancelled_at: Option<Timestamp>,
    /// By instance id.
    pub invocations: BTreeMap<String, Invocation>,
}

/// A command on one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    pub started_at: Timestamp,
    pub ends_at: Timestamp,
    pub exit_code: i64,
    pub stdout: String,
    pub stderr: String,
}
