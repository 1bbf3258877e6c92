//! `GetConsoleOutput`.

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use jiff::Timestamp;

use super::find;
use crate::core::{
    Call, Outcome,
    clock::before,
    error::ApiError,
    records::{Instance, InstanceState},
    world::World,
    xml::Node,
};
use crate::ec2::instance_types::{self, InstanceType};

/// What the buffer holds: the last 64 KiB.
pub const BUFFER: usize = 64 * 1024;

pub fn get(call: &Call, world: &World) -> Outcome {
    let region = call.region(world);
    let instance = find(call, region, call.params.require("InstanceId")?)?;
    let latest = call.params.is_set("Latest")?;
    // Types on the Xen hypervisor do not offer the latest output.
    if latest && !instance_types::find(&instance.instance_type).is_some_and(InstanceType::is_nitro) {
        let message = "This instance type does not support retrieving the latest console logs.";
        return Err(ApiError::new("UnsupportedOperation", message));
    }
    let output = buffer(instance, posted_until(call, instance, latest));
    let output = (!output.is_empty()).then(|| BASE64.encode(output));
    Ok(Node::new().text("instanceId", &instance.id).time("timestamp", call.now).opt("output", output).into())
}

/// Output is posted some time after it was printed, and all of it soon after the machine has stopped.
fn posted_until(call: &Call, instance: &Instance, latest: bool) -> Timestamp {
    match instance.state(call.now) {
        InstanceState::Stopped | InstanceState::ShuttingDown | InstanceState::Terminated => call.now,
        InstanceState::Pending | InstanceState::Running | InstanceState::Stopping if latest => call.now,
        InstanceState::Pending | InstanceState::Running | InstanceState::Stopping => {
            before(call.now, call.profile.console)
        }
    }
}

fn buffer(instance: &Instance, until: Timestamp) -> Vec<u8> {
    let printed = instance.console.iter().take_while(|(at, _)| *at <= until);
    let text: Vec<u8> = printed.flat_map(|(_, bytes)| bytes.iter().copied()).collect();
    text[text.len().saturating_sub(BUFFER)..].to_vec()
}
