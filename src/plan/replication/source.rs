//! Resolves the source image.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{
    BaseBuild, Eyes, Failure, FinishedBuild, Progress, ReplicationSourceStatus, ReplicationView, WaitingOn,
    copy_tags, timing,
};
use crate::{
    api::image_replication::{ImageRef, SelectedBuild},
    model::{Class, Image, ImageState, Seen, Tags},
    plan::Pace,
};

/// The source, or why there is none yet.
type Resolved = Result<ReplicationSourceStatus, Box<Progress>>;

pub(super) fn resolve(view: &ReplicationView<'_>, eyes: &Eyes<'_>) -> Resolved {
    let wanted = &view.spec.source;
    let source = match (&wanted.image, &wanted.image_build_selector) {
        (Some(image), _) => by_id(view, eyes, image),
        (None, Some(selector)) => by_selector(view, selector.to_string()),
        (None, None) => by_build(view),
    };
    with_tags(view, eyes, source?)
}

/// Tags are read once: copies outlive their source, and one that is made later is to be like the others.
fn with_tags(view: &ReplicationView<'_>, eyes: &Eyes<'_>, source: ReplicationSourceStatus) -> Resolved {
    if !view.spec.copy_source_tags {
        return Ok(ReplicationSourceStatus { tags: None, ..source });
    }
    let known = view.status.source.as_ref();
    let known = known.filter(|s| s.image_id == source.image_id && s.region == source.region);
    if let Some(tags) = known.and_then(|s| s.tags.clone()) {
        return Ok(ReplicationSourceStatus { tags: Some(tags), ..source });
    }
    let seen = eyes.image(&source.region, &source.image_id, Pace::Now);
    let tags = match seen.map_err(|e| Box::new(Progress::Trouble(e)))? {
        Seen::Present(image) => copy_tags::of_users(image.tags),
        Seen::Absent(absence) if timing::is_absent(absence) => Tags::new(),
        Seen::Unknown | Seen::Absent(_) => return moving(WaitingOn::SourceLookup { region: source.region }),
    };
    Ok(ReplicationSourceStatus { tags: Some(tags), ..source })
}

fn by_build(view: &ReplicationView<'_>) -> Resolved {
    let name = view.spec.source.image_build_ref.as_ref().map(|r| r.name.clone()).unwrap_or_default();
    match &view.base {
        Some((BaseBuild::Ready { region, image_id }, image_name)) => Ok(ReplicationSourceStatus {
            image_build_name: Some(name),
            image_id: image_id.clone(),
            region: region.clone(),
            name: image_name.clone(),
            selected: None,
            tags: None,
        }),
        Some((BaseBuild::Failed, _)) => blocked(
            "SourceBuildFailed",
            format!("ImageBuild {name} ended without an image; refer to another build"),
        ),
        Some((BaseBuild::Missing, _)) => resolved_before(view, name),
        Some((BaseBuild::Running, _)) | None => moving(WaitingOn::SourceBuild { name }),
    }
}

/// The newest build, unless a newer one was found before: what was rolled out is never taken back because its build was
/// deleted or lost its labels. Another selector is another wish, and begins anew.
fn by_selector(view: &ReplicationView<'_>, selector: String) -> Resolved {
    let known = view.status.source.as_ref();
    let known = known.filter(|s| s.selected.as_ref().is_some_and(|chosen| chosen.selector == selector));
    match (&view.newest, known) {
        (Some(newest), known) if known.is_none_or(|known| is_newer(newest, known)) => {
            Ok(ReplicationSourceStatus {
                image_build_name: Some(newest.name.clone()),
                image_id: newest.image_id.clone(),
                region: newest.region.clone(),
                name: newest.image_name.clone(),
                selected: Some(SelectedBuild {
                    selector,
                    completion_time: Time(newest.completed_at),
                    creation_time: newest.created_at.map(Time),
                }),
                tags: None,
            })
        }
        (_, Some(known)) => Ok(known.clone()),
        (_, None) => moving(WaitingOn::SelectedBuild { selector }),
    }
}

fn is_newer(newest: &FinishedBuild, known: &ReplicationSourceStatus) -> bool {
    let of_known =
        known.selected.as_ref().map(|s| (s.completion_time.0, s.creation_time.as_ref().map(|t| t.0)));
    let name = known.image_build_name.clone().unwrap_or_default();
    Some(((newest.completed_at, newest.created_at), &newest.name)) > of_known.map(|times| (times, &name))
}

/// A build that is deleted after its image was found takes nothing with it: GitOps prunes dated builds.
fn resolved_before(view: &ReplicationView<'_>, name: String) -> Resolved {
    let known = view.status.source.as_ref().filter(|s| s.image_build_name.as_ref() == Some(&name));
    known.map_or_else(|| moving(WaitingOn::SourceBuild { name }), |source| Ok(unselected(source)))
}

/// It is the source by its name or id now, and not for being the newest.
fn unselected(source: &ReplicationSourceStatus) -> ReplicationSourceStatus {
    ReplicationSourceStatus { selected: None, ..source.clone() }
}

/// Once resolved, an image is not looked at again: its copies outlive it.
fn by_id(view: &ReplicationView<'_>, eyes: &Eyes<'_>, wanted: &ImageRef) -> Resolved {
    if let Some(known) =
        view.status.source.as_ref().filter(|s| s.image_id == wanted.image_id && s.region == wanted.region)
    {
        return Ok(unselected(known));
    }
    match eyes
        .image(&wanted.region, &wanted.image_id, Pace::Now)
        .map_err(|e| Box::new(Progress::Trouble(e)))?
    {
        Seen::Present(image) => available(eyes, wanted, &image),
        Seen::Absent(absence) if timing::is_absent(absence) => {
            let message = format!(
                "image {} was not found in {}: it does not exist there or is not shared with this account; check spec.source.image",
                wanted.image_id, wanted.region
            );
            blocked("SourceNotFound", message)
        }
        Seen::Unknown | Seen::Absent(_) => moving(WaitingOn::SourceLookup { region: wanted.region.clone() }),
    }
}

fn available(eyes: &Eyes<'_>, wanted: &ImageRef, image: &Image) -> Resolved {
    match &image.state {
        ImageState::Available if image.is_licensed() && !is_ours(eyes, wanted, image)? => {
            not_copyable(wanted, image)
        }
        ImageState::Available => Ok(ReplicationSourceStatus {
            image_build_name: None,
            image_id: image.id.clone(),
            region: wanted.region.clone(),
            name: image.name.clone(),
            selected: None,
            tags: None,
        }),
        ImageState::Pending | ImageState::Transient | ImageState::Other(_) => {
            moving(WaitingOn::SourceImage {
                id: image.id.clone(),
                region: wanted.region.clone(),
                state: image.state.to_string(),
            })
        }
        ImageState::Disabled
        | ImageState::Invalid
        | ImageState::Deregistered
        | ImageState::Failed
        | ImageState::Error => {
            let message = format!(
                "source image {} in {} is {}; use an available one",
                image.id, wanted.region, image.state
            );
            blocked("SourceNotAvailable", message)
        }
    }
}

/// Only asked where the answer matters.
fn is_ours(eyes: &Eyes<'_>, wanted: &ImageRef, image: &Image) -> Result<bool, Box<Progress>> {
    let account = eyes.account(&wanted.region).map_err(|e| Box::new(Progress::Trouble(e)))?;
    match account.present() {
        Some(account) => Ok(image.owner_id == *account),
        None => moving(WaitingOn::SourceLookup { region: wanted.region.clone() }),
    }
}

/// AWS would refuse the copy in every region.
fn not_copyable(wanted: &ImageRef, image: &Image) -> Resolved {
    let licence = image.product_codes.first().map_or_else(
        || format!("usage operation {}", image.usage_operation.as_deref().unwrap_or_default()),
        |code| format!("product code {code}"),
    );
    let message = format!(
        "source image {} in {} belongs to account {} and has {licence}: {}",
        image.id,
        wanted.region,
        image.owner_id,
        Class::NotCopyable.advice()
    );
    blocked(Class::NotCopyable.reason(), message)
}

fn moving<T>(waiting_on: WaitingOn) -> Result<T, Box<Progress>> {
    Err(Box::new(Progress::Moving(waiting_on)))
}

fn blocked(reason: &str, message: String) -> Resolved {
    Err(Box::new(Progress::Blocked(Failure::new(reason, message))))
}
