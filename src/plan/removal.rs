//! Removes an object's images from a region: first the AMI, then the snapshots, until several answers agree that all are gone.
//! The removal is requested by policy, so deregistration protection is disabled first, and its cooldown waited for.

use std::time::Duration;

use jiff::Timestamp;

use super::{CheckAfter, Eyes, Pace, UpkeepCall, lifecycle, timing};
use crate::api::UsedSnapshot;
use crate::model::{
    Absence, AwsError, Image, ImageId, ImageState, InstanceId, Protection, Region, Seen, Snapshot,
    SnapshotId, ownership::Owner,
};

#[cfg(test)]
mod tests;

/// What to do next about images that are to be removed.
#[derive(Clone, Debug, PartialEq)]
pub enum Removal {
    /// What was seen proves nothing yet; the time that is over at the latest when it may.
    Waiting(CheckAfter),
    /// The image is protected: this takes its protection off.
    Unprotect(UpkeepCall),
    /// Its protection outlasts its end, for so long.
    Cooling {
        id: ImageId,
        until: Timestamp,
        left: Duration,
    },
    Deregister(ImageId),
    DeleteSnapshot(SnapshotId),
    /// This image turned out to be available, and no policy asks for its removal; nothing else is left.
    Spared(ImageId),
    Gone,
}

/// The images of an owner that are to be removed.
#[derive(Clone, Debug)]
pub struct Doomed<'a> {
    pub region: &'a Region,
    pub owner: &'a Owner,
    /// Images known by ID, and looked up by ID as well: the ownership tags may have been removed from them.
    pub known: &'a [ImageId],
    /// What a create call whose answer was lost would have made it of. Ownership tags alone prove nothing: whoever copies
    /// an image with its tags has them on an image of his own.
    pub origin: Origin<'a>,
    /// Images of the owner that must stay.
    pub keep: &'a [ImageId],
    /// Snapshots that something else uses: they are left to it.
    pub handed_over: &'a [SnapshotId],
    /// Whether usable images stay, because no policy requests their removal.
    pub spare_available: bool,
    /// When the create call was about to be made: nothing counts as gone within the consistency window after it.
    pub made_at: Timestamp,
    /// The images were seen before, so that their absence needs no window. What was never seen may still turn up.
    pub was_seen: bool,
}

/// What an image was created from.
#[derive(Clone, Copy, Debug)]
pub enum Origin<'a> {
    /// Of this instance; without one no image was made.
    Instance(Option<&'a InstanceId>),
    /// Of one of these images.
    Images(&'a [ImageId]),
}

impl Origin<'_> {
    fn is_of(&self, image: &Image) -> bool {
        match self {
            Self::Instance(id) => id.is_some() && image.source_instance_id.as_ref() == *id,
            Self::Images(ids) => image.source_image_id.as_ref().is_some_and(|id| ids.contains(id)),
        }
    }
}

impl Doomed<'_> {
    /// Whether the image is one of those that this is about.
    fn concerns(&self, image: &Image) -> bool {
        let ours = self.owner.owns(&image.tags) && self.origin.is_of(image) && self.is_lately_made(image);
        let named =
            self.known.contains(&image.id) || (ours && (self.known.is_empty() || !self.spare_available));
        named && !self.keep.contains(&image.id)
    }

    /// What was there before the call was handed over, though it carries our tags.
    fn is_lately_made(&self, image: &Image) -> bool {
        timing::may_come_of(image.created_at, self.made_at)
    }

    fn condemns(&self, image: &Image) -> bool {
        self.concerns(image) && !self.spares(image)
    }

    fn spares(&self, image: &Image) -> bool {
        self.spare_available && is_usable(image)
    }

    fn is_over(&self, absence: Absence) -> bool {
        if self.was_seen && !self.known.is_empty() {
            timing::is_absent(absence)
        } else {
            timing::is_gone(absence, self.made_at)
        }
    }

    /// An empty list must be given several times; one with other things of the owner's is at least a fresh answer.
    fn is_settled<T>(&self, seen: &Seen<Vec<T>>, now: Timestamp) -> bool {
        match seen {
            Seen::Unknown => false,
            Seen::Absent(absence) => self.is_over(*absence),
            Seen::Present(_) => !self.known.is_empty() || self.window(now).is_none(),
        }
    }

    /// What is still there under its id is there to stay, or it would have been condemned.
    fn is_done_with(&self, seen: &Seen<Image>) -> bool {
        match seen {
            Seen::Unknown => false,
            Seen::Absent(absence) => self.is_over(*absence),
            Seen::Present(_) => true,
        }
    }

    /// Whether a snapshot that no listed image uses is used by none. Where images are kept, a list without any proves that
    /// only when it lasts.
    fn knows_users(&self, seen: &Seen<Vec<Image>>, images: &[&Image]) -> bool {
        match seen {
            Seen::Unknown => false,
            Seen::Present(_) => self.keep.is_empty() || !images.is_empty(),
            Seen::Absent(absence) => self.keep.is_empty() || self.is_over(*absence),
        }
    }

    /// How long the consistency window is still open.
    fn window(&self, now: Timestamp) -> CheckAfter {
        let left = timing::remaining(self.made_at, timing::CONSISTENCY_WINDOW, now);
        (!left.is_zero()).then(|| left + timing::TIMER_MARGIN)
    }
}

/// What to do next about `doomed`.
///
/// A snapshot that any image of the owner still uses is left alone, and EC2 itself refuses to delete one that another
/// image uses.
///
/// # Errors
/// The error that prevented the observation.
pub fn of_images(eyes: &Eyes<'_>, doomed: &Doomed<'_>, now: Timestamp) -> Result<Removal, AwsError> {
    if let Some(cooling) = cooling(eyes, doomed, now)? {
        return Ok(cooling);
    }
    let seen = eyes.images_of(doomed.region, &doomed.owner.uid, Pace::Now)?;
    let known = doomed.known.iter().map(|id| eyes.image(doomed.region, id, Pace::Now));
    let known = known.collect::<Result<Vec<_>, _>>()?;
    let listed = seen.present().into_iter().flatten();
    let images: Vec<&Image> =
        listed.chain(known.iter().filter_map(Seen::present)).filter(|i| i.exists()).collect();
    if let Some(image) = images.iter().find(|i| doomed.condemns(i)) {
        let unprotect = || lifecycle::unprotect(image).map(Removal::Unprotect);
        let protected = cooldown(image, now).or_else(unprotect);
        return Ok(protected.unwrap_or_else(|| Removal::Deregister(image.id.clone())));
    }
    let snapshots = eyes.snapshots_of(doomed.region, &doomed.owner.uid, Pace::Now)?;
    let used: Vec<SnapshotId> = images.iter().flat_map(|i| i.snapshot_ids()).collect();
    let orphan = |s: &&Snapshot| !used.contains(&s.id) && !doomed.handed_over.contains(&s.id);
    let certain = doomed.knows_users(&seen, &images);
    if let Some(snapshot) = snapshots.present().filter(|_| certain).and_then(|list| list.iter().find(orphan))
    {
        return Ok(Removal::DeleteSnapshot(snapshot.id.clone()));
    }
    if let Some(image) = images.iter().find(|i| doomed.concerns(i) && doomed.spares(i)) {
        return Ok(Removal::Spared(image.id.clone()));
    }
    let gone = doomed.is_settled(&seen, now)
        && doomed.is_settled(&snapshots, now)
        && known.iter().all(|image| doomed.is_done_with(image));
    Ok(if gone { Removal::Gone } else { Removal::Waiting(doomed.window(now)) })
}

/// A cooldown takes a day, through which there is nothing else to look at.
fn cooling(eyes: &Eyes<'_>, doomed: &Doomed<'_>, now: Timestamp) -> Result<Option<Removal>, AwsError> {
    for id in doomed.known {
        let seen = eyes.image(doomed.region, id, Pace::Every(timing::COOLDOWN_INTERVAL))?;
        let condemned = seen.present().filter(|image| doomed.condemns(image));
        if let Some(cooling) = condemned.and_then(|image| cooldown(image, now)) {
            return Ok(Some(cooling));
        }
    }
    Ok(None)
}

fn cooldown(image: &Image, now: Timestamp) -> Option<Removal> {
    let Protection::Cooling { until } = image.protection else { return None };
    let left = timing::elapsed(now, until) + timing::TIMER_MARGIN;
    (until > now).then(|| Removal::Cooling { id: image.id.clone(), until, left })
}

/// The snapshots that something else has been using for so long that it is no matter of consistency: whoever uses them has
/// them now.
pub fn handed_over(used: &[UsedSnapshot], now: Timestamp) -> Vec<SnapshotId> {
    let lasting = |s: &&UsedSnapshot| timing::elapsed(s.since.0, now) >= timing::CONSISTENCY_WINDOW;
    used.iter().filter(lasting).map(|s| s.snapshot_id.clone()).collect()
}

/// Whether the image was completed.
pub fn is_usable(image: &Image) -> bool {
    matches!(image.state, ImageState::Available | ImageState::Disabled)
}
