//! Lives of an `ImageBuild`.

use std::{sync::Arc, time::Duration};

use ec2sim::faults::{Effect, InstanceEnd, Rule};
use futures::FutureExt;
use serde_json::{Value, json};

use super::{LIMIT, Scenario, fault, gone, hide_what_is_made, preset};
use crate::flow::{
    Flow, build,
    world::{build_spec, with},
};

/// How long EC2 protects an image after the end of its protection.
const COOLDOWN: Duration = Duration::from_hours(24);

const DELETED_LATE: &str = "a finished build is deleted, its image retained";

pub fn all() -> Vec<Scenario> {
    vec![
        Scenario::new("a build", |f| build_alone(f).boxed_local()),
        Scenario::new("a build by commands of Systems Manager", |f| by_commands(f).boxed_local()),
        Scenario::new("a build with a script from a ConfigMap", |f| from_config_map(f).boxed_local()),
        Scenario::new("a build fails in a step", |f| failing(f).boxed_local()),
        Scenario::new("a build's first builder comes to nothing", |f| tried_again(f).boxed_local()),
        Scenario::new("a build is cancelled", |f| cancelled(f).boxed_local()),
        Scenario::new("a finished build's time is over", |f| expired(f).boxed_local())
            .or_ends_as(DELETED_LATE),
        Scenario::new("a build is suspended and resumed", |f| suspended(f).boxed_local()),
        Scenario::new("a build's first builder dies on launch", |f| dies_on_launch(f).boxed_local()),
        Scenario::new("a build, while AWS shows nothing new for two minutes", |f| hidden(f).boxed_local()),
        Scenario::new("a build falls back over types and subnets", |f| fallback(f).boxed_local()),
        Scenario::new("a build's source is missing at first", |f| missing_source(f).boxed_local()),
        Scenario::new("a build is layered on another", |f| layered(f).boxed_local()),
        Scenario::new("a build is deleted while launching, Retain", |f| {
            deleted(f, Stage::Launching, "Retain").boxed_local()
        })
        .or_ends_as(DELETED_LATE),
        Scenario::new("a build is deleted while customizing, Retain", |f| {
            deleted(f, Stage::Customizing, "Retain").boxed_local()
        })
        .or_ends_as(DELETED_LATE),
        Scenario::new("a build is deleted while stopping, Delete", |f| {
            deleted(f, Stage::Stopping, "Delete").boxed_local()
        }),
        Scenario::new("a build is deleted while its image is created, Retain", |f| {
            deleted(f, Stage::CreatingImage, "Retain").boxed_local()
        })
        .or_ends_as(DELETED_LATE),
        Scenario::new("a build is deleted while its image is created, Delete", |f| {
            deleted(f, Stage::CreatingImage, "Delete").boxed_local()
        }),
        Scenario::new(DELETED_LATE, |f| deleted_when_finished(f, "Retain").boxed_local()),
        Scenario::new("a finished build is deleted with its image", |f| {
            deleted_when_finished(f, "Delete").boxed_local()
        }),
        Scenario::new("a build's image is deprecated, protected, and deleted after its cooldown", |f| {
            protected(f).boxed_local()
        }),
    ]
}

fn spec() -> Value {
    build_spec(&[("work", "sleep 3")])
}

/// Far enough to be disturbed at: from then on a deletion finds something to do.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
enum Stage {
    Nothing,
    Launching,
    Customizing,
    Stopping,
    CreatingImage,
}

fn stage(status: &Value) -> Stage {
    let receipts = [
        ("/image/imageID", Stage::CreatingImage),
        ("/builder/stoppedAt", Stage::Stopping),
        ("/builder/runningAt", Stage::Customizing),
        ("/builder/instanceID", Stage::Launching),
    ];
    let last = receipts.into_iter().find(|(receipt, _)| status.pointer(receipt).is_some());
    last.map_or(Stage::Nothing, |(_, stage)| stage)
}

async fn finished(flow: &mut Flow) {
    flow.until("finished", LIMIT, |f| f.status(&build("web"))["completionTime"].is_string()).await;
}

async fn build_alone(flow: &mut Flow) {
    flow.boundaries.begin();
    flow.apply(&build("web"), spec());
    finished(flow).await;
}

async fn by_commands(flow: &mut Flow) {
    let spec =
        with(build_spec(&[("one", "sleep 3"), ("two", "echo two")]), "/customize/transport", json!("SSM"));
    flow.boundaries.begin();
    flow.apply(&build("web"), with(spec, "/builder/instanceProfile", json!("image-builder")));
    finished(flow).await;
}

async fn from_config_map(flow: &mut Flow) {
    let reference = json!({"configMapKeyRef": {"name": "scripts", "key": "work.sh"}});
    let steps = json!([{"name": "work", "script": {"from": reference}}]);
    flow.cluster.apply_config_map("images", "scripts", &json!({"work.sh": "sleep 3"}));
    flow.boundaries.begin();
    flow.apply(&build("web"), with(spec(), "/customize/steps", steps));
    finished(flow).await;
}

async fn failing(flow: &mut Flow) {
    flow.boundaries.begin();
    flow.apply(&build("web"), build_spec(&[("work", "sleep 3"), ("broken", "echo no\nexit 3")]));
    finished(flow).await;
}

/// Somebody terminates the first builder before it runs.
async fn tried_again(flow: &mut Flow) {
    let code = "Client.UserInitiatedShutdown".to_owned();
    let then = InstanceEnd::Terminated { code, message: "User initiated".to_owned() };
    let effect = Effect::Instance { pending: Duration::from_secs(5), then };
    fault(flow, Rule::on("RunInstances", effect).times(1));
    flow.boundaries.begin();
    flow.apply(&build("web"), with(spec(), "/backoffLimit", json!(1)));
    finished(flow).await;
}

/// In a step that outlasts every outage.
async fn cancelled(flow: &mut Flow) {
    let long = with(build_spec(&[("work", "sleep 9000")]), "/customize/timeout", json!("2h"));
    flow.boundaries.begin();
    flow.apply(&build("web"), long.clone());
    flow.until("in its step", LIMIT, |f| !f.status(&build("web"))["steps"].is_null()).await;
    flow.apply(&build("web"), with(long, "/desiredState", json!("Cancelled")));
    finished(flow).await;
}

async fn expired(flow: &mut Flow) {
    flow.apply(&build("web"), with(spec(), "/ttlAfterFinished", json!("10m")));
    finished(flow).await;
    flow.boundaries.begin();
    gone(flow, &build("web")).await;
}

async fn suspended(flow: &mut Flow) {
    flow.boundaries.begin();
    flow.apply(&build("web"), spec());
    flow.until("launched", LIMIT, |f| stage(&f.status(&build("web"))) >= Stage::Launching).await;
    flow.apply(&build("web"), with(spec(), "/suspend", json!(true)));
    flow.run_for(Duration::from_mins(10)).await;
    flow.apply(&build("web"), spec());
    finished(flow).await;
}

/// Only the second type has capacity, and only in the second subnet.
async fn fallback(flow: &mut Flow) {
    let [(first, zone), (second, _)] = flow.two_subnets();
    preset(flow, "capacity", &json!({"instanceType": "m7i.large"}));
    preset(flow, "capacity", &json!({"instanceType": "m6i.large", "zone": zone}));
    flow.boundaries.begin();
    flow.apply(&build("web"), with(spec(), "/builder/subnetIDs", json!([first, second])));
    finished(flow).await;
}

/// The first type is launched and dies.
async fn dies_on_launch(flow: &mut Flow) {
    let message = "Server.InternalError: Internal error on launch".to_owned();
    let then = InstanceEnd::Terminated { code: "Server.InternalError".to_owned(), message };
    let effect = Effect::Instance { pending: Duration::from_secs(5), then };
    fault(flow, Rule::on("RunInstances", effect).with_parameter("InstanceType", "m7i.large"));
    build_alone(flow).await;
}

async fn hidden(flow: &mut Flow) {
    hide_what_is_made(flow);
    build_alone(flow).await;
}

async fn missing_source(flow: &mut Flow) {
    const LATE: &str = "ami-00000000000000001";
    flow.boundaries.begin();
    flow.apply(&build("web"), with(spec(), "/source", json!({"imageID": LATE})));
    flow.until("stalled", LIMIT, |f| f.is_true(&build("web"), "Stalled")).await;
    flow.meddle(|world| {
        let images = &mut world.region_mut("us-east-1").images;
        let base = images.values().find(|i| i.name.starts_with("al2023") && i.architecture == "x86_64");
        let mut late = base.expect("seeded").clone();
        LATE.clone_into(&mut Arc::make_mut(&mut late).id);
        images.insert(LATE.to_owned(), late);
    });
    finished(flow).await;
}

async fn layered(flow: &mut Flow) {
    flow.boundaries.begin();
    flow.apply(&build("web"), with(spec(), "/source", json!({"imageBuildRef": {"name": "base"}})));
    flow.apply(&build("base"), spec());
    finished(flow).await;
}

async fn deleted(flow: &mut Flow, during: Stage, policy: &str) {
    let web = build("web");
    flow.boundaries.begin();
    flow.apply(&web, with(spec(), "/deletionPolicy", json!(policy)));
    flow.until("so far", LIMIT, |f| stage(&f.status(&web)) >= during).await;
    flow.delete(&web);
    gone(flow, &web).await;
}

async fn deleted_when_finished(flow: &mut Flow, policy: &str) {
    let web = build("web");
    flow.apply(&web, with(spec(), "/deletionPolicy", json!(policy)));
    finished(flow).await;
    flow.boundaries.begin();
    flow.delete(&web);
    gone(flow, &web).await;
}

async fn protected(flow: &mut Flow) {
    let web = build("web");
    let spec = with(spec(), "/image/deprecateAfter", json!("2160h"));
    let spec = with(spec, "/image/deregistrationProtection", json!("EnabledWithCooldown"));
    flow.boundaries.begin();
    flow.apply(&web, with(spec, "/deletionPolicy", json!("Delete")));
    finished(flow).await;
    flow.delete(&web);
    flow.until("gone", COOLDOWN + LIMIT, |f| f.object(&web).is_null()).await;
}
