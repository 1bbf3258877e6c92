//! Trouble with what keeps images as they should be.

use ami_operator::{
    ec2::{
        parameters::Parameters,
        upkeep::{FastRestores, Upkeep},
    },
    model::{
        Action, AwsError, DefaultEncryption, Grants, ImageId, PutParameter, Region, SnapshotId, Tags,
        VolumeGrants,
    },
};
use async_trait::async_trait;
use jiff::Timestamp;

use super::faults::Faulty;

#[async_trait]
impl Upkeep for Faulty {
    async fn describe_launch_permissions(&self, region: &Region, id: &ImageId) -> Result<Grants, AwsError> {
        let call = self.inner.describe_launch_permissions(region, id);
        self.through(Action::DescribeImageAttribute, region, call).await
    }

    async fn describe_volume_permissions(
        &self,
        region: &Region,
        id: &SnapshotId,
    ) -> Result<Grants, AwsError> {
        let call = self.inner.describe_volume_permissions(region, id);
        self.through(Action::DescribeSnapshotAttribute, region, call).await
    }

    async fn blocks_public_images(&self, region: &Region) -> Result<bool, AwsError> {
        let call = self.inner.blocks_public_images(region);
        self.through(Action::GetImageBlockPublicAccessState, region, call).await
    }

    async fn default_encryption(&self, region: &Region) -> Result<DefaultEncryption, AwsError> {
        let call = self.inner.default_encryption(region);
        self.through(Action::GetEbsDefaultKmsKeyId, region, call).await
    }

    async fn describe_fast_snapshot_restores(
        &self,
        region: &Region,
        ids: &[SnapshotId],
    ) -> Result<FastRestores, AwsError> {
        let call = self.inner.describe_fast_snapshot_restores(region, ids);
        self.through(Action::DescribeFastSnapshotRestores, region, call).await
    }

    async fn describe_image_references(
        &self,
        region: &Region,
        id: &ImageId,
    ) -> Result<Vec<String>, AwsError> {
        let call = self.inner.describe_image_references(region, id);
        self.through(Action::DescribeImageReferences, region, call).await
    }

    async fn modify_image_description(
        &self,
        region: &Region,
        id: &ImageId,
        text: &str,
    ) -> Result<(), AwsError> {
        let call = self.inner.modify_image_description(region, id, text);
        self.through(Action::ModifyImageAttribute, region, call).await
    }

    async fn modify_launch_permissions(
        &self,
        region: &Region,
        id: &ImageId,
        add: &Grants,
        remove: &Grants,
    ) -> Result<(), AwsError> {
        let call = self.inner.modify_launch_permissions(region, id, add, remove);
        self.through(Action::ModifyImageAttribute, region, call).await
    }

    async fn modify_volume_permissions(
        &self,
        region: &Region,
        id: &SnapshotId,
        change: &VolumeGrants,
    ) -> Result<(), AwsError> {
        let call = self.inner.modify_volume_permissions(region, id, change);
        self.through(Action::ModifySnapshotAttribute, region, call).await
    }

    async fn enable_image_deprecation(
        &self,
        region: &Region,
        id: &ImageId,
        at: Timestamp,
    ) -> Result<(), AwsError> {
        let call = self.inner.enable_image_deprecation(region, id, at);
        self.through(Action::EnableImageDeprecation, region, call).await
    }

    async fn disable_image_deprecation(&self, region: &Region, id: &ImageId) -> Result<(), AwsError> {
        let call = self.inner.disable_image_deprecation(region, id);
        self.through(Action::DisableImageDeprecation, region, call).await
    }

    async fn enable_image_deregistration_protection(
        &self,
        region: &Region,
        id: &ImageId,
        cooldown: bool,
    ) -> Result<(), AwsError> {
        let call = self.inner.enable_image_deregistration_protection(region, id, cooldown);
        self.through(Action::EnableImageDeregistrationProtection, region, call).await
    }

    async fn disable_image_deregistration_protection(
        &self,
        region: &Region,
        id: &ImageId,
    ) -> Result<(), AwsError> {
        let call = self.inner.disable_image_deregistration_protection(region, id);
        self.through(Action::DisableImageDeregistrationProtection, region, call).await
    }

    async fn enable_image(&self, region: &Region, id: &ImageId) -> Result<(), AwsError> {
        let call = self.inner.enable_image(region, id);
        self.through(Action::EnableImage, region, call).await
    }

    async fn disable_image(&self, region: &Region, id: &ImageId) -> Result<(), AwsError> {
        let call = self.inner.disable_image(region, id);
        self.through(Action::DisableImage, region, call).await
    }

    async fn enable_fast_snapshot_restores(
        &self,
        region: &Region,
        ids: &[SnapshotId],
        zones: &[String],
    ) -> Result<(), AwsError> {
        let call = self.inner.enable_fast_snapshot_restores(region, ids, zones);
        self.through(Action::EnableFastSnapshotRestores, region, call).await
    }

    async fn disable_fast_snapshot_restores(
        &self,
        region: &Region,
        ids: &[SnapshotId],
        zones: &[String],
    ) -> Result<(), AwsError> {
        let call = self.inner.disable_fast_snapshot_restores(region, ids, zones);
        self.through(Action::DisableFastSnapshotRestores, region, call).await
    }
}

#[async_trait]
impl Parameters for Faulty {
    async fn parameter_tags(&self, region: &Region, name: &str) -> Result<Option<Tags>, AwsError> {
        let call = self.inner.parameter_tags(region, name);
        self.through(Action::ListTagsForResource, region, call).await
    }

    async fn tag_parameter(&self, region: &Region, name: &str, tags: &Tags) -> Result<(), AwsError> {
        let call = self.inner.tag_parameter(region, name, tags);
        self.through(Action::AddTagsToResource, region, call).await
    }

    async fn delete_parameter(&self, region: &Region, name: &str) -> Result<(), AwsError> {
        let call = self.inner.delete_parameter(region, name);
        self.through(Action::DeleteParameter, region, call).await
    }

    async fn put_parameter(&self, request: &PutParameter) -> Result<(), AwsError> {
        self.through(Action::PutParameter, &request.region, self.inner.put_parameter(request)).await
    }
}
