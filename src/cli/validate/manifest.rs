//! YAML as kubectl reads it, with the line of everything.

use saphyr::{LoadableYamlNode as _, MarkedYaml, Scalar, YamlData};
use serde_json::{Map, Value};

/// What YAML 1.1, and so kubectl, takes for a boolean when it is not in quotes; YAML 1.2 knows only true and false.
const OLD_BOOLEANS: [(&str, bool); 16] = [
    ("y", true),
    ("Y", true),
    ("yes", true),
    ("Yes", true),
    ("YES", true),
    ("on", true),
    ("On", true),
    ("ON", true),
    ("n", false),
    ("N", false),
    ("no", false),
    ("No", false),
    ("NO", false),
    ("off", false),
    ("Off", false),
    ("OFF", false),
];

/// One object of a file.
#[derive(Debug)]
pub struct Manifest<'a> {
    node: MarkedYaml<'a>,
}

/// All objects of a file, those in a `List` one by one.
///
/// # Errors
/// Line and message of the first thing that is not YAML.
pub fn parse(text: &str) -> Result<Vec<Manifest<'_>>, (usize, String)> {
    let documents = MarkedYaml::load_from_str(text).map_err(|e| (e.marker().line(), e.info().to_owned()))?;
    Ok(documents.into_iter().flat_map(unpack).collect())
}

fn unpack(node: MarkedYaml<'_>) -> Vec<Manifest<'_>> {
    let is_list =
        entry(&node, "kind").and_then(|(_, kind)| kind.data.as_str()).is_some_and(|k| k.ends_with("List"));
    match entry(&node, "items").map(|(_, items)| &items.data) {
        Some(YamlData::Sequence(items)) if is_list => items.iter().cloned().flat_map(unpack).collect(),
        _ if node.data.is_null() => Vec::new(),
        _ => vec![Manifest { node }],
    }
}

impl Manifest<'_> {
    /// As JSON, the form in which it would reach the API server.
    pub fn value(&self) -> Value {
        json(&self.node)
    }

    /// The line of a field path such as `spec.destinations[1].region`, or of the nearest parent that is there.
    pub fn line(&self, path: &str) -> usize {
        let (mut node, mut line) = (&self.node, self.node.span.start.line());
        for step in steps(path) {
            let Some((at, next)) = entry(node, step).or_else(|| item(node, step)) else { break };
            (node, line) = (next, at);
        }
        line
    }
}

/// `a.b[c.d][0]` becomes a, b, c.d, 0.
fn steps(path: &str) -> impl Iterator<Item = &str> {
    path.split('[')
        .flat_map(|part| match part.split_once(']') {
            Some((inner, rest)) => std::iter::once(inner).chain(rest.split('.')).collect::<Vec<_>>(),
            None => part.split('.').collect(),
        })
        .filter(|step| !step.is_empty())
}

/// The value of a key, also of one that is merged in by `<<`, and the key's line.
fn entry<'n, 'y>(node: &'n MarkedYaml<'y>, name: &str) -> Option<(usize, &'n MarkedYaml<'y>)> {
    let mapping = node.data.as_mapping()?;
    let own = mapping.iter().find(|(key, _)| key_text(key) == name);
    own.map(|(key, value)| (key.span.start.line(), value))
        .or_else(|| merged(node).find_map(|other| entry(other, name)))
}

fn item<'n, 'y>(node: &'n MarkedYaml<'y>, index: &str) -> Option<(usize, &'n MarkedYaml<'y>)> {
    let found = node.data.as_sequence()?.get(index.parse::<usize>().ok()?)?;
    Some((found.span.start.line(), found))
}

/// The mappings that `<<` names: one, or a list of which the first wins.
fn merged<'n, 'y>(node: &'n MarkedYaml<'y>) -> impl Iterator<Item = &'n MarkedYaml<'y>> {
    let merge = node.data.as_mapping().and_then(|m| m.iter().find(|(key, _)| key_text(key) == "<<"));
    merge.into_iter().flat_map(|(_, value)| match &value.data {
        YamlData::Sequence(several) => several.iter().collect(),
        _ => vec![value],
    })
}

fn json(node: &MarkedYaml<'_>) -> Value {
    match &node.data {
        YamlData::Value(scalar) => scalar_json(scalar, is_plain(node)),
        YamlData::Sequence(items) => items.iter().map(json).collect(),
        YamlData::Mapping(mapping) => {
            let own = mapping
                .iter()
                .map(|(key, value)| (key_text(key), json(value)))
                .filter(|(key, _)| key != "<<");
            let mut fields: Map<String, Value> = own.collect();
            for (key, value) in merged(node).filter_map(|other| json(other).as_object().cloned()).flatten() {
                fields.entry(key).or_insert(value);
            }
            Value::Object(fields)
        }
        YamlData::Tagged(_, inner) => json(inner),
        YamlData::Representation(..) | YamlData::Alias(_) | YamlData::BadValue => Value::Null,
    }
}

fn scalar_json(scalar: &Scalar<'_>, plain: bool) -> Value {
    match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(value) => (*value).into(),
        Scalar::Integer(value) => (*value).into(),
        Scalar::FloatingPoint(value) => value.into_inner().into(),
        Scalar::String(text) => {
            let old = OLD_BOOLEANS.iter().find(|(word, _)| plain && *word == text.as_ref());
            old.map_or_else(|| text.as_ref().into(), |(_, value)| (*value).into())
        }
    }
}

/// Whether a scalar stands without quotes: then it takes no more room than its text.
fn is_plain(node: &MarkedYaml<'_>) -> bool {
    let room = node.span.end.index() - node.span.start.index();
    node.data.as_str().is_some_and(|text| text.chars().count() == room)
}

fn key_text(key: &MarkedYaml<'_>) -> String {
    match json(key) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}
