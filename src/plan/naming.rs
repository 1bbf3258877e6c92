//! Names and tokens. Each is a function of the object and the attempt, so that a crash or a second operator arrives at
//! the same one.

use sha2::{Digest, Sha256};

use crate::{
    api::ImageBuildSpec,
    model::{ClientToken, ImageId, Invocation, Nonce, Region, ownership::Owner},
};

/// EC2 takes 3 to 128 characters for an AMI's name.
const MAX_IMAGE_NAME: usize = 128;

/// The client token of a launch. Each attempt has its own, because a token whose instance was terminated cannot be used again.
pub fn launch_token(owner: &Owner, attempt: i32) -> ClientToken {
    token("amib", &[&owner.cluster_id, &owner.uid, &attempt.to_string()])
}

/// The token of a copy. It names the source image and the key: a copy of another source, or with another key, must never
/// be answered by the old one. Attempts alone do not tell: a region that was taken off begins again with the first.
pub fn copy_token(
    owner: &Owner,
    region: &Region,
    source: &ImageId,
    key: Option<&str>,
    attempt: i32,
) -> ClientToken {
    let key = key.unwrap_or_default();
    token("amir", &[&owner.cluster_id, &owner.uid, &region.0, &source.0, key, &attempt.to_string()])
}

/// What marks a command as the one of a step in an attempt. Systems Manager takes 100 characters.
pub fn command_comment(nonce: &Nonce, step: &str) -> String {
    let digits: String = nonce.to_string().chars().take(16).collect();
    format!("ami-operator {digits} {step}")
}

/// The command of this comment. Should it have been sent twice, the first one counts: the second gives its result.
pub fn first_with_comment<'a>(sent: &'a [Invocation], comment: &str) -> Option<&'a Invocation> {
    sent.iter().filter(|i| i.comment == comment).min_by_key(|i| i.requested_at)
}

/// The AMI's name: the user's, or `<namespace>-<name>`, cut with a hash where EC2 would find it too long.
pub fn image_name(spec: &ImageBuildSpec, owner: &Owner) -> String {
    let Some(name) = &spec.image.name else { return bounded(format!("{}-{}", owner.namespace, owner.name)) };
    name.clone()
}

fn bounded(name: String) -> String {
    if name.len() <= MAX_IMAGE_NAME {
        return name;
    }
    let hash = &hex(&[&name])[..12];
    let head: String = name.chars().take(MAX_IMAGE_NAME - 13).collect();
    format!("{head}-{hash}")
}

fn token(prefix: &str, parts: &[&str]) -> ClientToken {
    ClientToken(format!("{prefix}-{}", &hex(parts)[..48]))
}

/// The parts are separated by a character that none of them holds, so that ("ab", "c") and ("a", "bc") differ.
fn hex(parts: &[&str]) -> String {
    let digest = Sha256::digest(parts.join("\n").as_bytes());
    digest
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|half| char::from_digit(half.into(), 16))
        .collect()
}
