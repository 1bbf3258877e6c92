//! The part of the port that publishes images to consumers: SSM parameters.

use async_trait::async_trait;

use crate::model::{AwsError, PutParameter, Region, Tags};

/// Actions on parameters, one method each.
///
/// # Errors
/// Each method fails with [`AwsError`], which [`AwsError::class`] classifies.
#[async_trait]
pub trait Parameters: Send + Sync {
    /// `ssm:ListTagsForResource` of a parameter; none where there is no such parameter.
    async fn parameter_tags(&self, region: &Region, name: &str) -> Result<Option<Tags>, AwsError>;
    /// `ssm:PutParameter` of data type `aws:ec2:image`. AWS takes it, validates the image afterwards, and keeps the old value
    /// where that fails.
    async fn put_parameter(&self, request: &PutParameter) -> Result<(), AwsError>;
    /// `ssm:AddTagsToResource` on a parameter.
    async fn tag_parameter(&self, region: &Region, name: &str, tags: &Tags) -> Result<(), AwsError>;
    /// `ssm:DeleteParameter`; content where it is gone.
    async fn delete_parameter(&self, region: &Region, name: &str) -> Result<(), AwsError>;
}
