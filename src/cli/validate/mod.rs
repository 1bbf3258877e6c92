//! `ami-operator validate`: reports offline what the API server would reject.

mod manifest;
#[cfg(test)]
mod tests;

use std::{
    fs,
    io::{self, Read as _, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::Args;
use serde_json::Value;

use crate::api::check::{Checker, Problem};
use manifest::Manifest;

/// Check manifests against the schema and validation rules, without a cluster.
///
/// Exit codes: 0 = no problems, 1 = problems found, 2 = a file cannot be read.
#[derive(Args, Debug)]
pub struct ValidateArgs {
    /// YAML files with any number of documents, or `-` for standard input. Objects of other kinds are skipped
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Prints `FILE:LINE: kind/name: path: message` for each problem, and a summary on standard error.
///
/// # Errors
/// Standard output cannot be written.
pub fn validate(args: ValidateArgs) -> anyhow::Result<ExitCode> {
    let ValidateArgs { files } = args;
    let report = check_files(&files, &mut io::stdout().lock())?;
    eprintln!(
        "{} checked, {} of other kinds skipped, {} problems",
        report.checked, report.others, report.problems
    );
    Ok(report.exit_code())
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Report {
    checked: usize,
    others: usize,
    problems: usize,
    unreadable: usize,
}

impl Report {
    fn exit_code(&self) -> ExitCode {
        match (self.unreadable, self.problems) {
            (0, 0) => ExitCode::SUCCESS,
            (0, _) => ExitCode::from(1),
            _ => ExitCode::from(2),
        }
    }
}

fn check_files(files: &[PathBuf], out: &mut impl Write) -> io::Result<Report> {
    let checker = Checker::default();
    let mut report = Report::default();
    for file in files {
        match read(file) {
            Ok(text) => check_text(&checker, file, &text, out, &mut report)?,
            Err(error) => {
                report.unreadable += 1;
                eprintln!("{error:#}");
            }
        }
    }
    Ok(report)
}

fn read(file: &Path) -> anyhow::Result<String> {
    if file == Path::new("-") {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
        return Ok(text);
    }
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

fn check_text(
    checker: &Checker,
    file: &Path,
    text: &str,
    out: &mut impl Write,
    report: &mut Report,
) -> io::Result<()> {
    let manifests = match manifest::parse(text) {
        Ok(manifests) => manifests,
        Err((line, message)) => {
            report.problems += 1;
            return writeln!(out, "{}:{line}: not YAML: {message}", file.display());
        }
    };
    for manifest in &manifests {
        let object = manifest.value();
        let Some(problems) = checker.check(&object) else {
            report.others += 1;
            continue;
        };
        report.checked += 1;
        report.problems += problems.len();
        for line in lines(manifest, &object, &problems) {
            writeln!(out, "{}:{line}", file.display())?;
        }
    }
    Ok(())
}

/// `LINE: kind/name: path: message`, in the order of the lines.
fn lines(manifest: &Manifest<'_>, object: &Value, problems: &[Problem]) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let subject = format!("{}/{}", text(&object["kind"]), text(&object["metadata"]["name"]));
    let mut sorted: Vec<_> = problems.iter().map(|p| (manifest.line(&p.path), p)).collect();
    sorted.sort_by_key(|(line, _)| *line);
    sorted
        .into_iter()
        .map(|(line, Problem { path, message })| {
            let place = if path.is_empty() { String::new() } else { format!("{path}: ") };
            format!("{line}: {subject}: {place}{message}")
        })
        .collect()
}
