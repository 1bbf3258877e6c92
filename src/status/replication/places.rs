//! The conditions of each region.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::progress_after;
use crate::{
    api::{
        ImageReplicationStatus,
        image_replication::{
            Applied, DestinationStatus, LeftSource, Publish, Published, Regrants, ReplicationSourceStatus,
            SourceChangePolicy, SourceRegionStatus,
        },
    },
    model::{ImageId, PutParameter, Region, SnapshotId, Tags},
    plan::{
        Progress, UpkeepCall,
        replication::{
            DestinationCall, DestinationPlan, ImageRecord, Matter, PublicationRecord, ReplicationView, Target,
        },
        timing,
    },
    status::{
        Outcome,
        conditions::{self, Conditions, Said, Standing, Value},
    },
};

/// The conditions of a region that the plan speaks of.
pub(super) fn show(
    view: &ReplicationView<'_>,
    status: &mut ImageReplicationStatus,
    (region, plan): (&Region, &DestinationPlan),
    outcome: &Outcome,
    progress: &Progress,
) {
    let source = status.source.as_ref().filter(|source| source.region == *region);
    let source = source.zip(status.source_region.as_mut());
    // Consumers there are told of the source. A copy of a former one that stays is not.
    let of_copy: &[Matter] = if source.is_some() { &[Matter::PreviousRemoved] } else { &Matter::ALL };
    if let Some((source, place)) = source {
        let shown = Shown { plan, matters: &[Matter::Shared, Matter::Published] };
        shown.confirm(view, &mut place.published);
        let image =
            Told { region, is_source: true, id: Some(&source.image_id), published: place.published.as_ref() };
        show_place(view, &mut place.conditions, &image, &shown, outcome, progress);
    }
    if let Some(copy) = status.destination_mut(region) {
        let shown = Shown { plan, matters: of_copy };
        shown.confirm(view, &mut copy.published);
        show_copy(view, copy, progress);
        let image =
            Told { region, is_source: false, id: copy.image_id.as_ref(), published: copy.published.as_ref() };
        show_place(view, &mut copy.conditions, &image, &shown, outcome, progress);
    }
}

/// Where the plan says that matters of one image stand.
struct Shown<'a> {
    plan: &'a DestinationPlan,
    matters: &'a [Matter],
}

impl Shown<'_> {
    fn get(&self, matter: Matter) -> Option<&Progress> {
        self.plan.shown.get(&matter).filter(|_| self.matters.contains(&matter))
    }

    /// All parameters hold what consumers are to find, also where the operator died before it wrote down that it was put:
    /// status would name the former image for ever, and what that one costs would be kept for its sake.
    fn confirm(&self, view: &ReplicationView<'_>, published: &mut Option<Published>) {
        let is_done = self.get(Matter::Published) == Some(&Progress::Done);
        let Some(published) = published.as_mut().filter(|_| is_done) else { return };
        let held = view.spec.publish.as_ref().map(|publish| publish.target(published).clone());
        for parameter in &mut published.parameters {
            parameter.unseen_puts = None;
            parameter.value = held.clone().or(parameter.value.take());
        }
    }
}

fn show_copy(view: &ReplicationView<'_>, copy: &mut DestinationStatus, progress: &Progress) {
    copy.progress = conditions::percent(progress);
    let copied = match (&copy.image_id, &copy.available_at) {
        (Some(id), Some(_)) => {
            Said::new(Value::True, "Copied", format!("copy {id} is available in {}", copy.region))
        }
        _ => conditions::saying(progress),
    };
    of(view, &mut copy.conditions).set("Copied", copied);
}

/// An image in a region, as conditions speak of it.
struct Told<'a> {
    region: &'a Region,
    is_source: bool,
    id: Option<&'a ImageId>,
    published: Option<&'a Published>,
}

impl Told<'_> {
    /// What is said of a matter once it is as it should be; none of what the manifest does not ask for.
    fn done(&self, view: &ReplicationView<'_>, matter: Matter) -> Option<Said> {
        let message = match matter {
            Matter::Shared => {
                let grants = view.spec.sharing.as_ref()?.grants();
                format!("{} is shared with {grants}", self.image(self.id))
            }
            Matter::Published => {
                let publish = view.spec.publishing(self.is_source)?;
                let id = self.published.map(|published| publish.target(published)).or(self.id);
                format!("{} is published: {}", self.image(id), means(publish))
            }
            Matter::PreviousRemoved => {
                format!("no previous copies remain in {} except those that are kept", self.region)
            }
        };
        Some(Said::new(Value::True, matter.reason(), message))
    }

    fn image(&self, id: Option<&ImageId>) -> String {
        match id {
            Some(id) => format!("image {id} in {}", self.region),
            None => format!("the image in {}", self.region),
        }
    }
}

/// By what consumers are told of an image.
fn means(publish: &Publish) -> String {
    let parameters = publish.ssm_parameters.iter().map(|p| format!("parameter {}", p.name));
    let tags = publish.tags.iter().map(|(key, value)| format!("tag {key}={value}"));
    parameters.chain(tags).collect::<Vec<_>>().join(", ")
}

fn show_place(
    view: &ReplicationView<'_>,
    list: &mut Vec<Condition>,
    image: &Told<'_>,
    shown: &Shown<'_>,
    outcome: &Outcome,
    progress: &Progress,
) {
    let replaces = view.spec.source_change_policy == SourceChangePolicy::ReplaceWhenReady;
    for matter in Matter::ALL {
        let (kind, stands) = (matter.reason(), shown.get(matter));
        let is_new = !list.iter().any(|c| c.type_ == kind);
        let is_told = matter != Matter::PreviousRemoved || stands.is_some() || (replaces && !is_new);
        let mut conditions = of(view, list);
        match (image.done(view, matter).filter(|_| is_told), stands) {
            (None, _) => conditions.remove(kind),
            (Some(done), Some(Progress::Done)) => conditions.set(kind, done),
            (Some(_), Some(said @ Progress::Moving(_))) => {
                conditions.set(kind, conditions::saying(&progress_after(said, outcome)));
            }
            (Some(_), Some(said)) => conditions.set(kind, conditions::saying(said)),
            (Some(_), None) if is_new => conditions.set(kind, not_yet(progress)),
            (Some(_), None) => {}
        }
    }
    let mut conditions = of(view, list);
    if conditions::standing(progress) == Standing::Stalled {
        conditions.set("Stalled", Said { value: Value::True, ..conditions::saying(progress) });
    } else {
        conditions.remove("Stalled");
    }
}

fn not_yet(progress: &Progress) -> Said {
    Said { value: Value::False, ..conditions::saying(progress) }
}

fn of<'a>(view: &ReplicationView<'_>, list: &'a mut Vec<Condition>) -> Conditions<'a> {
    Conditions { list, generation: view.generation, now: view.now }
}

/// What is written down of an image in a region: a copy, or the source in its own.
struct Receipts<'s> {
    image_id: Option<ImageId>,
    applied: &'s mut Applied,
    /// Those of a copy; a source has none but what is published.
    tag_keys: Option<&'s mut Vec<String>>,
    published: &'s mut Option<Published>,
    observed_generation: &'s mut Option<i64>,
}

/// None of a source that was left: all that is known of it is what it was published as.
fn receipts<'s>(
    status: &'s mut ImageReplicationStatus,
    region: &Region,
    target: Target,
) -> Option<Receipts<'s>> {
    match target {
        Target::Copy => status.destination_mut(region).map(|copy| Receipts {
            image_id: copy.image_id.clone(),
            applied: &mut copy.applied,
            tag_keys: Some(&mut copy.tag_keys),
            published: &mut copy.published,
            observed_generation: &mut copy.observed_generation,
        }),
        Target::Source => {
            let image_id = status.source.as_ref().map(|source| source.image_id.clone());
            let source = status.source_region.get_or_insert_default();
            Some(Receipts {
                image_id,
                applied: &mut source.applied,
                tag_keys: None,
                published: &mut source.published,
                observed_generation: &mut source.observed_generation,
            })
        }
        Target::LeftSource => None,
    }
}

/// What the image is published as.
fn published<'s>(
    status: &'s mut ImageReplicationStatus,
    region: &Region,
    target: Target,
) -> Option<&'s mut Option<Published>> {
    match target {
        Target::Copy | Target::Source => receipts(status, region, target).map(|known| known.published),
        Target::LeftSource => status.left_source.as_mut().map(|left| &mut left.published),
    }
}

impl Receipts<'_> {
    /// Tags that are about to be put on the image; those that publish it are known by themselves.
    fn tagging(&mut self, keys: &[String], publish: Option<&Publish>) {
        if let Some(published) = self.published {
            let publishes = |key: &&String| publish.is_some_and(|p| p.tags.contains_key(*key));
            let new = keys.iter().filter(publishes).filter(|key| !published.tag_keys.contains(key));
            let new: Vec<String> = new.cloned().collect();
            published.tag_keys.extend(new);
        }
        if let Some(known) = &mut self.tag_keys {
            known.extend(keys.iter().cloned());
        }
    }

    /// Tags that were taken off an image. Those of a former one are looked at until they are gone.
    fn untagged(self, keys: &[String], resources: &[String]) {
        if self.image_id.is_none_or(|id| !resources.contains(&id.0)) {
            return;
        }
        match (self.tag_keys, self.published) {
            (Some(known), _) => known.retain(|key| !keys.contains(key)),
            (None, Some(published)) if resources.contains(&published.image_id.0) => {
                published.tag_keys.retain(|key| !keys.contains(key));
            }
            (None, _) => {}
        }
    }

    /// Tags that a source image had before it was published, and has again.
    fn restored(self, tags: &Tags, resources: &[String]) {
        let is_source = self.tag_keys.is_none();
        let Some(published) =
            self.published.as_mut().filter(|p| is_source && resources.contains(&p.image_id.0))
        else {
            return;
        };
        let is_back = |key: &String, value: &String| tags.get(key) == Some(value);
        let replaced = published.replaced_tags.clone();
        published.tag_keys.retain(|key| !replaced.get(key).is_some_and(|value| is_back(key, value)));
        published.replaced_tags.retain(|key, value| !is_back(key, value));
    }
}

/// Another source, or more that is known of it.
pub(super) fn source(status: &mut ImageReplicationStatus, new: &ReplicationSourceStatus) {
    let place = status.source_region.take();
    match status.source.replace(new.clone()) {
        Some(old) if old.region != new.region => leave(status, old, place, &new.region),
        Some(old) if old.image_id == new.image_id => status.source_region = place,
        Some(_) | None => status.source_region = place.and_then(left_of_source),
    }
}

/// What is done with a source in another region stays until the rollout is complete. What was left in the new one is taken up
/// again.
fn leave(
    status: &mut ImageReplicationStatus,
    old: ReplicationSourceStatus,
    place: Option<SourceRegionStatus>,
    new: &Region,
) {
    let again = status.left_source.take().filter(|left| left.region == *new);
    let published = again.and_then(|left| left.published);
    status.source_region = left_of_source(SourceRegionStatus { published, ..SourceRegionStatus::default() });
    let published = place.and_then(|place| place.published);
    if published.is_some() || status.granted.is_some() {
        status.left_source = Some(LeftSource { image_id: old.image_id, region: old.region, published });
    }
}

/// What is still to be taken back of a previous source: parameters that point at it, and tags.
pub(super) fn left_of_source(old: SourceRegionStatus) -> Option<SourceRegionStatus> {
    old.published
        .is_some()
        .then(|| SourceRegionStatus { published: old.published, ..SourceRegionStatus::default() })
}

/// Writes down what a record says of the image in a region.
pub(super) fn recorded(
    view: &ReplicationView<'_>,
    status: &mut ImageReplicationStatus,
    (region, target): (&Region, Target),
    record: &ImageRecord,
) {
    if let Some(receipts) = receipts(status, region, target) {
        write_down(view, receipts, record);
    }
}

fn write_down(view: &ReplicationView<'_>, mut receipts: Receipts<'_>, record: &ImageRecord) {
    match record {
        ImageRecord::Tagging(keys) => receipts.tagging(keys, view.spec.publish.as_ref()),
        ImageRecord::Deprecating(at) => receipts.applied.deprecate_at = at.map(Time),
        ImageRecord::Warming(zones) => {
            receipts.applied.fast_snapshot_restore_zones.clone_from(zones);
            // What is about to be switched on for the first time is no drift.
            *receipts.observed_generation = None;
        }
        ImageRecord::Prepared(id) => receipts.applied.prepared = Some(id.clone()),
        ImageRecord::Shared => receipts.applied.shared_generation = view.generation,
        ImageRecord::InSync => {
            *receipts.observed_generation = view.generation;
            receipts.applied.shared_generation = None;
        }
    }
}

/// Writes down what a record says of what is published in a region.
pub(super) fn publication(
    status: &mut ImageReplicationStatus,
    (region, target): (&Region, Target),
    record: &PublicationRecord,
) {
    let Some(published) = published(status, region, target) else { return };
    match record {
        PublicationRecord::Publishing(new) => *published = Some(new.clone()),
        PublicationRecord::ParameterGone(name) => forget(published, name),
        PublicationRecord::Withdrawn => *published = None,
    }
}

fn forget(published: &mut Option<Published>, name: &str) {
    if let Some(published) = published {
        published.parameters.retain(|parameter| parameter.name != name);
    }
}

/// What AWS took, where that is remembered.
pub(super) fn called(
    status: &mut ImageReplicationStatus,
    (region, target): (&Region, Target),
    call: &DestinationCall,
    now: Timestamp,
) {
    if let DestinationCall::DeleteParameter { name, .. } = call {
        if let Some(published) = published(status, region, target) {
            forget(published, name);
        }
    } else if let DestinationCall::Upkeep { call: UpkeepCall::DisableFastRestores { ids, zones }, .. } = call
    {
        cooled(status, region, ids, zones);
    } else if let Some(receipts) = receipts(status, region, target) {
        remember(receipts, call, now);
    }
}

fn remember(receipts: Receipts<'_>, call: &DestinationCall, now: Timestamp) {
    match call {
        DestinationCall::DeleteTags { keys, resources, .. } => receipts.untagged(keys, resources),
        DestinationCall::CreateTags { tags, resources, .. } => receipts.restored(tags, resources),
        DestinationCall::PutParameter(request) => put(receipts.published, request, now),
        DestinationCall::Upkeep { call, .. } => done(receipts.applied, call),
        DestinationCall::DeleteParameter { .. }
        | DestinationCall::CopyImage(_)
        | DestinationCall::DeregisterImage { .. }
        | DestinationCall::DeleteSnapshot { .. }
        | DestinationCall::TagParameter { .. } => {}
    }
}

fn put(published: &mut Option<Published>, request: &PutParameter, now: Timestamp) {
    let parameters = published.iter_mut().flat_map(|p| &mut p.parameters);
    for parameter in parameters.filter(|p| p.name == request.name) {
        let again = parameter.value.as_ref() == Some(&request.value);
        let before = parameter.unseen_puts.filter(|_| again).unwrap_or(0);
        parameter.unseen_puts = Some(before.saturating_add(1));
        parameter.value = Some(request.value.clone());
        parameter.put_at = Some(Time(now));
    }
}

/// Fast snapshot restore of a previous copy, or else of the newest, is off.
fn cooled(status: &mut ImageReplicationStatus, region: &Region, ids: &[SnapshotId], zones: &[String]) {
    let Some(copy) = status.destination_mut(region) else { return };
    for former in &mut copy.previous {
        if let Some(known) = former.fast_snapshot_restores.as_mut().filter(|f| f.snapshot_ids == *ids) {
            known.zones.retain(|zone| !zones.contains(zone));
            former.fast_snapshot_restores =
                former.fast_snapshot_restores.take().filter(|f| !f.zones.is_empty());
            return;
        }
    }
    copy.applied.fast_snapshot_restore_zones.retain(|zone| !zones.contains(zone));
}

/// What is no longer written down once it was taken off.
fn done(applied: &mut Applied, call: &UpkeepCall) {
    match call {
        UpkeepCall::DisableImageDeprecation(_) => applied.deprecate_at = None,
        UpkeepCall::RequireImdsV2(_)
        | UpkeepCall::ModifyDescription { .. }
        | UpkeepCall::ModifyLaunchPermissions { .. }
        | UpkeepCall::ModifyVolumePermissions { .. }
        | UpkeepCall::EnableImageDeprecation { .. }
        | UpkeepCall::EnableProtection { .. }
        | UpkeepCall::DisableProtection(_)
        | UpkeepCall::EnableImage(_)
        | UpkeepCall::DisableImage(_)
        | UpkeepCall::EnableFastRestores { .. }
        | UpkeepCall::DisableFastRestores { .. } => {}
    }
}

/// Counts the repair of permissions: who cancels a grant that is made again and again is left in peace.
pub(super) fn repaired(
    status: &mut ImageReplicationStatus,
    (region, target): (&Region, Target),
    call: &DestinationCall,
    now: Timestamp,
) {
    let DestinationCall::Upkeep { call: UpkeepCall::ModifyLaunchPermissions { add, .. }, .. } = call else {
        return;
    };
    let known = receipts(status, region, target).filter(|_| !add.accounts.is_empty());
    if let Some(Receipts { applied, .. }) = known {
        let before = applied.regrants.as_ref();
        let before = before.filter(|r| timing::elapsed(r.at.0, now) < timing::REGRANTS_FORGOTTEN);
        let times = before.map_or(0, |r| r.times).saturating_add(1);
        applied.regrants = Some(Regrants { times, at: Time(now) });
    }
}
