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

/// Class, disposition and reason, how long a write rests after it, and every code that is so treated: all of the table,
/// and one that it does not know.
pub(crate) const TREATMENTS: &[(&str, &str, &[&str])] = &[
    (
        "Throttled Wait Throttled",
        "from 2s to 5m",
        &[
            "RequestLimitExceeded",
            "Client.RequestLimitExceeded",
            "Throttling",
            "ThrottlingException",
            "EC2ThrottledException",
            "TooManyRequestsException",
            "TooManyUpdates",
        ],
    ),
    (
        "Ambiguous Retry RetryingAfterNoAnswer",
        "from 2s to 5m",
        &[
            "NoAnswer",
            "InternalError",
            "InternalFailure",
            "InternalServerError",
            "Unavailable",
            "ServiceUnavailable",
            "RequestTimeout",
        ],
    ),
    (
        "Capacity Retry InsufficientCapacity",
        "from 2s to 5m",
        &[
            "InsufficientInstanceCapacity",
            "InsufficientVolumeCapacity",
            "InsufficientHostCapacity",
            "InsufficientFreeAddressesInSubnet",
            "InsufficientCapacity",
            "UnfulfillableCapacity",
            "Unsupported",
        ],
    ),
    (
        "Quota Retry QuotaExceeded",
        "from 2m to 5m",
        &[
            "InstanceLimitExceeded",
            "VcpuLimitExceeded",
            "ResourceLimitExceeded",
            "PendingSnapshotLimitExceeded",
            "ConcurrentSnapshotLimitExceeded",
            "SnapshotLimitExceeded",
            "SnapshotCreationPerVolumeRateExceeded",
            "MaxSpotInstanceCountExceeded",
            "VolumeLimitExceeded",
            "AMIQuotaExceeded",
            "ParameterLimitExceeded",
        ],
    ),
    (
        "Denied NeedsHelp AccessDenied",
        "10m",
        &["UnauthorizedOperation", "AccessDenied", "AccessDeniedException"],
    ),
    (
        "NotAuthenticated NeedsHelp AuthenticationFailed",
        "10m",
        &[
            "AuthFailure",
            "InvalidClientTokenId",
            "UnrecognizedClientException",
            "SignatureDoesNotMatch",
            "MissingAuthenticationToken",
            "InvalidSignatureException",
            "IncompleteSignature",
            "PendingVerification",
            "Blocked",
            "CredentialsNotFound",
        ],
    ),
    (
        "Credentials Retry CredentialsExpired",
        "from 2s to 5m",
        &["ExpiredToken", "ExpiredTokenException", "RequestExpired", "RequestTimeTooSkewed"],
    ),
    ("NotSubscribed NeedsHelp SubscriptionRequired", "10m", &["OptInRequired"]),
    ("NameTaken Rejected NameConflict", "from 2s to 5m", &["InvalidAMIName.Duplicate"]),
    ("AlreadyThere Retry AlreadyThere", "from 2s to 5m", &["ParameterAlreadyExists"]),
    ("TokenMismatch Retry TokenMismatch", "from 2s to 5m", &["IdempotentParameterMismatch"]),
    ("TokenSpent Retry BuilderTerminated", "from 2s to 5m", &["IdempotentInstanceTerminated"]),
    (
        "NotFound Retry NotFound",
        "from 2s to 5m",
        &[
            "InvalidAMIID.NotFound",
            "InvalidAMIID.Unavailable",
            "InvalidInstanceID.NotFound",
            "InvalidSnapshot.NotFound",
            "InvalidSubnetID.NotFound",
            "InvalidSubnet.NotFound",
            "InvalidGroup.NotFound",
            "InvalidSecurityGroupID.NotFound",
            "InvalidVolume.NotFound",
            "ParameterNotFound",
            "InvalidResourceId",
            "InvocationDoesNotExist",
            "InvalidCommandId",
        ],
    ),
    (
        "NotReadyYet Wait WaitingForState",
        "from 2s to 5m",
        &[
            "IncorrectInstanceState",
            "IncorrectState",
            "InvalidState",
            "ConcurrentTagAccess",
            "InvalidInstanceId",
        ],
    ),
    (
        "InUse Wait WaitingForRelease",
        "from 2s to 5m",
        &["DependencyViolation", "InvalidSnapshot.InUse", "VolumeInUse"],
    ),
    ("Protected NeedsHelp Protected", "10m", &["OperationNotPermitted"]),
    (
        "Kms NeedsHelp KeyNotUsable",
        "10m",
        &[
            "CustomerKeyHasBeenRevoked",
            "Client.InternalError",
            "InvalidKmsKey.InvalidState",
            "KMSKeyNotAccessibleFault",
            "InvalidKeyId",
        ],
    ),
    ("RegionOff NeedsHelp RegionNotEnabled", "10m", &["RegionNotEnabled"]),
    ("NoSuchRegion NeedsHelp UnknownRegion", "10m", &["UnknownRegion"]),
    (
        "Invalid Rejected InvalidRequest",
        "until edited",
        &[
            "InvalidParameterValue",
            "InvalidParameterCombination",
            "InvalidParameter",
            "InvalidBlockDeviceMapping",
            "InvalidUserData.Malformed",
            "InvalidRequest",
            "InvalidAMIName.Malformed",
            "InvalidAMIID.Malformed",
            "InvalidAMIAttributeItemValue",
            "InvalidTagKey.Malformed",
            "TagLimitExceeded",
            "MissingParameter",
            "MissingInput",
            "VPCIdNotSpecified",
            "UnsupportedOperation",
            "UnknownParameter",
            "InvalidAction",
            "ValidationError",
            "ValidationException",
            "InvalidDocument",
            "InvalidDocumentVersion",
            "InvalidParameters",
            "InvalidPluginName",
            "InvalidFilterKey",
            "InvalidFilterValue",
            "InvalidInstanceInformationFilterValue",
            "DuplicateInstanceId",
            "MaxDocumentSizeExceeded",
            "UnsupportedPlatformType",
            "ParameterPatternMismatchException",
            "ParameterMaxVersionLimitExceeded",
            "UnsupportedParameterType",
            "HierarchyLevelLimitExceededException",
            "HierarchyTypeMismatchException",
            "InvalidAllowedPatternException",
            "TooManyTagsError",
            "NotSent",
        ],
    ),
    ("Unknown Retry UnknownError", "from 2s to 5m", &["SomethingNew"]),
];

#[test]
fn every_known_code_has_its_class_disposition_and_reason() {
    let treatments: Vec<_> = TREATMENTS.iter().map(|(treated, _, codes)| (*treated, *codes)).collect();
    assert_treated(&treatments);
}

#[test]
fn no_code_of_the_table_is_left_out_of_the_treatments() {
    let listed: BTreeSet<_> = TREATMENTS.iter().flat_map(|(_, _, codes)| *codes).collect();
    let left_out: Vec<_> = TABLE.iter().filter(|(code, _)| !listed.contains(code)).collect();
    assert!(left_out.is_empty(), "{left_out:?}");
}

#[test]
fn an_unknown_code_is_sorted_by_how_it_is_spelled() {
    assert_treated(&[
        ("Throttled Wait Throttled", &["ThrottlingOfSomethingNew"]),
        ("Quota Retry QuotaExceeded", &["NetworkInterfaceLimitExceeded", "SomeThroughputQuotaExceeded"]),
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
    let class = error("InvalidRequest", message).class();
    assert_eq!((class, class.disposition()), (Class::NotShared, Disposition::NeedsHelp));
    assert!(class.advice().contains("createVolumePermission"), "{}", class.advice());
}

#[test]
fn an_image_of_the_marketplace_that_cannot_be_copied_is_rejected() {
    let message = "Images from AWS Marketplace cannot be copied to another AWS account";
    let class = error("InvalidRequest", message).class();
    assert_eq!((class, class.disposition()), (Class::NotCopyable, Disposition::Rejected));
}

#[test]
fn what_no_other_account_can_use_is_recognised_by_the_message() {
    let image = "Snapshots encrypted with the AWS Managed CMK can't be shared. Specify another snapshot.";
    let snapshot = "Encrypted snapshots with EBS default key cannot be shared";
    for refused in [error("InvalidParameter", image), error("OperationNotPermitted", snapshot)] {
        assert_eq!(
            (refused.class(), refused.class().disposition()),
            (Class::NotShareable, Disposition::NeedsHelp)
        );
    }
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
fn an_internal_error_may_have_any_cause_unless_it_names_one() {
    let internal = "Copy image failed with an internal error";
    assert!(Class::is_untold_by(&format!("{internal}.")));
    assert!(!Class::is_untold_by(&format!("{internal}: Given key ID is not accessible.")));
    assert!(!Class::is_untold_by("the disk is full"));
}
