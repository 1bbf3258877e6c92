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

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::UnboundedReceiver;

    use super::*;
    use crate::{
        model::ImageId,
        plan::fixtures::{IMAGE, region},
    };

    fn subject(kind: &'static str, name: &str) -> Subject {
        Subject { kind, namespace: "images".to_owned(), name: name.to_owned() }
    }

    fn base() -> Subject {
        subject("ImageBuild", "base")
    }

    fn copies() -> Subject {
        subject("ImageReplication", "web")
    }

    fn ready() -> BaseBuild {
        BaseBuild::Ready { region: region(), image_id: ImageId::from(IMAGE) }
    }

    /// `copies` refers to `base`, which runs.
    fn waiting() -> (Dependents, UnboundedReceiver<Subject>) {
        let (dependents, mut woken) = Dependents::new();
        dependents.seen(&base(), &BaseBuild::Running);
        dependents.depends(&copies(), Some(base()));
        assert!(woken.try_recv().is_err());
        (dependents, woken)
    }

    #[test]
    fn a_build_that_becomes_ready_wakes_whoever_refers_to_it() {
        let (dependents, mut woken) = waiting();
        dependents.seen(&base(), &ready());
        assert_eq!(woken.try_recv(), Ok(copies()));
    }

    #[test]
    fn a_build_that_stays_as_it_was_wakes_nobody() {
        let (dependents, mut woken) = waiting();
        dependents.seen(&base(), &BaseBuild::Running);
        assert!(woken.try_recv().is_err());
    }

    #[test]
    fn a_build_that_is_gone_wakes_whoever_refers_to_it() {
        let (dependents, mut woken) = waiting();
        dependents.gone(&base());
        assert_eq!(woken.try_recv(), Ok(copies()));
    }

    #[test]
    fn whoever_refers_to_it_no_more_is_left_alone() {
        let (dependents, mut woken) = waiting();
        dependents.depends(&copies(), None);
        dependents.seen(&base(), &ready());
        assert!(woken.try_recv().is_err());
    }

    #[test]
    fn a_build_of_the_same_name_that_comes_later_is_news() {
        let (dependents, mut woken) = waiting();
        dependents.gone(&base());
        let _ = woken.try_recv();
        dependents.seen(&base(), &BaseBuild::Running);
        assert_eq!(woken.try_recv(), Ok(copies()));
    }
}
