//! A cluster in memory: resource versions with conflicts, generations, uids, deletion timestamps and finalizers.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};

use ami_operator::{
    controller::cluster::{Cluster, ClusterError, Listed},
    ec2::poller::Subject,
    status::events::Note,
};
use async_trait::async_trait;
use serde_json::{Value, json};

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
    lists: Lists,
}

#[derive(Default)]
pub struct MemoryCluster {
    state: Mutex<State>,
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
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while it holds the lock")
    }

    /// Creates the object, or replaces its spec and annotations.
    pub fn apply(&self, subject: &Subject, spec: Value) {
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
    pub fn apply_config_map(&self, namespace: &str, name: &str, data: Value) {
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

    pub fn status_writes(&self) -> usize {
        self.state().status_writes
    }
}

#[async_trait]
impl Cluster for MemoryCluster {
    async fn get(&self, subject: &Subject) -> Result<Option<Value>, ClusterError> {
        Ok(self.state().objects.get(&key(subject)).cloned())
    }

    async fn config_map(&self, namespace: &str, name: &str) -> Result<Option<Value>, ClusterError> {
        Ok(self.state().config_maps.get(&(namespace.to_owned(), name.to_owned())).cloned())
    }

    async fn list(&self, kind: &'static str, namespace: Option<&str>) -> Result<Vec<Listed>, ClusterError> {
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

    async fn apply_status(
        &self,
        subject: &Subject,
        resource_version: &str,
        status: &Value,
    ) -> Result<Value, ClusterError> {
        let mut state = self.state();
        let version = state.bump();
        let object = state.at_version(subject, resource_version)?;
        object["status"] = status.clone();
        object["metadata"]["resourceVersion"] = version;
        let object = object.clone();
        state.status_writes += 1;
        Ok(object)
    }

    async fn set_finalizers(
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

    async fn publish(&self, subject: &Subject, _uid: &str, note: &Note) {
        self.state().events.push((subject.clone(), note.clone()));
    }
}
