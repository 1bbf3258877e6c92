//! The last answer to a question. Most are about images that are as they should be.

use super::super::packed::{Packed, Words};
use crate::{
    model::{Absence, Answer, AwsError, Seen},
    plan::Sighting,
};

#[derive(Default)]
pub(super) enum Known {
    /// Not asked since it was registered, or since a write made the answer old.
    #[default]
    Nothing,
    Image(Packed),
    Other(Box<Sighting>),
}

impl Known {
    pub(super) fn new(sighting: Sighting, words: &mut Words) -> Self {
        match &sighting {
            Sighting { seen: Seen::Present(Answer::Image(image)), error: None } => {
                Self::Image(Packed::new(image, words))
            }
            Sighting { .. } => Self::Other(Box::new(sighting)),
        }
    }

    pub(super) fn sighting(&self, words: &Words) -> Option<Sighting> {
        match self {
            Self::Nothing => None,
            Self::Image(packed) => {
                let image = Answer::Image(Box::new(packed.image(words)?));
                Some(Sighting { seen: Seen::Present(image), error: None })
            }
            Self::Other(sighting) => Some(Sighting::clone(sighting)),
        }
    }

    pub(super) fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    pub(super) fn absence(&self) -> Option<Absence> {
        match self {
            Self::Other(sighting) => match sighting.seen {
                Seen::Absent(absence) => Some(absence),
                Seen::Unknown | Seen::Present(_) => None,
            },
            Self::Nothing | Self::Image(_) => None,
        }
    }

    /// Whether the other is no news. The same error under another request id is none: it would be a status write for each
    /// refused call.
    pub(super) fn says(&self, other: &Self) -> bool {
        let unnumbered = |s: &Sighting| s.error.clone().map(|error| AwsError { request_id: None, ..error });
        match (self, other) {
            (Self::Image(one), Self::Image(other)) => one == other,
            (Self::Other(one), Self::Other(other)) => {
                one.seen == other.seen && unnumbered(one) == unnumbered(other)
            }
            (Self::Nothing | Self::Image(_) | Self::Other(_), _) => false,
        }
    }
}
