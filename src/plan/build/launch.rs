//! Launches the builder: first the intent, then the call, and after a lost response a search.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{
    BuildCall, BuildRecord, BuildView, Decided, Decision, Eyes, Failure, Stage, WaitingOn, call, commands,
    content, during, fail, guest, image, record, wait,
};
use crate::{
    api::{
        ImageBuildSpec,
        image_build::{BuilderStatus, FailureStatus, SourceStatus, Transport, Volume},
    },
    customize::Contents,
    model::{Class, ClientToken, Image, Instance, LaunchVolume, RunInstances, Seen, ownership::Role},
    plan::{naming, timing},
};

const STAGE: Stage = Stage::Launching;

/// Before the first launch: whatever can be known to fail later is found now, while nothing costs anything.
pub(super) fn first_attempt(view: &BuildView<'_>, eyes: &Eyes<'_>, source: &SourceStatus) -> Decided {
    let contents = match &view.content {
        Ok(contents) => contents,
        Err(missing) => return Ok(content::missing(view, missing)),
    };
    if let Err(failure) = carried(view, source, contents, &naming::launch_token(view.owner, 1)) {
        return Ok(fail(STAGE, failure));
    }
    let name = naming::image_name(view.spec, view.owner);
    match eyes.images_named(&view.spec.region, &name).map_err(during(STAGE))? {
        Seen::Unknown => Ok(wait(STAGE, WaitingOn::NameLookup { name, region: view.region() })),
        Seen::Absent(_) => Ok(begin(view, 1, first_candidate(view))),
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
                attempt: Some((number, intent(view, number, first_candidate(view), launched_before))),
            };
            record(
                Stage::CreatingImage,
                record_found,
                WaitingOn::ImageCreation { name, region: view.region() },
            )
        }
        None => fail(STAGE, image::name_conflict(&view.spec.region, &name, images)),
    }
}

/// After a failed builder: the order of preference starts again.
pub(super) fn begin_anew(view: &BuildView<'_>) -> Decision {
    begin(view, view.status.attempt.unwrap_or(1) + 1, first_candidate(view))
}

/// Writes down what the next launch will ask for.
fn begin(view: &BuildView<'_>, number: i32, candidate: Candidate) -> Decision {
    let contents = match &view.content {
        Ok(contents) => contents,
        Err(missing) => return content::missing(view, missing),
    };
    let builder = BuilderStatus {
        content_hash: content::hash(view, contents),
        ..intent(view, number, candidate, view.now)
    };
    let waiting_on = WaitingOn::Launch {
        instance_type: builder.instance_type.clone(),
        attempt: number,
        region: view.region(),
    };
    record(STAGE, BuildRecord::Attempt { number, builder }, waiting_on)
}

fn intent(
    view: &BuildView<'_>,
    number: i32,
    (instance_type, subnet_id): Candidate,
    requested_at: jiff::Timestamp,
) -> BuilderStatus {
    BuilderStatus {
        client_token: naming::launch_token(view.owner, number),
        requested_at: Time(requested_at),
        instance_type,
        subnet_id,
        content_hash: None,
        instance_id: None,
        availability_zone: None,
        running_at: None,
        agent_online_at: None,
        command: None,
        stopping_at: None,
        stopped_at: None,
        refused: None,
        failed: None,
        uncertain: None,
        terminating_at: None,
        terminated_at: None,
    }
}

/// An instance type, and the subnet to launch it in; none: EC2 chooses.
type Candidate = (String, Option<String>);

/// The first type in all its subnets, then the next type.
fn candidates(view: &BuildView<'_>) -> Vec<Candidate> {
    let builder = &view.spec.builder;
    let subnets: Vec<Option<String>> = match builder.subnet_ids.as_slice() {
        [] => vec![None],
        ids => ids.iter().cloned().map(Some).collect(),
    };
    let of_type = |t: &String| subnets.iter().map(|s| (t.clone(), s.clone())).collect::<Vec<_>>();
    builder.instance_types.iter().flat_map(of_type).collect()
}

fn first_candidate(view: &BuildView<'_>) -> Candidate {
    candidates(view).into_iter().next().unwrap_or_default()
}

/// The one after the last place of what was refused, so that one named twice is not asked for ever; none: the round is over.
fn next_candidate(view: &BuildView<'_>, refused: &BuilderStatus) -> Option<Candidate> {
    let candidates = candidates(view);
    let last = candidates.iter().rposition(|(t, s)| *t == refused.instance_type && *s == refused.subnet_id);
    candidates.into_iter().nth(last? + 1)
}

pub(super) fn launch(
    view: &BuildView<'_>,
    eyes: &Eyes<'_>,
    source: &SourceStatus,
    builder: &BuilderStatus,
) -> Decided {
    let attempt = view.status.attempt.unwrap_or(1);
    if let Some(refused) = &builder.refused {
        return Ok(next_attempt(view, attempt, builder, refused));
    }
    let same_request = repeatable(view, builder);
    let fresh = timing::elapsed(builder.requested_at.0, view.now) < timing::RESEND_WITHOUT_LOOKUP;
    if let (true, None, Ok(contents)) = (fresh, &builder.uncertain, &same_request) {
        return Ok(run(view, source, builder, contents));
    }
    let region = &view.spec.region;
    let looking = WaitingOn::LaunchLookup { region: region.clone() };
    Ok(match eyes.instance_by_token(region, &builder.client_token).map_err(during(STAGE))? {
        Seen::Present(instance) => adopt(view, attempt, instance),
        Seen::Unknown => wait(STAGE, looking),
        Seen::Absent(absence) => match same_request {
            Ok(contents) => run(view, source, builder, contents),
            Err(failure) if timing::is_gone(absence, builder.requested_at.0) => {
                record(STAGE, BuildRecord::Refused(failure), looking)
            }
            Err(_) => wait(STAGE, looking),
        },
    })
}

/// The contents with which the same request can be made again, which is safe at any time; or why it never can. A token
/// that EC2 knows with other parameters is spent, and so is one whose contents are gone: the instance that it may have
/// launched has time to show itself, and the next attempt has a token of its own.
fn repeatable<'a>(view: &'a BuildView<'_>, builder: &BuilderStatus) -> Result<&'a Contents, Failure> {
    if builder.uncertain.as_deref().and_then(Class::of_code) == Some(Class::TokenMismatch) {
        return Err(Failure::new(
            Class::TokenMismatch.reason(),
            "the launch token was used with other parameters, and no instance has it",
        ));
    }
    content::of_attempt(view, builder)
}

fn adopt(view: &BuildView<'_>, attempt: i32, instance: Instance) -> Decision {
    if view.owner.owns_attempt(&instance.tags, attempt) {
        let waiting_on = WaitingOn::BuilderStart { id: instance.id.clone(), region: view.region() };
        return record(STAGE, BuildRecord::Launched(Box::new(instance)), waiting_on);
    }
    let message = format!(
        "instance {} in {} has this build's launch token but not its ownership tags; inspect it, and create a new ImageBuild",
        instance.id, view.spec.region
    );
    fail(STAGE, Failure::new("BuilderNotOurs", message))
}

/// The next type or subnet; after a round over all of them a pause, then the first one again.
fn next_attempt(
    view: &BuildView<'_>,
    attempt: i32,
    builder: &BuilderStatus,
    refused: &FailureStatus,
) -> Decision {
    if let Some(next) = next_candidate(view, builder) {
        return begin(view, attempt + 1, next);
    }
    let pause = timing::remaining(refused.time.0, timing::CAPACITY_ROUND, view.now);
    if pause.is_zero() {
        return begin_anew(view);
    }
    let mut decision = wait(STAGE, WaitingOn::Capacity { attempt, message: refused.message.clone() });
    decision.check_after = Some(pause);
    decision
}

fn run(
    view: &BuildView<'_>,
    source: &SourceStatus,
    builder: &BuilderStatus,
    contents: &Contents,
) -> Decision {
    let attempt = view.status.attempt.unwrap_or(1);
    match request(view, source, builder, contents) {
        Ok(request) => {
            let waiting_on = WaitingOn::Launch {
                instance_type: builder.instance_type.clone(),
                attempt,
                region: view.region(),
            };
            call(STAGE, BuildCall::RunInstances(request), waiting_on)
        }
        Err(failure) => fail(STAGE, failure),
    }
}

/// The user data of a launch with this token, after a look at whether the steps can be carried at all.
fn carried(
    view: &BuildView<'_>,
    source: &SourceStatus,
    contents: &Contents,
    token: &ClientToken,
) -> Result<Vec<u8>, Failure> {
    match view.spec.customize.transport {
        Transport::UserData => guest::user_data(view, source, contents, token),
        Transport::Ssm => commands::user_data(view, source, contents, token),
    }
}

/// The same for the same receipts: what a token was sent with once, it is sent with always.
fn request(
    view: &BuildView<'_>,
    source: &SourceStatus,
    builder: &BuilderStatus,
    contents: &Contents,
) -> Result<RunInstances, Failure> {
    let spec = view.spec;
    let attempt = view.status.attempt.unwrap_or(1);
    let kept = Duration::from(spec.keep_builder_for);
    let outlived = Duration::from(spec.active_deadline) + kept + timing::DELETE_AFTER_MARGIN;
    let delete_after = timing::later(builder.requested_at.0, outlived);
    Ok(RunInstances {
        region: spec.region.clone(),
        client_token: builder.client_token.clone(),
        image_id: source.image_id.clone(),
        instance_type: builder.instance_type.clone(),
        subnet_id: builder.subnet_id.clone(),
        security_group_ids: spec.builder.security_group_ids.clone(),
        instance_profile: spec.builder.instance_profile.clone(),
        user_data: carried(view, source, contents, &builder.client_token)?,
        volumes: volumes(spec, source),
        tags: view.owner.tags(&spec.builder.tags, Role::Builder, attempt, Some(delete_after)),
    })
}

/// The asked-for volumes, and every other device of the source image: each is to go with the builder. Their encryption is
/// the image's, which cannot be changed later.
/// Source: EC2 API reference, `CreateImage`: the encryption status of existing volumes cannot be modified.
fn volumes(spec: &ImageBuildSpec, source: &SourceStatus) -> Vec<LaunchVolume> {
    let asked = spec.builder.volumes.iter();
    let mut volumes: Vec<LaunchVolume> = asked.map(|v| launch_volume(v, source)).collect();
    for device in &source.devices {
        if !volumes.iter().any(|v| v.device_name == device.device_name) {
            volumes.push(LaunchVolume { device_name: device.device_name.clone(), ..LaunchVolume::default() });
        }
    }
    let key = spec.image.encryption.as_ref().map(|e| &e.kms_key_id);
    for volume in &mut volumes {
        volume.kms_key_id = volume.kms_key_id.take().or_else(|| key.cloned());
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
