use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::json;

use crate::audit::{self, Audited};
use crate::http::free_port;
use crate::kubectl::Kubectl;
use crate::poll::wait_for;
use crate::process::{Process, RunDir};
use crate::tools::{Tools, repository};

/// Three to five seconds on an idle machine; more when it compiles beside it.
const START_TIMEOUT: Duration = Duration::from_secs(90);
/// A port can be taken between finding it free and listening on it.
const START_ATTEMPTS: usize = 3;
const PRIVATE_KEY: &str = "service-account.key";
const PUBLIC_KEY: &str = "service-account.pub";
const ADMIN_TOKEN: &str = "admin";
/// Namespaces get deleted, owned objects collected, default ServiceAccounts made, view and edit roles put together.
const CONTROLLERS: &str = "namespace-controller,garbage-collector-controller,serviceaccount-controller,clusterrole-aggregation-controller";

/// A Kubernetes API server with etcd and the controller manager: authentication, RBAC, schema, CEL and garbage collection
/// are real. There is no kubelet, so no Pod ever runs.
#[derive(Debug)]
pub struct ControlPlane {
    // Dropped from the first to the last.
    _controller_manager: Process,
    api_server: Option<Process>,
    etcd: Option<Process>,
    port: u16,
    etcd_port: u16,
    server: String,
    ca: PathBuf,
    kubeconfig: PathBuf,
    tools: Tools,
    namespaces: AtomicUsize,
    dir: Arc<RunDir>,
}

impl ControlPlane {
    /// Starts one in a directory of its own and waits until it is ready.
    pub fn start() -> Result<Self> {
        Self::start_in(&RunDir::new()?)
    }

    /// Starts one in `dir`.
    pub fn start_in(dir: &Arc<RunDir>) -> Result<Self> {
        let tools = Tools::find()?;
        let mut result = Self::start_once(dir, &tools);
        for _ in 1..START_ATTEMPTS {
            if result.is_ok() {
                break;
            }
            result = Self::start_once(dir, &tools);
        }
        result
    }

    /// The one that all tests of this process share. Use [`Self::create_namespace`] to keep them apart.
    ///
    /// # Panics
    /// If it cannot be started: no test can go on then.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<ControlPlane> = OnceLock::new();
        SHARED.get_or_init(|| Self::start().unwrap_or_else(|error| panic!("no control plane: {error:#}")))
    }

    fn start_once(dir: &Arc<RunDir>, tools: &Tools) -> Result<Self> {
        let etcd_port = free_port()?;
        let etcd = Process::spawn(dir, "etcd", &etcd_command(tools, dir.path(), etcd_port)?)?;
        let port = free_port()?;
        write_signing_keys(dir.path())?;
        std::fs::write(dir.path().join("tokens.csv"), format!("{ADMIN_TOKEN},admin,admin,system:masters\n"))?;
        let mut api_server =
            Process::spawn(dir, "kube-apiserver", &api_server_command(tools, dir.path(), port, etcd_port)?)?;

        let server = format!("https://127.0.0.1:{port}");
        let ca = dir.path().join("certificates/apiserver.crt");
        wait_for("the API server's certificate", START_TIMEOUT, || {
            api_server.check_alive()?;
            Ok(ca.exists().then_some(()))
        })?;
        let kubeconfig = dir.path().join("admin.kubeconfig");
        write_kubeconfig(&kubeconfig, &server, &ca, "admin", ADMIN_TOKEN)?;
        let kubectl = Kubectl::new(tools.path("kubectl")?, &kubeconfig);
        wait_for("the API server to be ready", START_TIMEOUT, || {
            api_server.check_alive()?;
            Ok(kubectl.run(&["get", "--raw", "/readyz"]).ok())
        })?;
        let controller_manager =
            Process::spawn(dir, "kube-controller-manager", &controller_manager_command(tools, &kubeconfig)?)?;
        Ok(Self {
            _controller_manager: controller_manager,
            api_server: Some(api_server),
            etcd: Some(etcd),
            port,
            etcd_port,
            server,
            ca,
            kubeconfig,
            tools: tools.clone(),
            namespaces: AtomicUsize::new(0),
            dir: Arc::clone(dir),
        })
    }

    /// Kills the API server by SIGKILL: every watch is cut, and nobody answers until [`Self::start_servers`].
    pub fn kill_api_server(&mut self) {
        self.api_server = None;
    }

    /// Kills etcd by SIGKILL: the API server answers nothing but errors until [`Self::start_servers`].
    pub fn kill_etcd(&mut self) {
        self.etcd = None;
    }

    /// Starts what was killed, with the data and on the ports that it had, and waits until the API server is ready.
    pub fn start_servers(&mut self) -> Result<()> {
        let (tools, path) = (&self.tools, self.dir.path());
        if self.etcd.is_none() {
            let command = etcd_command(tools, path, self.etcd_port)?;
            self.etcd = Some(Process::spawn(&self.dir, "etcd", &command)?);
        }
        if self.api_server.is_none() {
            let command = api_server_command(tools, path, self.port, self.etcd_port)?;
            self.api_server = Some(Process::spawn(&self.dir, "kube-apiserver", &command)?);
        }
        let kubectl = self.kubectl()?;
        let ready = || Ok(kubectl.run(&["get", "--raw", "/readyz"]).ok());
        wait_for("the API server to be ready again", START_TIMEOUT, ready).map(drop)
    }

    /// `https://127.0.0.1:PORT`
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The certificate authority of the server's certificate, in PEM.
    pub fn ca_file(&self) -> &Path {
        &self.ca
    }

    /// The kubeconfig of a member of `system:masters`.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The directory of its files and logs.
    pub fn run_dir(&self) -> &Arc<RunDir> {
        &self.dir
    }

    /// What ServiceAccounts asked of the API server so far, and whether they were allowed to.
    pub fn audit(&self) -> Result<Vec<Audited>> {
        audit::read(self.dir.path())
    }

    /// kubectl as administrator.
    pub fn kubectl(&self) -> Result<Kubectl> {
        Ok(Kubectl::new(self.tools.path("kubectl")?, &self.kubeconfig))
    }

    /// Runs Helm as administrator and returns what it prints.
    pub fn helm(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new(self.tools.path("helm")?)
            .args(arguments)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HELM_CACHE_HOME", self.dir.path().join("helm"))
            .env("HELM_CONFIG_HOME", self.dir.path().join("helm"))
            .env("HELM_DATA_HOME", self.dir.path().join("helm"))
            .output()?;
        if !output.status.success() {
            bail!("helm {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Makes a namespace whose name starts with `prefix` and which no other test of this server has.
    pub fn create_namespace(&self, prefix: &str) -> Result<String> {
        let name = format!("{prefix}-{}", self.namespaces.fetch_add(1, Ordering::Relaxed));
        self.kubectl()?.run(&["create", "namespace", &name])?;
        Ok(name)
    }

    /// A kubeconfig with a token of the ServiceAccount, as a Pod would have it: RBAC decides what it may do.
    pub fn service_account_kubeconfig(&self, namespace: &str, name: &str) -> Result<PathBuf> {
        let kubectl = self.kubectl()?.in_namespace(namespace);
        let token = kubectl.run(&["create", "token", name, "--duration", "24h"])?;
        let path = self.dir.path().join(format!("{namespace}-{name}.kubeconfig"));
        write_kubeconfig(&path, &self.server, &self.ca, name, token.trim())?;
        Ok(path)
    }

    /// Applies deploy/install.yaml, waits until the kinds are served, and returns the kubeconfig of the operator's own
    /// ServiceAccount.
    pub fn install_operator(&self) -> Result<PathBuf> {
        let kubectl = self.kubectl()?;
        kubectl.run(&[
            "apply",
            "--server-side",
            "-f",
            &repository().join("deploy/install.yaml").to_string_lossy(),
        ])?;
        kubectl.run(&["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"])?;
        self.service_account_kubeconfig("ami-operator-system", "ami-operator")
    }
}

fn etcd_command(tools: &Tools, dir: &Path, port: u16) -> Result<Command> {
    let mut command = Command::new(tools.path("etcd")?);
    let url = format!("http://127.0.0.1:{port}");
    command
        .arg(format!("--data-dir={}", dir.join(format!("etcd-{port}")).display()))
        .arg(format!("--listen-client-urls={url}"))
        .arg(format!("--advertise-client-urls={url}"))
        .args(["--listen-peer-urls=http://127.0.0.1:0", "--unsafe-no-fsync", "--log-level=warn"]);
    Ok(command)
}

fn api_server_command(tools: &Tools, dir: &Path, port: u16, etcd_port: u16) -> Result<Command> {
    let mut command = Command::new(tools.path("kube-apiserver")?);
    command
        .arg(format!("--etcd-servers=http://127.0.0.1:{etcd_port}"))
        .arg(format!("--secure-port={port}"))
        .arg(format!("--cert-dir={}", dir.join("certificates").display()))
        .arg(format!("--token-auth-file={}", dir.join("tokens.csv").display()))
        .arg(format!("--service-account-key-file={}", dir.join(PUBLIC_KEY).display()))
        .arg(format!("--service-account-signing-key-file={}", dir.join(PRIVATE_KEY).display()))
        .args([
            "--bind-address=127.0.0.1",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--endpoint-reconciler-type=none",
        ])
        .args(audit::arguments(dir)?);
    Ok(command)
}

fn controller_manager_command(tools: &Tools, kubeconfig: &Path) -> Result<Command> {
    let mut command = Command::new(tools.path("kube-controller-manager")?);
    command
        .arg(format!("--kubeconfig={}", kubeconfig.display()))
        .arg(format!("--controllers={CONTROLLERS}"))
        .args(["--leader-elect=false", "--secure-port=0"]);
    Ok(command)
}

/// The pair that signs and verifies the tokens of ServiceAccounts.
fn write_signing_keys(dir: &Path) -> Result<()> {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)
        .context("no signing key could be generated")?;
    std::fs::write(dir.join(PRIVATE_KEY), pem("PRIVATE KEY", pair.to_pkcs8v1()?.as_ref()))?;
    std::fs::write(dir.join(PUBLIC_KEY), pem("PUBLIC KEY", pair.public_key().as_der()?.as_ref()))?;
    Ok(())
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", BASE64.encode(der))
}

/// JSON, which is YAML too.
fn write_kubeconfig(path: &Path, server: &str, ca: &Path, user: &str, token: &str) -> Result<()> {
    let ca = std::fs::read(ca).with_context(|| format!("cannot read {}", ca.display()))?;
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "local", "cluster": {"server": server, "certificate-authority-data": BASE64.encode(ca)}}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": "local", "context": {"cluster": "local", "user": user}}],
        "current-context": "local",
    });
    Ok(std::fs::write(path, config.to_string())?)
}
