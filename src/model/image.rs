//! Images and snapshots as we look at them.

use jiff::Timestamp;

use super::{ImageId, InstanceId, SnapshotId, Tags};

/// An Amazon Machine Image, reduced to what decisions need.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    pub id: ImageId,
    pub name: String,
    pub state: ImageState,
    /// Why the image is `failed`, in EC2's words.
    pub state_reason: Option<String>,
    pub owner_id: String,
    pub architecture: String,
    /// `windows`; none for every other system, as EC2 knows no other value.
    pub platform: Option<String>,
    pub created_at: Option<Timestamp>,
    /// `ebs` or `instance-store`; only the former can be built on.
    pub root_device_type: String,
    pub devices: Vec<Device>,
    pub root_device_name: Option<String>,
    /// `v2.0` where instances of this image require IMDSv2.
    pub imds_support: Option<String>,
    pub source_instance_id: Option<InstanceId>,
    pub source_image_id: Option<ImageId>,
    pub tags: Tags,
}

/// One EBS device of an image. A pending copy does not name its snapshots yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    pub device_name: String,
    pub snapshot_id: Option<SnapshotId>,
    /// GiB.
    pub size_gib: Option<i32>,
    pub delete_on_termination: bool,
}

impl Image {
    /// The snapshots that the image names, in device order.
    pub fn snapshot_ids(&self) -> Vec<SnapshotId> {
        self.devices.iter().filter_map(|d| d.snapshot_id.clone()).collect()
    }
}

/// The life cycle of an image. Source: EC2 API reference, `Image.State`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageState {
    Pending,
    Available,
    Invalid,
    Deregistered,
    Transient,
    Failed,
    Error,
    Disabled,
    /// A state that EC2 added since; treated as "wait", never as success.
    Other(String),
}

impl std::fmt::Display for ImageState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Available => "available",
            Self::Invalid => "invalid",
            Self::Deregistered => "deregistered",
            Self::Transient => "transient",
            Self::Failed => "failed",
            Self::Error => "error",
            Self::Disabled => "disabled",
            Self::Other(state) => state,
        })
    }
}

/// An EBS snapshot, reduced to what decisions need.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    pub id: SnapshotId,
    pub state: SnapshotState,
    /// 0 to 100.
    pub progress: u8,
    /// Why the snapshot is in error, in EC2's words.
    pub state_message: Option<String>,
    pub tags: Tags,
}

/// The life cycle of a snapshot. Source: EC2 API reference, `Snapshot.State`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotState {
    Pending,
    Completed,
    Error,
    /// In the Recycle Bin, or a state that EC2 added since.
    Other(String),
}
