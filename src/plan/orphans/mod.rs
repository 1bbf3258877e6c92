//! AWS resources that carry this cluster's tags but have no owner in Kubernetes: which of them a sweep removes, which it only
//! reports, and why.
//!
//! What is in doubt is reported and stays. Only what was never of use to anybody is removed: a builder and its volumes
//! past the time that their own tag gives them, an image that never became available, and such an image's snapshots.

mod adoption;
mod fate;
mod inventory;
mod standing;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, fmt};

use jiff::Timestamp;

pub use adoption::{Adoption, adoptions};

use self::{fate::Holdings, standing::Standing};
pub use self::{
    inventory::{Inventory, LeftOut, Listing},
    standing::Register,
};
use super::timing;
use crate::model::{ImageId, InstanceId, Region, SnapshotId, Tags, VolumeId, VolumeState, ownership::Owner};

/// The objects that Kubernetes listed, bypassing all caches.
#[derive(Clone, Debug, PartialEq)]
pub struct Objects {
    pub cluster_id: String,
    /// The kinds that were listed; of others nothing is known.
    pub kinds: Vec<&'static str>,
    /// The namespaces that were listed; none means all.
    pub namespaces: Vec<String>,
    pub living: Vec<Owner>,
}

/// A resource without a living owner, or past its time.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    pub region: Region,
    pub thing: Thing,
    pub made_at: Option<Timestamp>,
    /// The owner according to the tags, such as `ImageBuild images/web`.
    pub owner: String,
    pub verdict: Verdict,
    /// Human-readable explanation.
    pub why: String,
    /// The owner that is gone, for a final check before the removal.
    pub former: Option<Owner>,
    /// A living object that is affected.
    pub concerns: Option<Owner>,
}

/// The resource that was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    Instance(InstanceId),
    Volume(VolumeId),
    /// With those of its snapshots that carry our tags.
    Image(ImageId, Vec<SnapshotId>),
    Snapshot(SnapshotId),
}

impl Thing {
    /// All kinds.
    pub const KINDS: [&'static str; 4] = ["instance", "volume", "image", "snapshot"];

    /// For tables and metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Instance(_) => "instance",
            Self::Volume(_) => "volume",
            Self::Image(..) => "image",
            Self::Snapshot(_) => "snapshot",
        }
    }
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Instance(id) => id.fmt(f),
            Self::Volume(id) => id.fmt(f),
            Self::Image(id, _) => id.fmt(f),
            Self::Snapshot(id) => id.fmt(f),
        }
    }
}

/// What a sweep does with a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    Remove,
    /// Will be removed once its time is over.
    Young,
    /// Stays until a person decides.
    Report,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Remove, Self::Young, Self::Report];

    /// For tables and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Remove => "Remove",
            Self::Young => "Young",
            Self::Report => "Report",
        }
    }
}

type Fate = (Verdict, String);

/// What a decision about one resource depends on besides the resource.
struct View<'a> {
    register: Register<'a>,
    /// Whether what an object of the same name but another uid had may be removed.
    adopt_restored: bool,
    /// Kinds of which Kubernetes lists nothing although many had things here.
    doubtful: BTreeSet<&'static str>,
    now: Timestamp,
}

/// Finds resources without a living owner or past their time, in a stable order.
pub fn find(
    inventories: &[Inventory],
    objects: &Objects,
    adopt_restored: bool,
    now: Timestamp,
) -> Vec<Finding> {
    let register = Register::of(objects);
    let doubtful = standing::doubtful(inventories, &register);
    let view = View { register, adopt_restored, doubtful, now };
    let mut findings: Vec<Finding> = inventories.iter().flat_map(|i| view.of_region(i)).collect();
    findings.sort_by(|a, b| (&a.region, &a.thing).cmp(&(&b.region, &b.thing)));
    findings
}

/// The findings that are removed now: not before the operator `runs_since` a while, and only what the sweep `before` this
/// one was to remove as well. One answer, of AWS or of Kubernetes, may be wrong.
pub fn removable<'a>(
    findings: &'a [Finding],
    before: &'a [Finding],
    runs_since: Timestamp,
    now: Timestamp,
) -> impl Iterator<Item = &'a Finding> {
    let settled = timing::elapsed(runs_since, now) >= timing::SWEEP_SETTLING;
    let same = |a: &Finding, b: &Finding| {
        a.region == b.region && a.thing.to_string() == b.thing.to_string() && a.verdict == b.verdict
    };
    findings
        .iter()
        .filter(|f| f.verdict == Verdict::Remove)
        .filter(move |f| settled && before.iter().any(|b| same(f, b)))
}

impl View<'_> {
    fn of_region(&self, inventory: &Inventory) -> Vec<Finding> {
        let Inventory { region, instances, volumes, images, snapshots: _, left_out: _ } = inventory;
        let holdings = Holdings::of(inventory);
        let instances = instances.iter().filter(|i| i.is_alive()).map(|i| {
            let thing = Thing::Instance(i.id.clone());
            self.judge(region, thing, &i.tags, i.launched_at, |owner| self.of_instance(owner, i))
        });
        let volumes = volumes.iter().filter(|v| v.state == VolumeState::Available).map(|v| {
            let thing = Thing::Volume(v.id.clone());
            self.judge(region, thing, &v.tags, v.created_at, |_| self.of_volume(v))
        });
        let listed = images.iter().filter(|i| i.exists()).map(|i| {
            let thing = Thing::Image(i.id.clone(), holdings.snapshots_of(i));
            self.judge(region, thing, &i.tags, i.created_at, |owner| self.of_image(owner, i))
        });
        let without_image = fate::without_image(inventory).map(|s| {
            let thing = Thing::Snapshot(s.id.clone());
            self.judge(region, thing, &s.tags, s.started_at, |owner| self.of_snapshot(owner, s))
        });
        instances.chain(volumes).chain(listed).chain(without_image).flatten().collect()
    }

    /// By its owner first; `unowned` says what becomes of a thing whose owner is gone.
    fn judge(
        &self,
        region: &Region,
        thing: Thing,
        tags: &Tags,
        made_at: Option<Timestamp>,
        unowned: impl FnOnce(&Owner) -> Fate,
    ) -> Option<Finding> {
        let standing = self.register.standing(tags);
        let (verdict, why) = match &standing {
            Standing::Elsewhere => return None,
            Standing::Unclear(why) => (Verdict::Report, why.clone()),
            Standing::Living(_) => self.overdue(tags)?,
            Standing::Replaced { former, by } if !self.adopt_restored => {
                (Verdict::Report, standing::left_alone(former, by))
            }
            Standing::Replaced { former, .. } | Standing::Gone(former) => unowned(former),
        };
        Some(Finding {
            region: region.clone(),
            thing,
            made_at,
            owner: standing.told(tags),
            verdict,
            why,
            former: standing.former().cloned(),
            concerns: standing.concerns().cloned(),
        })
    }

    /// The owner lives, and removing its things is its own business; that it does not is worth a look.
    fn overdue(&self, tags: &Tags) -> Option<Fate> {
        let due = fate::delete_after(tags).filter(|due| *due <= self.now)?;
        let why =
            format!("its owner still exists but should have removed it by {due}: check the owner's status");
        Some((Verdict::Report, why))
    }
}
