//! `CopyImage`.

use std::sync::Arc;

use jiff::Timestamp;

use super::{access, create, name, unavailable};
use crate::{
    core::{
        Call, Outcome,
        error::ApiError,
        ids,
        records::{Device, Ebs, Image, ImageState, Snapshot, StateReason},
        tags::{Specifications, Tags, reserved},
        world::World,
        xml::Node,
    },
    ec2::{copies, kms, snapshots, tokens::Token},
};

const MINUTES: &str = "SnapshotCopyCompletionDurationMinutes";

pub fn copy(call: &Call, world: &mut World) -> Outcome {
    let token = Token::of(call, "")?;
    if let Some([id]) = token.as_ref().map(|token| token.replay(call.region(world))).transpose()?.flatten() {
        return Ok(Node::new().text("imageId", id).into());
    }
    let name = name::well_formed(call)?.to_owned();
    let description = name::description(call)?;
    copies::key(call, call.region(world))?;
    check_parameters(call)?;
    let given = Specifications::parse(call.params, &["image", "snapshot"])?;
    let source = source(call, world)?;
    let snapshots = source_snapshots(call, world, &source)?;
    check_quotas(call, world, snapshots.len())?;
    check_throughput(call, world)?;
    let id = world.mint(ids::IMAGE);
    let plan = Plan::new(call, world, &id, &source, given.of("snapshot"))?;
    let devices = source.devices.iter().map(|device| plan.device(call, world, device, &snapshots)).collect();
    let image = Image {
        id: id.clone(),
        name,
        description,
        devices,
        settles_at: plan.done_at,
        failure: plan.failure,
        source_image_id: Some(source.id.clone()),
        source_image_region: Some(plan.source_region),
        is_copy: true,
        tags: image_tags(call, &source, &given)?,
        ..create::heir(&source, call.account(), call.now)
    };
    call.region_mut(world).images.insert(id.clone(), Arc::new(image));
    if let Some(token) = token {
        token.remember(call, world, vec![id.clone()]);
    }
    Ok(Node::new().text("imageId", id).into())
}

fn check_parameters(call: &Call) -> Result<(), ApiError> {
    copies::minutes(call.params, MINUTES)?;
    let places = ["DestinationOutpostArn", "DestinationAvailabilityZone", "DestinationAvailabilityZoneId"];
    if places.iter().filter(|place| call.params.text(place).is_some()).count() > 1 {
        return Err(ApiError::invalid_combination("Only one destination may be specified"));
    }
    Ok(())
}

fn source(call: &Call, world: &World) -> Result<Arc<Image>, ApiError> {
    let id = call.params.require("SourceImageId")?;
    ids::IMAGE.check(id)?;
    let region = copies::source_region(call, world)?;
    let image = access::visible_image_in(call, world, region, id)?;
    match image.state(call.now) {
        ImageState::Available => {}
        state @ (ImageState::Pending | ImageState::Failed | ImageState::Disabled) => {
            return Err(unavailable(image, state));
        }
    }
    if image.owner != call.account() {
        check_foreign(image)?;
    }
    Ok(image.clone())
}

/// What may not leave the account that pays for it.
fn check_foreign(image: &Image) -> Result<(), ApiError> {
    let refuse = |message: &str| Err(ApiError::new("InvalidRequest", message));
    if !image.product_codes.is_empty() {
        return refuse("Images from AWS Marketplace cannot be copied to another AWS account.");
    }
    if image.usage_operation != "RunInstances" {
        return refuse("Images with EC2 BillingProduct codes cannot be copied to another AWS account.");
    }
    Ok(())
}

/// The snapshots of another account's image must be shared by themselves.
fn source_snapshots(call: &Call, world: &World, source: &Image) -> Result<Vec<Arc<Snapshot>>, ApiError> {
    let region = world.region(call.params.require("SourceRegion")?);
    let readable = |id: &str| {
        let snapshot =
            region.snapshots.get(id).filter(|snapshot| access::sees_snapshot(call, region, snapshot));
        let message = "You do not have permission to access the storage of this ami";
        snapshot.cloned().ok_or_else(|| ApiError::new("InvalidRequest", message))
    };
    source.snapshot_ids().map(readable).collect()
}

fn check_quotas(call: &Call, world: &World, snapshots: usize) -> Result<(), ApiError> {
    name::check_quota(call, world)?;
    snapshots::check_quota(call, world, snapshots)?;
    let pending = |image: &&Arc<Image>| {
        image.owner == call.account() && image.is_copy && image.state(call.now) == ImageState::Pending
    };
    let running = call.region(world).images.values().filter(pending).count();
    if running >= world.quotas.concurrent_image_copies {
        let message = "Too many AMI copies in progress. Wait for a copy to complete and try again.";
        return Err(ApiError::new("ResourceLimitExceeded", message));
    }
    Ok(())
}

/// A time-based copy begins while the copies under way leave some of the throughput between the two regions; it takes longer
/// where that is not enough. Source: EBS user guide, "Time-based copies", "Quotas".
fn check_throughput(call: &Call, world: &World) -> Result<(), ApiError> {
    if call.params.int(MINUTES)?.is_none() {
        return Ok(());
    }
    let region = call.region(world);
    let source = call.params.text("SourceRegion");
    let under_way = region.images.values().filter(|image| {
        image.owner == call.account()
            && image.state(call.now) == ImageState::Pending
            && image.source_image_region.as_deref() == source
    });
    let snapshots =
        under_way.flat_map(|image| image.snapshot_ids()).filter_map(|id| region.snapshots.get(id));
    let rates = snapshots.filter_map(|it| Some(it.size * 1024 / (it.completion_minutes? * 60)));
    if rates.sum::<i64>() >= world.quotas.time_based_copies {
        let message = "The cumulative snapshot copy throughput quota between these Regions is used up.";
        return Err(ApiError::new("ResourceLimitExceeded", message));
    }
    Ok(())
}

fn image_tags(call: &Call, source: &Image, given: &Specifications) -> Result<Tags, ApiError> {
    let mut tags = Tags::new();
    if call.params.is_set("CopyImageTags")? && source.owner == call.account() {
        tags = source
            .tags
            .iter()
            .filter(|(key, _)| !reserved(key))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
    }
    crate::core::tags::merge(&mut tags, &given.of("image"))?;
    Ok(tags)
}

/// How the volumes are copied.
struct Plan {
    source_region: String,
    description: String,
    done_at: Timestamp,
    /// The key, if all volumes are encrypted with it.
    key: Option<String>,
    failure: Option<StateReason>,
    minutes: Option<i64>,
    tags: Tags,
}

impl Plan {
    fn new(call: &Call, world: &mut World, id: &str, source: &Image, tags: Tags) -> Result<Self, ApiError> {
        let key = copies::key(call, call.region(world))?;
        // KMS answers EC2 long before the data is copied, but not before the caller is answered.
        let wrong = key.as_ref().is_some_and(|key| !key.usable);
        let takes = if wrong { call.profile.copy / 10 } else { call.profile.copy };
        Ok(Self {
            source_region: call.params.require("SourceRegion")?.to_owned(),
            description: format!("Copied for DestinationAmi {id} from SourceAmi {}", source.id),
            done_at: call.end_of(world, takes),
            failure: wrong.then(kms::copy_without_key),
            key: key.map(|key| key.arn),
            minutes: copies::minutes(call.params, MINUTES)?,
            tags,
        })
    }

    fn device(&self, call: &Call, world: &mut World, device: &Device, snapshots: &[Arc<Snapshot>]) -> Device {
        let ebs = device.ebs.as_ref().map(|ebs| self.volume(call, world, ebs, snapshots));
        Device { ebs, ..device.clone() }
    }

    fn volume(&self, call: &Call, world: &mut World, ebs: &Ebs, snapshots: &[Arc<Snapshot>]) -> Ebs {
        let source = snapshots.iter().find(|snapshot| ebs.snapshot_id.as_ref() == Some(&snapshot.id));
        let Some(source) = source else { return ebs.clone() };
        let encrypted = self.key.is_some() || source.encrypted;
        let default = kms::default_key(call.region(world), call.account()).arn;
        let kms_key_id = encrypted.then(|| self.key.clone().unwrap_or(default));
        let copy = Snapshot {
            id: world.mint(ids::SNAPSHOT),
            owner: call.account().to_owned(),
            owner_alias: None,
            description: format!(
                "{} for SourceSnapshot {}. Task created on {}.",
                self.description,
                source.id,
                grouped(call.now.as_millisecond())
            ),
            // A copy has a volume id that means nothing.
            volume_id: "vol-ffffffff".to_owned(),
            encrypted,
            kms_key_id: kms_key_id.clone(),
            started_at: call.now,
            completes_at: self.done_at,
            failure: self.failure.clone(),
            permissions: crate::core::records::Permissions::default(),
            completion_minutes: self.minutes,
            tags: self.tags.clone(),
            ..Snapshot::clone(source)
        };
        let snapshot_id = Some(copy.id.clone());
        call.region_mut(world).snapshots.insert(copy.id.clone(), Arc::new(copy));
        Ebs { snapshot_id, encrypted, kms_key_id, ..ebs.clone() }
    }
}

/// Digits in groups of three, as AWS writes the time into descriptions.
fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let parts: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|part| std::str::from_utf8(part).ok()).collect();
    parts.join(",")
}
