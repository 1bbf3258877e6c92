//! Parameters of a call as a tree, whatever protocol brought them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::error::ApiError;

/// Ids in one list (EC2 API reference, `DescribeInstances` and `StopInstances`: at most 1000).
const MAX_IDS: usize = 1000;

/// One node of the parameter tree: `Filter.1.Name=x` is `Filter` → `1` → `Name` with the value `x`.
///
/// An empty value counts as absent for every reader but [`Params::has`], because other clients send `SubnetId=`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params {
    value: Option<String>,
    members: BTreeMap<String, Params>,
}

impl Params {
    /// From the pairs of the query protocol, in any order.
    pub fn from_query<K: AsRef<str>, V: Into<String>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        let mut root = Self::default();
        for (name, value) in pairs {
            let node = name
                .as_ref()
                .split('.')
                .fold(&mut root, |node, part| node.members.entry(part.to_owned()).or_default());
            node.value = Some(value.into());
        }
        root
    }

    /// From a JSON body; the items of an array become the members `1`, `2`, ….
    pub fn from_json(json: &Value) -> Self {
        match json {
            Value::Null => Self::default(),
            Value::String(text) => Self { value: Some(text.clone()), ..Self::default() },
            Value::Bool(_) | Value::Number(_) => Self { value: Some(json.to_string()), ..Self::default() },
            Value::Array(items) => Self::of_items(items.iter().map(Self::from_json)),
            Value::Object(fields) => {
                let members = fields.iter().map(|(name, field)| (name.clone(), Self::from_json(field)));
                Self { members: members.collect(), ..Self::default() }
            }
        }
    }

    /// The tree as JSON, for the journal and the token fingerprints.
    pub fn to_json(&self) -> Value {
        match (&self.value, self.members.is_empty()) {
            (Some(text), true) => Value::String(text.clone()),
            _ => self.members.iter().map(|(name, member)| (name.clone(), member.to_json())).collect(),
        }
    }

    /// The node at a dotted path.
    pub fn get(&self, path: &str) -> Option<&Self> {
        path.split('.').try_fold(self, |node, part| node.members.get(part))
    }

    /// True also for an empty value: `Description.Value=` clears a description.
    pub fn has(&self, path: &str) -> bool {
        self.get(path).is_some()
    }

    /// The node's own value.
    pub fn value(&self) -> Option<&str> {
        self.value.as_deref().filter(|text| !text.is_empty())
    }

    pub fn text(&self, path: &str) -> Option<&str> {
        self.get(path)?.value()
    }

    pub fn require(&self, path: &str) -> Result<&str, ApiError> {
        self.text(path).ok_or_else(|| ApiError::missing(path))
    }

    pub fn flag(&self, path: &str) -> Result<Option<bool>, ApiError> {
        let parse = |text: &str| match text.to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => {
                Err(ApiError::invalid_value(format!("Invalid value '{text}' for {path}: expected a boolean")))
            }
        };
        self.text(path).map(parse).transpose()
    }

    /// A flag whose absence means false.
    pub fn is_set(&self, path: &str) -> Result<bool, ApiError> {
        Ok(self.flag(path)?.unwrap_or(false))
    }

    pub fn int(&self, path: &str) -> Result<Option<i64>, ApiError> {
        let parse = |text: &str| {
            let refused =
                || ApiError::invalid_value(format!("Invalid value '{text}' for {path}: expected an integer"));
            text.parse().map_err(|_| refused())
        };
        self.text(path).map(parse).transpose()
    }

    /// The items of a list in their order; a value without an index is a list of one; `member` levels are skipped.
    pub fn list(&self, path: &str) -> Vec<&Self> {
        let Some(node) = self.get(path) else {
            return Vec::new();
        };
        let node = node.members.get("member").unwrap_or(node);
        if node.value().is_some() { vec![node] } else { node.items() }
    }

    pub fn texts(&self, path: &str) -> Vec<&str> {
        self.list(path).into_iter().filter_map(Self::value).collect()
    }

    /// As [`Params::texts`], for lists of ids, in which EC2 takes no empty item, and an id twice as once.
    pub fn ids(&self, path: &str) -> Result<Vec<&str>, ApiError> {
        let has_empty = self.get(path).is_some_and(|node| {
            node.members.iter().any(|(at, item)| at.parse::<u32>().is_ok() && item.is_empty())
        });
        let asked = self.texts(path);
        if has_empty {
            return Err(ApiError::missing(path));
        }
        if asked.len() > MAX_IDS {
            let message = format!("At most {MAX_IDS} values can be given for {path}.");
            return Err(ApiError::invalid_value(message));
        }
        let mut seen = BTreeSet::new();
        Ok(asked.into_iter().filter(|id| seen.insert(*id)).collect())
    }

    /// The items of this node, as [`Params::list`] gives those of a member.
    pub fn items(&self) -> Vec<&Self> {
        let mut order: Vec<u32> = self.members.keys().filter_map(|name| name.parse().ok()).collect();
        order.sort_unstable();
        let items = order.iter().filter_map(|at| self.members.get(&at.to_string()));
        items.filter(|item| !item.is_empty()).collect()
    }

    pub fn is_list(&self) -> bool {
        !self.members.is_empty() && self.members.keys().all(|name| name.parse::<u32>().is_ok())
    }

    /// All values at and below the node.
    pub fn leaves(&self) -> Vec<&str> {
        self.value().into_iter().chain(self.members.values().flat_map(Self::leaves)).collect()
    }

    /// Members by name, for the maps of JSON bodies.
    pub fn members(&self) -> impl Iterator<Item = (&str, &Self)> {
        self.members.iter().map(|(name, member)| (name.as_str(), member))
    }

    pub fn is_empty(&self) -> bool {
        self.value().is_none() && self.members.values().all(Self::is_empty)
    }

    pub fn of_text(text: impl Into<String>) -> Self {
        Self { value: Some(text.into()), ..Self::default() }
    }

    pub fn of_items(items: impl IntoIterator<Item = Self>) -> Self {
        let numbered = items.into_iter().enumerate().map(|(at, item)| ((at + 1).to_string(), item));
        Self { members: numbered.collect(), ..Self::default() }
    }

    /// With a member in place of one that may be there.
    #[must_use]
    pub fn with(mut self, name: &str, member: Self) -> Self {
        self.members.insert(name.to_owned(), member);
        self
    }

    /// With those members of `base` that are not here.
    #[must_use]
    pub fn over(&self, base: &Self) -> Self {
        let mut members = base.members.clone();
        members.extend(self.members.clone());
        Self { value: self.value.clone(), members }
    }

    /// A copy without some top-level members.
    #[must_use]
    pub fn without(&self, names: &[&str]) -> Self {
        let mut copy = self.clone();
        copy.members.retain(|name, _| !names.contains(&name.as_str()));
        copy
    }
}
