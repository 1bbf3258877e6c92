//! Instances: translation of requests and responses.

use aws_sdk_ec2::{
    operation::{
        describe_instances::builders::DescribeInstancesInputBuilder,
        run_instances::builders::RunInstancesInputBuilder,
    },
    types::{
        self, BlockDeviceMapping, EbsBlockDevice, HttpTokensState, IamInstanceProfileSpecification,
        InstanceAutoRecoveryState, InstanceMaintenanceOptionsRequest, InstanceMetadataEndpointState,
        InstanceMetadataOptionsRequest, InstanceStateName, ResourceType, ShutdownBehavior,
    },
};
use base64::{Engine, prelude::BASE64_STANDARD};

use super::convert;
use crate::{
    ec2::InstanceFilter,
    model::{
        ClientToken, ImageId, Instance, InstanceId, InstanceState, LaunchVolume, RunInstances, StateReason,
        VolumeType,
    },
};

/// What EC2 keeps of a console. Source: EC2 API reference, `GetConsoleOutput`.
const CONSOLE_BYTES: usize = 64 * 1024;

pub(super) fn run_instances(request: &RunInstances) -> RunInstancesInputBuilder {
    let tagged = [ResourceType::Instance, ResourceType::Volume, ResourceType::NetworkInterface];
    let groups = &request.security_group_ids;
    RunInstancesInputBuilder::default()
        .client_token(&request.client_token.0)
        .min_count(1)
        .max_count(1)
        .image_id(&request.image_id.0)
        .instance_type(request.instance_type.as_str().into())
        .set_subnet_id(request.subnet_id.clone())
        .set_security_group_ids((!groups.is_empty()).then(|| groups.clone()))
        .set_iam_instance_profile(request.instance_profile.as_ref().map(instance_profile))
        .user_data(BASE64_STANDARD.encode(&request.user_data))
        .set_block_device_mappings(Some(request.volumes.iter().map(launch_volume).collect()))
        .set_tag_specifications(Some(convert::tag_specifications(&tagged, &request.tags)))
        .metadata_options(metadata_options())
        .instance_initiated_shutdown_behavior(ShutdownBehavior::Stop)
        .maintenance_options(no_automatic_recovery())
}

fn instance_profile(name: &String) -> IamInstanceProfileSpecification {
    IamInstanceProfileSpecification::builder().name(name).build()
}

/// IMDSv2 from the machine itself only: a hop limit of 1 keeps containers on the builder from its credentials.
fn metadata_options() -> InstanceMetadataOptionsRequest {
    InstanceMetadataOptionsRequest::builder()
        .http_endpoint(InstanceMetadataEndpointState::Enabled)
        .http_tokens(HttpTokensState::Required)
        .http_put_response_hop_limit(1)
        .build()
}

fn no_automatic_recovery() -> InstanceMaintenanceOptionsRequest {
    InstanceMaintenanceOptionsRequest::builder().auto_recovery(InstanceAutoRecoveryState::Disabled).build()
}

/// Every volume goes with the builder, whatever its base image says: a leaked one costs money for ever.
fn launch_volume(volume: &LaunchVolume) -> BlockDeviceMapping {
    let ebs = EbsBlockDevice::builder()
        .delete_on_termination(true)
        .set_volume_size(volume.size_gib)
        .set_volume_type(volume.volume_type.map(volume_type))
        .set_iops(volume.iops)
        .set_throughput(volume.throughput)
        .set_encrypted(volume.kms_key_id.as_ref().map(|_| true))
        .set_kms_key_id(volume.kms_key_id.clone())
        .build();
    BlockDeviceMapping::builder().device_name(&volume.device_name).ebs(ebs).build()
}

fn volume_type(volume_type: VolumeType) -> types::VolumeType {
    match volume_type {
        VolumeType::Gp2 => types::VolumeType::Gp2,
        VolumeType::Gp3 => types::VolumeType::Gp3,
        VolumeType::Io1 => types::VolumeType::Io1,
        VolumeType::Io2 => types::VolumeType::Io2,
        VolumeType::Standard => types::VolumeType::Standard,
    }
}

pub(super) fn describe_instances(filter: &InstanceFilter) -> DescribeInstancesInputBuilder {
    let filter = match filter {
        InstanceFilter::Ids(ids) => convert::filter("instance-id", ids.iter().map(|id| &id.0)),
        InstanceFilter::Tokens(tokens) => convert::filter("client-token", tokens),
        InstanceFilter::OfCluster(id) => convert::of_cluster(id),
    };
    DescribeInstancesInputBuilder::default().filters(filter).max_results(convert::PAGE_SIZE)
}

/// None where EC2 left out the id or the state.
pub(super) fn instance(found: types::Instance) -> Option<Instance> {
    Some(Instance {
        id: InstanceId(found.instance_id?),
        state: state(&found.state?.name?),
        state_reason: found.state_reason.map(state_reason),
        image_id: ImageId(found.image_id.unwrap_or_default()),
        instance_type: found.instance_type.map(|name| name.as_str().to_owned()).unwrap_or_default(),
        availability_zone: found.placement.and_then(|place| place.availability_zone).unwrap_or_default(),
        client_token: convert::non_empty(found.client_token).map(ClientToken),
        launched_at: convert::time(found.launch_time),
        tags: convert::tags(found.tags),
    })
}

fn state(name: &InstanceStateName) -> InstanceState {
    match name {
        InstanceStateName::Pending => InstanceState::Pending,
        InstanceStateName::Running => InstanceState::Running,
        InstanceStateName::Stopping => InstanceState::Stopping,
        InstanceStateName::Stopped => InstanceState::Stopped,
        InstanceStateName::ShuttingDown => InstanceState::ShuttingDown,
        InstanceStateName::Terminated => InstanceState::Terminated,
        added_since => InstanceState::Other(added_since.as_str().to_owned()),
    }
}

fn state_reason(reason: types::StateReason) -> StateReason {
    StateReason { code: reason.code.unwrap_or_default(), message: reason.message.unwrap_or_default() }
}

/// The end of a console as text; none where it is not base64. Guests print what they like, so what is not UTF-8 is
/// replaced.
pub(super) fn console_text(encoded: &str) -> Option<String> {
    let unbroken: String = encoded.split_ascii_whitespace().collect();
    let bytes = BASE64_STANDARD.decode(unbroken).ok()?;
    let end = &bytes[bytes.len().saturating_sub(CONSOLE_BYTES)..];
    Some(String::from_utf8_lossy(end).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_console_is_cut_to_its_last_64_kib() {
        let printed = format!("first{}last", "x".repeat(CONSOLE_BYTES));
        let text = console_text(&BASE64_STANDARD.encode(printed)).unwrap();
        assert_eq!((text.len(), text.starts_with('x'), text.ends_with("last")), (CONSOLE_BYTES, true, true));
    }

    #[test]
    fn a_console_with_bytes_that_are_no_text_stays_readable() {
        assert_eq!(console_text(&BASE64_STANDARD.encode(b"ok\xff!")).unwrap(), "ok\u{fffd}!");
    }

    #[test]
    fn a_console_in_lines_of_base64_is_read() {
        assert_eq!(console_text("aGVs\nbG8=\n").unwrap(), "hello");
    }

    #[test]
    fn a_console_that_is_not_base64_is_not_taken_for_an_empty_one() {
        assert_eq!(console_text("<html>"), None);
    }
}
