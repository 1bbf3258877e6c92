//! What makes the copy of a source in one destination: the intent, the call, the wait, and the next attempt.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{
    CopyRecord, DestinationCall, DestinationPlan, Eyes, Failure, Progress, ReplicationSourceStatus,
    ReplicationView, WaitingOn, cooling, copy_tags,
    decision::{Decided, call, moving, record, settled, standing},
    failure, former, in_place, removing, timing,
};
use crate::{
    api::image_replication::{Applied, Destination, DestinationStatus, Published},
    model::{
        AwsError, Class, ClientToken, CopyImage, Image, ImageId, ImageState, Region, Seen, Snapshot,
        ownership::Role,
    },
    plan::{COPY_FAILED, Pace, build::is_hopeless, naming, removal::is_usable},
};

/// After so many failed copies the condition asks for help; copying is still retried every hour.
const STALLED_AFTER: i32 = 3;

/// The copy of `source` that `wanted` asks for.
pub(super) struct Copying<'a> {
    pub view: &'a ReplicationView<'a>,
    pub eyes: &'a Eyes<'a>,
    pub source: &'a ReplicationSourceStatus,
    pub wanted: &'a Destination,
}

impl Copying<'_> {
    /// The next step towards the copy; where it is in place, towards what is wanted of it.
    pub(super) fn make(&self, known: Option<&DestinationStatus>) -> DestinationPlan {
        let decided = match known {
            Some(copy) if copy.failure.is_some() => self.after_failure(copy),
            Some(copy) if self.is_current(copy) => self.current(copy),
            Some(copy) => self.outdated(copy),
            None => Ok(self.begin(None)),
        };
        settled(decided)
    }

    /// A copy that was lost has no source any more; the next attempt gives it one. A region that is added again with another key
    /// may come before its old copy is gone.
    pub(super) fn is_current(&self, copy: &DestinationStatus) -> bool {
        copy.source_image_id.as_ref() == Some(&self.source.image_id)
            && copy.kms_key_id.as_deref() == self.key()
    }

    fn key(&self) -> Option<&str> {
        self.wanted.encryption.as_ref().map(|encryption| encryption.kms_key_id.as_str())
    }

    /// A copy of a former source: an unfinished one is cancelled first, a finished one stays while the new one is made.
    fn outdated(&self, copy: &DestinationStatus) -> Decided {
        let unfinished =
            copy.available_at.is_none() && copy.requested_at.is_some() && copy.source_image_id.is_some();
        if !unfinished {
            return Ok(self.begin(Some(copy)));
        }
        let waiting_on = WaitingOn::CopyLookup { region: copy.region.clone() };
        if let Some(image) = finished_meanwhile(self.eyes, copy)? {
            return Ok(record(CopyRecord::Available(Box::new(image)), waiting_on));
        }
        removing::copies(self.view, self.eyes, copy, true, |spared| match spared {
            // Known from a list, and not by its id yet: nothing new is to be written down.
            Some(id) if copy.image_id.as_ref() == Some(&id) => moving(waiting_on),
            Some(id) => record(CopyRecord::Found(id), waiting_on),
            None => self.begin(Some(copy)),
        })
    }

    /// Writes down what the next copy call will ask for. A finished copy of a former source becomes a previous one.
    fn begin(&self, old: Option<&DestinationStatus>) -> DestinationPlan {
        let region = &self.wanted.region;
        let attempt = old.and_then(|d| d.attempt).unwrap_or(0) + 1;
        let same_source = old.filter(|copy| self.is_current(copy));
        let previous = old.map(former::with_this).unwrap_or_default();
        let intent = DestinationStatus {
            region: region.clone(),
            image_id: None,
            serving_image_id: old.and_then(|d| d.serving_image_id.clone()),
            source_image_id: Some(self.source.image_id.clone()),
            kms_key_id: self.key().map(str::to_owned),
            snapshot_ids: Vec::new(),
            used_snapshots: Vec::new(),
            attempt: Some(attempt),
            failed_attempts: same_source.map_or(0, |copy| copy.failed_attempts),
            client_token: Some(self.token(attempt)),
            requested_at: Some(Time(self.view.now)),
            uncertain: None,
            progress: None,
            available_at: None,
            observed_generation: None,
            tag_keys: copy_tags::wanted(self.view).into_keys().collect(),
            published: old.and_then(|d| d.published.clone()).or_else(|| left_in(self.view, region)),
            applied: old.map(shared_before).unwrap_or_default(),
            failure: None,
            conditions: old.map(|d| d.conditions.clone()).unwrap_or_default(),
            previous,
        };
        record(CopyRecord::Attempt(Box::new(intent)), WaitingOn::CopyStart { region: region.clone() })
    }

    fn token(&self, attempt: i32) -> ClientToken {
        naming::copy_token(self.view.owner, &self.wanted.region, &self.source.image_id, self.key(), attempt)
    }

    fn current(&self, copy: &DestinationStatus) -> Decided {
        match &copy.image_id {
            None => self.start(copy),
            Some(id) if copy.available_at.is_none() => self.under_way(copy, id),
            Some(id) => in_place::keep(self.view, self.eyes, copy, id),
        }
    }

    /// The call itself, or after a lost answer the search for what it made.
    fn start(&self, copy: &DestinationStatus) -> Decided {
        let made_at = copy.made_at();
        let fresh = timing::elapsed(made_at, self.view.now) < timing::RESEND_WITHOUT_LOOKUP;
        if fresh && copy.uncertain.is_none() {
            return Ok(self.request(copy));
        }
        let waiting_on = WaitingOn::CopyLookup { region: copy.region.clone() };
        let attempt = copy.attempt.unwrap_or(1);
        let seen = self.eyes.images_of(&copy.region, &self.view.owner.uid, Pace::Now)?;
        let mismatch = copy.uncertain.as_deref().and_then(Class::of_code) == Some(Class::TokenMismatch);
        let ours = |i: &&Image| {
            self.view.owner.owns_attempt(&i.tags, attempt)
                && i.source_image_id.as_ref().is_none_or(|id| *id == self.source.image_id)
                && i.exists()
                && (mismatch || timing::may_come_of(i.created_at, made_at))
        };
        if let Some(image) = seen.present().and_then(|images| images.iter().find(ours)) {
            return Ok(record(CopyRecord::Found(image.id.clone()), waiting_on));
        }
        let nothing = match &seen {
            Seen::Unknown => return Ok(moving(waiting_on)),
            Seen::Absent(absence) => timing::is_absent(*absence),
            Seen::Present(_) => true,
        };
        let window = timing::remaining(made_at, timing::CONSISTENCY_WINDOW, self.view.now);
        Ok(match (nothing, mismatch) {
            (true, false) => self.request(copy),
            (true, true) if window.is_zero() => self.begin(Some(copy)),
            (true, true) => DestinationPlan { check_after: Some(window), ..moving(waiting_on) },
            (false, _) => moving(waiting_on),
        })
    }

    fn request(&self, copy: &DestinationStatus) -> DestinationPlan {
        let attempt = copy.attempt.unwrap_or(1);
        let request = CopyImage {
            region: copy.region.clone(),
            client_token: copy.client_token.clone().unwrap_or_else(|| self.token(attempt)),
            source_image_id: self.source.image_id.clone(),
            source_region: self.source.region.clone(),
            name: self.view.spec.image_name.clone().unwrap_or_else(|| self.source.name.clone()),
            kms_key_id: self.key().map(str::to_owned),
            completion_minutes: self.view.spec.time_based_copy_minutes,
            tags: self.view.owner.tags(&copy_tags::wanted(self.view), Role::Copy, attempt, None),
        };
        call(DestinationCall::CopyImage(request), WaitingOn::CopyStart { region: copy.region.clone() })
    }

    fn under_way(&self, copy: &DestinationStatus, id: &ImageId) -> Decided {
        let region = &copy.region;
        // Only to show progress and reasons: a copy must be seen to be available though its snapshots cannot be seen.
        let snapshots =
            self.eyes.snapshots_of(region, &self.view.owner.uid, Pace::Every(timing::PROGRESS_INTERVAL));
        let attempt = copy.attempt.unwrap_or(1);
        let mine: Vec<Snapshot> = snapshots
            .as_ref()
            .ok()
            .and_then(Seen::present)
            .into_iter()
            .flatten()
            .filter(|s| self.view.owner.owns_attempt(&s.tags, attempt))
            .filter(|s| s.made_for().is_none_or(|image| image == *id))
            .cloned()
            .collect();
        let progress = mine.iter().map(|s| s.progress).min();
        let waiting_on = WaitingOn::Image { id: id.clone(), region: region.clone(), progress };
        let failed = |image| {
            record(CopyRecord::Failed(failure::of_copy(image, &mine, self.wanted)), waiting_on.clone())
        };
        Ok(match self.eyes.image(region, id, Pace::Tick)? {
            Seen::Unknown => moving(waiting_on),
            Seen::Absent(absence) if timing::is_gone(absence, copy.made_at()) => {
                in_place::lost(copy, waiting_on)
            }
            Seen::Absent(_) => moving(waiting_on),
            Seen::Present(image) if is_hopeless(&image, &mine) => failed(&image),
            Seen::Present(image) => match &image.state {
                ImageState::Pending | ImageState::Transient | ImageState::Other(_) => moving(waiting_on),
                ImageState::Available | ImageState::Disabled => {
                    record(CopyRecord::Available(Box::new(image)), waiting_on)
                }
                ImageState::Invalid | ImageState::Deregistered | ImageState::Failed | ImageState::Error => {
                    failed(&image)
                }
            },
        })
    }

    /// The evidence is written down; the failed copy goes, then it is made again, ever more slowly. A new source is no
    /// repetition, and need not wait.
    fn after_failure(&self, copy: &DestinationStatus) -> Decided {
        if let Some(off) = cooling::newest(copy) {
            return Ok(DestinationPlan { progress: failed_progress(copy), ..off });
        }
        if copy.image_id.is_some() {
            let mut plan = removing::copies(self.view, self.eyes, copy, true, |_| {
                record(CopyRecord::FailedRemoved, WaitingOn::CopyStart { region: copy.region.clone() })
            })?;
            plan.progress = failed_progress(copy);
            return Ok(plan);
        }
        let failed_at = copy.failure.as_ref().map_or(self.view.now, |f| f.time.0);
        let pause = timing::remaining(failed_at, timing::copy_retry_delay(failures(copy)), self.view.now);
        if pause.is_zero() || !self.is_current(copy) {
            return Ok(self.begin(Some(copy)));
        }
        let mut plan = standing(failed_progress(copy));
        plan.check_after = Some(pause);
        Ok(plan)
    }
}

/// A copy that nobody saw to be finished is a former copy like others: forgotten, it would be paid for by nobody's wish.
fn finished_meanwhile(eyes: &Eyes<'_>, copy: &DestinationStatus) -> Result<Option<Image>, AwsError> {
    let Some(id) = &copy.image_id else { return Ok(None) };
    let seen = eyes.image(&copy.region, id, Pace::Now)?;
    Ok(seen.present().filter(|image| is_usable(image)).cloned())
}

/// How far the copy that serves meanwhile is shared. Whoever cancels what he is granted does so on the next copy too.
fn shared_before(old: &DestinationStatus) -> Applied {
    let regrants = old.applied.regrants.clone();
    let known = old.applied.shared_generation.or(old.observed_generation);
    let is_other = |published: &Published| old.finished().is_some_and(|id| *id != published.image_id);
    let shared_generation = known.filter(|_| !old.published.as_ref().is_some_and(is_other));
    Applied { regrants, shared_generation, ..Applied::default() }
}

/// What a source that has left this region was published as: the copy takes its place.
fn left_in(view: &ReplicationView<'_>, region: &Region) -> Option<Published> {
    let left = view.status.left_source.as_ref().filter(|left| left.region == *region);
    left.and_then(|left| left.published.clone())
}

fn failed_progress(copy: &DestinationStatus) -> Progress {
    let failure = copy.failure.as_ref().map_or_else(|| Failure::new(COPY_FAILED, ""), Failure::from);
    let message = failure.message.clone();
    if failures(copy) >= STALLED_AFTER || failure.reason != COPY_FAILED {
        return Progress::Blocked(failure);
    }
    Progress::Moving(WaitingOn::CopyRetry { region: copy.region.clone(), message })
}

/// An older version counted none.
fn failures(copy: &DestinationStatus) -> i32 {
    copy.failed_attempts.max(1)
}
