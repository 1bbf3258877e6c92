//! The objects that are measured.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use harness::{Kubectl, is_true, wait_for};
use serde_json::{Value, json};

const TIMEOUT: Duration = Duration::from_mins(15);
/// What EC2 keeps of a console.
const CONSOLE_BYTES: usize = 64 * 1024;
/// kubectl takes a tenth of a second by itself.
const TICK: Duration = Duration::from_millis(250);

/// Builds that are applied together, each with its replication.
pub struct Batch {
    pub kubectl: Kubectl,
    pub count: usize,
}

impl Batch {
    /// The time from apply until all are ready, and one of the builds as it is then.
    pub fn run(&self) -> Result<(Duration, Value)> {
        let items: Vec<Value> =
            (0..self.count).flat_map(|number| [build(number), replication(number)]).collect();
        let begin = Instant::now();
        self.kubectl.run_with_input(&["create", "-f", "-"], &list(&items))?;
        let ready = wait_for("the copies", TIMEOUT, || {
            std::thread::sleep(TICK);
            self.all_ready()
        })?;
        Ok((begin.elapsed(), ready))
    }

    fn all_ready(&self) -> Result<Option<Value>> {
        let objects = self.kubectl.get(&["imagebuilds,imagereplications"])?;
        let items = objects["items"].as_array().context("kubectl did not answer a list")?;
        if let Some(stalled) = items.iter().find(|item| is_true(item, "Stalled")) {
            bail!("it has failed: {stalled:#}");
        }
        let ready = items.iter().filter(|item| is_true(item, "Ready")).count();
        Ok((ready == 2 * self.count).then(|| items[0].clone()))
    }
}

/// Applies builds whose guests fill their serial consoles, and waits until all of them have their images.
pub fn talkative_builds(kubectl: &Kubectl, count: usize) -> Result<()> {
    let script = format!("echo {}\n", "x".repeat(250)).repeat(CONSOLE_BYTES / 256);
    let items: Vec<Value> = (0..count).map(|number| with_script(number, &script)).collect();
    kubectl.run_with_input(&["create", "-f", "-"], &list(&items))?;
    wait_for("the images", TIMEOUT, || {
        std::thread::sleep(TICK);
        let objects = kubectl.get(&["imagebuilds"])?;
        let ready = objects["items"].as_array().into_iter().flatten().filter(|o| is_true(o, "Ready")).count();
        Ok((ready == count).then_some(()))
    })
}

/// Makes builds that have ended as `sample` did.
pub fn finished_builds(kubectl: &Kubectl, sample: &Value, count: usize) -> Result<()> {
    let items: Vec<Value> = (0..count).map(build).collect();
    kubectl.run_with_input(&["create", "-f", "-"], &list(&items))?;
    let mut created = kubectl.get(&["imagebuilds"])?;
    for item in created["items"].as_array_mut().context("kubectl did not answer a list")? {
        item["status"] = sample["status"].clone();
    }
    kubectl.run_with_input(&["replace", "--subresource=status", "-f", "-"], &created.to_string())?;
    Ok(())
}

fn build(number: usize) -> Value {
    with_script(number, "echo hello")
}

fn with_script(number: usize, script: &str) -> Value {
    json!({
        "apiVersion": "ami-operator.dev/v1alpha1",
        "kind": "ImageBuild",
        "metadata": {"name": format!("bench-{number}")},
        "spec": {
            "region": "us-east-1",
            "source": {"ssmParameter": "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"},
            "builder": {"instanceTypes": ["m7i.large"]},
            "customize": {"steps": [{"name": "hello", "script": {"inline": script}}]},
        },
    })
}

fn replication(number: usize) -> Value {
    json!({
        "apiVersion": "ami-operator.dev/v1alpha1",
        "kind": "ImageReplication",
        "metadata": {"name": format!("bench-{number}")},
        "spec": {
            "source": {"imageBuildRef": {"name": format!("bench-{number}")}},
            "destinations": [{"region": "eu-west-1"}, {"region": "ap-southeast-2"}],
        },
    })
}

fn list(items: &[Value]) -> String {
    json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}
