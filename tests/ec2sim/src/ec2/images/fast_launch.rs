//! Fast launch of Windows images: `EnableFastLaunch`, `DisableFastLaunch`, `DescribeFastLaunchImages`.

use std::sync::Arc;

use super::access;
use crate::core::{
    Call, Handler, Outcome, echo, error::ApiError, filters::Filters, ids, paging::Page, records::FastLaunch,
    tags::Tags, world::World, xml::Node,
};

/// (EC2 API reference, `EnableFastLaunch`)
const LEAST_PARALLEL: i64 = 6;
const DEFAULT_SNAPSHOTS: i64 = 5;

pub fn handler(action: &str) -> Option<Handler> {
    match action {
        "DescribeFastLaunchImages" => Some(Handler::Read(describe)),
        "DisableFastLaunch" => Some(Handler::Write(disable)),
        "EnableFastLaunch" => Some(Handler::Write(enable)),
        _ => None,
    }
}

fn enable(call: &Call, world: &mut World) -> Outcome {
    let image = access::visible_image(call, world, call.params.require("ImageId")?)?.clone();
    if !image.is_windows() {
        let message = format!("The image '{}' is not a Windows image.", image.id);
        return Err(ApiError::new("UnsupportedOperation", message));
    }
    if let Some(other) = call.params.text("ResourceType").filter(|kind| *kind != "snapshot") {
        return Err(ApiError::bad_value(other, "resourceType", "Valid values: snapshot."));
    }
    let parallel = call.params.int("MaxParallelLaunches")?.unwrap_or(LEAST_PARALLEL);
    if parallel < LEAST_PARALLEL {
        let hint = format!("Expecting {LEAST_PARALLEL} or more.");
        return Err(ApiError::bad_value(&parallel.to_string(), "maxParallelLaunches", &hint));
    }
    let snapshots = call.params.int("SnapshotConfiguration.TargetResourceCount")?;
    let launch = FastLaunch {
        image_id: image.id.clone(),
        owner: call.account().to_owned(),
        snapshots: snapshots.unwrap_or(DEFAULT_SNAPSHOTS),
        parallel,
        template: call.params.get("LaunchTemplate").cloned().unwrap_or_default(),
        enabled_at: call.now,
        ready_at: call.end_of(world, call.profile.image),
    };
    let shown = node(&launch, "enabling");
    let key = (launch.owner.clone(), launch.image_id.clone());
    call.region_mut(world).fast_launches.insert(key, Arc::new(launch));
    Ok(shown.into())
}

fn disable(call: &Call, world: &mut World) -> Outcome {
    let id = call.params.require("ImageId")?;
    ids::IMAGE.check(id)?;
    let removed = call.region_mut(world).fast_launches.remove(&(call.account().to_owned(), id.to_owned()));
    let launch = removed.ok_or_else(|| {
        let message = format!("Fast launch is not enabled for the image '{id}'.");
        ApiError::new("InvalidRequest", message)
    })?;
    Ok(node(&launch, "disabling").into())
}

fn describe(call: &Call, world: &World) -> Outcome {
    let filters = Filters::parse(call.params, &["owner-id", "resource-type", "state"])?;
    let page = Page::parse(call.params, 1..=200)?;
    let asked = call.params.ids("ImageId")?;
    asked.iter().try_for_each(|id| ids::IMAGE.check(id))?;
    let shown = call.region(world).fast_launches.values().filter(|it| {
        it.owner == call.account()
            && (asked.is_empty() || asked.contains(&it.image_id.as_str()))
            && filters.match_all(&Tags::new(), |name| match name {
                "owner-id" => vec![it.owner.clone()],
                "resource-type" => vec!["snapshot".to_owned()],
                _ => vec![state(call, it).to_owned()],
            })
    });
    let show = |it: &Arc<FastLaunch>| node(it, state(call, it));
    Ok(page.reply("fastLaunchImageSet", shown, |it| it.image_id.clone(), show).into())
}

fn state(call: &Call, launch: &FastLaunch) -> &'static str {
    if call.now < launch.ready_at { "enabling" } else { "enabled" }
}

fn node(launch: &FastLaunch, state: &str) -> Node {
    let template = (!launch.template.is_empty()).then(|| echo::structure(&launch.template));
    Node::new()
        .text("imageId", &launch.image_id)
        .text("resourceType", "snapshot")
        .child("snapshotConfiguration", Node::new().text("targetResourceCount", launch.snapshots))
        .opt_child("launchTemplate", template)
        .text("maxParallelLaunches", launch.parallel)
        .text("ownerId", &launch.owner)
        .text("state", state)
        .text("stateTransitionReason", "Client.UserInitiated")
        .time("stateTransitionTime", if state == "enabled" { launch.ready_at } else { launch.enabled_at })
}
