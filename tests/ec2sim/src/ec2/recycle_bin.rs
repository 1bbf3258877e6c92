//! The Recycle Bin. There are no retention rules here, so nothing ever comes into it.

use crate::core::{
    Call, Handler, Outcome,
    error::ApiError,
    ids::{self, Kind},
    paging::Page,
    world::World,
    xml::Node,
};

/// Images that one call may name (`ListImagesInRecycleBin`).
const MAX_IMAGES: usize = 20;

pub fn handler(action: &str) -> Option<Handler> {
    match action {
        "ListImagesInRecycleBin" => Some(Handler::Read(list_images)),
        "ListSnapshotsInRecycleBin" => Some(Handler::Read(list_snapshots)),
        "RestoreImageFromRecycleBin" => Some(Handler::Write(|call, _| restore(call, "ImageId", &ids::IMAGE))),
        "RestoreSnapshotFromRecycleBin" => {
            Some(Handler::Write(|call, _| restore(call, "SnapshotId", &ids::SNAPSHOT)))
        }
        _ => None,
    }
}

fn list_images(call: &Call, _: &World) -> Outcome {
    let asked = call.params.ids("ImageId")?;
    if asked.len() > MAX_IMAGES {
        let message = format!("No more than {MAX_IMAGES} images may be named.");
        return Err(ApiError::invalid_value(message));
    }
    Page::parse(call.params, 1..=1000)?;
    refuse_all(&asked, &ids::IMAGE)?;
    Ok(Node::new().set("imageSet", []).into())
}

fn list_snapshots(call: &Call, _: &World) -> Outcome {
    let asked = call.params.ids("SnapshotId")?;
    Page::parse(call.params, 5..=1000)?;
    refuse_all(&asked, &ids::SNAPSHOT)?;
    Ok(Node::new().set("snapshotSet", []).into())
}

fn refuse_all(asked: &[&str], kind: &Kind) -> Result<(), ApiError> {
    for id in asked {
        kind.check(id)?;
    }
    asked.first().map_or(Ok(()), |id| Err(kind.not_found(id)))
}

fn restore(call: &Call, parameter: &str, kind: &Kind) -> Outcome {
    let id = call.params.require(parameter)?;
    kind.check(id)?;
    Err(kind.not_found(id))
}
