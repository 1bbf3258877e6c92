//! Instances that run an SSM agent.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{fate, listed, page, seconds};
use crate::core::{
    Call, Handler, Outcome,
    error::ApiError,
    ids,
    params::Params,
    records::Instance,
    world::{Region, World},
};

const AGENT_VERSION: &str = "3.3.3050.0";

pub fn handler(action: &str) -> Option<Handler> {
    (action == "DescribeInstanceInformation").then_some(Handler::Read(describe_instance_information))
}

/// The agent registers some time after the start, if the instance has a profile to do it with.
/// Stopped and terminated instances are not shown (`DescribeInstanceInformation`).
pub fn all<'w>(call: &'w Call, region: &'w Region) -> impl Iterator<Item = &'w Arc<Instance>> {
    with_profile(call, region).filter(|instance| fate::is_online(instance, call.profile.agent, call.now))
}

/// Those that can be sent a command: stopped ones too, which get it when they are started in time.
pub fn known<'w>(call: &'w Call, region: &'w Region) -> impl Iterator<Item = &'w Arc<Instance>> {
    with_profile(call, region).filter(|instance| fate::is_known(instance, call.profile.agent, call.now))
}

fn with_profile<'w>(call: &'w Call, region: &'w Region) -> impl Iterator<Item = &'w Arc<Instance>> {
    let instances = region.instances.values();
    instances.filter(|instance| instance.owner == call.account() && instance.instance_profile.is_some())
}

fn describe_instance_information(call: &Call, world: &World) -> Outcome {
    let mut filters = filters(call.params, "Filters", ["Key", "Values"])?;
    filters.extend(self::filters(call.params, "InstanceInformationFilterList", ["key", "valueSet"])?);
    let page = page(call, 5..=50)?;
    let shown = all(call, call.region(world)).filter(|instance| filters.iter().all(|it| it.fits(instance)));
    let (instances, token) = page.cut(shown, |instance| instance.id.clone());
    let nodes = instances.into_iter().map(|instance| node(call, instance));
    Ok(listed("InstanceInformationList", nodes, token).into())
}

struct Filter {
    key: String,
    values: Vec<String>,
}

const KEYS: [&str; 12] = [
    "ActivationIds",
    "AgentVersion",
    "AssociationStatus",
    "IamRole",
    "InstanceIds",
    "PingStatus",
    "PlatformType",
    "PlatformTypes",
    "ResourceType",
    "SourceIds",
    "SourceTypes",
    "tag-key",
];

fn filters(params: &Params, list: &str, [key, values]: [&str; 2]) -> Result<Vec<Filter>, ApiError> {
    let parse = |item: &Params| {
        let key = item.text(key).unwrap_or_default();
        if !KEYS.contains(&key) && !key.starts_with("tag:") {
            return Err(ApiError::new("InvalidFilterKey", format!("The specified key {key} isn't valid.")));
        }
        let values: Vec<String> = item.texts(values).into_iter().map(str::to_owned).collect();
        if key == "InstanceIds" && values.iter().any(|id| !ids::INSTANCE.fits(id) && !id.starts_with("mi-")) {
            let message = "The specified filter value isn't valid.";
            return Err(ApiError::new("InvalidInstanceInformationFilterValue", message));
        }
        Ok(Filter { key: key.to_owned(), values })
    };
    params.list(list).into_iter().map(parse).collect()
}

impl Filter {
    fn fits(&self, instance: &Instance) -> bool {
        let is = |value: &str| self.values.iter().any(|wanted| wanted == value);
        if let Some(key) = self.key.strip_prefix("tag:") {
            return instance.tags.get(key).is_some_and(|value| is(value));
        }
        match self.key.as_str() {
            "AgentVersion" => is(AGENT_VERSION),
            "InstanceIds" => is(&instance.id),
            "PingStatus" => is("Online"),
            "PlatformType" | "PlatformTypes" => is(platform(instance).0),
            "ResourceType" => is("EC2Instance"),
            "tag-key" => instance.tags.keys().any(|key| is(key)),
            _ => false,
        }
    }
}

fn node(call: &Call, instance: &Instance) -> Value {
    let (kind, platform, version) = platform(instance);
    json!({
        "InstanceId": instance.id,
        "PingStatus": "Online",
        "LastPingDateTime": seconds(call.now),
        "AgentVersion": AGENT_VERSION,
        "IsLatestVersion": true,
        "PlatformType": kind,
        "PlatformName": platform,
        "PlatformVersion": version,
        "ResourceType": "EC2Instance",
        "IPAddress": instance.primary.private_ip,
        "ComputerName": format!("ip-{}.ec2.internal", instance.primary.private_ip.replace('.', "-")),
        "SourceId": instance.id,
        "SourceType": "AWS::EC2::Instance",
    })
}

/// Images of people's own are taken for what most are made of.
fn platform(instance: &Instance) -> (&'static str, &'static str, &'static str) {
    match instance.image.name.as_str() {
        _ if instance.image.is_windows() => {
            ("Windows", "Microsoft Windows Server 2022 Datacenter", "10.0.20348")
        }
        name if name.starts_with("ubuntu/") && name.contains("22.04") => ("Linux", "Ubuntu", "22.04"),
        name if name.starts_with("ubuntu/") => ("Linux", "Ubuntu", "24.04"),
        name if name.starts_with("amzn2-") => ("Linux", "Amazon Linux", "2"),
        _ => ("Linux", "Amazon Linux", "2023"),
    }
}
