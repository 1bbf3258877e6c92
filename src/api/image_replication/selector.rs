//! Selection of builds by labels.

use std::{collections::BTreeMap, fmt};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{
    KubeSchema,
    core::{Expression, Selector},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Selects objects by labels, like a Kubernetes `LabelSelector`: all requirements must match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("(has(self.matchLabels) && size(self.matchLabels) > 0) || (has(self.matchExpressions) && size(self.matchExpressions) > 0)")
    .message("a selector must have matchLabels or matchExpressions: an empty one would select every build of the namespace"))]
pub struct BuildSelector {
    /// Labels and values that the object must have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "labels")]
    pub match_labels: BTreeMap<String, String>,
    /// Requirements on single labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "atomic"))]
    pub match_expressions: Vec<LabelRequirement>,
}

/// One requirement on a label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("(self.operator == 'In' || self.operator == 'NotIn') == (has(self.values) && size(self.values) > 0)")
    .field_path(".values").message("values are required with the operators In and NotIn, and not allowed with others"))]
pub struct LabelRequirement {
    /// Key of the label.
    #[schemars(
        length(max = 317),
        regex(pattern = r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$")
    )]
    pub key: String,
    /// How the label is compared with the values. `In`: it has one of them. `NotIn`: it has none of them, or does not exist.
    /// `Exists`: it exists. `DoesNotExist`: it does not exist.
    pub operator: LabelOperator,
    /// Values, for `In` and `NotIn`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 63), regex(pattern = r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$")))]
    pub values: Vec<String>,
}

/// The selector operators of Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LabelOperator {
    /// The label has one of the values.
    In,
    /// The label has none of the values, or is missing.
    NotIn,
    /// There is such a label.
    Exists,
    /// There is no such label.
    DoesNotExist,
}

/// The values' pattern is that of Kubernetes. For keys it would cost more than the API server allows a rule: see
/// [`BuildSelector::can_match`].
fn labels(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 16,
        "additionalProperties": {
            "type": "string",
            "maxLength": 63,
            "pattern": "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$",
        },
        "x-kubernetes-validations": [{
            "rule": "self.all(k, size(k) > 0 && size(k) <= 317)",
            "message": "a label key must have 1 to 317 characters",
        }],
    })
}

impl BuildSelector {
    /// Whether there can be such labels. The API server would refuse to look for others, again and again.
    pub fn can_match(&self) -> bool {
        let keys = self.match_labels.keys().chain(self.match_expressions.iter().map(|e| &e.key));
        keys.into_iter().all(|key| is_label_key(key))
    }

    /// As the Kubernetes API takes it.
    pub fn to_kube(&self) -> Selector {
        let labels =
            self.match_labels.iter().map(|(key, value)| Expression::Equal(key.clone(), value.clone()));
        labels.chain(self.match_expressions.iter().map(LabelRequirement::to_kube)).collect()
    }
}

/// Source: Kubernetes documentation, "Labels and Selectors", "Syntax and character set".
fn is_label_key(key: &str) -> bool {
    let alphanumeric = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let ends = |part: &str| alphanumeric(part.chars().next()) && alphanumeric(part.chars().next_back());
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let of_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let of_prefix = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
    let is_prefix = |part: &str| part.len() <= 253 && ends(part) && part.chars().all(of_prefix);
    name.len() <= 63 && ends(name) && name.chars().all(of_name) && prefix.is_none_or(is_prefix)
}

impl LabelRequirement {
    fn to_kube(&self) -> Expression {
        let (key, values) = (self.key.clone(), self.values.iter().cloned().collect());
        match self.operator {
            LabelOperator::In => Expression::In(key, values),
            LabelOperator::NotIn => Expression::NotIn(key, values),
            LabelOperator::Exists => Expression::Exists(key),
            LabelOperator::DoesNotExist => Expression::DoesNotExist(key),
        }
    }
}

/// As `kubectl --selector` takes it.
impl fmt::Display for BuildSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_kube().fmt(f)
    }
}

/// How a build was selected. It is replaced only by a build that finished later, never by an earlier one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SelectedBuild {
    /// Selector that the build matched, in the syntax of `kubectl --selector`.
    #[schemars(length(max = 65536))]
    pub selector: String,
    /// When the build finished.
    pub completion_time: Time,
    /// When the build was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_time: Option<Time>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_that_kubernetes_takes() {
        for key in ["app", "example.org/app", "A.b_c-1"] {
            assert!(is_label_key(key), "{key}");
        }
        let long = "a".repeat(64);
        for key in ["", "a/b/c", "/app", "Example.org/app", "-app", "app.", "app name", long.as_str()] {
            assert!(!is_label_key(key), "{key}");
        }
    }

    #[test]
    fn a_selector_reads_as_kubectl_takes_it() {
        let selector: BuildSelector = serde_json::from_value(serde_json::json!({
            "matchLabels": {"app": "web"},
            "matchExpressions": [
                {"key": "stage", "operator": "In", "values": ["prod", "beta"]},
                {"key": "broken", "operator": "DoesNotExist"},
            ],
        }))
        .unwrap();
        assert_eq!(selector.to_string(), "app=web,stage in (beta,prod),!broken");
        assert!(selector.can_match());
    }
}
