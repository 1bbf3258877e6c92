//! The subcommands.

#[cfg(feature = "aws")]
mod connection;
mod crds;
#[cfg(feature = "aws")]
mod orphans;
#[cfg(feature = "aws")]
mod run;
#[cfg(feature = "aws")]
mod start_check;
mod validate;

pub use crds::{CrdsArgs, crds};
#[cfg(feature = "aws")]
pub use orphans::{OrphansArgs, orphans};
#[cfg(feature = "aws")]
pub use run::{RunArgs, run};
pub use validate::{ValidateArgs, validate};
