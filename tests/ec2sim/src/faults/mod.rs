//! Trouble on demand: rules that refuse, delay, lose or bend calls and what they make.
//!
//! The first rule that is about a call and acts on it wins. Nothing here reads a clock or draws from anything but
//! the world's seed and the counters, so that the same calls at the same times meet the same trouble.

mod drift;
mod effects;
#[cfg(test)]
mod preset_tests;
pub mod presets;
mod rule;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde_json::{Value, json};

pub use self::rule::{Calls, CommandEnd, Drift, Effect, ImageEnd, InstanceEnd, Rule, When};
pub(crate) use self::{
    drift::drift,
    effects::{on_read, on_write},
};
use crate::{
    core::{
        Call, Service,
        clock::after,
        error::ApiError,
        world::{Region, World, mix},
    },
    ec2::place_of_launch,
};

/// How an answer reaches the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    #[default]
    Now,
    After(Duration),
    /// Neither an answer nor an end of the connection.
    Never,
    /// The connection is reset before the first byte of the answer.
    Reset,
    /// The connection ends in the middle of the answer.
    Truncated,
}

/// The rules of a world.
#[derive(Debug, Default)]
pub struct Faults {
    rules: Vec<Standing>,
    added: u64,
    /// By (region, id): what no read finds, until when.
    hidden: BTreeMap<(String, String), Timestamp>,
}

/// A rule in force.
#[derive(Debug)]
pub struct Standing {
    pub id: u64,
    pub rule: Rule,
    added_at: Timestamp,
    /// Calls within the time window that it was about.
    pub matched: u64,
    /// Calls that it acted on.
    pub fired: u64,
}

/// What a rule does to the call at hand.
#[derive(Clone, Debug)]
pub(crate) struct Met {
    pub rule: String,
    pub effect: Effect,
}

impl Faults {
    /// Adds a rule behind the others; answers its id.
    pub fn add(&mut self, now: Timestamp, rule: Rule) -> Result<u64, String> {
        rule.when.check()?;
        self.added += 1;
        self.rules.push(Standing { id: self.added, rule, added_at: now, matched: 0, fired: 0 });
        Ok(self.added)
    }

    /// Adds rules in their order, all or none.
    pub fn add_all(&mut self, now: Timestamp, rules: Vec<Rule>) -> Result<Vec<u64>, String> {
        rules.iter().try_for_each(|rule| rule.when.check())?;
        rules.into_iter().map(|rule| self.add(now, rule)).collect()
    }

    /// Adds the rules of a preset, see [`presets`].
    pub fn add_preset(&mut self, now: Timestamp, name: &str, options: &Value) -> Result<Vec<u64>, String> {
        self.add_all(now, presets::rules(name, options)?)
    }

    /// Answers whether there was such a rule.
    pub fn remove(&mut self, id: u64) -> bool {
        let before = self.rules.len();
        self.rules.retain(|standing| standing.id != id);
        self.rules.len() < before
    }

    /// Removes all rules, and shows again what they hid.
    pub fn clear(&mut self) {
        self.rules.clear();
        self.hidden.clear();
    }

    pub fn rules(&self) -> &[Standing] {
        &self.rules
    }

    pub(crate) fn meet(&mut self, service: Service, call: &Call, world: &World) -> Option<Met> {
        let about = |standing: &&mut Standing| {
            standing.is_in_window(call.now) && standing.rule.calls.fit(service, call, world)
        };
        let mut standing = self.rules.iter_mut().filter(about);
        let standing = standing.find_map(|standing| standing.fires(world.seed).then_some(standing))?;
        Some(Met { rule: standing.label(), effect: standing.rule.effect.clone() })
    }

    pub(crate) fn hide(&mut self, region: &str, ids: &[String], until: Timestamp) {
        self.hidden.extend(ids.iter().map(|id| ((region.to_owned(), id.clone()), until)));
    }

    /// Takes what is hidden out of a region that a read is about to see.
    pub(crate) fn veil(&mut self, now: Timestamp, region: &mut Region) {
        self.hidden.retain(|_, until| now < *until);
        for (_, id) in self.hidden.keys().filter(|(of, _)| *of == region.name) {
            region.images.remove(id);
            region.snapshots.remove(id);
            region.volumes.remove(id);
            region.instances.remove(id);
            region.security_groups.remove(id);
            region.key_pairs.remove(id);
            region.commands.remove(id);
        }
    }

    pub(crate) fn hides_something_in(&self, region: &str) -> bool {
        self.hidden.keys().any(|(of, _)| of == region)
    }
}

impl Standing {
    /// The name, or what it has instead.
    fn label(&self) -> String {
        if self.rule.name.is_empty() { format!("rule {}", self.id) } else { self.rule.name.clone() }
    }

    fn is_in_window(&self, now: Timestamp) -> bool {
        let When { from, until, .. } = self.rule.when;
        after(self.added_at, from) <= now && until.is_none_or(|until| now < after(self.added_at, until))
    }

    fn fires(&mut self, seed: u64) -> bool {
        let When { skip, times, every, probability, from: _, until: _ } = self.rule.when;
        self.matched += 1;
        let due = self.matched > skip && (self.matched - skip - 1).is_multiple_of(every);
        let fires = due
            && times.is_none_or(|times| self.fired < times)
            && fraction(mix(seed ^ mix(self.id ^ mix(self.matched)))) < probability;
        self.fired += u64::from(fires);
        fires
    }

    pub fn to_json(&self) -> Value {
        let rule = serde_json::to_value(&self.rule).expect("a rule has only text keys");
        let mut shown = json!({"id": self.id, "matched": self.matched, "fired": self.fired});
        if let (Value::Object(shown), Value::Object(rule)) = (&mut shown, rule) {
            shown.extend(rule);
        }
        shown
    }
}

/// In 0.0 ..< 1.0.
fn fraction(number: u64) -> f64 {
    f64::from(u32::try_from(number >> 32).expect("32 bits are left")) / (f64::from(u32::MAX) + 1.0)
}

impl Effect {
    /// The error in place of carrying out the call.
    pub(crate) fn refusal(&self, service: Service, call: &Call, world: &World) -> Option<ApiError> {
        match self {
            Self::Error { code, message, status } => {
                Some(ApiError::new(code, text(message, service, call, world)).with_status(*status))
            }
            // No client sees this one; the journal does.
            Self::Reset | Self::Hang => Some(ApiError::new("NoAnswer", "the call was not carried out")),
            Self::Delay { .. }
            | Self::LostReply
            | Self::TruncatedBody
            | Self::Image { .. }
            | Self::Instance { .. }
            | Self::StuckStopping
            | Self::Snapshot { .. }
            | Self::InvisibleFor { .. }
            | Self::Lag { .. }
            | Self::Console { .. }
            | Self::Command { .. }
            | Self::KeepSnapshots { .. }
            | Self::Drift { .. } => None,
        }
    }

    pub(crate) fn delivery(&self) -> Delivery {
        match self {
            Self::Reset | Self::LostReply => Delivery::Reset,
            Self::Hang => Delivery::Never,
            Self::Delay { ms } => Delivery::After(Duration::from_millis(*ms)),
            Self::TruncatedBody => Delivery::Truncated,
            Self::Error { .. }
            | Self::Image { .. }
            | Self::Instance { .. }
            | Self::StuckStopping
            | Self::Snapshot { .. }
            | Self::InvisibleFor { .. }
            | Self::Lag { .. }
            | Self::Console { .. }
            | Self::Command { .. }
            | Self::KeepSnapshots { .. }
            | Self::Drift { .. } => Delivery::Now,
        }
    }

    pub(crate) fn lag(&self) -> Duration {
        if let Self::Lag { seconds } = self { *seconds } else { Duration::ZERO }
    }
}

/// A message with the facts of its call: `{principal}`, `{account}`, `{region}`, `{service}`, `{action}`, `{zone}`, `{zones}`
/// (the other zones of the region), or a parameter by its name, for example `{InstanceType}`.
fn text(message: &str, service: Service, call: &Call, world: &World) -> String {
    let mut parts = message.split('{');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('}').unwrap_or((part, ""));
        out.push_str(&fact(name, service, call, world));
        out.push_str(rest);
    }
    out
}

fn fact(name: &str, service: Service, call: &Call, world: &World) -> String {
    let zone = || place_of_launch(call, world).map(|place| place.zone);
    match name {
        "principal" => call.caller.principal.clone(),
        "account" => call.caller.account.clone(),
        "region" => call.caller.region.clone(),
        "service" => service.name().to_owned(),
        "action" => call.action.to_owned(),
        "zone" => zone().unwrap_or_default(),
        "zones" => {
            let asked = zone();
            let others = call.region(world).zones.iter().filter(|zone| Some(&zone.name) != asked.as_ref());
            others.map(|zone| zone.name.as_str()).collect::<Vec<_>>().join(", ")
        }
        parameter => call.params.text(parameter).unwrap_or_default().to_owned(),
    }
}
