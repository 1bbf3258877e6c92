//! The checksum of the POSIX utility `cksum`, which is available in every shell.

const POLYNOMIAL: u32 = 0x04C1_1DB7;

/// The CRC of `bytes` followed by their number, least significant byte first and without leading zeros.
///
/// Source: POSIX.1-2024, Shell and Utilities, `cksum`.
pub fn cksum(bytes: &[u8]) -> u32 {
    let length =
        std::iter::successors(Some(bytes.len()), |rest| Some(rest >> 8)).take_while(|rest| *rest > 0);
    let length = length.map(|rest| rest.to_le_bytes()[0]);
    !bytes.iter().copied().chain(length).fold(0, add_byte)
}

fn add_byte(crc: u32, byte: u8) -> u32 {
    (0..8).fold(crc ^ (u32::from(byte) << 24), |crc, _| {
        (crc << 1) ^ if crc >> 31 == 1 { POLYNOMIAL } else { 0 }
    })
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        process::{Command, Stdio},
    };

    use super::*;

    fn told_by_the_utility(bytes: &[u8]) -> u32 {
        let mut child = Command::new("cksum")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("cksum is installed");
        child.stdin.take().unwrap().write_all(bytes).unwrap();
        let output = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
        output.split(' ').next().unwrap().parse().unwrap()
    }

    #[test]
    fn it_is_the_published_check_value() {
        assert_eq!(cksum(b"123456789"), 930_766_865);
    }

    #[test]
    fn it_is_what_the_utility_says() {
        let long: Vec<u8> = (0_u32..70_000).map(|n| n.to_le_bytes()[0]).collect();
        for bytes in [
            &b""[..],
            b"verdict succeeded",
            b"\0\0\0",
            "größer".as_bytes(),
            &long[..255],
            &long[..256],
            &long,
        ] {
            assert_eq!(cksum(bytes), told_by_the_utility(bytes), "{} bytes", bytes.len());
        }
    }
}
