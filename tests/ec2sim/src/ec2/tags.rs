//! Tags of resources that exist already.
//!
//! What is public or shared can be tagged as well; such tags are seen by the account that gave them only
//! (EC2 user guide, "Tag your Amazon EC2 resources").

use super::images::access;
use crate::core::{
    Call, Handler, Outcome,
    error::ApiError,
    filters::Filters,
    ids::Kind,
    paging::Page,
    params::Params,
    tags::{self, Tags},
    world::{Region, World},
    xml::Node,
};

pub fn handler(action: &str) -> Option<Handler> {
    match action {
        "CreateTags" => Some(Handler::Write(create_tags)),
        "DeleteTags" => Some(Handler::Write(delete_tags)),
        "DescribeTags" => Some(Handler::Read(describe_tags)),
        _ => None,
    }
}

fn create_tags(call: &Call, world: &mut World) -> Outcome {
    let resources = resources(call)?;
    let added = tags::parse(&call.params.list("Tag"))?;
    if added.is_empty() {
        return Err(ApiError::missing("tagSet"));
    }
    for id in resources {
        tags::merge(own_tags(call, world, id)?, &added)?;
    }
    Ok(Node::done().into())
}

/// A tag with a value goes only if it has that value, one without a value in any case.
fn delete_tags(call: &Call, world: &mut World) -> Outcome {
    let resources = resources(call)?;
    let doomed = call.params.list("Tag");
    if let Some(key) = doomed.iter().filter_map(|tag| tag.text("Key")).find(|key| tags::reserved(key)) {
        let message = format!("Tag keys starting with 'aws:' are reserved for internal use: {key}");
        return Err(ApiError::invalid_value(message));
    }
    for id in resources {
        let tags = own_tags(call, world, id)?;
        let kept = tags.iter().filter(|(key, value)| !is_deleted(&doomed, key, value));
        *tags = kept.map(|(key, value)| (key.clone(), value.clone())).collect();
    }
    Ok(Node::done().into())
}

/// Without a list all tags go, but those that AWS made.
fn is_deleted(doomed: &[&Params], key: &str, value: &str) -> bool {
    if doomed.is_empty() {
        return !tags::reserved(key);
    }
    doomed.iter().any(|tag| {
        tag.text("Key") == Some(key) && (!tag.has("Value") || tag.text("Value").unwrap_or_default() == value)
    })
}

fn resources<'c>(call: &'c Call) -> Result<Vec<&'c str>, ApiError> {
    let ids = call.params.ids("ResourceId")?;
    if ids.is_empty() {
        return Err(ApiError::missing("resourceIdSet"));
    }
    Ok(ids)
}

fn own_tags<'w>(call: &Call, world: &'w mut World, id: &str) -> Result<&'w mut Tags, ApiError> {
    let kind =
        Kind::of(id).ok_or_else(|| ApiError::new("InvalidID", format!("The ID '{id}' is not valid")))?;
    kind.check(id)?;
    let is_shared = is_shared(call, world, id);
    let region = call.region_mut(world);
    if is_shared {
        return Ok(region.guest_tags.entry((call.account().to_owned(), id.to_owned())).or_default());
    }
    let is_own = region.tags(id).is_some_and(|(_, owner)| owner == call.account());
    let tags = if is_own { region.tags_mut(id) } else { None };
    tags.ok_or_else(|| kind.not_found(id))
}

/// An image or a snapshot of another account that lets the caller see it.
fn is_shared(call: &Call, world: &World, id: &str) -> bool {
    let image = access::visible_image(call, world, id).map(|image| &image.owner);
    let snapshot = access::visible_snapshot(call, world, id).map(|snapshot| &snapshot.owner);
    image.or(snapshot).is_ok_and(|owner| owner != call.account())
}

const FILTERS: [&str; 5] = ["key", "resource-id", "resource-type", "tag-key", "value"];

fn describe_tags(call: &Call, world: &World) -> Outcome {
    let filters = Filters::parse(call.params, &FILTERS)?;
    let page = Page::parse(call.params, 5..=1000)?;
    let mut shown: Vec<Tagged> = all(call, call.region(world)).filter(|tag| tag.fits(&filters)).collect();
    shown.sort_by_key(Tagged::position);
    Ok(page.reply("tagSet", shown, Tagged::position, |tag| tag.node()).into())
}

/// One tag of one resource.
struct Tagged<'w> {
    id: &'w str,
    kind: Kind,
    key: &'w str,
    value: &'w str,
}

impl Tagged<'_> {
    fn position(&self) -> String {
        format!("{} {}", self.id, self.key)
    }

    fn fits(&self, filters: &Filters) -> bool {
        let tag = Tags::unit(self.key.to_owned(), self.value.to_owned());
        filters.match_all(&tag, |name| match name {
            "key" => vec![self.key.to_owned()],
            "value" => vec![self.value.to_owned()],
            "resource-id" => vec![self.id.to_owned()],
            "resource-type" => vec![self.kind.resource_type.to_owned()],
            _ => Vec::new(),
        })
    }

    fn node(&self) -> Node {
        Node::new()
            .text("resourceId", self.id)
            .text("resourceType", self.kind.resource_type)
            .text("key", self.key)
            .text("value", self.value)
    }
}

fn all<'w>(call: &'w Call, region: &'w Region) -> impl Iterator<Item = Tagged<'w>> {
    let ids = region
        .images
        .keys()
        .chain(region.instances.keys())
        .chain(region.snapshots.keys())
        .chain(region.volumes.keys())
        .chain(region.vpcs.keys())
        .chain(region.vpcs.values().flat_map(|vpc| vpc.companion_tags.keys()))
        .chain(region.subnets.keys())
        .chain(region.security_groups.keys())
        .chain(region.key_pairs.keys())
        .chain(region.spot_requests.keys())
        .chain(region.launch_templates.keys())
        .chain(region.instances.values().flat_map(|it| it.interfaces().map(|interface| &interface.id)))
        .chain(region.security_groups.values().flat_map(|group| group.rules.iter().map(|rule| &rule.id)));
    let own = ids.filter_map(|id| {
        let (tags, owner) = region.tags(id)?;
        (owner == call.account()).then_some((id.as_str(), Kind::of(id)?, tags))
    });
    let of_guest = |(key, tags): (&'w (String, String), &'w Tags)| {
        (key.0 == call.account()).then_some((key.1.as_str(), Kind::of(&key.1)?, tags))
    };
    let guests = region.guest_tags.iter().filter_map(of_guest);
    own.chain(guests)
        .flat_map(|(id, kind, tags)| tags.iter().map(move |(key, value)| Tagged { id, kind, key, value }))
}
