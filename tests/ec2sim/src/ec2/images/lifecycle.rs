//! Disabling, deprecation and deregistration protection.

use jiff::{SignedDuration, Timestamp, TimestampRound, Unit};

use super::{access, check_settled};
use crate::core::{
    Call, Outcome,
    error::ApiError,
    records::{Image, Permissions, Protection},
    world::World,
    xml::Node,
};

/// How long protection outlasts its end, if it was asked for with a cooldown.
const COOLDOWN: SignedDuration = SignedDuration::from_hours(24);
const YEAR: SignedDuration = SignedDuration::from_hours(24 * 365);

/// Changes the caller's image that a call names.
fn change(call: &Call, world: &mut World, change: impl FnOnce(&mut Image)) -> Outcome {
    let id = call.params.require("ImageId")?;
    change(access::own_image_mut(call, world, id)?);
    Ok(Node::done().into())
}

pub fn disable(call: &Call, world: &mut World) -> Outcome {
    let image = access::own_image(call, world, call.params.require("ImageId")?)?;
    check_settled(call, image)?;
    // The permissions do not come back when the image is enabled again.
    change(call, world, |image| {
        image.disabled = true;
        image.permissions = Permissions::default();
    })
}

pub fn enable(call: &Call, world: &mut World) -> Outcome {
    let image = access::own_image(call, world, call.params.require("ImageId")?)?;
    check_settled(call, image)?;
    change(call, world, |image| image.disabled = false)
}

/// The last possible time of deprecation: ten years from now, for a public image two from its creation.
pub fn latest_deprecation(image: &Image, now: Timestamp) -> Timestamp {
    let (from, years) = if image.permissions.public { (image.created_at, 2) } else { (now, 10) };
    from.checked_add(YEAR * years).unwrap_or(Timestamp::MAX)
}

pub fn enable_deprecation(call: &Call, world: &mut World) -> Outcome {
    let image = access::own_image(call, world, call.params.require("ImageId")?)?;
    let text = call.params.require("DeprecateAt")?;
    let asked: Timestamp =
        text.parse().map_err(|_| ApiError::bad_value(text, "DeprecateAt", "Not a time."))?;
    if asked < call.now {
        return Err(ApiError::bad_value(text, "DeprecateAt", "The time must not be in the past."));
    }
    // Leap days: ten calendar years are up to three days longer than ten times 365 days.
    let limit = latest_deprecation(image, call.now).checked_add(SignedDuration::from_hours(24 * 3));
    if limit.is_ok_and(|limit| asked > limit) {
        return Err(ApiError::bad_value(text, "DeprecateAt", "The time is too far in the future."));
    }
    let minute = asked.round(TimestampRound::new().smallest(Unit::Minute)).unwrap_or(asked);
    change(call, world, |image| image.deprecated_at = Some(minute))
}

pub fn disable_deprecation(call: &Call, world: &mut World) -> Outcome {
    change(call, world, |image| image.deprecated_at = None)
}

pub fn enable_protection(call: &Call, world: &mut World) -> Outcome {
    let cooldown = call.params.is_set("WithCooldown")?;
    change(call, world, |image| image.protection = Protection::On { cooldown })
}

pub fn disable_protection(call: &Call, world: &mut World) -> Outcome {
    let until = call.now.checked_add(COOLDOWN).unwrap_or(Timestamp::MAX);
    change(call, world, |image| {
        image.protection = match image.protection {
            Protection::On { cooldown: true } => Protection::Cooling { until },
            Protection::On { cooldown: false } | Protection::Off => Protection::Off,
            cooling @ Protection::Cooling { .. } => cooling,
        };
    })
}
