//! The AWS actions that the operator calls.

use std::fmt;

/// The AWS actions that the operator uses: the methods of the port, the labels of metrics and the names in the IAM policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    DescribeInstances,
    DescribeImages,
    DescribeSnapshots,
    DescribeVolumes,
    DescribeRegions,
    GetConsoleOutput,
    GetParameters,
    GetCallerIdentity,
    DescribeInstanceInformation,
    ListCommandInvocations,
    GetCommandInvocation,
    ListTagsForResource,
    DescribeImageAttribute,
    DescribeSnapshotAttribute,
    DescribeFastSnapshotRestores,
    DescribeImageReferences,
    GetImageBlockPublicAccessState,
    GetEbsDefaultKmsKeyId,
    GetEbsEncryptionByDefault,
    RunInstances,
    StopInstances,
    TerminateInstances,
    CreateImage,
    CopyImage,
    ModifyImageAttribute,
    ModifySnapshotAttribute,
    EnableImageDeprecation,
    DisableImageDeprecation,
    EnableImageDeregistrationProtection,
    DisableImageDeregistrationProtection,
    EnableImage,
    DisableImage,
    EnableFastSnapshotRestores,
    DisableFastSnapshotRestores,
    DeregisterImage,
    DeleteSnapshot,
    DeleteVolume,
    CreateTags,
    DeleteTags,
    SendCommand,
    CancelCommand,
    PutParameter,
    AddTagsToResource,
    DeleteParameter,
}

impl Action {
    /// All of them, in the order of the enum.
    pub const ALL: [Self; 44] = [
        Self::DescribeInstances,
        Self::DescribeImages,
        Self::DescribeSnapshots,
        Self::DescribeVolumes,
        Self::DescribeRegions,
        Self::GetConsoleOutput,
        Self::GetParameters,
        Self::GetCallerIdentity,
        Self::DescribeInstanceInformation,
        Self::ListCommandInvocations,
        Self::GetCommandInvocation,
        Self::ListTagsForResource,
        Self::DescribeImageAttribute,
        Self::DescribeSnapshotAttribute,
        Self::DescribeFastSnapshotRestores,
        Self::DescribeImageReferences,
        Self::GetImageBlockPublicAccessState,
        Self::GetEbsDefaultKmsKeyId,
        Self::GetEbsEncryptionByDefault,
        Self::RunInstances,
        Self::StopInstances,
        Self::TerminateInstances,
        Self::CreateImage,
        Self::CopyImage,
        Self::ModifyImageAttribute,
        Self::ModifySnapshotAttribute,
        Self::EnableImageDeprecation,
        Self::DisableImageDeprecation,
        Self::EnableImageDeregistrationProtection,
        Self::DisableImageDeregistrationProtection,
        Self::EnableImage,
        Self::DisableImage,
        Self::EnableFastSnapshotRestores,
        Self::DisableFastSnapshotRestores,
        Self::DeregisterImage,
        Self::DeleteSnapshot,
        Self::DeleteVolume,
        Self::CreateTags,
        Self::DeleteTags,
        Self::SendCommand,
        Self::CancelCommand,
        Self::PutParameter,
        Self::AddTagsToResource,
        Self::DeleteParameter,
    ];

    /// Whether the action only reads.
    pub fn is_read(self) -> bool {
        let name = self.to_string();
        ["Describe", "Get", "List"].iter().any(|verb| name.starts_with(verb))
    }

    /// The action as an IAM policy names it, such as `ec2:RunInstances`.
    pub fn iam(self) -> String {
        let service = match self {
            Self::GetParameters
            | Self::DescribeInstanceInformation
            | Self::ListCommandInvocations
            | Self::GetCommandInvocation
            | Self::SendCommand
            | Self::CancelCommand
            | Self::ListTagsForResource
            | Self::PutParameter
            | Self::AddTagsToResource
            | Self::DeleteParameter => "ssm",
            Self::GetCallerIdentity => "sts",
            Self::DescribeInstances
            | Self::DescribeImages
            | Self::DescribeSnapshots
            | Self::DescribeVolumes
            | Self::DescribeRegions
            | Self::GetConsoleOutput
            | Self::RunInstances
            | Self::StopInstances
            | Self::TerminateInstances
            | Self::CreateImage
            | Self::CopyImage
            | Self::ModifyImageAttribute
            | Self::DescribeImageAttribute
            | Self::DescribeSnapshotAttribute
            | Self::DescribeFastSnapshotRestores
            | Self::DescribeImageReferences
            | Self::GetImageBlockPublicAccessState
            | Self::GetEbsDefaultKmsKeyId
            | Self::GetEbsEncryptionByDefault
            | Self::ModifySnapshotAttribute
            | Self::EnableImageDeprecation
            | Self::DisableImageDeprecation
            | Self::EnableImageDeregistrationProtection
            | Self::DisableImageDeregistrationProtection
            | Self::EnableImage
            | Self::DisableImage
            | Self::EnableFastSnapshotRestores
            | Self::DisableFastSnapshotRestores
            | Self::DeregisterImage
            | Self::DeleteSnapshot
            | Self::DeleteVolume
            | Self::CreateTags
            | Self::DeleteTags => "ec2",
        };
        format!("{service}:{self}")
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_action_belongs_to_its_service() {
        let named = [Action::CopyImage, Action::SendCommand, Action::GetCallerIdentity].map(Action::iam);
        assert_eq!(named, ["ec2:CopyImage", "ssm:SendCommand", "sts:GetCallerIdentity"]);
    }
}
