//! What the demonstration runs on.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use harness::{
    ControlPlane, Ec2sim, Ec2simOptions, Guests, Kubectl, Operator, OperatorOptions, Profile, RunDir,
    repository,
};
use serde_json::Value;

const NAMESPACE: &str = "images";

/// As the environment says: `GUESTS=qemu`, or nothing.
pub fn guests() -> Guests {
    if std::env::var_os("GUESTS").is_some_and(|guests| guests == "qemu") {
        Guests::Machines
    } else {
        Guests::Interpreter
    }
}

/// The manifest that is applied: there is no machine of Amazon Linux.
pub fn sample() -> &'static str {
    match guests() {
        Guests::Interpreter => "deploy/samples/web.yaml",
        Guests::Machines => "tests/guests/web.yaml",
    }
}

pub struct World {
    // Dropped from the first to the last.
    operator: Operator,
    pub ec2sim: Ec2sim,
    control_plane: ControlPlane,
    pub kubectl: Kubectl,
    pub dir: Arc<RunDir>,
}

impl World {
    /// Starts everything, saying so.
    pub fn start() -> Result<Self> {
        let dir = RunDir::new()?;
        println!("starting etcd, kube-apiserver and kube-controller-manager");
        let control_plane = ControlPlane::start_in(&dir)?;
        println!("starting EC2 (ec2sim: launch 6 s, stop 5 s, image 20 s, copy 30 s)");
        if guests() == Guests::Machines {
            println!("its instances are real machines of QEMU, which take minutes to boot");
        }
        let ec2sim =
            Ec2sim::start_in(&dir, Ec2simOptions { guests: guests(), ..Ec2simOptions::new(Profile::Demo) })?;
        println!("applying deploy/install.yaml");
        let kubeconfig = control_plane.install_operator()?;
        println!("starting the operator as its ServiceAccount");
        let options = OperatorOptions::new(&kubeconfig, &ec2sim.endpoint()).poll_interval("1s");
        let operator = Operator::start_in(&dir, &options)?;
        let kubectl = control_plane.kubectl()?.in_namespace(NAMESPACE);
        kubectl.run(&["create", "namespace", NAMESPACE])?;
        Ok(Self { operator, ec2sim, control_plane, kubectl, dir })
    }

    /// Without the operator nothing would ever happen.
    pub fn check_alive(&mut self) -> Result<()> {
        self.operator.process().check_alive()
    }

    /// Returns what kubectl says.
    pub fn apply_samples(&self) -> Result<String> {
        self.kubectl.apply_file(&repository().join(sample()))
    }

    /// The ImageBuild and the ImageReplication, in this order.
    pub fn objects(&self) -> Result<Vec<Value>> {
        let mut list = self.kubectl.get(&["imagebuilds,imagereplications"])?;
        let items = list["items"].as_array_mut().context("kubectl did not answer a list")?;
        Ok(std::mem::take(items))
    }

    /// Region and id of every image, as kubectl reads them.
    pub fn images(&self) -> Result<Vec<(String, String)>> {
        let build = self.kubectl.run(&[
            "get",
            "imagebuilds",
            "-o",
            r#"jsonpath={range .items[*]}{.status.image.region} {.status.image.imageID}{"\n"}{end}"#,
        ])?;
        let copies = self.kubectl.run(&[
            "get",
            "imagereplications",
            "-o",
            r#"jsonpath={range .items[*].status.destinations[*]}{.region} {.imageID}{"\n"}{end}"#,
        ])?;
        let text = build + &copies;
        let pairs = text.lines().filter_map(|line| line.split_once(' '));
        Ok(pairs.map(|(region, id)| (region.to_owned(), id.to_owned())).collect())
    }

    /// The same for people.
    pub fn image_table(&self) -> Result<String> {
        let images = self.images()?;
        let lines = images.iter().map(|(region, id)| format!("{region:<16} {id}\n"));
        Ok(format!("{:<16} AMI\n{}", "REGION", lines.collect::<String>()))
    }

    pub fn operator_log_tail(&self) -> String {
        let log = self.operator.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    pub fn kubeconfig(&self) -> PathBuf {
        self.control_plane.kubeconfig().to_owned()
    }

    /// Asks the operator to end, then ends the rest.
    pub fn stop(self) -> Result<()> {
        let status = self.operator.stop()?;
        ensure!(status.success(), "the operator ended with {status} on SIGTERM");
        Ok(())
    }
}
