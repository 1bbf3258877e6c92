//! One destination: create the copy and keep it in sync. Leaving a region is in [`super::leave`].

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{
    CopyRecord, DestinationCall, DestinationPlan, DriftKind, Eyes, Failure, Progress,
    ReplicationSourceStatus, ReplicationView, WaitingOn, cooling, copy_tags,
    decision::{Decided, blocked, call, moving, record, settled, standing, with},
    failure, former, place, removing, timing,
};
use crate::{
    api::image_replication::{Applied, Destination, DestinationStatus, Published},
    model::{
        AwsError, Class, ClientToken, CopyImage, Image, ImageId, ImageState, Region, Seen, Snapshot,
        ownership::{CLUSTER_ID, Role, UID},
    },
    plan::{
        Pace,
        build::{is_hopeless, why_failed},
        naming,
        removal::is_usable,
    },
};

/// After so many failed copies the condition asks for help; copying is still retried every hour.
const STALLED_AFTER: i32 = 3;

/// Makes the copy and keeps it true.
pub(super) fn keep(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    source: &ReplicationSourceStatus,
    wanted: &Destination,
) -> DestinationPlan {
    let known = view.status.destinations.iter().find(|d| d.region == wanted.region);
    let first = known.and_then(|copy| {
        place::withdrawal::of_untrue(view, eyes, copy).or_else(|| cooling::unused(view, wanted, copy))
    });
    if let Some(plan) = first {
        return plan;
    }
    if wanted.region == source.region {
        let message = format!(
            "{} is the source's own region: the image is there already; remove it from spec.destinations",
            wanted.region
        );
        return standing(Progress::Rejected(Failure::new("SourceRegion", message)));
    }
    if wanted.region.partition() != source.region.partition() {
        return standing(Progress::Rejected(other_partition(source, wanted)));
    }
    if let Some(refused) = copy_tags::too_many(view) {
        return refused;
    }
    let begun = known.is_some_and(|copy| is_current(copy, source, wanted) && copy.failure.is_none());
    let plan = match place::obstacle(view, eyes, source, wanted).filter(|_| !begun) {
        Some(obstacle) => obstacle,
        None => make(view, eyes, source, wanted, known),
    };
    let plan = in_turn(view, &wanted.region, plan);
    let newest = |copy: &&DestinationStatus| copy.available_at.is_some() && is_current(copy, source, wanted);
    match known.filter(|copy| !newest(copy)) {
        Some(copy) if plan.step.is_none() => meanwhile(view, eyes, copy, plan),
        Some(_) | None => plan,
    }
}

/// Consumers have the former copy until the next one is there, however long that takes.
fn meanwhile(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    copy: &DestinationStatus,
    plan: DestinationPlan,
) -> DestinationPlan {
    match place::meanwhile(view, eyes, copy) {
        Some(meanwhile) => {
            DestinationPlan { progress: plan.progress, check_after: plan.check_after, ..meanwhile }
        }
        None => plan,
    }
}

/// A copy is begun, and its intent written down, when it has one of the slots of its region.
fn in_turn(view: &ReplicationView<'_>, region: &Region, plan: DestinationPlan) -> DestinationPlan {
    if !plan.begins_a_copy() || view.slots.contains(region) {
        return plan;
    }
    moving(WaitingOn::CopySlot { region: region.clone() })
}

fn other_partition(source: &ReplicationSourceStatus, wanted: &Destination) -> Failure {
    let message = format!(
        "{} is in partition {}, and the source's region {} in {}: AWS cannot copy images between partitions; remove it from spec.destinations",
        wanted.region,
        wanted.region.partition(),
        source.region,
        source.region.partition()
    );
    Failure::new("OtherPartition", message)
}

fn make(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    source: &ReplicationSourceStatus,
    wanted: &Destination,
    known: Option<&DestinationStatus>,
) -> DestinationPlan {
    let decided = match known {
        Some(copy) if copy.failure.is_some() => after_failure(view, eyes, source, wanted, copy),
        Some(copy) if is_current(copy, source, wanted) => current(view, eyes, source, wanted, copy),
        Some(copy) => outdated(view, eyes, source, wanted, copy),
        None => Ok(begin(view, source, wanted, None)),
    };
    settled(decided)
}

/// A copy that was lost has no source any more; the next attempt gives it one. A region that is added again with another key
/// may come before its old copy is gone.
fn is_current(copy: &DestinationStatus, source: &ReplicationSourceStatus, wanted: &Destination) -> bool {
    copy.source_image_id.as_ref() == Some(&source.image_id) && copy.kms_key_id.as_deref() == key(wanted)
}

fn key(wanted: &Destination) -> Option<&str> {
    wanted.encryption.as_ref().map(|encryption| encryption.kms_key_id.as_str())
}

/// A copy of a former source: an unfinished one is cancelled first, a finished one stays while the new one is made.
fn outdated(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    source: &ReplicationSourceStatus,
    wanted: &Destination,
    copy: &DestinationStatus,
) -> Decided {
    let unfinished =
        copy.available_at.is_none() && copy.requested_at.is_some() && copy.source_image_id.is_some();
    if !unfinished {
        return Ok(begin(view, source, wanted, Some(copy)));
    }
    let waiting_on = WaitingOn::CopyLookup { region: copy.region.clone() };
    if let Some(image) = finished_meanwhile(eyes, copy)? {
        return Ok(record(CopyRecord::Available(Box::new(image)), waiting_on));
    }
    removing::copies(view, eyes, copy, true, |spared| match spared {
        // Known from a list, and not by its id yet: nothing new is to be written down.
        Some(id) if copy.image_id.as_ref() == Some(&id) => moving(waiting_on),
        Some(id) => record(CopyRecord::Found(id), waiting_on),
        None => begin(view, source, wanted, Some(copy)),
    })
}

/// A copy that nobody saw to be finished is a former copy like others: forgotten, it would be paid for by nobody's wish.
fn finished_meanwhile(eyes: &Eyes<'_>, copy: &DestinationStatus) -> Result<Option<Image>, AwsError> {
    let Some(id) = &copy.image_id else { return Ok(None) };
    let seen = eyes.image(&copy.region, id, Pace::Now)?;
    Ok(seen.present().filter(|image| is_usable(image)).cloned())
}

/// Writes down what the next copy call will ask for. A finished copy of a former source becomes a previous one.
fn begin(
    view: &ReplicationView<'_>,
    source: &ReplicationSourceStatus,
    wanted: &Destination,
    old: Option<&DestinationStatus>,
) -> DestinationPlan {
    let region = &wanted.region;
    let attempt = old.and_then(|d| d.attempt).unwrap_or(0) + 1;
    let same_source = old.filter(|copy| is_current(copy, source, wanted));
    let previous = old.map(former::with_this).unwrap_or_default();
    let intent = DestinationStatus {
        region: region.clone(),
        image_id: None,
        serving_image_id: old.and_then(|d| d.serving_image_id.clone()),
        source_image_id: Some(source.image_id.clone()),
        kms_key_id: key(wanted).map(str::to_owned),
        snapshot_ids: Vec::new(),
        used_snapshots: Vec::new(),
        attempt: Some(attempt),
        failed_attempts: same_source.map_or(0, |copy| copy.failed_attempts),
        client_token: Some(token(view, source, wanted, attempt)),
        requested_at: Some(Time(view.now)),
        uncertain: None,
        progress: None,
        available_at: None,
        observed_generation: None,
        tag_keys: copy_tags::wanted(view).into_keys().collect(),
        published: old.and_then(|d| d.published.clone()).or_else(|| left_in(view, region)),
        applied: old.map(shared_before).unwrap_or_default(),
        failure: None,
        conditions: old.map(|d| d.conditions.clone()).unwrap_or_default(),
        previous,
    };
    record(CopyRecord::Attempt(Box::new(intent)), WaitingOn::CopyStart { region: region.clone() })
}

/// How far the copy that serves meanwhile is shared. Whoever cancels what he is granted does so on the next copy too.
fn shared_before(old: &DestinationStatus) -> Applied {
    let regrants = old.applied.regrants.clone();
    let shared_generation = old.observed_generation.or(old.applied.shared_generation);
    Applied { regrants, shared_generation, ..Applied::default() }
}

/// What a source that has left this region was published as: the copy takes its place.
fn left_in(view: &ReplicationView<'_>, region: &Region) -> Option<Published> {
    let left = view.status.left_source.as_ref().filter(|left| left.region == *region);
    left.and_then(|left| left.published.clone())
}

fn token(
    view: &ReplicationView<'_>,
    source: &ReplicationSourceStatus,
    wanted: &Destination,
    attempt: i32,
) -> ClientToken {
    naming::copy_token(view.owner, &wanted.region, &source.image_id, key(wanted), attempt)
}

fn current(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    source: &ReplicationSourceStatus,
    wanted: &Destination,
    copy: &DestinationStatus,
) -> Decided {
    match &copy.image_id {
        None => start(view, eyes, source, wanted, copy),
        Some(id) if copy.available_at.is_none() => under_way(view, eyes, wanted, copy, id),
        Some(id) => in_place(view, eyes, copy, id),
    }
}

/// The call itself, or after a lost answer the search for what it made.
fn start(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    source: &ReplicationSourceStatus,
    wanted: &Destination,
    copy: &DestinationStatus,
) -> Decided {
    let made_at = copy.made_at();
    let fresh = timing::elapsed(made_at, view.now) < timing::RESEND_WITHOUT_LOOKUP;
    if fresh && copy.uncertain.is_none() {
        return Ok(request(view, source, wanted, copy));
    }
    let waiting_on = WaitingOn::CopyLookup { region: copy.region.clone() };
    let attempt = copy.attempt.unwrap_or(1);
    let seen = eyes.images_of(&copy.region, &view.owner.uid, Pace::Now)?;
    let mismatch = copy.uncertain.as_deref().and_then(Class::of_code) == Some(Class::TokenMismatch);
    let ours = |i: &&Image| {
        view.owner.owns_attempt(&i.tags, attempt)
            && i.source_image_id.as_ref().is_none_or(|id| *id == source.image_id)
            && i.state != ImageState::Deregistered
            && (mismatch || timing::may_come_of(i.created_at, made_at))
    };
    if let Some(image) = seen.present().and_then(|images| images.iter().find(ours)) {
        return Ok(record(CopyRecord::Found(image.id.clone()), waiting_on));
    }
    let nothing = match &seen {
        Seen::Unknown => return Ok(moving(waiting_on)),
        Seen::Absent(absence) => timing::is_absent(*absence),
        Seen::Present(_) => true,
    };
    let window = timing::remaining(made_at, timing::CONSISTENCY_WINDOW, view.now);
    Ok(match (nothing, mismatch) {
        (true, false) => request(view, source, wanted, copy),
        (true, true) if window.is_zero() => begin(view, source, wanted, Some(copy)),
        (true, true) => DestinationPlan { check_after: Some(window), ..moving(waiting_on) },
        (false, _) => moving(waiting_on),
    })
}

fn request(
    view: &ReplicationView<'_>,
    source: &ReplicationSourceStatus,
    wanted: &Destination,
    copy: &DestinationStatus,
) -> DestinationPlan {
    let attempt = copy.attempt.unwrap_or(1);
    let request = CopyImage {
        region: copy.region.clone(),
        client_token: copy.client_token.clone().unwrap_or_else(|| token(view, source, wanted, attempt)),
        source_image_id: source.image_id.clone(),
        source_region: source.region.clone(),
        name: view.spec.image_name.clone().unwrap_or_else(|| source.name.clone()),
        kms_key_id: key(wanted).map(str::to_owned),
        completion_minutes: view.spec.time_based_copy_minutes,
        tags: view.owner.tags(&copy_tags::wanted(view), Role::Copy, attempt, None),
    };
    call(DestinationCall::CopyImage(request), WaitingOn::CopyStart { region: copy.region.clone() })
}

fn under_way(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    wanted: &Destination,
    copy: &DestinationStatus,
    id: &ImageId,
) -> Decided {
    let region = &copy.region;
    // Only to show progress and reasons: a copy must be seen to be available though its snapshots cannot be seen.
    let snapshots = eyes.snapshots_of(region, &view.owner.uid, Pace::Every(timing::PROGRESS_INTERVAL));
    let attempt = copy.attempt.unwrap_or(1);
    let mine: Vec<Snapshot> = snapshots
        .as_ref()
        .ok()
        .and_then(Seen::present)
        .into_iter()
        .flatten()
        .filter(|s| view.owner.owns_attempt(&s.tags, attempt))
        .filter(|s| s.made_for().is_none_or(|image| image == *id))
        .cloned()
        .collect();
    let progress = mine.iter().map(|s| s.progress).min();
    let waiting_on = WaitingOn::Image { id: id.clone(), region: region.clone(), progress };
    let failed =
        |image| record(CopyRecord::Failed(failure::of_copy(image, &mine, wanted)), waiting_on.clone());
    Ok(match eyes.image(region, id, Pace::Tick)? {
        Seen::Unknown => moving(waiting_on),
        Seen::Absent(absence) if timing::is_gone(absence, copy.made_at()) => lost(copy, waiting_on),
        Seen::Absent(_) => moving(waiting_on),
        Seen::Present(image) if is_hopeless(&image, &mine) => failed(&image),
        Seen::Present(image) => match &image.state {
            ImageState::Pending | ImageState::Transient | ImageState::Other(_) => moving(waiting_on),
            ImageState::Available | ImageState::Disabled => {
                record(CopyRecord::Available(Box::new(image)), waiting_on)
            }
            ImageState::Invalid | ImageState::Deregistered | ImageState::Failed | ImageState::Error => {
                failed(&image)
            }
        },
    })
}

/// The copy exists: it is checked periodically, repaired where it differs, and created again when it was removed.
fn in_place(view: &ReplicationView<'_>, eyes: &Eyes<'_>, copy: &DestinationStatus, id: &ImageId) -> Decided {
    let in_sync = copy.observed_generation == view.generation;
    let pace = if in_sync { view.resync() } else { Pace::Now };
    let waiting_on = WaitingOn::Tags { id: id.clone(), region: copy.region.clone() };
    Ok(match eyes.image(&copy.region, id, pace)? {
        Seen::Absent(absence) if timing::is_lost(absence, copy.made_at()) => {
            lost(copy, WaitingOn::CopyStart { region: copy.region.clone() })
        }
        Seen::Unknown | Seen::Absent(_) if in_sync => standing(Progress::Done),
        Seen::Unknown | Seen::Absent(_) => moving(waiting_on),
        Seen::Present(image) => {
            let plan = by_state(view, eyes, copy, &image, in_sync);
            if plan.step.is_some() || plan.progress != Progress::Done {
                return Ok(plan);
            }
            with(plan, former::retire(view, eyes, copy)?)
        }
    })
}

fn by_state(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    copy: &DestinationStatus,
    image: &Image,
    in_sync: bool,
) -> DestinationPlan {
    let (id, region) = (image.id.clone(), copy.region.clone());
    let waiting_on = WaitingOn::CopyStart { region: region.clone() };
    if !view.owner.owns(&image.tags) {
        return blocked(not_ours(view, copy, &id));
    }
    match &image.state {
        ImageState::Disabled if view.spec.launch_state.is_none() => {
            let message = format!(
                "copy {id} in {region} was disabled by somebody and cannot be launched; enable it again, or set spec.launchState"
            );
            blocked(Failure::new("CopyDisabled", message))
        }
        ImageState::Available
        | ImageState::Pending
        | ImageState::Transient
        | ImageState::Disabled
        | ImageState::Other(_) => place::copy(view, eyes, copy, image, in_sync),
        ImageState::Deregistered => lost(copy, waiting_on),
        ImageState::Invalid | ImageState::Failed | ImageState::Error => {
            let why = why_failed(image, &[]);
            let message = format!("copy {id} in {region} is {}: {why}", image.state);
            record(CopyRecord::Failed(Failure::new("CopyFailed", message)), waiting_on)
        }
    }
}

fn not_ours(view: &ReplicationView<'_>, copy: &DestinationStatus, id: &ImageId) -> Failure {
    let message = format!(
        "{id} in {} no longer has the ownership tags {CLUSTER_ID}={} and {UID}={}: it is left alone; restore them, or deregister it to have it copied again",
        copy.region, view.owner.cluster_id, view.owner.uid
    );
    Failure::new("CopyNotOwned", message)
}

/// Somebody removed a copy that was there, or that was on its way.
fn lost(copy: &DestinationStatus, waiting_on: WaitingOn) -> DestinationPlan {
    // Its snapshots can be there still, and are paid for.
    if let Some(plan) = cooling::newest(copy) {
        return plan;
    }
    // They stay for now: whoever deregistered the copy may want it back from the Recycle Bin.
    let found = || {
        let id = copy.image_id.as_ref().map(ToString::to_string).unwrap_or_default();
        let snapshots: Vec<&str> = copy.snapshot_ids.iter().map(|snapshot| snapshot.0.as_str()).collect();
        format!(
            "copy {id} in {} was deregistered and is created again; its remaining snapshots ({}) are deleted with the next copy that is removed",
            copy.region,
            snapshots.join(", ")
        )
    };
    record(CopyRecord::Lost, waiting_on).repairing(copy.available_at.is_some(), DriftKind::Image, found)
}

/// The evidence is written down; the failed copy goes, then it is made again, ever more slowly. A new source is no
/// repetition, and need not wait.
fn after_failure(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    source: &ReplicationSourceStatus,
    wanted: &Destination,
    copy: &DestinationStatus,
) -> Decided {
    if let Some(off) = cooling::newest(copy) {
        return Ok(DestinationPlan { progress: failed_progress(copy), ..off });
    }
    if copy.image_id.is_some() {
        let mut plan = removing::copies(view, eyes, copy, true, |_| {
            record(CopyRecord::FailedRemoved, WaitingOn::CopyStart { region: copy.region.clone() })
        })?;
        plan.progress = failed_progress(copy);
        return Ok(plan);
    }
    let failed_at = copy.failure.as_ref().map_or(view.now, |f| f.time.0);
    let pause = timing::remaining(failed_at, timing::copy_retry_delay(failures(copy)), view.now);
    if pause.is_zero() || !is_current(copy, source, wanted) {
        return Ok(begin(view, source, wanted, Some(copy)));
    }
    let mut plan = standing(failed_progress(copy));
    plan.check_after = Some(pause);
    Ok(plan)
}

fn failed_progress(copy: &DestinationStatus) -> Progress {
    let failure = copy.failure.as_ref().map_or_else(|| Failure::new(failure::UNEXPLAINED, ""), Failure::from);
    let message = failure.message.clone();
    if failures(copy) >= STALLED_AFTER || failure.reason != failure::UNEXPLAINED {
        return Progress::Blocked(failure);
    }
    Progress::Moving(WaitingOn::CopyRetry { region: copy.region.clone(), message })
}

/// An older version counted none.
fn failures(copy: &DestinationStatus) -> i32 {
    copy.failed_attempts.max(1)
}
