//! Back-off of failed calls: 2 s (2 minutes if a quota is exhausted), doubled each time, at most 5 minutes, with jitter; ten
//! minutes if someone has to act; until the next edit if the request is invalid.
//!
//! An object is looked at whenever something that it watches changes, its other regions included. So the rest is kept
//! here, by call: until it is over, the same call is answered by the same error without being made.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::timing::{FIRST_BACKOFF, FIRST_BACKOFF_FOR_QUOTA, LONGEST_BACKOFF, LOOK_AROUND, UNTIL_EDITED};
use crate::{
    ec2::poller::Subject,
    model::{AwsError, Class, Disposition, Region},
    plan::{build::BuildCall, replication::DestinationCall, timing},
};

/// One write to AWS.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    Build(BuildCall),
    Destination(DestinationCall),
}

/// The calls that are backing off, by object and region. Not persisted: a restart resets all of them.
#[derive(Default)]
pub struct Backoff {
    failed: Mutex<HashMap<Subject, HashMap<Region, Failed>>>,
}

/// A call that failed, how often in a row, and when it may be made again.
struct Failed {
    write: Write,
    error: AwsError,
    times: u32,
    until: Instant,
    shown_until: Instant,
}

impl Backoff {
    /// Records a failed call, which starts its back-off.
    pub fn failed(&self, subject: &Subject, region: &Region, write: Write, error: &AwsError) {
        let mut failed = self.lock();
        let of_subject = failed.entry(subject.clone()).or_default();
        let before = of_subject.get(region).filter(|f| f.write == write).map_or(0, |f| f.times);
        let until = Instant::now() + rest(error, before);
        let needs_help = error.class().disposition() == Disposition::NeedsHelp;
        let shown_until = if needs_help { until + LOOK_AROUND } else { until };
        let (error, times) = (error.clone(), before.saturating_add(1));
        let entry = Failed { write, error, times, until, shown_until };
        of_subject.insert(region.clone(), entry);
    }

    /// Records a successful call, which resets the back-off of this region.
    pub fn succeeded(&self, subject: &Subject, region: &Region) {
        if let Some(of_subject) = self.lock().get_mut(subject) {
            of_subject.remove(region);
        }
    }

    /// The error of exactly this call, while it is backing off.
    pub fn resting(&self, subject: &Subject, write: &Write) -> Option<AwsError> {
        let failed = self.lock();
        let mut of_subject = failed.get(subject)?.values();
        let found = of_subject.find(|f| f.write == *write && f.until > Instant::now())?;
        Some(found.error.clone())
    }

    /// The error of the last call in this region, while it is to be shown.
    pub fn trouble(&self, subject: &Subject, region: &Region) -> Option<AwsError> {
        let failed = self.lock();
        let found = failed.get(subject)?.get(region).filter(|f| f.shown_until > Instant::now())?;
        Some(found.error.clone())
    }

    /// Time until the first of the object's calls that are backing off may be retried; a moment if none is any more.
    pub fn remaining(&self, subject: &Subject) -> Duration {
        let failed = self.lock();
        let of_subject = failed.get(subject).into_iter().flat_map(HashMap::values);
        let rests = of_subject.map(|f| f.until.saturating_duration_since(Instant::now()));
        rests.filter(|rest| !rest.is_zero()).min().unwrap_or(FIRST_BACKOFF)
    }

    /// Forgets all back-off of an object that was edited, was asked to reconcile, or is gone.
    pub fn reset(&self, subject: &Subject) {
        self.lock().remove(subject);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Subject, HashMap<Region, Failed>>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn rest(error: &AwsError, failures: u32) -> Duration {
    match base(error.class()) {
        Base::Doubling(first) => jittered(delay(first, failures), fastrand::f64()),
        Base::Fixed(rest) => rest,
    }
}

/// How a class rests, jitter aside.
enum Base {
    /// From this on.
    Doubling(Duration),
    Fixed(Duration),
}

fn base(class: Class) -> Base {
    match (class, class.disposition()) {
        (Class::Quota, _) => Base::Doubling(FIRST_BACKOFF_FOR_QUOTA),
        // A name that was taken may be our own image's, or free the next time: what came of it is looked for, not waited out.
        (Class::NameTaken, _) | (_, Disposition::Wait | Disposition::Retry) => Base::Doubling(FIRST_BACKOFF),
        (_, Disposition::NeedsHelp) => Base::Fixed(timing::NEEDS_HELP),
        (_, Disposition::Rejected) => Base::Fixed(UNTIL_EDITED),
    }
}

fn delay(first: Duration, failures: u32) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(failures.min(16))).min(LONGEST_BACKOFF)
}

/// Between 80 % and 120 %, so that a hundred objects that failed together do not come back together.
fn jittered(delay: Duration, random: f64) -> Duration {
    delay.mul_f64(0.8 + 0.4 * random)
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;
    use crate::model::{Action, ImageId, InstanceId, error::tests::TREATMENTS};

    fn web() -> Subject {
        Subject { kind: "ImageBuild", namespace: "images".into(), name: "web".into() }
    }

    fn ireland() -> Region {
        Region::from("eu-west-1")
    }

    fn terminate() -> Write {
        Write::Build(BuildCall::TerminateInstances { region: ireland(), id: InstanceId::from("i-1") })
    }

    fn deregister() -> Write {
        Write::Build(BuildCall::DeregisterImage { region: ireland(), id: ImageId::from("ami-1") })
    }

    fn error(code: &str) -> AwsError {
        AwsError {
            action: Action::TerminateInstances,
            region: ireland(),
            code: code.to_owned(),
            message: String::new(),
            request_id: None,
        }
    }

    fn failed(times: usize, code: &str) -> Backoff {
        let backoff = Backoff::default();
        for _ in 0..times {
            backoff.failed(&web(), &ireland(), terminate(), &error(code));
        }
        backoff
    }

    #[test]
    fn the_delay_doubles_from_two_seconds_to_five_minutes() {
        let delays: Vec<u64> = (0..10).map(|n| delay(FIRST_BACKOFF, n).as_secs()).collect();
        assert_eq!(delays, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    }

    fn told(class: Class) -> &'static str {
        match base(class) {
            Base::Doubling(FIRST_BACKOFF) => "from 2s to 5m",
            Base::Doubling(_) => "from 2m to 5m",
            Base::Fixed(UNTIL_EDITED) => "until edited",
            Base::Fixed(_) => "10m",
        }
    }

    #[test]
    fn every_code_rests_as_its_treatment_says() {
        for (_, rest, codes) in TREATMENTS {
            for code in *codes {
                assert_eq!(told(error(code).class()), *rest, "{code}");
            }
        }
    }

    #[test]
    fn a_quota_that_is_used_up_rests_for_minutes_from_the_beginning() {
        let delays: Vec<u64> = (0..3).map(|n| delay(FIRST_BACKOFF_FOR_QUOTA, n).as_secs()).collect();
        assert_eq!(delays, [120, 240, 300]);
    }

    #[test]
    fn jitter_stays_within_a_fifth() {
        assert_eq!(jittered(Duration::from_secs(10), 0.0), Duration::from_secs(8));
        assert_eq!(jittered(Duration::from_secs(10), 1.0), Duration::from_secs(12));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_call_is_answered_by_its_error_until_it_has_rested() {
        let backoff = failed(1, "InternalError");
        assert_eq!(backoff.resting(&web(), &terminate()), Some(error("InternalError")));
        advance(Duration::from_secs(3)).await;
        assert_eq!(backoff.resting(&web(), &terminate()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn another_call_does_not_rest() {
        assert_eq!(failed(1, "InternalError").resting(&web(), &deregister()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_call_rests_longer_each_time() {
        let rest = failed(5, "InternalError").remaining(&web());
        assert!(rest > Duration::from_secs(25), "{rest:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_needs_a_person_rests_for_ten_minutes() {
        assert_eq!(failed(1, "UnauthorizedOperation").remaining(&web()), Duration::from_mins(10));
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_that_was_taken_is_tried_again_soon() {
        assert!(failed(1, "InvalidAMIName.Duplicate").remaining(&web()) < Duration::from_secs(3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_success_begins_anew() {
        let backoff = failed(5, "InternalError");
        backoff.succeeded(&web(), &ireland());
        backoff.failed(&web(), &ireland(), terminate(), &error("InternalError"));
        assert!(backoff.remaining(&web()) < Duration::from_secs(3));
    }

    #[tokio::test(start_paused = true)]
    async fn an_edit_ends_the_rest() {
        let backoff = failed(1, "UnauthorizedOperation");
        backoff.reset(&web());
        assert_eq!(backoff.resting(&web(), &terminate()), None);
    }
}
