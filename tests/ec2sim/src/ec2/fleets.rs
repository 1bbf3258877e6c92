//! `CreateFleet` of the type `instant`, which launches once and answers with the instances.

use super::{instances, launch_templates::apply, tokens::Token};
use crate::core::{
    Call, Handler, Outcome, Reply, error::ApiError, params::Params, tags::Specifications, world::World,
    xml::Node,
};

pub fn handler(action: &str) -> Option<Handler> {
    (action == "CreateFleet").then_some(Handler::Write(create))
}

/// A template with one override of it.
struct Candidate<'c> {
    template: &'c Params,
    overrides: Params,
}

fn create(call: &Call, world: &mut World) -> Outcome {
    match call.params.text("Type").unwrap_or("maintain") {
        "instant" => {}
        "request" | "maintain" => {
            let message = "Only fleets of the type instant are simulated.";
            return Err(ApiError::new("UnsupportedOperation", message));
        }
        other => return Err(ApiError::bad_value(other, "type", "Valid values: instant, request, maintain.")),
    }
    Specifications::parse(call.params, &["fleet", "instance", "volume", "network-interface"])?;
    let (capacity, lifecycle) = capacity(call.params)?;
    let candidates = candidates(call, world)?;
    let token = Token::of(call, "")?;
    if let Some([fleet, made @ ..]) =
        token.as_ref().map(|token| token.replay(call.region(world))).transpose()?.flatten()
    {
        let node = Node::new().text("lifecycle", lifecycle).texts("instanceIds", made);
        return Ok(Node::new().text("fleetId", fleet).set("fleetInstanceSet", [node]).into());
    }
    let fleet = world.mint_prefixed("fleet");
    let launched = launch_all(call, world, &candidates, capacity, lifecycle);
    if let Some(token) = token {
        let made = std::iter::once(fleet.clone()).chain(launched.ids.iter().cloned());
        token.remember(call, world, made.collect());
    }
    Ok(Node::new()
        .text("fleetId", fleet)
        .set("errorSet", launched.errors)
        .set("fleetInstanceSet", launched.instances)
        .into())
}

/// How many instances, and of which lifecycle.
fn capacity(params: &Params) -> Result<(i64, &'static str), ApiError> {
    let total = params.int("TargetCapacitySpecification.TotalTargetCapacity")?;
    let total = total.ok_or_else(|| ApiError::missing("TargetCapacitySpecification.TotalTargetCapacity"))?;
    if total < 1 {
        let hint = "Expecting a value greater than 0.";
        return Err(ApiError::bad_value(&total.to_string(), "totalTargetCapacity", hint));
    }
    let spot = params.int("TargetCapacitySpecification.SpotTargetCapacity")?.unwrap_or_default();
    match params.text("TargetCapacitySpecification.DefaultTargetCapacityType") {
        Some("spot") => Ok((total, "spot")),
        None | Some("on-demand") if spot >= total => Ok((total, "spot")),
        None | Some("on-demand") => Ok((total, "on-demand")),
        Some(other) => Err(ApiError::bad_value(other, "defaultTargetCapacityType", "")),
    }
}

fn candidates<'c>(call: &'c Call, world: &World) -> Result<Vec<Candidate<'c>>, ApiError> {
    let mut candidates = Vec::new();
    for config in call.params.list("LaunchTemplateConfigs") {
        let template = config.get("LaunchTemplateSpecification");
        let template = template.ok_or_else(|| ApiError::missing("LaunchTemplateSpecification"))?;
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
    capacity: i64,
    lifecycle: &str,
) -> Launched {
    let mut launched = Launched::default();
    for candidate in candidates {
        let request = candidate.request(call, capacity, lifecycle);
        let launch = Call { action: "RunInstances", params: &request, ..*call };
        let node = candidate.node(lifecycle);
        match instances::run(&launch, world) {
            Ok(Reply::Xml(reply)) => {
                let made = reply.nodes("instancesSet/item");
                let texts =
                    |path: &str| made.iter().filter_map(|it| it.find_text(path)).map(str::to_owned).collect();
                launched.ids = texts("instanceId");
                let types: Vec<String> = texts("instanceType");
                launched.instances.push(
                    node.texts("instanceIds", &launched.ids)
                        .opt("instanceType", types.first())
                        .opt("availabilityZone", texts("placement/availabilityZone").first())
                        .opt("subnetId", texts("subnetId").first()),
                );
                return launched;
            }
            Ok(Reply::Json(_)) => {}
            Err(error) => {
                launched.errors.push(node.text("errorCode", error.code).text("errorMessage", error.message));
            }
        }
    }
    launched
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
