//! Operations: health, metrics, logs.

pub mod http;
pub mod metrics;
pub mod telemetry;
