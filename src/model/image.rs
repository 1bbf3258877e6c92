//! The operator's view of images and snapshots.

use jiff::Timestamp;

use super::{ImageId, InstanceId, SnapshotId, Tags};

/// An Amazon Machine Image, reduced to what decisions need.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    pub id: ImageId,
    pub name: String,
    pub description: Option<String>,
    pub state: ImageState,
    /// Why the image is `failed`, as EC2 reports it.
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
    /// `legacy-bios`, `uefi` or `uefi-preferred`; none: as the instance type does.
    pub boot_mode: Option<String>,
    /// `v2.0` where instances of this image require IMDSv2.
    pub imds_support: Option<String>,
    /// AWS Marketplace product codes.
    pub product_codes: Vec<String>,
    /// What its instances are billed as: `RunInstances`, or with a license such as `RunInstances:0002`.
    pub usage_operation: Option<String>,
    pub source_instance_id: Option<InstanceId>,
    pub source_image_id: Option<ImageId>,
    /// Everybody may launch it.
    pub public: bool,
    /// Deprecation time, to the minute. From then on, other accounts find the image only by ID.
    pub deprecated_at: Option<Timestamp>,
    /// When an instance of it was last launched, reported a day late and only to its owner.
    pub last_launched_at: Option<Timestamp>,
    pub protection: Protection,
    pub tags: Tags,
}

/// Whether an image can be deregistered. Source: EC2 user guide, "Protect an Amazon EC2 AMI from deregistration".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protection {
    #[default]
    Off,
    On {
        /// It outlasts its end by a day.
        cooldown: bool,
    },
    /// Switched off, and in force until then.
    Cooling { until: Timestamp },
}

/// One EBS device of an image. A pending copy does not name its snapshots yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    pub device_name: String,
    pub snapshot_id: Option<SnapshotId>,
    /// GiB.
    pub size_gib: Option<i32>,
    pub delete_on_termination: bool,
    pub encrypted: bool,
}

impl Image {
    /// The snapshots that the image names, in device order.
    pub fn snapshot_ids(&self) -> Vec<SnapshotId> {
        self.devices.iter().filter_map(|d| d.snapshot_id.clone()).collect()
    }

    /// Whether it is still there: EC2 lists a deregistered image for a while.
    pub fn exists(&self) -> bool {
        self.state != ImageState::Deregistered
    }

    /// Whether a snapshot of it is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.devices.iter().any(|device| device.encrypted)
    }

    /// Whether its software is billed by the hour, so that only its owner may copy it.
    /// Source: EC2 user guide, "Copy an Amazon EC2 AMI", and "AMI billing information fields".
    pub fn is_licensed(&self) -> bool {
        let billed = self.usage_operation.as_deref().is_some_and(|operation| operation != "RunInstances");
        billed || !self.product_codes.is_empty()
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
    pub started_at: Option<Timestamp>,
    /// EC2 names in it the image that it made the snapshot for: see [`Snapshot::made_for`].
    pub description: String,
    pub tags: Tags,
}

impl Snapshot {
    /// The image that EC2 made the snapshot for. An image whose copy is pending does not name its snapshots itself.
    ///
    /// Source: EC2 user guide, "Deregister an Amazon EC2 AMI": `Created by CreateImage(i-…) for ami-…` and
    /// `Copied for DestinationAmi ami-… from SourceAmi ami-… for SourceSnapshot snap-…`.
    pub fn made_for(&self) -> Option<ImageId> {
        let created = || self.description.strip_prefix("Created by CreateImage(")?.split_once(") for ");
        let copied = || self.description.split_once("Copied for DestinationAmi ");
        let (_, rest) = created().or_else(copied)?;
        rest.split_whitespace().next().map(|id| ImageId::from(id.trim_end_matches('.')))
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn made_for(description: &str) -> Option<ImageId> {
        let snapshot = Snapshot {
            id: "snap-1".into(),
            state: SnapshotState::Completed,
            progress: 100,
            state_message: None,
            started_at: None,
            description: description.to_owned(),
            tags: Tags::new(),
        };
        snapshot.made_for()
    }

    #[test]
    fn a_snapshot_tells_its_image_in_ec2_s_own_words() {
        assert_eq!(made_for("Created by CreateImage(i-1) for ami-1"), Some("ami-1".into()));
        let copied = "Copied for DestinationAmi ami-2 from SourceAmi ami-1 for SourceSnapshot snap-0. Task created on 1,7.";
        assert_eq!(made_for(copied), Some("ami-2".into()));
        assert_eq!(made_for("a backup for ami-1"), None);
    }
}
