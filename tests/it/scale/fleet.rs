//! Many objects in one operator. Their passes run side by side, as those of kube's controller do: each object has one at a
//! time, and who is woken meanwhile gets another.

use std::{cmp::Reverse, collections::BinaryHeap, sync::Arc, time::Duration};

use ami_operator::{
    controller::{
        Operator, Rest, backoff::Backoff, cluster::ClusterError, dependents::Dependents, slots::CopySlots,
    },
    ec2::{
        Ec2,
        limits::COPIES_PER_REGION,
        poller::{Poller, Subject, Tempo},
    },
    ops::metrics::Metrics,
};
use futures::{FutureExt, StreamExt, future::LocalBoxFuture, stream::FuturesUnordered};
use serde_json::Value;
use tokio::{
    sync::mpsc::UnboundedReceiver,
    time::{Instant, sleep_until},
};

use super::tally::Tally;
use crate::flow::{
    Flow, replication,
    world::{CLUSTER, condition},
};

/// Before a pass that failed on the Kubernetes API is made again, as in the real runtime.
const API_TROUBLE: Duration = Duration::from_secs(5);

/// The journal is counted and emptied after so many events.
const DRAIN: usize = 256;

type Passed = (usize, Result<Rest, ClusterError>);

/// An operator's process with its objects, which are numbered.
pub struct Fleet<'a> {
    flow: &'a Flow,
    operator: Arc<Operator>,
    polled: UnboundedReceiver<Subject>,
    /// Held, so that whoever is woken can be told.
    waiting: UnboundedReceiver<Subject>,
    objects: Vec<Object>,
    /// When objects are to be looked at; what an object has since put off is skipped.
    due: BinaryHeap<Reverse<(Instant, usize)>>,
    passing: FuturesUnordered<LocalBoxFuture<'static, Passed>>,
    events: usize,
    pub tally: Tally,
    pub reconciliations: usize,
    pub ready: usize,
}

#[derive(Clone, Copy, Default)]
struct Object {
    due: Option<Instant>,
    is_passing: bool,
    /// It was woken during its pass.
    is_wanted: bool,
    is_ready: bool,
}

/// The name of an object by its number.
pub fn subject(number: usize) -> Subject {
    replication(&format!("r{number:05}"))
}

impl<'a> Fleet<'a> {
    /// An operator that starts, and looks at every object.
    pub fn start(flow: &'a Flow, objects: usize, copy: Duration) -> Self {
        let ec2: Arc<dyn Ec2> = flow.ec2.clone();
        let (poller, changed) = Poller::new(ec2.clone(), flow.clock, Tempo::default());
        let (dependents, woken) = Dependents::new();
        let operator = Operator {
            cluster: flow.cluster.clone(),
            ec2,
            poller,
            clock: flow.clock,
            cluster_id: CLUSTER.to_owned(),
            backoff: Backoff::default(),
            dependents,
            metrics: Arc::new(Metrics::default()),
            slots: CopySlots::new(COPIES_PER_REGION, Vec::new()),
        };
        let mut fleet = Self {
            flow,
            operator: Arc::new(operator),
            polled: changed,
            waiting: woken,
            objects: vec![Object::default(); objects],
            due: BinaryHeap::new(),
            passing: FuturesUnordered::new(),
            events: 0,
            tally: Tally::new(copy),
            reconciliations: 0,
            ready: 0,
        };
        (0..objects).for_each(|number| fleet.schedule(number, Instant::now()));
        fleet
    }

    /// Runs until all objects are ready; answers how long that took, or nothing if it takes longer than `limit`.
    pub async fn until_ready(&mut self, limit: Duration) -> Option<Duration> {
        let (began, end) = (Instant::now(), Instant::now() + limit);
        while self.ready < self.objects.len() {
            if Instant::now() >= end {
                return None;
            }
            self.step(end).await;
        }
        self.tally.drain(&self.flow.sim);
        Some(began.elapsed())
    }

    /// Runs for so long, and counts anew.
    pub async fn run_for(&mut self, time: Duration) -> Tally {
        let mut before = std::mem::take(&mut self.tally);
        before.drain(&self.flow.sim);
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.step(end).await;
        }
        self.tally.drain(&self.flow.sim);
        self.tally.clone()
    }

    async fn step(&mut self, end: Instant) {
        self.events += 1;
        if self.events.is_multiple_of(DRAIN) {
            self.tally.drain(&self.flow.sim);
        }
        self.begin_what_is_due();
        let next = self.due.peek().map_or(end, |Reverse((at, _))| (*at).min(end));
        tokio::select! {
            biased;
            Some((number, rest)) = self.passing.next(), if !self.passing.is_empty() => self.ended(number, &rest),
            Some(woken) = self.polled.recv() => self.wake(&woken),
            Some(woken) = self.waiting.recv() => self.wake(&woken),
            () = sleep_until(next) => {}
        }
    }

    fn begin_what_is_due(&mut self) {
        while let Some(Reverse((at, number))) = self.due.peek().copied().filter(|it| it.0.0 <= Instant::now())
        {
            self.due.pop();
            let object = &mut self.objects[number];
            if object.due != Some(at) {
                continue;
            }
            object.due = None;
            if object.is_passing {
                object.is_wanted = true;
                continue;
            }
            object.is_passing = true;
            let operator = self.operator.clone();
            let pass = async move { (number, operator.reconcile(&subject(number)).await) };
            self.passing.push(pass.boxed_local());
        }
    }

    fn ended(&mut self, number: usize, rest: &Result<Rest, ClusterError>) {
        self.reconciliations += 1;
        let is_wanted = std::mem::take(&mut self.objects[number].is_wanted);
        self.objects[number].is_passing = false;
        let after = match rest {
            _ if is_wanted => Some(Duration::ZERO),
            Ok(Rest::Again) => Some(Duration::ZERO),
            Ok(Rest::For(duration)) => Some(*duration),
            Ok(Rest::UntilChange) => None,
            Err(_) => Some(API_TROUBLE),
        };
        if let Some(after) = after {
            self.schedule(number, Instant::now() + after);
        }
        if !self.objects[number].is_ready && is_ready(&self.flow.object(&subject(number))) {
            self.objects[number].is_ready = true;
            self.ready += 1;
        }
    }

    fn wake(&mut self, woken: &Subject) {
        let number = woken.name[1..].parse().expect("objects are numbered");
        self.schedule(number, Instant::now());
    }

    /// The earlier of two times counts.
    fn schedule(&mut self, number: usize, at: Instant) {
        let object = &mut self.objects[number];
        if object.due.is_none_or(|due| at < due) {
            object.due = Some(at);
            self.due.push(Reverse((at, number)));
        }
    }
}

fn is_ready(object: &Value) -> bool {
    object["status"]["observedGeneration"] == object["metadata"]["generation"]
        && condition(&object["status"], "Ready").0 == "True"
}
