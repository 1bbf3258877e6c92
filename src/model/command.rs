//! The operator's view of AWS Systems Manager: the agent of an instance, and the commands sent to it.

use jiff::Timestamp;

use super::{CommandId, InstanceId, Region};

/// A machine's agent, as it reports to Systems Manager. One that never reported is [`super::Seen::Absent`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    pub instance_id: InstanceId,
    pub ping: Ping,
    pub platform: Platform,
    /// Of the agent, such as `3.3.2299.0`.
    pub version: String,
}

/// Whether the agent is heard of. Source: SSM API reference, `InstanceInformation.PingStatus`.
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

/// The operating system, as the agent reports it. Source: SSM API reference, `InstanceInformation.PlatformType`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Platform {
    Linux,
    Windows,
    /// macOS, or one that Systems Manager added since.
    Other(String),
}

/// Run these lines on one machine.
///
/// Systems Manager has no token here: who cannot tell whether a command was sent looks for its comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendCommand {
    pub region: Region,
    pub instance_id: InstanceId,
    pub document: Document,
    /// At most 100 characters. Comes back with each look at the command.
    pub comment: String,
    /// The lines of one script. `{{ssm:…}}` in them is replaced by the parameter of that name before they are sent.
    pub commands: Vec<String>,
    /// Until a command that runs is ended, 5 to 172800: for less the agent takes an hour.
    pub execution_timeout_seconds: u32,
    /// 30 to 2592000. A command that is not over after both timeouts together is given up, fetched or not.
    pub delivery_timeout_seconds: u32,
}

/// AWS's documents that run a script.
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

/// A command on its way through one machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    pub command_id: CommandId,
    pub comment: String,
    pub requested_at: Timestamp,
    pub status: InvocationStatus,
    /// What the status leaves out, in AWS's words: `DeliveryTimedOut`, `ExecutionTimedOut`, `Undeliverable`.
    pub status_details: String,
    /// Of the script; none while it runs, or where it never ran. 137 (on Windows none) where the agent killed it.
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
    /// Whether it stays as it is.
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
    /// Of the script; none while it runs, or where it never ran.
    pub exit_code: Option<i32>,
    /// At most 24,000 characters; Systems Manager keeps the first ones.
    pub stdout: String,
    /// At most 8,000 characters.
    pub stderr: String,
}
