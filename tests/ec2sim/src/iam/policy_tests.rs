use std::{fs, path::Path};

use serde_json::{Value, json};

use super::{
    Iam,
    tests::{allow, enforce, launch, policy},
};
use crate::lab::Lab;

fn problem(document: &Value) -> String {
    Iam::new(&[("test.json".to_owned(), document.clone())], "*").unwrap_err().to_string()
}

#[test]
fn conditions_compare_as_in_iam() {
    let region = |operator: &str, values: Value| json!({ operator: {"aws:RequestedRegion": values} });
    let keys = |operator: &str, values: Value| json!({ operator: {"aws:TagKeys": values} });
    for (condition, holds) in [
        (region("StringEquals", json!("us-east-1")), true),
        (region("StringEquals", json!(["eu-west-1", "us-east-1"])), true),
        (region("StringEquals", json!("us-*")), false),
        (region("StringEquals", json!("US-EAST-1")), false),
        (region("StringEqualsIgnoreCase", json!("US-EAST-1")), true),
        (region("StringNotEquals", json!(["eu-west-1", "us-east-1"])), false),
        (region("StringLike", json!("us-*")), true),
        (region("StringNotLike", json!("us-*")), false),
        (region("Null", json!("true")), false),
        (region("Null", json!(false)), true),
        (json!({"Bool": {"aws:SecureTransport": "true"}}), true),
        (json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/t*"}}), true),
        (json!({"StringEquals": {"ec2:CreateAction": "x"}}), false),
        (json!({"StringNotEquals": {"ec2:CreateAction": "x"}}), true),
        (json!({"StringEqualsIfExists": {"ec2:CreateAction": "x"}}), true),
        (json!({"Null": {"ec2:CreateAction": "true"}}), true),
        (keys("ForAnyValue:StringEquals", json!(["a", "z"])), true),
        (keys("ForAnyValue:StringEquals", json!("z")), false),
        (keys("ForAllValues:StringEquals", json!(["a", "b", "c"])), true),
        (keys("ForAllValues:StringEquals", json!(["a"])), false),
        (json!({"StringEquals": {"AWS:requesttag/A": "1", "aws:RequestTag/b": "2"}}), true),
        (json!({"StringEquals": {"aws:RequestTag/a": "1", "aws:RequestTag/b": "3"}}), false),
    ] {
        let lab = Lab::new();
        let id = lab.launch(&[]);
        enforce(&lab, &policy(&[allow("ec2:CreateTags", "*", condition.clone())]));
        let tags = [("Tag.1.Key", "a"), ("Tag.1.Value", "1"), ("Tag.2.Key", "b"), ("Tag.2.Value", "2")];
        let allowed =
            lab.try_call("CreateTags", &[&[("ResourceId.1", id.as_str())], &tags[..]].concat()).is_ok();
        assert_eq!(allowed, holds, "{condition}");
    }
}

#[test]
fn what_cannot_be_evaluated_is_an_error_at_the_start() {
    let with = |condition: Value| problem(&policy(&[allow("ec2:*", "*", condition)]));
    for (told, part) in [
        (
            with(json!({"NumericLessThan": {"ec2:VolumeSize": "8"}})),
            "the operator NumericLessThan is not evaluated",
        ),
        (with(json!({"StringEquals": {"ec2:Vendor": "x"}})), "the condition key ec2:Vendor is not evaluated"),
        (with(json!({"StringEquals": {"aws:TagKeys": "x"}})), "needs ForAnyValue or ForAllValues"),
        (with(json!({"StringEquals": {"aws:RequestTag/a": "${aws:username}"}})), "policy variables"),
        (problem(&json!({"Version": "2008-10-17", "Statement": []})), "version 2008-10-17 is not evaluated"),
        (
            problem(&policy(&[json!({"Effect": "Allow", "Action": "*"})])),
            "one of Resource and NotResource is needed",
        ),
        (
            problem(&policy(&[json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Principal": "*"})])),
            "unknown field `Principal`",
        ),
    ] {
        assert!(told.starts_with("test.json: ") && told.contains(part), "{told}");
    }
}

#[test]
fn the_policies_of_the_project_can_be_evaluated() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/iam");
    let mut documents = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let document = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            documents.push((path.display().to_string(), document));
        }
    }
    let lab = Lab::new();
    let iam = Iam::new(&documents, "*").unwrap();
    lab.sim.gate(|gate| gate.iam = Some(iam));
    let tag = |at: usize, kind: &str| {
        let name = |part: &str| format!("TagSpecification.{at}.{part}");
        [
            (name("ResourceType"), kind.to_owned()),
            (name("Tag.1.Key"), "ami-operator.dev/cluster-id".to_owned()),
            (name("Tag.1.Value"), "c".to_owned()),
        ]
    };
    let tags = [tag(1, "instance"), tag(2, "volume"), tag(3, "network-interface")].concat();
    let mut params = vec![("MetadataOptions.HttpTokens", "required")];
    launch(&lab, &params).unwrap_err();
    params.extend(tags.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let id = launch(&lab, &params).unwrap();
    lab.call("TerminateInstances", &[("InstanceId.1", &id)]);
}
