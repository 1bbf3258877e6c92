//! The program as EC2 takes it.

use super::{
    Nonce,
    gzip::gzip,
    program::{Contents, program},
};
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
    let text = program(customize, nonce, Contents::Plain);
    let sent = if text.len() > USER_DATA_LIMIT { compressed(customize, nonce) } else { text.into_bytes() };
    let (bytes, limit) = (sent.len(), USER_DATA_LIMIT);
    if bytes > limit { Err(TooLarge { bytes, limit }) } else { Ok(sent) }
}

/// Contents before their base64, which hides from gzip what repeats in them, and then the whole.
fn compressed(customize: &Customize, nonce: &Nonce) -> Vec<u8> {
    gzip(program(customize, nonce, Contents::Packed).as_bytes())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;
    use crate::customize::machine::{file, nonce, script, steps};

    fn plain(customize: &Customize) -> String {
        program(customize, &nonce(), Contents::Plain)
    }

    fn unpacked(sent: &[u8]) -> String {
        let mut text = String::new();
        GzDecoder::new(sent).read_to_string(&mut text).unwrap();
        text
    }

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
        assert_eq!(user_data(&customize, &nonce()).unwrap(), plain(&customize).as_bytes());
    }

    #[test]
    fn what_does_not_fit_is_sent_as_gzip_of_gzip() {
        let customize = steps([script("long", &"echo hello\n".repeat(3000))]);
        let sent = user_data(&customize, &nonce()).unwrap();
        assert_eq!(unpacked(&sent), program(&customize, &nonce(), Contents::Packed));
        assert!(sent.len() < gzip(plain(&customize).as_bytes()).len());
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
