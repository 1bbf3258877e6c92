//! Whole life cycles in simulated time: the real passes over ec2sim through the real SDK, and a cluster in memory.

mod build_tests;
mod cluster;
mod command_tests;
mod customize_tests;
mod faults;
mod orphan_tests;
mod patience_tests;
mod recovery_tests;
mod replication_tests;
mod world;

pub use world::{Flow, build, replication};
