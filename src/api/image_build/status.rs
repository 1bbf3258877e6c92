//! `status` of an `ImageBuild`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    api::{
        MAX_ANNOTATION, MAX_ERROR_CODE, MAX_USED_SNAPSHOTS, SnapshotStatus, UsedSnapshot,
        image_build::MAX_STEPS, schema,
    },
    model::{ClientToken, CommandId, ImageId, InstanceId, Region, StepResult},
};

/// Observed state, and receipts of what was done. Decisions are based on these receipts, never on conditions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageBuildStatus {
    /// Generation of the spec that this status reflects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Last handled value of the annotation `ami-operator.dev/reconcile-requested-at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = MAX_ANNOTATION))]
    pub last_handled_reconcile_at: Option<String>,
    /// Conditions: Ready, Succeeded, `SourceResolved`, `BuilderRunning`, Customized, `BuilderStopped`, `ImageAvailable`,
    /// `CleanedUp`; while true, Reconciling or Stalled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// Number of the current launch, starting at 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<i32>,
    /// Number of builders that failed so far; up to `spec.backoffLimit` of them are replaced.
    #[serde(default, skip_serializing_if = "crate::api::is_zero")]
    pub failed_attempts: i32,
    /// When the run started, immediately before the first write to AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// When the run ended, with all temporary resources confirmed gone. Once set, Succeeded never changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_time: Option<Time>,
    /// Time from start to completion, such as `4m12s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub duration: Option<String>,
    /// The image that the run starts from, as resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceStatus>,
    /// The builder of the current attempt, recorded before its launch is requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub builder: Option<BuilderStatus>,
    /// Result of each step, in the order of the spec.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MAX_STEPS), extend("x-kubernetes-list-type" = "atomic"))]
    pub steps: Vec<StepStatus>,
    /// What the cleanup removed from the guest, as the guest reports it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(max = 64)))]
    pub cleaned: Vec<String>,
    /// The AMI: its name is recorded before it is requested, its ID as soon as EC2 returns it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageStatus>,
    /// Progress of the current stage in percent, if AWS reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<i32>,
    /// Start and end of each stage.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-kubernetes-list-type" = "atomic"))]
    pub stages: Vec<StageStatus>,
    /// Why the run failed; set before its resources are removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureStatus>,
    /// Last lines of output of the failed step. With `transport: SSM`, while the steps run: of the last finished step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8192))]
    pub log: Option<String>,
    /// Since when content that a step refers to has been missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for_content_since: Option<Time>,
}

/// The image that the run starts from, as resolved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceStatus {
    /// ID of the source image.
    #[serde(rename = "imageID")]
    pub image_id: ImageId,
    /// Name of the source image.
    #[schemars(length(max = 256))]
    pub name: String,
    /// ID of the account that owns the image.
    #[serde(rename = "ownerID")]
    #[schemars(length(max = 64))]
    pub owner_id: String,
    /// Processor architecture, such as `x86_64` or `arm64`.
    #[schemars(length(max = 32))]
    pub architecture: String,
    /// When the image was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Time>,
    /// Name of the root device, such as `/dev/xvda`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub root_device_name: Option<String>,
    /// `windows`, or not set for all other platforms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub platform: Option<String>,
    /// EBS devices of the image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "atomic"))]
    pub devices: Vec<DeviceStatus>,
}

impl SourceStatus {
    /// Whether the image is a Windows image.
    pub fn is_windows(&self) -> bool {
        self.platform.as_deref() == Some("windows")
    }
}

/// One EBS device of the source image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeviceStatus {
    /// Device name, such as `/dev/xvda`.
    #[schemars(length(max = 256))]
    pub device_name: String,
    /// Whether EC2 deletes the volume when the instance is terminated.
    pub delete_on_termination: bool,
}

/// The builder of the current attempt: what was recorded before its launch, and what happened since.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct BuilderStatus {
    /// Client token that makes the launch idempotent.
    pub client_token: ClientToken,
    /// When the launch was recorded, immediately before the first call.
    pub requested_at: Time,
    /// Requested instance type.
    #[schemars(length(max = 64))]
    pub instance_type: String,
    /// Requested subnet; not set for a subnet of EC2's choice.
    #[serde(rename = "subnetID", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub subnet_id: Option<String>,
    /// SHA-256 of the contents that steps refer to, as they were at the start of the attempt. If they are edited while the
    /// attempt still needs them, it fails with `ContentChanged`, and the next attempt uses the new contents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub content_hash: Option<String>,
    /// ID of the instance, once `RunInstances` has returned it.
    #[serde(rename = "instanceID", default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<InstanceId>,
    /// Availability zone of the instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub availability_zone: Option<String>,
    /// When the instance was first seen running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running_at: Option<Time>,
    /// When the Systems Manager agent was first seen online (`transport: SSM`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_online_at: Option<Time>,
    /// The current command (`transport: SSM`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<CommandStatus>,
    /// When EC2 accepted the request to stop the customized instance (`transport: SSM`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopping_at: Option<Time>,
    /// When the customized instance was first seen stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<Time>,
    /// Why EC2 launched nothing with this client token, and never will: the attempt is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<FailureStatus>,
    /// Why this builder failed. It is removed before the next attempt starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<FailureStatus>,
    /// Error code of a launch that may have succeeded nevertheless: the operator searches for the instance before it
    /// retries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = MAX_ERROR_CODE))]
    pub uncertain: Option<String>,
    /// When EC2 accepted the request to terminate the instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminating_at: Option<Time>,
    /// When the instance was confirmed gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminated_at: Option<Time>,
}

/// A Systems Manager command. It is recorded before it is sent, because the call has no client token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommandStatus {
    /// Name of the step that the command executes.
    #[schemars(length(max = 63))]
    pub step: String,
    /// When the command was recorded, immediately before the first call.
    pub requested_at: Time,
    /// ID of the command, once `SendCommand` has returned it.
    #[serde(rename = "commandID", default, skip_serializing_if = "Option::is_none")]
    pub command_id: Option<CommandId>,
    /// Error code of a call that may have sent the command nevertheless: the operator searches for it before it retries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = MAX_ERROR_CODE))]
    pub uncertain: Option<String>,
    /// When the command was seen finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
    /// When cancellation of the command was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_at: Option<Time>,
}

/// Reason, message and time of a failure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailureStatus {
    /// Machine-readable reason, one word in CamelCase.
    #[schemars(length(max = 1024))]
    pub reason: String,
    /// Human-readable message: what failed, where, and what to do.
    #[schemars(length(max = 32768))]
    pub message: String,
    /// When the failure was detected.
    pub time: Time,
}

/// Result of one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepStatus {
    /// Name of the step in the spec.
    #[schemars(length(max = 63))]
    pub name: String,
    /// `Running`: the step has started, and its end has not been reported. `Succeeded`: it is done. `Failed`: it ended the
    /// attempt; its output is in `status.log`.
    pub result: StepResult,
    /// Exit code of the step's program, if it ran to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Duration of the step in whole seconds, such as `41s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub duration: Option<String>,
}

/// The AMI. Its name is recorded before it is requested, its ID as soon as EC2 returns it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageStatus {
    /// Name of the AMI, unique per account and region.
    #[schemars(length(max = 128))]
    pub name: String,
    /// Region of the AMI.
    pub region: Region,
    /// When the name was recorded, immediately before the first call.
    pub requested_at: Time,
    /// ID of the AMI, once `CreateImage` has returned it. It may still be pending: see `availableAt`.
    #[serde(rename = "imageID", default, skip_serializing_if = "Option::is_none")]
    pub image_id: Option<ImageId>,
    /// Error code of a call that may have created the image nevertheless: the operator searches for it before it retries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = MAX_ERROR_CODE))]
    pub uncertain: Option<String>,
    /// Processor architecture, such as `x86_64` or `arm64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub architecture: Option<String>,
    /// EBS snapshots of the image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "atomic"))]
    pub snapshots: Vec<SnapshotStatus>,
    /// Snapshots that could not be deleted because something else uses them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MAX_USED_SNAPSHOTS))]
    pub used_snapshots: Vec<UsedSnapshot>,
    /// When the image was first seen available, with all requested settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available_at: Option<Time>,
    /// Last observed state of the finished image; checked only while `spec.launchState` is set. `Enabled`: it can be
    /// launched. `Disabled`: nobody can launch it. `Gone`: someone deregistered it, and it is no longer checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<FinishedImage>,
    /// When a removed image was confirmed gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed_at: Option<Time>,
}

/// Whether a finished image can be launched, or is gone because someone deregistered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum FinishedImage {
    Enabled,
    Disabled,
    Gone,
}

/// Start and end of a stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct StageStatus {
    /// Name of the stage, one word in CamelCase.
    #[schemars(length(max = 64))]
    pub name: String,
    /// When the stage started.
    pub start_time: Time,
    /// When the stage ended; not set while it is in progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_time: Option<Time>,
}
