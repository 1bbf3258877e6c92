//! Block public access for snapshots, a setting of an account in a region.

use crate::core::{
    Call, Outcome,
    error::ApiError,
    world::{Settings, World},
    xml::Node,
};

const BLOCK_ALL: &str = "block-all-sharing";
const BLOCK_NEW: &str = "block-new-sharing";
const UNBLOCKED: &str = "unblocked";

fn state(settings: &Settings) -> &str {
    settings.block_public_snapshots.as_deref().unwrap_or(UNBLOCKED)
}

/// Snapshots that were public before count as private.
pub fn blocks_all(settings: &Settings) -> bool {
    state(settings) == BLOCK_ALL
}

pub fn blocks_new(settings: &Settings) -> bool {
    state(settings) != UNBLOCKED
}

pub fn get(call: &Call, world: &World) -> Outcome {
    let settings = call.region(world).settings(call.account());
    Ok(Node::new().text("state", state(settings)).text("managedBy", "account").into())
}

pub fn enable(call: &Call, world: &mut World) -> Outcome {
    let state = call.params.require("State")?;
    if !matches!(state, BLOCK_ALL | BLOCK_NEW) {
        let hint = "Valid values: block-all-sharing, block-new-sharing.";
        return Err(ApiError::bad_value(state, "State", hint));
    }
    set(call, world, Some(state.to_owned()));
    Ok(Node::new().text("state", state).into())
}

pub fn disable(call: &Call, world: &mut World) -> Outcome {
    set(call, world, None);
    Ok(Node::new().text("state", UNBLOCKED).into())
}

fn set(call: &Call, world: &mut World, state: Option<String>) {
    let account = call.account().to_owned();
    call.region_mut(world).settings.entry(account).or_default().block_public_snapshots = state;
}
