//! `ImageReplication`: keeps copies of one image in sync across regions.

#![allow(clippy::duplicated_attributes, reason = "clippy takes columns that share a type for repetitions")]

mod lifecycle;
mod publish;
mod selector;
mod sharing;
mod succession;

pub use lifecycle::{Applied, FastSnapshotRestores, Regrants};
pub use publish::{Pin, Publish, PublishWhen, Published, PublishedParameter, PutParameterStatus};
pub use selector::{BuildSelector, LabelOperator, LabelRequirement, SelectedBuild};
pub use sharing::{GrantsStatus, Sharing, SnapshotSharing, UnmanagedGrants};
pub use succession::{LeftSource, SourceChangePolicy};

use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema, core::Duration};
use serde::{Deserialize, Serialize};

use super::{
    DeletionPolicy, DeregistrationProtection, Encryption, LaunchState, LocalRef, MAX_ANNOTATION,
    MAX_ERROR_CODE, MAX_USED_SNAPSHOTS, UsedSnapshot, image_build::FailureStatus, schema,
};
use crate::model::{
    AWS_MANAGED_KEY, ClientToken, ImageId, Region, SnapshotId, Tags, ids::PARTITIONS,
    ownership::MAX_USER_TAGS,
};

/// Previous copies that a region's status has room for. Older ones are no longer tracked; a policy that removes previous copies
/// has done so long before.
pub const MAX_PREVIOUS: usize = 100;

/// Previous sources that status has room for.
pub const MAX_PREVIOUS_SOURCES: usize = 100;

/// Keeps copies of one image in every listed region for as long as this object exists. To add a region or a tag, edit the
/// object.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "ami-operator.dev",
    version = "v1alpha1",
    kind = "ImageReplication",
    namespaced,
    status = "ImageReplicationStatus",
    derive = "PartialEq",
    shortname = "amir",
    category = "amis",
    cel,
    doc = "Keeps copies of one AMI in sync in every listed region. Their IDs are in status.destinations[].imageID.",
    printcolumn(
        name = "READY",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(name = "DESTINATIONS", type_ = "string", json_path = ".status.ready"),
    printcolumn(name = "SOURCE", type_ = "string", json_path = ".status.source.imageID"),
    printcolumn(
        name = "REASON",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason"
    ),
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "MESSAGE",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.imageName) == has(oldSelf.imageName) && (!has(self.imageName) || self.imageName == oldSelf.imageName)")
        .field_path(".imageName").message("imageName is immutable, like the name of an AMI: create a new ImageReplication"),
    validation = Rule::new("!has(self.source.image) || self.destinations.all(d, d.region != self.source.image.region)")
        .field_path(".destinations").message("destinations must not list the source's own region: the image is there already"),
    validation = Rule::new(in_one_partition())
        .field_path(".destinations").message("destinations must be regions of the source's partition: AWS cannot copy images between partitions (aws, aws-cn, aws-us-gov, …)"),
    validation = Rule::new("duration(self.resyncInterval) >= duration('1m') && duration(self.resyncInterval) <= duration('168h')")
        .field_path(".resyncInterval").message("resyncInterval must be between 1m and 168h"),
    validation = Rule::new("duration(self.inUsePeriod) >= duration('24h') && duration(self.inUsePeriod) <= duration('8760h')")
        .field_path(".inUsePeriod").message("inUsePeriod must be between 24h and 8760h (a year): AWS reports a launch a day late"),
    validation = Rule::new("!has(self.deprecateAfter) || (duration(self.deprecateAfter) >= duration('1h') && duration(self.deprecateAfter) <= duration('87600h'))")
        .field_path(".deprecateAfter").message("deprecateAfter must be between 1h and 87600h (ten years)"),
    validation = Rule::new("!has(self.timeBasedCopyMinutes) || self.timeBasedCopyMinutes % 15 == 0")
        .field_path(".timeBasedCopyMinutes").message("timeBasedCopyMinutes must be a multiple of 15, such as 15, 30 or 45: AWS accepts no other values"),
    validation = Rule::new(few_tags())
        .field_path(".publish.tags").message(too_many_tags().as_str()),
    validation = Rule::new("!has(self.sharing) || !self.sharing.public || self.destinations.all(d, !has(d.encryption))")
        .field_path(".sharing.public").message("an encrypted image cannot be public: remove sharing.public or the destinations' encryption"),
    validation = Rule::new(shareable())
        .field_path(".destinations").message("an image that is encrypted with alias/aws/ebs cannot be shared: set encryption.kmsKeyID to a customer managed key")
)]
pub struct ImageReplicationSpec {
    pub source: ReplicationSource,
    /// Regions in which copies are kept.
    #[schemars(length(min = 1, max = 50), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["region"]))]
    pub destinations: Vec<Destination>,
    /// Name of each copy. Default: the name of the source image. It is the same in every region, so that consumers can look
    /// it up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 128), regex(pattern = schema::IMAGE_NAME))]
    pub image_name: Option<String>,
    /// Description of each copy. Changes by others are reverted. If not set, it is left unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub description: Option<String>,
    /// Tags of each copy and its snapshots. They are added and repaired, and removed again when removed here.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    #[schemars(schema_with = "schema::tags")]
    pub tags: Tags,
    /// If true, the copies and their snapshots also get the tags that the source image had when it was resolved; `tags`
    /// takes precedence. Excluded are tags whose keys begin with `aws:` or `ami-operator.dev/`, and those of `publish.tags`.
    /// The tags are removed when this is set to false.
    #[serde(default)]
    pub copy_source_tags: bool,
    /// Who may launch the image. Grants are revoked when they are removed here. If not set, permissions are left unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sharing: Option<Sharing>,
    /// How consumers find the image. Publications are withdrawn when they are removed here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publish: Option<Publish>,
    /// Time from the creation of a copy to its deprecation, after which other accounts find it only by ID. Rounded to the
    /// minute. AWS limits it to two years for public images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::duration")]
    pub deprecate_after: Option<Duration>,
    /// Whether AWS prevents anyone from deregistering the copies. `Enabled`: until protection is disabled.
    /// `EnabledWithCooldown`: until 24 hours after that. `Disabled`: no protection. If not set, it is left unchanged.
    /// `deletionPolicy: Delete` disables protection first and waits for a cooldown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deregistration_protection: Option<DeregistrationProtection>,
    /// `Disabled`: nobody can launch the copies, and their launch permissions are lost. `Enabled`: the copies can be
    /// launched, and their permissions are restored. If not set, a copy that someone disabled is only reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch_state: Option<LaunchState>,
    /// Time within which AWS completes each snapshot of a copy, in minutes: 15 to 2880, in steps of 15. AWS charges per GiB,
    /// more for shorter times ($0.020 for 15 minutes, $0.005 for 48 hours, in most regions), and limits all such copies from
    /// one region to another to 2,000 MiB/s in total. A copy in progress keeps its original time. If not set, AWS copies as
    /// fast as it can, without surcharge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 15, max = 2880))]
    pub time_based_copy_minutes: Option<i32>,
    /// What happens to the copy in a region that is removed from `destinations`. `Retain`: it stays in the account if it is
    /// finished. `Delete`: it is deregistered together with the region's copies of previous sources, and their snapshots are
    /// deleted.
    #[serde(default)]
    pub removed_destination_policy: DeletionPolicy,
    /// What happens to the copies of a previous source once every region has a copy of the new one; until then
    /// `status.destinations[].servingImageID` refers to them. `Retain`: they stay in the account. `ReplaceWhenReady`: those
    /// beyond `keepPrevious` are deregistered and their snapshots are deleted, oldest first, after the new ones are
    /// published, if publishing is configured (nothing is published with `launchState: Disabled`).
    #[serde(default)]
    pub source_change_policy: SourceChangePolicy,
    /// Number of copies of previous sources to keep in each region with `sourceChangePolicy: ReplaceWhenReady`, newest first.
    /// With 0, `publish.pin` has no image to roll back to.
    #[serde(default = "succession::default_keep_previous")]
    #[schemars(range(min = 0, max = 20), extend("default" = 1))]
    pub keep_previous: u32,
    /// If true, a copy that a policy would remove is kept while it is in use: launched within `inUsePeriod`, or referenced
    /// by an instance, launch template, parameter or recipe of this account. A condition names the reference, and the
    /// deletion of this object waits. References are detected only with the permission `ec2:DescribeImageReferences` and
    /// those of the managed policy `AmazonEC2ImageReferencesAccessPolicy`.
    #[serde(default = "super::yes")]
    #[schemars(extend("default" = true))]
    pub protect_in_use: bool,
    /// How long an image counts as in use after its last launch. AWS reports a launch a day late.
    #[serde(default = "succession::default_in_use_period")]
    #[schemars(schema_with = "schema::duration", extend("default" = "720h"))]
    pub in_use_period: Duration,
    /// What happens to the copies when this object is deleted. `Retain`: they stay in the account. `Delete`: they are
    /// deregistered and their snapshots are deleted.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// If true, nothing new is started in AWS for this object.
    #[serde(default)]
    pub suspend: bool,
    /// Interval at which existing copies are checked for drift.
    #[serde(default = "default_resync_interval")]
    #[schemars(schema_with = "schema::duration", extend("default" = "10m"))]
    pub resync_interval: Duration,
}

/// The rule that destinations are of the source's partition, as [`Region::partition`] tells partitions apart.
fn in_one_partition() -> String {
    let starts: Vec<String> = PARTITIONS.iter().map(|(start, _)| format!("'{start}'")).collect();
    format!(
        "!has(self.source.image) || self.destinations.all(d, [{}].all(p, d.region.startsWith(p) == self.source.image.region.startsWith(p)))",
        starts.join(", ")
    )
}

/// The rule that a resource has room for all tags.
fn few_tags() -> String {
    format!(
        "!has(self.publish) || !has(self.publish.tags) || !has(self.tags) || size(self.tags) + size(self.publish.tags) <= {MAX_USER_TAGS}"
    )
}

fn too_many_tags() -> String {
    format!(
        "tags and publish.tags may have at most {MAX_USER_TAGS} tags together: AWS allows 50 tags per resource, and the operator needs eight"
    )
}

/// The rule that what is shared is encrypted by a key that others can use.
fn shareable() -> String {
    format!(
        "!has(self.sharing) || self.destinations.all(d, !has(d.encryption) || !d.encryption.kmsKeyID.endsWith('{AWS_MANAGED_KEY}'))"
    )
}

impl ImageReplicationSpec {
    /// What is to be published of the copies, or of the source image in its own region; nothing that cannot be launched.
    pub fn publishing(&self, is_source: bool) -> Option<&Publish> {
        let launchable = self.launch_state != Some(LaunchState::Disabled);
        self.publish.as_ref().filter(|p| launchable && (!is_source || p.include_source_region))
    }

    /// Whether anything is done with the source image in its own region, or is left to be taken back there.
    pub fn concerns_source_region(&self, status: &ImageReplicationStatus) -> bool {
        self.sharing.is_some()
            || status.granted.is_some()
            || self.publish.as_ref().is_some_and(Publish::concerns_source)
            || status.source_region.as_ref().is_some_and(|place| place.published.is_some())
    }
}

fn default_resync_interval() -> Duration {
    std::time::Duration::from_mins(10).into()
}

/// The image to copy. When it changes, new copies are created first; `sourceChangePolicy` decides what happens to the old
/// ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.imageBuildRef), has(self.imageBuildSelector), has(self.image)].filter(x, x).size() == 1")
    .message("give exactly one of imageBuildRef, imageBuildSelector or image"))]
pub struct ReplicationSource {
    /// An ImageBuild in this namespace; the replication waits until its image is available.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_build_ref: Option<LocalRef>,
    /// Selects, by labels, the successful ImageBuild in this namespace that finished last: applying a new ImageBuild rolls
    /// out its image. Builds that are running, failed or being deleted do not count. The operator never goes back to an
    /// older build: if the newest is deleted or loses its labels, its image remains the source until a newer build succeeds.
    /// To go back, use `imageBuildRef`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_build_selector: Option<BuildSelector>,
    /// An AMI, by ID and region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageRef>,
}

/// An AMI, identified by ID and region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageRef {
    /// ID of the AMI.
    #[serde(rename = "imageID")]
    #[schemars(length(max = 32), regex(pattern = schema::IMAGE_ID))]
    pub image_id: ImageId,
    /// Region of the AMI.
    #[schemars(length(max = 32), regex(pattern = schema::REGION))]
    pub region: Region,
}

/// One region to copy into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.encryption) == has(oldSelf.encryption) && (!has(self.encryption) || self.encryption == oldSelf.encryption)")
        .field_path(".encryption").message("the encryption of a copy cannot be changed: remove the region, apply, and add it again with the new key"),
    validation = Rule::new("!has(self.encryption) || !self.encryption.kmsKeyID.startsWith('arn:') || self.encryption.kmsKeyID.split(':')[3] == self.region")
        .field_path(".encryption").message("encryption.kmsKeyID must be a key of the destination's region: use a key ARN of that region, or an alias"),
    validation = Rule::new("!has(self.fastSnapshotRestoreZones) || self.fastSnapshotRestoreZones.all(z, z.startsWith(self.region))")
        .field_path(".fastSnapshotRestoreZones").message("fastSnapshotRestoreZones must be zones of the destination's region, such as eu-west-1a")
)]
pub struct Destination {
    /// Region to copy into, such as `eu-west-1`.
    #[schemars(length(max = 32), regex(pattern = schema::REGION))]
    pub region: Region,
    /// Encrypts the copy. If not set, the copy is encrypted as its source is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
    /// Availability zones of this region in which fast snapshot restore is enabled for the copy. AWS bills it per snapshot,
    /// zone and hour ($0.75 in us-east-1, about $540 a month), used or not; the quota is five snapshots per region. After a
    /// source change it moves to the new copy once instances are launched from that one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), extend("x-kubernetes-list-type" = "set"), inner(length(max = 32), regex(pattern = schema::ZONE)))]
    pub fast_snapshot_restore_zones: Vec<String>,
}

/// Observed state, and receipts of what was done. Decisions are based on these receipts, never on conditions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageReplicationStatus {
    /// Generation of the spec that this status reflects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Last handled value of the annotation `ami-operator.dev/reconcile-requested-at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = MAX_ANNOTATION))]
    pub last_handled_reconcile_at: Option<String>,
    /// Conditions: Ready, Available, `SourceResolved`; while true, Reconciling or Stalled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// The source image, as resolved last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<ReplicationSourceStatus>,
    /// Number of destinations that have a copy of the newest source, such as `2/3`. Conditions show what else is to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub ready: Option<String>,
    /// State per region: one entry for each region of the spec, and for each removed region until it is cleaned up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["region"]))]
    pub destinations: Vec<DestinationStatus>,
    /// Grants on the images, recorded before they are made. While grants are being revoked, more than the spec lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted: Option<GrantsStatus>,
    /// Previous source images without known copies, which may still be shared.
    #[serde(rename = "previousSourceIDs", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MAX_PREVIOUS_SOURCES), extend("x-kubernetes-list-type" = "atomic"))]
    pub previous_source_ids: Vec<ImageId>,
    /// State of the source image in its own region, if this object shares or publishes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_region: Option<SourceRegionStatus>,
    /// Previous source image in another region, until the rollout of the new one is complete and everything is withdrawn
    /// there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_source: Option<LeftSource>,
    /// Number of repairs of something that had been ready before.
    #[serde(default)]
    pub drift_repaired: i32,
}

impl ImageReplicationStatus {
    /// All images that were, or may have been, shared for being the source.
    pub fn sources(&self) -> BTreeSet<&ImageId> {
        let of_copies = self.destinations.iter().filter_map(|d| d.source_image_id.as_ref());
        let previous = self.destinations.iter().flat_map(|d| &d.previous);
        let of_previous = previous.filter_map(|former| former.source_image_id.as_ref());
        let newest = self.source.iter().map(|source| &source.image_id);
        let left = self.left_source.iter().map(|left| &left.image_id);
        newest.chain(left).chain(of_copies).chain(of_previous).chain(&self.previous_source_ids).collect()
    }

    /// Whether every destination has the copy of the newest source.
    pub fn is_everywhere(&self, spec: &ImageReplicationSpec) -> bool {
        spec.destinations.iter().all(|wanted| {
            let copy = self.destination(&wanted.region);
            copy.is_some_and(|copy| self.is_newest(copy))
        })
    }

    /// What is known of this region, as a destination.
    pub fn destination(&self, region: &Region) -> Option<&DestinationStatus> {
        self.destinations.iter().find(|d| d.region == *region)
    }

    /// The same, to be changed.
    pub fn destination_mut(&mut self, region: &Region) -> Option<&mut DestinationStatus> {
        self.destinations.iter_mut().find(|d| d.region == *region)
    }

    /// Whether this is the finished copy of the newest source.
    pub fn is_newest(&self, copy: &DestinationStatus) -> bool {
        let source = self.source.as_ref().map(|source| &source.image_id);
        copy.finished().is_some() && copy.source_image_id.as_ref() == source
    }
}

/// The source image, as resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplicationSourceStatus {
    /// Name of the ImageBuild that the image was resolved from. The copies outlive that object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub image_build_name: Option<String>,
    /// ID of the source image.
    #[serde(rename = "imageID")]
    pub image_id: ImageId,
    /// Region of the source image.
    pub region: Region,
    /// Name of the source image. The copies get the same name unless the spec sets one.
    #[schemars(length(max = 256))]
    pub name: String,
    /// How the build was selected; only with `imageBuildSelector`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selected: Option<SelectedBuild>,
    /// Tags of the source image that its copies get, as of when it was resolved; only with `spec.copySourceTags`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Tags>,
}

/// State of the source image in its own region.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceRegionStatus {
    /// Generation of the object that the image was last found to satisfy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// What is published in the source's region, recorded before it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Published>,
    /// What the operator wrote on the source image besides tags, and what it remembers about it.
    #[serde(default, skip_serializing_if = "Applied::is_empty")]
    pub applied: Applied,
    /// Conditions of the source's region: Shared, Published; while true, Stalled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}

/// State of one region: the copy in progress or in place, recorded before the call that creates it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DestinationStatus {
    /// Region of the copy.
    pub region: Region,
    /// The copy in this region, once `CopyImage` has returned its ID. It may still be pending: see `availableAt`.
    #[serde(rename = "imageID", default, skip_serializing_if = "Option::is_none")]
    pub image_id: Option<ImageId>,
    /// The image to launch from: the copy of the newest source once every region has it, until then the copy of the previous
    /// one.
    #[serde(rename = "servingImageID", default, skip_serializing_if = "Option::is_none")]
    pub serving_image_id: Option<ImageId>,
    /// ID of the source image that this is a copy of.
    #[serde(rename = "sourceImageID", default, skip_serializing_if = "Option::is_none")]
    pub source_image_id: Option<ImageId>,
    /// KMS key requested for the copy. If not set, the copy is encrypted as its source is.
    #[serde(rename = "kmsKeyID", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub kms_key_id: Option<String>,
    /// EBS snapshots of the copy.
    #[serde(rename = "snapshotIDs", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "atomic"))]
    pub snapshot_ids: Vec<SnapshotId>,
    /// Number of the current copy call, starting at 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<i32>,
    /// Number of failed copies of this source since one was available; the delay before a retry grows with it.
    #[serde(default, skip_serializing_if = "crate::api::is_zero")]
    pub failed_attempts: i32,
    /// Client token that makes the copy call idempotent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_token: Option<ClientToken>,
    /// When the client token was recorded, immediately before the first call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_at: Option<Time>,
    /// Error code of a call that may have started the copy nevertheless: the operator searches for it before it retries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = MAX_ERROR_CODE))]
    pub uncertain: Option<String>,
    /// Progress of the copy in percent, while it is running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<i32>,
    /// Snapshots that could not be deleted because something else uses them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MAX_USED_SNAPSHOTS))]
    pub used_snapshots: Vec<UsedSnapshot>,
    /// When the copy was first seen available.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available_at: Option<Time>,
    /// Generation of the object that the copy was last found to satisfy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Keys of the tags that the operator put on the copy: those of `spec.tags`, the source image's and those of
    /// `publish.tags`. It removes them again when they are no longer wanted; during a change, both old and new keys are
    /// listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 128)))]
    pub tag_keys: Vec<String>,
    /// What is published in this region, recorded before it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Published>,
    /// What the operator wrote on the copy besides tags, and what it remembers about it.
    #[serde(default, skip_serializing_if = "Applied::is_empty")]
    pub applied: Applied,
    /// Why the last copy failed; it is removed before it is created again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureStatus>,
    /// Conditions of this region: Copied, Shared, Published, `PreviousRemoved`; while true, Stalled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// Copies of previous sources, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MAX_PREVIOUS), extend("x-kubernetes-list-type" = "atomic"))]
    pub previous: Vec<PreviousCopy>,
}

impl DestinationStatus {
    /// The copy, once it was seen available.
    pub fn finished(&self) -> Option<&ImageId> {
        self.image_id.as_ref().filter(|_| self.available_at.is_some())
    }

    /// When AWS can have made the copy, at the earliest. Where no call is written down none was made, and there is nothing to
    /// wait for.
    pub fn made_at(&self) -> Timestamp {
        self.requested_at.as_ref().map_or(Timestamp::UNIX_EPOCH, |time| time.0)
    }

    /// A copy was asked for, or is about to be, and has not come to its end.
    pub fn is_under_way(&self) -> bool {
        let asked_for = self.requested_at.is_some() && self.source_image_id.is_some();
        asked_for && self.available_at.is_none() && self.failure.is_none()
    }
}

/// A copy of a previous source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreviousCopy {
    /// ID of this copy of a previous source.
    #[serde(rename = "imageID")]
    pub image_id: ImageId,
    /// ID of the previous source image that this is a copy of.
    #[serde(rename = "sourceImageID", default, skip_serializing_if = "Option::is_none")]
    pub source_image_id: Option<ImageId>,
    /// Fast snapshot restore that is still enabled for this copy because instances are launched from it; listed until it is
    /// disabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fast_snapshot_restores: Option<FastSnapshotRestores>,
}
