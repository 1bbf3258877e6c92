//! The source, the regions together, suspension.

use serde_json::json;

use crate::{
    api::image_replication::{DestinationStatus, GrantsStatus},
    model::{Absence, Answer, Image, ImageId, ImageState, Query, Region, Seen},
    plan::{
        Progress,
        build::{BaseBuild, FinishedBuild},
        fixtures::*,
        replication::{ReplicationPlan, ReplicationStep, worst},
        timing,
    },
};

const EU: &str = "eu-west-1";

pub(super) fn told(plan: &ReplicationPlan) -> String {
    match &plan.step {
        None => progress(&plan.progress),
        Some(ReplicationStep::Hold) => "hold".to_owned(),
        Some(ReplicationStep::RecordSource(source)) => format!("record source {}", source.image_id),
        Some(ReplicationStep::RecordGrants(granted)) => {
            let granted = granted.as_ref().map(GrantsStatus::grants).unwrap_or_default();
            format!("record grants to {granted}")
        }
        Some(ReplicationStep::ForgetLeft) => "forget the source that was left".to_owned(),
        Some(ReplicationStep::Release) => "release".to_owned(),
    }
}

/// The source image is this, as seen in its own region.
fn source_is(seen: Seen<Answer>) -> Replication {
    Replication::new().with(|r| r.sightings.insert(&region(), Query::Image(ImageId::from(SOURCE)), seen))
}

fn source_in(state: ImageState) -> Replication {
    source_is(Seen::Present(Answer::Image(Box::new(source_image(state)))))
}

fn of_build(base: BaseBuild) -> Replication {
    Replication::new().with(|r| {
        r.spec.source = serde_json::from_value(json!({"imageBuildRef": {"name": "web"}})).expect("a source");
        r.base = Some((base, "images-web".to_owned()));
    })
}

fn ready() -> BaseBuild {
    BaseBuild::Ready { region: region(), image_id: ImageId::from(SOURCE) }
}

#[test]
fn the_finalizer_comes_before_anything_else() {
    assert_eq!(told(&Replication::new().with(|r| r.held = false).plan()), "hold");
}

#[test]
fn a_suspended_replication_starts_nothing_and_looks_at_nothing() {
    let plan = Replication::of(vec![asked(EU, 1)]).with(|r| r.spec.suspend = true).plan();
    assert_eq!((told(&plan).as_str(), plan.watches.len(), plan.destinations.len()), ("wait Suspended", 0, 0));
}

/// Where a suspended object's copies are taken to go on, and in how many minutes the first of them has ended.
fn unattended(copies: Vec<DestinationStatus>, within: Option<i32>) -> (Vec<Region>, Option<u64>) {
    let suspended = Replication::of(copies).with(|r| {
        r.spec.suspend = true;
        r.spec.time_based_copy_minutes = within;
    });
    let plan = suspended.plan();
    (plan.unattended.into_iter().collect(), plan.check_after.map(|left| left.as_secs() / 60))
}

#[test]
fn copies_that_were_begun_before_a_suspension_go_on_for_an_hour_or_the_time_that_was_asked_for() {
    let eu = || vec![Region::from(EU)];
    assert_eq!(unattended(vec![begun(EU, 60), kept("ap-southeast-2")], None), (eu(), Some(59)));
    assert_eq!(unattended(vec![asked(EU, 60)], None), (eu(), Some(59)));
    assert_eq!(unattended(vec![begun(EU, 3600)], None), (vec![], None));
    assert_eq!(unattended(vec![begun(EU, 3600)], Some(120)), (eu(), Some(60)));
}

#[test]
fn an_available_source_is_written_down_before_it_is_copied() {
    assert_eq!(told(&source_in(ImageState::Available).plan()), format!("record source {SOURCE}"));
}

#[test]
fn a_source_that_may_still_become_available_is_waited_for() {
    for state in [ImageState::Pending, ImageState::Transient, ImageState::Other("new".to_owned())] {
        assert_eq!(told(&source_in(state).plan()), "wait WaitingForSourceImage");
    }
}

#[test]
fn a_source_that_cannot_be_copied_needs_a_person() {
    for state in [
        ImageState::Disabled,
        ImageState::Invalid,
        ImageState::Deregistered,
        ImageState::Failed,
        ImageState::Error,
    ] {
        let plan = source_in(state).plan();
        assert_eq!(told(&plan), "blocked SourceNotAvailable");
        assert_eq!(plan.check_after, Some(timing::NEEDS_HELP));
    }
}

/// An available source of account 123456789012 that is paid for by the hour.
fn licensed_source(change: impl FnOnce(&mut Image)) -> Replication {
    let mut image = source_image(ImageState::Available);
    change(&mut image);
    source_is(Seen::Present(Answer::Image(Box::new(image))))
}

fn in_account(replication: Replication, id: &str) -> Replication {
    let account = Seen::Present(Answer::Account(id.to_owned()));
    replication.with(|r| r.sightings.insert(&region(), Query::Account, account))
}

#[test]
fn somebody_else_s_image_with_a_licence_is_refused_before_it_is_copied() {
    let product = || licensed_source(|i| i.product_codes = vec!["code-1".to_owned()]);
    let windows = || licensed_source(|i| i.usage_operation = Some("RunInstances:0002".to_owned()));
    for source in [product(), windows()] {
        assert_eq!(told(&source.plan()), "wait ResolvingSource");
        let other = in_account(source, "999999999999");
        assert_eq!(told(&other.plan()), "blocked SourceNotCopyable");
    }
    for source in [product(), windows()] {
        assert_eq!(told(&in_account(source, "123456789012").plan()), format!("record source {SOURCE}"));
    }
}

#[test]
fn one_empty_answer_does_not_mean_that_there_is_no_such_image() {
    let absent = |checks| Seen::Absent(Absence { checks, since: at(-60), until: at(0) });
    let missing = |checks| told(&source_is(absent(checks)).plan());
    assert_eq!(missing(1), "wait ResolvingSource");
    assert_eq!(missing(3), "blocked SourceNotFound");
}

#[test]
fn a_source_that_cannot_be_seen_is_trouble() {
    let replication = Replication::new().with(|r| {
        r.sightings.insert_error(&region(), Query::Image(ImageId::from(SOURCE)), error("AuthFailure"));
    });
    assert_eq!(told(&replication.plan()), "trouble AuthenticationFailed");
}

#[test]
fn a_resolved_image_is_not_looked_at_again() {
    let plan = Replication::of(vec![kept(EU)]).plan();
    assert!(plan.watches.iter().all(|w| w.region == ireland()), "{:?}", plan.watches);
}

#[test]
fn a_build_is_waited_for() {
    for base in [BaseBuild::Missing, BaseBuild::Running] {
        assert_eq!(told(&of_build(base).plan()), "wait WaitingForSourceBuild");
    }
}

#[test]
fn a_build_that_failed_needs_a_person() {
    assert_eq!(told(&of_build(BaseBuild::Failed).plan()), "blocked SourceBuildFailed");
}

#[test]
fn a_finished_build_s_image_and_its_name_are_the_source() {
    let Some(ReplicationStep::RecordSource(source)) = of_build(ready()).plan().step else { panic!() };
    assert_eq!((source.name.as_str(), source.region), ("images-web", region()));
}

/// A build of this name that ended then.
fn finished(name: &str, seconds: i64) -> FinishedBuild {
    FinishedBuild {
        completed_at: at(seconds),
        created_at: None,
        name: name.to_owned(),
        region: region(),
        image_id: ImageId::from(format!("ami-of-{name}").as_str()),
        image_name: format!("images-{name}"),
    }
}

fn selecting(app: &str, newest: Option<FinishedBuild>) -> Replication {
    Replication::new().with(|r| {
        let selector = json!({"imageBuildSelector": {"matchLabels": {"app": app}}});
        r.spec.source = serde_json::from_value(selector).expect("a source");
        r.newest = newest;
    })
}

/// The image of `newest` was recorded as the source.
fn selected(newest: FinishedBuild) -> Replication {
    let replication = selecting("web", Some(newest));
    let Some(ReplicationStep::RecordSource(source)) = replication.plan().step else { panic!() };
    replication.with(|r| r.status.source = Some(source))
}

fn source_name(replication: &Replication) -> String {
    match replication.plan().step {
        Some(ReplicationStep::RecordSource(source)) => source.image_build_name.unwrap_or_default(),
        _ => "as before".to_owned(),
    }
}

#[test]
fn a_build_that_matches_is_waited_for_and_then_the_source() {
    let waiting = selecting("web", None).plan();
    assert_eq!(told(&waiting), "wait WaitingForSourceBuild");
    let Progress::Moving(waiting_on) = waiting.progress else { panic!() };
    assert!(waiting_on.to_string().contains("with the labels app=web"), "{waiting_on}");
    assert_eq!(told(&selecting("web", Some(finished("one", -9))).plan()), "record source ami-of-one");
}

#[test]
fn a_newer_build_becomes_the_source() {
    let newer = selected(finished("one", -9)).with(|r| r.newest = Some(finished("two", -8)));
    assert_eq!(source_name(&newer), "two");
    let later_by_name = selected(finished("one", -9)).with(|r| r.newest = Some(finished("two", -9)));
    assert_eq!(source_name(&later_by_name), "two");
}

#[test]
fn there_is_no_way_back_to_an_older_build() {
    let left: [Option<FinishedBuild>; 2] = [None, Some(finished("one", -9))];
    for newest in left {
        assert_eq!(source_name(&selected(finished("two", -8)).with(|r| r.newest = newest)), "as before");
    }
}

#[test]
fn another_selector_chooses_anew_and_keeps_what_is_there_until_it_has_chosen() {
    let other = |newest| {
        let known = selected(finished("two", -8)).status.source;
        selecting("db", newest).with(|r| {
            r.status.source = known;
            r.status.destinations = vec![kept(EU)];
        })
    };
    assert_eq!(source_name(&other(Some(finished("one", -9)))), "one");
    assert!(!other(None).plan().destinations.is_empty());
}

#[test]
fn copies_are_kept_true_while_the_next_build_runs() {
    let mut tampered = copy(ImageState::Available);
    tampered.tags.remove("channel");
    let replication = of_build(BaseBuild::Running).sees_image(tampered).with(|r| {
        r.status.source = Some(replication_source());
        r.status.destinations = vec![kept(EU)];
    });
    assert_eq!(replication.says(), r#"CreateTags {"channel": "stable"} as repair"#);
}

#[test]
fn it_is_not_done_while_the_next_build_runs() {
    let replication = of_build(BaseBuild::Running).with(|r| {
        r.status.source = Some(replication_source());
        r.status.destinations = vec![kept(EU)];
    });
    assert_eq!(told(&replication.plan()), "wait WaitingForSourceBuild");
}

#[test]
fn it_is_done_when_every_region_is() {
    let replication =
        Replication::of(vec![kept(EU), kept("ap-southeast-2")]).into_regions(&[EU, "ap-southeast-2"]);
    assert_eq!(told(&replication.plan()), "done");
}

#[test]
fn it_is_not_done_while_a_region_is_copied_into() {
    let replication = Replication::of(vec![kept(EU)]).into_regions(&[EU, "ap-southeast-2"]);
    assert_eq!(told(&replication.plan()), "wait Copying");
}

#[test]
fn it_is_not_done_while_a_region_is_left() {
    let replication = Replication::of(vec![kept(EU), begun("ap-southeast-2", 60)]);
    assert_eq!(told(&replication.plan()), "wait RemovingImage");
}

#[test]
fn one_region_s_trouble_stops_no_other() {
    let replication = Replication::of(vec![asked(EU, 60)])
        .into_regions(&[EU, "ap-southeast-2"])
        .cannot_see(Query::ImagesOf(copy_owner().uid), "AuthFailure");
    let plan = replication.plan();
    assert!(plan.destinations[&Region::from("ap-southeast-2")].step.is_some());
    assert_eq!(told(&plan), "trouble AuthenticationFailed");
}

#[test]
fn what_needs_a_person_is_told_before_what_passes() {
    let replication = Replication::of(vec![begun(EU, 60)])
        .into_regions(&[EU, "us-east-1"])
        .cannot_see(image_query(), "RequestLimitExceeded");
    assert_eq!(told(&replication.plan()), "rejected SourceRegion");
}

#[test]
fn of_two_troubles_the_one_that_needs_a_person_is_the_worst() {
    let troubles = ["RequestLimitExceeded", "InternalError", "UnauthorizedOperation", "Throttling"]
        .map(|code| crate::plan::Progress::Trouble(error(code)));
    assert_eq!(worst(troubles.iter()), Some(&troubles[2]));
}

#[test]
fn at_most_one_step_is_planned_for_a_region() {
    let replication = Replication::of(vec![begun(EU, 60)]).into_regions(&[EU, "ap-southeast-2", "us-west-2"]);
    let plan = replication.plan();
    assert_eq!(plan.destinations.len(), 3);
    assert_eq!(plan.step, None);
}

#[test]
fn no_copy_of_the_last_source_is_begun_while_the_next_one_is_looked_up() {
    let looking = |destinations| {
        Replication::of(destinations).sees_image(copy(ImageState::Available)).with(|r| {
            r.spec.source.image.as_mut().expect("an image").image_id = ImageId::from("ami-00000000000000009");
        })
    };
    assert_eq!(looking(vec![]).says(), "wait ResolvingSource");
    assert_eq!(looking(vec![asked(EU, 1)]).says(), "wait ResolvingSource");
    let mut untagged = copy(ImageState::Available);
    untagged.tags.remove("channel");
    assert_eq!(
        looking(vec![kept(EU)]).sees_image(untagged).says(),
        r#"CreateTags {"channel": "stable"} as repair"#
    );
}

#[test]
fn copies_are_kept_true_while_something_is_wrong_with_the_next_source() {
    let gone = Absence { checks: 9, since: at(-600), until: at(0) };
    let replication = Replication::of(vec![kept(EU)]).sees_image(copy(ImageState::Available)).with(|r| {
        r.spec.source.image.as_mut().expect("an image").image_id = ImageId::from("ami-00000000000000009");
        let query = Query::Image(ImageId::from("ami-00000000000000009"));
        r.sightings.insert(&region(), query, Seen::Absent(gone));
        r.status.destinations[0].observed_generation = Some(0);
    });
    let plan = replication.plan();
    assert_eq!(progress(&plan.progress), "blocked SourceNotFound");
    assert_eq!((replication.says().as_str(), plan.check_after), ("record in sync", Some(timing::NEEDS_HELP)));
}
