//! Creates the image from the stopped builder. The call has no client token: the image name serves as the lock.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{
    BuildCall, BuildRecord, BuildView, Decided, Decision, Eyes, Failure, Stage, WaitingOn, blocked, call,
    during, fail, lifecycle, record, wait,
};
use crate::{
    api::{SnapshotStatus, image_build::ImageStatus},
    model::{
        CreateImage, Image, ImageId, ImageState, InstanceId, Region, Seen, Snapshot, SnapshotState,
        ownership::Role,
    },
    plan::{Pace, timing},
};

const STAGE: Stage = Stage::CreatingImage;

/// What is written down before the image is asked for.
pub(super) fn intent(view: &BuildView<'_>, name: String) -> ImageStatus {
    ImageStatus {
        name,
        region: view.region(),
        requested_at: Time(view.now),
        image_id: None,
        uncertain: None,
        architecture: None,
        snapshots: Vec::new(),
        used_snapshots: Vec::new(),
        available_at: None,
        state: None,
        removed_at: None,
    }
}

/// The name belongs to somebody else's image, which is never touched.
pub(super) fn name_conflict(region: &Region, name: &str, images: &[Image]) -> Failure {
    let holder = images.first().map(|i| i.id.to_string()).unwrap_or_default();
    Failure::new(
        "NameConflict",
        format!(
            "image name {name:?} in {region} is already in use by {holder}, which this build did not create; change spec.image.name in a new ImageBuild"
        ),
    )
}

pub(super) fn create(view: &BuildView<'_>, eyes: &Eyes<'_>, image: &ImageStatus) -> Decided {
    let Some(id) = view.status.builder.as_ref().and_then(|b| b.instance_id.clone()) else {
        let failure = Failure::new(
            "BuilderUnknown",
            "the image is due, but the status has no builder; create a new ImageBuild",
        );
        return Ok(fail(STAGE, failure));
    };
    let fresh = timing::elapsed(image.requested_at.0, view.now) < timing::RESEND_WITHOUT_LOOKUP;
    if fresh && image.uncertain.is_none() {
        return Ok(request(view, image, id));
    }
    match eyes.images_named(&view.spec.region, &image.name).map_err(during(STAGE))? {
        Seen::Unknown => Ok(looking(view, image)),
        Seen::Present(images) => Ok(found(view, image, &id, &images)),
        Seen::Absent(absence) if timing::is_absent(absence) => Ok(request(view, image, id)),
        Seen::Absent(_) => Ok(looking(view, image)),
    }
}

fn looking(view: &BuildView<'_>, image: &ImageStatus) -> Decision {
    wait(STAGE, WaitingOn::ImageLookup { name: image.name.clone(), region: view.region() })
}

/// An image that holds the name is ours only if it carries our tags of this attempt, or was made of our very builder.
fn found(view: &BuildView<'_>, image: &ImageStatus, builder: &InstanceId, images: &[Image]) -> Decision {
    let attempt = view.status.attempt.unwrap_or(1);
    let ours = |i: &&Image| {
        view.owner.owns_attempt(&i.tags, attempt) || i.source_instance_id.as_ref() == Some(builder)
    };
    match images.iter().find(ours) {
        Some(ours) => {
            let found =
                BuildRecord::ImageFound { image_id: ours.id.clone(), intent: image.clone(), attempt: None };
            record(STAGE, found, WaitingOn::ImageCreation { name: image.name.clone(), region: view.region() })
        }
        None => fail(STAGE, name_conflict(&view.spec.region, &image.name, images)),
    }
}

fn request(view: &BuildView<'_>, image: &ImageStatus, instance_id: InstanceId) -> Decision {
    let attempt = view.status.attempt.unwrap_or(1);
    let devices = view.status.source.iter().flat_map(|s| &s.devices);
    let request = CreateImage {
        region: view.region(),
        instance_id,
        name: image.name.clone(),
        description: view.spec.image.description.clone(),
        kept_devices: devices.filter(|d| !d.delete_on_termination).map(|d| d.device_name.clone()).collect(),
        boot_mode: view.spec.image.boot_mode,
        tags: view.owner.tags(&view.spec.image.tags, Role::Image, attempt, None),
    };
    call(
        STAGE,
        BuildCall::CreateImage(request),
        WaitingOn::ImageCreation { name: image.name.clone(), region: view.region() },
    )
}

pub(super) fn wait_for(view: &BuildView<'_>, eyes: &Eyes<'_>, status: &ImageStatus, id: &ImageId) -> Decided {
    let region = &view.spec.region;
    // Only to show progress and reasons: an image must be seen to be available though its snapshots cannot be seen.
    let snapshots = eyes.snapshots_of(region, &view.owner.uid, Pace::Every(timing::PROGRESS_INTERVAL));
    let attempt = view.status.attempt.unwrap_or(1);
    let of_attempt = |s: &&Snapshot| view.owner.owns_attempt(&s.tags, attempt);
    let snapshots: Vec<Snapshot> = snapshots
        .ok()
        .as_ref()
        .and_then(Seen::present)
        .into_iter()
        .flatten()
        .filter(of_attempt)
        .cloned()
        .collect();
    let waiting_on =
        WaitingOn::Image { id: id.clone(), region: region.clone(), progress: least_progress(&snapshots) };
    Ok(match eyes.image(region, id, Pace::Tick).map_err(during(STAGE))? {
        Seen::Unknown => wait(STAGE, waiting_on),
        Seen::Absent(absence) if timing::is_gone(absence, status.requested_at.0) => fail(
            STAGE,
            Failure::new(
                "ImageGone",
                format!(
                    "image {id} is no longer in {region}: somebody deregistered it before it was available"
                ),
            ),
        ),
        Seen::Absent(_) => wait(STAGE, waiting_on),
        Seen::Present(image) => by_state(view, status, &image, &snapshots, waiting_on),
    })
}

fn by_state(
    view: &BuildView<'_>,
    status: &ImageStatus,
    image: &Image,
    snapshots: &[Snapshot],
    waiting_on: WaitingOn,
) -> Decision {
    let region = &view.spec.region;
    match &image.state {
        _ if is_hopeless(image, snapshots) => {
            let why = why_failed(image, snapshots);
            let message = format!("image {} in {region} will never be available: {why}", image.id);
            fail(STAGE, Failure::new("ImageFailed", message))
        }
        ImageState::Pending | ImageState::Transient | ImageState::Other(_) => wait(STAGE, waiting_on),
        ImageState::Available => available(view, status, image, waiting_on),
        // Whether it can be launched is looked after when the run is over.
        ImageState::Disabled if view.spec.launch_state.is_some() => {
            available(view, status, image, waiting_on)
        }
        ImageState::Disabled => {
            let message = format!(
                "image {} in {region} was disabled before the build had finished with it; enable it again",
                image.id
            );
            blocked(STAGE, Failure::new("ImageDisabled", message))
        }
        ImageState::Invalid | ImageState::Deregistered | ImageState::Failed | ImageState::Error => {
            let why = why_failed(image, snapshots);
            fail(
                STAGE,
                Failure::new(
                    "ImageFailed",
                    format!("image {} in {region} is {}: {why}", image.id, image.state),
                ),
            )
        }
    }
}

fn available(view: &BuildView<'_>, status: &ImageStatus, image: &Image, waiting_on: WaitingOn) -> Decision {
    let region = view.region();
    if let Some(lacking) = lifecycle::lacks(view, image) {
        let waiting_on = WaitingOn::Lifecycle { id: image.id.clone(), region: region.clone() };
        return call(STAGE, BuildCall::Upkeep { region, call: lacking }, waiting_on);
    }
    let snapshots = image.devices.iter().filter_map(|device| {
        Some(SnapshotStatus {
            device_name: device.device_name.clone(),
            snapshot_id: device.snapshot_id.clone()?,
            size_gib: device.size_gib,
        })
    });
    let finished = ImageStatus {
        architecture: Some(image.architecture.clone()),
        snapshots: snapshots.collect(),
        available_at: Some(Time(view.now)),
        uncertain: None,
        ..status.clone()
    };
    record(STAGE, BuildRecord::ImageAvailable(finished), waiting_on)
}

/// The progress of the snapshot that is furthest behind: the image is available when the last one is complete.
pub(crate) fn least_progress(snapshots: &[Snapshot]) -> Option<u8> {
    snapshots.iter().map(|s| s.progress).min()
}

/// Whether an image that EC2 calls pending will stay so: a snapshot in error never gets out of that state, and its image
/// would be waited for until the end of time.
pub(crate) fn is_hopeless(image: &Image, snapshots: &[Snapshot]) -> bool {
    image.state == ImageState::Pending && snapshots.iter().any(|s| s.state == SnapshotState::Error)
}

/// What EC2 says of a failed image and its snapshots. It must be read now: the evidence goes with the image.
pub(crate) fn why_failed(image: &Image, snapshots: &[Snapshot]) -> String {
    let of_snapshot = |s: &Snapshot| {
        let message = s.state_message.as_deref().unwrap_or("no reason given");
        (s.state == SnapshotState::Error).then(|| format!("{}: {message}", s.id))
    };
    let reasons: Vec<String> =
        image.state_reason.clone().into_iter().chain(snapshots.iter().filter_map(of_snapshot)).collect();
    if reasons.is_empty() { "EC2 gives no reason".to_owned() } else { reasons.join("; ") }
}
