//! Whenever the operator dies, the next one gets to the same end: nothing is made twice, nothing is left behind.
//!
//! A scenario is run once undisturbed, and its boundaries are counted: before and after each call to AWS and each write
//! to Kubernetes. Then it is run once for each boundary, with the operator killed exactly there, and for pairs of them.
//! `make crash-points` tries all of them; the ordinary test run tries a part that follows from a seed.

mod ending;
mod hand_over_tests;
mod kubernetes_tests;
mod run;
mod scenarios;
mod sweep;

use std::fs;

use sweep::{Extent, sweep};

/// Names a file for the report: everything is tried.
const REPORT: &str = "CRASH_POINTS";

const SEED: u64 = 1;

/// Where not, each test tries a part that follows from a seed.
fn tries_everything() -> bool {
    std::env::var_os(REPORT).is_some()
}

#[test]
fn an_operator_that_dies_anywhere_leaves_what_an_undisturbed_one_leaves() {
    let extent =
        if tries_everything() { Extent { one_of: 1, pairs: 40 } } else { Extent { one_of: 35, pairs: 1 } };
    let report = sweep(&extent, SEED);
    let text = report.text();
    if let Some(file) = std::env::var_os(REPORT) {
        fs::write(file, &text).expect("the report is written");
    }
    assert!(report.is_good(), "seed {SEED}:\n{text}");
}
