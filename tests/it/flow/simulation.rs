//! Worlds of their own, many at a time.

use std::{
    any::Any,
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use super::Flow;

/// Runs `test` in a new world, in simulated time.
pub fn simulate<T>(test: impl AsyncFnOnce(&mut Flow) -> T) -> T {
    // The jitter of repetitions is the same in each run.
    fastrand::seed(1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(async { test(&mut Flow::new()).await })
}

/// The same, where a panic is an error.
pub fn try_simulate<T>(test: impl AsyncFnOnce(&mut Flow) -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(|| simulate(test))).map_err(|panic| said(panic.as_ref()))
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked").to_owned()
}

/// Maps `items` on all processors, in their order.
pub fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(BTreeMap::new());
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(at) else { break };
                    let result = work(item);
                    done.lock().expect("no worker panics").insert(at, result);
                }
            });
        }
    });
    done.into_inner().expect("no worker panics").into_values().collect()
}
