//! What becomes of the copies of a former source.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Duration, Published};
use crate::model::{ImageId, Region};

/// What happens to the copies of a former source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SourceChangePolicy {
    /// They stay in the account.
    #[default]
    Retain,
    /// Once every region has the new copy, and it is published where that is asked for (with `launchState: Disabled`
    /// nothing is), those beyond `keepPrevious` are deregistered and their snapshots are deleted, the oldest first.
    ReplaceWhenReady,
}

/// One: the image to go back to.
pub(super) fn default_keep_previous() -> u32 {
    1
}

pub(super) fn default_in_use_period() -> Duration {
    std::time::Duration::from_hours(30 * 24).into()
}

/// What is to be taken back of a source in a region that the source has left: consumers there go on with it until the new one is
/// everywhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeftSource {
    #[serde(rename = "imageID")]
    pub image_id: ImageId,
    pub region: Region,
    /// What is still published there, unless a copy has taken it over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Published>,
}
