//! Tags of the previously published image: consumers that select by tags must find only one image.

use super::{
    Decided, DestinationCall, Eyes, Failure, ImageId, Place, PublicationRecord, Publish, Published, Region,
    ReplicationView, Seen, Tags, blocked, call, held, moving, record, waiting_on, withdrawal,
};
use crate::{
    model::ImageState,
    plan::{
        Pace,
        replication::{copy_tags, decision::Perhaps, place::tags},
        timing::Presence,
    },
};

/// A pinned image that is gone, or that nobody can launch, is told to nobody.
pub(super) fn obstacle(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    place: &Place<'_>,
    published: &Published,
    target: &ImageId,
) -> Perhaps {
    if *target == published.image_id {
        return Ok(None);
    }
    let seen = eyes.image(place.region, target, view.resync())?;
    if place.in_sync && seen == Seen::Unknown {
        return Ok(None);
    }
    Ok(match Presence::of_image(seen) {
        Presence::There(image) if image.state == ImageState::Available => None,
        Presence::Unsure => Some(moving(waiting_on(place))),
        Presence::There(_) | Presence::Gone => {
            let message = format!(
                "publish.pin is Previous, but {target} in {} is gone or cannot be launched; remove the pin to publish {}",
                place.region, place.image.id
            );
            Some(blocked(Failure::new("PinnedImageGone", message)))
        }
    })
}

/// Puts the tags on the image that is pinned, and takes them off one that came between it and the newest.
pub(super) fn dress(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    place: &Place<'_>,
    publish: &Publish,
    published: &Published,
) -> Perhaps {
    let Some(id) = &published.previous_image_id else { return Ok(None) };
    let seen = eyes.image(place.region, id, view.resync())?;
    let Some(image) = seen.present() else { return Ok(None) };
    let new: Vec<String> =
        publish.tags.keys().filter(|k| !published.previous_tag_keys.contains(k)).cloned().collect();
    if !new.is_empty() {
        let mut next = published.clone();
        if place.is_source {
            next.previous_replaced_tags.extend(held(image, &new));
        }
        next.previous_tag_keys.extend(new);
        return Ok(Some(record(PublicationRecord::Publishing(next), waiting_on(place))));
    }
    let tags = tags::missing(image, &publish.tags);
    if !tags.is_empty() {
        let (region, resources) = (place.region.clone(), tags::resources(image, &image.snapshot_ids()));
        let put = DestinationCall::CreateTags { region, resources, tags };
        return Ok(Some(call(put, waiting_on(place))));
    }
    if published.image_id == place.image.id || published.tag_keys.is_empty() {
        return Ok(None);
    }
    take_off_newest(view, eyes, place.region, published).map(Some)
}

/// Takes the tags off the image before the newest.
pub(super) fn clean(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    region: &Region,
    published: &Published,
) -> Perhaps {
    let Some(id) = published.previous_image_id.as_ref().filter(|_| !published.previous_tag_keys.is_empty())
    else {
        return Ok(None);
    };
    let mut cleaned = published.clone();
    cleaned.previous_tag_keys.clear();
    cleaned.previous_replaced_tags.clear();
    let (keys, replaced) = (&published.previous_tag_keys, &published.previous_replaced_tags);
    take_off(view, eyes, region, &Worn { id, keys, replaced }, cleaned).map(Some)
}

/// Takes the tags off all images that were published.
pub(super) fn undress(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    region: &Region,
    published: &Published,
) -> Perhaps {
    if let Some(plan) = clean(view, eyes, region, published)? {
        return Ok(Some(plan));
    }
    if published.tag_keys.is_empty() {
        return Ok(None);
    }
    take_off_newest(view, eyes, region, published).map(Some)
}

fn take_off_newest(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    region: &Region,
    published: &Published,
) -> Decided {
    let mut cleaned = published.clone();
    cleaned.tag_keys.clear();
    cleaned.replaced_tags.clear();
    let (id, keys, replaced) = (&published.image_id, &published.tag_keys, &published.replaced_tags);
    take_off(view, eyes, region, &Worn { id, keys, replaced }, cleaned)
}

/// What an image has for being published, and what a source image had instead.
struct Worn<'p> {
    id: &'p ImageId,
    keys: &'p [String],
    replaced: &'p Tags,
}

/// A key that all copies have gets their value back, and one that a source image had before its own. Once none is left, or
/// the image itself is gone, that is written down.
fn take_off(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    region: &Region,
    &Worn { id, keys, replaced }: &Worn<'_>,
    cleaned: Published,
) -> Decided {
    let waiting_on = withdrawal(region);
    let image = match Presence::of_image(eyes.image(region, id, Pace::Now)?) {
        Presence::There(image) => image,
        Presence::Unsure => return Ok(moving(waiting_on)),
        Presence::Gone => return Ok(record(PublicationRecord::Publishing(cleaned), waiting_on)),
    };
    let is_here = view.status.source.as_ref().is_some_and(|source| source.region == *region);
    let is_source = is_here || view.status.sources().contains(id);
    let mut before = if is_source { replaced.clone() } else { copy_tags::wanted(view) };
    before.retain(|key, _| keys.contains(key));
    let is_off = |key: &&String| image.tags.contains_key(*key) && !before.contains_key(*key);
    let off: Vec<String> = keys.iter().filter(is_off).cloned().collect();
    let back = tags::missing(&image, &before);
    let (region, resources) = (region.clone(), tags::resources(&image, &image.snapshot_ids()));
    Ok(if !off.is_empty() {
        call(DestinationCall::DeleteTags { region, resources, keys: off }, waiting_on)
    } else if !back.is_empty() {
        call(DestinationCall::CreateTags { region, resources, tags: back }, waiting_on)
    } else {
        record(PublicationRecord::Publishing(cleaned), waiting_on)
    })
}
