//! `CreateStoreImageTask`, `CreateRestoreImageTask`, `DescribeStoreImageTasks`: images as objects in S3.
//!
//! There is no S3 here: every bucket exists, and holds what was stored in it.

use std::sync::Arc;

use super::{access, check_settled, create::heir, name};
use crate::{
    core::{
        Call, Handler, Outcome,
        error::ApiError,
        filters::Filters,
        ids,
        paging::Page,
        records::{Device, Ebs, Image, Snapshot, StoredImage},
        tags::{Specifications, Tags},
        world::World,
        xml::Node,
    },
    ec2::kms,
};

pub fn handler(action: &str) -> Option<Handler> {
    match action {
        "CreateRestoreImageTask" => Some(Handler::Write(restore)),
        "CreateStoreImageTask" => Some(Handler::Write(store)),
        "DescribeStoreImageTasks" => Some(Handler::Read(describe)),
        _ => None,
    }
}

fn store(call: &Call, world: &mut World) -> Outcome {
    let image = access::own_image(call, world, call.params.require("ImageId")?)?.clone();
    let bucket = call.params.require("Bucket")?.to_owned();
    check_settled(call, &image)?;
    let snapshots = &call.region(world).snapshots;
    let snapshots = image.snapshot_ids().filter_map(|id| snapshots.get(id).cloned()).collect();
    let key = format!("{}.bin", image.id);
    let stored = StoredImage {
        bucket: bucket.clone(),
        key: key.clone(),
        snapshots,
        started_at: call.now,
        completes_at: call.end_of(world, call.profile.copy),
        image,
    };
    call.region_mut(world).stored_images.insert((bucket, key.clone()), Arc::new(stored));
    Ok(Node::new().text("objectKey", key).into())
}

fn describe(call: &Call, world: &World) -> Outcome {
    let filters = Filters::parse(call.params, &["bucket", "task-state"])?;
    let page = Page::parse(call.params, 1..=200)?;
    let asked = call.params.ids("ImageId")?;
    asked.iter().try_for_each(|id| ids::IMAGE.check(id))?;
    let shown = call.region(world).stored_images.values().filter(|task| {
        task.image.owner == call.account()
            && (asked.is_empty() || asked.contains(&task.image.id.as_str()))
            && filters.match_all(&Tags::new(), |name| match name {
                "bucket" => vec![task.bucket.clone()],
                _ => vec![state(call, task).to_owned()],
            })
    });
    let show = |task: &Arc<StoredImage>| {
        let is_done = call.now >= task.completes_at;
        Node::new()
            .text("amiId", &task.image.id)
            .time("taskStartTime", task.started_at)
            .text("bucket", &task.bucket)
            .text("s3objectKey", &task.key)
            .text("progressPercentage", if is_done { 100 } else { 0 })
            .text("storeTaskState", state(call, task))
    };
    let position = |task: &&Arc<StoredImage>| format!("{}/{}", task.bucket, task.key);
    Ok(page.reply("storeImageTaskResultSet", shown, position, show).into())
}

fn state(call: &Call, task: &StoredImage) -> &'static str {
    if call.now < task.completes_at { "InProgress" } else { "Completed" }
}

/// The image comes back with new snapshots, under its own name unless another is given.
fn restore(call: &Call, world: &mut World) -> Outcome {
    let (bucket, key) = (call.params.require("Bucket")?, call.params.require("ObjectKey")?);
    let stored = call.region(world).stored_images.get(&(bucket.to_owned(), key.to_owned())).cloned();
    let stored = stored.filter(|stored| call.now >= stored.completes_at);
    let stored = stored.ok_or_else(|| {
        ApiError::invalid_value(format!("The object '{key}' in the bucket '{bucket}' is no stored image."))
    })?;
    let tags = Specifications::parse(call.params, &["image", "snapshot"])?;
    let name = match call.params.text("Name") {
        Some(_) => name::well_formed(call)?.to_owned(),
        None => stored.image.name.clone(),
    };
    name::check_free(call, world, &name)?;
    name::check_quota(call, world)?;
    let settles_at = call.end_of(world, call.profile.image);
    let devices = stored.image.devices.iter();
    let devices: Vec<Device> = devices
        .map(|device| {
            let ebs = device.ebs.as_ref();
            let ebs = ebs.map(|ebs| volume(call, world, ebs, &stored, settles_at, &tags.of("snapshot")));
            Device { ebs, ..device.clone() }
        })
        .collect();
    let id = world.mint(ids::IMAGE);
    let image = Image {
        id: id.clone(),
        name,
        description: stored.image.description.clone(),
        settles_at,
        devices,
        tags: tags.of("image"),
        ..heir(&stored.image, call.account(), call.now)
    };
    call.region_mut(world).images.insert(id.clone(), Arc::new(image));
    Ok(Node::new().text("imageId", id).into())
}

/// A snapshot that was encrypted comes back under the default key.
fn volume(
    call: &Call,
    world: &mut World,
    ebs: &Ebs,
    stored: &StoredImage,
    completes_at: jiff::Timestamp,
    tags: &Tags,
) -> Ebs {
    let source = stored.snapshots.iter().find(|snapshot| ebs.snapshot_id.as_ref() == Some(&snapshot.id));
    let Some(source) = source else { return ebs.clone() };
    let key = source.encrypted.then(|| kms::default_key(call.region(world), call.account()).arn);
    let snapshot = Snapshot {
        id: world.mint(ids::SNAPSHOT),
        owner: call.account().to_owned(),
        volume_id: "vol-ffffffff".to_owned(),
        kms_key_id: key.clone(),
        started_at: call.now,
        completes_at,
        permissions: crate::core::records::Permissions::default(),
        tags: tags.clone(),
        ..Snapshot::clone(source)
    };
    let snapshot_id = Some(snapshot.id.clone());
    call.region_mut(world).snapshots.insert(snapshot.id.clone(), Arc::new(snapshot));
    Ebs { snapshot_id, kms_key_id: key, ..ebs.clone() }
}
