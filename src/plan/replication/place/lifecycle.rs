//! How long a copy can be launched, and who can take it away. All of it stands in `DescribeImages`, so looking costs nothing.

use std::time::Duration;

use jiff::{Timestamp, TimestampRound, Unit};

use super::{
    Decided, DestinationPlan, DestinationRecord, DriftKind, Eyes, Place, Progress, ReplicationView,
    UpkeepCall, WaitingOn, record, standing, write,
};
use crate::{
    api::image_replication::{DeregistrationProtection, LaunchState},
    model::{Image, ImageState, Protection},
    plan::timing,
};

const IMDS_V2: &str = "v2.0";

/// A copy requires IMDSv2 where its source does, which AWS does not promise.
pub(super) fn imds(view: &ReplicationView<'_>, eyes: &Eyes<'_>, place: &Place<'_>) -> Decided {
    let requires = |image: &Image| image.imds_support.as_deref() == Some(IMDS_V2);
    let Some(source) = view.status.source.as_ref().filter(|_| !requires(place.image)) else {
        return Ok(standing(Progress::Done));
    };
    let wanted = eyes.image(&source.region, &source.image_id, view.resync())?.present().is_some_and(requires);
    let id = place.image.id.clone();
    let found = || format!("{} in {} requires IMDSv2 again", place.image.id, place.region);
    Ok(change(place, wanted, UpkeepCall::RequireImdsV2(id), DriftKind::Imds, found))
}

/// Whether the copy can be launched.
#[expect(clippy::unnecessary_wraps, reason = "an aspect like the others")]
pub(super) fn launch_state(view: &ReplicationView<'_>, _: &Eyes<'_>, place: &Place<'_>) -> Decided {
    let id = place.image.id.clone();
    let disabled = place.image.state == ImageState::Disabled;
    let (differs, to_do) = match view.spec.launch_state {
        None => return Ok(standing(Progress::Done)),
        Some(LaunchState::Enabled) => (disabled, UpkeepCall::EnableImage(id)),
        Some(LaunchState::Disabled) => (!disabled, UpkeepCall::DisableImage(id)),
    };
    let found = || {
        let is = if disabled { "enabled" } else { "disabled" };
        format!("{} in {} is {is} again", place.image.id, place.region)
    };
    Ok(change(place, differs, to_do, DriftKind::LaunchState, found))
}

/// When others stop to find the copy. Without `spec.deprecateAfter` only what we set is taken off.
#[expect(clippy::unnecessary_wraps, reason = "an aspect like the others")]
pub(super) fn deprecation(view: &ReplicationView<'_>, _: &Eyes<'_>, place: &Place<'_>) -> Decided {
    let (id, region) = (place.image.id.clone(), place.region.clone());
    let waiting_on = WaitingOn::Lifecycle { id: id.clone(), region };
    let known = place.applied.deprecate_at.as_ref().map(|t| t.0);
    let now = place.image.deprecated_at.map(to_the_minute);
    let Some(wanted) = deprecate_at(view, place.image) else {
        let is_ours = known.is_some() && now.is_some() && !place.image.public;
        if known.is_some() && !is_ours {
            return Ok(record(DestinationRecord::Deprecating(None), waiting_on));
        }
        let to_do = UpkeepCall::DisableImageDeprecation(id);
        return Ok(change(place, is_ours, to_do, DriftKind::Deprecation, String::new));
    };
    let soon = to_the_minute(timing::later(view.now, timing::DEPRECATION_LEAD));
    let is_over = wanted < soon;
    if now == Some(wanted) || (is_over && now.is_some_and(|at| at <= soon)) {
        return Ok(standing(Progress::Done));
    }
    // What was written down stays until its time has come: another time each minute would be another call, and never rest.
    let written = known.filter(|at| (view.now..=soon).contains(at));
    let at = if is_over { written.unwrap_or(soon) } else { wanted };
    if known != Some(at) {
        return Ok(record(DestinationRecord::Deprecating(Some(at)), waiting_on));
    }
    let found = || format!("{} in {} is deprecated at {at} again", place.image.id, place.region);
    let to_do = UpkeepCall::EnableImageDeprecation { id, at };
    Ok(change(place, true, to_do, DriftKind::Deprecation, found))
}

fn deprecate_at(view: &ReplicationView<'_>, image: &Image) -> Option<Timestamp> {
    let after: Duration = view.spec.deprecate_after?.into();
    let after = if image.public { after.min(timing::LONGEST_PUBLIC) } else { after };
    Some(to_the_minute(timing::later(image.created_at?, after)))
}

/// As AWS rounds: compared to the second, no image would ever be right.
fn to_the_minute(time: Timestamp) -> Timestamp {
    time.round(TimestampRound::new().smallest(Unit::Minute)).unwrap_or(time)
}

/// Whether the copy can be deregistered.
#[expect(clippy::unnecessary_wraps, reason = "an aspect like the others")]
pub(super) fn protection(view: &ReplicationView<'_>, _: &Eyes<'_>, place: &Place<'_>) -> Decided {
    let (id, is) = (place.image.id.clone(), place.image.protection);
    let protect =
        |id, cooldown| (is != Protection::On { cooldown }, UpkeepCall::EnableProtection { id, cooldown });
    let (differs, to_do) = match view.spec.deregistration_protection {
        None => return Ok(standing(Progress::Done)),
        Some(DeregistrationProtection::Disabled) => {
            (matches!(is, Protection::On { .. }), UpkeepCall::DisableProtection(id))
        }
        Some(DeregistrationProtection::Enabled) => protect(id, false),
        Some(DeregistrationProtection::EnabledWithCooldown) => protect(id, true),
    };
    let found =
        || format!("deregistration protection of {} in {} is as wanted again", place.image.id, place.region);
    Ok(change(place, differs, to_do, DriftKind::Protection, found))
}

/// One write where something differs.
fn change(
    place: &Place<'_>,
    differs: bool,
    to_do: UpkeepCall,
    kind: DriftKind,
    found: impl FnOnce() -> String,
) -> DestinationPlan {
    if !differs {
        return standing(Progress::Done);
    }
    let waiting_on = WaitingOn::Lifecycle { id: place.image.id.clone(), region: place.region.clone() };
    write(place, to_do, waiting_on).repairing(place.in_sync, kind, found)
}
