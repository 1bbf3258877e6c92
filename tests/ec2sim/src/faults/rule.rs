//! What a rule is made of: which calls it is about, when it acts on them, and what it does.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    core::{Call, Service, error::ApiError, filters::wildcard, params::Params, world::World},
    ec2::place_of_launch,
};

/// One rule. Its JSON form is what `/_emu/faults` takes and shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// For people and for the journal.
    #[serde(default)]
    pub name: String,
    #[serde(default, rename = "match")]
    pub calls: Calls,
    #[serde(default)]
    pub when: When,
    pub effect: Effect,
}

impl Rule {
    /// A rule about every call of an action, see [`Calls::action`].
    pub fn on(action: &str, effect: Effect) -> Self {
        let calls = Calls { action: action.to_owned(), ..Calls::default() };
        Self { name: String::new(), calls, when: When::default(), effect }
    }

    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    #[must_use]
    pub fn of(mut self, service: Service) -> Self {
        service.name().clone_into(&mut self.calls.service);
        self
    }

    #[must_use]
    pub fn in_region(mut self, region: &str) -> Self {
        region.clone_into(&mut self.calls.region);
        self
    }

    #[must_use]
    pub fn with_parameter(mut self, name: &str, glob: &str) -> Self {
        self.calls.parameters.insert(name.to_owned(), glob.to_owned());
        self
    }

    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.when.times = Some(times);
        self
    }

    #[must_use]
    pub fn skip(mut self, calls: u64) -> Self {
        self.when.skip = calls;
        self
    }

    #[must_use]
    pub fn with_probability(mut self, probability: f64) -> Self {
        self.when.probability = probability;
        self
    }
}

/// Which calls a rule is about: all patterns must fit. A pattern is a glob (`*`, `?`) or several with `|` between them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Calls {
    /// `ec2`, `ssm` or `sts`.
    pub service: String,
    /// For example `RunInstances` or `Describe*`.
    pub action: String,
    pub region: String,
    pub account: String,
    /// Where an instance would be launched; only `RunInstances` has one.
    pub zone: String,
    /// By dotted name as in the query protocol (`Placement.AvailabilityZone`); fits if any value at or below it does.
    pub parameters: BTreeMap<String, String>,
}

const ANY: &str = "*";

impl Default for Calls {
    fn default() -> Self {
        let any = || ANY.to_owned();
        Self {
            service: any(),
            action: any(),
            region: any(),
            account: any(),
            zone: any(),
            parameters: BTreeMap::new(),
        }
    }
}

impl Calls {
    pub(super) fn fit(&self, service: Service, call: &Call, world: &World) -> bool {
        fits(&self.service, service.name())
            && fits(&self.action, call.action)
            && fits(&self.region, &call.caller.region)
            && fits(&self.account, &call.caller.account)
            && self.parameters.iter().all(|(name, glob)| has_value(call.params, name, glob))
            && (self.zone == ANY
                || place_of_launch(call, world).is_some_and(|place| fits(&self.zone, &place.zone)))
    }
}

fn fits(patterns: &str, text: &str) -> bool {
    patterns.split('|').any(|pattern| wildcard(pattern, text))
}

fn has_value(params: &Params, name: &str, glob: &str) -> bool {
    params.get(name).is_some_and(|node| node.leaves().into_iter().any(|value| fits(glob, value)))
}

/// When a rule acts on the calls that it is about. The order is: time window, `skip`, `every`, `times`, `probability`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct When {
    /// Calls that are left alone first.
    pub skip: u64,
    /// How often it acts at most.
    pub times: Option<u64>,
    /// 3 acts on the first of each three calls.
    pub every: u64,
    /// Chance of acting, drawn from the world's seed, so that a run can be repeated.
    pub probability: f64,
    /// Simulated time since the rule was made, in seconds.
    #[serde(rename = "fromSeconds", with = "seconds")]
    pub from: Duration,
    #[serde(rename = "untilSeconds", with = "optional_seconds")]
    pub until: Option<Duration>,
}

impl Default for When {
    fn default() -> Self {
        Self { skip: 0, times: None, every: 1, probability: 1.0, from: Duration::ZERO, until: None }
    }
}

impl When {
    pub(super) fn check(&self) -> Result<(), String> {
        if self.every == 0 {
            return Err("every is at least 1".to_owned());
        }
        if !(0.0..=1.0).contains(&self.probability) {
            return Err("probability is from 0 to 1".to_owned());
        }
        Ok(())
    }
}

/// What a rule does to a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub enum Effect {
    /// Refused. `{…}` in the message stands for facts of the call, see [`super::text`].
    Error { code: String, message: String, status: u16 },
    /// The connection is reset before the call is carried out.
    Reset,
    /// Nothing is carried out and nothing answered, ever.
    Hang,
    /// Carried out at once, answered late.
    Delay { ms: u64 },
    /// Carried out; the connection is reset in place of the answer.
    LostReply,
    /// Carried out; the answer breaks off in the middle.
    TruncatedBody,
    /// The images (with their snapshots) that the call makes settle so late, and so.
    Image {
        #[serde(rename = "pendingSeconds", with = "seconds")]
        pending: Duration,
        then: ImageEnd,
    },
    /// The instances that the call makes leave `pending` so late, and so.
    Instance {
        #[serde(rename = "pendingSeconds", with = "seconds")]
        pending: Duration,
        then: InstanceEnd,
    },
    /// The instances that the call makes or stops never get beyond `stopping`.
    StuckStopping,
    /// The snapshots that the call makes end in `error`, and their image in `failed`.
    Snapshot {
        #[serde(rename = "pendingSeconds", with = "seconds")]
        pending: Duration,
        message: String,
    },
    /// No read finds what the call makes for so long.
    InvisibleFor {
        #[serde(with = "seconds")]
        seconds: Duration,
    },
    /// The read sees the world of so long ago.
    Lag {
        #[serde(with = "seconds")]
        seconds: Duration,
    },
    /// `GetConsoleOutput` answers this text; an empty one as if nothing had been posted yet.
    Console { text: String },
    /// How the command that `SendCommand` makes ends.
    Command {
        #[serde(rename = "exitCode")]
        exit_code: i32,
        output: String,
        status: CommandEnd,
    },
    /// `DeregisterImage` and its like leave the snapshots, and say so by this `returnCode`.
    KeepSnapshots { code: String },
    /// Somebody else changes the account's images before the call is carried out.
    Drift {
        /// Glob on the image's name or id.
        image: String,
        change: Drift,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub enum ImageEnd {
    Available,
    Failed { code: String, message: String },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub enum InstanceEnd {
    Running,
    Terminated { code: String, message: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CommandEnd {
    Success,
    Failed,
    TimedOut,
    Cancelled,
    /// Never picked up by the agent.
    Pending,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub enum Drift {
    /// Launch permissions are taken back.
    Permission,
    /// The tag is taken off, or set to another value.
    Tag { key: String, value: Option<String> },
    /// The image is disabled.
    Disabled,
    /// The image is deregistered; its snapshots stay.
    Deregistered,
}

impl Effect {
    /// A refusal as AWS makes it.
    pub fn error(error: ApiError) -> Self {
        let ApiError { code, message, status, is_partial: _ } = error;
        Self::Error { code, message, status }
    }
}

mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(duration.as_secs_f64())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

mod optional_seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    // The signature that serde asks for.
    #[allow(clippy::ref_option)]
    pub fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        duration.map(|duration| duration.as_secs_f64()).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        let seconds = Option::<f64>::deserialize(deserializer)?;
        seconds.map(Duration::try_from_secs_f64).transpose().map_err(D::Error::custom)
    }
}
