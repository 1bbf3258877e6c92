//! Keeps the operator's writes below AWS's request limits, so that it never starves the account's other tools.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::model::{Action, Class, Region};

/// Copies that may be under way into a region at the same time, over all objects.
///
/// AWS's default quota of concurrent snapshot copies into a region is 20, and a copy is refused beyond it. Source: Amazon EBS
/// endpoints and quotas, "Concurrent snapshot copies per destination Region"; it can be raised in Service Quotas.
pub const COPIES_PER_REGION: usize = 20;

/// Token buckets of the writes, one for each region and action. Clones share them.
///
/// AWS counts by account, region and action and gives each action a bucket of its own; the operator takes half of the
/// refill (and of the burst, where it is large), since Terraform, Karpenter and people use the same bucket. Copies are the
/// exception: see [`rate`]. Source: EC2 developer guide, "Request throttling for the Amazon EC2 API".
#[derive(Clone, Debug, Default)]
pub struct WriteLimits {
    buckets: Arc<Mutex<HashMap<(Region, Action), SharedBucket>>>,
}

type SharedBucket = Arc<Queue>;

/// Who waits for a bucket, and the bucket.
#[derive(Debug)]
struct Queue {
    /// Held while its holder waits for a token, and tokio's lock is fair: that makes the queue.
    turn: tokio::sync::Mutex<()>,
    bucket: Mutex<Bucket>,
}

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
            self.bucket(action, region, rate).take(rate).await;
        }
    }

    /// A call of `action` in `region` was answered. Throttling slows whoever makes it next, as AWS's bucket is the region's and
    /// not the object's: ours is empty too, and fills half as fast each time. What works speeds it up again.
    pub fn heard(&self, action: Action, region: &Region, trouble: Option<Class>) {
        if let Some(rate) = rate(action) {
            self.bucket(action, region, rate).bucket().heard(trouble);
        }
    }

    fn bucket(&self, action: Action, region: &Region, rate: Rate) -> SharedBucket {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(buckets.entry((region.clone(), action)).or_insert_with(|| Queue::full(rate)))
    }
}

impl Queue {
    fn full(rate: Rate) -> SharedBucket {
        let bucket = Bucket { tokens: rate.burst, counted_at: Instant::now(), slowness: 1.0 };
        Arc::new(Self { turn: tokio::sync::Mutex::default(), bucket: Mutex::new(bucket) })
    }

    fn bucket(&self) -> MutexGuard<'_, Bucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn take(&self, rate: Rate) {
        let _turn = self.turn.lock().await;
        loop {
            let wait = self.bucket().take(rate);
            let Some(wait) = wait else { return };
            tokio::time::sleep(wait).await;
        }
    }
}

/// The longest that throttling slows an action down.
const SLOWEST: f64 = 32.0;

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    counted_at: Instant,
    /// By which the refill is divided while AWS throttles.
    slowness: f64,
}

impl Bucket {
    /// Takes a token, or tells how long there will be none.
    fn take(&mut self, rate: Rate) -> Option<Duration> {
        let (now, refill) = (Instant::now(), rate.refill / self.slowness);
        let gained = (now - self.counted_at).as_secs_f64() * refill;
        self.tokens = rate.burst.min(self.tokens + gained);
        self.counted_at = now;
        // A sleep may end a moment before the token is whole.
        if self.tokens < 0.999 {
            return Some(Duration::from_secs_f64((1.0 - self.tokens) / refill));
        }
        self.tokens -= 1.0;
        None
    }

    fn heard(&mut self, trouble: Option<Class>) {
        match trouble {
            Some(Class::Throttled) => {
                self.slowness = (self.slowness * 2.0).min(SLOWEST);
                (self.tokens, self.counted_at) = (0.0, Instant::now());
            }
            Some(_) => {}
            None => self.slowness = (self.slowness / 2.0).max(1.0),
        }
    }
}

/// Half of AWS's numbers, but of copies; none for reads, whose rate the poller sets.
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
        | Action::GetCommandInvocation
        | Action::ListTagsForResource
        | Action::DescribeImageAttribute
        | Action::DescribeSnapshotAttribute
        | Action::DescribeFastSnapshotRestores
        | Action::DescribeImageReferences
        | Action::GetImageBlockPublicAccessState
        | Action::GetEbsDefaultKmsKeyId
        | Action::GetEbsEncryptionByDefault => return None,
        // AWS: 5 and 2; half a burst of 5 would hold back a handful of builds that start together.
        Action::RunInstances => (5.0, 1.0),
        // AWS: 100 and 1. Three quarters of it: half would hold back a fleet of small images, whose copies end after less than
        // 40 s, where the 20 copies that a region takes at once do not. It leaves others one call in four seconds.
        Action::CopyImage => (75.0, 0.75),
        // AWS: 50 and 5.
        Action::CreateImage => (25.0, 2.5),
        // AWS: 100 and 5.
        Action::StopInstances
        | Action::TerminateInstances
        | Action::ModifyImageAttribute
        | Action::ModifySnapshotAttribute
        | Action::DeregisterImage
        | Action::DeleteSnapshot => (50.0, 2.5),
        // AWS: 100 and 10.
        Action::CreateTags | Action::DeleteTags => (50.0, 5.0),
        // AWS: 50 and 5, as all writes without numbers of their own.
        Action::DeleteVolume
        | Action::EnableImageDeprecation
        | Action::DisableImageDeprecation
        | Action::EnableImageDeregistrationProtection
        | Action::DisableImageDeregistrationProtection
        | Action::EnableImage
        | Action::DisableImage
        | Action::EnableFastSnapshotRestores
        | Action::DisableFastSnapshotRestores => (25.0, 2.5),
        // AWS names no number for Systems Manager; a step of a build is one command, and takes seconds at least.
        Action::SendCommand | Action::CancelCommand => (10.0, 2.0),
        // AWS: 3 per second for PutParameter, of which other tools have as many to write.
        Action::PutParameter | Action::AddTagsToResource | Action::DeleteParameter => (3.0, 1.5),
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
    async fn copies_wait_once_seventy_five_were_sent_for_as_long_as_slots_of_short_copies_would() {
        let limits = WriteLimits::default();
        assert_about(seconds_for(&limits, 78, Action::CopyImage, FRANKFURT).await, 4.0);
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

    fn throttled(times: usize) -> WriteLimits {
        let limits = WriteLimits::default();
        for _ in 0..times {
            limits.heard(Action::RunInstances, &FRANKFURT.into(), Some(Class::Throttled));
        }
        limits
    }

    #[tokio::test(start_paused = true)]
    async fn throttling_holds_back_whoever_launches_next_in_the_region() {
        assert_about(seconds_for(&throttled(1), 1, Action::RunInstances, FRANKFURT).await, 2.0);
        assert_about(seconds_for(&throttled(3), 1, Action::RunInstances, FRANKFURT).await, 8.0);
    }

    #[tokio::test(start_paused = true)]
    async fn throttling_holds_back_no_longer_than_half_a_minute() {
        assert_about(seconds_for(&throttled(50), 1, Action::RunInstances, FRANKFURT).await, 32.0);
    }

    #[tokio::test(start_paused = true)]
    async fn throttling_holds_back_no_other_region_and_no_other_action() {
        let limits = throttled(3);
        assert_about(seconds_for(&limits, 1, Action::RunInstances, "eu-west-1").await, 0.0);
        assert_about(seconds_for(&limits, 1, Action::CopyImage, FRANKFURT).await, 0.0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_works_ends_the_slowness() {
        let limits = throttled(3);
        for _ in 0..3 {
            limits.heard(Action::RunInstances, &FRANKFURT.into(), None);
        }
        assert_about(seconds_for(&limits, 1, Action::RunInstances, FRANKFURT).await, 1.0);
    }

    #[tokio::test(start_paused = true)]
    async fn another_error_than_throttling_slows_nothing() {
        let limits = WriteLimits::default();
        limits.heard(Action::RunInstances, &FRANKFURT.into(), Some(Class::Capacity));
        assert_about(seconds_for(&limits, 1, Action::RunInstances, FRANKFURT).await, 0.0);
    }
}
