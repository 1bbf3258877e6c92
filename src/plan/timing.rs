//! All waiting times of decisions.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::{Absence, Image, Seen};

/// How long something that was just made may be missing from an answer.
/// Source: EC2 API reference, "Eventual consistency": back off for up to five minutes.
pub const CONSISTENCY_WINDOW: Duration = Duration::from_mins(5);

/// So many answers in a row must agree before something is taken for gone.
const AGREEING_CHECKS: u32 = 3;

/// And they must span at least this time: three answers of one stale server within a second are one answer.
const AGREEING_SPAN: Duration = Duration::from_secs(10);

/// An intent that is younger was written by the pass just before, whose call is simply made (or made again with the same
/// token). An older one may be a dead process's: what it made is looked for first.
pub const RESEND_WITHOUT_LOOKUP: Duration = Duration::from_secs(30);

/// After a guest powered off, its console output is posted within minutes.
/// Source: EC2 user guide, "Get instance console output".
pub const CONSOLE_WINDOW: Duration = Duration::from_mins(5);

/// How often a console is asked for while the guest runs its steps. It is read by machine: a hundred builders at this pace
/// take a sixth of what EC2 refills for reads.
pub const LIVE_INTERVAL: Duration = Duration::from_secs(30);

/// How often a missing ConfigMap is looked up again.
pub const CONTENT_INTERVAL: Duration = Duration::from_secs(10);

/// How often the commands of a builder are read; they are read per instance, as consoles are.
pub const COMMAND_INTERVAL: Duration = Duration::from_secs(10);

/// How long a sent command may be missing from a list before it is sent again.
pub const COMMAND_WINDOW: Duration = Duration::from_mins(1);

/// How long Systems Manager tries to hand a command to an agent that was online a moment ago, in seconds.
pub const DELIVERY_SECONDS: u32 = 600;

/// Beyond the time of a step, which its program keeps by itself, so that it can still say what the step printed; in seconds.
pub const COMMAND_GRACE: u64 = 60;

/// The longest time that AWS's documents give a script, in seconds. Source: `AWS-RunShellScript`, `executionTimeout`.
pub const LONGEST_COMMAND: u64 = 172_800;

/// How long after the operator should have stopped a builder the builder powers itself off.
pub const DEAD_MAN_MARGIN: Duration = Duration::from_mins(10);

/// Beyond the customize timeout, which the guest itself enforces, so that it can still say which step hung.
pub const GUEST_GRACE: Duration = Duration::from_mins(3);

/// How long a guest may take to power off. EC2 itself goes on waiting, and offers a stop by force, which would leave a disk
/// with half of what was written.
/// Source: EC2 user guide, "Troubleshoot Amazon EC2 instance stop issues".
pub const STOP_WINDOW: Duration = Duration::from_mins(15);

/// Delay between rounds over all instance types and subnets.
pub const CAPACITY_ROUND: Duration = Duration::from_mins(1);

/// A builder that outlives its run's deadline by this much may be removed by any sweep.
pub const DELETE_AFTER_MARGIN: Duration = Duration::from_hours(1);

/// How long an image that nobody owns may take to become available: twice what EC2 gives as the longest.
/// Source: EC2 user guide, "Create an Amazon EBS-backed AMI": up to 24 hours.
pub const UNOWNED_IMAGE_GRACE: Duration = Duration::from_hours(48);

/// How long an operator runs before it removes anything for want of an owner: by then its passes have looked at every
/// object, and whoever restores objects or changes the cluster id has seen what is reported.
pub const SWEEP_SETTLING: Duration = Duration::from_mins(15);

/// How long a launch may be refused for its instance profile: IAM's own objects reach EC2 within seconds.
pub const PROFILE_WINDOW: Duration = Duration::from_mins(2);

/// How often the progress of snapshots is asked for: it is only shown, so it may cost a third of what is waited for.
pub const PROGRESS_INTERVAL: Duration = Duration::from_secs(15);

/// How often an image in its deregistration cooldown is checked: for a day nobody can deregister it.
pub const COOLDOWN_INTERVAL: Duration = Duration::from_hours(6);

/// How often the image of a finished build is checked while `spec.launchState` is set.
pub const FINISHED_INTERVAL: Duration = Duration::from_hours(10);

/// Added to the time that is left where something is due at its end: a timer that fires just before it would find it not over,
/// and look once more for nothing.
pub const TIMER_MARGIN: Duration = Duration::from_secs(1);

/// How often something that needs someone to act is checked again.
pub const NEEDS_HELP: Duration = Duration::from_mins(10);

/// How long a copy is taken to go on that nobody looks at, where no time was asked for: most take minutes, few so long. More
/// would keep others from copying for nothing, and what is begun too early AWS refuses, which only takes a repetition.
pub const UNATTENDED_COPY: Duration = Duration::from_hours(1);

/// Before a run is tried again on a new builder; doubled each time, up to [`ATTEMPT_RETRY_MAX`].
/// Source: Kubernetes documentation, "Jobs", "Pod backoff failure policy".
const ATTEMPT_RETRY_MIN: Duration = Duration::from_secs(10);
const ATTEMPT_RETRY_MAX: Duration = Duration::from_mins(6);

/// Before the first repetition of a failed copy; doubled each time, up to [`COPY_RETRY_MAX`].
const COPY_RETRY_MIN: Duration = Duration::from_mins(1);
const COPY_RETRY_MAX: Duration = Duration::from_hours(1);

/// Before a grant that is gone again is made the third time; doubled each time, up to [`REGRANT_MAX`].
const REGRANT_MIN: Duration = Duration::from_hours(1);
const REGRANT_MAX: Duration = Duration::from_hours(24);

/// After this time, a restored grant no longer counts as cancelled by its receiver.
pub const REGRANTS_FORGOTTEN: Duration = Duration::from_hours(7 * 24);

/// How long AWS may take to validate the image behind a parameter before a person is told: its documentation speaks of a
/// delay and gives no time, and a value that it finds wrong is dropped without a word.
pub const PARAMETER_VALIDATION: Duration = Duration::from_mins(2);

/// AWS deprecates a public image so long after its creation at the latest.
/// Source: EC2 user guide, "Deprecate an Amazon EC2 AMI".
pub const LONGEST_PUBLIC: Duration = Duration::from_hours(2 * 365 * 24);

/// A deprecation whose time is over cannot be set any more, and is set so far ahead: long enough for a call that needs a
/// person to be repeated unchanged.
pub const DEPRECATION_LEAD: Duration = Duration::from_mins(15);

/// Whether something that was made (or may have been made) at `made_at` at the earliest is gone for good, or never was.
///
/// A new id can be missing from answers for minutes, and `made_at` is when the making was written down: an operator that
/// comes back after an outage makes it much later. So the answers themselves must agree for the whole window. A window
/// that ended after the last of them proves nothing: what is long missing is asked for rarely.
pub fn is_gone(absence: Absence, made_at: Timestamp) -> bool {
    is_absent(absence) && elapsed(absence.since.max(made_at), absence.until) >= CONSISTENCY_WINDOW
}

/// Whether something that was seen before, and was made at `made_at` at the earliest, is gone: one stale answer proves
/// nothing, so several spaced ones must agree.
pub fn is_lost(absence: Absence, made_at: Timestamp) -> bool {
    is_absent(absence) && elapsed(made_at, absence.until) >= CONSISTENCY_WINDOW
}

/// How far AWS's clock and ours may differ: it refuses requests beyond that.
/// Source: IAM user guide, "Elements of an AWS API request signature".
const CLOCK_SKEW: Duration = Duration::from_mins(5);

/// Whether a call that was about to be made at `made_at` can have made something that AWS says was made at `created_at`. A
/// region that was taken off and put on again begins with the first attempt again, and what it held before is not the new
/// copy: it was handed over, and may have another key.
pub fn may_come_of(created_at: Option<Timestamp>, made_at: Timestamp) -> bool {
    created_at.is_none_or(|created_at| later(created_at, CLOCK_SKEW) >= made_at)
}

/// Whether something long known is absent: several spaced answers agree.
pub fn is_absent(absence: Absence) -> bool {
    absence.checks >= AGREEING_CHECKS && elapsed(absence.since, absence.until) >= AGREEING_SPAN
}

/// Whether something long known is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence<T> {
    There(T),
    /// Several spaced answers agree that it is not.
    Gone,
    /// What was seen proves nothing yet.
    Unsure,
}

impl<T> Presence<T> {
    /// What the last answers prove.
    pub fn of(seen: Seen<T>) -> Self {
        match seen {
            Seen::Present(found) => Self::There(found),
            Seen::Absent(absence) if is_absent(absence) => Self::Gone,
            Seen::Absent(_) | Seen::Unknown => Self::Unsure,
        }
    }
}

impl Presence<Image> {
    /// What the last answers prove of an image: one that is deregistered is gone, though EC2 still lists it.
    pub fn of_image(seen: Seen<Image>) -> Self {
        match seen {
            Seen::Present(image) if !image.exists() => Self::Gone,
            Seen::Present(_) | Seen::Absent(_) | Seen::Unknown => Self::of(seen),
        }
    }
}

/// Time from `from` to `to`; zero where the clock went backwards.
pub fn elapsed(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or(Duration::ZERO)
}

/// Time from `now` until `after` past `from`; zero where that is over.
pub fn remaining(from: Timestamp, after: Duration, now: Timestamp) -> Duration {
    after.saturating_sub(elapsed(from, now))
}

/// `time` plus `after`, at most the end of time.
pub fn later(time: Timestamp, after: Duration) -> Timestamp {
    time.checked_add(after).unwrap_or(Timestamp::MAX)
}

/// A duration in the form `1h4m12s`.
pub fn human(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s}s"),
        (0, m, s) => format!("{m}m{s}s"),
        (h, m, s) => format!("{h}h{m}m{s}s"),
    }
}

/// Delay after the failure of a copy before it is retried.
pub fn copy_retry_delay(failed: i32) -> Duration {
    doubled(COPY_RETRY_MIN, failed).min(COPY_RETRY_MAX)
}

/// Delay after the given number of failed builders before the next one is launched.
pub fn attempt_delay(failed: i32) -> Duration {
    doubled(ATTEMPT_RETRY_MIN, failed).min(ATTEMPT_RETRY_MAX)
}

/// Delay after the restoration of a grant before it may be restored again.
pub fn regrant_delay(times: i32) -> Duration {
    doubled(REGRANT_MIN, times).min(REGRANT_MAX)
}

fn doubled(first: Duration, times: i32) -> Duration {
    let doublings = u32::try_from(times.max(1) - 1).unwrap_or(0).min(16);
    first * 2_u32.pow(doublings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::ImageState,
        plan::fixtures::{at, image},
    };

    fn absent(since: i64, until: i64) -> Absence {
        Absence { checks: 9, since: at(since), until: at(until) }
    }

    #[test]
    fn what_answers_lack_for_a_whole_window_is_gone() {
        assert!(is_gone(absent(5, 305), at(0)));
    }

    #[test]
    fn a_window_that_ended_after_the_last_answer_proves_nothing() {
        assert!(!is_gone(absent(5, 200), at(0)));
        assert!(!is_lost(absent(5, 200), at(0)));
    }

    #[test]
    fn a_window_begins_no_earlier_than_the_making() {
        assert!(!is_gone(absent(-600, 200), at(0)));
    }

    #[test]
    fn an_image_that_ec2_lists_as_deregistered_is_gone() {
        let mut image = image(ImageState::Available);
        assert_eq!(Presence::of_image(Seen::Present(image.clone())), Presence::There(image.clone()));
        image.state = ImageState::Deregistered;
        assert_eq!(Presence::of_image(Seen::Present(image)), Presence::Gone);
    }

    #[test]
    fn only_answers_that_agree_prove_that_something_is_gone() {
        assert_eq!(Presence::<()>::of(Seen::Unknown), Presence::Unsure);
        assert_eq!(Presence::<()>::of(Seen::Absent(absent(0, 9))), Presence::Unsure);
        assert_eq!(Presence::<()>::of(Seen::Absent(absent(0, 10))), Presence::Gone);
    }

    #[test]
    fn three_answers_at_once_are_one() {
        assert!(!is_absent(absent(0, 9)));
        assert!(is_absent(absent(0, 10)));
    }
}
