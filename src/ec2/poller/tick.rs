//! The task of one region: waits until something is due, requests all of it, and distributes the answers.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{sync::mpsc, time::Instant};

use super::{Regions, Subject, WatchSet};
use crate::{
    customize,
    ec2::{Ec2, ImageFilter, InstanceFilter, SnapshotFilter, clock::Clock, timing::GATHERING},
    model::{
        Answer, AwsError, Disposition, ImageId, ImageSelector, InstanceId, Query, Region, SnapshotId,
        ownership,
    },
};

mod accounts;
#[cfg(test)]
mod tests;

/// Values a filter may have. Source: EC2 user guide, "Filtering considerations".
const FILTER_VALUES: usize = 200;

/// Names that `ssm:GetParameters` takes.
const PARAMETER_NAMES: usize = 10;

/// Ids that one page of `ssm:DescribeInstanceInformation` answers. Source: SSM API reference, `MaxResults`.
const AGENTS: usize = 50;

/// Images or snapshots whose accounts are asked for together: a page of a list.
const SHARED: usize = 1000;

pub(super) struct Ticker {
    pub(super) watched: Arc<WatchSet>,
    pub(super) regions: Arc<Regions>,
    pub(super) name: Region,
    pub(super) ec2: Arc<dyn Ec2>,
    pub(super) clock: Clock,
    pub(super) wake: mpsc::UnboundedSender<Subject>,
}

/// The answers to a group of queries: what was found, by query.
type Found = Result<HashMap<Query, Answer>, AwsError>;

impl Ticker {
    /// Runs until the poller is gone, which aborts it.
    pub(super) async fn run(self, spacing: Duration) {
        let gathering = GATHERING.min(spacing);
        loop {
            let next = self.watched.book().next_round(Instant::now());
            match next {
                None => self.watched.changed.notified().await,
                Some(due) if due > Instant::now() => {
                    tokio::select! {
                        () = tokio::time::sleep_until(due) => {}
                        () = self.watched.changed.notified() => {}
                    }
                }
                Some(_) => {
                    tokio::time::sleep(gathering).await;
                    self.round().await;
                }
            }
        }
    }

    async fn round(&self) {
        let due = self.watched.book().take_due(Instant::now(), capacity);
        for group in groups(due) {
            let began = Instant::now();
            let found = self.ask(&group).await;
            if !is_one_for_all(&group, &found) {
                self.publish(&group, &found, began);
                continue;
            }
            for query in group {
                let alone = [query];
                let found = self.ask(&alone).await;
                self.publish(&alone, &found, began);
            }
        }
    }

    /// Stores what was found, and wakes whom it concerns. Whoever waits for first answers of another region is woken by the
    /// last of them: after a start each of ten thousand objects would have a pass for every region.
    fn publish(&self, group: &[Query], found: &Found, began: Instant) {
        for subject in self.store(group, found, began) {
            if !self.regions.awaits(&subject) {
                // Nobody listens any more while the operator shuts down.
                let _ = self.wake.send(subject);
            }
        }
    }

    fn store(&self, group: &[Query], found: &Found, began: Instant) -> Vec<Subject> {
        let now = Instant::now();
        let mut book = self.watched.book();
        book.heard(found.as_ref().err().map(AwsError::class));
        let woken = group.iter().flat_map(|query| match found {
            Ok(answers) => book.answer(query, answers.get(query).cloned(), began, (now, self.clock.now())),
            Err(error) => book.failure(query, error, began, now),
        });
        woken.collect()
    }

    /// One call for the whole group, which is of one kind.
    async fn ask(&self, group: &[Query]) -> Found {
        match group.first() {
            None => Ok(HashMap::new()),
            Some(Query::Instance(_) | Query::InstanceByToken(_)) => self.instances(group).await,
            Some(Query::Image(_)) => self.images(ImageFilter::Ids(image_ids(group))).await,
            Some(Query::ImagesNamed(_)) => self.images(ImageFilter::Named(texts(group))).await,
            Some(Query::ImagesOf(_)) => self.images(ImageFilter::OwnedBy(texts(group))).await,
            Some(Query::SnapshotsOf(_)) => self.snapshots(group).await,
            Some(Query::Parameter(_)) => self.parameters(group).await,
            Some(query @ Query::Newest(selector)) => Ok(only(query, self.newest(selector).await?)),
            Some(query @ Query::Console { id, nonce, view }) => {
                let text = self.ec2.get_console_output(&self.name, id, *view).await?;
                let verdict = Box::new(customize::read_verdict(&text, nonce));
                Ok(only(query, Answer::Verdict(verdict)))
            }
            Some(Query::Agent(_)) => self.agents(group).await,
            Some(query @ Query::Commands(id)) => {
                let commands = self.ec2.list_command_invocations(&self.name, id).await?;
                let sent = (!commands.is_empty()).then_some(Answer::Commands(commands));
                Ok(only(query, sent))
            }
            Some(Query::FastRestores(_)) => self.fast_restores(group).await,
            Some(query @ Query::ParameterTags(name)) => {
                let tags = self.ec2.parameter_tags(&self.name, name).await?;
                Ok(only(query, tags.map(Answer::Tags)))
            }
            Some(query @ Query::LaunchPermissions(id)) => {
                let grants = self.ec2.describe_launch_permissions(&self.name, id).await?;
                Ok(only(query, Answer::Grants(Box::new(grants))))
            }
            Some(query @ Query::VolumePermissions(id)) => {
                let grants = self.ec2.describe_volume_permissions(&self.name, id).await?;
                Ok(only(query, Answer::Grants(Box::new(grants))))
            }
            Some(query @ Query::ImageReferences(id)) => {
                let arns = self.ec2.describe_image_references(&self.name, id).await?;
                Ok(only(query, Answer::References(arns)))
            }
            Some(Query::LaunchAccounts(..) | Query::VolumeAccounts(..)) => self.accounts(group).await,
            Some(query @ Query::Account) => {
                let identity = self.ec2.get_caller_identity(&self.name).await?;
                Ok(only(query, Answer::Account(identity.account)))
            }
            Some(query @ Query::BlockPublicAccess) => {
                Ok(only(query, Answer::Flag(self.ec2.blocks_public_images(&self.name).await?)))
            }
            Some(query @ Query::DefaultEncryption) => {
                let default = self.ec2.default_encryption(&self.name).await?;
                Ok(only(query, Answer::DefaultEncryption(default)))
            }
            Some(query @ Query::CommandOutput(command, id)) => {
                let output = self.ec2.get_command_invocation(&self.name, command, id).await?;
                Ok(only(query, Answer::CommandOutput(Box::new(output))))
            }
        }
    }

    async fn instances(&self, group: &[Query]) -> Found {
        let by_token = matches!(group.first(), Some(Query::InstanceByToken(_)));
        let filter = if by_token {
            InstanceFilter::Tokens(tokens(group))
        } else {
            InstanceFilter::Ids(instance_ids(group))
        };
        let instances = self.ec2.describe_instances(&self.name, &filter).await?;
        let keyed = instances.into_iter().filter_map(|instance| {
            let query = match &instance.client_token {
                Some(token) if by_token => Query::InstanceByToken(token.clone()),
                None if by_token => return None,
                Some(_) | None => Query::Instance(instance.id.clone()),
            };
            Some((query, Answer::Instance(Box::new(instance))))
        });
        Ok(keyed.collect())
    }

    async fn images(&self, filter: ImageFilter) -> Found {
        let mut found: HashMap<Query, Answer> = HashMap::new();
        for image in self.ec2.describe_images(&self.name, &filter).await? {
            let query = match &filter {
                ImageFilter::Named(_) => Query::ImagesNamed(image.name.clone()),
                ImageFilter::OwnedBy(_) => {
                    Query::ImagesOf(image.tags.get(ownership::UID).cloned().unwrap_or_default())
                }
                ImageFilter::Ids(_)
                | ImageFilter::OfCluster(_)
                | ImageFilter::SharedWith(_)
                | ImageFilter::Selected(_) => {
                    found.insert(Query::Image(image.id.clone()), Answer::Image(Box::new(image)));
                    continue;
                }
            };
            if let Answer::Images(list) = found.entry(query).or_insert_with(|| Answer::Images(Vec::new())) {
                list.push(image);
            }
        }
        Ok(found)
    }

    async fn newest(&self, selector: &ImageSelector) -> Result<Option<Answer>, AwsError> {
        let selected = ImageFilter::Selected(selector.clone());
        let images = self.ec2.describe_images(&self.name, &selected).await?;
        let newest = images.into_iter().max_by(|a, b| (a.created_at, &a.name).cmp(&(b.created_at, &b.name)));
        Ok(newest.map(|image| Answer::Image(Box::new(image))))
    }

    async fn snapshots(&self, group: &[Query]) -> Found {
        let mut found: HashMap<Query, Answer> = HashMap::new();
        let filter = SnapshotFilter::OwnedBy(texts(group));
        for snapshot in self.ec2.describe_snapshots(&self.name, &filter).await? {
            let query = Query::SnapshotsOf(snapshot.tags.get(ownership::UID).cloned().unwrap_or_default());
            if let Answer::Snapshots(list) =
                found.entry(query).or_insert_with(|| Answer::Snapshots(Vec::new()))
            {
                list.push(snapshot);
            }
        }
        Ok(found)
    }

    /// A snapshot without any is answered too: with no zone.
    async fn fast_restores(&self, group: &[Query]) -> Found {
        let ids: Vec<SnapshotId> = group
            .iter()
            .filter_map(|q| if let Query::FastRestores(id) = q { Some(id.clone()) } else { None })
            .collect();
        let found = self.ec2.describe_fast_snapshot_restores(&self.name, &ids).await?;
        let zones_of =
            |id: &SnapshotId| found.iter().filter(|(of, _)| of == id).map(|(_, zone)| zone.clone()).collect();
        Ok(ids.iter().map(|id| (Query::FastRestores(id.clone()), Answer::Zones(zones_of(id)))).collect())
    }

    async fn agents(&self, group: &[Query]) -> Found {
        let agents = self.ec2.describe_instance_information(&self.name, &instance_ids(group)).await?;
        Ok(agents
            .into_iter()
            .map(|agent| (Query::Agent(agent.instance_id.clone()), Answer::Agent(agent)))
            .collect())
    }

    async fn parameters(&self, group: &[Query]) -> Found {
        let values = self.ec2.get_parameters(&self.name, &texts(group)).await?;
        Ok(values
            .into_iter()
            .map(|(name, value)| (Query::Parameter(name), Answer::Parameter(value)))
            .collect())
    }
}

/// Whether one refused parameter may have failed the call for its neighbors: IAM allows parameters by name.
fn is_one_for_all(group: &[Query], found: &Found) -> bool {
    let refused = found
        .as_ref()
        .is_err_and(|e| matches!(e.class().disposition(), Disposition::NeedsHelp | Disposition::Rejected));
    refused && group.len() > 1 && matches!(group.first(), Some(Query::Parameter(_)))
}

/// The answer to a query that was asked alone; none where nothing was found.
fn only(query: &Query, answer: impl Into<Option<Answer>>) -> HashMap<Query, Answer> {
    answer.into().map(|answer| (query.clone(), answer)).into_iter().collect()
}

/// Queries that one call can answer together.
fn groups(mut queries: Vec<Query>) -> Vec<Vec<Query>> {
    queries.sort();
    let mut groups: Vec<Vec<Query>> = Vec::new();
    for query in queries {
        match groups.last_mut() {
            Some(group)
                if group.first().is_some_and(|q| same_kind(q, &query)) && group.len() < capacity(&query) =>
            {
                group.push(query);
            }
            _ => groups.push(vec![query]),
        }
    }
    groups.into_iter().flat_map(accounts::worthwhile).collect()
}

fn same_kind(a: &Query, b: &Query) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
}

fn capacity(query: &Query) -> usize {
    match query {
        Query::Parameter(_) => PARAMETER_NAMES,
        Query::Newest(_)
        | Query::Console { .. }
        | Query::Commands(_)
        | Query::CommandOutput(..)
        | Query::ParameterTags(_)
        | Query::LaunchPermissions(_)
        | Query::VolumePermissions(_)
        | Query::ImageReferences(_)
        | Query::Account
        | Query::BlockPublicAccess
        | Query::DefaultEncryption => 1,
        Query::Agent(_) => AGENTS,
        Query::LaunchAccounts(..) | Query::VolumeAccounts(..) => SHARED,
        Query::Instance(_)
        | Query::InstanceByToken(_)
        | Query::Image(_)
        | Query::ImagesNamed(_)
        | Query::ImagesOf(_)
        | Query::SnapshotsOf(_)
        | Query::FastRestores(_) => FILTER_VALUES,
    }
}

fn tokens(group: &[Query]) -> Vec<String> {
    group
        .iter()
        .filter_map(|q| if let Query::InstanceByToken(token) = q { Some(token.0.clone()) } else { None })
        .collect()
}

fn instance_ids(group: &[Query]) -> Vec<InstanceId> {
    group
        .iter()
        .filter_map(|q| if let Query::Instance(id) | Query::Agent(id) = q { Some(id.clone()) } else { None })
        .collect()
}

fn image_ids(group: &[Query]) -> Vec<ImageId> {
    group.iter().filter_map(|q| if let Query::Image(id) = q { Some(id.clone()) } else { None }).collect()
}

fn texts(group: &[Query]) -> Vec<String> {
    let text = |q: &Query| match q {
        Query::ImagesNamed(text)
        | Query::ImagesOf(text)
        | Query::SnapshotsOf(text)
        | Query::Parameter(text) => Some(text.clone()),
        Query::Instance(_)
        | Query::InstanceByToken(_)
        | Query::Image(_)
        | Query::Newest(_)
        | Query::Console { .. }
        | Query::Agent(_)
        | Query::Commands(_)
        | Query::CommandOutput(..)
        | Query::ParameterTags(_)
        | Query::LaunchPermissions(_)
        | Query::VolumePermissions(_)
        | Query::LaunchAccounts(..)
        | Query::VolumeAccounts(..)
        | Query::Account
        | Query::BlockPublicAccess
        | Query::DefaultEncryption
        | Query::ImageReferences(_)
        | Query::FastRestores(_) => None,
    };
    group.iter().filter_map(text).collect()
}
