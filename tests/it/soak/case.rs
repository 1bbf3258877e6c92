//! What is drawn: lives of objects, and what goes wrong meanwhile.

use std::time::Duration;

use proptest::{collection::vec, option, prelude::*, sample::select};
use tokio::time::Instant;

use super::trouble::{AwsTrouble, aws_trouble};
use crate::flow::cluster::Trouble;

/// All that is drawn happens within this time.
pub const STORM: Duration = Duration::from_mins(40);

/// Where copies may be wanted.
pub const REGIONS: [&str; 4] = ["ap-southeast-2", "eu-central-1", "eu-west-1", "us-west-2"];

/// One run. Times are seconds since its beginning.
#[derive(Clone, Debug)]
pub struct Case {
    pub lives: Vec<Life>,
    pub aws: Vec<AwsTrouble>,
    pub kubernetes: Vec<ApiTrouble>,
    /// The operator dies so many boundaries after it began or died the last time.
    pub deaths: Vec<usize>,
    /// How long nobody works after a death.
    pub outage: u64,
    pub hand_over: Option<HandOver>,
}

/// An object, and what is done to it, each so many seconds after it was created.
#[derive(Clone, Debug)]
pub struct Life {
    pub created: u64,
    pub object: Object,
    pub policy: &'static str,
    pub deeds: Vec<(u64, Deed)>,
}

#[derive(Clone, Debug)]
pub enum Object {
    Build(Build),
    Replication { of: Source, regions: Vec<&'static str> },
}

/// What is copied. Without a build in the case, an image that is there from the start.
#[derive(Clone, Copy, Debug)]
pub enum Source {
    There,
    /// The image of a build, counted among those of the case.
    Build(usize),
    /// That of the newest build.
    Newest,
}

#[derive(Clone, Copy, Debug)]
pub struct Build {
    pub transport: &'static str,
    pub ends_in_failure: bool,
    /// There are subnets to fall back to.
    pub has_subnets: bool,
    pub backoff_limit: i32,
    /// When the object goes by itself after its end.
    pub ttl: Option<&'static str>,
}

/// What a user does. What an object has no use for changes nothing.
#[derive(Clone, Copy, Debug)]
pub enum Deed {
    /// For so many seconds.
    Suspend(u64),
    Delete,
    Cancel,
    /// A region is wanted if it was not, and no longer if it was.
    Toggle(&'static str),
    Tag(&'static str),
    ReplaceSource,
    /// The image is shared if it was not, and no longer if it was.
    Share,
    /// As are parameters and tags, when it is so.
    Publish(&'static str),
    /// They go back to the image before if they had not, and to the newest if they had.
    Pin,
    /// Copies of a former source go, but for so many.
    Replace(u8),
    /// The image is deprecated and protected if it was not, and no longer if it was.
    Upkeep,
}

/// The API server misbehaves from then on for so many seconds.
#[derive(Clone, Copy, Debug)]
pub struct ApiTrouble {
    pub from: u64,
    pub lasts: u64,
    pub kind: ApiTroubleKind,
}

#[derive(Clone, Copy, Debug)]
pub enum ApiTroubleKind {
    Away,
    Slow,
    Conflicts,
    Refusals(&'static str),
    LostAnswers,
}

impl ApiTrouble {
    /// As it begins now.
    pub fn begin(self) -> Trouble {
        match self.kind {
            ApiTroubleKind::Away => Trouble::AwayUntil(Instant::now() + Duration::from_secs(self.lasts)),
            ApiTroubleKind::Slow => Trouble::Slow(Duration::from_secs(5)),
            ApiTroubleKind::Conflicts => Trouble::Conflicts,
            ApiTroubleKind::Refusals(status) => Trouble::Refusals(status),
            ApiTroubleKind::LostAnswers => Trouble::LostAnswers,
        }
    }
}

/// Two operators work side by side from then on for so many seconds.
#[derive(Clone, Copy, Debug)]
pub struct HandOver {
    pub at: u64,
    pub lasts: u64,
    /// Of the pauses by which they interleave.
    pub seed: u64,
}

/// All cases.
pub fn cases() -> impl Strategy<Value = Case> {
    let deaths = vec(1_usize..60, 0..8);
    let outage = select(vec![0_u64, 5, 60, 600]);
    let parts = (
        vec(life(), 1..5),
        vec(aws_trouble(), 0..12),
        vec(api_trouble(), 0..3),
        deaths,
        outage,
        option::weighted(0.2, hand_over()),
    );
    parts.prop_map(|(lives, aws, kubernetes, deaths, outage, hand_over)| Case {
        lives,
        aws,
        kubernetes,
        deaths,
        outage,
        hand_over,
    })
}

fn life() -> impl Strategy<Value = Life> {
    let policy = select(vec!["Retain", "Delete"]);
    (0_u64..600, prop_oneof![3 => build(), 2 => replication()], policy, vec((0_u64..1_500, deed()), 0..4))
        .prop_map(|(created, object, policy, deeds)| Life { created, object, policy, deeds })
}

fn build() -> impl Strategy<Value = Object> {
    let transport = select(vec!["UserData", "UserData", "SSM"]);
    let ttl = option::weighted(0.2, Just("10m"));
    (transport, prop::bool::weighted(0.15), prop::bool::weighted(0.3), 0..3, ttl).prop_map(
        |(transport, ends_in_failure, has_subnets, backoff_limit, ttl)| {
            Object::Build(Build { transport, ends_in_failure, has_subnets, backoff_limit, ttl })
        },
    )
}

fn replication() -> impl Strategy<Value = Object> {
    let regions = proptest::sample::subsequence(REGIONS.to_vec(), 1..=3);
    let of = prop_oneof![
        4 => Just(Source::There),
        4 => (0_usize..3).prop_map(Source::Build),
        2 => Just(Source::Newest),
    ];
    (of, regions).prop_map(|(of, regions)| Object::Replication { of, regions })
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        2 => (30_u64..600).prop_map(Deed::Suspend),
        2 => Just(Deed::Delete),
        1 => Just(Deed::Cancel),
        3 => select(REGIONS.to_vec()).prop_map(Deed::Toggle),
        1 => select(vec!["stable", "candidate"]).prop_map(Deed::Tag),
        2 => Just(Deed::ReplaceSource),
        1 => Just(Deed::Share),
        2 => select(vec!["AllReady", "EachReady"]).prop_map(Deed::Publish),
        1 => Just(Deed::Pin),
        1 => (0_u8..2).prop_map(Deed::Replace),
        1 => Just(Deed::Upkeep),
    ]
}

fn api_trouble() -> impl Strategy<Value = ApiTrouble> {
    let kind = prop_oneof![
        Just(ApiTroubleKind::Away),
        Just(ApiTroubleKind::Slow),
        Just(ApiTroubleKind::Conflicts),
        select(vec!["410 Gone", "429 TooManyRequests", "500 InternalError"])
            .prop_map(ApiTroubleKind::Refusals),
        Just(ApiTroubleKind::LostAnswers),
    ];
    (0_u64..1_500, 10_u64..600, kind).prop_map(|(from, lasts, kind)| ApiTrouble { from, lasts, kind })
}

fn hand_over() -> impl Strategy<Value = HandOver> {
    (0_u64..900, 1_u64..120, any::<u64>()).prop_map(|(at, lasts, seed)| HandOver { at, lasts, seed })
}
