//! The implementation of the port with the AWS SDK for Rust.
//!
//! Requests and answers are translated by pure functions in `instances`, `images` and `commands`; every call goes through
//! [`AwsEc2::call`], which waits for the write limits, measures, and sorts errors.

mod client;
mod commands;
mod convert;
mod failure;
mod images;
mod instances;
mod parameters;
mod regions;
#[cfg(test)]
mod tests;
mod upkeep;
mod volumes;

use std::{future::Future, sync::Arc};

use async_trait::async_trait;
use aws_sdk_ec2::{
    config::{ProvideCredentials, SharedCredentialsProvider, SharedHttpClient},
    error::{ProvideErrorMetadata, SdkError},
    types::{AttributeValue, Tag},
};
use tokio::time::Instant;

use self::{
    client::{Clients, RegionClients},
    convert::non_empty,
    failure::{failure, incomplete},
};
use super::{
    CallerIdentity, Deregistered, Ec2, ImageFilter, InstanceFilter, SnapshotFilter, limits::WriteLimits,
};
use crate::model::{
    Action, Agent, AwsError, Class, CommandId, CommandOutput, ConsoleView, CopyImage, CreateImage, Image,
    ImageId, Instance, InstanceId, Invocation, Region, RunInstances, SendCommand, Snapshot, SnapshotId, Tags,
    Volume, VolumeId,
};

pub use client::{AwsSettings, ConnectError};

/// Observes every AWS call, for metrics.
pub trait CallObserver: Send + Sync {
    /// A call ended: well, or with an error of this class. `seconds` spans the SDK's own retries, but not the wait
    /// for the write limits.
    fn observed(&self, action: Action, region: &Region, error: Option<Class>, seconds: f64);
}

/// Nobody listens.
impl CallObserver for () {
    fn observed(&self, _: Action, _: &Region, _: Option<Class>, _: f64) {}
}

/// Amazon EC2, and what the operator needs of SSM and STS, in all regions of one account.
pub struct AwsEc2 {
    clients: Clients,
    /// Which is asked what regions the account has.
    home: Region,
    listing: regions::Listing,
    limits: WriteLimits,
    observer: Arc<dyn CallObserver>,
}

impl AwsEc2 {
    /// Reads the configuration. Nothing is asked of EC2 yet, and missing credentials show at the first call.
    ///
    /// # Errors
    /// Fails where the CA bundle cannot be used.
    pub async fn connect(
        settings: &AwsSettings,
        observer: Arc<dyn CallObserver>,
    ) -> Result<Self, ConnectError> {
        Ok(Self::new(Clients::connect(settings).await?, settings.home.clone(), observer))
    }

    /// An AWS behind any HTTP client, such as one that answers in the same process. Time is tokio's, so that retries
    /// and timeouts pass at once under a paused clock.
    pub fn with_http_client(
        http: SharedHttpClient,
        credentials: impl ProvideCredentials + 'static,
        observer: Arc<dyn CallObserver>,
    ) -> Self {
        let clients = Clients::with_http_client(http, SharedCredentialsProvider::new(credentials));
        Self::new(clients, AwsSettings::default().home, observer)
    }

    fn new(clients: Clients, home: Region, observer: Arc<dyn CallObserver>) -> Self {
        Self { clients, home, listing: regions::Listing::default(), limits: WriteLimits::default(), observer }
    }

    fn clients(&self, region: &Region) -> Arc<RegionClients> {
        self.clients.of_region(region)
    }

    /// The one way to AWS.
    async fn call<T, E>(
        &self,
        action: Action,
        region: &Region,
        answer: impl Future<Output = Result<T, SdkError<E>>>,
    ) -> Result<T, AwsError>
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        self.limits.acquire(action, region).await;
        let sent_at = Instant::now();
        let result = match answer.await {
            Ok(answer) => Ok(answer),
            Err(error) => {
                let unreachable = matches!(error, SdkError::DispatchFailure(_));
                Err(self.explained(failure(action, region, &error), unreachable).await)
            }
        };
        let class = result.as_ref().err().map(AwsError::class);
        self.limits.heard(action, region, class);
        self.observer.observed(action, region, class, sent_at.elapsed().as_secs_f64());
        result
    }
}

#[async_trait]
impl Ec2 for AwsEc2 {
    async fn describe_instances(
        &self,
        region: &Region,
        filter: &InstanceFilter,
    ) -> Result<Vec<Instance>, AwsError> {
        let (action, clients) = (Action::DescribeInstances, self.clients(region));
        let request = instances::describe_instances(filter);
        let (mut found, mut page) = (Vec::new(), None);
        loop {
            let asked = request.clone().set_next_token(page).send_with(&clients.ec2);
            let answer = self.call(action, region, asked).await?;
            let reservations = answer.reservations.unwrap_or_default().into_iter();
            found.extend(reservations.flat_map(|r| r.instances.unwrap_or_default()).map(instances::instance));
            page = non_empty(answer.next_token);
            if page.is_none() {
                return all(found).ok_or_else(|| incomplete(action, region, "id or state of an instance"));
            }
        }
    }

    async fn visit_images(
        &self,
        region: &Region,
        filter: &ImageFilter,
        visit: &mut (dyn FnMut(Image) + Send),
    ) -> Result<(), AwsError> {
        let (action, clients) = (Action::DescribeImages, self.clients(region));
        let request = images::describe_images(filter);
        let mut page = None;
        loop {
            let asked = request.clone().set_next_token(page).send_with(&clients.ec2);
            let answer = self.call(action, region, asked).await?;
            for image in answer.images.unwrap_or_default().into_iter().map(images::image) {
                visit(image.ok_or_else(|| incomplete(action, region, "id or state of an image"))?);
            }
            page = non_empty(answer.next_token);
            if page.is_none() {
                return Ok(());
            }
        }
    }

    async fn visit_snapshots(
        &self,
        region: &Region,
        filter: &SnapshotFilter,
        visit: &mut (dyn FnMut(Snapshot) + Send),
    ) -> Result<(), AwsError> {
        let (action, clients) = (Action::DescribeSnapshots, self.clients(region));
        let request = images::describe_snapshots(filter);
        let mut page = None;
        loop {
            let asked = request.clone().set_next_token(page).send_with(&clients.ec2);
            let answer = self.call(action, region, asked).await?;
            for snapshot in answer.snapshots.unwrap_or_default().into_iter().map(images::snapshot) {
                visit(snapshot.ok_or_else(|| incomplete(action, region, "id or state of a snapshot"))?);
            }
            page = non_empty(answer.next_token);
            if page.is_none() {
                return Ok(());
            }
        }
    }

    async fn describe_volumes(&self, region: &Region, cluster_id: &str) -> Result<Vec<Volume>, AwsError> {
        let (action, clients) = (Action::DescribeVolumes, self.clients(region));
        let request = volumes::describe_volumes(cluster_id);
        let (mut found, mut page) = (Vec::new(), None);
        loop {
            let asked = request.clone().set_next_token(page).send_with(&clients.ec2);
            let answer = self.call(action, region, asked).await?;
            found.extend(answer.volumes.unwrap_or_default().into_iter().map(volumes::volume));
            page = non_empty(answer.next_token);
            if page.is_none() {
                return all(found).ok_or_else(|| incomplete(action, region, "id or state of a volume"));
            }
        }
    }

    async fn describe_regions(&self, region: &Region) -> Result<Vec<Region>, AwsError> {
        let (action, clients) = (Action::DescribeRegions, self.clients(region));
        let answer = self.call(action, region, clients.ec2.describe_regions().send()).await?;
        let names = answer.regions.unwrap_or_default().into_iter().map(|r| r.region_name.map(Region));
        all(names.collect()).ok_or_else(|| incomplete(action, region, "name of a region"))
    }

    async fn get_console_output(
        &self,
        region: &Region,
        id: &InstanceId,
        view: ConsoleView,
    ) -> Result<String, AwsError> {
        let (action, clients) = (Action::GetConsoleOutput, self.clients(region));
        let latest = (view == ConsoleView::Latest).then_some(true);
        let asked = clients.ec2.get_console_output().instance_id(&id.0).set_latest(latest).send();
        let posted = self.call(action, region, asked).await?.output.unwrap_or_default();
        instances::console_text(&posted).ok_or_else(|| incomplete(action, region, "base64 text"))
    }

    async fn get_parameters(&self, region: &Region, names: &[String]) -> Result<Tags, AwsError> {
        let clients = self.clients(region);
        let asked = clients.ssm.get_parameters().set_names(Some(names.to_vec())).send();
        let found = self.call(Action::GetParameters, region, asked).await?.parameters.unwrap_or_default();
        Ok(found.into_iter().filter_map(parameter).collect())
    }

    async fn get_caller_identity(&self, region: &Region) -> Result<CallerIdentity, AwsError> {
        let (action, clients) = (Action::GetCallerIdentity, self.clients(region));
        let answer = self.call(action, region, clients.sts.get_caller_identity().send()).await?;
        let identity = answer.account.zip(answer.arn).map(|(account, arn)| CallerIdentity { account, arn });
        identity.ok_or_else(|| incomplete(action, region, "account id and ARN"))
    }

    async fn describe_instance_information(
        &self,
        region: &Region,
        ids: &[InstanceId],
    ) -> Result<Vec<Agent>, AwsError> {
        let (action, clients) = (Action::DescribeInstanceInformation, self.clients(region));
        let request = commands::describe_instance_information(ids);
        let (mut found, mut page) = (Vec::new(), None);
        loop {
            let asked = request.clone().set_next_token(page).send_with(&clients.ssm);
            let answer = self.call(action, region, asked).await?;
            found.extend(
                answer.instance_information_list.unwrap_or_default().into_iter().map(commands::agent),
            );
            page = non_empty(answer.next_token);
            if page.is_none() {
                return all(found).ok_or_else(|| incomplete(action, region, "id or status of an agent"));
            }
        }
    }

    async fn list_command_invocations(
        &self,
        region: &Region,
        id: &InstanceId,
    ) -> Result<Vec<Invocation>, AwsError> {
        let (action, clients) = (Action::ListCommandInvocations, self.clients(region));
        let request = clients.ssm.list_command_invocations().instance_id(&id.0).details(true);
        let request = request.max_results(commands::PAGE_SIZE);
        let (mut found, mut page) = (Vec::new(), None);
        loop {
            let asked = request.clone().set_next_token(page).send();
            let answer = self.call(action, region, asked).await?;
            found
                .extend(answer.command_invocations.unwrap_or_default().into_iter().map(commands::invocation));
            page = non_empty(answer.next_token);
            if page.is_none() {
                return all(found).ok_or_else(|| incomplete(action, region, "id or status of a command"));
            }
        }
    }

    async fn get_command_invocation(
        &self,
        region: &Region,
        command: &CommandId,
        id: &InstanceId,
    ) -> Result<CommandOutput, AwsError> {
        let (action, clients) = (Action::GetCommandInvocation, self.clients(region));
        let asked = clients.ssm.get_command_invocation().command_id(&command.0).instance_id(&id.0).send();
        let found = self.call(action, region, asked).await?;
        commands::output(found).ok_or_else(|| incomplete(action, region, "status of a command"))
    }

    async fn run_instances(&self, request: &RunInstances) -> Result<Instance, AwsError> {
        let (action, region) = (Action::RunInstances, &request.region);
        let clients = self.clients(region);
        let asked = Box::pin(instances::run_instances(request).send_with(&clients.ec2_once));
        let launched = self.call(action, region, asked).await?.instances.unwrap_or_default();
        let instance = launched.into_iter().next().and_then(instances::instance);
        instance.ok_or_else(|| incomplete(action, region, "instance"))
    }

    async fn stop_instances(&self, region: &Region, id: &InstanceId) -> Result<(), AwsError> {
        let clients = self.clients(region);
        let asked = clients.ec2.stop_instances().instance_ids(&id.0).send();
        self.call(Action::StopInstances, region, asked).await.map(drop)
    }

    async fn terminate_instances(&self, region: &Region, id: &InstanceId) -> Result<(), AwsError> {
        let clients = self.clients(region);
        let asked = clients.ec2.terminate_instances().instance_ids(&id.0).send();
        self.call(Action::TerminateInstances, region, asked).await.map(drop)
    }

    async fn create_image(&self, request: &CreateImage) -> Result<ImageId, AwsError> {
        let (action, region) = (Action::CreateImage, &request.region);
        let clients = self.clients(region);
        let asked = images::create_image(request).send_with(&clients.ec2_once);
        let id = self.call(action, region, asked).await?.image_id;
        id.map(ImageId).ok_or_else(|| incomplete(action, region, "image id"))
    }

    async fn copy_image(&self, request: &CopyImage) -> Result<ImageId, AwsError> {
        let (action, region) = (Action::CopyImage, &request.region);
        let clients = self.clients(region);
        let asked = images::copy_image(request).send_with(&clients.ec2_once);
        let id = self.call(action, region, asked).await?.image_id;
        id.map(ImageId).ok_or_else(|| incomplete(action, region, "image id"))
    }

    async fn require_imdsv2(&self, region: &Region, id: &ImageId) -> Result<(), AwsError> {
        let clients = self.clients(region);
        let required = AttributeValue::builder().value("v2.0").build();
        let asked = clients.ec2.modify_image_attribute().image_id(&id.0).imds_support(required).send();
        self.call(Action::ModifyImageAttribute, region, asked).await.map(drop)
    }

    async fn deregister_image(&self, region: &Region, id: &ImageId) -> Result<Deregistered, AwsError> {
        let clients = self.clients(region);
        let asked = clients.ec2.deregister_image().image_id(&id.0).delete_associated_snapshots(true).send();
        self.call(Action::DeregisterImage, region, asked).await.map(images::deregistered)
    }

    async fn delete_snapshot(&self, region: &Region, id: &SnapshotId) -> Result<(), AwsError> {
        let clients = self.clients(region);
        let asked = clients.ec2.delete_snapshot().snapshot_id(&id.0).send();
        self.call(Action::DeleteSnapshot, region, asked).await.map(drop)
    }

    async fn delete_volume(&self, region: &Region, id: &VolumeId) -> Result<(), AwsError> {
        let clients = self.clients(region);
        let asked = clients.ec2.delete_volume().volume_id(&id.0).send();
        self.call(Action::DeleteVolume, region, asked).await.map(drop)
    }

    async fn create_tags(&self, region: &Region, resources: &[String], tags: &Tags) -> Result<(), AwsError> {
        let (clients, tags) = (self.clients(region), convert::sdk_tags(tags));
        let request = clients.ec2.create_tags().set_resources(Some(resources.to_vec())).set_tags(Some(tags));
        self.call(Action::CreateTags, region, request.send()).await.map(drop)
    }

    async fn delete_tags(
        &self,
        region: &Region,
        resources: &[String],
        keys: &[String],
    ) -> Result<(), AwsError> {
        let clients = self.clients(region);
        // A key without a value deletes the tag whatever its value is; an empty one would ask for an empty value.
        let tags = keys.iter().map(|key| Tag::builder().key(key).build()).collect();
        let request = clients.ec2.delete_tags().set_resources(Some(resources.to_vec())).set_tags(Some(tags));
        self.call(Action::DeleteTags, region, request.send()).await.map(drop)
    }

    async fn send_command(&self, request: &SendCommand) -> Result<CommandId, AwsError> {
        let (action, region) = (Action::SendCommand, &request.region);
        let clients = self.clients(region);
        let asked = Box::pin(commands::send_command(request).send_with(&clients.ssm_once));
        let id = self.call(action, region, asked).await?.command.and_then(|command| command.command_id);
        id.map(CommandId).ok_or_else(|| incomplete(action, region, "command id"))
    }

    async fn cancel_command(
        &self,
        region: &Region,
        command: &CommandId,
        id: &InstanceId,
    ) -> Result<(), AwsError> {
        let clients = self.clients(region);
        let asked = clients.ssm.cancel_command().command_id(&command.0).instance_ids(&id.0).send();
        self.call(Action::CancelCommand, region, asked).await.map(drop)
    }
}

/// None if one is missing: a list with a hole must not pass for one that lacks what stands in the hole.
fn all<T>(found: Vec<Option<T>>) -> Option<Vec<T>> {
    found.into_iter().collect()
}

/// By the name as it was asked for, which may hold a version or a label (`/name:3`).
fn parameter(found: aws_sdk_ssm::types::Parameter) -> Option<(String, String)> {
    Some((found.name? + &found.selector.unwrap_or_default(), found.value?))
}
