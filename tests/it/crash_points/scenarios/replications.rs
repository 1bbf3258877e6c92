//! Lives of an `ImageReplication`.

use std::{sync::Arc, time::Duration};

use ec2sim::faults::{Effect, ImageEnd, Rule};
use futures::FutureExt;
use serde_json::{Value, json};

use super::{LIMIT, Scenario, fault, gone, hide_what_is_made};
use crate::flow::{
    Flow, build, replication,
    world::{build_spec, condition, replication_spec, with},
};

const REGIONS: [&str; 3] = ["ap-southeast-2", "eu-west-1", "us-west-2"];
const OLD: &str = "ami-000000000000000a1";
const NEW: &str = "ami-000000000000000a2";
const DELETED_LATE: &str = "a replication is deleted, its copies retained";
const REMOVED_LATE: &str = "a destination is removed, its copy retained";

pub fn all() -> Vec<Scenario> {
    vec![
        Scenario::new("a replication into three regions", |f| replicated(f).boxed_local()),
        Scenario::new("a replication, while AWS shows nothing new for two minutes", |f| {
            hidden(f).boxed_local()
        }),
        Scenario::new("a copy fails and is made again", |f| copied_again(f).boxed_local()),
        Scenario::new("a destination is added", |f| added(f).boxed_local()),
        Scenario::new(REMOVED_LATE, |f| removed(f).boxed_local()),
        Scenario::new("a destination is removed with its copy", |f| removed_with_copy(f).boxed_local()),
        Scenario::new("a destination is removed while its copy is under way", |f| {
            removed_early(f).boxed_local()
        })
        .or_ends_as(REMOVED_LATE),
        Scenario::new("a replication's tags are changed", |f| retagged(f).boxed_local()),
        Scenario::new("a source is replaced", |f| replaced(f).boxed_local()),
        Scenario::new("copies are shared, published, protected and deprecated", |f| {
            consumable(f).boxed_local()
        }),
        Scenario::new("what consumers were given is taken back", |f| taken_back(f).boxed_local()),
        Scenario::new("a published source is replaced, and its copies go", |f| rolled_out(f).boxed_local()),
        Scenario::new("a published source moves to another region", |f| moved(f).boxed_local()),
        Scenario::new("a copy that drifted is put right", |f| drifted(f).boxed_local()),
        Scenario::new("a copy that somebody deregistered is made again", |f| lost(f).boxed_local()),
        Scenario::new("a published copy that somebody deregistered is withdrawn first", |f| {
            lost_while_published(f).boxed_local()
        }),
        Scenario::new(DELETED_LATE, |f| deleted(f, "Retain").boxed_local()),
        Scenario::new("a replication is deleted with its copies", |f| deleted(f, "Delete").boxed_local()),
        Scenario::new("a replication is deleted while it copies, Retain", |f| {
            deleted_early(f, "Retain").boxed_local()
        })
        .or_ends_as(DELETED_LATE),
        Scenario::new("a replication is deleted while it copies, Delete", |f| {
            deleted_early(f, "Delete").boxed_local()
        }),
        Scenario::new("a build and its replication", |f| together(f).boxed_local()),
    ]
}

fn spec(source: &str, regions: &[&str]) -> Value {
    let source = json!({"image": {"imageID": source, "region": "us-east-1"}});
    with(replication_spec("unused", regions), "/source", source)
}

/// The replication satisfies its object as it is now.
async fn ready(flow: &mut Flow) {
    let copies = replication("web");
    flow.until("ready", LIMIT, |f| {
        let seen = f.status(&copies)["observedGeneration"] == f.object(&copies)["metadata"]["generation"];
        seen && f.is_true(&copies, "Ready")
    })
    .await;
}

/// Some copy has begun.
async fn copying(flow: &mut Flow) {
    flow.until("copying", LIMIT, |f| {
        let status = f.status(&replication("web"));
        status["destinations"].as_array().into_iter().flatten().any(|d| d["imageID"].is_string())
    })
    .await;
}

fn start(flow: &mut Flow, spec: Value) {
    flow.seed_image(OLD, "golden-1");
    flow.apply(&replication("web"), spec);
}

async fn started_and_ready(flow: &mut Flow, spec: Value) {
    start(flow, spec);
    ready(flow).await;
    flow.boundaries.begin();
}

async fn replicated(flow: &mut Flow) {
    flow.boundaries.begin();
    start(flow, spec(OLD, &REGIONS));
    ready(flow).await;
}

async fn hidden(flow: &mut Flow) {
    hide_what_is_made(flow);
    replicated(flow).await;
}

/// The first copy into the first region fails.
async fn copied_again(flow: &mut Flow) {
    let message = "Copy image failed with an internal error.".to_owned();
    let then = ImageEnd::Failed { code: "Server.InternalError".to_owned(), message };
    let rule = Rule::on("CopyImage", Effect::Image { pending: Duration::from_secs(30), then });
    fault(flow, rule.in_region(REGIONS[0]).times(1));
    replicated(flow).await;
}

async fn added(flow: &mut Flow) {
    started_and_ready(flow, spec(OLD, &REGIONS[..2])).await;
    flow.apply(&replication("web"), spec(OLD, &REGIONS));
    ready(flow).await;
}

async fn removed(flow: &mut Flow) {
    started_and_ready(flow, spec(OLD, &REGIONS)).await;
    flow.apply(&replication("web"), spec(OLD, &REGIONS[..2]));
    ready(flow).await;
}

async fn removed_with_copy(flow: &mut Flow) {
    started_and_ready(flow, spec(OLD, &REGIONS)).await;
    let left = with(spec(OLD, &REGIONS[..2]), "/removedDestinationPolicy", json!("Delete"));
    flow.apply(&replication("web"), left);
    ready(flow).await;
}

async fn removed_early(flow: &mut Flow) {
    flow.boundaries.begin();
    start(flow, spec(OLD, &REGIONS));
    copying(flow).await;
    flow.apply(&replication("web"), spec(OLD, &REGIONS[..2]));
    ready(flow).await;
}

async fn retagged(flow: &mut Flow) {
    started_and_ready(flow, spec(OLD, &REGIONS[..2])).await;
    flow.apply(&replication("web"), with(spec(OLD, &REGIONS[..2]), "/tags", json!({"stage": "prod"})));
    ready(flow).await;
}

async fn replaced(flow: &mut Flow) {
    flow.seed_image(NEW, "golden-2");
    started_and_ready(flow, spec(OLD, &REGIONS[..2])).await;
    flow.apply(&replication("web"), spec(NEW, &REGIONS[..2]));
    ready(flow).await;
}

/// All that consumers can be given.
fn consumable_spec(source: &str) -> Value {
    let mut spec = spec(source, &REGIONS[..2]);
    spec["sharing"] = json!({"accountIDs": ["111111111111"], "snapshots": "Shared"});
    spec["publish"] = json!({"ssmParameters": [{"name": "/images/web"}], "tags": {"channel": "stable"}});
    spec["deprecateAfter"] = json!("2160h");
    spec["deregistrationProtection"] = json!("Enabled");
    spec["destinations"][0]["fastSnapshotRestoreZones"] = json!([format!("{}a", REGIONS[0])]);
    spec
}

async fn consumable(flow: &mut Flow) {
    flow.boundaries.begin();
    start(flow, consumable_spec(OLD));
    ready(flow).await;
}

async fn taken_back(flow: &mut Flow) {
    started_and_ready(flow, consumable_spec(OLD)).await;
    let plain = with(spec(OLD, &REGIONS[..2]), "/deregistrationProtection", json!("Disabled"));
    flow.apply(&replication("web"), plain);
    ready(flow).await;
    flow.until("taken back", LIMIT, |f| f.status(&replication("web"))["sourceRegion"].is_null()).await;
}

async fn rolled_out(flow: &mut Flow) {
    let replacing = |source| {
        let spec = with(consumable_spec(source), "/sourceChangePolicy", json!("ReplaceWhenReady"));
        with(spec, "/keepPrevious", json!(0))
    };
    flow.seed_image(NEW, "golden-2");
    started_and_ready(flow, replacing(OLD)).await;
    flow.apply(&replication("web"), replacing(NEW));
    ready(flow).await;
    let replaced = |destination: &Value| {
        condition(destination, "PreviousRemoved").0 == "True" && destination["previous"].is_null()
    };
    flow.until("replaced", LIMIT, |f| {
        let status = f.status(&replication("web"));
        status["destinations"].as_array().is_some_and(|all| all.iter().all(replaced))
    })
    .await;
    warm(flow).await;
}

/// Fast snapshot restore changes over to the newest copy when nothing points at the one before any more: an object that is
/// ready may still have to see that.
async fn warm(flow: &mut Flow) {
    let is_warm = |destination: &Value| !destination["applied"]["fastSnapshotRestoreZones"].is_null();
    flow.until("warm", LIMIT, |f| {
        let status = f.status(&replication("web"));
        status["destinations"].as_array().is_some_and(|all| all.iter().any(is_warm))
    })
    .await;
    ready(flow).await;
}

async fn moved(flow: &mut Flow) {
    const FRANKFURT: &str = "eu-central-1";
    flow.seed_image_in(FRANKFURT, NEW, "golden-2");
    started_and_ready(flow, consumable_spec(OLD)).await;
    let source = json!({"image": {"imageID": NEW, "region": FRANKFURT}});
    flow.apply(&replication("web"), with(consumable_spec(OLD), "/source", source));
    ready(flow).await;
    flow.until("taken back", LIMIT, |f| f.status(&replication("web"))["leftSource"].is_null()).await;
    warm(flow).await;
}

async fn drifted(flow: &mut Flow) {
    started_and_ready(flow, consumable_spec(OLD)).await;
    let id = flow.images(REGIONS[1])[0].id.clone();
    flow.meddle(|world| {
        let region = world.region_mut(REGIONS[1]);
        let image = Arc::make_mut(region.images.get_mut(&id).expect("the copy"));
        image.permissions.users.clear();
        image.tags.remove("channel");
        image.deprecated_at = None;
        region.parameters.clear();
    });
    flow.run_for(Duration::from_hours(1)).await;
    ready(flow).await;
}

async fn lost(flow: &mut Flow) {
    let warm = json!([{"region": REGIONS[0], "fastSnapshotRestoreZones": [format!("{}a", REGIONS[0])]}]);
    lost_as(flow, with(spec(OLD, &REGIONS[..1]), "/destinations", warm)).await;
}

async fn lost_while_published(flow: &mut Flow) {
    lost_as(flow, consumable_spec(OLD)).await;
    warm(flow).await;
}

async fn lost_as(flow: &mut Flow, spec: Value) {
    started_and_ready(flow, spec).await;
    let copy = flow.images(REGIONS[0])[0].clone();
    flow.meddle(|world| {
        let region = world.region_mut(REGIONS[0]);
        region.images.remove(&copy.id);
        for id in copy.snapshot_ids() {
            region.snapshots.remove(id);
        }
    });
    flow.until("made again", LIMIT, |f| f.images(REGIONS[0]).iter().any(|image| image.id != copy.id)).await;
    ready(flow).await;
}

async fn deleted(flow: &mut Flow, policy: &str) {
    started_and_ready(flow, with(spec(OLD, &REGIONS), "/deletionPolicy", json!(policy))).await;
    flow.delete(&replication("web"));
    gone(flow, &replication("web")).await;
}

async fn deleted_early(flow: &mut Flow, policy: &str) {
    flow.boundaries.begin();
    start(flow, with(spec(OLD, &REGIONS), "/deletionPolicy", json!(policy)));
    copying(flow).await;
    flow.delete(&replication("web"));
    gone(flow, &replication("web")).await;
}

async fn together(flow: &mut Flow) {
    flow.boundaries.begin();
    flow.apply(&replication("web"), replication_spec("web", &REGIONS[..2]));
    flow.apply(&build("web"), build_spec(&[("work", "sleep 3")]));
    ready(flow).await;
    flow.until("built", LIMIT, |f| f.status(&build("web"))["completionTime"].is_string()).await;
}
