//! `DeleteFleets`.

use std::sync::Arc;

use super::{describe::state, find};
use crate::{
    core::{Call, Outcome, error::ApiError, params::Params, records::Fleet, world::World, xml::Node},
    ec2::instances,
};

/// Each fleet is deleted or not for itself. Instances end with their fleet, those of instant fleets in any case.
/// Source: EC2 API reference, `DeleteFleets`.
pub fn delete(call: &Call, world: &mut World) -> Outcome {
    let ids = call.params.ids("FleetId")?;
    if ids.is_empty() {
        return Err(ApiError::missing("FleetId"));
    }
    let ends = call.params.flag("TerminateInstances")?.unwrap_or(true);
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for id in ids {
        match delete_one(call, world, id, ends) {
            Ok(node) => done.push(node),
            Err(error) => {
                let error = Node::new().text("code", error.code).text("message", error.message);
                failed.push(Node::new().text("fleetId", id).child("error", error));
            }
        }
    }
    Ok(Node::new().set("successfulFleetDeletionSet", done).set("unsuccessfulFleetDeletionSet", failed).into())
}

fn delete_one(call: &Call, world: &mut World, id: &str, ends: bool) -> Result<Node, ApiError> {
    let refuse = |code: &str, message: String| Err(ApiError::new(code, message));
    let fleet = match find(call, call.region(world), id) {
        Ok(fleet) => fleet.clone(),
        Err(error) if error.code.ends_with("Malformed") => return refuse("fleetIdMalformed", error.message),
        Err(error) => return refuse("fleetIdDoesNotExist", error.message),
    };
    let previous = state(call, call.region(world), &fleet);
    if previous != "active" || (fleet.kind == "instant" && !ends) {
        return refuse("fleetNotInDeletableState", format!("The fleet {id} cannot be deleted this way."));
    }
    if ends && !fleet.instances.is_empty() {
        let ids = Params::of_items(fleet.instances.iter().map(Params::of_text));
        let params = Params::default().with("InstanceId", ids);
        let end = Call { action: "TerminateInstances", params: &params, ..*call };
        instances::terminate(&end, world)?;
    }
    let deleted = Fleet { deleted: Some(ends), ..Fleet::clone(&fleet) };
    let node = Node::new()
        .text("fleetId", id)
        .text("previousFleetState", previous)
        .text("currentFleetState", if ends { "deleted_terminating" } else { "deleted_running" });
    call.region_mut(world).fleets.insert(id.to_owned(), Arc::new(deleted));
    Ok(node)
}
