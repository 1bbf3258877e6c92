//! Removing an object's images from a region: AMI first, then snapshots, until several answers agree that all is gone.

use jiff::Timestamp;

use super::{Eyes, Pace, timing};
use crate::model::{
    AwsError, Image, ImageId, ImageState, Region, Seen, Snapshot, SnapshotId, ownership::Owner,
};

/// What to do next about images that are to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    Waiting,
    Deregister(ImageId),
    DeleteSnapshot(SnapshotId),
    Gone,
}

/// Which images of an owner are to go.
#[derive(Clone, Debug)]
pub struct Doomed<'a> {
    pub region: &'a Region,
    pub owner: &'a Owner,
    /// By id; none: whatever a create call whose answer was lost has made, as the ownership tags tell.
    pub known: &'a [ImageId],
    /// Images of the owner that stay in any case.
    pub keep: &'a [ImageId],
    /// No policy asks for the removal of a usable image: one that turns out to be available is left alone.
    pub spare_available: bool,
    /// When the create call was about to be made: nothing counts as gone within the consistency window after it.
    pub made_at: Timestamp,
}

impl Doomed<'_> {
    fn condemns(&self, image: &Image) -> bool {
        let named = self.known.is_empty() || self.known.contains(&image.id);
        named && !self.keep.contains(&image.id) && !(self.spare_available && is_usable(image))
    }

    /// An id that we saw was there: its absence needs no window. What we never saw may still turn up.
    fn is_over(&self, checks: u32, since: Timestamp, now: Timestamp) -> bool {
        if self.known.is_empty() {
            timing::is_gone(checks, since, self.made_at, now)
        } else {
            timing::is_absent(checks, since, now)
        }
    }

    /// An empty list must be given several times; one with other things of the owner's is at least a fresh answer.
    fn is_settled<T>(&self, seen: &Seen<Vec<T>>, now: Timestamp) -> bool {
        match seen {
            Seen::Unknown => false,
            Seen::Absent { checks, since } => self.is_over(*checks, *since, now),
            Seen::Present(_) => {
                !self.known.is_empty() || timing::elapsed(self.made_at, now) >= timing::CONSISTENCY_WINDOW
            }
        }
    }
}

/// What to do next about `doomed`.
///
/// A snapshot that any image of the owner still uses is left alone, and EC2 itself refuses to delete one that another
/// image uses.
///
/// # Errors
/// The error that hid what is there.
pub fn of_images(eyes: &Eyes<'_>, doomed: &Doomed<'_>, now: Timestamp) -> Result<Removal, AwsError> {
    let seen = eyes.images_of(doomed.region, &doomed.owner.uid, Pace::Now)?;
    let images: Vec<&Image> = seen.present().into_iter().flatten().filter(|i| is_there(i)).collect();
    if let Some(image) = images.iter().find(|i| doomed.condemns(i)) {
        return Ok(Removal::Deregister(image.id.clone()));
    }
    let snapshots = eyes.snapshots_of(doomed.region, &doomed.owner.uid, Pace::Now)?;
    let used: Vec<SnapshotId> = images.iter().flat_map(|i| i.snapshot_ids()).collect();
    let orphan = |s: &&Snapshot| !used.contains(&s.id);
    let certain = !matches!(seen, Seen::Unknown) && (doomed.keep.is_empty() || !images.is_empty());
    if let Some(snapshot) = snapshots.present().filter(|_| certain).and_then(|list| list.iter().find(orphan))
    {
        return Ok(Removal::DeleteSnapshot(snapshot.id.clone()));
    }
    let gone = doomed.is_settled(&seen, now) && doomed.is_settled(&snapshots, now);
    Ok(if gone { Removal::Gone } else { Removal::Waiting })
}

fn is_there(image: &Image) -> bool {
    image.state != ImageState::Deregistered
}

fn is_usable(image: &Image) -> bool {
    matches!(image.state, ImageState::Available | ImageState::Disabled)
}
