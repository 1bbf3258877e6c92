//! An operator's process in simulated time: its queue, and all that dies with it.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use ami_operator::{
    controller::{Operator, Rest, backoff::Backoff, dependents::Dependents, slots::CopySlots},
    ec2::{
        Ec2,
        clock::Clock,
        limits::COPIES_PER_REGION,
        poller::{Poller, Subject, Tempo},
    },
    ops::metrics::Metrics,
};
use futures::{FutureExt, future::LocalBoxFuture};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::Instant,
};

use super::{
    cluster::MemoryCluster,
    faults::Faulty,
    world::{CLUSTER, moment},
};

/// Before a pass that failed on the Kubernetes API is made again, as in the real runtime.
const API_TROUBLE: Duration = Duration::from_secs(5);

/// A process. As a future it is one reconciliation or the wait for the next, and tells which; it can be polled again
/// and again. Dropped at any moment it is dead.
pub struct Process {
    step: LocalBoxFuture<'static, (Queue, bool)>,
    ask: UnboundedSender<Subject>,
    pub metrics: Arc<Metrics>,
}

struct Queue {
    operator: Operator,
    polled: UnboundedReceiver<Subject>,
    dependents: UnboundedReceiver<Subject>,
    asked: UnboundedReceiver<Subject>,
    due: HashMap<Subject, Instant>,
}

impl Process {
    pub fn start(cluster: &Arc<MemoryCluster>, ec2: &Arc<Faulty>, clock: Clock) -> Self {
        let ec2: Arc<dyn Ec2> = ec2.clone();
        let (poller, changed) = Poller::new(ec2.clone(), clock, Tempo::default());
        let (dependents, woken) = Dependents::new();
        let metrics = Arc::new(Metrics::default());
        let (ask, asked) = unbounded_channel();
        let operator = Operator {
            cluster: cluster.clone(),
            ec2,
            poller,
            clock,
            cluster_id: CLUSTER.to_owned(),
            backoff: Backoff::default(),
            dependents,
            slots: CopySlots::new(COPIES_PER_REGION, Vec::new()),
            metrics: metrics.clone(),
        };
        let due = cluster.subjects().into_iter().map(|subject| (subject, Instant::now())).collect();
        let queue = Queue { operator, polled: changed, dependents: woken, asked, due };
        Self { step: queue.step().boxed_local(), ask, metrics }
    }

    /// The object changed, as a watch tells.
    pub fn ask(&self, subject: &Subject) {
        let _ = self.ask.send(subject.clone());
    }
}

impl Future for Process {
    type Output = bool;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<bool> {
        let (queue, reconciled) = ready!(self.step.poll_unpin(context));
        self.step = queue.step().boxed_local();
        Poll::Ready(reconciled)
    }
}

impl Queue {
    async fn step(mut self) -> (Self, bool) {
        while let Ok(subject) = self.asked.try_recv() {
            self.due.insert(subject, Instant::now());
        }
        let due = self.due.iter().filter(|(_, at)| **at <= Instant::now()).map(|(s, _)| s.clone());
        if let Some(subject) = due.min_by_key(|s| (s.name.clone(), s.kind)) {
            self.reconcile(subject).await;
            return (self, true);
        }
        self.wait().await;
        (self, false)
    }

    async fn reconcile(&mut self, subject: Subject) {
        self.due.remove(&subject);
        let after = match self.operator.reconcile(&subject).await {
            Ok(Rest::Again) => Duration::ZERO,
            Ok(Rest::For(duration)) => duration,
            Ok(Rest::UntilChange) => return,
            Err(_) => API_TROUBLE,
        };
        self.due.insert(subject, Instant::now() + after);
    }

    async fn wait(&mut self) {
        let next = self.due.values().min().copied();
        let woken = tokio::select! {
            biased;
            woken = self.polled.recv() => woken,
            woken = self.dependents.recv() => woken,
            woken = self.asked.recv() => woken,
            () = moment(next) => None,
        };
        if let Some(subject) = woken {
            self.due.insert(subject, Instant::now());
        }
    }
}
