use imbl::{OrdMap, OrdSet};
use jiff::Timestamp;

use crate::core::tags::Tags;

/// A role of IAM that somebody made.
#[derive(Clone, Debug)]
pub struct Role {
    pub name: String,
    pub path: String,
    /// `AROA…`
    pub id: String,
    pub arn: String,
    pub created_at: Timestamp,
    /// Who may assume it, as JSON.
    pub trust: String,
    pub description: Option<String>,
    pub session_seconds: i64,
    /// Policies by name, as JSON.
    pub inline: OrdMap<String, String>,
    /// ARNs of policies.
    pub attached: OrdSet<String>,
    pub tags: Tags,
}

/// An instance profile that somebody made.
#[derive(Clone, Debug)]
pub struct InstanceProfile {
    pub name: String,
    pub path: String,
    /// `AIPA…`
    pub id: String,
    pub arn: String,
    pub created_at: Timestamp,
    /// The name of its role.
    pub role: Option<String>,
    pub is_deleted: bool,
    pub tags: Tags,
}
