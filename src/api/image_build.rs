//! `ImageBuild`: one run of customise, stop and image in one region.

mod status;

pub use status::{
    BuilderStatus, DeviceStatus, FailureStatus, ImageBuildStatus, ImageStatus, SourceStatus, StageStatus,
    StepResult, StepStatus,
};

use kube::{CustomResource, KubeSchema, core::Duration};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DeletionPolicy, LocalRef, schema};
use crate::model::{ImageId, Region, Tags, VolumeType};

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
    validation = Rule::new("duration(self.customize.timeout) <= duration(self.activeDeadline)")
        .field_path(".customize.timeout").message("customize.timeout must not exceed activeDeadline: raise activeDeadline or shorten the timeout"),
    validation = Rule::new("duration(self.activeDeadline) >= duration('5m') && duration(self.activeDeadline) <= duration('168h')")
        .field_path(".activeDeadline").message("activeDeadline must be between 5m and 168h"),
    validation = Rule::new("!has(self.builder.volumes) || self.builder.volumes.all(v, !has(v.kmsKeyID) || !v.kmsKeyID.startsWith('arn:') || v.kmsKeyID.split(':')[3] == self.region)")
        .field_path(".builder.volumes").message("a volume's kmsKeyID must be a key of spec.region: give a key ARN of that region, or an alias")
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
    /// Time for the whole run, from the first write to AWS. When it has passed, the run fails and is cleaned up.
    #[serde(default = "default_active_deadline")]
    #[schemars(schema_with = "schema::duration", extend("default" = "2h"))]
    pub active_deadline: Duration,
    /// True: nothing new is started in AWS for this object. What runs, runs on.
    #[serde(default)]
    pub suspend: bool,
    /// What happens to the finished AMI when this object is deleted. `Retain`: it stays in the account. `Delete`: it is
    /// deregistered and its snapshots are deleted. Everything temporary is always removed.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
}

fn default_active_deadline() -> Duration {
    std::time::Duration::from_hours(2).into()
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

/// What is done to the builder before it becomes an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("duration(self.timeout) >= duration('1m')").field_path(".timeout").message("customize.timeout must be at least 1m"),
    validation = Rule::new("!has(self.steps) || self.steps.all(s, !has(s.script) || !has(s.script.timeout) || (duration(s.script.timeout) >= duration('1s') && duration(s.script.timeout) <= duration(self.timeout)))")
        .field_path(".steps").message("a script's timeout must be between 1s and customize.timeout")
)]
pub struct Customize {
    /// Time for all steps together, from the moment the builder is seen running.
    #[serde(default = "default_timeout")]
    #[schemars(schema_with = "schema::duration", extend("default" = "30m"))]
    pub timeout: Duration,
    /// Done in this order; the first that fails ends the build.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub steps: Vec<Step>,
    /// What is removed after the last step. `Standard`: machine-id, SSH host keys, cloud-init's state, package caches,
    /// temporary files, shell histories, logs, DHCP leases and random seeds. `None`: nothing.
    #[serde(default)]
    pub cleanup: Cleanup,
}

impl Default for Customize {
    fn default() -> Self {
        Self { timeout: default_timeout(), steps: Vec::new(), cleanup: Cleanup::Standard }
    }
}

fn default_timeout() -> Duration {
    std::time::Duration::from_mins(30).into()
}

/// What is removed after the last step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Cleanup {
    /// What would give two machines one identity, and traces of the builder. Never files of users.
    #[default]
    Standard,
    /// Nothing.
    None,
}

/// One step of customisation: a name and exactly one action.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.script), has(self.file), has(self.packages), has(self.services), has(self.user), has(self.reboot)].filter(x, x).size() == 1")
    .message("a step has exactly one action: script, file, packages, services, user or reboot"))]
pub struct Step {
    /// Unique among the steps: lower-case letters, digits and dashes.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"))]
    pub name: String,
    /// A program to run as root. Exit code 0 is success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<Script>,
    /// A file to write. Parent directories are made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<File>,
    /// Packages to remove, upgrade and install, in this order, by dnf, yum, apt, zypper or apk, whichever the guest has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packages: Option<Packages>,
    /// Services that instances of the image start at boot, or do not. Nothing is started here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services: Option<Services>,
    /// A user that has to exist. One that is there already is changed to what is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
    /// Restarts the builder, for a new kernel say; write `{}`. The steps after it go on after the boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reboot: Option<Reboot>,
}

/// A program that runs as root. Exit code 0 is success.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.interpreter) || self.interpreter.startsWith('/') || self.interpreter in ['sh', 'bash', 'python3', 'perl', 'ruby']")
    .field_path(".interpreter").message("interpreter must be sh, bash, python3, perl, ruby or an absolute path"))]
pub struct Script {
    /// The program. Its first line may name the interpreter (`#!/usr/bin/env python3`); without one it is `/bin/sh`.
    /// No secrets: user data can be read by whoever may describe the instance.
    #[schemars(length(min = 1, max = 65536))]
    pub inline: String,
    /// What runs the program, whatever its first line says: sh, bash, python3, perl, ruby or an absolute path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255), regex(pattern = r"^[A-Za-z0-9/._+-]+$"))]
    pub interpreter: Option<String>,
    /// Environment variables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub env: Vec<EnvVar>,
    /// Absolute path of a directory that exists; default `/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096), regex(pattern = r"^/[^\x00-\x1f]*$"))]
    pub working_directory: Option<String>,
    /// Time for this program, at the end of which it is ended with everything it started. Default: what is left for all
    /// steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::duration")]
    pub timeout: Option<Duration>,
}

/// One environment variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvVar {
    /// Letters, digits and underscores, the first no digit.
    #[schemars(length(max = 128), regex(pattern = r"^[A-Za-z_][A-Za-z0-9_]*$"))]
    pub name: String,
    /// Any characters but NUL. No secrets: user data can be read by whoever may describe the instance.
    #[schemars(length(max = 4096), regex(pattern = r"^[^\x00]*$"))]
    pub value: String,
}

/// A file to write. Parent directories are made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.content) != has(self.binaryData)").message("a file has exactly one of content and binaryData"))]
pub struct File {
    /// Absolute path, without a slash at its end.
    #[schemars(length(min = 2, max = 4096), regex(pattern = r"^/[^\x00-\x1f]*[^/\x00-\x1f]$"))]
    pub path: String,
    /// Octal and in quotes, as for `chmod`: `"0644"`.
    #[serde(default = "default_mode")]
    #[schemars(length(max = 4), regex(pattern = r"^[0-7]{3,4}$"))]
    pub mode: String,
    /// As for `chown`: `user` or `user:group`.
    #[serde(default = "default_owner")]
    #[schemars(
        length(max = 65),
        regex(pattern = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?$")
    )]
    pub owner: String,
    /// The content, byte for byte. No secrets: user data can be read by whoever may describe the instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65536))]
    pub content: Option<String>,
    /// Base64 of a content that is not text; lines and spaces in it do not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 98304), regex(pattern = schema::BASE64))]
    pub binary_data: Option<String>,
}

fn default_mode() -> String {
    "0644".to_owned()
}

fn default_owner() -> String {
    "root:root".to_owned()
}

/// Packages to remove, upgrade and install, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.install) || has(self.remove) || self.upgrade != 'None'").message("packages needs install, remove or upgrade"))]
pub struct Packages {
    /// Names as the guest's package manager takes them: with a version, a group or a star where it can do that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 100), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 255), regex(pattern = schema::PACKAGE)))]
    pub install: Vec<String>,
    /// Names of packages. It is no error if one is not installed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 100), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 255), regex(pattern = schema::PACKAGE)))]
    pub remove: Vec<String>,
    /// What is brought up to date. `Security`: what the distribution marks as a repair of security; apk marks nothing and
    /// upgrades all.
    #[serde(default)]
    pub upgrade: Upgrade,
}

/// Which installed packages are brought up to date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Upgrade {
    #[default]
    None,
    Security,
    All,
}

impl Upgrade {
    /// As the user writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Security => "Security",
            Self::All => "All",
        }
    }
}

/// Services of systemd, or of `OpenRC`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.enable) || has(self.disable) || has(self.mask)").message("services needs enable, disable or mask"))]
pub struct Services {
    /// Started at boot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 64), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 255), regex(pattern = schema::UNIT)))]
    pub enable: Vec<String>,
    /// Not started at boot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 64), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 255), regex(pattern = schema::UNIT)))]
    pub disable: Vec<String>,
    /// Never started, not even by other services. systemd only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 64), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 255), regex(pattern = schema::UNIT)))]
    pub mask: Vec<String>,
}

/// A user that has to exist.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Lower-case letters, digits, dashes and underscores.
    #[schemars(length(max = 32), regex(pattern = schema::USER))]
    pub name: String,
    /// A user for a service: an id of the system's range, no home directory, and no login unless a shell is given.
    #[serde(default)]
    pub system: bool,
    /// Groups besides its own. They are made where they do not exist.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "set"), inner(length(max = 32), regex(pattern = schema::USER)))]
    pub groups: Vec<String>,
    /// Absolute path of the login shell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255), regex(pattern = r"^/[A-Za-z0-9/._+-]+$"))]
    pub shell: Option<String>,
}

/// Nothing to choose: `{}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[schemars(extend("maxProperties" = 0))]
pub struct Reboot {}

/// The AMI that comes out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
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
    #[serde(rename = "requireIMDSv2", default = "yes")]
    pub require_imdsv2: bool,
}

impl Default for ImageSettings {
    fn default() -> Self {
        Self { name: None, description: None, tags: Tags::new(), require_imdsv2: true }
    }
}

fn yes() -> bool {
    true
}
