//! How many copies are under way in each region, over all objects: AWS takes only so many, and an object with many regions, or
//! many objects, must not take each other's chance.
//!
//! Who begins a copy takes a slot before its intent is written down, so that statuses say after a restart how many are taken.
//! Who gets none waits in line, and is woken when it is its turn. Nothing waits inside of a pass.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use kube::core::Selector;
use serde::Deserialize;
use tokio::sync::OnceCell;

use super::{
    cluster::{Cluster, ClusterError, scopes},
    replications::KIND,
};
use crate::{api::image_replication::DestinationStatus, ec2::poller::Subject, model::Region};

/// The slots of all regions.
pub struct CopySlots {
    limit: usize,
    /// None: all.
    namespaces: Vec<String>,
    regions: Mutex<BTreeMap<Region, Line>>,
    /// What was under way when the operator started is counted.
    counted: OnceCell<()>,
}

#[derive(Default)]
struct Line {
    holding: HashSet<Subject>,
    /// By ticket, the lowest first. Each pass of ten thousand that wait asks for its place: nothing here goes through them all.
    waiting: BTreeMap<u64, Subject>,
    tickets: HashMap<Subject, u64>,
}

/// As much of an object as tells what is under way.
#[derive(Deserialize)]
struct Stored {
    metadata: Named,
    #[serde(default)]
    status: Destinations,
}

#[derive(Deserialize)]
struct Named {
    name: String,
    namespace: String,
}

#[derive(Default, Deserialize)]
struct Destinations {
    #[serde(default)]
    destinations: Vec<DestinationStatus>,
}

impl CopySlots {
    /// Slots for at most `limit` copies per region, for the objects in these namespaces (empty: all).
    pub fn new(limit: usize, namespaces: Vec<String>) -> Self {
        Self { limit, namespaces, regions: Mutex::default(), counted: OnceCell::new() }
    }

    /// The regions in which `subject` has a slot.
    pub fn held_by(&self, subject: &Subject) -> BTreeSet<Region> {
        let regions = self.regions();
        let held = regions.iter().filter(|(_, line)| line.holding.contains(subject));
        held.map(|(region, _)| region.clone()).collect()
    }

    /// Records that a copy of `subject` is in progress in `region`, even if all slots are taken.
    pub fn occupy(&self, subject: &Subject, region: &Region) {
        let mut regions = self.regions();
        let line = regions.entry(region.clone()).or_default();
        line.leave(subject);
        line.holding.insert(subject.clone());
    }

    /// Requests slots, and returns whether at least one was free. In regions without a free slot, `subject` is queued.
    ///
    /// # Errors
    /// The number of copies in progress when the operator started cannot be determined.
    pub async fn ask(
        &self,
        cluster: &dyn Cluster,
        subject: &Subject,
        wanted: &BTreeSet<Region>,
    ) -> Result<bool, ClusterError> {
        self.counted.get_or_try_init(|| self.count(cluster)).await?;
        let mut regions = self.regions();
        let mut granted = false;
        for region in wanted {
            let line = regions.entry(region.clone()).or_default();
            line.stand_in(subject);
            granted |= line.serve(self.limit).contains(subject);
        }
        Ok(granted)
    }

    /// After a pass: `subject` has copies under way, or waits for a slot, in these regions, and in no other. Answers who else
    /// has a slot now.
    pub fn settle(&self, subject: &Subject, concerned: &BTreeSet<Region>) -> Vec<Subject> {
        let mut regions = self.regions();
        let mut served = Vec::new();
        for (region, line) in regions.iter_mut().filter(|(region, _)| !concerned.contains(*region)) {
            line.leave(subject);
            if line.holding.remove(subject) {
                tracing::debug!(%region, "a copy slot is free");
            }
            served.extend(line.serve(self.limit));
        }
        regions.retain(|_, line| !line.holding.is_empty() || !line.waiting.is_empty());
        served
    }

    /// Intents count too: the call may have been made.
    async fn count(&self, cluster: &dyn Cluster) -> Result<(), ClusterError> {
        let mut under_way = |object| {
            let Ok(Stored { metadata, status }) = serde_json::from_value(object) else { return };
            let subject = Subject { kind: KIND, namespace: metadata.namespace, name: metadata.name };
            for copy in status.destinations.iter().filter(|copy| copy.is_under_way()) {
                self.occupy(&subject, &copy.region);
            }
        };
        for namespace in scopes(&self.namespaces) {
            cluster.visit(KIND, namespace, &Selector::default(), &mut under_way).await?;
        }
        Ok(())
    }

    fn regions(&self) -> MutexGuard<'_, BTreeMap<Region, Line>> {
        self.regions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    /// At its end, or where it stands already.
    fn stand_in(&mut self, subject: &Subject) {
        if !self.tickets.contains_key(subject) {
            let ticket = self.waiting.last_key_value().map_or(0, |(last, _)| last + 1);
            self.waiting.insert(ticket, subject.clone());
            self.tickets.insert(subject.clone(), ticket);
        }
    }

    fn leave(&mut self, subject: &Subject) {
        if let Some(ticket) = self.tickets.remove(subject) {
            self.waiting.remove(&ticket);
        }
    }

    /// Gives the slots that are free to those who wait longest.
    fn serve(&mut self, limit: usize) -> Vec<Subject> {
        let free = limit.saturating_sub(self.holding.len());
        let served: Vec<Subject> = self.waiting.values().take(free).cloned().collect();
        for subject in &served {
            self.leave(subject);
            self.holding.insert(subject.clone());
        }
        served
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct NoObjects;

    #[async_trait::async_trait]
    impl Cluster for NoObjects {
        async fn get(&self, _: &Subject) -> Result<Option<serde_json::Value>, ClusterError> {
            Ok(None)
        }

        async fn config_map(&self, _: &str, _: &str) -> Result<Option<serde_json::Value>, ClusterError> {
            Ok(None)
        }

        async fn list(
            &self,
            _: &'static str,
            _: Option<&str>,
        ) -> Result<Vec<crate::controller::cluster::Listed>, ClusterError> {
            Ok(Vec::new())
        }

        async fn visit(
            &self,
            _: &'static str,
            _: Option<&str>,
            _: &Selector,
            _: &mut (dyn FnMut(serde_json::Value) + Send),
        ) -> Result<(), ClusterError> {
            Ok(())
        }

        async fn apply_status(
            &self,
            _: &Subject,
            _: &str,
            _: &serde_json::Value,
        ) -> Result<(), ClusterError> {
            Ok(())
        }

        async fn set_finalizers(&self, _: &Subject, _: &str, _: &[String]) -> Result<(), ClusterError> {
            Ok(())
        }

        async fn delete(&self, _: &Subject, _: &str, _: &str) -> Result<(), ClusterError> {
            Ok(())
        }

        async fn publish(&self, _: &Subject, _: &str, _: &crate::status::events::Note) {}
    }

    fn object(name: &str) -> Subject {
        Subject { kind: KIND, namespace: "images".to_owned(), name: name.to_owned() }
    }

    fn regions(names: &[&str]) -> BTreeSet<Region> {
        names.iter().map(|name| Region::from(*name)).collect()
    }

    async fn asks(slots: &CopySlots, name: &str, names: &[&str]) -> bool {
        slots.ask(&NoObjects, &object(name), &regions(names)).await.expect("there is no trouble")
    }

    #[tokio::test]
    async fn who_comes_first_is_served_first_and_the_next_when_a_slot_is_free() {
        let slots = CopySlots::new(2, Vec::new());
        assert!(asks(&slots, "a", &["eu-west-1"]).await);
        assert!(asks(&slots, "b", &["eu-west-1"]).await);
        assert!(!asks(&slots, "c", &["eu-west-1"]).await);
        assert!(!asks(&slots, "d", &["eu-west-1"]).await);
        assert!(!asks(&slots, "c", &["eu-west-1"]).await, "asking again moves nobody in the line");
        assert_eq!(slots.settle(&object("a"), &regions(&[])), [object("c")]);
        assert_eq!(slots.held_by(&object("c")), regions(&["eu-west-1"]));
    }

    #[tokio::test]
    async fn an_object_of_many_regions_takes_one_slot_in_each() {
        let slots = CopySlots::new(1, Vec::new());
        assert!(asks(&slots, "a", &["eu-west-1", "eu-west-2", "eu-west-3"]).await);
        assert!(!asks(&slots, "b", &["eu-west-2"]).await);
        assert!(asks(&slots, "b", &["eu-north-1"]).await);
        assert_eq!(slots.settle(&object("a"), &regions(&["eu-west-1", "eu-west-3"])), [object("b")]);
        assert_eq!(slots.held_by(&object("b")), regions(&["eu-north-1", "eu-west-2"]));
    }

    #[tokio::test]
    async fn whoever_wants_no_slot_any_more_leaves_the_line() {
        let slots = CopySlots::new(1, Vec::new());
        asks(&slots, "a", &["eu-west-1"]).await;
        asks(&slots, "b", &["eu-west-1"]).await;
        asks(&slots, "c", &["eu-west-1"]).await;
        assert_eq!(slots.settle(&object("b"), &regions(&[])), []);
        assert_eq!(slots.settle(&object("a"), &regions(&[])), [object("c")]);
    }

    #[tokio::test]
    async fn what_is_under_way_counts_whoever_began_it() {
        let slots = CopySlots::new(1, Vec::new());
        slots.occupy(&object("a"), &Region::from("eu-west-1"));
        slots.occupy(&object("b"), &Region::from("eu-west-1"));
        assert!(!asks(&slots, "c", &["eu-west-1"]).await);
        assert_eq!(slots.settle(&object("a"), &regions(&[])), []);
        assert_eq!(slots.settle(&object("b"), &regions(&[])), [object("c")]);
    }
}
