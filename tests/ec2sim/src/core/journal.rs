//! Every call, for assertions and for people.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Caller, Reply, Service, changes::Changes, error::ApiError, params::Params};
use crate::faults::Delivery;

/// Calls kept; older ones are forgotten, so that a server can run for weeks.
const KEPT: usize = 100_000;

/// One call and how it ended.
#[derive(Clone, Debug)]
pub struct Entry {
    pub at: Timestamp,
    pub caller: Caller,
    pub service: Service,
    pub action: String,
    pub params: Params,
    pub dry_run: bool,
    /// False for actions that only read.
    pub is_write: bool,
    pub error: Option<ApiError>,
    /// What a call that changed something answered.
    pub answer: Option<Reply>,
    pub changes: Changes,
    /// The fault rule that acted on it.
    pub fault: Option<String>,
    pub delivery: Delivery,
}

impl Entry {
    pub fn to_json(&self) -> Value {
        json!({
            "at": self.at.to_string(),
            "account": self.caller.account,
            "region": self.caller.region,
            "principal": self.caller.principal,
            "service": self.service.name(),
            "action": self.action,
            "params": self.params.to_json(),
            "dryRun": self.dry_run,
            "answer": self.answer.as_ref().map(Reply::to_json),
            "made": self.changes.made,
            "touched": self.changes.touched.iter().map(|touched| &touched.id).collect::<Vec<_>>(),
            "fault": self.fault,
            "answered": matches!(self.delivery, Delivery::Now | Delivery::After(_)),
            "error": self.error.as_ref().map(|error| json!({"code": error.code, "message": error.message})),
        })
    }
}

#[derive(Debug, Default)]
pub struct Journal(VecDeque<Entry>);

impl Journal {
    pub(super) fn record(&mut self, entry: Entry) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(entry);
    }

    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.0.iter()
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }
}
