//! Keys that SSH clients accept. They protect nothing: who knows the seed of the world knows them.

use base64::{Engine, prelude::BASE64_STANDARD};
use md5::Md5;
use num_bigint::BigUint;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::{
    encoding::{colons, der, pem, read_ssh_string, ssh_string, unsigned},
    ppk,
};

/// Searching 1024-bit primes takes seconds in an unoptimised build; 32 of them make 496 different RSA keys.
const PRIMES: &str = include_str!("primes.txt");
/// `rsaEncryption` with its empty parameters, as an `AlgorithmIdentifier`.
const RSA_ENCRYPTION: [u8; 15] =
    [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

/// `KeyFormat` of `CreateKeyPair`.
#[derive(Clone, Copy)]
pub enum Format {
    Pem,
    Ppk,
}

pub struct Material {
    pub kind: &'static str,
    /// As EC2 shows it for how the key came to be (Amazon EC2 User Guide, "Verify the fingerprint").
    pub fingerprint: String,
    /// In OpenSSH's one-line form.
    pub public: String,
    /// The private key, absent for imported ones.
    pub secret: Option<String>,
}

impl Material {
    /// A 2048-bit key in PKCS #1 or the format of `PuTTY`, whose fingerprint is the SHA-1 digest of the private key's DER.
    pub fn rsa(random: u64, comment: &str, format: Format) -> Self {
        let (first, second) = two_primes(random);
        let exponent = BigUint::from(65_537_u32);
        let modulus = &first * &second;
        let private = inverse(&exponent, &((&first - 1_u32) * (&second - 1_u32)));
        let pkcs1 = pkcs1(&first, &second, &exponent, &private);
        let content = [der(INTEGER, &[0]), RSA_ENCRYPTION.to_vec(), der(OCTET_STRING, &pkcs1)].concat();
        let blob = [
            ssh_string(b"ssh-rsa"),
            ssh_string(&unsigned(&exponent.to_bytes_be())),
            ssh_string(&unsigned(&modulus.to_bytes_be())),
        ]
        .concat();
        let secret = match format {
            Format::Pem => pem("RSA PRIVATE KEY", &pkcs1, 64),
            Format::Ppk => {
                let coefficient = inverse(&second, &first);
                let numbers = [&private, &first, &second, &coefficient];
                let numbers = numbers.map(|number| ssh_string(&unsigned(&number.to_bytes_be())));
                ppk::file("ssh-rsa", comment, &blob, &numbers.concat())
            }
        };
        Self {
            kind: "rsa",
            fingerprint: colons(&Sha1::digest(der(SEQUENCE, &content))),
            public: line("ssh-rsa", &blob, comment),
            secret: Some(secret),
        }
    }

    /// A key in the format of OpenSSH or `PuTTY`, whose fingerprint is the SHA-256 digest of the public key.
    pub fn ed25519(random: u64, comment: &str, format: Format) -> Self {
        let seed = ed25519_compact::Seed::new(Sha256::digest(random.to_be_bytes()).into());
        let pair = ed25519_compact::KeyPair::from_seed(seed);
        let blob = [ssh_string(b"ssh-ed25519"), ssh_string(&*pair.pk)].concat();
        let secret = match format {
            Format::Pem => pem("OPENSSH PRIVATE KEY", &openssh_private(&blob, &pair, comment), 70),
            // OpenSSH's secret is the seed with the public key behind it, PuTTY's the seed alone.
            Format::Ppk => ppk::file("ssh-ed25519", comment, &blob, &ssh_string(&pair.sk[..32])),
        };
        Self {
            kind: "ed25519",
            fingerprint: BASE64_STANDARD.encode(Sha256::digest(&blob)),
            public: line("ssh-ed25519", &blob, comment),
            secret: Some(secret),
        }
    }

    /// A public key in OpenSSH's one-line form; `None` if it is not one of RSA or ED25519.
    pub fn imported(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let (algorithm, encoded) = (words.next()?, words.next()?);
        let blob = BASE64_STANDARD.decode(encoded).ok()?;
        let (inner, rest) = read_ssh_string(&blob)?;
        let (kind, fingerprint) = match algorithm {
            "ssh-rsa" => ("rsa", colons(&Md5::digest(&blob))),
            "ssh-ed25519" => ("ed25519", BASE64_STANDARD.encode(Sha256::digest(&blob))),
            _ => return None,
        };
        let is_key = inner == algorithm.as_bytes() && read_ssh_string(rest).is_some();
        is_key.then(|| Self { kind, fingerprint, public: text.trim().to_owned(), secret: None })
    }
}

fn line(algorithm: &str, blob: &[u8], comment: &str) -> String {
    format!("{algorithm} {} {comment}", BASE64_STANDARD.encode(blob))
}

fn two_primes(random: u64) -> (BigUint, BigUint) {
    let primes: Vec<&str> = PRIMES.lines().collect();
    let pick =
        |number: u64, of: usize| usize::try_from(number % of as u64).expect("less than the list's length");
    let first = pick(random, primes.len());
    // Among the others, so that the two differ.
    let second = (first + 1 + pick(random >> 32, primes.len() - 1)) % primes.len();
    let parse = |at: usize| BigUint::parse_bytes(primes[at].as_bytes(), 16).expect("the list is hexadecimal");
    (parse(first), parse(second))
}

fn inverse(of: &BigUint, modulo: &BigUint) -> BigUint {
    of.modinv(modulo).expect("the list holds primes that fit 65537")
}

/// `RSAPrivateKey` (RFC 8017, appendix A.1.2).
fn pkcs1(first: &BigUint, second: &BigUint, exponent: &BigUint, private: &BigUint) -> Vec<u8> {
    let (exponent_first, exponent_second) = (private % (first - 1_u32), private % (second - 1_u32));
    let (modulus, coefficient) = (first * second, inverse(second, first));
    let numbers =
        [&modulus, exponent, private, first, second, &exponent_first, &exponent_second, &coefficient];
    let mut content = der(INTEGER, &[0]);
    for number in numbers {
        content.extend(der(INTEGER, &unsigned(&number.to_bytes_be())));
    }
    der(SEQUENCE, &content)
}

/// OpenSSH's PROTOCOL.key, without encryption.
fn openssh_private(blob: &[u8], pair: &ed25519_compact::KeyPair, comment: &str) -> Vec<u8> {
    // Two equal numbers show a reader that decryption worked.
    let check = [0x45, 0x43, 0x32, 0x53];
    let mut private = [&check[..], &check[..]].concat();
    for part in [b"ssh-ed25519".as_slice(), &*pair.pk, &*pair.sk, comment.as_bytes()] {
        private.extend(ssh_string(part));
    }
    private.extend((1..=u8::MAX).take((8 - private.len() % 8) % 8));
    [
        b"openssh-key-v1\0".to_vec(),
        ssh_string(b"none"),
        ssh_string(b"none"),
        ssh_string(b""),
        1_u32.to_be_bytes().to_vec(),
        ssh_string(blob),
        ssh_string(&private),
    ]
    .concat()
}
