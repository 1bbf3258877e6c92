//! Checks a manifest as the API server would, without a server: unknown fields, schema, validation rules.

mod structure;

use kube::core::cel::{CompiledSchema, Validator, compile_schema};
use serde_json::{Value, json};

use super::{GROUP, crds};

/// The version that is served and stored.
const API_VERSION: &str = "ami-operator.dev/v1alpha1";

/// One thing that the API server would refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Field path as Kubernetes writes it, such as `spec.destinations[1].region`; empty for the whole object.
    pub path: String,
    pub message: String,
}

impl Problem {
    fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

/// The schemas and compiled rules of all kinds.
#[derive(Debug)]
pub struct Checker {
    kinds: Vec<Kind>,
    rules: Validator,
}

#[derive(Debug)]
struct Kind {
    name: String,
    schema: Value,
    rules: CompiledSchema,
}

impl Default for Checker {
    fn default() -> Self {
        Self { kinds: crds::all().iter().map(Kind::of).collect(), rules: Validator::new() }
    }
}

impl Checker {
    /// What is wrong with a new object: nothing, if the list is empty. `None`: the object is none of ours.
    pub fn check(&self, object: &Value) -> Option<Vec<Problem>> {
        self.check_update(object, None)
    }

    /// What is wrong with an object that takes the place of `old`, which is taken to be valid.
    ///
    /// Keyed lists are compared by position here and by key in the API server, so keep the order of `old`.
    pub fn check_update(&self, object: &Value, old: Option<&Value>) -> Option<Vec<Problem>> {
        match self.kind_of(object)? {
            Ok(kind) => Some(self.check_kind(kind, object, old)),
            Err(problem) => Some(vec![problem]),
        }
    }

    fn kind_of(&self, object: &Value) -> Option<Result<&Kind, Problem>> {
        let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
        let (api_version, name) = (text("apiVersion"), text("kind"));
        let kind = self.kinds.iter().find(|k| k.name == name);
        match api_version.split_once('/') {
            Some((GROUP, _)) if api_version != API_VERSION => Some(Err(Problem::new(
                "apiVersion",
                format!("{api_version} is not served: write {API_VERSION}"),
            ))),
            Some((GROUP, _)) => Some(kind.ok_or_else(|| self.unknown_kind(name))),
            Some(_) => None,
            None => kind.map(|_| Err(Problem::new("apiVersion", format!("write {API_VERSION}")))),
        }
    }

    fn unknown_kind(&self, name: &str) -> Problem {
        let known: Vec<_> = self.kinds.iter().map(|k| k.name.as_str()).collect();
        Problem::new(
            "kind",
            format!("there is no kind {name:?} in {API_VERSION}: write {}", known.join(" or ")),
        )
    }

    /// Rules see only objects of the right shape, as in the API server.
    fn check_kind(&self, kind: &Kind, object: &Value, old: Option<&Value>) -> Vec<Problem> {
        let object = structure::without_nulls(&kind.schema, object);
        let mut problems = structure::check(&kind.schema, &object);
        if object["metadata"].get("name").is_none() && object["metadata"].get("generateName").is_none() {
            problems.push(Problem::new("metadata.name", "is required"));
        }
        if !problems.is_empty() {
            return problems;
        }
        let refused = self.rules.validate_compiled(&kind.rules, &object, old).err();
        refused.into_iter().flatten().map(|e| Problem::new(e.field_path, e.message)).collect()
    }
}

impl Kind {
    fn of(crd: &crds::CustomResourceDefinition) -> Self {
        let served = crd.spec.versions.first().and_then(|v| v.schema.as_ref());
        let mut schema = serde_json::to_value(served.and_then(|s| s.open_api_v3_schema.as_ref()))
            .expect("a schema of plain data serializes");
        let rules = compile_schema(&schema);
        schema["properties"]["apiVersion"] = json!({"type": "string"});
        schema["properties"]["kind"] = json!({"type": "string"});
        schema["properties"]["metadata"] = metadata();
        schema["required"] = json!(["metadata", "spec"]);
        Self { name: crd.spec.names.kind.clone(), schema, rules }
    }
}

/// What people write under `metadata`; what the server writes there is taken as it is.
fn metadata() -> Value {
    let name = json!({
        "description": "Lower-case letters, digits, dashes and dots",
        "type": "string",
        "maxLength": 253,
        "pattern": r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
    });
    json!({
        "type": "object",
        "properties": {
            "name": name,
            "generateName": {"type": "string", "maxLength": 253},
            "namespace": {"type": "string", "maxLength": 63},
            "labels": {"type": "object", "additionalProperties": {
                "description": "A label value: letters, digits, dashes, underscores and dots",
                "type": "string",
                "maxLength": 63,
                "pattern": "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$",
            }},
            "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
            "finalizers": {"type": "array", "items": {"type": "string"}},
            "ownerReferences": {"type": "array", "items": {}},
            "creationTimestamp": {}, "deletionTimestamp": {}, "deletionGracePeriodSeconds": {}, "generation": {},
            "managedFields": {}, "resourceVersion": {}, "selfLink": {}, "uid": {},
        },
    })
}
