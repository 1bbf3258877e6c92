//! Changes behind the back of who looks after an image.

use std::sync::Arc;

use super::Drift;
use crate::core::{
    Call,
    filters::wildcard,
    records::{Image, Permissions},
    world::World,
};

/// Changes the caller's images of the call's region whose name or id fits the glob.
pub(crate) fn drift(call: &Call, world: &mut World, glob: &str, change: &Drift) {
    let region = call.region_mut(world);
    let meant = |image: &&Arc<Image>| {
        image.owner == call.account() && (wildcard(glob, &image.name) || wildcard(glob, &image.id))
    };
    let ids: Vec<String> = region.images.values().filter(meant).map(|image| image.id.clone()).collect();
    for id in ids {
        if *change == Drift::Deregistered {
            region.images.remove(&id);
        } else if let Some(image) = region.images.get_mut(&id) {
            edit(Arc::make_mut(image), change);
        }
    }
}

fn edit(image: &mut Image, change: &Drift) {
    match change {
        Drift::Permission => image.permissions = Permissions::default(),
        Drift::Tag { key, value: Some(value) } => {
            image.tags.insert(key.clone(), value.clone());
        }
        Drift::Tag { key, value: None } => {
            image.tags.remove(key);
        }
        Drift::Disabled => {
            image.disabled = true;
            image.permissions = Permissions::default();
        }
        Drift::Deregistered => {}
    }
}
