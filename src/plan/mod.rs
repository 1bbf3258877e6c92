//! Decisions: pure functions of the receipts, the spec and the observations. No clock, no I/O.
//!
//! A pass asks [`build::plan`] or [`replication::plan`] what to do next, makes at most one AWS write per region, records the
//! outcome, and asks again.

pub mod build;
pub mod eyes;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod lifecycle;
pub mod naming;
pub mod orphans;
pub mod removal;
pub mod replication;
pub mod timing;
pub mod upkeep;

pub use eyes::{Eyes, Pace, Sighting, Sightings, Watch};
pub use upkeep::UpkeepCall;

use std::{fmt, time::Duration};

use jiff::Timestamp;

use crate::api::image_build::FailureStatus;
use crate::model::{AwsError, ImageId, InstanceId, Region};

/// The progress of a run or a copy, as it is reported.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// In progress.
    Moving(WaitingOn),
    /// An AWS call failed or got no response; the class of the error determines what follows.
    Trouble(AwsError),
    /// Someone has to act outside the object; checked again every ten minutes.
    Blocked(Failure),
    /// Everything matches the manifest.
    Done,
    /// Cannot proceed until the object is changed.
    Rejected(Failure),
}

/// Why something cannot proceed: a CamelCase reason, and a sentence that names IDs, region and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub reason: String,
    pub message: String,
}

impl Failure {
    /// A failure with this reason and message.
    pub fn new(reason: &str, message: impl Into<String>) -> Self {
        Self { reason: reason.to_owned(), message: message.into() }
    }
}

impl From<&FailureStatus> for Failure {
    fn from(written: &FailureStatus) -> Self {
        Self::new(&written.reason, written.message.clone())
    }
}

/// What a pass waits for. Its `Display` is the condition's message, [`WaitingOn::reason`] its reason.
#[derive(Clone, Debug, PartialEq)]
pub enum WaitingOn {
    /// The first check of the object.
    Start,
    Suspended,
    SourceLookup,
    SourceBuild {
        name: String,
    },
    /// A build that matches a selector.
    SelectedBuild {
        selector: String,
    },
    SourceImage {
        id: ImageId,
        state: String,
    },
    NameLookup {
        name: String,
    },
    /// Content that a step refers to; the text says which, and where it was looked for.
    Content {
        missing: String,
    },
    LaunchLookup {
        region: Region,
    },
    Launch {
        instance_type: String,
        attempt: i32,
    },
    Capacity {
        attempt: i32,
        message: String,
    },
    /// A new builder, because one failed.
    Retry {
        failed: i32,
        allowed: i32,
        message: String,
    },
    BuilderStart {
        id: InstanceId,
    },
    Guest {
        id: InstanceId,
        step: Option<String>,
    },
    /// The Systems Manager agent.
    Agent {
        id: InstanceId,
    },
    /// A failed builder that is kept for inspection.
    KeptBuilder {
        id: InstanceId,
        region: Region,
        until: Timestamp,
    },
    BuilderStop {
        id: InstanceId,
    },
    Console {
        id: InstanceId,
    },
    ImageLookup {
        name: String,
        region: Region,
    },
    ImageCreation {
        name: String,
    },
    Image {
        id: ImageId,
        region: Region,
        progress: Option<u8>,
    },
    BuilderTermination {
        id: InstanceId,
    },
    ImageRemoval {
        id: Option<ImageId>,
        region: Region,
    },
    /// A free copy slot: the maximum number of copies into the region is in progress.
    CopySlot {
        region: Region,
    },
    CopyLookup {
        region: Region,
    },
    CopyStart {
        region: Region,
    },
    CopyRetry {
        region: Region,
        message: String,
    },
    Tags {
        id: ImageId,
        region: Region,
    },
    /// Launch permissions.
    Sharing {
        id: ImageId,
        region: Region,
    },
    /// Deprecation, protection, state, fast snapshot restore.
    Lifecycle {
        id: ImageId,
        region: Region,
    },
    /// Parameters and tags for consumers, or the other regions that these wait for.
    Publication {
        id: ImageId,
        region: Region,
    },
    Withdrawal {
        region: Region,
    },
    /// The cooldown of deregistration protection.
    ProtectionCooldown {
        id: ImageId,
        region: Region,
        until: Timestamp,
    },
    /// The new copy in every region, before former ones are removed.
    Succession {
        region: Region,
    },
    /// The end of the use of images that are to be removed.
    Disuse {
        why: String,
    },
    Destinations {
        ready: usize,
        total: usize,
    },
}

impl WaitingOn {
    /// The reason of the condition, CamelCase.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Start => "Starting",
            Self::Suspended => "Suspended",
            Self::SourceLookup => "ResolvingSource",
            Self::SourceBuild { .. } | Self::SelectedBuild { .. } => "WaitingForSourceBuild",
            Self::SourceImage { .. } => "WaitingForSourceImage",
            Self::NameLookup { .. } => "CheckingName",
            Self::Content { .. } => "WaitingForContent",
            Self::LaunchLookup { .. } => "LookingForBuilder",
            Self::Launch { .. } => "LaunchingBuilder",
            Self::Capacity { .. } => "WaitingForCapacity",
            Self::Retry { .. } => "RetryingBuild",
            Self::BuilderStart { .. } => "WaitingForBuilder",
            Self::Guest { .. } => "Customizing",
            Self::Agent { .. } => "WaitingForAgent",
            Self::KeptBuilder { .. } => "KeepingBuilder",
            Self::BuilderStop { .. } => "WaitingForStop",
            Self::Console { .. } => "WaitingForVerdict",
            Self::ImageLookup { .. } => "LookingForImage",
            Self::ImageCreation { .. } => "CreatingImage",
            Self::Image { .. } => "WaitingForImage",
            Self::BuilderTermination { .. } => "WaitingForTermination",
            Self::ImageRemoval { .. } => "RemovingImage",
            Self::CopySlot { .. } => "WaitingForCopySlot",
            Self::CopyLookup { .. } => "LookingForCopy",
            Self::CopyStart { .. } => "StartingCopy",
            Self::CopyRetry { .. } => "CopyFailed",
            Self::Tags { .. } => "UpdatingTags",
            Self::Sharing { .. } => "Sharing",
            Self::Lifecycle { .. } => "UpdatingLifecycle",
            Self::Publication { .. } => "Publishing",
            Self::Withdrawal { .. } => "Withdrawing",
            Self::ProtectionCooldown { .. } => "WaitingForCooldown",
            Self::Succession { .. } => "WaitingForSuccession",
            Self::Disuse { .. } => "ImageInUse",
            Self::Destinations { .. } => "Copying",
        }
    }
}

impl fmt::Display for WaitingOn {
    #[expect(clippy::too_many_lines, reason = "one sentence per variant")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => write!(f, "about to start"),
            Self::Suspended => write!(f, "spec.suspend is true: nothing new is started"),
            Self::SourceLookup => write!(f, "looking for the source image"),
            Self::SourceBuild { name } => write!(f, "waiting for ImageBuild {name} to have an image"),
            Self::SelectedBuild { selector } => {
                write!(f, "waiting for an ImageBuild in this namespace with the labels {selector} to succeed")
            }
            Self::SourceImage { id, state } => write!(f, "waiting for source image {id}, which is {state}"),
            Self::NameLookup { name } => write!(f, "checking that image name {name:?} is free"),
            Self::Content { missing } => write!(f, "waiting for {missing}"),
            Self::LaunchLookup { region } => {
                write!(f, "looking for the builder that may have been launched in {region}")
            }
            Self::Launch { instance_type, attempt } => {
                write!(f, "launching a {instance_type} builder (attempt {attempt})")
            }
            Self::Capacity { attempt, message } => {
                write!(f, "no capacity in attempt {attempt}, trying again: {message}")
            }
            Self::Retry { failed, allowed, message } => {
                write!(f, "builder {failed} of {allowed} failed, launching another: {message}")
            }
            Self::BuilderStart { id } => write!(f, "waiting for builder {id} to run"),
            Self::Guest { id, step: None } => write!(f, "builder {id} runs the steps"),
            Self::Guest { id, step: Some(step) } => write!(f, "builder {id} runs step {step}"),
            Self::Agent { id } => {
                write!(f, "waiting for the Systems Manager agent of builder {id} to be online")
            }
            Self::KeptBuilder { id, region, until } => f.write_str(&how_to_look(id, region, *until)),
            Self::BuilderStop { id } => write!(f, "waiting for builder {id} to stop"),
            Self::Console { id } => write!(f, "waiting for the console output of builder {id}"),
            Self::ImageLookup { name, region } => {
                write!(f, "looking for image {name:?} that may have been created in {region}")
            }
            Self::ImageCreation { name } => write!(f, "creating image {name:?}"),
            Self::Image { id, region, progress } => {
                let percent = progress.map(|percent| format!(" ({percent}%)")).unwrap_or_default();
                write!(f, "waiting for image {id} in {region} to be available{percent}")
            }
            Self::BuilderTermination { id } => write!(f, "waiting for builder {id} to be terminated"),
            Self::ImageRemoval { id: Some(id), region } => {
                write!(f, "removing image {id} and its snapshots in {region}")
            }
            Self::ImageRemoval { id: None, region } => {
                write!(f, "making sure that no unfinished image is left in {region}")
            }
            Self::CopySlot { region } => {
                write!(
                    f,
                    "waiting for a copy slot: the maximum number of copies into {region} is in progress"
                )
            }
            Self::CopyLookup { region } => {
                write!(f, "looking for the copy that may have been started in {region}")
            }
            Self::CopyStart { region } => write!(f, "starting the copy into {region}"),
            Self::CopyRetry { region, message } => {
                write!(f, "the copy into {region} failed and is retried: {message}")
            }
            Self::Tags { id, region } => write!(f, "updating the tags of {id} in {region}"),
            Self::Sharing { id, region } => write!(f, "updating the permissions of {id} in {region}"),
            Self::Lifecycle { id, region } => {
                write!(f, "updating the lifecycle settings of {id} in {region}")
            }
            Self::Publication { id, region } => {
                write!(f, "publishing {id} in {region} once all regions that it waits for are ready")
            }
            Self::Withdrawal { region } => write!(f, "withdrawing what was published in {region}"),
            Self::ProtectionCooldown { id, region, until } => {
                write!(f, "{id} in {region} stays protected from deregistration until {until:.0}")
            }
            Self::Succession { region } => write!(
                f,
                "former copies in {region} stay until every region has the newest one, published if spec.publish is set"
            ),
            Self::Disuse { why } => write!(
                f,
                "{why}: it is removed when it is out of use; set spec.protectInUse to false to remove it now, or spec.deletionPolicy (spec.removedDestinationPolicy in a removed region) to Retain to keep it"
            ),
            Self::Destinations { ready, total } => {
                write!(f, "{ready} of {total} destinations are ready")
            }
        }
    }
}

/// The commands with which a failed builder can be inspected.
fn how_to_look(id: &InstanceId, region: &Region, until: Timestamp) -> String {
    format!(
        "builder {id} is kept until {until:.0}: start it with `aws ec2 start-instances --region {region} --instance-ids {id}` if it is stopped, then inspect it with `aws ssm start-session --region {region} --target {id}` (Session Manager), `aws ec2 get-console-output --region {region} --instance-id {id} --latest --output text` or the EC2 serial console; spec.onFailure: Terminate removes it now"
    )
}

/// The longest time until the next look, even if no change was seen.
pub type CheckAfter = Option<Duration>;
