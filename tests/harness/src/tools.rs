use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Where the binaries of the control plane, kubectl and Helm are.
#[derive(Debug, Clone)]
pub struct Tools {
    directories: Vec<PathBuf>,
}

impl Tools {
    /// Asks `tests/controlplane/install.sh`, which builds what is missing: some ten minutes on a fresh machine, a few
    /// milliseconds afterwards.
    pub fn find() -> Result<Self> {
        let script = repository().join("tests/controlplane/install.sh");
        let output = Command::new(&script)
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("cannot run {}", script.display()))?;
        if !output.status.success() {
            bail!("{} failed ({})", script.display(), output.status);
        }
        let directories = String::from_utf8(output.stdout)?.lines().map(PathBuf::from).collect();
        Ok(Self { directories })
    }

    /// The path of `etcd`, `kube-apiserver`, `kube-controller-manager`, `kubectl` or `helm`.
    pub fn path(&self, name: &str) -> Result<PathBuf> {
        let candidates = self.directories.iter().map(|directory| directory.join(name));
        candidates
            .into_iter()
            .find(|path| path.is_file())
            .with_context(|| format!("{name} is in none of {:?}", self.directories))
    }
}

/// The root of the checkout.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("this crate is two levels below the root")
}

/// A binary of this workspace: from the environment (`AMI_OPERATOR_BIN`, `EC2SIM_BIN`), or else from the directory which
/// cargo built the running program into.
pub fn project_binary(name: &str) -> Result<PathBuf> {
    let variable = format!("{}_BIN", name.replace('-', "_").to_uppercase());
    if let Some(path) = std::env::var_os(&variable) {
        return Ok(path.into());
    }
    let running = std::env::current_exe()?;
    // Binaries are in target/<profile>, tests in target/<profile>/deps.
    let candidates = running.ancestors().skip(1).take(2).map(|directory| directory.join(name));
    candidates.into_iter().find(|path| path.is_file()).with_context(|| {
        format!("{name} is not built: run `cargo build --workspace --bins`, or set {variable}")
    })
}
