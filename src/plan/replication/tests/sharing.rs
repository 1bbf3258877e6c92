//! Who may use the images: differences, receipts, patience.

use serde_json::{Value, json};

use super::whole::told;
use crate::{
    api::image_replication::{
        DestinationStatus, GrantsStatus, PreviousCopy, Published, Regrants, Sharing, SourceChangePolicy,
    },
    model::{
        Absence, Accounts, Answer, DefaultEncryption, Grants, Image, ImageId, ImageState, Query, Seen,
        SnapshotId, Tags,
    },
    plan::{
        Progress,
        fixtures::*,
        replication::{DriftKind, Matter},
    },
    status::Outcome,
};

const EU: &str = "eu-west-1";
const ONE: &str = "111111111111";
const TWO: &str = "222222222222";

fn accounts(ids: &[&str]) -> Grants {
    Grants { accounts: ids.iter().map(|id| (*id).to_owned()).collect(), ..Grants::default() }
}

fn everybody() -> Grants {
    Grants { public: true, ..Grants::default() }
}

/// A copy in place, and all that was granted written down.
fn shared(sharing: Value) -> Replication {
    let new = Replication::of(vec![kept(EU)]).sees_image(copy(ImageState::Available));
    new.with(|r| {
        r.spec.sharing = Some(serde_json::from_value(sharing).expect("sharing"));
        let wanted = r.spec.sharing.as_ref().expect("some");
        let snapshots = wanted.snapshots == crate::api::image_replication::SnapshotSharing::Shared;
        r.status.granted = Some(GrantsStatus::of(&wanted.grants(), snapshots));
    })
}

fn with_one() -> Replication {
    shared(json!({"accountIDs": [ONE]}))
}

fn permissions_of(replication: Replication, grants: Grants) -> Replication {
    let query = Query::LaunchPermissions(ImageId::from(IMAGE));
    listed_for(replication, &grants).sees(query, Answer::Grants(Box::new(grants)))
}

/// Whether it is listed as shared with the accounts that have to do with it.
fn listed_for(replication: Replication, grants: &Grants) -> Replication {
    let wanted = replication.spec.sharing.as_ref().map(Sharing::grants).unwrap_or_default();
    let granted = replication.status.granted.as_ref().map(GrantsStatus::grants).unwrap_or_default();
    let concerned = Accounts::new(wanted.with(&granted).accounts);
    let listed = Grants { accounts: &grants.accounts & &*concerned, ..Grants::default() };
    let query = Query::LaunchAccounts(ImageId::from(IMAGE), concerned);
    replication.sees(query, Answer::Grants(Box::new(listed)))
}

fn on_the_snapshot(replication: Replication, grants: Grants) -> Replication {
    let query = Query::VolumePermissions(SnapshotId::from(SNAPSHOT));
    replication.sees(query, Answer::Grants(Box::new(grants)))
}

fn granted_before(replication: Replication, grants: &Grants) -> Replication {
    replication.with(|r| r.status.granted = Some(GrantsStatus::of(grants, false)))
}

fn not_yet(replication: Replication) -> Replication {
    replication.with(|r| r.status.destinations[0].observed_generation = Some(0))
}

fn regranted(times: i32, age: i64, replication: Replication) -> Replication {
    replication.with(|r| r.status.destinations[0].applied.regrants = Some(Regrants { times, at: time(-age) }))
}

fn change(add: &Grants, remove: &Grants) -> String {
    format!("ModifyLaunchPermissions {IMAGE}: add {add}, remove {remove}")
}

#[test]
fn grants_are_written_down_before_they_are_made() {
    let replication = with_one().with(|r| r.status.granted = None);
    assert_eq!(told(&replication.plan()), "record grants to 1 account");
    assert!(replication.plan().destinations.is_empty());
}

#[test]
fn what_is_missing_is_granted() {
    let replication = not_yet(permissions_of(with_one(), Grants::default()));
    assert_eq!(replication.says(), change(&accounts(&[ONE]), &Grants::default()));
}

#[test]
fn permissions_that_are_not_known_are_waited_for() {
    assert_eq!(not_yet(with_one()).says(), "wait Sharing");
}

#[test]
fn permissions_as_wanted_need_no_call() {
    let replication = permissions_of(with_one(), accounts(&[ONE]));
    assert_eq!(replication.says(), "done");
    assert_eq!(replication.ireland().shown[&Matter::Shared], Progress::Done);
}

#[test]
fn what_is_no_longer_wanted_is_taken_back() {
    let replication = granted_before(with_one(), &accounts(&[ONE, TWO]));
    let replication = not_yet(permissions_of(replication, accounts(&[ONE, TWO])));
    assert_eq!(replication.says(), change(&Grants::default(), &accounts(&[TWO])));
}

#[test]
fn what_others_granted_stays() {
    assert_eq!(permissions_of(with_one(), accounts(&[ONE, TWO])).says(), "done");
}

#[test]
fn what_others_granted_is_revoked_where_the_manifest_says_so() {
    let strict = shared(json!({"accountIDs": [ONE], "unmanagedGrants": "Revoke"}));
    let strict = on_the_snapshot(permissions_of(strict, accounts(&[ONE, TWO])), Grants::default());
    assert_eq!(strict.says(), change(&Grants::default(), &accounts(&[TWO])) + " as repair");
}

#[test]
fn without_sharing_all_that_was_granted_is_taken_back() {
    let replication = with_one().with(|r| r.spec.sharing = None);
    let replication = not_yet(permissions_of(replication, accounts(&[ONE])));
    assert_eq!(replication.says(), change(&Grants::default(), &accounts(&[ONE])));
}

#[test]
fn the_receipt_is_trimmed_once_every_place_is_as_wanted() {
    let replication = granted_before(with_one(), &accounts(&[ONE, TWO]));
    let replication = permissions_of(replication, accounts(&[ONE])).with(|r| {
        let query = Query::Image(ImageId::from(SOURCE));
        r.sightings.insert(
            &region(),
            query,
            Seen::Absent(Absence { checks: 9, since: at(-900), until: at(0) }),
        );
    });
    let replication = replication.sees_at_source(Query::Account, our_account());
    assert_eq!(told(&replication.plan()), "record grants to 1 account");
}

#[test]
fn a_grant_that_is_gone_is_drift() {
    let replication = permissions_of(with_one(), Grants::default());
    assert_eq!(replication.says(), change(&accounts(&[ONE]), &Grants::default()) + " as repair");
    assert_eq!(replication.ireland().drift.expect("drift").kind, DriftKind::Permissions);
}

#[test]
fn an_account_that_cancels_again_is_left_in_peace_for_a_while() {
    let cancelled = |times, age| regranted(times, age, permissions_of(with_one(), Grants::default()));
    let plan = cancelled(1, 600).ireland();
    assert_eq!((plan.step, plan.progress), (None, Progress::Done));
    assert!(matches!(&plan.shown[&Matter::Shared], Progress::Blocked(f) if f.reason == "GrantCancelled"));
    assert_eq!(plan.check_after.expect("a pause").as_secs(), 3000);
    assert!(cancelled(1, 3600).ireland().step.is_some());
    assert!(cancelled(2, 3600).ireland().step.is_none());
    assert!(cancelled(9, 86_400).ireland().step.is_some());
}

#[test]
fn whoever_else_lost_a_grant_has_it_again_while_an_account_is_left_in_peace() {
    let organizations = "arn:aws:organizations::111111111111:organization/o-abcdefghij".to_owned();
    let wanted = json!({"accountIDs": [ONE], "organizationARNs": [organizations]});
    let cancelled = regranted(1, 600, permissions_of(shared(wanted), Grants::default()));
    let missing = Grants { organizations: [organizations].into(), ..Grants::default() };
    assert_eq!(cancelled.says(), change(&missing, &Grants::default()) + " as repair");
}

#[test]
fn an_image_is_made_public_after_the_others_were_granted() {
    let public = || shared(json!({"accountIDs": [ONE], "public": true}));
    let open = |r: Replication| r.sees(Query::BlockPublicAccess, Answer::Flag(false));
    let first = open(not_yet(permissions_of(public(), Grants::default())));
    assert_eq!(first.says(), change(&accounts(&[ONE]), &Grants::default()));
    let then = open(not_yet(permissions_of(public(), accounts(&[ONE]))));
    assert_eq!(then.says(), change(&everybody(), &Grants::default()));
}

#[test]
fn block_public_access_is_respected() {
    let blocked = permissions_of(shared(json!({"public": true})), Grants::default())
        .sees(Query::BlockPublicAccess, Answer::Flag(true));
    assert_eq!(blocked.says(), "blocked PublicSharingBlocked");
}

#[test]
fn snapshots_are_shared_by_five_hundred_accounts_a_call() {
    let ids: Vec<String> = (0..1000).map(|n| format!("{n:012}")).collect();
    let all = accounts(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    let replication = shared(json!({"accountIDs": ids, "snapshots": "Shared"}));
    let replication = not_yet(on_the_snapshot(permissions_of(replication, all), Grants::default()));
    assert_eq!(replication.says(), format!("ModifyVolumePermissions {SNAPSHOT}: add 500"));
}

#[test]
fn snapshots_that_were_shared_are_taken_back() {
    let private = with_one().with(|r| {
        r.status.granted = Some(GrantsStatus::of(&accounts(&[ONE]), true));
    });
    let private = on_the_snapshot(permissions_of(private, accounts(&[ONE])), accounts(&[ONE]));
    assert_eq!(not_yet(private).says(), format!("ModifyVolumePermissions {SNAPSHOT}: remove 1"));
}

#[test]
fn a_snapshot_that_somebody_made_public_is_taken_from_everybody_where_the_manifest_says_so() {
    let public = |unmanaged: &str| {
        let replication =
            shared(json!({"accountIDs": [ONE], "snapshots": "Shared", "unmanagedGrants": unmanaged}));
        let replication = granted_before(permissions_of(replication, accounts(&[ONE])), &accounts(&[ONE]));
        let replication = replication.with(|r| r.status.granted.as_mut().expect("some").snapshots = true);
        on_the_snapshot(replication, Grants { public: true, ..accounts(&[ONE]) }).with(source_gone)
    };
    let taken = format!("ModifyVolumePermissions {SNAPSHOT}: remove everybody as repair");
    assert_eq!(public("Revoke").says(), taken);
    assert_eq!(public("Keep").says(), "done");
}

#[test]
fn private_snapshots_are_not_looked_at() {
    let plan = permissions_of(with_one(), accounts(&[ONE])).plan();
    assert!(!plan.watches.iter().any(|w| matches!(w.query, Query::VolumePermissions(_))));
}

fn disabled(replication: Replication) -> Replication {
    replication.sees_image(copy(ImageState::Disabled)).with(|r| {
        r.spec.launch_state = Some(crate::api::LaunchState::Disabled);
    })
}

#[test]
fn a_disabled_image_is_not_shared() {
    assert_eq!(disabled(with_one()).says(), "done");
}

#[test]
fn the_snapshots_of_a_disabled_image_are_taken_back() {
    let once_shared = not_yet(disabled(with_one())).with(|r| {
        r.spec.sharing = None;
        r.status.granted = Some(GrantsStatus::of(&accounts(&[ONE]), true));
    });
    let says = on_the_snapshot(once_shared, accounts(&[ONE])).says();
    assert_eq!(says, format!("ModifyVolumePermissions {SNAPSHOT}: remove 1"));
}

fn source_gone(r: &mut Replication) {
    let gone = Absence { checks: 9, since: at(-900), until: at(0) };
    r.sightings.insert(&region(), Query::Image(ImageId::from(SOURCE)), Seen::Absent(gone));
}

#[test]
fn snapshots_that_are_shared_with_nobody_are_no_reason_to_write() {
    let nobody = permissions_of(shared(json!({"snapshots": "Shared"})), Grants::default());
    let nobody = on_the_snapshot(nobody, Grants::default()).with(source_gone);
    assert_eq!(told(&nobody.plan()), "done");
}

/// ONE was granted the former copy as well, and is no longer wanted.
fn with_former() -> Replication {
    let replication = granted_before(shared(json!({"accountIDs": [TWO]})), &accounts(&[ONE, TWO]));
    permissions_of(replication, accounts(&[TWO])).sees_image(previous_image()).with(|r| {
        r.status.destinations[0].previous = vec![previous_copy()];
    })
}

fn on_the_former(replication: Replication, grants: Grants) -> Replication {
    let query = Query::LaunchPermissions(previous_copy().image_id);
    replication.sees(query, Answer::Grants(Box::new(grants)))
}

#[test]
fn what_is_no_longer_granted_is_taken_back_from_former_copies_too() {
    let former = previous_copy().image_id;
    let says = on_the_former(with_former(), accounts(&[ONE, TWO])).says();
    assert_eq!(says, format!("ModifyLaunchPermissions {former}: add nobody, remove 1 account"));
    assert_eq!(on_the_former(with_former(), accounts(&[TWO])).says(), "done");
    assert_eq!(with_former().says(), "wait Sharing");
}

const FORMER_SOURCE: &str = "ami-000000000000000fe";

/// An image of the source's region that was copied before.
fn former_source() -> Image {
    Image { id: ImageId::from(FORMER_SOURCE), ..source_image(ImageState::Available) }
}

fn on_source(replication: Replication, id: &str, grants: Grants) -> Replication {
    let query = Query::LaunchPermissions(ImageId::from(id));
    replication.sees_at_source(query, Seen::Present(Answer::Grants(Box::new(grants))))
}

/// The same where the former copy had a source of its own. What ONE was granted was taken back from all other images.
fn with_former_source(image: Image) -> Replication {
    let replication = on_the_former(with_former(), accounts(&[TWO]));
    let replication = on_source(replication, SOURCE, accounts(&[TWO]));
    replication.sees_source(source_image(ImageState::Available)).sees_source(image).with(|r| {
        r.status.destinations[0].previous[0].source_image_id = Some(ImageId::from(FORMER_SOURCE));
        r.status.source_region = Some(crate::api::image_replication::SourceRegionStatus {
            observed_generation: Some(1),
            ..Default::default()
        });
    })
}

#[test]
fn what_is_no_longer_granted_is_taken_back_from_former_sources_too() {
    let replication = on_source(with_former_source(former_source()), FORMER_SOURCE, accounts(&[ONE, TWO]));
    let says = replication.says_at_source();
    assert_eq!(says, format!("ModifyLaunchPermissions {FORMER_SOURCE}: add nobody, remove 1 account"));
}

#[test]
fn what_is_no_longer_granted_is_taken_back_though_the_newest_source_is_dead() {
    let dead = |age| {
        let replication = with_former_source(former_source());
        on_source(replication, FORMER_SOURCE, accounts(&[ONE, TWO]))
            .sees_at_source(Query::Account, our_account())
            .misses_source(age)
    };
    let taken_back = format!("ModifyLaunchPermissions {FORMER_SOURCE}: add nobody, remove 1 account");
    assert_eq!(dead(9).says_at_source(), taken_back);
    let done = on_source(dead(9), FORMER_SOURCE, accounts(&[TWO]));
    assert_eq!(told(&done.plan()), "record grants to 1 account");
    let reduced_before =
        dead(9).with(|r| r.status.granted = Some(GrantsStatus::of(&accounts(&[TWO]), false)));
    assert_eq!(told(&reduced_before.plan()), "done");
}

#[test]
fn the_snapshots_of_a_source_that_was_disabled_are_taken_back() {
    let disabled = not_yet(with_one()).sees_source(source_image(ImageState::Disabled)).with(|r| {
        r.spec.sharing = None;
        r.status.granted = Some(GrantsStatus::of(&accounts(&[ONE]), true));
    });
    let disabled =
        on_source(disabled, SOURCE, Grants::default()).sees_at_source(Query::Account, our_account());
    let snapshot = source_image(ImageState::Disabled).snapshot_ids().remove(0);
    let shared = Seen::Present(Answer::Grants(Box::new(accounts(&[ONE]))));
    let shared = disabled.sees_at_source(Query::VolumePermissions(snapshot.clone()), shared);
    assert_eq!(shared.says_at_source(), format!("ModifyVolumePermissions {snapshot}: remove 1"));
}

#[test]
fn nobody_was_granted_a_former_source_of_somebody_else() {
    let foreign = Image { owner_id: "999999999999".to_owned(), ..former_source() };
    let query = Query::LaunchPermissions(ImageId::from(FORMER_SOURCE));
    let replication = with_former_source(foreign).with(|r| {
        r.sightings.insert_error(&region(), query, error("AuthFailure"));
    });
    assert_eq!(told(&replication.plan()), "record grants to 1 account");
}

#[test]
fn former_copies_are_left_alone_while_nothing_is_taken_back() {
    let replication = with_former().with(|r| {
        r.status.granted = Some(GrantsStatus::of(&accounts(&[TWO]), false));
    });
    let former = Query::LaunchPermissions(previous_copy().image_id);
    assert!(!replication.plan().watches.iter().any(|w| w.query == former));
}

#[test]
fn whether_public_images_are_blocked_is_waited_for() {
    let asked = not_yet(permissions_of(shared(json!({"public": true})), Grants::default()));
    assert_eq!(asked.says(), "wait Sharing");
}

fn our_account() -> Seen<Answer> {
    Seen::Present(Answer::Account(copy(ImageState::Available).owner_id))
}

/// The object goes with its copies, and is done with them; the source is shared with ONE.
fn going_with_the_source() -> Replication {
    with_one()
        .deleting(crate::api::DeletionPolicy::Delete)
        .sees_at_source(Query::Account, our_account())
        .with(|r| {
            r.status.destinations.clear();
            r.status.source_region = Some(crate::api::image_replication::SourceRegionStatus {
                observed_generation: Some(1),
                ..Default::default()
            });
            let query = Query::LaunchPermissions(ImageId::from(SOURCE));
            r.sightings.insert(&region(), query, Seen::Present(Answer::Grants(Box::new(accounts(&[ONE])))));
        })
}

#[test]
fn the_grants_of_the_source_go_with_the_object_and_its_copies() {
    let there = going_with_the_source().with(source_seen(source_image(ImageState::Available)));
    assert!(there.plan().destinations[&region()].step.is_some());
    assert_eq!(told(&going_with_the_source().with(source_gone).plan()), "release");
}

/// The object goes with its copies, which are gone; what is left are the grants of a source before the last one.
fn going_with_a_former_source(image: Image) -> Replication {
    with_former_source(image)
        .deleting(crate::api::DeletionPolicy::Delete)
        .sees_at_source(Query::Account, our_account())
        .lacks_images()
        .misses(Query::Image(previous_copy().image_id), 9, 900)
        .misses_source(9)
}

#[test]
fn the_grants_of_former_sources_go_with_the_object_and_its_copies() {
    let granted = |image| on_source(going_with_a_former_source(image), FORMER_SOURCE, accounts(&[ONE, TWO]));
    let says = granted(former_source()).says_at_source();
    assert_eq!(says, format!("ModifyLaunchPermissions {FORMER_SOURCE}: add nobody, remove 2 accounts"));
    let foreign = || Image { owner_id: "999999999999".to_owned(), ..former_source() };
    assert!(!granted(foreign()).plan().destinations.contains_key(&region()));
}

#[test]
fn former_sources_are_not_forgotten_with_their_last_copy_while_something_is_granted() {
    let leaving = going_with_a_former_source(former_source());
    assert_eq!(leaving.says(), "record dropped");
    let left = Replication { status: leaving.after(Outcome::NoCall), ..leaving };
    assert_eq!(left.status.previous_source_ids, [ImageId::from(FORMER_SOURCE)]);
    let granted = on_source(left, FORMER_SOURCE, accounts(&[TWO]));
    let says = granted.says_at_source();
    assert_eq!(says, format!("ModifyLaunchPermissions {FORMER_SOURCE}: add nobody, remove 1 account"));
    assert_eq!(told(&on_source(granted, FORMER_SOURCE, Grants::default()).plan()), "release");
}

#[test]
fn a_former_source_is_remembered_when_its_copy_goes_by_policy() {
    let retired = |granted: bool| {
        let status = with_former_source(former_source())
            .misses(Query::Image(previous_copy().image_id), 9, 900)
            .sees_images_of_ours(vec![copy(ImageState::Available)])
            .sees_snapshots(Vec::new())
            .with(|r| {
                r.spec.source_change_policy = SourceChangePolicy::ReplaceWhenReady;
                r.spec.keep_previous = 0;
                r.status.granted = granted.then(|| GrantsStatus::of(&accounts(&[TWO]), false));
                r.spec.sharing = r.spec.sharing.take().filter(|_| granted);
            })
            .after(Outcome::NoCall);
        assert!(status.destinations[0].previous.is_empty());
        status.previous_source_ids
    };
    assert_eq!(retired(true), [ImageId::from(FORMER_SOURCE)]);
    assert_eq!(retired(false), []);
}

#[test]
fn what_is_no_longer_granted_is_taken_back_from_sources_without_a_copy_too() {
    let copies_gone = on_source(with_former_source(former_source()), FORMER_SOURCE, accounts(&[ONE, TWO]))
        .with(|r| {
            r.status.destinations[0].previous.clear();
            r.status.previous_source_ids = vec![ImageId::from(FORMER_SOURCE)];
        });
    let says = copies_gone.says_at_source();
    assert_eq!(says, format!("ModifyLaunchPermissions {FORMER_SOURCE}: add nobody, remove 1 account"));
}

fn source_seen(image: Image) -> impl FnOnce(&mut Replication) {
    move |r| {
        let query = Query::Image(image.id.clone());
        r.sightings.insert(&region(), query, Seen::Present(Answer::Image(Box::new(image))));
    }
}

fn at_the_source(replication: &Replication) -> String {
    let plan = replication.plan().destinations.remove(&region()).expect("a plan for the source");
    progress(&plan.progress)
}

#[test]
fn the_source_is_shared_in_its_own_region() {
    let replication = permissions_of(with_one(), accounts(&[ONE]));
    let replication = replication.with(source_seen(source_image(ImageState::Available))).with(|r| {
        let query = Query::LaunchPermissions(ImageId::from(SOURCE));
        r.sightings.insert(&region(), query, Seen::Present(Answer::Grants(Box::default())));
    });
    assert_eq!(at_the_source(&replication), "wait Sharing");
    assert!(replication.plan().destinations[&region()].step.is_some());
}

#[test]
fn somebody_else_s_source_is_left_to_him() {
    let foreign = Image { owner_id: "999999999999".to_owned(), ..source_image(ImageState::Available) };
    let replication = permissions_of(with_one(), accounts(&[ONE])).with(source_seen(foreign));
    assert_eq!(at_the_source(&replication), "done");
}

fn new_copy(key: &str, always: bool, encrypted: bool) -> String {
    let default = DefaultEncryption { always, key: key.to_owned() };
    let replication = on_source(of_encrypted_source(encrypted), SOURCE, accounts(&[ONE]));
    replication.sees(Query::DefaultEncryption, Answer::DefaultEncryption(default)).says()
}

/// Nothing is copied yet, and the copy will have a key of its own.
fn of_encrypted_source(encrypted: bool) -> Replication {
    let mut source = source_image(ImageState::Available);
    source.devices[0].encrypted = encrypted;
    with_one()
        .with(|r| r.status.destinations.clear())
        .sees_source(source)
        .sees_at_source(Query::Account, our_account())
        .sees(
            Query::DefaultEncryption,
            Answer::DefaultEncryption(DefaultEncryption { always: true, key: OWN_KEY.to_owned() }),
        )
}

const OWN_KEY: &str = "arn:aws:kms:eu-west-1:1:key/k";

#[test]
fn an_encrypted_source_is_shared_before_it_is_copied_as_only_that_tells_whether_its_key_allows_it() {
    let new = "record attempt 1 (0 previous)";
    let unshared = || on_source(of_encrypted_source(true), SOURCE, Grants::default());
    assert_eq!(unshared().says(), "wait Sharing");
    let share = format!("ModifyLaunchPermissions {SOURCE}: add 1 account, remove nobody");
    assert_eq!(unshared().says_at_source(), share);
    assert_eq!(on_source(of_encrypted_source(true), SOURCE, accounts(&[ONE])).says(), new);
    assert_eq!(on_source(of_encrypted_source(false), SOURCE, Grants::default()).says(), new);
    let foreign = Seen::Present(Answer::Account("999999999999".to_owned()));
    assert_eq!(unshared().sees_at_source(Query::Account, foreign).says(), new);
    let excluded =
        unshared().with(|r| r.spec.sharing.as_mut().expect("sharing").include_source_region = false);
    assert_eq!(excluded.says(), new);
}

#[test]
fn a_source_that_is_not_to_be_shared_loses_what_it_was_granted_and_is_left_to_others() {
    let excluded = |unmanaged: &str, seen: Grants| {
        let sharing =
            json!({"accountIDs": [ONE], "includeSourceRegion": false, "unmanagedGrants": unmanaged});
        let replication = granted_before(shared(sharing), &accounts(&[ONE]));
        on_source(permissions_of(replication, accounts(&[ONE])), SOURCE, seen)
            .sees_source(source_image(ImageState::Available))
    };
    for unmanaged in ["Keep", "Revoke"] {
        let granted = excluded(unmanaged, accounts(&[ONE, TWO])).says_at_source();
        assert_eq!(granted, format!("ModifyLaunchPermissions {SOURCE}: add nobody, remove 1 account"));
        assert_eq!(excluded(unmanaged, accounts(&[TWO])).says_at_source(), "record in sync");
    }
}

#[test]
fn a_copy_that_nobody_could_be_given_is_refused_before_it_is_made() {
    assert_eq!(new_copy("alias/aws/ebs", false, true), "blocked NotShareable");
    assert_eq!(new_copy("alias/aws/ebs", true, false), "blocked NotShareable");
    assert_eq!(new_copy("alias/aws/ebs", false, false), "record attempt 1 (0 previous)");
    assert_eq!(new_copy(OWN_KEY, true, true), "record attempt 1 (0 previous)");
}

#[test]
fn a_source_that_its_build_retired_is_not_shared() {
    let replication = permissions_of(with_one(), accounts(&[ONE]));
    let replication = replication.with(source_seen(source_image(ImageState::Disabled)));
    assert_eq!(at_the_source(&replication), "done");
}

/// The next copy is under way, or waits for its turn; the one that serves has two grants, of which one is wanted.
fn replacing(under_way: bool) -> Replication {
    let both = permissions_of(granted_before(with_one(), &accounts(&[ONE, TWO])), accounts(&[ONE, TWO]));
    not_yet(both).with(|r| {
        let copy = &mut r.status.destinations[0];
        copy.source_image_id = Some(ImageId::from("ami-00000000000000009"));
        if under_way {
            let former = copy.image_id.take().expect("a copy");
            let source_image_id = copy.source_image_id.replace(ImageId::from(SOURCE));
            copy.previous = vec![PreviousCopy { source_image_id, ..previous(&former.0) }];
            (copy.image_id, copy.available_at) = (Some(ImageId::from("ami-9")), None);
        } else {
            r.full = vec![ireland()];
        }
    })
}

#[test]
fn a_copy_that_serves_is_unshared_while_the_next_one_is_not_there() {
    let revoked = replacing(false).says();
    assert_eq!(revoked, format!("ModifyLaunchPermissions {IMAGE}: add nobody, remove 1 account"));
    assert_eq!(replacing(true).says(), revoked);
}

/// The same, and the copy that serves lost its grant for the second time.
fn cancelled_while_replacing(age: i64) -> Replication {
    let replication = regranted(1, age, replacing(true)).with(|r| {
        r.status.granted = with_one().status.granted;
        r.status.destinations[0].applied.shared_generation = Some(1);
    });
    permissions_of(replication, Grants::default())
}

#[test]
fn an_account_that_cancels_on_a_copy_that_serves_is_left_in_peace_too() {
    assert_eq!(cancelled_while_replacing(600).ireland().step, None);
    let again = change(&accounts(&[ONE]), &Grants::default());
    assert_eq!(cancelled_while_replacing(3600).says(), again.clone() + " as repair");
    let edited = cancelled_while_replacing(600).with(|r| {
        r.status.destinations[0].applied.shared_generation = Some(0);
    });
    assert_eq!(edited.says(), again, "a new account of this generation need not wait");
}

#[test]
fn who_cancelled_is_remembered_when_the_next_copy_is_begun() {
    let copy =
        DestinationStatus { source_image_id: Some(ImageId::from("ami-00000000000000009")), ..kept(EU) };
    let newer = of_encrypted_source(false).with(|r| r.status.destinations = vec![copy]);
    let begun = regranted(2, 60, newer).after(Outcome::NoCall).destinations.remove(0);
    assert_eq!(begun.applied.regrants.map(|regrants| regrants.times), Some(2));
    assert_eq!(begun.applied.shared_generation, Some(1));
}

#[test]
fn of_two_generations_whose_sharing_was_complete_the_later_is_remembered() {
    let copy =
        DestinationStatus { source_image_id: Some(ImageId::from("ami-00000000000000009")), ..kept(EU) };
    let newer = of_encrypted_source(false).with(|r| {
        r.status.destinations = vec![copy];
        r.status.destinations[0].observed_generation = Some(0);
        r.status.destinations[0].applied.shared_generation = Some(1);
    });
    let begun = newer.after(Outcome::NoCall).destinations.remove(0);
    assert_eq!(begun.applied.shared_generation, Some(1));
}

#[test]
fn the_sharing_of_a_copy_that_fails_says_nothing_about_the_one_before() {
    let failed = with_one().sees_image(copy(ImageState::Error)).after(Outcome::NoCall).destinations.remove(0);
    assert!(failed.failure.is_some());
    assert_eq!((failed.observed_generation, failed.applied.shared_generation), (None, None));
}

#[test]
fn the_sharing_of_a_copy_that_has_just_become_available_is_not_complete() {
    let replication = Replication::of(vec![begun(EU, 60)]).sees_image(copy(ImageState::Available));
    let replication = replication.with(|r| r.status.destinations[0].applied.shared_generation = Some(1));
    assert_eq!(replication.after(Outcome::NoCall).destinations[0].applied.shared_generation, None);
}

/// The newest copy is shared with one account; consumers are told of this one or, where that is pinned, of the one before.
fn told_of(image: &str, publish: Value) -> Replication {
    not_yet(permissions_of(with_one(), accounts(&[ONE]))).sees_image(previous_image()).with(|r| {
        r.spec.publish = Some(serde_json::from_value(publish).expect("publish"));
        r.status.destinations[0].previous = vec![previous_copy()];
        r.status.destinations[0].published = Some(Published {
            image_id: ImageId::from(image),
            tag_keys: Vec::new(),
            previous_image_id: Some(previous_copy().image_id),
            previous_tag_keys: Vec::new(),
            replaced_tags: Tags::new(),
            previous_replaced_tags: Tags::new(),
            parameters: Vec::new(),
        });
    })
}

fn pinned() -> Replication {
    told_of(IMAGE, json!({"pin": "Previous"}))
}

#[test]
fn the_image_that_is_published_is_shared_though_it_is_not_the_newest() {
    let former = previous_copy().image_id;
    let granted = format!("ModifyLaunchPermissions {former}: add 1 account, remove nobody");
    assert_eq!(on_the_former(pinned(), Grants::default()).says(), granted);
    let newest_waits_for_others = told_of(&former.0, json!({}));
    assert_eq!(on_the_former(newest_waits_for_others, Grants::default()).says(), granted);
    assert_eq!(told_of(IMAGE, json!({})).says(), "record in sync");
}

#[test]
fn a_pinned_image_is_shared_before_it_is_published() {
    assert_eq!(pinned().says(), "wait Sharing");
    assert_eq!(on_the_former(pinned(), accounts(&[ONE])).says(), "record in sync");
}

#[test]
fn a_published_image_of_somebody_else_is_left_to_him() {
    let foreign = Image { owner_id: TWO.to_owned(), ..previous_image() };
    assert_eq!(on_the_former(pinned(), Grants::default()).sees_image(foreign).says(), "record in sync");
}

fn looks_at(replication: &Replication) -> (bool, bool) {
    let watches = replication.plan().watches;
    let any = |is: fn(&Query) -> bool| watches.iter().any(|watch| is(&watch.query));
    (any(|q| matches!(q, Query::LaunchAccounts(..))), any(|q| matches!(q, Query::LaunchPermissions(_))))
}

#[test]
fn whether_accounts_still_have_their_grants_is_looked_up_for_all_images_together() {
    assert_eq!(looks_at(&permissions_of(with_one(), accounts(&[ONE]))), (true, false));
    assert_eq!(looks_at(&permissions_of(with_one(), accounts(&[]))), (true, true), "what differs");
    assert_eq!(looks_at(&not_yet(with_one())), (false, true), "what was just written");
    let everybody = shared(json!({"accountIDs": [ONE], "public": true}));
    assert_eq!(looks_at(&everybody), (false, true), "what no list tells");
    let revoking = shared(json!({"accountIDs": [ONE], "unmanagedGrants": "Revoke"}));
    assert_eq!(looks_at(&revoking), (false, true), "grants that nobody knows of");
}

fn launched_lately() -> Image {
    Image { last_launched_at: Some(at(-60)), ..copy(ImageState::Available) }
}

/// Ireland was taken off with its copies, of which one is in use and stays. ONE is no longer wanted.
fn held_by_use() -> Replication {
    granted_before(shared(json!({"accountIDs": [TWO]})), &accounts(&[ONE, TWO]))
        .into_regions(&[])
        .sees_image(launched_lately())
        .sees(Query::Account, Answer::Account(copy(ImageState::Available).owner_id))
        .with(source_gone)
        .sees_at_source(Query::Account, our_account())
        .with(|r| {
            r.spec.protect_in_use = true;
            r.spec.removed_destination_policy = crate::api::DeletionPolicy::Delete;
        })
}

#[test]
fn what_is_no_longer_granted_is_taken_back_from_copies_that_stay_as_they_are_in_use() {
    let says = permissions_of(held_by_use(), accounts(&[ONE, TWO])).says();
    assert_eq!(says, format!("ModifyLaunchPermissions {IMAGE}: add nobody, remove 1 account"));
    assert_eq!(told(&held_by_use().plan()), "wait Sharing");
    assert_eq!(told(&permissions_of(held_by_use(), accounts(&[TWO])).plan()), "record grants to 1 account");
}

#[test]
fn copies_that_stay_in_the_region_of_the_source_do_not_hold_up_its_sharing() {
    let in_use = Seen::Present(Answer::Image(Box::new(launched_lately())));
    let replication = permissions_of(with_one(), accounts(&[ONE]))
        .sees_source(source_image(ImageState::Available))
        .sees_at_source(Query::Image(ImageId::from(IMAGE)), in_use)
        .with(|r| {
            r.spec.protect_in_use = true;
            r.spec.removed_destination_policy = crate::api::DeletionPolicy::Delete;
            r.status.destinations.push(kept("us-east-1"));
        });
    let replication = on_source(replication, SOURCE, Grants::default());
    let says = replication.says_at_source();
    assert_eq!(says, format!("ModifyLaunchPermissions {SOURCE}: add 1 account, remove nobody"));
}
