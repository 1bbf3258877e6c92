//! Who may launch an image, besides its owner.

use std::{collections::BTreeSet, fmt};

/// Launch permissions of an image. Source: EC2 API reference, `LaunchPermission`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Account IDs of twelve digits.
    pub accounts: BTreeSet<String>,
    pub organizations: BTreeSet<String>,
    pub organizational_units: BTreeSet<String>,
    /// Whether everyone may launch the image.
    pub public: bool,
}

impl Grants {
    /// Whether nobody is granted anything.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The grants that `other` lacks.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        Self {
            accounts: &self.accounts - &other.accounts,
            organizations: &self.organizations - &other.organizations,
            organizational_units: &self.organizational_units - &other.organizational_units,
            public: self.public && !other.public,
        }
    }

    /// The grants that both have.
    #[must_use]
    pub fn common_with(&self, other: &Self) -> Self {
        Self {
            accounts: &self.accounts & &other.accounts,
            organizations: &self.organizations & &other.organizations,
            organizational_units: &self.organizational_units & &other.organizational_units,
            public: self.public && other.public,
        }
    }

    /// The grants that either has.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        Self {
            accounts: &self.accounts | &other.accounts,
            organizations: &self.organizations | &other.organizations,
            organizational_units: &self.organizational_units | &other.organizational_units,
            public: self.public || other.public,
        }
    }
}

/// One change of who may make volumes of a snapshot, besides its owner: AWS takes one direction a call, and 500 accounts.
/// Source: EC2 API reference, `ModifySnapshotAttribute`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VolumeGrants {
    Add(Vec<String>),
    Remove(Vec<String>),
    /// Whatever accounts have stays.
    RemoveEverybody,
}

impl fmt::Display for Grants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = |count: usize, one: &str| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            many => Some(format!("{many} {one}s")),
        };
        let parts = [
            self.public.then(|| "everybody".to_owned()),
            counted(self.accounts.len(), "account"),
            counted(self.organizations.len(), "organization"),
            counted(self.organizational_units.len(), "organizational unit"),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        f.write_str(&if parts.is_empty() { "nobody".to_owned() } else { parts.join(", ") })
    }
}
