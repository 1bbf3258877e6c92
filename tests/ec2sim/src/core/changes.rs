//! What one call changed.

use std::sync::Arc;

use imbl::OrdMap;

use super::{tags::Tags, world::Region};

/// The difference between a region before and after a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Ids of what did not exist before; names of parameters.
    pub made: Vec<String>,
    /// What existed before and was changed or removed.
    pub touched: Vec<Touched>,
}

/// A resource as it was before a call changed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touched {
    /// The name of a parameter.
    pub id: String,
    pub owner: String,
    pub tags: Tags,
    pub removed: bool,
}

impl Changes {
    pub fn between(before: &Region, after: &Region) -> Self {
        let mut changes = Self::default();
        changes.compare(&before.images, &after.images, |id, it| (id, &it.owner, it.tags.clone()));
        changes.compare(&before.snapshots, &after.snapshots, |id, it| (id, &it.owner, it.tags.clone()));
        changes.compare(&before.volumes, &after.volumes, |id, it| (id, &it.owner, it.tags.clone()));
        changes.compare(&before.instances, &after.instances, |id, it| (id, &it.owner, it.tags.clone()));
        changes.compare(&before.security_groups, &after.security_groups, |id, it| {
            (id, &it.owner, it.tags.clone())
        });
        changes.compare(&before.key_pairs, &after.key_pairs, |id, it| (id, &it.owner, it.tags.clone()));
        changes
            .compare(&before.spot_requests, &after.spot_requests, |id, it| (id, &it.owner, it.tags.clone()));
        changes.compare(&before.launch_templates, &after.launch_templates, |id, it| {
            (id, &it.owner, it.tags.clone())
        });
        changes.compare(&before.parameters, &after.parameters, |(owner, name), it| {
            (name, owner, it.tags.clone())
        });
        // A command has no tags: it is whose its machines are.
        changes.compare(&before.commands, &after.commands, |id, it| {
            let machines = it.invocations.keys().filter_map(|id| before.instances.get(id));
            (id, &it.owner, machines.flat_map(|machine| machine.tags.clone()).collect())
        });
        changes
    }

    fn compare<K: Ord + Clone, T>(
        &mut self,
        before: &OrdMap<K, Arc<T>>,
        after: &OrdMap<K, Arc<T>>,
        describe: impl for<'r> Fn(&'r K, &'r T) -> (&'r String, &'r String, Tags),
    ) {
        // Most calls change one kind of resource: the maps of the others are shared.
        if before.ptr_eq(after) {
            return;
        }
        // Both are sorted, and a region may hold ten thousand: a walk along them looks nothing up.
        let mut news = after.iter().peekable();
        for (key, old) in before {
            while let Some((key, new)) = news.next_if(|(other, _)| *other < key) {
                self.made.push(describe(key, new).0.clone());
            }
            let new = news.next_if(|(other, _)| *other == key);
            if new.is_some_and(|(_, new)| Arc::ptr_eq(old, new)) {
                continue;
            }
            let (id, owner, tags) = describe(key, old);
            self.touched.push(Touched { id: id.clone(), owner: owner.clone(), tags, removed: new.is_none() });
        }
        self.made.extend(news.map(|(key, new)| describe(key, new).0.clone()));
    }
}
