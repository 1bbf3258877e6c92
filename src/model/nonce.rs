//! The nonce by which an attempt recognizes the reports of its own guest.

use std::fmt::{self, Write};

use sha2::{Digest, Sha256};

use super::ClientToken;

/// Separates this use of the token's hash from any other.
const CONTEXT: &str = "ami-operator nonce ";

/// 32 hexadecimal digits, the same for every look at one attempt and another for every other attempt, so that what an
/// earlier attempt or a curious guest has printed is never taken for this attempt's verdict.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Nonce(String);

impl Nonce {
    /// The nonce of the launch with this token. Nothing has to be stored: the token is.
    pub fn for_token(token: &ClientToken) -> Self {
        let hash = Sha256::new().chain_update(CONTEXT).chain_update(&token.0).finalize();
        Self(hash.iter().take(16).fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("a String takes everything");
            hex
        }))
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nonce(token: &str) -> String {
        Nonce::for_token(&ClientToken(token.to_owned())).to_string()
    }

    /// `printf 'ami-operator nonce token-1' | sha256sum | cut -c 1-32`
    #[test]
    fn it_is_the_hash_of_the_token() {
        assert_eq!(nonce("token-1"), "254166ee21c51ecac27c348f398ea39b");
    }

    #[test]
    fn another_token_has_another_nonce() {
        assert_ne!(nonce("token-1"), nonce("token-2"));
    }
}
