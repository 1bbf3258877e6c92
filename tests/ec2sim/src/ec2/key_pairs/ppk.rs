//! The key files of `PuTTY`, version 2 (its user manual, appendix "PPK file format"), without encryption.

use base64::{Engine, prelude::BASE64_STANDARD};
use sha1::{Digest, Sha1};

use super::encoding::{colons, ssh_string};

const BLOCK: usize = 64;

/// `public` is the blob of SSH, `private` the numbers that only the owner knows.
pub fn file(algorithm: &str, comment: &str, public: &[u8], private: &[u8]) -> String {
    let signed: Vec<u8> = [algorithm.as_bytes(), b"none", comment.as_bytes(), public, private]
        .into_iter()
        .flat_map(ssh_string)
        .collect();
    let mac = hmac(&Sha1::digest("putty-private-key-file-mac-key"), &signed);
    let mac = colons(&mac).replace(':', "");
    format!(
        "PuTTY-User-Key-File-2: {algorithm}\nEncryption: none\nComment: {comment}\n{}{}Private-MAC: {mac}\n",
        lines("Public", public),
        lines("Private", private)
    )
}

fn lines(label: &str, blob: &[u8]) -> String {
    let encoded = BASE64_STANDARD.encode(blob);
    let lines: Vec<_> = encoded.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("{label}-Lines: {}\n{}\n", lines.len(), lines.join("\n"))
}

/// HMAC-SHA-1 (RFC 2104) for keys of at most one block.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let pad = |byte: u8| -> Vec<u8> {
        let padded = key.iter().copied().chain(std::iter::repeat(0)).take(BLOCK);
        padded.map(|it| it ^ byte).collect()
    };
    let inner = Sha1::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Sha1::new().chain_update(pad(0x5c)).chain_update(inner).finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_that_of_rfc_2202() {
        let code = hmac(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(code[..4], [0xef, 0xfc, 0xdf, 0x6a]);
    }
}
