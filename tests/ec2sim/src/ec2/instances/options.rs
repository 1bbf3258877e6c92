//! Placement, processor and market of a launch.

use jiff::Timestamp;

use super::features;
use crate::{
    core::{error::ApiError, params::Params, records::SpotOptions},
    ec2::instance_types::InstanceType,
};

/// The least maximum price in USD (`SpotMarketOptions.MaxPrice`).
const LEAST_PRICE: f64 = 0.001;

/// An option that takes certain values only; its default where it is not given.
pub fn one_of(
    params: &Params,
    name: &str,
    allowed: &[&str],
    default: &str,
    hint: &str,
) -> Result<String, ApiError> {
    let value = params.text(name).unwrap_or(default);
    if allowed.contains(&value) { Ok(value.to_owned()) } else { Err(ApiError::bad_value(value, name, hint)) }
}

/// There are no placement groups here, so that none can be found.
pub fn check_placement(params: &Params) -> Result<(), ApiError> {
    if let Some(other) =
        params.text("Placement.Tenancy").filter(|it| !matches!(*it, "default" | "dedicated" | "host"))
    {
        let hint = "Valid values: default, dedicated, host.";
        return Err(ApiError::bad_value(other, "tenancy", hint));
    }
    let group = params.text("Placement.GroupName").or(params.text("Placement.GroupId"));
    match group {
        Some(group) => {
            let message = format!("The Placement Group '{group}' is unknown.");
            Err(ApiError::new("InvalidPlacementGroup.Unknown", message))
        }
        None => Ok(()),
    }
}

/// Cores, and threads of each; "Both the core count and threads per core must be specified" (`CpuOptionsRequest`).
pub fn cpu(params: &Params, kind: &InstanceType) -> Result<(i64, i64), ApiError> {
    let (cores, threads) = (params.int("CpuOptions.CoreCount")?, params.int("CpuOptions.ThreadsPerCore")?);
    let (cores, threads) = match (cores, threads) {
        (None, None) => return Ok((i64::from(kind.cores()), i64::from(kind.threads()))),
        (Some(cores), Some(threads)) => (cores, threads),
        (None, Some(_)) => return Err(ApiError::missing("CpuOptions.CoreCount")),
        (Some(_), None) => return Err(ApiError::missing("CpuOptions.ThreadsPerCore")),
    };
    let valid = kind.valid_cores();
    if valid.is_empty() {
        let message = format!("CPU options cannot be specified for instance type {}.", kind.name);
        return Err(ApiError::invalid_combination(message));
    }
    if !valid.iter().any(|count| i64::from(*count) == cores) {
        let hint = format!("Valid core counts of {}: {valid:?}.", kind.name);
        return Err(ApiError::bad_value(&cores.to_string(), "coreCount", &hint));
    }
    if !(1..=i64::from(kind.threads())).contains(&threads) {
        let hint = format!("{} has {} threads per core.", kind.name, kind.threads());
        return Err(ApiError::bad_value(&threads.to_string(), "threadsPerCore", &hint));
    }
    Ok((cores, threads))
}

/// `None` for an instance on demand.
pub fn spot(params: &Params) -> Result<Option<SpotOptions>, ApiError> {
    let options = params.get("InstanceMarketOptions.SpotOptions").filter(|options| !options.is_empty());
    match (params.text("InstanceMarketOptions.MarketType"), options) {
        (None | Some("on-demand"), None) => Ok(None),
        (Some("spot"), _) if params.is_set("DisableApiTermination")? => Err(spot_unprotected()),
        (Some("spot"), options) => {
            let hibernates = params.is_set(features::HIBERNATION)?;
            spot_options(options.unwrap_or(&Params::default()), hibernates).map(Some)
        }
        (None | Some("on-demand"), Some(_)) => {
            let message = "SpotOptions can be specified for the market type spot only.";
            Err(ApiError::invalid_combination(message))
        }
        (Some("capacity-block" | "interruptible-capacity-reservation"), _) => {
            let message = "The market type needs a Capacity Reservation as CapacityReservationTarget.";
            Err(ApiError::invalid_combination(message))
        }
        (Some(other), _) => {
            let hint = "Valid values: spot, capacity-block, interruptible-capacity-reservation, on-demand.";
            Err(ApiError::bad_value(other, "marketType", hint))
        }
    }
}

/// Source: EC2 API reference, `RunInstances` and `ModifyInstanceAttribute`, `DisableApiTermination`.
pub fn spot_unprotected() -> ApiError {
    let message = "Termination protection cannot be enabled for Spot Instances.";
    ApiError::new("UnsupportedOperation", message)
}

/// A persistent request interrupts by stop or hibernation, a one-time request by termination.
/// One that is launched for hibernation cannot be interrupted otherwise.
/// Source: EC2 API reference, `SpotMarketOptions` and `HibernationOptionsRequest`.
fn spot_options(options: &Params, hibernates: bool) -> Result<SpotOptions, ApiError> {
    let persistent = match options.text("SpotInstanceType") {
        None | Some("one-time") => false,
        Some("persistent") => true,
        Some(other) => return Err(ApiError::bad_value(other, "spotInstanceType", "")),
    };
    let default = if hibernates { "hibernate" } else { "terminate" };
    let interruption = options.text("InstanceInterruptionBehavior").unwrap_or(default);
    match (persistent, interruption) {
        (_, "hibernate") if hibernates => {}
        (_, "stop" | "terminate") if hibernates => {
            let message =
                "An instance that is configured for hibernation must be interrupted by hibernation.";
            return Err(ApiError::invalid_combination(message));
        }
        (true, "stop" | "hibernate") | (false, "terminate") => {}
        (_, "stop" | "hibernate" | "terminate") => {
            let kind = if persistent { "persistent" } else { "one-time" };
            let message = format!(
                "The interruption behavior {interruption} is not supported for {kind} Spot requests."
            );
            return Err(ApiError::invalid_combination(message));
        }
        (_, other) => return Err(ApiError::bad_value(other, "instanceInterruptionBehavior", "")),
    }
    Ok(SpotOptions {
        persistent,
        interruption: interruption.to_owned(),
        max_price: max_price(options)?,
        valid_until: valid_until(options)?,
    })
}

fn max_price(options: &Params) -> Result<Option<String>, ApiError> {
    let Some(text) = options.text("MaxPrice") else { return Ok(None) };
    let is_price = text.parse::<f64>().is_ok_and(|price| price.is_finite() && price > LEAST_PRICE);
    if is_price { Ok(Some(text.to_owned())) } else { Err(ApiError::bad_value(text, "maxPrice", "")) }
}

fn valid_until(options: &Params) -> Result<Option<Timestamp>, ApiError> {
    let parse = |text: &str| text.parse().map_err(|_| ApiError::bad_value(text, "validUntil", "Not a time."));
    options.text("ValidUntil").map(parse).transpose()
}
