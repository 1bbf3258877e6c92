//! Public parameters.

use std::sync::Arc;

use imbl::OrdMap;
use jiff::Timestamp;

use super::{PUBLIC, regions};
use crate::core::{
    records::{Parameter, ParameterVersion},
    tags::Tags,
};

type Parameters = OrdMap<(String, String), Arc<Parameter>>;

/// Those of `/aws/service/global-infrastructure`, the same in each region.
/// Source: Systems Manager user guide, "Calling AWS service, Region, endpoint, Availability Zone, local zone, and wavelength
/// zone public parameters".
pub(super) fn of_all_regions(made_at: Timestamp) -> Parameters {
    let mut parameters = Parameters::new();
    for (name, long_name) in regions::names() {
        let path = format!("/aws/service/global-infrastructure/regions/{name}");
        for (name, value) in [
            (path.clone(), name),
            (format!("{path}/domain"), "amazonaws.com"),
            (format!("{path}/longName"), long_name),
            (format!("{path}/partition"), "aws"),
        ] {
            let parameter = public(&name, value, "text", made_at);
            parameters.insert((PUBLIC.to_owned(), name), Arc::new(parameter));
        }
    }
    parameters
}

pub(super) fn public(name: &str, value: &str, data_type: &str, modified_at: Timestamp) -> Parameter {
    let version = ParameterVersion { version: 1, value: value.to_owned(), modified_at, labels: Vec::new() };
    Parameter {
        name: name.to_owned(),
        kind: "String".to_owned(),
        data_type: data_type.to_owned(),
        tier: "Standard".to_owned(),
        description: None,
        key_id: None,
        versions: vec![version],
        tags: Tags::new(),
    }
}
