//! The operator's view of EBS volumes.

use jiff::Timestamp;

use super::{Tags, VolumeId};

/// An EBS volume, reduced to what decisions need.
#[derive(Clone, Debug, PartialEq)]
pub struct Volume {
    pub id: VolumeId,
    pub state: VolumeState,
    pub created_at: Option<Timestamp>,
    pub tags: Tags,
}

/// The life cycle of a volume. Source: EC2 API reference, `Volume.State`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VolumeState {
    Creating,
    /// On no instance.
    Available,
    InUse,
    Deleting,
    Deleted,
    Error,
    /// A state that EC2 added since; such a volume is left alone.
    Other(String),
}
