//! Identifiers as distinct types, so that the ID of a snapshot can never be passed as that of an image.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The ID of an Amazon Machine Image: `ami-` and 8 or 17 hexadecimal digits, unique only within its region.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ImageId(#[schemars(length(max = 32))] pub String);

/// The ID of an EC2 instance: `i-` and 8 or 17 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct InstanceId(#[schemars(length(max = 32))] pub String);

/// The ID of an EBS snapshot: `snap-` and 8 or 17 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct SnapshotId(#[schemars(length(max = 32))] pub String);

/// The ID of an EBS volume: `vol-` and 8 or 17 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VolumeId(pub String);

/// An AWS region such as `eu-west-1`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Region(#[schemars(length(max = 32))] pub String);

/// A client token, which makes a create call idempotent: at most 64 ASCII characters, case-sensitive.
///
/// Source: EC2 developer guide, "Ensuring idempotency in Amazon EC2 API requests".
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ClientToken(#[schemars(length(max = 64))] pub String);

/// The ID of a Systems Manager command, a UUID.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct CommandId(#[schemars(length(max = 36))] pub String);

impl fmt::Display for ImageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for VolumeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The region prefixes of each partition; all other regions are in `aws`.
/// Source: the AWS SDKs' `partitions.json`.
pub const PARTITIONS: [(&str, &str); 7] = [
    ("cn-", "aws-cn"),
    ("us-gov-", "aws-us-gov"),
    ("us-iso-", "aws-iso"),
    ("us-isob-", "aws-iso-b"),
    ("eu-isoe-", "aws-iso-e"),
    ("us-isof-", "aws-iso-f"),
    ("eusc-", "aws-eusc"),
];

impl Region {
    /// The partition of the region: images cannot be copied between partitions.
    pub fn partition(&self) -> &'static str {
        let of_region = PARTITIONS.iter().find(|(start, _)| self.0.starts_with(start));
        of_region.map_or("aws", |(_, partition)| partition)
    }
}

impl fmt::Display for ClientToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for ImageId {
    fn from(id: &str) -> Self {
        Self(id.to_owned())
    }
}

impl From<&str> for InstanceId {
    fn from(id: &str) -> Self {
        Self(id.to_owned())
    }
}

impl From<&str> for SnapshotId {
    fn from(id: &str) -> Self {
        Self(id.to_owned())
    }
}

impl From<&str> for VolumeId {
    fn from(id: &str) -> Self {
        Self(id.to_owned())
    }
}

impl From<&str> for CommandId {
    fn from(id: &str) -> Self {
        Self(id.to_owned())
    }
}

impl From<&str> for Region {
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}
