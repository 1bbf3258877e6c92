//! The wire formats of keys: SSH strings, DER and PEM.

use base64::{Engine, prelude::BASE64_STANDARD};

/// A length and the bytes (RFC 4251, "string").
pub fn ssh_string(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("keys are far below 4 GiB");
    [&length.to_be_bytes()[..], bytes].concat()
}

/// The first string of an SSH blob, and what follows it.
pub fn read_ssh_string(blob: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = blob.split_at_checked(4)?;
    let length = u32::from_be_bytes(length.try_into().ok()?);
    rest.split_at_checked(usize::try_from(length).ok()?)
}

/// A positive number of SSH or DER: its first bit is not set.
pub fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let sign: &[u8] = if bytes.first().is_some_and(|first| first & 0x80 != 0) { &[0] } else { &[] };
    [sign, bytes].concat()
}

/// One DER element.
pub fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant = length.iter().position(|byte| *byte != 0).map_or(&length[7..], |at| &length[at..]);
    let mut element = vec![tag];
    if content.len() >= 0x80 {
        element.push(0x80 | u8::try_from(significant.len()).expect("a usize has eight bytes"));
    }
    element.extend_from_slice(significant);
    element.extend_from_slice(content);
    element
}

pub fn pem(label: &str, content: &[u8], width: usize) -> String {
    let encoded = BASE64_STANDARD.encode(content);
    let lines: Vec<String> =
        encoded.as_bytes().chunks(width).map(|line| String::from_utf8_lossy(line).into()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----", lines.join("\n"))
}

/// `a1:b2:…`
pub fn colons(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}
