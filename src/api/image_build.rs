//! `ImageBuild`: one run of customise, stop and image in one region.

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

/// One run, at most one AMI, in one region. Its inputs are immutable, as a Job's are: to build again, create a new one.
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
        .message("source.imageBuildRef must name another ImageBuild than this one"),
    doc = "One run of customise, stop and image in one region: at most one AMI. Its id stands in status.image.imageID.",
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
    validation = Rule::new("duration(self.keepBuilderFor) == duration(oldSelf.keepBuilderFor)").field_path(".keepBuilderFor").message("keepBuilderFor is immutable: create a new ImageBuild, or set onFailure to Terminate to let go of the builder now"),
    validation = Rule::new("duration(self.keepBuilderFor) >= duration('5m') && duration(self.keepBuilderFor) <= duration('72h')")
        .field_path(".keepBuilderFor").message("keepBuilderFor must be between 5m and 72h"),
    validation = Rule::new("duration(self.customize.timeout) <= duration(self.activeDeadline)")
        .field_path(".customize.timeout").message("customize.timeout must not exceed activeDeadline: raise activeDeadline or shorten the timeout"),
    validation = Rule::new("duration(self.activeDeadline) >= duration('5m') && duration(self.activeDeadline) <= duration('168h')")
        .field_path(".activeDeadline").message("activeDeadline must be between 5m and 168h"),
    validation = Rule::new("!has(self.ttlAfterFinished) || duration(self.ttlAfterFinished) <= duration('87600h')")
        .field_path(".ttlAfterFinished").message("ttlAfterFinished must be at most 87600h (ten years); leave it out to keep the object"),
    validation = Rule::new("!has(self.builder.volumes) || self.builder.volumes.all(v, !has(v.kmsKeyID) || !v.kmsKeyID.startsWith('arn:') || v.kmsKeyID.split(':')[3] == self.region)")
        .field_path(".builder.volumes").message("a volume's kmsKeyID must be a key of spec.region: give a key ARN of that region, or an alias"),
    validation = Rule::new("!has(self.image.encryption) || !self.image.encryption.kmsKeyID.startsWith('arn:') || self.image.encryption.kmsKeyID.split(':')[3] == self.region")
        .field_path(".image.encryption").message("image.encryption.kmsKeyID must be a key of spec.region: give a key ARN of that region, or an alias")
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
    /// Time for the whole run, from the first write to AWS. A run that has no image by then fails and is cleaned up. Once EC2
    /// has begun the image, the deadline only shows (`Stalled`, with reason `DeadlineExceeded`): what is under way is paid for
    /// and may still be finished, and then the run succeeds.
    #[serde(default = "default_active_deadline")]
    #[schemars(schema_with = "schema::duration", extend("default" = "2h"))]
    pub active_deadline: Duration,
    /// How many builders may fail before the run is given up, as in a Job: a step that fails, a machine that is lost or does
    /// not come to an end is tried again on a new builder, ever more slowly. A launch that EC2 refuses for want of capacity
    /// costs nothing and is not counted: types and subnets are gone through until `activeDeadline`.
    #[serde(default = "default_backoff_limit")]
    #[schemars(range(min = 0, max = 20))]
    pub backoff_limit: i32,
    /// What happens to the builder of a run that failed. `Terminate`: it is removed at once. `KeepBuilder`: the last one stays
    /// for `keepBuilderFor`, so that somebody can look at it, and is removed then; one after which another is tried never
    /// stays, so give `backoffLimit: 0` to look at the first. It costs what a stopped or running instance costs.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// How long the builder of a failed run is kept, from the failure.
    #[serde(default = "default_keep_builder_for")]
    #[schemars(schema_with = "schema::duration", extend("default" = "1h"))]
    pub keep_builder_for: Duration,
    /// `Complete`: the run goes on to its image. `Cancelled` ends a run that has no available image yet: it fails, and
    /// everything temporary is removed. There is no way back: create a new ImageBuild.
    #[serde(default)]
    pub desired_state: DesiredState,
    /// True: nothing new is started in AWS for this object, not even what `Cancelled` asks for. What runs, runs on.
    #[serde(default)]
    pub suspend: bool,
    /// What happens to the finished AMI when this object is deleted. `Retain`: it stays in the account. `Delete`: it is
    /// deregistered and its snapshots are deleted. Everything temporary is always removed.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// Retires the finished AMI, or takes it back into use. `Disabled`: nobody can launch it, and its launch permissions are
    /// gone. `Enabled`: it can be launched again; its permissions do not come back by themselves. Looked at every ten hours
    /// while it is given. Not given: left as it is. Nothing is done for a run that did not succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch_state: Option<LaunchState>,
    /// How long after its end this object is deleted, as a Job is; its image goes or stays by `deletionPolicy`. Without it,
    /// and while it is suspended, the object stays.
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
    /// It is removed at once.
    #[default]
    Terminate,
    /// It stays for `keepBuilderFor`.
    KeepBuilder,
}

/// What a run is to come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DesiredState {
    /// An image.
    #[default]
    Complete,
    /// An early end.
    Cancelled,
}

/// The image to start from. Resolved once for each run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.imageID), has(self.ssmParameter), has(self.selector), has(self.marketplace), has(self.imageBuildRef)].filter(x, x).size() == 1")
    .message("give exactly one of imageID, ssmParameter, selector, marketplace or imageBuildRef"))]
pub struct Source {
    /// An AMI of this region that the account may launch.
    #[serde(rename = "imageID", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), regex(pattern = schema::IMAGE_ID))]
    pub image_id: Option<ImageId>,
    /// An SSM parameter that holds an AMI id, such as
    /// `/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1011), regex(pattern = r"^[A-Za-z0-9_./-]+$"))]
    pub ssm_parameter: Option<String>,
    /// The newest available image that matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<Selector>,
    /// The newest image of an AWS Marketplace product that the account is subscribed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marketplace: Option<Marketplace>,
    /// The image of another build in this namespace and region; waits until it is available.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_build_ref: Option<LocalRef>,
}

/// Which images match. The newest wins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.name) || (has(self.tags) && size(self.tags) > 0)")
    .message("give name or tags: an owner alone would match any of its images"))]
pub struct Selector {
    /// Account ids, `self`, `amazon` or `aws-marketplace`. Required: without owners, anybody's look-alike would match.
    #[schemars(length(min = 1, max = 20), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 20), regex(pattern = r"^([0-9]{12}|self|amazon|aws-marketplace)$")))]
    pub owners: Vec<String>,
    /// Name of the image; `*` and `?` are wildcards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub name: Option<String>,
    /// Only images of this processor architecture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<Architecture>,
    /// All of these tags. Only the account that set them sees an image's tags.
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
    /// The product code, 25 lower-case letters and digits, as `aws ec2 describe-images` shows it.
    #[schemars(length(max = 32), regex(pattern = r"^[a-z0-9]{20,32}$"))]
    pub product_code: String,
    /// The product's architecture, where it comes in several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<Architecture>,
}

/// The instance that is customised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Builder {
    /// Instance types such as `m7i.large`, in order of preference. The next one is taken where EC2 has no capacity for
    /// the one before.
    #[schemars(length(min = 1, max = 10), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 32), regex(pattern = r"^[a-z][a-z0-9-]*\.[a-z0-9-]+$")))]
    pub instance_types: Vec<String>,
    /// Subnet ids, in order of preference. None: EC2 chooses in the default VPC.
    #[serde(rename = "subnetIDs", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 32), regex(pattern = r"^subnet-([0-9a-f]{8}|[0-9a-f]{17})$")))]
    pub subnet_ids: Vec<String>,
    /// Security group ids. None: the VPC's default group. Nothing needs inbound access.
    #[serde(rename = "securityGroupIDs", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 32), regex(pattern = r"^sg-([0-9a-f]{8}|[0-9a-f]{17})$")))]
    pub security_group_ids: Vec<String>,
    /// Name of an IAM instance profile that exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[A-Za-z0-9_+=,.@-]+$"))]
    pub instance_profile: Option<String>,
    /// Volumes that differ from the source image's, by device name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["deviceName"]))]
    pub volumes: Vec<Volume>,
    /// On the builder, its volumes and its network interface, while they exist.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    #[schemars(schema_with = "schema::tags")]
    pub tags: Tags,
}

/// One EBS volume of the builder, and so of the image. What is not given is inherited from the source image.
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
    /// Such as `/dev/sdf`; `root` means the root device, whatever the source image calls it.
    #[schemars(length(min = 1, max = 32), regex(pattern = r"^(root|/dev/[A-Za-z0-9/]+|xvd[a-z]+)$"))]
    pub device_name: String,
    /// Size in GiB; not smaller than the source image's.
    #[serde(rename = "sizeGiB", default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65536))]
    pub size_gib: Option<i32>,
    /// EBS volume type.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub volume_type: Option<VolumeType>,
    /// Operations a second, for types gp3, io1 and io2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 100, max = 256_000))]
    pub iops: Option<i32>,
    /// Throughput in MiB/s, for type gp3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 125, max = 2000))]
    pub throughput: Option<i32>,
    /// Encrypts the volume, and with it the image's snapshot: key id, key ARN, `alias/…` or alias ARN.
    #[serde(rename = "kmsKeyID", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048), regex(pattern = schema::KMS_KEY))]
    pub kms_key_id: Option<String>,
}

/// The AMI that comes out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.deprecateAfter) || (duration(self.deprecateAfter) >= duration('1h') && duration(self.deprecateAfter) <= duration('87600h'))")
    .field_path(".deprecateAfter").message("image.deprecateAfter must be between 1h and 87600h (ten years)"))]
pub struct ImageSettings {
    /// Name of the AMI, unique in account and region. Default: `<namespace>-<name>` of this object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 128), regex(pattern = schema::IMAGE_NAME))]
    pub name: Option<String>,
    /// Description of the AMI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    pub description: Option<String>,
    /// On the AMI and its snapshots, from the moment they are made.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    #[schemars(schema_with = "schema::tags")]
    pub tags: Tags,
    /// Instances of the AMI require IMDSv2. EC2 has no way back for an AMI.
    #[serde(rename = "requireIMDSv2", default = "crate::api::yes")]
    pub require_imdsv2: bool,
    /// `uefi`: instances of the AMI start by UEFI only. The builder must do so itself, so a source image that cannot is
    /// refused. Not given: the boot mode is the source image's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_mode: Option<BootMode>,
    /// How long after its creation the AMI is deprecated: others then find it only by its id. To the minute. Set once, before
    /// the run succeeds: what somebody changes later stays so. An `ImageReplication` keeps its copies true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::duration")]
    pub deprecate_after: Option<Duration>,
    /// Whether AWS keeps the AMI from being deregistered by anybody. `Enabled`: while it is on. `EnabledWithCooldown`: for 24
    /// hours more. `Disabled`: it does not. Set once, before the run succeeds: what somebody changes later stays so. Not given:
    /// left as it is. `deletionPolicy: Delete` switches it off first, and waits for a cooldown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deregistration_protection: Option<DeregistrationProtection>,
    /// Encrypts the AMI: every volume of the builder that has no key of its own in `builder.volumes`, as EC2 decides it at
    /// launch. Without it they are encrypted as the source image is.
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
