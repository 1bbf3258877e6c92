//! Writing and deleting parameters.

use std::sync::Arc;

use serde_json::json;

use super::{invalid, required};
use crate::core::{
    Call, Handler, Outcome,
    clock::after,
    error::ApiError,
    records::{ImageState, Parameter, ParameterVersion},
    tags::{self, Tags},
    world::World,
};

/// Lengths of values by tier, levels of a hierarchy, versions kept (`PutParameter`).
const STANDARD_LENGTH: usize = 4096;
const ADVANCED_LENGTH: usize = 8192;
const MAX_LEVELS: usize = 15;
const MAX_NAME: usize = 1011;
const MAX_VERSIONS: usize = 100;

const IMAGE: &str = "aws:ec2:image";

pub fn handler(action: &str) -> Option<Handler> {
    match action {
        "PutParameter" => Some(Handler::Write(put_parameter)),
        "DeleteParameter" => Some(Handler::Write(delete_parameter)),
        "DeleteParameters" => Some(Handler::Write(delete_parameters)),
        _ => None,
    }
}

fn put_parameter(call: &Call, world: &mut World) -> Outcome {
    let name = required(call.params, "Name")?;
    let value = required(call.params, "Value")?;
    let overwrite = call.params.is_set("Overwrite")?;
    let tags = new_tags(call, overwrite)?;
    let existing = existing(call, world, name);
    if existing.is_some() && !overwrite {
        let message = "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.";
        return Err(ApiError::new("ParameterAlreadyExists", message));
    }
    if existing.is_none() {
        check_name(name)?;
    }
    let mut parameter = changed(call, existing.as_deref(), name, value)?;
    parameter.tags = tags.unwrap_or(parameter.tags);
    let version = parameter.versions.last().map_or(1, |newest| newest.version + 1);
    let answer = json!({"Version": version, "Tier": parameter.tier});
    if let Some(value) = accepted(call, world, &parameter, value, version) {
        parameter.versions.push(value);
        let surplus = parameter.versions.len().saturating_sub(MAX_VERSIONS);
        parameter.versions.drain(..surplus);
        let key = (call.account().to_owned(), name.to_owned());
        call.region_mut(world).parameters.insert(key, Arc::new(parameter));
    }
    Ok(answer.into())
}

fn existing(call: &Call, world: &World, name: &str) -> Option<Arc<Parameter>> {
    call.region(world).parameters.get(&(call.account().to_owned(), name.to_owned())).cloned()
}

fn new_tags(call: &Call, overwrite: bool) -> Result<Option<Tags>, ApiError> {
    let items = call.params.list("Tags");
    if items.is_empty() {
        return Ok(None);
    }
    if overwrite {
        let message = "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, \
                       please remove overwrite flag. To update tags for an existing parameter, please use \
                       AddTagsToResource or RemoveTagsFromResource.";
        return Err(invalid(message));
    }
    tags::parse(&items).map(Some).map_err(|error| invalid(error.message))
}

/// The parameter as the call wants it, still with its old values.
fn changed(
    call: &Call,
    existing: Option<&Parameter>,
    name: &str,
    value: &str,
) -> Result<Parameter, ApiError> {
    let kind = kind(call, existing)?;
    let data_type =
        call.params.text("DataType").or(existing.map(|it| it.data_type.as_str())).unwrap_or("text");
    check_value(call, kind, data_type, value)?;
    let key_id = call.params.text("KeyId").unwrap_or("alias/aws/ssm");
    let description = call.params.text("Description").map(str::to_owned);
    Ok(Parameter {
        name: name.to_owned(),
        kind: kind.to_owned(),
        data_type: data_type.to_owned(),
        tier: tier(call, existing, value)?.to_owned(),
        description: description.or_else(|| existing?.description.clone()),
        key_id: (kind == "SecureString").then(|| key_id.to_owned()),
        versions: existing.map(|it| it.versions.clone()).unwrap_or_default(),
        tags: existing.map(|it| it.tags.clone()).unwrap_or_default(),
    })
}

/// An existing parameter keeps its type: "Parameter Store doesn't support changing a parameter type".
fn kind<'a>(call: &'a Call, existing: Option<&'a Parameter>) -> Result<&'a str, ApiError> {
    match (call.params.text("Type"), existing) {
        (None, None) => Err(invalid("A parameter type is required when you create a parameter.")),
        (None, Some(existing)) => Ok(&existing.kind),
        (Some(kind), _) if !matches!(kind, "String" | "StringList" | "SecureString") => {
            Err(invalid(format!(
                "1 validation error detected: Value '{kind}' at 'type' failed to satisfy constraint: \
             Member must satisfy enum value set: [SecureString, StringList, String]"
            )))
        }
        (Some(kind), Some(existing)) if existing.kind != kind => {
            let message = format!("The parameter type {} cannot be changed to {kind}.", existing.kind);
            Err(ApiError::new("HierarchyTypeMismatchException", message))
        }
        (Some(kind), _) => Ok(kind),
    }
}

fn check_value(call: &Call, kind: &str, data_type: &str, value: &str) -> Result<(), ApiError> {
    if !matches!(data_type, "text" | IMAGE | "aws:ssm:integration") {
        return Err(invalid(format!(
            "The following data type is not supported: {data_type} (Data type names are all lowercase.)"
        )));
    }
    if data_type == IMAGE && (kind != "String" || !looks_like_image(value)) {
        let message = format!(
            "Parameter value {value} is not valid for data type {IMAGE}: a String of the form ami-12345abcdeEXAMPLE is needed"
        );
        return Err(invalid(message));
    }
    let Some(pattern) = call.params.text("AllowedPattern") else { return Ok(()) };
    let pattern_error =
        |_| ApiError::new("InvalidAllowedPatternException", "The regular expression is not valid.");
    if regex_lite::Regex::new(pattern).map_err(pattern_error)?.is_match(value) {
        return Ok(());
    }
    let message = format!("Parameter value, cannot be validated against allowedPattern: {pattern}");
    Err(ApiError::new("ParameterPatternMismatchException", message))
}

fn looks_like_image(value: &str) -> bool {
    let digits = value.strip_prefix("ami-").unwrap_or_default();
    matches!(digits.len(), 8 | 17) && digits.bytes().all(|digit| digit.is_ascii_alphanumeric())
}

/// An advanced parameter never goes back to the standard tier; intelligent tiering decides by the length.
fn tier<'a>(call: &'a Call, existing: Option<&'a Parameter>, value: &str) -> Result<&'a str, ApiError> {
    let was_advanced = existing.is_some_and(|it| it.tier == "Advanced");
    let tier = match call.params.text("Tier") {
        Some("Intelligent-Tiering") if value.len() <= STANDARD_LENGTH && !was_advanced => "Standard",
        Some("Advanced" | "Intelligent-Tiering") => "Advanced",
        Some("Standard") if was_advanced => {
            return Err(invalid(
                "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter tier to the standard-parameter tier.",
            ));
        }
        None if was_advanced => "Advanced",
        None | Some("Standard") => "Standard",
        Some(other) => {
            return Err(invalid(format!("Value '{other}' at 'tier' failed to satisfy constraint")));
        }
    };
    let limit = if tier == "Advanced" { ADVANCED_LENGTH } else { STANDARD_LENGTH };
    if value.len() > limit {
        let name = tier.to_lowercase();
        let message = format!(
            "{tier} tier parameters support a maximum parameter value of {limit} characters. To create a larger parameter value, upgrade from the {name}-parameter tier."
        );
        return Err(invalid(message));
    }
    Ok(tier)
}

fn check_name(name: &str) -> Result<(), ApiError> {
    let lower = name.to_ascii_lowercase();
    if lower.starts_with("/aws/") || lower.starts_with("/ssm/") {
        return Err(ApiError::new(
            "AccessDeniedException",
            format!("No access to reserved parameter name: {name}."),
        ));
    }
    if lower.starts_with("aws") || lower.starts_with("ssm") {
        let message = "Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive).";
        return Err(invalid(message));
    }
    let allowed = |character: char| character.is_ascii_alphanumeric() || "_.-/".contains(character);
    if !name.chars().all(allowed) || name.len() > MAX_NAME {
        let message = "Parameter name must be a fully qualified name of letters, digits and the symbols .-_ in sub-paths \
                       divided by slashes.";
        return Err(invalid(message));
    }
    if name.contains('/') && !name.starts_with('/') {
        return Err(invalid("Parameter name must be a fully qualified name."));
    }
    if name.trim_matches('/').split('/').count() > MAX_LEVELS {
        let message = format!("A parameter hierarchy can have a maximum of {MAX_LEVELS} levels.");
        return Err(ApiError::new("HierarchyLevelLimitExceededException", message));
    }
    Ok(())
}

/// The new value; `None` for an image that will not pass the validation, which nobody is told of.
fn accepted(
    call: &Call,
    world: &World,
    parameter: &Parameter,
    value: &str,
    version: i64,
) -> Option<ParameterVersion> {
    let mut modified_at = call.now;
    if parameter.data_type == IMAGE {
        modified_at = after(call.now, call.profile.validation);
        let image = call.region(world).images.get(value)?;
        let permissions = &image.permissions;
        let visible = permissions.public || permissions.users.contains(call.account());
        if !(visible || image.owner == call.account()) || image.state(modified_at) != ImageState::Available {
            return None;
        }
    }
    Some(ParameterVersion { version, value: value.to_owned(), modified_at, labels: Vec::new() })
}

fn delete_parameter(call: &Call, world: &mut World) -> Outcome {
    let name = required(call.params, "Name")?;
    if remove(call, world, name) {
        return Ok(json!({}).into());
    }
    Err(ApiError::new("ParameterNotFound", format!("Parameter {name} not found.")))
}

fn delete_parameters(call: &Call, world: &mut World) -> Outcome {
    let names = call.params.texts("Names");
    if names.is_empty() || names.len() > 10 {
        return Err(invalid(
            "Value at 'names' failed to satisfy constraint: Member must have length between 1 and 10",
        ));
    }
    let (deleted, unknown): (Vec<&str>, Vec<&str>) =
        names.into_iter().partition(|name| remove(call, world, name));
    Ok(json!({"DeletedParameters": deleted, "InvalidParameters": unknown}).into())
}

fn remove(call: &Call, world: &mut World, name: &str) -> bool {
    let key = (call.account().to_owned(), name.to_owned());
    call.region_mut(world).parameters.remove(&key).is_some()
}
