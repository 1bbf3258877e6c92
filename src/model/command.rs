//! The operator's view of AWS Systems Manager: the agent of an instance, and the commands sent to it.

use jiff::Timestamp;

use super::{CommandId, InstanceId, Region};

/// The agent of an instance, as it reports to Systems Manager. One that never reported is [`super::Seen::Absent`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    pub instance_id: InstanceId,
    pub ping: Ping,
}

/// Whether the agent is online. Source: SSM API reference, `InstanceInformation.PingStatus`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ping {
    Online,
    /// Not heard of for some minutes: stopped, rebooting, or cut off.
    ConnectionLost,
    /// Deprecated by AWS.
    Inactive,
    /// A status that Systems Manager added since; treated as "wait".
    Other(String),
}

/// A request to run these lines on one instance.
///
/// The call has no client token: if it is uncertain whether a command was sent, it is searched for by its comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendCommand {
    pub region: Region,
    pub instance_id: InstanceId,
    pub document: Document,
    /// Comment of at most 100 characters, which AWS returns with the command.
    pub comment: String,
    /// The lines of one script. `{{ssm:…}}` in them is replaced by the parameter of that name before they are sent.
    pub commands: Vec<String>,
    /// Time limit for a running command, 5 to 172800 seconds: for less, the agent uses an hour.
    pub execution_timeout_seconds: u32,
    /// 30 to 2592000. A command that is not over after both timeouts together is given up, fetched or not.
    pub delivery_timeout_seconds: u32,
}

/// The AWS documents that run a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    /// By `sh`.
    Shell,
    PowerShell,
}

impl Document {
    /// The document's name, the same in all regions.
    pub fn name(self) -> &'static str {
        match self {
            Self::Shell => "AWS-RunShellScript",
            Self::PowerShell => "AWS-RunPowerShellScript",
        }
    }
}

/// The execution of a command on one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    pub command_id: CommandId,
    pub comment: String,
    pub requested_at: Timestamp,
    pub status: InvocationStatus,
    /// What the status leaves out, in AWS's words: `DeliveryTimedOut`, `ExecutionTimedOut`, `Undeliverable`.
    pub status_details: String,
    /// Exit code of the script; none while it runs, or if it never ran. 137 (on Windows none) if the agent killed it.
    pub exit_code: Option<i32>,
}

/// The life cycle of a command. Source: SSM API reference, `CommandInvocation.Status`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvocationStatus {
    Pending,
    InProgress,
    /// The agent could not be reached yet; Systems Manager tries again.
    Delayed,
    Success,
    Failed,
    TimedOut,
    Cancelled,
    Cancelling,
    /// A status that Systems Manager added since; treated as "wait".
    Other(String),
}

impl InvocationStatus {
    /// Whether the status is final.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Success | Self::Failed | Self::TimedOut | Self::Cancelled => true,
            Self::Pending | Self::InProgress | Self::Delayed | Self::Cancelling | Self::Other(_) => false,
        }
    }
}

/// What a command printed, and how it ended. Empty until then: Systems Manager shows nothing of a script that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandOutput {
    pub status: InvocationStatus,
    /// Exit code of the script; none while it runs, or if it never ran.
    pub exit_code: Option<i32>,
    /// At most 24,000 characters; Systems Manager keeps the first ones.
    pub stdout: String,
    /// At most 8,000 characters.
    pub stderr: String,
}
