//! How long things take.

use std::time::Duration;

/// Delays of EC2's asynchronous work.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// `pending` → `running`.
    pub run: Duration,
    /// `stopping` → `stopped`, and `shutting-down` → `terminated`.
    pub stop: Duration,
    /// Image creation from an instance, and snapshots.
    pub image: Duration,
    pub copy: Duration,
    /// From `running` to the first console line.
    pub boot: Duration,
    /// Age of the console output that is not asked for with `Latest`.
    pub console: Duration,
    /// Each step of fast snapshot restore (`enabling`, `optimizing`).
    pub fast_restore: Duration,
    /// From `running` until the SSM agent has registered.
    pub agent: Duration,
    /// From `SendCommand` until an agent that is there has the command.
    pub command: Duration,
    /// From `PutParameter` until the image id in the parameter is found valid.
    pub validation: Duration,
    /// Relative spread of all delays, 0.2 is ±20 %; drawn from the seed.
    pub jitter: f64,
}

impl Profile {
    /// Everything at once, for tests with a clock of their own.
    pub fn test() -> Self {
        Self::of([0; 10], 0.0)
    }

    /// Short enough to watch.
    pub fn demo() -> Self {
        Self::of([6, 5, 20, 30, 1, 3, 10, 3, 1, 2], 0.0)
    }

    /// As measured on EC2.
    pub fn real() -> Self {
        Self::of([25, 40, 300, 900, 12, 240, 900, 60, 1, 10], 0.2)
    }

    pub fn named(name: &str) -> Option<Self> {
        match name {
            "test" => Some(Self::test()),
            "demo" => Some(Self::demo()),
            "real" => Some(Self::real()),
            _ => None,
        }
    }

    fn of(seconds: [u64; 10], jitter: f64) -> Self {
        let [run, stop, image, copy, boot, console, fast_restore, agent, command, validation] =
            seconds.map(Duration::from_secs);
        Self { run, stop, image, copy, boot, console, fast_restore, agent, command, validation, jitter }
    }
}
