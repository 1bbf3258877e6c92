//! Names of devices.

use super::Purpose;

/// Names of volumes on HVM instances; images that are registered may be paravirtual, which number their devices.
/// Source: EC2 user guide, "Device names for volumes on Amazon EC2 instances".
pub fn is_valid(name: &str, purpose: Purpose) -> bool {
    let bare = name.strip_prefix("/dev/").unwrap_or(name);
    let letters = bare.trim_end_matches(|character: char| character.is_ascii_digit());
    let number = &bare[letters.len()..];
    let is_numbered = !number.is_empty() && bare != "sda1";
    is_of_volume(letters) && (!is_numbered || purpose == Purpose::Register && number.len() <= 2)
}

/// `sd[a-z]`, `hd[a-z]`, `xvd[a-z]`, `xvd[a-d][a-z]`.
fn is_of_volume(letters: &str) -> bool {
    let rest = ["sd", "hd", "xvd"].into_iter().find_map(|prefix| letters.strip_prefix(prefix));
    match rest.map(str::as_bytes) {
        Some([b'a'..=b'z']) => true,
        Some([b'a'..=b'd', b'a'..=b'z']) => letters.starts_with("xvd"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_user_guide_are_valid() {
        for name in ["/dev/sda1", "/dev/sdf", "/dev/xvda", "/dev/xvdbz", "xvdf", "/dev/hdb"] {
            assert!(is_valid(name, Purpose::Launch), "{name}");
        }
    }

    #[test]
    fn numbers_are_for_paravirtual_images_only() {
        for name in ["/dev/sde1", "/dev/xvda1"] {
            assert!(!is_valid(name, Purpose::Launch) && is_valid(name, Purpose::Register), "{name}");
        }
    }

    #[test]
    fn other_names_are_invalid() {
        for name in ["/dev/nvme1n1", "sda-1", "/dev/xvdza", "C:", "/dev/sdaa"] {
            assert!(!is_valid(name, Purpose::Register), "{name}");
        }
    }
}
