//! Launching the builder: the intent first, then the call, and after a lost reply the search.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{
    BuildCall, BuildRecord, BuildView, Decided, Decision, Eyes, Failure, Stage, WaitingOn, call, during,
    fail, image, record, wait,
};
use crate::{
    api::image_build::{BuilderStatus, SourceStatus, Volume},
    customize::{self, Nonce},
    model::{Image, Instance, LaunchVolume, RunInstances, Seen, ownership::Role},
    plan::{naming, timing},
};

const STAGE: Stage = Stage::Launching;

/// What [`BuilderStatus::uncertain`] holds when EC2 knows the token with other parameters.
pub const TOKEN_MISMATCH: &str = "IdempotentParameterMismatch";

/// Before the first launch: whatever can be known to fail later is found now, while nothing costs anything.
pub(super) fn first_attempt(view: &BuildView<'_>, eyes: &Eyes<'_>) -> Decided {
    let token = naming::launch_token(view.owner, 1);
    if let Err(too_large) = customize::user_data(&view.spec.customize, &Nonce::for_token(&token)) {
        return Ok(fail(STAGE, Failure::new("UserDataTooLarge", too_large.to_string())));
    }
    let name = naming::image_name(view.spec, view.owner);
    match eyes.images_named(&view.spec.region, &name).map_err(during(STAGE))? {
        Seen::Unknown => Ok(wait(STAGE, WaitingOn::NameLookup { name })),
        Seen::Absent { .. } => Ok(begin(view, 1)),
        Seen::Present(images) => Ok(name_in_use(view, name, &images)),
    }
}

/// An image of our own under this name is the one that a former life of this very object made: its status was lost. Its
/// builder may have outlived the status too, and is found by the token of the attempt that the image names.
fn name_in_use(view: &BuildView<'_>, name: String, images: &[Image]) -> Decision {
    match images.iter().find(|i| view.owner.owns(&i.tags)) {
        Some(ours) => {
            let number = view.owner.attempt_of(&ours.tags).unwrap_or(1);
            let launched_before = ours.created_at.unwrap_or(view.now);
            let record_found = BuildRecord::ImageFound {
                image_id: ours.id.clone(),
                intent: image::intent(view, name.clone()),
                attempt: Some((number, intent(view, number, launched_before))),
            };
            record(Stage::CreatingImage, record_found, WaitingOn::ImageCreation { name })
        }
        None => fail(STAGE, image::name_conflict(&view.spec.region, &name, images)),
    }
}

/// Writes down what the next launch will ask for.
fn begin(view: &BuildView<'_>, number: i32) -> Decision {
    let builder = intent(view, number, view.now);
    let waiting_on = WaitingOn::Launch { instance_type: builder.instance_type.clone(), attempt: number };
    record(STAGE, BuildRecord::Attempt { number, builder }, waiting_on)
}

fn intent(view: &BuildView<'_>, number: i32, requested_at: jiff::Timestamp) -> BuilderStatus {
    let (instance_type, subnet_id) = candidate(view, number);
    BuilderStatus {
        client_token: naming::launch_token(view.owner, number),
        requested_at: Time(requested_at),
        instance_type,
        subnet_id,
        instance_id: None,
        availability_zone: None,
        running_at: None,
        stopped_at: None,
        refused: None,
        uncertain: None,
        terminating_at: None,
        terminated_at: None,
    }
}

/// Attempt 1 takes the first type in the first subnet; then the other subnets of this type, then the next type.
fn candidate(view: &BuildView<'_>, number: i32) -> (String, Option<String>) {
    let builder = &view.spec.builder;
    let subnets = builder.subnet_ids.len().max(1);
    let index = usize::try_from(number - 1).unwrap_or(0) % candidates(view);
    let instance_type = builder.instance_types.get(index / subnets).cloned().unwrap_or_default();
    (instance_type, builder.subnet_ids.get(index % subnets).cloned())
}

fn candidates(view: &BuildView<'_>) -> usize {
    (view.spec.builder.subnet_ids.len().max(1) * view.spec.builder.instance_types.len()).max(1)
}

pub(super) fn launch(
    view: &BuildView<'_>,
    eyes: &Eyes<'_>,
    source: &SourceStatus,
    builder: &BuilderStatus,
) -> Decided {
    let attempt = view.status.attempt.unwrap_or(1);
    if let Some(refused) = &builder.refused {
        return Ok(next_attempt(view, attempt, &refused.message, refused.time.0));
    }
    let fresh = timing::elapsed(builder.requested_at.0, view.now) < timing::RESEND_WITHOUT_LOOKUP;
    if fresh && builder.uncertain.is_none() {
        return Ok(run(view, source, builder, attempt));
    }
    let region = &view.spec.region;
    match eyes.instance_by_token(region, &builder.client_token).map_err(during(STAGE))? {
        Seen::Present(instance) => Ok(adopt(view, attempt, instance)),
        Seen::Unknown => Ok(wait(STAGE, WaitingOn::LaunchLookup { region: region.clone() })),
        Seen::Absent { checks, since } => Ok(not_found(view, source, builder, attempt, (checks, since))),
    }
}

/// Nothing was found under the token. Sending the same request with the same token is safe at any time; a token that
/// EC2 knows with other parameters can never be used again, and its instance had time enough to show itself.
fn not_found(
    view: &BuildView<'_>,
    source: &SourceStatus,
    builder: &BuilderStatus,
    attempt: i32,
    (checks, since): (u32, jiff::Timestamp),
) -> Decision {
    if builder.uncertain.as_deref() != Some(TOKEN_MISMATCH) {
        return run(view, source, builder, attempt);
    }
    if timing::is_gone(checks, since, builder.requested_at.0, view.now) {
        let failure = Failure::new(
            TOKEN_MISMATCH,
            "the launch token was used with other parameters, and no instance was found under it",
        );
        return record(
            STAGE,
            BuildRecord::Refused(failure),
            WaitingOn::LaunchLookup { region: view.spec.region.clone() },
        );
    }
    wait(STAGE, WaitingOn::LaunchLookup { region: view.spec.region.clone() })
}

fn adopt(view: &BuildView<'_>, attempt: i32, instance: Instance) -> Decision {
    if view.owner.owns_attempt(&instance.tags, attempt) {
        let waiting_on = WaitingOn::BuilderStart { id: instance.id.clone() };
        return record(STAGE, BuildRecord::Launched(Box::new(instance)), waiting_on);
    }
    let message = format!(
        "instance {} in {} has this build's launch token but not its ownership tags; look at it, and create a new ImageBuild",
        instance.id, view.spec.region
    );
    fail(STAGE, Failure::new("BuilderNotOurs", message))
}

fn next_attempt(view: &BuildView<'_>, attempt: i32, why: &str, refused_at: jiff::Timestamp) -> Decision {
    let round_over = usize::try_from(attempt).unwrap_or(1).is_multiple_of(candidates(view));
    let pause = if round_over {
        timing::remaining(refused_at, timing::CAPACITY_ROUND, view.now)
    } else {
        Duration::ZERO
    };
    if pause.is_zero() {
        return begin(view, attempt + 1);
    }
    let mut decision = wait(STAGE, WaitingOn::Capacity { attempt, message: why.to_owned() });
    decision.check_after = Some(pause);
    decision
}

fn run(view: &BuildView<'_>, source: &SourceStatus, builder: &BuilderStatus, attempt: i32) -> Decision {
    match request(view, source, builder, attempt) {
        Ok(request) => {
            let waiting_on = WaitingOn::Launch { instance_type: builder.instance_type.clone(), attempt };
            call(STAGE, BuildCall::RunInstances(request), waiting_on)
        }
        Err(too_large) => fail(STAGE, Failure::new("UserDataTooLarge", too_large.to_string())),
    }
}

/// The same for the same receipts: what a token was sent with once, it is sent with always.
fn request(
    view: &BuildView<'_>,
    source: &SourceStatus,
    builder: &BuilderStatus,
    attempt: i32,
) -> Result<RunInstances, customize::TooLarge> {
    let spec = view.spec;
    let nonce = Nonce::for_token(&builder.client_token);
    let outlived = Duration::from(spec.active_deadline) + timing::DELETE_AFTER_MARGIN;
    let delete_after = timing::later(builder.requested_at.0, outlived);
    Ok(RunInstances {
        region: spec.region.clone(),
        client_token: builder.client_token.clone(),
        image_id: source.image_id.clone(),
        instance_type: builder.instance_type.clone(),
        subnet_id: builder.subnet_id.clone(),
        security_group_ids: spec.builder.security_group_ids.clone(),
        instance_profile: spec.builder.instance_profile.clone(),
        user_data: customize::user_data(&spec.customize, &nonce)?,
        volumes: volumes(&spec.builder.volumes, source),
        tags: view.owner.tags(&spec.builder.tags, Role::Builder, attempt, Some(delete_after)),
    })
}

/// The asked-for volumes, and every other device of the source image: each is to go with the builder.
fn volumes(asked: &[Volume], source: &SourceStatus) -> Vec<LaunchVolume> {
    let mut volumes: Vec<LaunchVolume> = asked.iter().map(|v| launch_volume(v, source)).collect();
    for device in &source.devices {
        if !volumes.iter().any(|v| v.device_name == device.device_name) {
            volumes.push(LaunchVolume { device_name: device.device_name.clone(), ..LaunchVolume::default() });
        }
    }
    volumes
}

fn launch_volume(volume: &Volume, source: &SourceStatus) -> LaunchVolume {
    let root = source.root_device_name.as_deref().filter(|_| volume.device_name == "root");
    LaunchVolume {
        device_name: root.unwrap_or(&volume.device_name).to_owned(),
        size_gib: volume.size_gib,
        volume_type: volume.volume_type,
        iops: volume.iops,
        throughput: volume.throughput,
        kms_key_id: volume.kms_key_id.clone(),
    }
}
