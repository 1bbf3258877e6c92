//! Volumes: translation of requests and responses.

use aws_sdk_ec2::{operation::describe_volumes::builders::DescribeVolumesInputBuilder, types};

use super::convert;
use crate::model::{Volume, VolumeId, VolumeState};

pub(super) fn describe_volumes(cluster_id: &str) -> DescribeVolumesInputBuilder {
    DescribeVolumesInputBuilder::default()
        .filters(convert::of_cluster(cluster_id))
        .max_results(convert::PAGE_SIZE)
}

/// None where EC2 left out the id or the state.
pub(super) fn volume(found: types::Volume) -> Option<Volume> {
    Some(Volume {
        id: VolumeId(found.volume_id?),
        state: state(&found.state?),
        created_at: convert::time(found.create_time),
        tags: convert::tags(found.tags),
    })
}

fn state(state: &types::VolumeState) -> VolumeState {
    match state {
        types::VolumeState::Creating => VolumeState::Creating,
        types::VolumeState::Available => VolumeState::Available,
        types::VolumeState::InUse => VolumeState::InUse,
        types::VolumeState::Deleting => VolumeState::Deleting,
        types::VolumeState::Deleted => VolumeState::Deleted,
        types::VolumeState::Error => VolumeState::Error,
        added_since => VolumeState::Other(added_since.as_str().to_owned()),
    }
}
