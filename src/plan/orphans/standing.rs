//! Determines the owner of a resource, by its tags and the objects in Kubernetes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Inventory, Objects};
use crate::model::{
    Tags,
    ownership::{self, Owner},
};

/// So many owners of one kind may be gone while Kubernetes lists no object of it at all, before that looks more like lost
/// objects (a kind that was removed and put back, a restore under way) than like objects that were deleted.
const FEW: usize = 3;

/// How a resource stands to the objects.
pub(super) enum Standing<'a> {
    /// Of a namespace that this operator does not watch: another one's business.
    Elsewhere,
    /// The tags do not say whose it is.
    Unclear(String),
    Living(&'a Owner),
    /// An object of the same name has another uid: created anew, or restored from a backup.
    Replaced {
        former: Owner,
        by: &'a Owner,
    },
    Gone(Owner),
}

impl<'a> Standing<'a> {
    pub(super) fn former(&self) -> Option<&Owner> {
        match self {
            Self::Replaced { former, .. } | Self::Gone(former) => Some(former),
            Self::Elsewhere | Self::Unclear(_) | Self::Living(_) => None,
        }
    }

    pub(super) fn concerns(&self) -> Option<&'a Owner> {
        match self {
            Self::Living(owner) | Self::Replaced { by: owner, .. } => Some(owner),
            Self::Elsewhere | Self::Unclear(_) | Self::Gone(_) => None,
        }
    }

    /// Such as `ImageBuild images/web`; what the tags say where they say it.
    pub(super) fn told(&self, tags: &Tags) -> String {
        if let Some(owner) = self.concerns().or(self.former()) {
            return name(owner);
        }
        let tag = |key: &str| tags.get(key).map_or("?", String::as_str);
        format!("{} {}/{}", tag(ownership::KIND), tag(ownership::NAMESPACE), tag(ownership::NAME))
    }
}

pub(super) fn name(owner: &Owner) -> String {
    format!("{} {}/{}", owner.kind, owner.namespace, owner.name)
}

/// An index of the objects by UID and by name: there may be ten thousand of them, with as many resources each.
pub struct Register<'a> {
    objects: &'a Objects,
    by_uid: HashMap<&'a str, &'a Owner>,
    by_name: HashMap<(&'static str, &'a str, &'a str), &'a Owner>,
}

impl<'a> Register<'a> {
    /// The index of these objects.
    pub fn of(objects: &'a Objects) -> Self {
        let living = || objects.living.iter().rev();
        let by_uid = living().map(|o| (o.uid.as_str(), o)).collect();
        let by_name = living().map(|o| ((o.kind, o.namespace.as_str(), o.name.as_str()), o)).collect();
        Self { objects, by_uid, by_name }
    }

    /// Whose the thing with these tags is.
    pub(super) fn standing(&self, tags: &Tags) -> Standing<'a> {
        let former = match tagged_owner(tags, self.objects) {
            Ok(owner) => owner,
            Err(why) => return Standing::Unclear(why),
        };
        let namespaces = &self.objects.namespaces;
        if !namespaces.is_empty() && !namespaces.contains(&former.namespace) {
            return Standing::Elsewhere;
        }
        if let Some(owner) = self.by_uid.get(former.uid.as_str()) {
            return Standing::Living(owner);
        }
        let name = (former.kind, former.namespace.as_str(), former.name.as_str());
        match self.by_name.get(&name).copied() {
            Some(by) => Standing::Replaced { former, by },
            None => Standing::Gone(former),
        }
    }
}

/// The owner that the tags name. Its cluster id is compared once more: EC2 takes `*` in a filter for a wildcard.
fn tagged_owner(tags: &Tags, objects: &Objects) -> Result<Owner, String> {
    let tag = |key: &str| tags.get(key).cloned().ok_or_else(|| format!("it has no tag {key}"));
    let (cluster_id, kind) = (tag(ownership::CLUSTER_ID)?, tag(ownership::KIND)?);
    if cluster_id != objects.cluster_id {
        return Err(format!("it belongs to another cluster, {cluster_id}"));
    }
    let listed = objects.kinds.iter().find(|listed| **listed == kind);
    Ok(Owner {
        cluster_id,
        uid: tag(ownership::UID)?,
        kind: listed.ok_or_else(|| format!("this version does not know the kind {kind}"))?,
        namespace: tag(ownership::NAMESPACE)?,
        name: tag(ownership::NAME)?,
    })
}

pub(super) fn left_alone(former: &Owner, by: &Owner) -> String {
    format!(
        "it was created for {} with UID {}, which now has UID {}: recreated or restored; it is left alone",
        name(by),
        former.uid,
        by.uid
    )
}

/// The kinds of which Kubernetes lists no object although more than a few had things here.
pub(super) fn doubtful(inventories: &[Inventory], register: &Register<'_>) -> BTreeSet<&'static str> {
    let mut gone: BTreeMap<&'static str, BTreeSet<String>> = BTreeMap::new();
    for tags in inventories.iter().flat_map(all_tags) {
        if let Standing::Gone(owner) = register.standing(tags) {
            gone.entry(owner.kind).or_default().insert(owner.uid);
        }
    }
    let lists_none = |kind: &&str| !register.objects.living.iter().any(|o| o.kind == *kind);
    gone.into_iter().filter(|(_, uids)| uids.len() > FEW).map(|(kind, _)| kind).filter(lists_none).collect()
}

fn all_tags(inventory: &Inventory) -> impl Iterator<Item = &Tags> {
    let Inventory { region: _, instances, volumes, images, snapshots, left_out: _ } = inventory;
    let scratch = instances.iter().map(|i| &i.tags).chain(volumes.iter().map(|v| &v.tags));
    scratch.chain(images.iter().map(|i| &i.tags)).chain(snapshots.iter().map(|s| &s.tags))
}
