//! The classification of AWS errors: every error code has one treatment, which is defined here.

use super::{Action, Region};

#[cfg(test)]
pub(crate) mod tests;

/// An AWS call that was rejected, or got no response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{action} in {region} failed: {code}: {message}{}", request_id_suffix(.request_id.as_deref()))]
pub struct AwsError {
    pub action: Action,
    pub region: Region,
    /// AWS's error code, or [`AwsError::NO_ANSWER`].
    pub code: String,
    pub message: String,
    /// The request ID, which AWS support asks for.
    pub request_id: Option<String>,
}

fn request_id_suffix(id: Option<&str>) -> String {
    id.map(|id| format!(" (request id {id})")).unwrap_or_default()
}

impl AwsError {
    /// The code of a call without an answer: timed out, reset, or answered by something that is not AWS. It may have
    /// been carried out.
    pub const NO_ANSWER: &'static str = "NoAnswer";
    /// The code of a call that was not sent, as no credentials could be had.
    pub const CREDENTIALS_NOT_FOUND: &'static str = "CredentialsNotFound";
    /// The code of a call that was not sent, as no request could be made of it: a region that is no host name, say.
    pub const NOT_SENT: &'static str = "NotSent";

    /// The code of a call that AWS refused as it refuses everybody in a region that the account has not enabled.
    pub const REGION_NOT_ENABLED: &'static str = "RegionNotEnabled";
    /// The code of a call to a region that the account's list of all regions does not hold: it was not carried out.
    pub const UNKNOWN_REGION: &'static str = "UnknownRegion";

    /// The class of this error.
    pub fn class(&self) -> Class {
        if let Some(class) = self.class_by_message() {
            return class;
        }
        Class::of_code(&self.code).unwrap_or_else(|| self.class_by_pattern())
    }

    /// Codes that mean several things, told apart by their message.
    ///
    /// Evidence: an image asked for right after a stop answers `InvalidParameterValue … is not in state`; a fresh
    /// instance profile answers `InvalidParameterValue … iamInstanceProfile` for some seconds; a key that cannot be used
    /// has no code of its own.
    fn class_by_message(&self) -> Option<Class> {
        let says = |part: &str| self.message.contains(part);
        let told = Class::of_reason(&self.message);
        match self.code.as_str() {
            _ if matches!(told, Some(Class::Kms | Class::NotShareable)) => told,
            "InvalidRequest" if told.is_some() => told,
            "InvalidParameterValue" if says("not in state") => Some(Class::NotReadyYet),
            "InvalidParameterValue" if says("iamInstanceProfile") && says("nvalid IAM Instance Profile") => {
                Some(Class::NotReadyYet)
            }
            _ => None,
        }
    }

    fn class_by_pattern(&self) -> Class {
        if self.code.starts_with("Throttling") {
            Class::Throttled
        } else if ["LimitExceeded", "QuotaExceeded"].iter().any(|end| self.code.ends_with(end)) {
            Class::Quota
        } else if self.code.ends_with(".NotFound") {
            Class::NotFound
        } else if self.code.ends_with(".Malformed") {
            Class::Invalid
        } else {
            Class::Unknown
        }
    }
}

/// The class of an error. One row each in [`Class::disposition`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Too many calls in this region.
    Throttled,
    /// No answer, or a failure of AWS's own. A create call may have been carried out.
    Ambiguous,
    /// No room for this instance type in this zone: definitely not launched.
    Capacity,
    /// A quota of the account is used up.
    Quota,
    /// The identity may not do this.
    Denied,
    /// The credentials ran out, or the clock is wrong.
    Credentials,
    /// The credentials are not known.
    NotAuthenticated,
    /// The account has not enabled this region.
    RegionOff,
    /// There is no such region.
    NoSuchRegion,
    /// A Marketplace product without subscription.
    NotSubscribed,
    /// Not there, or not yet, or not for us.
    NotFound,
    /// The image name is in use.
    NameTaken,
    /// A parameter of this name came up between the look and the call: the next look says whose it is.
    AlreadyThere,
    /// The token was used with other parameters: something exists, or existed.
    TokenMismatch,
    /// The token's instance is terminated: this attempt is over.
    TokenSpent,
    /// The resource is still on its way into the state that the call needs.
    NotReadyYet,
    /// Somebody else's image that may be launched, and whose snapshots may not be read.
    NotShared,
    /// Somebody else's image with a license: only its owner may copy it.
    NotCopyable,
    /// The image, or a snapshot of it, is encrypted by a key that no other account can use.
    NotShareable,
    /// Something else still uses it.
    InUse,
    /// Protected from removal, or not permitted on this resource.
    Protected,
    /// The key cannot be used.
    Kms,
    /// The request is wrong, and will be wrong again.
    Invalid,
    /// A code that this table does not know. Tried again slowly, and shown.
    Unknown,
}

/// How errors of a class are handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Nothing is wrong; look again.
    Wait,
    /// Try again with back-off.
    Retry,
    /// A person has to do something, outside of the object; look again every ten minutes, as it may heal by itself.
    NeedsHelp,
    /// Will not heal until the object changes.
    Rejected,
}

impl Class {
    /// What this code stands for wherever it is met: in an answer, in a status, or as the state reason of an instance.
    pub fn of_code(code: &str) -> Option<Self> {
        TABLE.iter().find(|(known, _)| *known == code).map(|(_, class)| *class)
    }

    /// The class of an error without a code of its own, or of the state reason of an image or a snapshot: only their text
    /// tells. Sources: AWS re:Post, "Why can't I copy my AMI to another account", and the troubleshooting pages of EC2.
    pub fn of_reason(text: &str) -> Option<Self> {
        let says = |part: &str| text.contains(part);
        if says("iven key ID is not accessible") {
            Some(Self::Kms)
        } else if says("permission to access the storage") {
            Some(Self::NotShared)
        } else if says("cannot be copied to another AWS account") {
            Some(Self::NotCopyable)
        } else if says("AWS Managed CMK can't be shared") || says("EBS default key cannot be shared") {
            Some(Self::NotShareable)
        } else {
            None
        }
    }

    /// Whether the state reason of an image or a snapshot leaves the cause open: AWS says this where it cannot use a key, and
    /// of troubles of its own, which pass.
    pub fn is_untold_by(text: &str) -> bool {
        text.contains("failed with an internal error") && Self::of_reason(text).is_none()
    }

    /// How a failed call of this class is treated.
    pub fn disposition(self) -> Disposition {
        match self {
            Self::Throttled | Self::NotReadyYet | Self::InUse => Disposition::Wait,
            Self::Ambiguous
            | Self::Capacity
            | Self::Quota
            | Self::Credentials
            | Self::NotFound
            | Self::AlreadyThere
            | Self::TokenMismatch
            | Self::TokenSpent
            | Self::Unknown => Disposition::Retry,
            Self::Denied
            | Self::NotAuthenticated
            | Self::RegionOff
            | Self::NoSuchRegion
            | Self::NotSubscribed
            | Self::Protected
            | Self::NotShared
            | Self::NotShareable
            | Self::Kms => Disposition::NeedsHelp,
            Self::NameTaken | Self::NotCopyable | Self::Invalid => Disposition::Rejected,
        }
    }

    /// Whether a launch that failed so launched nothing for certain, so that the next type, subnet or token may be tried.
    pub fn ends_attempt(self) -> bool {
        matches!(self, Self::Capacity | Self::TokenSpent)
    }

    /// Whether a create call that failed so may have been carried out, now or by a former one.
    pub fn leaves_doubt(self) -> bool {
        matches!(self, Self::Ambiguous | Self::TokenMismatch | Self::NameTaken)
    }

    /// The reason of the condition that reports the error.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Throttled => "Throttled",
            Self::Ambiguous => "RetryingAfterNoAnswer",
            Self::Capacity => "InsufficientCapacity",
            Self::Quota => "QuotaExceeded",
            Self::Denied => "AccessDenied",
            Self::Credentials => "CredentialsExpired",
            Self::NotAuthenticated => "AuthenticationFailed",
            Self::RegionOff => "RegionNotEnabled",
            Self::NoSuchRegion => "UnknownRegion",
            Self::NotSubscribed => "SubscriptionRequired",
            Self::NotFound => "NotFound",
            Self::NameTaken => "NameConflict",
            Self::AlreadyThere => "AlreadyThere",
            Self::TokenMismatch => "TokenMismatch",
            Self::TokenSpent => "BuilderTerminated",
            Self::NotReadyYet => "WaitingForState",
            Self::NotShared => "SnapshotsNotShared",
            Self::NotCopyable => "SourceNotCopyable",
            Self::NotShareable => "NotShareable",
            Self::InUse => "WaitingForRelease",
            Self::Protected => "Protected",
            Self::Kms => "KeyNotUsable",
            Self::Invalid => "InvalidRequest",
            Self::Unknown => "UnknownError",
        }
    }

    /// What someone can do about the error; empty if only waiting helps.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Denied => {
                "grant the operator's role this action on this resource (deploy/iam has the policy)"
            }
            Self::NotAuthenticated => "check the operator's credentials",
            Self::RegionOff => {
                "enable the region for the account (it takes minutes to hours), or remove it from the object"
            }
            Self::NoSuchRegion => {
                "use a name that `aws ec2 describe-regions --all-regions` lists, or remove the region from the object"
            }
            Self::NotSubscribed => "accept the product's terms on AWS Marketplace with this account",
            Self::Quota => "wait for running work to end, or raise the quota in Service Quotas",
            Self::Credentials => "check the credentials' source and the clock",
            Self::NameTaken => {
                "change spec.image.name of an ImageBuild, or spec.imageName of an ImageReplication, in a new object"
            }
            Self::Protected => "disable the resource's protection, or remove it manually",
            Self::Kms => {
                "check that the key exists in this region, is enabled, and that its policy lets the operator's role use it: kms:CreateGrant, kms:Decrypt, kms:DescribeKey, kms:GenerateDataKeyWithoutPlaintext and kms:ReEncrypt*"
            }
            Self::NotShared => {
                "ask the image's owner to share each of its snapshots too: `aws ec2 modify-snapshot-attribute --attribute createVolumePermission --operation-type add --user-ids ACCOUNT --snapshot-id SNAPSHOT`, and the key of encrypted ones; what is encrypted with alias/aws/ebs can be shared only as a copy under a customer managed key of the owner"
            }
            Self::NotShareable => {
                "an AWS managed key cannot be used by other accounts: create the image again under a customer managed key (for a source image, spec.sharing.includeSourceRegion: false shares only its copies)"
            }
            Self::NotCopyable => {
                "only the owner may copy an image with a product code of AWS Marketplace or a billed license (Windows, RHEL, SUSE): build your own image from it with an ImageBuild, and copy that"
            }
            Self::Invalid => "correct the manifest",
            Self::NotFound => "check the id: the resource may be gone, or in another region or account",
            Self::Throttled
            | Self::Ambiguous
            | Self::Capacity
            | Self::AlreadyThere
            | Self::TokenMismatch
            | Self::TokenSpent
            | Self::NotReadyYet
            | Self::InUse
            | Self::Unknown => "",
        }
    }
}

/// AWS error code → class. Sources: EC2 API reference, "Error codes for the Amazon EC2 API"; SSM and STS API
/// references, common errors.
pub const TABLE: &[(&str, Class)] = &[
    ("RequestLimitExceeded", Class::Throttled),
    ("Client.RequestLimitExceeded", Class::Throttled),
    ("Throttling", Class::Throttled),
    ("ThrottlingException", Class::Throttled),
    ("EC2ThrottledException", Class::Throttled),
    ("TooManyRequestsException", Class::Throttled),
    // Systems Manager's: somebody else changes the parameter at the same moment.
    ("TooManyUpdates", Class::Throttled),
    (AwsError::NO_ANSWER, Class::Ambiguous),
    ("InternalError", Class::Ambiguous),
    ("InternalFailure", Class::Ambiguous),
    ("InternalServerError", Class::Ambiguous),
    ("Unavailable", Class::Ambiguous),
    ("ServiceUnavailable", Class::Ambiguous),
    ("RequestTimeout", Class::Ambiguous),
    ("InsufficientInstanceCapacity", Class::Capacity),
    ("InsufficientVolumeCapacity", Class::Capacity),
    ("InsufficientHostCapacity", Class::Capacity),
    ("InsufficientFreeAddressesInSubnet", Class::Capacity),
    ("InsufficientCapacity", Class::Capacity),
    ("UnfulfillableCapacity", Class::Capacity),
    ("Unsupported", Class::Capacity),
    ("InstanceLimitExceeded", Class::Quota),
    ("VcpuLimitExceeded", Class::Quota),
    ("ResourceLimitExceeded", Class::Quota),
    ("PendingSnapshotLimitExceeded", Class::Quota),
    ("ConcurrentSnapshotLimitExceeded", Class::Quota),
    ("SnapshotLimitExceeded", Class::Quota),
    ("SnapshotCreationPerVolumeRateExceeded", Class::Quota),
    ("MaxSpotInstanceCountExceeded", Class::Quota),
    ("VolumeLimitExceeded", Class::Quota),
    ("AMIQuotaExceeded", Class::Quota),
    ("ParameterLimitExceeded", Class::Quota),
    ("UnauthorizedOperation", Class::Denied),
    ("AccessDenied", Class::Denied),
    ("AccessDeniedException", Class::Denied),
    ("AuthFailure", Class::NotAuthenticated),
    ("InvalidClientTokenId", Class::NotAuthenticated),
    ("UnrecognizedClientException", Class::NotAuthenticated),
    ("SignatureDoesNotMatch", Class::NotAuthenticated),
    ("MissingAuthenticationToken", Class::NotAuthenticated),
    ("InvalidSignatureException", Class::NotAuthenticated),
    ("IncompleteSignature", Class::NotAuthenticated),
    // The account itself is not ready yet, or barred: AWS Support has to do something.
    ("PendingVerification", Class::NotAuthenticated),
    ("Blocked", Class::NotAuthenticated),
    (AwsError::CREDENTIALS_NOT_FOUND, Class::NotAuthenticated),
    (AwsError::REGION_NOT_ENABLED, Class::RegionOff),
    (AwsError::UNKNOWN_REGION, Class::NoSuchRegion),
    ("ExpiredToken", Class::Credentials),
    ("ExpiredTokenException", Class::Credentials),
    ("RequestExpired", Class::Credentials),
    ("RequestTimeTooSkewed", Class::Credentials),
    ("OptInRequired", Class::NotSubscribed),
    ("InvalidAMIName.Duplicate", Class::NameTaken),
    ("ParameterAlreadyExists", Class::AlreadyThere),
    ("IdempotentParameterMismatch", Class::TokenMismatch),
    ("IdempotentInstanceTerminated", Class::TokenSpent),
    ("InvalidAMIID.NotFound", Class::NotFound),
    ("InvalidAMIID.Unavailable", Class::NotFound),
    ("InvalidInstanceID.NotFound", Class::NotFound),
    ("InvalidSnapshot.NotFound", Class::NotFound),
    // What a launch names may have been made a moment ago, by the tool that also applied the manifest.
    ("InvalidSubnetID.NotFound", Class::NotFound),
    ("InvalidSubnet.NotFound", Class::NotFound),
    ("InvalidGroup.NotFound", Class::NotFound),
    ("InvalidSecurityGroupID.NotFound", Class::NotFound),
    ("InvalidVolume.NotFound", Class::NotFound),
    ("ParameterNotFound", Class::NotFound),
    // Systems Manager shows a command some moments after it took it.
    ("InvocationDoesNotExist", Class::NotFound),
    ("InvalidResourceId", Class::NotFound),
    ("InvalidCommandId", Class::NotFound),
    ("IncorrectInstanceState", Class::NotReadyYet),
    ("IncorrectState", Class::NotReadyYet),
    ("InvalidState", Class::NotReadyYet),
    ("ConcurrentTagAccess", Class::NotReadyYet),
    // Systems Manager's: the agent of the machine has not registered, or the machine goes away.
    ("InvalidInstanceId", Class::NotReadyYet),
    ("DependencyViolation", Class::InUse),
    ("InvalidSnapshot.InUse", Class::InUse),
    ("VolumeInUse", Class::InUse),
    ("OperationNotPermitted", Class::Protected),
    ("CustomerKeyHasBeenRevoked", Class::Kms),
    // No call's answer, but the state reason of an instance that died: in practice a key that may not be used.
    ("Client.InternalError", Class::Kms),
    ("InvalidKmsKey.InvalidState", Class::Kms),
    ("KMSKeyNotAccessibleFault", Class::Kms),
    ("InvalidKeyId", Class::Kms),
    ("InvalidParameterValue", Class::Invalid),
    ("InvalidParameterCombination", Class::Invalid),
    ("InvalidParameter", Class::Invalid),
    ("InvalidBlockDeviceMapping", Class::Invalid),
    ("InvalidUserData.Malformed", Class::Invalid),
    ("InvalidRequest", Class::Invalid),
    ("InvalidAMIName.Malformed", Class::Invalid),
    ("InvalidAMIID.Malformed", Class::Invalid),
    ("InvalidAMIAttributeItemValue", Class::Invalid),
    ("InvalidTagKey.Malformed", Class::Invalid),
    ("TagLimitExceeded", Class::Invalid),
    ("MissingParameter", Class::Invalid),
    ("MissingInput", Class::Invalid),
    ("VPCIdNotSpecified", Class::Invalid),
    ("UnsupportedOperation", Class::Invalid),
    ("UnknownParameter", Class::Invalid),
    ("InvalidAction", Class::Invalid),
    ("ValidationError", Class::Invalid),
    ("ValidationException", Class::Invalid),
    ("InvalidDocument", Class::Invalid),
    ("InvalidDocumentVersion", Class::Invalid),
    ("InvalidParameters", Class::Invalid),
    ("InvalidPluginName", Class::Invalid),
    ("InvalidFilterKey", Class::Invalid),
    ("InvalidFilterValue", Class::Invalid),
    ("InvalidInstanceInformationFilterValue", Class::Invalid),
    ("DuplicateInstanceId", Class::Invalid),
    ("MaxDocumentSizeExceeded", Class::Invalid),
    ("UnsupportedPlatformType", Class::Invalid),
    // A parameter whose name, type or value Systems Manager does not take.
    ("ParameterPatternMismatchException", Class::Invalid),
    ("ParameterMaxVersionLimitExceeded", Class::Invalid),
    ("UnsupportedParameterType", Class::Invalid),
    ("HierarchyLevelLimitExceededException", Class::Invalid),
    ("HierarchyTypeMismatchException", Class::Invalid),
    ("InvalidAllowedPatternException", Class::Invalid),
    ("TooManyTagsError", Class::Invalid),
    (AwsError::NOT_SENT, Class::Invalid),
];
