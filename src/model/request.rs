//! Requests to EC2. Each request is complete: its execution involves no decision.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ClientToken, ImageId, InstanceId, Region, Tags};

/// Launch exactly one builder.
///
/// The adapter adds what holds for every builder: IMDSv2 required, shutdown behavior `stop`, automatic recovery off
/// (a recovered builder would never run its user data again and idle for ever).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunInstances {
    pub region: Region,
    pub client_token: ClientToken,
    pub image_id: ImageId,
    pub instance_type: String,
    pub subnet_id: Option<String>,
    pub security_group_ids: Vec<String>,
    /// The name, not the ARN.
    pub instance_profile: Option<String>,
    /// As the guest sees it; the adapter encodes it once.
    pub user_data: Vec<u8>,
    pub volumes: Vec<LaunchVolume>,
    /// On the instance, its volumes and its network interface.
    pub tags: Tags,
}

/// One EBS volume at launch. What is not given is inherited from the image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaunchVolume {
    pub device_name: String,
    /// GiB.
    pub size_gib: Option<i32>,
    pub volume_type: Option<VolumeType>,
    pub iops: Option<i32>,
    /// MiB/s.
    pub throughput: Option<i32>,
    /// Given: the volume is encrypted with this key, and so are the snapshots of the image.
    pub kms_key_id: Option<String>,
}

/// EBS volume types, spelled as EC2 spells them. Source: EBS user guide, "Amazon EBS volume types".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum VolumeType {
    Gp2,
    Gp3,
    Io1,
    Io2,
    Standard,
}

/// How instances of an image start, spelled as EC2 spells it: what `CreateImage` can set on an image, which is UEFI alone.
/// Source: EC2 API reference, `CreateImage`, `BootModeOverride`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BootMode {
    Uefi,
}

/// Make an image of a stopped builder. EC2 has no token here: the name, unique in account and region, is the lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateImage {
    pub region: Region,
    pub instance_id: InstanceId,
    pub name: String,
    pub description: Option<String>,
    /// Devices whose volumes must outlive an instance of the new image, as they did with the base image: the builder
    /// itself was launched with all of them set to go with it.
    pub kept_devices: Vec<String>,
    /// None: the builder's.
    pub boot_mode: Option<BootMode>,
    /// On the image and its snapshots, in the create call itself.
    pub tags: Tags,
}

/// Copy an image into `region`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyImage {
    /// The destination: the call is made there.
    pub region: Region,
    pub client_token: ClientToken,
    pub source_image_id: ImageId,
    pub source_region: Region,
    pub name: String,
    /// Given: the copy is encrypted with this key of the destination region. Else it is encrypted as its source is.
    pub kms_key_id: Option<String>,
    /// Within how many minutes each snapshot is copied; none: as soon as can be.
    pub completion_minutes: Option<i32>,
    /// On the image and its snapshots, in the create call itself.
    pub tags: Tags,
}

/// What a parameter can be and costs. Source: Systems Manager user guide, "Managing parameter tiers".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ParameterTier {
    Standard,
    Advanced,
    IntelligentTiering,
}

/// Put an image's id into a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutParameter {
    pub region: Region,
    pub name: String,
    pub value: ImageId,
    /// None: what the account is set to.
    pub tier: Option<ParameterTier>,
    /// Make a new parameter with these tags, and fail if there is one; none: change the one that is there.
    pub new_with: Option<Tags>,
}
