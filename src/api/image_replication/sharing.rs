//! Who may use the copies.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{api::schema, model::Grants};

/// Who may launch the image, in the source's region and in every destination. Differences are computed from what is
/// there. An image that is encrypted must be so by a key of your own whose policy lets these accounts use it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.snapshots != 'Shared' || (has(self.accountIDs) && size(self.accountIDs) > 0)")
    .field_path(".snapshots").message("AWS shares snapshots with accounts only: list them in accountIDs, or leave snapshots out"))]
pub struct Sharing {
    /// Accounts by their twelve digits.
    #[serde(rename = "accountIDs", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000), extend("x-kubernetes-list-type" = "set"), inner(length(max = 12), regex(pattern = schema::ACCOUNT)))]
    pub account_ids: Vec<String>,
    /// Whole organizations, by ARN.
    #[serde(rename = "organizationARNs", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-kubernetes-list-type" = "set"), inner(length(max = 256), regex(pattern = schema::ORGANIZATION)))]
    pub organization_arns: Vec<String>,
    /// Organizational units with all below them, by ARN.
    #[serde(rename = "organizationalUnitARNs", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-kubernetes-list-type" = "set"), inner(length(max = 256), regex(pattern = schema::ORGANIZATIONAL_UNIT)))]
    pub organizational_unit_arns: Vec<String>,
    /// Everybody. Where the account blocks public access to images, that stays as it is, and `Shared` says so. AWS
    /// deprecates a public image two years after its creation at the latest.
    #[serde(default)]
    pub public: bool,
    /// Whether these accounts may use the snapshots too. `Private`: they can launch the image. `Shared`: they can also copy it
    /// and make volumes of it. AWS shares snapshots with accounts only.
    #[serde(default)]
    pub snapshots: SnapshotSharing,
    /// What happens to grants that are not listed here and that the operator did not make. `Keep`: they stay. `Revoke`: they
    /// are taken back.
    #[serde(default)]
    pub unmanaged_grants: UnmanagedGrants,
    /// Whether the source image is shared too, in its own region, where this account owns it. An image that no `ImageBuild`
    /// made takes permissions beyond those of `deploy/iam`; one that is encrypted with `alias/aws/ebs` can be shared with
    /// nobody.
    #[serde(default = "crate::api::yes")]
    #[schemars(extend("default" = true))]
    pub include_source_region: bool,
}

/// Whether snapshots are shared along with the image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SnapshotSharing {
    /// Receivers can launch the image.
    #[default]
    Private,
    /// Receivers can also copy it and make volumes.
    Shared,
}

/// What happens to what others granted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum UnmanagedGrants {
    /// It stays.
    #[default]
    Keep,
    /// It is taken back.
    Revoke,
}

/// Grants as they are written down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct GrantsStatus {
    /// Accounts.
    #[serde(rename = "accountIDs", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10000), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 12)))]
    pub account_ids: Vec<String>,
    /// Whole organizations.
    #[serde(rename = "organizationARNs", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 256)))]
    pub organization_arns: Vec<String>,
    /// Organizational units.
    #[serde(rename = "organizationalUnitARNs", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 256)))]
    pub organizational_unit_arns: Vec<String>,
    /// Everybody.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub public: bool,
    /// The accounts were let use snapshots too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub snapshots: bool,
}

impl Sharing {
    /// As AWS knows them.
    pub fn grants(&self) -> Grants {
        grants(&self.account_ids, &self.organization_arns, &self.organizational_unit_arns, self.public)
    }
}

impl GrantsStatus {
    /// As AWS knows them.
    pub fn grants(&self) -> Grants {
        grants(&self.account_ids, &self.organization_arns, &self.organizational_unit_arns, self.public)
    }

    /// These grants, to be written down.
    pub fn of(grants: &Grants, snapshots: bool) -> Self {
        Self {
            account_ids: grants.accounts.iter().cloned().collect(),
            organization_arns: grants.organizations.iter().cloned().collect(),
            organizational_unit_arns: grants.organizational_units.iter().cloned().collect(),
            public: grants.public,
            snapshots,
        }
    }
}

fn grants(accounts: &[String], organizations: &[String], units: &[String], public: bool) -> Grants {
    Grants {
        accounts: accounts.iter().cloned().collect(),
        organizations: organizations.iter().cloned().collect(),
        organizational_units: units.iter().cloned().collect(),
        public,
    }
}
