//! Description, deprecation, launch state and deregistration protection of a copy. `DescribeImages` returns all of them, so
//! checking costs no extra call.

use super::{
    Decided, DestinationPlan, DriftKind, Eyes, ImageRecord, Place, Progress, ReplicationView, UpkeepCall,
    WaitingOn, record, standing, write,
};
use crate::plan::lifecycle;

/// A copy requires IMDSv2 where its source does, which AWS does not promise.
pub(super) fn imds(view: &ReplicationView<'_>, eyes: &Eyes<'_>, place: &Place<'_>) -> Decided {
    let lacking = !lifecycle::requires_imdsv2(place.image);
    let Some(source) = view.status.source.as_ref().filter(|_| lacking) else {
        return Ok(standing(Progress::Done));
    };
    let seen = eyes.image(&source.region, &source.image_id, view.resync())?;
    let wanted = seen.present().is_some_and(lifecycle::requires_imdsv2);
    let found = || format!("{} in {} requires IMDSv2 again", place.image.id, place.region);
    let to_do = wanted.then(|| UpkeepCall::RequireImdsV2(place.image.id.clone()));
    Ok(change(place, to_do, DriftKind::Imds, found))
}

/// What the copy is said to be.
#[expect(clippy::unnecessary_wraps, reason = "an aspect like the others")]
pub(super) fn description(view: &ReplicationView<'_>, _: &Eyes<'_>, place: &Place<'_>) -> Decided {
    let wanted =
        view.spec.description.as_ref().filter(|text| place.image.description.as_ref() != Some(*text));
    let id = place.image.id.clone();
    let to_do = wanted.map(|text| UpkeepCall::ModifyDescription { id, description: text.clone() });
    let found = || format!("the description of {} in {} is restored", place.image.id, place.region);
    Ok(change(place, to_do, DriftKind::Description, found))
}

/// Whether the copy can be launched.
#[expect(clippy::unnecessary_wraps, reason = "an aspect like the others")]
pub(super) fn launch_state(view: &ReplicationView<'_>, _: &Eyes<'_>, place: &Place<'_>) -> Decided {
    let to_do = lifecycle::launch_state(view.spec.launch_state, place.image);
    let found = || {
        let is = if lifecycle::is_disabled(place.image) { "enabled" } else { "disabled" };
        format!("{} in {} is {is} again", place.image.id, place.region)
    };
    Ok(change(place, to_do, DriftKind::LaunchState, found))
}

/// When others stop to find the copy. Without `spec.deprecateAfter` only what we set is taken off.
#[expect(clippy::unnecessary_wraps, reason = "an aspect like the others")]
pub(super) fn deprecation(view: &ReplicationView<'_>, _: &Eyes<'_>, place: &Place<'_>) -> Decided {
    let (id, region) = (place.image.id.clone(), place.region.clone());
    let waiting_on = WaitingOn::Lifecycle { id: id.clone(), region };
    let known = place.applied.deprecate_at.as_ref().map(|t| t.0);
    let lifetime = view.spec.deprecate_after.map(Into::into);
    let Some(wanted) = lifetime.and_then(|after| lifecycle::deprecate_at(after, place.image)) else {
        let is_ours = known.is_some() && place.image.deprecated_at.is_some() && !place.image.public;
        if known.is_some() && !is_ours {
            return Ok(record(ImageRecord::Deprecating(None), waiting_on));
        }
        let to_do = is_ours.then_some(UpkeepCall::DisableImageDeprecation(id));
        return Ok(change(place, to_do, DriftKind::Deprecation, String::new));
    };
    let Some(at) = lifecycle::deprecation(wanted, place.image, known, view.now) else {
        return Ok(standing(Progress::Done));
    };
    if known != Some(at) {
        return Ok(record(ImageRecord::Deprecating(Some(at)), waiting_on));
    }
    let found = || format!("the deprecation of {} in {} is restored to {at}", place.image.id, place.region);
    let to_do = UpkeepCall::EnableImageDeprecation { id, at };
    Ok(change(place, Some(to_do), DriftKind::Deprecation, found))
}

/// Whether the copy can be deregistered.
#[expect(clippy::unnecessary_wraps, reason = "an aspect like the others")]
pub(super) fn protection(view: &ReplicationView<'_>, _: &Eyes<'_>, place: &Place<'_>) -> Decided {
    let to_do = lifecycle::protection(view.spec.deregistration_protection, place.image);
    let found = || format!("deregistration protection of {} in {} is restored", place.image.id, place.region);
    Ok(change(place, to_do, DriftKind::Protection, found))
}

/// One write where something differs.
fn change(
    place: &Place<'_>,
    to_do: Option<UpkeepCall>,
    kind: DriftKind,
    found: impl FnOnce() -> String,
) -> DestinationPlan {
    let Some(to_do) = to_do else { return standing(Progress::Done) };
    let waiting_on = WaitingOn::Lifecycle { id: place.image.id.clone(), region: place.region.clone() };
    write(place, to_do, waiting_on).repairing(place.in_sync, kind, found)
}
