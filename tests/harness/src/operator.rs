use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::http::{free_port, request};
use crate::poll::wait_for;
use crate::process::{Process, RunDir};
use crate::tools::project_binary;

const START_TIMEOUT: Duration = Duration::from_secs(30);

/// How the operator is started.
#[derive(Debug, Clone)]
pub struct OperatorOptions {
    name: String,
    binary: Option<PathBuf>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

impl OperatorOptions {
    /// With the credentials of `kubeconfig`, against the AWS at `endpoint`, where every access key belongs to account
    /// 123456789012.
    pub fn new(kubeconfig: &Path, endpoint: &str) -> Self {
        let environment = [
            ("KUBECONFIG", &*kubeconfig.to_string_lossy()),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_REGION", "us-east-1"),
            // Nothing of the person who runs this may leak into a test.
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        Self {
            name: "operator".to_owned(),
            binary: None,
            arguments: vec!["--aws-endpoint-url".to_owned(), endpoint.to_owned()],
            environment: environment
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
        }
    }

    /// Another name than `operator`, for a second one in the same directory.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Another binary than the one of the running program's profile.
    #[must_use]
    pub fn binary(mut self, path: &Path) -> Self {
        self.binary = Some(path.to_owned());
        self
    }

    /// Looks after these namespaces only.
    #[must_use]
    pub fn namespaces(self, namespaces: &[&str]) -> Self {
        self.arguments(&["--watch-namespaces", &namespaces.join(",")])
    }

    /// Asks EC2 once in this time, written as `500ms` or `5s`.
    #[must_use]
    pub fn poll_interval(self, interval: &str) -> Self {
        self.arguments(&["--poll-interval", interval])
    }

    /// Further arguments of `ami-operator run`.
    #[must_use]
    pub fn arguments(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self
    }

    /// A variable of its environment, such as other credentials.
    #[must_use]
    pub fn environment(mut self, key: &str, value: &str) -> Self {
        self.environment.push((key.to_owned(), value.to_owned()));
        self
    }

    fn command(&self, http: SocketAddr) -> Result<Command> {
        let binary = match &self.binary {
            Some(path) => path.clone(),
            None => project_binary("ami-operator")?,
        };
        let mut command = Command::new(binary);
        command
            .args(["run", "--log-format", "human", "--http-listen", &http.to_string()])
            .args(&self.arguments);
        command.env_remove("AWS_PROFILE").env_remove("AWS_SESSION_TOKEN");
        command.envs(self.environment.iter().map(|(key, value)| (key, value)));
        Ok(command)
    }
}

/// The operator's real binary as a process on this machine.
#[derive(Debug)]
pub struct Operator {
    process: Process,
    http: SocketAddr,
    started_in: Duration,
}

impl Operator {
    /// Starts it in a directory of its own and waits for /readyz.
    pub fn start(options: &OperatorOptions) -> Result<Self> {
        Self::start_in(&RunDir::new()?, options)
    }

    /// Starts it in `dir`.
    pub fn start_in(dir: &Arc<RunDir>, options: &OperatorOptions) -> Result<Self> {
        let http = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let begin = Instant::now();
        let mut process = Process::spawn(dir, &options.name, &options.command(http)?)?;
        wait_for("the operator to be ready", START_TIMEOUT, || {
            process.check_alive()?;
            Ok(request("GET", http, "/readyz", &[], "").ok().filter(|response| response.status == 200))
        })
        .with_context(|| process.log_tail())?;
        Ok(Self { process, http, started_in: begin.elapsed() })
    }

    /// The time from its start to the first /readyz that answered 200, to 25 ms.
    pub fn started_in(&self) -> Duration {
        self.started_in
    }

    /// The text of one of its pages: `/livez`, `/readyz`, `/metrics`.
    ///
    /// # Errors
    /// If the status is not 200.
    pub fn page(&self, path: &str) -> Result<String> {
        let response = request("GET", self.http, path, &[], "")?;
        if response.status != 200 {
            bail!("{path} answered {}: {}", response.status, response.body);
        }
        Ok(response.body)
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// The process, for signals and its id.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// SIGTERM, as the kubelet does it; waits until it is gone.
    pub fn stop(mut self) -> Result<ExitStatus> {
        self.process.stop()
    }

    /// SIGKILL, as a crash does it; waits until it is gone.
    pub fn kill(self) {
        drop(self);
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.process.explain_panic();
    }
}
