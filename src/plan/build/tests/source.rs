//! Resolving the source image.

use serde_json::json;

use crate::{
    model::{Answer, BootMode, Image, ImageId, ImageSelector, ImageState, Query, Tags},
    plan::{
        build::{BaseBuild, BuildRecord, BuildStep},
        fixtures::*,
        timing,
    },
};

fn by_id() -> Query {
    Query::Image(ImageId::from(SOURCE))
}

fn from(source: serde_json::Value) -> Build {
    Build::new().with(|b| b.spec.source = serde_json::from_value(source).expect("a source"))
}

fn layered(base: Option<BaseBuild>) -> Build {
    from(json!({"imageBuildRef": {"name": "base"}})).with(|b| b.base = base)
}

#[test]
fn an_available_image_is_taken() {
    assert_eq!(
        Build::new().sees_image(source_image(ImageState::Available)).says(),
        format!("record source {SOURCE}")
    );
}

#[test]
fn an_image_that_may_still_become_available_is_waited_for() {
    for state in [ImageState::Pending, ImageState::Transient, ImageState::Other("new".to_owned())] {
        assert_eq!(Build::new().sees_image(source_image(state)).says(), "wait WaitingForSourceImage");
    }
}

#[test]
fn an_image_that_cannot_be_launched_needs_a_person() {
    for state in [
        ImageState::Disabled,
        ImageState::Invalid,
        ImageState::Deregistered,
        ImageState::Failed,
        ImageState::Error,
    ] {
        let build = Build::new().sees_image(source_image(state));
        assert_eq!(build.says(), "blocked SourceNotAvailable");
        assert_eq!(build.plan().check_after, Some(timing::NEEDS_HELP));
    }
}

#[test]
fn one_empty_answer_does_not_mean_that_there_is_no_such_image() {
    assert_eq!(Build::new().misses(by_id(), 1, 0).says(), "wait ResolvingSource");
}

#[test]
fn several_empty_answers_at_once_count_as_one() {
    assert_eq!(Build::new().misses(by_id(), 5, 1).says(), "wait ResolvingSource");
}

#[test]
fn an_image_that_stays_missing_needs_a_person() {
    assert_eq!(Build::new().lacks(by_id()).says(), "blocked SourceNotFound");
}

#[test]
fn an_instance_store_image_fails_the_build() {
    let mut image = source_image(ImageState::Available);
    image.root_device_type = "instance-store".to_owned();
    assert_eq!(Build::new().sees_image(image).says(), "record failed SourceNotEBS");
}

#[test]
fn a_parameter_is_followed_to_its_image() {
    let build = from(json!({"ssmParameter": "/golden"}))
        .sees(Query::Parameter("/golden".to_owned()), Answer::Parameter(SOURCE.to_owned()))
        .sees_image(source_image(ImageState::Available));
    assert_eq!(build.says(), format!("record source {SOURCE}"));
}

#[test]
fn a_parameter_that_does_not_exist_needs_a_person() {
    let build = from(json!({"ssmParameter": "/golden"})).misses(Query::Parameter("/golden".to_owned()), 1, 0);
    assert_eq!(build.says(), "blocked SourceNotFound");
}

#[test]
fn a_parameter_without_an_image_id_is_never_asked_for_as_an_image() {
    for value in ["", "ami-", "ami-12345", "ami-0000000000000000g", "ami-00000001\n", "i-00000001"] {
        let build = from(json!({"ssmParameter": "/golden"}))
            .sees(Query::Parameter("/golden".to_owned()), Answer::Parameter(value.to_owned()));
        assert_eq!(build.says(), "blocked SourceNotAnImage", "{value:?}");
        assert_eq!(build.plan().watches.len(), 1, "{value:?}");
    }
}

#[test]
fn a_selector_asks_for_its_owners_images_only() {
    let selector = ImageSelector {
        owners: vec!["self".to_owned()],
        name: Some("base-*".to_owned()),
        architecture: Some("arm64".to_owned()),
        product_code: None,
        tags: Tags::new(),
    };
    let build = from(json!({"selector": {"owners": ["self"], "name": "base-*", "architecture": "arm64"}}))
        .sees(
            Query::Newest(Box::new(selector)),
            Answer::Image(Box::new(source_image(ImageState::Available))),
        );
    assert_eq!(build.says(), format!("record source {SOURCE}"));
}

#[test]
fn a_product_is_looked_for_at_the_marketplace() {
    let build = from(json!({"marketplace": {"productCode": "0123456789abcdefghijklmno"}}));
    let query = build.plan().watches.remove(0).query;
    let Query::Newest(selector) = query else { panic!("{query:?}") };
    assert_eq!(selector.owners, ["aws-marketplace"]);
    assert_eq!(selector.product_code.as_deref(), Some("0123456789abcdefghijklmno"));
}

#[test]
fn a_base_build_is_waited_for() {
    for base in [None, Some(BaseBuild::Missing), Some(BaseBuild::Running)] {
        assert_eq!(layered(base).says(), "wait WaitingForSourceBuild");
    }
}

#[test]
fn a_base_build_that_failed_needs_a_person() {
    assert_eq!(layered(Some(BaseBuild::Failed)).says(), "blocked SourceBuildFailed");
}

#[test]
fn a_base_build_in_another_region_fails_the_build() {
    let ready = BaseBuild::Ready { region: ireland(), image_id: ImageId::from(SOURCE) };
    assert_eq!(layered(Some(ready)).says(), "record failed SourceInOtherRegion");
}

#[test]
fn a_finished_base_builds_image_is_looked_at_too() {
    let ready = BaseBuild::Ready { region: region(), image_id: ImageId::from(SOURCE) };
    let build = layered(Some(ready)).sees_image(source_image(ImageState::Available));
    assert_eq!(build.says(), format!("record source {SOURCE}"));
}

#[test]
fn what_later_steps_need_of_the_source_is_written_down() {
    let step = Build::new().sees_image(source_image(ImageState::Available)).plan().step;
    let Some(BuildStep::Record(BuildRecord::Source(source))) = step else { panic!("{step:?}") };
    assert_eq!(source.root_device_name.as_deref(), Some("/dev/xvda"));
    assert_eq!(source.devices[0].device_name, "/dev/xvda");
    assert!(source.devices[0].delete_on_termination);
}

fn uefi_from(boot_mode: Option<&str>, architecture: &str) -> String {
    let image = Image {
        boot_mode: boot_mode.map(str::to_owned),
        architecture: architecture.to_owned(),
        ..source_image(ImageState::Available)
    };
    Build::new().with(|b| b.spec.image.boot_mode = Some(BootMode::Uefi)).sees_image(image).says()
}

#[test]
fn a_source_that_cannot_start_by_uefi_makes_no_uefi_image() {
    let taken = format!("record source {SOURCE}");
    assert_eq!(uefi_from(Some("legacy-bios"), "x86_64"), "record failed SourceNotUEFI");
    assert_eq!(uefi_from(None, "x86_64"), "record failed SourceNotUEFI");
    assert_eq!(uefi_from(None, "arm64"), taken);
    assert_eq!(uefi_from(Some("uefi-preferred"), "x86_64"), taken);
}
