//! What many replications cost the real process: a thousand that are wanted at once, and ten thousand that are ready when an
//! operator starts.
//!
//! Of the ready ones one is really made. The others are made to have ended as it did: objects with its status, and images like
//! its copies in ec2sim, each with ids and a uid of its own.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use harness::{Ec2sim, Ec2simOptions, Kubectl, Operator, Profile, RunDir, is_true};
use serde_json::{Value, json};

use crate::calls::is_of_sweep;
use crate::{Bench, memory, resident};

const COUNT: usize = 10_000;
const WANTED: usize = 1_000;
const UNDER_WAY: Duration = Duration::from_mins(1);
const REGIONS: [&str; 5] = ["ap-southeast-2", "ca-central-1", "eu-central-1", "eu-west-1", "us-west-2"];
const TIMEOUT: Duration = Duration::from_mins(10);
/// Who does so little in so long has nothing to do any more.
const QUIET: Duration = Duration::from_secs(10);
const QUIET_SHARE: f64 = 0.02;
/// Objects in one run of kubectl, of which as many go on at once as there are processors to wait for.
const CHUNK: usize = 1250;
/// Clock ticks a second in `/proc`: of every Linux that Rust runs on.
const TICKS: f64 = 100.0;

/// Measures, and prints the rows.
pub fn measure(bench: &Bench) -> Result<()> {
    wanted(bench)?;
    ready(bench)
}

/// They wait for the bucket of `CopyImage`, each in a pass of its own.
fn wanted(bench: &Bench) -> Result<()> {
    let dir = RunDir::new()?;
    let ec2sim = Ec2sim::start_in(&dir, Ec2simOptions::new(Profile::Demo))?;
    let namespace = bench.control_plane.create_namespace("wanted")?;
    let fleet = Fleet { kubectl: bench.control_plane.kubectl()?.in_namespace(&namespace), ec2sim: &ec2sim };
    let mut operator = bench.operator(&dir, &ec2sim, &namespace)?;
    let source = fleet.source()?;
    let items: Vec<Value> = (0..WANTED).map(|number| replication(number, &source)).collect();
    fleet.in_chunks(&["create", "-f", "-"], &items)?;
    std::thread::sleep(UNDER_WAY);
    let now = resident(operator.process().pid())?;
    println!(
        "| resident memory, {WANTED} replications that were wanted at once a minute ago | {now:.1} MiB |"
    );
    operator.kill();
    Ok(())
}

fn ready(bench: &Bench) -> Result<()> {
    let dir = RunDir::new()?;
    let ec2sim = Ec2sim::start_in(&dir, Ec2simOptions::new(Profile::Demo))?;
    let namespace = bench.control_plane.create_namespace("replications")?;
    let fleet = Fleet { kubectl: bench.control_plane.kubectl()?.in_namespace(&namespace), ec2sim: &ec2sim };
    let operator = bench.operator(&dir, &ec2sim, &namespace)?;
    let sample = fleet.sample()?;
    operator.stop()?;
    fleet.multiply(&sample)?;
    let (versions, called) = (fleet.versions()?, fleet.calls()?.len());
    let began = Instant::now();
    let mut operator = bench.operator(&dir, &ec2sim, &namespace)?;
    let processor = until_quiet(&mut operator)?;
    let took = began.elapsed().saturating_sub(QUIET).as_secs_f64();
    let pid = operator.process().pid();
    let (now, peak) = (resident(pid)?, memory(pid, "VmHWM:")?);
    let written = if fleet.versions()? == versions { "no" } else { "a" };
    let calls = fleet.calls()?.split_off(called);
    let is_read = |call: &&Value| {
        call["action"]
            .as_str()
            .is_some_and(|action| action.starts_with("Describe") || action.starts_with("Get"))
    };
    let (reads, sweeps) =
        (calls.iter().filter(is_read).count(), calls.iter().filter(|call| is_of_sweep(call)).count());
    let what = format!("{COUNT} ready replications in {} regions each", REGIONS.len());
    println!("| {what}: processor time from start until quiet | {processor:.1} s |");
    println!("| … real time | {took:.0} s |");
    println!("| … calls to AWS, beside {sweeps} of the sweep | {} |", calls.len() - sweeps);
    println!("| … writes to AWS, writes of objects | {}, {written} |", calls.len() - reads);
    println!("| … resident memory then, and at its peak | {now:.1} MiB, {peak:.1} MiB |");
    operator.stop()?;
    Ok(())
}

struct Fleet<'a> {
    kubectl: Kubectl,
    ec2sim: &'a Ec2sim,
}

impl Fleet<'_> {
    /// An image that is there from the start.
    fn source(&self) -> Result<Value> {
        let base = [("Filter.1.Name", "name"), ("Filter.1.Value.1", "al2023-*-x86_64")];
        let base = self.ec2sim.call("us-east-1", "DescribeImages", &base)?;
        let base = base.split_once("<imageId>").and_then(|(_, rest)| rest.split_once("</imageId>"));
        Ok(json!({"imageID": base.context("no base image")?.0, "region": "us-east-1"}))
    }

    /// One that is really made.
    fn sample(&self) -> Result<Value> {
        self.kubectl.apply(&replication(0, &self.source()?).to_string())?;
        self.kubectl.wait_until("the copies", &["imagereplication/fleet-0"], TIMEOUT, |o| is_true(o, "Ready"))
    }

    fn multiply(&self, sample: &Value) -> Result<()> {
        let copies = sample["status"]["destinations"].as_array().context("no destinations")?;
        let mut items: Vec<Value> =
            (1..COUNT).map(|number| replication(number, &sample["spec"]["source"]["image"])).collect();
        for item in &mut items {
            item["metadata"]["finalizers"] = sample["metadata"]["finalizers"].clone();
        }
        self.in_chunks(&["create", "-f", "-"], &items)?;
        let mut created = self.kubectl.get(&["imagereplications"])?;
        let created = created["items"].as_array_mut().context("kubectl did not answer a list")?;
        created.retain(|object| object["metadata"]["name"] != sample["metadata"]["name"]);
        for copy in copies {
            self.make_twins(copy, created)?;
        }
        let status = sample["status"].to_string();
        for object in created.iter_mut() {
            let twin = twin_of(&status, copies, number(object)?);
            object["status"] = serde_json::from_str(&twin)?;
        }
        self.in_chunks(&["replace", "--subresource=status", "-f", "-"], created)
    }

    /// Images like this copy, one for each object.
    fn make_twins(&self, copy: &Value, objects: &[Value]) -> Result<()> {
        let twin = |object: &Value| {
            let (number, meta) = (number(object)?, &object["metadata"]);
            let tags = json!({"ami-operator.dev/uid": meta["uid"], "ami-operator.dev/name": meta["name"]});
            let (id, snapshot) = (format!("ami-{number:017x}"), format!("snap-{number:017x}"));
            anyhow::Ok(json!({"id": id, "snapshotId": snapshot, "tags": tags}))
        };
        let twins = objects.iter().map(twin).collect::<Result<Vec<Value>>>()?;
        let body = json!({"region": copy["region"], "of": copy["imageID"], "twins": twins});
        self.ec2sim.admin("POST", "/_emu/images", &body.to_string())?;
        Ok(())
    }

    fn in_chunks(&self, arguments: &[&str], items: &[Value]) -> Result<()> {
        std::thread::scope(|scope| {
            let chunks = items.chunks(CHUNK).map(|chunk| {
                let list = json!({"apiVersion": "v1", "kind": "List", "items": chunk}).to_string();
                scope.spawn(move || self.kubectl.run_with_input(arguments, &list))
            });
            for chunk in chunks.collect::<Vec<_>>() {
                let Ok(done) = chunk.join() else { bail!("kubectl could not be waited for") };
                done?;
            }
            Ok(())
        })
    }

    /// Who writes an object gives it another version.
    fn versions(&self) -> Result<String> {
        self.kubectl.run(&["get", "imagereplications", "-o", "jsonpath={.items[*].metadata.resourceVersion}"])
    }

    fn calls(&self) -> Result<Vec<Value>> {
        let mut journal = self.ec2sim.journal()?;
        Ok(journal["calls"].as_array_mut().map(std::mem::take).unwrap_or_default())
    }
}

/// The status as it would be of an object with copies of its own. Their ids stand in conditions too: where they are not those
/// of the copies, the operator puts ten thousand statuses right.
fn twin_of(status: &str, copies: &[Value], number: usize) -> String {
    copies.iter().fold(status.to_owned(), |status, copy| {
        let image = copy["imageID"].as_str().unwrap_or_default();
        let snapshot = copy["snapshotIDs"][0].as_str().unwrap_or_default();
        status.replace(image, &format!("ami-{number:017x}")).replace(snapshot, &format!("snap-{number:017x}"))
    })
}

fn replication(number: usize, source: &Value) -> Value {
    let destinations: Vec<Value> = REGIONS.iter().map(|region| json!({"region": region})).collect();
    json!({
        "apiVersion": "ami-operator.dev/v1alpha1",
        "kind": "ImageReplication",
        "metadata": {"name": format!("fleet-{number}")},
        "spec": {"source": {"image": source}, "destinations": destinations, "tags": {"channel": "stable"}},
    })
}

fn number(object: &Value) -> Result<usize> {
    let name = object["metadata"]["name"].as_str().and_then(|name| name.strip_prefix("fleet-"));
    Ok(name.context("an object of somebody else")?.parse()?)
}

/// Processor seconds until nothing goes on any more.
fn until_quiet(operator: &mut Operator) -> Result<f64> {
    let pid = operator.process().pid();
    let (began, mut before) = (Instant::now(), processor_time(pid)?);
    while began.elapsed() < TIMEOUT {
        std::thread::sleep(QUIET);
        operator.process().check_alive()?;
        let now = processor_time(pid)?;
        if now - before < QUIET_SHARE * QUIET.as_secs_f64() {
            return Ok(now);
        }
        before = now;
    }
    bail!("the operator is not quiet after {TIMEOUT:?}")
}

/// User and system time of a process: fields 14 and 15 of `/proc/<pid>/stat` (proc(5)).
fn processor_time(pid: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').context("no name in /proc")?;
    let ticks: f64 =
        fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>).sum::<Result<f64, _>>()?;
    Ok(ticks / TICKS)
}
