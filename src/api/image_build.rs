//! `ImageBuild`: one run of launch, customize, stop and image in one region.

mod customize;
mod status;

pub use customize::{
    Cleanup, CloudWatchAgent, ConfigMapKeyRef, ContentSource, Customize, EnvVar, File, MAX_STEPS, Monitoring,
    Packages, Reboot, Script, Services, Step, Transport, Upgrade, User,
};
pub use status::{
    BuilderStatus, CommandStatus, DeviceStatus, FailureStatus, FinishedImage, ImageBuildStatus, ImageStatus,
    SourceStatus, StageStatus, StepStatus,
};

use kube::{CustomResource, KubeSchema, core::Duration};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DeletionPolicy, DeregistrationProtection, Encryption, LaunchState, LocalRef, schema};
pub use crate::model::StepResult;
use crate::model::{BootMode, ImageId, Region, Tags, VolumeType};

/// One run that produces at most one AMI in one region. Like a Job's, its inputs are immutable: to build again, create a new
/// ImageBuild.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "ami-operator.dev",
    version = "v1alpha1",
    kind = "ImageBuild",
    namespaced,
    status = "ImageBuildStatus",
    derive = "PartialEq",
    shortname = "amib",
    category = "amis",
    cel,
    validation = Rule::new("!has(self.spec.source.imageBuildRef) || !has(self.metadata.name) || self.spec.source.imageBuildRef.name != self.metadata.name")
        .message("source.imageBuildRef must not refer to this ImageBuild itself"),
    doc = "One run of launch, customize, stop and image in one region. It produces at most one AMI, whose ID is in status.image.imageID.",
    selectable = ".spec.region",
    printcolumn(name = "READY", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "REASON", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "IMAGE", type_ = "string", json_path = ".status.image.imageID"),
    printcolumn(name = "SOURCE", type_ = "string", json_path = ".status.source.imageID"),
    printcolumn(name = "REGION", type_ = "string", json_path = ".spec.region"),
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "PROGRESS", type_ = "integer", json_path = ".status.progress", priority = 1),
    printcolumn(name = "ATTEMPT", type_ = "integer", json_path = ".status.attempt", priority = 1),
    printcolumn(name = "INSTANCE", type_ = "string", json_path = ".status.builder.instanceID", priority = 1),
    printcolumn(name = "DURATION", type_ = "string", json_path = ".status.duration", priority = 1),
    printcolumn(
        name = "MESSAGE",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.region == oldSelf.region").field_path(".region").message("region is immutable: create a new ImageBuild"),
    validation = Rule::new("self.source == oldSelf.source").field_path(".source").message("source is immutable: create a new ImageBuild"),
    validation = Rule::new("self.builder == oldSelf.builder").field_path(".builder").message("builder is immutable: create a new ImageBuild"),
    validation = Rule::new("self.customize == oldSelf.customize").field_path(".customize").message("customize is immutable: create a new ImageBuild"),
    // Lists with keys are equal in any order; the order of steps matters.
    validation = Rule::new("!has(self.customize.steps) || !has(oldSelf.customize.steps) || self.customize.steps.map(s, s.name) == oldSelf.customize.steps.map(s, s.name)")
        .field_path(".customize.steps").message("the order of customize.steps is immutable: create a new ImageBuild"),
    validation = Rule::new("self.image == oldSelf.image").field_path(".image").message("image is immutable: create a new ImageBuild"),
    validation = Rule::new("duration(self.activeDeadline) == duration(oldSelf.activeDeadline)").field_path(".activeDeadline").message("activeDeadline is immutable: create a new ImageBuild"),
    validation = Rule::new("self.backoffLimit == oldSelf.backoffLimit").field_path(".backoffLimit").message("backoffLimit is immutable: create a new ImageBuild"),
    validation = Rule::new("duration(self.keepBuilderFor) == duration(oldSelf.keepBuilderFor)").field_path(".keepBuilderFor").message("keepBuilderFor is immutable: create a new ImageBuild, or set onFailure to Terminate to remove the builder now"),
    validation = Rule::new("duration(self.keepBuilderFor) >= duration('5m') && duration(self.keepBuilderFor) <= duration('72h')")
        .field_path(".keepBuilderFor").message("keepBuilderFor must be between 5m and 72h"),
    validation = Rule::new("duration(self.customize.timeout) <= duration(self.activeDeadline)")
        .field_path(".customize.timeout").message("customize.timeout must not exceed activeDeadline: raise activeDeadline or shorten the timeout"),
    validation = Rule::new("duration(self.activeDeadline) >= duration('5m') && duration(self.activeDeadline) <= duration('168h')")
        .field_path(".activeDeadline").message("activeDeadline must be between 5m and 168h"),
    validation = Rule::new("!has(self.ttlAfterFinished) || duration(self.ttlAfterFinished) <= duration('87600h')")
        .field_path(".ttlAfterFinished").message("ttlAfterFinished must be at most 87600h (ten years); leave it out to keep the object"),
    validation = Rule::new("!has(self.builder.volumes) || self.builder.volumes.all(v, !has(v.kmsKeyID) || !v.kmsKeyID.startsWith('arn:') || v.kmsKeyID.split(':')[3] == self.region)")
        .field_path(".builder.volumes").message("a volume's kmsKeyID must be a key of spec.region: use a key ARN of that region, or an alias"),
    validation = Rule::new("!has(self.image.encryption) || !self.image.encryption.kmsKeyID.startsWith('arn:') || self.image.encryption.kmsKeyID.split(':')[3] == self.region")
        .field_path(".image.encryption").message("image.encryption.kmsKeyID must be a key of spec.region: use a key ARN of that region, or an alias")
)]
pub struct ImageBuildSpec {
    /// Region in which the image is built, such as `us-east-1`.
    #[schemars(length(max = 32), regex(pattern = schema::REGION))]
    pub region: Region,
    pub source: Source,
    pub builder: Builder,
    #[serde(default)]
    #[schemars(extend("default" = {"timeout": "30m", "cleanup": "Standard"}))]
    pub customize: Customize,
    #[serde(default)]
    pub image: ImageSettings,
    /// Time limit for the whole run, counted from the first write to AWS. A run without an image by then fails and is
    /// cleaned up. Once EC2 has started the image, the deadline is only reported (`Stalled` with reason `DeadlineExceeded`):
    /// the image may still be finished, and then the run succeeds.
    #[serde(default = "default_active_deadline")]
    #[schemars(schema_with = "schema::duration", extend("default" = "2h"))]
    pub active_deadline: Duration,
    /// Number of failed builders that are replaced before the run fails, as in a Job. A builder fails if a step fails, the
    /// instance is lost or it exceeds its time limit; retries start with increasing delays. Launches that EC2 rejects for
    /// lack of capacity do not count: types and subnets are tried in turn until `activeDeadline`.
    #[serde(default = "default_backoff_limit")]
    #[schemars(range(min = 0, max = 20))]
    pub backoff_limit: i32,
    /// What happens to the builder of a failed run. `Terminate`: it is removed immediately. `KeepBuilder`: the last builder
    /// is kept for `keepBuilderFor`, so that it can be inspected, and is then removed; builders that are followed by a retry
    /// are never kept, so set `backoffLimit: 0` to inspect the first one. A kept builder is billed as any running or stopped
    /// instance.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// How long the builder of a failed run is kept, counted from the failure.
    #[serde(default = "default_keep_builder_for")]
    #[schemars(schema_with = "schema::duration", extend("default" = "1h"))]
    pub keep_builder_for: Duration,
    /// `Complete`: the run continues until its image is available. `Cancelled`: a run without an available image fails, and
    /// everything temporary is removed. This cannot be undone: create a new ImageBuild.
    #[serde(default)]
    pub desired_state: DesiredState,
    /// If true, nothing new is started in AWS for this object, not even the cleanup that `Cancelled` requests. What is
    /// running continues.
    #[serde(default)]
    pub suspend: bool,
    /// What happens to the finished AMI when this object is deleted. `Retain`: it stays in the account. `Delete`: it is
    /// deregistered and its snapshots are deleted. Temporary resources are always removed.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// Retires the finished AMI, or makes it launchable again. `Disabled`: nobody can launch it, and its launch permissions
    /// are lost. `Enabled`: it can be launched, but lost permissions are not restored. While this field is set, the state is
    /// checked every ten hours; if not set, it is left unchanged. Has no effect on a run that did not succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch_state: Option<LaunchState>,
    /// How long after the end of the run this object is deleted, as for a Job; `deletionPolicy` decides about the image. If
    /// not set, or while the object is suspended, it is not deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::duration")]
    pub ttl_after_finished: Option<Duration>,
}

fn default_backoff_limit() -> i32 {
    2
}

fn default_active_deadline() -> Duration {
    std::time::Duration::from_hours(2).into()
}

fn default_keep_builder_for() -> Duration {
    std::time::Duration::from_hours(1).into()
}

/// What happens to the builder of a run that failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnFailure {
    /// It is removed immediately.
    #[default]
    Terminate,
    /// It is kept for `keepBuilderFor`.
    KeepBuilder,
}

/// The intended outcome of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DesiredState {
    /// An available image.
    #[default]
    Complete,
    /// An early end of the run.
    Cancelled,
}

/// The image to start from. It is resolved once per run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.imageID), has(self.ssmParameter), has(self.selector), has(self.marketplace), has(self.imageBuildRef)].filter(x, x).size() == 1")
    .message("give exactly one of imageID, ssmParameter, selector, marketplace or imageBuildRef"))]
pub struct Source {
    /// ID of an AMI in this region that the account may launch.
    #[serde(rename = "imageID", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), regex(pattern = schema::IMAGE_ID))]
    pub image_id: Option<ImageId>,
    /// Name of an SSM parameter that holds an AMI ID, such as
    /// `/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1011), regex(pattern = r"^[A-Za-z0-9_./-]+$"))]
    pub ssm_parameter: Option<String>,
    /// Selects the newest available image that matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<Selector>,
    /// Selects the newest image of an AWS Marketplace product that the account is subscribed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marketplace: Option<Marketplace>,
    /// Selects the image of another ImageBuild in this namespace and region; the build waits until it is available.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_build_ref: Option<LocalRef>,
}

/// Selects the newest image that matches all given criteria.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.name) || (has(self.tags) && size(self.tags) > 0)")
    .message("give name or tags: an owner alone would match any of its images"))]
pub struct Selector {
    /// Owners of the image: account IDs, `self`, `amazon` or `aws-marketplace`. Required, because anyone can publish an
    /// image with a similar name.
    #[schemars(length(min = 1, max = 20), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 20), regex(pattern = r"^([0-9]{12}|self|amazon|aws-marketplace)$")))]
    pub owners: Vec<String>,
    /// Name of the image; `*` and `?` are wildcards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub name: Option<String>,
    /// Processor architecture of the image. If not set, any matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<Architecture>,
    /// Tags that the image must have, all of them. Tags of an image are visible only to the account that set them.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    #[schemars(schema_with = "schema::tags")]
    pub tags: Tags,
}

/// Processor architectures, spelled as EC2 spells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Architecture {
    #[serde(rename = "x86_64")]
    X86_64,
    Arm64,
}

impl Architecture {
    /// As EC2 spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        }
    }
}

/// A product of AWS Marketplace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Marketplace {
    /// Product code: 25 lower-case letters and digits, as shown by `aws ec2 describe-images`.
    #[schemars(length(max = 32), regex(pattern = r"^[a-z0-9]{20,32}$"))]
    pub product_code: String,
    /// Processor architecture, for products that offer several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<Architecture>,
}

/// The instance that is customized and becomes the image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Builder {
    /// Instance types such as `m7i.large`, in order of preference. If EC2 has no capacity for one, the next is tried.
    #[schemars(length(min = 1, max = 10), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 32), regex(pattern = r"^[a-z][a-z0-9-]*\.[a-z0-9-]+$")))]
    pub instance_types: Vec<String>,
    /// Subnet IDs, in order of preference. If empty, EC2 chooses a subnet of the default VPC.
    #[serde(rename = "subnetIDs", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 32), regex(pattern = r"^subnet-([0-9a-f]{8}|[0-9a-f]{17})$")))]
    pub subnet_ids: Vec<String>,
    /// Security group IDs. If empty, the VPC's default group is used. No inbound access is needed.
    #[serde(rename = "securityGroupIDs", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 32), regex(pattern = r"^sg-([0-9a-f]{8}|[0-9a-f]{17})$")))]
    pub security_group_ids: Vec<String>,
    /// Name of an existing IAM instance profile. If not set, the builder has no role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[A-Za-z0-9_+=,.@-]+$"))]
    pub instance_profile: Option<String>,
    /// Volumes that differ from those of the source image, by device name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["deviceName"]))]
    pub volumes: Vec<Volume>,
    /// Tags of the builder, its volumes and its network interface.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    #[schemars(schema_with = "schema::tags")]
    pub tags: Tags,
}

/// One EBS volume of the builder, and so of the image. Fields that are not set are inherited from the source image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.iops) || (has(self.type) && self.type in ['gp3', 'io1', 'io2'])")
        .message("iops needs type gp3, io1 or io2"),
    validation = Rule::new("!has(self.type) || !(self.type in ['io1', 'io2']) || has(self.iops)")
        .message("types io1 and io2 need iops"),
    validation = Rule::new("!has(self.throughput) || (has(self.type) && self.type == 'gp3')")
        .message("throughput needs type gp3")
)]
pub struct Volume {
    /// Device name such as `/dev/sdf`; `root` means the root device, whatever its name in the source image.
    #[schemars(length(min = 1, max = 32), regex(pattern = r"^(root|/dev/[A-Za-z0-9/]+|xvd[a-z]+)$"))]
    pub device_name: String,
    /// Size in GiB; at least the size in the source image.
    #[serde(rename = "sizeGiB", default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65536))]
    pub size_gib: Option<i32>,
    /// EBS volume type.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub volume_type: Option<VolumeType>,
    /// I/O operations per second, for types gp3, io1 and io2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 100, max = 256_000))]
    pub iops: Option<i32>,
    /// Throughput in MiB/s, for type gp3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 125, max = 2000))]
    pub throughput: Option<i32>,
    /// KMS key that encrypts the volume and its snapshot in the image: key ID, key ARN, `alias/…` or alias ARN.
    #[serde(rename = "kmsKeyID", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048), regex(pattern = schema::KMS_KEY))]
    pub kms_key_id: Option<String>,
}

/// Settings of the resulting AMI.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.deprecateAfter) || (duration(self.deprecateAfter) >= duration('1h') && duration(self.deprecateAfter) <= duration('87600h'))")
    .field_path(".deprecateAfter").message("image.deprecateAfter must be between 1h and 87600h (ten years)"))]
pub struct ImageSettings {
    /// Name of the AMI, unique per account and region. Default: `<namespace>-<name>` of this object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 128), regex(pattern = schema::IMAGE_NAME))]
    pub name: Option<String>,
    /// Description of the AMI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    pub description: Option<String>,
    /// Tags of the AMI and its snapshots, set when they are created.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    #[schemars(schema_with = "schema::tags")]
    pub tags: Tags,
    /// Whether instances of the AMI require IMDSv2. EC2 cannot revert this for an AMI.
    #[serde(rename = "requireIMDSv2", default = "crate::api::yes")]
    pub require_imdsv2: bool,
    /// `uefi`: instances of the AMI boot only by UEFI. The builder must do so too, so a source image that cannot boot by
    /// UEFI is rejected. If not set, the AMI has the boot mode of the source image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_mode: Option<BootMode>,
    /// Time from the creation of the AMI to its deprecation, after which other accounts find it only by ID. Rounded to the
    /// minute. Set once, before the run succeeds; later changes by others are not reverted. An ImageReplication keeps its
    /// copies in sync. If not set, the operator does not deprecate it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::duration")]
    pub deprecate_after: Option<Duration>,
    /// Whether AWS prevents anyone from deregistering the AMI. `Enabled`: until protection is disabled.
    /// `EnabledWithCooldown`: until 24 hours after that. `Disabled`: no protection. Set once, before the run succeeds; later
    /// changes by others are not reverted. If not set, it is left unchanged. `deletionPolicy: Delete` disables protection
    /// first and waits for a cooldown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deregistration_protection: Option<DeregistrationProtection>,
    /// Encrypts the AMI: every volume of the builder without a key of its own in `builder.volumes`, at launch. If not set,
    /// volumes are encrypted as in the source image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
}

impl Default for ImageSettings {
    fn default() -> Self {
        Self {
            name: None,
            description: None,
            tags: Tags::new(),
            require_imdsv2: true,
            boot_mode: None,
            deprecate_after: None,
            deregistration_protection: None,
            encryption: None,
        }
    }
}
