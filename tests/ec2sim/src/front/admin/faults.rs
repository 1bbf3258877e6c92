//! Fault rules: added, listed with their counters, removed.

use serde_json::{Value, json};

use super::{Answer, Refused, bad};
use crate::{
    faults::{Rule, Standing},
    front::Front,
};

pub(super) fn list(front: &Front) -> Value {
    let rules: Vec<Value> =
        front.sim.gate(|gate| gate.faults.rules().iter().map(Standing::to_json).collect());
    json!({ "rules": rules })
}

/// Adds one rule, several, or those of a preset, all or nothing; answers their ids.
pub(super) fn add(front: &Front, body: &Value) -> Answer {
    let now = front.clock.now();
    let ids = match (body["preset"].as_str(), body.get("rules")) {
        (Some(preset), _) => front.sim.gate(|gate| gate.faults.add_preset(now, preset, body)),
        (None, Some(rules)) => {
            let rules: Vec<Rule> = read(rules)?;
            front.sim.gate(|gate| gate.faults.add_all(now, rules))
        }
        (None, None) => {
            let rule: Rule = read(body)?;
            front.sim.gate(|gate| gate.faults.add_all(now, vec![rule]))
        }
    };
    Ok(json!({ "ids": ids.map_err(bad)? }))
}

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, Refused> {
    serde_json::from_value(value.clone()).map_err(|error| bad(error.to_string()))
}

/// Removes the rule of an id, or all.
pub(super) fn remove(front: &Front, id: Option<&str>) -> Answer {
    let Some(id) = id else {
        front.sim.gate(|gate| gate.faults.clear());
        return Ok(list(front));
    };
    let removed = id.parse().is_ok_and(|id| front.sim.gate(|gate| gate.faults.remove(id)));
    if removed { Ok(list(front)) } else { Err(Refused(404, format!("there is no rule {id}"))) }
}
