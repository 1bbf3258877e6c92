//! EC2 fleets that launch once: `instant` ones answer with the instances, those of the type `request` show them later.

mod delete;
mod describe;

use std::sync::Arc;

use super::{instances, launch_templates::apply, tokens::Token};
use crate::core::{
    Call, Handler, Outcome, Reply,
    error::ApiError,
    params::Params,
    records::{Capacity, Fleet},
    tags::Specifications,
    world::{Region, World},
    xml::Node,
};

pub fn handler(action: &str) -> Option<Handler> {
    match action {
        "CreateFleet" => Some(Handler::Write(create)),
        "DeleteFleets" => Some(Handler::Write(delete::delete)),
        "DescribeFleetInstances" => Some(Handler::Read(describe::instances)),
        "DescribeFleets" => Some(Handler::Read(describe::fleets)),
        _ => None,
    }
}

/// The caller's fleet.
fn find<'r>(call: &Call, region: &'r Region, id: &str) -> Result<&'r Arc<Fleet>, ApiError> {
    let uuid = id.strip_prefix("fleet-").unwrap_or_default();
    if uuid.is_empty() || !uuid.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-') {
        let message = format!("Invalid id: \"{id}\" (expecting \"fleet-...\")");
        return Err(ApiError::new("InvalidFleetId.Malformed", message));
    }
    let found = region.fleets.get(id).filter(|fleet| fleet.owner == call.account());
    found.ok_or_else(|| {
        ApiError::new("InvalidFleetId.NotFound", format!("The fleet ID '{id}' does not exist"))
    })
}

fn mint(world: &mut World) -> String {
    let digits = format!("{:016x}{:016x}", world.draw(), world.draw());
    let part = |range: std::ops::Range<usize>| digits.get(range).unwrap_or_default();
    format!("fleet-{}-{}-{}-{}-{}", part(0..8), part(8..12), part(12..16), part(16..20), part(20..32))
}

/// A template with one override of it.
struct Candidate<'c> {
    template: &'c Params,
    overrides: Params,
}

fn create(call: &Call, world: &mut World) -> Outcome {
    let kind = kind(call.params)?;
    let tags = Specifications::parse(call.params, &["fleet", "instance", "volume", "network-interface"])?;
    let capacity = capacity(call.params)?;
    let candidates = candidates(call, world)?;
    let token = Token::of(call, "")?;
    if let Some([id]) = token.as_ref().map(|token| token.replay(call.region(world))).transpose()?.flatten()
        && let Some(made) = call.region(world).fleets.get(id)
    {
        return Ok(answer(made).into());
    }
    let id = mint(world);
    let mut launched = Launched::default();
    for (count, lifecycle) in [(capacity.on_demand, "on-demand"), (capacity.spot, "spot")] {
        if count > 0 {
            launch_all(call, world, &candidates, count, lifecycle, &mut launched);
        }
    }
    note_fleet(call, world, &id, &launched.ids);
    let fleet = Fleet {
        id: id.clone(),
        owner: call.account().to_owned(),
        created_at: call.now,
        kind: kind.to_owned(),
        request: call.params.clone(),
        capacity,
        instances: launched.ids,
        launched: launched.instances,
        errors: launched.errors,
        deleted: None,
        tags: tags.of("fleet"),
    };
    if let Some(token) = token {
        token.remember(call, world, vec![id.clone()]);
    }
    let node = answer(&fleet);
    call.region_mut(world).fleets.insert(id, Arc::new(fleet));
    Ok(node.into())
}

fn answer(fleet: &Fleet) -> Node {
    let node = Node::new().text("fleetId", &fleet.id);
    if fleet.kind != "instant" {
        return node;
    }
    node.set("errorSet", fleet.errors.iter().cloned()).set("fleetInstanceSet", fleet.launched.iter().cloned())
}

/// There is nobody here who would replace instances.
fn kind(params: &Params) -> Result<&str, ApiError> {
    match params.text("Type").unwrap_or("maintain") {
        kind @ ("instant" | "request") => Ok(kind),
        "maintain" => {
            let message = "Fleets of the type maintain are not simulated.";
            Err(ApiError::new("UnsupportedOperation", message))
        }
        other => Err(ApiError::bad_value(other, "type", "Valid values: instant, request, maintain.")),
    }
}

fn note_fleet(call: &Call, world: &mut World, fleet: &str, ids: &[String]) {
    for id in ids {
        if let Some(instance) = call.region_mut(world).instances.get_mut(id) {
            Arc::make_mut(instance).tags.insert("aws:ec2:fleet-id".to_owned(), fleet.to_owned());
        }
    }
}

/// What neither target names is of the default type.
fn capacity(params: &Params) -> Result<Capacity, ApiError> {
    let target = |name: &str| params.int(&format!("TargetCapacitySpecification.{name}"));
    let total = target("TotalTargetCapacity")?;
    let total = total.ok_or_else(|| ApiError::missing("TargetCapacitySpecification.TotalTargetCapacity"))?;
    let (on_demand, spot) =
        (target("OnDemandTargetCapacity")?.unwrap_or(0), target("SpotTargetCapacity")?.unwrap_or(0));
    for (name, value, least) in [
        ("totalTargetCapacity", total, 1),
        ("onDemandTargetCapacity", on_demand, 0),
        ("spotTargetCapacity", spot, 0),
    ] {
        if value < least {
            return Err(ApiError::bad_value(
                &value.to_string(),
                name,
                &format!("Expecting {least} or more."),
            ));
        }
    }
    let rest = total - on_demand - spot;
    if rest < 0 {
        let message = "The On-Demand and Spot target capacities exceed the total target capacity.";
        return Err(ApiError::invalid_combination(message));
    }
    match params.text("TargetCapacitySpecification.DefaultTargetCapacityType") {
        Some("spot") => Ok(Capacity { total, on_demand, spot: spot + rest, default: "spot" }),
        None | Some("on-demand") => {
            Ok(Capacity { total, on_demand: on_demand + rest, spot, default: "on-demand" })
        }
        Some(other) => Err(ApiError::bad_value(other, "defaultTargetCapacityType", "")),
    }
}

fn candidates<'c>(call: &'c Call, world: &World) -> Result<Vec<Candidate<'c>>, ApiError> {
    let mut candidates = Vec::new();
    for config in call.params.list("LaunchTemplateConfigs") {
        let template = config.get("LaunchTemplateSpecification");
        let template = template.ok_or_else(|| ApiError::missing("LaunchTemplateSpecification"))?;
        template.require("Version")?;
        // A template that does not exist fails the call, what is wrong with a launch does not.
        apply(call, call.region(world), &Params::default().with("LaunchTemplate", template.clone()))?;
        let overrides = config.list("Overrides");
        if overrides.is_empty() {
            candidates.push(Candidate { template, overrides: Params::default() });
        }
        candidates.extend(overrides.into_iter().map(|it| Candidate { template, overrides: it.clone() }));
    }
    if candidates.is_empty() { Err(ApiError::missing("LaunchTemplateConfigs")) } else { Ok(candidates) }
}

#[derive(Default)]
struct Launched {
    ids: Vec<String>,
    instances: Vec<Node>,
    errors: Vec<Node>,
}

/// Takes one candidate after the other until one has capacity.
fn launch_all(
    call: &Call,
    world: &mut World,
    candidates: &[Candidate],
    count: i64,
    lifecycle: &str,
    launched: &mut Launched,
) {
    for candidate in candidates {
        let request = candidate.request(call, count, lifecycle);
        let launch = Call { action: "RunInstances", params: &request, ..*call };
        let node = candidate.node(lifecycle);
        match instances::run(&launch, world) {
            Ok(Reply::Xml(reply)) => return launched.note(node, &reply),
            Ok(Reply::Json(_)) => {}
            Err(error) => {
                launched.errors.push(node.text("errorCode", error.code).text("errorMessage", error.message));
            }
        }
    }
}

impl Launched {
    fn note(&mut self, node: Node, reply: &Node) {
        let made = reply.nodes("instancesSet/item");
        let texts = |path: &str| -> Vec<String> {
            made.iter().filter_map(|it| it.find_text(path)).map(str::to_owned).collect()
        };
        let ids = texts("instanceId");
        self.instances.push(
            node.texts("instanceIds", &ids)
                .opt("instanceType", texts("instanceType").first())
                .opt("availabilityZone", texts("placement/availabilityZone").first())
                .opt("subnetId", texts("subnetId").first()),
        );
        self.ids.extend(ids);
    }
}

impl Candidate<'_> {
    /// The launch that the fleet makes of it.
    fn request(&self, call: &Call, count: i64, lifecycle: &str) -> Params {
        let mut request = Params::default().with("LaunchTemplate", self.template.clone());
        for name in [
            "BlockDeviceMapping",
            "IamInstanceProfile",
            "ImageId",
            "InstanceType",
            "KeyName",
            "Placement",
            "SubnetId",
        ] {
            if let Some(value) = self.overrides.get(name) {
                request = request.with(name, value.clone());
            }
        }
        for name in ["AvailabilityZone", "AvailabilityZoneId"] {
            if let Some(zone) = self.overrides.get(name) {
                request = request.with("Placement", Params::default().with(name, zone.clone()));
            }
        }
        if lifecycle == "spot" {
            request = request.with("InstanceMarketOptions", self.market());
        }
        if let Some(tags) = of_instances(call.params) {
            request = request.with("TagSpecification", tags);
        }
        let count = Params::of_text(count.to_string());
        request.with("MinCount", count.clone()).with("MaxCount", count)
    }

    fn market(&self) -> Params {
        let market = Params::default().with("MarketType", Params::of_text("spot"));
        match self.overrides.get("MaxPrice") {
            Some(price) => market.with("SpotOptions", Params::default().with("MaxPrice", price.clone())),
            None => market,
        }
    }

    fn node(&self, lifecycle: &str) -> Node {
        let specification = Node::new()
            .opt("launchTemplateId", self.template.text("LaunchTemplateId"))
            .opt("launchTemplateName", self.template.text("LaunchTemplateName"))
            .opt("version", self.template.text("Version"));
        let overrides = Node::new()
            .opt("instanceType", self.overrides.text("InstanceType"))
            .opt("maxPrice", self.overrides.text("MaxPrice"))
            .opt("subnetId", self.overrides.text("SubnetId"))
            .opt("availabilityZone", self.overrides.text("AvailabilityZone"))
            .opt("imageId", self.overrides.text("ImageId"));
        let both =
            Node::new().child("launchTemplateSpecification", specification).child("overrides", overrides);
        Node::new().child("launchTemplateAndOverrides", both).text("lifecycle", lifecycle)
    }
}

/// The tags of everything but the fleet, if there are any.
fn of_instances(params: &Params) -> Option<Params> {
    let given = params.list("TagSpecification").into_iter();
    let wanted: Vec<Params> = given.filter(|it| it.text("ResourceType") != Some("fleet")).cloned().collect();
    (!wanted.is_empty()).then(|| Params::of_items(wanted))
}
