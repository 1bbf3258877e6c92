//! Images that were there before.

use std::{collections::BTreeMap, sync::Arc};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, bad};
use crate::{
    core::{
        records::{Image, Snapshot},
        world::Region,
    },
    front::Front,
};

/// Images of a region that are as another one is, but for what is named.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Twins {
    region: String,
    #[serde(rename = "of")]
    like: String,
    #[serde(rename = "twins")]
    each: Vec<Twin>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Twin {
    id: String,
    /// Of the only volume.
    snapshot_id: String,
    /// In place of the other's tags that have these keys; of the snapshot too.
    tags: BTreeMap<String, String>,
}

/// Makes them, all or nothing; answers how many.
pub(super) fn make_twins(front: &Front, body: &Value) -> Answer {
    let asked: Twins = serde_json::from_value(body.clone()).map_err(|error| bad(error.to_string()))?;
    front.sim.change(front.clock.now(), |world| {
        if !world.regions.contains_key(&asked.region) {
            return Err(bad(format!("{} is not a region", asked.region)));
        }
        let region = world.region_mut(&asked.region);
        let like = region.images.get(&asked.like).cloned();
        let like = like.ok_or_else(|| bad(format!("{} is not an image of {}", asked.like, asked.region)))?;
        let of_like = like.snapshot_ids().next().and_then(|id| region.snapshots.get(id)).cloned();
        let of_like = of_like.ok_or_else(|| bad(format!("{} has no snapshot", asked.like)))?;
        for twin in &asked.each {
            make_twin(region, &like, &of_like, twin);
        }
        Ok(json!({"made": asked.each.len()}))
    })
}

fn make_twin(region: &mut Region, like: &Image, of_like: &Snapshot, twin: &Twin) {
    let mut snapshot = Snapshot { id: twin.snapshot_id.clone(), ..of_like.clone() };
    snapshot.tags.extend(twin.tags.clone());
    let mut image = Image { id: twin.id.clone(), ..like.clone() };
    image.tags.extend(twin.tags.clone());
    for ebs in image.devices.iter_mut().filter_map(|device| device.ebs.as_mut()) {
        ebs.snapshot_id = Some(snapshot.id.clone());
    }
    region.snapshots.insert(snapshot.id.clone(), Arc::new(snapshot));
    region.images.insert(image.id.clone(), Arc::new(image));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{core::clock::Clock, lab::Lab};

    fn front(lab: &Lab) -> Front {
        Front::new(lab.sim.clone(), Clock::manual(lab.now()))
    }

    #[test]
    fn a_twin_is_as_the_other_image_but_for_ids_and_tags() {
        let lab = Lab::new();
        let image = lab.image("web");
        let twin = json!({"id": "ami-00000000000000001", "snapshotId": "snap-00000000000000001",
            "tags": {"app": "web"}});
        let asked = json!({"region": "us-east-1", "of": image, "twins": [twin]});
        assert!(make_twins(&front(&lab), &asked).is_ok());
        let made = "ami-00000000000000001";
        assert_eq!(lab.of_image(made, "name").as_deref(), Some("web"));
        assert_eq!(lab.of_image(made, "tagSet/item/value").as_deref(), Some("web"));
        assert_eq!(lab.snapshot(made), "snap-00000000000000001");
        assert_ne!(lab.snapshot(&image), lab.snapshot(made));
    }

    #[test]
    fn a_twin_of_nothing_is_refused() {
        let lab = Lab::new();
        let asked = json!({"region": "us-east-1", "of": "ami-00000000000000001", "twins": []});
        assert!(make_twins(&front(&lab), &asked).is_err());
    }
}
