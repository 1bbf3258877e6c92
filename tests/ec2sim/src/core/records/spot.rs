use jiff::Timestamp;

use crate::core::tags::Tags;

/// The Spot request that a launch with Spot options makes.
#[derive(Clone, Debug)]
pub struct SpotRequest {
    /// `sir-…`
    pub id: String,
    pub owner: String,
    pub instance_id: String,
    pub created_at: Timestamp,
    pub options: SpotOptions,
    pub cancelled_at: Option<Timestamp>,
    pub tags: Tags,
}

/// What a launch asks for of a Spot instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpotOptions {
    pub persistent: bool,
    /// `terminate`, `stop` or `hibernate`.
    pub interruption: String,
    pub max_price: Option<String>,
    pub valid_until: Option<Timestamp>,
}
