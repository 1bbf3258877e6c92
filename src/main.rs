//! The command line.

use std::process::ExitCode;

use ami_operator::cli;
use clap::{Parser, Subcommand};
use tikv_jemallocator::Jemalloc;

/// After a start with ten thousand objects, glibc's allocator keeps half as much memory again, and needs half as much more time.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Builds Amazon Machine Images (AMIs) and keeps their copies in sync across regions.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[cfg(feature = "aws")]
    Run(cli::RunArgs),
    #[cfg(feature = "aws")]
    Orphans(cli::OrphansArgs),
    Crds(cli::CrdsArgs),
    Validate(cli::ValidateArgs),
}

fn main() -> anyhow::Result<ExitCode> {
    match Cli::parse().command {
        #[cfg(feature = "aws")]
        Command::Run(args) => cli::run(args),
        #[cfg(feature = "aws")]
        Command::Orphans(args) => cli::orphans(args),
        Command::Crds(args) => cli::crds(args),
        Command::Validate(args) => cli::validate(args),
    }
}
