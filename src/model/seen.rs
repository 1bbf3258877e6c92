//! Results of a lookup: present, absent or unknown.

use jiff::Timestamp;

/// The result of looking for something that the account may or may not hold.
///
/// EC2 is eventually consistent: a list can miss what was made a moment ago. So "not found" carries how often,
/// since when and until when, and only [`crate::plan::timing`] decides when that means gone.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen<T> {
    /// Not asked yet, or the last answer is older than our last write.
    Unknown,
    /// Asked, and not in the answer.
    Absent(Absence),
    /// As it was in the last answer.
    Present(T),
}

/// Consecutive answers that did not contain what was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Absence {
    /// Number of these answers.
    pub checks: u32,
    /// When the first of them was given.
    pub since: Timestamp,
    /// When the last of them was given: what came into sight after it is not known.
    pub until: Timestamp,
}

impl<T> Seen<T> {
    /// The value, if it was seen.
    pub fn present(&self) -> Option<&T> {
        match self {
            Self::Present(thing) => Some(thing),
            Self::Unknown | Self::Absent(_) => None,
        }
    }
}
