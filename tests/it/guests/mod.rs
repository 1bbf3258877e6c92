//! The operator as a process, against a real API server and an EC2 whose instances are real machines of QEMU.
//!
//! `make test-guest` runs these. Each boots machines that share two processors, without KVM: a boot takes a minute or
//! two, and no test says what time anything takes.

mod build_tests;
mod failure_tests;
mod stand;
