//! What only the holder of a private key can read.

use base64::{Engine, prelude::BASE64_STANDARD};
use num_bigint::BigUint;
use sha2::{Digest, Sha256};

use super::encoding::read_ssh_string;

/// A message under an RSA public key in OpenSSH's one-line form, with padding that follows from `seed`; `None` for keys
/// of other kinds (RFC 8017, section 7.2.1).
pub fn encrypt(public: &str, message: &[u8], seed: &str) -> Option<String> {
    let blob = BASE64_STANDARD.decode(public.split_whitespace().nth(1)?).ok()?;
    let (kind, rest) = read_ssh_string(&blob)?;
    let (exponent, rest) = read_ssh_string(rest)?;
    let (modulus, _) = read_ssh_string(rest)?;
    let modulus = BigUint::from_bytes_be(modulus);
    let size = usize::try_from(modulus.bits().div_ceil(8)).ok()?;
    let room = size.checked_sub(message.len() + 3).filter(|room| *room >= 8 && kind == b"ssh-rsa")?;
    let block = [&[0, 2][..], &padding(seed, room), &[0], message].concat();
    let sealed = BigUint::from_bytes_be(&block).modpow(&BigUint::from_bytes_be(exponent), &modulus);
    let mut bytes = sealed.to_bytes_be();
    bytes.splice(0..0, std::iter::repeat_n(0, size - bytes.len()));
    Some(BASE64_STANDARD.encode(bytes))
}

/// Bytes other than zero.
fn padding(seed: &str, length: usize) -> Vec<u8> {
    let digests = (0_u32..).map(|round| Sha256::digest(format!("{seed}/{round}")));
    digests.flatten().filter(|byte| *byte != 0).take(length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rsa_keys_encrypt() {
        let rsa = super::super::material::Material::rsa(1, "key", super::super::material::Format::Pem);
        let sealed = encrypt(&rsa.public, b"secret", "seed").expect("the key is RSA");
        assert_eq!(BASE64_STANDARD.decode(sealed).expect("it is base64").len(), 256);
        let other = super::super::material::Material::ed25519(1, "key", super::super::material::Format::Pem);
        assert_eq!(encrypt(&other.public, b"secret", "seed"), None);
    }
}
