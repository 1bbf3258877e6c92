//! Tags of parameters.

use std::sync::Arc;

use serde_json::json;

use super::{invalid, required};
use crate::core::{Call, Handler, Outcome, error::ApiError, records::Parameter, tags, world::World};

pub fn handler(action: &str) -> Option<Handler> {
    match action {
        "AddTagsToResource" => Some(Handler::Write(add_tags_to_resource)),
        "RemoveTagsFromResource" => Some(Handler::Write(remove_tags_from_resource)),
        "ListTagsForResource" => Some(Handler::Read(list_tags_for_resource)),
        _ => None,
    }
}

fn add_tags_to_resource(call: &Call, world: &mut World) -> Outcome {
    let added = tags::parse(&call.params.list("Tags")).map_err(|error| invalid(error.message))?;
    let parameter = parameter_mut(call, world)?;
    tags::merge(&mut parameter.tags, &added)
        .map_err(|error| ApiError::new("TooManyTagsError", error.message))?;
    Ok(json!({}).into())
}

fn remove_tags_from_resource(call: &Call, world: &mut World) -> Outcome {
    let parameter = parameter_mut(call, world)?;
    for key in call.params.texts("TagKeys") {
        parameter.tags.remove(key);
    }
    Ok(json!({}).into())
}

fn list_tags_for_resource(call: &Call, world: &World) -> Outcome {
    let parameter = call.region(world).parameters.get(&key(call)?).ok_or_else(unknown)?;
    let shown: Vec<_> =
        parameter.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
    Ok(json!({"TagList": shown}).into())
}

/// Parameters are the only resource that is modelled.
fn key(call: &Call) -> Result<(String, String), ApiError> {
    let (kind, id) = (required(call.params, "ResourceType")?, required(call.params, "ResourceId")?);
    if kind != "Parameter" {
        let message = format!("The resource type {kind} is not valid. For example, use Parameter.");
        return Err(ApiError::new("InvalidResourceType", message));
    }
    Ok((call.account().to_owned(), id.to_owned()))
}

fn parameter_mut<'w>(call: &Call, world: &'w mut World) -> Result<&'w mut Parameter, ApiError> {
    let key = key(call)?;
    call.region_mut(world).parameters.get_mut(&key).map(Arc::make_mut).ok_or_else(unknown)
}

fn unknown() -> ApiError {
    ApiError::new(
        "InvalidResourceId",
        "The resource ID isn't valid. Verify that you entered the correct ID and try again.",
    )
}
