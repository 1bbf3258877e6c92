//! Session tokens: they say when they end, and a digest makes sure that nobody else says so.

use jiff::{SignedDuration, Timestamp};

use crate::core::digest;

/// Six hours (EC2 user guide, `X-aws-ec2-metadata-token-ttl-seconds`).
const MAX_SECONDS: u32 = 21_600;

/// `None` for a time that no token may have.
pub fn issue(instance_id: &str, now: Timestamp, seconds: u32) -> Option<String> {
    if !(1..=MAX_SECONDS).contains(&seconds) {
        return None;
    }
    let end = now.checked_add(SignedDuration::from_secs(seconds.into())).ok()?.as_second();
    Some(format!("{end}-{}", seal(instance_id, end)))
}

pub fn is_valid(token: &str, instance_id: &str, now: Timestamp) -> bool {
    let parsed = token.split_once('-').and_then(|(end, seal)| Some((end.parse().ok()?, seal)));
    parsed.is_some_and(|(end, given)| now.as_second() < end && given == seal(instance_id, end))
}

fn seal(instance_id: &str, end: i64) -> String {
    digest(&format!("metadata token of {instance_id} until {end}"))
}
