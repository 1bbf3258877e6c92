//! What a test or a person at the machine sets and sees besides the API: `/_emu/…`, JSON in and out.
//!
//! | path | GET | POST |
//! |---|---|---|
//! | `config` | delays, lag, throttling | `{"buckets": true}`, `{"profile": "demo"}` or `{"profile": {"image": 20}}`, `{"lagSeconds": 5}`, `{"optedIn": {account: [region]}}`, `{"subscriptions": {account: [product code]}}` |
//! | `clock` | time and mode | `{"advanceSeconds": 60}`, manual clocks only |
//! | `journal` | calls, the last ones with `?last=100` | |
//! | `faults` | rules with their counters | one rule, `{"rules": [rule]}`, or `{"preset": name, …}`; DELETE removes all, `faults/3` one |
//! | `iam` | what the policies allowed and denied, what no call used | `{"documents": [policy], "principal": glob}`, `{"off": true}` |
//! | `state` | the whole world | |
//! | `images` | | `{"region", "of": image id, "twins": [{"id", "snapshotId", "tags": {}}]}`: images like another one |
//! | `reset` | | a new world without faults; `{"profile": "test", "seed": 1}` |
//!
//! # Faults
//!
//! A rule is `{"name": text, "match": {…}, "when": {…}, "effect": …}`; all but the effect may be left out. Of the rules
//! that are about a call, the first that acts on it wins. Presets are in [`crate::faults::presets`].
//!
//! | `match` | a glob, or several with <code>&#124;</code> between them |
//! |---|---|
//! | `service` | `ec2`, `ssm`, `sts` |
//! | `action`, `region`, `account` | as in the journal |
//! | `zone` | where `RunInstances` would launch |
//! | `parameters` | `{name: glob}`, with the dotted names of the query protocol; any value at or below the name may fit |
//!
//! | `when` | |
//! |---|---|
//! | `skip` | calls that are left alone first |
//! | `times` | how often it acts at most |
//! | `every` | 3 acts on the first of each three calls |
//! | `probability` | chance of acting, drawn from the world's seed |
//! | `fromSeconds`, `untilSeconds` | simulated time since the rule was made |
//!
//! | `effect` | |
//! |---|---|
//! | `{"error": {"code", "message", "status"}}` | refused; the message may name `{principal}`, `{account}`, `{region}`, `{service}`, `{action}`, `{zone}`, `{zones}` or a parameter |
//! | `"reset"`, `"hang"` | not carried out; the connection is reset, or nothing is ever answered |
//! | `{"delay": {"ms"}}` | carried out at once, answered late, in real time |
//! | `"lostReply"`, `"truncatedBody"` | carried out; the connection is reset in place of the answer, or in the middle of it |
//! | `{"image": {"pendingSeconds", "then"}}` | images that the call makes; `then` is `"available"` or `{"failed": {"code", "message"}}` |
//! | `{"instance": {"pendingSeconds", "then"}}` | instances; `then` is `"running"` or `{"terminated": {"code", "message"}}` |
//! | `"stuckStopping"` | instances that the call makes or stops never get beyond `stopping` |
//! | `{"snapshot": {"pendingSeconds", "message"}}` | snapshots end in `error`, their image in `failed` |
//! | `{"invisibleFor": {"seconds"}}` | no read finds what the call makes for so long |
//! | `{"lag": {"seconds"}}` | the read sees the world of so long ago (10 minutes at most) |
//! | `{"console": {"text"}}` | what `GetConsoleOutput` answers |
//! | `{"command": {"exitCode", "output", "status"}}` | how what `SendCommand` sends ends: `Success`, `Failed`, `TimedOut`, `Cancelled`, `Pending` |
//! | `{"keepSnapshots": {"code"}}` | `DeregisterImage` leaves the snapshots and answers this `returnCode` |
//! | `{"drift": {"image", "change"}}` | images whose name or id fits are changed before the call: `"permission"`, `{"tag": {"key", "value"}}`, `"disabled"`, `"deregistered"` |

mod config;
mod faults;
mod iam;
mod images;
mod state;

use std::time::Duration;

use hyper::{Method, Request, Response};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Front;
use crate::core::{clock::Clock, world::World};

pub const PREFIX: &str = "/_emu/";

/// Status and text of a refusal.
struct Refused(u16, String);

type Answer = Result<Value, Refused>;

fn bad(message: impl Into<String>) -> Refused {
    Refused(400, message.into())
}

/// Answers a request whose path begins with [`PREFIX`]. The caller has made sure that it comes from this machine.
pub fn answer(front: &Front, request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
    let (status, body) = match route(front, request) {
        Ok(body) => (200, body),
        Err(Refused(status, message)) => (status, json!({ "error": message })),
    };
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(body.to_string().into_bytes())
        .expect("statuses and headers are valid")
}

fn route(front: &Front, request: &Request<Vec<u8>>) -> Answer {
    let path = request.uri().path().strip_prefix(PREFIX).unwrap_or_default();
    match (request.method(), path) {
        (&Method::GET, "config") => Ok(config::show(front)),
        (&Method::POST, "config") => config::change(front, &body(request)?),
        (&Method::GET, "clock") => Ok(clock(front)),
        (&Method::POST, "clock") => advance(front, &body(request)?),
        (&Method::GET, "faults") => Ok(faults::list(front)),
        (&Method::POST, "faults") => faults::add(front, &body(request)?),
        (&Method::DELETE, path) if path == "faults" || path.starts_with("faults/") => {
            faults::remove(front, path.strip_prefix("faults/"))
        }
        (&Method::GET, "iam") => iam::show(front),
        (&Method::POST, "iam") => iam::change(front, &body(request)?),
        (&Method::POST, "images") => images::make_twins(front, &body(request)?),
        (&Method::GET, "journal") => Ok(journal(front, request)),
        (&Method::GET, "state") => Ok(state::dump(&front.sim.world(), front.clock.now())),
        (&Method::POST, "reset") => reset(front, &body(request)?),
        _ => Err(Refused(404, format!("{} {} is not known", request.method(), request.uri().path()))),
    }
}

fn body(request: &Request<Vec<u8>>) -> Answer {
    if request.body().is_empty() {
        return Ok(json!({}));
    }
    let parsed: Value = serde_json::from_slice(request.body()).map_err(|error| bad(error.to_string()))?;
    if parsed.is_object() { Ok(parsed) } else { Err(bad("the body must be a JSON object")) }
}

/// A number of seconds, for example `1.5`.
fn duration(value: &Value) -> Result<Duration, Refused> {
    let seconds = value.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| bad(format!("{value} is not a number of seconds")))
}

fn clock(front: &Front) -> Value {
    let mode = match front.clock {
        Clock::Real { .. } => "real",
        Clock::Manual(_) => "manual",
        Clock::Tokio { .. } => "tokio",
    };
    json!({"now": front.clock.now().to_string(), "mode": mode})
}

fn advance(front: &Front, body: &Value) -> Answer {
    if !front.clock.advance(duration(&body["advanceSeconds"])?) {
        return Err(Refused(409, "only a manual clock can be advanced".to_owned()));
    }
    Ok(clock(front))
}

fn journal(front: &Front, request: &Request<Vec<u8>>) -> Value {
    let query = form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
    let last = query.filter(|(name, _)| name == "last").find_map(|(_, value)| value.parse().ok());
    let mut calls: Vec<Value> = front.sim.journal(|journal| {
        journal
            .entries()
            .rev()
            .take(last.unwrap_or(usize::MAX))
            .map(crate::core::journal::Entry::to_json)
            .collect()
    });
    calls.reverse();
    json!({ "calls": calls })
}

/// A new world without lag, faults and journal. The clock goes on, and the delays stay unless a profile is named.
fn reset(front: &Front, body: &Value) -> Answer {
    let seed = match &body["seed"] {
        Value::Null => front.sim.world().seed,
        seed => seed.as_u64().ok_or_else(|| bad("seed is a number"))?,
    };
    let mut knobs = front.sim.knobs();
    knobs.lag = Duration::ZERO;
    if !body["profile"].is_null() {
        knobs.profile = config::profile(&knobs.profile, &body["profile"])?;
    }
    let now: Timestamp = front.clock.now();
    front.sim.reset(World::new(seed, now), now);
    front.sim.set_knobs(knobs);
    Ok(json!({"seed": seed, "now": now.to_string()}))
}
