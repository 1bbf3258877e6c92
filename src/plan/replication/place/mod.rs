//! What is kept in sync on an image that is there: a list of aspects, each of which compares what is wanted with what is seen
//! and says what to write next. The source image in its own region is such a place too.

mod fast_restores;
mod lifecycle;
mod publish;
mod sharing;
mod tags;
pub(super) mod withdrawal;

pub(super) use sharing::{about_to_grant, left_granted, obstacle, revocation::of_copies as revoke_from};

use super::{
    DestinationCall, DestinationPlan, DestinationRecord, DriftKind, Eyes, Failure, ImageRecord, Matter,
    Progress, PublicationRecord, ReplicationSourceStatus, ReplicationView, Target, WaitingOn, copy_tags,
    decision::{Decided, Perhaps, blocked, both, call, moving, record, settled, standing, with},
    timing,
};
use crate::{
    api::image_replication::{Applied, DestinationStatus, Published},
    model::{AwsError, Image, ImageId, ImageState, Region, Seen, SnapshotId},
    plan::{Pace, UpkeepCall},
};

/// An image in a region, and what was written down of it.
#[derive(Clone)]
struct Place<'a> {
    region: &'a Region,
    image: &'a Image,
    snapshots: &'a [SnapshotId],
    tag_keys: &'a [String],
    applied: &'a Applied,
    published: Option<&'a Published>,
    /// Former copies that are there; not known of a source.
    former: Option<Vec<&'a ImageId>>,
    is_source: bool,
    /// It was as this generation wants it: what differs is drift.
    in_sync: bool,
}

/// Compares what is wanted with what is seen: the next write, or where it stands.
type Aspect = fn(&ReplicationView<'_>, &Eyes<'_>, &Place<'_>) -> Decided;

/// In the order of their writes. Sharing comes late: disabling an image takes its permissions off.
const OF_A_COPY: [Aspect; 8] = [
    tags::keep,
    lifecycle::description,
    lifecycle::imds,
    lifecycle::launch_state,
    lifecycle::deprecation,
    lifecycle::protection,
    fast_restores::keep,
    sharing::keep,
];

const OF_THE_SOURCE: [Aspect; 2] = [tags::keep, sharing::keep];

/// Keeps a copy true.
pub(super) fn copy(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    copy: &DestinationStatus,
    image: &Image,
    in_sync: bool,
) -> DestinationPlan {
    let place = Place {
        region: &copy.region,
        image,
        snapshots: &copy.snapshot_ids,
        tag_keys: &copy.tag_keys,
        applied: &copy.applied,
        published: copy.published.as_ref(),
        former: Some(copy.previous.iter().map(|previous| &previous.image_id).collect()),
        is_source: false,
        in_sync,
    };
    keep(view, eyes, &place, &OF_A_COPY)
}

/// The copy that serves stays shared and published as the manifest says while the next one is made; none where it is.
pub(super) fn meanwhile(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    copy: &DestinationStatus,
) -> Option<DestinationPlan> {
    let published = copy.published.as_ref();
    if published.is_none() && !sharing::concerns(view) {
        return None;
    }
    let id = published.map(|published| &published.image_id).or_else(|| last_finished(copy))?;
    let seen = eyes.image(&copy.region, id, view.resync()).ok()?;
    let image = seen.present().filter(|image| image.state == ImageState::Available)?;
    let others = copy.previous.iter().map(|previous| &previous.image_id).filter(|other| *other != id);
    let place = Place {
        region: &copy.region,
        image,
        snapshots: &image.snapshot_ids(),
        tag_keys: published.map_or(&[], |published| &published.tag_keys),
        applied: &copy.applied,
        published,
        former: Some(others.collect()),
        is_source: false,
        in_sync: copy.finished() == Some(id) && copy.observed_generation == view.generation,
    };
    let shared = settled(sharing::keep(view, eyes, &place));
    if shared.step.is_some() {
        return Some(shared);
    }
    let publishing = published.map(|_| settled(publish::keep(view, eyes, &place)));
    let next = publishing.filter(|plan| plan.step.is_some());
    next.or_else(|| is_newly_shared(view, &place, &shared).then(|| receipt(&place, ImageRecord::Shared)))
}

/// The sharing of this generation is complete, which is not known yet.
fn is_newly_shared(view: &ReplicationView<'_>, place: &Place<'_>, plan: &DestinationPlan) -> bool {
    plan.shown.get(&Matter::Shared) == Some(&Progress::Done) && !sharing::was_complete(view, place)
}

fn receipt(place: &Place<'_>, written: ImageRecord) -> DestinationPlan {
    let (id, region) = (place.image.id.clone(), place.region.clone());
    record(written, WaitingOn::Tags { id, region })
}

fn last_finished(copy: &DestinationStatus) -> Option<&ImageId> {
    copy.finished().or_else(|| copy.previous.first().map(|former| &former.image_id))
}

/// Keeps the source image true in its own region; none where this object does nothing with it.
pub(super) fn source_region(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    source: &ReplicationSourceStatus,
) -> Option<DestinationPlan> {
    if !view.spec.concerns_source_region(view.status) {
        return None;
    }
    Some(settled(source_image(view, eyes, source)).about(Target::Source))
}

/// Our account. Before there is a copy to show it, it is asked for where the source must be shared first.
fn our_account(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    source: &ReplicationSourceStatus,
    image: &Image,
) -> Result<Option<String>, AwsError> {
    if let Some(owner) = owner_of_copies(view, eyes) {
        return Ok(Some(owner));
    }
    if !image.is_encrypted() || !sharing::concerns(view) {
        return Ok(None);
    }
    Ok(eyes.account(&source.region)?.present().cloned())
}

/// Our account, once a copy shows it.
fn owner_of_copies(view: &ReplicationView<'_>, eyes: &Eyes<'_>) -> Option<String> {
    let copies = view.status.destinations.iter().filter(|d| d.available_at.is_some());
    let seen =
        |copy: &DestinationStatus| eyes.image(&copy.region, copy.image_id.as_ref()?, view.resync()).ok();
    let mut owners = copies.filter_map(|copy| Some(seen(copy)?.present()?.owner_id.clone()));
    owners.next()
}

fn source_image(view: &ReplicationView<'_>, eyes: &Eyes<'_>, source: &ReplicationSourceStatus) -> Decided {
    let known = view.status.source_region.clone().unwrap_or_default();
    let in_sync = known.observed_generation == view.generation && known.observed_generation.is_some();
    let published = known.published.as_ref();
    if let Some(plan) = publish::withdraw_untrue(view, eyes, (&source.region, true), published, None)? {
        return Ok(plan);
    }
    let seen = eyes.image(&source.region, &source.image_id, view.resync())?;
    if is_dead(&seen) {
        let plan = without_image(source, published);
        return Ok(with(plan, sharing::revocation::beside_dead_source(view, eyes, source)?));
    }
    let waiting_on = WaitingOn::Sharing { id: source.image_id.clone(), region: source.region.clone() };
    let image = match &seen {
        Seen::Present(image) => image,
        Seen::Unknown if !in_sync => return Ok(moving(waiting_on)),
        // Its copies are what counts.
        Seen::Unknown | Seen::Absent(_) => return Ok(standing(Progress::Done)),
    };
    let Some(owner) = our_account(view, eyes, source, image)? else {
        return Ok(if in_sync { standing(Progress::Done) } else { moving(waiting_on) });
    };
    if image.owner_id != owner || image.state != ImageState::Available {
        return Ok(standing(Progress::Done));
    }
    let snapshots = image.snapshot_ids();
    let place = Place {
        region: &source.region,
        image,
        snapshots: &snapshots,
        // Those of a former source are taken off that one.
        tag_keys: known.published.as_ref().filter(|p| p.image_id == image.id).map_or(&[], |p| &p.tag_keys),
        applied: &known.applied,
        published: known.published.as_ref(),
        former: None,
        is_source: true,
        in_sync,
    };
    Ok(keep(view, eyes, &place, &OF_THE_SOURCE))
}

/// Nobody can launch it, for certain.
fn is_dead(seen: &Seen<Image>) -> bool {
    match seen {
        Seen::Unknown => false,
        Seen::Absent(absence) => timing::is_absent(*absence),
        Seen::Present(image) => match image.state {
            ImageState::Available | ImageState::Pending | ImageState::Transient | ImageState::Other(_) => {
                false
            }
            ImageState::Invalid
            | ImageState::Deregistered
            | ImageState::Failed
            | ImageState::Error
            | ImageState::Disabled => true,
        },
    }
}

/// Whoever removed or retired the source needs no repair of it. An image that was published before and can be launched stays
/// published, and a source that comes back is published again.
fn without_image(source: &ReplicationSourceStatus, published: Option<&Published>) -> DestinationPlan {
    if published.is_some() {
        return standing(Progress::Done);
    }
    let message =
        format!("source image {} in {} is gone or cannot be launched", source.image_id, source.region);
    let unavailable = Progress::Blocked(Failure::new("SourceNotAvailable", message));
    standing(Progress::Done)
        .showing(Matter::Shared, unavailable.clone())
        .showing(Matter::Published, unavailable)
}

/// The first write that an aspect asks for; where none does, the worst that one has to say.
fn keep(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    place: &Place<'_>,
    aspects: &[Aspect],
) -> DestinationPlan {
    let mut whole = standing(Progress::Done);
    for aspect in aspects {
        whole = both(whole, settled(aspect(view, eyes, place)));
        if whole.step.is_some() {
            return whole;
        }
    }
    // Nobody is told of an image that is not as it should be.
    if whole.progress == Progress::Done {
        whole = both(whole, settled(publish::keep(view, eyes, place)));
    }
    if whole.step.is_some() {
        return whole;
    }
    if whole.progress == Progress::Done && !place.in_sync {
        return DestinationPlan { shown: whole.shown, ..receipt(place, ImageRecord::InSync) };
    }
    if is_newly_shared(view, place, &whole) {
        let DestinationPlan { step, .. } = receipt(place, ImageRecord::Shared);
        return DestinationPlan { step, ..whole };
    }
    whole
}

/// A write about the image that is there.
fn write(place: &Place<'_>, call: UpkeepCall, waiting_on: WaitingOn) -> DestinationPlan {
    self::call(DestinationCall::Upkeep { region: place.region.clone(), call }, waiting_on)
}
