//! A call that fails rests, whatever wakes its object meanwhile; and it holds up nothing else.

use std::{iter::repeat_n, sync::Arc, time::Duration};

use ami_operator::{api::RECONCILE_REQUESTED_AT, model::Action};
use serde_json::json;

use super::{
    Flow, build,
    faults::Fault,
    replication,
    world::{build_spec, replication_spec, with},
};

const HOUR: Duration = Duration::from_hours(1);

fn always(flow: &Flow, action: Action, code: &'static str) {
    flow.ec2.next(action, repeat_n(Fault::Refuse(code, "no"), 100_000));
}

#[tokio::test(start_paused = true)]
async fn a_denied_launch_is_tried_every_ten_minutes() {
    let mut flow = Flow::new();
    always(&flow, Action::RunInstances, "UnauthorizedOperation");
    flow.apply(&build("web"), build_spec(&[]));
    flow.run_for(HOUR).await;
    let calls = flow.ec2.count(Action::RunInstances);
    assert!((5..=8).contains(&calls), "{calls} launches in an hour");
}

#[tokio::test(start_paused = true)]
async fn a_denied_removal_is_tried_every_ten_minutes() {
    let mut flow = Flow::new();
    let web = build("web");
    flow.apply(&web, with(build_spec(&[]), "/deletionPolicy", json!("Delete")));
    flow.until("built", HOUR, |f| f.is_true(&web, "Succeeded")).await;
    always(&flow, Action::DeregisterImage, "OperationNotPermitted");
    flow.delete(&web);
    flow.run_for(HOUR).await;
    let calls = flow.ec2.count(Action::DeregisterImage);
    assert!((5..=8).contains(&calls), "{calls} removals in an hour");
}

#[tokio::test(start_paused = true)]
async fn a_refused_copy_rests_while_another_region_makes_progress() {
    let mut flow = Flow::new();
    let copies = replication("web");
    flow.apply(&copies, replication_spec("web", &["af-south-1", "eu-west-1"]));
    flow.apply(&build("web"), build_spec(&[]));
    flow.until("copied to Ireland", HOUR, |f| f.status(&copies)["ready"] == "1/2").await;
    assert_eq!(flow.ec2.count(Action::CopyImage), 2);
}

#[tokio::test(start_paused = true)]
async fn lasting_trouble_is_told_once() {
    let mut flow = Flow::new();
    always(&flow, Action::RunInstances, "UnauthorizedOperation");
    flow.apply(&build("web"), build_spec(&[]));
    flow.run_for(HOUR).await;
    assert_eq!(flow.cluster.event_reasons(&build("web")), ["SourceResolved", "AccessDenied"]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_copy_delays_no_other_region() {
    let mut flow = Flow::new();
    let copies = replication("web");
    flow.apply(&copies, replication_spec("web", &["af-south-1", "eu-west-1"]));
    flow.apply(&build("web"), build_spec(&[]));
    flow.until("built", HOUR, |f| f.is_true(&build("web"), "ImageAvailable")).await;
    flow.until("copied to Ireland", Duration::from_mins(1), |f| f.status(&copies)["ready"] == "1/2").await;
}

#[tokio::test(start_paused = true)]
async fn a_denied_call_is_tried_at_once_when_somebody_asks_for_a_look() {
    let mut flow = Flow::new();
    let web = build("web");
    flow.ec2.next(Action::RunInstances, [Fault::Refuse("UnauthorizedOperation", "no")]);
    flow.apply(&web, build_spec(&[]));
    flow.until("denied", HOUR, |f| f.is_true(&web, "Stalled")).await;
    flow.annotate(&web, RECONCILE_REQUESTED_AT, "now");
    flow.run_for(Duration::from_secs(5)).await;
    assert_eq!(flow.ec2.count(Action::RunInstances), 2);
}

#[tokio::test(start_paused = true)]
async fn a_run_past_its_deadline_costs_no_more_looks_than_before_it() {
    let mut flow = Flow::new();
    let web = build("web");
    let spec = with(build_spec(&[]), "/activeDeadline", json!("5m"));
    flow.apply(&web, with(spec, "/customize/timeout", json!("5m")));
    flow.until("imaging", HOUR, |f| f.status(&web)["image"]["imageID"].is_string()).await;
    let id = flow.images("us-east-1")[0].id.clone();
    flow.meddle(|world| {
        let image = world.region_mut("us-east-1").images.get_mut(&id).expect("the image");
        Arc::make_mut(image).settles_at = "2027-01-01T00:00:00Z".parse().expect("a time");
    });
    flow.run_for(Duration::from_mins(6)).await;
    assert_eq!(flow.condition(&web, "Stalled").1, "DeadlineExceeded");
    let before = flow.reconciliations;
    flow.run_for(HOUR).await;
    let made = flow.reconciliations - before;
    assert!(made < 300, "{made} reconciliations in an hour");
}
