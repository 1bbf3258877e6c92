//! Sharing and the life cycle of copies, whole.

use std::{sync::Arc, time::Duration};

use ami_operator::model::Action;
use ec2sim::core::records::Protection;
use serde_json::{Value, json};

use super::{
    Flow, build, replication,
    replication_tests::{HOUR, REGIONS, default_spec, destination, ready, replicated},
    world::{ACCOUNT, build_spec, condition, with},
};

pub const ONE: &str = "111111111111";
const TWO: &str = "222222222222";

pub const ORGANIZATION: &str = "arn:aws:organizations::111111111111:organization/o-exampleorg1";
pub const UNIT: &str = "arn:aws:organizations::111111111111:ou/o-exampleorg1/ou-root-exampleunit";

/// All places of the image: its source's region and the destinations.
pub const PLACES: [&str; 3] = ["us-east-1", "eu-west-1", "ap-southeast-2"];

fn shared_spec(sharing: Value) -> Value {
    with(default_spec(), "/sharing", sharing)
}

fn receivers(flow: &Flow, region: &str) -> Vec<String> {
    flow.images(region)[0].permissions.users.iter().cloned().collect()
}

/// What a receiver does with `aws ec2 cancel-image-launch-permission`.
fn cancel(flow: &Flow, region: &str) {
    let id = flow.images(region)[0].id.clone();
    flow.meddle(|world| {
        let image = world.region_mut(region).images.get_mut(&id).expect("the image");
        Arc::make_mut(image).permissions.users.clear();
    });
}

fn block_public_access(flow: &Flow, region: &str, blocked: bool) {
    flow.meddle(|world| {
        let settings = &mut world.region_mut(region).settings;
        settings.entry(ACCOUNT.to_owned()).or_default().block_public_images = blocked;
    });
}

#[tokio::test(start_paused = true)]
async fn the_image_is_shared_in_every_region_and_unshared_again() {
    let (mut flow, copies) = replicated(shared_spec(json!({"accountIDs": [ONE, TWO]}))).await;
    for region in PLACES {
        assert_eq!(receivers(&flow, region), [ONE, TWO], "{region}");
    }
    assert_eq!(condition(&destination(&flow, &copies, "eu-west-1"), "Shared").0, "True");
    assert_eq!(condition(&flow.status(&copies)["sourceRegion"], "Shared").0, "True");
    flow.apply(&copies, shared_spec(json!({"accountIDs": [TWO]})));
    ready(&mut flow, &copies).await;
    for region in PLACES {
        assert_eq!(receivers(&flow, region), [TWO], "{region}");
    }
    flow.apply(&copies, default_spec());
    ready(&mut flow, &copies).await;
    assert!(PLACES.iter().all(|region| receivers(&flow, region).is_empty()));
    assert!(flow.status(&copies)["granted"].is_null());
    assert!(flow.status(&copies)["sourceRegion"].is_null());
}

/// Organizations and units that may launch the image.
fn organizations(flow: &Flow, region: &str) -> Vec<String> {
    let permissions = flow.images(region)[0].permissions.clone();
    permissions.organizations.into_iter().chain(permissions.units).collect()
}

#[tokio::test(start_paused = true)]
async fn organizations_and_units_are_let_in_everywhere_and_taken_off_again() {
    let both = json!({"organizationARNs": [ORGANIZATION], "organizationalUnitARNs": [UNIT]});
    let (mut flow, copies) = replicated(shared_spec(both)).await;
    let unit = json!({"organizationalUnitARNs": [UNIT]});
    let next = [(shared_spec(unit), vec![UNIT]), (default_spec(), vec![])];
    assert!(PLACES.iter().all(|region| organizations(&flow, region) == [ORGANIZATION, UNIT]));
    for (spec, left) in next {
        flow.apply(&copies, spec);
        ready(&mut flow, &copies).await;
        assert!(PLACES.iter().all(|region| organizations(&flow, region) == left), "{left:?}");
    }
    assert!(flow.status(&copies)["granted"].is_null());
    assert_eq!(flow.status(&copies)["driftRepaired"], 0);
}

/// Lets everybody, an account and an organization have the image, and the account its snapshots, in every region.
fn grant_by_hand(flow: &Flow) {
    for region in PLACES {
        let image = flow.images(region).remove(0);
        flow.meddle(|world| {
            let region = world.region_mut(region);
            let permissions =
                &mut Arc::make_mut(region.images.get_mut(&image.id).expect("the image")).permissions;
            permissions.public = true;
            permissions.users.insert(TWO.to_owned());
            permissions.organizations.insert(ORGANIZATION.to_owned());
            for id in image.snapshot_ids() {
                let snapshot = Arc::make_mut(region.snapshots.get_mut(id).expect("its snapshot"));
                snapshot.permissions.users.insert(TWO.to_owned());
            }
        });
    }
}

/// What the images and their snapshots are shared by: everybody's, accounts', organizations' and snapshots' grants.
fn all_grants(flow: &Flow) -> [usize; 4] {
    let world = flow.sim.world();
    let images: Vec<_> = PLACES.iter().flat_map(|region| flow.images(region)).collect();
    let snapshots = PLACES.iter().flat_map(|region| world.regions[*region].snapshots.values());
    [
        images.iter().filter(|image| image.permissions.public).count(),
        images.iter().map(|image| image.permissions.users.len()).sum(),
        images.iter().map(|image| image.permissions.organizations.len()).sum(),
        snapshots.filter(|s| s.owner == ACCOUNT).map(|s| s.permissions.users.len()).sum(),
    ]
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_granted_stays_until_it_is_to_be_revoked_and_is_revoked_each_time_then() {
    let sharing = |others| json!({"accountIDs": [ONE], "snapshots": "Shared", "unmanagedGrants": others});
    let (mut flow, copies) = replicated(shared_spec(sharing("Keep"))).await;
    let ours = all_grants(&flow);
    assert_eq!(ours, [0, 3, 0, 3]);
    grant_by_hand(&flow);
    flow.run_for(24 * HOUR).await;
    assert_eq!(all_grants(&flow), [3, 6, 3, 6]);
    assert_eq!(flow.status(&copies)["driftRepaired"], 0);
    flow.apply(&copies, shared_spec(sharing("Revoke")));
    ready(&mut flow, &copies).await;
    assert_eq!((all_grants(&flow), receivers(&flow, "us-east-1")), (ours, vec![ONE.to_owned()]));
    grant_by_hand(&flow);
    flow.run_for(HOUR).await;
    assert_eq!(all_grants(&flow), ours);
}

#[tokio::test(start_paused = true)]
async fn the_source_is_unshared_when_the_object_goes_with_its_copies() {
    let sharing = json!({"accountIDs": [ONE], "snapshots": "Shared"});
    let (mut flow, copies) = replicated(with(shared_spec(sharing), "/deletionPolicy", json!("Delete"))).await;
    assert_eq!(receivers(&flow, "us-east-1"), [ONE]);
    flow.delete(&copies);
    flow.until("gone", HOUR, |f| f.object(&copies).is_null()).await;
    assert!(receivers(&flow, "us-east-1").is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_account_that_is_taken_off_loses_the_copies_of_former_sources_too() {
    let (mut flow, copies) = replicated(shared_spec(json!({"accountIDs": [ONE, TWO]}))).await;
    flow.apply(&build("next"), build_spec(&[]));
    let next = |spec: Value| with(spec, "/source", json!({"imageBuildRef": {"name": "next"}}));
    flow.apply(&copies, next(shared_spec(json!({"accountIDs": [ONE, TWO]}))));
    ready(&mut flow, &copies).await;
    flow.apply(&copies, next(shared_spec(json!({"accountIDs": [TWO]}))));
    ready(&mut flow, &copies).await;
    flow.run_for(Duration::from_mins(5)).await;
    for image in PLACES.iter().flat_map(|region| flow.images(region)) {
        let users: Vec<&String> = image.permissions.users.iter().collect();
        assert_eq!(users, [TWO], "{}", image.id);
    }
}

#[tokio::test(start_paused = true)]
async fn a_former_source_is_unshared_though_its_copies_went_long_before() {
    let spec =
        with(shared_spec(json!({"accountIDs": [ONE]})), "/sourceChangePolicy", json!("ReplaceWhenReady"));
    let spec = with(with(spec, "/keepPrevious", json!(0)), "/protectInUse", json!(false));
    let spec = with(spec, "/deletionPolicy", json!("Delete"));
    let (mut flow, copies) = replicated(spec.clone()).await;
    flow.apply(&build("next"), build_spec(&[]));
    flow.apply(&copies, with(spec, "/source", json!({"imageBuildRef": {"name": "next"}})));
    ready(&mut flow, &copies).await;
    flow.until("replaced", HOUR, |f| REGIONS.iter().all(|region| f.images(region).len() == 1)).await;
    flow.run_for(HOUR).await;
    flow.delete(&copies);
    flow.until("gone", HOUR, |f| f.object(&copies).is_null()).await;
    let sources = flow.images("us-east-1");
    assert_eq!(sources.len(), 2);
    assert!(sources.iter().all(|image| image.permissions.users.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn a_thousand_accounts_are_one_call_an_image_and_two_a_snapshot() {
    let ids: Vec<String> = (0..1000).map(|n| format!("{n:012}")).collect();
    let sharing = json!({"accountIDs": ids, "snapshots": "Shared"});
    let (flow, _) = replicated(shared_spec(sharing)).await;
    for region in PLACES {
        assert_eq!(receivers(&flow, region).len(), 1000, "{region}");
    }
    assert_eq!(flow.ec2.count(Action::ModifyImageAttribute), 3);
    assert_eq!(flow.ec2.count(Action::ModifySnapshotAttribute), 3 * 2);
}

#[tokio::test(start_paused = true)]
async fn a_shared_replication_writes_nothing_for_two_weeks() {
    let sharing = json!({"accountIDs": [ONE], "snapshots": "Shared"});
    let spec = with(shared_spec(sharing), "/deprecateAfter", json!("2160h"));
    let (mut flow, _) = replicated(with(spec, "/deregistrationProtection", json!("Enabled"))).await;
    flow.run_for(Duration::from_mins(1)).await;
    flow.writes_nothing_for_two_weeks().await;
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_somebody_revoked_comes_back_and_is_counted() {
    let (mut flow, copies) = replicated(shared_spec(json!({"accountIDs": [ONE]}))).await;
    cancel(&flow, "eu-west-1");
    flow.until("repaired", HOUR, |f| f.status(&copies)["driftRepaired"] == 1).await;
    assert_eq!(receivers(&flow, "eu-west-1"), [ONE]);
    assert!(flow.cluster.event_reasons(&copies).contains(&"DriftRepaired".to_owned()));
    assert!(flow.metrics().contains(r#"drift_repaired_total{kind="permissions"} 1"#), "{}", flow.metrics());
}

#[tokio::test(start_paused = true)]
async fn an_account_that_cancels_its_grant_is_not_fought() {
    let (mut flow, copies) = replicated(shared_spec(json!({"accountIDs": [ONE]}))).await;
    let before = flow.ec2.count(Action::ModifyImageAttribute);
    for _ in 0..6 * 24 {
        cancel(&flow, "eu-west-1");
        flow.run_for(Duration::from_mins(10)).await;
    }
    let grants = flow.ec2.count(Action::ModifyImageAttribute) - before;
    assert!((4..=6).contains(&grants), "{grants} in a day");
    assert!(flow.is_true(&copies, "Ready"));
    assert_eq!(condition(&destination(&flow, &copies, "eu-west-1"), "Shared").1, "GrantCancelled");
}

#[tokio::test(start_paused = true)]
async fn block_public_access_is_told_and_never_switched_off() {
    let mut flow = Flow::new();
    let copies = replication("web");
    block_public_access(&flow, "eu-west-1", true);
    flow.apply(&copies, shared_spec(json!({"public": true})));
    flow.apply(&build("web"), build_spec(&[]));
    let shared = |f: &Flow, region| condition(&destination(f, &copies, region), "Shared");
    flow.until("blocked", HOUR, |f| shared(f, "eu-west-1").1 == "PublicSharingBlocked").await;
    flow.until("public", HOUR, |f| shared(f, "ap-southeast-2").0 == "True").await;
    assert!(!flow.images("eu-west-1")[0].permissions.public);
    block_public_access(&flow, "eu-west-1", false);
    ready(&mut flow, &copies).await;
    assert!(flow.images("eu-west-1")[0].permissions.public);
}

#[tokio::test(start_paused = true)]
async fn a_copy_under_the_aws_managed_key_is_refused_before_it_is_made() {
    let mut flow = Flow::new();
    let copies = replication("web");
    flow.encrypt_by_default("eu-west-1", true);
    flow.apply(&copies, shared_spec(json!({"accountIDs": [ONE]})));
    flow.apply(&build("web"), build_spec(&[]));
    flow.until("copied elsewhere", HOUR, |f| f.status(&copies)["ready"] == "1/2").await;
    assert_eq!(flow.condition(&copies, "Stalled").1, "NotShareable");
    assert!(flow.images("eu-west-1").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_source_under_the_aws_managed_key_is_told_of_before_it_is_copied() {
    let mut flow = Flow::new();
    let copies = replication("web");
    let spec = |sharing: Value| {
        let destinations = json!([{"region": "eu-west-1", "encryption": {"kmsKeyID": "alias/images"}}]);
        with(shared_spec(sharing), "/destinations", destinations)
    };
    flow.encrypt_by_default("us-east-1", true);
    flow.apply(&copies, spec(json!({"accountIDs": [ONE]})));
    flow.apply(&build("web"), build_spec(&[]));
    flow.until("refused", HOUR, |f| f.condition(&copies, "Stalled").1 == "NotShareable").await;
    assert_eq!(flow.ec2.count(Action::CopyImage), 0);
    flow.apply(&copies, spec(json!({"accountIDs": [ONE], "includeSourceRegion": false})));
    ready(&mut flow, &copies).await;
    assert_eq!(receivers(&flow, "eu-west-1"), [ONE]);
    flow.writes_nothing_for_two_weeks().await;
}

#[tokio::test(start_paused = true)]
async fn snapshots_that_are_private_again_are_taken_back_and_then_left_alone() {
    let spec = |snapshots: &str| shared_spec(json!({"accountIDs": [ONE], "snapshots": snapshots}));
    let (mut flow, copies) = replicated(spec("Shared")).await;
    assert_eq!(all_grants(&flow), [0, 3, 0, 3]);
    flow.apply(&copies, spec("Private"));
    ready(&mut flow, &copies).await;
    flow.run_for(Duration::from_mins(5)).await;
    assert_eq!(all_grants(&flow), [0, 3, 0, 0]);
    flow.writes_nothing_for_two_weeks().await;
}

#[tokio::test(start_paused = true)]
async fn a_copy_lives_as_the_manifest_says() {
    let spec = with(default_spec(), "/deprecateAfter", json!("2160h"));
    let spec = with(spec, "/deregistrationProtection", json!("EnabledWithCooldown"));
    let (mut flow, copies) = replicated(spec).await;
    let image = &flow.images("eu-west-1")[0];
    let lives = image.deprecated_at.expect("a deprecation").duration_since(image.created_at).as_hours();
    assert!((2159..=2160).contains(&lives), "{lives} h");
    assert_eq!(image.protection, Protection::On { cooldown: true });
    flow.apply(&copies, with(default_spec(), "/deregistrationProtection", json!("Disabled")));
    ready(&mut flow, &copies).await;
    let image = &flow.images("eu-west-1")[0];
    assert_eq!(image.deprecated_at, None);
    assert!(!matches!(image.protection, Protection::On { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_description_that_somebody_changed_is_put_back() {
    let (mut flow, copies) = replicated(with(default_spec(), "/description", json!("of the web"))).await;
    let described = |f: &Flow| f.images("eu-west-1")[0].description.clone();
    assert_eq!(described(&flow).as_deref(), Some("of the web"));
    let id = flow.images("eu-west-1")[0].id.clone();
    flow.meddle(|world| {
        let image = world.region_mut("eu-west-1").images.get_mut(&id).expect("the copy");
        Arc::make_mut(image).description = Some("of somebody".to_owned());
    });
    flow.until("put back", HOUR, |f| f.status(&copies)["driftRepaired"] == 1).await;
    assert_eq!(described(&flow).as_deref(), Some("of the web"));
}

#[tokio::test(start_paused = true)]
async fn grants_come_back_when_a_copy_is_enabled_again() {
    let spec = shared_spec(json!({"accountIDs": [ONE]}));
    let (mut flow, copies) = replicated(spec.clone()).await;
    flow.apply(&copies, with(spec.clone(), "/launchState", json!("Disabled")));
    ready(&mut flow, &copies).await;
    assert!(REGIONS.iter().all(|region| flow.images(region)[0].disabled));
    flow.apply(&copies, with(spec, "/launchState", json!("Enabled")));
    ready(&mut flow, &copies).await;
    for region in REGIONS {
        assert_eq!(receivers(&flow, region), [ONE], "{region}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_protected_copy_goes_after_its_cooldown() {
    let spec = with(default_spec(), "/deregistrationProtection", json!("EnabledWithCooldown"));
    let (mut flow, copies) = replicated(with(spec, "/deletionPolicy", json!("Delete"))).await;
    flow.delete(&copies);
    flow.run_for(Duration::from_hours(23)).await;
    assert_eq!(flow.images("eu-west-1").len(), 1);
    flow.until("gone", 2 * HOUR, |f| f.object(&copies).is_null()).await;
    assert!(REGIONS.iter().all(|region| flow.images(region).is_empty()));
}

#[tokio::test(start_paused = true)]
async fn fast_restore_is_on_while_asked_for_and_off_before_the_copy_is_handed_over() {
    let warm = json!([{"region": "eu-west-1", "fastSnapshotRestoreZones": ["eu-west-1a"]}]);
    let (mut flow, copies) = replicated(with(default_spec(), "/destinations", warm)).await;
    let paid = |f: &Flow| {
        let world = f.sim.world();
        world.regions["eu-west-1"].fast_restores.values().filter(|r| r.disabled_at.is_none()).count()
    };
    assert_eq!(paid(&flow), 1);
    flow.delete(&copies);
    flow.until("gone", HOUR, |f| f.object(&copies).is_null()).await;
    assert_eq!((paid(&flow), flow.images("eu-west-1").len()), (0, 1));
}

/// The snapshots in Ireland for which it is paid.
fn fast(flow: &Flow) -> Vec<String> {
    let world = flow.sim.world();
    let restores = world.regions["eu-west-1"].fast_restores.iter();
    restores.filter(|(_, r)| r.disabled_at.is_none()).map(|((snapshot, _), _)| snapshot.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn fast_restore_stays_on_the_copy_that_serves_until_the_next_one_is_everywhere() {
    let warm = json!([
        {"region": "eu-west-1", "fastSnapshotRestoreZones": ["eu-west-1a"]},
        {"region": "ap-southeast-2"},
    ]);
    let spec = with(shared_spec(json!({"accountIDs": [ONE]})), "/destinations", warm);
    let (mut flow, copies) = replicated(spec.clone()).await;
    let old = fast(&flow);
    assert_eq!(old.len(), 1);
    flow.encrypt_by_default("ap-southeast-2", true);
    flow.apply(&build("next"), build_spec(&[]));
    flow.apply(&copies, with(spec, "/source", json!({"imageBuildRef": {"name": "next"}})));
    flow.until("half rolled out", HOUR, |f| f.status(&copies)["ready"] == "1/2").await;
    flow.run_for(HOUR).await;
    assert_eq!(fast(&flow), old);
    flow.encrypt_by_default("ap-southeast-2", false);
    ready(&mut flow, &copies).await;
    let new = fast(&flow);
    assert_eq!(new.len(), 1);
    assert_ne!(new, old);
    assert!(flow.status(&copies)["driftRepaired"].as_i64().unwrap_or(0) == 0);
    flow.delete(&copies);
    flow.until("gone", HOUR, |f| f.object(&copies).is_null()).await;
    assert!(fast(&flow).is_empty());
}

#[tokio::test(start_paused = true)]
async fn fast_restore_that_is_off_already_holds_up_nothing() {
    let warm = json!([{"region": "eu-west-1", "fastSnapshotRestoreZones": ["eu-west-1a"]}]);
    let (mut flow, copies) = replicated(with(default_spec(), "/destinations", warm)).await;
    flow.meddle(|world| world.region_mut("eu-west-1").fast_restores.clear());
    flow.delete(&copies);
    flow.until("gone", HOUR, |f| f.object(&copies).is_null()).await;
}

#[tokio::test(start_paused = true)]
async fn fast_restore_of_a_copy_that_somebody_deregistered_is_not_paid_for() {
    let warm = json!([{"region": "eu-west-1", "fastSnapshotRestoreZones": ["eu-west-1a"]}]);
    let (mut flow, copies) = replicated(with(default_spec(), "/destinations", warm)).await;
    let id = flow.images("eu-west-1")[0].id.clone();
    flow.meddle(|world| drop(world.region_mut("eu-west-1").images.remove(&id)));
    flow.until("made again", HOUR, |f| f.images("eu-west-1").iter().any(|image| image.id != id)).await;
    ready(&mut flow, &copies).await;
    flow.run_for(HOUR).await;
    let world = flow.sim.world();
    let restores = &world.regions["eu-west-1"].fast_restores;
    assert_eq!(restores.values().filter(|r| r.disabled_at.is_none()).count(), 1);
}
