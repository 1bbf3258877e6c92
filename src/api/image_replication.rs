//! `ImageReplication`: keeps copies of one image true in every region.

#![allow(clippy::duplicated_attributes, reason = "clippy takes columns that share a type for repetitions")]

mod lifecycle;
mod publish;
mod sharing;

pub use lifecycle::{Applied, Regrants};
pub use publish::{Pin, Publish, PublishWhen, Published, PublishedParameter, PutParameterStatus};
pub use sharing::{GrantsStatus, Sharing, SnapshotSharing, UnmanagedGrants};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema, core::Duration};
use serde::{Deserialize, Serialize};

use super::{
    DeletionPolicy, DeregistrationProtection, Encryption, LaunchState, LocalRef, UsedSnapshot,
    image_build::FailureStatus, schema,
};
use crate::model::{ClientToken, ImageId, Region, SnapshotId, Tags};

/// Keeps copies of one image in every region of a list, for as long as it lives. Adding a region or a tag is an edit.
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
    doc = "Keeps copies of one AMI true in every region of a list. Their ids stand in status.destinations[].imageID.",
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
        .field_path(".imageName").message("imageName is immutable, as the name of an AMI is: create a new ImageReplication"),
    validation = Rule::new("!has(self.source.image) || self.destinations.all(d, d.region != self.source.image.region)")
        .field_path(".destinations").message("destinations must not list the source's own region: the image is there already"),
    validation = Rule::new("duration(self.resyncInterval) >= duration('1m') && duration(self.resyncInterval) <= duration('168h')")
        .field_path(".resyncInterval").message("resyncInterval must be between 1m and 168h"),
    validation = Rule::new("!has(self.deprecateAfter) || (duration(self.deprecateAfter) >= duration('1h') && duration(self.deprecateAfter) <= duration('87600h'))")
        .field_path(".deprecateAfter").message("deprecateAfter must be between 1h and 87600h (ten years)"),
    validation = Rule::new("!has(self.publish) || !has(self.publish.tags) || !has(self.tags) || size(self.tags) + size(self.publish.tags) <= 42")
        .field_path(".publish.tags").message("tags and publish.tags must be 42 at most together: AWS allows 50 tags a resource, and the operator needs eight"),
    validation = Rule::new("!has(self.sharing) || !self.sharing.public || self.destinations.all(d, !has(d.encryption))")
        .field_path(".sharing.public").message("an encrypted image cannot be public: leave sharing.public or the destinations' encryption out"),
    validation = Rule::new("!has(self.sharing) || self.destinations.all(d, !has(d.encryption) || !d.encryption.kmsKeyID.endsWith('alias/aws/ebs'))")
        .field_path(".destinations").message("an image that is encrypted with alias/aws/ebs cannot be shared with anybody: give encryption.kmsKeyID a key of your own")
)]
pub struct ImageReplicationSpec {
    pub source: ReplicationSource,
    /// Where copies are kept.
    #[schemars(length(min = 1, max = 50), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["region"]))]
    pub destinations: Vec<Destination>,
    /// Name of each copy. Default: the source's name, the same in every region, so that consumers can look it up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 128), regex(pattern = schema::IMAGE_NAME))]
    pub image_name: Option<String>,
    /// On each copy and its snapshots. Added, repaired, and removed again when taken off this list.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    #[schemars(schema_with = "schema::tags")]
    pub tags: Tags,
    /// Who may launch the image. Taken off again when taken off here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sharing: Option<Sharing>,
    /// How consumers find the image. Taken back when taken off here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publish: Option<Publish>,
    /// How long after its creation a copy is deprecated: others then find it only by its id. To the minute; a public image
    /// at most two years.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::duration")]
    pub deprecate_after: Option<Duration>,
    /// Protects the copies from being deregistered by anybody, with a cooldown for 24 hours more than it is on. Not given:
    /// left as it is. `deletionPolicy: Delete` switches it off first, and waits for a cooldown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deregistration_protection: Option<DeregistrationProtection>,
    /// `Disabled`: nobody can launch a copy, and its launch permissions are gone. `Enabled`: it can be launched, and its
    /// permissions are given again. Not given: a copy that somebody disabled is reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch_state: Option<LaunchState>,
    /// What happens to the copy in a region that is taken off `destinations`. `Retain`: it stays in the account, if it is
    /// finished. `Delete`: it is deregistered, with those of former sources in that region, and their snapshots are deleted.
    #[serde(default)]
    pub removed_destination_policy: DeletionPolicy,
    /// What happens to the copies when this object is deleted. `Retain`: they stay in the account. `Delete`: they are
    /// deregistered and their snapshots are deleted.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// True: nothing new is started in AWS for this object.
    #[serde(default)]
    pub suspend: bool,
    /// How often a copy that is there is looked at again.
    #[serde(default = "default_resync_interval")]
    #[schemars(schema_with = "schema::duration", extend("default" = "10m"))]
    pub resync_interval: Duration,
}

impl ImageReplicationSpec {
    /// Whether anything is done with the source image in its own region, or is left to be taken back there.
    pub fn concerns_source_region(&self, status: &ImageReplicationStatus) -> bool {
        self.sharing.is_some()
            || status.granted.is_some()
            || self.publish.as_ref().is_some_and(Publish::concerns_source)
            || status.source_region.as_ref().is_some_and(SourceRegionStatus::is_left)
    }
}

fn default_resync_interval() -> Duration {
    std::time::Duration::from_mins(10).into()
}

/// The image to copy. When it changes, new copies are made first; the old ones stay, listed as `previous`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.imageBuildRef) != has(self.image)").message("give exactly one of imageBuildRef or image"))]
pub struct ReplicationSource {
    /// A build in this namespace; waits until its image is available.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_build_ref: Option<LocalRef>,
    /// An AMI by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageRef>,
}

/// An AMI, which is known by its id only together with its region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageRef {
    /// Id of the AMI.
    #[serde(rename = "imageID")]
    #[schemars(length(max = 32), regex(pattern = schema::IMAGE_ID))]
    pub image_id: ImageId,
    /// Region in which the AMI is.
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
        .field_path(".encryption").message("encryption.kmsKeyID must be a key of the destination's region: give a key ARN of that region, or an alias"),
    validation = Rule::new("!has(self.fastSnapshotRestoreZones) || self.fastSnapshotRestoreZones.all(z, z.startsWith(self.region))")
        .field_path(".fastSnapshotRestoreZones").message("fastSnapshotRestoreZones must be zones of the destination's region, such as eu-west-1a")
)]
pub struct Destination {
    /// Region to copy into, such as `eu-west-1`.
    #[schemars(length(max = 32), regex(pattern = schema::REGION))]
    pub region: Region,
    /// Encrypts the copy. Without it the copy is encrypted as its source is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
    /// Zones of this region in which volumes of the copy are fast from the start. AWS bills each snapshot in each zone by
    /// the hour ($0.75 in us-east-1, about $540 a month), whether it is used or not; the quota is five snapshots a region.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), extend("x-kubernetes-list-type" = "set"), inner(length(max = 32), regex(pattern = schema::ZONE)))]
    pub fast_snapshot_restore_zones: Vec<String>,
}

/// What was observed and done. Decisions are made from these receipts, never from conditions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageReplicationStatus {
    /// The generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Echo of the annotation `ami-operator.dev/reconcile-requested-at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub last_handled_reconcile_at: Option<String>,
    /// Ready, Available, `SourceResolved`; Reconciling or Stalled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<ReplicationSourceStatus>,
    /// How many destinations are ready, such as `2/3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub ready: Option<String>,
    /// One for each region of the spec, and for each that was taken off it and is not done with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["region"]))]
    pub destinations: Vec<DestinationStatus>,
    /// Whom the images were shared with, written before it was done; more than wanted while grants are taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted: Option<GrantsStatus>,
    /// The source image in its own region, where this object does something with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_region: Option<SourceRegionStatus>,
    /// How often something was put right that had been ready before.
    #[serde(default)]
    pub drift_repaired: i32,
}

/// The image that is copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplicationSourceStatus {
    /// Name of the ImageBuild that it was resolved from. Its copies outlive that object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub image_build_name: Option<String>,
    #[serde(rename = "imageID")]
    pub image_id: ImageId,
    pub region: Region,
    #[schemars(length(max = 256))]
    pub name: String,
}

/// What is done with the source image in its own region.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceRegionStatus {
    /// The generation of the object that the image was last found to satisfy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The keys of tags that were put on the source image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 128)))]
    pub tag_keys: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Published>,
    #[serde(default, skip_serializing_if = "Applied::is_empty")]
    pub applied: Applied,
    /// Shared, Published; Stalled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}

impl SourceRegionStatus {
    /// Whether something stands in the region that has to be taken back.
    pub fn is_left(&self) -> bool {
        self.published.is_some() || !self.tag_keys.is_empty()
    }
}

/// One region: the copy under way or in place, written before the call that makes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DestinationStatus {
    pub region: Region,
    #[serde(rename = "imageID", default, skip_serializing_if = "Option::is_none")]
    pub image_id: Option<ImageId>,
    /// Which source image this is a copy of.
    #[serde(rename = "sourceImageID", default, skip_serializing_if = "Option::is_none")]
    pub source_image_id: Option<ImageId>,
    #[serde(rename = "snapshotIDs", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "atomic"))]
    pub snapshot_ids: Vec<SnapshotId>,
    /// Which copy call this is, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_token: Option<ClientToken>,
    /// When the token was written down: the call was not made before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_at: Option<Time>,
    /// The error code of a call that may have begun the copy all the same: it is looked for before it is asked for again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub uncertain: Option<String>,
    /// Percent copied, while the copy is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<i32>,
    /// Snapshots that could not be deleted because something else uses them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub used_snapshots: Vec<UsedSnapshot>,
    /// When the copy was first seen available.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available_at: Option<Time>,
    /// The generation of the object that the copy was last found to satisfy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The keys of `spec.tags` that were put on the copy, so that they can be taken off again: while all of them are
    /// exchanged, the old and the new ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 128)))]
    pub tag_keys: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Published>,
    #[serde(default, skip_serializing_if = "Applied::is_empty")]
    pub applied: Applied,
    /// Why the last copy failed; it is removed, then made again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureStatus>,
    /// Copied, Shared, Published; Stalled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// Copies of former sources, newest first. They stay in the account.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-kubernetes-list-type" = "atomic"))]
    pub previous: Vec<PreviousCopy>,
}

/// A copy of a former source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreviousCopy {
    #[serde(rename = "imageID")]
    pub image_id: ImageId,
    #[serde(rename = "sourceImageID", default, skip_serializing_if = "Option::is_none")]
    pub source_image_id: Option<ImageId>,
}
