//! Structural schemas: the part of JSON Schema that a CRD may use, with messages that say what to write instead.
//!
//! Not a general JSON Schema validator: a test holds that the CRDs use no keyword that this one does not know.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::{Map, Value};

use super::Problem;

/// Of a long value, a message shows this many characters.
const SHOWN: usize = 60;

/// `object` without the fields that are `null` and not nullable: the API server drops them before it looks.
pub fn without_nulls(schema: &Value, object: &Value) -> Value {
    match object {
        Value::Object(fields) => {
            let kept =
                fields.iter().filter(|(name, value)| !(value.is_null() && field(schema, name).is_some()));
            let clean = |(name, value): (&String, &Value)| {
                (name.clone(), without_nulls(field(schema, name).unwrap_or(&Value::Null), value))
            };
            Value::Object(kept.map(clean).collect())
        }
        Value::Array(items) => items.iter().map(|item| without_nulls(&schema["items"], item)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => object.clone(),
    }
}

/// Everything in `object` that `schema` does not allow.
pub fn check(schema: &Value, object: &Value) -> Vec<Problem> {
    let mut found = Vec::new();
    node(schema, object, "", &mut found);
    found
}

fn node(schema: &Value, value: &Value, path: &str, found: &mut Vec<Problem>) {
    let Some(expected) = schema["type"].as_str() else { return };
    match (expected, value) {
        ("object", Value::Object(fields)) => object(schema, fields, path, found),
        ("array", Value::Array(items)) => array(schema, items, path, found),
        ("string", Value::String(text)) => found.extend(string(schema, text).map(|m| Problem::new(path, m))),
        ("integer", Value::Number(number)) if number.is_i64() => {
            found.extend(integer(schema, value).map(|m| Problem::new(path, m)));
        }
        ("boolean", Value::Bool(_)) => (),
        _ => found.push(Problem::new(path, wrong_type(expected, value))),
    }
}

fn object(schema: &Value, fields: &Map<String, Value>, path: &str, found: &mut Vec<Problem>) {
    for (name, value) in fields {
        if let Some(known) = field(schema, name) {
            node(known, value, &child(path, name), found);
        } else if schema["additionalProperties"].is_object() {
            node(&schema["additionalProperties"], value, &format!("{path}[{name}]"), found);
        } else {
            found.push(Problem::new(
                child(path, name),
                format!("unknown field, known here: {}", names(schema)),
            ));
        }
    }
    for missing in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !fields.contains_key(missing) {
            let meaning = meaning(field(schema, missing).unwrap_or(&Value::Null));
            found.push(Problem::new(child(path, missing), format!("is required{meaning}")));
        }
    }
    if let Some(limit) = schema["maxProperties"].as_u64().filter(|limit| fields.len() as u64 > *limit) {
        found.push(Problem::new(path, format!("has {} entries, at most {limit} are allowed", fields.len())));
    }
}

fn array(schema: &Value, items: &[Value], path: &str, found: &mut Vec<Problem>) {
    let count = items.len() as u64;
    if let Some(limit) = schema["minItems"].as_u64().filter(|limit| count < *limit) {
        found.push(Problem::new(path, format!("needs at least {limit} item{}", meaning(schema))));
    }
    if let Some(limit) = schema["maxItems"].as_u64().filter(|limit| count > *limit) {
        found.push(Problem::new(path, format!("has {count} items, at most {limit} are allowed")));
    }
    let mut each = schema["items"].clone();
    if each["type"] == "string" {
        each["description"] = schema["description"].clone();
    }
    for (index, item) in items.iter().enumerate() {
        node(&each, item, &format!("{path}[{index}]"), found);
    }
    if let Some(keys) = schema["x-kubernetes-list-map-keys"].as_array() {
        duplicates(keys, items, path, found);
    }
}

fn duplicates(keys: &[Value], items: &[Value], path: &str, found: &mut Vec<Problem>) {
    let mut seen = BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        let key: Vec<_> = keys.iter().filter_map(Value::as_str).map(|k| format!("{k} {}", item[k])).collect();
        let key = key.join(", ");
        if !seen.insert(key.clone()) {
            found.push(Problem::new(format!("{path}[{index}]"), format!("{key} is in the list already")));
        }
    }
}

fn string(schema: &Value, text: &str) -> Option<String> {
    let length = text.chars().count() as u64;
    if let Some(options) = schema["enum"].as_array() {
        let known: Vec<_> = options.iter().filter_map(Value::as_str).collect();
        return (!known.contains(&text))
            .then(|| format!("must be one of {}, not {}", known.join(", "), shown(text)));
    }
    if schema["minLength"].as_u64().is_some_and(|limit| length < limit) {
        return Some(format!("is too short{}", meaning(schema)));
    }
    if let Some(limit) = schema["maxLength"].as_u64().filter(|limit| length > *limit) {
        return Some(format!("has {length} characters, at most {limit} are allowed"));
    }
    let pattern = schema["pattern"].as_str()?;
    let matches = Regex::new(pattern).is_ok_and(|regex| regex.is_match(text));
    (!matches).then(|| format!("{} does not match {pattern}{}", shown(text), meaning(schema)))
}

fn integer(schema: &Value, value: &Value) -> Option<String> {
    let number = value.as_f64()?;
    let (low, high) = (schema["minimum"].as_f64(), schema["maximum"].as_f64());
    if low.is_none_or(|low| number >= low) && high.is_none_or(|high| number <= high) {
        return None;
    }
    let bound = |name: &str, limit: Option<f64>| limit.map(|limit| format!("{name} {limit}"));
    let bounds: Vec<_> = [bound("at least", low), bound("at most", high)].into_iter().flatten().collect();
    Some(format!("must be {}, not {value}{}", bounds.join(" and "), meaning(schema)))
}

fn wrong_type(expected: &str, value: &Value) -> String {
    let actual = match value {
        Value::Null => "empty",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    };
    match expected {
        "string" if value.is_boolean() || value.is_number() => {
            format!("must be a string, not {actual}: put it in quotes")
        }
        "string" => format!("must be a string, not {actual}"),
        "array" => format!("must be a list, not {actual}"),
        "object" => format!("must be a mapping, not {actual}"),
        "integer" => format!("must be a whole number, not {actual}"),
        other => format!("must be a {other}, not {actual}"),
    }
}

fn field<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    schema["properties"].get(name)
}

fn names(schema: &Value) -> String {
    let properties = schema["properties"].as_object();
    let typed = properties.into_iter().flatten().filter(|(_, schema)| schema["type"].is_string());
    typed.map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
}

fn child(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn shown(text: &str) -> String {
    let start: String = text.chars().take(SHOWN).collect();
    if start.len() < text.len() { format!("{start:?}…") } else { format!("{start:?}") }
}

/// The first sentence of the field's description, which tells what a pattern does not.
fn meaning(schema: &Value) -> String {
    let description = schema["description"].as_str().unwrap_or_default().replace('\n', " ");
    match description.split(". ").next().map(|sentence| sentence.trim_end_matches('.')) {
        None | Some("") => String::new(),
        Some(sentence) => format!(" ({sentence})"),
    }
}
