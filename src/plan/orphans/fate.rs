//! Decides what happens to a resource whose owner is gone.

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::Timestamp;

use super::{Fate, Inventory, Verdict, View, standing};
use crate::{
    model::{
        Image, ImageId, ImageState, Instance, InstanceState, Snapshot, SnapshotId, SnapshotState, Tags,
        Volume,
        ownership::{self, Owner, Role},
    },
    plan::{naming, timing},
};

/// The time after which a resource may be removed though nobody remembers the object that asked for it.
pub(super) fn delete_after(tags: &Tags) -> Option<Timestamp> {
    tags.get(ownership::DELETE_AFTER)?.parse().ok()
}

fn report(why: impl Into<String>) -> Fate {
    (Verdict::Report, why.into())
}

impl View<'_> {
    /// Whoever launches "more like this" in the console copies our tags, but not the launch token: that is ours alone.
    pub(super) fn of_instance(&self, owner: &Owner, instance: &Instance) -> Fate {
        let attempt = instance.tags.get(ownership::ATTEMPT).and_then(|text| text.parse().ok());
        let token = attempt.map(|attempt| naming::launch_token(owner, attempt));
        if token.is_none() || token != instance.client_token {
            return report(
                "it has this cluster's ownership tags but not its launch token: somebody may have copied the tags",
            );
        }
        match &instance.state {
            InstanceState::Other(state) => report(format!("its state {state} is not known to this version")),
            InstanceState::Pending
            | InstanceState::Running
            | InstanceState::Stopping
            | InstanceState::Stopped
            | InstanceState::ShuttingDown
            | InstanceState::Terminated => self.of_scratch(&instance.tags),
        }
    }

    /// A volume has no token; but what was made after its own end was not launched with a builder.
    pub(super) fn of_volume(&self, volume: &Volume) -> Fate {
        let born_late = match (volume.created_at, delete_after(&volume.tags)) {
            (Some(created_at), Some(due)) => created_at >= due,
            (None, _) | (_, None) => false,
        };
        if born_late {
            return report("it was created after its delete-after time: somebody may have copied the tags");
        }
        self.of_scratch(&volume.tags)
    }

    fn of_scratch(&self, tags: &Tags) -> Fate {
        if !Role::Builder.is_of(tags) {
            return report("its tags do not identify it as part of a builder");
        }
        match delete_after(tags) {
            None => report(format!("it has no readable tag {}", ownership::DELETE_AFTER)),
            Some(due) if self.now < due => {
                (Verdict::Young, format!("its owner is gone; it may be removed after {due}"))
            }
            Some(due) => {
                (Verdict::Remove, format!("its owner is gone, and its delete-after time {due} has passed"))
            }
        }
    }

    pub(super) fn of_image(&self, owner: &Owner, image: &Image) -> Fate {
        if !Role::Image.is_of(&image.tags) && !Role::Copy.is_of(&image.tags) {
            return report("its tags do not identify it as an image or a copy");
        }
        match &image.state {
            ImageState::Available | ImageState::Disabled => {
                report(format!("its owner is gone; an image that is {} is never removed", image.state))
            }
            ImageState::Other(state) => report(format!("its state {state} is not known to this version")),
            ImageState::Pending
            | ImageState::Transient
            | ImageState::Failed
            | ImageState::Error
            | ImageState::Invalid
            | ImageState::Deregistered => {
                self.of_dead(owner, image.created_at, &format!("is {}", image.state))
            }
        }
    }

    /// A complete snapshot whose image is gone may be all that is left of an available image. One that a sweep took from an
    /// image that never was available bears a mark of it.
    pub(super) fn of_snapshot(&self, owner: &Owner, snapshot: &Snapshot) -> Fate {
        if delete_after(&snapshot.tags).is_some_and(|due| due <= self.now) {
            return (
                Verdict::Remove,
                "its owner and its image, which was never available, are gone".to_owned(),
            );
        }
        match &snapshot.state {
            SnapshotState::Error => self.of_dead(owner, snapshot.started_at, "failed"),
            SnapshotState::Pending | SnapshotState::Completed | SnapshotState::Other(_) => {
                report("its owner and its image are gone; it may be all that is left of an available image")
            }
        }
    }

    /// What never was of use and has no time of its own on it.
    fn of_dead(&self, owner: &Owner, made_at: Option<Timestamp>, state: &str) -> Fate {
        let Some(made_at) = made_at else { return report("EC2 reports no creation time") };
        let due = timing::later(made_at, timing::UNOWNED_IMAGE_GRACE);
        if self.now < due {
            return (
                Verdict::Young,
                format!("its owner is gone, and it {state}; it may be removed after {due}"),
            );
        }
        if self.doubtful.contains(owner.kind) {
            return report(format!(
                "{} is gone, but Kubernetes lists no {} at all: the objects may have been lost",
                standing::name(owner),
                owner.kind
            ));
        }
        (Verdict::Remove, format!("its owner is gone, and it {state} since {made_at}"))
    }
}

/// Which images of a region have which of its snapshots: they may be ten thousand each.
pub(super) struct Holdings<'a> {
    snapshots: HashMap<&'a SnapshotId, usize>,
    /// How many images name it.
    named: HashMap<SnapshotId, usize>,
    /// The positions of those that EC2 made for an image.
    made_for: HashMap<ImageId, Vec<usize>>,
    inventory: &'a Inventory,
}

impl<'a> Holdings<'a> {
    pub(super) fn of(inventory: &'a Inventory) -> Self {
        let listed = || inventory.snapshots.iter().enumerate();
        let snapshots = listed().map(|(at, snapshot)| (&snapshot.id, at)).collect();
        let mut named = HashMap::new();
        let left_out = inventory.left_out.iter().flat_map(|image| image.snapshots.iter().cloned());
        for id in inventory.images.iter().flat_map(distinct).chain(left_out) {
            *named.entry(id).or_default() += 1;
        }
        let mut made_for: HashMap<ImageId, Vec<usize>> = HashMap::new();
        for (at, image) in listed().filter_map(|(at, snapshot)| Some((at, snapshot.made_for()?))) {
            made_for.entry(image).or_default().push(at);
        }
        Self { snapshots, named, made_for, inventory }
    }

    /// Those of the listed snapshots that only this image has: it names them, or EC2 made them for it.
    pub(super) fn snapshots_of(&self, image: &Image) -> Vec<SnapshotId> {
        let names = distinct(image);
        let positions = names.iter().filter_map(|id| self.snapshots.get(id));
        let made = self.made_for.get(&image.id).into_iter().flatten();
        let own: BTreeSet<usize> = positions.chain(made).copied().collect();
        let ids = own.into_iter().filter_map(|at| Some(self.inventory.snapshots.get(at)?.id.clone()));
        let users = |id: &SnapshotId| self.named.get(id).copied().unwrap_or(0);
        ids.filter(|id| users(id) == usize::from(names.contains(id))).collect()
    }
}

fn distinct(image: &Image) -> BTreeSet<SnapshotId> {
    image.snapshot_ids().into_iter().collect()
}

/// The snapshots that no image names, and of which the image that EC2 made it for is not there: others go, or stay, with
/// their image.
pub(super) fn without_image(inventory: &Inventory) -> impl Iterator<Item = &Snapshot> {
    let there = || inventory.images.iter().filter(|i| i.exists());
    let left_out = &inventory.left_out;
    let images: HashSet<&ImageId> = there().map(|i| &i.id).chain(left_out.iter().map(|i| &i.id)).collect();
    let of_left_out = left_out.iter().flat_map(|image| image.snapshots.iter().cloned());
    let named: HashSet<SnapshotId> = there().flat_map(Image::snapshot_ids).chain(of_left_out).collect();
    let has_image = move |s: &Snapshot| {
        named.contains(&s.id) || s.made_for().is_some_and(|image| images.contains(&image))
    };
    inventory.snapshots.iter().filter(move |s| !has_image(s))
}
