//! Who may use the copies.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{api::schema, model::Grants};

/// Who may launch the image, in the source's region and in every destination. An encrypted image can be shared only if it
/// uses a customer managed key whose policy allows these accounts to use it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.snapshots != 'Shared' || (has(self.accountIDs) && size(self.accountIDs) > 0)")
    .field_path(".snapshots").message("AWS shares snapshots only with accounts: list them in accountIDs, or remove snapshots"))]
pub struct Sharing {
    /// AWS accounts, by their twelve-digit IDs.
    #[serde(rename = "accountIDs", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000), extend("x-kubernetes-list-type" = "set"), inner(length(max = 12), regex(pattern = schema::ACCOUNT)))]
    pub account_ids: Vec<String>,
    /// Whole organizations, by ARN.
    #[serde(rename = "organizationARNs", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-kubernetes-list-type" = "set"), inner(length(max = 256), regex(pattern = schema::ORGANIZATION)))]
    pub organization_arns: Vec<String>,
    /// Organizational units, including everything below them, by ARN.
    #[serde(rename = "organizationalUnitARNs", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-kubernetes-list-type" = "set"), inner(length(max = 256), regex(pattern = schema::ORGANIZATIONAL_UNIT)))]
    pub organizational_unit_arns: Vec<String>,
    /// Whether everyone may launch the image. If the account blocks public access to images, the block is respected, and the
    /// condition `Shared` reports it. AWS deprecates a public image at most two years after its creation.
    #[serde(default)]
    pub public: bool,
    /// Whether the accounts may also use the snapshots. `Private`: they can only launch the image. `Shared`: they can also
    /// copy it and create volumes from its snapshots. AWS shares snapshots only with accounts.
    #[serde(default)]
    pub snapshots: SnapshotSharing,
    /// What happens to grants that are not listed here and that the operator did not make. `Keep`: they stay. `Revoke`: they
    /// are revoked.
    #[serde(default)]
    pub unmanaged_grants: UnmanagedGrants,
    /// Whether the source image is also shared in its own region, if this account owns it. For an image that no ImageBuild
    /// created, this needs permissions beyond those in `deploy/iam`. An image that is encrypted with `alias/aws/ebs` cannot
    /// be shared.
    #[serde(default = "crate::api::yes")]
    #[schemars(extend("default" = true))]
    pub include_source_region: bool,
}

/// Whether snapshots are shared along with the image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SnapshotSharing {
    /// Receivers can only launch the image.
    #[default]
    Private,
    /// Receivers can also copy it and create volumes from its snapshots.
    Shared,
}

/// What happens to grants that others made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum UnmanagedGrants {
    /// They stay.
    #[default]
    Keep,
    /// They are revoked.
    Revoke,
}

/// Grants, as recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct GrantsStatus {
    /// AWS accounts, by ID.
    #[serde(rename = "accountIDs", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10000), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 12)))]
    pub account_ids: Vec<String>,
    /// Whole organizations, by ARN.
    #[serde(rename = "organizationARNs", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 256)))]
    pub organization_arns: Vec<String>,
    /// Organizational units, by ARN.
    #[serde(rename = "organizationalUnitARNs", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 256)))]
    pub organizational_unit_arns: Vec<String>,
    /// Whether everyone may launch the images.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub public: bool,
    /// The accounts may also use the snapshots.
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

    /// These grants, in the form in which they are recorded.
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
