//! What the program around the steps costs in a real machine: it is run there several times, with steps that do nothing.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use harness::{Ec2sim, Ec2simOptions, Guests, Profile, RunDir, wait_for};
use serde_json::{Value, json};

use crate::Bench;

const STEPS: [usize; 2] = [1, 11];
const RUNS: usize = 5;
const START_TIMEOUT: Duration = Duration::from_mins(2);
/// A boot takes one minute on an idle processor.
const MACHINE_TIMEOUT: Duration = Duration::from_mins(20);

/// The least time that a guest needs from the program's start to its power-off, in milliseconds, by the number of steps.
/// `None` where there are no machines.
pub fn measure(bench: &Bench) -> Result<Option<Vec<(usize, u64)>>> {
    if Ec2sim::systems().is_none() {
        return Ok(None);
    }
    let programs = STEPS.iter().map(|&steps| program(bench, steps)).collect::<Result<Vec<_>>>()?;
    let console = run(&measurement(&programs))?;
    let least = |steps: &usize| {
        let runs = console.lines().filter_map(|line| taken(line, *steps));
        Ok((*steps, runs.min().with_context(|| format!("no run of {steps} steps in {console}"))?))
    };
    STEPS.iter().map(least).collect::<Result<_>>().map(Some)
}

/// The user data of a builder with so many empty scripts, as the operator sends it.
fn program(bench: &Bench, steps: usize) -> Result<String> {
    let dir = RunDir::new()?;
    let ec2sim = Ec2sim::start_in(&dir, Ec2simOptions::new(Profile::Test))?;
    let namespace = bench.control_plane.create_namespace("wrapper")?;
    let operator = bench.operator(&dir, &ec2sim, &namespace)?;
    let kubectl = bench.control_plane.kubectl()?.in_namespace(&namespace);
    kubectl.apply(&build(steps).to_string())?;
    let launched = |build: &Value| build["status"]["builder"]["instanceID"].is_string();
    kubectl.wait_until("the builder", &["imagebuild/wrapper"], START_TIMEOUT, launched)?;
    let journal = ec2sim.journal()?;
    let calls = journal["calls"].as_array().context("the journal has no calls")?;
    let launch =
        calls.iter().find(|call| call["action"] == "RunInstances").context("nothing was launched")?;
    let data = BASE64.decode(launch["params"]["UserData"].as_str().context("no user data")?)?;
    operator.stop()?;
    String::from_utf8(data).context("the user data is compressed")
}

fn build(steps: usize) -> Value {
    let steps =
        (1..=steps).map(|number| json!({"name": format!("step-{number}"), "script": {"inline": "true"}}));
    json!({
        "apiVersion": "ami-operator.dev/v1alpha1", "kind": "ImageBuild", "metadata": {"name": "wrapper"},
        "spec": {
            "region": "us-east-1",
            "source": {"ssmParameter": "/aws/service/debian/release/12/latest/amd64"},
            "builder": {"instanceTypes": ["m7i.large"]},
            "customize": {"steps": steps.collect::<Vec<_>>(), "cleanup": "None"},
        },
    })
}

/// User data that runs the programs, each with the machine left on and a nonce of its own for each run, and prints the
/// uptime before and after.
fn measurement(programs: &[String]) -> String {
    let runs = |(steps, program): (&usize, &String)| {
        let line = |line: &str| match line {
            _ if line.starts_with("NONCE=") => "NONCE=$1\n".to_owned(),
            _ if line.starts_with("POWEROFF=") => "POWEROFF=:\n".to_owned(),
            _ => format!("{line}\n"),
        };
        let program: String = program.lines().map(line).collect();
        format!(
            "cat >program-{steps} <<'PROGRAM'\n{program}PROGRAM\n\
             for run in $(seq {RUNS}); do\nread -r before _ </proc/uptime\nsh program-{steps} {steps}-$run\n\
             read -r after _ </proc/uptime\necho \"TAKEN {steps} $before $after\" >/dev/console\ndone\n"
        )
    };
    let runs: String = STEPS.iter().zip(programs).map(runs).collect();
    format!("#!/bin/sh\ncd /run\n{runs}echo TAKEN all >/dev/console\n")
}

/// The console of a machine that has run it.
fn run(user_data: &str) -> Result<String> {
    let dir = RunDir::new()?;
    let options = Ec2simOptions { guests: Guests::Machines, ..Ec2simOptions::new(Profile::Test) };
    let ec2sim = Ec2sim::start_in(&dir, options)?;
    let parameters = [
        ("ImageId", "resolve:ssm:/aws/service/debian/release/12/latest/amd64"),
        ("InstanceType", "m7i.large"),
        ("MinCount", "1"),
        ("MaxCount", "1"),
        ("UserData", &BASE64.encode(user_data)),
    ];
    ec2sim.call("us-east-1", "RunInstances", &parameters)?;
    wait_for("the measurement", MACHINE_TIMEOUT, || {
        let console = console(&ec2sim.state()?)?;
        Ok(console.contains("TAKEN all").then_some(console))
    })
}

fn console(state: &Value) -> Result<String> {
    let instances = state["accounts"]["123456789012"]["us-east-1"]["instances"].as_object();
    let Some(instance) = instances.and_then(|instances| instances.values().next()) else {
        bail!("the machine is gone");
    };
    let lines = instance["console"].as_array().into_iter().flatten().filter_map(Value::as_str);
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

/// The milliseconds of a line about so many steps.
fn taken(line: &str, steps: usize) -> Option<u64> {
    let (_, rest) = line.split_once(&format!("TAKEN {steps} "))?;
    let (before, after) = rest.trim().split_once(' ')?;
    Some(milliseconds(after)? - milliseconds(before)?)
}

/// `/proc/uptime` has seconds with two decimals.
fn milliseconds(uptime: &str) -> Option<u64> {
    let (seconds, hundredths) = uptime.split_once('.')?;
    Some(seconds.parse::<u64>().ok()? * 1000 + hundredths.parse::<u64>().ok()? * 10)
}
