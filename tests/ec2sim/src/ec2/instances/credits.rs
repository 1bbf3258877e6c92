//! `DescribeInstanceCreditSpecifications` and `ModifyInstanceCreditSpecification`, of burstable instances.

use std::sync::Arc;

use super::{change, find, find_all, visible};
use crate::{
    core::{
        Call, Outcome, error::ApiError, params::Params, records::Instance, selection::Selection, tags::Tags,
        world::World, xml::Node,
    },
    ec2::instance_types::{self, InstanceType},
};

/// What a launch asks for, or what the family has by default; none for types that are not burstable.
pub fn of_launch(params: &Params, kind: &InstanceType) -> Result<Option<String>, ApiError> {
    let asked = params.text("CreditSpecification.CpuCredits");
    if let Some(credits) = asked {
        check(credits)?;
        if !kind.is_burstable() {
            let message =
                format!("The credit specification is not supported for the instance type {}.", kind.name);
            return Err(ApiError::invalid_combination(message));
        }
    }
    let default = if kind.family() == "t2" { "standard" } else { "unlimited" };
    Ok(kind.is_burstable().then(|| asked.unwrap_or(default).to_owned()))
}

fn check(credits: &str) -> Result<(), ApiError> {
    match credits {
        "standard" | "unlimited" => Ok(()),
        other => Err(ApiError::bad_value(other, "cpuCredits", "Valid values: standard, unlimited.")),
    }
}

fn not_supported(id: &str) -> ApiError {
    let message = format!("The instance '{id}' is not a burstable performance instance.");
    ApiError::new("InstanceCreditSpecification.NotSupported", message)
}

/// Without ids only the unlimited ones. Source: EC2 API reference, `DescribeInstanceCreditSpecifications`.
pub fn describe(call: &Call, world: &World) -> Outcome {
    let selection = Selection::parse(call.params, &["instance-id"], "InstanceId", "instancesSet")?;
    let region = call.region(world);
    let named = find_all(call, region, &selection.asked)?;
    if let Some(other) = named.iter().find(|instance| instance.cpu_credits.is_none()) {
        return Err(not_supported(&other.id));
    }
    let shown = visible(call, region).filter(|it| {
        (!named.is_empty() || it.cpu_credits.as_deref() == Some("unlimited"))
            && selection.wants(&it.id, &Tags::new(), |_| vec![it.id.clone()])
    });
    let show = |it: &Arc<Instance>| {
        Node::new().text("instanceId", &it.id).opt("cpuCredits", it.cpu_credits.as_ref())
    };
    Ok(selection.page.reply("instanceCreditSpecificationSet", shown, |it| it.id.clone(), show).into())
}

/// Each instance succeeds or fails by itself.
pub fn modify(call: &Call, world: &mut World) -> Outcome {
    let asked = call.params.list("InstanceCreditSpecification");
    if asked.is_empty() {
        return Err(ApiError::missing("InstanceCreditSpecification"));
    }
    let (mut successful, mut unsuccessful) = (Vec::new(), Vec::new());
    for item in asked {
        let (id, credits) = (item.require("InstanceId")?, item.require("CpuCredits")?);
        check(credits)?;
        let node = Node::new().text("instanceId", id);
        match burstable(call, world, id) {
            Ok(()) => {
                change(call, world, id, |instance| instance.cpu_credits = Some(credits.to_owned()));
                successful.push(node);
            }
            Err(error) => {
                let error = Node::new().text("code", error.code).text("message", error.message);
                unsuccessful.push(node.child("error", error));
            }
        }
    }
    Ok(Node::new()
        .set("successfulInstanceCreditSpecificationSet", successful)
        .set("unsuccessfulInstanceCreditSpecificationSet", unsuccessful)
        .into())
}

fn burstable(call: &Call, world: &World, id: &str) -> Result<(), ApiError> {
    let instance = find(call, call.region(world), id)?;
    let kind = instance_types::find(&instance.instance_type);
    if kind.is_some_and(InstanceType::is_burstable) { Ok(()) } else { Err(not_supported(id)) }
}
