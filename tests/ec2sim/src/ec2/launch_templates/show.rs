//! Templates and versions as the answers show them.

use crate::core::{
    echo,
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
        .child("launchTemplateData", echo::structure(&version.data))
}
