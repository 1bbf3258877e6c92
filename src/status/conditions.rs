//! `metav1.Condition` lists, set in one way. Source: Kubernetes API conventions, "Typical status properties".

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::{
    model::{AwsError, Disposition},
    plan::{Failure, Progress, WaitingOn},
};

#[cfg(test)]
mod tests;

/// How long a message may be: enough for an AWS error with ids, too short for a log.
const MAX_MESSAGE: usize = 2048;

/// The three values of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    True,
    False,
    Unknown,
}

impl Value {
    fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// The value, reason and message of a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub value: Value,
    pub reason: String,
    pub message: String,
}

impl Said {
    /// A value with its reason and message.
    pub fn new(value: Value, reason: &str, message: impl Into<String>) -> Self {
        Self { value, reason: reason.to_owned(), message: bounded(&message.into()) }
    }
}

/// A message as it may stand in a status, so that no text of AWS or of a guest can make the API server refuse it. Control
/// characters would let a guest or a name forge lines in `kubectl describe`.
pub(super) fn bounded(message: &str) -> String {
    message.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_MESSAGE).collect()
}

/// A condition list that is being updated.
pub struct Conditions<'a> {
    pub list: &'a mut Vec<Condition>,
    pub generation: Option<i64>,
    pub now: Timestamp,
}

impl Conditions<'_> {
    /// Sets a condition; its transition time moves only when its value does.
    pub fn set(&mut self, kind: &str, said: Said) {
        let old = self.list.iter().position(|c| c.type_ == kind);
        let value = said.value.as_str();
        let same = old.and_then(|i| self.list.get(i)).filter(|c| c.status == value);
        let since = same.map_or(Time(self.now), |c| c.last_transition_time.clone());
        let condition = Condition {
            type_: kind.to_owned(),
            status: value.to_owned(),
            reason: said.reason,
            message: said.message,
            last_transition_time: since,
            observed_generation: self.generation,
        };
        match old.and_then(|i| self.list.get_mut(i)) {
            Some(slot) => *slot = condition,
            None => self.list.push(condition),
        }
    }

    /// Removes a condition: `Reconciling` and `Stalled` are present only while true.
    pub fn remove(&mut self, kind: &str) {
        self.list.retain(|c| c.type_ != kind);
    }

    /// `Ready`, and the one of `Reconciling` and `Stalled` that goes with it, as kstatus reads them.
    pub fn set_summary(&mut self, progress: &Progress, done: &Said) {
        let said = match progress {
            Progress::Done => done.clone(),
            Progress::Moving(_) | Progress::Trouble(_) | Progress::Blocked(_) | Progress::Rejected(_) => {
                saying(progress)
            }
        };
        self.set("Ready", said.clone());
        let abnormal = Said { value: Value::True, ..said };
        match standing(progress) {
            Standing::Settled => self.set_pair(None, None),
            Standing::Reconciling => self.set_pair(Some(abnormal), None),
            Standing::Stalled => self.set_pair(None, Some(abnormal)),
        }
    }

    fn set_pair(&mut self, reconciling: Option<Said>, stalled: Option<Said>) {
        for (kind, said) in [("Reconciling", reconciling), ("Stalled", stalled)] {
            match said {
                Some(said) => self.set(kind, said),
                None => self.remove(kind),
            }
        }
    }
}

/// The standing of an object, for kstatus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Settled,
    Reconciling,
    Stalled,
}

/// Whether this proceeds on its own.
pub fn standing(progress: &Progress) -> Standing {
    match progress {
        Progress::Done | Progress::Moving(WaitingOn::Suspended) => Standing::Settled,
        Progress::Moving(_) => Standing::Reconciling,
        Progress::Blocked(_) | Progress::Rejected(_) => Standing::Stalled,
        Progress::Trouble(error) => match error.class().disposition() {
            Disposition::Wait | Disposition::Retry => Standing::Reconciling,
            Disposition::NeedsHelp | Disposition::Rejected => Standing::Stalled,
        },
    }
}

/// The progress of a wait in percent, if AWS reports it.
pub fn percent(progress: &Progress) -> Option<i32> {
    match progress {
        Progress::Moving(WaitingOn::Image { progress, .. }) => progress.map(i32::from),
        Progress::Moving(_)
        | Progress::Trouble(_)
        | Progress::Blocked(_)
        | Progress::Done
        | Progress::Rejected(_) => None,
    }
}

/// The content of a condition that is not true, from a progress that is not done.
pub fn saying(progress: &Progress) -> Said {
    match progress {
        Progress::Moving(waiting_on) => Said::new(Value::False, waiting_on.reason(), waiting_on.to_string()),
        Progress::Trouble(error) => Said::new(Value::False, error.class().reason(), explain(error)),
        Progress::Blocked(Failure { reason, message }) | Progress::Rejected(Failure { reason, message }) => {
            Said::new(Value::False, reason, message.clone())
        }
        Progress::Done => Said::new(Value::True, "Ready", ""),
    }
}

/// The error with its region, code and request id, and what to do about it.
pub fn explain(error: &AwsError) -> String {
    match error.class().advice() {
        "" => error.to_string(),
        advice => format!("{error}; {advice}"),
    }
}
