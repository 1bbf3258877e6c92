//! The operator's view of the builder instance.

use jiff::Timestamp;

use super::{ClientToken, ImageId, InstanceId, Tags};

/// An EC2 instance, reduced to what decisions need.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    pub id: InstanceId,
    pub state: InstanceState,
    /// Why it is in this state, as far as EC2 says: `Client.InstanceInitiatedShutdown` and others.
    pub state_reason: Option<StateReason>,
    pub image_id: ImageId,
    pub instance_type: String,
    pub availability_zone: String,
    pub client_token: Option<ClientToken>,
    pub launched_at: Option<Timestamp>,
    pub tags: Tags,
}

impl Instance {
    /// Whether it is there, and nobody has asked for its end yet.
    pub fn is_alive(&self) -> bool {
        !matches!(self.state, InstanceState::ShuttingDown | InstanceState::Terminated)
    }
}

/// The life cycle of an instance. Source: EC2 API reference, `InstanceState`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstanceState {
    Pending,
    Running,
    Stopping,
    Stopped,
    ShuttingDown,
    Terminated,
    /// A state that EC2 added since; treated as "wait", never as success.
    Other(String),
}

/// A code and a sentence of EC2's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateReason {
    pub code: String,
    pub message: String,
}

impl StateReason {
    /// The guest shut itself down: the only reason that can mean "customized".
    pub const GUEST_SHUTDOWN: &'static str = "Client.InstanceInitiatedShutdown";
}
