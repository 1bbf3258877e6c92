//! The cluster port over the kube client.

use async_trait::async_trait;
use k8s_openapi::api::core::v1::{ConfigMap, ObjectReference};
use kube::{
    Api, Client, Resource,
    api::{
        ApiResource, DeleteParams, DynamicObject, GetParams, ListMeta, ListParams, Patch, PatchParams,
        Preconditions,
    },
    core::{GroupVersionKind, Request, Selector},
    runtime::events::{Event, EventType, Recorder, Reporter},
};
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::{
    cluster::{Cluster, ClusterError, Listed},
    status_writer::name,
};
use crate::{api::GROUP, ec2::poller::Subject, status::events::Note};

#[cfg(test)]
mod tests;

/// Who we are to server-side apply and in events.
const MANAGER: &str = "ami-operator";

/// The only version there is.
const VERSION: &str = "v1alpha1";

/// Objects that are read at the same time. After a start all of them are looked at: a thousand answers in memory at once
/// would stay in the process's size for ever.
const READS_AT_ONCE: usize = 16;

/// Objects in one answer to a list of metadata.
const PAGE: u32 = 500;

/// Whole objects in one answer to a list: each may hold a hundred kilobytes of steps.
const OBJECTS: u32 = 20;

/// Characters that `events.k8s.io` takes for a note.
const MAX_NOTE: usize = 1024;

/// The port to a real cluster, with the kube client.
pub struct KubeCluster {
    client: Client,
    reporter: Reporter,
    reading: Semaphore,
}

impl KubeCluster {
    /// The cluster that `client` talks to.
    pub fn new(client: Client) -> Self {
        let reporter = Reporter { controller: MANAGER.to_owned(), instance: std::env::var("HOSTNAME").ok() };
        Self { client, reporter, reading: Semaphore::new(READS_AT_ONCE) }
    }

    /// All objects of a kind in a namespace; none: in all.
    fn all(&self, kind: &str, namespace: Option<&str>) -> Api<DynamicObject> {
        let (client, resource) = (self.client.clone(), resource(kind));
        match namespace {
            Some(namespace) => Api::namespaced_with(client, namespace, &resource),
            None => Api::all_with(client, &resource),
        }
    }

    fn api(&self, subject: &Subject) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &subject.namespace, &resource(subject.kind))
    }

    /// Sends what `Api` would, for an answer that is not to become a `DynamicObject`: read into that and told in JSON again,
    /// an object costs three times what it does as it comes.
    async fn send<T: DeserializeOwned>(&self, request: Built) -> kube::Result<T> {
        self.client.request(request.map_err(kube::Error::BuildRequest)?).await
    }
}

type Built = Result<hyper::Request<Vec<u8>>, kube::core::request::Error>;

/// A page of whole objects.
#[derive(Deserialize)]
struct Page {
    metadata: ListMeta,
    items: Vec<Value>,
}

#[async_trait]
impl Cluster for KubeCluster {
    async fn get(&self, subject: &Subject) -> Result<Option<Value>, ClusterError> {
        let _permit = self.reading.acquire().await;
        let request =
            requests(subject.kind, Some(&subject.namespace)).get(&subject.name, &GetParams::default());
        match self.send(request).await {
            Ok(object) => Ok(Some(object)),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(trouble(subject, &error)),
        }
    }

    async fn config_map(&self, namespace: &str, map: &str) -> Result<Option<Value>, ClusterError> {
        let _permit = self.reading.acquire().await;
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), namespace);
        let object = format!("ConfigMap {namespace}/{map}");
        match api.get_opt(map).await {
            Ok(found) => {
                let value = found.map(serde_json::to_value).transpose();
                value.map_err(|e| ClusterError::Malformed { object, why: e.to_string() })
            }
            Err(kube::Error::Api(status)) if status.code == 403 => Err(ClusterError::Forbidden(format!(
                "{object}, which the operator may not read: grant it get on configmaps there"
            ))),
            Err(error) => Err(ClusterError::Unavailable(error.to_string())),
        }
    }

    async fn list(&self, kind: &'static str, namespace: Option<&str>) -> Result<Vec<Listed>, ClusterError> {
        let api = self.all(kind, namespace);
        // Without a resource version the API server answers from etcd, not from its cache.
        let mut params = ListParams::default().limit(PAGE);
        let mut listed = Vec::new();
        loop {
            let page = api.list_metadata(&params).await;
            let page = page.map_err(|error| ClusterError::Unavailable(error.to_string()))?;
            listed.extend(page.items.into_iter().map(|object| Listed {
                namespace: object.metadata.namespace.unwrap_or_default(),
                name: object.metadata.name.unwrap_or_default(),
                uid: object.metadata.uid.unwrap_or_default(),
            }));
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => return Ok(listed),
            }
        }
    }

    async fn visit(
        &self,
        kind: &'static str,
        namespace: Option<&str>,
        selector: &Selector,
        visit: &mut (dyn FnMut(Value) + Send),
    ) -> Result<(), ClusterError> {
        let _permit = self.reading.acquire().await;
        let requests = requests(kind, namespace);
        let mut params = ListParams::default().labels_from(selector).limit(OBJECTS);
        loop {
            let page: kube::Result<Page> = self.send(requests.list(&params)).await;
            let page = page.map_err(|error| ClusterError::Unavailable(error.to_string()))?;
            page.items.into_iter().for_each(&mut *visit);
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => return Ok(()),
            }
        }
    }

    async fn apply_status(
        &self,
        subject: &Subject,
        resource_version: &str,
        status: &Value,
    ) -> Result<(), ClusterError> {
        let patch = json!({
            "apiVersion": format!("{GROUP}/{VERSION}"),
            "kind": subject.kind,
            "metadata": {"name": subject.name, "resourceVersion": resource_version},
            "status": status,
        });
        let (params, patch) = (PatchParams::apply(MANAGER).force(), Patch::Apply(patch));
        let requests = requests(subject.kind, Some(&subject.namespace));
        let applied = self.send(requests.patch_subresource("status", &subject.name, &params, &patch)).await;
        applied.map(|_: IgnoredAny| ()).map_err(|e| trouble(subject, &e))
    }

    async fn set_finalizers(
        &self,
        subject: &Subject,
        resource_version: &str,
        finalizers: &[String],
    ) -> Result<(), ClusterError> {
        let patch = json!({"metadata": {"resourceVersion": resource_version, "finalizers": finalizers}});
        let patched =
            self.api(subject).patch(&subject.name, &PatchParams::default(), &Patch::Merge(patch)).await;
        patched.map(|_| ()).map_err(|e| trouble(subject, &e))
    }

    async fn delete(&self, subject: &Subject, uid: &str, resource_version: &str) -> Result<(), ClusterError> {
        let preconditions =
            Preconditions { uid: Some(uid.to_owned()), resource_version: Some(resource_version.to_owned()) };
        let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::background() };
        let deleted = self.api(subject).delete(&subject.name, &params).await;
        deleted.map(|_| ()).map_err(|e| trouble(subject, &e))
    }

    async fn publish(&self, subject: &Subject, uid: &str, note: &Note) {
        let event = Event {
            type_: if note.warning { EventType::Warning } else { EventType::Normal },
            reason: note.reason.clone(),
            note: Some(note.message.chars().take(MAX_NOTE).collect()),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        let about = ObjectReference {
            api_version: Some(format!("{GROUP}/{VERSION}")),
            kind: Some(subject.kind.to_owned()),
            name: Some(subject.name.clone()),
            namespace: Some(subject.namespace.clone()),
            uid: Some(uid.to_owned()),
            ..ObjectReference::default()
        };
        // One that is used again takes a second event of the same reason for a repetition, whatever its note: of three
        // copies only the first would be told.
        let recorder = Recorder::new(self.client.clone(), self.reporter.clone());
        if let Err(error) = recorder.publish(&event, &about).await {
            tracing::warn!(object = name(subject), reason = note.reason, %error, "an event could not be published");
        }
    }
}

fn resource(kind: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk(GROUP, VERSION, kind))
}

fn requests(kind: &str, namespace: Option<&str>) -> Request {
    Request::new(DynamicObject::url_path(&resource(kind), namespace))
}

fn trouble(subject: &Subject, error: &kube::Error) -> ClusterError {
    match error {
        kube::Error::Api(status) if status.code == 409 => ClusterError::Conflict(name(subject)),
        kube::Error::Api(status) if status.code == 404 => ClusterError::Gone(name(subject)),
        other => ClusterError::Unavailable(other.to_string()),
    }
}
