//! Labels of versions, and the history of parameters.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{invalid, listed, page, parameters, required};
use crate::core::{Call, Handler, Outcome, error::ApiError, records::Parameter, world::World};

/// Labels of a version, characters of a label (`LabelParameterVersion`).
const MAX_LABELS: usize = 10;
const MAX_LENGTH: usize = 100;

pub fn handler(action: &str) -> Option<Handler> {
    match action {
        "GetParameterHistory" => Some(Handler::Read(history)),
        "LabelParameterVersion" => Some(Handler::Write(label)),
        "UnlabelParameterVersion" => Some(Handler::Write(unlabel)),
        _ => None,
    }
}

/// The caller's parameter that a call names.
fn named(call: &Call, world: &World) -> Result<Parameter, ApiError> {
    let name = required(call.params, "Name")?.trim();
    let key = (call.account().to_owned(), name.to_owned());
    let found = call.region(world).parameters.get(&key);
    let message = format!("Parameter {name} not found.");
    found.map(|it| Parameter::clone(it)).ok_or_else(|| ApiError::new("ParameterNotFound", message))
}

fn labels<'c>(call: &'c Call) -> Result<Vec<&'c str>, ApiError> {
    let labels = call.params.texts("Labels");
    if labels.is_empty() || labels.len() > MAX_LABELS {
        return Err(invalid(
            "1 validation error detected: Value at 'labels' failed to satisfy constraint: Member must have length less \
             than or equal to 10, greater than or equal to 1",
        ));
    }
    Ok(labels)
}

/// Where the version stands that a call names; none is the newest.
fn position(parameter: &Parameter, asked: Option<i64>) -> Result<usize, ApiError> {
    let position = match asked {
        Some(number) => parameter.versions.iter().position(|version| version.version == number),
        None => parameter.versions.len().checked_sub(1),
    };
    let message = format!(
        "Systems Manager could not find version {} of {}. Verify the version and try again.",
        asked.unwrap_or_default(),
        parameter.name
    );
    position.ok_or_else(|| ApiError::new("ParameterVersionNotFound", message))
}

/// A label that another version has moves to this one.
fn label(call: &Call, world: &mut World) -> Outcome {
    let mut parameter = named(call, world)?;
    let at = position(&parameter, call.params.int("ParameterVersion")?)?;
    let (valid, wrong): (Vec<&str>, Vec<&str>) = labels(call)?.into_iter().partition(|label| is_label(label));
    for version in &mut parameter.versions {
        version.labels.retain(|label| !valid.contains(&label.as_str()));
    }
    let version = &mut parameter.versions[at];
    version.labels.extend(valid.into_iter().map(str::to_owned));
    if version.labels.len() > MAX_LABELS {
        let message = format!("A parameter version can have a maximum of {MAX_LABELS} labels.");
        return Err(ApiError::new("ParameterVersionLabelLimitExceeded", message));
    }
    let answer = json!({"InvalidLabels": wrong, "ParameterVersion": version.version});
    keep(call, world, parameter);
    Ok(answer.into())
}

fn is_label(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let allowed = |character: char| character.is_ascii_alphanumeric() || ".-_".contains(character);
    text.len() <= MAX_LENGTH
        && text.chars().all(allowed)
        && !text.starts_with(|first: char| first.is_ascii_digit())
        && !lower.starts_with("aws")
        && !lower.starts_with("ssm")
}

fn unlabel(call: &Call, world: &mut World) -> Outcome {
    let mut parameter = named(call, world)?;
    let asked = call.params.int("ParameterVersion")?;
    if asked.is_none() {
        required(call.params, "ParameterVersion")?;
    }
    let at = position(&parameter, asked)?;
    let version = &mut parameter.versions[at];
    let (removed, wrong): (Vec<&str>, Vec<&str>) =
        labels(call)?.into_iter().partition(|label| version.labels.iter().any(|own| own == label));
    version.labels.retain(|label| !removed.contains(&label.as_str()));
    let answer = json!({"RemovedLabels": removed, "InvalidLabels": wrong});
    keep(call, world, parameter);
    Ok(answer.into())
}

fn keep(call: &Call, world: &mut World, parameter: Parameter) {
    let key = (call.account().to_owned(), parameter.name.clone());
    call.region_mut(world).parameters.insert(key, Arc::new(parameter));
}

/// From the oldest version that is kept to the newest.
fn history(call: &Call, world: &World) -> Outcome {
    let parameter = named(call, world)?;
    let decrypt = call.params.is_set("WithDecryption")?;
    let page = page(call, 1..=50)?;
    let visible = parameter.versions.iter().filter(|version| version.modified_at <= call.now);
    let (versions, token) = page.cut(visible, |version| format!("{:020}", version.version));
    let shown = versions.into_iter().map(|version| {
        let mut shown: Value = parameters::metadata(call, &parameter, version);
        shown["Value"] = parameters::readable(&parameter, version, decrypt).into();
        shown["Labels"] = version.labels.clone().into();
        shown
    });
    Ok(listed("Parameters", shown, token).into())
}
