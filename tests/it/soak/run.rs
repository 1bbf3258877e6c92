//! One run: the storm as it was drawn, then calm, until nothing moves any more.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use ami_operator::{
    controller::{builds, replications},
    ec2::poller::Subject,
};
use ec2sim::{
    core::{
        journal::Entry,
        records::{ImageState, SnapshotState},
        world::World,
    },
    faults::{Drift, Effect, Standing},
};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    case::{Build, Case, Deed, Life, Object, REGIONS, STORM, Source},
    judgement::{Wrongs, wrongs},
};
use crate::flow::{
    Flow,
    boundaries::{Incident, Place},
    build,
    cluster::Trouble,
    replication,
    simulation::try_simulate,
    world::{ACCOUNT, build_spec, replication_spec, with},
};

/// Images that are there from the start, with their names and regions.
pub const SOURCES: [(&str, &str, &str); 3] = [
    ("ami-000000000000000a1", "golden-1", "us-east-1"),
    ("ami-000000000000000a2", "golden-2", "us-east-1"),
    ("ami-000000000000000a3", "golden-3", "eu-west-1"),
];

/// What all builds are labelled with.
const LABEL: (&str, &str) = ("app", "web");

/// Everything settles within this time after the storm: a copy that failed often rests for an hour.
const PATIENCE: Duration = Duration::from_hours(6);

/// What was settled stays so.
pub const SETTLING: Duration = Duration::from_mins(15);

/// The longest pause at a boundary while two operators are at work.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A life as it goes on.
pub struct Actor {
    pub subject: Subject,
    pub spec: Value,
    pub uid: String,
    pub deleted: bool,
    /// From when until when nothing may be started for it.
    pub suspended: Vec<(Timestamp, Timestamp)>,
    /// How many copies a region may have in the end.
    pub ordered: BTreeMap<String, usize>,
}

impl Actor {
    /// Whether it is a replication of this build's image, or may be.
    pub fn copies(&self, build: &str) -> bool {
        self.spec["source"]["imageBuildRef"]["name"] == build || self.selects()
    }

    /// Whether it is a replication of the newest build's image.
    pub fn selects(&self) -> bool {
        self.spec["source"]["imageBuildSelector"].is_object()
    }
}

/// How a run ended.
pub struct Outcome {
    /// What went wrong on the way, by name: that is what this is about.
    pub faults: BTreeMap<String, u64>,
    pub wrongs: Wrongs,
    /// The writes to AWS.
    pub story: Vec<String>,
}

/// Plays a case to its end.
pub fn play(case: &Case) -> Outcome {
    let played = try_simulate(async |flow| {
        let mut stage = Stage { actors: actors(case), meddled: Vec::new(), flow };
        stage.storm(case).await;
        let faults = stage.calm();
        let settled = stage.settle().await;
        let mut wrongs = wrongs(stage.flow, &stage.actors);
        wrongs.others.extend(settled.err());
        wrongs.leaks.retain(|leak| !stage.is_of_somebody_else(leak));
        Outcome { faults, wrongs, story: story(stage.flow) }
    });
    let panicked = |why| Outcome { faults: BTreeMap::new(), wrongs: Wrongs::other(why), story: Vec::new() };
    played.unwrap_or_else(panicked)
}

fn story(flow: &Flow) -> Vec<String> {
    flow.sim.journal(|journal| {
        let writes = journal.entries().filter(|entry| entry.is_write);
        let told = |it: &Entry| {
            let made: Vec<&str> = it.changes.made.iter().map(String::as_str).collect();
            let code = it.error.as_ref().map_or("", |error| &error.code);
            let fault = it.fault.as_deref().map(|name| format!("by {name}")).unwrap_or_default();
            let (action, region) = (&it.action, &it.caller.region);
            format!("{} {action} in {region} {} {code} {fault}", it.at, made.join(" "))
        };
        writes.map(told).collect()
    })
}

struct Stage<'a> {
    flow: &'a mut Flow,
    actors: Vec<Actor>,
    /// Where somebody deregistered images and let their snapshots stay.
    meddled: Vec<String>,
}

#[derive(Clone, Copy)]
enum Scene {
    Create,
    Do(Deed),
    Resume,
}

/// Something that happens at its time.
enum Event {
    OfLife(usize, Scene),
    Api(Trouble),
    ApiTrouble(super::case::ApiTrouble),
    HandOver(super::case::HandOver),
}

fn events(case: &Case) -> Vec<(u64, Event)> {
    let mut events = Vec::new();
    for (at, life) in case.lives.iter().enumerate() {
        events.push((life.created, Event::OfLife(at, Scene::Create)));
        for (after, deed) in &life.deeds {
            let when = life.created + after;
            events.push((when, Event::OfLife(at, Scene::Do(*deed))));
            if let Deed::Suspend(lasts) = deed {
                events.push((when + lasts, Event::OfLife(at, Scene::Resume)));
            }
        }
    }
    for trouble in &case.kubernetes {
        events.push((trouble.from, Event::ApiTrouble(*trouble)));
        events.push((trouble.from + trouble.lasts, Event::Api(Trouble::None)));
    }
    events.extend(case.hand_over.map(|it| (it.at, Event::HandOver(it))));
    events.sort_by_key(|(at, _)| *at);
    events
}

fn actors(case: &Case) -> Vec<Actor> {
    let is_build = |life: &&Life| matches!(life.object, Object::Build(_));
    let builds = case.lives.iter().filter(is_build).count();
    let mut named = 0;
    let actor = |(at, life): (usize, &Life)| {
        let (subject, spec) = match &life.object {
            Object::Build(of) => {
                named += 1;
                (build(&format!("b{}", named - 1)), spec_of_build(*of))
            }
            Object::Replication { of, regions } => {
                let source = match of {
                    Source::Build(of) if builds > 0 => {
                        json!({"imageBuildRef": {"name": format!("b{}", of % builds)}})
                    }
                    Source::Newest if builds > 0 => {
                        json!({"imageBuildSelector": {"matchLabels": {(LABEL.0): LABEL.1}}})
                    }
                    Source::There | Source::Build(_) | Source::Newest => source(0),
                };
                let spec = with(replication_spec("unused", regions), "/source", source);
                (replication(&format!("r{at}")), spec)
            }
        };
        let spec = with(spec, "/deletionPolicy", json!(life.policy));
        let (uid, suspended, ordered) = (String::new(), Vec::new(), BTreeMap::new());
        Actor { subject, spec, uid, deleted: false, suspended, ordered }
    };
    case.lives.iter().enumerate().map(actor).collect()
}

fn spec_of_build(of: Build) -> Value {
    let mut steps = vec![("work", "sleep 20"), ("more", "sleep 3")];
    if of.ends_in_failure {
        steps.push(("broken", "echo no\nexit 3"));
    }
    let mut spec = with(build_spec(&steps), "/backoffLimit", json!(of.backoff_limit));
    if let Some(ttl) = of.ttl {
        spec["ttlAfterFinished"] = json!(ttl);
    }
    let spec = with(spec, "/customize/transport", json!(of.transport));
    with(spec, "/builder/instanceProfile", json!("image-builder"))
}

fn source(which: usize) -> Value {
    let (id, _, region) = SOURCES[which];
    json!({"image": {"imageID": id, "region": region}})
}

impl Stage<'_> {
    async fn storm(&mut self, case: &Case) {
        self.prepare(case);
        let began = Instant::now();
        for (at, event) in events(case) {
            let left = (began + Duration::from_secs(at)).saturating_duration_since(Instant::now());
            self.flow.run_for(left).await;
            self.happen(&event);
        }
        let left = (began + STORM).saturating_duration_since(Instant::now());
        self.flow.run_for(left).await;
    }

    fn prepare(&mut self, case: &Case) {
        for (id, name, region) in SOURCES {
            self.flow.seed_image_in(region, id, name);
        }
        let now = self.flow.now();
        for trouble in &case.aws {
            let added = self.flow.sim.gate(|gate| gate.faults.add_all(now, trouble.rules.clone()));
            added.expect("rules that are drawn can be");
        }
        self.flow.outage = Duration::from_secs(case.outage);
        self.flow.boundaries.plan(case.deaths.iter().map(|at| (Place::Later(*at), Incident::Death)));
        self.flow.boundaries.begin();
        self.choose_subnets(case);
    }

    fn choose_subnets(&mut self, case: &Case) {
        let ids = self.flow.two_subnets().map(|(id, _)| id);
        for (life, actor) in case.lives.iter().zip(&mut self.actors) {
            if let Object::Build(Build { has_subnets: true, .. }) = life.object {
                actor.spec["builder"]["subnetIDs"] = json!(ids);
            }
        }
    }

    fn happen(&mut self, event: &Event) {
        match event {
            Event::OfLife(at, scene) => self.enact(*at, *scene),
            Event::Api(trouble) => self.flow.cluster.trouble(*trouble),
            Event::ApiTrouble(trouble) => self.flow.cluster.trouble(trouble.begin()),
            Event::HandOver(it) => {
                self.flow.boundaries.pause_by(it.seed, LONGEST_PAUSE);
                self.flow.hand_over(Duration::from_secs(it.lasts));
            }
        }
    }

    fn enact(&mut self, at: usize, scene: Scene) {
        let actor = &mut self.actors[at];
        let is_gone = actor.is_gone(self.flow);
        let now = self.flow.now();
        match scene {
            Scene::Create => {}
            Scene::Do(_) | Scene::Resume if is_gone => return,
            Scene::Do(Deed::Delete) => {
                actor.deleted = true;
                actor.resume(now);
                self.flow.delete(&actor.subject);
                return;
            }
            Scene::Do(Deed::Cancel) => actor.cancel(),
            Scene::Do(Deed::Suspend(_)) => actor.suspend(now),
            Scene::Resume => actor.resume(now),
            Scene::Do(Deed::Toggle(region)) => actor.toggle(region),
            Scene::Do(Deed::Tag(value)) => actor.tag(value),
            Scene::Do(Deed::ReplaceSource) => actor.replace_source(),
            Scene::Do(Deed::Share) => actor.switch("sharing", sharing()),
            Scene::Do(Deed::Publish(when)) => actor.switch("publish", publish(&actor.subject.name, when)),
            Scene::Do(Deed::Pin) => actor.pin(),
            Scene::Do(Deed::Replace(kept)) => actor.replace(kept),
            Scene::Do(Deed::Upkeep) => actor.upkeep(),
        }
        self.flow.apply(&actor.subject, actor.spec.clone());
        if !actor.is_replication() {
            self.flow.label(&actor.subject, json!({(LABEL.0): LABEL.1}));
        }
        if let Scene::Create = scene {
            let uid = self.flow.object(&actor.subject)["metadata"]["uid"].clone();
            uid.as_str().expect("the cluster gives one").clone_into(&mut actor.uid);
            actor.order();
        }
    }

    /// Ends whatever goes wrong, and tells what did.
    fn calm(&mut self) -> BTreeMap<String, u64> {
        self.flow.boundaries.end();
        self.flow.cluster.trouble(Trouble::None);
        let mut faults = self.flow.sim.gate(|gate| {
            self.meddled = gate.faults.rules().iter().filter_map(deregistered).collect();
            let fired = gate.faults.rules().iter().map(|it| (it.rule.name.clone(), it.fired)).collect();
            gate.faults.clear();
            tally(fired)
        });
        let deaths = self.flow.boundaries.met().len();
        self.flow.meddle(enable_images);
        faults.insert("deaths of the operator".to_owned(), deaths as u64);
        faults.insert("requests to Kubernetes".to_owned(), self.flow.cluster.troubled());
        faults
    }

    /// Who deregisters an image and lets its snapshots stay wants them to stay.
    fn is_of_somebody_else(&self, leak: &str) -> bool {
        leak.starts_with("Snapshot") && self.meddled.iter().any(|region| leak.ends_with(region.as_str()))
    }

    async fn settle(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        while let Some(restless) = self.restless() {
            if Instant::now() >= deadline {
                return Err(restless);
            }
            self.flow.step(deadline).await;
        }
        self.flow.run_for(SETTLING).await;
        self.restless().map_or(Ok(()), Err)
    }

    fn restless(&self) -> Option<String> {
        let actors = self.actors.iter().find_map(|actor| actor.restless(self.flow));
        actors.or_else(|| is_moving(&self.flow.sim.world(), self.flow.now()))
    }
}

/// Whom copies are shared with.
pub const RECEIVER: &str = "111111111111";

fn sharing() -> Value {
    json!({"accountIDs": [RECEIVER], "snapshots": "Shared"})
}

/// The parameter that tells of an object's copies.
pub fn parameter(name: &str) -> String {
    format!("/images/{name}")
}

fn publish(name: &str, when: &str) -> Value {
    json!({"ssmParameters": [{"name": parameter(name)}], "tags": {"channel": "stable"}, "when": when})
}

fn deregistered(standing: &Standing) -> Option<String> {
    let is_one = matches!(standing.rule.effect, Effect::Drift { change: Drift::Deregistered, .. });
    (is_one && standing.fired > 0).then(|| standing.rule.calls.region.clone())
}

/// What somebody disabled, somebody has to enable.
fn enable_images(world: &mut World) {
    for region in REGIONS {
        let images = &mut world.region_mut(region).images;
        for id in images.keys().cloned().collect::<Vec<_>>() {
            if let Some(image) = images.get_mut(&id).filter(|image| image.disabled) {
                Arc::make_mut(image).disabled = false;
            }
        }
    }
}

fn has_image(build: &Value) -> bool {
    build["metadata"]["deletionTimestamp"].is_null()
        && build["status"]["image"]["availableAt"].is_string()
        && build["status"]["image"]["removedAt"].is_null()
}

fn tally(fired: Vec<(String, u64)>) -> BTreeMap<String, u64> {
    let mut tally = BTreeMap::new();
    for (name, times) in fired {
        let preset = name.split('/').next().unwrap_or_default();
        *tally.entry(preset.to_owned()).or_default() += times;
    }
    tally
}

fn is_moving(world: &World, now: Timestamp) -> Option<String> {
    let images = world.regions.values().flat_map(|r| r.images.values());
    let mut images = images.filter(|i| i.owner == ACCOUNT && i.state(now) == ImageState::Pending);
    let snapshots = world.regions.values().flat_map(|r| r.snapshots.values());
    let mut snapshots = snapshots.filter(|s| s.owner == ACCOUNT && s.state(now) == SnapshotState::Pending);
    let image = images.next().map(|i| format!("{} is pending", i.id));
    image.or_else(|| snapshots.next().map(|s| format!("{} is pending", s.id)))
}

impl Actor {
    fn is_replication(&self) -> bool {
        self.subject.kind == replications::KIND
    }

    fn suspend(&mut self, now: Timestamp) {
        if self.spec["suspend"] == json!(false) {
            self.spec["suspend"] = json!(true);
            self.suspended.push((now, Timestamp::MAX));
        }
    }

    fn resume(&mut self, now: Timestamp) {
        self.spec["suspend"] = json!(false);
        if let Some((_, until)) = self.suspended.last_mut().filter(|(_, until)| *until > now) {
            *until = now;
        }
    }

    pub fn regions(&self) -> Vec<String> {
        let regions = self.spec["destinations"].as_array().into_iter().flatten();
        regions.filter_map(|d| d["region"].as_str()).map(str::to_owned).collect()
    }

    fn toggle(&mut self, region: &str) {
        // The source's own region is refused.
        if !self.is_replication() || self.spec["source"]["image"]["region"] == region {
            return;
        }
        let mut wanted = self.regions();
        if wanted.iter().any(|w| w == region) {
            wanted.retain(|w| w != region);
        } else {
            wanted.push(region.to_owned());
            self.expect_copy(region);
        }
        // At least one is wanted, or the object is invalid.
        if !wanted.is_empty() {
            self.want(&wanted);
        }
    }

    fn cancel(&mut self) {
        if !self.is_replication() {
            self.spec["desiredState"] = json!("Cancelled");
        }
    }

    fn tag(&mut self, value: &str) {
        if self.is_replication() {
            self.spec["tags"] = json!({"stage": value});
        }
    }

    /// On if it was off.
    fn switch(&mut self, field: &str, on: Value) {
        if self.is_replication() {
            self.spec[field] = if self.spec[field].is_null() { on } else { Value::Null };
        }
    }

    fn pin(&mut self) {
        let publish = self.spec.get_mut("publish").and_then(Value::as_object_mut);
        if let Some(publish) = publish
            && publish.remove("pin").is_none()
        {
            publish.insert("pin".to_owned(), json!("Previous"));
        }
    }

    fn upkeep(&mut self) {
        self.switch("deprecateAfter", json!("2400h"));
        self.switch("deregistrationProtection", json!("Enabled"));
    }

    fn replace(&mut self, kept: u8) {
        if self.is_replication() {
            self.spec["sourceChangePolicy"] = json!("ReplaceWhenReady");
            self.spec["keepPrevious"] = json!(kept);
        }
    }

    fn replace_source(&mut self) {
        let Some(current) = (0..SOURCES.len()).find(|which| self.spec["source"] == source(*which)) else {
            return;
        };
        let next = (current + 1) % SOURCES.len();
        let mut wanted = self.regions();
        wanted.retain(|region| region != SOURCES[next].2);
        if !wanted.is_empty() {
            self.spec["source"] = source(next);
            self.want(&wanted);
            self.order();
        }
    }

    fn want(&mut self, regions: &[String]) {
        self.spec["destinations"] = regions.iter().map(|region| json!({"region": region})).collect();
    }

    /// Each region that is wanted gets a copy of this source.
    fn order(&mut self) {
        for region in self.regions() {
            self.expect_copy(&region);
        }
    }

    fn expect_copy(&mut self, region: &str) {
        *self.ordered.entry(region.to_owned()).or_default() += 1;
    }

    /// Whether it was deleted, or has gone by itself.
    pub fn is_gone(&self, flow: &Flow) -> bool {
        self.deleted
            || (self.is_short_lived() && !self.uid.is_empty() && flow.object(&self.subject).is_null())
    }

    fn is_short_lived(&self) -> bool {
        self.spec["ttlAfterFinished"].is_string()
    }

    /// Why it is not at rest yet.
    fn restless(&self, flow: &Flow) -> Option<String> {
        let object = flow.object(&self.subject);
        let why = |what: &str| Some(format!("{} {what}: {object}", self.subject.name));
        match (self.is_gone(flow), self.is_replication()) {
            (true, _) if object.is_null() => None,
            (true, _) => why("is not gone"),
            (false, false) if self.is_short_lived() => why("has not gone by itself"),
            (false, false) if object["status"]["completionTime"].is_string() => None,
            (false, false) => why("has not finished"),
            (false, true) if !self.has_source(flow) => None,
            (false, true) if self.is_ready(flow) => None,
            (false, true) => why("is not ready"),
        }
    }

    fn is_ready(&self, flow: &Flow) -> bool {
        let object = flow.object(&self.subject);
        object["status"]["observedGeneration"] == object["metadata"]["generation"]
            && flow.is_true(&self.subject, "Ready")
    }

    /// Whether the image that is to be copied can be.
    pub fn has_source(&self, flow: &Flow) -> bool {
        // The build that was selected stays the source when it is deleted.
        let selected = flow.status(&self.subject)["source"]["imageBuildName"].clone();
        let named = &self.spec["source"]["imageBuildRef"]["name"];
        let of_builds = flow.cluster.subjects().into_iter().filter(|subject| subject.kind == builds::KIND);
        match named.as_str().or(selected.as_str()) {
            Some(name) => has_image(&flow.object(&build(name))),
            None if self.selects() => of_builds.into_iter().any(|subject| has_image(&flow.object(&subject))),
            None => true,
        }
    }
}
