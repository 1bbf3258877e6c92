//! How a decision sees AWS: it reads the last answers, and exactly what it read will be watched.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use super::timing;
use crate::model::{
    Accounts, Agent, Answer, AwsError, ClientToken, CommandId, CommandOutput, ConsoleView, DefaultEncryption,
    Grants, Image, ImageId, ImageSelector, Instance, InstanceId, Invocation, Nonce, Query, Region, Seen,
    Snapshot, SnapshotId, Tags, Verdict,
};

/// How urgently, and how often, something is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pace {
    /// At once: nothing can go on without the answer. Then at every tick.
    Now,
    /// At every tick: it takes its time, and is watched for a change.
    Tick,
    /// Once in a while: it is as it should be.
    Every(Duration),
}

/// One thing that a decision looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Watch {
    pub region: Region,
    pub query: Query,
    pub pace: Pace,
}

/// The last answer to a query.
#[derive(Clone, Debug, PartialEq)]
pub struct Sighting {
    pub seen: Seen<Answer>,
    /// Why there is no newer answer.
    pub error: Option<AwsError>,
}

/// The last answers to what an object watches.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sightings(pub HashMap<(Region, Query), Sighting>);

impl Sightings {
    /// Adds an answer.
    pub fn insert(&mut self, region: &Region, query: Query, seen: Seen<Answer>) {
        self.0.insert((region.clone(), query), Sighting { seen, error: None });
    }

    /// Adds a failure to get an answer.
    pub fn insert_error(&mut self, region: &Region, query: Query, error: AwsError) {
        self.0.insert((region.clone(), query), Sighting { seen: Seen::Unknown, error: Some(error) });
    }
}

/// Reads sightings and records what was read.
pub struct Eyes<'a> {
    sightings: &'a Sightings,
    watched: RefCell<BTreeMap<(Region, Query), Pace>>,
}

/// What was seen, or the error that hid it.
pub type Look<T> = Result<Seen<T>, AwsError>;

impl<'a> Eyes<'a> {
    /// Eyes on these answers.
    pub fn new(sightings: &'a Sightings) -> Self {
        Self { sightings, watched: RefCell::default() }
    }

    /// Everything that was read, each with its most urgent pace.
    pub fn into_watches(self) -> Vec<Watch> {
        let watched = self.watched.into_inner();
        watched.into_iter().map(|((region, query), pace)| Watch { region, query, pace }).collect()
    }

    /// An instance by id.
    pub fn instance(&self, region: &Region, id: &InstanceId, pace: Pace) -> Look<Instance> {
        self.look(region, Query::Instance(id.clone()), pace, as_instance)
    }

    /// The instance that a launch with this token made.
    pub fn instance_by_token(&self, region: &Region, token: &ClientToken) -> Look<Instance> {
        self.look(region, Query::InstanceByToken(token.clone()), Pace::Now, as_instance)
    }

    /// An image by id.
    pub fn image(&self, region: &Region, id: &ImageId, pace: Pace) -> Look<Image> {
        self.look(region, Query::Image(id.clone()), pace, as_image)
    }

    /// The newest image that a selector matches.
    pub fn newest(&self, region: &Region, selector: &ImageSelector) -> Look<Image> {
        self.look(region, Query::Newest(Box::new(selector.clone())), Pace::Now, as_image)
    }

    /// Our account's images of this name.
    pub fn images_named(&self, region: &Region, name: &str) -> Look<Vec<Image>> {
        self.look(region, Query::ImagesNamed(name.to_owned()), Pace::Now, as_images)
    }

    /// Our account's images with this owner's uid.
    pub fn images_of(&self, region: &Region, uid: &str, pace: Pace) -> Look<Vec<Image>> {
        self.look(region, Query::ImagesOf(uid.to_owned()), pace, as_images)
    }

    /// Our account's snapshots with this owner's uid.
    pub fn snapshots_of(&self, region: &Region, uid: &str, pace: Pace) -> Look<Vec<Snapshot>> {
        self.look(region, Query::SnapshotsOf(uid.to_owned()), pace, as_snapshots)
    }

    /// The value of an SSM parameter.
    pub fn parameter(&self, region: &Region, name: &str, pace: Pace) -> Look<String> {
        self.look(region, Query::Parameter(name.to_owned()), pace, as_text)
    }

    /// The tags of an SSM parameter, which tell whose it is.
    pub fn parameter_tags(&self, region: &Region, name: &str) -> Look<Tags> {
        self.look(region, Query::ParameterTags(name.to_owned()), Pace::Now, as_tags)
    }

    /// What the guest with this nonce says on its serial console.
    pub fn verdict(
        &self,
        region: &Region,
        id: &InstanceId,
        nonce: &Nonce,
        view: ConsoleView,
        pace: Pace,
    ) -> Look<Verdict> {
        let query = Query::Console { id: id.clone(), nonce: nonce.clone(), view };
        self.look(region, query, pace, as_verdict)
    }

    /// The Systems Manager agent of an instance; absent until it registers.
    pub fn agent(&self, region: &Region, id: &InstanceId, pace: Pace) -> Look<Agent> {
        self.look(region, Query::Agent(id.clone()), pace, as_agent)
    }

    /// The commands that an instance was sent; absent while there are none.
    pub fn commands(&self, region: &Region, id: &InstanceId, pace: Pace) -> Look<Vec<Invocation>> {
        self.look(region, Query::Commands(id.clone()), pace, as_commands)
    }

    /// What a command printed; empty until it ended.
    pub fn command_output(
        &self,
        region: &Region,
        command: &CommandId,
        id: &InstanceId,
        pace: Pace,
    ) -> Look<CommandOutput> {
        self.look(region, Query::CommandOutput(command.clone(), id.clone()), pace, as_command_output)
    }

    /// Who may launch an image of ours. Each look is a call of its own, so it is taken as rarely as `pace` says.
    pub fn launch_permissions(&self, region: &Region, id: &ImageId, pace: Pace) -> Look<Grants> {
        self.look(region, Query::LaunchPermissions(id.clone()), pace, as_grants)
    }

    /// Who may use a snapshot of ours; a call of its own too.
    pub fn volume_permissions(&self, region: &Region, id: &SnapshotId, pace: Pace) -> Look<Grants> {
        self.look(region, Query::VolumePermissions(id.clone()), pace, as_grants)
    }

    /// Which of these accounts may launch an image of ours, by name. A look at many images costs a call for each account.
    pub fn launch_accounts(
        &self,
        region: &Region,
        id: &ImageId,
        accounts: &Accounts,
        pace: Pace,
    ) -> Look<Grants> {
        self.look(region, Query::LaunchAccounts(id.clone(), accounts.clone()), pace, as_grants)
    }

    /// Which of these accounts may use a snapshot of ours.
    pub fn volume_accounts(
        &self,
        region: &Region,
        id: &SnapshotId,
        accounts: &Accounts,
        pace: Pace,
    ) -> Look<Grants> {
        self.look(region, Query::VolumeAccounts(id.clone(), accounts.clone()), pace, as_grants)
    }

    /// Our account's id.
    pub fn account(&self, region: &Region) -> Look<String> {
        self.look(region, Query::Account, Pace::Every(timing::NEEDS_HELP), as_account)
    }

    /// Whether no image of the region can become public.
    pub fn blocks_public_images(&self, region: &Region, pace: Pace) -> Look<bool> {
        self.look(region, Query::BlockPublicAccess, pace, as_flag)
    }

    /// How the region encrypts what names no key.
    pub fn default_encryption(&self, region: &Region, pace: Pace) -> Look<DefaultEncryption> {
        self.look(region, Query::DefaultEncryption, pace, as_default_encryption)
    }

    /// The zones in which a snapshot has fast snapshot restore.
    pub fn fast_restores(&self, region: &Region, id: &SnapshotId, pace: Pace) -> Look<Vec<String>> {
        self.look(region, Query::FastRestores(id.clone()), pace, as_zones)
    }

    /// ARNs of what names an image; a call of its own too, which needs permissions that not everybody gives.
    pub fn image_references(&self, region: &Region, id: &ImageId, pace: Pace) -> Look<Vec<String>> {
        self.look(region, Query::ImageReferences(id.clone()), pace, as_references)
    }

    fn look<T>(&self, region: &Region, query: Query, pace: Pace, as_t: fn(&Answer) -> Option<T>) -> Look<T> {
        let key = (region.clone(), query);
        let sighting = self.sightings.0.get(&key);
        let result = match sighting {
            None => Ok(Seen::Unknown),
            Some(Sighting { error: Some(error), .. }) => Err(error.clone()),
            Some(Sighting { seen, error: None }) => Ok(match seen {
                Seen::Unknown => Seen::Unknown,
                Seen::Absent(absence) => Seen::Absent(*absence),
                Seen::Present(answer) => as_t(answer).map_or(Seen::Unknown, Seen::Present),
            }),
        };
        self.watched.borrow_mut().entry(key).and_modify(|p| *p = (*p).min(pace)).or_insert(pace);
        result
    }
}

fn as_instance(answer: &Answer) -> Option<Instance> {
    if let Answer::Instance(instance) = answer { Some((**instance).clone()) } else { None }
}

fn as_image(answer: &Answer) -> Option<Image> {
    if let Answer::Image(image) = answer { Some((**image).clone()) } else { None }
}

fn as_images(answer: &Answer) -> Option<Vec<Image>> {
    if let Answer::Images(images) = answer { Some(images.clone()) } else { None }
}

fn as_snapshots(answer: &Answer) -> Option<Vec<Snapshot>> {
    if let Answer::Snapshots(snapshots) = answer { Some(snapshots.clone()) } else { None }
}

fn as_text(answer: &Answer) -> Option<String> {
    if let Answer::Parameter(text) = answer { Some(text.clone()) } else { None }
}

fn as_verdict(answer: &Answer) -> Option<Verdict> {
    if let Answer::Verdict(verdict) = answer { Some((**verdict).clone()) } else { None }
}

fn as_agent(answer: &Answer) -> Option<Agent> {
    if let Answer::Agent(agent) = answer { Some(agent.clone()) } else { None }
}

fn as_commands(answer: &Answer) -> Option<Vec<Invocation>> {
    if let Answer::Commands(commands) = answer { Some(commands.clone()) } else { None }
}

fn as_command_output(answer: &Answer) -> Option<CommandOutput> {
    if let Answer::CommandOutput(output) = answer { Some((**output).clone()) } else { None }
}

fn as_grants(answer: &Answer) -> Option<Grants> {
    if let Answer::Grants(grants) = answer { Some((**grants).clone()) } else { None }
}

fn as_account(answer: &Answer) -> Option<String> {
    if let Answer::Account(id) = answer { Some(id.clone()) } else { None }
}

fn as_flag(answer: &Answer) -> Option<bool> {
    if let Answer::Flag(flag) = answer { Some(*flag) } else { None }
}

fn as_default_encryption(answer: &Answer) -> Option<DefaultEncryption> {
    if let Answer::DefaultEncryption(default) = answer { Some(default.clone()) } else { None }
}

fn as_zones(answer: &Answer) -> Option<Vec<String>> {
    if let Answer::Zones(zones) = answer { Some(zones.clone()) } else { None }
}

fn as_references(answer: &Answer) -> Option<Vec<String>> {
    if let Answer::References(arns) = answer { Some(arns.clone()) } else { None }
}

fn as_tags(answer: &Answer) -> Option<Tags> {
    if let Answer::Tags(tags) = answer { Some(tags.clone()) } else { None }
}
