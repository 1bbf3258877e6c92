//! Instance types and where they are offered.

mod catalog;
mod filters;
mod show;

pub use self::catalog::{InstanceType, all, find};
use crate::core::{
    Call, Handler, Outcome, error::ApiError, filters::Filters, paging::Page, tags::Tags, world::World,
    xml::Node,
};

pub fn handler(action: &str) -> Option<Handler> {
    match action {
        "DescribeInstanceTypes" => Some(Handler::Read(describe_instance_types)),
        "DescribeInstanceTypeOfferings" => Some(Handler::Read(describe_instance_type_offerings)),
        _ => None,
    }
}

/// Types that one call can name (EC2 API reference, `DescribeInstanceTypes`, `InstanceType.N`).
const MAX_NAMES: usize = 100;

fn describe_instance_types(call: &Call, _: &World) -> Outcome {
    let filters = Filters::parse(call.params, &filters::KNOWN)?;
    let page = Page::parse(call.params, 5..=100)?.at_most(100);
    let asked = call.params.texts("InstanceType");
    if asked.len() > MAX_NAMES {
        let message = format!("At most {MAX_NAMES} instance types can be named.");
        return Err(ApiError::invalid_value(message));
    }
    let unknown: Vec<&str> = asked.iter().copied().filter(|name| find(name).is_none()).collect();
    if !unknown.is_empty() {
        let message = format!("The following supplied instance types do not exist: [{}]", unknown.join(", "));
        return Err(ApiError::new("InvalidInstanceType", message));
    }
    let shown = catalog::all().filter(|it| {
        (asked.is_empty() || asked.contains(&it.name))
            && filters.match_all(&Tags::new(), |name| filters::values(it, name))
    });
    Ok(page.reply("instanceTypeSet", shown, |it| it.name.to_owned(), show::node).into())
}

const OFFERING_FILTERS: [&str; 2] = ["instance-type", "location"];

/// Every type is offered in every region and zone.
fn describe_instance_type_offerings(call: &Call, world: &World) -> Outcome {
    let filters = Filters::parse(call.params, &OFFERING_FILTERS)?;
    let page = Page::parse(call.params, 5..=1000)?.at_most(1000);
    let region = call.region(world);
    let kind = call.params.text("LocationType").unwrap_or("region");
    let locations: Vec<&str> = match kind {
        "region" => vec![&region.name],
        "availability-zone" => region.zones.iter().map(|zone| zone.name.as_str()).collect(),
        "availability-zone-id" => region.zones.iter().map(|zone| zone.id.as_str()).collect(),
        "outpost" => Vec::new(),
        other => return Err(ApiError::bad_value(other, "locationType", "")),
    };
    let offered = catalog::all().flat_map(|it| locations.iter().map(move |place| (it.name, *place)));
    let shown = offered.filter(|(name, place)| {
        filters.match_all(&Tags::new(), |filter| match filter {
            "instance-type" => vec![(*name).to_owned()],
            _ => vec![(*place).to_owned()],
        })
    });
    let show = |(name, place): (&str, &str)| {
        Node::new().text("instanceType", name).text("locationType", kind).text("location", place)
    };
    Ok(page.reply("instanceTypeOfferingSet", shown, |(name, place)| format!("{name} {place}"), show).into())
}
