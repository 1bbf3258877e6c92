//! The custom resource definitions, generated from the Rust types.

pub use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSON, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;

use super::{ImageBuild, ImageReplication};

/// Both CRDs, as they are installed.
pub fn all() -> Vec<CustomResourceDefinition> {
    [ImageBuild::crd(), ImageReplication::crd()].into_iter().map(finish).collect()
}

/// What the derive leaves open: a status default, and no `null`.
///
/// A just-applied object has `observedGeneration: -1` from the server, so that kstatus, Flux and Argo CD see it as
/// "in progress" before the operator has looked at it. A `null` in a manifest means "not given", as everywhere in
/// Kubernetes; were fields nullable, `has()` in the rules would take it for a value.
fn finish(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    for version in &mut crd.spec.versions {
        let Some(root) = version.schema.as_mut().and_then(|s| s.open_api_v3_schema.as_mut()) else {
            continue;
        };
        forbid_null(root);
        if let Some(status) = root.properties.as_mut().and_then(|p| p.get_mut("status")) {
            status.default = Some(JSON(serde_json::json!({"observedGeneration": -1})));
        }
    }
    crd
}

fn forbid_null(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    schema.enum_.iter_mut().for_each(|values| values.retain(|v| !v.0.is_null()));
    schema.properties.iter_mut().flat_map(|p| p.values_mut()).for_each(forbid_null);
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = schema.items.as_mut() {
        forbid_null(items);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = schema.additional_properties.as_mut() {
        forbid_null(values);
    }
}

/// The CRD as the YAML file in `crds/`.
///
/// # Errors
/// None in practice: a CRD always serializes.
pub fn to_yaml(crd: &CustomResourceDefinition) -> Result<String, serde_yaml::Error> {
    let mut value = serde_yaml::to_value(crd)?;
    whole_numbers(&mut value);
    serde_yaml::to_string(&value)
}

/// Bounds are floats in the Rust type: `maximum: 2000.0` becomes `2000`, as everybody writes it.
fn whole_numbers(value: &mut serde_yaml::Value) {
    match value {
        serde_yaml::Value::Mapping(mapping) => mapping.values_mut().for_each(whole_numbers),
        serde_yaml::Value::Sequence(items) => items.iter_mut().for_each(whole_numbers),
        serde_yaml::Value::Number(number) if number.is_f64() => {
            if let Ok(whole) = number.to_string().trim_end_matches(".0").parse::<i64>() {
                *value = whole.into();
            }
        }
        _ => (),
    }
}

/// The file name in `crds/`: the CRD's own name, such as `imagebuilds.ami-operator.dev.yaml`.
pub fn file_name(crd: &CustomResourceDefinition) -> String {
    format!("{}.yaml", crd.metadata.name.as_deref().unwrap_or("crd"))
}
