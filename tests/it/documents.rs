//! What documents list is what the sources have.

use std::collections::BTreeSet;

use ami_operator::model::{
    Tags,
    ownership::{Owner, PREFIX, Role},
};

use super::layering::{code, sources};

/// All code that decides, as one text for each file.
fn deciding() -> Vec<String> {
    ["plan", "status", "model"]
        .into_iter()
        .flat_map(sources)
        .map(|(_, source)| code(&source).collect::<Vec<_>>().join("\n"))
        .collect()
}

/// What follows each occurrence of a text.
fn after<'s>(source: &'s str, text: &'s str) -> impl Iterator<Item = &'s str> {
    source.match_indices(text).map(move |(at, _)| source[at + text.len()..].trim_start())
}

fn literal(code: &str) -> Option<&str> {
    code.strip_prefix('"')?.split('"').next()
}

/// The literal or the constant by which an expression begins; none for what is computed.
fn word<'s>(code: &'s str, files: &'s [String]) -> Option<&'s str> {
    let is_path = |c: char| c.is_ascii_uppercase() || c.is_ascii_lowercase() || c == '_' || c == ':';
    let path = code.split(|c| !is_path(c)).next().unwrap_or_default();
    let constant = path.rsplit("::").next().filter(|name| name.len() > 1 && name.to_uppercase() == *name);
    let declared = |name: &str| {
        let declaration = format!("const {name}: &str =");
        files.iter().find_map(|file| Some(file.split(&declaration).nth(1)?.trim_start()))
    };
    literal(code).or_else(|| literal(declared(constant?)?))
}

/// The reasons that conditions can show: of failures, of what is waited for, of classes of errors, of what is reached.
fn reasons(files: &[String]) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    for file in files {
        let failures = ["Failure::new(", "blocked("].into_iter().flat_map(|call| after(file, call));
        found.extend(failures.filter_map(|rest| word(rest, files)));
        let said = after(file, "Said::new(").filter_map(|rest| rest.split_once(','));
        found.extend(said.filter_map(|(_, reason)| word(reason.trim_start(), files)));
        let tables = after(file, "fn reason(").filter_map(|rest| rest.split("\n    }\n").next());
        found.extend(tables.flat_map(|table| after(table, "=>")).filter_map(literal));
        let stages = after(file, "fn stage_conditions(").filter_map(|rest| rest.split("\n    ]").next());
        found.extend(stages.flat_map(|stages| after(stages, "\n        (")).filter_map(literal));
    }
    found
}

/// What stands in code font in the first column of a document's tables.
fn listed(document: &str) -> BTreeSet<&str> {
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
    rows.flat_map(|row| row.split('`').step_by(2)).collect()
}

#[test]
fn the_list_of_reasons_has_each_and_no_other() {
    let files = deciding();
    let (known, listed) = (reasons(&files), listed(include_str!("../../docs/reasons.md")));
    for (kind, example) in
        [("a constant", "Cancelled"), ("a stage", "BuilderRunning"), ("a class", "Throttled")]
    {
        assert!(known.contains(example), "{kind} is not found in the sources");
    }
    let missing: Vec<_> = known.difference(&listed).collect();
    let stale: Vec<_> = listed.difference(&known).collect();
    assert!(missing.is_empty() && stale.is_empty(), "missing: {missing:?}, stale: {stale:?}");
}

#[test]
fn the_readme_lists_each_tag_of_ownership() {
    let owner = Owner {
        cluster_id: "c".to_owned(),
        uid: "u".to_owned(),
        kind: "ImageBuild",
        namespace: "images".to_owned(),
        name: "web".to_owned(),
    };
    let tags = owner.tags(&Tags::new(), Role::Builder, 1, Some(jiff::Timestamp::UNIX_EPOCH));
    let listed = listed(include_str!("../../README.md"));
    let ours: BTreeSet<_> = listed.into_iter().filter(|word| word.starts_with(PREFIX)).collect();
    assert_eq!(ours, tags.keys().map(String::as_str).collect());
}

#[test]
fn the_documented_image_has_the_tag_that_the_chart_takes() {
    let image = concat!("REGISTRY/ami-operator:", env!("CARGO_PKG_VERSION"));
    for document in [include_str!("../../README.md"), include_str!("../../deploy/Dockerfile")] {
        let tagged: Vec<_> = after(document, "REGISTRY/ami-operator:").collect();
        assert!(!tagged.is_empty());
        assert_eq!(document.matches(image).count(), tagged.len(), "not all are {image}");
    }
}
