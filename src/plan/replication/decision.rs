//! Constructors for the decisions about a region.

use super::{
    DestinationCall, DestinationPlan, DestinationRecord, DestinationStep, Failure, Progress, WaitingOn,
    gravity, timing,
};
use crate::model::AwsError;

/// What to do next, or the trouble that hid what it needed to see.
pub(super) type Decided = Result<DestinationPlan, AwsError>;

/// A decision, or nothing to do.
pub(super) type Perhaps = Result<Option<DestinationPlan>, AwsError>;

pub(super) fn standing(progress: Progress) -> DestinationPlan {
    DestinationPlan::standing(progress)
}

/// A decision, or the trouble that hid what it needed to see.
pub(super) fn settled(decided: Decided) -> DestinationPlan {
    decided.unwrap_or_else(|error| standing(Progress::Trouble(error)))
}

pub(super) fn moving(waiting_on: WaitingOn) -> DestinationPlan {
    standing(Progress::Moving(waiting_on))
}

pub(super) fn blocked(failure: Failure) -> DestinationPlan {
    DestinationPlan { check_after: Some(timing::NEEDS_HELP), ..standing(Progress::Blocked(failure)) }
}

pub(super) fn record(record: impl Into<DestinationRecord>, waiting_on: WaitingOn) -> DestinationPlan {
    DestinationPlan { step: Some(DestinationStep::Record(record.into())), ..moving(waiting_on) }
}

pub(super) fn call(call: DestinationCall, waiting_on: WaitingOn) -> DestinationPlan {
    DestinationPlan { step: Some(DestinationStep::Call(call)), ..moving(waiting_on) }
}

/// The same, and what else is to be done, if anything.
pub(super) fn with(whole: DestinationPlan, part: Option<DestinationPlan>) -> DestinationPlan {
    match part {
        Some(part) => both(whole, part),
        None => whole,
    }
}

/// Two plans for one region, of which the first asks for no step.
pub(super) fn both(whole: DestinationPlan, part: DestinationPlan) -> DestinationPlan {
    let mut shown = whole.shown;
    shown.extend(part.shown);
    let part_is_worse = gravity(&part.progress) > gravity(&whole.progress)
        || whole.progress == Progress::Done
        || (part.step.is_some() && gravity(&whole.progress) == 0);
    DestinationPlan {
        step: part.step,
        progress: if part_is_worse { part.progress } else { whole.progress },
        check_after: whole.check_after.into_iter().chain(part.check_after).min(),
        shown,
        drift: part.drift,
        target: part.target,
    }
}
