use std::{sync::Arc, time::Duration};

use imbl::OrdSet;
use jiff::Timestamp;

use super::{Snapshot, StateReason};
use crate::core::{clock::after, params::Params, tags::Tags};

/// (EC2 API reference, `Image.LastLaunchedTime`)
const LAUNCH_REPORT_DELAY: Duration = Duration::from_hours(24);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageState {
    Pending,
    Available,
    Failed,
    Disabled,
}

impl ImageState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Available => "available",
            Self::Failed => "failed",
            Self::Disabled => "disabled",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductCode {
    pub id: String,
    /// `marketplace` or `devpay`.
    pub kind: String,
}

/// A volume of an image's block device mapping.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ebs {
    pub snapshot_id: Option<String>,
    pub size: i64,
    pub volume_type: String,
    pub iops: Option<i64>,
    pub throughput: Option<i64>,
    pub encrypted: bool,
    pub kms_key_id: Option<String>,
    pub delete_on_termination: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    pub name: String,
    pub virtual_name: Option<String>,
    pub ebs: Option<Ebs>,
}

/// Who may launch an image or create a volume of a snapshot, besides the owner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    pub public: bool,
    pub users: OrdSet<String>,
    pub organizations: OrdSet<String>,
    pub units: OrdSet<String>,
}

/// Deregistration protection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    Off,
    On {
        cooldown: bool,
    },
    /// Switched off, but in force until then.
    Cooling {
        until: Timestamp,
    },
}

// Each flag is one that EC2 shows.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug)]
pub struct Image {
    pub id: String,
    pub owner: String,
    /// `amazon`, `aws-marketplace`.
    pub owner_alias: Option<String>,
    pub name: String,
    pub description: Option<String>,
    pub created_at: Timestamp,
    /// Until then it is pending.
    pub settles_at: Timestamp,
    /// What it is from `settles_at` on, if not available.
    pub failure: Option<StateReason>,
    pub architecture: String,
    pub platform_details: String,
    pub usage_operation: String,
    pub product_codes: Vec<ProductCode>,
    pub root_device_name: String,
    pub devices: Vec<Device>,
    pub virtualization: String,
    pub ena: bool,
    pub sriov: Option<String>,
    pub boot_mode: Option<String>,
    pub tpm_support: Option<String>,
    pub kernel_id: Option<String>,
    pub ramdisk_id: Option<String>,
    pub uefi_data: Option<String>,
    /// IMDSv2 is required (`v2.0`); cannot be unset.
    pub imds_v2: bool,
    pub permissions: Permissions,
    pub disabled: bool,
    pub deprecated_at: Option<Timestamp>,
    pub protection: Protection,
    pub source_instance_id: Option<String>,
    pub source_image_id: Option<String>,
    pub source_image_region: Option<String>,
    /// True for a copy: it shows no snapshot ids while it is pending.
    pub is_copy: bool,
    pub last_launched_at: Option<Timestamp>,
    pub tags: Tags,
}

/// An image as an object in S3.
#[derive(Clone, Debug)]
pub struct StoredImage {
    pub bucket: String,
    pub key: String,
    pub image: Arc<Image>,
    /// As they were when it was stored.
    pub snapshots: Vec<Arc<Snapshot>>,
    pub started_at: Timestamp,
    pub completes_at: Timestamp,
}

/// Fast launch of a Windows image, for an account.
#[derive(Clone, Debug)]
pub struct FastLaunch {
    pub image_id: String,
    pub owner: String,
    /// How many snapshots are kept ready.
    pub snapshots: i64,
    pub parallel: i64,
    pub template: Params,
    pub enabled_at: Timestamp,
    pub ready_at: Timestamp,
}

impl Image {
    /// An available `x86_64` Linux image without an id, a name and devices.
    pub fn plain(owner: &str, created_at: Timestamp) -> Self {
        Self {
            id: String::new(),
            owner: owner.to_owned(),
            owner_alias: None,
            name: String::new(),
            description: None,
            created_at,
            settles_at: created_at,
            failure: None,
            architecture: "x86_64".to_owned(),
            platform_details: "Linux/UNIX".to_owned(),
            usage_operation: "RunInstances".to_owned(),
            product_codes: Vec::new(),
            root_device_name: "/dev/xvda".to_owned(),
            devices: Vec::new(),
            virtualization: "hvm".to_owned(),
            ena: true,
            sriov: Some("simple".to_owned()),
            boot_mode: None,
            tpm_support: None,
            kernel_id: None,
            ramdisk_id: None,
            uefi_data: None,
            imds_v2: false,
            permissions: Permissions::default(),
            disabled: false,
            deprecated_at: None,
            protection: Protection::Off,
            source_instance_id: None,
            source_image_id: None,
            source_image_region: None,
            is_copy: false,
            last_launched_at: None,
            tags: Tags::new(),
        }
    }

    pub fn state(&self, now: Timestamp) -> ImageState {
        match (&self.failure, now < self.settles_at) {
            (_, true) => ImageState::Pending,
            (Some(_), false) => ImageState::Failed,
            (None, false) if self.disabled => ImageState::Disabled,
            (None, false) => ImageState::Available,
        }
    }

    pub fn snapshot_ids(&self) -> impl Iterator<Item = &str> {
        self.devices.iter().filter_map(|device| device.ebs.as_ref()?.snapshot_id.as_deref())
    }

    /// The last launch that is reported: EC2 does so a day late.
    pub fn reported_launch(&self, now: Timestamp) -> Option<Timestamp> {
        self.last_launched_at.filter(|at| after(*at, LAUNCH_REPORT_DELAY) <= now)
    }

    pub fn is_windows(&self) -> bool {
        self.platform_details.starts_with("Windows")
    }

    pub fn is_deprecated(&self, now: Timestamp) -> bool {
        self.deprecated_at.is_some_and(|at| at <= now)
    }
}
