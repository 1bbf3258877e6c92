//! What a build starts from and runs on.

use serde_json::{Value, json};

use super::{Case, accepted, build, many, refused, with};

const ONE_SOURCE: &str = "give exactly one of imageID, ssmParameter, selector, marketplace or imageBuildRef";
const IOPS_TYPE: &str = "iops needs type gp3, io1 or io2";
const THROUGHPUT_TYPE: &str = "throughput needs type gp3";

/// The cases of this file.
pub fn cases() -> Vec<Case> {
    [regions(), sources(), selectors(), builders(), volumes(), volume_performance(), volume_keys()].concat()
}

fn with_source(source: Value) -> Value {
    with(build(), "source", source)
}

fn with_volume(volume: Value) -> Value {
    with(build(), "builder.volumes", vec![volume].into())
}

fn regions() -> Vec<Case> {
    let good = ["us-gov-west-1", "us-isob-east-1", "ap-southeast-2", "eusc-de-east-1"];
    let bad = ["us-east", "US-EAST-1", "us-east-1a", "", "useast1", "us-east-1\n"];
    let good = good.map(|r| accepted(format!("{r} is a region"), with(build(), "region", json!(r))));
    let bad =
        bad.map(|r| refused(format!("{r:?} is no region"), with(build(), "region", json!(r)), "spec.region"));
    good.into_iter().chain(bad).collect()
}

fn sources() -> Vec<Case> {
    let image = json!({"imageID": "ami-0123456789abcdef0", "ssmParameter": "/images/base"});
    vec![
        accepted("an old image id has eight digits", with_source(json!({"imageID": "ami-01234567"}))),
        refused(
            "an image id has a prefix",
            with_source(json!({"imageID": "0123456789abcdef0"})),
            "spec.source.imageID",
        ),
        refused(
            "an image id is hexadecimal",
            with_source(json!({"imageID": "ami-xyz45678"})),
            "spec.source.imageID",
        ),
        accepted("a source can be a parameter", with_source(json!({"ssmParameter": "/images/base"}))),
        refused(
            "a parameter has no blanks",
            with_source(json!({"ssmParameter": "/a b"})),
            "spec.source.ssmParameter",
        ),
        accepted(
            "a source can be a product",
            with_source(json!({"marketplace": {"productCode": "abcdefghijklmnopqrstuvwxy"}})),
        ),
        refused(
            "a product code is lower-case",
            with_source(json!({"marketplace": {"productCode": "ABCDEFGHIJKLMNOPQRSTUVWXY"}})),
            "spec.source.marketplace.productCode",
        ),
        accepted("a source can be a build", with_source(json!({"imageBuildRef": {"name": "base"}}))),
        refused(
            "a build cannot start from itself",
            with_source(json!({"imageBuildRef": {"name": "case"}})),
            "source.imageBuildRef must not refer to this ImageBuild",
        ),
        refused(
            "the name of a build is lower-case",
            with_source(json!({"imageBuildRef": {"name": "Base"}})),
            "spec.source.imageBuildRef.name",
        ),
        refused("no source is refused", with_source(json!({})), ONE_SOURCE),
        refused("two sources are refused", with_source(image), ONE_SOURCE),
    ]
}

fn selectors() -> Vec<Case> {
    let selector = |selector: Value| with_source(json!({"selector": selector}));
    let tagged = json!({"owners": ["self", "111122223333"], "tags": {"app": "base"}});
    vec![
        accepted(
            "a selector has owners and a name",
            selector(json!({"owners": ["amazon"], "name": "al2023-*", "architecture": "arm64"})),
        ),
        accepted("a selector has owners and tags", selector(tagged)),
        refused(
            "a selector needs owners",
            selector(json!({"name": "al2023-*"})),
            "spec.source.selector.owners",
        ),
        refused(
            "a selector needs one owner",
            selector(json!({"owners": [], "name": "al2023-*"})),
            "spec.source.selector.owners",
        ),
        refused(
            "an owner is an account or an alias",
            selector(json!({"owners": ["canonical"], "name": "ubuntu"})),
            "spec.source.selector.owners[0]",
        ),
        refused("owners alone select too much", selector(json!({"owners": ["amazon"]})), "give name or tags"),
        refused(
            "empty tags select too much",
            selector(json!({"owners": ["amazon"], "tags": {}})),
            "give name or tags",
        ),
        refused(
            "an architecture is spelt as EC2 does",
            selector(json!({"owners": ["amazon"], "name": "a", "architecture": "amd64"})),
            "spec.source.selector.architecture",
        ),
    ]
}

fn builders() -> Vec<Case> {
    let list = |field: &str, items: Value| with(build(), &format!("builder.{field}"), items);
    let types = |count| list("instanceTypes", many(count, |i| json!(format!("m7i.{i}xlarge"))));
    let everything = json!({
        "instanceTypes": ["m7i.large", "u-12tb1.112xlarge", "mac2-m2.metal"],
        "subnetIDs": ["subnet-0123456789abcdef0", "subnet-01234567"],
        "securityGroupIDs": ["sg-0123456789abcdef0"],
        "instanceProfile": "image-builder",
        "volumes": [{"deviceName": "root", "sizeGiB": 20}],
        "tags": {"team": "platform"},
    });
    vec![
        accepted("a builder can have everything", with(build(), "builder", everything)),
        refused(
            "a builder needs instance types",
            with(build(), "builder", json!({})),
            "spec.builder.instanceTypes",
        ),
        refused("a builder needs one instance type", types(0), "spec.builder.instanceTypes"),
        accepted("ten instance types are allowed", types(10)),
        refused("eleven instance types are refused", types(11), "spec.builder.instanceTypes"),
        refused(
            "an instance type has a size",
            list("instanceTypes", json!(["m7i"])),
            "spec.builder.instanceTypes[0]",
        ),
        refused(
            "a subnet is given by id",
            list("subnetIDs", json!(["private"])),
            "spec.builder.subnetIDs[0]",
        ),
        refused(
            "eleven subnets are refused",
            list("subnetIDs", many(11, |i| json!(format!("subnet-0123456{}", i % 10)))),
            "spec.builder.subnetIDs",
        ),
        refused(
            "a security group is given by id",
            list("securityGroupIDs", json!(["default"])),
            "spec.builder.securityGroupIDs[0]",
        ),
        refused(
            "seventeen security groups are refused",
            list("securityGroupIDs", many(17, |i| json!(format!("sg-0123456{}", i % 10)))),
            "spec.builder.securityGroupIDs",
        ),
        refused(
            "an instance profile is given by name",
            list("instanceProfile", json!("arn:aws:iam::111122223333:instance-profile/a")),
            "spec.builder.instanceProfile",
        ),
    ]
}

fn volume(mut fields: Value) -> Value {
    fields["deviceName"] = json!("/dev/sdf");
    with_volume(fields)
}

fn volumes() -> Vec<Case> {
    let twice = json!([{"deviceName": "root"}, {"deviceName": "root"}]);
    vec![
        refused(
            "a volume needs a device name",
            with_volume(json!({"sizeGiB": 8})),
            "spec.builder.volumes[0].deviceName",
        ),
        refused(
            "a device is root or under /dev",
            with_volume(json!({"deviceName": "C:"})),
            "spec.builder.volumes[0].deviceName",
        ),
        refused(
            "a device is listed once",
            with(build(), "builder.volumes", twice),
            "spec.builder.volumes[1]",
        ),
        refused(
            "twenty-one volumes are refused",
            with(build(), "builder.volumes", many(21, |i| json!({"deviceName": format!("/dev/sd{i}")}))),
            "spec.builder.volumes",
        ),
        accepted("the smallest volume is 1 GiB", volume(json!({"sizeGiB": 1}))),
        refused(
            "a volume of 0 GiB is refused",
            volume(json!({"sizeGiB": 0})),
            "spec.builder.volumes[0].sizeGiB",
        ),
        accepted("the largest volume is 64 TiB", volume(json!({"sizeGiB": 65536}))),
        refused(
            "a volume of more is refused",
            volume(json!({"sizeGiB": 65537})),
            "spec.builder.volumes[0].sizeGiB",
        ),
        refused("a size is a number", volume(json!({"sizeGiB": "20"})), "spec.builder.volumes[0].sizeGiB"),
        refused(
            "a volume type is one of EC2's",
            volume(json!({"type": "gp4"})),
            "spec.builder.volumes[0].type",
        ),
    ]
}

fn volume_performance() -> Vec<Case> {
    vec![
        accepted(
            "gp3 takes iops and throughput",
            volume(json!({"type": "gp3", "iops": 3000, "throughput": 125})),
        ),
        refused("iops need a type", volume(json!({"iops": 3000})), IOPS_TYPE),
        refused("gp2 takes no iops", volume(json!({"type": "gp2", "iops": 3000})), IOPS_TYPE),
        refused(
            "iops have a lower bound",
            volume(json!({"type": "io2", "iops": 99})),
            "spec.builder.volumes[0].iops",
        ),
        refused(
            "iops have an upper bound",
            volume(json!({"type": "io2", "iops": 256_001})),
            "spec.builder.volumes[0].iops",
        ),
        accepted("io2 with iops is a volume", volume(json!({"type": "io2", "iops": 1000}))),
        refused("io1 needs iops", volume(json!({"type": "io1"})), "types io1 and io2 need iops"),
        refused("throughput needs a type", volume(json!({"throughput": 125})), THROUGHPUT_TYPE),
        refused(
            "io2 takes no throughput",
            volume(json!({"type": "io2", "iops": 1000, "throughput": 125})),
            THROUGHPUT_TYPE,
        ),
        refused(
            "throughput has a lower bound",
            volume(json!({"type": "gp3", "throughput": 124})),
            "spec.builder.volumes[0].throughput",
        ),
        refused(
            "throughput has an upper bound",
            volume(json!({"type": "gp3", "throughput": 2001})),
            "spec.builder.volumes[0].throughput",
        ),
    ]
}

fn volume_keys() -> Vec<Case> {
    let key = |key: &str| with_volume(json!({"deviceName": "root", "kmsKeyID": key}));
    let elsewhere = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    vec![
        accepted("a key can be an alias", key("alias/images")),
        accepted("a key can be an id", key("1234abcd-12ab-34cd-56ef-1234567890ab")),
        accepted("a key can be a multi-region id", key("mrk-1234abcd12ab34cd56ef1234567890ab")),
        accepted(
            "a key can be an alias ARN of the region",
            key("arn:aws:kms:us-east-1:111122223333:alias/images"),
        ),
        refused(
            "a key of another region is refused",
            key(elsewhere),
            "a volume's kmsKeyID must be a key of spec.region",
        ),
        refused("a key is no name", key("images"), "spec.builder.volumes[0].kmsKeyID"),
    ]
}
