//! Why a copy failed, and what can be done about it. AWS detects most problems with keys and permissions only after it has
//! accepted the call, and then reports them as text, without an error code.

use super::Failure;
use crate::{
    api::image_replication::Destination,
    model::{Class, Image, ImageState, Snapshot},
    plan::{COPY_FAILED, build::why_failed},
};

/// What the operator's role needs of each key. Source: EC2 user guide, "Copy an Amazon EC2 AMI", "Permissions".
const STATEMENT: &str = r#"{"Effect": "Allow", "Principal": {"AWS": "ARN of the operator's role"}, "Action": ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncrypt*"], "Resource": "*"}"#;

/// The failure of a copy that will not become available.
pub(super) fn of_copy(image: &Image, snapshots: &[Snapshot], wanted: &Destination) -> Failure {
    let why = why_failed(image, snapshots);
    let state = match image.state {
        ImageState::Pending => "will never be available".to_owned(),
        ImageState::Available
        | ImageState::Invalid
        | ImageState::Deregistered
        | ImageState::Transient
        | ImageState::Failed
        | ImageState::Error
        | ImageState::Disabled
        | ImageState::Other(_) => format!("is {}", image.state),
    };
    let message = format!("copy {} in {} {state}: {why}", image.id, wanted.region);
    match Class::of_reason(&why) {
        None if wanted.encryption.is_some() && Class::is_untold_by(&why) => {
            let likely = format!("{message}; likely its key cannot be used: {}", about_key(wanted));
            Failure::new(COPY_FAILED, likely)
        }
        None => Failure::new(COPY_FAILED, message),
        Some(Class::Kms) => Failure::new(Class::Kms.reason(), format!("{message}; {}", about_key(wanted))),
        Some(class) => Failure::new(class.reason(), format!("{message}; {}", class.advice())),
    }
}

fn about_key(wanted: &Destination) -> String {
    let key = match &wanted.encryption {
        Some(encryption) => format!("key {}", encryption.kms_key_id),
        None => format!("the default EBS encryption key of {}", wanted.region),
    };
    format!(
        "{key} must exist in {}, be enabled, and have this statement in its policy, as must the key of an encrypted source: {STATEMENT}",
        wanted.region
    )
}
