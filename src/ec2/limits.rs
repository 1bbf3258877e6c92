//! Keeps the operator's writes below AWS's request limits, so that it never starves the account's other tools.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::model::{Action, Region};

/// Token buckets of the writes, one for each region and action. Clones share them.
///
/// AWS counts by account, region and action and gives each action a bucket of its own; the operator takes half of the
/// refill (and of the burst, where it is large), since Terraform, Karpenter and people use the same bucket. Source:
/// EC2 developer guide, "Request throttling for the Amazon EC2 API".
#[derive(Clone, Debug, Default)]
pub struct WriteLimits {
    buckets: Arc<Mutex<HashMap<(Region, Action), SharedBucket>>>,
}

/// The lock is held while its holder waits for a token, and tokio's lock is fair: that makes the queue.
type SharedBucket = Arc<tokio::sync::Mutex<Bucket>>;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Rate {
    burst: f64,
    /// Tokens a second.
    refill: f64,
}

impl WriteLimits {
    /// Waits until `action` may be sent to `region`; first come, first served. A read may always be sent.
    ///
    /// Who stops waiting (is dropped) takes no token.
    pub async fn acquire(&self, action: Action, region: &Region) {
        if let Some(rate) = rate(action) {
            self.bucket(action, region, rate).lock().await.take(rate).await;
        }
    }

    fn bucket(&self, action: Action, region: &Region, rate: Rate) -> SharedBucket {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(buckets.entry((region.clone(), action)).or_insert_with(|| Bucket::full(rate)))
    }
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    counted_at: Instant,
}

impl Bucket {
    fn full(rate: Rate) -> SharedBucket {
        Arc::new(tokio::sync::Mutex::new(Self { tokens: rate.burst, counted_at: Instant::now() }))
    }

    async fn take(&mut self, rate: Rate) {
        self.fill(rate);
        if self.tokens < 1.0 {
            tokio::time::sleep(Duration::from_secs_f64((1.0 - self.tokens) / rate.refill)).await;
            self.fill(rate);
        }
        self.tokens -= 1.0;
    }

    fn fill(&mut self, rate: Rate) {
        let now = Instant::now();
        let gained = (now - self.counted_at).as_secs_f64() * rate.refill;
        self.tokens = rate.burst.min(self.tokens + gained);
        self.counted_at = now;
    }
}

/// Half of AWS's numbers; none for reads, whose rate the poller sets.
fn rate(action: Action) -> Option<Rate> {
    let (burst, refill) = match action {
        Action::DescribeInstances
        | Action::DescribeImages
        | Action::DescribeSnapshots
        | Action::DescribeVolumes
        | Action::DescribeRegions
        | Action::GetConsoleOutput
        | Action::GetParameters
        | Action::GetCallerIdentity
        | Action::DescribeInstanceInformation
        | Action::ListCommandInvocations
        | Action::GetCommandInvocation => return None,
        // AWS: 5 and 2; half a burst of 5 would hold back a handful of builds that start together.
        Action::RunInstances => (5.0, 1.0),
        // AWS: 100 and 1.
        Action::CopyImage => (50.0, 0.5),
        // AWS: 50 and 5.
        Action::CreateImage => (25.0, 2.5),
        // AWS: 100 and 5.
        Action::StopInstances
        | Action::TerminateInstances
        | Action::ModifyImageAttribute
        | Action::DeregisterImage
        | Action::DeleteSnapshot => (50.0, 2.5),
        // AWS: 100 and 10.
        Action::CreateTags | Action::DeleteTags => (50.0, 5.0),
        // AWS: 50 and 5, as every write without a number of its own.
        Action::DeleteVolume => (25.0, 2.5),
        // AWS names no number for Systems Manager; a step of a build is one command, and takes seconds at least.
        Action::SendCommand | Action::CancelCommand => (10.0, 2.0),
    };
    Some(Rate { burst, refill })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRANKFURT: &str = "eu-central-1";

    async fn seconds_for(limits: &WriteLimits, calls: u32, action: Action, region: &str) -> f64 {
        let started = Instant::now();
        for _ in 0..calls {
            limits.acquire(action, &region.into()).await;
        }
        started.elapsed().as_secs_f64()
    }

    fn assert_about(seconds: f64, expected: f64) {
        assert!((seconds - expected).abs() < 0.05, "{seconds} s instead of {expected} s");
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_of_launches_goes_at_once_and_the_rest_at_one_a_second() {
        let limits = WriteLimits::default();
        assert_about(seconds_for(&limits, 5, Action::RunInstances, FRANKFURT).await, 0.0);
        assert_about(seconds_for(&limits, 10, Action::RunInstances, FRANKFURT).await, 10.0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rest_fills_the_bucket_to_its_burst_and_no_further() {
        let limits = WriteLimits::default();
        seconds_for(&limits, 5, Action::RunInstances, FRANKFURT).await;
        tokio::time::advance(Duration::from_hours(1)).await;
        assert_about(seconds_for(&limits, 6, Action::RunInstances, FRANKFURT).await, 1.0);
    }

    #[tokio::test(start_paused = true)]
    async fn copies_wait_two_seconds_each_once_fifty_were_sent() {
        let limits = WriteLimits::default();
        assert_about(seconds_for(&limits, 53, Action::CopyImage, FRANKFURT).await, 6.0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_region_holds_back_no_other() {
        let limits = WriteLimits::default();
        seconds_for(&limits, 5, Action::RunInstances, FRANKFURT).await;
        assert_about(seconds_for(&limits, 5, Action::RunInstances, "eu-west-1").await, 0.0);
    }

    #[tokio::test(start_paused = true)]
    async fn an_empty_bucket_holds_back_no_other_action() {
        let limits = WriteLimits::default();
        seconds_for(&limits, 5, Action::RunInstances, FRANKFURT).await;
        assert_about(seconds_for(&limits, 1, Action::TerminateInstances, FRANKFURT).await, 0.0);
    }

    #[tokio::test(start_paused = true)]
    async fn reads_are_never_held_back() {
        let limits = WriteLimits::default();
        assert_about(seconds_for(&limits, 1_000, Action::DescribeImages, FRANKFURT).await, 0.0);
    }

    #[tokio::test(start_paused = true)]
    async fn waiters_are_served_in_the_order_in_which_they_came() {
        let limits = WriteLimits::default();
        seconds_for(&limits, 5, Action::RunInstances, FRANKFURT).await;
        let served = Mutex::new(Vec::new());
        futures::future::join_all((0..4).map(|waiter| {
            let (limits, served) = (&limits, &served);
            async move {
                limits.acquire(Action::RunInstances, &FRANKFURT.into()).await;
                served.lock().unwrap().push(waiter);
            }
        }))
        .await;
        assert_eq!(served.into_inner().unwrap(), [0, 1, 2, 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiter_that_gives_up_takes_no_token() {
        let limits = WriteLimits::default();
        seconds_for(&limits, 5, Action::RunInstances, FRANKFURT).await;
        let frankfurt = FRANKFURT.into();
        let impatient = limits.acquire(Action::RunInstances, &frankfurt);
        assert!(tokio::time::timeout(Duration::from_millis(500), impatient).await.is_err());
        assert_about(seconds_for(&limits, 1, Action::RunInstances, FRANKFURT).await, 0.5);
    }
}
