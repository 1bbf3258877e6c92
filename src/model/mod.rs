//! Plain data: what Amazon EC2 looks like to the operator, and what it can be asked to do. Knows nothing of
//! Kubernetes, of an SDK or of the time.

pub mod action;
pub mod command;
pub mod error;
pub mod grants;
pub mod ids;
pub mod image;
pub mod instance;
pub mod nonce;
pub mod ownership;
pub mod query;
pub mod request;
pub mod seen;
pub mod verdict;
pub mod volume;

pub use action::Action;
pub use command::{Agent, CommandOutput, Document, Invocation, InvocationStatus, Ping, SendCommand};
pub use error::{AwsError, Class, Disposition};
pub use grants::{Grants, VolumeGrants};
pub use ids::{ClientToken, CommandId, ImageId, InstanceId, Region, SnapshotId, VolumeId};
pub use image::{Device, Image, ImageState, Protection, Snapshot, SnapshotState};
pub use instance::{Instance, InstanceState, StateReason};
pub use nonce::Nonce;
pub use ownership::{Owner, Role};
pub use query::{AWS_MANAGED_KEY, Accounts, Answer, ConsoleView, DefaultEncryption, ImageSelector, Query};
pub use request::{
    BootMode, CopyImage, CreateImage, LaunchVolume, ParameterTier, PutParameter, RunInstances, VolumeType,
};
pub use seen::{Absence, Seen};
pub use verdict::{GuestOutcome, StepReport, StepResult, Verdict};
pub use volume::{Volume, VolumeState};

/// Tags by key, in key order, so that a request and its hash do not depend on how a map was filled.
pub type Tags = std::collections::BTreeMap<String, String>;
