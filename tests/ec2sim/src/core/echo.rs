//! Parameters that are answered as they were given.

use super::{params::Params, xml::Node};

/// A structure under the names of the request, but for the case of their first letter, and `…Set` for lists.
pub fn structure(given: &Params) -> Node {
    given.members().fold(Node::new(), |node, (name, member)| match (member.value(), name) {
        (Some(value), _) => node.text(first_lower(name), value),
        // The groups of a network interface.
        (None, "SecurityGroupId") if given.has("DeviceIndex") || given.has("AssociatePublicIpAddress") => {
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

fn list_name(name: &str) -> String {
    if name == "LicenseSpecification" { "licenseSet".to_owned() } else { format!("{}Set", first_lower(name)) }
}

fn first_lower(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}
