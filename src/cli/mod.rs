//! The command lines.

mod crds;
#[cfg(feature = "aws")]
mod run;
mod validate;

pub use crds::{CrdsArgs, crds};
#[cfg(feature = "aws")]
pub use run::{RunArgs, run};
pub use validate::{ValidateArgs, validate};
