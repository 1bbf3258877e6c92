//! Launches from a template.

use super::{named, version_number};
use crate::core::{Call, error::ApiError, params::Params, world::Region};

/// A request with what the template adds.
pub struct Applied {
    pub params: Params,
    /// Id and version of the template.
    pub template: Option<(String, i64)>,
}

/// What the request says itself counts before what its template says.
/// Source: EC2 API reference, `RunInstances`, `LaunchTemplate`.
pub fn apply(call: &Call, region: &Region, params: &Params) -> Result<Applied, ApiError> {
    let Some(asked) = params.get("LaunchTemplate").filter(|asked| !asked.is_empty()) else {
        return Ok(Applied { params: params.clone(), template: None });
    };
    let template = named(call, region, asked)?;
    let number = version_number(template, asked.text("Version"))?;
    let params = params.over(&template.versions[&number].data);
    Ok(Applied { params, template: Some((template.id.clone(), number)) })
}
