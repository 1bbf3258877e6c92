//! The program as EC2 user data, within its size limit.

use super::{
    Contents, Nonce,
    gzip::gzip,
    program::{Encoding, program},
};
use crate::api::image_build::Customize;

/// The EC2 limit for user data, in bytes before base64 encoding.
///
/// Source: EC2 user guide, "Run commands when you launch an EC2 instance with user data input".
pub const USER_DATA_LIMIT: usize = 16 * 1024;

/// The steps exceed the size limit of their transport.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooLarge {
    /// `bytes` is the size of the user data, compressed, before base64.
    #[error(
        "the steps need {bytes} bytes of user data and EC2 allows {limit}: set customize.transport to SSM, which sends each step separately, or download large contents in a script"
    )]
    UserData { bytes: usize, limit: usize },
    /// `bytes` is the size of the step's command, its content compressed.
    #[error(
        "step {step} needs a command of {bytes} bytes and Run Command allows {limit}: split it, or download large contents in a script"
    )]
    Command { step: String, bytes: usize, limit: usize },
}

/// The user data that carries out what `customize` says, reports under `nonce` and powers the machine off.
///
/// EC2's API wants its base64. It is text if that fits, and gzip of it otherwise, which cloud-init undoes before it looks
/// at what it has. The same input gives the same bytes, because a launch that is repeated with its client token has to be
/// the same launch.
///
/// Assumes that `contents` has what [`sources`](super::sources) asks for.
pub fn user_data(customize: &Customize, contents: &Contents, nonce: &Nonce) -> Result<Vec<u8>, TooLarge> {
    let text = program(customize, contents, nonce, Encoding::Plain);
    let fits = text.len() <= USER_DATA_LIMIT;
    let sent = if fits { text.into_bytes() } else { compressed(customize, contents, nonce) };
    let (bytes, limit) = (sent.len(), USER_DATA_LIMIT);
    if bytes > limit { Err(TooLarge::UserData { bytes, limit }) } else { Ok(sent) }
}

/// The size of the user data in bytes, as text and compressed, whether or not it fits.
pub fn sizes(customize: &Customize, contents: &Contents, nonce: &Nonce) -> (usize, usize) {
    let text = program(customize, contents, nonce, Encoding::Plain);
    (text.len(), compressed(customize, contents, nonce).len())
}

/// Contents before their base64, which hides from gzip what repeats in them, and then the whole.
fn compressed(customize: &Customize, contents: &Contents, nonce: &Nonce) -> Vec<u8> {
    gzip(program(customize, contents, nonce, Encoding::Packed).as_bytes())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;
    use crate::customize::tests::machine::{file, nonce, script, steps};

    fn text(customize: &Customize, encoding: Encoding) -> String {
        program(customize, &Contents::default(), &nonce(), encoding)
    }

    fn sent(customize: &Customize) -> Result<Vec<u8>, TooLarge> {
        user_data(customize, &Contents::default(), &nonce())
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
        assert_eq!(sent(&customize).unwrap(), text(&customize, Encoding::Plain).as_bytes());
    }

    #[test]
    fn what_does_not_fit_is_sent_as_gzip_of_gzip() {
        let customize = steps([script("long", &"echo hello\n".repeat(3000))]);
        let sent = sent(&customize).unwrap();
        assert_eq!(unpacked(&sent), text(&customize, Encoding::Packed));
        assert!(sent.len() < gzip(text(&customize, Encoding::Plain).as_bytes()).len());
    }

    #[test]
    fn gzip_tells_no_time() {
        let packed = sent(&steps([script("big", &"x".repeat(20_000))])).unwrap();
        assert_eq!(packed[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255]);
    }

    #[test]
    fn what_does_not_fit_even_so_is_refused_with_size_and_limit() {
        let refused = sent(&steps([script("big", &noise(20_000))])).unwrap_err();
        let TooLarge::UserData { bytes, limit: USER_DATA_LIMIT } = refused else { panic!("{refused:?}") };
        assert!(bytes > USER_DATA_LIMIT);
        let expected = format!(
            "the steps need {bytes} bytes of user data and EC2 allows 16384: set customize.transport to SSM, which sends each step separately, or download large contents in a script"
        );
        assert_eq!(refused.to_string(), expected);
    }

    #[test]
    fn text_may_be_exactly_as_long_as_the_limit() {
        let with_path = |path: &str| sent(&steps([file("full", path, "")])).unwrap();
        // A letter of the path makes two bytes, a quotation mark five.
        let spare = |path: &&str| USER_DATA_LIMIT - with_path(path).len();
        let start = ["/p", "/'"].into_iter().find(|path| spare(path) % 2 == 0).unwrap();
        let full = format!("{start}{}", "p".repeat(spare(&start) / 2));
        assert_eq!(with_path(&full).len(), USER_DATA_LIMIT);
        assert!(with_path(&format!("{full}p")).starts_with(&[0x1f, 0x8b]));
    }
}
