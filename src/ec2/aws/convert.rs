//! Small conversions between the SDK's types and ours.

use aws_sdk_ec2::{
    primitives::DateTime,
    types::{Filter, ResourceType, Tag, TagSpecification},
};
use jiff::Timestamp;

use crate::model::{Tags, ownership};

/// The largest page that EC2 gives. Source: EC2 API reference, `MaxResults`.
pub(super) const PAGE_SIZE: i32 = 1_000;

pub(super) fn filter(name: impl Into<String>, values: impl IntoIterator<Item = impl Into<String>>) -> Filter {
    let values = values.into_iter().map(Into::into).collect();
    Filter::builder().name(name).set_values(Some(values)).build()
}

/// What carries this cluster id as ownership tag.
pub(super) fn of_cluster(cluster_id: &str) -> Filter {
    filter(format!("tag:{}", ownership::CLUSTER_ID), [cluster_id])
}

/// To the second: nothing is decided by less.
pub(super) fn time(time: Option<DateTime>) -> Option<Timestamp> {
    Timestamp::from_second(time?.secs()).ok()
}

/// The same tags for each resource type that a create call makes.
pub(super) fn tag_specifications(types: &[ResourceType], tags: &Tags) -> Vec<TagSpecification> {
    let of_type = |kind: &ResourceType| {
        TagSpecification::builder().resource_type(kind.clone()).set_tags(Some(sdk_tags(tags))).build()
    };
    types.iter().map(of_type).collect()
}

pub(super) fn sdk_tags(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

pub(super) fn tags(tags: Option<Vec<Tag>>) -> Tags {
    let pair = |tag: Tag| Some((tag.key?, tag.value.unwrap_or_default()));
    tags.unwrap_or_default().into_iter().filter_map(pair).collect()
}

/// EC2 leaves some values empty that other services leave out: client tokens, snapshot ids, page tokens.
pub(super) fn non_empty(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}
