//! All waiting times of calls to AWS, and of the poller that makes most of them.

use std::time::Duration;

/// For a connection to AWS. The SDK sets no other limit by itself, and a call that hangs would hold up its object for ever.
pub const CONNECTING: Duration = Duration::from_millis(3_100);

/// For one attempt at a call.
pub const ONE_ATTEMPT: Duration = Duration::from_secs(30);

/// For a call with the attempts that the SDK makes by itself.
pub const ALL_ATTEMPTS: Duration = Duration::from_secs(90);

/// How long a list of regions is good enough: a region in trouble fails many calls, each of which would ask for it.
pub const REGIONS_LAST: Duration = Duration::from_mins(1);

/// How often the poller asks for something that is expected to change. One call per kind every five seconds is 1 % of what
/// EC2 refills for reads (20 a second).
pub const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// Between two rounds of calls in a region, however urgent.
pub const ROUND_SPACING: Duration = Duration::from_secs(1);

/// Between two rounds in a region that AWS throttles, at the most.
pub const SLOWEST_ROUND: Duration = Duration::from_mins(1);

/// A burst of registrations becomes one round.
pub const GATHERING: Duration = Duration::from_millis(50);

/// What stays missing or refused is asked for this often in the end.
pub const SLOWEST_POLL: Duration = Duration::from_mins(10);

/// An agent registers minutes after its machine runs, and its build waits for nothing else.
pub const SLOWEST_POLL_FOR_AGENTS: Duration = Duration::from_secs(30);
