//! Replications and their destinations.

use serde_json::{Value, json};

use super::{Case, accepted, edit_accepted, edit_refused, many, refused, replication, with};

const ONE_REPLICATION_SOURCE: &str = "give exactly one of imageBuildRef or image";
const RESYNC: &str = "resyncInterval must be between 1m and 168h";
const COPY_KEY: &str = "the encryption of a copy cannot be changed";
const IMAGE_NAME: &str = "imageName is immutable";

/// The cases of this file.
pub fn cases() -> Vec<Case> {
    [replications(), destinations(), replication_edits()].concat()
}

fn replications() -> Vec<Case> {
    let source = |source: Value| with(replication(), "source", source);
    let image = json!({"imageID": "ami-0123456789abcdef0", "region": "us-east-1"});
    let both = json!({"image": image, "imageBuildRef": {"name": "web"}});
    let resync = |interval: &str| with(replication(), "resyncInterval", json!(interval));
    vec![
        accepted("a source can be an image", source(json!({"image": image}))),
        refused(
            "an image has a region",
            source(json!({"image": {"imageID": "ami-01234567"}})),
            "spec.source.image.region",
        ),
        refused(
            "an image has an id",
            source(json!({"image": {"region": "us-east-1"}})),
            "spec.source.image.imageID",
        ),
        refused(
            "the id of an image has a form",
            source(json!({"image": {"imageID": "web", "region": "us-east-1"}})),
            "spec.source.image.imageID",
        ),
        refused("a replication without source is refused", source(json!({})), ONE_REPLICATION_SOURCE),
        refused("a replication with two sources is refused", source(both), ONE_REPLICATION_SOURCE),
        accepted("copies can have a name", with(replication(), "imageName", json!("web-1.4"))),
        refused(
            "the name of copies has three characters",
            with(replication(), "imageName", json!("ab")),
            "spec.imageName",
        ),
        refused(
            "the name of copies has no colon",
            with(replication(), "imageName", json!("web:1")),
            "spec.imageName",
        ),
        accepted("copies can be looked at every minute", resync("1m")),
        refused("more often is refused", resync("59s"), RESYNC),
        accepted("copies can be looked at every week", resync("168h")),
        refused("less often is refused", resync("169h"), RESYNC),
        refused("an interval is a duration", resync("daily"), "spec.resyncInterval"),
    ]
}

fn destinations() -> Vec<Case> {
    let to = |destinations: Value| with(replication(), "destinations", destinations);
    let encrypted = |key: &str| to(json!([{"region": "eu-west-1", "encryption": {"kmsKeyID": key}}]));
    let region = |i: usize| json!({"region": format!("us-{}-{}", ["east", "west", "south", "north", "central", "iso"][i % 6], i / 6)});
    let own =
        with(replication(), "source", json!({"image": {"imageID": "ami-01234567", "region": "eu-west-1"}}));
    vec![
        refused("a replication has one destination", to(json!([])), "spec.destinations"),
        accepted("fifty destinations are allowed", to(many(50, region))),
        refused("fifty-one destinations are refused", to(many(51, region)), "spec.destinations"),
        refused(
            "a destination is listed once",
            to(json!([{"region": "eu-west-1"}, {"region": "eu-west-1"}])),
            "spec.destinations[1]",
        ),
        refused(
            "a destination is a region",
            to(json!([{"region": "europe"}])),
            "spec.destinations[0].region",
        ),
        refused("a destination has a region", to(json!([{}])), "spec.destinations[0].region"),
        refused(
            "the source's region is no destination",
            own,
            "destinations must not list the source's own region",
        ),
        accepted("a copy can be encrypted with an alias", encrypted("alias/images")),
        accepted(
            "a copy can be encrypted with a key of its region",
            encrypted("arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"),
        ),
        refused(
            "a copy's key is of its region",
            encrypted("arn:aws:kms:us-east-1:111122223333:alias/images"),
            "encryption.kmsKeyID must be a key of the destination's region",
        ),
        refused("a copy's key has a form", encrypted("images"), "spec.destinations[0].encryption.kmsKeyID"),
        refused(
            "encryption needs a key",
            to(json!([{"region": "eu-west-1", "encryption": {}}])),
            "spec.destinations[0].encryption.kmsKeyID",
        ),
    ]
}

fn replication_edits() -> Vec<Case> {
    let to = |destinations: Value| with(replication(), "destinations", destinations);
    let key = |key: &str| to(json!([{"region": "eu-west-1", "encryption": {"kmsKeyID": key}}]));
    let named = |name: &str| with(replication(), "imageName", json!(name));
    let two = to(json!([{"region": "eu-west-1"}, {"region": "ap-southeast-2"}]));
    vec![
        edit_accepted("a region can be added", replication(), two.clone()),
        edit_accepted("a region can be removed", two, replication()),
        edit_accepted(
            "the source can change",
            replication(),
            with(replication(), "source", json!({"imageBuildRef": {"name": "next"}})),
        ),
        edit_accepted(
            "tags can change",
            replication(),
            with(replication(), "tags", json!({"channel": "stable"})),
        ),
        edit_accepted(
            "a replication can be suspended",
            replication(),
            with(replication(), "suspend", json!(true)),
        ),
        edit_refused("the name of copies stays", named("web-1"), named("web-2"), IMAGE_NAME),
        edit_refused("the name of copies is not added", replication(), named("web-1"), IMAGE_NAME),
        edit_refused("the name of copies is not removed", named("web-1"), replication(), IMAGE_NAME),
        edit_refused("the key of a copy stays", key("alias/a"), key("alias/b"), COPY_KEY),
        edit_refused("the key of a copy is not added", replication(), key("alias/a"), COPY_KEY),
        edit_refused("the key of a copy is not removed", key("alias/a"), replication(), COPY_KEY),
    ]
}
