//! Writes that keep an existing image in sync.

use jiff::Timestamp;

use crate::model::{Grants, ImageId, SnapshotId, VolumeGrants};

/// One AWS write about an existing image; all of them are idempotent.
#[derive(Clone, Debug, PartialEq)]
pub enum UpkeepCall {
    RequireImdsV2(ImageId),
    ModifyDescription { id: ImageId, description: String },
    ModifyLaunchPermissions { id: ImageId, add: Grants, remove: Grants },
    ModifyVolumePermissions { id: SnapshotId, change: VolumeGrants },
    EnableImageDeprecation { id: ImageId, at: Timestamp },
    DisableImageDeprecation(ImageId),
    EnableProtection { id: ImageId, cooldown: bool },
    DisableProtection(ImageId),
    EnableImage(ImageId),
    DisableImage(ImageId),
    EnableFastRestores { ids: Vec<SnapshotId>, zones: Vec<String> },
    DisableFastRestores { ids: Vec<SnapshotId>, zones: Vec<String> },
}
