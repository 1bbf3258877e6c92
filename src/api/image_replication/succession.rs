//! What happens to the copies of a previous source.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Duration, Published};
use crate::model::{ImageId, Region};

/// What happens to the copies of a previous source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SourceChangePolicy {
    /// They stay in the account.
    #[default]
    Retain,
    /// Once every region has the new copy, and it is published if publishing is configured (nothing is published with
    /// `launchState: Disabled`), those beyond `keepPrevious` are deregistered and their snapshots are deleted, oldest first.
    ReplaceWhenReady,
}

/// One: the image to go back to.
pub(super) fn default_keep_previous() -> u32 {
    1
}

pub(super) fn default_in_use_period() -> Duration {
    std::time::Duration::from_hours(30 * 24).into()
}

/// Previous source image in a region that the source has left. Consumers there continue to use it until the new image is
/// everywhere; then it is withdrawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeftSource {
    /// ID of the previous source image.
    #[serde(rename = "imageID")]
    pub image_id: ImageId,
    /// Region of the previous source image.
    pub region: Region,
    /// What is still published there, unless a copy has replaced it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Published>,
}
