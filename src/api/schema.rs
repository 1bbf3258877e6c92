//! Pieces of `OpenAPI` schema that the derive cannot express: bounded maps, durations, lists merged by key.

use schemars::{Schema, SchemaGenerator, json_schema};

use crate::model::ownership::MAX_USER_TAGS;

/// Such as `us-east-1`, `us-gov-west-1`, `us-isob-east-1`, `eusc-de-east-1`.
pub const REGION: &str = "^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$";

/// Source: EC2 user guide, "Resource IDs": 8 digits on old resources, 17 since.
pub const IMAGE_ID: &str = "^ami-([0-9a-f]{8}|[0-9a-f]{17})$";

/// Source: EC2 API reference, `CreateImage`, parameter Name.
pub const IMAGE_NAME: &str = r"^[A-Za-z0-9 ()\[\]./'@_-]+$";

/// An AWS account.
pub const ACCOUNT: &str = "^[0-9]{12}$";

/// Source: AWS Organizations API reference, `Organization.Arn`.
pub const ORGANIZATION: &str = "^arn:aws[a-z-]*:organizations::[0-9]{12}:organization/o-[a-z0-9]{10,32}$";

/// Source: AWS Organizations API reference, `OrganizationalUnit.Arn`.
pub const ORGANIZATIONAL_UNIT: &str =
    "^arn:aws[a-z-]*:organizations::[0-9]{12}:ou/o-[a-z0-9]{10,32}/ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}$";

/// Such as `us-east-1a`; local zones have longer names.
pub const ZONE: &str = "^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}(-[a-z]+-[0-9]{1,2})?[a-z]$";

/// Source: SSM API reference, `PutParameter`, parameter Name: a hierarchy has at most fifteen levels.
pub const PARAMETER: &str = "^((/[A-Za-z0-9_.-]+){1,15}|[A-Za-z0-9_.-]+)$";

/// What EBS takes for a key. Source: EC2 API reference, `EbsBlockDevice`, member `KmsKeyId`.
pub const KMS_KEY: &str = concat!(
    r"^(arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(key|alias)/[A-Za-z0-9/_-]+",
    r"|alias/[A-Za-z0-9/_-]+",
    r"|(mrk-)?[0-9a-f-]{32,36})$",
);

/// Base64 with blanks anywhere: what `base64` prints, in a block of YAML.
pub const BASE64: &str =
    concat!(r"^\s*(([A-Za-z0-9+/]\s*){4})*", r"(([A-Za-z0-9+/]\s*){2}=\s*=\s*|([A-Za-z0-9+/]\s*){3}=\s*)?$",);

/// Names, versions, groups and stars of dnf, yum, apt, zypper and apk; nothing that one of them takes for an option.
pub const PACKAGE: &str = r"^[A-Za-z0-9@/][A-Za-z0-9@/:._+=~<>%*-]*$";

/// Units of systemd and services of `OpenRC`. Source: systemd.unit(5).
pub const UNIT: &str = r"^[A-Za-z0-9_@.:][A-Za-z0-9_@.:\\-]*$";

/// Source: useradd(8), which takes no more everywhere.
pub const USER: &str = "^[a-z_][a-z0-9_-]{0,31}$";

/// EC2 tags. Sources: EC2 user guide, "Tag restrictions" (128 and 256 characters, `aws:` reserved, 50 per resource, of
/// which the operator needs eight).
pub fn tags(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": MAX_USER_TAGS,
        "additionalProperties": {"type": "string", "maxLength": 256},
        "x-kubernetes-validations": [
            {
                "rule": "self.all(k, size(k) > 0 && size(k) <= 128)",
                "message": "a tag key must have 1 to 128 characters",
            },
            {
                "rule": "self.all(k, !k.lowerAscii().startsWith('aws:'))",
                "message": "tag keys that begin with aws: are reserved by AWS; use another key",
            },
            {
                "rule": "self.all(k, !k.startsWith('ami-operator.dev/'))",
                "message": "tag keys that begin with ami-operator.dev/ mark ownership and are set by the operator; use another key",
            },
        ],
    })
}

/// Tags that an image had. Source: EC2 user guide, "Tag restrictions": 50 per resource.
pub fn tags_of_an_image(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 50,
        "additionalProperties": {"type": "string", "maxLength": 256},
    })
}

/// A duration as Go writes it, such as `30m` or `1h30m`.
pub fn duration(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "maxLength": 32,
        "pattern": "^([0-9]{1,6}(\\.[0-9]{1,3})?(ms|s|m|h))+$",
    })
}

/// `metav1.Condition`, merged by `type`. Bounds and patterns as in the Kubernetes API.
pub fn conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 16,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "description": "One condition, as the Kubernetes API conventions define it.",
            "type": "object",
            "required": ["lastTransitionTime", "message", "reason", "status", "type"],
            "properties": {
                "type": {"description": "Type of the condition, in CamelCase.", "type": "string", "maxLength": 316},
                "status": {"description": "Status of the condition: True, False or Unknown.", "type": "string", "enum": ["True", "False", "Unknown"]},
                "reason": {"description": "Machine-readable reason, one word in CamelCase.", "type": "string", "minLength": 1, "maxLength": 1024},
                "message": {"description": "Human-readable explanation.", "type": "string", "maxLength": 32768},
                "lastTransitionTime": {"description": "When the status last changed.", "type": "string", "format": "date-time"},
                "observedGeneration": {"description": "Generation of the spec that the condition reflects.", "type": "integer", "format": "int64", "minimum": 0},
            },
        },
    })
}
