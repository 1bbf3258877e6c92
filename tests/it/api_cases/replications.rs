//! Replications and their destinations.

use serde_json::{Value, json};

use super::{Case, accepted, edit_accepted, edit_refused, many, refused, replication, with};

const ONE_REPLICATION_SOURCE: &str = "give exactly one of imageBuildRef, imageBuildSelector or image";
const RESYNC: &str = "resyncInterval must be between 1m and 168h";
const COPY_KEY: &str = "the encryption of a copy cannot be changed";
const DEPRECATION: &str = "deprecateAfter must be between 1h and 87600h";
const RESERVED: &str = "parameter names that begin with aws or ssm are reserved";
const PARTITION: &str = "destinations must be regions of the source's partition";
const IMAGE_NAME: &str = "imageName is immutable";
const COPY_TIME: &str = "timeBasedCopyMinutes must be a multiple of 15";

/// The cases of this file.
pub fn cases() -> Vec<Case> {
    [
        replications(),
        selectors(),
        destinations(),
        succession(),
        sharing(),
        lifecycle(),
        publishing(),
        replication_edits(),
    ]
    .concat()
}

fn replications() -> Vec<Case> {
    let source = |source: Value| with(replication(), "source", source);
    let image = json!({"imageID": "ami-0123456789abcdef0", "region": "us-east-1"});
    let both = json!({"image": image, "imageBuildRef": {"name": "web"}});
    let resync = |interval: &str| with(replication(), "resyncInterval", json!(interval));
    let minutes = |minutes: i32| with(replication(), "timeBasedCopyMinutes", json!(minutes));
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
        accepted("a copy can be made within a quarter of an hour", minutes(15)),
        accepted("a copy can be given two days", minutes(2880)),
        refused("a copy is given quarters of an hour", minutes(20), COPY_TIME),
        refused("no copy is made at once", minutes(0), "spec.timeBasedCopyMinutes"),
        refused("no copy is given more than two days", minutes(2895), "spec.timeBasedCopyMinutes"),
    ]
}

fn selectors() -> Vec<Case> {
    let selector = |selector: Value| with(replication(), "source", json!({"imageBuildSelector": selector}));
    let expression = |expression: Value| selector(json!({"matchExpressions": [expression]}));
    let both =
        json!({"imageBuildSelector": {"matchLabels": {"app": "web"}}, "imageBuildRef": {"name": "web"}});
    vec![
        accepted("builds can be selected by a label", selector(json!({"matchLabels": {"app": "web"}}))),
        accepted(
            "builds can be selected by values of a label",
            expression(json!({"key": "example.org/app", "operator": "In", "values": ["web", "api"]})),
        ),
        accepted(
            "builds can be selected by the lack of a label",
            expression(json!({"key": "broken", "operator": "DoesNotExist"})),
        ),
        refused("not all builds are selected", selector(json!({})), "a selector must have matchLabels"),
        refused(
            "nor are they by no label",
            selector(json!({"matchLabels": {}})),
            "a selector must have matchLabels",
        ),
        refused("a selector stands by itself", with(replication(), "source", both), ONE_REPLICATION_SOURCE),
        refused(
            "a comparison needs values",
            expression(json!({"key": "app", "operator": "NotIn"})),
            "values are required with the operators In and NotIn",
        ),
        refused(
            "existence needs none",
            expression(json!({"key": "app", "operator": "Exists", "values": ["web"]})),
            "values are required with the operators In and NotIn",
        ),
        refused(
            "an operator is one of four",
            expression(json!({"key": "app", "operator": "Equals", "values": ["web"]})),
            "spec.source.imageBuildSelector.matchExpressions[0].operator",
        ),
        refused(
            "the key of a label has a form",
            expression(json!({"key": "a b", "operator": "Exists"})),
            "spec.source.imageBuildSelector.matchExpressions[0].key",
        ),
        refused(
            "the key of a label to match is not empty",
            selector(json!({"matchLabels": {"": "web"}})),
            "a label key must have 1 to 317 characters",
        ),
        refused(
            "the value of a label has a form",
            selector(json!({"matchLabels": {"app": "web server"}})),
            "spec.source.imageBuildSelector.matchLabels",
        ),
    ]
}

fn succession() -> Vec<Case> {
    vec![
        accepted(
            "former copies can be replaced",
            with(
                with(replication(), "sourceChangePolicy", json!("ReplaceWhenReady")),
                "keepPrevious",
                json!(0),
            ),
        ),
        refused(
            "more than twenty former copies are not kept",
            with(replication(), "keepPrevious", json!(21)),
            "spec.keepPrevious",
        ),
        refused(
            "a description has 255 characters at most",
            with(replication(), "description", json!("x".repeat(256))),
            "spec.description",
        ),
        refused(
            "an image is in use for a day at least",
            with(replication(), "inUsePeriod", json!("12h")),
            "inUsePeriod must be between 24h and 8760h",
        ),
    ]
}

fn sharing() -> Vec<Case> {
    let shared = |sharing: Value| with(replication(), "sharing", sharing);
    let accounts = |ids: Vec<String>| shared(json!({"accountIDs": ids}));
    let account = |n: usize| json!(format!("{n:012}"));
    let organization = "arn:aws:organizations::111122223333:organization/o-abcdefghij";
    let unit = "arn:aws:organizations::111122223333:ou/o-abcdefghij/ou-abcd-12345678";
    let encrypted = |sharing: Value, key: &str| {
        let destination = json!([{"region": "eu-west-1", "encryption": {"kmsKeyID": key}}]);
        with(shared(sharing), "destinations", destination)
    };
    vec![
        accepted("an image can be shared with accounts", accounts(vec!["111122223333".into()])),
        refused("an account has twelve digits", accounts(vec!["1111".into()]), "spec.sharing.accountIDs[0]"),
        accepted("a thousand accounts are allowed", shared(json!({"accountIDs": many(1000, account)}))),
        refused(
            "a thousand and one accounts are refused",
            shared(json!({"accountIDs": many(1001, account)})),
            "spec.sharing.accountIDs",
        ),
        accepted(
            "an image can be shared with organizations and their units",
            shared(json!({"organizationARNs": [organization], "organizationalUnitARNs": [unit]})),
        ),
        refused(
            "an organization is an ARN",
            shared(json!({"organizationARNs": ["o-abcdefghij"]})),
            "spec.sharing.organizationARNs[0]",
        ),
        refused(
            "a unit is no organization",
            shared(json!({"organizationARNs": [unit]})),
            "spec.sharing.organizationARNs[0]",
        ),
        refused(
            "snapshots are shared with accounts only",
            shared(json!({"organizationARNs": [organization], "snapshots": "Shared"})),
            "AWS shares snapshots only with accounts",
        ),
        accepted("an image can be public", shared(json!({"public": true}))),
        refused(
            "an encrypted image cannot be public",
            encrypted(json!({"public": true}), "alias/images"),
            "an encrypted image cannot be public",
        ),
        accepted(
            "an image under a key of one's own can be shared",
            encrypted(json!({"accountIDs": ["111122223333"]}), "alias/images"),
        ),
        refused(
            "an image under the AWS-managed key cannot be shared",
            encrypted(json!({"accountIDs": ["111122223333"]}), "alias/aws/ebs"),
            "an image that is encrypted with alias/aws/ebs cannot be shared",
        ),
    ]
}

fn publishing() -> Vec<Case> {
    let publish = |publish: Value| with(replication(), "publish", publish);
    let named = |name: &str| publish(json!({"ssmParameters": [{"name": name}]}));
    let tags = |count: usize| (0..count).map(|n| (format!("key-{n}"), json!("value"))).collect::<Value>();
    vec![
        accepted("an image can be published by a parameter", named("/images/web/stable")),
        refused("a hierarchy begins with a slash", named("images/web"), "spec.publish.ssmParameters[0].name"),
        refused("AWS's own parameters are refused", named("/aws/images"), RESERVED),
        refused("names that begin with ssm are refused", named("SSM-images"), RESERVED),
        refused(
            "a parameter is listed once",
            publish(json!({"ssmParameters": [{"name": "a"}, {"name": "a"}]})),
            "spec.publish.ssmParameters[1]",
        ),
        accepted(
            "a parameter can be of another tier",
            publish(json!({"ssmParameters": [{"name": "a", "tier": "IntelligentTiering"}]})),
        ),
        refused(
            "a tier is a word",
            publish(json!({"ssmParameters": [{"name": "a", "tier": "Cheap"}]})),
            "spec.publish.ssmParameters[0].tier",
        ),
        accepted("an image can be published in each region by itself", publish(json!({"when": "EachReady"}))),
        accepted("what was published before can be pinned", publish(json!({"pin": "Previous"}))),
        refused("a pin is a word", publish(json!({"pin": "ami-01234567"})), "spec.publish.pin"),
        refused(
            "tags that publish are no ownership",
            publish(json!({"tags": {"ami-operator.dev/uid": "x"}})),
            "tag keys that begin with ami-operator.dev/",
        ),
        accepted(
            "forty-two tags are allowed together",
            with(publish(json!({"tags": tags(20)})), "tags", tags(22)),
        ),
        refused(
            "forty-three are refused",
            with(publish(json!({"tags": tags(20)})), "tags", tags(23)),
            "tags and publish.tags may have at most 42 tags together",
        ),
    ]
}

fn lifecycle() -> Vec<Case> {
    let field = |name: &str, value: Value| with(replication(), name, value);
    let warm = |zone: &str| {
        field("destinations", json!([{"region": "eu-west-1", "fastSnapshotRestoreZones": [zone]}]))
    };
    vec![
        accepted("copies can be deprecated after a while", field("deprecateAfter", json!("2160h"))),
        refused("a minute is too soon", field("deprecateAfter", json!("1m")), DEPRECATION),
        refused("eleven years are too late", field("deprecateAfter", json!("96360h")), DEPRECATION),
        accepted("copies can be protected", field("deregistrationProtection", json!("EnabledWithCooldown"))),
        refused(
            "protection has three values",
            field("deregistrationProtection", json!("On")),
            "spec.deregistrationProtection",
        ),
        accepted("copies can be disabled", field("launchState", json!("Disabled"))),
        accepted("copies can be warmed in a zone", warm("eu-west-1a")),
        refused("a zone is of its region", warm("us-east-1a"), "must be zones of the destination's region"),
        refused("a region is no zone", warm("eu-west-1"), "spec.destinations[0].fastSnapshotRestoreZones[0]"),
    ]
}

fn destinations() -> Vec<Case> {
    let to = |destinations: Value| with(replication(), "destinations", destinations);
    let encrypted = |key: &str| to(json!([{"region": "eu-west-1", "encryption": {"kmsKeyID": key}}]));
    let region = |i: usize| json!({"region": format!("us-{}-{}", ["east", "west", "south", "north", "central", "iso"][i % 6], i / 6)});
    let own =
        with(replication(), "source", json!({"image": {"imageID": "ami-01234567", "region": "eu-west-1"}}));
    let from = |source: &str, destination: &str| {
        let source = json!({"image": {"imageID": "ami-01234567", "region": source}});
        with(to(json!([{"region": destination}])), "source", source)
    };
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
        refused("no image leaves its partition", from("cn-north-1", "eu-west-1"), PARTITION),
        refused("no image enters another partition", from("us-east-1", "us-gov-west-1"), PARTITION),
        accepted("an image is copied within its partition", from("us-gov-east-1", "us-gov-west-1")),
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
