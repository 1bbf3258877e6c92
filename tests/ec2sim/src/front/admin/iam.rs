//! Policies: set, and what calls needed of them.

use serde_json::{Value, json};

use super::{Answer, Refused, bad};
use crate::{front::Front, iam::Iam};

pub(super) fn show(front: &Front) -> Answer {
    let shown = front.sim.gate(|gate| gate.iam.as_ref().map(Iam::to_json));
    shown.ok_or_else(|| Refused(404, "no policies are in force".to_owned()))
}

/// Puts policies in force in place of those before, or none.
pub(super) fn change(front: &Front, body: &Value) -> Answer {
    if body["off"] == json!(true) {
        front.sim.gate(|gate| gate.iam = None);
        return Ok(json!({}));
    }
    let documents = body["documents"].as_array().ok_or_else(|| bad("documents is a list of policies"))?;
    let named = documents.iter().enumerate();
    let named: Vec<(String, Value)> =
        named.map(|(at, document)| (format!("document {}", at + 1), document.clone())).collect();
    let principal = body["principal"].as_str().unwrap_or("*");
    let iam = Iam::new(&named, principal).map_err(|error| bad(error.to_string()))?;
    front.sim.gate(|gate| gate.iam = Some(iam));
    show(front)
}
