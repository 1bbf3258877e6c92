//! What an `ImageBuild` does next: source → launch → customize → image → clean up, one function per stage.

mod attempts;
mod cleanup;
mod commands;
pub mod content;
mod customize;
mod guest;
mod image;
mod launch;
mod lifecycle;
mod source;
#[cfg(test)]
mod tests;

pub(crate) use image::{is_hopeless, why_failed};

use std::time::Duration;

use jiff::Timestamp;

use super::{CheckAfter, Eyes, Failure, Progress, Sightings, UpkeepCall, WaitingOn, Watch, timing};
use crate::{
    api::{
        ImageBuildSpec, ImageBuildStatus,
        image_build::{
            BuilderStatus, CommandStatus, DesiredState, FinishedImage, ImageStatus, SourceStatus, StepStatus,
        },
    },
    customize::Contents,
    model::{
        AwsError, CommandId, CreateImage, ImageId, Instance, InstanceId, Region, RunInstances, SendCommand,
        SnapshotId, ownership::Owner,
    },
};

/// An `ImageBuild` as a decision sees it.
#[derive(Clone, Debug)]
pub struct BuildView<'a> {
    pub owner: &'a Owner,
    pub spec: &'a ImageBuildSpec,
    pub status: &'a ImageBuildStatus,
    /// Whether `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// Whether the operator's finalizer is on the object.
    pub held: bool,
    /// The build that `spec.source.imageBuildRef` names, where it does.
    pub base: Option<BaseBuild>,
    /// What the steps refer to, as far as [`content::needed`] says; or what of it is missing, with where it was looked for.
    pub content: &'a Result<Contents, String>,
    pub now: Timestamp,
}

impl BuildView<'_> {
    /// The region of everything that the build makes.
    fn region(&self) -> Region {
        self.spec.region.clone()
    }
}

/// The build that another one is layered on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BaseBuild {
    /// There is no such object (yet).
    Missing,
    /// It has no image yet.
    Running,
    /// It ended without an image.
    Failed,
    /// Its image is available.
    Ready { region: Region, image_id: ImageId },
}

/// A build that has succeeded, as a selector finds it. One that ended later is greater.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FinishedBuild {
    pub completed_at: Timestamp,
    pub created_at: Option<Timestamp>,
    pub name: String,
    pub region: Region,
    pub image_id: ImageId,
    pub image_name: String,
}

/// What to do next, the progress, and what to watch.
#[derive(Clone, Debug, PartialEq)]
pub struct BuildPlan {
    pub step: Option<BuildStep>,
    pub stage: Stage,
    pub progress: Progress,
    pub check_after: CheckAfter,
    pub watches: Vec<Watch>,
}

/// The stages of a run, in order. `Display` is their name in `status.stages`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    ResolvingSource,
    Launching,
    Customizing,
    Stopping,
    CreatingImage,
    CleaningUp,
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self, f)
    }
}

/// One step of a pass.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "there is one per pass, and none is kept")]
pub enum BuildStep {
    /// Put our finalizer on the object: nothing is made in AWS before.
    Hold,
    /// Write something down.
    Record(BuildRecord),
    /// One write to AWS.
    Call(BuildCall),
    /// Delete the object, whose time after its end is over.
    Expire,
    /// Take our finalizer off: nothing of ours is left, or it was handed over.
    Release,
}

/// What is recorded without an AWS call.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "there is one per pass, and none is kept")]
pub enum BuildRecord {
    Source(SourceStatus),
    /// A content that a step refers to is not there.
    ContentMissing,
    /// The intent to launch, before the call.
    Attempt {
        number: i32,
        builder: BuilderStatus,
    },
    /// An instance that a former call made.
    Launched(Box<Instance>),
    Running,
    /// What the guest has said of its steps so far.
    Steps(Vec<StepStatus>),
    AgentOnline,
    /// The intent to send a command, before the call.
    Command(CommandStatus),
    /// A command that a former call sent.
    CommandFound(CommandId),
    /// The command of a step, or of the cleanup, has succeeded.
    CommandDone {
        step: StepStatus,
        cleaned: Vec<String>,
        log: Option<String>,
    },
    Stopped,
    /// The attempt is over without an instance worth having: the next one may begin.
    Refused(Failure),
    /// The builder failed: it is removed, and another one is launched.
    AttemptFailed {
        failure: Failure,
        steps: Vec<StepStatus>,
        log: Option<String>,
    },
    /// The steps succeeded; the intent to make the image, before the call.
    Customized {
        steps: Vec<StepStatus>,
        cleaned: Vec<String>,
        image: ImageStatus,
    },
    Failed {
        failure: Failure,
        steps: Vec<StepStatus>,
        log: Option<String>,
    },
    /// An image that a former call made.
    ImageFound {
        image_id: ImageId,
        intent: ImageStatus,
        /// The attempt that made it, where status has lost it: its builder may still be there.
        attempt: Option<(i32, BuilderStatus)>,
    },
    ImageAvailable(ImageStatus),
    /// The image of a run that failed turned out to be available: it stays.
    ImageKept(ImageId),
    ImageGone,
    BuilderGone,
    Completed,
    /// What became of the image after the run.
    ImageSeen(FinishedImage),
}

/// One AWS write, with all its parameters.
#[derive(Clone, Debug, PartialEq)]
pub enum BuildCall {
    RunInstances(RunInstances),
    SendCommand(SendCommand),
    CancelCommand { region: Region, id: CommandId, instance_id: InstanceId },
    StopInstances { region: Region, id: InstanceId },
    TerminateInstances { region: Region, id: InstanceId },
    CreateImage(CreateImage),
    Upkeep { region: Region, call: UpkeepCall },
    DeregisterImage { region: Region, id: ImageId },
    DeleteSnapshot { region: Region, id: SnapshotId },
}

/// A decision before the watches are added to it.
struct Decision {
    step: Option<BuildStep>,
    stage: Stage,
    progress: Progress,
    check_after: CheckAfter,
}

/// A decision, or the error that hid what it needed to see.
type Decided = Result<Decision, Hidden>;

/// An answer could not be had.
struct Hidden {
    stage: Stage,
    error: AwsError,
}

/// The reason of a run that the user ended.
const CANCELLED: &str = "Cancelled";

/// Decides what to do next.
pub fn plan(view: &BuildView<'_>, sightings: &Sightings) -> BuildPlan {
    let eyes = Eyes::new(sightings);
    let decision = decide(view, &eyes).unwrap_or_else(in_trouble);
    BuildPlan {
        step: decision.step,
        stage: decision.stage,
        progress: decision.progress,
        check_after: decision.check_after,
        watches: eyes.into_watches(),
    }
}

fn in_trouble(hidden: Hidden) -> Decision {
    Decision { step: None, stage: hidden.stage, progress: Progress::Trouble(hidden.error), check_after: None }
}

fn decide(view: &BuildView<'_>, eyes: &Eyes<'_>) -> Decided {
    let status = view.status;
    if view.deleting {
        return cleanup::delete(view, eyes);
    }
    if status.completion_time.is_some() {
        return Ok(ended(view, eyes));
    }
    if view.spec.suspend {
        return Ok(wait(current_stage(status), WaitingOn::Suspended));
    }
    if !view.held {
        return Ok(step(current_stage(status), BuildStep::Hold, WaitingOn::Start));
    }
    if let Some(failure) = &status.failure {
        return cleanup::after_failure(view, eyes, &failure.into());
    }
    if let Some(failure) = cancelled(view) {
        return Ok(fail(current_stage(status), failure));
    }
    let image_known = status.image.as_ref().is_some_and(|i| i.image_id.is_some());
    if let Some(failure) = deadline_passed(view).filter(|_| !image_known) {
        return Ok(fail(current_stage(status), failure));
    }
    let decision = advance(view, eyes).unwrap_or_else(in_trouble);
    Ok(shown_after_deadline(view, with_deadline(view, decision)))
}

/// The way to an image, for a run that nothing speaks against.
fn advance(view: &BuildView<'_>, eyes: &Eyes<'_>) -> Decided {
    let status = view.status;
    let Some(source) = &status.source else { return source::resolve(view, eyes) };
    if let Some(image) = &status.image {
        return match (&image.image_id, &image.available_at) {
            (_, Some(_)) => cleanup::after_success(view, eyes),
            (Some(id), None) => image::wait_for(view, eyes, image, id),
            (None, None) => image::create(view, eyes, image),
        };
    }
    let Some(builder) = &status.builder else { return launch::first_attempt(view, eyes, source) };
    if let Some(why) = &builder.failed {
        return attempts::again(view, eyes, why);
    }
    match &builder.instance_id {
        None => launch::launch(view, eyes, source, builder),
        Some(id) => customize::watch(view, eyes, builder, id),
    }
}

/// The run is over: its image may be retired, and the object goes in time, if that is asked for. A suspended one stays, as
/// with `deletionPolicy: Delete` its image would go along.
fn ended(view: &BuildView<'_>, eyes: &Eyes<'_>) -> Decision {
    let ttl = view.spec.ttl_after_finished.filter(|_| !view.spec.suspend);
    let left = view.status.completion_time.as_ref().zip(ttl);
    let left = left.map(|(end, ttl)| timing::remaining(end.0, ttl.into(), view.now));
    let decision = match &view.status.failure {
        None => lifecycle::after_the_run(view, eyes).unwrap_or_else(in_trouble),
        Some(failure) => Decision {
            step: None,
            stage: Stage::CleaningUp,
            progress: Progress::Rejected(failure.into()),
            check_after: None,
        },
    };
    let expiry = left.filter(Duration::is_zero).map(|_| BuildStep::Expire);
    Decision { step: expiry.or(decision.step), check_after: left, ..decision }
}

/// An available image is not taken back: that run is done, but for its cleanup.
fn cancelled(view: &BuildView<'_>) -> Option<Failure> {
    let available = view.status.image.as_ref().is_some_and(|i| i.available_at.is_some());
    (view.spec.desired_state == DesiredState::Cancelled && !available).then(|| {
        Failure::new(CANCELLED, "spec.desiredState is Cancelled: the run was ended before it had an image")
    })
}

fn deadline_passed(view: &BuildView<'_>) -> Option<Failure> {
    let start = view.status.start_time.as_ref()?.0;
    let deadline = Duration::from(view.spec.active_deadline);
    let shown = timing::human(deadline.as_secs());
    (timing::elapsed(start, view.now) >= deadline).then(|| {
        let stage = current_stage(view.status);
        Failure::new(
            "DeadlineExceeded",
            format!("the run was still {stage} when spec.activeDeadline ({shown}) expired"),
        )
    })
}

/// Once the image is asked for, the deadline only shows: an image under way may still be finished, and is paid for.
fn shown_after_deadline(view: &BuildView<'_>, mut decision: Decision) -> Decision {
    let late = deadline_passed(view);
    let moving = matches!(decision.progress, Progress::Moving(_));
    if let (Some(failure), None, Stage::CreatingImage, true) = (late, &decision.step, decision.stage, moving)
    {
        decision.progress = Progress::Blocked(failure);
    }
    decision
}

/// Wakes up at the deadline though nothing else happens, be it that nothing can be seen. After it there is nothing to
/// wake up for: a look a second for as long as an image takes would be wasted.
fn with_deadline(view: &BuildView<'_>, mut decision: Decision) -> Decision {
    let left = |start: Timestamp| timing::remaining(start, view.spec.active_deadline.into(), view.now);
    let left = view.status.start_time.as_ref().map(|start| left(start.0)).filter(|left| !left.is_zero());
    let deadline = left.map(|left| left + timing::TIMER_MARGIN);
    decision.check_after = decision.check_after.into_iter().chain(deadline).min();
    decision
}

/// The stage that was in progress when the status was written.
pub fn current_stage(status: &ImageBuildStatus) -> Stage {
    let Some(builder) = &status.builder else {
        return if status.source.is_some() { Stage::Launching } else { Stage::ResolvingSource };
    };
    match &status.image {
        Some(image) if image.available_at.is_some() => Stage::CleaningUp,
        Some(_) => Stage::CreatingImage,
        None if builder.stopped_at.is_some() => Stage::Stopping,
        None if builder.running_at.is_some() => Stage::Customizing,
        None => Stage::Launching,
    }
}

fn wait(stage: Stage, waiting_on: WaitingOn) -> Decision {
    Decision { step: None, stage, progress: Progress::Moving(waiting_on), check_after: None }
}

fn blocked(stage: Stage, failure: Failure) -> Decision {
    Decision {
        step: None,
        stage,
        progress: Progress::Blocked(failure),
        check_after: Some(timing::NEEDS_HELP),
    }
}

fn step(stage: Stage, step: BuildStep, waiting_on: WaitingOn) -> Decision {
    Decision { step: Some(step), stage, progress: Progress::Moving(waiting_on), check_after: None }
}

fn record(stage: Stage, record: BuildRecord, waiting_on: WaitingOn) -> Decision {
    step(stage, BuildStep::Record(record), waiting_on)
}

fn call(stage: Stage, call: BuildCall, waiting_on: WaitingOn) -> Decision {
    step(stage, BuildStep::Call(call), waiting_on)
}

/// Writes the failure down first; what is left in AWS is removed in the passes that follow.
fn fail(stage: Stage, failure: Failure) -> Decision {
    fail_with(stage, failure, Vec::new(), None)
}

fn fail_with(stage: Stage, failure: Failure, steps: Vec<StepStatus>, log: Option<String>) -> Decision {
    let progress = Progress::Rejected(failure.clone());
    let record = BuildRecord::Failed { failure, steps, log };
    Decision { step: Some(BuildStep::Record(record)), stage, progress, check_after: None }
}

/// Names the stage in which something could not be seen.
fn during(stage: Stage) -> impl Fn(AwsError) -> Hidden {
    move |error| Hidden { stage, error }
}
