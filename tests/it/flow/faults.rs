//! Trouble between the operator and AWS: calls that are refused, or carried out without an answer.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use ami_operator::{
    ec2::{CallerIdentity, Deregistered, Ec2, ImageFilter, InstanceFilter, SnapshotFilter},
    model::{
        Action, Agent, AwsError, CommandId, CommandOutput, ConsoleView, CopyImage, CreateImage, Image,
        ImageId, Instance, InstanceId, Invocation, Region, RunInstances, SendCommand, Snapshot, SnapshotId,
        Tags, Volume, VolumeId,
    },
};
use async_trait::async_trait;

use super::boundaries::{Boundaries, Side};

/// What happens to the next call of an action.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Not carried out; answered by this code and message.
    Refuse(&'static str, &'static str),
    /// Carried out; the answer is lost.
    LoseAnswer,
}

/// A port that passes calls on, and counts them.
pub struct Faulty {
    pub(super) inner: Arc<dyn Ec2>,
    faults: Mutex<Vec<(Action, VecDeque<Fault>)>>,
    calls: Mutex<Vec<(Action, Region)>>,
    boundaries: Arc<Boundaries>,
}

impl Faulty {
    pub fn new(inner: Arc<dyn Ec2>, boundaries: Arc<Boundaries>) -> Self {
        Self { inner, faults: Mutex::default(), calls: Mutex::default(), boundaries }
    }

    /// The next calls of this action meet these faults, in order.
    pub fn next(&self, action: Action, faults: impl IntoIterator<Item = Fault>) {
        self.faults.lock().expect("not poisoned").push((action, faults.into_iter().collect()));
    }

    /// How often an action was called since the beginning.
    pub fn count(&self, action: Action) -> usize {
        self.calls.lock().expect("not poisoned").iter().filter(|(a, _)| *a == action).count()
    }

    /// All calls since the beginning.
    pub fn calls(&self) -> Vec<Action> {
        self.calls.lock().expect("not poisoned").iter().map(|(a, _)| *a).collect()
    }

    fn take(&self, action: Action, region: &Region) -> Option<Fault> {
        self.calls.lock().expect("not poisoned").push((action, region.clone()));
        let mut faults = self.faults.lock().expect("not poisoned");
        faults.iter_mut().find(|(a, queue)| *a == action && !queue.is_empty())?.1.pop_front()
    }

    pub(super) async fn through<T>(
        &self,
        action: Action,
        region: &Region,
        call: impl Future<Output = Result<T, AwsError>>,
    ) -> Result<T, AwsError> {
        let error = |code: &str, message: &str| AwsError {
            action,
            region: region.clone(),
            code: code.to_owned(),
            message: message.to_owned(),
            request_id: Some("fault".to_owned()),
        };
        let name = format!("{action} in {region}");
        self.boundaries.pass(Side::Before, &name).await;
        let answer = match self.take(action, region) {
            None => call.await,
            Some(Fault::Refuse(code, message)) => Err(error(code, message)),
            Some(Fault::LoseAnswer) => {
                let _ = call.await;
                Err(error(AwsError::NO_ANSWER, "the connection was reset"))
            }
        };
        self.boundaries.pass(Side::After, &name).await;
        answer
    }
}

#[async_trait]
impl Ec2 for Faulty {
    async fn describe_instances(
        &self,
        region: &Region,
        filter: &InstanceFilter,
    ) -> Result<Vec<Instance>, AwsError> {
        self.through(Action::DescribeInstances, region, self.inner.describe_instances(region, filter)).await
    }

    async fn visit_images(
        &self,
        region: &Region,
        filter: &ImageFilter,
        visit: &mut (dyn FnMut(Image) + Send),
    ) -> Result<(), AwsError> {
        let asked = self.inner.visit_images(region, filter, visit);
        self.through(Action::DescribeImages, region, asked).await
    }

    async fn visit_snapshots(
        &self,
        region: &Region,
        filter: &SnapshotFilter,
        visit: &mut (dyn FnMut(Snapshot) + Send),
    ) -> Result<(), AwsError> {
        let asked = self.inner.visit_snapshots(region, filter, visit);
        self.through(Action::DescribeSnapshots, region, asked).await
    }

    async fn describe_volumes(&self, region: &Region, cluster_id: &str) -> Result<Vec<Volume>, AwsError> {
        self.through(Action::DescribeVolumes, region, self.inner.describe_volumes(region, cluster_id)).await
    }

    async fn describe_regions(&self, region: &Region) -> Result<Vec<Region>, AwsError> {
        self.through(Action::DescribeRegions, region, self.inner.describe_regions(region)).await
    }

    async fn get_console_output(
        &self,
        region: &Region,
        id: &InstanceId,
        view: ConsoleView,
    ) -> Result<String, AwsError> {
        self.through(Action::GetConsoleOutput, region, self.inner.get_console_output(region, id, view)).await
    }

    async fn get_parameters(&self, region: &Region, names: &[String]) -> Result<Tags, AwsError> {
        self.through(Action::GetParameters, region, self.inner.get_parameters(region, names)).await
    }

    async fn get_caller_identity(&self, region: &Region) -> Result<CallerIdentity, AwsError> {
        self.through(Action::GetCallerIdentity, region, self.inner.get_caller_identity(region)).await
    }

    async fn describe_instance_information(
        &self,
        region: &Region,
        ids: &[InstanceId],
    ) -> Result<Vec<Agent>, AwsError> {
        let call = self.inner.describe_instance_information(region, ids);
        self.through(Action::DescribeInstanceInformation, region, call).await
    }

    async fn list_command_invocations(
        &self,
        region: &Region,
        id: &InstanceId,
    ) -> Result<Vec<Invocation>, AwsError> {
        let call = self.inner.list_command_invocations(region, id);
        self.through(Action::ListCommandInvocations, region, call).await
    }

    async fn get_command_invocation(
        &self,
        region: &Region,
        command: &CommandId,
        id: &InstanceId,
    ) -> Result<CommandOutput, AwsError> {
        let call = self.inner.get_command_invocation(region, command, id);
        self.through(Action::GetCommandInvocation, region, call).await
    }

    async fn run_instances(&self, request: &RunInstances) -> Result<Instance, AwsError> {
        self.through(Action::RunInstances, &request.region, self.inner.run_instances(request)).await
    }

    async fn stop_instances(&self, region: &Region, id: &InstanceId) -> Result<(), AwsError> {
        self.through(Action::StopInstances, region, self.inner.stop_instances(region, id)).await
    }

    async fn terminate_instances(&self, region: &Region, id: &InstanceId) -> Result<(), AwsError> {
        self.through(Action::TerminateInstances, region, self.inner.terminate_instances(region, id)).await
    }

    async fn create_image(&self, request: &CreateImage) -> Result<ImageId, AwsError> {
        self.through(Action::CreateImage, &request.region, self.inner.create_image(request)).await
    }

    async fn copy_image(&self, request: &CopyImage) -> Result<ImageId, AwsError> {
        self.through(Action::CopyImage, &request.region, self.inner.copy_image(request)).await
    }

    async fn require_imdsv2(&self, region: &Region, id: &ImageId) -> Result<(), AwsError> {
        self.through(Action::ModifyImageAttribute, region, self.inner.require_imdsv2(region, id)).await
    }

    async fn deregister_image(&self, region: &Region, id: &ImageId) -> Result<Deregistered, AwsError> {
        self.through(Action::DeregisterImage, region, self.inner.deregister_image(region, id)).await
    }

    async fn delete_snapshot(&self, region: &Region, id: &SnapshotId) -> Result<(), AwsError> {
        self.through(Action::DeleteSnapshot, region, self.inner.delete_snapshot(region, id)).await
    }

    async fn delete_volume(&self, region: &Region, id: &VolumeId) -> Result<(), AwsError> {
        self.through(Action::DeleteVolume, region, self.inner.delete_volume(region, id)).await
    }

    async fn create_tags(&self, region: &Region, resources: &[String], tags: &Tags) -> Result<(), AwsError> {
        self.through(Action::CreateTags, region, self.inner.create_tags(region, resources, tags)).await
    }

    async fn delete_tags(
        &self,
        region: &Region,
        resources: &[String],
        keys: &[String],
    ) -> Result<(), AwsError> {
        self.through(Action::DeleteTags, region, self.inner.delete_tags(region, resources, keys)).await
    }

    async fn send_command(&self, request: &SendCommand) -> Result<CommandId, AwsError> {
        self.through(Action::SendCommand, &request.region, self.inner.send_command(request)).await
    }

    async fn cancel_command(
        &self,
        region: &Region,
        command: &CommandId,
        id: &InstanceId,
    ) -> Result<(), AwsError> {
        self.through(Action::CancelCommand, region, self.inner.cancel_command(region, command, id)).await
    }
}
