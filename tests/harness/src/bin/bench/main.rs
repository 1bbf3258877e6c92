//! What the operator costs, as a table for BENCHMARKS.md: default settings, release build, ec2sim's `demo` profile.
//!
//! Arguments choose parts of it: `program`, `idle`, `builds`, `consoles`, `wrapper`, `replications`. Without any, all are measured.

mod builds;
mod calls;
mod guest_program;
mod machine;
mod replications;
mod wrapper;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use harness::{
    ControlPlane, Ec2sim, Ec2simOptions, Operator, OperatorOptions, Profile, RunDir, project_binary,
};

use crate::builds::{Batch, finished_builds, talkative_builds};
use crate::calls::Calls;

const BUILDS_AT_ONCE: [usize; 3] = [1, 10, 100];
const FINISHED: usize = 1000;
const TALKATIVE: usize = 200;
/// Launch, stop, image and copy of ec2sim's `demo` profile.
const CRITICAL_PATH: Duration = Duration::from_secs(6 + 5 + 20 + 30);
/// After it memory has stopped growing: lists are read and connections are open.
const SETTLE: Duration = Duration::from_secs(20);

fn main() -> Result<()> {
    let only: Vec<String> = std::env::args().skip(1).collect();
    let asked = |part: &str| only.is_empty() || only.iter().any(|name| name == part);
    let bench = Bench::start()?;
    println!("{}\n", machine::describe()?);
    println!("| what | measured |\n|---|---|");
    let size = std::fs::metadata(project_binary("ami-operator")?)?.len();
    println!("| binary | {:.1} MB |", megabytes(size, 1_000_000));
    if asked("program") {
        guest_program::print();
    }
    if asked("idle") {
        bench.idle()?;
    }
    if asked("consoles") {
        bench.consoles()?;
    }
    if asked("wrapper") {
        bench.wrapper()?;
    }
    if asked("replications") {
        replications::measure(&bench)?;
    }
    if asked("builds") {
        bench.builds()?;
    }
    Ok(())
}

/// One run of several builds at once, each with a replication into two regions.
pub struct Run {
    pub count: usize,
    pub took: Duration,
    pub calls: Calls,
    /// One of the builds as it ended.
    pub sample: serde_json::Value,
}

struct Bench {
    control_plane: ControlPlane,
    kubeconfig: PathBuf,
}

impl Bench {
    fn start() -> Result<Self> {
        let control_plane = ControlPlane::start()?;
        let kubeconfig = control_plane.install_operator()?;
        Ok(Self { control_plane, kubeconfig })
    }

    fn operator(&self, dir: &std::sync::Arc<RunDir>, ec2sim: &Ec2sim, namespace: &str) -> Result<Operator> {
        let options = OperatorOptions::new(&self.kubeconfig, &ec2sim.endpoint()).namespaces(&[namespace]);
        Operator::start_in(dir, &options)
    }

    fn idle(&self) -> Result<()> {
        let dir = RunDir::new()?;
        let ec2sim = Ec2sim::start_in(&dir, Ec2simOptions::new(Profile::Demo))?;
        let namespace = self.control_plane.create_namespace("idle")?;
        let mut operator = self.operator(&dir, &ec2sim, &namespace)?;
        println!("| start to ready | {} ms |", operator.started_in().as_millis());
        std::thread::sleep(SETTLE);
        println!("| resident memory, idle | {:.1} MiB |", resident(operator.process().pid())?);
        operator.stop()?;
        Ok(())
    }

    fn builds(&self) -> Result<()> {
        let runs = BUILDS_AT_ONCE.iter().map(|&count| self.batch(count)).collect::<Result<Vec<_>>>()?;
        self.finished(&runs[0])?;
        for run in &runs {
            let over = run.took.saturating_sub(CRITICAL_PATH).as_secs_f32();
            println!(
                "| {} at once: from apply to the last copy, over the {} s of EC2 | {over:.1} s |",
                builds(run.count),
                CRITICAL_PATH.as_secs()
            );
        }
        println!("\n{}", calls::table(&runs));
        Ok(())
    }

    fn batch(&self, count: usize) -> Result<Run> {
        let dir = RunDir::new()?;
        let ec2sim = Ec2sim::start_in(&dir, Ec2simOptions::new(Profile::Demo))?;
        let namespace = self.control_plane.create_namespace("batch")?;
        let mut operator = self.operator(&dir, &ec2sim, &namespace)?;
        let batch = Batch { kubectl: self.control_plane.kubectl()?.in_namespace(&namespace), count };
        let (took, sample) = batch.run()?;
        let calls = Calls::of(&ec2sim.journal()?, count)?;
        let memory = resident(operator.process().pid())?;
        println!("| resident memory after {} at once | {memory:.1} MiB |", builds(count));
        operator.stop()?;
        Ok(Run { count, took, calls, sample })
    }

    /// A console is read and let go: the peak tells whether it is.
    fn consoles(&self) -> Result<()> {
        let dir = RunDir::new()?;
        let ec2sim = Ec2sim::start_in(&dir, Ec2simOptions::new(Profile::Demo))?;
        let namespace = self.control_plane.create_namespace("consoles")?;
        let mut operator = self.operator(&dir, &ec2sim, &namespace)?;
        talkative_builds(&self.control_plane.kubectl()?.in_namespace(&namespace), TALKATIVE)?;
        let memory = memory(operator.process().pid(), "VmHWM:")?;
        println!("| peak memory, {TALKATIVE} builds with consoles of 64 KiB each | {memory:.1} MiB |");
        operator.stop()?;
        Ok(())
    }

    fn wrapper(&self) -> Result<()> {
        let Some(measured) = wrapper::measure(self)? else {
            println!("| what the program around the steps takes in a guest | not measured: no machines |");
            return Ok(());
        };
        for (steps, milliseconds) in measured {
            println!(
                "| what the program around {steps} empty steps takes in an emulated machine | {milliseconds} ms |"
            );
        }
        Ok(())
    }

    fn finished(&self, run: &Run) -> Result<()> {
        let dir = RunDir::new()?;
        let ec2sim = Ec2sim::start_in(&dir, Ec2simOptions::new(Profile::Demo))?;
        let namespace = self.control_plane.create_namespace("finished")?;
        finished_builds(&self.control_plane.kubectl()?.in_namespace(&namespace), &run.sample, FINISHED)?;
        let mut operator = self.operator(&dir, &ec2sim, &namespace)?;
        std::thread::sleep(SETTLE);
        let memory = resident(operator.process().pid())?;
        println!("| resident memory, {FINISHED} finished builds | {memory:.1} MiB |");
        operator.stop()?;
        Ok(())
    }
}

fn builds(count: usize) -> String {
    if count == 1 { "1 build".to_owned() } else { format!("{count} builds") }
}

/// Memory in use now, in MiB.
fn resident(pid: u32) -> Result<f64> {
    memory(pid, "VmRSS:")
}

/// A line of `/proc/<pid>/status` in MiB (proc(5)).
fn memory(pid: u32, field: &str) -> Result<f64> {
    let status = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)).context("no memory in /proc")?;
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(megabytes(kibibytes, 1024))
}

#[allow(clippy::cast_precision_loss, reason = "a size of less than 2^52")]
fn megabytes(size: u64, unit: u64) -> f64 {
    size as f64 / unit as f64
}
