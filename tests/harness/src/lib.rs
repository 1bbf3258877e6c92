//! A real Kubernetes API, ec2sim and the operator as processes on this machine, for tests, the demonstration and
//! benchmarks.
//!
//! Nothing here outlives the process that started it: whatever kills that process, also `kill -9`, ends what it started
//! and removes its temporary directory (see [`RunDir::keep`] for the one exception). Everything blocks; in an
//! asynchronous test call it before the first `await`, or in `spawn_blocking`.

mod audit;
mod conditions;
mod control_plane;
mod ec2sim;
mod http;
mod kubectl;
mod operator;
mod poll;
mod process;
mod tools;

pub use audit::Audited;
pub use conditions::{condition, is_true};
pub use control_plane::ControlPlane;
pub use ec2sim::{Clock, Ec2sim, Ec2simOptions, Guests, Profile};
pub use http::Response;
pub use kubectl::Kubectl;
pub use operator::{Operator, OperatorOptions};
pub use poll::wait_for;
pub use process::{Process, RunDir};
pub use tools::{Tools, project_binary, repository};
