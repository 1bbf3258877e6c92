//! The actions of AWS Systems Manager: Parameter Store and Run Command.

mod commands;
mod documents;
mod fate;
mod invocations;
mod labels;
mod managed;
mod parameters;
mod put;
mod resource_tags;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::core::{Call, Handler, error::ApiError, paging::Page, params::Params};

pub use self::parameters::value as parameter_value;

pub fn handler(action: &str) -> Option<Handler> {
    let modules: [fn(&str) -> Option<Handler>; 7] = [
        commands::handler,
        invocations::handler,
        labels::handler,
        managed::handler,
        parameters::handler,
        put::handler,
        resource_tags::handler,
    ];
    modules.iter().find_map(|handler| handler(action))
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("ValidationException", message)
}

fn required<'c>(params: &'c Params, name: &str) -> Result<&'c str, ApiError> {
    params.text(name).ok_or_else(|| ApiError::null_member("ValidationException", name))
}

/// An optional text of at most so many characters.
fn at_most<'c>(params: &'c Params, name: &str, most: usize) -> Result<&'c str, ApiError> {
    let text = params.text(name).unwrap_or_default();
    if text.chars().count() <= most {
        return Ok(text);
    }
    Err(invalid(format!(
        "1 validation error detected: Value '{text}' at '{}' failed to satisfy constraint: Member must have length \
         less than or equal to {most}",
        member(name)
    )))
}

/// A UUID, which is all that is checked of one.
fn command_id(params: &Params) -> Result<&str, ApiError> {
    let id = required(params, "CommandId")?;
    if id.len() == 36 {
        return Ok(id);
    }
    Err(invalid(format!(
        "1 validation error detected: Value '{id}' at 'commandId' failed to satisfy constraint: Member must have \
         length {} than or equal to 36",
        if id.len() < 36 { "greater" } else { "less" }
    )))
}

/// A parameter as messages name it: `commandId`.
fn member(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().into_iter().flat_map(char::to_lowercase).chain(letters).collect()
}

/// `range` are the accepted `MaxResults`, whose upper end is the default.
fn page(call: &Call, range: std::ops::RangeInclusive<i64>) -> Result<Page, ApiError> {
    if let Some(asked) = call.params.int("MaxResults")?.filter(|asked| !range.contains(asked)) {
        let (bound, word) =
            if asked > *range.end() { (range.end(), "less") } else { (range.start(), "greater") };
        return Err(invalid(format!(
            "1 validation error detected: Value '{asked}' at 'maxResults' failed to satisfy constraint: \
             Member must have value {word} than or equal to {bound}"
        )));
    }
    let most = usize::try_from(*range.end()).unwrap_or(usize::MAX);
    Page::parse(call.params, range).map(|page| page.at_most(most)).map_err(|error| {
        match error.code.as_str() {
            "InvalidNextToken" => error,
            _ => invalid(error.message),
        }
    })
}

/// An answer of one list, with the token of the next page.
fn listed(name: &str, items: impl Iterator<Item = Value>, token: Option<String>) -> Value {
    let mut answer = json!({ name: items.collect::<Vec<_>>() });
    if let Some(token) = token {
        answer["NextToken"] = token.into();
    }
    answer
}

/// Times in JSON are seconds since 1970.
fn seconds(at: Timestamp) -> Value {
    let milliseconds = at.subsec_nanosecond() / 1_000_000;
    // Exact: seconds since 1970 fit into 53 bits for a long time to come.
    #[allow(clippy::cast_precision_loss)]
    let seconds = at.as_second() as f64;
    json!(seconds + f64::from(milliseconds) / 1000.0)
}
