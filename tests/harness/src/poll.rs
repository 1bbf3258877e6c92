use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Short against the seconds that processes take to start, long enough not to keep a core busy.
const INTERVAL: Duration = Duration::from_millis(25);

/// Asks `probe` until it answers `Some`.
///
/// # Errors
/// `probe`'s own, at once; or that `timeout` has passed, naming `what` was waited for.
pub fn wait_for<T>(what: &str, timeout: Duration, mut probe: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let deadline = Instant::now() + timeout;
    loop {
        if let Some(found) = probe()? {
            return Ok(found);
        }
        if Instant::now() >= deadline {
            bail!("waited {timeout:?} for {what}");
        }
        std::thread::sleep(INTERVAL);
    }
}
