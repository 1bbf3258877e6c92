//! A stand-in for Amazon EC2, SSM and STS, and for what clients ask IAM and KMS before a launch; for tests and
//! demonstrations.
//!
//! [`core::Sim`] is the cloud; [`front`] lets clients of the real services talk to it.
#![forbid(unsafe_code)]
#![warn(clippy::pedantic)]
#![allow(
    clippy::module_name_repetitions,
    clippy::missing_errors_doc,
    clippy::must_use_candidate,
    clippy::missing_panics_doc
)]

pub mod assertions;
pub mod buckets;
pub mod core;
pub mod ec2;
pub mod faults;
pub mod front;
pub mod guest;
pub mod iam;
pub mod imds;
pub mod kms;
pub mod machines;
pub mod ssm;
pub mod sts;

#[cfg(test)]
mod lab;
