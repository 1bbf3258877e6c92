use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Short against the seconds that processes take to start, long enough not to keep a core busy.
const SHORTEST: Duration = Duration::from_millis(25);
/// What takes minutes is not asked for forty times a second: kubectl alone would take half of a core.
const LONGEST: Duration = Duration::from_secs(1);
/// The wait so far is prolonged by so much of itself.
const PART: u32 = 50;

/// Asks `probe` until it answers `Some`.
///
/// # Errors
/// `probe`'s own, at once; or that `timeout` has passed, naming `what` was waited for.
pub fn wait_for<T>(what: &str, timeout: Duration, mut probe: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let begin = Instant::now();
    loop {
        if let Some(found) = probe()? {
            return Ok(found);
        }
        let waited = begin.elapsed();
        if waited >= timeout {
            bail!("waited {timeout:?} for {what}");
        }
        std::thread::sleep((waited / PART).clamp(SHORTEST, LONGEST));
    }
}
