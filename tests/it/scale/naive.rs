//! The way of Packer and of most controllers, for comparison: each object asks for each of its copies by id, every 15 seconds,
//! and a copy is asked for as soon as it is wanted. Real calls on ec2sim, by nobody's SDK: a refused call is made again after
//! the waiting times of the SDK's standard mode.

use std::time::Duration;

use ec2sim::core::{Caller, Outcome, Reply, Service, Sim, params::Params};
use futures::future::join_all;
use tokio::time::{Instant, sleep};

use super::{REGIONS, SOURCE_REGION, source, tally::Tally};
use crate::flow::{Flow, world::ACCOUNT};

/// Source: Packer, `builder/common` of its Amazon plugin, and the requeue times of several controllers.
const INTERVAL: Duration = Duration::from_secs(15);

const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(20);

/// What it cost.
pub struct Naive {
    pub took: Duration,
    pub until_ready: Tally,
    pub an_hour: Tally,
}

/// Copies the sources of so many objects, and watches the copies for an hour.
pub async fn run(flow: &Flow, objects: usize, copy: Duration) -> Naive {
    let began = Instant::now();
    let copies: Vec<(usize, &str)> =
        (0..objects).flat_map(|number| REGIONS.map(|region| (number, region))).collect();
    let ids = with_tally(flow, copy, join_all(copies.iter().map(|it| make(flow, it.0, it.1))));
    let (ids, until_ready) = ids.await;
    let took = began.elapsed();
    let end = Instant::now() + Duration::from_hours(1);
    let watched = copies.iter().zip(&ids).map(|((_, region), id)| watch(flow, region, id, end));
    let (_, an_hour) = with_tally(flow, copy, join_all(watched)).await;
    Naive { took, until_ready, an_hour }
}

/// Counts while `work` goes on, and now and then empties the journal.
async fn with_tally<T>(flow: &Flow, copy: Duration, work: impl Future<Output = T>) -> (T, Tally) {
    let mut tally = Tally::new(copy);
    tokio::pin!(work);
    let done = loop {
        tokio::select! {
            done = &mut work => break done,
            () = sleep(Duration::from_secs(5)) => tally.drain(&flow.sim),
        }
    };
    tally.drain(&flow.sim);
    (done, tally)
}

async fn make(flow: &Flow, number: usize, region: &str) -> String {
    let params = [("SourceRegion", SOURCE_REGION), ("SourceImageId", &source(number)), ("Name", "copy")];
    let made = call(flow, region, "CopyImage", &params).await;
    let id = text(&made, "imageId");
    while text(
        &call(flow, region, "DescribeImages", &[("ImageId.1", &id)]).await,
        "imagesSet/item/imageState",
    ) != "available"
    {
        sleep(INTERVAL).await;
    }
    id
}

async fn watch(flow: &Flow, region: &str, id: &str, end: Instant) {
    while Instant::now() + INTERVAL <= end {
        sleep(INTERVAL).await;
        call(flow, region, "DescribeImages", &[("ImageId.1", id)]).await;
    }
}

/// Until it is not refused any more.
async fn call(flow: &Flow, region: &str, action: &str, params: &[(&str, &str)]) -> Reply {
    let mut rest = FIRST_RETRY;
    loop {
        if let Ok(reply) = send(&flow.sim, flow.now(), region, action, params) {
            return reply;
        }
        sleep(rest.mul_f64(fastrand::f64())).await;
        rest = (2 * rest).min(LAST_RETRY);
    }
}

fn send(sim: &Sim, now: jiff::Timestamp, region: &str, action: &str, params: &[(&str, &str)]) -> Outcome {
    let caller = Caller {
        account: ACCOUNT.to_owned(),
        region: region.to_owned(),
        principal: format!("arn:aws:iam::{ACCOUNT}:user/naive"),
    };
    sim.call(now, &caller, Service::Ec2, action, &Params::from_query(params.iter().copied())).outcome
}

fn text(reply: &Reply, path: &str) -> String {
    match reply {
        Reply::Xml(node) => node.find_text(path).unwrap_or_default().to_owned(),
        Reply::Json(json) => panic!("EC2 answered JSON: {json}"),
    }
}
