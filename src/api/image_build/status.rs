//! `status` of an `ImageBuild`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    api::{SnapshotStatus, UsedSnapshot, image_build::MAX_STEPS, schema},
    model::{ClientToken, CommandId, ImageId, InstanceId, Region, StepResult},
};

/// What was observed and done. Decisions are made from these receipts, never from conditions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageBuildStatus {
    /// The generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Echo of the annotation `ami-operator.dev/reconcile-requested-at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub last_handled_reconcile_at: Option<String>,
    /// Ready, Succeeded, `SourceResolved`, `BuilderRunning`, Customized, `BuilderStopped`, `ImageAvailable`, `CleanedUp`;
    /// Reconciling or Stalled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// Which launch this is, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<i32>,
    /// How many builders failed so far; at most `spec.backoffLimit` of them are tried again.
    #[serde(default, skip_serializing_if = "crate::api::is_zero")]
    pub failed_attempts: i32,
    /// When the first write to AWS was about to be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// When the run ended, all temporary things confirmed gone. Once set, Succeeded never changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_time: Option<Time>,
    /// From start to completion, such as `4m12s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub duration: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceStatus>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub builder: Option<BuilderStatus>,
    /// How each step went, in the order of the spec.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MAX_STEPS), extend("x-kubernetes-list-type" = "atomic"))]
    pub steps: Vec<StepStatus>,
    /// What the cleanup removed from the guest, in its own words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(max = 64)))]
    pub cleaned: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageStatus>,
    /// Percent of the stage under way, where AWS tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<i32>,
    /// Where the time went.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-kubernetes-list-type" = "atomic"))]
    pub stages: Vec<StageStatus>,
    /// Why the run failed; set before its resources are removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureStatus>,
    /// The last lines of the failing step's output; with `transport: SSM` of the last finished step's while the steps run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8192))]
    pub log: Option<String>,
    /// Since when a content that a step refers to is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for_content_since: Option<Time>,
}

/// The image that the run started from, as it was resolved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceStatus {
    #[serde(rename = "imageID")]
    pub image_id: ImageId,
    /// Its name in EC2.
    #[schemars(length(max = 256))]
    pub name: String,
    /// The account that owns it.
    #[serde(rename = "ownerID")]
    #[schemars(length(max = 64))]
    pub owner_id: String,
    /// Such as `x86_64` or `arm64`.
    #[schemars(length(max = 32))]
    pub architecture: String,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Time>,
    /// Such as `/dev/xvda`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub root_device_name: Option<String>,
    /// `windows`, or nothing for everything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub platform: Option<String>,
    /// EBS devices of the image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "atomic"))]
    pub devices: Vec<DeviceStatus>,
}

impl SourceStatus {
    /// Whether the builder runs Windows.
    pub fn is_windows(&self) -> bool {
        self.platform.as_deref() == Some("windows")
    }
}

/// One EBS device of the source image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeviceStatus {
    /// Such as `/dev/xvda`.
    #[schemars(length(max = 256))]
    pub device_name: String,
    /// Whether EC2 deletes the volume together with its instance.
    pub delete_on_termination: bool,
}

/// The launch of this attempt: written before the call, and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct BuilderStatus {
    pub client_token: ClientToken,
    /// When the token was written down: the call was not made before.
    pub requested_at: Time,
    /// The type that is asked for.
    #[schemars(length(max = 64))]
    pub instance_type: String,
    /// The subnet that is asked for; none for the default one.
    #[serde(rename = "subnetID", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub subnet_id: Option<String>,
    /// SHA-256 of the contents that steps refer to, as they were when the attempt began. No attempt mixes these with later ones:
    /// one that still needs them when they are edited fails with `ContentChanged`, and the next one takes them as they are then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub content_hash: Option<String>,
    #[serde(rename = "instanceID", default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<InstanceId>,
    /// Where it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub availability_zone: Option<String>,
    /// When the instance was first seen running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running_at: Option<Time>,
    /// When the agent of Systems Manager was first seen online (`transport: SSM`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_online_at: Option<Time>,
    /// The command under way (`transport: SSM`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<CommandStatus>,
    /// When EC2 accepted that the customised instance is stopped (`transport: SSM`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopping_at: Option<Time>,
    /// When the instance was first seen stopped, customised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<Time>,
    /// Why EC2 launched nothing under this token, and never will: the attempt is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<FailureStatus>,
    /// Why this builder came to nothing. It is removed, then the next attempt begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<FailureStatus>,
    /// The error code of a launch that may have happened all the same: it is looked for before it is asked for again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub uncertain: Option<String>,
    /// When EC2 accepted that the instance is terminated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminating_at: Option<Time>,
    /// When the instance was confirmed to be gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminated_at: Option<Time>,
}

/// A command of Systems Manager: written before it is sent, as it has no token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommandStatus {
    /// The step that it carries out.
    #[schemars(length(max = 63))]
    pub step: String,
    /// When it was written down: it was not sent before.
    pub requested_at: Time,
    #[serde(rename = "commandID", default, skip_serializing_if = "Option::is_none")]
    pub command_id: Option<CommandId>,
    /// The error code of a call that may have sent it all the same: it is looked for before it is sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub uncertain: Option<String>,
    /// When it was seen to be over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
    /// When it was asked to end early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_at: Option<Time>,
}

/// A reason, a sentence, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailureStatus {
    /// One word in CamelCase, for programs.
    #[schemars(length(max = 1024))]
    pub reason: String,
    /// For people: what failed, where, and what to do.
    #[schemars(length(max = 32768))]
    pub message: String,
    /// When that was found.
    pub time: Time,
}

/// How one step went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepStatus {
    /// Its name in the spec.
    #[schemars(length(max = 63))]
    pub name: String,
    /// How far it came. `Running`: it was begun, and has not been heard to end. `Succeeded`: it is done. `Failed`: it ended the
    /// attempt, with the words in `status.log`.
    pub result: StepResult,
    /// Of its program, where that ran to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// In whole seconds, such as `41s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub duration: Option<String>,
}

/// The AMI. Its name is written before it is made, its id the moment it is made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageStatus {
    /// The name in EC2, unique in account and region.
    #[schemars(length(max = 128))]
    pub name: String,
    pub region: Region,
    /// When the name was written down: the call was not made before.
    pub requested_at: Time,
    #[serde(rename = "imageID", default, skip_serializing_if = "Option::is_none")]
    pub image_id: Option<ImageId>,
    /// The error code of a call that may have made the image all the same: it is looked for before it is asked for again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub uncertain: Option<String>,
    /// Such as `x86_64` or `arm64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub architecture: Option<String>,
    /// The snapshots behind the image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "atomic"))]
    pub snapshots: Vec<SnapshotStatus>,
    /// Snapshots that could not be deleted because something else uses them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub used_snapshots: Vec<UsedSnapshot>,
    /// When the image was first seen available, with everything asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available_at: Option<Time>,
    /// What became of the finished image, as last seen; looked at only where `spec.launchState` is given. `Enabled`: it can be
    /// launched. `Disabled`: nobody can launch it. `Gone`: somebody deregistered it, and it is not looked for any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<FinishedImage>,
    /// When an image that was to be removed was confirmed to be gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed_at: Option<Time>,
}

/// Whether a finished image can be launched; `Gone`: somebody deregistered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum FinishedImage {
    Enabled,
    Disabled,
    Gone,
}

/// When a stage began and ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct StageStatus {
    /// One word in CamelCase.
    #[schemars(length(max = 64))]
    pub name: String,
    /// When it began.
    pub start_time: Time,
    /// When it ended; not given while it is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_time: Option<Time>,
}
