//! The program as EC2 takes it.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};

use super::{Nonce, program::program};
use crate::api::image_build::Customize;

/// What EC2 takes, in bytes before the base64 of the request.
///
/// Source: EC2 user guide, "Run commands when you launch an EC2 instance with user data input".
pub const USER_DATA_LIMIT: usize = 16 * 1024;

/// The steps do not fit into user data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the steps make {bytes} bytes of user data and EC2 takes {limit}: shorten them, or let a script fetch what is large"
)]
pub struct TooLarge {
    /// Size of the user data, compressed, before base64.
    pub bytes: usize,
    /// What EC2 takes.
    pub limit: usize,
}

/// The user data that carries out what `customize` says, reports under `nonce` and powers the machine off.
///
/// EC2's API wants its base64. It is text if that fits, and gzip of it otherwise, which cloud-init undoes before it looks
/// at what it has. The same input gives the same bytes, because a launch that is repeated with its client token has to be
/// the same launch.
pub fn user_data(customize: &Customize, nonce: &Nonce) -> Result<Vec<u8>, TooLarge> {
    let text = program(customize, nonce).into_bytes();
    let sent = if text.len() > USER_DATA_LIMIT { gzip(&text) } else { text };
    let (bytes, limit) = (sent.len(), USER_DATA_LIMIT);
    if bytes > limit { Err(TooLarge { bytes, limit }) } else { Ok(sent) }
}

/// Without a time in its header, which would differ between two calls.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let packed = encoder.write_all(bytes).and_then(|()| encoder.finish());
    packed.expect("a Vec takes everything")
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;
    use crate::customize::machine::{file, nonce, script, steps};

    /// Text that does not compress.
    fn noise(bytes: usize) -> String {
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(33 + u8::try_from((state >> 33) % 90).unwrap())
        };
        (0..bytes).map(|_| next()).collect()
    }

    #[test]
    fn what_fits_is_sent_as_text() {
        let customize = steps([script("one", "true")]);
        assert_eq!(user_data(&customize, &nonce()).unwrap(), program(&customize, &nonce()).as_bytes());
    }

    #[test]
    fn what_does_not_fit_is_sent_as_gzip() {
        let customize = steps([script("big", &"echo hello\n".repeat(3000))]);
        let packed = user_data(&customize, &nonce()).unwrap();
        let mut text = String::new();
        GzDecoder::new(packed.as_slice()).read_to_string(&mut text).unwrap();
        assert_eq!(text, program(&customize, &nonce()));
    }

    #[test]
    fn gzip_tells_no_time() {
        let packed = user_data(&steps([script("big", &"x".repeat(20_000))]), &nonce()).unwrap();
        assert_eq!(packed[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255]);
    }

    #[test]
    fn what_does_not_fit_even_so_is_refused_with_size_and_limit() {
        let refused = user_data(&steps([script("big", &noise(20_000))]), &nonce()).unwrap_err();
        assert!(refused.bytes > USER_DATA_LIMIT);
        let expected = format!(
            "the steps make {} bytes of user data and EC2 takes 16384: shorten them, or let a script fetch what is large",
            refused.bytes
        );
        assert_eq!(refused.to_string(), expected);
    }

    #[test]
    fn text_may_be_exactly_as_long_as_the_limit() {
        let with_path = |path: &str| user_data(&steps([file("full", path, "")]), &nonce()).unwrap();
        // A letter of the path makes two bytes, a quotation mark five.
        let spare = |path: &&str| USER_DATA_LIMIT - with_path(path).len();
        let start = ["/p", "/'"].into_iter().find(|path| spare(path) % 2 == 0).unwrap();
        let full = format!("{start}{}", "p".repeat(spare(&start) / 2));
        assert_eq!(with_path(&full).len(), USER_DATA_LIMIT);
        assert!(with_path(&format!("{full}p")).starts_with(&[0x1f, 0x8b]));
    }
}
