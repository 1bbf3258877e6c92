//! `DescribeLaunchTemplates` and `DescribeLaunchTemplateVersions`.

use std::sync::Arc;

use super::{by_id, by_name, named, show, version_number};
use crate::{
    core::{
        Call, Outcome,
        error::ApiError,
        filters::Filters,
        paging::Page,
        params::Params,
        records::{LaunchTemplate, TemplateVersion},
        tags::Tags,
        world::{Region, World},
        xml::iso,
    },
    ssm,
};

const TEMPLATE_FILTERS: [&str; 3] = ["create-time", "launch-template-name", "tag-key"];

pub fn templates(call: &Call, world: &World) -> Outcome {
    let filters = Filters::parse(call.params, &TEMPLATE_FILTERS)?;
    let page = Page::parse(call.params, 1..=200)?;
    let region = call.region(world);
    let mut asked = Vec::new();
    for id in call.params.ids("LaunchTemplateId")? {
        asked.push(&by_id(call, region, id)?.id);
    }
    for name in call.params.texts("LaunchTemplateName") {
        asked.push(&by_name(call, region, name)?.id);
    }
    let shown = own(call, region).filter(|template| {
        (asked.is_empty() || asked.contains(&&template.id))
            && filters.match_all(&template.tags, |name| match name {
                "create-time" => vec![iso(template.created_at)],
                _ => vec![template.name.clone()],
            })
    });
    let show = |template: &Arc<LaunchTemplate>| show::template(template);
    Ok(page.reply("launchTemplates", shown, |template| template.id.clone(), show).into())
}

fn own<'r>(call: &'r Call, region: &'r Region) -> impl Iterator<Item = &'r Arc<LaunchTemplate>> {
    region.launch_templates.values().filter(|template| template.owner == call.account())
}

const VERSION_FILTERS: [&str; 14] = [
    "create-time",
    "ebs-optimized",
    "host-resource-group-arn",
    "http-endpoint",
    "http-protocol-ipv4",
    "http-tokens",
    "iam-instance-profile",
    "image-id",
    "instance-type",
    "is-default-version",
    "kernel-id",
    "license-configuration-arn",
    "network-card-index",
    "ram-disk-id",
];

/// Of one template any versions, of all templates those that `$Latest` or `$Default` stand for.
pub fn versions(call: &Call, world: &World) -> Outcome {
    let filters = Filters::parse(call.params, &VERSION_FILTERS)?;
    let page = Page::parse(call.params, 1..=200)?;
    let region = call.region(world);
    let asked = call.params.texts("LaunchTemplateVersion");
    let is_one =
        ["LaunchTemplateId", "LaunchTemplateName"].iter().any(|name| call.params.text(name).is_some());
    let mut found = Vec::new();
    if is_one {
        let template = named(call, region, call.params)?;
        found.extend(of_template(call, template, &asked)?);
    } else {
        if asked.is_empty() || asked.iter().any(|version| !matches!(*version, "$Latest" | "$Default")) {
            let message = "Either the launch template ID or the launch template name must be provided, or the versions \
                           $Latest or $Default";
            return Err(ApiError::new("MissingParameter", message));
        }
        for template in own(call, region) {
            found.extend(of_template(call, template, &asked)?);
        }
    }
    let shown = found.into_iter().filter(|(template, number, version)| {
        filters.match_all(&Tags::new(), |name| filter_values(template, *number, version, name))
    });
    let mut shown: Vec<_> = shown.collect();
    let key = |(template, number, _): &Found| format!("{} {number:020}", template.id);
    shown.sort_by_key(key);
    let resolves = call.params.is_set("ResolveAlias")?;
    let show = |(template, number, version): Found| {
        let found = behind_alias(call, region, version).filter(|_| resolves);
        show::version(template, number, &found.unwrap_or_else(|| version.clone()))
    };
    Ok(page.reply("launchTemplateVersionSet", shown, key, show).into())
}

/// A version with the id of the image behind `resolve:ssm:<parameter>`.
/// Source: EC2 API reference, `DescribeLaunchTemplateVersions`, `ResolveAlias`.
fn behind_alias(call: &Call, region: &Region, version: &TemplateVersion) -> Option<TemplateVersion> {
    let parameter = version.data.text("ImageId")?.strip_prefix("resolve:ssm:")?;
    let image = ssm::parameter_value(region, call.account(), parameter, call.now)?;
    let data = version.data.clone().with("ImageId", Params::of_text(image));
    Some(TemplateVersion { data, ..version.clone() })
}

type Found<'r> = (&'r LaunchTemplate, i64, &'r TemplateVersion);

fn of_template<'r>(
    call: &Call,
    template: &'r LaunchTemplate,
    asked: &[&str],
) -> Result<Vec<Found<'r>>, ApiError> {
    let (least, most) = (call.params.int("MinVersion")?, call.params.int("MaxVersion")?);
    let mut numbers: Vec<i64> = if asked.is_empty() {
        template.versions.keys().copied().collect()
    } else {
        asked.iter().map(|version| version_number(template, Some(version))).collect::<Result<_, _>>()?
    };
    numbers.retain(|number| {
        least.is_none_or(|least| *number >= least) && most.is_none_or(|most| *number <= most)
    });
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers.into_iter().map(|number| (template, number, &template.versions[&number])).collect())
}

fn filter_values(
    template: &LaunchTemplate,
    number: i64,
    version: &TemplateVersion,
    name: &str,
) -> Vec<String> {
    let path = match name {
        "create-time" => return vec![iso(version.created_at)],
        "is-default-version" => return vec![(number == template.default_version).to_string()],
        "ebs-optimized" => "EbsOptimized",
        "http-endpoint" => "MetadataOptions.HttpEndpoint",
        "http-tokens" => "MetadataOptions.HttpTokens",
        "iam-instance-profile" => "IamInstanceProfile.Arn",
        "image-id" => "ImageId",
        "instance-type" => "InstanceType",
        "kernel-id" => "KernelId",
        "ram-disk-id" => "RamDiskId",
        _ => return Vec::new(),
    };
    version.data.text(path).map(str::to_owned).into_iter().collect()
}
