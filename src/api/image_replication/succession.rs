//! What becomes of the copies of a former source.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Duration;

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
