//! Existing images: requests about permissions, lifecycle and fast snapshot restore.

use async_trait::async_trait;
use aws_sdk_ec2::{
    primitives::DateTime,
    types::{
        AttributeValue, CreateVolumePermission, CreateVolumePermissionModifications,
        DescribeFastSnapshotRestoreSuccessItem, DisableFastSnapshotRestoreErrorItem,
        EnableFastSnapshotRestoreErrorItem, FastSnapshotRestoreStateCode, ImageAttributeName,
        ImageReferenceOptionName, ImageReferenceResourceType, LaunchPermission,
        LaunchPermissionModifications, PermissionGroup, ResourceTypeOption, ResourceTypeRequest,
        SnapshotAttributeName,
    },
};
use jiff::Timestamp;

use super::{
    AwsEc2,
    convert::{filter, non_empty},
    failure::incomplete,
};
use crate::{
    ec2::upkeep::{FastRestores, Upkeep},
    model::{Action, AwsError, DefaultEncryption, Grants, ImageId, Region, SnapshotId, VolumeGrants},
};

const UNBLOCKED: &str = "unblocked";

#[async_trait]
impl Upkeep for AwsEc2 {
    async fn describe_launch_permissions(&self, region: &Region, id: &ImageId) -> Result<Grants, AwsError> {
        let clients = self.clients(region);
        let asked = clients.ec2.describe_image_attribute().image_id(&id.0);
        let asked = asked.attribute(ImageAttributeName::LaunchPermission).send();
        let answer = self.call(Action::DescribeImageAttribute, region, asked).await?;
        Ok(launch_grants(answer.launch_permissions.unwrap_or_default()))
    }

    async fn describe_volume_permissions(
        &self,
        region: &Region,
        id: &SnapshotId,
    ) -> Result<Grants, AwsError> {
        let clients = self.clients(region);
        let asked = clients.ec2.describe_snapshot_attribute().snapshot_id(&id.0);
        let asked = asked.attribute(SnapshotAttributeName::CreateVolumePermission).send();
        let answer = self.call(Action::DescribeSnapshotAttribute, region, asked).await?;
        Ok(volume_grants(answer.create_volume_permissions.unwrap_or_default()))
    }

    async fn blocks_public_images(&self, region: &Region) -> Result<bool, AwsError> {
        let (action, clients) = (Action::GetImageBlockPublicAccessState, self.clients(region));
        let asked = clients.ec2.get_image_block_public_access_state().send();
        let state = self.call(action, region, asked).await?.image_block_public_access_state;
        let state = state.ok_or_else(|| incomplete(action, region, "state of block public access"))?;
        Ok(state != UNBLOCKED)
    }

    async fn default_encryption(&self, region: &Region) -> Result<DefaultEncryption, AwsError> {
        let (action, clients) = (Action::GetEbsDefaultKmsKeyId, self.clients(region));
        let key = self.call(action, region, clients.ec2.get_ebs_default_kms_key_id().send()).await?;
        let key = key.kms_key_id.ok_or_else(|| incomplete(action, region, "key"))?;
        let asked = clients.ec2.get_ebs_encryption_by_default().send();
        let answer = self.call(Action::GetEbsEncryptionByDefault, region, asked).await?;
        Ok(DefaultEncryption { always: answer.ebs_encryption_by_default.unwrap_or_default(), key })
    }

    async fn describe_fast_snapshot_restores(
        &self,
        region: &Region,
        ids: &[SnapshotId],
    ) -> Result<FastRestores, AwsError> {
        let (action, clients) = (Action::DescribeFastSnapshotRestores, self.clients(region));
        let of_these = filter("snapshot-id", ids.iter().map(|id| &id.0));
        let request = clients.ec2.describe_fast_snapshot_restores().filters(of_these);
        let (mut found, mut page) = (Vec::new(), None);
        loop {
            let answer = self.call(action, region, request.clone().set_next_token(page).send()).await?;
            let items = answer.fast_snapshot_restores.unwrap_or_default();
            found.extend(items.into_iter().filter_map(fast_restore));
            page = non_empty(answer.next_token);
            if page.is_none() {
                return Ok(found);
            }
        }
    }

    async fn describe_image_references(
        &self,
        region: &Region,
        id: &ImageId,
    ) -> Result<Vec<String>, AwsError> {
        let (action, clients) = (Action::DescribeImageReferences, self.clients(region));
        let request = clients.ec2.describe_image_references().image_ids(&id.0);
        let request = request.set_resource_types(Some(referencing()));
        let (mut found, mut page) = (Vec::new(), None);
        loop {
            let answer = self.call(action, region, request.clone().set_next_token(page).send()).await?;
            found.extend(answer.image_references.unwrap_or_default().into_iter().filter_map(|it| it.arn));
            page = non_empty(answer.next_token);
            if page.is_none() {
                return Ok(found);
            }
        }
    }

    async fn modify_image_description(
        &self,
        region: &Region,
        id: &ImageId,
        text: &str,
    ) -> Result<(), AwsError> {
        let clients = self.clients(region);
        let value = AttributeValue::builder().value(text).build();
        let asked = clients.ec2.modify_image_attribute().image_id(&id.0).description(value).send();
        self.call(Action::ModifyImageAttribute, region, asked).await.map(drop)
    }

    async fn modify_launch_permissions(
        &self,
        region: &Region,
        id: &ImageId,
        add: &Grants,
        remove: &Grants,
    ) -> Result<(), AwsError> {
        let clients = self.clients(region);
        let change = LaunchPermissionModifications::builder()
            .set_add(Some(launch_permissions(add)).filter(|list| !list.is_empty()))
            .set_remove(Some(launch_permissions(remove)).filter(|list| !list.is_empty()));
        let asked = clients.ec2.modify_image_attribute().image_id(&id.0).launch_permission(change.build());
        self.call(Action::ModifyImageAttribute, region, asked.send()).await.map(drop)
    }

    async fn modify_volume_permissions(
        &self,
        region: &Region,
        id: &SnapshotId,
        change: &VolumeGrants,
    ) -> Result<(), AwsError> {
        let clients = self.clients(region);
        let changes = CreateVolumePermissionModifications::builder();
        let change = match change {
            VolumeGrants::Add(accounts) => changes.set_add(Some(volume_permissions(accounts))),
            VolumeGrants::Remove(accounts) => changes.set_remove(Some(volume_permissions(accounts))),
            VolumeGrants::RemoveEverybody => {
                changes.remove(CreateVolumePermission::builder().group(PermissionGroup::All).build())
            }
        };
        let asked = clients.ec2.modify_snapshot_attribute().snapshot_id(&id.0);
        let asked = asked.attribute(SnapshotAttributeName::CreateVolumePermission);
        let asked = asked.create_volume_permission(change.build()).send();
        self.call(Action::ModifySnapshotAttribute, region, asked).await.map(drop)
    }

    async fn enable_image_deprecation(
        &self,
        region: &Region,
        id: &ImageId,
        at: Timestamp,
    ) -> Result<(), AwsError> {
        let clients = self.clients(region);
        let at = DateTime::from_secs(at.as_second());
        let asked = clients.ec2.enable_image_deprecation().image_id(&id.0).deprecate_at(at).send();
        self.call(Action::EnableImageDeprecation, region, asked).await.map(drop)
    }

    async fn disable_image_deprecation(&self, region: &Region, id: &ImageId) -> Result<(), AwsError> {
        let clients = self.clients(region);
        let asked = clients.ec2.disable_image_deprecation().image_id(&id.0).send();
        self.call(Action::DisableImageDeprecation, region, asked).await.map(drop)
    }

    async fn enable_image_deregistration_protection(
        &self,
        region: &Region,
        id: &ImageId,
        cooldown: bool,
    ) -> Result<(), AwsError> {
        let clients = self.clients(region);
        let asked = clients.ec2.enable_image_deregistration_protection().image_id(&id.0);
        let asked = asked.with_cooldown(cooldown).send();
        self.call(Action::EnableImageDeregistrationProtection, region, asked).await.map(drop)
    }

    async fn disable_image_deregistration_protection(
        &self,
        region: &Region,
        id: &ImageId,
    ) -> Result<(), AwsError> {
        let clients = self.clients(region);
        let asked = clients.ec2.disable_image_deregistration_protection().image_id(&id.0).send();
        self.call(Action::DisableImageDeregistrationProtection, region, asked).await.map(drop)
    }

    async fn enable_image(&self, region: &Region, id: &ImageId) -> Result<(), AwsError> {
        let clients = self.clients(region);
        let asked = clients.ec2.enable_image().image_id(&id.0).send();
        self.call(Action::EnableImage, region, asked).await.map(drop)
    }

    async fn disable_image(&self, region: &Region, id: &ImageId) -> Result<(), AwsError> {
        let clients = self.clients(region);
        let asked = clients.ec2.disable_image().image_id(&id.0).send();
        self.call(Action::DisableImage, region, asked).await.map(drop)
    }

    async fn enable_fast_snapshot_restores(
        &self,
        region: &Region,
        ids: &[SnapshotId],
        zones: &[String],
    ) -> Result<(), AwsError> {
        let (action, clients) = (Action::EnableFastSnapshotRestores, self.clients(region));
        let asked = clients.ec2.enable_fast_snapshot_restores().set_availability_zones(Some(zones.to_vec()));
        let asked = asked.set_source_snapshot_ids(Some(plain(ids))).send();
        let refused = self.call(action, region, asked).await?.unsuccessful.unwrap_or_default();
        refused.into_iter().find_map(not_enabled).map_or(Ok(()), |why| Err(refusal(action, region, why)))
    }

    async fn disable_fast_snapshot_restores(
        &self,
        region: &Region,
        ids: &[SnapshotId],
        zones: &[String],
    ) -> Result<(), AwsError> {
        let (action, clients) = (Action::DisableFastSnapshotRestores, self.clients(region));
        let asked = clients.ec2.disable_fast_snapshot_restores().set_availability_zones(Some(zones.to_vec()));
        let asked = asked.set_source_snapshot_ids(Some(plain(ids))).send();
        let refused = self.call(action, region, asked).await?.unsuccessful.unwrap_or_default();
        refused.into_iter().find_map(not_disabled).map_or(Ok(()), |why| Err(refusal(action, region, why)))
    }
}

fn launch_grants(found: Vec<LaunchPermission>) -> Grants {
    let mut grants = Grants::default();
    for one in found {
        grants.public |= one.group == Some(PermissionGroup::All);
        grants.accounts.extend(one.user_id);
        grants.organizations.extend(one.organization_arn);
        grants.organizational_units.extend(one.organizational_unit_arn);
    }
    grants
}

fn volume_grants(found: Vec<CreateVolumePermission>) -> Grants {
    let mut grants = Grants::default();
    for one in found {
        grants.public |= one.group == Some(PermissionGroup::All);
        grants.accounts.extend(one.user_id);
    }
    grants
}

fn launch_permissions(grants: &Grants) -> Vec<LaunchPermission> {
    let one = LaunchPermission::builder;
    let public = grants.public.then(|| one().group(PermissionGroup::All).build());
    let accounts = grants.accounts.iter().map(|id| one().user_id(id).build());
    let organizations = grants.organizations.iter().map(|arn| one().organization_arn(arn).build());
    let units = grants.organizational_units.iter().map(|arn| one().organizational_unit_arn(arn).build());
    public.into_iter().chain(accounts).chain(organizations).chain(units).collect()
}

fn volume_permissions(accounts: &[String]) -> Vec<CreateVolumePermission> {
    accounts.iter().map(|id| CreateVolumePermission::builder().user_id(id).build()).collect()
}

/// None for one that is off, or about to be.
fn fast_restore(item: DescribeFastSnapshotRestoreSuccessItem) -> Option<(SnapshotId, String)> {
    let off = [FastSnapshotRestoreStateCode::Disabling, FastSnapshotRestoreStateCode::Disabled];
    let is_off = item.state.is_none_or(|state| off.contains(&state));
    (!is_off).then_some((SnapshotId(item.snapshot_id?), item.availability_zone?))
}

/// All that can name an image, with instances that are there.
fn referencing() -> Vec<ResourceTypeRequest> {
    let alive = ["pending", "running", "stopping", "stopped", "shutting-down"].map(str::to_owned);
    let states = ResourceTypeOption::builder().option_name(ImageReferenceOptionName::StateName);
    let states = states.set_option_values(Some(alive.to_vec())).build();
    let one = |kind| ResourceTypeRequest::builder().resource_type(kind);
    vec![
        one(ImageReferenceResourceType::Ec2Instance).resource_type_options(states).build(),
        one(ImageReferenceResourceType::Ec2LaunchTemplate).build(),
        one(ImageReferenceResourceType::SsmParameter).build(),
        one(ImageReferenceResourceType::ImageBuilderImageRecipe).build(),
        one(ImageReferenceResourceType::ImageBuilderContainerRecipe).build(),
    ]
}

fn plain(ids: &[SnapshotId]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

type Why = (Option<String>, Option<String>);

fn not_enabled(item: EnableFastSnapshotRestoreErrorItem) -> Option<Why> {
    let error = item.fast_snapshot_restore_state_errors?.into_iter().find_map(|state| state.error)?;
    Some((error.code, error.message))
}

/// What is not on, or whose snapshot is gone, costs nothing any more: an error would be repeated for ever.
fn not_disabled(item: DisableFastSnapshotRestoreErrorItem) -> Option<Why> {
    let is_on = |code: &Option<String>| !code.as_ref().is_some_and(|code| code.ends_with(".NotFound"));
    let mut errors = item.fast_snapshot_restore_state_errors?.into_iter().filter_map(|state| state.error);
    errors.find(|error| is_on(&error.code)).map(|error| (error.code, error.message))
}

/// The call succeeds even where it did nothing; only the list tells.
fn refusal(action: Action, region: &Region, (code, message): Why) -> AwsError {
    AwsError {
        action,
        region: region.clone(),
        code: code.unwrap_or_else(|| AwsError::NO_ANSWER.to_owned()),
        message: message.unwrap_or_default(),
        request_id: None,
    }
}
