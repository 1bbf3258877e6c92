//! Manifests with what the API says to them. The same list is held against the offline checker and a real API server.

mod builds;
mod customization;
mod replications;

use serde_json::{Value, json};

/// One manifest, or one edit, and the verdict.
#[derive(Clone)]
pub struct Case {
    /// A sentence.
    pub name: String,
    /// To be created; if there is an edit, this is valid.
    pub manifest: Value,
    /// To take the place of `manifest`.
    pub edit: Option<Value>,
    /// `None`: accepted. Otherwise a part of the answer: the message of a rule, or the path of the refused field.
    pub refused_with: Option<&'static str>,
}

/// All of them.
pub fn cases() -> Vec<Case> {
    [
        whole_objects(),
        images(),
        lives_of_images(),
        tags(),
        run_settings(),
        policies(),
        build_edits(),
        image_edits(),
        builds::cases(),
        customization::cases(),
        replications::cases(),
    ]
    .concat()
}

const DEADLINE: &str = "activeDeadline must be between 5m and 168h";
const LIFE: &str = "image.deprecateAfter must be between 1h and 87600h";
const KEPT: &str = "keepBuilderFor must be between 5m and 72h";
const TTL: &str = "ttlAfterFinished must be at most 87600h";
const OWN_TAGS: &str = "tag keys that begin with ami-operator.dev/ mark ownership";
const AWS_TAGS: &str = "tag keys that begin with aws: are reserved by AWS";
const TAG_KEY: &str = "a tag key must have 1 to 128 characters";

fn accepted(name: impl Into<String>, manifest: Value) -> Case {
    Case { name: name.into(), manifest, edit: None, refused_with: None }
}

fn refused(name: impl Into<String>, manifest: Value, with: &'static str) -> Case {
    Case { name: name.into(), manifest, edit: None, refused_with: Some(with) }
}

fn edit_accepted(name: &str, manifest: Value, edit: Value) -> Case {
    Case { name: name.to_owned(), manifest, edit: Some(edit), refused_with: None }
}

fn edit_refused(name: &str, manifest: Value, edit: Value, with: &'static str) -> Case {
    Case { name: name.to_owned(), manifest, edit: Some(edit), refused_with: Some(with) }
}

fn build() -> Value {
    json!({
        "apiVersion": "ami-operator.dev/v1alpha1",
        "kind": "ImageBuild",
        "metadata": {"name": "case"},
        "spec": {
            "region": "us-east-1",
            "source": {"imageID": "ami-0123456789abcdef0"},
            "builder": {"instanceTypes": ["m7i.large"]},
        },
    })
}

fn replication() -> Value {
    json!({
        "apiVersion": "ami-operator.dev/v1alpha1",
        "kind": "ImageReplication",
        "metadata": {"name": "case"},
        "spec": {
            "source": {"imageBuildRef": {"name": "web"}},
            "destinations": [{"region": "eu-west-1"}],
        },
    })
}

/// `object` with the field at a path such as `image.tags` of its spec set.
fn with(mut object: Value, path: &str, value: Value) -> Value {
    *path.split('.').fold(&mut object["spec"], |parent, name| &mut parent[name]) = value;
    object
}

fn without(mut object: Value, name: &str) -> Value {
    object["spec"].as_object_mut().expect("a spec is an object").remove(name);
    object
}

fn many(count: usize, item: impl Fn(usize) -> Value) -> Value {
    (0..count).map(item).collect()
}

fn many_tags(count: usize) -> Value {
    Value::Object((0..count).map(|i| (format!("key-{i}"), json!("value"))).collect())
}

fn whole_objects() -> Vec<Case> {
    let misspelt = with(build(), "regoin", json!("us-east-1"));
    vec![
        accepted("a build needs a region, a source and an instance type", build()),
        refused("a build needs a region", without(build(), "region"), "spec.region"),
        refused("a build needs a source", without(build(), "source"), "spec.source"),
        refused("a build needs a builder", without(build(), "builder"), "spec.builder"),
        refused("a misspelt field is found", misspelt, "spec.regoin"),
        accepted("a replication needs a source and a destination", replication()),
        refused("a replication needs a source", without(replication(), "source"), "spec.source"),
        refused(
            "a replication needs destinations",
            without(replication(), "destinations"),
            "spec.destinations",
        ),
        accepted("null means not given", with(build(), "builder.instanceProfile", Value::Null)),
        accepted("null takes the default", with(build(), "customize", Value::Null)),
        refused("null for a required field is refused", with(build(), "region", Value::Null), "spec.region"),
    ]
}

fn images() -> Vec<Case> {
    let name = |name: &str| with(build(), "image.name", json!(name));
    vec![
        accepted("the name of an image can have what EC2 allows", name("web (1.4) [a]/b-c_d@e'f")),
        refused("the name of an image has three characters", name("ab"), "spec.image.name"),
        accepted("the name of an image has up to 128 characters", name(&"a".repeat(128))),
        refused("a longer name is refused", name(&"a".repeat(129)), "spec.image.name"),
        refused("the name of an image has no star", name("web-*"), "spec.image.name"),
        accepted(
            "a description has up to 255 characters",
            with(build(), "image.description", json!("ä".repeat(255))),
        ),
        refused(
            "a longer description is refused",
            with(build(), "image.description", json!("a".repeat(256))),
            "spec.image.description",
        ),
        accepted("IMDSv2 can be optional", with(build(), "image.requireIMDSv2", json!(false))),
        refused(
            "a switch is a boolean",
            with(build(), "image.requireIMDSv2", json!("no")),
            "spec.image.requireIMDSv2",
        ),
    ]
}

fn lives_of_images() -> Vec<Case> {
    let image = |field: &str, value: Value| with(build(), &format!("image.{field}"), value);
    let key = |key: &str| image("encryption", json!({"kmsKeyID": key}));
    vec![
        accepted("an image can be deprecated after a while", image("deprecateAfter", json!("2160h"))),
        refused("a minute is too soon for an image", image("deprecateAfter", json!("1m")), LIFE),
        refused("eleven years are too late for an image", image("deprecateAfter", json!("96360h")), LIFE),
        accepted(
            "an image can be protected",
            image("deregistrationProtection", json!("EnabledWithCooldown")),
        ),
        refused(
            "protection is of a known kind",
            image("deregistrationProtection", json!("Always")),
            "spec.image.deregistrationProtection",
        ),
        accepted("an image can start by UEFI only", image("bootMode", json!("uefi"))),
        refused(
            "an image cannot be made to start by BIOS",
            image("bootMode", json!("legacy-bios")),
            "spec.image.bootMode",
        ),
        accepted("an image can be retired from the start", with(build(), "launchState", json!("Disabled"))),
        refused(
            "a launch state is Enabled or Disabled",
            with(build(), "launchState", json!("Retired")),
            "spec.launchState",
        ),
        accepted("an image can have a key", key("alias/images")),
        accepted(
            "the key can be an ARN of the region",
            key("arn:aws:kms:us-east-1:111122223333:alias/images"),
        ),
        refused("the key is no name", key("images"), "spec.image.encryption.kmsKeyID"),
        refused(
            "the key of an image is of its region",
            key("arn:aws:kms:eu-west-1:111122223333:alias/images"),
            "image.encryption.kmsKeyID must be a key of spec.region",
        ),
        refused("encryption needs a key", image("encryption", json!({})), "spec.image.encryption.kmsKeyID"),
    ]
}

/// Everything that takes tags takes the same.
fn tags() -> Vec<Case> {
    let (build_tags, copy_tags) = ("image.tags", "tags");
    let tag = |key: &str, value: &str| with(build(), build_tags, json!({ key: value }));
    vec![
        accepted("a tag can be Name", tag("Name", "web")),
        accepted("a tag can be empty", tag("golden", "")),
        refused("a tag has a key", tag("", "web"), TAG_KEY),
        accepted("a key has up to 128 characters", tag(&"k".repeat(128), "")),
        refused("a longer key is refused", tag(&"k".repeat(129), ""), TAG_KEY),
        accepted("a value has up to 256 characters", tag("k", &"v".repeat(256))),
        refused("a longer value is refused", tag("k", &"v".repeat(257)), "spec.image.tags"),
        refused("a value is a string", with(build(), build_tags, json!({"version": 1.4})), "spec.image.tags"),
        refused("tags of AWS are refused", tag("aws:autoscaling", ""), AWS_TAGS),
        refused("tags of AWS are refused in capitals", tag("AWS:autoscaling", ""), AWS_TAGS),
        refused("ownership tags are refused", tag("ami-operator.dev/uid", ""), OWN_TAGS),
        accepted("forty-two tags are allowed", with(build(), build_tags, many_tags(42))),
        refused("forty-three tags are refused", with(build(), build_tags, many_tags(43)), "spec.image.tags"),
        refused(
            "a builder takes no ownership tags",
            with(build(), "builder.tags", json!({"ami-operator.dev/uid": ""})),
            OWN_TAGS,
        ),
        refused(
            "a copy takes no ownership tags",
            with(replication(), copy_tags, json!({"ami-operator.dev/uid": ""})),
            OWN_TAGS,
        ),
        refused("a copy takes forty-two tags", with(replication(), copy_tags, many_tags(43)), "spec.tags"),
    ]
}

fn run_settings() -> Vec<Case> {
    let deadline = |deadline: &str| with(build(), "activeDeadline", json!(deadline));
    vec![
        accepted("a deadline can be a week", deadline("168h")),
        refused("a longer deadline is refused", deadline("169h"), DEADLINE),
        accepted("a deadline can be five minutes", with(deadline("5m"), "customize.timeout", json!("5m"))),
        refused(
            "a shorter deadline is refused",
            with(deadline("299s"), "customize.timeout", json!("1m")),
            DEADLINE,
        ),
        refused("a deadline is a duration", deadline("1 hour"), "spec.activeDeadline"),
        accepted(
            "the builder of a failed run can be kept",
            with(with(build(), "onFailure", json!("KeepBuilder")), "keepBuilderFor", json!("30m")),
        ),
        refused("a failed run has a known end", with(build(), "onFailure", json!("Keep")), "spec.onFailure"),
        refused("a builder is not kept for weeks", with(build(), "keepBuilderFor", json!("73h")), KEPT),
        refused("a builder is kept for minutes", with(build(), "keepBuilderFor", json!("4m")), KEPT),
        accepted("a run can have one builder", with(build(), "backoffLimit", json!(0))),
        refused(
            "a number of builders is not negative",
            with(build(), "backoffLimit", json!(-1)),
            "spec.backoffLimit",
        ),
        refused(
            "builders are not tried for ever",
            with(build(), "backoffLimit", json!(21)),
            "spec.backoffLimit",
        ),
        accepted("a run can be cancelled from the start", with(build(), "desiredState", json!("Cancelled"))),
        refused(
            "a run is completed or cancelled",
            with(build(), "desiredState", json!("Paused")),
            "spec.desiredState",
        ),
        accepted("a build can go when it is done", with(build(), "ttlAfterFinished", json!("0s"))),
        refused("a build does not go after decades", with(build(), "ttlAfterFinished", json!("87601h")), TTL),
        refused(
            "a time to live is a duration",
            with(build(), "ttlAfterFinished", json!(3600)),
            "spec.ttlAfterFinished",
        ),
    ]
}

fn policies() -> Vec<Case> {
    let policy = |object: Value, policy: &str| with(object, "deletionPolicy", json!(policy));
    vec![
        accepted("an image can go with its build", policy(build(), "Delete")),
        accepted("copies can go with their replication", policy(replication(), "Delete")),
        accepted(
            "a copy can go with its region",
            with(replication(), "removedDestinationPolicy", json!("Delete")),
        ),
        refused(
            "a removed region's policy is Retain or Delete",
            with(replication(), "removedDestinationPolicy", json!("Keep")),
            "spec.removedDestinationPolicy",
        ),
        refused("a build's policy is Retain or Delete", policy(build(), "Orphan"), "spec.deletionPolicy"),
        refused(
            "a replication's policy is Retain or Delete",
            policy(replication(), "Orphan"),
            "spec.deletionPolicy",
        ),
    ]
}

fn build_edits() -> Vec<Case> {
    let profile = with(build(), "builder.instanceProfile", json!("image-builder"));
    let named = with(build(), "image.name", json!("web-1"));
    let edit = |name, path, value, message| edit_refused(name, build(), with(build(), path, value), message);
    vec![
        edit("the region stays", "region", json!("us-east-2"), "region is immutable"),
        edit("the image id stays", "source.imageID", json!("ami-01234567"), "source is immutable"),
        edit("the kind of source stays", "source", json!({"ssmParameter": "/a"}), "source is immutable"),
        edit("instance types stay", "builder.instanceTypes", json!(["m6i.large"]), "builder is immutable"),
        edit_refused("an instance profile is not added", build(), profile.clone(), "builder is immutable"),
        edit_refused("an instance profile is not removed", profile, build(), "builder is immutable"),
        edit(
            "volumes are not added",
            "builder.volumes",
            json!([{"deviceName": "root"}]),
            "builder is immutable",
        ),
        edit("the timeout stays", "customize.timeout", json!("20m"), "customize is immutable"),
        edit_refused("the name of the image is not added", build(), named.clone(), "image is immutable"),
        edit_refused("the name of the image is not removed", named, build(), "image is immutable"),
        edit("tags of the image are not added", "image.tags", json!({"a": "b"}), "image is immutable"),
        edit("the deadline stays", "activeDeadline", json!("3h"), "activeDeadline is immutable"),
        edit_accepted(
            "the deadline can be written otherwise",
            build(),
            with(build(), "activeDeadline", json!("120m")),
        ),
        edit(
            "the time of a kept builder stays",
            "keepBuilderFor",
            json!("2h"),
            "keepBuilderFor is immutable",
        ),
        edit_accepted(
            "a kept builder can be let go",
            with(build(), "onFailure", json!("KeepBuilder")),
            with(build(), "onFailure", json!("Terminate")),
        ),
        edit("the number of builders stays", "backoffLimit", json!(5), "backoffLimit is immutable"),
        edit_accepted("a build can be cancelled", build(), with(build(), "desiredState", json!("Cancelled"))),
        edit_accepted("a time to live can be given", build(), with(build(), "ttlAfterFinished", json!("1h"))),
        edit_accepted(
            "a time to live can be taken back",
            with(build(), "ttlAfterFinished", json!("1h")),
            build(),
        ),
        edit_accepted("a build can be suspended", build(), with(build(), "suspend", json!(true))),
        edit_accepted(
            "the deletion policy can change",
            build(),
            with(build(), "deletionPolicy", json!("Delete")),
        ),
    ]
}

fn image_edits() -> Vec<Case> {
    let retired = || with(build(), "launchState", json!("Disabled"));
    let edit =
        |name, path, value| edit_refused(name, build(), with(build(), path, value), "image is immutable");
    vec![
        edit("the life of the image stays", "image.deprecateAfter", json!("24h")),
        edit("protection is not added", "image.deregistrationProtection", json!("Enabled")),
        edit("a key is not added", "image.encryption", json!({"kmsKeyID": "alias/images"})),
        edit_accepted("an image can be retired", build(), retired()),
        edit_accepted(
            "an image can be taken back into use",
            retired(),
            with(build(), "launchState", json!("Enabled")),
        ),
        edit_accepted("an image can be left as it is", retired(), build()),
    ]
}
