//! What `CopyImage` and `CopySnapshot` have in common.

use super::kms::{self, Key};
use crate::core::{
    Call,
    error::ApiError,
    params::Params,
    world::{Region, World},
};

/// The region that a copy is of, which the account must be able to use.
pub fn source_region<'w>(call: &Call, world: &'w World) -> Result<&'w Region, ApiError> {
    let name = call.params.require("SourceRegion")?;
    let region = world.regions.get(name).ok_or_else(|| {
        ApiError::new("InvalidRegion", format!("The specified AWS Region '{name}' is not valid."))
    })?;
    if world.may_use(call.account(), region) { Ok(region) } else { Err(ApiError::auth_failure()) }
}

/// How long a time-based copy may take (EBS user guide, "Time-based copies").
pub fn minutes(params: &Params, name: &str) -> Result<Option<i64>, ApiError> {
    let minutes = params.int(name)?;
    match minutes {
        Some(asked) if asked % 15 != 0 || !(15..=2880).contains(&asked) => {
            let shown = format!("{}{}", name[..1].to_lowercase(), &name[1..]);
            let hint = "Expecting a multiple of 15 from 15 to 2880.";
            Err(ApiError::bad_value(&asked.to_string(), &shown, hint))
        }
        _ => Ok(minutes),
    }
}

/// The key that encrypts what is not encrypted yet: the one that is named, or the account's default.
pub fn key(call: &Call, region: &Region) -> Result<Option<Key>, ApiError> {
    let encrypt = call.params.is_set("Encrypted")?;
    match call.params.text("KmsKeyId") {
        Some(_) if !encrypt => {
            let message = "The parameter KmsKeyId requires the parameter Encrypted to be set.";
            Err(ApiError::new("InvalidParameterDependency", message))
        }
        Some(name) => Ok(Some(kms::resolve(name, region, call.account()))),
        None if encrypt || region.settings(call.account()).encrypt_by_default => {
            Ok(Some(kms::default_key(region, call.account())))
        }
        None => Ok(None),
    }
}
