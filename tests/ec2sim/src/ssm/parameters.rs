//! Reading parameters.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{invalid, listed, page, required, seconds};
use crate::core::{
    Call, Handler, Outcome, digest,
    error::ApiError,
    params::Params,
    records::{Parameter, ParameterVersion},
    seed,
    world::{Region, World},
};

/// `GetParameters`, "Names: Maximum number of 10 items".
const MAX_NAMES: usize = 10;

pub fn handler(action: &str) -> Option<Handler> {
    match action {
        "GetParameter" => Some(Handler::Read(get_parameter)),
        "GetParameters" => Some(Handler::Read(get_parameters)),
        "GetParametersByPath" => Some(Handler::Read(get_parameters_by_path)),
        "DescribeParameters" => Some(Handler::Read(describe_parameters)),
        _ => None,
    }
}

/// The value of a parameter of an account, or of a public one, for launches that name an image by it.
pub fn value(region: &Region, account: &str, asked: &str, now: Timestamp) -> Option<String> {
    let found = find(region, account, asked, now).ok()?;
    Some(found.version.value.clone())
}

/// A parameter in the version that was asked for.
struct Found<'w> {
    parameter: &'w Parameter,
    version: &'w ParameterVersion,
    /// `:3` or `:label`, if it was asked by that.
    selector: Option<String>,
}

fn find<'w>(region: &'w Region, account: &str, asked: &str, now: Timestamp) -> Result<Found<'w>, ApiError> {
    let (name, selector) = split_selector(asked);
    let not_found = || ApiError::new("ParameterNotFound", format!("Parameter {asked} not found."));
    let candidates = [name.clone(), format!("/{name}")];
    let keys = candidates.into_iter().take(if asked.starts_with("arn:") { 2 } else { 1 });
    let parameter = keys.into_iter().find_map(|name| lookup(region, account, &name)).ok_or_else(not_found)?;
    let newest = parameter.newest(now).ok_or_else(not_found)?;
    let Some(selector) = selector else { return Ok(Found { parameter, version: newest, selector: None }) };
    let mut visible = parameter.versions.iter().filter(|version| version.modified_at <= now);
    let version = visible.find(|it| it.version.to_string() == selector || it.labels.contains(&selector));
    let version = version.ok_or_else(|| {
        let message = format!(
            "Systems Manager could not find version {selector} of {name}. Verify the version and try again."
        );
        ApiError::new("ParameterVersionNotFound", message)
    })?;
    Ok(Found { parameter, version, selector: Some(format!(":{selector}")) })
}

fn lookup<'w>(region: &'w Region, account: &str, name: &str) -> Option<&'w Parameter> {
    let own = region.parameters.get(&(account.to_owned(), name.to_owned()));
    own.or_else(|| region.parameters.get(&(seed::PUBLIC.to_owned(), name.to_owned())))
        .map(|parameter| &**parameter)
}

/// Name and selector of `name`, `name:selector` or an ARN with or without a selector.
fn split_selector(asked: &str) -> (String, Option<String>) {
    let name =
        asked.split_once(":parameter/").filter(|_| asked.starts_with("arn:")).map_or(asked, |(_, name)| name);
    match name.split_once(':') {
        Some((name, selector)) => (name.to_owned(), Some(selector.to_owned())),
        None => (name.to_owned(), None),
    }
}

fn get_parameter(call: &Call, world: &World) -> Outcome {
    let name = required(call.params, "Name")?;
    let decrypt = call.params.is_set("WithDecryption")?;
    let found = find(call.region(world), call.account(), name, call.now)?;
    Ok(json!({"Parameter": shown(call, &found, decrypt)}).into())
}

fn get_parameters(call: &Call, world: &World) -> Outcome {
    let names = call.params.texts("Names");
    let decrypt = call.params.is_set("WithDecryption")?;
    if names.is_empty() || names.len() > MAX_NAMES {
        let message = "1 validation error detected: Value at 'names' failed to satisfy constraint: \
                       Member must have length less than or equal to 10";
        return Err(invalid(message));
    }
    let (mut parameters, mut unknown) = (Vec::new(), Vec::new());
    for name in names {
        match find(call.region(world), call.account(), name, call.now) {
            Ok(found) => parameters.push(shown(call, &found, decrypt)),
            Err(_) => unknown.push(name),
        }
    }
    Ok(json!({"Parameters": parameters, "InvalidParameters": unknown}).into())
}

fn get_parameters_by_path(call: &Call, world: &World) -> Outcome {
    let path = required(call.params, "Path")?;
    if !path.starts_with('/') {
        let message = "The parameter doesn't meet the parameter name requirements. \
                       The parameter name must begin with a forward slash \"/\".";
        return Err(invalid(message));
    }
    let (recursive, decrypt) = (call.params.is_set("Recursive")?, call.params.is_set("WithDecryption")?);
    let filters = Criterion::parse(call.params, &["Type", "KeyId", "Label"])?;
    let page = page(call, 1..=10)?;
    let shown_of = |parameter: &'_ Parameter| {
        is_below(&parameter.name, path, recursive) && filters.iter().all(|it| it.fits(parameter))
    };
    let region = call.region(world);
    // Public parameters show only below paths that name them: "/" holds the caller's own.
    let owner = if path.starts_with("/aws/") { seed::PUBLIC } else { call.account() };
    let visible = of_owner(region, owner).filter(|it| shown_of(it) && it.newest(call.now).is_some());
    let (parameters, token) = page.cut(visible, |parameter| parameter.name.clone());
    let nodes = parameters.into_iter().filter_map(|parameter| {
        let version = parameter.newest(call.now)?;
        Some(shown(call, &Found { parameter, version, selector: None }, decrypt))
    });
    Ok(listed("Parameters", nodes, token).into())
}

fn of_owner<'w>(region: &'w Region, owner: &str) -> impl Iterator<Item = &'w Arc<Parameter>> {
    let first = (owner.to_owned(), String::new());
    let owner = owner.to_owned();
    region
        .parameters
        .range(first..)
        .take_while(move |((of, _), _)| *of == owner)
        .map(|(_, parameter)| parameter)
}

fn is_below(name: &str, path: &str, recursive: bool) -> bool {
    let path = path.trim_end_matches('/');
    let rest = name.strip_prefix(path).and_then(|rest| rest.strip_prefix('/'));
    rest.is_some_and(|rest| recursive || !rest.contains('/'))
}

/// One of `ParameterFilters`.
struct Criterion {
    key: String,
    option: String,
    values: Vec<String>,
}

impl Criterion {
    fn parse(params: &Params, keys: &[&str]) -> Result<Vec<Self>, ApiError> {
        params.list("ParameterFilters").into_iter().map(|item| Self::parse_one(item, keys)).collect()
    }

    /// `ParameterFilters`, or the older `Filters`, which find names by their beginning.
    fn parse_either(params: &Params, keys: &[&str]) -> Result<Vec<Self>, ApiError> {
        let old = params.list("Filters");
        if !old.is_empty() && !params.list("ParameterFilters").is_empty() {
            return Err(invalid("You can use either Filters or ParameterFilters in a single request."));
        }
        if old.is_empty() {
            return Self::parse(params, keys);
        }
        let parse = |item| {
            let criterion = Self::parse_one(item, &["Name", "Type", "KeyId"])?;
            let option = if criterion.key == "Name" { "BeginsWith" } else { "Equals" };
            Ok(Self { option: option.to_owned(), ..criterion })
        };
        old.into_iter().map(parse).collect()
    }

    fn parse_one(item: &Params, keys: &[&str]) -> Result<Self, ApiError> {
        let key = required(item, "Key")?;
        let known = if key.starts_with("tag:") { "tag:" } else { key };
        if !keys.contains(&known) {
            return Err(ApiError::new("InvalidFilterKey", format!("The specified key {key} isn't valid.")));
        }
        let option = item.text("Option").unwrap_or("Equals");
        if !matches!(option, "Equals" | "BeginsWith" | "Contains" | "Recursive" | "OneLevel") {
            let message = format!("The specified filter option {option} isn't valid.");
            return Err(ApiError::new("InvalidFilterOption", message));
        }
        let values = item.texts("Values").into_iter().map(str::to_owned).collect();
        Ok(Self { key: key.to_owned(), option: option.to_owned(), values })
    }

    fn fits(&self, parameter: &Parameter) -> bool {
        if let Some(key) = self.key.strip_prefix("tag:") {
            let value = parameter.tags.get(key);
            return value.is_some_and(|value| self.values.is_empty() || self.values.contains(value));
        }
        match self.key.as_str() {
            "Name" => self.accepts(&parameter.name),
            "Type" => self.accepts(&parameter.kind),
            "Tier" => self.accepts(&parameter.tier),
            "DataType" => self.accepts(&parameter.data_type),
            "KeyId" => parameter.key_id.as_deref().is_some_and(|key| self.accepts(key)),
            "Path" => {
                self.values.iter().any(|path| is_below(&parameter.name, path, self.option == "Recursive"))
            }
            _ => {
                parameter.versions.iter().flat_map(|version| &version.labels).any(|label| self.accepts(label))
            }
        }
    }

    fn accepts(&self, text: &str) -> bool {
        self.values.iter().any(|value| match self.option.as_str() {
            "BeginsWith" => text.starts_with(value.as_str()),
            "Contains" => text.contains(value.as_str()),
            _ => text == value,
        })
    }
}

const DESCRIBE_KEYS: [&str; 7] = ["Name", "Path", "Type", "KeyId", "Tier", "DataType", "tag:"];

fn describe_parameters(call: &Call, world: &World) -> Outcome {
    let filters = Criterion::parse_either(call.params, &DESCRIBE_KEYS)?;
    let page = page(call, 1..=50)?;
    // Nobody shares parameters here.
    let is_shared = call.params.is_set("Shared")?;
    let own = of_owner(call.region(world), call.account());
    let shown = own.filter(|it| {
        !is_shared && it.newest(call.now).is_some() && filters.iter().all(|filter| filter.fits(it))
    });
    let (parameters, token) = page.cut(shown, |parameter| parameter.name.clone());
    let nodes = parameters.into_iter().filter_map(|parameter| {
        let mut shown = metadata(call, parameter, parameter.newest(call.now)?);
        shown["ARN"] = arn(call, parameter).into();
        Some(shown)
    });
    Ok(listed("Parameters", nodes, token).into())
}

/// All but the value.
pub(super) fn metadata(call: &Call, parameter: &Parameter, version: &ParameterVersion) -> Value {
    json!({
        "Name": parameter.name,
        "Type": parameter.kind,
        "KeyId": parameter.key_id,
        "LastModifiedDate": seconds(version.modified_at),
        "LastModifiedUser": call.caller.principal,
        "Description": parameter.description,
        "Version": version.version,
        "Tier": parameter.tier,
        "Policies": [],
        "DataType": parameter.data_type,
    })
}

/// The ARN of a public parameter has no account.
fn arn(call: &Call, parameter: &Parameter) -> String {
    let name = parameter.name.trim_start_matches('/');
    let account = if parameter.name.starts_with("/aws/service/") { "" } else { call.account() };
    format!("arn:aws:ssm:{}:{account}:parameter/{name}", call.caller.region)
}

fn shown(call: &Call, found: &Found, decrypt: bool) -> Value {
    let Found { parameter, version, selector } = found;
    let value = readable(parameter, version, decrypt);
    let mut shown = json!({
        "Name": parameter.name,
        "Type": parameter.kind,
        "Value": value,
        "Version": version.version,
        "LastModifiedDate": seconds(version.modified_at),
        "ARN": arn(call, parameter),
        "DataType": parameter.data_type,
    });
    if let Some(selector) = selector {
        shown["Selector"] = selector.clone().into();
    }
    shown
}

pub(super) fn readable(parameter: &Parameter, version: &ParameterVersion, decrypt: bool) -> String {
    let is_secret = parameter.kind == "SecureString" && !decrypt;
    if is_secret { ciphertext(&version.value) } else { version.value.clone() }
}

/// Looks like KMS's, and tells nothing of the text.
fn ciphertext(text: &str) -> String {
    format!("AQICAHg{}", BASE64_STANDARD.encode(digest(text)))
}
