//! Reads the ConfigMap contents that steps refer to, when a decision needs them.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;

use super::{Operator, cluster::ClusterError};
use crate::{
    api::{ImageBuild, image_build::ConfigMapKeyRef},
    customize::Contents,
    ec2::poller::Subject,
    plan::build::content,
};

/// The contents, or what is missing of them. A ConfigMap is asked for by name and never listed or watched, so that the
/// operator needs no right to see others.
///
/// # Errors
/// Only for failures of the Kubernetes API.
pub async fn resolve(
    operator: &Operator,
    subject: &Subject,
    build: &ImageBuild,
) -> Result<Result<Contents, String>, ClusterError> {
    let status = build.status.clone().unwrap_or_default();
    let mut maps = BTreeMap::new();
    let mut contents = Vec::new();
    for (step, reference) in content::needed(&build.spec, &status) {
        if !maps.contains_key(&reference.name) {
            let map = match operator.cluster.config_map(&subject.namespace, &reference.name).await {
                Err(ClusterError::Forbidden(why)) => return Ok(Err(why)),
                map => map?,
            };
            maps.insert(reference.name.clone(), map);
        }
        let map = maps.get(&reference.name).and_then(Option::as_ref);
        match map.and_then(|map| value_of(map, &reference.key)) {
            Some(bytes) => contents.push((step.to_owned(), bytes)),
            None => return Ok(Err(missing(step, reference, map.is_some(), &subject.namespace))),
        }
    }
    Ok(Ok(contents.into_iter().collect()))
}

fn missing(step: &str, reference: &ConfigMapKeyRef, map_exists: bool, namespace: &str) -> String {
    let ConfigMapKeyRef { name, key } = reference;
    if map_exists {
        format!("key {key} of ConfigMap {namespace}/{name}, referenced by step {step}")
    } else {
        format!("ConfigMap {namespace}/{name}, whose key {key} is referenced by step {step}")
    }
}

/// Source: Kubernetes API reference, `ConfigMap`: keys of `data` and `binaryData` never overlap.
fn value_of(map: &Value, key: &str) -> Option<Vec<u8>> {
    let text = map["data"].get(key).and_then(Value::as_str).map(|text| text.as_bytes().to_vec());
    let bytes = map["binaryData"].get(key).and_then(Value::as_str);
    text.or_else(|| BASE64_STANDARD.decode(bytes?).ok())
}
