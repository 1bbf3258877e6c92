//! Compression that gives the same bytes for the same input.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};

/// Compresses with gzip, without a timestamp in the header, which would differ between calls.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let packed = encoder.write_all(bytes).and_then(|()| encoder.finish());
    packed.expect("a Vec takes everything")
}
