//! The possible steps in one region.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    api::image_replication::{DestinationStatus, Published},
    model::{CopyImage, Image, ImageId, PutParameter, Region, SnapshotId, Tags},
    plan::{CheckAfter, Failure, Progress, UpkeepCall},
};

/// What to do next in one region, and its progress.
#[derive(Clone, Debug, PartialEq)]
pub struct DestinationPlan {
    pub step: Option<DestinationStep>,
    pub progress: Progress,
    pub check_after: CheckAfter,
    /// The progress of matters that have a condition of their own.
    pub shown: BTreeMap<Matter, Progress>,
    /// The drift that the step repairs.
    pub drift: Option<Drift>,
    pub target: Target,
}

/// Which image of a region a step is about: its outcome is recorded there. The source can be in a region that still has a
/// copy of a former one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Copy,
    Source,
    /// A former source in a region that the source has left.
    LeftSource,
}

/// A matter that has a condition of its own, in addition to the copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Matter {
    Shared,
    Published,
    /// Former copies that no policy keeps.
    PreviousRemoved,
}

impl Matter {
    pub const ALL: [Self; 3] = [Self::Shared, Self::Published, Self::PreviousRemoved];

    /// The reason of its condition once that is true, which is its type too.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Shared => "Shared",
            Self::Published => "Published",
            Self::PreviousRemoved => "PreviousRemoved",
        }
    }
}

/// Drift: something that was changed outside the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    pub kind: DriftKind,
    /// What was found and is repaired, as the event reports it.
    pub found: String,
}

/// The kind of drift, which is a label of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DriftKind {
    /// The copy itself is gone.
    Image,
    Tags,
    Permissions,
    Deprecation,
    Protection,
    LaunchState,
    Imds,
    Description,
    FastRestore,
    Parameter,
}

impl DriftKind {
    /// The label in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Tags => "tags",
            Self::Permissions => "permissions",
            Self::Deprecation => "deprecation",
            Self::Protection => "protection",
            Self::LaunchState => "launch-state",
            Self::Imds => "imds",
            Self::Description => "description",
            Self::FastRestore => "fast-restore",
            Self::Parameter => "parameter",
        }
    }
}

/// One step in one region.
#[derive(Clone, Debug, PartialEq)]
pub enum DestinationStep {
    Record(DestinationRecord),
    /// One write to AWS.
    Call(DestinationCall),
}

/// What is recorded about a region without an AWS call.
#[derive(Clone, Debug, PartialEq)]
pub enum DestinationRecord {
    Copy(CopyRecord),
    Image(ImageRecord),
    Publication(PublicationRecord),
}

/// What is recorded about the copies of a region: how they come and go.
#[derive(Clone, Debug, PartialEq)]
pub enum CopyRecord {
    /// The intent to copy, before the call.
    Attempt(Box<DestinationStatus>),
    /// A copy that a former call began.
    Found(ImageId),
    Available(Box<Image>),
    Failed(Failure),
    /// The failed copy is gone, the region free for the next attempt.
    FailedRemoved,
    /// The copy that was there is gone: somebody removed it.
    Lost,
    /// A former copy is gone with its snapshots.
    FormerGone(ImageId),
    /// Nothing of ours is left, or it was handed over.
    Dropped,
}

/// What is recorded about an image that is there, be it a copy or the source in its own region.
#[derive(Clone, Debug, PartialEq)]
pub enum ImageRecord {
    /// The keys of tags that are about to be put on, before the call.
    Tagging(Vec<String>),
    /// When the image is about to be deprecated, before the call; or that it no longer is.
    Deprecating(Option<Timestamp>),
    /// Zones in which fast snapshot restore is about to be switched on, before the call.
    Warming(Vec<String>),
    /// This image can be published as far as this region is concerned.
    Prepared(ImageId),
    /// The image is shared as this generation wants it, though something else is still to be done.
    Shared,
    /// The image is as this generation wants it: what differs from now on is drift.
    InSync,
}

/// What is recorded about the parameters and tags by which consumers find an image.
#[derive(Clone, Debug, PartialEq)]
pub enum PublicationRecord {
    /// What is about to be published, before the first call.
    Publishing(Published),
    /// A parameter is no longer ours, or gone.
    ParameterGone(String),
    /// Nothing is published any more.
    Withdrawn,
}

impl From<CopyRecord> for DestinationRecord {
    fn from(record: CopyRecord) -> Self {
        Self::Copy(record)
    }
}

impl From<ImageRecord> for DestinationRecord {
    fn from(record: ImageRecord) -> Self {
        Self::Image(record)
    }
}

impl From<PublicationRecord> for DestinationRecord {
    fn from(record: PublicationRecord) -> Self {
        Self::Publication(record)
    }
}

/// One AWS write in one region, with all its parameters.
#[derive(Clone, Debug, PartialEq)]
pub enum DestinationCall {
    CopyImage(CopyImage),
    DeregisterImage { region: Region, id: ImageId },
    DeleteSnapshot { region: Region, id: SnapshotId },
    CreateTags { region: Region, resources: Vec<String>, tags: Tags },
    DeleteTags { region: Region, resources: Vec<String>, keys: Vec<String> },
    Upkeep { region: Region, call: UpkeepCall },
    PutParameter(PutParameter),
    TagParameter { region: Region, name: String, tags: Tags },
    DeleteParameter { region: Region, name: String },
}

impl DestinationPlan {
    /// A plan with nothing to do.
    pub fn standing(progress: Progress) -> Self {
        Self {
            step: None,
            progress,
            check_after: None,
            shown: BTreeMap::new(),
            drift: None,
            target: Target::Copy,
        }
    }

    /// Whether the step requests a copy, or records the intent to do so.
    pub fn begins_a_copy(&self) -> bool {
        matches!(
            self.step,
            Some(
                DestinationStep::Record(DestinationRecord::Copy(CopyRecord::Attempt(_)))
                    | DestinationStep::Call(DestinationCall::CopyImage(_))
            )
        )
    }

    /// The same, about this image.
    #[must_use]
    pub fn about(self, target: Target) -> Self {
        Self { target, ..self }
    }

    /// Adds the progress of a matter.
    #[must_use]
    pub fn showing(mut self, matter: Matter, progress: Progress) -> Self {
        self.shown.insert(matter, progress);
        self
    }

    /// Adds a matter whose progress is that of the plan.
    #[must_use]
    pub fn shown_as(self, matter: Matter) -> Self {
        let progress = self.progress.clone();
        self.showing(matter, progress)
    }

    /// Marks the plan as a repair of drift if `is_drift`.
    #[must_use]
    pub fn repairing(mut self, is_drift: bool, kind: DriftKind, found: impl FnOnce() -> String) -> Self {
        self.drift = is_drift.then(|| Drift { kind, found: found() });
        self
    }
}
