//! The actions of Amazon EC2, by resource.

// Actions that cannot fail share the signature of those that can.
#![allow(clippy::unnecessary_wraps)]

mod absent;
mod account;
mod availability;
mod block_devices;
mod copies;
mod fleets;
mod images;
mod instance_types;
pub mod instances;
mod key_pairs;
pub(crate) mod kms;
mod launch_templates;
mod network;
mod recycle_bin;
mod security_groups;
mod snapshots;
mod spot;
mod tags;
mod tokens;
mod volumes;

pub use self::instances::power_off_phases;
pub(crate) use self::instances::{network::Place, opt_in_required, profile_id};
use crate::core::{Call, Handler, world::World};

/// How an action is carried out; `None` for actions that are not simulated.
pub fn handler(action: &str) -> Option<Handler> {
    let modules: [fn(&str) -> Option<Handler>; 16] = [
        absent::handler,
        account::handler,
        availability::handler,
        fleets::handler,
        images::handler,
        instance_types::handler,
        instances::handler,
        key_pairs::handler,
        launch_templates::handler,
        network::handler,
        recycle_bin::handler,
        security_groups::handler,
        snapshots::handler,
        spot::handler,
        tags::handler,
        volumes::handler,
    ];
    modules.iter().find_map(|handler| handler(action))
}

/// Where `RunInstances` would launch: in the subnet that it names, or the default one of its zone.
pub(crate) fn place_of_launch(call: &Call, world: &World) -> Option<Place> {
    if call.action != "RunInstances" {
        return None;
    }
    let applied = launch_templates::apply(call, call.region(world), call.params).ok()?;
    instances::network::place(&Call { params: &applied.params, ..*call }, world).ok()
}
