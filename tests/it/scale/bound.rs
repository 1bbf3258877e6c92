//! The least time that copies can take, whoever makes them.

use std::{collections::VecDeque, time::Duration};

/// What a copy must wait for in its destination region.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Of the bucket that AWS keeps for `CopyImage`.
    pub burst: f64,
    /// Tokens a second.
    pub refill: f64,
    /// Copies that may be under way at once.
    pub slots: usize,
    /// How long one is under way.
    pub copy: Duration,
}

/// Which of the two ends last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    Copy,
    Bucket,
    Slots,
}

/// The bound for so many copies into one region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    pub time: Duration,
    pub binding: Binding,
}

impl Terms {
    /// Of copies that are all wanted at once, each begun at the first moment that has a token and a slot.
    pub fn bound(self, copies: usize) -> Bound {
        let time = self.ends_after(copies);
        let no_bucket = Self { burst: f64::INFINITY, ..self }.ends_after(copies);
        let no_slots = Self { slots: usize::MAX, ..self }.ends_after(copies);
        let binding = match time {
            time if time <= self.copy => Binding::Copy,
            _ if no_bucket >= no_slots => Binding::Slots,
            _ => Binding::Bucket,
        };
        Bound { time, binding }
    }

    fn ends_after(self, copies: usize) -> Duration {
        let copy = self.copy.as_secs_f64();
        let (mut tokens, mut now) = (self.burst, 0.0_f64);
        let mut under_way: VecDeque<f64> = VecDeque::new();
        for _ in 0..copies {
            let freed = if under_way.len() < self.slots { None } else { under_way.pop_front() };
            let waited_for_slot = freed.map_or(0.0, |freed| (freed - now).max(0.0));
            tokens = self.burst.min(tokens + waited_for_slot * self.refill);
            let waited_for_token = ((1.0 - tokens) / self.refill).max(0.0);
            tokens += waited_for_token * self.refill - 1.0;
            now += waited_for_slot + waited_for_token;
            under_way.push_back(now + copy);
        }
        Duration::from_secs_f64(under_way.back().copied().unwrap_or(0.0))
    }
}

const OF_A_MINUTE: Terms = Terms { burst: 50.0, refill: 0.5, slots: 20, copy: Duration::from_mins(1) };

fn bound(terms: Terms, copies: usize) -> (u64, Binding) {
    let bound = terms.bound(copies);
    (bound.time.as_secs(), bound.binding)
}

#[test]
fn a_single_copy_is_bound_by_nothing_else() {
    assert_eq!(bound(OF_A_MINUTE, 1), (60, Binding::Copy));
}

#[test]
fn slots_are_free_again_when_their_copies_end() {
    assert_eq!(bound(OF_A_MINUTE, 20), (60, Binding::Copy));
    assert_eq!(bound(OF_A_MINUTE, 41), (180, Binding::Slots));
}

#[test]
fn where_slots_are_plenty_the_bucket_binds() {
    let terms = Terms { slots: 300, ..OF_A_MINUTE };
    assert_eq!(bound(terms, 50), (60, Binding::Copy));
    assert_eq!(bound(terms, 150), (260, Binding::Bucket));
}

#[test]
fn tokens_gather_while_slots_are_taken() {
    let terms = Terms { copy: Duration::from_secs(30), ..OF_A_MINUTE };
    // Five waves: the bucket alone would end after 130 s.
    assert_eq!(bound(terms, 100), (150, Binding::Slots));
    assert_eq!(bound(terms, 1_000), (1_930, Binding::Bucket));
}
