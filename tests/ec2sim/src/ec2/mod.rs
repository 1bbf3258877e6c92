//! The actions of Amazon EC2, by resource.

mod availability;
mod instance_types;
mod key_pairs;
mod network;
mod security_groups;
mod tags;
mod volumes;

use crate::core::Handler;

/// How an action is carried out; `None` for actions that are not simulated.
pub fn handler(action: &str) -> Option<Handler> {
    let modules: [fn(&str) -> Option<Handler>; 7] = [
        availability::handler,
        instance_types::handler,
        key_pairs::handler,
        network::handler,
        security_groups::handler,
        tags::handler,
        volumes::handler,
    ];
    modules.iter().find_map(|handler| handler(action))
}
