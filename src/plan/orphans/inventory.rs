//! The resources in one region that carry this cluster's tags.

use std::collections::HashSet;

use super::{
    fate,
    standing::{Register, Standing},
};
use crate::model::{Image, ImageId, Instance, Region, Snapshot, SnapshotId, Tags, Volume};

/// Everything that carries our cluster's tags in one region. Listed before the objects are: what is made meanwhile has an
/// object that is found.
#[derive(Clone, Debug, PartialEq)]
pub struct Inventory {
    pub region: Region,
    pub instances: Vec<Instance>,
    pub volumes: Vec<Volume>,
    pub images: Vec<Image>,
    pub snapshots: Vec<Snapshot>,
    /// Images that were left out, so that their snapshots do not count as without an image.
    pub left_out: Vec<LeftOut>,
}

/// An image of an object that lives: nothing is decided about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    pub id: ImageId,
    pub snapshots: Vec<SnapshotId>,
}

impl Inventory {
    /// Of a region in which nothing is.
    pub fn empty(region: Region) -> Self {
        Self {
            region,
            instances: Vec::new(),
            volumes: Vec::new(),
            images: Vec::new(),
            snapshots: Vec::new(),
            left_out: Vec::new(),
        }
    }
}

/// An inventory that is being listed, one image and one snapshot after the other: ten thousand objects have fifty thousand of
/// each, and an operator that holds those of a region at once is large for ever.
pub struct Listing<'a> {
    inventory: Inventory,
    living: Option<&'a Register<'a>>,
}

impl<'a> Listing<'a> {
    /// Of a region, without the images and snapshots of the objects that lived before it; none: with all.
    pub fn of(region: Region, living: Option<&'a Register<'a>>) -> Self {
        Self { inventory: Inventory::empty(region), living }
    }

    /// Notes an image.
    pub fn image(&mut self, image: Image) {
        if !image.exists() || self.is_kept(&image.tags) {
            self.inventory.images.push(image);
        } else {
            self.inventory.left_out.push(LeftOut { snapshots: image.snapshot_ids(), id: image.id });
        }
    }

    /// Notes a snapshot.
    pub fn snapshot(&mut self, snapshot: Snapshot) {
        if self.is_kept(&snapshot.tags) {
            self.inventory.snapshots.push(snapshot);
        }
    }

    /// What was listed. Of the images that were left out only those stay to which a snapshot belongs that was not.
    pub fn with(self, instances: Vec<Instance>, volumes: Vec<Volume>) -> Inventory {
        let mut inventory = Inventory { instances, volumes, ..self.inventory };
        let snapshots: HashSet<&SnapshotId> = inventory.snapshots.iter().map(|s| &s.id).collect();
        let made_for: HashSet<ImageId> = inventory.snapshots.iter().filter_map(Snapshot::made_for).collect();
        inventory.left_out.retain(|image| {
            made_for.contains(&image.id) || image.snapshots.iter().any(|id| snapshots.contains(id))
        });
        inventory
    }

    fn is_kept(&self, tags: &Tags) -> bool {
        let Some(living) = self.living else { return true };
        fate::delete_after(tags).is_some() || !matches!(living.standing(tags), Standing::Living(_))
    }
}
