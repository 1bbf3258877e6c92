//! The watchers of something, and how urgent it is to each: nearly always a single object, which needs no map.

use std::{collections::BTreeMap, sync::Arc};

use super::super::Subject;
use crate::plan::Pace;

#[derive(Default)]
pub(super) enum Watchers {
    #[default]
    Nobody,
    One(Arc<Subject>, Pace),
    Many(BTreeMap<Arc<Subject>, Pace>),
}

impl Watchers {
    /// Sets the pace of `subject`; true if it did not watch before.
    pub(super) fn insert(&mut self, subject: &Arc<Subject>, pace: Pace) -> bool {
        match self {
            Self::Nobody => {
                *self = Self::One(subject.clone(), pace);
                true
            }
            Self::One(known, its) if known == subject => {
                *its = pace;
                false
            }
            Self::One(known, its) => {
                let both = [(known.clone(), *its), (subject.clone(), pace)];
                *self = Self::Many(BTreeMap::from(both));
                true
            }
            Self::Many(all) => all.insert(subject.clone(), pace).is_none(),
        }
    }

    pub(super) fn remove(&mut self, subject: &Subject) {
        match self {
            Self::One(known, _) if **known == *subject => *self = Self::Nobody,
            Self::Nobody | Self::One(..) => {}
            Self::Many(all) => {
                all.remove(subject);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Nobody => true,
            Self::One(..) => false,
            Self::Many(all) => all.is_empty(),
        }
    }

    /// The most urgent.
    pub(super) fn pace(&self) -> Option<Pace> {
        match self {
            Self::Nobody => None,
            Self::One(_, pace) => Some(*pace),
            Self::Many(all) => all.values().min().copied(),
        }
    }

    pub(super) fn all(&self) -> Vec<Subject> {
        match self {
            Self::Nobody => Vec::new(),
            Self::One(subject, _) => vec![Subject::clone(subject)],
            Self::Many(all) => all.keys().map(|subject| Subject::clone(subject)).collect(),
        }
    }
}
