//! The resources that a call touches, by ARN, with what conditions may ask about them.

use std::{collections::BTreeSet, sync::Arc};

use super::condition::Context;
use crate::{
    core::{Call, arn, ids::Kind, params::Params, records::Image, tags::Tags, world::World},
    ec2::{self, kms},
    ssm,
};

/// What a call makes, by the resource types of its tag specifications.
const MADE: [(&str, &[&str]); 14] = [
    ("CopyImage", &["image", "snapshot"]),
    ("CreateFleet", &["fleet", "instance", "network-interface", "volume"]),
    ("CopySnapshot", &["snapshot"]),
    ("CreateImage", &["image", "snapshot"]),
    ("CreateKeyPair", &["key-pair"]),
    ("CreateLaunchTemplate", &["launch-template"]),
    ("CreateRestoreImageTask", &["image", "snapshot"]),
    ("CreateSecurityGroup", &["security-group"]),
    ("CreateSnapshot", &["snapshot"]),
    ("CreateSnapshots", &["snapshot"]),
    ("CreateVolume", &["volume"]),
    ("ImportKeyPair", &["key-pair"]),
    ("RegisterImage", &["image"]),
    ("RunInstances", &["instance", "network-interface", "volume"]),
];

/// Parameters that hold no ids of resources that the call acts on.
const NO_RESOURCES: [&str; 9] = [
    "ClientToken",
    "Description",
    "Filter",
    "Name",
    "SourceImageId",
    "SourceSnapshotId",
    "Tag",
    "TagSpecification",
    "UserData",
];

/// What is read of one instance.
const OF_INSTANCE: [&str; 4] =
    ["GetConsoleOutput", "GetInstanceUefiData", "GetLaunchTemplateData", "GetPasswordData"];

#[derive(Clone, Debug)]
pub struct Resource {
    /// As in tag specifications: `instance`.
    pub kind: &'static str,
    pub arn: String,
    pub context: Context,
}

impl Resource {
    pub fn new(kind: &'static str, arn: String) -> Self {
        Self { kind, arn, context: Context::new() }
    }

    /// For actions that know no resources.
    pub fn any() -> Self {
        Self::new("", "*".to_owned())
    }

    pub fn set(&mut self, key: &str, value: &str) {
        self.context.insert(key.to_owned(), vec![value.to_owned()]);
    }

    fn tagged(mut self, tags: &Tags, prefixes: &[&str]) -> Self {
        for (key, value) in tags {
            for prefix in prefixes {
                self.set(&format!("{prefix}/{}", key.to_ascii_lowercase()), value);
            }
        }
        self
    }
}

/// Images and snapshots have no account in their ARN.
fn ec2_arn(call: &Call, region: &str, kind: &str, id: &str) -> String {
    let account = if matches!(kind, "image" | "snapshot") { "" } else { call.account() };
    format!("arn:aws:ec2:{region}:{account}:{kind}/{id}")
}

/// What the call makes; it has no id yet.
pub fn made(call: &Call, world: &World) -> Vec<Resource> {
    let kinds = MADE.iter().find(|(action, _)| *action == call.action).map_or(&[][..], |(_, kinds)| kinds);
    kinds.iter().map(|kind| new_resource(call, world, kind)).collect()
}

fn new_resource(call: &Call, world: &World, kind: &'static str) -> Resource {
    let region = &call.caller.region;
    let name = call.params.text("KeyName").filter(|_| kind == "key-pair").unwrap_or("*");
    let mut resource = Resource::new(kind, ec2_arn(call, region, kind, name));
    if let Some(place) = ec2::place_of_launch(call, world) {
        resource.set("ec2:availabilityzone", &place.zone);
        resource.set("ec2:subnet", &ec2_arn(call, region, "subnet", &place.subnet_id));
        resource.set("ec2:vpc", &ec2_arn(call, region, "vpc", &place.vpc_id));
    }
    for (of, key, parameter) in [
        ("instance", "ec2:instancetype", "InstanceType"),
        ("instance", "ec2:metadatahttpendpoint", "MetadataOptions.HttpEndpoint"),
        ("instance", "ec2:metadatahttptokens", "MetadataOptions.HttpTokens"),
    ] {
        if let Some(value) = call.params.text(parameter).filter(|_| of == kind) {
            resource.set(key, value);
        }
    }
    if let Some(profile) = profile_arn(call).filter(|_| kind == "instance") {
        resource.set("ec2:instanceprofile", &profile);
    }
    if kind == "volume" {
        let mappings = call.params.list("BlockDeviceMapping");
        let encrypted = mappings.iter().any(|it| it.is_set("Ebs.Encrypted").unwrap_or(false));
        resource.set("ec2:encrypted", &encrypted.to_string());
    }
    resource
}

/// The resources that exist already and that the call names, or uses by default.
pub fn named(call: &Call, world: &World) -> Vec<Resource> {
    let is_list = call.action.starts_with("Describe") && !call.action.ends_with("Attribute");
    let is_setting = call.action.starts_with("Get") && !OF_INSTANCE.contains(&call.action);
    if is_list || is_setting {
        return Vec::new();
    }
    let region = &call.caller.region;
    let params = call.params.without(&NO_RESOURCES);
    let mut asked: BTreeSet<String> = params.leaves().into_iter().map(str::to_owned).collect();
    asked.extend(image_of_launch(call, world));
    // These act on the snapshots that a copy only reads.
    if call.action.ends_with("FastSnapshotRestores") {
        asked.extend(call.params.texts("SourceSnapshotId").into_iter().map(str::to_owned));
    }
    if let Some(place) = ec2::place_of_launch(call, world) {
        asked.insert(place.subnet_id);
        asked.extend(place.security_groups);
    }
    let mut found: Vec<Resource> = asked.iter().filter_map(|id| existing(call, world, region, id)).collect();
    if let (Some(name), "RunInstances" | "DeleteKeyPair") = (call.params.text("KeyName"), call.action) {
        found.push(Resource::new("key-pair", ec2_arn(call, region, "key-pair", name)));
    }
    found.extend(sources(call, world));
    for resource in &mut found {
        for (key, values) in shared_with(call.params) {
            resource.context.insert(key, values);
        }
    }
    found
}

/// What a copy is made of, in the region where it is. Its tags cannot be asked for.
fn sources(call: &Call, world: &World) -> Vec<Resource> {
    let Some(region) = call.params.text("SourceRegion") else { return Vec::new() };
    let source = |kind: &'static str, id: &str| Resource::new(kind, ec2_arn(call, region, kind, id));
    let image = call.params.text("SourceImageId");
    let record = image.and_then(|id| world.regions.get(region)?.images.get(id));
    let snapshots = record.into_iter().flat_map(|image| image.snapshot_ids());
    let snapshots = snapshots.chain(call.params.text("SourceSnapshotId"));
    image
        .map(|id| source("image", id))
        .into_iter()
        .chain(snapshots.map(|id| source("snapshot", id)))
        .collect()
}

fn existing(call: &Call, world: &World, region: &str, id: &str) -> Option<Resource> {
    let kind = Kind::of(id).filter(|kind| kind.fits(id))?;
    let name = kind.resource_type;
    let region = world.region(region);
    let mut resource = Resource::new(name, ec2_arn(call, &region.name, name, id));
    // Others' tags are not seen.
    if let Some((own, owner)) = region.tags(id) {
        let tags = region.tags_seen(call.account(), id, owner, own);
        resource = resource.tagged(tags, &["aws:resourcetag", "ec2:resourcetag"]);
    }
    if let Some(image) = region.images.get(id) {
        resource.set("ec2:owner", image.owner_alias.as_ref().unwrap_or(&image.owner));
        resource.set("ec2:public", &image.permissions.public.to_string());
    }
    if let Some(instance) = region.instances.get(id) {
        resource.set("ec2:instancetype", &instance.instance_type);
        resource.set("ec2:availabilityzone", &instance.zone);
    }
    let vpc = region.subnets.get(id).map(|subnet| &subnet.vpc_id);
    let vpc = vpc.or_else(|| region.security_groups.get(id).map(|group| &group.vpc_id));
    if let Some(vpc) = vpc {
        resource.set("ec2:vpc", &ec2_arn(call, &region.name, "vpc", vpc));
    }
    Some(resource)
}

fn image_of_launch(call: &Call, world: &World) -> Option<String> {
    let given = call.params.text("ImageId").filter(|_| call.action == "RunInstances")?;
    match given.strip_prefix("resolve:ssm:") {
        Some(name) => ssm::parameter_value(call.region(world), call.account(), name, call.now),
        None => Some(given.to_owned()),
    }
}

/// Whom a change of permissions lets in or shuts out.
fn shared_with(params: &Params) -> Vec<(String, Vec<String>)> {
    let mut changes = Vec::new();
    for (verb, operation) in [("Add", "add"), ("Remove", "remove")] {
        for (key, item, list) in [("userid", "UserId", "UserId"), ("group", "Group", "UserGroup")] {
            let nested = ["LaunchPermission", "CreateVolumePermission"].into_iter();
            let nested = nested.flat_map(|attribute| params.list(&format!("{attribute}.{verb}")));
            let mut values: Vec<&str> = nested.filter_map(|entry| entry.text(item)).collect();
            if params.text("OperationType") == Some(operation) {
                values.extend(params.texts(list));
            }
            if !values.is_empty() {
                changes.push((
                    format!("ec2:{operation}/{key}"),
                    values.into_iter().map(str::to_owned).collect(),
                ));
            }
        }
    }
    changes
}

fn profile_arn(call: &Call) -> Option<String> {
    let name = |name: &str| arn::of_profile(call.account(), name);
    let given = call.params.text("IamInstanceProfile.Arn").map(str::to_owned);
    given.or_else(|| call.params.text("IamInstanceProfile.Name").map(name))
}

/// The role that an instance is given: that of its profile, or, where nobody made one, that of the same name, as the
/// console of IAM makes them.
pub fn passed_role(call: &Call, world: &World) -> Option<Resource> {
    let profile = profile_arn(call).filter(|_| call.action == "RunInstances")?;
    let name = profile.rsplit('/').next().unwrap_or_default();
    if let Some(made) = world.instance_profiles.get(&(call.account().to_owned(), name.to_owned())) {
        let role = world.roles.get(&(call.account().to_owned(), made.role.clone()?))?;
        return Some(Resource::new("role", role.arn.clone()));
    }
    Some(Resource::new("role", profile.replacen(":instance-profile/", ":role/", 1)))
}

/// The customer's keys that EC2 uses in the caller's name.
pub fn keys(call: &Call, world: &World) -> Vec<Resource> {
    if !matches!(call.action, "RunInstances" | "CopyImage" | "CopySnapshot") {
        return Vec::new();
    }
    let (region, account) = (&call.caller.region, call.account());
    let mappings = call.params.list("BlockDeviceMapping").into_iter();
    let named = mappings.filter_map(|it| it.text("Ebs.KmsKeyId")).chain(call.params.text("KmsKeyId"));
    let mut arns: BTreeSet<String> =
        named.map(|name| kms::resolve(name, call.region(world), account).arn).collect();
    let image = image_of_launch(call, world).and_then(|id| call.region(world).images.get(&id).cloned());
    arns.extend(image.iter().flat_map(keys_of));
    let foreign = arns.into_iter().filter(|arn| !kms::is_managed(arn, region, account));
    foreign.map(|arn| Resource::new("key", arn)).collect()
}

fn keys_of(image: &Arc<Image>) -> Vec<String> {
    image.devices.iter().filter_map(|device| device.ebs.as_ref()?.kms_key_id.clone()).collect()
}

/// The snapshots that go with an image.
pub fn pruned(call: &Call, world: &World) -> Vec<Resource> {
    let with_snapshots = call.params.is_set("DeleteAssociatedSnapshots").unwrap_or(false);
    let id = call.params.text("ImageId").filter(|_| call.action == "DeregisterImage" && with_snapshots);
    let image = id.and_then(|id| call.region(world).images.get(id));
    let snapshots = image.into_iter().flat_map(|image| image.snapshot_ids());
    snapshots.filter_map(|id| existing(call, world, &call.caller.region, id)).collect()
}

/// What a call to Systems Manager is about; nothing for actions that know no resources.
pub fn of_ssm(call: &Call, world: &World) -> Vec<Resource> {
    match call.action {
        "SendCommand" => command(call, world),
        "AddTagsToResource" | "RemoveTagsFromResource" | "ListTagsForResource" => {
            call.params.text("ResourceId").into_iter().map(|name| parameter(call, world, name)).collect()
        }
        action if action.contains("Parameter") && action != "DescribeParameters" => {
            let lists = ["Name", "Names", "Path"].into_iter();
            let names = lists.flat_map(|list| call.params.texts(list));
            names.map(|name| parameter(call, world, name)).collect()
        }
        _ => Vec::new(),
    }
}

/// AWS's own parameters belong to no account.
fn parameter(call: &Call, world: &World, asked: &str) -> Resource {
    if asked.starts_with("arn:") {
        return Resource::new("parameter", asked.to_owned());
    }
    let name = asked.split(':').next().unwrap_or_default();
    let region = call.region(world);
    let account = if name.starts_with("/aws/") { "" } else { call.account() };
    let arn = format!("arn:aws:ssm:{}:{account}:parameter/{}", region.name, name.trim_start_matches('/'));
    let record = region.parameters.get(&(call.account().to_owned(), name.to_owned()));
    let tags = record.map(|parameter| parameter.tags.clone()).unwrap_or_default();
    Resource::new("parameter", arn).tagged(&tags, &["aws:resourcetag", "ssm:resourcetag"])
}

/// The document, and each instance that is named; targets by tag may be any instance.
fn command(call: &Call, world: &World) -> Vec<Resource> {
    let region = call.region(world);
    let document = call.params.text("DocumentName").unwrap_or("*");
    let account = if document.starts_with("AWS-") { "" } else { call.account() };
    let arn = format!("arn:aws:ssm:{}:{account}:document/{document}", region.name);
    let arn = if document.starts_with("arn:") { document.to_owned() } else { arn };
    let mut resources = vec![Resource::new("document", arn)];
    for id in call.params.texts("InstanceIds") {
        let tags = region.instances.get(id).filter(|instance| instance.owner == call.account());
        let tags = tags.map(|instance| instance.tags.clone()).unwrap_or_default();
        let instance = Resource::new("instance", ec2_arn(call, &region.name, "instance", id));
        resources.push(instance.tagged(&tags, &["aws:resourcetag", "ec2:resourcetag", "ssm:resourcetag"]));
    }
    if !call.params.list("Targets").is_empty() {
        resources.push(Resource::new("instance", ec2_arn(call, &region.name, "instance", "*")));
    }
    resources
}

/// The role behind the ARN of a session; other principals are what they are.
pub fn role_of_session(principal: &str) -> String {
    let session = principal.strip_prefix("arn:aws:sts::").and_then(|rest| rest.split_once(":assumed-role/"));
    let role = session.and_then(|(account, rest)| Some((account, rest.split('/').next()?)));
    role.map_or_else(|| principal.to_owned(), |(account, name)| format!("arn:aws:iam::{account}:role/{name}"))
}
