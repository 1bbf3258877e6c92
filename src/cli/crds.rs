//! `ami-operator crds`: the custom resource definitions, generated from the Rust types.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::Args;

use crate::api::crds::{all, file_name, to_yaml};

/// Print the CRDs as YAML.
#[derive(Args, Debug)]
pub struct CrdsArgs {
    /// Write one file per CRD to this directory instead
    #[arg(long, value_name = "DIR")]
    out_dir: Option<PathBuf>,
}

/// Prints the CRDs as one stream of YAML documents, ready for `kubectl apply -f -`, or writes them as files.
///
/// # Errors
/// The directory or standard output cannot be written.
pub fn crds(args: CrdsArgs) -> anyhow::Result<ExitCode> {
    match args.out_dir {
        Some(directory) => write_files(&directory)?,
        None => print()?,
    }
    Ok(ExitCode::SUCCESS)
}

fn print() -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    for crd in all() {
        write!(out, "---\n{}", to_yaml(&crd)?)?;
    }
    Ok(())
}

fn write_files(directory: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
    for crd in all() {
        let path = directory.join(file_name(&crd));
        fs::write(&path, to_yaml(&crd)?).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
