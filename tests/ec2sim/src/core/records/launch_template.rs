use imbl::OrdMap;
use jiff::Timestamp;

use crate::core::{params::Params, tags::Tags};

#[derive(Clone, Debug)]
pub struct LaunchTemplate {
    pub id: String,
    pub owner: String,
    pub name: String,
    pub created_at: Timestamp,
    /// ARN of who made it.
    pub created_by: String,
    pub default_version: i64,
    /// The highest number that was given, also if that version is deleted.
    pub latest_version: i64,
    pub versions: OrdMap<i64, TemplateVersion>,
    pub tags: Tags,
}

#[derive(Clone, Debug)]
pub struct TemplateVersion {
    pub description: Option<String>,
    pub created_at: Timestamp,
    pub created_by: String,
    /// What a launch takes from it, under the names of `RunInstances`.
    pub data: Params,
}
