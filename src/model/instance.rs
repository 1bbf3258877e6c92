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
    /// Whether the instance exists and its termination has not been requested.
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

/// Code and message of a state, as EC2 reports them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateReason {
    pub code: String,
    pub message: String,
}

impl StateReason {
    /// The guest shut itself down: the only reason that can mean "customized".
    pub const GUEST_SHUTDOWN: &'static str = "Client.InstanceInitiatedShutdown";

    /// Whether the guest shut itself down.
    pub fn is_guest_shutdown(&self) -> bool {
        self.code == Self::GUEST_SHUTDOWN
    }

    /// Whether EC2 itself gave the instance up, so that another type or subnet may do.
    /// Source: EC2 API reference, `StateReason`: `Server.InsufficientInstanceCapacity`, `Server.InternalError` and others.
    pub fn is_fault_of_ec2(&self) -> bool {
        self.code.starts_with("Server.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(code: &str) -> StateReason {
        StateReason { code: code.to_owned(), message: String::new() }
    }

    #[test]
    fn ec2_tells_its_own_faults_from_those_of_a_client() {
        assert!(reason("Server.InsufficientInstanceCapacity").is_fault_of_ec2());
        assert!(!reason("Client.VolumeLimitExceeded").is_fault_of_ec2());
    }

    #[test]
    fn a_stop_by_a_user_is_no_shutdown_by_the_guest() {
        assert!(reason(StateReason::GUEST_SHUTDOWN).is_guest_shutdown());
        assert!(!reason("Client.UserInitiatedShutdown").is_guest_shutdown());
    }
}
