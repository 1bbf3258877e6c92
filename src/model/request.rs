//! Requests to EC2. Each request is complete: its execution involves no decision.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ClientToken, ImageId, InstanceId, Region, Tags};

/// A request to launch exactly one builder.
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
    /// Name of the instance profile, not its ARN.
    pub instance_profile: Option<String>,
    /// As the guest sees it; the adapter encodes it once.
    pub user_data: Vec<u8>,
    pub volumes: Vec<LaunchVolume>,
    /// Tags of the instance, its volumes and its network interface.
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

/// A request to create an image from a stopped builder. There is no client token: the name, unique per account and region,
/// is the lock.
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
    /// Tags of the image and its snapshots, set by the create call itself.
    pub tags: Tags,
}

/// A request to copy an image into `region`.
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
    /// Time within which each snapshot is copied, in minutes; none: as soon as possible.
    pub completion_minutes: Option<i32>,
    /// Tags of the image and its snapshots, set by the create call itself.
    pub tags: Tags,
}

/// The tier of a parameter: its cost and features. Source: Systems Manager user guide, "Managing parameter tiers".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ParameterTier {
    Standard,
    Advanced,
    IntelligentTiering,
}

/// A request to write an image ID to a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutParameter {
    pub region: Region,
    pub name: String,
    pub value: ImageId,
    /// Tier of the parameter; none: the account's default.
    pub tier: Option<ParameterTier>,
    /// Make a new parameter with these tags, and fail if there is one; none: change the one that is there.
    pub new_with: Option<Tags>,
}
