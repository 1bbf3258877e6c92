//! What an instance does from its start on, if nobody interferes.

use std::{sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use jiff::Timestamp;

use crate::{
    core::{
        Call,
        clock::after,
        records::{Disk, Instance, InstanceState, Phase, StateReason},
        world::{Region, World},
    },
    guest::{Course, Facts},
};

/// Adds the phases from `running` on, as the guest system of this boot makes them, if that can be told.
pub fn boot(call: &Call, world: &mut World, instance: &mut Instance) {
    let running = call.end_of(world, call.profile.run);
    instance.phases.push(Phase {
        from: running,
        state: InstanceState::Running,
        reason: None,
        transition: String::new(),
    });
    follow(call, world, instance, running);
}

/// What the guest system does from when the machine is on.
pub fn follow(call: &Call, world: &mut World, instance: &mut Instance, on: Timestamp) {
    let facts = Facts {
        instance_id: instance.id.clone(),
        image_id: instance.image.id.clone(),
        instance_type: instance.instance_type.clone(),
        boot: instance.boots,
        disk: root_disk(call.region(world), instance),
    };
    let user_data = instance.user_data.as_deref().map(|text| BASE64.decode(text).unwrap_or_default());
    let course = call.guest.boot(&user_data.unwrap_or_default(), &facts);
    instance.is_machine = course.is_none();
    let Some(Course { lines, power_off }) = course else { return };
    let up = after(on, call.jittered(world, call.profile.boot));
    instance.console.extend(lines.into_iter().map(|(at, line)| (after(up, at), printed(&line))));
    if let Some(off) = power_off {
        let stop = call.jittered(world, call.profile.stop);
        power_off_phases(instance, after(up, off), stop);
    }
}

fn printed(line: &str) -> Arc<[u8]> {
    format!("{line}\r\n").into_bytes().into()
}

/// What is on the root volume.
fn root_disk(region: &Region, instance: &Instance) -> Option<Disk> {
    let root = instance.root_volume()?;
    region.volumes.get(root)?.disk.clone()
}

/// The instance turns itself off.
pub fn power_off_phases(instance: &mut Instance, off: Timestamp, takes: Duration) {
    use InstanceState::{ShuttingDown, Stopped, Stopping, Terminated};
    let (going, gone) =
        if instance.terminate_on_shutdown { (ShuttingDown, Terminated) } else { (Stopping, Stopped) };
    for (from, state) in [(off, going), (after(off, takes), gone)] {
        let code = "Client.InstanceInitiatedShutdown";
        let reason = StateReason::new(code, format!("{code}: Instance initiated shutdown"));
        instance.phases.push(Phase { from, state, reason: Some(reason), transition: String::new() });
    }
}
