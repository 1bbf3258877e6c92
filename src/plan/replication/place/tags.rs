//! Tags of an image: those of `spec.tags`, those of the source image with `copySourceTags`, and those of `publish.tags` while it is
//! published.

use super::{
    Decided, DestinationCall, DestinationRecord, DriftKind, Eyes, ImageRecord, Place, Progress,
    PublicationRecord, ReplicationView, WaitingOn, call, copy_tags, moving, publish, record, standing,
};
use crate::model::{Image, SnapshotId, Tags};

/// Adds and repairs what the manifest asks for, and takes off what it no longer does. Tags of others are left alone.
#[expect(clippy::unnecessary_wraps, reason = "an aspect like the others")]
pub(super) fn keep(view: &ReplicationView<'_>, _: &Eyes<'_>, place: &Place<'_>) -> Decided {
    let (image, known) = (place.image, place.tag_keys);
    if !place.is_source && copy_tags::are_unread(view) {
        let (id, region) = (image.id.clone(), place.region.clone());
        return Ok(moving(WaitingOn::Tags { id, region }));
    }
    let mut wanted = if place.is_source { publish::replaced(place) } else { copy_tags::wanted(view) };
    wanted.extend(publish::tags(view, place));
    let missing = missing(image, &wanted);
    let obsolete: Vec<String> = known.iter().filter(|k| !wanted.contains_key(*k)).cloned().collect();
    let region = place.region.clone();
    let waiting_on = WaitingOn::Tags { id: image.id.clone(), region: region.clone() };
    let resources = resources(image, place.snapshots);
    // First, as AWS takes fifty tags only.
    if !obsolete.is_empty() {
        return Ok(call(DestinationCall::DeleteTags { region, resources, keys: obsolete }, waiting_on));
    }
    // A key that is on the copy and not written down would stay there when it is no longer asked for.
    let new: Vec<String> = wanted.keys().filter(|k| !known.contains(k)).cloned().collect();
    if !new.is_empty() {
        let about_to: DestinationRecord = match place.published.filter(|_| place.is_source) {
            Some(published) => PublicationRecord::Publishing(publish::tagging(place, published, new)).into(),
            None => ImageRecord::Tagging(new).into(),
        };
        return Ok(record(about_to, waiting_on));
    }
    if !missing.is_empty() {
        let keys: Vec<&str> = missing.keys().map(String::as_str).collect();
        let found = format!("tags {} of {} in {region} are restored", keys.join(", "), image.id);
        let plan = call(DestinationCall::CreateTags { region, resources, tags: missing }, waiting_on);
        return Ok(plan.repairing(place.in_sync, DriftKind::Tags, || found));
    }
    Ok(standing(Progress::Done))
}

/// Those of `wanted` that the image lacks, or has with another value.
pub(super) fn missing(image: &Image, wanted: &Tags) -> Tags {
    let differs = |(key, value): &(&String, &String)| image.tags.get(*key) != Some(*value);
    wanted.iter().filter(differs).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// An image is tagged together with its snapshots.
pub(super) fn resources(image: &Image, snapshots: &[SnapshotId]) -> Vec<String> {
    std::iter::once(image.id.to_string()).chain(snapshots.iter().map(ToString::to_string)).collect()
}
