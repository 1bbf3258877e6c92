//! Tracks which objects depend on which builds, so that a changed build wakes those that refer to it or select it by labels.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use kube::core::{Selector, SelectorExt};
use tokio::sync::mpsc;

use crate::{
    ec2::poller::Subject,
    plan::build::{BaseBuild, FinishedBuild},
};

/// The dependencies between objects, learned from the passes themselves: no second watch, no store of whole objects.
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
    /// Who selects builds of its namespace by their labels.
    selecting: HashMap<Subject, Selecting>,
}

/// A selector, and the newest build that it matched.
struct Selecting {
    selector: Selector,
    choice: Choice,
    /// So many times a list became too old.
    ticket: u64,
}

/// The newest build that a selector matches, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    Made(Option<FinishedBuild>),
    /// The builds have to be listed; the result is handed in with this ticket.
    Open(u64),
}

impl Dependents {
    /// An index, and the stream of those to wake.
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Subject>) {
        let (wake, woken) = mpsc::unbounded_channel();
        (Self { known: Mutex::default(), wake }, woken)
    }

    /// Wakes `subject`, because what it waits for has happened.
    pub fn wake(&self, subject: &Subject) {
        // Nobody listens any more while the operator shuts down.
        let _ = self.wake.send(subject.clone());
    }

    /// Records that `subject` refers to `build`, or to none.
    pub fn depends(&self, subject: &Subject, build: Option<Subject>) {
        let mut known = self.known();
        match build {
            Some(build) => known.waiting.insert(subject.clone(), build),
            None => known.waiting.remove(subject),
        };
    }

    /// Records that `subject` selects builds by `selector`.
    pub fn selects(&self, subject: &Subject, selector: &Selector) -> Choice {
        let mut known = self.known();
        let new = |ticket| Selecting { selector: selector.clone(), choice: Choice::Open(ticket), ticket };
        let entry = known.selecting.entry(subject.clone()).or_insert_with(|| new(0));
        if entry.selector != *selector {
            *entry = new(entry.ticket + 1);
        }
        entry.choice.clone()
    }

    /// Records that `subject` selects no builds by labels.
    pub fn selects_none(&self, subject: &Subject) {
        self.known().selecting.remove(subject);
    }

    /// Records the result of a list for `subject`. It counts unless a build that the list may lack finished meanwhile.
    pub fn chosen(&self, subject: &Subject, ticket: u64, newest: Option<FinishedBuild>) {
        let mut known = self.known();
        let waiting = known.selecting.get_mut(subject);
        if let Some(entry) = waiting.filter(|e| e.choice == Choice::Open(ticket)) {
            entry.choice = Choice::Made(newest);
        }
    }

    /// Records that `build` succeeded, and wakes the objects that select it and know of no newer one.
    pub fn finished(&self, build: &Subject, labels: &BTreeMap<String, String>, finished: &FinishedBuild) {
        let mut known = self.known();
        let selecting = known.selecting.iter_mut();
        for (subject, entry) in selecting.filter(|(subject, _)| subject.namespace == build.namespace) {
            let is_old = matches!(&entry.choice, Choice::Made(newest) if newest.as_ref() >= Some(finished));
            if is_old || !entry.selector.matches(labels) {
                continue;
            }
            entry.ticket += 1;
            entry.choice = Choice::Open(entry.ticket);
            // Nobody listens any more while the operator shuts down.
            let _ = self.wake.send(subject.clone());
        }
    }

    /// Forgets `subject`, which is gone, and wakes the objects that refer to it.
    pub fn gone(&self, subject: &Subject) {
        self.depends(subject, None);
        self.selects_none(subject);
        self.seen(subject, &BaseBuild::Missing);
    }

    /// Records the state of `build`, and wakes the objects that refer to it if it changed.
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

    fn finished(name: &str, at: i64) -> FinishedBuild {
        FinishedBuild {
            completed_at: crate::plan::fixtures::at(at),
            created_at: None,
            name: name.to_owned(),
            region: region(),
            image_id: ImageId::from(IMAGE),
            image_name: "images-web".to_owned(),
        }
    }

    fn labels(app: &str) -> BTreeMap<String, String> {
        BTreeMap::from([("app".to_owned(), app.to_owned())])
    }

    fn web() -> Selector {
        labels("web").into_iter().collect()
    }

    /// `copies` selects builds with label `app=web`, of which `one` is the newest.
    fn selecting() -> (Dependents, UnboundedReceiver<Subject>) {
        let (dependents, woken) = Dependents::new();
        assert_eq!(dependents.selects(&copies(), &web()), Choice::Open(0));
        dependents.chosen(&copies(), 0, Some(finished("one", 0)));
        (dependents, woken)
    }

    #[test]
    fn builds_are_listed_once_and_again_when_a_newer_one_is_finished() {
        let (dependents, mut woken) = selecting();
        assert_eq!(dependents.selects(&copies(), &web()), Choice::Made(Some(finished("one", 0))));
        dependents.finished(&subject("ImageBuild", "two"), &labels("web"), &finished("two", 1));
        assert_eq!(woken.try_recv(), Ok(copies()));
        assert_eq!(dependents.selects(&copies(), &web()), Choice::Open(1));
    }

    #[test]
    fn a_build_that_is_older_or_has_other_labels_or_is_known_wakes_nobody() {
        let (dependents, mut woken) = selecting();
        dependents.finished(&base(), &labels("web"), &finished("zero", -1));
        dependents.finished(&base(), &labels("web"), &finished("one", 0));
        dependents.finished(&base(), &labels("db"), &finished("two", 1));
        let elsewhere = Subject { namespace: "others".to_owned(), ..base() };
        dependents.finished(&elsewhere, &labels("web"), &finished("two", 1));
        assert!(woken.try_recv().is_err());
    }

    #[test]
    fn a_list_that_may_lack_a_build_that_was_finished_meanwhile_is_read_again() {
        let (dependents, mut woken) = Dependents::new();
        assert_eq!(dependents.selects(&copies(), &web()), Choice::Open(0));
        dependents.finished(&base(), &labels("web"), &finished("two", 1));
        dependents.chosen(&copies(), 0, None);
        assert_eq!(woken.try_recv(), Ok(copies()));
        assert_eq!(dependents.selects(&copies(), &web()), Choice::Open(1));
    }

    #[test]
    fn another_selector_chooses_anew() {
        let (dependents, _woken) = selecting();
        let database: Selector = labels("db").into_iter().collect();
        assert_eq!(dependents.selects(&copies(), &database), Choice::Open(1));
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
