//! One destination: whether its copy can be made, and when. How is in [`super::copying`], what becomes of it in
//! [`super::in_place`], leaving a region in [`super::leave`].

use super::{
    DestinationPlan, Eyes, Failure, Progress, ReplicationSourceStatus, ReplicationView, WaitingOn, cooling,
    copy_tags,
    copying::Copying,
    decision::{moving, standing},
    place,
};
use crate::{
    api::image_replication::{Destination, DestinationStatus},
    model::Region,
};

/// Makes the copy and keeps it in sync.
pub(super) fn keep(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    source: &ReplicationSourceStatus,
    wanted: &Destination,
) -> DestinationPlan {
    let known = view.status.destination(&wanted.region);
    let first = known.and_then(|copy| {
        place::withdrawal::of_untrue(view, eyes, copy).or_else(|| cooling::unused(view, wanted, copy))
    });
    if let Some(plan) = first {
        return plan;
    }
    if let Some(refused) = refused(view, source, wanted) {
        return refused;
    }
    let copying = Copying { view, eyes, source, wanted };
    let begun = known.is_some_and(|copy| copying.is_current(copy) && copy.failure.is_none());
    let plan = match place::obstacle(view, eyes, source, wanted).filter(|_| !begun) {
        Some(obstacle) => obstacle,
        None => copying.make(known),
    };
    let plan = in_turn(view, &wanted.region, plan);
    let newest = |copy: &&DestinationStatus| copy.available_at.is_some() && copying.is_current(copy);
    match known.filter(|copy| !newest(copy)) {
        Some(copy) if plan.step.is_none() => meanwhile(view, eyes, copy, plan),
        Some(_) | None => plan,
    }
}

/// What can never be copied as the manifest says.
fn refused(
    view: &ReplicationView<'_>,
    source: &ReplicationSourceStatus,
    wanted: &Destination,
) -> Option<DestinationPlan> {
    if wanted.region == source.region {
        return Some(standing(Progress::Rejected(own_region(wanted))));
    }
    if wanted.region.partition() != source.region.partition() {
        return Some(standing(Progress::Rejected(other_partition(source, wanted))));
    }
    copy_tags::too_many(view)
}

fn own_region(wanted: &Destination) -> Failure {
    let message = format!(
        "{} is the source's own region: the image is there already; remove it from spec.destinations",
        wanted.region
    );
    Failure::new("SourceRegion", message)
}

fn other_partition(source: &ReplicationSourceStatus, wanted: &Destination) -> Failure {
    let message = format!(
        "{} is in partition {}, and the source's region {} in {}: AWS cannot copy images between partitions; remove it from spec.destinations",
        wanted.region,
        wanted.region.partition(),
        source.region,
        source.region.partition()
    );
    Failure::new("OtherPartition", message)
}

/// Consumers have the former copy until the next one is there, however long that takes.
fn meanwhile(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    copy: &DestinationStatus,
    plan: DestinationPlan,
) -> DestinationPlan {
    match place::meanwhile(view, eyes, copy) {
        Some(meanwhile) => {
            DestinationPlan { progress: plan.progress, check_after: plan.check_after, ..meanwhile }
        }
        None => plan,
    }
}

/// A copy is begun, and its intent written down, when it has one of the slots of its region.
fn in_turn(view: &ReplicationView<'_>, region: &Region, plan: DestinationPlan) -> DestinationPlan {
    if !plan.begins_a_copy() || view.slots.contains(region) {
        return plan;
    }
    moving(WaitingOn::CopySlot { region: region.clone() })
}
