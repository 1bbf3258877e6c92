//! Whether an image is in use: while it is, a policy does not remove it.

use jiff::Timestamp;

use super::{Eyes, Pace, ReplicationView, timing};
use crate::{
    model::{AwsError, Class, Image, ImageId, Region, Seen},
    plan::eyes::Look,
};

/// What is known of an image's use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Usage {
    Unknown,
    Free,
    /// Why it counts as in use, for the message.
    Used(String),
}

/// Whether the image may go as far as its users are concerned.
pub(super) fn of(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    region: &Region,
    id: &ImageId,
) -> Result<Usage, AwsError> {
    if !view.spec.protect_in_use {
        return Ok(Usage::Free);
    }
    let pace = Pace::Every(timing::NEEDS_HELP);
    let image = match eyes.image(region, id, pace)? {
        Seen::Present(image) if image.exists() => image,
        Seen::Unknown => return Ok(Usage::Unknown),
        Seen::Present(_) | Seen::Absent(_) => return Ok(Usage::Free),
    };
    if let Some(at) = launched_lately(view, &image) {
        return Ok(Usage::Used(format!("image {id} in {region} was launched at {at:.0}")));
    }
    referenced(eyes.image_references(region, id, pace), region, id)
}

fn launched_lately(view: &ReplicationView<'_>, image: &Image) -> Option<Timestamp> {
    let period = view.spec.in_use_period.into();
    image.last_launched_at.filter(|at| !timing::remaining(*at, period, view.now).is_zero())
}

/// Who may not ask for references is told of launches only.
fn referenced(seen: Look<Vec<String>>, region: &Region, id: &ImageId) -> Result<Usage, AwsError> {
    let arns = match seen {
        Ok(Seen::Present(arns)) => arns,
        Ok(Seen::Unknown | Seen::Absent(_)) => return Ok(Usage::Unknown),
        Err(error) if error.class() == Class::Denied => Vec::new(),
        Err(error) => return Err(error),
    };
    Ok(arns.first().map_or(Usage::Free, |first| {
        let more = match arns.len() {
            1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        Usage::Used(format!("image {id} in {region} is referenced by {first}{more}"))
    }))
}
