//! Everything that exists, as one immutable value that is cheap to clone.

use std::sync::{Arc, LazyLock};

use imbl::{HashMap, OrdMap, OrdSet};
use jiff::Timestamp;

use super::{
    ids::{self, Kind},
    params::Params,
    records::{
        Attachment, Command, FastLaunch, FastRestore, Fleet, Image, Instance, InstanceProfile, Key, KeyAlias,
        KeyPair, LaunchTemplate, MetadataDefaults, Parameter, Role, SecurityGroup, Snapshot, SnapshotLock,
        SpotRequest, StoredImage, Subnet, Volume, Vpc,
    },
    seed,
    tags::Tags,
};

/// All accounts in all regions at one moment.
#[derive(Clone, Debug)]
pub struct World {
    pub seed: u64,
    /// Ids made so far.
    pub minted: u64,
    pub accounts: HashMap<String, Account>,
    /// Shared, so that a change in one region copies no other.
    pub regions: OrdMap<String, Arc<Region>>,
    /// Who an access key belongs to; keys that are not here belong to the default account.
    pub access_keys: HashMap<String, Identity>,
    /// Roles by (account, name); others that are well-formed exist as well.
    pub roles: OrdMap<(String, String), Arc<Role>>,
    /// Instance profiles by (account, name); others that are well-formed exist as well.
    pub instance_profiles: OrdMap<(String, String), Arc<InstanceProfile>>,
    pub quotas: Quotas,
}

/// What an access key stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub account: String,
    /// The ARN that `GetCallerIdentity` answers.
    pub principal: String,
    /// The `UserId` that `GetCallerIdentity` answers.
    pub user_id: String,
    pub expires_at: Option<Timestamp>,
}

#[derive(Clone, Debug, Default)]
pub struct Account {
    /// Opt-in regions that are enabled for the account.
    pub opted_in: OrdSet<String>,
    /// Marketplace product codes to which the account has subscribed.
    pub subscriptions: OrdSet<String>,
    /// ARNs of the organization and the units that hold the account.
    pub organizations: OrdSet<String>,
}

/// Limits of one account in one region (Amazon EC2 endpoints and quotas).
#[derive(Clone, Copy, Debug)]
pub struct Quotas {
    pub instances: usize,
    pub images: usize,
    pub snapshots: usize,
    pub public_images: usize,
    pub concurrent_image_copies: usize,
    /// Of all time-based copies from one region, in MiB/s.
    pub time_based_copies: i64,
    pub fast_snapshot_restores: usize,
    pub security_groups: usize,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            instances: 1_000,
            images: 50_000,
            snapshots: 100_000,
            public_images: 5,
            concurrent_image_copies: 300,
            time_based_copies: 2_000,
            fast_snapshot_restores: 5,
            security_groups: 2_500,
        }
    }
}

/// The resources of all accounts in one region, by id.
#[derive(Clone, Debug)]
pub struct Region {
    pub name: String,
    /// Accounts must enable the region before they can use it.
    pub opt_in: bool,
    pub zones: Arc<[Zone]>,
    pub images: OrdMap<String, Arc<Image>>,
    pub snapshots: OrdMap<String, Arc<Snapshot>>,
    pub volumes: OrdMap<String, Arc<Volume>>,
    pub instances: OrdMap<String, Arc<Instance>>,
    pub vpcs: OrdMap<String, Arc<Vpc>>,
    pub subnets: OrdMap<String, Arc<Subnet>>,
    pub security_groups: OrdMap<String, Arc<SecurityGroup>>,
    pub key_pairs: OrdMap<String, Arc<KeyPair>>,
    /// Fast snapshot restores by (snapshot, zone).
    pub fast_restores: OrdMap<(String, String), FastRestore>,
    /// SSM parameters by (account, name); public ones under the account [`seed::PUBLIC`].
    pub parameters: OrdMap<(String, String), Arc<Parameter>>,
    /// SSM commands by id.
    pub commands: OrdMap<String, Arc<Command>>,
    /// Spot requests by id.
    pub spot_requests: OrdMap<String, Arc<SpotRequest>>,
    /// Keys of KMS by id; others that are well-formed exist as well.
    pub keys: OrdMap<String, Arc<Key>>,
    /// Names of keys by (account, name).
    pub key_aliases: OrdMap<(String, String), Arc<KeyAlias>>,
    /// Locks by the id of the snapshot.
    pub snapshot_locks: OrdMap<String, SnapshotLock>,
    /// Fast launch by (account, image).
    pub fast_launches: OrdMap<(String, String), Arc<FastLaunch>>,
    /// Images in S3 by (bucket, key).
    pub stored_images: OrdMap<(String, String), Arc<StoredImage>>,
    /// EC2 fleets by id.
    pub fleets: OrdMap<String, Arc<Fleet>>,
    /// Launch templates by id.
    pub launch_templates: OrdMap<String, Arc<LaunchTemplate>>,
    /// Tags that accounts gave to images and snapshots of others, by (account, id).
    pub guest_tags: OrdMap<(String, String), Tags>,
    /// What client tokens were used for, by (account, scope, token).
    pub tokens: OrdMap<(String, String, String), Used>,
    pub settings: OrdMap<String, Settings>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// `us-east-1a`
    pub name: String,
    /// `use1-az1`
    pub id: String,
}

/// The first use of a client token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    /// Digest of the parameters.
    pub request: String,
    /// Ids of what the call made.
    pub made: Vec<String>,
}

/// Settings of an account in a region.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    pub block_public_images: bool,
    pub encrypt_by_default: bool,
    /// `block-all-sharing` or `block-new-sharing`, if any.
    pub block_public_snapshots: Option<String>,
    /// `enabled` or `audit-mode`, if any.
    pub allowed_images: Option<String>,
    /// Which images of others are allowed then, as the request said it.
    pub image_criteria: Params,
    /// What was named as the key of encryption by default, if that is another than AWS's own.
    pub default_key: Option<String>,
    pub metadata: MetadataDefaults,
}

impl World {
    pub fn new(seed: u64, started: Timestamp) -> Self {
        seed::world(seed, started)
    }

    /// The region of a call; [`super::Sim::call`] has checked that it exists.
    pub fn region(&self, name: &str) -> &Region {
        self.regions.get(name).expect("the region was checked before the action")
    }

    pub fn region_mut(&mut self, name: &str) -> &mut Region {
        let region = self.regions.get_mut(name).expect("the region was checked before the action");
        Arc::make_mut(region)
    }

    /// A new id of a kind: the prefix and 17 hexadecimal digits.
    pub fn mint(&mut self, kind: Kind) -> String {
        self.mint_prefixed(kind.prefix)
    }

    pub fn mint_prefixed(&mut self, prefix: &str) -> String {
        format!("{prefix}-0{:016x}", self.draw())
    }

    /// A number from the seed.
    pub fn draw(&mut self) -> u64 {
        self.minted += 1;
        mix(self.seed ^ mix(self.minted))
    }

    /// A number from the seed in 0.0 ..< 1.0.
    pub fn draw_fraction(&mut self) -> f64 {
        f64::from(u32::try_from(self.draw() >> 32).expect("32 bits are left")) / (f64::from(u32::MAX) + 1.0)
    }

    pub fn may_use(&self, account: &str, region: &Region) -> bool {
        !region.opt_in
            || self.accounts.get(account).is_some_and(|account| account.opted_in.contains(&region.name))
    }
}

/// One step of splitmix64: neighbors in, strangers out.
pub(crate) fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

impl Region {
    pub fn settings(&self, account: &str) -> &Settings {
        static UNTOUCHED: LazyLock<Settings> = LazyLock::new(Settings::default);
        self.settings.get(account).unwrap_or(&UNTOUCHED)
    }

    pub fn zone(&self, name: &str) -> Option<&Zone> {
        self.zones.iter().find(|zone| zone.name == name)
    }

    pub fn default_vpc(&self, account: &str) -> Option<&Arc<Vpc>> {
        self.vpcs.values().find(|vpc| vpc.owner == account && vpc.is_default)
    }

    /// The instance that a volume is on, the first of several, and how.
    pub fn attachment(&self, volume: &Volume, now: Timestamp) -> Option<(&Instance, &Attachment)> {
        let mut found = Self::holders(volume).filter_map(|id| self.attachment_to(volume, id));
        found.find(|(instance, _)| !instance.is_terminated(now))
    }

    /// The ids of the instances that a volume is, or was, on.
    fn holders(volume: &Volume) -> impl Iterator<Item = &String> {
        std::iter::once(&volume.instance_id).chain(&volume.more_instances)
    }

    /// The instances that a volume is on, and how.
    pub fn attachments<'r>(
        &'r self,
        volume: &'r Volume,
        now: Timestamp,
    ) -> impl Iterator<Item = (&'r Instance, &'r Attachment)> {
        let found = Self::holders(volume).filter_map(|id| self.attachment_to(volume, id));
        found.filter(move |(instance, _)| !instance.is_terminated(now))
    }

    fn attachment_to(&self, volume: &Volume, instance_id: &str) -> Option<(&Instance, &Attachment)> {
        let instance = self.instances.get(instance_id)?;
        let device = instance.devices.iter().find(|device| device.volume_id == volume.id)?;
        Some((&**instance, device))
    }

    /// The volumes of an instance.
    pub fn volumes_of<'r>(
        &'r self,
        instance: &'r Instance,
    ) -> impl Iterator<Item = (&'r Attachment, &'r Volume)> {
        let with_volume = |device: &'r Attachment| Some((device, &**self.volumes.get(&device.volume_id)?));
        instance.devices.iter().filter_map(with_volume)
    }

    /// A volume goes with its instance unless it is kept.
    pub fn has_volume(&self, volume: &Volume, now: Timestamp) -> bool {
        let went = || {
            self.attachment_to(volume, &volume.instance_id)
                .is_some_and(|(instance, _)| instance.is_terminated(now))
        };
        !volume.delete_on_termination || !went()
    }

    /// The tags of a resource with its owner, whatever its kind; images and snapshots may be another account's.
    pub fn tags(&self, id: &str) -> Option<(&Tags, &str)> {
        match Kind::of(id)? {
            ids::IMAGE => self.images.get(id).map(|it| (&it.tags, it.owner.as_str())),
            ids::INSTANCE => self.instances.get(id).map(|it| (&it.tags, it.owner.as_str())),
            ids::SNAPSHOT => self.snapshots.get(id).map(|it| (&it.tags, it.owner.as_str())),
            ids::VOLUME => self.volumes.get(id).map(|it| (&it.tags, it.owner.as_str())),
            ids::VPC => self.vpcs.get(id).map(|it| (&it.tags, it.owner.as_str())),
            ids::ROUTE_TABLE | ids::INTERNET_GATEWAY | ids::NETWORK_ACL | ids::DHCP_OPTIONS => {
                let mut vpcs = self.vpcs.values();
                vpcs.find_map(|it| it.companion_tags.get(id).map(|tags| (tags, it.owner.as_str())))
            }
            ids::SUBNET => self.subnets.get(id).map(|it| (&it.tags, it.owner.as_str())),
            ids::GROUP => self.security_groups.get(id).map(|it| (&it.tags, it.owner.as_str())),
            ids::KEY_PAIR => self.key_pairs.get(id).map(|it| (&it.tags, it.owner.as_str())),
            ids::SPOT_REQUEST => self.spot_requests.get(id).map(|it| (&it.tags, it.owner.as_str())),
            ids::LAUNCH_TEMPLATE => self.launch_templates.get(id).map(|it| (&it.tags, it.owner.as_str())),
            ids::INTERFACE => self.instances.values().find_map(|it| {
                let interface = it.interfaces().find(|interface| interface.id == id)?;
                Some((&interface.tags, it.owner.as_str()))
            }),
            ids::GROUP_RULE => {
                let mut rules =
                    self.security_groups.values().flat_map(|it| it.rules.iter().map(move |rule| (it, rule)));
                rules.find(|(_, rule)| rule.id == id).map(|(group, rule)| (&rule.tags, group.owner.as_str()))
            }
            _ => None,
        }
    }

    /// The tags that an account sees on what may be another's: the owner's own, or those that it gave itself.
    pub fn tags_seen<'r>(&'r self, account: &str, id: &str, owner: &str, own: &'r Tags) -> &'r Tags {
        static NONE: LazyLock<Tags> = LazyLock::new(Tags::new);
        if owner == account {
            return own;
        }
        self.guest_tags.get(&(account.to_owned(), id.to_owned())).unwrap_or(&NONE)
    }

    pub fn tags_mut(&mut self, id: &str) -> Option<&mut Tags> {
        Some(match Kind::of(id)? {
            ids::IMAGE => &mut Arc::make_mut(self.images.get_mut(id)?).tags,
            ids::INSTANCE => &mut Arc::make_mut(self.instances.get_mut(id)?).tags,
            ids::SNAPSHOT => &mut Arc::make_mut(self.snapshots.get_mut(id)?).tags,
            ids::VOLUME => &mut Arc::make_mut(self.volumes.get_mut(id)?).tags,
            ids::VPC => &mut Arc::make_mut(self.vpcs.get_mut(id)?).tags,
            ids::ROUTE_TABLE | ids::INTERNET_GATEWAY | ids::NETWORK_ACL | ids::DHCP_OPTIONS => {
                let vpc = self.vpcs.values().find(|it| it.companion_tags.contains_key(id))?.id.clone();
                Arc::make_mut(self.vpcs.get_mut(&vpc)?).companion_tags.get_mut(id)?
            }
            ids::SUBNET => &mut Arc::make_mut(self.subnets.get_mut(id)?).tags,
            ids::GROUP => &mut Arc::make_mut(self.security_groups.get_mut(id)?).tags,
            ids::KEY_PAIR => &mut Arc::make_mut(self.key_pairs.get_mut(id)?).tags,
            ids::SPOT_REQUEST => &mut Arc::make_mut(self.spot_requests.get_mut(id)?).tags,
            ids::LAUNCH_TEMPLATE => &mut Arc::make_mut(self.launch_templates.get_mut(id)?).tags,
            ids::INTERFACE => {
                let has = |it: &&Arc<Instance>| it.interfaces().any(|interface| interface.id == id);
                let instance = self.instances.values().find(has)?.id.clone();
                let instance = Arc::make_mut(self.instances.get_mut(&instance)?);
                &mut instance.interface_mut(id)?.tags
            }
            ids::GROUP_RULE => {
                let has_rule = |it: &&Arc<SecurityGroup>| it.rules.iter().any(|rule| rule.id == id);
                let group = self.security_groups.values().find(has_rule)?.id.clone();
                let rules = &mut Arc::make_mut(self.security_groups.get_mut(&group)?).rules;
                &mut rules.iter_mut().find(|rule| rule.id == id)?.tags
            }
            _ => return None,
        })
    }
}
