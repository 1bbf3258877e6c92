//! A Kubernetes operator that builds Amazon Machine Images and keeps their copies in sync across regions.
//!
//! Imports run in one direction: `model → api → customize → plan → status → ec2 → controller → cli`.

pub mod api;
pub mod cli;
pub mod controller;
pub mod customize;
pub mod ec2;
pub mod model;
pub mod ops;
pub mod plan;
pub mod status;
