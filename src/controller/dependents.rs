//! Who waits for which build, so that a build that changes wakes those who refer to it.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::mpsc;

use crate::{ec2::poller::Subject, plan::build::BaseBuild};

/// Learned from the passes themselves: no second watch, no store of whole objects.
pub struct Dependents {
    known: Mutex<Known>,
    wake: mpsc::UnboundedSender<Subject>,
}

#[derive(Default)]
struct Known {
    /// Who refers to which build.
    waiting: HashMap<Subject, Subject>,
    /// What each build was last seen to be.
    builds: HashMap<Subject, BaseBuild>,
}

impl Dependents {
    /// An index, and the stream of those to wake.
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Subject>) {
        let (wake, woken) = mpsc::unbounded_channel();
        (Self { known: Mutex::default(), wake }, woken)
    }

    /// `subject` refers to `build`, or to none.
    pub fn depends(&self, subject: &Subject, build: Option<Subject>) {
        let mut known = self.known();
        match build {
            Some(build) => known.waiting.insert(subject.clone(), build),
            None => known.waiting.remove(subject),
        };
    }

    /// `subject` is no more: it waits for nothing, and whoever refers to it finds it missing.
    pub fn gone(&self, subject: &Subject) {
        self.depends(subject, None);
        self.seen(subject, &BaseBuild::Missing);
    }

    /// `build` was seen to be this: whoever refers to it is woken if that is news.
    pub fn seen(&self, build: &Subject, state: &BaseBuild) {
        let mut known = self.known();
        if known.builds.get(build) == Some(state) {
            return;
        }
        match state {
            BaseBuild::Missing if !known.builds.contains_key(build) => return,
            BaseBuild::Missing => known.builds.remove(build),
            BaseBuild::Running | BaseBuild::Failed | BaseBuild::Ready { .. } => {
                known.builds.insert(build.clone(), state.clone())
            }
        };
        for waiting in known.waiting.iter().filter(|(_, b)| *b == build).map(|(subject, _)| subject) {
            // Nobody listens any more while the operator shuts down.
            let _ = self.wake.send(waiting.clone());
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
