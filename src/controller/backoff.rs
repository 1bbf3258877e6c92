//! How long an object rests after a failed call: 2 s, doubled each time, at most 5 minutes, with jitter.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::ec2::poller::Subject;

const FIRST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_mins(5);

/// Failures in a row, by object. Not durable: after a restart everybody begins anew.
#[derive(Default)]
pub struct Backoff {
    failures: Mutex<HashMap<Subject, u32>>,
}

impl Backoff {
    /// Counts a failure; how long to rest.
    pub fn next(&self, subject: &Subject) -> Duration {
        let mut failures = self.failures();
        let count = failures.entry(subject.clone()).or_default();
        let delay = delay(*count);
        *count = count.saturating_add(1);
        jittered(delay, fastrand::f64())
    }

    /// Something worked.
    pub fn reset(&self, subject: &Subject) {
        self.failures().remove(subject);
    }

    fn failures(&self) -> MutexGuard<'_, HashMap<Subject, u32>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn delay(failures: u32) -> Duration {
    FIRST.saturating_mul(2_u32.saturating_pow(failures.min(16))).min(LONGEST)
}

/// Between 80 % and 120 %, so that a hundred objects that failed together do not come back together.
fn jittered(delay: Duration, random: f64) -> Duration {
    delay.mul_f64(0.8 + 0.4 * random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_doubles_from_two_seconds_to_five_minutes() {
        let delays: Vec<u64> = (0..10).map(|n| delay(n).as_secs()).collect();
        assert_eq!(delays, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    }

    #[test]
    fn jitter_stays_within_a_fifth() {
        assert_eq!(jittered(Duration::from_secs(10), 0.0), Duration::from_secs(8));
        assert_eq!(jittered(Duration::from_secs(10), 1.0), Duration::from_secs(12));
    }

    #[test]
    fn a_success_begins_anew() {
        let backoff = Backoff::default();
        let subject = Subject { kind: "ImageBuild", namespace: "a".into(), name: "b".into() };
        for _ in 0..5 {
            backoff.next(&subject);
        }
        backoff.reset(&subject);
        assert!(backoff.next(&subject) < Duration::from_secs(3));
    }
}
