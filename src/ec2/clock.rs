//! The time, as everything that observes or acts reads it.

use jiff::Timestamp;
use tokio::time::Instant;

/// Wall-clock time that moves with tokio's clock, so that a test can let weeks pass in a moment.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    base: Timestamp,
    start: Instant,
}

impl Clock {
    /// A clock whose current time is `base`. Needs a tokio runtime.
    pub fn starting_at(base: Timestamp) -> Self {
        Self { base, start: Instant::now() }
    }

    /// A clock that starts at the system time.
    pub fn system() -> Self {
        Self::starting_at(Timestamp::now())
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.base.checked_add(self.start.elapsed()).unwrap_or(Timestamp::MAX)
    }
}
