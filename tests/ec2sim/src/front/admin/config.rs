//! Settings that change while the server runs.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{Answer, Refused, bad, duration};
use crate::{
    buckets::Buckets,
    core::{profile::Profile, seed, world::Account},
    front::Front,
};

pub(super) fn show(front: &Front) -> Value {
    let knobs = front.sim.knobs();
    let mut profile = knobs.profile;
    let mut delays: Map<String, Value> = NAMES
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), json!(delay(&mut profile, name)?.as_secs_f64()))))
        .collect();
    delays.insert("jitter".to_owned(), json!(profile.jitter));
    json!({"profile": delays, "lagSeconds": knobs.lag.as_secs_f64(), "maxLagSeconds": knobs.max_lag.as_secs_f64(),
        "buckets": front.sim.gate(|gate| gate.buckets.is_some())})
}

/// Changes what is named, all or nothing.
pub(super) fn change(front: &Front, body: &Value) -> Answer {
    let mut knobs = front.sim.knobs();
    let mut accounts = Vec::new();
    let mut throttled = None;
    for (name, value) in body.as_object().into_iter().flatten() {
        match name.as_str() {
            "profile" => knobs.profile = profile(&knobs.profile, value)?,
            "buckets" => {
                throttled = Some(value.as_bool().ok_or_else(|| bad("buckets is true or false"))?);
            }
            "lagSeconds" => knobs.lag = duration(value)?,
            "optedIn" => accounts
                .extend(texts_by_account(value)?.into_iter().map(|(id, texts)| (id, opt_in as Set, texts))),
            "subscriptions" => {
                accounts.extend(
                    texts_by_account(value)?.into_iter().map(|(id, texts)| (id, subscribe as Set, texts)),
                );
            }
            other => return Err(bad(format!("{other} is not a setting"))),
        }
    }
    if knobs.lag > knobs.max_lag {
        return Err(bad(format!("the lag can be {} s at most", knobs.max_lag.as_secs())));
    }
    front.sim.set_knobs(knobs);
    if let Some(on) = throttled {
        front.sim.gate(|gate| gate.buckets = on.then(Buckets::default));
    }
    front.sim.change(front.clock.now(), |world| {
        for (id, set, texts) in accounts {
            seed::add_account(world, &id);
            if let Some(account) = world.accounts.get_mut(&id) {
                set(account, texts);
            }
        }
    });
    Ok(show(front))
}

type Set = fn(&mut Account, Vec<String>);

fn opt_in(account: &mut Account, regions: Vec<String>) {
    account.opted_in = regions.into_iter().collect();
}

fn subscribe(account: &mut Account, product_codes: Vec<String>) {
    account.subscriptions = product_codes.into_iter().collect();
}

fn texts_by_account(value: &Value) -> Result<Vec<(String, Vec<String>)>, Refused> {
    serde_json::from_value::<std::collections::BTreeMap<String, Vec<String>>>(value.clone())
        .map(|map| map.into_iter().collect())
        .map_err(|_| bad(format!("{value} does not map accounts to lists of texts")))
}

const NAMES: [&str; 10] =
    ["run", "stop", "image", "copy", "boot", "console", "fastRestore", "agent", "command", "validation"];

fn delay<'p>(profile: &'p mut Profile, name: &str) -> Option<&'p mut Duration> {
    match name {
        "run" => Some(&mut profile.run),
        "stop" => Some(&mut profile.stop),
        "image" => Some(&mut profile.image),
        "copy" => Some(&mut profile.copy),
        "boot" => Some(&mut profile.boot),
        "console" => Some(&mut profile.console),
        "fastRestore" => Some(&mut profile.fast_restore),
        "agent" => Some(&mut profile.agent),
        "command" => Some(&mut profile.command),
        "validation" => Some(&mut profile.validation),
        _ => None,
    }
}

/// A profile by its name, or `present` with single delays changed.
pub(super) fn profile(present: &Profile, value: &Value) -> Result<Profile, Refused> {
    if let Some(name) = value.as_str() {
        return Profile::named(name).ok_or_else(|| bad(format!("{name} is not a profile")));
    }
    let mut profile = present.clone();
    for (name, seconds) in
        value.as_object().ok_or_else(|| bad("a profile is a name or an object of delays"))?
    {
        match (name.as_str(), delay(&mut profile, name)) {
            ("jitter", _) => profile.jitter = duration(seconds)?.as_secs_f64(),
            (_, Some(delay)) => *delay = duration(seconds)?,
            (_, None) => return Err(bad(format!("{name} is not a delay"))),
        }
    }
    Ok(profile)
}
