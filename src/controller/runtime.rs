//! Watches, queue and wake-ups around [`Operator::reconcile`], and graceful shutdown.

use std::{
    fmt::Debug,
    future::Future,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use futures::{FutureExt, StreamExt, future::join_all, stream};
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, Client, Resource, ResourceExt,
    core::PartialObjectMeta,
    runtime::{
        Controller, PredicateConfig, WatchStreamExt,
        controller::{Action, Config, Error as ControllerError},
        reflector::{self, ObjectRef, Store},
        watcher,
    },
};
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, mpsc, watch};

use super::{
    Operator, Rest, builds,
    cluster::{ClusterError, scopes},
    replications,
    status_writer::name,
    timing::{API_TROUBLE, GRACE, LONGEST_REST, TURN},
};
use crate::{
    api::{ImageBuild, ImageReplication, RECONCILE_REQUESTED_AT},
    ec2::poller::Subject,
};

/// Objects in one answer to a list: a larger one is only more memory that is needed once.
const PAGE: u32 = 100;

/// Passes that are begun at the same time. After a start all objects are looked at: what ten thousand passes hold at once would
/// stay in the process's size for ever.
const TURNS: usize = 64;

/// Passes that are under way or wait for AWS, of one kind. kube's runtime looks at all of them whenever one moves: with ten
/// thousand that was half of the processor time of a start. Whoever comes later waits in the queue, which costs nothing.
const PASSES: u16 = 512;

/// The streams of objects to reconcile because something that they wait for changed.
pub struct Wakes {
    pub polled: mpsc::UnboundedReceiver<Subject>,
    pub dependents: mpsc::UnboundedReceiver<Subject>,
}

/// Runs both controllers in the namespaces (none: all) until `stop`; `ready` is called when all objects are listed.
pub async fn run(
    operator: Arc<Operator>,
    client: Client,
    namespaces: &[String],
    wakes: Wakes,
    ready: impl FnOnce(),
    stop: impl Future<Output = ()>,
) {
    let (stopping, stopped) = watch::channel(false);
    let mut router = Router::default();
    let mut loops = Vec::new();
    let mut listed = Vec::new();
    for scope in scopes(namespaces) {
        let builds = Scope::<ImageBuild>::new(builds::KIND, &client, scope);
        listed.push(builds.listed().boxed());
        loops.push(builds.run(operator.clone(), &mut router, stopped.clone()).boxed());
        let replications = Scope::<ImageReplication>::new(replications::KIND, &client, scope);
        listed.push(replications.listed().boxed());
        loops.push(replications.run(operator.clone(), &mut router, stopped.clone()).boxed());
    }
    let loops = join_all(loops);
    let routing = tokio::spawn(router.route(wakes));
    let announce = async {
        join_all(listed).await;
        ready();
        std::future::pending::<()>().await;
    };
    tokio::pin!(loops);
    tokio::select! {
        _ = &mut loops => {}
        () = announce => {}
        () = stop => {
            tracing::info!("stopping: finishing the running passes");
            let _ = stopping.send(true);
            if tokio::time::timeout(GRACE, loops).await.is_err() {
                tracing::warn!("passes were still running after {GRACE:?}; their results are found again by token and tag");
            }
        }
    }
    routing.abort();
}

/// One kind in one namespace, or in all.
struct Scope<K>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    kind: &'static str,
    namespace: Option<String>,
    api: Api<PartialObjectMeta<K>>,
    reader: Store<PartialObjectMeta<K>>,
    writer: reflector::store::Writer<PartialObjectMeta<K>>,
}

impl<K> Scope<K>
where
    K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned
        + Send
        + Sync
        + 'static,
{
    fn new(kind: &'static str, client: &Client, namespace: Option<&str>) -> Self {
        let api = match namespace {
            Some(namespace) => Api::namespaced(client.clone(), namespace),
            None => Api::all(client.clone()),
        };
        let (reader, writer) = reflector::store();
        Self { kind, namespace: namespace.map(str::to_owned), api, reader, writer }
    }

    /// Done when the first list is in.
    fn listed(&self) -> impl Future<Output = ()> + use<K> {
        let reader = self.reader.clone();
        async move {
            // The writer lives as long as the watch; without it there is nothing to wait for.
            let _ = reader.wait_until_ready().await;
        }
    }

    /// Only metadata is watched: specs of ten thousand objects would be memory for nothing, as each pass reads its object
    /// past every cache.
    fn run(
        self,
        operator: Arc<Operator>,
        router: &mut Router,
        stopped: watch::Receiver<bool>,
    ) -> impl Future<Output = ()> + use<K> {
        let kind = self.kind;
        let woken = router.add(kind, self.namespace.clone());
        let turns = Arc::new(Semaphore::new(TURNS));
        let objects = watcher(self.api, watcher::Config::default().page_size(PAGE))
            .default_backoff()
            .modify(reduce)
            .reflect(self.writer)
            .touched_objects()
            .predicate_filter(asked_for, PredicateConfig::default());
        let controller = Controller::for_stream(objects, self.reader)
            .with_config(Config::default().concurrency(PASSES))
            .reconcile_on(woken)
            .graceful_shutdown_on(has_stopped(stopped))
            .run(
                move |object, operator| reconcile(kind, object, operator, turns.clone()),
                move |object, error: &ClusterError, _| {
                    let object = name(&subject(kind, &object));
                    tracing::warn!(object, %error, "a pass could not be finished");
                    Action::requeue(API_TROUBLE)
                },
                operator.clone(),
            );
        controller.for_each(move |result| {
            match result {
                Err(ControllerError::ObjectNotFound(object)) => {
                    let namespace = object.namespace.unwrap_or_default();
                    operator.forget(&Subject { kind, namespace, name: object.name });
                }
                Err(ControllerError::QueueError(error)) => {
                    tracing::warn!(kind, %error, "objects cannot be watched: check that the CRDs are installed and that RBAC allows it");
                }
                Err(_) | Ok(_) => {}
            }
            std::future::ready(())
        })
    }
}

/// What nobody asks for is memory for nothing: an object's annotations may hold its whole manifest.
fn reduce<K: Resource<DynamicType = ()>>(object: &mut PartialObjectMeta<K>) {
    object.annotations_mut().retain(|key, _| key == RECONCILE_REQUESTED_AT);
    let meta = &mut object.metadata;
    (meta.managed_fields, meta.owner_references, meta.finalizers) = (None, None, None);
    (object.types, object.metadata.resource_version) = (None, None);
}

/// What of an object's metadata asks for a pass: its spec, its deletion (both move the generation), its labels, by which
/// others select it, and "look now". Our own status writes do not.
#[expect(clippy::unnecessary_wraps, reason = "a predicate may have nothing to say")]
fn asked_for<K: Resource<DynamicType = ()>>(object: &PartialObjectMeta<K>) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    object.metadata.generation.hash(&mut hasher);
    object.metadata.deletion_timestamp.is_some().hash(&mut hasher);
    object.labels().hash(&mut hasher);
    object.annotations().get(RECONCILE_REQUESTED_AT).hash(&mut hasher);
    Some(hasher.finish())
}

async fn reconcile<K: Resource>(
    kind: &'static str,
    object: Arc<PartialObjectMeta<K>>,
    operator: Arc<Operator>,
    turns: Arc<Semaphore>,
) -> Result<Action, ClusterError> {
    let subject = subject(kind, &object);
    let began = tokio::time::Instant::now();
    let rest = in_turn(&operator, &subject, &turns).await;
    tracing::debug!(object = name(&subject), ?rest, took = ?began.elapsed(), "reconciled");
    Ok(match rest? {
        Rest::Again => Action::requeue(Duration::ZERO),
        Rest::For(duration) => Action::requeue(duration),
        Rest::UntilChange => Action::requeue(LONGEST_REST),
    })
}

fn subject<K>(kind: &'static str, object: &PartialObjectMeta<K>) -> Subject {
    let namespace = object.metadata.namespace.clone().unwrap_or_default();
    Subject { kind, namespace, name: object.metadata.name.clone().unwrap_or_default() }
}

async fn in_turn(operator: &Operator, subject: &Subject, turns: &Semaphore) -> Result<Rest, ClusterError> {
    let turn = turns.acquire().await;
    let mut pass = Box::pin(operator.reconcile(subject));
    if let Ok(rest) = tokio::time::timeout(TURN, &mut pass).await {
        return rest;
    }
    drop(turn);
    pass.await
}

async fn has_stopped(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender is gone, and with it everything that could still be wanted.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// Hands each wake-up to the controller of its kind and namespace.
#[derive(Default)]
struct Router {
    routes: Vec<Route>,
}

struct Route {
    kind: &'static str,
    namespace: Option<String>,
    to: mpsc::UnboundedSender<Subject>,
}

impl Router {
    fn add<K: Resource<DynamicType = ()>>(
        &mut self,
        kind: &'static str,
        namespace: Option<String>,
    ) -> impl futures::Stream<Item = ObjectRef<PartialObjectMeta<K>>> + use<K> {
        let (to, woken) = mpsc::unbounded_channel();
        self.routes.push(Route { kind, namespace, to });
        subjects(woken).map(|s| ObjectRef::new(&s.name).within(&s.namespace))
    }

    async fn route(self, wakes: Wakes) {
        let mut woken = stream::select(subjects(wakes.polled), subjects(wakes.dependents));
        while let Some(subject) = woken.next().await {
            let concerned = |r: &&Route| {
                r.kind == subject.kind && r.namespace.as_ref().is_none_or(|n| *n == subject.namespace)
            };
            for route in self.routes.iter().filter(concerned) {
                // A controller that has ended needs no wake-up.
                let _ = route.to.send(subject.clone());
            }
        }
    }
}

fn subjects(receiver: mpsc::UnboundedReceiver<Subject>) -> impl futures::Stream<Item = Subject> + Unpin {
    stream::unfold(receiver, |mut receiver| {
        async { receiver.recv().await.map(|subject| (subject, receiver)) }.boxed()
    })
}

/// The UID of namespace `kube-system`: by convention the id of a cluster.
///
/// # Errors
/// The namespace cannot be read.
pub async fn cluster_uid(client: &Client) -> Result<String, kube::Error> {
    let namespace = Api::<Namespace>::all(client.clone()).get("kube-system").await?;
    Ok(namespace.metadata.uid.unwrap_or_default())
}
