//! `DescribeImageReferences`: what of the account, in the region, names an image. Recipes of EC2 Image Builder are not simulated,
//! so none ever does.

use super::access;
use crate::core::{
    Call, Outcome, error::ApiError, ids, paging::Page, params::Params, world::World, xml::Node,
};

const KINDS: [&str; 5] = [
    "ec2:Instance",
    "ec2:LaunchTemplate",
    "ssm:Parameter",
    "imagebuilder:ImageRecipe",
    "imagebuilder:ContainerRecipe",
];

/// Versions of a launch template that are looked at, unless `version-depth` says otherwise.
const VERSION_DEPTH: usize = 10;

struct Reference {
    image: String,
    kind: &'static str,
    arn: String,
}

pub fn describe(call: &Call, world: &World) -> Outcome {
    let images = call.params.ids("ImageId")?;
    if images.is_empty() {
        return Err(ApiError::missing("ImageId"));
    }
    for id in &images {
        ids::IMAGE.check(id)?;
        access::visible_image(call, world, id)?;
    }
    let kinds = asked(call)?;
    let states = states(call)?;
    let depth = depth(call)?;
    let page = Page::parse(call.params, 5..=1000)?;
    let mut found = Vec::new();
    for image in images {
        if kinds.contains(&"ec2:Instance") {
            found.extend(instances(call, world, image, states.as_ref()));
        }
        if kinds.contains(&"ec2:LaunchTemplate") {
            found.extend(templates(call, world, image, depth));
        }
        if kinds.contains(&"ssm:Parameter") {
            found.extend(parameters(call, world, image));
        }
    }
    let show = |reference: &Reference| {
        Node::new()
            .text("imageId", &reference.image)
            .text("resourceType", reference.kind)
            .text("arn", &reference.arn)
    };
    let key = |reference: &Reference| format!("{}/{}", reference.image, reference.arn);
    found.sort_by_key(key);
    Ok(page.reply("imageReferenceSet", &found, |reference| key(reference), show).into())
}

fn asked(call: &Call) -> Result<Vec<&'static str>, ApiError> {
    let types = call.params.list("ResourceType");
    if call.params.is_set("IncludeAllResourceTypes")? {
        return Ok(KINDS.to_vec());
    }
    if types.is_empty() {
        let message = "Either IncludeAllResourceTypes or ResourceTypes must be specified";
        return Err(ApiError::new("MissingParameter", message));
    }
    let kind = |asked: &&Params| {
        let name = asked.require("ResourceType")?;
        let known = KINDS.into_iter().find(|kind| *kind == name);
        known.ok_or_else(|| ApiError::bad_value(name, "ResourceType", "use a supported resource type"))
    };
    types.iter().map(kind).collect()
}

/// Which instances count; without the option all of them.
fn states(call: &Call) -> Result<Option<Vec<String>>, ApiError> {
    let values = option(call, "ec2:Instance", "state-name")?;
    Ok(values.map(|values| values.into_iter().map(str::to_owned).collect()))
}

fn depth(call: &Call) -> Result<usize, ApiError> {
    let Some(values) = option(call, "ec2:LaunchTemplate", "version-depth")? else { return Ok(VERSION_DEPTH) };
    let text = values.first().copied().unwrap_or_default();
    text.parse().map_err(|_| ApiError::bad_value(text, "version-depth", "Expecting an integer."))
}

/// The values of the one option that a resource type has.
fn option<'c>(call: &'c Call, kind: &str, name: &str) -> Result<Option<Vec<&'c str>>, ApiError> {
    let types = call.params.list("ResourceType");
    let asked = types.iter().find(|it| it.text("ResourceType") == Some(kind));
    let options = asked.map(|it| it.list("ResourceTypeOption")).unwrap_or_default();
    let Some(option) = options.first() else { return Ok(None) };
    match option.require("OptionName")? {
        given if given == name => Ok(Some(option.texts("OptionValue"))),
        other => Err(ApiError::bad_value(other, "OptionName", &format!("{kind} has the option {name}"))),
    }
}

/// By their newest versions.
fn templates(call: &Call, world: &World, image: &str, depth: usize) -> Vec<Reference> {
    let own = call.region(world).launch_templates.values().filter(|it| it.owner == call.account());
    let of_image = own.filter(|template| {
        let newest = template.versions.values().rev().take(depth);
        newest.into_iter().any(|version| version.data.text("ImageId") == Some(image))
    });
    let arn =
        |id: &str| format!("arn:aws:ec2:{}:{}:launch-template/{id}", call.caller.region, call.account());
    of_image
        .map(|it| Reference { image: image.to_owned(), kind: "ec2:LaunchTemplate", arn: arn(&it.id) })
        .collect()
}

fn instances(call: &Call, world: &World, image: &str, states: Option<&Vec<String>>) -> Vec<Reference> {
    let state_counts = |name: &str| states.is_none_or(|states| states.iter().any(|s| s == name));
    let of_image = call.region(world).instances.values().filter(|instance| {
        instance.owner == call.account()
            && instance.image.id == image
            && state_counts(instance.state(call.now).name())
    });
    let arn = |id: &str| format!("arn:aws:ec2:{}:{}:instance/{id}", call.caller.region, call.account());
    of_image.map(|it| Reference { image: image.to_owned(), kind: "ec2:Instance", arn: arn(&it.id) }).collect()
}

/// Only those of data type `aws:ec2:image`.
fn parameters(call: &Call, world: &World, image: &str) -> Vec<Reference> {
    let holds = |parameter: &crate::core::records::Parameter| {
        parameter.data_type == "aws:ec2:image"
            && parameter.newest(call.now).is_some_and(|version| version.value == image)
    };
    let ours = call.region(world).parameters.iter().filter(|((owner, _), _)| owner == call.account());
    let arn = |name: &str| {
        let name = name.trim_start_matches('/');
        format!("arn:aws:ssm:{}:{}:parameter/{name}", call.caller.region, call.account())
    };
    ours.filter(|(_, parameter)| holds(parameter))
        .map(|((_, name), _)| Reference { image: image.to_owned(), kind: "ssm:Parameter", arn: arn(name) })
        .collect()
}
