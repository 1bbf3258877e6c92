//! How an existing image differs from the lifecycle settings in its manifest. `DescribeImages` returns all of them, so checking
//! costs no extra call.

use std::time::Duration;

use jiff::{Timestamp, TimestampRound, Unit};

use super::{UpkeepCall, timing};
use crate::{
    api::{DeregistrationProtection, LaunchState},
    model::{Image, ImageState, Protection},
};

const IMDS_V2: &str = "v2.0";

/// Whether instances of the image require IMDSv2.
pub fn requires_imdsv2(image: &Image) -> bool {
    image.imds_support.as_deref() == Some(IMDS_V2)
}

/// Whether the image is disabled, so that nobody can launch it.
pub fn is_disabled(image: &Image) -> bool {
    image.state == ImageState::Disabled
}

/// The call that enables or disables the image; none if it is already in the wanted state.
pub fn launch_state(wanted: Option<LaunchState>, image: &Image) -> Option<UpkeepCall> {
    let id = image.id.clone();
    match wanted? {
        LaunchState::Enabled => is_disabled(image).then_some(UpkeepCall::EnableImage(id)),
        LaunchState::Disabled => (!is_disabled(image)).then_some(UpkeepCall::DisableImage(id)),
    }
}

/// When an image is to be deprecated that lives so long; a public one by AWS's own rule at the latest.
pub fn deprecate_at(after: Duration, image: &Image) -> Option<Timestamp> {
    let after = if image.public { after.min(timing::LONGEST_PUBLIC) } else { after };
    Some(to_the_minute(timing::later(image.created_at?, after)))
}

/// The time that has to be set so that the image is deprecated as `wanted`; none where that is so. One that is over cannot be
/// set: it is the next minutes, once. What was written down of that stays until its time has come: another time each minute
/// would be another call, and never rest.
pub fn deprecation(
    wanted: Timestamp,
    image: &Image,
    written: Option<Timestamp>,
    now: Timestamp,
) -> Option<Timestamp> {
    let set = image.deprecated_at.map(to_the_minute);
    let soon = to_the_minute(timing::later(now, timing::DEPRECATION_LEAD));
    let is_over = wanted < soon;
    let is_right = set == Some(wanted) || (is_over && set.is_some_and(|at| at <= soon));
    let written = written.filter(|at| (now..=soon).contains(at));
    (!is_right).then_some(if is_over { written.unwrap_or(soon) } else { wanted })
}

/// As AWS rounds: compared to the second, no image would ever be right.
fn to_the_minute(time: Timestamp) -> Timestamp {
    time.round(TimestampRound::new().smallest(Unit::Minute)).unwrap_or(time)
}

/// The call that changes deregistration protection; none if it is already as wanted.
pub fn protection(wanted: Option<DeregistrationProtection>, image: &Image) -> Option<UpkeepCall> {
    let id = image.id.clone();
    let protect = |id, cooldown| {
        let differs = image.protection != Protection::On { cooldown };
        differs.then_some(UpkeepCall::EnableProtection { id, cooldown })
    };
    match wanted? {
        DeregistrationProtection::Disabled => unprotect(image),
        DeregistrationProtection::Enabled => protect(id, false),
        DeregistrationProtection::EnabledWithCooldown => protect(id, true),
    }
}

/// The call that disables protection, if it is enabled.
pub fn unprotect(image: &Image) -> Option<UpkeepCall> {
    let is_on = matches!(image.protection, Protection::On { .. });
    is_on.then(|| UpkeepCall::DisableProtection(image.id.clone()))
}
