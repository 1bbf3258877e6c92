//! Tags: their limits, and the tag specifications of create calls.

use std::collections::BTreeMap;

use imbl::OrdMap;

use super::{error::ApiError, params::Params, xml::Node};

pub type Tags = OrdMap<String, String>;

/// Tags per resource (AWS: Amazon EC2 resource tags, restrictions).
pub const MAX_TAGS: usize = 50;
const MAX_KEY: usize = 128;
const MAX_VALUE: usize = 256;

/// Reads `Tag.1.Key=…&Tag.1.Value=…`; refuses reserved, doubled, too long and too many tags.
pub fn parse(items: &[&Params]) -> Result<Tags, ApiError> {
    let mut tags = Tags::new();
    for item in items {
        let key =
            item.text("Key").ok_or_else(|| ApiError::invalid_value("Tag key cannot be null or empty."))?;
        let value = item.text("Value").unwrap_or_default();
        check(key, value)?;
        if tags.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(ApiError::invalid_value(format!("Duplicate tag key '{key}' specified.")));
        }
    }
    check_count(&tags)?;
    Ok(tags)
}

fn check(key: &str, value: &str) -> Result<(), ApiError> {
    if reserved(key) {
        return Err(ApiError::invalid_value("Tag keys starting with 'aws:' are reserved for internal use"));
    }
    if key.chars().count() > MAX_KEY {
        return Err(ApiError::invalid_value("Tag key exceeds the maximum length of 128 characters"));
    }
    if value.chars().count() > MAX_VALUE {
        return Err(ApiError::invalid_value("Tag value exceeds the maximum length of 256 characters"));
    }
    Ok(())
}

pub fn reserved(key: &str) -> bool {
    key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"))
}

/// Adds tags to those of a resource, within the limit for the sum.
pub fn merge(onto: &mut Tags, more: &Tags) -> Result<(), ApiError> {
    let merged = more.clone().union(onto.clone());
    check_count(&merged)?;
    *onto = merged;
    Ok(())
}

fn check_count(tags: &Tags) -> Result<(), ApiError> {
    if tags.keys().filter(|key| !reserved(key)).count() > MAX_TAGS {
        return Err(ApiError::new(
            "TagLimitExceeded",
            "The maximum number of Tags for a resource has been reached.",
        ));
    }
    Ok(())
}

/// The `TagSpecification`s of a create call by resource type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Specifications(BTreeMap<String, Tags>);

impl Specifications {
    /// Refuses resource types that the action does not create, as EC2 fails the whole call.
    pub fn parse(params: &Params, allowed: &[&str]) -> Result<Self, ApiError> {
        let mut by_type = BTreeMap::new();
        for item in params.list("TagSpecification") {
            let kind = item
                .text("ResourceType")
                .ok_or_else(|| ApiError::missing("TagSpecification.ResourceType"))?;
            if !allowed.contains(&kind) {
                let message = format!("'{kind}' is not a valid taggable resource type for this operation.");
                return Err(ApiError::invalid_value(message));
            }
            let tags = parse(&item.list("Tag"))?;
            if tags.is_empty() {
                return Err(ApiError::invalid_value("Tag specification must have at least one tag"));
            }
            if by_type.insert(kind.to_owned(), tags).is_some() {
                let message = format!(
                    "The same resource type may not be specified more than once in tag specifications: {kind}"
                );
                return Err(ApiError::invalid_value(message));
            }
        }
        Ok(Self(by_type))
    }

    /// Adds a tag of AWS's own.
    pub fn note(&mut self, resource_type: &str, key: &str, value: &str) {
        let tags = self.0.entry(resource_type.to_owned()).or_default();
        tags.insert(key.to_owned(), value.to_owned());
    }

    pub fn of(&self, resource_type: &str) -> Tags {
        self.0.get(resource_type).cloned().unwrap_or_default()
    }
}

/// The `tagSet` of a description.
pub fn nodes(tags: &Tags) -> impl Iterator<Item = Node> + '_ {
    tags.iter().map(|(key, value)| Node::new().text("key", key).text("value", value))
}
