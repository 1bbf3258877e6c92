use std::time::Duration;

use super::*;
use crate::{
    model::{
        Image, ImageState, Instance, InstanceState, Snapshot, SnapshotState, Volume, VolumeState, ownership,
        ownership::Role,
    },
    plan::{
        fixtures::{IMAGE, at, build_owner, copy_owner, image, instance, ireland, region, snapshot, tags},
        naming,
    },
};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// Past everything that things made around noon are given.
const LATER: i64 = 3 * DAY;

fn another(owner: &Owner, uid: &str, name: &str) -> Owner {
    Owner { uid: uid.to_owned(), name: name.to_owned(), ..owner.clone() }
}

/// What Kubernetes lists: our two kinds, with an object that owns nothing.
fn objects() -> Objects {
    Objects {
        cluster_id: "cluster".to_owned(),
        kinds: vec!["ImageBuild", "ImageReplication"],
        namespaces: Vec::new(),
        living: vec![
            another(&build_owner(), "uid-other", "other"),
            another(&copy_owner(), "uid-copier", "copier"),
        ],
    }
}

fn with(owner: Owner) -> Objects {
    let mut objects = objects();
    objects.living.push(owner);
    objects
}

fn empty() -> Inventory {
    Inventory::empty(region())
}

fn builder_tags(due: i64) -> Tags {
    build_owner().tags(&Tags::new(), Role::Builder, 1, Some(at(due)))
}

fn builder(state: InstanceState) -> Inventory {
    let instance = Instance { tags: builder_tags(HOUR), ..instance(state) };
    Inventory { instances: vec![instance], ..empty() }
}

fn volume(state: VolumeState) -> Volume {
    Volume { id: "vol-1".into(), state, created_at: Some(at(-30)), tags: builder_tags(HOUR) }
}

fn volumes(volume: Volume) -> Inventory {
    Inventory { volumes: vec![volume], ..empty() }
}

fn our_image(state: ImageState) -> Image {
    Image { tags: build_owner().tags(&Tags::new(), Role::Image, 1, None), ..image(state) }
}

fn images(image: Image) -> Inventory {
    Inventory { images: vec![image], ..empty() }
}

fn our_snapshot(state: SnapshotState) -> Snapshot {
    Snapshot { state, ..snapshot(100) }
}

fn snapshots(snapshot: Snapshot) -> Inventory {
    Inventory { snapshots: vec![snapshot], ..empty() }
}

/// `-` where there is nothing to say.
fn verdict(inventory: Inventory, objects: &Objects, now: i64) -> &'static str {
    let findings = find(&[inventory], objects, false, at(now));
    assert!(findings.len() <= 1, "{findings:?}");
    findings.first().map_or("-", |f| f.verdict.as_str())
}

fn why(inventory: Inventory, objects: &Objects, now: i64) -> String {
    find(&[inventory], objects, false, at(now)).remove(0).why
}

#[test]
fn a_builder_without_owner_goes_after_its_own_time_in_every_state_that_costs_money() {
    let states = [
        (InstanceState::Pending, "Young", "Remove"),
        (InstanceState::Running, "Young", "Remove"),
        (InstanceState::Stopping, "Young", "Remove"),
        (InstanceState::Stopped, "Young", "Remove"),
        (InstanceState::ShuttingDown, "-", "-"),
        (InstanceState::Terminated, "-", "-"),
        (InstanceState::Other("dozing".to_owned()), "Report", "Report"),
    ];
    for (state, before, after) in states {
        let told = (
            verdict(builder(state.clone()), &objects(), HOUR - 1),
            verdict(builder(state.clone()), &objects(), HOUR),
        );
        assert_eq!(told, (before, after), "{state:?}");
    }
}

#[test]
fn a_volume_goes_only_when_it_is_on_no_instance() {
    let states = [
        (VolumeState::Creating, "-"),
        (VolumeState::Available, "Remove"),
        (VolumeState::InUse, "-"),
        (VolumeState::Deleting, "-"),
        (VolumeState::Deleted, "-"),
        (VolumeState::Error, "-"),
        (VolumeState::Other("dozing".to_owned()), "-"),
    ];
    for (state, expected) in states {
        assert_eq!(verdict(volumes(volume(state.clone())), &objects(), HOUR), expected, "{state:?}");
    }
    assert_eq!(verdict(volumes(volume(VolumeState::Available)), &objects(), HOUR - 1), "Young");
}

#[test]
fn an_image_goes_only_if_it_never_was_available_and_had_time_to_become_so() {
    let states = [
        (ImageState::Pending, "Young", "Remove"),
        (ImageState::Transient, "Young", "Remove"),
        (ImageState::Failed, "Young", "Remove"),
        (ImageState::Error, "Young", "Remove"),
        (ImageState::Invalid, "Young", "Remove"),
        (ImageState::Available, "Report", "Report"),
        (ImageState::Disabled, "Report", "Report"),
        (ImageState::Other("dozing".to_owned()), "Report", "Report"),
        (ImageState::Deregistered, "-", "-"),
    ];
    for (state, before, after) in states {
        let told = (
            verdict(images(our_image(state.clone())), &objects(), DAY),
            verdict(images(our_image(state.clone())), &objects(), LATER),
        );
        assert_eq!(told, (before, after), "{state}");
    }
}

#[test]
fn a_snapshot_without_image_goes_only_if_it_failed() {
    let states = [
        (SnapshotState::Error, "Remove"),
        (SnapshotState::Pending, "Report"),
        (SnapshotState::Completed, "Report"),
        (SnapshotState::Other("recoverable".to_owned()), "Report"),
    ];
    for (state, expected) in states {
        let told = verdict(snapshots(our_snapshot(state.clone())), &objects(), LATER);
        assert_eq!(told, expected, "{state:?}");
    }
    assert_eq!(verdict(snapshots(our_snapshot(SnapshotState::Error)), &objects(), DAY), "Young");
}

#[test]
fn a_snapshot_that_was_marked_with_its_image_goes_after_it() {
    let mut marked = our_snapshot(SnapshotState::Completed);
    marked.tags.insert(ownership::DELETE_AFTER.to_owned(), at(HOUR).to_string());
    assert_eq!(verdict(snapshots(marked), &objects(), HOUR), "Remove");
}

#[test]
fn a_snapshot_of_an_image_that_is_there_is_the_image_s_matter() {
    let unnamed = Image { devices: Vec::new(), ..our_image(ImageState::Failed) };
    for image in [our_image(ImageState::Failed), unnamed] {
        let both = Inventory { snapshots: vec![our_snapshot(SnapshotState::Error)], ..images(image) };
        let findings = find(&[both], &objects(), false, at(LATER));
        let things: Vec<&Thing> = findings.iter().map(|f| &f.thing).collect();
        let snapshot = snapshot(100).id;
        assert_eq!(things, [&Thing::Image(IMAGE.into(), vec![snapshot])]);
    }
}

#[test]
fn a_snapshot_that_another_image_uses_does_not_go_with_a_failed_one() {
    let user = Image { id: "ami-2".into(), ..our_image(ImageState::Available) };
    let mut both = images(our_image(ImageState::Failed));
    both.images.push(user);
    both.snapshots.push(our_snapshot(SnapshotState::Completed));
    let findings = find(&[both], &objects(), false, at(LATER));
    assert_eq!(findings[0].thing, Thing::Image(IMAGE.into(), Vec::new()));
}

#[test]
fn what_a_living_object_owns_is_its_own_matter() {
    let objects = with(build_owner());
    assert_eq!(verdict(images(our_image(ImageState::Failed)), &objects, LATER), "-");
    assert_eq!(verdict(snapshots(our_snapshot(SnapshotState::Error)), &objects, LATER), "-");
    assert_eq!(verdict(builder(InstanceState::Running), &objects, HOUR - 1), "-");
}

fn without_those_of(inventory: Inventory, objects: &Objects) -> Inventory {
    let living = Register::of(objects);
    let mut listing = Listing::of(inventory.region, Some(&living));
    inventory.snapshots.into_iter().for_each(|snapshot| listing.snapshot(snapshot));
    inventory.images.into_iter().for_each(|image| listing.image(image));
    listing.with(inventory.instances, inventory.volumes)
}

#[test]
fn what_a_living_object_owns_is_left_out_and_has_its_snapshots_all_the_same() {
    let living = with(another(&build_owner(), "uid-living", "living"));
    let tags = another(&build_owner(), "uid-living", "living").tags(&Tags::new(), Role::Image, 1, None);
    let mut both = images(our_image(ImageState::Failed));
    both.images.push(Image { id: "ami-2".into(), tags, ..our_image(ImageState::Available) });
    both.images.push(Image { id: "ami-3".into(), devices: Vec::new(), ..both.images[1].clone() });
    both.snapshots.push(our_snapshot(SnapshotState::Completed));
    let whole = find(&[both.clone()], &living, false, at(LATER));
    let reduced = without_those_of(both, &living);
    let left_out: Vec<&str> = reduced.left_out.iter().map(|image| &*image.id.0).collect();
    assert_eq!((reduced.images.len(), left_out), (1, vec!["ami-2"]));
    assert_eq!(find(std::slice::from_ref(&reduced), &living, false, at(LATER)), whole);
    // The image that EC2 made the snapshot for is not there any more, and the other one names it.
    let alone = Inventory { images: Vec::new(), ..reduced };
    assert_eq!(find(&[alone], &living, false, at(LATER)), []);
}

#[test]
fn what_is_in_doubt_or_past_its_time_is_not_left_out() {
    let mut marked = our_snapshot(SnapshotState::Completed);
    marked.tags.insert(ownership::DELETE_AFTER.to_owned(), at(HOUR).to_string());
    let whole = Inventory { snapshots: vec![marked], ..images(our_image(ImageState::Failed)) };
    assert_eq!(without_those_of(whole.clone(), &objects()), whole);
    let reduced = without_those_of(whole.clone(), &with(build_owner()));
    assert_eq!((reduced.images.len(), reduced.snapshots), (0, whole.snapshots));
}

#[test]
fn a_builder_that_outlives_its_time_under_a_living_owner_is_only_reported() {
    let objects = with(build_owner());
    assert_eq!(verdict(builder(InstanceState::Running), &objects, HOUR), "Report");
    assert!(why(builder(InstanceState::Running), &objects, HOUR).contains("its owner still exists"));
}

#[test]
fn nothing_of_another_cluster_is_ever_removed() {
    let ours_no_more = Objects { cluster_id: "clust*".to_owned(), ..objects() };
    assert_eq!(verdict(builder(InstanceState::Running), &ours_no_more, LATER), "Report");
    assert_eq!(verdict(images(our_image(ImageState::Failed)), &ours_no_more, LATER), "Report");
}

#[test]
fn nothing_of_a_namespace_that_is_not_watched_is_seen() {
    let elsewhere = Objects { namespaces: vec!["team-a".to_owned()], ..objects() };
    assert_eq!(verdict(builder(InstanceState::Running), &elsewhere, LATER), "-");
    let here = Objects { namespaces: vec!["images".to_owned()], ..objects() };
    assert_eq!(verdict(builder(InstanceState::Running), &here, LATER), "Remove");
}

#[test]
fn a_kind_of_another_version_is_left_alone() {
    let older = Objects { kinds: vec!["ImageReplication"], ..objects() };
    assert_eq!(verdict(builder(InstanceState::Running), &older, LATER), "Report");
}

#[test]
fn tags_that_somebody_copied_or_lost_remove_nothing() {
    let mut copied = builder(InstanceState::Running);
    copied.instances[0].client_token = Some(naming::launch_token(&build_owner(), 2));
    assert_eq!(verdict(copied, &objects(), LATER), "Report");
    for lost in [ownership::UID, ownership::KIND, ownership::NAME, ownership::ROLE, ownership::DELETE_AFTER] {
        let mut inventory = builder(InstanceState::Running);
        inventory.instances[0].tags.remove(lost);
        assert_eq!(verdict(inventory, &objects(), LATER), "Report", "{lost}");
    }
    let late = Volume { created_at: Some(at(2 * HOUR)), ..volume(VolumeState::Available) };
    assert_eq!(verdict(volumes(late), &objects(), LATER), "Report");
    let foreign = Image { tags: builder_tags(HOUR), ..our_image(ImageState::Failed) };
    assert_eq!(verdict(images(foreign), &objects(), LATER), "Report");
    let undated = Image { created_at: None, ..our_image(ImageState::Failed) };
    assert_eq!(verdict(images(undated), &objects(), LATER), "Report");
}

fn restored() -> Objects {
    with(another(&build_owner(), "uid-since", "web"))
}

#[test]
fn after_a_restore_nothing_of_the_former_life_is_touched() {
    for inventory in [
        builder(InstanceState::Running),
        volumes(volume(VolumeState::Available)),
        images(our_image(ImageState::Failed)),
        snapshots(our_snapshot(SnapshotState::Error)),
    ] {
        assert_eq!(verdict(inventory.clone(), &restored(), LATER), "Report");
        let findings = find(&[inventory], &restored(), false, at(LATER));
        assert_eq!(findings[0].concerns.as_ref().map(|o| o.uid.as_str()), Some("uid-since"));
    }
}

#[test]
fn what_a_former_life_left_unfinished_goes_when_adoption_is_asked_for() {
    for inventory in [builder(InstanceState::Running), images(our_image(ImageState::Failed))] {
        assert_eq!(find(&[inventory], &restored(), true, at(LATER))[0].verdict, Verdict::Remove);
    }
    let available = images(our_image(ImageState::Available));
    assert_eq!(find(&[available], &restored(), true, at(LATER))[0].verdict, Verdict::Report);
}

#[test]
fn the_image_of_a_former_life_is_adopted_with_its_snapshots() {
    let inventory = Inventory {
        snapshots: vec![our_snapshot(SnapshotState::Completed)],
        ..images(our_image(ImageState::Available))
    };
    let adopted = adoptions(&[inventory], &restored());
    assert_eq!(adopted.len(), 1);
    assert_eq!(adopted[0].resources, [IMAGE.to_owned(), snapshot(100).id.0]);
    assert_eq!(adopted[0].tags(), tags(&[(ownership::UID, "uid-since")]));
}

#[test]
fn an_image_is_not_adopted_where_it_could_be_another() {
    let one = || images(our_image(ImageState::Available));
    assert_eq!(adoptions(&[one()], &objects()), [], "its owner is gone");
    assert_eq!(adoptions(&[one()], &with(build_owner())), [], "its owner lives");
    assert_eq!(adoptions(&[images(our_image(ImageState::Failed))], &restored()), [], "of no use");
    let mut two = one();
    two.images.push(Image { id: "ami-2".into(), ..our_image(ImageState::Available) });
    assert_eq!(adoptions(&[two], &restored()), [], "two of them");
    let since = another(&build_owner(), "uid-since", "web").tags(&Tags::new(), Role::Image, 1, None);
    let mut has_one = one();
    has_one.images.push(Image { id: "ami-2".into(), tags: since, ..our_image(ImageState::Pending) });
    assert_eq!(adoptions(&[has_one], &restored()), [], "it has its own");
}

/// The same thing of so many owners that are gone.
fn of_many(count: usize, one: impl Fn(&Owner, usize) -> Inventory) -> Vec<Inventory> {
    (0..count).map(|n| one(&another(&build_owner(), &format!("uid-{n}"), &format!("web-{n}")), n)).collect()
}

#[test]
fn an_empty_list_of_a_kind_that_many_had_things_of_removes_nothing_that_has_no_time_of_its_own() {
    let failed = |owner: &Owner, n: usize| {
        let tags = owner.tags(&Tags::new(), Role::Image, 1, None);
        images(Image { id: ImageId(format!("ami-{n}")), tags, ..our_image(ImageState::Failed) })
    };
    let lost = Objects { living: Vec::new(), ..objects() };
    let verdicts = |count, objects: &Objects| -> Vec<Verdict> {
        let findings = find(&of_many(count, failed), objects, false, at(LATER));
        findings.iter().map(|f| f.verdict).collect()
    };
    assert_eq!(verdicts(4, &lost), [Verdict::Report; 4]);
    assert_eq!(verdicts(4, &objects()), [Verdict::Remove; 4]);
    assert_eq!(verdicts(3, &lost), [Verdict::Remove; 3]);
}

#[test]
fn an_empty_list_keeps_no_builder_past_its_time() {
    let running = |owner: &Owner, n: usize| {
        let tags = owner.tags(&Tags::new(), Role::Builder, 1, Some(at(HOUR)));
        let client_token = Some(naming::launch_token(owner, 1));
        let id = InstanceId(format!("i-{n}"));
        let instance = Instance { id, client_token, tags, ..instance(InstanceState::Running) };
        Inventory { instances: vec![instance], ..empty() }
    };
    let lost = Objects { living: Vec::new(), ..objects() };
    let findings = find(&of_many(9, running), &lost, false, at(LATER));
    assert!(findings.iter().all(|f| f.verdict == Verdict::Remove), "{findings:?}");
}

fn is_removed(before: &Inventory, runs_for: u64) -> bool {
    let find = |inventory: &Inventory| find(std::slice::from_ref(inventory), &objects(), false, at(LATER));
    let findings = find(&builder(InstanceState::Running));
    let runs_since = at(LATER) - Duration::from_secs(runs_for);
    removable(&findings, &find(before), runs_since, at(LATER)).count() == 1
}

#[test]
fn only_what_two_sweeps_agree_on_is_removed_and_not_in_the_first_minutes() {
    assert!(is_removed(&builder(InstanceState::Running), 15 * 60));
    assert!(!is_removed(&builder(InstanceState::Running), 14 * 60));
    assert!(!is_removed(&empty(), 15 * 60));
    let elsewhere = Inventory { region: ireland(), ..builder(InstanceState::Running) };
    assert!(!is_removed(&elsewhere, 15 * 60));
    let mut young = builder(InstanceState::Running);
    young.instances[0].tags = builder_tags(LATER + 1);
    assert!(!is_removed(&young, 15 * 60));
}
