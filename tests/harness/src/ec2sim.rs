use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::http::{Response, request};
use crate::poll::wait_for;
use crate::process::{Process, RunDir};
use crate::tools::project_binary;

const START_TIMEOUT: Duration = Duration::from_secs(20);

/// How long ec2sim's transitions take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Nothing takes time.
    Test,
    /// Run 6 s, stop 5 s, image 20 s, copy 30 s.
    Demo,
    /// As long as in AWS: minutes.
    Real,
}

impl Profile {
    fn as_str(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Demo => "demo",
            Self::Real => "real",
        }
    }
}

/// Where ec2sim takes its time from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// The wall clock.
    Real,
    /// Stands still until it is advanced through `/_emu/clock`.
    Manual,
}

impl Clock {
    fn as_str(self) -> &'static str {
        match self {
            Self::Real => "real",
            Self::Manual => "manual",
        }
    }
}

/// How ec2sim is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ec2simOptions {
    /// How long its transitions take.
    pub profile: Profile,
    /// Where it takes its time from.
    pub clock: Clock,
    /// How many times as fast as the wall clock.
    pub speed: u32,
    /// Where its ids and its jitter come from.
    pub seed: u64,
}

impl Ec2simOptions {
    /// The profile on the wall clock with seed 1.
    pub fn new(profile: Profile) -> Self {
        Self { profile, clock: Clock::Real, speed: 1, seed: 1 }
    }
}

/// EC2, SSM and STS as a process on this machine.
#[derive(Debug)]
pub struct Ec2sim {
    process: Process,
    address: SocketAddr,
}

impl Ec2sim {
    /// Starts one in a directory of its own.
    pub fn start(options: Ec2simOptions) -> Result<Self> {
        Self::start_in(&RunDir::new()?, options)
    }

    /// Starts one in `dir`.
    pub fn start_in(dir: &Arc<RunDir>, options: Ec2simOptions) -> Result<Self> {
        let mut command = Command::new(project_binary("ec2sim")?);
        command.args(["serve", "--listen", "127.0.0.1:0", "--profile", options.profile.as_str()]).args([
            "--clock",
            options.clock.as_str(),
            "--speed",
            &options.speed.to_string(),
            "--seed",
            &options.seed.to_string(),
        ]);
        let mut process = Process::spawn(dir, "ec2sim", &command)?;
        let address = wait_for("ec2sim to listen", START_TIMEOUT, || {
            process.check_alive()?;
            Ok(listening_on(&process.log()))
        })?;
        Ok(Self { process, address })
    }

    /// `http://127.0.0.1:PORT`, for every service.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Moves a manual clock.
    pub fn advance(&self, time: Duration) -> Result<()> {
        self.admin("POST", "/_emu/clock", &json!({"advanceSeconds": time.as_secs_f64()}).to_string())?;
        Ok(())
    }

    /// Everything that exists, in all accounts and regions: `accounts.<account>.<region>.<kind>.<id>`.
    pub fn state(&self) -> Result<Value> {
        self.admin("GET", "/_emu/state", "")
    }

    /// Every call so far, with time, caller, parameters and result, under `calls`.
    pub fn journal(&self) -> Result<Value> {
        self.admin("GET", "/_emu/journal", "")
    }

    /// A call of the administration interface; an empty answer is `null`.
    ///
    /// # Errors
    /// If the status is not 2xx.
    pub fn admin(&self, method: &str, path: &str, body: &str) -> Result<Value> {
        let Response { status, body } = request(method, self.address, path, body)?;
        if !(200..300).contains(&status) {
            bail!("{method} {path} answered {status}: {body}");
        }
        if body.trim().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&body).with_context(|| format!("{method} {path} did not answer JSON: {body}"))
    }

    /// The process, for signals and its log.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

fn listening_on(log: &str) -> Option<SocketAddr> {
    log.lines().find_map(|line| line.trim().strip_prefix("listening on http://")?.parse().ok())
}

impl Drop for Ec2sim {
    fn drop(&mut self) {
        self.process.explain_panic();
    }
}
