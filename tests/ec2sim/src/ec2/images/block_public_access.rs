//! Block public access for images, a setting of an account in a region.

use crate::core::{Call, Outcome, error::ApiError, world::World, xml::Node};

const BLOCKED: &str = "block-new-sharing";
const UNBLOCKED: &str = "unblocked";

pub fn get(call: &Call, world: &World) -> Outcome {
    let blocked = call.region(world).settings(call.account()).block_public_images;
    let state = if blocked { BLOCKED } else { UNBLOCKED };
    Ok(Node::new().text("imageBlockPublicAccessState", state).text("managedBy", "account").into())
}

pub fn enable(call: &Call, world: &mut World) -> Outcome {
    let state = call.params.require("ImageBlockPublicAccessState")?;
    if state != BLOCKED {
        return Err(ApiError::bad_value(state, "ImageBlockPublicAccessState", ""));
    }
    set(call, world, true);
    Ok(Node::new().text("imageBlockPublicAccessState", BLOCKED).into())
}

pub fn disable(call: &Call, world: &mut World) -> Outcome {
    set(call, world, false);
    Ok(Node::new().text("imageBlockPublicAccessState", UNBLOCKED).into())
}

fn set(call: &Call, world: &mut World, blocked: bool) {
    let account = call.account().to_owned();
    let settings = &mut call.region_mut(world).settings;
    settings.entry(account).or_default().block_public_images = blocked;
}
