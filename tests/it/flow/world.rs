//! The world of a flow test: an account in ec2sim, a cluster in memory, and an operator between them.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use ami_operator::{
    controller::{builds, replications, survey::Scope, sweeper::Sweeper},
    ec2::{Ec2, aws::AwsEc2, clock::Clock, poller::Subject},
    ops::metrics::Metrics,
};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use ec2sim::{
    core::{Caller, Service, Sim, clock::Clock as SimClock, params::Params, profile::Profile, world::World},
    front::{Front, sdk::InProcess},
    iam::Iam,
};
use futures::future::select_all;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use super::{boundaries::Boundaries, cluster::MemoryCluster, faults::Faulty, process::Process};

/// The account that ec2sim gives to every key that it does not know.
pub const ACCOUNT: &str = "123456789012";

/// The cluster id on everything that the operator makes.
pub const CLUSTER: &str = "test-cluster";

/// The simulated account, the cluster and the operator.
pub struct Flow {
    pub sim: Arc<Sim>,
    sim_clock: SimClock,
    pub cluster: Arc<MemoryCluster>,
    pub ec2: Arc<Faulty>,
    pub boundaries: Arc<Boundaries>,
    pub clock: Clock,
    /// One, or for a while two.
    operators: Vec<Process>,
    /// When the first of two is to end.
    elder_ends: Option<Instant>,
    /// How long nobody works after an operator's death.
    pub outage: Duration,
    /// How often an object was looked at.
    pub reconciliations: usize,
    /// When the current minute began, and how many steps there were in it.
    minute: (Instant, usize),
}

/// An operator that has so much to do in a minute never rests.
const TOO_MANY_STEPS: usize = 500;

/// Where there are many objects, so much for each.
const TOO_MANY_FOR_ONE: usize = 20;

impl Flow {
    /// EC2 takes its time as in the demonstration: 6 s to run, 5 s to stop, 20 s an image, 30 s a copy.
    pub fn new() -> Self {
        let epoch = "2026-11-23T12:00:00Z".parse().expect("a time");
        let sim_clock = SimClock::tokio(epoch);
        let sim = Arc::new(Sim::new(World::new(7, epoch), epoch, Profile::demo()));
        let front = Arc::new(Front::new(sim.clone(), sim_clock.clone()));
        let http = SharedHttpClient::new(InProcess::new(front));
        let credentials = aws_credential_types::Credentials::new("AKIAFLOW", "secret", None, None, "test");
        let aws: Arc<dyn Ec2> = Arc::new(AwsEc2::with_http_client(http, credentials, Arc::new(())));
        let boundaries: Arc<Boundaries> = Arc::default();
        let mut flow = Self {
            sim,
            sim_clock,
            cluster: Arc::new(MemoryCluster::new(boundaries.clone())),
            ec2: Arc::new(Faulty::new(aws, boundaries.clone())),
            boundaries,
            clock: Clock::starting_at(epoch),
            operators: Vec::new(),
            elder_ends: None,
            outage: Duration::ZERO,
            reconciliations: 0,
            minute: (Instant::now(), 0),
        };
        flow.start_operator();
        flow
    }

    /// Starts an operator, which knows nothing but what is written down.
    pub fn start_operator(&mut self) {
        self.operators.push(Process::start(&self.cluster, &self.ec2, self.clock));
    }

    /// The operator's successor starts already, and for so long both work.
    pub fn hand_over(&mut self, overlap: Duration) {
        self.start_operator();
        self.elder_ends = Some(Instant::now() + overlap);
    }

    /// Kills the operator and starts another.
    pub fn restart(&mut self) {
        self.operators.clear();
        self.elder_ends = None;
        self.boundaries.revive();
        self.start_operator();
    }

    /// A sweeper that starts now, in the operator's process or in another cluster's.
    pub fn sweeper_of(&self, cluster_id: &str, adopt_restored: bool) -> Sweeper {
        let scope = Scope {
            cluster_id: cluster_id.to_owned(),
            home: "us-east-1".into(),
            regions: Vec::new(),
            namespaces: Vec::new(),
        };
        let metrics = self.newest_metrics().clone();
        Sweeper::new(self.cluster.clone(), self.ec2.clone(), self.clock, metrics, scope, adopt_restored)
    }

    pub fn sweeper(&self) -> Sweeper {
        self.sweeper_of(CLUSTER, false)
    }

    /// What a scrape of the operator's metrics shows.
    pub fn metrics(&self) -> String {
        self.newest_metrics().text()
    }

    fn newest_metrics(&self) -> &Arc<Metrics> {
        &self.operators.last().expect("an operator runs").metrics
    }

    pub fn apply(&mut self, subject: &Subject, spec: Value) {
        self.cluster.apply(subject, spec);
        self.wake(subject);
    }

    /// An object that the API server would refuse now.
    pub fn apply_malformed(&mut self, subject: &Subject, spec: Value) {
        self.cluster.put(subject, spec);
        self.wake(subject);
    }

    pub fn delete(&mut self, subject: &Subject) {
        self.cluster.delete(subject);
        self.wake(subject);
    }

    pub fn label(&mut self, subject: &Subject, labels: Value) {
        self.cluster.label(subject, labels);
        self.wake(subject);
    }

    pub fn annotate(&mut self, subject: &Subject, annotation: &str, value: &str) {
        self.cluster.annotate(subject, annotation, value);
        self.wake(subject);
    }

    /// Changes the account behind the operator's back.
    pub fn meddle(&self, change: impl FnOnce(&mut World)) {
        self.sim.change(self.sim_clock.now(), change);
    }

    /// An image of the account in us-east-1 that the operator did not make.
    pub fn seed_image(&self, id: &str, name: &str) {
        self.meddle(|world| {
            let region = world.region_mut("us-east-1");
            let base =
                region.images.values().find(|i| i.name.starts_with("al2023") && i.architecture == "x86_64");
            let mut image = (**base.expect("seeded")).clone();
            for ebs in image.devices.iter_mut().filter_map(|d| d.ebs.as_mut()) {
                let of_base = ebs.snapshot_id.clone().expect("an available image has snapshots");
                let mut snapshot = (*region.snapshots[&of_base]).clone();
                snapshot.id = id.replace("ami-", "snap-");
                ACCOUNT.clone_into(&mut snapshot.owner);
                ebs.snapshot_id = Some(snapshot.id.clone());
                region.snapshots.insert(snapshot.id.clone(), Arc::new(snapshot));
            }
            id.clone_into(&mut image.id);
            name.clone_into(&mut image.name);
            ACCOUNT.clone_into(&mut image.owner);
            region.images.insert(id.to_owned(), Arc::new(image));
        });
    }

    /// Whether a region encrypts copies by the key of AWS's own where no other is named: one that is to be shared is not made then.
    pub fn encrypt_by_default(&self, region: &str, on: bool) {
        self.meddle(|world| {
            let settings = &mut world.region_mut(region).settings;
            settings.entry(ACCOUNT.to_owned()).or_default().encrypt_by_default = on;
        });
    }

    /// The same in another region.
    pub fn seed_image_in(&self, region: &str, id: &str, name: &str) {
        self.seed_image(id, name);
        self.meddle(|world| {
            let home = world.region_mut("us-east-1");
            let image = home.images.remove(id).expect("seeded");
            let snapshots: Vec<_> = image.snapshot_ids().filter_map(|id| home.snapshots.remove(id)).collect();
            let region = world.region_mut(region);
            region.images.insert(id.to_owned(), image);
            region.snapshots.extend(snapshots.into_iter().map(|snapshot| (snapshot.id.clone(), snapshot)));
        });
    }

    /// Puts a preset of ec2sim's faults in force, which the SDK meets on the wire.
    pub fn fault(&self, preset: &str) {
        let added = self.sim.gate(|gate| gate.faults.add_preset(self.now(), preset, &json!({})));
        added.expect("the preset is there");
    }

    /// From now on the operator may do only what the policy of deploy/iam allows.
    pub fn enforce_policy(&self) {
        let text = include_str!("../../../deploy/iam/ami-operator-policy.json");
        let policy = serde_json::from_str(text).expect("the policy is JSON");
        let iam = Iam::new(&[("policy".to_owned(), policy)], "*:user/ec2sim").expect("it can be evaluated");
        self.sim.gate(|gate| gate.iam = Some(iam));
    }

    /// The actions that the policy was needed for, and those that it denied.
    pub fn permissions(&self) -> (BTreeSet<String>, Vec<String>) {
        self.sim.gate(|gate| {
            let iam = gate.iam.as_ref().expect("a policy is in force");
            let used = iam.used().keys().map(|permission| permission.action.clone()).collect();
            (used, iam.denied().iter().map(|denied| denied.action.clone()).collect())
        })
    }

    /// What `kubectl replace --subresource=status` does with an empty status.
    pub fn wipe_status(&mut self, subject: &Subject) {
        self.cluster.wipe_status(subject);
        self.wake(subject);
    }

    /// A call to EC2 in us-east-1 by somebody else of the account.
    pub fn call(&self, action: &str, params: &[(&str, &str)]) {
        self.call_with(action, &Params::from_query(params.iter().copied()));
    }

    pub fn call_with(&self, action: &str, params: &Params) {
        self.call_as_somebody("us-east-1", Service::Ec2, action, params);
    }

    fn call_as_somebody(&self, region: &str, service: Service, action: &str, params: &Params) {
        let caller = Caller {
            account: ACCOUNT.to_owned(),
            region: region.to_owned(),
            principal: format!("arn:aws:iam::{ACCOUNT}:user/somebody"),
        };
        let call = self.sim.call(self.now(), &caller, service, action, params);
        call.outcome.expect("the call is accepted");
    }

    /// A parameter of our account that somebody made by hand.
    pub fn put_parameter(&self, region: &str, name: &str, value: &str) {
        let params = Params::from_query([("Name", name), ("Value", value), ("Type", "String")]);
        self.call_as_somebody(region, Service::Ssm, "PutParameter", &params);
    }

    /// Somebody launches an instance of an image.
    pub fn launch(&self, region: &str, image: &str) {
        let params = [("ImageId", image), ("InstanceType", "t3.micro"), ("MinCount", "1"), ("MaxCount", "1")];
        self.call_as_somebody(region, Service::Ec2, "RunInstances", &Params::from_query(params));
    }

    /// Somebody terminates all of our account's instances of a region.
    pub fn terminate_all(&self, region: &str) {
        let world = self.sim.world();
        for instance in world.regions[region].instances.values().filter(|i| i.owner == ACCOUNT) {
            let params = Params::from_query([("InstanceId.1", instance.id.as_str())]);
            self.call_as_somebody(region, Service::Ec2, "TerminateInstances", &params);
        }
    }

    pub fn now(&self) -> jiff::Timestamp {
        self.sim_clock.now()
    }

    fn wake(&self, subject: &Subject) {
        for operator in &self.operators {
            operator.ask(subject);
        }
    }

    /// Runs until `done` says so; fails with what the objects show when that takes longer than `limit`.
    pub async fn until(&mut self, what: &str, limit: Duration, done: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + limit;
        while !done(self) {
            assert!(Instant::now() < deadline, "not {what} within {limit:?}: {}", self.objects());
            self.step(deadline).await;
        }
    }

    /// Runs for so long.
    pub async fn run_for(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.step(end).await;
        }
    }

    /// One reconciliation of an operator, or the wait for the next; or an operator's death.
    ///
    /// # Panics
    /// When the operator never rests.
    pub async fn step(&mut self, deadline: Instant) {
        if self.minute.0.elapsed() > Duration::from_mins(1) {
            self.minute = (Instant::now(), 0);
        }
        self.minute.1 += 1;
        let too_many = TOO_MANY_STEPS.max(TOO_MANY_FOR_ONE * self.cluster.subjects().len());
        assert!(self.minute.1 < too_many, "the operator never rests: {}", self.objects());
        tokio::select! {
            biased;
            () = self.boundaries.death() => {
                self.operators.clear();
                sleep(self.outage).await;
                self.restart();
            }
            () = moment(self.elder_ends) => {
                self.elder_ends = None;
                self.operators.remove(0);
            }
            (reconciled, ..) = select_all(&mut self.operators) => self.reconciliations += usize::from(reconciled),
            () = sleep_until(deadline) => {}
        }
    }

    /// Lets two weeks pass, in which neither AWS nor Kubernetes is written to.
    pub async fn writes_nothing_for_two_weeks(&mut self) {
        let writes = |f: &Self| f.ec2.calls().iter().filter(|action| !action.is_read()).count();
        let before = (writes(self), self.cluster.status_writes());
        self.run_for(Duration::from_hours(14 * 24)).await;
        assert_eq!((writes(self), self.cluster.status_writes()), before);
    }

    pub fn object(&self, subject: &Subject) -> Value {
        self.cluster.object(subject)
    }

    pub fn status(&self, subject: &Subject) -> Value {
        self.object(subject)["status"].clone()
    }

    /// A condition as `(status, reason, message)`, of the object or of a part of its status.
    pub fn condition(&self, subject: &Subject, kind: &str) -> (String, String, String) {
        condition(&self.status(subject), kind)
    }

    pub fn is_true(&self, subject: &Subject, kind: &str) -> bool {
        self.condition(subject, kind).0 == "True"
    }

    fn objects(&self) -> String {
        let shown: Vec<String> = self.cluster.subjects().iter().map(|s| self.object(s).to_string()).collect();
        format!("calls {:?}; {}", self.ec2.calls().len(), shown.join("\n"))
    }

    /// Two subnets of our account in us-east-1: id and zone.
    pub fn two_subnets(&self) -> [(String, String); 2] {
        let world = self.sim.world();
        let subnets = world.regions["us-east-1"].subnets.values().filter(|s| s.owner == ACCOUNT);
        let two: Vec<_> = subnets.take(2).map(|s| (s.id.clone(), s.zone.clone())).collect();
        two.try_into().expect("there are more")
    }

    /// Our account's images of a region, by id, as ec2sim holds them.
    pub fn images(&self, region: &str) -> Vec<ec2sim::core::records::Image> {
        let world = self.sim.world();
        let images = world.regions[region].images.values();
        images.filter(|i| i.owner == ACCOUNT).map(|i| (**i).clone()).collect()
    }

    /// What is paid for in all regions besides images and their snapshots: instances not terminated, and volumes.
    pub fn temporary_things(&self) -> Vec<String> {
        let world = self.sim.world();
        let now = self.now();
        let of_region = |region: &Arc<ec2sim::core::world::Region>| {
            let alive = region
                .instances
                .values()
                .filter(|i| i.state(now).name() != "terminated")
                .map(|i| i.id.clone());
            let gone: Vec<_> = region
                .instances
                .values()
                .filter(|i| i.state(now).name() == "terminated")
                .map(|i| i.id.clone())
                .collect();
            let left = region
                .volumes
                .values()
                .filter(|v| !(v.delete_on_termination && gone.contains(&v.instance_id)));
            alive.chain(left.map(|v| v.id.clone())).collect::<Vec<_>>()
        };
        world.regions.values().flat_map(of_region).collect()
    }

    /// Our account's snapshots in all regions.
    pub fn snapshots(&self) -> Vec<String> {
        let world = self.sim.world();
        let all = world.regions.values().flat_map(|r| r.snapshots.values());
        all.filter(|s| s.owner == ACCOUNT).map(|s| s.id.clone()).collect()
    }
}

/// The moment, or never.
pub(super) async fn moment(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

pub fn condition(status: &Value, kind: &str) -> (String, String, String) {
    let found = status["conditions"].as_array().into_iter().flatten().find(|c| c["type"] == kind);
    let text = |field: &str| found.and_then(|c| c[field].as_str()).unwrap_or_default().to_owned();
    (text("status"), text("reason"), text("message"))
}

/// A build in namespace `images`.
pub fn build(name: &str) -> Subject {
    Subject { kind: builds::KIND, namespace: "images".to_owned(), name: name.to_owned() }
}

/// A replication in namespace `images`.
pub fn replication(name: &str) -> Subject {
    Subject { kind: replications::KIND, namespace: "images".to_owned(), name: name.to_owned() }
}

/// The spec of a build from Amazon Linux 2023 with these scripts as steps.
pub fn build_spec(scripts: &[(&str, &str)]) -> Value {
    let steps: Vec<Value> =
        scripts.iter().map(|(name, script)| json!({"name": name, "script": {"inline": script}})).collect();
    json!({
        "region": "us-east-1",
        "source": {"ssmParameter": "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"},
        "builder": {"instanceTypes": ["m7i.large", "m6i.large"], "tags": {"team": "platform"}},
        "customize": {"timeout": "30m", "steps": steps},
        "image": {"tags": {"app": "web"}, "requireIMDSv2": true},
        "activeDeadline": "2h",
        "backoffLimit": 0,
        "suspend": false,
        "deletionPolicy": "Retain",
    })
}

/// The spec of a replication of a build's image into these regions.
pub fn replication_spec(of_build: &str, regions: &[&str]) -> Value {
    let destinations: Vec<Value> = regions.iter().map(|region| json!({"region": region})).collect();
    json!({
        "source": {"imageBuildRef": {"name": of_build}},
        "destinations": destinations,
        "tags": {"channel": "candidate"},
        "deletionPolicy": "Retain",
        "suspend": false,
        "resyncInterval": "10m",
    })
}

/// `spec` with one field set, by JSON pointer.
pub fn with(mut spec: Value, pointer: &str, value: Value) -> Value {
    let (parent, field) = pointer.rsplit_once('/').expect("a pointer begins with a slash");
    spec.pointer_mut(parent).expect("the parent is there")[field] = value;
    spec
}
