use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::poll::wait_for;

/// How long a process may take to end after SIGTERM before [`Process::stop`] kills it. Kubernetes gives 30 s.
const GRACE: Duration = Duration::from_secs(30);
/// As much of a log as helps in an error message.
const LOG_TAIL_LINES: usize = 30;

/// A temporary directory for a group of processes and their files, removed when the owner and all of them are gone.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    janitor: Child,
}

impl RunDir {
    /// Makes an empty directory under the system's temporary directory.
    pub fn new() -> Result<Arc<Self>> {
        let path = tempfile::Builder::new().prefix("ami-operator-").tempdir()?.keep();
        std::fs::create_dir(path.join("alive"))?;
        let janitor = shell(include_str!("janitor.sh"), "janitor", &path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Arc::new(Self { path, janitor }))
    }

    /// The directory. Logs are in `<path>/<process name>.log`.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// From now on the processes and the directory outlive their owner, until somebody removes the file that is
    /// returned here.
    pub fn keep(&self) -> Result<PathBuf> {
        let file = self.path.join("keep");
        std::fs::write(&file, "remove this file to end the processes that log into this directory\n")?;
        Ok(file)
    }
}

impl Drop for RunDir {
    fn drop(&mut self) {
        drop(self.janitor.stdin.take());
        if !self.path.join("keep").exists() {
            let _ = self.janitor.wait();
        }
    }
}

/// A program that ends when its owner ends, however that comes about. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    name: String,
    supervisor: Child,
    signals: Option<ChildStdin>,
    pid: u32,
    dir: Arc<RunDir>,
}

impl Process {
    /// Starts `command` (its program, arguments and environment; not its streams or directory), with both output
    /// streams appended to `<name>.log` in `dir`. The name must be unique among the running processes of `dir`.
    pub fn spawn(dir: &Arc<RunDir>, name: &str, command: &Command) -> Result<Self> {
        std::fs::write(dir.path().join("alive").join(name), "")?;
        let mut supervisor = shell(include_str!("supervise.sh"), "supervise", dir.path());
        supervisor.arg(name).arg(command.get_program()).args(command.get_args());
        for (key, value) in command.get_envs() {
            set_environment(&mut supervisor, key, value);
        }
        let mut supervisor = supervisor.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let signals = supervisor.stdin.take();
        let pid = read_pid(&mut supervisor).with_context(|| format!("{name} was not started"))?;
        Ok(Self { name: name.to_owned(), supervisor, signals, pid, dir: Arc::clone(dir) })
    }

    /// The program's process id (not its supervisor's).
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// What the program has written to its standard output and error, also in earlier runs under the same name.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// Where [`Self::log`] comes from.
    pub fn log_file(&self) -> PathBuf {
        self.dir.path().join(format!("{}.log", self.name))
    }

    /// Fails with the end of the log if the program has ended.
    pub fn check_alive(&mut self) -> Result<()> {
        match self.supervisor.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("{} ended ({status}), its log ends with\n{}", self.name, self.log_tail()),
        }
    }

    /// Sends a signal by its POSIX name without `SIG`, such as `TERM`, `KILL`, `STOP`, `CONT`.
    pub fn signal(&mut self, name: &str) -> Result<()> {
        let signals = self.signals.as_mut().context("the process was already told to end")?;
        writeln!(signals, "{name}").with_context(|| format!("{} is gone", self.name))
    }

    /// Asks the program to end by SIGTERM and waits until it is gone; kills it after 30 s.
    ///
    /// # Errors
    /// If it had to be killed.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        self.signal("TERM")?;
        let supervisor = &mut self.supervisor;
        wait_for(&format!("{} to end after SIGTERM", self.name), GRACE, || Ok(supervisor.try_wait()?))
    }

    /// Kills the program and waits until it is gone.
    pub fn kill(self) {
        drop(self);
    }

    /// Prints the end of the log if a test is failing: what the program has to say about it would be lost with the
    /// directory.
    pub fn explain_panic(&self) {
        if std::thread::panicking() {
            eprintln!("the log of {} ends with\n{}", self.name, self.log_tail());
        }
    }

    /// The last lines of the log.
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.signals.take());
        if self.dir.path().join("keep").exists() {
            return;
        }
        let _ = self.supervisor.wait();
    }
}

/// A shell in a process group of its own, so that Ctrl-C reaches only the owner, whose end then ends everything in order.
fn shell(script: &str, name: &str, dir: &Path) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(script).arg(name).arg(dir).stdin(Stdio::piped()).process_group(0);
    command
}

fn set_environment(command: &mut Command, key: &OsStr, value: Option<&OsStr>) {
    match value {
        Some(value) => command.env(key, value),
        None => command.env_remove(key),
    };
}

fn read_pid(supervisor: &mut Child) -> Result<u32> {
    let stdout = supervisor.stdout.take().context("the supervisor has no output")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    line.trim().parse().context("the supervisor did not print a process id")
}
