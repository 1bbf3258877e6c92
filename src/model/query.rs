//! What can be asked of a region. A pass never reads EC2 itself: it says what it wants to see, and the poller asks
//! once for everybody.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Agent, ClientToken, CommandId, CommandOutput, Grants, Image, ImageId, Instance, InstanceId, Invocation,
    Nonce, Snapshot, SnapshotId, Tags, Verdict,
};

/// One thing to observe in one region.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Query {
    /// An instance by id.
    Instance(InstanceId),
    /// The instance that a launch with this token made: the first thing to ask after a lost reply.
    InstanceByToken(ClientToken),
    /// An image by id, whoever owns it.
    Image(ImageId),
    /// Our account's images of exactly this name.
    ImagesNamed(String),
    /// Our account's images that carry this object's uid as ownership tag.
    ImagesOf(String),
    /// Our account's snapshots that carry this object's uid as ownership tag.
    SnapshotsOf(String),
    /// The newest image that a selector matches.
    Newest(Box<ImageSelector>),
    /// The value of an SSM parameter.
    Parameter(String),
    /// The report of a guest on its serial console. The console output is dropped after parsing: little of its 64 KiB is needed.
    Console { id: InstanceId, nonce: Nonce, view: ConsoleView },
    /// The Systems Manager agent of an instance.
    Agent(InstanceId),
    /// All commands that an instance was ever sent.
    Commands(InstanceId),
    /// What a command printed on an instance.
    CommandOutput(CommandId, InstanceId),
    /// The tags of an SSM parameter.
    ParameterTags(String),
    /// Who may launch one of our images.
    LaunchPermissions(ImageId),
    /// Who may use one of our snapshots.
    VolumePermissions(SnapshotId),
    /// Which of these accounts are named in the launch permissions of one of our images: the same as [`Query::LaunchPermissions`]
    /// for many images at once, by a call for each account.
    LaunchAccounts(ImageId, Accounts),
    /// Which of these accounts may use one of our snapshots.
    VolumeAccounts(SnapshotId, Accounts),
    /// Which account this is.
    Account,
    /// Whether the account lets no image of the region become public.
    BlockPublicAccess,
    /// With which key the region encrypts a copy for which none is named.
    DefaultEncryption,
    /// In which zones a snapshot's volumes need no warming up.
    FastRestores(SnapshotId),
    /// What of our account names an image, such as instances, launch templates and parameters.
    ImageReferences(ImageId),
}

/// Account ids of twelve digits; many images ask for the same.
pub type Accounts = Arc<BTreeSet<String>>;

/// Which console output is requested. Source: EC2 API reference, `GetConsoleOutput`, parameter `Latest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ConsoleView {
    /// What was printed up to now; types on the Xen hypervisor have no such view.
    Latest,
    /// What was posted after the last change of the instance's state.
    Posted,
}

/// Which images a build may start from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageSelector {
    /// Never empty: a name filter without owners would match anybody's look-alike.
    pub owners: Vec<String>,
    /// With EC2's wildcards `*` and `?`.
    pub name: Option<String>,
    pub architecture: Option<String>,
    pub product_code: Option<String>,
    pub tags: Tags,
}

/// What was found for a [`Query`].
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Instance(Box<Instance>),
    Image(Box<Image>),
    Images(Vec<Image>),
    Snapshots(Vec<Snapshot>),
    Parameter(String),
    Verdict(Box<Verdict>),
    Agent(Agent),
    Commands(Vec<Invocation>),
    CommandOutput(Box<CommandOutput>),
    Tags(Tags),
    Grants(Box<Grants>),
    Account(String),
    Flag(bool),
    DefaultEncryption(DefaultEncryption),
    Zones(Vec<String>),
    /// ARNs.
    References(Vec<String>),
}

/// The key that AWS keeps for each account, under which an image can be shared with nobody.
pub const AWS_MANAGED_KEY: &str = "alias/aws/ebs";

/// The EBS encryption defaults of an account in a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultEncryption {
    /// Whether volumes and copies are always encrypted, even if not requested.
    pub always: bool,
    /// `alias/aws/ebs`, whose snapshots can be shared with nobody, or the ARN of a key of the account's own.
    pub key: String,
}
