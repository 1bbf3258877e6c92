/// The checksum of POSIX `cksum`: a CRC over the bytes and their count.
pub fn cksum(bytes: &[u8]) -> u32 {
    let mut length = bytes.len();
    let length_bytes = std::iter::from_fn(|| {
        let byte = u8::try_from(length & 0xff).expect("eight bits are left");
        let more = length > 0;
        length >>= 8;
        more.then_some(byte)
    });
    !bytes.iter().copied().chain(length_bytes).fold(0, step)
}

fn step(crc: u32, byte: u8) -> u32 {
    (0..8).fold(crc ^ (u32::from(byte) << 24), |crc, _| {
        if crc & 0x8000_0000 == 0 { crc << 1 } else { (crc << 1) ^ 0x04c1_1db7 }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_command_of_posix() {
        assert_eq!(cksum(b""), 4_294_967_295);
        assert_eq!(cksum(b"123456789"), 930_766_865);
        assert_eq!(cksum(b"verdict succeeded"), 1_238_531_174);
    }
}
