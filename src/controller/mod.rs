//! The only module that accesses Kubernetes: observe, act, write the status, and the runtime around them.

pub mod act;
pub mod backoff;
pub mod builds;
pub mod cluster;
pub mod content;
pub mod dependents;
pub mod kube_cluster;
pub mod metadata;
pub mod replications;
pub mod runtime;
pub mod slots;
pub mod status_writer;
pub mod survey;
pub mod sweeper;
pub mod timing;
mod upkeep;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use self::{
    backoff::Backoff,
    cluster::{Cluster, ClusterError},
    dependents::Dependents,
    slots::CopySlots,
};
use crate::{
    ec2::{
        Ec2,
        clock::Clock,
        poller::{Poller, Subject},
    },
    model::{Region, ownership::Owner},
    ops::metrics::Metrics,
    plan::CheckAfter,
    status::Seeing,
};

/// A pass that moves on at every look would starve the others; it gets another turn at once.
const MAX_PASSES: usize = 32;

/// The dependencies of a pass.
pub struct Operator {
    pub cluster: Arc<dyn Cluster>,
    pub ec2: Arc<dyn Ec2>,
    pub poller: Poller,
    pub clock: Clock,
    /// Distinguishes clusters that share an AWS account; a tag of every resource.
    pub cluster_id: String,
    pub backoff: Backoff,
    pub dependents: Dependents,
    pub slots: CopySlots,
    pub metrics: Arc<Metrics>,
}

/// The longest time until an object is reconciled again. An observed change wakes it earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// At once.
    Again,
    /// After this time.
    For(Duration),
    /// When something changes.
    UntilChange,
}

/// What remains to be done after a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// Something was done: decide anew.
    Again,
    Rest(Rest),
}

impl Operator {
    /// Looks at one object and does what is to be done now: passes with at most one write to AWS a region each, every one
    /// written down before the next.
    ///
    /// # Errors
    /// Only when a pass could not be finished for trouble with the Kubernetes API; what was done in AWS is found again.
    pub async fn reconcile(&self, subject: &Subject) -> Result<Rest, ClusterError> {
        for _ in 0..MAX_PASSES {
            match self.pass(subject).await? {
                Pass::Again => {}
                Pass::Rest(rest) => return Ok(rest),
            }
        }
        Ok(Rest::Again)
    }

    async fn pass(&self, subject: &Subject) -> Result<Pass, ClusterError> {
        let pass = match subject.kind {
            builds::KIND => builds::pass(self, subject).await,
            replications::KIND => replications::pass(self, subject).await,
            other => Err(ClusterError::UnknownKind(other.to_owned())),
        };
        self.metrics.pass(subject.kind, pass.is_ok());
        pass
    }

    /// The object is gone, and with it what was remembered of it.
    fn forget(&self, subject: &Subject) -> Pass {
        self.poller.watch(subject, &[]);
        self.backoff.reset(subject);
        self.dependents.gone(subject);
        self.hold_slots(subject, &BTreeSet::new());
        Pass::Rest(Rest::UntilChange)
    }

    /// Wakes those whose turn it is, as `subject` copies into, or waits for, these regions only.
    fn hold_slots(&self, subject: &Subject, concerned: &BTreeSet<Region>) {
        for served in self.slots.settle(subject, concerned) {
            self.dependents.wake(&served);
        }
    }

    fn owner(&self, subject: &Subject, uid: &str) -> Owner {
        Owner {
            cluster_id: self.cluster_id.clone(),
            uid: uid.to_owned(),
            kind: subject.kind,
            namespace: subject.namespace.clone(),
            name: subject.name.clone(),
        }
    }

    /// Somebody asks for another look, by an edit or in so many words: what failed may work now.
    fn asked_anew(&self, subject: &Subject, seeing: &Seeing, handled: (Option<i64>, Option<&String>)) {
        let (generation, reconcile_requested_at) = handled;
        if seeing.generation != generation {
            self.backoff.reset(subject);
        }
        if seeing.reconcile_requested_at.as_ref() != reconcile_requested_at {
            self.backoff.reset(subject);
            self.poller.forget_all(subject);
        }
    }

    /// What follows from a pass: where something moved the next pass, else patience. A region that failed rests by itself:
    /// it never keeps another one from moving.
    fn next(&self, subject: &Subject, moved: bool, failed: bool, check_after: CheckAfter) -> Pass {
        if moved {
            return Pass::Again;
        }
        let rest = failed.then(|| self.backoff.remaining(subject));
        let rest = rest.into_iter().chain(check_after).min().map(|rest| rest.min(timing::LONGEST_REST));
        Pass::Rest(rest.map_or(Rest::UntilChange, Rest::For))
    }
}
