//! Withdrawal of publications and grants: of source images, when the source or the object goes, and of copies in destinations
//! that must no longer be published.

use super::{DestinationPlan, Eyes, ReplicationView, Target, publish, settled, sharing};
use crate::{
    api::{
        LaunchState,
        image_replication::{DestinationStatus, LeftSource, Published, ReplicationSourceStatus},
    },
    model::{ImageId, Region},
};

/// Takes the parameters, tags and grants of the source image back, and the grants of those before it; none where nothing is
/// left.
pub(in super::super) fn of_source(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    source: &ReplicationSourceStatus,
) -> Option<DestinationPlan> {
    let published = view.status.source_region.as_ref().and_then(|left| left.published.as_ref());
    Some(of(view, eyes, (&source.region, &source.image_id), published)?.about(Target::Source))
}

/// The same of a former source in another region.
pub(in super::super) fn of_left(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    left: &LeftSource,
) -> Option<DestinationPlan> {
    Some(of(view, eyes, (&left.region, &left.image_id), left.published.as_ref())?.about(Target::LeftSource))
}

fn of(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    (region, id): (&Region, &ImageId),
    published: Option<&Published>,
) -> Option<DestinationPlan> {
    match published {
        Some(published) => Some(settled(publish::take_back(view, eyes, region, published))),
        None => sharing::revocation::of_sources(view, eyes, region, id).transpose().map(settled),
    }
}

/// What is published in a region that the source has left is to be told to nobody any more, whatever the rollout does.
pub(in super::super) fn is_overdue(view: &ReplicationView<'_>, eyes: &Eyes<'_>, left: &LeftSource) -> bool {
    let Some(published) = &left.published else { return false };
    let is_wanted = view.spec.publishing(true).is_some();
    !is_wanted || publish::names_the_dead(view, eyes, &left.region, published, None).is_ok_and(|dead| dead)
}

/// Takes back what consumers are told of a copy and must not be, before anything else: a step that is refused again and again
/// must not keep a parameter at an image that is gone. None where nothing is, or where that cannot be seen.
pub(in super::super) fn of_untrue(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    copy: &DestinationStatus,
) -> Option<DestinationPlan> {
    let mended = copy.image_id.as_ref().filter(|_| view.spec.launch_state == Some(LaunchState::Enabled));
    let place = (&copy.region, false);
    publish::withdraw_untrue(view, eyes, place, copy.published.as_ref(), mended).unwrap_or_default()
}

/// Takes the parameters of a copy back, before it is removed: none may point at an image that is not there.
pub(in super::super) fn of_copy(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    copy: &DestinationStatus,
) -> Option<DestinationPlan> {
    let published = copy.published.as_ref()?;
    let plan = publish::take_back(view, eyes, &copy.region, published);
    Some(settled(plan))
}
