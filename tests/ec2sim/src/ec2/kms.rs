//! Encryption keys: which of them exist, besides those that were made.
//!
//! A key exists if it could: `alias/aws/ebs`, any other alias, a UUID or `mrk-…` id, or an ARN of the caller's region. It does
//! not exist if its region is another one, if its id has another form, if it is the UUID of zeros, or if its
//! name says so by one of [`ABSENT`]. As with the real service, a wrong key is not refused but found out later.

use std::sync::Arc;

use crate::core::{
    arn, digest,
    records::{KeyAlias, StateReason},
    world::Region,
};

/// The alias of the key that EC2 uses unless told otherwise. Snapshots under it cannot be shared.
pub const MANAGED_ALIAS: &str = "alias/aws/ebs";

/// Words in the names of keys that do not exist.
const ABSENT: [&str; 7] =
    ["missing", "nonexistent", "non-existent", "does-not-exist", "no-such", "invalid", "wrong"];

/// A key as EC2 shows it, and whether it can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub arn: String,
    pub usable: bool,
}

/// Why a launch ends whose key is wrong.
pub fn launch_without_key() -> StateReason {
    StateReason::new("Client.InternalError", "Client.InternalError: Client error on launch")
}

/// Why a copy ends whose key is wrong.
pub fn copy_without_key() -> StateReason {
    StateReason::new(
        "Client.InternalError",
        "Copy image failed with an internal error: Given key ID is not accessible. You must have DescribeKey permissions on the default CMK",
    )
}

/// The key that EC2 uses for an account when none is named.
pub fn default_key(region: &Region, account: &str) -> Key {
    let chosen = &region.settings(account).default_key;
    resolve(chosen.as_deref().unwrap_or(MANAGED_ALIAS), region, account)
}

/// True for a key that cannot be used.
pub fn is_wrong(key: &str, region: &str, account: &str) -> bool {
    !supposed(key, region, account).usable
}

/// True for the key that AWS manages, which nobody can share.
pub fn is_managed(arn: &str, region: &str, account: &str) -> bool {
    arn == supposed(MANAGED_ALIAS, region, account).arn
}

/// The id of the data key that a snapshot is encrypted with.
pub fn data_key_id(snapshot_id: &str) -> String {
    uuid(&digest(snapshot_id))
}

/// Finds the key that a request names.
pub fn resolve(name: &str, region: &Region, account: &str) -> Key {
    let made = of_alias(name, region, account).map(|alias| (alias.owner.clone(), alias.key_id.clone()));
    match made {
        Some((owner, id)) => {
            Key { arn: format!("arn:aws:kms:{}:{owner}:key/{id}", region.name), usable: true }
        }
        None => supposed(name, &region.name, account),
    }
}

/// The alias that somebody made, by its name or ARN.
fn of_alias<'r>(name: &str, region: &'r Region, account: &str) -> Option<&'r Arc<KeyAlias>> {
    let (account, name) =
        match arn::of_service(name, "kms").map(|rest| rest.splitn(3, ':').collect::<Vec<_>>()) {
            None => (account, name),
            Some(parts) if parts.first() == Some(&region.name.as_str()) => (*parts.get(1)?, *parts.get(2)?),
            Some(_) => return None,
        };
    region.key_aliases.get(&(account.to_owned(), name.to_owned()))
}

/// A key that nobody made.
fn supposed(name: &str, region: &str, account: &str) -> Key {
    if let Some(rest) = arn::of_service(name, "kms") {
        return resolve_arn(name, rest, region);
    }
    if is_present(name) {
        return Key { arn: arn_of(name, region, account), usable: true };
    }
    // Stays recognizable: the name of a key that does not exist leads to no id.
    let name = if name.starts_with("alias/") { name.to_owned() } else { format!("key/{name}") };
    Key { arn: format!("arn:aws:kms:{region}:{account}:{name}"), usable: false }
}

fn resolve_arn(arn: &str, rest: &str, region: &str) -> Key {
    let mut parts = rest.splitn(3, ':');
    let (of_region, of_account) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let name = parts.next().unwrap_or_default();
    let name = name.strip_prefix("key/").unwrap_or(name);
    let usable = of_region == region && is_present(name);
    let shown = if usable && name.starts_with("alias/") {
        arn_of(name, of_region, of_account)
    } else {
        arn.to_owned()
    };
    Key { arn: shown, usable }
}

fn arn_of(name: &str, region: &str, account: &str) -> String {
    let id = if name.starts_with("alias/") { id_behind(name, region, account) } else { name.to_owned() };
    format!("arn:aws:kms:{region}:{account}:key/{id}")
}

/// The id of the key behind an alias.
fn id_behind(alias: &str, region: &str, account: &str) -> String {
    uuid(&digest(&format!("{account}/{region}/{alias}")))
}

pub fn uuid(digits: &str) -> String {
    let part = |range: std::ops::Range<usize>| digits.get(range).unwrap_or_default().to_owned();
    [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-")
}

fn is_present(name: &str) -> bool {
    let absent = ABSENT.iter().any(|word| name.contains(word));
    !absent && (name.starts_with("alias/") || is_id(name))
}

fn is_id(name: &str) -> bool {
    let hexadecimal = |part: &str| part.bytes().all(|digit| digit.is_ascii_hexdigit());
    if let Some(digits) = name.strip_prefix("mrk-") {
        return digits.len() == 32 && hexadecimal(digits);
    }
    let lengths: Vec<usize> = name.split('-').map(str::len).collect();
    let zeros = name.bytes().all(|digit| matches!(digit, b'0' | b'-'));
    lengths == [8, 4, 4, 4, 12] && name.split('-').all(hexadecimal) && !zeros
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_another_region_cannot_be_used() {
        let arn = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        assert!(supposed(arn, "us-east-1", "111122223333").usable);
        assert!(!supposed(arn, "eu-west-1", "111122223333").usable);
    }

    #[test]
    fn an_alias_is_shown_as_the_key_behind_it() {
        let key = supposed("alias/images", "eu-west-1", "111122223333");
        assert!(key.usable && key.arn.starts_with("arn:aws:kms:eu-west-1:111122223333:key/"), "{key:?}");
    }

    #[test]
    fn what_is_no_key_id_does_not_exist() {
        assert!(!supposed("deadbeef", "eu-west-1", "111122223333").usable);
        assert!(!supposed("alias/no-such-key", "eu-west-1", "111122223333").usable);
    }
}
