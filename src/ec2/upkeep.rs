//! The part of the port that keeps an existing image in sync: permissions and lifecycle.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::model::{AwsError, DefaultEncryption, Grants, ImageId, Region, SnapshotId, VolumeGrants};

/// Zones by snapshot.
pub type FastRestores = Vec<(SnapshotId, String)>;

/// AWS actions on existing images and snapshots, one method each. All of them are idempotent.
///
/// # Errors
/// Each method fails with [`AwsError`], which [`AwsError::class`] classifies.
#[async_trait]
pub trait Upkeep: Send + Sync {
    /// `ec2:DescribeImageAttribute` of `launchPermission`.
    async fn describe_launch_permissions(&self, region: &Region, id: &ImageId) -> Result<Grants, AwsError>;
    /// `ec2:DescribeSnapshotAttribute` of `createVolumePermission`.
    async fn describe_volume_permissions(&self, region: &Region, id: &SnapshotId)
    -> Result<Grants, AwsError>;
    /// `ec2:GetImageBlockPublicAccessState`: whether no image can become public.
    async fn blocks_public_images(&self, region: &Region) -> Result<bool, AwsError>;
    /// `ec2:GetEbsDefaultKmsKeyId` and `ec2:GetEbsEncryptionByDefault`.
    async fn default_encryption(&self, region: &Region) -> Result<DefaultEncryption, AwsError>;
    /// `ec2:DescribeFastSnapshotRestores` of at most 200 snapshots: those that are on, or about to be.
    async fn describe_fast_snapshot_restores(
        &self,
        region: &Region,
        ids: &[SnapshotId],
    ) -> Result<FastRestores, AwsError>;
    /// `ec2:DescribeImageReferences`: ARNs of what of our account names the image. Instances that are terminated do not count.
    async fn describe_image_references(&self, region: &Region, id: &ImageId)
    -> Result<Vec<String>, AwsError>;

    /// `ec2:ModifyImageAttribute` of `description`.
    async fn modify_image_description(
        &self,
        region: &Region,
        id: &ImageId,
        text: &str,
    ) -> Result<(), AwsError>;
    /// `ec2:ModifyImageAttribute` of `launchPermission`, all in one call.
    async fn modify_launch_permissions(
        &self,
        region: &Region,
        id: &ImageId,
        add: &Grants,
        remove: &Grants,
    ) -> Result<(), AwsError>;
    /// `ec2:ModifySnapshotAttribute` of `createVolumePermission`.
    async fn modify_volume_permissions(
        &self,
        region: &Region,
        id: &SnapshotId,
        change: &VolumeGrants,
    ) -> Result<(), AwsError>;
    /// `ec2:EnableImageDeprecation`. EC2 rounds to the minute and takes no past time.
    async fn enable_image_deprecation(
        &self,
        region: &Region,
        id: &ImageId,
        at: Timestamp,
    ) -> Result<(), AwsError>;
    /// `ec2:DisableImageDeprecation`.
    async fn disable_image_deprecation(&self, region: &Region, id: &ImageId) -> Result<(), AwsError>;
    /// `ec2:EnableImageDeregistrationProtection`. With a cooldown it outlasts its end by 24 hours.
    async fn enable_image_deregistration_protection(
        &self,
        region: &Region,
        id: &ImageId,
        cooldown: bool,
    ) -> Result<(), AwsError>;
    /// `ec2:DisableImageDeregistrationProtection`.
    async fn disable_image_deregistration_protection(
        &self,
        region: &Region,
        id: &ImageId,
    ) -> Result<(), AwsError>;
    /// `ec2:EnableImage`. Launch permissions do not come back by it.
    async fn enable_image(&self, region: &Region, id: &ImageId) -> Result<(), AwsError>;
    /// `ec2:DisableImage`, which takes all launch permissions off.
    async fn disable_image(&self, region: &Region, id: &ImageId) -> Result<(), AwsError>;
    /// `ec2:EnableFastSnapshotRestores`.
    async fn enable_fast_snapshot_restores(
        &self,
        region: &Region,
        ids: &[SnapshotId],
        zones: &[String],
    ) -> Result<(), AwsError>;
    /// `ec2:DisableFastSnapshotRestores`.
    async fn disable_fast_snapshot_restores(
        &self,
        region: &Region,
        ids: &[SnapshotId],
        zones: &[String],
    ) -> Result<(), AwsError>;
}
