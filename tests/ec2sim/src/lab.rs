//! A world to try things in: calls as one account in one region, at a time that the test moves.

use std::{cell::Cell, sync::Arc, time::Duration};

use jiff::Timestamp;

use crate::guest::MachinesWhereThereAreDisks;
use crate::{
    core::{
        Answer, Caller, Reply, Service, Sim, clock::after, error::ApiError, params::Params, profile::Profile,
        world::World, xml::Node,
    },
    faults::Rule,
};

pub const OWN: &str = "123456789012";
pub const OTHER: &str = "210987654321";

#[derive(Clone)]
pub struct Lab {
    pub sim: Arc<Sim>,
    now: std::rc::Rc<Cell<Timestamp>>,
    account: String,
    region: String,
}

impl Lab {
    /// With the delays of the demo profile: run 6 s, stop 5 s, image 20 s, copy 30 s.
    pub fn new() -> Self {
        Self::with(Profile::demo())
    }

    /// With instances that nobody can tell the course of, for images that have a disk.
    pub fn with_machines() -> Self {
        Self::in_sim(|world, start| {
            Sim::with_guest(world, start, Profile::demo(), Box::new(MachinesWhereThereAreDisks))
        })
    }

    pub fn with(profile: Profile) -> Self {
        Self::in_sim(|world, start| Sim::new(world, start, profile))
    }

    fn in_sim(sim: impl FnOnce(World, Timestamp) -> Sim) -> Self {
        let start: Timestamp = "2026-11-23T12:00:00Z".parse().expect("a time");
        let sim = Arc::new(sim(World::new(7, start), start));
        let now = std::rc::Rc::new(Cell::new(start));
        Self { sim, now, account: OWN.to_owned(), region: "us-east-1".to_owned() }
    }

    /// The same world, seen by another account.
    pub fn account(&self, account: &str) -> Self {
        Self { account: account.to_owned(), ..self.clone() }
    }

    /// The same world in another region.
    pub fn region(&self, region: &str) -> Self {
        Self { region: region.to_owned(), ..self.clone() }
    }

    pub fn now(&self) -> Timestamp {
        self.now.get()
    }

    pub fn wait(&self, seconds: u64) {
        self.now.set(after(self.now.get(), Duration::from_secs(seconds)));
    }

    /// A call to any service, with how its answer is delivered.
    pub fn send(&self, service: Service, action: &str, params: &[(&str, &str)]) -> Answer {
        let caller = Caller {
            account: self.account.clone(),
            region: self.region.clone(),
            principal: format!("arn:aws:iam::{}:user/test", self.account),
        };
        let params = Params::from_query(params.iter().copied());
        self.sim.call(self.now(), &caller, service, action, &params)
    }

    pub fn try_call(&self, action: &str, params: &[(&str, &str)]) -> Result<Node, ApiError> {
        match self.send(Service::Ec2, action, params).outcome? {
            Reply::Xml(node) => Ok(node),
            Reply::Json(json) => panic!("EC2 answered JSON: {json}"),
        }
    }

    pub fn fault(&self, rule: Rule) -> u64 {
        self.sim.gate(|gate| gate.faults.add(self.now(), rule)).expect("the rule is valid")
    }

    pub fn preset(&self, name: &str, options: &serde_json::Value) {
        let added = self.sim.gate(|gate| gate.faults.add_preset(self.now(), name, options));
        added.expect("the preset is there");
    }

    pub fn call(&self, action: &str, params: &[(&str, &str)]) -> Node {
        self.try_call(action, params).unwrap_or_else(|error| panic!("{action}: {error}"))
    }

    /// The code of the error.
    pub fn refused(&self, action: &str, params: &[(&str, &str)]) -> String {
        match self.try_call(action, params) {
            Ok(node) => panic!("{action} was not refused: {node:?}"),
            Err(error) => error.code,
        }
    }

    /// Asks for a text of the answer.
    pub fn ask(&self, action: &str, params: &[(&str, &str)], path: &str) -> String {
        let node = self.call(action, params);
        node.find_text(path).unwrap_or_else(|| panic!("no {path} in {node:?}")).to_owned()
    }

    /// The id of the base image whose name begins so.
    pub fn base(&self, name: &str) -> String {
        let filter = [("Filter.1.Name", "name"), ("Filter.1.Value.1", &format!("{name}*"))];
        self.ask("DescribeImages", &filter, "imagesSet/item/imageId")
    }

    /// Launches with more parameters than image, type and count; answers the instance's id.
    pub fn launch(&self, more: &[(&str, &str)]) -> String {
        let image = self.base("al2023-ami-2023.9.20261110.0-kernel-6.1-x86");
        let mut params = vec![
            ("ImageId", image.as_str()),
            ("InstanceType", "t3.micro"),
            ("MinCount", "1"),
            ("MaxCount", "1"),
        ];
        params.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
        params.extend_from_slice(more);
        self.ask("RunInstances", &params, "instancesSet/item/instanceId")
    }

    /// An instance that has run and is stopped.
    pub fn stopped(&self) -> String {
        let id = self.launch(&[]);
        self.wait(10);
        self.call("StopInstances", &[("InstanceId.1", &id)]);
        self.wait(10);
        id
    }

    pub fn image_of(&self, instance: &str, name: &str) -> String {
        self.ask("CreateImage", &[("InstanceId", instance), ("Name", name)], "imageId")
    }

    /// An available image.
    pub fn image(&self, name: &str) -> String {
        let id = self.image_of(&self.stopped(), name);
        self.wait(60);
        id
    }

    /// A copy from us-east-1 with more parameters.
    pub fn copy(&self, image: &str, more: &[(&str, &str)]) -> Result<String, ApiError> {
        let mut params = vec![("SourceRegion", "us-east-1"), ("SourceImageId", image), ("Name", "copy")];
        params.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
        params.extend_from_slice(more);
        let node = self.try_call("CopyImage", &params)?;
        Ok(node.find_text("imageId").unwrap_or_default().to_owned())
    }

    pub fn of_image(&self, id: &str, path: &str) -> Option<String> {
        let node = self.call("DescribeImages", &[("ImageId.1", id), ("IncludeDisabled", "true")]);
        node.find_text(&format!("imagesSet/item/{path}")).map(str::to_owned)
    }

    pub fn of_instance(&self, id: &str, path: &str) -> Option<String> {
        let node = self.call("DescribeInstances", &[("InstanceId.1", id)]);
        node.find_text(&format!("reservationSet/item/instancesSet/item/{path}")).map(str::to_owned)
    }

    pub fn image_state(&self, id: &str) -> String {
        self.of_image(id, "imageState").unwrap_or_default()
    }

    pub fn instance_state(&self, id: &str) -> String {
        self.of_instance(id, "instanceState/name").unwrap_or_default()
    }

    /// The root snapshot of an image.
    pub fn snapshot(&self, image: &str) -> String {
        self.of_image(image, "blockDeviceMapping/item/ebs/snapshotId").expect("the image has a root snapshot")
    }
}
