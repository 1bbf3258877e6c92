//! Executes the writes that keep an image in sync: one AWS call per match arm, without any decision.

use crate::{
    ec2::Ec2,
    model::{Action, AwsError, Region},
    plan::UpkeepCall,
};

/// Executes the call, and returns its action and result.
pub async fn carry_out(ec2: &dyn Ec2, region: &Region, call: &UpkeepCall) -> (Action, Result<(), AwsError>) {
    match call {
        UpkeepCall::RequireImdsV2(id) => (Action::ModifyImageAttribute, ec2.require_imdsv2(region, id).await),
        UpkeepCall::ModifyDescription { id, description } => {
            (Action::ModifyImageAttribute, ec2.modify_image_description(region, id, description).await)
        }
        UpkeepCall::ModifyLaunchPermissions { id, add, remove } => {
            (Action::ModifyImageAttribute, ec2.modify_launch_permissions(region, id, add, remove).await)
        }
        UpkeepCall::ModifyVolumePermissions { id, change } => {
            (Action::ModifySnapshotAttribute, ec2.modify_volume_permissions(region, id, change).await)
        }
        UpkeepCall::EnableImageDeprecation { id, at } => {
            (Action::EnableImageDeprecation, ec2.enable_image_deprecation(region, id, *at).await)
        }
        UpkeepCall::DisableImageDeprecation(id) => {
            (Action::DisableImageDeprecation, ec2.disable_image_deprecation(region, id).await)
        }
        UpkeepCall::EnableProtection { id, cooldown } => (
            Action::EnableImageDeregistrationProtection,
            ec2.enable_image_deregistration_protection(region, id, *cooldown).await,
        ),
        UpkeepCall::DisableProtection(id) => (
            Action::DisableImageDeregistrationProtection,
            ec2.disable_image_deregistration_protection(region, id).await,
        ),
        UpkeepCall::EnableImage(id) => (Action::EnableImage, ec2.enable_image(region, id).await),
        UpkeepCall::DisableImage(id) => (Action::DisableImage, ec2.disable_image(region, id).await),
        UpkeepCall::EnableFastRestores { ids, zones } => {
            (Action::EnableFastSnapshotRestores, ec2.enable_fast_snapshot_restores(region, ids, zones).await)
        }
        UpkeepCall::DisableFastRestores { ids, zones } => (
            Action::DisableFastSnapshotRestores,
            ec2.disable_fast_snapshot_restores(region, ids, zones).await,
        ),
    }
}
