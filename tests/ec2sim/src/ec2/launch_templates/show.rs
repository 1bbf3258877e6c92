//! Templates and versions as the answers show them.

use crate::core::{
    params::Params,
    records::{LaunchTemplate, TemplateVersion},
    tags,
    xml::Node,
};

pub fn template(template: &LaunchTemplate) -> Node {
    Node::new()
        .text("launchTemplateId", &template.id)
        .text("launchTemplateName", &template.name)
        .time("createTime", template.created_at)
        .text("createdBy", &template.created_by)
        .text("defaultVersionNumber", template.default_version)
        .text("latestVersionNumber", template.versions.keys().next_back().copied().unwrap_or_default())
        .set_if_any("tagSet", tags::nodes(&template.tags))
        .child("operator", Node::new().text("managed", false))
}

pub fn version(template: &LaunchTemplate, number: i64, version: &TemplateVersion) -> Node {
    Node::new()
        .text("launchTemplateId", &template.id)
        .text("launchTemplateName", &template.name)
        .text("versionNumber", number)
        .opt("versionDescription", version.description.as_ref())
        .time("createTime", version.created_at)
        .text("createdBy", &version.created_by)
        .text("defaultVersion", number == template.default_version)
        .child("launchTemplateData", structure(&version.data))
}

/// Data is answered under the names of the request, but for their case and that of lists.
fn structure(data: &Params) -> Node {
    data.members().fold(Node::new(), |node, (name, member)| match (member.value(), name) {
        (Some(value), _) => node.text(first_lower(name), value),
        (None, "SecurityGroupId") if data.has("DeviceIndex") || data.has("AssociatePublicIpAddress") => {
            node.child("groupSet", items("groupId", member))
        }
        (None, _) if member.is_list() => node.child(list_name(name), items("item", member)),
        (None, _) => node.child(first_lower(name), structure(member)),
    })
}

fn items(item: &'static str, list: &Params) -> Node {
    list.items().into_iter().fold(Node::new(), |node, member| match member.value() {
        Some(value) => node.text(item, value),
        None => node.child(item, structure(member)),
    })
}

/// `SecurityGroupIdSet` of `SecurityGroupId`, with exceptions.
fn list_name(name: &str) -> String {
    match name {
        "LicenseSpecification" => "licenseSet".to_owned(),
        _ => format!("{}Set", first_lower(name)),
    }
}

fn first_lower(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}
