//! What a pass waits for, and how conditions tell of it.

use std::fmt;

use jiff::Timestamp;

use crate::model::{ImageId, InstanceId, Region};

/// The reason of a copy that failed, where AWS gives none that is known: it may pass, and the copy is retried.
pub(crate) const COPY_FAILED: &str = "CopyFailed";

/// What a pass waits for. Its `Display` is the condition's message, [`WaitingOn::reason`] its reason.
#[derive(Clone, Debug, PartialEq)]
pub enum WaitingOn {
    /// The first check of the object.
    Start,
    Suspended,
    SourceLookup {
        region: Region,
    },
    SourceBuild {
        name: String,
    },
    /// A build that matches a selector.
    SelectedBuild {
        selector: String,
    },
    SourceImage {
        id: ImageId,
        region: Region,
        state: String,
    },
    NameLookup {
        name: String,
        region: Region,
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
        region: Region,
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
        region: Region,
    },
    Guest {
        id: InstanceId,
        region: Region,
        step: Option<String>,
    },
    /// The Systems Manager agent.
    Agent {
        id: InstanceId,
        region: Region,
    },
    /// A failed builder that is kept for inspection.
    KeptBuilder {
        id: InstanceId,
        region: Region,
        until: Timestamp,
    },
    BuilderStop {
        id: InstanceId,
        region: Region,
    },
    Console {
        id: InstanceId,
        region: Region,
    },
    ImageLookup {
        name: String,
        region: Region,
    },
    ImageCreation {
        name: String,
        region: Region,
    },
    Image {
        id: ImageId,
        region: Region,
        progress: Option<u8>,
    },
    BuilderTermination {
        id: InstanceId,
        region: Region,
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
    /// The new copy in every region, before previous ones are removed.
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
            Self::SourceLookup { .. } => "ResolvingSource",
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
            Self::CopyRetry { .. } => COPY_FAILED,
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

    fn sentence(&self) -> String {
        match self {
            Self::Start => "about to start".to_owned(),
            Self::Suspended => "spec.suspend is true: nothing new is started".to_owned(),
            Self::SourceLookup { region } => format!("looking for the source image in {region}"),
            Self::SourceBuild { name } => format!("waiting for ImageBuild {name} to have an image"),
            Self::SelectedBuild { selector } => selected_build(selector),
            Self::SourceImage { id, region, state } => source_image(id, region, state),
            Self::NameLookup { name, region } => {
                format!("checking that image name {name:?} is free in {region}")
            }
            Self::Content { missing } => format!("waiting for {missing}"),
            Self::LaunchLookup { region } => {
                format!("looking for the builder that may have been launched in {region}")
            }
            Self::Launch { instance_type, region, attempt } => {
                format!("launching a {instance_type} builder in {region} (attempt {attempt})")
            }
            Self::Capacity { attempt, message } => {
                format!("no capacity in attempt {attempt}, trying again: {message}")
            }
            Self::Retry { failed, allowed, message } => {
                format!("builder {failed} of {allowed} failed, launching another: {message}")
            }
            Self::BuilderStart { id, region } => format!("waiting for builder {id} in {region} to run"),
            Self::Guest { id, region, step } => runs(id, region, step.as_deref()),
            Self::Agent { id, region } => {
                format!("waiting for the Systems Manager agent of builder {id} in {region} to be online")
            }
            Self::KeptBuilder { id, region, until } => how_to_look(id, region, *until),
            Self::BuilderStop { id, region } => format!("waiting for builder {id} in {region} to stop"),
            Self::Console { id, region } => {
                format!("waiting for the console output of builder {id} in {region}")
            }
            Self::ImageLookup { name, region } => {
                format!("looking for image {name:?} that may have been created in {region}")
            }
            Self::ImageCreation { name, region } => format!("creating image {name:?} in {region}"),
            Self::Image { id, region, progress } => image(id, region, *progress),
            Self::BuilderTermination { id, region } => termination(id, region),
            Self::ImageRemoval { id, region } => removal(id.as_ref(), region),
            Self::CopySlot { region } => copy_slot(region),
            Self::CopyLookup { region } => {
                format!("looking for the copy that may have been started in {region}")
            }
            Self::CopyStart { region } => format!("starting the copy into {region}"),
            Self::CopyRetry { region, message } => {
                format!("the copy into {region} failed and is retried: {message}")
            }
            Self::Tags { id, region } => format!("updating the tags of {id} in {region}"),
            Self::Sharing { id, region } => format!("updating the permissions of {id} in {region}"),
            Self::Lifecycle { id, region } => format!("updating the lifecycle settings of {id} in {region}"),
            Self::Publication { id, region } => publication(id, region),
            Self::Withdrawal { region } => format!("withdrawing what was published in {region}"),
            Self::ProtectionCooldown { id, region, until } => cooldown(id, region, *until),
            Self::Succession { region } => succession(region),
            Self::Disuse { why } => disuse(why),
            Self::Destinations { ready, total } => format!("{ready} of {total} destinations are ready"),
        }
    }
}

impl fmt::Display for WaitingOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence())
    }
}

fn selected_build(selector: &str) -> String {
    format!("waiting for an ImageBuild in this namespace with the labels {selector} to succeed")
}

fn source_image(id: &ImageId, region: &Region, state: &str) -> String {
    format!("waiting for source image {id} in {region}, which is {state}")
}

fn runs(id: &InstanceId, region: &Region, step: Option<&str>) -> String {
    match step {
        None => format!("builder {id} in {region} runs the steps"),
        Some(step) => format!("builder {id} in {region} runs step {step}"),
    }
}

/// The commands with which a failed builder can be inspected.
fn how_to_look(id: &InstanceId, region: &Region, until: Timestamp) -> String {
    format!(
        "builder {id} is kept until {until:.0}: start it with `aws ec2 start-instances --region {region} --instance-ids {id}` if it is stopped, then inspect it with `aws ssm start-session --region {region} --target {id}` (Session Manager), `aws ec2 get-console-output --region {region} --instance-id {id} --latest --output text` or the EC2 serial console; spec.onFailure: Terminate removes it now"
    )
}

fn termination(id: &InstanceId, region: &Region) -> String {
    format!("waiting for builder {id} in {region} to be terminated")
}

fn image(id: &ImageId, region: &Region, progress: Option<u8>) -> String {
    let percent = progress.map(|percent| format!(" ({percent}%)")).unwrap_or_default();
    format!("waiting for image {id} in {region} to be available{percent}")
}

fn removal(id: Option<&ImageId>, region: &Region) -> String {
    match id {
        Some(id) => format!("removing image {id} and its snapshots in {region}"),
        None => format!("making sure that no unfinished image is left in {region}"),
    }
}

fn copy_slot(region: &Region) -> String {
    format!("waiting for a copy slot: the maximum number of copies into {region} is in progress")
}

fn publication(id: &ImageId, region: &Region) -> String {
    format!("publishing {id} in {region} once all regions that it waits for are ready")
}

fn cooldown(id: &ImageId, region: &Region, until: Timestamp) -> String {
    format!("{id} in {region} stays protected from deregistration until {until:.0}")
}

fn succession(region: &Region) -> String {
    format!(
        "previous copies in {region} stay until every region has the newest one, published if spec.publish is set"
    )
}

fn disuse(why: &str) -> String {
    format!(
        "{why}: it is removed when it is out of use; set spec.protectInUse to false to remove it now, or spec.deletionPolicy to Retain to keep it"
    )
}
