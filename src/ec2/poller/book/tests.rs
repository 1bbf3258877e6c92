//! What is due, what is believed, and who is woken.

use std::time::Duration;

use super::*;
use crate::{
    model::{Action, ClientToken, ImageId, InstanceId, InstanceState},
    plan::fixtures::{at, instance, instance_query, token_query},
};

/// A region whose tempo is 5 s between looks and 1 s between rounds, and a clock.
struct Region1 {
    book: Book,
    start: Instant,
    second: u64,
}

fn subject(name: &str) -> Subject {
    Subject { kind: "ImageBuild", namespace: "images".to_owned(), name: name.to_owned() }
}

fn watcher(name: &str) -> Arc<Subject> {
    Arc::new(subject(name))
}

fn here() -> Region {
    Region::from("us-east-1")
}

fn running() -> Answer {
    Answer::Instance(Box::new(instance(InstanceState::Running)))
}

fn pending() -> Answer {
    Answer::Instance(Box::new(instance(InstanceState::Pending)))
}

fn error(code: &str, request: &str) -> AwsError {
    AwsError {
        action: Action::DescribeInstances,
        region: here(),
        code: code.to_owned(),
        message: "no".to_owned(),
        request_id: Some(request.to_owned()),
    }
}

impl Region1 {
    fn new() -> Self {
        Self { book: Book::new(Tempo::default()), start: Instant::now(), second: 0 }
    }

    /// `web` looks at the instance at this pace.
    fn watching(pace: Pace) -> Self {
        let mut region = Self::new();
        region.watch("web", pace);
        region
    }

    fn now(&self) -> Instant {
        self.start + Duration::from_secs(self.second)
    }

    fn wait(&mut self, seconds: u64) -> &mut Self {
        self.second += seconds;
        self
    }

    fn watch(&mut self, name: &str, pace: Pace) -> bool {
        let watch = Watch { region: here(), query: instance_query(), pace };
        let now = self.now();
        self.book.watch(&watcher(name), &[&watch], now)
    }

    fn answer(&mut self, found: Option<Answer>) -> Vec<String> {
        let wall = at(i64::try_from(self.second).expect("a short test"));
        let now = self.now();
        let woken = self.book.answer(&instance_query(), found, now, (now, wall));
        names(woken)
    }

    fn fail(&mut self, code: &str, request: &str) -> Vec<String> {
        let now = self.now();
        names(self.book.failure(&instance_query(), &error(code, request), now, now))
    }

    fn sighting(&self) -> Option<Sighting> {
        self.sighting_of("web")
    }

    fn sighting_of(&self, name: &str) -> Option<Sighting> {
        let mut sightings = Sightings::default();
        self.book.sightings(&subject(name), &here(), &mut sightings);
        sightings.0.remove(&(here(), instance_query()))
    }

    fn absent_checks(&self) -> u32 {
        match self.sighting().expect("an answer").seen {
            Seen::Absent(absence) => absence.checks,
            other => panic!("{other:?}"),
        }
    }

    fn take_due(&mut self) -> Vec<Query> {
        self.book.take_due(self.now(), two)
    }

    /// Seconds from now until the next round, once somebody has looked at everything.
    fn due_in(&mut self) -> Option<u64> {
        self.book.not_before = None;
        self.next_round()
    }

    fn next_round(&mut self) -> Option<u64> {
        let now = self.now();
        self.book.next_round(now).map(|due| due.saturating_duration_since(self.now()).as_secs())
    }
}

/// So many go into one call here.
fn two(_: &Query) -> usize {
    2
}

fn names(woken: Vec<Subject>) -> Vec<String> {
    let mut names: Vec<String> = woken.into_iter().map(|s| s.name).collect();
    names.sort();
    names
}

#[test]
fn the_next_round_is_never_told_too_late() {
    let mut region = Region1::watching(Pace::Every(Duration::from_mins(10)));
    region.answer(Some(running()));
    assert_eq!(region.due_in(), Some(600));
    region.wait(100).watch("other", Pace::Tick);
    assert_eq!(region.next_round(), Some(5));
    region.answer(Some(running()));
    assert_eq!(region.next_round(), Some(5));
    let now = region.now();
    region.watch("web", Pace::Now);
    region.book.forget(&subject("web"), now);
    assert_eq!(region.next_round(), Some(0));
}

#[test]
fn where_nothing_is_watched_nothing_is_due() {
    assert_eq!(Region1::new().due_in(), None);
}

#[test]
fn what_nothing_can_go_on_without_is_asked_at_once() {
    assert_eq!(Region1::watching(Pace::Now).due_in(), Some(0));
}

#[test]
fn what_takes_its_time_is_asked_at_the_next_tick() {
    assert_eq!(Region1::watching(Pace::Tick).due_in(), Some(5));
}

#[test]
fn what_is_as_it_should_be_is_asked_once_and_then_in_its_period() {
    let mut region = Region1::watching(Pace::Every(Duration::from_mins(10)));
    assert_eq!(region.due_in(), Some(0));
    region.answer(Some(running()));
    assert_eq!(region.due_in(), Some(600));
}

#[test]
fn the_most_urgent_watcher_sets_the_pace() {
    let mut region = Region1::watching(Pace::Every(Duration::from_mins(10)));
    region.answer(Some(running()));
    region.watch("other", Pace::Tick);
    assert_eq!(region.due_in(), Some(5));
}

#[test]
fn rounds_keep_their_distance() {
    let mut region = Region1::watching(Pace::Now);
    region.take_due();
    assert_eq!(region.due_in(), Some(1));
}

#[test]
fn what_is_nearly_due_goes_along() {
    let mut region = Region1::watching(Pace::Tick);
    assert_eq!(region.book.take_due(region.now() + Duration::from_millis(2499), two).len(), 0);
    assert_eq!(region.book.take_due(region.now() + Duration::from_millis(2500), two).len(), 1);
}

fn image(id: &str) -> Query {
    Query::Image(ImageId::from(id))
}

/// An image is looked at every ten minutes, and was just now.
fn seen_just_now(region: &mut Region1, id: &str) {
    let watch = Watch { region: here(), query: image(id), pace: Pace::Every(Duration::from_mins(10)) };
    let now = region.now();
    region.book.watch(&watcher(id), &[&watch], now);
    region.book.answer(&image(id), Some(Answer::Flag(true)), now, (now, at(0)));
}

#[test]
fn what_came_one_by_one_is_looked_at_together_in_the_end() {
    let mut region = Region1::new();
    seen_just_now(&mut region, "ami-1");
    region.wait(200);
    seen_just_now(&mut region, "ami-2");
    region.wait(400);
    assert_eq!(region.take_due(), [image("ami-1"), image("ami-2")]);
}

#[test]
fn what_was_looked_at_half_a_period_ago_fills_a_call_the_oldest_first() {
    let mut region = Region1::new();
    for id in ["ami-1", "ami-2", "ami-3", "ami-4"] {
        seen_just_now(&mut region, id);
        region.wait(50);
    }
    // Of another kind, and so no reason to ask for images.
    region.wait(390).watch("web", Pace::Now);
    assert_eq!(region.take_due(), [instance_query()]);
    let mut taken = region.wait(10).take_due();
    taken.sort();
    assert_eq!(taken, [instance_query(), image("ami-1"), image("ami-2")]);
}

#[test]
fn what_was_looked_at_lately_stays_out_of_a_call_with_room() {
    let mut region = Region1::new();
    seen_just_now(&mut region, "ami-1");
    region.wait(301);
    seen_just_now(&mut region, "ami-2");
    region.wait(299);
    assert_eq!(region.take_due(), [image("ami-1")]);
}

#[test]
fn one_question_serves_everybody() {
    let mut region = Region1::watching(Pace::Now);
    region.watch("other", Pace::Now);
    assert_eq!(region.take_due(), [instance_query()]);
}

#[test]
fn an_answer_wakes_all_for_whom_it_is_news() {
    let mut region = Region1::watching(Pace::Tick);
    region.watch("other", Pace::Tick);
    assert_eq!(region.answer(Some(running())), ["other", "web"]);
}

#[test]
fn the_same_answer_wakes_nobody() {
    let mut region = Region1::watching(Pace::Tick);
    region.answer(Some(running()));
    assert_eq!(region.wait(5).answer(Some(running())), Vec::<String>::new());
}

#[test]
fn another_answer_is_news() {
    let mut region = Region1::watching(Pace::Tick);
    region.answer(Some(pending()));
    assert_eq!(region.wait(5).answer(Some(running())), ["web"]);
}

#[test]
fn an_answer_to_a_question_from_before_a_write_is_dropped() {
    let mut region = Region1::watching(Pace::Now);
    let began = region.now();
    region.wait(2);
    let now = region.now();
    region.book.forget(&subject("web"), now);
    assert!(region.book.answer(&instance_query(), Some(running()), began, (now, at(2))).is_empty());
    assert_eq!(region.sighting(), None);
}

#[test]
fn a_failure_of_a_question_from_before_a_write_is_dropped() {
    let mut region = Region1::watching(Pace::Now);
    let began = region.now();
    region.wait(2);
    let now = region.now();
    region.book.forget(&subject("web"), now);
    region.book.failure(&instance_query(), &error("AuthFailure", "1"), began, now);
    assert_eq!(region.sighting(), None);
}

#[test]
fn a_write_makes_the_answers_of_its_object_old() {
    let mut region = Region1::watching(Pace::Now);
    region.answer(Some(running()));
    let now = region.now();
    region.book.forget(&subject("web"), now);
    assert_eq!((region.sighting(), region.due_in()), (None, Some(0)));
}

#[test]
fn a_write_of_another_object_makes_nothing_old() {
    let mut region = Region1::watching(Pace::Now);
    region.answer(Some(running()));
    let now = region.now();
    region.book.forget(&subject("other"), now);
    assert!(region.sighting().is_some());
}

#[test]
fn absence_is_counted_from_the_first_empty_answer() {
    let mut region = Region1::watching(Pace::Tick);
    for _ in 0..3 {
        region.answer(None);
        region.wait(5);
    }
    let absence = Absence { checks: 3, since: at(0), until: at(10) };
    assert_eq!(region.sighting().expect("an answer").seen, Seen::Absent(absence));
}

#[test]
fn what_shows_up_again_is_counted_anew() {
    let mut region = Region1::watching(Pace::Tick);
    region.answer(None);
    region.answer(Some(running()));
    region.answer(None);
    assert_eq!(region.absent_checks(), 1);
}

#[test]
fn a_write_begins_the_count_anew() {
    let mut region = Region1::watching(Pace::Tick);
    region.answer(None);
    let now = region.now();
    region.book.forget(&subject("web"), now);
    region.answer(None);
    assert_eq!(region.absent_checks(), 1);
}

#[test]
fn each_empty_answer_is_news_as_it_proves_more() {
    let mut region = Region1::watching(Pace::Tick);
    region.answer(None);
    assert_eq!(region.wait(5).answer(None), ["web"]);
}

#[test]
fn what_stays_missing_is_asked_for_ever_more_slowly() {
    let mut region = Region1::watching(Pace::Now);
    let pauses: Vec<u64> = (0..15)
        .map(|_| {
            region.answer(None);
            region.due_in().expect("due")
        })
        .collect();
    assert_eq!(pauses, [5, 5, 5, 5, 5, 5, 10, 20, 40, 80, 160, 320, 600, 600, 600]);
}

#[test]
fn an_agent_that_is_slow_to_register_is_asked_for_each_half_minute() {
    let mut region = Region1::new();
    let query = Query::Agent(InstanceId::from("i-1"));
    let watch = Watch { region: here(), query: query.clone(), pace: Pace::Tick };
    let now = region.now();
    region.book.watch(&watcher("web"), &[&watch], now);
    for _ in 0..15 {
        region.book.answer(&query, None, now, (now, at(0)));
    }
    assert_eq!(region.due_in(), Some(30));
}

#[test]
fn what_is_found_is_asked_for_at_full_speed_again() {
    let mut region = Region1::watching(Pace::Now);
    for _ in 0..10 {
        region.answer(None);
    }
    region.answer(Some(running()));
    assert_eq!(region.due_in(), Some(5));
}

#[test]
fn a_passing_failure_is_hidden_until_it_lasts() {
    for code in ["RequestLimitExceeded", "InternalError", "NoAnswer", "SomethingNew"] {
        let mut region = Region1::watching(Pace::Tick);
        region.answer(Some(running()));
        assert_eq!(region.fail(code, "1"), Vec::<String>::new());
        assert_eq!(region.fail(code, "2"), Vec::<String>::new());
        assert_eq!(region.sighting().expect("an answer").error, None, "{code}");
        assert_eq!(region.fail(code, "3"), ["web"], "{code}");
        assert_eq!(region.sighting().expect("an answer").seen, Seen::Unknown, "{code}");
    }
}

#[test]
fn a_failure_that_needs_a_person_is_shown_at_once() {
    for code in ["UnauthorizedOperation", "AuthFailure", "InvalidParameterValue"] {
        let mut region = Region1::watching(Pace::Tick);
        assert_eq!(region.fail(code, "1"), ["web"], "{code}");
    }
}

#[test]
fn the_same_failure_of_another_request_is_no_news() {
    let mut region = Region1::watching(Pace::Tick);
    region.fail("UnauthorizedOperation", "1");
    assert_eq!(region.wait(5).fail("UnauthorizedOperation", "2"), Vec::<String>::new());
    assert_eq!(region.sighting().expect("one").error, Some(error("UnauthorizedOperation", "1")));
}

#[test]
fn a_failure_is_no_absence() {
    let mut region = Region1::watching(Pace::Tick);
    region.answer(None);
    region.fail("UnauthorizedOperation", "1");
    region.answer(None);
    assert_eq!(region.absent_checks(), 1);
}

#[test]
fn a_failure_that_is_over_is_news() {
    let mut region = Region1::watching(Pace::Tick);
    region.fail("UnauthorizedOperation", "1");
    assert_eq!(region.answer(Some(running())), ["web"]);
    assert_eq!(region.sighting().expect("an answer").error, None);
}

#[test]
fn whoever_looks_at_what_is_known_is_answered_at_once() {
    let mut region = Region1::watching(Pace::Tick);
    region.answer(Some(running()));
    assert!(region.watch("other", Pace::Now));
    assert!(region.sighting_of("other").is_some());
}

#[test]
fn whoever_looks_again_is_not_told_of_an_answer_that_it_had() {
    let mut region = Region1::watching(Pace::Tick);
    region.answer(Some(running()));
    assert!(!region.watch("web", Pace::Tick));
}

#[test]
fn whoever_looks_for_the_first_time_gets_no_old_answer() {
    let mut region = Region1::watching(Pace::Every(Duration::from_hours(24)));
    region.answer(Some(running()));
    region.wait(11);
    assert!(!region.watch("other", Pace::Now));
    assert_eq!((region.sighting_of("other"), region.due_in()), (None, Some(0)));
}

#[test]
fn whoever_looks_for_what_others_gave_up_on_is_asked_for_at_once() {
    let mut region = Region1::watching(Pace::Now);
    for _ in 0..15 {
        region.answer(None);
    }
    region.wait(60).watch("other", Pace::Now);
    assert_eq!(region.due_in(), Some(0));
}

#[test]
fn what_nobody_watches_any_more_is_not_asked_for() {
    let mut region = Region1::watching(Pace::Tick);
    let now = region.now();
    region.book.watch(&watcher("web"), &[], now);
    assert_eq!(region.due_in(), None);
    assert_eq!(region.sighting(), None);
}

#[test]
fn one_watcher_that_leaves_takes_nothing_from_the_others() {
    let mut region = Region1::watching(Pace::Tick);
    region.watch("other", Pace::Tick);
    region.answer(Some(running()));
    let now = region.now();
    region.book.watch(&watcher("web"), &[], now);
    assert!(region.sighting_of("other").is_some());
}

#[test]
fn nobody_sees_what_only_others_look_at() {
    let mut region = Region1::watching(Pace::Tick);
    region.answer(Some(running()));
    assert_eq!(region.sighting_of("other"), None);
}

#[test]
fn an_answer_to_a_question_that_nobody_has_any_more_is_dropped() {
    let mut region = Region1::watching(Pace::Tick);
    let now = region.now();
    assert!(region.book.answer(&token_query(), Some(running()), now, (now, at(0))).is_empty());
    assert!(
        region
            .book
            .answer(&Query::InstanceByToken(ClientToken("x".into())), None, now, (now, at(0)))
            .is_empty()
    );
}

#[test]
fn throttling_slows_the_rounds_and_success_speeds_them_up_again() {
    let mut region = Region1::watching(Pace::Now);
    let spacing = |region: &mut Region1, trouble| {
        region.book.heard(trouble);
        region.take_due();
        region.due_in().expect("due")
    };
    let slower: Vec<u64> = (0..8).map(|_| spacing(&mut region, Some(Class::Throttled))).collect();
    assert_eq!(slower, [2, 4, 8, 16, 32, 60, 60, 60]);
    let faster: Vec<u64> = (0..7).map(|_| spacing(&mut region, None)).collect();
    assert_eq!(faster, [30, 15, 7, 3, 1, 1, 1]);
}

#[test]
fn whoever_looks_for_the_first_time_awaits_an_answer_until_it_is_there() {
    let mut region = Region1::watching(Pace::Now);
    assert!(region.book.awaits(&subject("web")));
    assert!(!region.book.awaits(&subject("other")));
    region.answer(Some(running()));
    assert!(!region.book.awaits(&subject("web")));
}

#[test]
fn nobody_is_kept_waiting_for_a_look_that_is_not_made_at_once() {
    assert!(!Region1::watching(Pace::Tick).book.awaits(&subject("web")));
}

#[test]
fn a_first_look_that_fails_keeps_nobody_waiting_any_more() {
    let mut region = Region1::watching(Pace::Now);
    assert_eq!(region.fail("InternalError", "1"), ["web"]);
    assert!(!region.book.awaits(&subject("web")));
    assert_eq!(region.fail("InternalError", "2"), Vec::<String>::new());
}

#[test]
fn a_region_that_is_throttled_keeps_nobody_waiting() {
    let mut region = Region1::watching(Pace::Now);
    region.book.heard(Some(Class::Throttled));
    assert!(!region.book.awaits(&subject("web")));
}
