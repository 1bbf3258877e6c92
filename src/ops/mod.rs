//! What an operator of the operator needs: health, metrics, logs.

pub mod http;
pub mod metrics;
pub mod telemetry;
