use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::poll::wait_for;

/// `kubectl` with the credentials of one kubeconfig, optionally in one namespace.
#[derive(Debug, Clone)]
pub struct Kubectl {
    binary: PathBuf,
    kubeconfig: PathBuf,
    namespace: Option<String>,
}

impl Kubectl {
    /// The given binary with the given kubeconfig.
    pub fn new(binary: impl Into<PathBuf>, kubeconfig: impl Into<PathBuf>) -> Self {
        Self { binary: binary.into(), kubeconfig: kubeconfig.into(), namespace: None }
    }

    /// The same in `namespace`.
    #[must_use]
    pub fn in_namespace(&self, namespace: &str) -> Self {
        Self { namespace: Some(namespace.to_owned()), ..self.clone() }
    }

    /// The same as another user.
    #[must_use]
    pub fn with_kubeconfig(&self, kubeconfig: &Path) -> Self {
        Self { kubeconfig: kubeconfig.to_owned(), ..self.clone() }
    }

    /// Runs it and returns what it prints.
    ///
    /// # Errors
    /// With what it wrote to standard error, such as the server's refusal.
    pub fn run(&self, arguments: &[&str]) -> Result<String> {
        self.run_with_input(arguments, "")
    }

    /// [`Self::run`] with something on its standard input.
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Result<String> {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}", self.binary.display()))?;
        let mut stdin = child.stdin.take().context("kubectl has no input")?;
        // A refused argument ends kubectl before it reads: its message says more than the broken pipe.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let output = child.wait_with_output()?;
        if !output.status.success() {
            bail!("kubectl {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// `kubectl apply` of one or several manifests in YAML or JSON.
    pub fn apply(&self, manifest: &str) -> Result<String> {
        self.run_with_input(&["apply", "-f", "-"], manifest)
    }

    /// `kubectl apply` of a file or directory.
    pub fn apply_file(&self, path: &Path) -> Result<String> {
        self.run(&["apply", "-f", path.to_str().context("the path is not UTF-8")?])
    }

    /// `kubectl get … -o json`.
    pub fn get(&self, arguments: &[&str]) -> Result<Value> {
        let arguments = [&["get", "-o", "json"], arguments].concat();
        Ok(serde_json::from_str(&self.run(&arguments)?)?)
    }

    /// Gets until the answer fits, and returns that answer.
    ///
    /// # Errors
    /// If kubectl fails, or with the last answer when `timeout` has passed.
    pub fn wait_until(
        &self,
        what: &str,
        arguments: &[&str],
        timeout: Duration,
        fits: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let mut last = Value::Null;
        let found = wait_for(what, timeout, || {
            last = self.get(arguments)?;
            Ok(fits(&last).then(|| last.clone()))
        });
        found.with_context(|| format!("kubectl get {} answered {last:#}", arguments.join(" ")))
    }

    /// Waits until an object is gone.
    pub fn wait_until_gone(&self, arguments: &[&str], timeout: Duration) -> Result<()> {
        let arguments = [&["get", "--ignore-not-found", "-o", "name"], arguments].concat();
        wait_for("an object to be gone", timeout, || Ok(self.run(&arguments)?.is_empty().then_some(())))
    }

    /// The command with the credentials in place, for a caller who wants to read its output as it comes.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        // Beside the kubeconfig, so that it goes away with the server which it describes.
        let cache = self.kubeconfig.with_file_name("kubectl-cache");
        command.arg("--kubeconfig").arg(&self.kubeconfig).arg("--cache-dir").arg(cache);
        if let Some(namespace) = &self.namespace {
            command.args(["--namespace", namespace]);
        }
        command.args(arguments);
        command
    }
}
