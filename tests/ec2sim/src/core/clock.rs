//! Where the time of a call comes from.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};

/// The clock of a front. Clones of a manual clock are the same clock.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's time, `speed` times as fast.
    Real { epoch: Timestamp, started: Instant, speed: f64 },
    /// Stands still until it is advanced.
    Manual(Arc<Mutex<Timestamp>>),
    /// Follows tokio's clock, so that a test with paused time drives the world too.
    Tokio { epoch: Timestamp, started: tokio::time::Instant },
}

impl Clock {
    pub fn real(speed: f64) -> Self {
        Self::Real { epoch: Timestamp::now(), started: Instant::now(), speed }
    }

    pub fn manual(start: Timestamp) -> Self {
        Self::Manual(Arc::new(Mutex::new(start)))
    }

    /// Must be called inside of a tokio runtime if its time is paused.
    pub fn tokio(epoch: Timestamp) -> Self {
        Self::Tokio { epoch, started: tokio::time::Instant::now() }
    }

    pub fn now(&self) -> Timestamp {
        match self {
            Self::Real { epoch, started, speed } => after(*epoch, started.elapsed().mul_f64(*speed)),
            Self::Manual(now) => *now.lock().unwrap_or_else(PoisonError::into_inner),
            Self::Tokio { epoch, started } => after(*epoch, started.elapsed()),
        }
    }

    /// Moves a manual clock; the others go by themselves and ignore it. Answers whether it moved.
    pub fn advance(&self, by: Duration) -> bool {
        let Self::Manual(now) = self else { return false };
        let mut now = now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = after(*now, by);
        true
    }
}

/// The time a while later, saturating at the end of time.
pub fn after(at: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// The time a while earlier, saturating at the beginning of time.
pub fn before(at: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}
