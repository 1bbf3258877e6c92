//! Launch templates.

mod apply;
mod create;
mod delete;
mod describe;
mod of_instance;
mod show;

use std::sync::Arc;

pub use self::apply::{Applied, apply};
use crate::core::{
    Call, Handler, error::ApiError, ids, params::Params, records::LaunchTemplate, world::Region,
};

pub fn handler(action: &str) -> Option<Handler> {
    match action {
        "CreateLaunchTemplate" => Some(Handler::Write(create::create)),
        "CreateLaunchTemplateVersion" => Some(Handler::Write(create::create_version)),
        "DeleteLaunchTemplate" => Some(Handler::Write(delete::delete)),
        "DeleteLaunchTemplateVersions" => Some(Handler::Write(delete::delete_versions)),
        "DescribeLaunchTemplateVersions" => Some(Handler::Read(describe::versions)),
        "DescribeLaunchTemplates" => Some(Handler::Read(describe::templates)),
        "GetLaunchTemplateData" => Some(Handler::Read(of_instance::get)),
        "ModifyLaunchTemplate" => Some(Handler::Write(create::modify)),
        _ => None,
    }
}

/// The caller's template by `LaunchTemplateId` or `LaunchTemplateName`.
fn named<'r>(call: &Call, region: &'r Region, params: &Params) -> Result<&'r Arc<LaunchTemplate>, ApiError> {
    match (params.text("LaunchTemplateId"), params.text("LaunchTemplateName")) {
        (Some(_), Some(_)) => {
            let message =
                "The parameter launchTemplateName cannot be used with the parameter launchTemplateId.";
            Err(ApiError::invalid_combination(message))
        }
        (Some(id), None) => by_id(call, region, id),
        (None, Some(name)) => by_name(call, region, name),
        (None, None) => {
            let message = "Either the launch template ID or the launch template name must be provided";
            Err(ApiError::new("MissingParameter", message))
        }
    }
}

fn by_id<'r>(call: &Call, region: &'r Region, id: &str) -> Result<&'r Arc<LaunchTemplate>, ApiError> {
    ids::LAUNCH_TEMPLATE.check(id)?;
    let found = region.launch_templates.get(id).filter(|template| template.owner == call.account());
    let message = format!("The specified launch template, with template ID {id}, does not exist.");
    found.ok_or_else(|| ApiError::new("InvalidLaunchTemplateId.NotFound", message))
}

fn by_name<'r>(call: &Call, region: &'r Region, name: &str) -> Result<&'r Arc<LaunchTemplate>, ApiError> {
    let mut own = region.launch_templates.values().filter(|template| template.owner == call.account());
    let message = format!("The specified launch template, with template name {name}, does not exist.");
    own.find(|template| template.name == name)
        .ok_or_else(|| ApiError::new("InvalidLaunchTemplateName.NotFoundException", message))
}

/// The number of a version: `$Latest`, `$Default`, which is also meant by none, or a number.
fn version_number(template: &LaunchTemplate, asked: Option<&str>) -> Result<i64, ApiError> {
    let number = match asked {
        None | Some("$Default") => Some(template.default_version),
        Some("$Latest") => template.versions.keys().next_back().copied(),
        Some(number) => number.parse().ok(),
    };
    number.filter(|number| template.versions.contains_key(number)).ok_or_else(|| {
        let message = format!(
            "Could not find the specified version {} for the launch template with ID {}.",
            asked.unwrap_or_default(),
            template.id
        );
        ApiError::new("InvalidLaunchTemplateId.VersionNotFound", message)
    })
}
