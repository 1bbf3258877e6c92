//! What is left of a replication in the region of its source, when the source or the object goes.

use super::{DestinationPlan, Eyes, ReplicationView, publish, settled, sharing};
use crate::api::image_replication::{DestinationStatus, ReplicationSourceStatus};

/// Takes the parameters, tags and grants of the source image back, and the grants of those before it; none where nothing is
/// left.
pub(in super::super) fn of_source(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    source: &ReplicationSourceStatus,
) -> Option<DestinationPlan> {
    let left = view.status.source_region.as_ref();
    if let Some(published) = left.and_then(|left| left.published.as_ref()) {
        let plan = publish::take_back(view, eyes, &source.region, published);
        return Some(settled(plan));
    }
    sharing::revocation::of_sources(view, eyes, &source.region, &source.image_id).transpose().map(settled)
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
