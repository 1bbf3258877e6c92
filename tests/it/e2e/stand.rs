//! One namespace, one simulated account and one operator for each test, on the API server that all of them share.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
    time::{Duration, Instant},
};

use harness::{
    ControlPlane, Ec2sim, Ec2simOptions, Kubectl, Operator, OperatorOptions, Profile, condition, wait_for,
};
use serde_json::{Map, Value, json};

/// Long enough for a machine that compiles beside.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// How much faster than the clock EC2 runs: a build that takes a minute in the demonstration takes six seconds here.
const SPEED: u32 = 10;

/// The account of every access key that ec2sim does not know.
const ACCOUNT: &str = "123456789012";

pub struct Stand {
    pub ec2sim: Ec2sim,
    /// Whether a call that the policy denies is part of the test.
    pub expects_denials: bool,
    pub kubectl: Kubectl,
    pub namespace: String,
    pub options: OperatorOptions,
    /// How long it waits for what is to happen.
    pub patience: Duration,
}

/// The control plane with the operator's CRDs and RBAC, and a kubeconfig with the token of its ServiceAccount.
pub fn installed() -> (&'static ControlPlane, &'static PathBuf) {
    static KUBECONFIG: OnceLock<PathBuf> = OnceLock::new();
    let control_plane = ControlPlane::shared();
    (
        control_plane,
        KUBECONFIG.get_or_init(|| control_plane.install_operator().expect("the operator is installed")),
    )
}

impl Stand {
    pub fn new(profile: Profile) -> Self {
        Self::on(permitted(profile), PATIENCE)
    }

    pub fn on(options: Ec2simOptions, patience: Duration) -> Self {
        let (control_plane, kubeconfig) = installed();
        Self::at(control_plane, kubeconfig, options, patience)
    }

    /// On a control plane of its own, which a test may break.
    pub fn apart(control_plane: &ControlPlane, profile: Profile) -> Self {
        let kubeconfig = control_plane.install_operator().expect("the operator is installed");
        Self::at(control_plane, &kubeconfig, permitted(profile), PATIENCE)
    }

    fn at(
        control_plane: &ControlPlane,
        kubeconfig: &Path,
        options: Ec2simOptions,
        patience: Duration,
    ) -> Self {
        let namespace = control_plane.create_namespace("images").expect("a namespace");
        let iam = options.iam;
        let ec2sim = Ec2sim::start(options).expect("ec2sim runs");
        let options = OperatorOptions::new(kubeconfig, &ec2sim.endpoint())
            .namespaces(&[&namespace])
            .poll_interval("200ms");
        let kubectl = control_plane.kubectl().expect("kubectl").in_namespace(&namespace);
        Self { ec2sim, expects_denials: !iam, kubectl, namespace, options, patience }
    }

    pub fn start(&self) -> Operator {
        Operator::start(&self.options).expect("the operator is ready")
    }

    pub fn apply(&self, manifest: &Value) {
        self.kubectl.apply(&manifest.to_string()).expect("applied");
    }

    /// Waits until a condition of an object is true; the object.
    pub fn until(&self, object: &str, kind: &str) -> Value {
        let fits = |o: &Value| condition(o, kind).is_some_and(|c| c["status"] == "True");
        self.kubectl.wait_until(kind, &[object], self.patience, fits).expect("in time")
    }

    /// Waits until a build has ended; the object.
    pub fn until_ended(&self, object: &str) -> Value {
        let fits = |o: &Value| o["status"]["completionTime"].is_string();
        self.kubectl.wait_until("the end", &[object], self.patience, fits).expect("in time")
    }

    /// Waits until a build's instance is known; the object.
    pub fn until_launched(&self, object: &str) -> Value {
        let fits = |o: &Value| o["status"]["builder"]["instanceID"].is_string();
        self.kubectl.wait_until("an instance", &[object], self.patience, fits).expect("in time")
    }

    /// Waits until build `web` and its replication have ended well, and holds that nothing was made twice and nothing is left.
    pub fn assert_made_once(&self) {
        self.until("imagereplication/web", "Ready");
        self.until("imagebuild/web", "Succeeded");
        assert_eq!(self.instances().len(), 1);
        for region in ["us-east-1", "eu-west-1", "ap-southeast-2"] {
            assert_eq!(self.images(region).len(), 1, "{region}");
            assert_eq!(self.things(region, "snapshots").len(), 1, "{region}");
        }
        assert_eq!(self.running_instances(), Vec::<String>::new());
    }

    /// Deletes objects and waits until they are gone.
    pub fn delete(&self, objects: &[&str]) {
        self.kubectl.run(&[&["delete", "--wait=false"], objects].concat()).expect("deleted");
        self.kubectl.wait_until_gone(objects, self.patience).expect("in time");
    }

    /// Things of one kind in a region that our account has, by id.
    pub fn things(&self, region: &str, kind: &str) -> Map<String, Value> {
        let state = self.ec2sim.state().expect("the state");
        state["accounts"][ACCOUNT][region][kind].as_object().cloned().unwrap_or_default()
    }

    /// Ids of our account's images in a region.
    pub fn images(&self, region: &str) -> Vec<String> {
        self.things(region, "images").keys().cloned().collect()
    }

    /// Ids of all instances that were ever launched in us-east-1, as long as EC2 shows them.
    pub fn instances(&self) -> Vec<String> {
        self.things("us-east-1", "instances").keys().cloned().collect()
    }

    /// Ids of those that are not terminated.
    pub fn running_instances(&self) -> Vec<String> {
        let instances = self.things("us-east-1", "instances");
        instances.iter().filter(|(_, i)| i["state"] != "terminated").map(|(id, _)| id.clone()).collect()
    }

    /// How often an action was called.
    pub fn calls(&self, action: &str) -> usize {
        self.journal(action).len()
    }

    /// The calls of an action, in order.
    pub fn journal(&self, action: &str) -> Vec<Value> {
        let journal = self.ec2sim.journal().expect("the journal");
        journal["calls"].as_array().into_iter().flatten().filter(|c| c["action"] == action).cloned().collect()
    }
}

/// A call that the policy denied and that no test asked for means that the policy lacks something.
impl Drop for Stand {
    fn drop(&mut self) {
        if self.expects_denials || std::thread::panicking() {
            return;
        }
        let denied = &self.ec2sim.permissions().expect("the permissions")["denied"];
        assert_eq!(*denied, json!([]), "deploy/iam denied calls of the operator");
    }
}

/// EC2 that lets the operator do what the policy of deploy/iam allows.
fn permitted(profile: Profile) -> Ec2simOptions {
    Ec2simOptions { speed: SPEED, iam: true, ..Ec2simOptions::new(profile) }
}

/// Lets so much time pass where a moment is the point, and nothing is waited for.
pub fn pass(time: Duration) {
    let end = Instant::now() + time;
    wait_for("the time to pass", time * 2, || Ok((Instant::now() >= end).then_some(()))).expect("it passes");
}

/// A build of Amazon Linux 2023 with one script.
pub fn build(name: &str, script: &str) -> Value {
    json!({
        "apiVersion": "ami-operator.dev/v1alpha1", "kind": "ImageBuild", "metadata": {"name": name},
        "spec": {
            "region": "us-east-1",
            "source": {"ssmParameter": "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"},
            "builder": {"instanceTypes": ["m7i.large"]},
            "customize": {"steps": [{"name": "work", "script": {"inline": script}}]},
            "backoffLimit": 0,
        },
    })
}

/// A replication of a build into two regions.
pub fn replication(of_build: &str) -> Value {
    json!({
        "apiVersion": "ami-operator.dev/v1alpha1", "kind": "ImageReplication", "metadata": {"name": of_build},
        "spec": {
            "source": {"imageBuildRef": {"name": of_build}},
            "destinations": [{"region": "eu-west-1"}, {"region": "ap-southeast-2"}],
        },
    })
}

/// Reason and message of a condition.
pub fn told(object: &Value, kind: &str) -> (String, String) {
    let text =
        |field: &str| condition(object, kind).and_then(|c| c[field].as_str()).unwrap_or_default().to_owned();
    (text("reason"), text("message"))
}
