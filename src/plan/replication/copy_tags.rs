//! Which tags a copy has: those of `spec.tags`, and with `spec.copySourceTags` those of the source image.
//!
//! They are asked for one by one, never by `CopyImageTags`: that would copy the ownership tags of a build's image too, and
//! make the copy look like somebody else's.

use super::{DestinationPlan, Failure, Progress, ReplicationView, decision::standing};
use crate::model::{
    Tags,
    ownership::{self, MAX_USER_TAGS},
};

/// Tags of AWS's own, which nobody else can put on.
const OF_AWS: &str = "aws:";

/// What people and their tools put on an image.
pub(super) fn of_users(mut tags: Tags) -> Tags {
    tags.retain(|key, _| {
        !key.to_ascii_lowercase().starts_with(OF_AWS) && !key.starts_with(ownership::PREFIX)
    });
    tags
}

/// The tags of each copy, besides those of ownership. What publishes an image is put on when it is published, and not before,
/// though the source may have it already.
pub(super) fn wanted(view: &ReplicationView<'_>) -> Tags {
    let mut tags = of_source(view).cloned().unwrap_or_default();
    let publishing = view.spec.publish.as_ref().map(|publish| &publish.tags);
    tags.retain(|key, _| !publishing.is_some_and(|tags| tags.contains_key(key)));
    tags.extend(view.spec.tags.clone());
    tags
}

/// Whether the source's tags are wanted and not read yet.
pub(super) fn are_unread(view: &ReplicationView<'_>) -> bool {
    view.spec.copy_source_tags && of_source(view).is_none()
}

fn of_source<'a>(view: &ReplicationView<'a>) -> Option<&'a Tags> {
    view.status.source.as_ref().filter(|_| view.spec.copy_source_tags)?.tags.as_ref()
}

/// AWS would refuse the copy, or later its tags. The rules of the manifest cannot count those of the source.
pub(super) fn too_many(view: &ReplicationView<'_>) -> Option<DestinationPlan> {
    let publishing = view.spec.publish.as_ref().map_or(0, |publish| publish.tags.len());
    let count = wanted(view).len() + publishing;
    if count <= MAX_USER_TAGS {
        return None;
    }
    let message = format!(
        "the copies would have {count} tags from the source image, spec.tags and spec.publish.tags, but at most {MAX_USER_TAGS} are allowed: AWS allows 50 per resource, and the operator needs eight; remove spec.copySourceTags and list the tags that are needed"
    );
    Some(standing(Progress::Rejected(Failure::new("TooManyTags", message))))
}
