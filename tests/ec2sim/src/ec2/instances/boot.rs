//! What an instance does from its start on, if nobody interferes.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use jiff::Timestamp;

use crate::{
    core::{
        Call,
        clock::after,
        records::{Instance, InstanceState, Phase, StateReason},
        world::World,
    },
    guest::{Course, Facts},
};

/// Adds the phases from `running` on, as the guest system of this boot makes them.
pub fn boot(call: &Call, world: &mut World, instance: &mut Instance) {
    let running = call.end_of(world, call.profile.run);
    instance.phases.push(Phase {
        from: running,
        state: InstanceState::Running,
        reason: None,
        transition: String::new(),
    });
    let facts = Facts {
        instance_id: instance.id.clone(),
        image_id: instance.image.id.clone(),
        instance_type: instance.instance_type.clone(),
        boot: instance.boots,
    };
    let user_data = instance.user_data.as_deref().map(|text| BASE64.decode(text).unwrap_or_default());
    let Course { lines, power_off } = call.guest.boot(&user_data.unwrap_or_default(), &facts);
    let up = after(running, call.jittered(world, call.profile.boot));
    instance.console.extend(lines.into_iter().map(|(at, line)| (after(up, at), line)));
    if let Some(off) = power_off {
        let stop = call.jittered(world, call.profile.stop);
        power_off_phases(instance, after(up, off), stop);
    }
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
