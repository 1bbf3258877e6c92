//! Contents that steps refer to: they must exist before a launch, and stay the same during the attempt.

use std::time::Duration;

use super::{BuildRecord, BuildView, Decision, Failure, Stage, WaitingOn, fail, record, wait};
use crate::{
    api::{
        ImageBuildSpec, ImageBuildStatus,
        image_build::{BuilderStatus, ConfigMapKeyRef, Transport},
    },
    customize::{self, Contents},
    plan::timing,
};

const STAGE: Stage = Stage::Launching;

/// What the next decisions need of ConfigMaps: nothing once user data has carried it into the guest, unless another guest
/// is to follow.
pub fn needed<'a>(
    spec: &'a ImageBuildSpec,
    status: &ImageBuildStatus,
) -> Vec<(&'a str, &'a ConfigMapKeyRef)> {
    let carried = |builder: &BuilderStatus| match spec.customize.transport {
        Transport::UserData => builder.instance_id.is_some(),
        Transport::Ssm => builder.stopping_at.is_some(),
    };
    let carried = status.builder.as_ref().is_some_and(|b| b.failed.is_none() && carried(b));
    let over = status.failure.is_some() || status.image.is_some() || status.completion_time.is_some();
    if carried || over { Vec::new() } else { customize::sources(&spec.customize) }
}

/// What is written down of the contents when an attempt begins; nothing where no step refers to any.
pub(super) fn hash(view: &BuildView<'_>, contents: &Contents) -> Option<String> {
    (!customize::sources(&view.spec.customize).is_empty()).then(|| contents.hash())
}

/// The contents of the attempt under way, or why they are not the ones any more that it began with.
pub(super) fn of_attempt<'a>(
    view: &'a BuildView<'_>,
    builder: &BuilderStatus,
) -> Result<&'a Contents, Failure> {
    let changed = |what: &str| {
        Failure::new(
            "ContentChanged",
            format!(
                "{what} after attempt {} started with it; do not edit a ConfigMap while a build uses it, and give new content a new name",
                view.status.attempt.unwrap_or(1)
            ),
        )
    };
    match &view.content {
        Ok(contents) if hash(view, contents) == builder.content_hash => Ok(contents),
        Ok(_) => Err(changed("a ConfigMap that a step refers to was changed")),
        Err(missing) => Err(changed(&format!("{missing} was removed"))),
    }
}

/// Something is missing: it may be applied a moment later, so it is waited for until the deadline.
pub(super) fn missing(view: &BuildView<'_>, missing: &str) -> Decision {
    let waiting_on = WaitingOn::Content { missing: missing.to_owned() };
    let Some(since) = &view.status.waiting_for_content_since else {
        return record(STAGE, BuildRecord::ContentMissing, waiting_on);
    };
    let deadline = Duration::from(view.spec.active_deadline);
    let left = timing::remaining(since.0, deadline, view.now);
    if left.is_zero() {
        let shown = timing::human(deadline.as_secs());
        let message = format!("{missing} did not appear within spec.activeDeadline ({shown})");
        return fail(STAGE, Failure::new("ContentMissing", message));
    }
    let mut decision = wait(STAGE, waiting_on);
    decision.check_after = Some(left.min(timing::CONTENT_INTERVAL));
    decision
}
