//! With whom images and snapshots are shared. EC2 returns the permissions of one image per call, but lists all that is shared
//! with an account: ten thousand images that are shared with three cost three lists.

use std::collections::{BTreeSet, HashMap};

use super::{Found, Ticker};
use crate::{
    ec2::{ImageFilter, SnapshotFilter},
    model::{Accounts, Answer, AwsError, Grants, Query},
};

impl Ticker {
    /// One by itself costs a call; many together one for each account, which lists what is shared with it.
    pub(super) async fn accounts(&self, group: &[Query]) -> Found {
        let shared = match group {
            [Query::LaunchAccounts(id, _)] => {
                let grants = self.ec2.describe_launch_permissions(&self.name, id).await?;
                HashMap::from([(id.0.clone(), grants.accounts)])
            }
            [Query::VolumeAccounts(id, _)] => {
                let grants = self.ec2.describe_volume_permissions(&self.name, id).await?;
                HashMap::from([(id.0.clone(), grants.accounts)])
            }
            many => self.lists(many).await?,
        };
        let answer = |query: &Query| {
            let (id, asked) = asked(query)?;
            let accounts = shared.get(id).map(|present| present & &**asked).unwrap_or_default();
            Some((query.clone(), Answer::Grants(Box::new(Grants { accounts, ..Grants::default() }))))
        };
        Ok(group.iter().filter_map(answer).collect())
    }

    /// By image or snapshot, with whom of those that are asked for it is shared.
    async fn lists(&self, group: &[Query]) -> Result<HashMap<String, BTreeSet<String>>, AwsError> {
        let of_images = matches!(group.first(), Some(Query::LaunchAccounts(..)));
        let mut shared: HashMap<String, BTreeSet<String>> = HashMap::new();
        for account in all_accounts(group) {
            let account = account.to_owned();
            let mut note = |id: String| {
                shared.entry(id).or_default().insert(account.clone());
            };
            if of_images {
                let filter = ImageFilter::SharedWith(account.clone());
                self.ec2.visit_images(&self.name, &filter, &mut |image| note(image.id.0)).await?;
            } else {
                let filter = SnapshotFilter::SharedWith(account.clone());
                self.ec2.visit_snapshots(&self.name, &filter, &mut |snapshot| note(snapshot.id.0)).await?;
            }
        }
        Ok(shared)
    }
}

/// Where a list for each account is more than a call for each image.
pub(super) fn worthwhile(group: Vec<Query>) -> Vec<Vec<Query>> {
    if group.len() > 1 && group.len() <= all_accounts(&group).len() {
        return group.into_iter().map(|query| vec![query]).collect();
    }
    vec![group]
}

/// Of which image or snapshot, and about whom.
fn asked(query: &Query) -> Option<(&str, &Accounts)> {
    match query {
        Query::LaunchAccounts(id, accounts) => Some((&id.0, accounts)),
        Query::VolumeAccounts(id, accounts) => Some((&id.0, accounts)),
        Query::Instance(_)
        | Query::InstanceByToken(_)
        | Query::Image(_)
        | Query::ImagesNamed(_)
        | Query::ImagesOf(_)
        | Query::SnapshotsOf(_)
        | Query::Newest(_)
        | Query::Parameter(_)
        | Query::Console { .. }
        | Query::Agent(_)
        | Query::Commands(_)
        | Query::CommandOutput(..)
        | Query::ParameterTags(_)
        | Query::LaunchPermissions(_)
        | Query::VolumePermissions(_)
        | Query::Account
        | Query::BlockPublicAccess
        | Query::DefaultEncryption
        | Query::FastRestores(_)
        | Query::ImageReferences(_) => None,
    }
}

fn all_accounts(group: &[Query]) -> BTreeSet<&str> {
    let asked = group.iter().filter_map(asked);
    asked.flat_map(|(_, accounts)| accounts.iter().map(String::as_str)).collect()
}
