use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::http::{Response, request};
use crate::poll::wait_for;
use crate::process::{Process, RunDir};
use crate::tools::{project_binary, repository};

const START_TIMEOUT: Duration = Duration::from_secs(20);

/// The directory of the operator's policy.
const POLICIES: &str = "deploy/iam";

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

/// What runs in ec2sim's instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guests {
    /// An interpreter of user data.
    Interpreter,
    /// Real machines of QEMU, for images that have a disk; see [`Ec2sim::systems`].
    Machines,
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
    /// What runs in its instances.
    pub guests: Guests,
    /// Whether callers may do only what the policy of deploy/iam allows.
    pub iam: bool,
}

impl Ec2simOptions {
    /// The profile on the wall clock with seed 1, where everybody may do everything.
    pub fn new(profile: Profile) -> Self {
        Self { profile, clock: Clock::Real, speed: 1, seed: 1, guests: Guests::Interpreter, iam: false }
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
        if options.guests == Guests::Machines {
            let systems = Self::systems().context("GUEST_SYSTEMS is not set: see tests/guests/install.sh")?;
            command.args(["--guests", "qemu", "--systems"]).arg(systems);
            command.arg("--state").arg(dir.path().join("machines"));
        }
        if options.iam {
            command.arg("--iam").arg(repository().join(POLICIES));
        }
        let mut process = Process::spawn(dir, "ec2sim", &command)?;
        let address = wait_for("ec2sim to listen", START_TIMEOUT, || {
            process.check_alive()?;
            Ok(listening_on(&process.log()))
        })?;
        Ok(Self { process, address })
    }

    /// The systems that real machines boot: what `tests/guests/install.sh` prints, in the environment variable
    /// `GUEST_SYSTEMS`.
    pub fn systems() -> Option<PathBuf> {
        std::env::var_os("GUEST_SYSTEMS").filter(|value| !value.is_empty()).map(PathBuf::from)
    }

    /// `http://127.0.0.1:PORT`, for every service.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// One call of EC2 by a client that is not the operator's, as the default account; the XML of the answer.
    ///
    /// # Errors
    /// If EC2 refuses it.
    pub fn call(&self, region: &str, action: &str, parameters: &[(&str, &str)]) -> Result<String> {
        let parameters = parameters.iter().map(|(name, value)| format!("&{name}={}", percent_encoded(value)));
        let body = format!("Action={action}&Version=2016-11-15{}", parameters.collect::<String>());
        let scope = format!("AKIDEXAMPLE/20261123/{region}/ec2/aws4_request");
        let headers = [
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Authorization", &*format!("AWS4-HMAC-SHA256 Credential={scope}")),
        ];
        let Response { status, body } = request("POST", self.address, "/", &headers, &body)?;
        if status != 200 {
            bail!("{action} answered {status}: {body}");
        }
        Ok(body)
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

    /// What the policies in force allowed and denied so far: `used`, `unused`, `denied`.
    pub fn permissions(&self) -> Result<Value> {
        self.admin("GET", "/_emu/iam", "")
    }

    /// Puts the policy of deploy/iam in force without some of its actions, and forgets what was denied before.
    pub fn permit_all_but(&self, actions: &[&str]) -> Result<()> {
        let path = repository().join(POLICIES).join("ami-operator-policy.json");
        let mut policy: Value = serde_json::from_str(&std::fs::read_to_string(path)?)?;
        let statements = policy["Statement"].as_array_mut().context("a policy has statements")?;
        for statement in statements.iter_mut().filter(|statement| statement["Effect"] == "Allow") {
            let named = statement["Action"].take();
            let named = named.as_array().cloned().unwrap_or_else(|| vec![named]);
            let left = named.into_iter().filter(|action| !actions.iter().any(|gone| action == gone));
            statement["Action"] = left.collect();
        }
        statements.retain(|statement| statement["Action"].as_array().is_none_or(|left| !left.is_empty()));
        self.admin("POST", "/_emu/iam", &json!({"documents": [policy]}).to_string())?;
        Ok(())
    }

    /// A call of the administration interface; an empty answer is `null`.
    ///
    /// # Errors
    /// If the status is not 2xx.
    pub fn admin(&self, method: &str, path: &str, body: &str) -> Result<Value> {
        let headers = [("Content-Type", "application/json")];
        let Response { status, body } = request(method, self.address, path, &headers, body)?;
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

fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

fn listening_on(log: &str) -> Option<SocketAddr> {
    log.lines().find_map(|line| line.trim().strip_prefix("listening on http://")?.parse().ok())
}

impl Drop for Ec2sim {
    fn drop(&mut self) {
        self.process.explain_panic();
    }
}
