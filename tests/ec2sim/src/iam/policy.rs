//! Policy documents, read strictly: what cannot be evaluated here is an error and never taken for granted.

use serde::Deserialize;
use serde_json::Value;

use super::condition::{self, Condition, Context};
use crate::core::filters::wildcard;

#[derive(Clone, Debug, thiserror::Error)]
#[error("{document}: {problem}")]
pub struct BadPolicy {
    pub document: String,
    pub problem: String,
}

/// One statement of a document.
#[derive(Clone, Debug)]
pub struct Statement {
    pub document: String,
    /// The `Sid`, or the statement's place.
    pub sid: String,
    pub allows: bool,
    pub actions: Patterns,
    resources: Patterns,
    conditions: Vec<Condition>,
}

/// `Action` or `NotAction`, `Resource` or `NotResource`.
#[derive(Clone, Debug)]
pub struct Patterns {
    negated: bool,
    pub list: Vec<String>,
}

impl Patterns {
    /// The first pattern that fits; for the negated form the first of all, if none fits.
    fn find(&self, fits: impl Fn(&str) -> bool) -> Option<&str> {
        let found = self.list.iter().find(|pattern| fits(pattern)).map(String::as_str);
        match (self.negated, found) {
            (false, found) => found,
            (true, Some(_)) => None,
            (true, None) => self.list.first().map(String::as_str),
        }
    }
}

impl Statement {
    /// The action pattern by which the statement is about a request, if it is.
    pub fn applies(&self, action: &str, resource: &str, context: &Context) -> Option<&str> {
        let action = self
            .actions
            .find(|pattern| wildcard(&pattern.to_ascii_lowercase(), &action.to_ascii_lowercase()))?;
        self.resources.find(|pattern| arn_fits(pattern, resource))?;
        self.conditions.iter().all(|condition| condition.holds(context)).then_some(action)
    }
}

/// A wildcard does not reach across the colons that divide an ARN.
fn arn_fits(pattern: &str, arn: &str) -> bool {
    let (mut patterns, mut parts) = (pattern.splitn(6, ':'), arn.splitn(6, ':'));
    pattern == "*"
        || loop {
            match (patterns.next(), parts.next()) {
                (None, None) => break true,
                (Some(pattern), Some(part)) if wildcard(pattern, part) => {}
                _ => break false,
            }
        }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Document {
    version: String,
    #[serde(default, rename = "Id")]
    _id: Option<String>,
    /// One, or a list.
    statement: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Written {
    sid: Option<String>,
    effect: Decision,
    action: Option<OneOrMany>,
    not_action: Option<OneOrMany>,
    resource: Option<OneOrMany>,
    not_resource: Option<OneOrMany>,
    #[serde(default)]
    condition: serde_json::Map<String, Value>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
enum Decision {
    Allow,
    Deny,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

/// The statements of a document of identity-based policies.
pub fn read(name: &str, document: &Value) -> Result<Vec<Statement>, BadPolicy> {
    let bad = |problem: String| BadPolicy { document: name.to_owned(), problem };
    let document = Document::deserialize(document).map_err(|error| bad(error.to_string()))?;
    if document.version != "2012-10-17" {
        return Err(bad(format!("version {} is not evaluated", document.version)));
    }
    let statements = match document.statement {
        Value::Array(list) => list,
        single => vec![single],
    };
    statements
        .into_iter()
        .enumerate()
        .map(|(at, value)| {
            let place = format!("statement {}", at + 1);
            let written = Written::deserialize(&value).map_err(|error| bad(format!("{place}: {error}")))?;
            statement(name, place, written).map_err(bad)
        })
        .collect()
}

fn statement(document: &str, place: String, written: Written) -> Result<Statement, String> {
    let sid = written.sid.unwrap_or(place);
    let within = |problem: String| format!("{sid}: {problem}");
    let actions = patterns("Action", written.action, written.not_action).map_err(within)?;
    let resources = patterns("Resource", written.resource, written.not_resource).map_err(within)?;
    let conditions = condition::read(&written.condition).map_err(within)?;
    let allows = written.effect == Decision::Allow;
    Ok(Statement { document: document.to_owned(), allows, actions, resources, conditions, sid })
}

fn patterns(name: &str, given: Option<OneOrMany>, negated: Option<OneOrMany>) -> Result<Patterns, String> {
    let patterns = match (given, negated) {
        (Some(list), None) => Patterns { negated: false, list: list.into_vec() },
        (None, Some(list)) => Patterns { negated: true, list: list.into_vec() },
        (Some(_), Some(_)) | (None, None) => return Err(format!("one of {name} and Not{name} is needed")),
    };
    match patterns.list.iter().find(|pattern| pattern.contains("${")) {
        Some(variable) => Err(format!("{variable}: policy variables are not evaluated")),
        None => Ok(patterns),
    }
}
