//! What the world consists of.

mod fleet;
mod identity;
mod image;
mod instance;
mod key;
mod launch_template;
mod network;
mod spot;
mod storage;
mod systems_manager;

pub use fleet::{Capacity, Fleet};
pub use identity::{InstanceProfile, Role};
pub use image::{
    Device, Ebs, FastLaunch, Image, ImageState, Permissions, ProductCode, Protection, StoredImage,
};
pub use instance::{
    Attachment, Features, HostNames, Instance, InstanceState, Interface, MetadataDefaults, MetadataOptions,
    Phase,
};
pub use key::{Key, KeyAlias};
pub use launch_template::{LaunchTemplate, TemplateVersion};
pub use network::{KeyPair, Rule, RuleTarget, SecurityGroup, Subnet, Vpc, companion_id};
pub use spot::{SpotOptions, SpotRequest};
pub use storage::{
    Billing, Disk, FastRestore, Modification, Performance, Snapshot, SnapshotLock, SnapshotState, Volume,
};
pub use systems_manager::{Command, Invocation, InvocationState, Parameter, ParameterVersion, Recipients};

/// Why something is in the state that it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateReason {
    pub code: String,
    pub message: String,
}

impl StateReason {
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }

    pub fn node(&self) -> super::xml::Node {
        super::xml::Node::new().text("code", &self.code).text("message", &self.message)
    }
}
