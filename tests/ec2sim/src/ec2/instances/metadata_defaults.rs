//! `GetInstanceMetadataDefaults` and `ModifyInstanceMetadataDefaults`: what launches of an account in a region take that do
//! not say it themselves.

use crate::core::{
    Call, Outcome,
    error::ApiError,
    params::Params,
    records::{MetadataDefaults, MetadataOptions},
    world::World,
    xml::Node,
};

/// What takes a default away.
const NO_PREFERENCE: &str = "no-preference";
const NO_HOP_LIMIT: i64 = -1;

pub fn get(call: &Call, world: &World) -> Outcome {
    let defaults = &call.region(world).settings(call.account()).metadata;
    let node = Node::new()
        .opt("httpTokens", defaults.http_tokens.as_ref())
        .opt("httpPutResponseHopLimit", defaults.hop_limit)
        .opt("httpEndpoint", defaults.http_endpoint.as_ref())
        .opt("instanceMetadataTags", defaults.instance_tags.as_ref())
        .text("managedBy", "account")
        .opt("httpTokensEnforced", defaults.tokens_enforced.as_ref());
    Ok(Node::new().child("accountLevel", node).into())
}

pub fn modify(call: &Call, world: &mut World) -> Outcome {
    let old = call.region(world).settings(call.account()).metadata.clone();
    let switch = ["enabled", "disabled"];
    let one_of =
        |name: &str, allowed: [&str; 2], old: Option<String>| changed(call.params, name, allowed, old);
    let defaults = MetadataDefaults {
        http_tokens: one_of("HttpTokens", ["optional", "required"], old.http_tokens)?,
        hop_limit: hop_limit(call.params, old.hop_limit)?,
        http_endpoint: one_of("HttpEndpoint", switch, old.http_endpoint)?,
        instance_tags: one_of("InstanceMetadataTags", switch, old.instance_tags)?,
        tokens_enforced: one_of("HttpTokensEnforced", switch, old.tokens_enforced)?,
    };
    let settings = call.region_mut(world).settings.entry(call.account().to_owned()).or_default();
    settings.metadata = defaults;
    Ok(Node::done().into())
}

fn changed(
    params: &Params,
    name: &str,
    allowed: [&str; 2],
    old: Option<String>,
) -> Result<Option<String>, ApiError> {
    match params.text(name) {
        None => Ok(old),
        Some(NO_PREFERENCE) => Ok(None),
        Some(value) if allowed.contains(&value) => Ok(Some(value.to_owned())),
        Some(other) => Err(ApiError::bad_value(other, name, "")),
    }
}

fn hop_limit(params: &Params, old: Option<i64>) -> Result<Option<i64>, ApiError> {
    match params.int("HttpPutResponseHopLimit")? {
        None => Ok(old),
        Some(NO_HOP_LIMIT) => Ok(None),
        Some(limit) if (1..=64).contains(&limit) => Ok(Some(limit)),
        Some(limit) => {
            let hint = "Expecting -1 or a value from 1 to 64.";
            Err(ApiError::bad_value(&limit.to_string(), "HttpPutResponseHopLimit", hint))
        }
    }
}

/// The account's defaults come before what the image demands, each for itself.
/// Source: EC2 user guide, "Order of precedence for instance metadata options".
pub fn over(defaults: &MetadataDefaults, of_image: MetadataOptions) -> MetadataOptions {
    MetadataOptions {
        http_tokens: defaults.http_tokens.clone().unwrap_or(of_image.http_tokens),
        hop_limit: defaults.hop_limit.unwrap_or(of_image.hop_limit),
        http_endpoint: defaults.http_endpoint.clone().unwrap_or(of_image.http_endpoint),
        instance_tags: defaults.instance_tags.clone().unwrap_or(of_image.instance_tags),
        ..of_image
    }
}

/// Source: EC2 API reference, `ModifyInstanceMetadataDefaults`, `HttpTokensEnforced`.
pub fn check_enforced(defaults: &MetadataDefaults, options: &MetadataOptions) -> Result<(), ApiError> {
    let is_enforced = defaults.tokens_enforced.as_deref() == Some("enabled");
    if is_enforced && options.http_tokens != "required" {
        let message = "The account enforces IMDSv2: HttpTokens must be required.";
        return Err(ApiError::new("UnsupportedOperation", message));
    }
    Ok(())
}
