use jiff::Timestamp;

use crate::core::{params::Params, tags::Tags, xml::Node};

/// What `CreateFleet` made.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// `fleet-` and a UUID.
    pub id: String,
    pub owner: String,
    pub created_at: Timestamp,
    /// `instant` or `request`.
    pub kind: String,
    pub request: Params,
    pub capacity: Capacity,
    pub instances: Vec<String>,
    /// As the answers show what was launched and what was not.
    pub launched: Vec<Node>,
    pub errors: Vec<Node>,
    /// Whether its deletion ended its instances, if it is deleted.
    pub deleted: Option<bool>,
    pub tags: Tags,
}

/// How many instances a fleet wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    pub total: i64,
    pub on_demand: i64,
    pub spot: i64,
    /// `spot` or `on-demand`
    pub default: &'static str,
}
