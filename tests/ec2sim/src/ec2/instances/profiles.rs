//! Associations of instance profiles: an instance has one at most.

use super::{change, find, request};
use crate::core::{
    Call, Handler, Outcome, digest,
    error::ApiError,
    filters::Filters,
    paging::Page,
    records::{Instance, InstanceState},
    tags::Tags,
    world::{Region, World},
    xml::Node,
};

pub fn handler(action: &str) -> Option<Handler> {
    match action {
        "AssociateIamInstanceProfile" => Some(Handler::Write(associate)),
        "DescribeIamInstanceProfileAssociations" => Some(Handler::Read(describe)),
        "DisassociateIamInstanceProfile" => Some(Handler::Write(disassociate)),
        "ReplaceIamInstanceProfileAssociation" => Some(Handler::Write(replace)),
        _ => None,
    }
}

/// An association's id follows from what it joins.
fn association_id(instance: &Instance) -> Option<String> {
    let (arn, _) = instance.instance_profile.as_ref()?;
    Some(format!("iip-assoc-0{}", &digest(&format!("{} {arn}", instance.id))[..16]))
}

fn node(instance: &Instance, state: &str) -> Option<Node> {
    let (arn, id) = instance.instance_profile.as_ref()?;
    let profile = Node::new().text("arn", arn).text("id", id);
    let node = Node::new()
        .text("associationId", association_id(instance)?)
        .text("instanceId", &instance.id)
        .child("iamInstanceProfile", profile)
        .text("state", state);
    Some(node)
}

fn answer(instance: &Instance, state: &str) -> Outcome {
    Ok(Node::new().opt_child("iamInstanceProfileAssociation", node(instance, state)).into())
}

fn asked_profile(call: &Call, world: &World) -> Result<(String, String), ApiError> {
    request::instance_profile(call, world)?.ok_or_else(|| ApiError::missing("IamInstanceProfile"))
}

fn associate(call: &Call, world: &mut World) -> Outcome {
    let instance = find(call, call.region(world), call.params.require("InstanceId")?)?.clone();
    let profile = asked_profile(call, world)?;
    if instance.instance_profile.is_some() {
        let message = format!("There is an existing association for instance {}", instance.id);
        return Err(ApiError::new("IncorrectState", message));
    }
    match instance.state(call.now) {
        InstanceState::Pending
        | InstanceState::Running
        | InstanceState::Stopping
        | InstanceState::Stopped => {}
        InstanceState::ShuttingDown | InstanceState::Terminated => {
            let message = format!("The instance {} is not in the 'running' or 'stopped' state.", instance.id);
            return Err(ApiError::new("IncorrectInstanceState", message));
        }
    }
    set(call, world, &instance, profile)
}

fn set(call: &Call, world: &mut World, instance: &Instance, profile: (String, String)) -> Outcome {
    let changed = Instance { instance_profile: Some(profile), ..instance.clone() };
    let answer = answer(&changed, "associating");
    change(call, world, &instance.id, |instance| *instance = changed);
    answer
}

/// The instance of the association that a call names.
fn joined(call: &Call, region: &Region) -> Result<Instance, ApiError> {
    let id = call.params.require("AssociationId")?;
    let mut own = associated(call, region);
    let found = own.find(|instance| association_id(instance).as_deref() == Some(id)).cloned();
    let message = format!("An invalid association-id of '{id}' was given");
    found.ok_or_else(|| ApiError::new("InvalidAssociationID.NotFound", message))
}

fn associated<'r>(call: &'r Call, region: &'r Region) -> impl Iterator<Item = &'r Instance> {
    let own =
        region.instances.values().filter(|it| it.owner == call.account() && !it.is_terminated(call.now));
    own.filter(|instance| instance.instance_profile.is_some()).map(|instance| &**instance)
}

fn replace(call: &Call, world: &mut World) -> Outcome {
    let instance = joined(call, call.region(world))?;
    let profile = asked_profile(call, world)?;
    set(call, world, &instance, profile)
}

fn disassociate(call: &Call, world: &mut World) -> Outcome {
    let instance = joined(call, call.region(world))?;
    change(call, world, &instance.id, |instance| instance.instance_profile = None);
    answer(&instance, "disassociating")
}

fn describe(call: &Call, world: &World) -> Outcome {
    let filters = Filters::parse(call.params, &["instance-id", "state"])?;
    let page = Page::parse(call.params, 5..=1000)?;
    let asked = call.params.ids("AssociationId")?;
    let shown = associated(call, call.region(world)).filter(|instance| {
        let is_asked = association_id(instance).is_some_and(|id| asked.contains(&id.as_str()));
        (asked.is_empty() || is_asked)
            && filters.match_all(&Tags::new(), |name| match name {
                "instance-id" => vec![instance.id.clone()],
                _ => vec!["associated".to_owned()],
            })
    });
    let show = |instance: &Instance| node(instance, "associated").unwrap_or_default();
    Ok(page.reply("iamInstanceProfileAssociationSet", shown, |it| it.id.clone(), show).into())
}
