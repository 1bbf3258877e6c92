//! A cluster in memory: resource versions with conflicts, generations, uids, deletion timestamps and finalizers.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use ami_operator::{
    api::check::Checker,
    controller::cluster::{Cluster, ClusterError, Listed},
    ec2::poller::Subject,
    status::events::Note,
};
use async_trait::async_trait;
use kube::core::{Selector, SelectorExt};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::boundaries::{Boundaries, Side};

/// Objects by kind, namespace and name.
type Key = (&'static str, String, String);

/// What the API server answers to a list.
#[derive(Clone, Copy, Debug, Default)]
pub enum Lists {
    #[default]
    Complete,
    /// No object, and no error: a kind that was removed and put back, or a server that lost its data.
    Empty,
    Failing,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<Key, Value>,
    version: u64,
    uids: u64,
    /// By namespace and name.
    config_maps: BTreeMap<(String, String), Value>,
    events: Vec<(Subject, Note)>,
    status_writes: usize,
    visits: usize,
    lists: Lists,
    trouble: Trouble,
    requests: u64,
    troubled: u64,
}

/// How the API server misbehaves.
#[derive(Clone, Copy, Debug, Default)]
pub enum Trouble {
    #[default]
    None,
    /// It cannot be reached until then.
    AwayUntil(Instant),
    /// Each answer takes so long.
    Slow(Duration),
    /// Every second write meets a conflict (409).
    Conflicts,
    /// Half of the requests are refused with this status; by a rhythm that no pass can fall in step with.
    Refusals(&'static str),
    /// Every second write is carried out, and its answer is lost.
    LostAnswers,
}

thread_local! {
    /// Compiled once: there are hundreds of tests, and thousands of runs in some.
    static CHECKER: Checker = Checker::default();
}

pub struct MemoryCluster {
    state: Mutex<State>,
    boundaries: Arc<Boundaries>,
}

fn key(subject: &Subject) -> Key {
    (subject.kind, subject.namespace.clone(), subject.name.clone())
}

fn name(subject: &Subject) -> String {
    format!("{} {}/{}", subject.kind, subject.namespace, subject.name)
}

impl State {
    fn bump(&mut self) -> Value {
        self.version += 1;
        Value::String(self.version.to_string())
    }

    fn at_version(&mut self, subject: &Subject, version: &str) -> Result<&mut Value, ClusterError> {
        let object = self.objects.get_mut(&key(subject)).ok_or_else(|| ClusterError::Gone(name(subject)))?;
        if object["metadata"]["resourceVersion"] == version {
            Ok(object)
        } else {
            Err(ClusterError::Conflict(name(subject)))
        }
    }

    fn remove_if_released(&mut self, subject: &Subject) {
        let released = self.objects.get(&key(subject)).is_some_and(|object| {
            let held = object["metadata"]["finalizers"].as_array().is_some_and(|f| !f.is_empty());
            object["metadata"]["deletionTimestamp"].is_string() && !held
        });
        if released {
            self.objects.remove(&key(subject));
        }
    }
}

impl MemoryCluster {
    pub fn new(boundaries: Arc<Boundaries>) -> Self {
        Self { state: Mutex::default(), boundaries }
    }

    /// From now on the API server has this trouble.
    pub fn trouble(&self, trouble: Trouble) {
        self.state().trouble = trouble;
    }

    /// How many requests were refused or lost their answer.
    pub fn troubled(&self) -> u64 {
        self.state().troubled
    }

    /// A request reaches the API server, as its trouble allows.
    async fn request(&self, object: &str, is_write: bool) -> Result<(), ClusterError> {
        let answer = self.admit(object, is_write).await;
        self.state().troubled += u64::from(answer.is_err());
        answer
    }

    async fn admit(&self, object: &str, is_write: bool) -> Result<(), ClusterError> {
        let (trouble, nth) = {
            let mut state = self.state();
            state.requests += u64::from(is_write || matches!(state.trouble, Trouble::Refusals(_)));
            (state.trouble, state.requests)
        };
        let is_second = nth.is_multiple_of(2);
        match trouble {
            Trouble::AwayUntil(then) if Instant::now() < then => {
                Err(ClusterError::Unavailable("connection refused".to_owned()))
            }
            Trouble::Refusals(status) if fastrand::Rng::with_seed(nth).bool() => {
                Err(ClusterError::Unavailable(status.to_owned()))
            }
            Trouble::Conflicts if is_write && is_second => Err(ClusterError::Conflict(object.to_owned())),
            Trouble::Slow(delay) => {
                sleep(delay).await;
                Ok(())
            }
            Trouble::None
            | Trouble::AwayUntil(_)
            | Trouble::Refusals(_)
            | Trouble::Conflicts
            | Trouble::LostAnswers => Ok(()),
        }
    }

    /// A write was carried out, and is answered.
    async fn answer(&self, call: &str) -> Result<(), ClusterError> {
        self.boundaries.pass(Side::After, call).await;
        let mut state = self.state();
        let is_lost = matches!(state.trouble, Trouble::LostAnswers) && state.requests.is_multiple_of(2);
        state.troubled += u64::from(is_lost);
        if is_lost { Err(ClusterError::Unavailable("the connection was reset".to_owned())) } else { Ok(()) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while it holds the lock")
    }

    /// Creates the object, or replaces its spec and annotations.
    ///
    /// # Panics
    /// If the API server would refuse the object: what a test finds out with it would be true of no cluster.
    pub fn apply(&self, subject: &Subject, spec: Value) {
        let object = json!({
            "apiVersion": "ami-operator.dev/v1alpha1",
            "kind": subject.kind,
            "metadata": {"name": subject.name, "namespace": subject.namespace},
            "spec": spec,
        });
        let problems = CHECKER.with(|checker| checker.check(&object)).expect("a kind of ours");
        assert!(problems.is_empty(), "{} is refused: {problems:#?}", name(subject));
        self.put(subject, spec);
    }

    /// The same unchecked: for an object that an older schema let in, and for thousands that are alike.
    pub fn put(&self, subject: &Subject, spec: Value) {
        let mut state = self.state();
        let version = state.bump();
        if let Some(object) = state.objects.get_mut(&key(subject)) {
            let generation = object["metadata"]["generation"].as_i64().unwrap_or(0);
            object["spec"] = spec;
            object["metadata"]["generation"] = json!(generation + 1);
            object["metadata"]["resourceVersion"] = version;
            return;
        }
        state.uids += 1;
        let object = json!({
            "apiVersion": "ami-operator.dev/v1alpha1",
            "kind": subject.kind,
            "metadata": {
                "name": subject.name, "namespace": subject.namespace, "generation": 1,
                "uid": format!("00000000-0000-4000-8000-{:012}", state.uids), "resourceVersion": version,
            },
            "spec": spec,
            "status": {"observedGeneration": -1},
        });
        state.objects.insert(key(subject), object);
    }

    /// Creates or replaces a ConfigMap.
    pub fn apply_config_map(&self, namespace: &str, name: &str, data: &Value) {
        self.state().config_maps.insert((namespace.to_owned(), name.to_owned()), json!({"data": data}));
    }

    /// What `kubectl annotate` does.
    pub fn annotate(&self, subject: &Subject, annotation: &str, value: &str) {
        let mut state = self.state();
        let version = state.bump();
        let object = state.objects.get_mut(&key(subject)).expect("the object exists");
        object["metadata"]["annotations"][annotation] = json!(value);
        object["metadata"]["resourceVersion"] = version;
    }

    /// What `kubectl label --overwrite` does, with all labels.
    pub fn label(&self, subject: &Subject, labels: Value) {
        let mut state = self.state();
        let version = state.bump();
        let object = state.objects.get_mut(&key(subject)).expect("the object exists");
        object["metadata"]["labels"] = labels;
        object["metadata"]["resourceVersion"] = version;
    }

    /// Leaves an empty status.
    pub fn wipe_status(&self, subject: &Subject) {
        let mut state = self.state();
        let version = state.bump();
        let object = state.objects.get_mut(&key(subject)).expect("the object exists");
        object["status"] = json!({});
        object["metadata"]["resourceVersion"] = version;
    }

    /// What `kubectl delete` does.
    pub fn delete(&self, subject: &Subject) {
        let mut state = self.state();
        let version = state.bump();
        if let Some(object) = state.objects.get_mut(&key(subject)) {
            object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
            object["metadata"]["resourceVersion"] = version;
        }
        state.remove_if_released(subject);
    }

    /// What is left when somebody takes the finalizers off: nothing.
    pub fn vanish(&self, subject: &Subject) {
        self.state().objects.remove(&key(subject));
    }

    /// What a backup tool does: the same object under another uid, without status.
    pub fn restore(&self, subject: &Subject) {
        let spec = self.object(subject)["spec"].clone();
        self.vanish(subject);
        self.apply(subject, spec);
    }

    /// The object as it was stored once: its spec, finalizers and status.
    pub fn restore_recorded(&self, subject: &Subject, recorded: &Value) {
        self.apply(subject, recorded["spec"].clone());
        let mut state = self.state();
        let object = state.objects.get_mut(&key(subject)).expect("just applied");
        object["status"] = recorded["status"].clone();
        object["metadata"]["finalizers"] = recorded["metadata"]["finalizers"].clone();
    }

    /// From now on the API server answers lists like this.
    pub fn answer_lists(&self, lists: Lists) {
        self.state().lists = lists;
    }

    /// The object, or null.
    pub fn object(&self, subject: &Subject) -> Value {
        self.state().objects.get(&key(subject)).cloned().unwrap_or(Value::Null)
    }

    /// All objects, as a watch lists them.
    pub fn subjects(&self) -> Vec<Subject> {
        let subject = |(kind, namespace, name): &Key| Subject {
            kind,
            namespace: namespace.clone(),
            name: name.clone(),
        };
        self.state().objects.keys().map(subject).collect()
    }

    /// Reasons of the events about an object, oldest first.
    pub fn event_reasons(&self, subject: &Subject) -> Vec<String> {
        self.state()
            .events
            .iter()
            .filter(|(s, _)| s == subject)
            .map(|(_, note)| note.reason.clone())
            .collect()
    }

    /// How often whole objects were listed.
    pub fn visits(&self) -> usize {
        self.state().visits
    }

    pub fn status_writes(&self) -> usize {
        self.state().status_writes
    }

    fn store_status(
        &self,
        subject: &Subject,
        resource_version: &str,
        status: &Value,
    ) -> Result<(), ClusterError> {
        let mut state = self.state();
        let version = state.bump();
        let object = state.at_version(subject, resource_version)?;
        object["status"] = status.clone();
        object["metadata"]["resourceVersion"] = version;
        state.status_writes += 1;
        Ok(())
    }

    fn store_finalizers(
        &self,
        subject: &Subject,
        resource_version: &str,
        finalizers: &[String],
    ) -> Result<(), ClusterError> {
        let mut state = self.state();
        let version = state.bump();
        let object = state.at_version(subject, resource_version)?;
        object["metadata"]["finalizers"] = json!(finalizers);
        object["metadata"]["resourceVersion"] = version;
        state.remove_if_released(subject);
        Ok(())
    }
}

#[async_trait]
impl Cluster for MemoryCluster {
    async fn get(&self, subject: &Subject) -> Result<Option<Value>, ClusterError> {
        self.request(&name(subject), false).await?;
        Ok(self.state().objects.get(&key(subject)).cloned())
    }

    async fn config_map(&self, namespace: &str, name: &str) -> Result<Option<Value>, ClusterError> {
        let config_map = format!("ConfigMap {namespace}/{name}");
        self.request(&config_map, false).await?;
        Ok(self.state().config_maps.get(&(namespace.to_owned(), name.to_owned())).cloned())
    }

    async fn list(&self, kind: &'static str, namespace: Option<&str>) -> Result<Vec<Listed>, ClusterError> {
        self.request(&format!("list of {kind}"), false).await?;
        let state = self.state();
        match state.lists {
            Lists::Complete => {}
            Lists::Empty => return Ok(Vec::new()),
            Lists::Failing => return Err(ClusterError::Unavailable("etcd is away".to_owned())),
        }
        let asked = |(k, n, _): &&Key| *k == kind && namespace.is_none_or(|namespace| namespace == n);
        let listed = state.objects.keys().filter(asked).map(|key| Listed {
            namespace: key.1.clone(),
            name: key.2.clone(),
            uid: state.objects[key]["metadata"]["uid"].as_str().unwrap_or_default().to_owned(),
        });
        Ok(listed.collect())
    }

    async fn visit(
        &self,
        kind: &'static str,
        namespace: Option<&str>,
        selector: &Selector,
        visit: &mut (dyn FnMut(Value) + Send),
    ) -> Result<(), ClusterError> {
        self.request(&format!("objects of {kind}"), false).await?;
        let mut state = self.state();
        state.visits += 1;
        let labels =
            |object: &Value| serde_json::from_value(object["metadata"]["labels"].clone()).unwrap_or_default();
        let asked = |(k, n, _): &Key| *k == kind && namespace.is_none_or(|namespace| namespace == n);
        for (_, object) in state.objects.iter().filter(|(key, o)| asked(key) && selector.matches(&labels(o)))
        {
            visit(object.clone());
        }
        Ok(())
    }

    async fn apply_status(
        &self,
        subject: &Subject,
        resource_version: &str,
        status: &Value,
    ) -> Result<(), ClusterError> {
        let call = format!("status of {}", name(subject));
        self.boundaries.pass(Side::Before, &call).await;
        self.request(&name(subject), true).await?;
        self.store_status(subject, resource_version, status)?;
        self.answer(&call).await
    }

    async fn set_finalizers(
        &self,
        subject: &Subject,
        resource_version: &str,
        finalizers: &[String],
    ) -> Result<(), ClusterError> {
        let call = format!("finalizers of {}", name(subject));
        self.boundaries.pass(Side::Before, &call).await;
        self.request(&name(subject), true).await?;
        self.store_finalizers(subject, resource_version, finalizers)?;
        self.answer(&call).await
    }

    async fn delete(&self, subject: &Subject, uid: &str, resource_version: &str) -> Result<(), ClusterError> {
        let call = format!("deletion of {}", name(subject));
        self.boundaries.pass(Side::Before, &call).await;
        self.request(&name(subject), true).await?;
        let object = self.state().at_version(subject, resource_version)?.clone();
        if object["metadata"]["uid"] != uid {
            return Err(ClusterError::Gone(name(subject)));
        }
        Self::delete(self, subject);
        self.answer(&call).await
    }

    async fn publish(&self, subject: &Subject, _uid: &str, note: &Note) {
        self.state().events.push((subject.clone(), note.clone()));
    }
}
