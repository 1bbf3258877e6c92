//! Publishing, whole.

use ami_operator::{ec2::poller::Subject, model::Action};
use serde_json::{Value, json};

use super::{
    Flow, build, replication,
    replication_tests::{HOUR, REGIONS, default_spec, destination, ready, replicated},
    world::{ACCOUNT, build_spec, condition, replication_spec, with},
};

const NAME: &str = "/images/web/stable";

/// Where parameters stand: the source's region and the destinations.
const PLACES: [&str; 3] = ["us-east-1", "eu-west-1", "ap-southeast-2"];

fn publish() -> Value {
    json!({"ssmParameters": [{"name": NAME}], "tags": {"channel": "stable"}})
}

fn published_spec() -> Value {
    with(default_spec(), "/publish", publish())
}

/// The newest value of our account's parameter.
fn parameter(flow: &Flow, region: &str) -> Option<String> {
    let world = flow.sim.world();
    let found = world.regions[region].parameters.get(&(ACCOUNT.to_owned(), NAME.to_owned()))?;
    Some(found.newest(flow.now())?.value.clone())
}

fn channels(flow: &Flow, region: &str) -> Vec<Option<String>> {
    flow.images(region).iter().map(|image| image.tags.get("channel").cloned()).collect()
}

/// A second build takes the first one's place as the source.
async fn rolled_out(flow: &mut Flow, copies: &Subject, spec: Value) {
    flow.apply(&build("next"), build_spec(&[]));
    flow.apply(copies, with(spec, "/source", replication_spec("next", &REGIONS)["source"].clone()));
    ready(flow, copies).await;
}

#[tokio::test(start_paused = true)]
async fn parameters_and_tags_tell_of_the_image_in_every_region() {
    let (flow, copies) = replicated(published_spec()).await;
    for region in PLACES {
        assert_eq!(parameter(&flow, region), Some(flow.images(region)[0].id.clone()), "{region}");
        assert_eq!(channels(&flow, region), [Some("stable".to_owned())], "{region}");
    }
    assert_eq!(condition(&destination(&flow, &copies, "eu-west-1"), "Published").0, "True");
    assert_eq!(flow.ec2.count(Action::PutParameter), 3);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_published_before_every_region_has_its_copy() {
    let mut flow = Flow::new();
    let copies = replication("web");
    flow.encrypt_by_default("ap-southeast-2", true);
    flow.apply(&copies, with(published_spec(), "/sharing", json!({"accountIDs": ["111111111111"]})));
    flow.apply(&build("web"), build_spec(&[]));
    flow.until("copied", HOUR, |f| f.status(&copies)["ready"] == "1/2").await;
    flow.run_for(HOUR).await;
    assert_eq!((parameter(&flow, "eu-west-1"), flow.ec2.count(Action::PutParameter)), (None, 0));
    assert_eq!(channels(&flow, "eu-west-1"), [Some("candidate".to_owned())]);
    flow.encrypt_by_default("ap-southeast-2", false);
    ready(&mut flow, &copies).await;
    assert!(parameter(&flow, "eu-west-1").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_published_replication_writes_nothing_for_two_weeks() {
    let (mut flow, _) = replicated(published_spec()).await;
    flow.run_for(HOUR).await;
    flow.writes_nothing_for_two_weeks().await;
}

#[tokio::test(start_paused = true)]
async fn a_new_source_is_published_when_it_is_everywhere_and_a_pin_takes_it_back() {
    let (mut flow, copies) = replicated(published_spec()).await;
    let old = parameter(&flow, "eu-west-1").expect("a value");
    rolled_out(&mut flow, &copies, published_spec()).await;
    let new = parameter(&flow, "eu-west-1").expect("a value");
    assert_ne!(new, old);
    assert_eq!(channels(&flow, "eu-west-1").iter().flatten().filter(|c| *c == "stable").count(), 1);
    let pinned = with(publish(), "/pin", json!("Previous"));
    let spec = with(published_spec(), "/publish", pinned);
    let source = replication_spec("next", &REGIONS)["source"].clone();
    flow.apply(&copies, with(spec, "/source", source));
    ready(&mut flow, &copies).await;
    assert_eq!(parameter(&flow, "eu-west-1"), Some(old.clone()));
    let is_stable = |id: &str| {
        let images = flow.images("eu-west-1");
        images.iter().any(|i| i.id == *id && i.tags.get("channel").is_some_and(|c| c == "stable"))
    };
    assert_eq!((is_stable(&old), is_stable(&new)), (true, false));
}

#[tokio::test(start_paused = true)]
async fn a_pinned_image_is_shared_with_those_who_are_added() {
    let (mut flow, copies) = replicated(published_spec()).await;
    let old: Vec<String> = PLACES.iter().filter_map(|region| parameter(&flow, region)).collect();
    rolled_out(&mut flow, &copies, published_spec()).await;
    let pinned = with(published_spec(), "/publish", with(publish(), "/pin", json!("Previous")));
    let shared = with(pinned, "/sharing", json!({"accountIDs": ["111111111111"]}));
    flow.apply(&copies, with(shared, "/source", replication_spec("next", &REGIONS)["source"].clone()));
    ready(&mut flow, &copies).await;
    flow.run_for(HOUR).await;
    for (region, id) in PLACES.iter().zip(&old) {
        assert_eq!(parameter(&flow, region).as_ref(), Some(id), "{region}");
        let images = flow.images(region);
        assert!(images.iter().all(|image| image.permissions.users.contains("111111111111")), "{region}");
    }
    flow.writes_nothing_for_two_weeks().await;
}

#[tokio::test(start_paused = true)]
async fn former_copies_go_though_copies_that_cannot_be_launched_are_never_published() {
    let spec = with(published_spec(), "/launchState", json!("Disabled"));
    let spec = with(with(spec, "/sourceChangePolicy", json!("ReplaceWhenReady")), "/keepPrevious", json!(0));
    let (mut flow, copies) = replicated(with(spec.clone(), "/protectInUse", json!(false))).await;
    rolled_out(&mut flow, &copies, with(spec, "/protectInUse", json!(false))).await;
    flow.until("replaced", HOUR, |f| f.images("eu-west-1").len() == 1).await;
    assert_eq!(parameter(&flow, "eu-west-1"), None);
}

#[tokio::test(start_paused = true)]
async fn a_parameter_of_somebody_else_s_is_refused_until_it_is_adopted() {
    let mut flow = Flow::new();
    let copies = replication("web");
    flow.put_parameter("eu-west-1", NAME, "ami-by-hand");
    flow.apply(&copies, published_spec());
    flow.apply(&build("web"), build_spec(&[]));
    let said = |f: &Flow| condition(&destination(f, &copies, "eu-west-1"), "Published").1;
    flow.until("refused", HOUR, |f| said(f) == "ParameterNotOwned").await;
    assert_eq!(parameter(&flow, "eu-west-1").as_deref(), Some("ami-by-hand"));
    let adopt = with(publish(), "/ssmParameters", json!([{"name": NAME, "adopt": true}]));
    flow.apply(&copies, with(default_spec(), "/publish", adopt));
    ready(&mut flow, &copies).await;
    assert_eq!(parameter(&flow, "eu-west-1"), Some(flow.images("eu-west-1")[0].id.clone()));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_longer_published_is_taken_back() {
    let (mut flow, copies) = replicated(published_spec()).await;
    flow.apply(&copies, default_spec());
    ready(&mut flow, &copies).await;
    flow.until("taken back", HOUR, |f| f.status(&copies)["sourceRegion"].is_null()).await;
    assert!(PLACES.iter().all(|region| parameter(&flow, region).is_none()));
    assert_eq!(channels(&flow, "us-east-1"), [None]);
    assert_eq!(channels(&flow, "eu-west-1"), [Some("candidate".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn the_tags_of_a_pinned_image_go_with_publish() {
    let (mut flow, copies) = replicated(published_spec()).await;
    rolled_out(&mut flow, &copies, published_spec()).await;
    let source = replication_spec("next", &REGIONS)["source"].clone();
    let pinned = with(published_spec(), "/publish/pin", json!("Previous"));
    flow.apply(&copies, with(pinned, "/source", source.clone()));
    ready(&mut flow, &copies).await;
    let stable = |f: &Flow| {
        let channels = PLACES.iter().flat_map(|region| channels(f, region)).flatten();
        channels.filter(|channel| channel == "stable").count()
    };
    assert_eq!(stable(&flow), 3);
    flow.apply(&copies, with(default_spec(), "/source", source));
    ready(&mut flow, &copies).await;
    flow.until("taken back", HOUR, |f| f.status(&copies)["sourceRegion"].is_null()).await;
    assert_eq!(stable(&flow), 0);
}

#[tokio::test(start_paused = true)]
async fn what_was_published_of_a_source_that_is_gone_is_taken_back() {
    for delete in [false, true] {
        let spec = with(published_spec(), "/deletionPolicy", json!("Delete"));
        let (mut flow, copies) = replicated(spec).await;
        let source = flow.images("us-east-1")[0].id.clone();
        flow.call("DeregisterImage", &[("ImageId", &source)]);
        flow.run_for(HOUR).await;
        if delete {
            flow.delete(&copies);
            flow.until("gone", HOUR, |f| f.object(&copies).is_null()).await;
        } else {
            flow.apply(&copies, default_spec());
            flow.until("taken back", HOUR, |f| f.status(&copies)["sourceRegion"].is_null()).await;
        }
        assert_eq!(parameter(&flow, "us-east-1"), None);
    }
}

#[tokio::test(start_paused = true)]
async fn all_tags_can_be_exchanged_for_as_many_others() {
    let tags = |prefix: &str| (0..40).map(|n| (format!("{prefix}-{n}"), json!("v"))).collect::<Value>();
    let (mut flow, copies) = replicated(with(default_spec(), "/tags", tags("old"))).await;
    flow.apply(&copies, with(default_spec(), "/tags", tags("new")));
    ready(&mut flow, &copies).await;
    let of_ours = |key: &&String| key.starts_with("old") || key.starts_with("new");
    let image = &flow.images("eu-west-1")[0];
    assert!(image.tags.keys().filter(of_ours).all(|key| key.starts_with("new")));
    assert_eq!(image.tags.keys().filter(of_ours).count(), 40);
}

#[tokio::test(start_paused = true)]
async fn parameters_go_with_the_object_as_the_policy_says() {
    for (policy, left) in [("Retain", 3), ("Delete", 0)] {
        let (mut flow, copies) = replicated(with(published_spec(), "/deletionPolicy", json!(policy))).await;
        flow.delete(&copies);
        flow.until("gone", HOUR, |f| f.object(&copies).is_null()).await;
        let count = PLACES.iter().filter(|region| parameter(&flow, region).is_some()).count();
        assert_eq!(count, left, "{policy}");
    }
}

const FRANKFURT: &str = "eu-central-1";
const MOVED: &str = "ami-0123456789abcdef0";

/// What is shared and published, and an image in Frankfurt that can be its next source.
async fn about_to_move() -> (Flow, Subject, String) {
    let shared = with(published_spec(), "/sharing", json!({"accountIDs": ["111111111111"]}));
    let (mut flow, copies) = replicated(shared).await;
    flow.run_for(HOUR).await;
    flow.seed_image_in(FRANKFURT, MOVED, "golden-2");
    let old = parameter(&flow, "us-east-1").expect("a value");
    (flow, copies, old)
}

fn moved_into(regions: &[&str]) -> Value {
    let spec = with(published_spec(), "/sharing", json!({"accountIDs": ["111111111111"]}));
    let spec = with(spec, "/source", json!({"image": {"imageID": MOVED, "region": FRANKFURT}}));
    with(spec, "/destinations", replication_spec("web", regions)["destinations"].clone())
}

fn is_shared(flow: &Flow, region: &str, id: &str) -> bool {
    let images = flow.images(region);
    images.iter().any(|image| image.id == *id && !image.permissions.users.is_empty())
}

#[tokio::test(start_paused = true)]
async fn a_source_that_moves_is_told_of_in_its_region_until_the_next_one_is_everywhere() {
    let (mut flow, copies, old) = about_to_move().await;
    flow.encrypt_by_default("ap-southeast-2", true);
    flow.apply(&copies, moved_into(&REGIONS));
    flow.until("half rolled out", HOUR, |f| f.status(&copies)["ready"] == "1/2").await;
    flow.run_for(HOUR).await;
    assert_eq!(parameter(&flow, "us-east-1").as_ref(), Some(&old));
    assert!(is_shared(&flow, "us-east-1", &old));
    flow.encrypt_by_default("ap-southeast-2", false);
    ready(&mut flow, &copies).await;
    flow.until("done", HOUR, |f| f.status(&copies)["leftSource"].is_null()).await;
    assert_eq!((parameter(&flow, "us-east-1"), channels(&flow, "us-east-1")), (None, vec![None]));
    assert!(!is_shared(&flow, "us-east-1", &old));
    assert_eq!(parameter(&flow, FRANKFURT).as_deref(), Some(MOVED));
    flow.run_for(HOUR).await;
    flow.writes_nothing_for_two_weeks().await;
}

#[tokio::test(start_paused = true)]
async fn a_copy_takes_over_what_a_source_was_published_as_in_its_region() {
    let (mut flow, copies, old) = about_to_move().await;
    flow.apply(&copies, moved_into(&["eu-west-1", "us-east-1"]));
    ready(&mut flow, &copies).await;
    flow.until("done", HOUR, |f| f.status(&copies)["leftSource"].is_null()).await;
    let copy = destination(&flow, &copies, "us-east-1")["imageID"].clone();
    assert_eq!(parameter(&flow, "us-east-1").as_deref(), copy.as_str());
    assert_eq!(flow.ec2.count(Action::DeleteParameter), 0);
    let of_old = flow.images("us-east-1").into_iter().find(|image| image.id == old).expect("the source");
    assert_eq!((of_old.tags.get("channel"), is_shared(&flow, "us-east-1", &old)), (None, false));
}
