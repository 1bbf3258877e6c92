//! `GetImageAncestry`.

use super::access;
use crate::core::{Call, Outcome, records::Image, world::World, xml::Node};

/// Generations that are answered (EC2 user guide, "AMI ancestry").
const MAX_ENTRIES: usize = 50;

/// From the image itself back to the first one that is not known to be made of another, or is not there any more.
pub fn get(call: &Call, world: &World) -> Outcome {
    let image = access::visible_image(call, world, call.params.require("ImageId")?)?;
    let line = std::iter::successors(Some(&**image), |child| parent(world, child));
    Ok(Node::new().set("imageAncestryEntrySet", line.take(MAX_ENTRIES).map(node)).into())
}

fn parent<'w>(world: &'w World, child: &Image) -> Option<&'w Image> {
    let region = world.regions.get(child.source_image_region.as_deref()?)?;
    region.images.get(child.source_image_id.as_deref()?).map(|image| &**image)
}

fn node(image: &Image) -> Node {
    Node::new()
        .time("creationDate", image.created_at)
        .text("imageId", &image.id)
        .opt("imageOwnerAlias", image.owner_alias.as_ref())
        .opt("sourceImageId", image.source_image_id.as_ref())
        .opt("sourceImageRegion", image.source_image_region.as_ref())
}
