//! `ImageReplication`: keeps copies of one image true in every region.

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

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema, core::Duration};
use serde::{Deserialize, Serialize};

use super::{
    DeletionPolicy, DeregistrationProtection, Encryption, LaunchState, LocalRef, UsedSnapshot,
    image_build::FailureStatus, schema,
};
use crate::model::{ClientToken, ImageId, Region, SnapshotId, Tags, ids::PARTITIONS};

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
    validation = Rule::new(in_one_partition())
        .field_path(".destinations").message("destinations must be regions of the source's partition: AWS copies no image from one partition (aws, aws-cn, aws-us-gov, …) to another"),
    validation = Rule::new("duration(self.resyncInterval) >= duration('1m') && duration(self.resyncInterval) <= duration('168h')")
        .field_path(".resyncInterval").message("resyncInterval must be between 1m and 168h"),
    validation = Rule::new("duration(self.inUsePeriod) >= duration('24h') && duration(self.inUsePeriod) <= duration('8760h')")
        .field_path(".inUsePeriod").message("inUsePeriod must be between 24h and 8760h (a year): AWS tells of a launch a day late"),
    validation = Rule::new("!has(self.deprecateAfter) || (duration(self.deprecateAfter) >= duration('1h') && duration(self.deprecateAfter) <= duration('87600h'))")
        .field_path(".deprecateAfter").message("deprecateAfter must be between 1h and 87600h (ten years)"),
    validation = Rule::new("!has(self.timeBasedCopyMinutes) || self.timeBasedCopyMinutes % 15 == 0")
        .field_path(".timeBasedCopyMinutes").message("timeBasedCopyMinutes must be a multiple of 15, such as 15, 30 or 45: AWS takes no others"),
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
    /// Description of each copy. Put back when somebody changes it; not given: left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub description: Option<String>,
    /// On each copy and its snapshots. Added, repaired, and removed again when taken off this list.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    #[schemars(schema_with = "schema::tags")]
    pub tags: Tags,
    /// True: the copies and their snapshots have the tags of the source image too, as they were when the source was found;
    /// `tags` has precedence. Left out are those that begin with `aws:` or `ami-operator.dev/`, and those of `publish.tags`.
    /// Taken off again when this is no longer true.
    #[serde(default)]
    pub copy_source_tags: bool,
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
    /// Whether AWS keeps the copies from being deregistered by anybody. `Enabled`: while it is on. `EnabledWithCooldown`: for
    /// 24 hours more. `Disabled`: it does not. Not given: left as it is. `deletionPolicy: Delete` switches it off first, and
    /// waits for a cooldown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deregistration_protection: Option<DeregistrationProtection>,
    /// `Disabled`: nobody can launch a copy, and its launch permissions are gone. `Enabled`: it can be launched, and its
    /// permissions are given again. Not given: a copy that somebody disabled is reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch_state: Option<LaunchState>,
    /// Within how many minutes AWS finishes each snapshot of a copy, from 15 to 2880 in steps of 15. Not given: as soon as it
    /// can, which costs nothing extra. AWS bills a surcharge by the GiB, the more the shorter the time ($0.020 for 15 minutes,
    /// $0.005 for 48 hours, in most regions), and allows 2,000 MiB/s from one region to another for all such copies together.
    /// A copy under way keeps the time that it was begun with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 15, max = 2880))]
    pub time_based_copy_minutes: Option<i32>,
    /// What happens to the copy in a region that is taken off `destinations`. `Retain`: it stays in the account, if it is
    /// finished. `Delete`: it is deregistered, with those of former sources in that region, and their snapshots are deleted.
    #[serde(default)]
    pub removed_destination_policy: DeletionPolicy,
    /// What happens to the copies of a former source, once every region has its copy of the new one. Until then they are what
    /// `status.destinations[].servingImageID` names. `Retain`: they stay in the account. `ReplaceWhenReady`: once the new ones
    /// are published, too, where that is asked for (with `launchState: Disabled` nothing is), those beyond `keepPrevious` are
    /// deregistered and their snapshots are deleted, the oldest first.
    #[serde(default)]
    pub source_change_policy: SourceChangePolicy,
    /// How many copies of former sources stay in each region with `sourceChangePolicy: ReplaceWhenReady`, the newest first.
    /// With 0 there is nothing to go back to by `publish.pin`.
    #[serde(default = "succession::default_keep_previous")]
    #[schemars(range(min = 0, max = 20), extend("default" = 1))]
    pub keep_previous: u32,
    /// Keeps a copy that a policy would remove while it is in use: launched within `inUsePeriod`, or named by an instance, a
    /// launch template, a parameter or a recipe of this account (which takes the permission `ec2:DescribeImageReferences`
    /// with those of the managed policy `AmazonEC2ImageReferencesAccessPolicy`). A condition tells which. An object that is
    /// deleted waits for its images.
    #[serde(default = "super::yes")]
    #[schemars(extend("default" = true))]
    pub protect_in_use: bool,
    /// How long after its last launch an image counts as in use. AWS tells of a launch a day late.
    #[serde(default = "succession::default_in_use_period")]
    #[schemars(schema_with = "schema::duration", extend("default" = "720h"))]
    pub in_use_period: Duration,
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

/// The rule that destinations are of the source's partition, as [`Region::partition`] tells partitions apart.
fn in_one_partition() -> String {
    let starts: Vec<String> = PARTITIONS.iter().map(|(start, _)| format!("'{start}'")).collect();
    format!(
        "!has(self.source.image) || self.destinations.all(d, [{}].all(p, d.region.startsWith(p) == self.source.image.region.startsWith(p)))",
        starts.join(", ")
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

/// The image to copy. When it changes, new copies are made first; what becomes of the old ones says `sourceChangePolicy`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.imageBuildRef), has(self.imageBuildSelector), has(self.image)].filter(x, x).size() == 1")
    .message("give exactly one of imageBuildRef, imageBuildSelector or image"))]
pub struct ReplicationSource {
    /// A build in this namespace; waits until its image is available.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_build_ref: Option<LocalRef>,
    /// The newest build of this namespace with these labels that has succeeded: applying a new ImageBuild rolls its image
    /// out. Newest is the one that ended last. Builds that run, have failed or are being deleted do not count. There is no
    /// way back to an older one by itself: when the newest build is deleted or loses its labels, its image stays the source
    /// until a newer one succeeds. To go back, refer to a build by `imageBuildRef`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_build_selector: Option<BuildSelector>,
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
    /// A copy of a new source has it once machines are launched from that one, and the copy before no longer has it.
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
    /// How many destinations have their copy of the newest source, such as `2/3`. Conditions tell what else is to be done.
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
    /// Former sources of which no copy is known any more, as they may still be shared.
    #[serde(rename = "formerSourceIDs", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-kubernetes-list-type" = "atomic"))]
    pub former_source_ids: Vec<ImageId>,
    /// The source image in its own region, where this object does something with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_region: Option<SourceRegionStatus>,
    /// A former source in another region, until the rollout of the new one is complete and nothing of it is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_source: Option<LeftSource>,
    /// How often something was put right that had been ready before.
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
        newest.chain(left).chain(of_copies).chain(of_previous).chain(&self.former_source_ids).collect()
    }

    /// Whether every destination has the copy of the newest source.
    pub fn is_everywhere(&self, spec: &ImageReplicationSpec) -> bool {
        spec.destinations.iter().all(|wanted| {
            let copy = self.destinations.iter().find(|d| d.region == wanted.region);
            copy.is_some_and(|copy| self.is_newest(copy))
        })
    }

    /// Whether this is the finished copy of the newest source.
    pub fn is_newest(&self, copy: &DestinationStatus) -> bool {
        let source = self.source.as_ref().map(|source| &source.image_id);
        copy.finished().is_some() && copy.source_image_id.as_ref() == source
    }
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
    /// Its name in EC2, which its copies get too where the spec gives none.
    #[schemars(length(max = 256))]
    pub name: String,
    /// How the build was selected; only with `imageBuildSelector`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selected: Option<SelectedBuild>,
    /// The image's tags that its copies are to have, as they were when it was found; only with `spec.copySourceTags`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Tags>,
}

/// What is done with the source image in its own region.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceRegionStatus {
    /// The generation of the object that the image was last found to satisfy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Published>,
    #[serde(default, skip_serializing_if = "Applied::is_empty")]
    pub applied: Applied,
    /// Shared, Published; Stalled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}

/// One region: the copy under way or in place, written before the call that makes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DestinationStatus {
    pub region: Region,
    #[serde(rename = "imageID", default, skip_serializing_if = "Option::is_none")]
    pub image_id: Option<ImageId>,
    /// The image to launch from: the copy of the newest source once every region has it, until then that of the one before.
    #[serde(rename = "servingImageID", default, skip_serializing_if = "Option::is_none")]
    pub serving_image_id: Option<ImageId>,
    /// Which source image this is a copy of.
    #[serde(rename = "sourceImageID", default, skip_serializing_if = "Option::is_none")]
    pub source_image_id: Option<ImageId>,
    /// The key that the copy was asked to be encrypted with. Without it: as its source is.
    #[serde(rename = "kmsKeyID", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub kms_key_id: Option<String>,
    /// The snapshots behind the copy.
    #[serde(rename = "snapshotIDs", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "atomic"))]
    pub snapshot_ids: Vec<SnapshotId>,
    /// Which copy call this is, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<i32>,
    /// How many copies of this source failed since one was available; each rests longer than the one before.
    #[serde(default, skip_serializing_if = "crate::api::is_zero")]
    pub failed_attempts: i32,
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
    /// Copied, Shared, Published, `FormerRemoved`; Stalled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// Copies of former sources, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-kubernetes-list-type" = "atomic"))]
    pub previous: Vec<PreviousCopy>,
}

impl DestinationStatus {
    /// The copy, once it was seen available.
    pub fn finished(&self) -> Option<&ImageId> {
        self.image_id.as_ref().filter(|_| self.available_at.is_some())
    }

    /// A copy was asked for, or is about to be, and has not come to its end.
    pub fn is_under_way(&self) -> bool {
        let asked_for = self.requested_at.is_some() && self.source_image_id.is_some();
        asked_for && self.available_at.is_none() && self.failure.is_none()
    }
}

/// A copy of a former source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreviousCopy {
    #[serde(rename = "imageID")]
    pub image_id: ImageId,
    #[serde(rename = "sourceImageID", default, skip_serializing_if = "Option::is_none")]
    pub source_image_id: Option<ImageId>,
    /// The fast snapshot restore that it has as long as machines are launched from it; written down until it is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fast_snapshot_restores: Option<FastSnapshotRestores>,
}
