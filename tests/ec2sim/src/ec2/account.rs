//! `DescribeAccountAttributes`.

use crate::core::{Call, Handler, Outcome, error::ApiError, world::World, xml::Node};

pub fn handler(action: &str) -> Option<Handler> {
    (action == "DescribeAccountAttributes").then_some(Handler::Read(describe))
}

/// Those of an account as AWS opens it.
fn describe(call: &Call, world: &World) -> Outcome {
    let vpc = call.region(world).default_vpc(call.account()).map_or("none", |vpc| &vpc.id);
    let attributes = [
        ("default-vpc", vpc),
        ("max-elastic-ips", "5"),
        ("max-instances", "20"),
        ("supported-platforms", "VPC"),
        ("vpc-max-elastic-ips", "5"),
        ("vpc-max-security-groups-per-interface", "5"),
    ];
    let asked = call.params.texts("AttributeName");
    if let Some(unknown) = asked.iter().find(|name| !attributes.iter().any(|(known, _)| known == *name)) {
        return Err(ApiError::bad_value(unknown, "attributeName", "Unknown attribute."));
    }
    let shown = attributes.into_iter().filter(|(name, _)| asked.is_empty() || asked.contains(name));
    let node = |(name, value): (&str, &str)| {
        let values = Node::new().text("attributeValue", value);
        Node::new().text("attributeName", name).set("attributeValueSet", [values])
    };
    Ok(Node::new().set("accountAttributeSet", shown.map(node)).into())
}
