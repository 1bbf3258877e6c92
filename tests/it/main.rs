//! The integration tests: one binary, because each would link the AWS SDK anew.

#[cfg(feature = "aws")]
mod api_cases;
#[cfg(feature = "aws")]
mod crash_points;
mod documents;
#[cfg(feature = "aws")]
mod e2e;
#[cfg(feature = "aws")]
mod flow;
#[cfg(feature = "aws")]
mod guests;
mod layering;
mod policy;
#[cfg(feature = "aws")]
mod scale;
#[cfg(feature = "aws")]
mod soak;
