//! `GetPasswordData`.

use std::time::Duration;

use super::find;
use crate::{
    core::{
        Call, Outcome,
        clock::after,
        digest,
        records::Instance,
        world::{Region, World},
        xml::Node,
    },
    ec2::key_pairs,
};

/// How long Windows takes until it has generated one (EC2 API reference, `GetPasswordData`: at least 4 minutes).
const BOOT: Duration = Duration::from_mins(4);

/// Empty for instances that are not Windows, have no key pair or have not generated a password.
pub fn get(call: &Call, world: &World) -> Outcome {
    let region = call.region(world);
    let instance = find(call, region, call.params.require("InstanceId")?)?;
    let is_generated = instance.image.is_windows() && after(instance.first_phase().from, BOOT) <= call.now;
    let password = if is_generated { password(region, instance) } else { None };
    Ok(Node::new()
        .text("instanceId", &instance.id)
        .time("timestamp", call.now)
        .text("passwordData", password.unwrap_or_default())
        .into())
}

/// Under the key pair of the launch.
fn password(region: &Region, instance: &Instance) -> Option<String> {
    let name = instance.key_name.as_ref()?;
    let mut keys = region.key_pairs.values();
    let key = keys.find(|key| key.owner == instance.owner && key.name == *name)?;
    let password = format!("Aa1-{}", &digest(&instance.id)[..28]);
    key_pairs::encrypt(key.public_key.as_deref()?, password.as_bytes(), &instance.id)
}
