//! Whole life cycles in simulated time: the real passes over ec2sim through the real SDK, and a cluster in memory.

pub mod boundaries;
mod build_tests;
pub mod cluster;
mod command_tests;
mod customize_tests;
pub mod faults;
mod lifecycle_tests;
mod orphan_tests;
mod patience_tests;
mod process;
mod publish_tests;
mod recovery_tests;
mod region_tests;
mod replication_tests;
mod sharing_tests;
pub mod simulation;
mod source_tests;
mod steady_tests;
mod upkeep_faults;
pub mod world;

pub use world::{Flow, build, replication};
