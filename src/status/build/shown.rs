//! The conditions of a build, derived from its receipts.

use jiff::Timestamp;

use crate::{
    api::{
        ImageBuildStatus,
        image_build::{BuilderStatus, FinishedImage},
    },
    plan::Progress,
    status::conditions::{self, Conditions, Said, Value},
};

/// Sets all conditions.
pub(super) fn set_conditions(
    status: &mut ImageBuildStatus,
    progress: &Progress,
    generation: Option<i64>,
    now: Timestamp,
) {
    let said: Vec<(&str, Said)> = stage_conditions(status, progress);
    let done = ready(status);
    let succeeded = succeeded(status, progress);
    let mut conditions = Conditions { list: &mut status.conditions, generation, now };
    conditions.set_summary(progress, &done);
    conditions.set("Succeeded", succeeded);
    for (kind, said) in said {
        conditions.set(kind, said);
    }
}

/// As the object wants it, which may be that nobody can launch the image any more; never that the image is gone.
fn ready(status: &ImageBuildStatus) -> Said {
    let state = status.image.as_ref().and_then(|image| image.state);
    match (after_the_run(status), state) {
        (Some(said), Some(FinishedImage::Disabled)) => Said { value: Value::True, ..said },
        (Some(said), _) => said,
        (None, _) => made(status),
    }
}

/// What the run came to, whatever becomes of it.
fn made(status: &ImageBuildStatus) -> Said {
    let (id, region) = image_and_region(status);
    Said::new(Value::True, "Succeeded", format!("image {id} is available in {region}"))
}

/// What became of a finished image, where it is not available any more.
fn after_the_run(status: &ImageBuildStatus) -> Option<Said> {
    let (id, region) = image_and_region(status);
    match status.image.as_ref()?.state? {
        FinishedImage::Enabled => None,
        FinishedImage::Disabled => {
            let message = format!("image {id} in {region} is disabled: nobody can launch it");
            Some(Said::new(Value::False, "ImageDisabled", message))
        }
        FinishedImage::Gone => {
            let message = format!("image {id} is no longer in {region}: somebody deregistered it");
            Some(Said::new(Value::False, "ImageGone", message))
        }
    }
}

fn image_and_region(status: &ImageBuildStatus) -> (String, String) {
    let image = status.image.as_ref();
    let id = image.and_then(|i| i.image_id.as_ref()).map(ToString::to_string).unwrap_or_default();
    (id, image.map(|i| i.region.to_string()).unwrap_or_default())
}

fn succeeded(status: &ImageBuildStatus, progress: &Progress) -> Said {
    match (&status.failure, &status.completion_time) {
        (Some(failure), _) => Said::new(Value::False, &failure.reason, failure.message.clone()),
        (None, Some(_)) => made(status),
        (None, None) => Said { value: Value::Unknown, ..conditions::saying(progress) },
    }
}

/// One condition a stage: true when its receipt is there, false when the run failed without it, else unknown.
fn stage_conditions(status: &ImageBuildStatus, progress: &Progress) -> Vec<(&'static str, Said)> {
    let builder = status.builder.as_ref();
    let instance = builder.and_then(|b| b.instance_id.as_ref()).map(ToString::to_string).unwrap_or_default();
    let image = status.image.as_ref();
    let image_id = image.and_then(|i| i.image_id.as_ref()).map(ToString::to_string).unwrap_or_default();
    let source = status.source.as_ref().map(|s| format!("source is {} ({})", s.image_id, s.name));
    let running =
        builder.and_then(|b| b.running_at.as_ref()).map(|_| format!("builder {instance} was launched"));
    let stopped =
        builder.and_then(|b| b.stopped_at.as_ref()).map(|_| format!("builder {instance} is stopped"));
    let customized = image.map(|_| format!("{} steps succeeded on builder {instance}", status.steps.len()));
    let available =
        image.and_then(|i| i.available_at.as_ref()).map(|_| format!("image {image_id} is available"));
    let clean = status.completion_time.as_ref().map(|_| cleaned_up(builder));
    [
        ("SourceResolved", source),
        ("BuilderRunning", running),
        ("Customized", customized),
        ("BuilderStopped", stopped),
        ("ImageAvailable", available),
        ("CleanedUp", clean),
    ]
    .into_iter()
    .map(|(kind, reached)| (kind, stage_condition(status, kind, reached, progress)))
    .collect()
}

fn cleaned_up(builder: Option<&BuilderStatus>) -> String {
    match builder.and_then(|b| b.instance_id.as_ref()) {
        Some(id) => format!("builder {id} is terminated"),
        None => "no temporary resources were left".to_owned(),
    }
}

fn stage_condition(
    status: &ImageBuildStatus,
    kind: &str,
    reached: Option<String>,
    progress: &Progress,
) -> Said {
    if let Some(said) = after_the_run(status).filter(|_| kind == "ImageAvailable") {
        return said;
    }
    match (reached, &status.failure) {
        (Some(message), _) => Said::new(Value::True, kind, message),
        (None, Some(failure)) if kind != "CleanedUp" => {
            Said::new(Value::False, &failure.reason, "the run ended before this stage")
        }
        (None, Some(_) | None) => {
            Said { value: Value::Unknown, message: String::new(), ..conditions::saying(progress) }
        }
    }
}
