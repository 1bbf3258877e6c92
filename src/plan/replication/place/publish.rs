//! How consumers find an image: parameters and tags, once it is available and shared. A publication is recorded before it is
//! made, and a parameter belongs to the operator only if it carries the ownership tags.
//!
//! The tags of the image that is published are put on with its other tags; those of the one before are in [`former`].

mod former;

use std::time::Duration;

use jiff::Timestamp;

use super::{
    Decided, DestinationCall, DestinationPlan, DriftKind, Eyes, Failure, ImageRecord, Matter, Pace, Perhaps,
    Place, Progress, PublicationRecord, ReplicationView, Seen, WaitingOn, blocked, call, is_dead, moving,
    record, standing, timing,
};
use crate::{
    api::image_replication::{Publish, PublishWhen, Published, PublishedParameter, PutParameterStatus},
    model::{AwsError, Image, ImageId, ImageState, PutParameter, Region, Tags, ownership::Role},
    plan::{lifecycle::is_disabled, timing::Presence},
};

/// What is to be published in this place.
fn wanted<'v>(view: &ReplicationView<'v>, place: &Place<'_>) -> Option<&'v Publish> {
    view.spec.publishing(place.is_source)
}

/// The tags that the image of this place has for being published.
pub(super) fn tags(view: &ReplicationView<'_>, place: &Place<'_>) -> Tags {
    let target = wanted(view, place).zip(place.published).filter(|(publish, published)| {
        published.image_id == place.image.id && *publish.target(published) == place.image.id
    });
    target.map(|(publish, _)| publish.tags.clone()).unwrap_or_default()
}

/// The image that consumers are told of, where it is another one of ours: a pinned one, or the one before while the newest is not
/// published yet.
pub(super) fn other_image(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    place: &Place<'_>,
) -> Result<Option<Image>, AwsError> {
    let told_of = wanted(view, place).zip(place.published).map(|(publish, known)| publish.target(known));
    let Some(id) = told_of.filter(|id| **id != place.image.id) else { return Ok(None) };
    let seen = eyes.image(place.region, id, view.resync())?;
    let is_ours = |i: &&Image| i.state == ImageState::Available && i.owner_id == place.image.owner_id;
    Ok(seen.present().filter(is_ours).cloned())
}

/// Publishes the image, and takes back what is no longer to be published.
pub(super) fn keep(view: &ReplicationView<'_>, eyes: &Eyes<'_>, place: &Place<'_>) -> Decided {
    let Some(publish) = wanted(view, place) else {
        return match place.published {
            None => Ok(standing(Progress::Done)),
            Some(published) => take_back(view, eyes, place.region, published),
        };
    };
    let plan = match place.published {
        Some(published) => known(view, eyes, place, publish, published)?,
        None => begin(view, eyes, place, publish)?,
    };
    Ok(plan.shown_as(Matter::Published))
}

/// A pinned image stays published whatever is newest; else the newest takes the place of the one before.
fn known(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    place: &Place<'_>,
    publish: &Publish,
    published: &Published,
) -> Decided {
    if published.image_id == place.image.id {
        return uphold(view, eyes, place, publish, published);
    }
    if *publish.target(published) == published.image_id {
        return begin(view, eyes, place, publish);
    }
    // The pin holds for this region: others may be new, and wait for all.
    match prepare(place) {
        Some(plan) => Ok(plan),
        None => uphold(view, eyes, place, publish, published),
    }
}

fn waiting_on(place: &Place<'_>) -> WaitingOn {
    WaitingOn::Publication { id: place.image.id.clone(), region: place.region.clone() }
}

/// As far as this region is concerned the image can be published: that is written down for the others.
fn prepare(place: &Place<'_>) -> Option<DestinationPlan> {
    let id = &place.image.id;
    let is_known = place.applied.prepared.as_ref() == Some(id);
    (!is_known).then(|| record(ImageRecord::Prepared(id.clone()), waiting_on(place)))
}

/// Waits for the other regions where the manifest says so; then writes down what will be published.
fn begin(view: &ReplicationView<'_>, eyes: &Eyes<'_>, place: &Place<'_>, publish: &Publish) -> Decided {
    if let Some(plan) = prepare(place) {
        return Ok(plan);
    }
    if publish.when == PublishWhen::AllReady && !all_are_prepared(view) {
        return Ok(moving(waiting_on(place)));
    }
    // Only one former image is written down: what it has is taken off before another one takes its place.
    let cleaned = place.published.map(|known| former::clean(view, eyes, place.region, known)).transpose()?;
    let next = || record(PublicationRecord::Publishing(succession(view, place, publish)), waiting_on(place));
    Ok(cleaned.flatten().unwrap_or_else(next))
}

/// What the image of this place, if it is a source, had before it was published: others put it on, and count on it when it no
/// longer is.
pub(super) fn replaced(place: &Place<'_>) -> Tags {
    let of_this = place.published.filter(|published| published.image_id == place.image.id);
    of_this.map(|published| published.replaced_tags.clone()).unwrap_or_default()
}

/// With tags that are about to be put on the source image.
pub(super) fn tagging(place: &Place<'_>, published: &Published, keys: Vec<String>) -> Published {
    let mut next = published.clone();
    next.replaced_tags.extend(held(place.image, &keys));
    next.tag_keys.extend(keys);
    next
}

/// What an image has under these keys.
fn held(image: &Image, keys: &[String]) -> Tags {
    let mut tags = image.tags.clone();
    tags.retain(|key, _| keys.contains(key));
    tags
}

/// What is published next. A copy that was lost is no image to go back to: the one before it is.
fn succession(view: &ReplicationView<'_>, place: &Place<'_>, publish: &Publish) -> Published {
    let keys: Vec<String> = publish.tags.keys().cloned().collect();
    let next = Published {
        image_id: place.image.id.clone(),
        tag_keys: keys.clone(),
        replaced_tags: if place.is_source { held(place.image, &keys) } else { Tags::new() },
        previous_image_id: None,
        previous_tag_keys: Vec::new(),
        previous_replaced_tags: Tags::new(),
        parameters: parameters(publish, place.published),
    };
    let is_there = |id: &ImageId| {
        place.former.as_ref().is_none_or(|former| former.contains(&id)) || view.status.sources().contains(id)
    };
    match place.published {
        None => next,
        Some(old) if is_there(&old.image_id) => {
            // What a source image has under others was put on by others.
            let more = keys.into_iter().filter(|key| !place.is_source && !old.tag_keys.contains(key));
            let previous_tag_keys = old.tag_keys.iter().cloned().chain(more).collect();
            let previous_replaced_tags = old.replaced_tags.clone();
            let previous_image_id = Some(old.image_id.clone());
            Published { previous_image_id, previous_tag_keys, previous_replaced_tags, ..next }
        }
        Some(old) => Published { previous_image_id: old.previous_image_id.clone(), ..next },
    }
}

/// Whether every destination has the newest image, shared.
fn all_are_prepared(view: &ReplicationView<'_>) -> bool {
    let source = view.status.source.as_ref().map(|s| &s.image_id);
    view.spec.destinations.iter().all(|wanted| {
        let copy = view.status.destination(&wanted.region);
        copy.is_some_and(|copy| {
            let published = copy.published.as_ref().map(|p| &p.image_id);
            let is_ready = copy.applied.prepared == copy.image_id || published == copy.image_id.as_ref();
            is_ready && copy.image_id.is_some() && copy.source_image_id.as_ref() == source
        })
    })
}

/// Those of the manifest, with what is known of them.
fn parameters(publish: &Publish, known: Option<&Published>) -> Vec<PutParameterStatus> {
    let known = |name: &String| known?.parameters.iter().find(|p| p.name == *name).cloned();
    let new = |name: &String| PutParameterStatus {
        name: name.clone(),
        value: None,
        put_at: None,
        unseen_puts: None,
    };
    publish.ssm_parameters.iter().map(|p| known(&p.name).unwrap_or_else(|| new(&p.name))).collect()
}

/// Parameters and tags are as they were written down.
fn uphold(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    place: &Place<'_>,
    publish: &Publish,
    published: &Published,
) -> Decided {
    let all = parameters(publish, Some(published));
    if all.len() != published.parameters.len() {
        let published = Published { parameters: all, ..published.clone() };
        return Ok(record(PublicationRecord::Publishing(published), waiting_on(place)));
    }
    let value = publish.target(published);
    if let Some(plan) = former::obstacle(view, eyes, place, published, value)? {
        return Ok(plan);
    }
    for wanted in &publish.ssm_parameters {
        let put = published.parameters.iter().find(|p| p.name == wanted.name);
        if let Some(plan) = parameter(view, eyes, place, wanted, put, value)? {
            return Ok(plan);
        }
    }
    let former = if *value == published.image_id {
        former::clean(view, eyes, place.region, published)?
    } else {
        former::dress(view, eyes, place, publish, published)?
    };
    Ok(former.unwrap_or_else(|| standing(Progress::Done)))
}

/// How far AWS is with a value, which it takes first and validates afterwards.
enum Validation {
    /// It was not put yet.
    Unasked,
    /// It held the value.
    Over,
    Pending(Duration),
    /// It should have held the value by now; it is put again after this time.
    Overdue(Duration),
}

impl Validation {
    fn of(put: Option<&PutParameterStatus>, value: &ImageId, now: Timestamp) -> Self {
        let Some(put) = put.filter(|put| put.value.as_ref() == Some(value)) else { return Self::Unasked };
        let Some((times, at)) = put.unseen_puts.zip(put.put_at.as_ref()) else { return Self::Over };
        let pause = timing::remaining(at.0, timing::PARAMETER_VALIDATION, now);
        if times > 1 || pause.is_zero() {
            return Self::Overdue(timing::remaining(at.0, timing::NEEDS_HELP, now));
        }
        Self::Pending(pause)
    }
}

/// None where the parameter holds the value.
fn parameter(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    place: &Place<'_>,
    wanted: &PublishedParameter,
    put: Option<&PutParameterStatus>,
    value: &ImageId,
) -> Perhaps {
    let validation = Validation::of(put, value, view.now);
    let look = |pace| eyes.parameter(place.region, &wanted.name, pace);
    let held = match look(view.resync())? {
        Seen::Present(held) if held == value.0 => return adopt(view, eyes, place, wanted),
        Seen::Unknown if place.in_sync && matches!(validation, Validation::Unasked | Validation::Over) => {
            return Ok(None);
        }
        Seen::Unknown => return Ok(Some(moving(waiting_on(place)))),
        Seen::Absent(_) => None,
        Seen::Present(held) => Some(held),
    };
    let again = place.in_sync && matches!(validation, Validation::Over);
    let put = || put_parameter(view, eyes, place, wanted, (value, held.as_deref()), again);
    Ok(Some(match validation {
        Validation::Unasked | Validation::Over => put()?,
        Validation::Pending(pause) => {
            look(Pace::Tick)?;
            DestinationPlan { check_after: Some(pause), ..moving(waiting_on(place)) }
        }
        Validation::Overdue(pause) => {
            look(Pace::Every(timing::NEEDS_HELP))?;
            let told = Progress::Blocked(not_validated(place, &wanted.name, value));
            if !pause.is_zero() {
                return Ok(Some(DestinationPlan { check_after: Some(pause), ..standing(told) }));
            }
            let plan = put()?;
            let progress = if plan.step.is_some() { told } else { plan.progress };
            DestinationPlan { progress, ..plan }
        }
    }))
}

/// A parameter to be adopted may hold the value already, as a script put it there: only its tags tell whose it is, and it
/// would be left behind at an image that goes.
fn adopt(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    place: &Place<'_>,
    wanted: &PublishedParameter,
) -> Perhaps {
    if !wanted.adopt || place.in_sync {
        return Ok(None);
    }
    Ok(match eyes.parameter_tags(place.region, &wanted.name)? {
        Seen::Present(tags) if view.owner.owns(&tags) => None,
        Seen::Present(_) => Some(take_over(view, place, wanted)),
        Seen::Unknown | Seen::Absent(_) => Some(moving(waiting_on(place))),
    })
}

fn take_over(view: &ReplicationView<'_>, place: &Place<'_>, wanted: &PublishedParameter) -> DestinationPlan {
    let (region, name, tags) = (place.region.clone(), wanted.name.clone(), owner_tags(view));
    call(DestinationCall::TagParameter { region, name, tags }, waiting_on(place))
}

/// Puts the value into a parameter that is not there, or that is ours and holds another.
fn put_parameter(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    place: &Place<'_>,
    wanted: &PublishedParameter,
    (value, held): (&ImageId, Option<&str>),
    again: bool,
) -> Decided {
    let (region, name) = (place.region.clone(), wanted.name.clone());
    let put = |new_with| {
        let found = format!("parameter {name} in {region} is set to {value} again");
        let (region, name) = (region.clone(), name.clone());
        let request = PutParameter { region, name, value: value.clone(), tier: wanted.tier, new_with };
        let put = call(DestinationCall::PutParameter(request), waiting_on(place));
        put.repairing(again, DriftKind::Parameter, || found)
    };
    let Some(held) = held else { return Ok(put(Some(new_tags(view)))) };
    Ok(match eyes.parameter_tags(place.region, &wanted.name)? {
        Seen::Present(tags) if view.owner.owns(&tags) => put(None),
        Seen::Present(_) if wanted.adopt => take_over(view, place, wanted),
        Seen::Present(_) => blocked(not_ours(place, &wanted.name, held)),
        Seen::Unknown | Seen::Absent(_) => moving(waiting_on(place)),
    })
}

/// Those of a parameter that is made: AWS takes tags with no other call to put it.
fn new_tags(view: &ReplicationView<'_>) -> Tags {
    let mut tags = view.spec.tags.clone();
    tags.retain(|key, value| is_taken(key) && is_taken(value));
    view.owner.tags(&tags, Role::Parameter, 1, None)
}

/// EC2 takes more in a tag. Source: Systems Manager API reference, `Tag`.
fn is_taken(text: &str) -> bool {
    text.chars().all(|c| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c))
}

fn owner_tags(view: &ReplicationView<'_>) -> Tags {
    view.owner.tags(&Tags::new(), Role::Parameter, 1, None)
}

fn not_ours(place: &Place<'_>, name: &str, held: &str) -> Failure {
    let message = format!(
        "parameter {name} in {} holds {held:?} and was not created by this object: use another name, or take it over with adopt: true",
        place.region
    );
    Failure::new("ParameterNotOwned", message)
}

fn not_validated(place: &Place<'_>, name: &str, value: &ImageId) -> Failure {
    let message = format!(
        "parameter {name} in {} was set to {value} but does not hold it: AWS validates aws:ec2:image parameters after accepting the call, and discards invalid values; check that the operator's role has ec2:DescribeImages there, and that the image is available in that region",
        place.region
    );
    Failure::new("ParameterNotValidated", message)
}

/// What consumers are told of and must not be, whatever else is to be done in a region, or cannot be: what the manifest does
/// not publish any more, and an image that nobody can launch, unless it is `mended`.
pub(in super::super) fn withdraw_untrue(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    (region, is_source): (&Region, bool),
    published: Option<&Published>,
    mended: Option<&ImageId>,
) -> Perhaps {
    let Some(published) = published else { return Ok(None) };
    let Some(publish) = view.spec.publishing(is_source) else {
        return take_back(view, eyes, region, published).map(Some);
    };
    let is_wanted = |name: &String| publish.ssm_parameters.iter().any(|p| p.name == *name);
    if let Some(surplus) = published.parameters.iter().find(|p| !is_wanted(&p.name)) {
        return withdraw(view, eyes, region, published, &surplus.name).map(Some);
    }
    if !names_the_dead(view, eyes, region, published, mended)? {
        return Ok(None);
    }
    let plan = if publish.is_pinned() {
        // The newest is not wanted: its place is not to be taken for want of the pinned one.
        let named = published.parameters.iter().find(|p| p.value.is_some());
        named.map(|p| withdraw(view, eyes, region, published, &p.name)).transpose()?
    } else {
        Some(take_back(view, eyes, region, published)?)
    };
    Ok(plan.map(|plan| plan.shown_as(Matter::Published)))
}

/// Whether nobody can launch any image that consumers are told of.
pub(in super::super) fn names_the_dead(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    region: &Region,
    published: &Published,
    mended: Option<&ImageId>,
) -> Result<bool, AwsError> {
    for id in named(published) {
        let seen = eyes.image(region, id, view.resync())?;
        let is_mended = mended == Some(id) && seen.present().is_some_and(is_disabled);
        if !is_dead(&seen) || is_mended {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The images that parameters hold; where none was put yet, those that have the tags, or are to have them.
fn named(published: &Published) -> Vec<&ImageId> {
    let held: Vec<&ImageId> = published.parameters.iter().filter_map(|p| p.value.as_ref()).collect();
    if !held.is_empty() {
        return held;
    }
    let dressed = published.previous_image_id.iter().filter(|_| !published.previous_tag_keys.is_empty());
    dressed.chain(std::iter::once(&published.image_id)).collect()
}

/// Takes all back that was published in a region.
pub(in super::super) fn take_back(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    region: &Region,
    published: &Published,
) -> Decided {
    if let Some(parameter) = published.parameters.first() {
        return withdraw(view, eyes, region, published, &parameter.name);
    }
    let last = || record(PublicationRecord::Withdrawn, withdrawal(region));
    Ok(former::undress(view, eyes, region, published)?.unwrap_or_else(last))
}

/// Deletes a parameter that is ours, and forgets one that is not, or that tells of another image of this object by now.
fn withdraw(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    region: &Region,
    published: &Published,
    name: &str,
) -> Decided {
    let (region, name) = (region.clone(), name.to_owned());
    let waiting_on = withdrawal(&region);
    if is_taken_over(view, &region, published, &name) {
        return Ok(record(PublicationRecord::ParameterGone(name), waiting_on));
    }
    Ok(match Presence::of(eyes.parameter_tags(&region, &name)?) {
        Presence::There(tags) if view.owner.owns(&tags) => {
            call(DestinationCall::DeleteParameter { region, name }, waiting_on)
        }
        Presence::Unsure => moving(waiting_on),
        Presence::There(_) | Presence::Gone => record(PublicationRecord::ParameterGone(name), waiting_on),
    })
}

/// A region that the source moves to, or leaves, can have a copy too: the source comes before the copy, and what was left
/// comes last.
fn is_taken_over(view: &ReplicationView<'_>, region: &Region, published: &Published, name: &str) -> bool {
    let status = view.status;
    let is_here = status.source.as_ref().is_some_and(|source| source.region == *region);
    let source = status.source_region.as_ref().filter(|_| is_here).and_then(|place| place.published.as_ref());
    let copy = status.destination(region).and_then(|copy| copy.published.as_ref());
    let others = source.into_iter().chain(copy).take_while(|other| *other != published);
    let mut parameters = others.flat_map(|other| &other.parameters);
    parameters.any(|parameter| parameter.name == name && parameter.value.is_some())
}

fn withdrawal(region: &Region) -> WaitingOn {
    WaitingOn::Withdrawal { region: region.clone() }
}
