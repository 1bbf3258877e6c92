//! How consumers find an image: parameters and tags, once it is available and shared. What is about to be published is
//! written down first, and a parameter is ours only if it carries our tags.
//!
//! The tags of the image that is published are put on with its other tags; here are those of the one before.

use std::time::Duration;

use super::{
    Decided, DestinationCall, DestinationPlan, DestinationRecord, DriftKind, Eyes, Failure, Matter, Pace,
    Place, Progress, ReplicationView, Seen, WaitingOn, blocked, call, moving, record, standing, timing,
};
use crate::{
    api::{
        LaunchState,
        image_replication::{Pin, Publish, PublishWhen, Published, PublishedParameter, PutParameterStatus},
    },
    model::{AwsError, ImageId, PutParameter, Region, Tags, ownership::Role},
};

/// What is to be published in this place; nothing that cannot be launched.
fn wanted<'v>(view: &ReplicationView<'v>, place: &Place<'_>) -> Option<&'v Publish> {
    let publish = view.spec.publish.as_ref();
    let launchable = view.spec.launch_state != Some(LaunchState::Disabled);
    publish.filter(|p| launchable && (!place.is_source || p.include_source_region))
}

/// The tags that the image of this place has for being published.
pub(super) fn tags(view: &ReplicationView<'_>, place: &Place<'_>) -> Tags {
    let is_published = place.published.is_some_and(|p| p.image_id == place.image.id);
    let published =
        wanted(view, place).filter(|publish| is_published && target(publish, place) == place.image.id);
    published.map(|publish| publish.tags.clone()).unwrap_or_default()
}

/// The image that consumers are to find.
fn target(publish: &Publish, place: &Place<'_>) -> ImageId {
    let previous = place.published.and_then(|p| p.previous_image_id.clone());
    match (publish.pin, previous) {
        (Some(Pin::Previous), Some(previous)) => previous,
        (Some(Pin::Previous), None) | (None, _) => place.image.id.clone(),
    }
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
        Some(published) if published.image_id == place.image.id => {
            published_here(view, eyes, place, publish, published)?
        }
        Some(_) | None => begin(view, place, publish),
    };
    let progress = plan.progress.clone();
    Ok(plan.showing(Matter::Published, progress))
}

fn waiting_on(place: &Place<'_>) -> WaitingOn {
    WaitingOn::Publication { id: place.image.id.clone(), region: place.region.clone() }
}

/// Waits for the other regions where the manifest says so; then writes down what will be published.
fn begin(view: &ReplicationView<'_>, place: &Place<'_>, publish: &Publish) -> DestinationPlan {
    if place.applied.prepared.as_ref() != Some(&place.image.id) {
        return record(DestinationRecord::Prepared(place.image.id.clone()), waiting_on(place));
    }
    if publish.when == PublishWhen::AllReady && !all_are_prepared(view) {
        return moving(waiting_on(place));
    }
    let previous_image_id = place.published.map(|p| p.image_id.clone());
    let published = Published {
        image_id: place.image.id.clone(),
        previous_image_id,
        parameters: parameters(publish, place.published),
    };
    record(DestinationRecord::Publishing(published), waiting_on(place))
}

/// Whether every destination has the newest image, shared.
fn all_are_prepared(view: &ReplicationView<'_>) -> bool {
    let source = view.status.source.as_ref().map(|s| &s.image_id);
    view.spec.destinations.iter().all(|wanted| {
        let copy = view.status.destinations.iter().find(|d| d.region == wanted.region);
        copy.is_some_and(|copy| {
            let published = copy.published.as_ref().map(|p| &p.image_id);
            let is_ready = copy.applied.prepared == copy.image_id || published == copy.image_id.as_ref();
            is_ready && copy.image_id.is_some() && copy.source_image_id.as_ref() == source
        })
    })
}

/// Those of the manifest, and those that are still to be taken back.
fn parameters(publish: &Publish, known: Option<&Published>) -> Vec<PutParameterStatus> {
    let mut all: Vec<PutParameterStatus> = known.map(|p| p.parameters.clone()).unwrap_or_default();
    for wanted in &publish.ssm_parameters {
        if !all.iter().any(|p| p.name == wanted.name) {
            all.push(PutParameterStatus { name: wanted.name.clone(), value: None, put_at: None });
        }
    }
    all
}

fn published_here(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    place: &Place<'_>,
    publish: &Publish,
    published: &Published,
) -> Decided {
    let is_wanted = |name: &String| publish.ssm_parameters.iter().any(|p| p.name == *name);
    if let Some(surplus) = published.parameters.iter().find(|p| !is_wanted(&p.name)) {
        return withdraw(view, eyes, place.region, &surplus.name);
    }
    let all = parameters(publish, Some(published));
    if all.len() != published.parameters.len() {
        let published = Published { parameters: all, ..published.clone() };
        return Ok(record(DestinationRecord::Publishing(published), waiting_on(place)));
    }
    let value = target(publish, place);
    for wanted in &publish.ssm_parameters {
        let put = published.parameters.iter().find(|p| p.name == wanted.name);
        if let Some(plan) = parameter(view, eyes, place, wanted, put, &value)? {
            return Ok(plan);
        }
    }
    former_tags(view, eyes, place, publish, published)
}

/// None where the parameter holds the value.
fn parameter(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    place: &Place<'_>,
    wanted: &PublishedParameter,
    put: Option<&PutParameterStatus>,
    value: &ImageId,
) -> Result<Option<DestinationPlan>, AwsError> {
    let put_at = put.filter(|p| p.value.as_ref() == Some(value)).and_then(|p| p.put_at.as_ref());
    let pause =
        put_at.map_or(Duration::ZERO, |at| timing::remaining(at.0, timing::PARAMETER_VALIDATION, view.now));
    let (region, name) = (place.region.clone(), wanted.name.clone());
    let to_put = |new_with| {
        let found = format!("parameter {name} in {region} holds {value} again");
        let request =
            PutParameter { region: region.clone(), name: name.clone(), value: value.clone(), new_with };
        let put = call(DestinationCall::PutParameter(request), waiting_on(place));
        put.repairing(place.in_sync, DriftKind::Parameter, || found)
    };
    Ok(match eyes.parameter(place.region, &wanted.name, view.resync())? {
        Seen::Present(held) if held == value.0 => None,
        Seen::Unknown if place.in_sync => None,
        Seen::Unknown => Some(moving(waiting_on(place))),
        Seen::Present(_) | Seen::Absent(_) if !pause.is_zero() => {
            eyes.parameter(place.region, &wanted.name, Pace::Tick)?;
            Some(DestinationPlan { check_after: Some(pause), ..moving(waiting_on(place)) })
        }
        Seen::Absent(_) => Some(to_put(Some(owner_tags(view)))),
        Seen::Present(held) => Some(match eyes.parameter_tags(place.region, &wanted.name)? {
            Seen::Present(tags) if view.owner.owns(&tags) => to_put(None),
            Seen::Present(_) if wanted.adopt => {
                let tags = owner_tags(view);
                call(DestinationCall::TagParameter { region, name, tags }, waiting_on(place))
            }
            Seen::Present(_) => blocked(not_ours(place, &wanted.name, &held)),
            Seen::Unknown | Seen::Absent(_) => moving(waiting_on(place)),
        }),
    })
}

fn owner_tags(view: &ReplicationView<'_>) -> Tags {
    view.owner.tags(&Tags::new(), Role::Parameter, 1, None)
}

fn not_ours(place: &Place<'_>, name: &str, held: &str) -> Failure {
    let message = format!(
        "parameter {name} in {} holds {held:?} and was not made by this object: give another name, or take it over by adopt: true",
        place.region
    );
    Failure::new("ParameterNotOwned", message)
}

/// Consumers that select by tags find one image: the former one loses them, or has them again while it is pinned.
fn former_tags(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    place: &Place<'_>,
    publish: &Publish,
    published: &Published,
) -> Decided {
    let former = published.previous_image_id.as_ref().filter(|_| !publish.tags.is_empty());
    let Some(former) = former.filter(|id| **id != place.image.id) else {
        return Ok(standing(Progress::Done));
    };
    let seen = eyes.image(place.region, former, view.resync())?;
    let Some(image) = seen.present() else {
        let unknown = seen == Seen::Unknown && !place.in_sync;
        return Ok(if unknown { moving(waiting_on(place)) } else { standing(Progress::Done) });
    };
    let has = |(key, value): &(&String, &String)| image.tags.get(*key) == Some(*value);
    let (region, resources) = (place.region.clone(), vec![former.to_string()]);
    let (on, off): (Vec<_>, Vec<_>) = publish.tags.iter().partition(has);
    let to_do = if target(publish, place) == *former {
        let tags: Tags = off.into_iter().map(|(k, v)| (k.clone(), v.clone())).collect();
        (!tags.is_empty()).then_some(DestinationCall::CreateTags { region, resources, tags })
    } else {
        let keys: Vec<String> = on.into_iter().map(|(key, _)| key.clone()).collect();
        (!keys.is_empty()).then_some(DestinationCall::DeleteTags { region, resources, keys })
    };
    Ok(to_do.map_or_else(|| standing(Progress::Done), |to_do| call(to_do, waiting_on(place))))
}

/// Takes all back that was published in a region.
pub(in super::super) fn take_back(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    region: &Region,
    published: &Published,
) -> Decided {
    match published.parameters.first() {
        Some(parameter) => withdraw(view, eyes, region, &parameter.name),
        None => Ok(record(DestinationRecord::Withdrawn, withdrawal(region))),
    }
}

/// Deletes a parameter that is ours, and forgets one that is not.
fn withdraw(view: &ReplicationView<'_>, eyes: &Eyes<'_>, region: &Region, name: &str) -> Decided {
    let (region, name) = (region.clone(), name.to_owned());
    let waiting_on = withdrawal(&region);
    Ok(match eyes.parameter_tags(&region, &name)? {
        Seen::Present(tags) if view.owner.owns(&tags) => {
            call(DestinationCall::DeleteParameter { region, name }, waiting_on)
        }
        Seen::Absent(absence) if !timing::is_absent(absence) => moving(waiting_on),
        Seen::Unknown => moving(waiting_on),
        Seen::Present(_) | Seen::Absent(_) => record(DestinationRecord::ParameterGone(name), waiting_on),
    })
}

fn withdrawal(region: &Region) -> WaitingOn {
    WaitingOn::Withdrawal { region: region.clone() }
}
