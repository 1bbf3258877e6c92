//! Assigns images to restored objects, which have new UIDs.

use super::{
    Inventory, Objects,
    fate::Holdings,
    standing::{Register, Standing},
};
use crate::model::{
    Image, ImageId, ImageState, Region,
    ownership::{self, Owner, Role},
};

/// One image whose ownership tags must be updated to the current UID of its object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adoption {
    pub region: Region,
    pub image: ImageId,
    /// The image and its snapshots.
    pub resources: Vec<String>,
    pub owner: Owner,
}

/// The finished images of builds that were restored with another uid. Such a build, its status lost, finds the image by its
/// name and ownership, and makes none.
///
/// Only where there is no question whose it is: exactly one image of the build's name, and none that the build has already.
/// A copy is not adopted: an `ImageReplication` goes on from its status, or copies anew.
pub fn adoptions(inventories: &[Inventory], objects: &Objects) -> Vec<Adoption> {
    let register = Register::of(objects);
    let images = || inventories.iter().flat_map(|i| i.images.iter().map(move |image| (i, image)));
    let candidates: Vec<(&Inventory, &Image, &Owner)> =
        images().filter_map(|(i, image)| Some((i, image, restored(image, &register)?))).collect();
    let has_its_own = |owner: &Owner| images().any(|(_, image)| owner.owns(&image.tags));
    let is_only = |owner: &Owner| candidates.iter().filter(|(_, _, o)| o.uid == owner.uid).count() == 1;
    candidates
        .iter()
        .filter(|(_, _, owner)| is_only(owner) && !has_its_own(owner))
        .map(|(inventory, image, owner)| adoption(inventory, image, owner))
        .collect()
}

fn restored<'a>(image: &Image, register: &Register<'a>) -> Option<&'a Owner> {
    let finished = matches!(image.state, ImageState::Available | ImageState::Disabled);
    match register.standing(&image.tags) {
        Standing::Replaced { by, .. } if finished && Role::Image.is_of(&image.tags) => Some(by),
        Standing::Replaced { .. }
        | Standing::Elsewhere
        | Standing::Unclear(_)
        | Standing::Living(_)
        | Standing::Gone(_) => None,
    }
}

fn adoption(inventory: &Inventory, image: &Image, owner: &Owner) -> Adoption {
    let snapshots = Holdings::of(inventory).snapshots_of(image).into_iter().map(|id| id.0);
    Adoption {
        region: inventory.region.clone(),
        image: image.id.clone(),
        resources: std::iter::once(image.id.0.clone()).chain(snapshots).collect(),
        owner: owner.clone(),
    }
}

impl Adoption {
    /// The tag to set.
    pub fn tags(&self) -> crate::model::Tags {
        [(ownership::UID.to_owned(), self.owner.uid.clone())].into()
    }
}
