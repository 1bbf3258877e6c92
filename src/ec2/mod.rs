//! The port to AWS: a trait whose methods are the AWS actions that the operator uses, its adapter, and the poller.

#[cfg(feature = "aws")]
pub mod aws;
pub mod clock;
pub mod limits;
pub mod parameters;
pub mod poller;
pub mod timing;
pub mod upkeep;

use async_trait::async_trait;

use crate::model::{
    Agent, AwsError, CommandId, CommandOutput, ConsoleView, CopyImage, CreateImage, Image, ImageId,
    ImageSelector, Instance, InstanceId, Invocation, Region, RunInstances, SendCommand, Snapshot, SnapshotId,
    Tags, Volume, VolumeId,
};

/// Which instances to describe. Always a filter, never ids: one unknown id would fail the whole call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstanceFilter {
    /// At most 200.
    Ids(Vec<InstanceId>),
    /// `client-token` values, at most 200.
    Tokens(Vec<String>),
    /// Those that carry this cluster id as ownership tag.
    OfCluster(String),
}

/// Which images to describe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageFilter {
    /// By id, whoever owns them; at most 200. Disabled ones included.
    Ids(Vec<ImageId>),
    /// Our account's, by exact name; at most 200. Disabled ones included.
    Named(Vec<String>),
    /// Our account's that carry one of these uids as ownership tag; at most 200. Disabled ones included.
    OwnedBy(Vec<String>),
    /// Our account's that carry this cluster id as ownership tag. Disabled ones included.
    OfCluster(String),
    /// Our account's that are explicitly shared with this account. Disabled ones included.
    SharedWith(String),
    /// Available ones that a selector matches.
    Selected(ImageSelector),
}

/// Which snapshots of our account to describe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotFilter {
    /// Those that carry one of these uids as ownership tag; at most 200.
    OwnedBy(Vec<String>),
    /// Those that carry this cluster id as ownership tag.
    OfCluster(String),
    /// Those that are shared with this account.
    SharedWith(String),
}

/// The outcome of a deregistration: the snapshots that EC2 did not delete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deregistered {
    /// Snapshot id and EC2's code, such as `skipped` (in use by another image) or `missing-permissions`.
    pub kept: Vec<(SnapshotId, String)>,
}

/// The identity of the operator's credentials, according to AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerIdentity {
    pub account: String,
    /// ARN of the user, or of the session of an assumed role.
    pub arn: String,
}

/// The AWS actions that the operator uses, one method each, named as EC2 names them.
///
/// # Guarantees
/// A method makes one call (a list: one per page) and never repeats a create call by itself, so that an answer that got
/// lost is found by token, name or tag instead of being made twice.
///
/// # Errors
/// Each method fails with [`AwsError`], which [`AwsError::class`] classifies.
#[async_trait]
pub trait Ec2: upkeep::Upkeep + parameters::Parameters {
    /// `ec2:DescribeInstances`, all pages.
    async fn describe_instances(
        &self,
        region: &Region,
        filter: &InstanceFilter,
    ) -> Result<Vec<Instance>, AwsError>;
    /// `ec2:DescribeImages`, all pages: hands each image to `visit`. After an error some may be missing.
    async fn visit_images(
        &self,
        region: &Region,
        filter: &ImageFilter,
        visit: &mut (dyn FnMut(Image) + Send),
    ) -> Result<(), AwsError>;
    /// The same at once, for a filter that few match.
    async fn describe_images(&self, region: &Region, filter: &ImageFilter) -> Result<Vec<Image>, AwsError> {
        let mut images = Vec::new();
        self.visit_images(region, filter, &mut |image| images.push(image)).await?;
        Ok(images)
    }
    /// `ec2:DescribeSnapshots`, all pages: hands each snapshot to `visit`. After an error some may be missing.
    async fn visit_snapshots(
        &self,
        region: &Region,
        filter: &SnapshotFilter,
        visit: &mut (dyn FnMut(Snapshot) + Send),
    ) -> Result<(), AwsError>;
    /// The same at once, for a filter that few match.
    async fn describe_snapshots(
        &self,
        region: &Region,
        filter: &SnapshotFilter,
    ) -> Result<Vec<Snapshot>, AwsError> {
        let mut snapshots = Vec::new();
        self.visit_snapshots(region, filter, &mut |snapshot| snapshots.push(snapshot)).await?;
        Ok(snapshots)
    }
    /// `ec2:DescribeVolumes` of those that carry this cluster id as ownership tag, all pages.
    async fn describe_volumes(&self, region: &Region, cluster_id: &str) -> Result<Vec<Volume>, AwsError>;
    /// `ec2:DescribeRegions`: those that are enabled for the account, asked of `region`.
    async fn describe_regions(&self, region: &Region) -> Result<Vec<Region>, AwsError>;
    /// `ec2:GetConsoleOutput`: the output, decoded, at most 64 KiB; empty where there is none yet.
    async fn get_console_output(
        &self,
        region: &Region,
        id: &InstanceId,
        view: ConsoleView,
    ) -> Result<String, AwsError>;
    /// `ssm:GetParameters` of at most ten names: those that exist, by name.
    async fn get_parameters(&self, region: &Region, names: &[String]) -> Result<Tags, AwsError>;
    /// `sts:GetCallerIdentity`.
    async fn get_caller_identity(&self, region: &Region) -> Result<CallerIdentity, AwsError>;
    /// `ssm:DescribeInstanceInformation` of at most 50 instances: those whose agent ever registered.
    async fn describe_instance_information(
        &self,
        region: &Region,
        ids: &[InstanceId],
    ) -> Result<Vec<Agent>, AwsError>;
    /// `ssm:ListCommandInvocations` of one instance, with details, all pages. The newest command may be missing yet.
    async fn list_command_invocations(
        &self,
        region: &Region,
        id: &InstanceId,
    ) -> Result<Vec<Invocation>, AwsError>;
    /// `ssm:GetCommandInvocation`: what a command printed, once it ended.
    async fn get_command_invocation(
        &self,
        region: &Region,
        command: &CommandId,
        id: &InstanceId,
    ) -> Result<CommandOutput, AwsError>;

    /// `ec2:RunInstances` of exactly one instance.
    async fn run_instances(&self, request: &RunInstances) -> Result<Instance, AwsError>;
    /// `ec2:StopInstances` of one id, never by force: the guest writes its file systems out.
    async fn stop_instances(&self, region: &Region, id: &InstanceId) -> Result<(), AwsError>;
    /// `ec2:TerminateInstances` of one id: in a batch one bad id fails the others.
    async fn terminate_instances(&self, region: &Region, id: &InstanceId) -> Result<(), AwsError>;
    /// `ec2:CreateImage`: the new image's id.
    async fn create_image(&self, request: &CreateImage) -> Result<ImageId, AwsError>;
    /// `ec2:CopyImage`: the new image's id in the destination.
    async fn copy_image(&self, request: &CopyImage) -> Result<ImageId, AwsError>;
    /// `ec2:ModifyImageAttribute` with `imdsSupport` = `v2.0`, which EC2 cannot take back.
    async fn require_imdsv2(&self, region: &Region, id: &ImageId) -> Result<(), AwsError>;
    /// `ec2:DeregisterImage` with its snapshots.
    async fn deregister_image(&self, region: &Region, id: &ImageId) -> Result<Deregistered, AwsError>;
    /// `ec2:DeleteSnapshot`.
    async fn delete_snapshot(&self, region: &Region, id: &SnapshotId) -> Result<(), AwsError>;
    /// `ec2:DeleteVolume` of one that is on no instance: EC2 refuses another.
    async fn delete_volume(&self, region: &Region, id: &VolumeId) -> Result<(), AwsError>;
    /// `ec2:CreateTags` on these resource ids.
    async fn create_tags(&self, region: &Region, resources: &[String], tags: &Tags) -> Result<(), AwsError>;
    /// `ec2:DeleteTags` of these keys on these resource ids.
    async fn delete_tags(
        &self,
        region: &Region,
        resources: &[String],
        keys: &[String],
    ) -> Result<(), AwsError>;

    /// `ssm:SendCommand` to one instance: the command's id.
    async fn send_command(&self, request: &SendCommand) -> Result<CommandId, AwsError>;
    /// `ssm:CancelCommand` on one instance. AWS promises no more than to try.
    async fn cancel_command(
        &self,
        region: &Region,
        command: &CommandId,
        id: &InstanceId,
    ) -> Result<(), AwsError>;
}
