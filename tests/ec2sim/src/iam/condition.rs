//! The `Condition` block of a statement.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::core::filters::wildcard;

/// What is known about a request and its resource: values by condition key in lower case.
pub type Context = BTreeMap<String, Vec<String>>;

/// Keys that requests are asked for, in lower case.
const KEYS: [&str; 27] = [
    "aws:principalaccount",
    "aws:principalarn",
    "aws:requestedregion",
    "aws:securetransport",
    "aws:tagkeys",
    "ec2:add/group",
    "ec2:add/userid",
    "ec2:availabilityzone",
    "ec2:createaction",
    "ec2:encrypted",
    "ec2:instanceprofile",
    "ec2:instancetype",
    "ec2:metadatahttpendpoint",
    "ec2:metadatahttptokens",
    "ec2:owner",
    "ec2:public",
    "ec2:region",
    "ec2:remove/group",
    "ec2:remove/userid",
    "ec2:subnet",
    "ec2:vpc",
    "iam:passedtoservice",
    "kms:grantisforawsresource",
    "kms:viaservice",
    "ssm:overwrite",
    "sts:externalid",
    "sts:rolesessionname",
];

/// Keys that go on with the key of a tag.
const TAG_KEYS: [&str; 4] = ["aws:requesttag/", "aws:resourcetag/", "ec2:resourcetag/", "ssm:resourcetag/"];

/// Keys that may have several values in one request, and so ask for a set operator.
const SETS: [&str; 5] =
    ["aws:tagkeys", "ec2:add/group", "ec2:add/userid", "ec2:remove/group", "ec2:remove/userid"];

#[derive(Clone, Debug)]
pub struct Condition {
    key: String,
    operator: Operator,
    quantifier: Quantifier,
    if_exists: bool,
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantifier {
    Single,
    ForAnyValue,
    ForAllValues,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Null,
    Compare { comparison: Comparison, negated: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    EqualIgnoringCase,
    /// With `*` and `?`.
    Like,
}

impl Operator {
    fn named(name: &str) -> Option<Self> {
        use Comparison::{Equal, EqualIgnoringCase, Like};
        let (comparison, negated) = match name {
            "Null" => return Some(Self::Null),
            "StringEquals" => (Equal, false),
            "StringNotEquals" => (Equal, true),
            "StringEqualsIgnoreCase" | "Bool" => (EqualIgnoringCase, false),
            "StringNotEqualsIgnoreCase" => (EqualIgnoringCase, true),
            "StringLike" | "ArnLike" | "ArnEquals" => (Like, false),
            "StringNotLike" | "ArnNotLike" | "ArnNotEquals" => (Like, true),
            _ => return None,
        };
        Some(Self::Compare { comparison, negated })
    }
}

impl Comparison {
    fn fits(self, pattern: &str, value: &str) -> bool {
        match self {
            Self::Equal => pattern == value,
            Self::EqualIgnoringCase => pattern.eq_ignore_ascii_case(value),
            Self::Like => wildcard(pattern, value),
        }
    }
}

/// Reads `{operator: {key: value or values}}`.
pub fn read(block: &Map<String, Value>) -> Result<Vec<Condition>, String> {
    let mut conditions = Vec::new();
    for (operator, keys) in block {
        let keys = keys.as_object().ok_or_else(|| format!("{operator} holds no condition keys"))?;
        for (key, values) in keys {
            conditions.push(one(operator, key, values)?);
        }
    }
    Ok(conditions)
}

fn one(written: &str, key: &str, values: &Value) -> Result<Condition, String> {
    let (quantifier, name) = match written.split_once(':') {
        None => (Quantifier::Single, written),
        Some(("ForAnyValue", name)) => (Quantifier::ForAnyValue, name),
        Some(("ForAllValues", name)) => (Quantifier::ForAllValues, name),
        Some(_) => return Err(format!("the operator {written} is not evaluated")),
    };
    let (name, if_exists) = name.strip_suffix("IfExists").map_or((name, false), |name| (name, true));
    let operator = Operator::named(name).ok_or_else(|| format!("the operator {written} is not evaluated"))?;
    let lower = key.to_ascii_lowercase();
    let is_tag = TAG_KEYS.iter().any(|prefix| lower.len() > prefix.len() && lower.starts_with(prefix));
    if !is_tag && !KEYS.contains(&lower.as_str()) {
        return Err(format!("the condition key {key} is not evaluated"));
    }
    if quantifier == Quantifier::Single && operator != Operator::Null && SETS.contains(&lower.as_str()) {
        return Err(format!("{key} may have several values: {written} needs ForAnyValue or ForAllValues"));
    }
    Ok(Condition { key: lower, operator, quantifier, if_exists, values: texts(key, values)? })
}

fn texts(key: &str, values: &Value) -> Result<Vec<String>, String> {
    let text = |value: &Value| match value {
        Value::String(text) if text.contains("${") => {
            Err(format!("{key}: policy variables are not evaluated"))
        }
        Value::String(text) => Ok(text.clone()),
        Value::Bool(flag) => Ok(flag.to_string()),
        other => Err(format!("{key}: {other} is not a text")),
    };
    match values {
        Value::Array(list) => list.iter().map(text).collect(),
        single => Ok(vec![text(single)?]),
    }
}

impl Condition {
    pub fn holds(&self, context: &Context) -> bool {
        let present = context.get(&self.key).filter(|values| !values.is_empty());
        let Operator::Compare { comparison, negated } = self.operator else {
            return self.values.iter().any(|value| (value == "true") == present.is_none());
        };
        let Some(present) = present else {
            return match self.quantifier {
                Quantifier::ForAllValues => true,
                Quantifier::ForAnyValue => self.if_exists,
                Quantifier::Single => self.if_exists || negated,
            };
        };
        let holds =
            |value: &String| self.values.iter().any(|pattern| comparison.fits(pattern, value)) != negated;
        match self.quantifier {
            Quantifier::Single | Quantifier::ForAllValues => present.iter().all(holds),
            Quantifier::ForAnyValue => present.iter().any(holds),
        }
    }
}
