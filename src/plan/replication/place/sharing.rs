//! Who may launch an image and use its snapshots. Sources: EC2 API reference, `ModifyImageAttribute` and
//! `ModifySnapshotAttribute`; EC2 user guide, "Share an AMI", "Cancel having an AMI shared" and "Block public access".

pub(super) mod revocation;

use std::collections::BTreeSet;

use super::{
    Decided, DestinationPlan, DriftKind, Eyes, Failure, Matter, Pace, Perhaps, Place, Progress,
    ReplicationSourceStatus, ReplicationView, Seen, UpkeepCall, WaitingOn, blocked, moving, publish,
    standing, timing, write,
};
use crate::{
    api::{
        LaunchState,
        image_replication::{Destination, GrantsStatus, Regrants, Sharing, SnapshotSharing, UnmanagedGrants},
    },
    model::{
        AWS_MANAGED_KEY, Accounts, Class, Grants, Image, ImageId, ImageState, Region, SnapshotId,
        VolumeGrants,
    },
    plan::lifecycle::is_disabled,
};

/// Accounts that one call adds to a snapshot, or removes.
/// Source: EC2 API reference, `ModifySnapshotAttribute`: 500 changes.
const CHUNK: usize = 500;

/// A list for each account is worth while for so many. More are read image by image.
const MOST_LISTED: usize = 100;

fn wanted(view: &ReplicationView<'_>) -> Grants {
    view.spec.sharing.as_ref().map(Sharing::grants).unwrap_or_default()
}

/// What is wanted of a copy, or of an image in the source's region.
fn wanted_of(view: &ReplicationView<'_>, is_source: bool) -> Grants {
    if is_source && !includes_source(view) { Grants::default() } else { wanted(view) }
}

fn includes_source(view: &ReplicationView<'_>) -> bool {
    view.spec.sharing.as_ref().is_none_or(|sharing| sharing.include_source_region)
}

fn granted(view: &ReplicationView<'_>) -> Grants {
    view.status.granted.as_ref().map(GrantsStatus::grants).unwrap_or_default()
}

fn shares_snapshots(view: &ReplicationView<'_>) -> bool {
    view.spec.sharing.as_ref().is_some_and(|s| s.snapshots == SnapshotSharing::Shared)
}

fn shared_snapshots(view: &ReplicationView<'_>) -> bool {
    view.status.granted.as_ref().is_some_and(|g| g.snapshots)
}

/// A source that is not to be shared is left to others.
fn revokes(view: &ReplicationView<'_>, is_source: bool) -> bool {
    let revokes = |s: &Sharing| s.unmanaged_grants == UnmanagedGrants::Revoke;
    view.spec.sharing.as_ref().is_some_and(revokes) && (!is_source || includes_source(view))
}

/// The grants as they are to be written down before the first call: a grant that was made and not written down would stay
/// when it is no longer wanted.
pub(in super::super) fn about_to_grant(view: &ReplicationView<'_>) -> Option<GrantsStatus> {
    let (wanted, granted) = (wanted(view), granted(view));
    let snapshots = shares_snapshots(view) || shared_snapshots(view);
    let is_new = !wanted.without(&granted).is_empty() || snapshots != shared_snapshots(view);
    is_new.then(|| GrantsStatus::of(&wanted.with(&granted), snapshots))
}

/// What is to be written down once all images are as they should be; none where nobody has anything.
pub(in super::super) fn left_granted(view: &ReplicationView<'_>) -> Option<GrantsStatus> {
    let (wanted, snapshots) = (wanted(view), shares_snapshots(view));
    (snapshots || !wanted.is_empty()).then(|| GrantsStatus::of(&wanted, snapshots))
}

/// Said before hours of copying: a copy, or a source, that is encrypted by a key that can be shared with nobody.
pub(in super::super) fn obstacle(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    source: &ReplicationSourceStatus,
    wanted: &Destination,
) -> Option<DestinationPlan> {
    if self::wanted(view).is_empty() {
        return None;
    }
    let found = match eyes.image(&source.region, &source.image_id, view.resync()) {
        Ok(Seen::Unknown) => Ok(Some(moving(WaitingOn::CopyStart { region: wanted.region.clone() }))),
        Ok(image) => match of_key(view, eyes, image.present(), wanted) {
            Ok(None) => of_source(view, eyes, source, image.present()),
            other => other,
        },
        Err(error) => Err(error),
    };
    found.unwrap_or_else(|error| Some(standing(Progress::Trouble(error))))
}

/// A copy without a key of its own is encrypted by the region's default.
fn of_key(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    source: Option<&Image>,
    wanted: &Destination,
) -> Perhaps {
    if wanted.encryption.is_some() {
        return Ok(None);
    }
    let default = match eyes.default_encryption(&wanted.region, view.resync())? {
        Seen::Present(default) => default,
        Seen::Unknown => return Ok(Some(moving(WaitingOn::CopyStart { region: wanted.region.clone() }))),
        Seen::Absent(_) => return Ok(None),
    };
    let is_encrypted = default.always || source.is_some_and(Image::is_encrypted);
    Ok((is_encrypted && default.key.ends_with(AWS_MANAGED_KEY)).then(|| {
        let message = format!(
            "a copy in {} would be encrypted with {AWS_MANAGED_KEY} and could not be shared: set encryption.kmsKeyID of the destination, or make a customer managed key the region's default",
            wanted.region
        );
        blocked(Failure::new(Class::NotShareable.reason(), message))
    }))
}

/// By which key a source is encrypted nobody is told, and whether it can be shared AWS says only when it is: so an encrypted
/// one is, before it is copied.
fn of_source(
    view: &ReplicationView<'_>,
    eyes: &Eyes<'_>,
    source: &ReplicationSourceStatus,
    image: Option<&Image>,
) -> Perhaps {
    let concerns = |image: &&Image| image.state == ImageState::Available && image.is_encrypted();
    let Some(image) = image.filter(concerns).filter(|_| includes_source(view)) else { return Ok(None) };
    let (region, id) = (&source.region, &source.image_id);
    let waiting = Some(moving(waiting_for(region, id)));
    match eyes.account(region)? {
        Seen::Present(account) if account == image.owner_id => {}
        Seen::Present(_) => return Ok(None),
        Seen::Unknown | Seen::Absent(_) => return Ok(waiting),
    }
    // With one of them: another may have cancelled what it was granted.
    let present = eyes.launch_permissions(region, id, view.resync())?;
    let is_shared = present.present().is_some_and(|present| !wanted(view).common_with(present).is_empty());
    Ok(waiting.filter(|_| !is_shared))
}

/// What differs between what is wanted and what is there.
struct Difference {
    missing: Grants,
    surplus: Grants,
}

impl Difference {
    fn of(view: &ReplicationView<'_>, present: &Grants, is_source: bool) -> Self {
        let wanted = wanted_of(view, is_source);
        let ours =
            if revokes(view, is_source) { present.clone() } else { present.common_with(&granted(view)) };
        Self { missing: wanted.without(present), surplus: ours.without(&wanted) }
    }

    /// Everybody, and all others: where making an image public is refused, the others get it all the same.
    fn parts(self) -> [Self; 2] {
        let everybody = Grants { public: true, ..Grants::default() };
        let (missing, surplus) = (self.missing.without(&everybody), self.surplus.without(&everybody));
        let public = Self {
            missing: self.missing.common_with(&everybody),
            surplus: self.surplus.common_with(&everybody),
        };
        [Self { missing, surplus }, public]
    }

    fn is_none(&self) -> bool {
        self.missing.is_empty() && self.surplus.is_empty()
    }
}

/// Whether anything is, or was, shared.
pub(super) fn concerns(view: &ReplicationView<'_>) -> bool {
    view.spec.sharing.is_some() || view.status.granted.is_some()
}

/// The sharing of this generation was complete: what is missing was taken off since.
pub(super) fn was_complete(view: &ReplicationView<'_>, place: &Place<'_>) -> bool {
    place.in_sync || place.applied.shared_generation == view.generation
}

/// Grants what is missing and takes back what is no longer wanted: on the image of this place, and on the one that consumers
/// are told of while that is another.
pub(super) fn keep(view: &ReplicationView<'_>, eyes: &Eyes<'_>, place: &Place<'_>) -> Decided {
    if !concerns(view) || (place.is_source && place.in_sync && !includes_source(view)) {
        return Ok(standing(Progress::Done));
    }
    let plan = image(view, eyes, place)?;
    if is_unfinished(&plan) {
        return Ok(shown(view, plan));
    }
    if let Some(told_of) = publish::other_image(view, eyes, place)? {
        let snapshots = told_of.snapshot_ids();
        let plan = image(view, eyes, &Place { image: &told_of, snapshots: &snapshots, ..place.clone() })?;
        if is_unfinished(&plan) || plan.progress != Progress::Done {
            return Ok(shown(view, plan));
        }
    }
    let others = revocation::of_former(view, eyes, place)?;
    Ok(shown(view, others.unwrap_or(plan)))
}

fn is_unfinished(plan: &DestinationPlan) -> bool {
    plan.step.is_some() || matches!(plan.progress, Progress::Moving(_))
}

/// One image, and its snapshots.
fn image(view: &ReplicationView<'_>, eyes: &Eyes<'_>, place: &Place<'_>) -> Decided {
    // A disabled image has no permissions and takes none. Its snapshots keep theirs.
    let to_be = !place.is_source && view.spec.launch_state == Some(LaunchState::Disabled);
    let is_disabled = to_be || is_disabled(place.image);
    let plan = if is_disabled { standing(Progress::Done) } else { launch_permissions(view, eyes, place)? };
    if is_unfinished(&plan) {
        return Ok(plan);
    }
    Ok(volume_permissions(view, eyes, place)?.unwrap_or(plan))
}

/// With the condition `Shared`, which says the same unless it was set already.
fn shown(view: &ReplicationView<'_>, plan: DestinationPlan) -> DestinationPlan {
    if view.spec.sharing.is_none() || !plan.shown.is_empty() {
        return plan;
    }
    plan.shown_as(Matter::Shared)
}

fn waiting_on(place: &Place<'_>) -> WaitingOn {
    waiting_for(place.region, &place.image.id)
}

fn waiting_for(region: &Region, id: &ImageId) -> WaitingOn {
    WaitingOn::Sharing { id: id.clone(), region: region.clone() }
}

/// Whom the image is, or was, shared with, where accounts are all that matters: then one list for each account tells of all
/// images whether they are as they were.
fn only_accounts(view: &ReplicationView<'_>, place: &Place<'_>) -> Option<Accounts> {
    let all = wanted(view).with(&granted(view));
    let others = Grants { accounts: BTreeSet::new(), ..all.clone() };
    let is_drift_check = was_complete(view, place) && !revokes(view, place.is_source) && others.is_empty();
    (is_drift_check && all.accounts.len() <= MOST_LISTED).then(|| Accounts::new(all.accounts))
}

fn launch_permissions(view: &ReplicationView<'_>, eyes: &Eyes<'_>, place: &Place<'_>) -> Decided {
    if let Some(accounts) = only_accounts(view, place) {
        let seen = eyes.launch_accounts(place.region, &place.image.id, &accounts, view.resync())?;
        if seen.present().is_none_or(|present| *present == wanted_of(view, place.is_source)) {
            return Ok(standing(Progress::Done));
        }
    }
    let present = match eyes.launch_permissions(place.region, &place.image.id, view.resync())? {
        Seen::Present(present) => present,
        Seen::Unknown | Seen::Absent(_) if place.in_sync => return Ok(standing(Progress::Done)),
        Seen::Unknown | Seen::Absent(_) => return Ok(moving(waiting_on(place))),
    };
    let [mut others, public] = Difference::of(view, &present, place.is_source).parts();
    let resting = resting(view, place, &others.missing);
    if resting.is_some() {
        others.missing.accounts.clear();
    }
    if !others.is_none() {
        return Ok(modify(view, place, others));
    }
    if !public.missing.is_empty() {
        let resync = Pace::Every(timing::NEEDS_HELP.min(view.spec.resync_interval.into()));
        match eyes.blocks_public_images(place.region, resync)?.present() {
            None => return Ok(moving(waiting_on(place))),
            Some(true) => return Ok(blocked(public_sharing_blocked(place))),
            Some(false) => {}
        }
    }
    if !public.is_none() {
        return Ok(modify(view, place, public));
    }
    Ok(resting.unwrap_or_else(|| standing(Progress::Done)))
}

/// A receiver can cancel what it was granted, if it is an account. It is granted once more, then ever more rarely: nobody wins
/// a fight.
fn resting(view: &ReplicationView<'_>, place: &Place<'_>, missing: &Grants) -> Option<DestinationPlan> {
    let Regrants { times, at } = place.applied.regrants.as_ref().filter(|_| was_complete(view, place))?;
    let pause = timing::remaining(at.0, timing::regrant_delay(*times), view.now);
    if missing.accounts.is_empty() || pause.is_zero() {
        return None;
    }
    let accounts: Vec<&str> = missing.accounts.iter().take(3).map(String::as_str).collect();
    let receivers = Grants { accounts: missing.accounts.clone(), ..Grants::default() };
    let message = format!(
        "{receivers} ({}) lost access to {} in {} again, as happens when a receiver cancels it: access is granted again in {}; remove the account from spec.sharing if it is not wanted",
        accounts.join(", "),
        place.image.id,
        place.region,
        timing::human(pause.as_secs()),
    );
    let cancelled = Progress::Blocked(Failure::new("GrantCancelled", message));
    let plan = DestinationPlan { check_after: Some(pause), ..standing(Progress::Done) };
    Some(plan.showing(Matter::Shared, cancelled))
}

fn modify(view: &ReplicationView<'_>, place: &Place<'_>, difference: Difference) -> DestinationPlan {
    let (region, id) = (place.region, place.image.id.clone());
    let found = format!(
        "launch permissions of {id} in {region} are restored: {} missing, {} too many",
        difference.missing, difference.surplus
    );
    let Difference { missing: add, surplus: remove } = difference;
    let change = UpkeepCall::ModifyLaunchPermissions { id, add, remove };
    let is_drift = was_complete(view, place);
    write(place, change, waiting_on(place)).repairing(is_drift, DriftKind::Permissions, || found)
}

fn public_sharing_blocked(place: &Place<'_>) -> Failure {
    let message = format!(
        "{} cannot become public: the account blocks public access to images in {}; remove sharing.public, or have the block disabled (`aws ec2 disable-image-block-public-access --region {}`)",
        place.image.id, place.region, place.region
    );
    Failure::new("PublicSharingBlocked", message)
}

/// None where snapshots are none of our business.
fn volume_permissions(view: &ReplicationView<'_>, eyes: &Eyes<'_>, place: &Place<'_>) -> Perhaps {
    if !shares_snapshots(view) && !shared_snapshots(view) && !revokes(view, place.is_source) {
        return Ok(None);
    }
    let listed = only_accounts(view, place);
    let wanted =
        if shares_snapshots(view) { wanted_of(view, place.is_source).accounts } else { BTreeSet::new() };
    for id in place.snapshots {
        if let Some(accounts) = &listed {
            let seen = eyes.volume_accounts(place.region, id, accounts, view.resync())?;
            if seen.present().is_none_or(|present| present.accounts == wanted) {
                continue;
            }
        }
        let present = match eyes.volume_permissions(place.region, id, view.resync())? {
            Seen::Present(present) => present,
            Seen::Unknown | Seen::Absent(_) if place.in_sync => continue,
            Seen::Unknown | Seen::Absent(_) => return Ok(Some(moving(waiting_on(place)))),
        };
        if let Some(plan) = share_snapshot(view, place, id, &wanted, &present) {
            return Ok(Some(plan));
        }
    }
    Ok(None)
}

fn share_snapshot(
    view: &ReplicationView<'_>,
    place: &Place<'_>,
    id: &SnapshotId,
    wanted: &BTreeSet<String>,
    present: &Grants,
) -> Option<DestinationPlan> {
    let revokes = revokes(view, place.is_source);
    let ours = if revokes { present.accounts.clone() } else { &present.accounts & &granted(view).accounts };
    let add: Vec<String> = (wanted - &present.accounts).into_iter().take(CHUNK).collect();
    let remove: Vec<String> = (&ours - wanted).into_iter().take(CHUNK).collect();
    let (missing, surplus) = (add.len(), remove.len());
    let change = if revokes && present.public {
        VolumeGrants::RemoveEverybody
    } else if !add.is_empty() {
        VolumeGrants::Add(add)
    } else if !remove.is_empty() {
        VolumeGrants::Remove(remove)
    } else {
        return None;
    };
    let (region, id) = (place.region, id.clone());
    let everybody = if present.public { ", and everybody" } else { "" };
    let found = format!(
        "permissions on {id} in {region} are restored: {missing} missing, {surplus} too many{everybody}"
    );
    let change = UpkeepCall::ModifyVolumePermissions { id, change };
    let is_drift = was_complete(view, place);
    Some(write(place, change, waiting_on(place)).repairing(is_drift, DriftKind::Permissions, || found))
}
