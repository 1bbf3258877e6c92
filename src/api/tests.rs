//! The schema and its rules, without a server.

use std::{collections::BTreeSet, fs, path::Path};

use schemars::schema_for;
use serde_json::{Value, json};

use super::{
    check::{Checker, Problem},
    crds,
};
use crate::model::{ClientToken, CommandId, ImageId, InstanceId, Region, SnapshotId};

#[path = "../../tests/it/api_cases/mod.rs"]
mod api_cases;

use api_cases::{Case, cases};

fn lines(problems: Option<Vec<Problem>>) -> Vec<String> {
    let problems = problems.expect("the object is one of ours");
    problems.into_iter().map(|Problem { path, message }| format!("{path}: {message}")).collect()
}

fn verdict(checker: &Checker, case: &Case) -> Vec<String> {
    let created = lines(checker.check(&case.manifest));
    match &case.edit {
        Some(edit) if created.is_empty() => lines(checker.check_update(edit, Some(&case.manifest))),
        Some(_) => panic!("{}: what is edited must be valid: {created:#?}", case.name),
        None => created,
    }
}

#[test]
fn every_case_gets_its_verdict() {
    let checker = Checker::default();
    let wrong: Vec<_> = cases()
        .iter()
        .filter_map(|case| {
            let found = verdict(&checker, case);
            let right = match case.refused_with {
                None => found.is_empty(),
                Some(part) => found.iter().any(|line| line.contains(part)),
            };
            (!right).then(|| format!("{}: expected {:?}, found {found:?}", case.name, case.refused_with))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_rule_refuses_a_case() {
    let refusals: Vec<_> = cases().iter().filter_map(|case| case.refused_with).collect();
    let unused: Vec<_> = spec_nodes()
        .iter()
        .flat_map(|(_, schema)| schema["x-kubernetes-validations"].as_array().cloned().unwrap_or_default())
        .filter_map(|rule| rule["message"].as_str().map(str::to_owned))
        .filter(|message| !refusals.iter().any(|part| message.contains(part)))
        .collect();
    assert!(unused.is_empty(), "{unused:#?}");
}

#[test]
fn a_version_that_is_not_served_is_refused_by_name() {
    let object = json!({"apiVersion": "ami-operator.dev/v1", "kind": "ImageBuild"});
    let expected = Problem {
        path: "apiVersion".to_owned(),
        message: "ami-operator.dev/v1 is not served: write ami-operator.dev/v1alpha1".to_owned(),
    };
    assert_eq!(Checker::default().check(&object), Some(vec![expected]));
}

#[test]
fn a_misspelt_kind_of_our_group_is_refused() {
    let object = json!({"apiVersion": "ami-operator.dev/v1alpha1", "kind": "ImageBuilds"});
    let problems = Checker::default().check(&object).unwrap();
    assert!(problems[0].message.ends_with("write ImageBuild or ImageReplication"), "{problems:?}");
}

#[test]
fn our_kind_in_another_group_is_not_ours() {
    let object = json!({"apiVersion": "imagebuilder.example.org/v1", "kind": "ImageBuild"});
    assert_eq!(Checker::default().check(&object), None);
}

#[test]
fn an_object_needs_a_name_or_a_prefix_of_one() {
    let mut object = cases().swap_remove(0).manifest;
    object["metadata"] = json!({});
    assert_eq!(lines(Checker::default().check(&object)), ["metadata.name: is required"]);
    object["metadata"] = json!({"generateName": "web-"});
    assert!(lines(Checker::default().check(&object)).is_empty());
}

/// All schema nodes below `spec`, with their paths.
fn spec_nodes() -> Vec<(String, Value)> {
    nodes_below("spec")
}

fn nodes_below(part: &str) -> Vec<(String, Value)> {
    let nodes = |crd: &crds::CustomResourceDefinition| {
        descend(&format!("{}.{part}", crd.spec.names.kind), &root(crd)["properties"][part])
    };
    crds::all().iter().flat_map(nodes).collect()
}

fn root(crd: &crds::CustomResourceDefinition) -> Value {
    let crd = serde_json::to_value(crd).unwrap();
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

fn descend(path: &str, schema: &Value) -> Vec<(String, Value)> {
    let mut nodes = vec![(path.to_owned(), schema.clone())];
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        nodes.extend(descend(&format!("{path}.{name}"), field));
    }
    for inner in ["items", "additionalProperties"] {
        if schema[inner].is_object() {
            nodes.extend(descend(&format!("{path}[]"), &schema[inner]));
        }
    }
    nodes
}

#[test]
fn everything_in_a_spec_is_bounded() {
    let bounded = |schema: &Value| match schema["type"].as_str() {
        Some("string") => schema["maxLength"].is_number() || schema["enum"].is_array(),
        Some("array") => schema["maxItems"].is_number() && schema["x-kubernetes-list-type"].is_string(),
        Some("object") => schema["properties"].is_object() || schema["maxProperties"].is_number(),
        Some("integer") => schema["minimum"].is_number() && schema["maximum"].is_number(),
        other => other == Some("boolean"),
    };
    let open: Vec<_> =
        spec_nodes().into_iter().filter(|(_, schema)| !bounded(schema)).map(|(path, _)| path).collect();
    assert!(open.is_empty(), "{open:#?}");
}

#[test]
fn every_field_says_what_it_is_for() {
    let nodes = ["spec", "status"].into_iter().flat_map(nodes_below);
    let fields = nodes.filter(|(path, _)| !path.ends_with("[]"));
    let of_types = descriptions_of_id_types();
    let says_nothing = |text: &Value| !text.is_string() || of_types.contains(text);
    let silent: Vec<_> =
        fields.filter(|(_, s)| says_nothing(&s["description"])).map(|(path, _)| path).collect();
    assert!(silent.is_empty(), "{silent:#?}");
}

/// What `kubectl explain` shows for a field of these types that has no comment of its own.
fn descriptions_of_id_types() -> [Value; 6] {
    let schemas = [
        schema_for!(ClientToken),
        schema_for!(CommandId),
        schema_for!(ImageId),
        schema_for!(InstanceId),
        schema_for!(Region),
        schema_for!(SnapshotId),
    ];
    schemas.map(|schema| schema.get("description").cloned().unwrap())
}

/// Go's comments on its types, say, which come along with a field that has none of its own.
#[test]
fn no_field_speaks_of_the_types_behind_it() {
    let nodes = ["spec", "status"].into_iter().flat_map(nodes_below);
    let foreign: Vec<_> = nodes
        .filter(|(_, s)| s["description"].as_str().is_some_and(|text| text.contains("wrapper")))
        .map(|(path, _)| path)
        .collect();
    assert!(foreign.is_empty(), "{foreign:#?}");
}

/// `kubectl explain` shows the values and this text, and nothing of the comments on the values. Words of EC2 and of Kubernetes
/// need none.
#[test]
fn a_field_explains_each_of_its_values() {
    let known = |path: &str| [".architecture", ".type"].iter().any(|end| path.ends_with(end));
    let nodes = ["spec", "status"].into_iter().flat_map(nodes_below);
    let fields = nodes.filter(|(path, _)| !path.contains(".conditions") && !known(path));
    let unexplained = |(path, schema): (String, Value)| {
        let text = schema["description"].as_str().unwrap_or_default().to_owned();
        let values = schema["enum"].as_array().cloned().unwrap_or_default();
        values
            .into_iter()
            .filter_map(|value| value.as_str().map(str::to_owned))
            .filter(move |value| !text.contains(&format!("`{value}`")))
            .map(move |value| format!("{path}: {value}"))
    };
    let silent: Vec<_> = fields.flat_map(unexplained).collect();
    assert!(silent.is_empty(), "{silent:#?}");
}

#[test]
fn the_checker_knows_every_keyword_of_the_schemas() {
    let known: BTreeSet<&str> = [
        "additionalProperties",
        "default",
        "description",
        "enum",
        "format",
        "items",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minimum",
        "pattern",
        "properties",
        "required",
        "type",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-list-type",
        "x-kubernetes-validations",
    ]
    .into();
    let nodes = spec_nodes();
    let used: BTreeSet<&str> = nodes
        .iter()
        .flat_map(|(_, s)| s.as_object().into_iter().flatten())
        .map(|(k, _)| k.as_str())
        .collect();
    assert_eq!(used.difference(&known).collect::<Vec<_>>(), Vec::<&&str>::new());
}

#[test]
fn a_new_object_counts_as_not_yet_seen() {
    for crd in crds::all() {
        assert_eq!(root(&crd)["properties"]["status"]["default"], json!({"observedGeneration": -1}));
    }
}

#[test]
fn the_files_in_crds_are_what_the_types_say() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
    let mut names: Vec<_> = fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let crds = crds::all();
    assert_eq!(names, crds.iter().map(crds::file_name).collect::<Vec<_>>());
    for crd in &crds {
        let file = fs::read_to_string(directory.join(crds::file_name(crd))).unwrap();
        assert!(file == crds::to_yaml(crd).unwrap(), "{} is stale: run make generate", crds::file_name(crd));
    }
}
