use std::collections::{BTreeMap, BTreeSet};

use super::*;

fn error(code: &str, message: &str) -> AwsError {
    AwsError {
        action: Action::RunInstances,
        region: "eu-central-1".into(),
        code: code.to_owned(),
        message: message.to_owned(),
        request_id: None,
    }
}

fn treatment(class: Class) -> String {
    format!("{class:?} {:?} {}", class.disposition(), class.reason())
}

fn assert_treated(treatments: &[(&str, &[&str])]) {
    let actual = treatments.iter().flat_map(|(_, codes)| *codes).map(|code| {
        let treated = treatment(error(code, "").class());
        (*code, treated)
    });
    let expected = treatments
        .iter()
        .flat_map(|(treated, codes)| codes.iter().map(|code| (*code, (*treated).to_owned())));
    assert_eq!(actual.collect::<BTreeMap<_, _>>(), expected.collect::<BTreeMap<_, _>>());
}

/// Class, disposition and reason of every code that AWS's pages and the experience of other tools name for the calls
/// that the operator makes.
const TREATMENTS: &[(&str, &[&str])] = &[
    (
        "Throttled Wait Throttled",
        &[
            "RequestLimitExceeded",
            "Throttling",
            "ThrottlingException",
            "ThrottlingRate",
            "EC2ThrottledException",
        ],
    ),
    (
        "Ambiguous Retry RetryingAfterNoAnswer",
        &["NoAnswer", "InternalError", "InternalFailure", "Unavailable", "ServiceUnavailable"],
    ),
    (
        "Capacity Retry InsufficientCapacity",
        &[
            "InsufficientInstanceCapacity",
            "InsufficientVolumeCapacity",
            "Unsupported",
            "InsufficientFreeAddressesInSubnet",
            "UnfulfillableCapacity",
        ],
    ),
    (
        "Quota Retry QuotaExceeded",
        &[
            "InstanceLimitExceeded",
            "VcpuLimitExceeded",
            "ResourceLimitExceeded",
            "PendingSnapshotLimitExceeded",
            "ConcurrentSnapshotLimitExceeded",
            "SnapshotLimitExceeded",
            "SnapshotCreationPerVolumeRateExceeded",
            "MaxSpotInstanceCountExceeded",
        ],
    ),
    ("TokenMismatch Retry TokenMismatch", &["IdempotentParameterMismatch"]),
    ("TokenSpent Retry BuilderTerminated", &["IdempotentInstanceTerminated"]),
    ("NameTaken Rejected NameConflict", &["InvalidAMIName.Duplicate"]),
    (
        "NotFound Retry NotFound",
        &[
            "InvalidInstanceID.NotFound",
            "InvalidAMIID.NotFound",
            "InvalidSnapshot.NotFound",
            "InvalidAMIID.Unavailable",
            "InvocationDoesNotExist",
            "InvalidCommandId",
        ],
    ),
    (
        "NotReadyYet Wait WaitingForState",
        &["IncorrectInstanceState", "ConcurrentTagAccess", "InvalidInstanceId"],
    ),
    ("InUse Wait WaitingForRelease", &["InvalidSnapshot.InUse", "VolumeInUse", "DependencyViolation"]),
    ("Protected NeedsHelp Protected", &["OperationNotPermitted"]),
    ("Denied NeedsHelp AccessDenied", &["UnauthorizedOperation", "AccessDenied", "AccessDeniedException"]),
    ("NotAuthenticated NeedsHelp AuthenticationFailed", &["AuthFailure", "CredentialsNotFound"]),
    ("NotSubscribed NeedsHelp SubscriptionRequired", &["OptInRequired"]),
    ("Kms NeedsHelp KeyNotUsable", &["CustomerKeyHasBeenRevoked", "Client.InternalError"]),
    ("Credentials Retry CredentialsExpired", &["ExpiredToken", "RequestExpired", "RequestTimeTooSkewed"]),
    (
        "Invalid Rejected InvalidRequest",
        &[
            "InvalidGroup.NotFound",
            "InvalidRequest",
            "InvalidParameterValue",
            "InvalidUserData.Malformed",
            "InvalidDocument",
            "InvalidParameters",
            "UnsupportedPlatformType",
            "NotSent",
        ],
    ),
    ("Unknown Retry UnknownError", &["SomethingNew"]),
];

#[test]
fn every_known_code_has_its_class_disposition_and_reason() {
    assert_treated(TREATMENTS);
}

#[test]
fn an_unknown_code_is_sorted_by_how_it_is_spelled() {
    assert_treated(&[
        ("Throttled Wait Throttled", &["ThrottlingOfSomethingNew"]),
        ("Quota Retry QuotaExceeded", &["NetworkInterfaceLimitExceeded"]),
        ("NotFound Retry NotFound", &["InvalidKeyPair.NotFound"]),
        ("Invalid Rejected InvalidRequest", &["InvalidInstanceID.Malformed"]),
    ]);
}

#[test]
fn too_many_tags_are_no_quota_that_could_be_waited_for() {
    assert_eq!(error("TagLimitExceeded", "").class(), Class::Invalid);
}

#[test]
fn an_instance_on_its_way_to_stopped_is_waited_for() {
    let message = "Instance is not in state 'running' or 'stopped'";
    assert_eq!(error("InvalidParameterValue", message).class(), Class::NotReadyYet);
}

#[test]
fn a_fresh_instance_profile_is_waited_for() {
    let message =
        "Value (builder) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name";
    assert_eq!(error("InvalidParameterValue", message).class(), Class::NotReadyYet);
}

#[test]
fn any_other_invalid_parameter_is_rejected() {
    let message = "Value (builder) for parameter groupId is invalid. The value cannot be empty";
    assert_eq!(error("InvalidParameterValue", message).class(), Class::Invalid);
}

#[test]
fn an_image_whose_storage_is_not_shared_needs_a_permission() {
    let message = "You do not have permission to access the storage of this ami";
    assert_eq!(error("InvalidRequest", message).class(), Class::Denied);
}

#[test]
fn an_image_of_the_marketplace_that_cannot_be_copied_is_rejected() {
    let message = "Images from AWS Marketplace cannot be copied to another AWS account";
    assert_eq!(error("InvalidRequest", message).class(), Class::Invalid);
}

#[test]
fn a_key_that_is_not_accessible_is_recognised_by_the_message() {
    let message = "Given key ID is not accessible. You must have DescribeKey permissions on the default CMK";
    assert_eq!(error("InvalidParameter", message).class(), Class::Kms);
}

#[test]
fn no_code_stands_twice_in_the_table() {
    let codes: BTreeSet<_> = TABLE.iter().map(|(code, _)| code).collect();
    assert_eq!(codes.len(), TABLE.len());
}

#[test]
fn an_error_names_the_call_its_code_and_the_request() {
    let error = AwsError { request_id: Some("8f2e".to_owned()), ..error("AuthFailure", "not validated") };
    let text = "RunInstances in eu-central-1 failed: AuthFailure: not validated (request id 8f2e)";
    assert_eq!(error.to_string(), text);
}

#[test]
fn each_action_belongs_to_its_service() {
    let named = [Action::CopyImage, Action::SendCommand, Action::GetCallerIdentity].map(Action::iam);
    assert_eq!(named, ["ec2:CopyImage", "ssm:SendCommand", "sts:GetCallerIdentity"]);
}
