//! `DescribeSpotPriceHistory`: a price for each type that never changes.

use jiff::Timestamp;

use crate::{
    core::{
        Call, Outcome,
        clock::before,
        error::ApiError,
        filters::Filters,
        paging::Page,
        tags::Tags,
        world::{World, Zone},
        xml::{Node, iso},
    },
    ec2::instance_types::{self, InstanceType},
};

const FILTERS: [&str; 6] = [
    "availability-zone",
    "availability-zone-id",
    "instance-type",
    "product-description",
    "spot-price",
    "timestamp",
];

const PRODUCTS: [&str; 2] = ["Linux/UNIX", "Windows"];

/// Millionths of a dollar for each virtual CPU and hour.
const PRICE: u32 = 12_300;
const WINDOWS_PRICE: u32 = 46_000 + PRICE;

struct Price<'w> {
    kind: &'static InstanceType,
    zone: &'w Zone,
    product: &'static str,
    at: Timestamp,
}

pub fn describe(call: &Call, world: &World) -> Outcome {
    let filters = Filters::parse(call.params, &FILTERS)?;
    let page = Page::parse(call.params, 1..=1000)?.at_most(1000);
    let types = call.params.texts("InstanceType");
    if let Some(unknown) = types.iter().find(|name| instance_types::find(name).is_none()) {
        return Err(ApiError::bad_value(unknown, "instanceType", "Unknown instance type."));
    }
    let products = call.params.texts("ProductDescription");
    let zone = call.params.text("AvailabilityZone").or(call.params.text("AvailabilityZoneId"));
    // The last change was an hour ago.
    let at = before(call.now, std::time::Duration::from_hours(1));
    let at = at.max(time(call, "StartTime")?.unwrap_or(Timestamp::MIN));
    if time(call, "EndTime")?.is_some_and(|end| end < at) {
        return Ok(Node::new().set("spotPriceHistorySet", []).into());
    }
    let zones =
        call.region(world).zones.iter().filter(|it| zone.is_none_or(|zone| it.name == zone || it.id == zone));
    let zones: Vec<&Zone> = zones.collect();
    let prices = instance_types::all().filter(|kind| types.is_empty() || types.contains(&kind.name));
    let prices = prices.flat_map(|kind| of_type(kind, &zones, at));
    let shown = prices.filter(|price| {
        (products.is_empty()
            || products.iter().any(|asked| asked.trim_end_matches(" (Amazon VPC)") == price.product))
            && filters.match_all(&Tags::new(), |name| vec![price.value(name)])
    });
    let position = |price: &Price| format!("{} {} {}", price.kind.name, price.zone.name, price.product);
    Ok(page.reply("spotPriceHistorySet", shown, position, |price| price.node()).into())
}

fn time(call: &Call, name: &str) -> Result<Option<Timestamp>, ApiError> {
    let parse = |text: &str| text.parse().map_err(|_| ApiError::bad_value(text, name, "Not a time."));
    call.params.text(name).map(parse).transpose()
}

fn of_type<'w>(kind: &'static InstanceType, zones: &[&'w Zone], at: Timestamp) -> Vec<Price<'w>> {
    let of_zone = |zone: &&'w Zone| PRODUCTS.map(|product| Price { kind, zone, product, at });
    zones.iter().flat_map(of_zone).collect()
}

impl Price<'_> {
    /// In USD, with the six digits that EC2 shows.
    fn amount(&self) -> String {
        let rate = if self.product == "Windows" { WINDOWS_PRICE } else { PRICE };
        let millionths = u64::from(rate) * u64::from(self.kind.vcpus);
        format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000)
    }

    fn value(&self, filter: &str) -> String {
        match filter {
            "availability-zone" => self.zone.name.clone(),
            "availability-zone-id" => self.zone.id.clone(),
            "instance-type" => self.kind.name.to_owned(),
            "product-description" => self.product.to_owned(),
            "spot-price" => self.amount(),
            _ => iso(self.at),
        }
    }

    fn node(&self) -> Node {
        Node::new()
            .text("instanceType", self.kind.name)
            .text("productDescription", self.product)
            .text("spotPrice", self.amount())
            .time("timestamp", self.at)
            .text("availabilityZone", &self.zone.name)
            .text("availabilityZoneId", &self.zone.id)
    }
}
