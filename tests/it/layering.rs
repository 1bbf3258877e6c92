//! Imports run one way: `model → api → customize → plan → status → ec2 → controller → cli`, each layer using only what
//! stands left of it. `ops` stands beside `ec2`: the controller counts with it.

use std::{fs, path::Path};

/// Each layer with the ones that it must not know.
const FORBIDDEN: [(&str, &[&str]); 8] = [
    ("model", &["api", "customize", "plan", "status", "ec2", "ops", "controller", "cli"]),
    ("api", &["customize", "plan", "status", "ec2", "ops", "controller", "cli"]),
    ("customize", &["plan", "status", "ec2", "ops", "controller", "cli"]),
    ("plan", &["status", "ec2", "ops", "controller", "cli"]),
    ("status", &["ec2", "ops", "controller", "cli"]),
    ("ec2", &["api", "status", "ops", "controller", "cli"]),
    ("ops", &["api", "customize", "plan", "status", "controller", "cli"]),
    ("controller", &["cli"]),
];

/// What decides knows no runtime, no client and no SDK.
const PURE: [&str; 5] = ["model", "api", "customize", "plan", "status"];
const IMPURE: [&str; 6] = ["tokio::", "kube::Client", "kube::Api", "aws_", "Timestamp::now", "async fn"];

pub fn sources(layer: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(layer), &mut found);
    assert!(!found.is_empty(), "src/{layer} holds no sources");
    found
}

fn collect(dir: &Path, into: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(dir).expect("a layer is a folder").map(|e| e.expect("listed").path()) {
        if is_for_tests(&entry) {
            continue;
        }
        if entry.is_dir() {
            collect(&entry, into);
        } else if entry.extension().is_some_and(|e| e == "rs") {
            into.push((entry.display().to_string(), fs::read_to_string(&entry).expect("a source is text")));
        }
    }
}

/// Tests may look both ways: they ask for a plan and project it.
fn is_for_tests(path: &Path) -> bool {
    let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
    ["tests", "fixtures"].contains(&stem) || stem.ends_with("_tests")
}

/// Code without comments, and without the tests at the end of a file.
pub fn code(source: &str) -> impl Iterator<Item = &str> {
    let end = source.find("#[cfg(test)]\nmod tests {").unwrap_or(source.len());
    source[..end].lines().filter(|line| !line.trim_start().starts_with("//"))
}

/// Whether a line names the module `layer` of this crate, in a path or in a braced import.
fn names(line: &str, layer: &str) -> bool {
    let braced = line.starts_with("    ") && !line.starts_with("     ");
    line.contains(&format!("crate::{layer}::"))
        || line.contains(&format!("crate::{layer};"))
        || line.contains(&format!("use crate::{{{layer}::"))
        || (braced && line.trim_start().starts_with(&format!("{layer}::")) && line.ends_with([',', '{']))
}

#[test]
fn no_layer_imports_what_stands_right_of_it() {
    let mut wrong = Vec::new();
    for (layer, forbidden) in FORBIDDEN {
        for (path, source) in sources(layer) {
            for line in code(&source) {
                if forbidden.iter().any(|f| names(line, f)) {
                    wrong.push(format!("{path}: {line}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "imports against the direction:\n{}", wrong.join("\n"));
}

#[test]
fn what_decides_knows_no_runtime_no_client_and_no_clock() {
    let mut wrong = Vec::new();
    for layer in PURE {
        for (path, source) in sources(layer) {
            wrong.extend(
                code(&source)
                    .filter(|l| IMPURE.iter().any(|i| l.contains(i)))
                    .map(|l| format!("{path}: {l}")),
            );
        }
    }
    assert!(wrong.is_empty(), "not pure:\n{}", wrong.join("\n"));
}

/// More than fits into one head. Source: CONTRIBUTING.md, "Code style".
const LONGEST_FILE: usize = 400;

#[test]
fn no_source_has_400_lines_of_code() {
    let lines = |source: &str| code(source).filter(|line| !line.trim().is_empty()).count();
    let counted = sources("").into_iter().map(|(path, source)| (path, lines(&source)));
    let long: Vec<_> = counted.filter(|(_, lines)| *lines >= LONGEST_FILE).collect();
    assert!(long.is_empty(), "too many lines of code: {long:#?}");
}
