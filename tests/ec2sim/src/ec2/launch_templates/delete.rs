//! `DeleteLaunchTemplate` and `DeleteLaunchTemplateVersions`.

use std::sync::Arc;

use super::{named, show};
use crate::core::{Call, Outcome, error::ApiError, records::LaunchTemplate, world::World, xml::Node};

/// Versions in one call (`DeleteLaunchTemplateVersions`).
const MAX_VERSIONS: usize = 200;

pub fn delete(call: &Call, world: &mut World) -> Outcome {
    let template = named(call, call.region(world), call.params)?.clone();
    call.region_mut(world).launch_templates.remove(&template.id);
    Ok(Node::new().child("launchTemplate", show::template(&template)).into())
}

/// Each version goes or stays by itself; the default one stays.
pub fn delete_versions(call: &Call, world: &mut World) -> Outcome {
    let mut template = LaunchTemplate::clone(named(call, call.region(world), call.params)?);
    let asked = call.params.texts("LaunchTemplateVersion");
    if asked.is_empty() || asked.len() > MAX_VERSIONS {
        return Err(ApiError::missing("LaunchTemplateVersion"));
    }
    let (mut deleted, mut kept) = (Vec::new(), Vec::new());
    for text in asked {
        let number: i64 =
            text.parse().map_err(|_| ApiError::bad_value(text, "versions", "Expecting a version number."))?;
        let node = Node::new()
            .text("launchTemplateId", &template.id)
            .text("launchTemplateName", &template.name)
            .text("versionNumber", number);
        match refusal(&template, number) {
            None => {
                template.versions.remove(&number);
                deleted.push(node);
            }
            Some((code, message)) => {
                let error = Node::new().text("code", code).text("message", message);
                kept.push(node.child("responseError", error));
            }
        }
    }
    call.region_mut(world).launch_templates.insert(template.id.clone(), Arc::new(template));
    Ok(Node::new()
        .set("successfullyDeletedLaunchTemplateVersionSet", deleted)
        .set("unsuccessfullyDeletedLaunchTemplateVersionSet", kept)
        .into())
}

fn refusal(template: &LaunchTemplate, number: i64) -> Option<(&'static str, &'static str)> {
    if number == template.default_version {
        return Some(("unexpectedError", "The default version of a launch template cannot be deleted."));
    }
    let is_there = template.versions.contains_key(&number);
    (!is_there).then_some(("launchTemplateVersionDoesNotExist", "The version does not exist."))
}
