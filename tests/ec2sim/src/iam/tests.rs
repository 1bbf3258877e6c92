use serde_json::{Value, json};

use super::Iam;
use crate::{
    core::{Service, error::ApiError},
    lab::{Lab, OTHER},
};

const OURS: &str = "ours";

pub(super) fn policy(statements: &[Value]) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

pub(super) fn allow(action: &str, resource: &str, condition: Value) -> Value {
    let mut statement = json!({"Sid": "Allow", "Effect": "Allow", "Action": action, "Resource": resource});
    statement["Condition"] = condition;
    statement
}

/// Puts a document in force for everybody in the lab.
pub(super) fn enforce(lab: &Lab, document: &Value) {
    let iam = Iam::new(&[("test.json".to_owned(), document.clone())], "*").expect("the policy is valid");
    lab.sim.gate(|gate| gate.iam = Some(iam));
}

fn under(statements: &[Value]) -> Lab {
    let lab = Lab::new();
    enforce(&lab, &policy(statements));
    lab
}

/// Like [`Lab::launch`], without the reads that it makes.
pub(super) fn launch(lab: &Lab, more: &[(&str, &str)]) -> Result<String, ApiError> {
    let image = lab.sim.world().regions["us-east-1"]
        .images
        .values()
        .find(|image| image.name.starts_with("al2023") && image.architecture == "x86_64")
        .map(|image| image.id.clone())
        .expect("there are base images");
    let params =
        [("ImageId", image.as_str()), ("InstanceType", "t3.micro"), ("MinCount", "1"), ("MaxCount", "1")];
    let node = lab.try_call("RunInstances", &[&params, more].concat())?;
    Ok(node.find_text("instancesSet/item/instanceId").unwrap_or_default().to_owned())
}

/// The action and resource of what was denied last.
fn denied(lab: &Lab) -> (String, String) {
    lab.sim.gate(|gate| {
        let denied = gate.iam.as_ref().and_then(|iam| iam.denied().last().cloned()).expect("a denial");
        (denied.action, denied.resource)
    })
}

fn verdict(lab: &Lab, service: Service, action: &str, params: &[(&str, &str)]) -> Option<String> {
    let codes = ["UnauthorizedOperation", "AccessDeniedException", "AccessDenied"];
    let error = lab.send(service, action, params).outcome.err();
    error.map(|error| error.code).filter(|code| codes.contains(&code.as_str()))
}

#[test]
fn what_nothing_allows_is_denied_in_the_words_of_each_service() {
    let lab = under(&[]);
    let error = lab.try_call("DescribeImages", &[]).unwrap_err();
    assert_eq!((error.code.as_str(), error.status), ("UnauthorizedOperation", 403));
    let expected = "You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/test is not \
        authorized to perform: ec2:DescribeImages on resource: * because no identity-based policy allows the \
        ec2:DescribeImages action. Encoded authorization failure message: ";
    assert!(error.message.starts_with(expected), "{}", error.message);

    let error = lab.send(Service::Ssm, "GetParameters", &[("Names.1", "/a/b")]).outcome.unwrap_err();
    assert_eq!((error.code.as_str(), error.status), ("AccessDeniedException", 400));
    assert_eq!(
        error.message,
        "User: arn:aws:iam::123456789012:user/test is not authorized to perform: ssm:GetParameters on resource: \
         arn:aws:ssm:us-east-1:123456789012:parameter/a/b because no identity-based policy allows the ssm:GetParameters action"
    );

    let role = "arn:aws:iam::210987654321:role/images";
    let error = lab.send(Service::Sts, "AssumeRole", &[("RoleArn", role)]).outcome.unwrap_err();
    assert_eq!((error.code.as_str(), error.status), ("AccessDenied", 403));
    assert!(
        error.message.contains("is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::")
    );
}

#[test]
fn who_one_is_may_always_be_asked() {
    under(&[]).send(Service::Sts, "GetCallerIdentity", &[]).outcome.unwrap();
}

#[test]
fn a_denial_wins_over_every_permission() {
    let deny = json!({"Sid": "No", "Effect": "Deny", "Action": "ec2:DescribeV*", "Resource": "*"});
    let lab = under(&[allow("*", "*", json!({})), deny]);
    lab.call("DescribeImages", &[]);
    let error = lab.try_call("DescribeVpcs", &[]).unwrap_err();
    assert!(
        error.message.contains(" with an explicit deny in an identity-based policy. "),
        "{}",
        error.message
    );
}

#[test]
fn a_dry_run_asks_for_permission_too() {
    let lab = under(&[]);
    assert_eq!(lab.refused("DescribeVpcs", &[("DryRun", "true")]), "UnauthorizedOperation");
}

#[test]
fn a_launch_needs_permission_on_each_resource_that_it_touches() {
    let kinds = ["image", "instance", "network-interface", "security-group", "subnet", "volume"];
    for missing in kinds {
        let statements: Vec<Value> = kinds
            .iter()
            .filter(|kind| **kind != missing)
            .map(|kind| allow("ec2:RunInstances", &format!("arn:aws:ec2:*:*:{kind}/*"), json!({})))
            .collect();
        let lab = under(&statements);
        assert_eq!(launch(&lab, &[]).unwrap_err().code, "UnauthorizedOperation", "without {missing}");
        let (action, resource) = denied(&lab);
        assert_eq!(action, "ec2:RunInstances");
        assert!(resource.contains(&format!(":{missing}/")), "{resource} without {missing}");
    }
}

#[test]
fn a_launch_can_be_bound_to_tags_and_metadata_options() {
    let condition = json!({
        "StringEquals": {"ec2:MetadataHttpTokens": "required"},
        "StringLike": {"aws:RequestTag/ours": "*"},
    });
    let instances = allow("ec2:RunInstances", "arn:aws:ec2:*:*:instance/*", condition);
    let not_instances = json!({
        "Effect": "Allow", "Action": "ec2:RunInstances", "NotResource": "arn:aws:ec2:*:*:instance/*",
    });
    let creation = json!({"StringEquals": {"ec2:CreateAction": "RunInstances"}});
    let lab = under(&[instances, not_instances, allow("ec2:CreateTags", "*", creation)]);
    let tokens = ("MetadataOptions.HttpTokens", "required");
    let tag = |key| {
        [
            ("TagSpecification.1.ResourceType", "instance"),
            ("TagSpecification.1.Tag.1.Key", key),
            ("TagSpecification.1.Tag.1.Value", "x"),
        ]
    };
    assert!(launch(&lab, &[&tag(OURS)[..], &[tokens]].concat()).is_ok());
    assert!(launch(&lab, &tag(OURS)).is_err());
    assert!(launch(&lab, &[&tag("theirs")[..], &[tokens]].concat()).is_err());
}

#[test]
fn tags_in_a_create_call_need_a_permission_of_their_own() {
    let lab = under(&[allow("ec2:RunInstances", "*", json!({}))]);
    launch(&lab, &[]).unwrap();
    let tag = [
        ("TagSpecification.1.ResourceType", "volume"),
        ("TagSpecification.1.Tag.1.Key", OURS),
        ("TagSpecification.1.Tag.1.Value", "x"),
    ];
    launch(&lab, &tag).unwrap_err();
    let resource = "arn:aws:ec2:us-east-1:123456789012:volume/*".to_owned();
    assert_eq!(denied(&lab), ("ec2:CreateTags".to_owned(), resource));
}

#[test]
fn a_permission_by_tag_ends_where_the_tag_or_the_resource_does() {
    let lab = Lab::new();
    let (ours, theirs) = (lab.image("ours"), lab.image("theirs"));
    lab.call("CreateTags", &[("ResourceId.1", &ours), ("Tag.1.Key", OURS), ("Tag.1.Value", "")]);
    enforce(
        &lab,
        &policy(&[allow(
            "ec2:DeregisterImage",
            "arn:aws:ec2:*::image/*",
            json!({"Null": {"ec2:ResourceTag/ours": "false"}}),
        )]),
    );
    assert_eq!(lab.refused("DeregisterImage", &[("ImageId", &theirs)]), "UnauthorizedOperation");
    lab.call("DeregisterImage", &[("ImageId", &ours)]);
    // What is gone has no tags.
    assert_eq!(lab.refused("DeregisterImage", &[("ImageId", &ours)]), "UnauthorizedOperation");
}

#[test]
fn a_profile_needs_the_permission_to_pass_its_role() {
    let condition = json!({"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}});
    let lab = under(&[
        allow("ec2:RunInstances", "*", json!({})),
        allow("iam:PassRole", "arn:aws:iam::*:role/image-builder*", condition),
    ]);
    launch(&lab, &[("IamInstanceProfile.Name", "image-builder-web")]).unwrap();
    launch(&lab, &[("IamInstanceProfile.Name", "admin")]).unwrap_err();
    assert_eq!(denied(&lab), ("iam:PassRole".to_owned(), "arn:aws:iam::123456789012:role/admin".to_owned()));
}

#[test]
fn a_copy_needs_permission_on_source_and_copy_in_their_regions() {
    let lab = Lab::new();
    let image = lab.image("web");
    enforce(
        &lab,
        &policy(&[
            allow("ec2:CopyImage", "arn:aws:ec2:us-east-1::*", json!({})),
            allow("ec2:CopyImage", "arn:aws:ec2:eu-west-1::*", json!({})),
        ]),
    );
    lab.region("eu-west-1").copy(&image, &[]).unwrap();
    let error = lab.region("eu-west-2").copy(&image, &[]).unwrap_err();
    assert!(error.message.contains("arn:aws:ec2:eu-west-2::image/* "), "{}", error.message);
}

#[test]
fn a_key_that_may_not_be_used_fails_what_was_accepted() {
    let lab = Lab::new();
    let image = lab.image("web");
    enforce(&lab, &policy(&[allow("ec2:*", "*", json!({}))]));
    let key = [("Encrypted", "true"), ("KmsKeyId", "1234abcd-12ab-34cd-56ef-1234567890ab")];
    let copy = lab.copy(&image, &key).unwrap();
    lab.wait(10);
    assert_eq!(lab.image_state(&copy), "failed");
    assert!(denied(&lab).0.starts_with("kms:"));
    let by_ec2 = json!({
        "StringLike": {"kms:ViaService": "ec2.*.amazonaws.com"},
        "BoolIfExists": {"kms:GrantIsForAWSResource": "true"},
    });
    enforce(
        &lab,
        &policy(&[allow("ec2:*", "*", json!({})), allow("kms:*", "arn:aws:kms:*:*:key/*", by_ec2)]),
    );
    let copy = lab.copy(&image, &key).unwrap();
    lab.wait(60);
    assert_eq!(lab.image_state(&copy), "available");
}

#[test]
fn snapshots_that_may_not_be_deleted_stay_behind_their_image() {
    let lab = Lab::new();
    let image = lab.image("web");
    enforce(&lab, &policy(&[allow("ec2:DeregisterImage", "*", json!({}))]));
    let params = [("ImageId", image.as_str()), ("DeleteAssociatedSnapshots", "true")];
    let code = lab.ask("DeregisterImage", &params, "deleteSnapshotResultSet/item/returnCode");
    assert_eq!(code, "missing-permissions");
    assert_eq!(
        lab.sim.world().regions["us-east-1"]
            .snapshots
            .values()
            .filter(|it| it.owner == crate::lab::OWN)
            .count(),
        1
    );
}

#[test]
fn sharing_can_be_bound_to_accounts() {
    let lab = Lab::new();
    let image = lab.image("web");
    let condition =
        json!({"ForAllValues:StringEquals": {"ec2:Add/userId": [OTHER]}, "Null": {"ec2:Add/group": "true"}});
    enforce(&lab, &policy(&[allow("ec2:ModifyImageAttribute", "*", condition)]));
    let share = |with: (&str, &str)| {
        verdict(&lab, Service::Ec2, "ModifyImageAttribute", &[("ImageId", &image), with])
    };
    assert_eq!(share(("LaunchPermission.Add.1.UserId", OTHER)), None);
    assert!(share(("LaunchPermission.Add.1.UserId", "333333333333")).is_some());
    assert!(share(("LaunchPermission.Add.1.Group", "all")).is_some());
}

#[test]
fn a_command_needs_its_document_and_its_instances() {
    let lab = Lab::new();
    let ours = lab.launch(&[("IamInstanceProfile.Name", "x")]);
    let theirs = lab.launch(&[("IamInstanceProfile.Name", "x")]);
    lab.call("CreateTags", &[("ResourceId.1", &ours), ("Tag.1.Key", OURS), ("Tag.1.Value", "yes")]);
    lab.wait(60);
    enforce(
        &lab,
        &policy(&[
            allow("ssm:SendCommand", "arn:aws:ssm:*::document/AWS-RunShellScript", json!({})),
            allow(
                "ssm:SendCommand",
                "arn:aws:ec2:*:*:instance/*",
                json!({"StringEquals": {"ssm:resourceTag/ours": "yes"}}),
            ),
        ]),
    );
    let send = |id: &str| {
        let params = [
            ("DocumentName", "AWS-RunShellScript"),
            ("InstanceIds.1", id),
            ("Parameters.commands.1", "true"),
        ];
        verdict(&lab, Service::Ssm, "SendCommand", &params)
    };
    assert_eq!(send(&ours), None);
    assert!(send(&theirs).is_some());
}

#[test]
fn public_parameters_belong_to_no_account() {
    let lab = under(&[allow("ssm:GetParameter*", "arn:aws:ssm:*::parameter/aws/service/*", json!({}))]);
    let public = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64";
    assert_eq!(verdict(&lab, Service::Ssm, "GetParameters", &[("Names.1", public)]), None);
    assert!(
        verdict(&lab, Service::Ssm, "GetParameters", &[("Names.1", public), ("Names.2", "/own")]).is_some()
    );
}

#[test]
fn keys_are_asked_for_by_what_they_are_behind_their_names() {
    let lab = Lab::new();
    let made = lab.send(Service::Kms, "CreateKey", &[]).outcome.expect("keys can be made").to_json();
    let arn = made["KeyMetadata"]["Arn"].as_str().expect("it has an ARN").to_owned();
    let alias = [("AliasName", "alias/images"), ("TargetKeyId", arn.as_str())];
    lab.send(Service::Kms, "CreateAlias", &alias).outcome.expect("aliases can be made");
    enforce(&lab, &policy(&[allow("kms:DescribeKey", &arn, json!({}))]));
    assert_eq!(verdict(&lab, Service::Kms, "DescribeKey", &[("KeyId", "alias/images")]), None);
    assert!(verdict(&lab, Service::Kms, "DescribeKey", &[("KeyId", "alias/aws/ebs")]).is_some());
}

#[test]
fn policies_apply_to_the_principals_that_they_are_for() {
    let lab = Lab::new();
    let iam = Iam::new(&[], "arn:aws:iam::210987654321:user/*").unwrap();
    lab.sim.gate(|gate| gate.iam = Some(iam));
    lab.call("DescribeVpcs", &[]);
    assert_eq!(lab.account(OTHER).refused("DescribeVpcs", &[]), "UnauthorizedOperation");
}

#[test]
fn a_permission_that_no_call_needed_is_known() {
    let read = json!({"Sid": "Read", "Effect": "Allow", "Action": ["ec2:DescribeImages", "ec2:DescribeVpcs"], "Resource": "*"});
    let lab = under(&[read, allow("ec2:RunInstances", "arn:aws:ec2:*:*:instance/*", json!({}))]);
    lab.call("DescribeVpcs", &[]);
    // A call that is denied in the end has needed nothing.
    launch(&lab, &[]).unwrap_err();
    let unused: Vec<(String, String)> = lab.sim.gate(|gate| {
        let unused = gate.iam.as_ref().map(Iam::unused).unwrap_or_default();
        unused.into_iter().map(|it| (it.sid, it.action)).collect()
    });
    let expected = [("Read", "ec2:DescribeImages"), ("Allow", "ec2:RunInstances")];
    assert_eq!(unused, expected.map(|(sid, action)| (sid.to_owned(), action.to_owned())));
}
