//! The orphan sweep: removes AWS resources of objects that disappeared before their finalizer did its work.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{
    cluster::{Cluster, ClusterError},
    survey::{Scope, Survey, SurveyError, survey, survey_of_orphans},
};
use crate::{
    ec2::{Ec2, clock::Clock, poller::Subject},
    model::{
        AwsError, Class, Region, SnapshotId, Tags,
        ownership::{self, Owner},
    },
    ops::metrics::Metrics,
    plan::orphans::{self, Finding, Thing, Verdict},
    status::{conditions::explain, events::Note},
};

/// Sweeps the account periodically.
///
/// # Guarantees
/// One removal at a time. Nothing is removed in the first 15 minutes of its life, nor what only one sweep found, nor when
/// Kubernetes did not list every object; and each owner is looked for once more just before.
pub struct Sweeper {
    cluster: Arc<dyn Cluster>,
    ec2: Arc<dyn Ec2>,
    clock: Clock,
    metrics: Arc<Metrics>,
    scope: Scope,
    adopt_restored: bool,
    runs_since: Timestamp,
    /// What the last sweep found.
    before: Vec<Finding>,
    /// Regions that the last sweep could not look at.
    unseen: Vec<Region>,
}

impl Sweeper {
    /// A sweeper that has found nothing yet. `adopt_restored`: see [`Sweeper::adopt`].
    pub fn new(
        cluster: Arc<dyn Cluster>,
        ec2: Arc<dyn Ec2>,
        clock: Clock,
        metrics: Arc<Metrics>,
        scope: Scope,
        adopt_restored: bool,
    ) -> Self {
        Self {
            cluster,
            ec2,
            runs_since: clock.now(),
            clock,
            metrics,
            scope,
            adopt_restored,
            before: Vec::new(),
            unseen: Vec::new(),
        }
    }

    /// Sweeps at once and then every `interval`, up to half of it later: many clusters must not ask at the same moment.
    pub async fn run(mut self, interval: Duration) {
        loop {
            self.sweep().await;
            tokio::time::sleep(interval.mul_f64(1.0 + fastrand::f64() / 2.0)).await;
        }
    }

    /// Sweeps once: reports new findings, and removes what may be removed.
    pub async fn sweep(&mut self) {
        match survey_of_orphans(&*self.ec2, &*self.cluster, &self.scope).await {
            Ok(seen) => {
                self.metrics.sweep(true);
                self.go_over(seen).await;
            }
            Err(error) => {
                self.metrics.sweep(false);
                self.before.clear();
                tracing::warn!(%error, "the account could not be swept for orphans");
            }
        }
    }

    async fn go_over(&mut self, seen: Survey) {
        self.tell_unseen(&seen.unseen);
        let now = self.clock.now();
        let findings = orphans::find(&seen.inventories, &seen.objects, self.adopt_restored, now);
        self.count(&findings);
        for finding in findings.iter().filter(|f| !self.before.contains(f)) {
            self.tell(finding).await;
        }
        for finding in orphans::removable(&findings, &self.before, self.runs_since, now) {
            self.remove(finding).await;
        }
        self.before = findings;
    }

    fn count(&self, findings: &[Finding]) {
        for kind in Thing::KINDS {
            for verdict in Verdict::ALL {
                let count =
                    findings.iter().filter(|f| f.thing.kind() == kind && f.verdict == verdict).count();
                self.metrics.orphans(kind, verdict.as_str(), count);
            }
        }
    }

    /// Once, not at every sweep: an account may be barred from regions for good.
    fn tell_unseen(&mut self, errors: &[AwsError]) {
        let unseen: Vec<Region> = errors.iter().map(|error| error.region.clone()).collect();
        if unseen != self.unseen {
            for error in errors {
                let region = &error.region.0;
                tracing::warn!(region, error = explain(error), "a region could not be swept for orphans");
            }
        }
        self.unseen = unseen;
    }

    async fn tell(&self, finding: &Finding) {
        let Finding { region, thing, owner, verdict, why, .. } = finding;
        let (kind, verdict) = (thing.kind(), verdict.as_str());
        tracing::warn!(region = region.0, kind, id = %thing, owner, verdict, why, "found an orphan");
        if let Some(concerned) = &finding.concerns {
            let message = format!("{kind} {thing} in {region}: {why}");
            let note = Note { warning: true, reason: "Orphan".to_owned(), message };
            self.cluster.publish(&subject(concerned), &concerned.uid, &note).await;
        }
    }

    async fn remove(&self, finding: &Finding) {
        let (region, id, kind) = (&finding.region, finding.thing.to_string(), finding.thing.kind());
        match self.still_unowned(finding).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(region = region.0, id, %error, "an orphan is kept because its owner could not be looked up");
                return;
            }
        }
        match self.call(region, &finding.thing).await {
            Ok(()) => {
                tracing::info!(region = region.0, kind, id, why = finding.why, "removed an orphan");
                self.metrics.orphan_removed(kind);
            }
            Err(error) if error.class() == Class::NotFound => {}
            Err(error) => {
                tracing::warn!(
                    region = region.0,
                    kind,
                    id,
                    error = explain(&error),
                    "an orphan could not be removed"
                );
            }
        }
    }

    /// Another look at the one object, as the list may be minutes old by now.
    async fn still_unowned(&self, finding: &Finding) -> Result<bool, ClusterError> {
        let Some(former) = &finding.former else { return Ok(false) };
        let found = self.cluster.get(&subject(former)).await?;
        let uid = found.as_ref().map(|object| object.pointer("/metadata/uid").and_then(|uid| uid.as_str()));
        Ok(match uid {
            None => true,
            Some(uid) => self.adopt_restored && uid != Some(former.uid.as_str()),
        })
    }

    async fn call(&self, region: &Region, thing: &Thing) -> Result<(), AwsError> {
        match thing {
            Thing::Instance(id) => self.ec2.terminate_instances(region, id).await,
            Thing::Volume(id) => self.ec2.delete_volume(region, id).await,
            Thing::Image(id, snapshots) => {
                self.mark(region, snapshots).await?;
                // Snapshots that EC2 keeps bear the mark, and are found by a later sweep.
                self.ec2.deregister_image(region, id).await.map(drop)
            }
            Thing::Snapshot(id) => self.ec2.delete_snapshot(region, id).await,
        }
    }

    /// Before their image goes: without it nothing would tell them from what is left of an available image.
    async fn mark(&self, region: &Region, snapshots: &[SnapshotId]) -> Result<(), AwsError> {
        if snapshots.is_empty() {
            return Ok(());
        }
        let ids: Vec<String> = snapshots.iter().map(|id| id.0.clone()).collect();
        let mark: Tags = [(ownership::DELETE_AFTER.to_owned(), self.clock.now().to_string())].into();
        self.ec2.create_tags(region, &ids, &mark).await
    }

    /// Gives the finished images of builds that a backup restored with another uid to the builds as they are now, before
    /// the first pass would find the image's name taken. Does nothing unless adoption was asked for.
    ///
    /// # Errors
    /// What kept it from being done for all: the operator must not go on then.
    pub async fn adopt(&self) -> Result<(), SurveyError> {
        if !self.adopt_restored {
            return Ok(());
        }
        let seen = survey(&*self.ec2, &*self.cluster, &self.scope).await?;
        for adoption in orphans::adoptions(&seen.inventories, &seen.objects) {
            let (region, owner) = (&adoption.region, &adoption.owner);
            let tagged = self.ec2.create_tags(region, &adoption.resources, &adoption.tags()).await;
            tagged.map_err(SurveyError::Aws)?;
            let message =
                format!("image {} in {region} with its former UID is assigned to it again", adoption.image);
            tracing::info!(kind = owner.kind, namespace = owner.namespace, name = owner.name, message);
            let note = Note { warning: false, reason: "Adopted".to_owned(), message };
            self.cluster.publish(&subject(owner), &owner.uid, &note).await;
        }
        Ok(())
    }
}

fn subject(owner: &Owner) -> Subject {
    Subject { kind: owner.kind, namespace: owner.namespace.clone(), name: owner.name.clone() }
}
