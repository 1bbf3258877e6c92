//! Permissions: policy documents, evaluated as IAM does for a caller that has these and no others.
//!
//! An explicit deny wins, and what nothing allows is denied. Statements are found in use by their action pattern, so
//! that a test can tell a permission that no call needed.

mod condition;
mod policy;
#[cfg(test)]
mod policy_tests;
pub(crate) mod profiles;
mod question;
mod resources;
pub mod roles;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

pub use self::policy::BadPolicy;
use self::{
    policy::Statement,
    question::{Denial, Question},
};
use crate::{
    core::{Call, Service, error::ApiError, filters::wildcard, world::World},
    faults::{Effect, Met, presets},
};

/// The policies in force, and what they were used for.
#[derive(Debug, Default)]
pub struct Iam {
    statements: Vec<Statement>,
    /// Glob on the ARNs of those to whom the policies apply; others may do everything.
    principal: String,
    /// By document, statement and action pattern: how many calls needed it.
    used: BTreeMap<Permission, u64>,
    denied: Vec<Denied>,
}

/// An action pattern of an allowing statement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    pub document: String,
    pub sid: String,
    pub action: String,
}

/// A question that was answered by no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    pub principal: String,
    pub action: String,
    pub resource: String,
    /// The denying statement; none if nothing allowed it.
    pub by: Option<String>,
}

/// What the policies say to one question.
enum Verdict {
    Allowed(Vec<Permission>),
    Denied { by: Option<String> },
}

impl Iam {
    /// Reads documents given with their names. Refuses what it cannot evaluate.
    pub fn new(documents: &[(String, Value)], principal: &str) -> Result<Self, BadPolicy> {
        let mut statements = Vec::new();
        for (name, document) in documents {
            statements.extend(policy::read(name, document)?);
        }
        Ok(Self { statements, principal: principal.to_owned(), ..Self::default() })
    }

    /// The permissions that calls needed, with how many did.
    pub fn used(&self) -> &BTreeMap<Permission, u64> {
        &self.used
    }

    /// The permissions that no call needed so far.
    pub fn unused(&self) -> Vec<Permission> {
        let allowing = self.statements.iter().filter(|statement| statement.allows);
        let all = allowing.flat_map(|it| it.actions.list.iter().map(|action| permission(it, action)));
        all.filter(|permission| !self.used.contains_key(permission)).collect()
    }

    pub fn denied(&self) -> &[Denied] {
        &self.denied
    }

    pub(crate) fn forget(&mut self) {
        self.used.clear();
        self.denied.clear();
    }

    /// Refuses a call that the caller may not make. Some permissions are missed later only: then the answer is what
    /// happens to the call.
    pub(crate) fn authorize(
        &mut self,
        service: Service,
        call: &Call,
        world: &World,
    ) -> Result<Option<Met>, ApiError> {
        if !wildcard(&self.principal, &call.caller.principal) {
            return Ok(None);
        }
        let (mut needed, mut consequence) = (BTreeSet::new(), None);
        for question in question::all(service, call, world) {
            match self.decide(&question) {
                Verdict::Allowed(permissions) => needed.extend(permissions),
                Verdict::Denied { by } => {
                    let refusal = refusal(service, call, &question, by.is_some());
                    consequence = consequence.or(suffer(call, question.denial));
                    if question.denial != Denial::Harmless {
                        self.note(call, &question, by);
                    }
                    if question.denial == Denial::Refuse {
                        return Err(refusal);
                    }
                }
            }
        }
        for permission in needed {
            *self.used.entry(permission).or_default() += 1;
        }
        Ok(consequence)
    }

    fn decide(&self, question: &Question) -> Verdict {
        let Question { action, resource, context, denial: _ } = question;
        let mut allowed = Vec::new();
        for statement in &self.statements {
            match statement.applies(action, resource, context) {
                Some(_) if !statement.allows => {
                    return Verdict::Denied { by: Some(statement.sid.clone()) };
                }
                Some(pattern) => allowed.push(permission(statement, pattern)),
                None => {}
            }
        }
        if allowed.is_empty() { Verdict::Denied { by: None } } else { Verdict::Allowed(allowed) }
    }

    fn note(&mut self, call: &Call, question: &Question, by: Option<String>) {
        self.denied.push(Denied {
            principal: call.caller.principal.clone(),
            action: question.action.clone(),
            resource: question.resource.clone(),
            by,
        });
    }

    pub fn to_json(&self) -> Value {
        let shown = |it: &Permission| json!({"document": it.document, "sid": it.sid, "action": it.action});
        let used = self.used.iter().map(|(permission, count)| {
            let mut shown = shown(permission);
            shown["calls"] = json!(count);
            shown
        });
        let denied = self.denied.iter().map(|it| {
            json!({"principal": it.principal, "action": it.action, "resource": it.resource, "by": it.by})
        });
        json!({
            "principal": self.principal,
            "used": used.collect::<Vec<_>>(),
            "unused": self.unused().iter().map(shown).collect::<Vec<_>>(),
            "denied": denied.collect::<Vec<_>>(),
        })
    }
}

fn permission(statement: &Statement, action: &str) -> Permission {
    let Statement { document, sid, .. } = statement;
    Permission { document: document.clone(), sid: sid.clone(), action: action.to_owned() }
}

/// What a permission that is missed only later does to the call.
fn suffer(call: &Call, denial: Denial) -> Option<Met> {
    let soon = call.profile.run;
    let effect = match denial {
        Denial::Refuse | Denial::Harmless => return None,
        Denial::KeepSnapshots => Effect::KeepSnapshots { code: "missing-permissions".to_owned() },
        Denial::LoseKey if call.action == "CopyImage" => presets::failed_of_key(soon),
        Denial::LoseKey => presets::dead_of_key(soon),
    };
    Some(Met { rule: "iam".to_owned(), effect })
}

fn refusal(service: Service, call: &Call, question: &Question, explicit: bool) -> ApiError {
    let Question { action, resource, .. } = question;
    let why = if explicit {
        "with an explicit deny in an identity-based policy".to_owned()
    } else {
        format!("because no identity-based policy allows the {action} action")
    };
    let principal = &call.caller.principal;
    let message =
        format!("User: {principal} is not authorized to perform: {action} on resource: {resource} {why}");
    match service {
        Service::Ec2 => {
            let decoded = json!({"allowed": false, "explicitDeny": explicit, "failure": message});
            let encoded = BASE64_URL_SAFE_NO_PAD.encode(decoded.to_string());
            let message = format!(
                "You are not authorized to perform this operation. {message}. Encoded authorization failure message: {encoded}"
            );
            ApiError::new("UnauthorizedOperation", message).with_status(403)
        }
        Service::Ssm | Service::Kms => ApiError::new("AccessDeniedException", message),
        Service::Sts | Service::Iam => ApiError::new("AccessDenied", message).with_status(403),
    }
}
