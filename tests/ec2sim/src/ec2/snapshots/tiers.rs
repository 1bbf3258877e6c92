//! `DescribeSnapshotTierStatus`: nothing is archived here.

use std::sync::Arc;

use crate::core::{
    Call, Outcome, filters::Filters, paging::Page, records::Snapshot, tags, world::World, xml::Node,
};

const FILTERS: [&str; 4] = ["last-tiering-operation", "snapshot-id", "tag-key", "volume-id"];

pub fn describe(call: &Call, world: &World) -> Outcome {
    let filters = Filters::parse(call.params, &FILTERS)?;
    let page = Page::parse(call.params, 5..=1000)?;
    let own = call.region(world).snapshots.values().filter(|it| it.owner == call.account());
    let shown = own.filter(|it| {
        filters.match_all(&it.tags, |name| match name {
            "snapshot-id" => vec![it.id.clone()],
            "volume-id" => vec![it.volume_id.clone()],
            _ => Vec::new(),
        })
    });
    let show = |it: &Arc<Snapshot>| {
        Node::new()
            .text("snapshotId", &it.id)
            .text("volumeId", &it.volume_id)
            .text("status", it.state(call.now).name())
            .text("ownerId", &it.owner)
            .set("tagSet", tags::nodes(&it.tags))
            .text("storageTier", "standard")
    };
    Ok(page.reply("snapshotTierStatusSet", shown, |it| it.id.clone(), show).into())
}
