//! `CreateLaunchTemplate`, `CreateLaunchTemplateVersion`, `ModifyLaunchTemplate`.

use std::sync::Arc;

use imbl::OrdMap;

use super::{by_name, named, show, version_number};
use crate::{
    core::{
        Call, Outcome,
        error::ApiError,
        ids,
        params::Params,
        records::{LaunchTemplate, TemplateVersion},
        tags::Specifications,
        world::World,
        xml::Node,
    },
    ec2::tokens::Token,
};

/// (`CreateLaunchTemplate`, `VersionDescription`)
const MAX_DESCRIPTION: usize = 255;

pub fn create(call: &Call, world: &mut World) -> Outcome {
    let name = name(call)?;
    let tags = Specifications::parse(call.params, &["launch-template"])?.of("launch-template");
    let version = version(call, data(call)?)?;
    let token = Token::of(call, "")?;
    if let Some([id]) = token.as_ref().map(|token| token.replay(call.region(world))).transpose()?.flatten()
        && let Some(made) = call.region(world).launch_templates.get(id)
    {
        return Ok(Node::new().child("launchTemplate", show::template(made)).into());
    }
    if by_name(call, call.region(world), name).is_ok() {
        let message = "Launch template name already in use.";
        return Err(ApiError::new("InvalidLaunchTemplateName.AlreadyExistsException", message));
    }
    let template = LaunchTemplate {
        id: world.mint(ids::LAUNCH_TEMPLATE),
        owner: call.account().to_owned(),
        name: name.to_owned(),
        created_at: call.now,
        created_by: call.caller.principal.clone(),
        default_version: 1,
        latest_version: 1,
        versions: OrdMap::unit(1, version),
        tags,
    };
    if let Some(token) = token {
        token.remember(call, world, vec![template.id.clone()]);
    }
    let shown = show::template(&template);
    call.region_mut(world).launch_templates.insert(template.id.clone(), Arc::new(template));
    Ok(Node::new().child("launchTemplate", shown).into())
}

fn name<'c>(call: &'c Call) -> Result<&'c str, ApiError> {
    let name = call.params.require("LaunchTemplateName")?;
    let allowed = |character: char| character.is_ascii_alphanumeric() || "().-/_".contains(character);
    if (3..=128).contains(&name.len()) && name.chars().all(allowed) {
        return Ok(name);
    }
    let message = "A launch template name must be between 3 and 128 characters, and may contain letters, numbers, and the \
                   following characters: - ( ) . / _";
    Err(ApiError::new("InvalidLaunchTemplateName.MalformedException", message))
}

fn data(call: &Call) -> Result<Params, ApiError> {
    let data = call.params.get("LaunchTemplateData").filter(|data| !data.is_empty());
    data.cloned().ok_or_else(|| ApiError::missing("LaunchTemplateData"))
}

fn version(call: &Call, data: Params) -> Result<TemplateVersion, ApiError> {
    let description = call.params.text("VersionDescription");
    if description.is_some_and(|text| text.chars().count() > MAX_DESCRIPTION) {
        let message =
            format!("The version description exceeds the maximum length of {MAX_DESCRIPTION} characters");
        return Err(ApiError::invalid_value(message));
    }
    Ok(TemplateVersion {
        description: description.map(str::to_owned),
        created_at: call.now,
        created_by: call.caller.principal.clone(),
        data,
    })
}

/// A source version gives what the new one does not say.
pub fn create_version(call: &Call, world: &mut World) -> Outcome {
    let template = named(call, call.region(world), call.params)?;
    let data = match call.params.text("SourceVersion") {
        None => data(call)?,
        Some(source) => {
            let source = &template.versions[&version_number(template, Some(source))?].data;
            call.params.get("LaunchTemplateData").map_or_else(|| source.clone(), |data| data.over(source))
        }
    };
    let mut template = LaunchTemplate::clone(template);
    template.latest_version += 1;
    let number = template.latest_version;
    template.versions.insert(number, version(call, data)?);
    let shown = show::version(&template, number, &template.versions[&number]);
    call.region_mut(world).launch_templates.insert(template.id.clone(), Arc::new(template));
    Ok(Node::new().child("launchTemplateVersion", shown).into())
}

pub fn modify(call: &Call, world: &mut World) -> Outcome {
    let template = named(call, call.region(world), call.params)?;
    let number = version_number(template, Some(call.params.require("SetDefaultVersion")?))?;
    let template = LaunchTemplate { default_version: number, ..LaunchTemplate::clone(template) };
    let shown = show::template(&template);
    call.region_mut(world).launch_templates.insert(template.id.clone(), Arc::new(template));
    Ok(Node::new().child("launchTemplate", shown).into())
}
