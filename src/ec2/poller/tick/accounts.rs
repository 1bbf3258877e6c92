//! With whom images and snapshots are shared. Permissions are answered for one image a call, but EC2 lists all that is shared
//! with an account: ten thousand images that are shared with three cost three lists.

use std::collections::{BTreeSet, HashMap};

use super::{Found, Ticker};
use crate::{
    ec2::{ImageFilter, SnapshotFilter},
    model::{Accounts, Answer, Grants, Query},
};

impl Ticker {
    /// One by itself costs a call; many together one for each account, which lists what is shared with it.
    pub(super) async fn accounts(&self, group: &[Query]) -> Found {
        if let [query] = group {
            let present = match query {
                Query::LaunchAccounts(id, _) => {
                    self.ec2.describe_launch_permissions(&self.name, id).await?.accounts
                }
                Query::VolumeAccounts(id, _) => {
                    self.ec2.describe_volume_permissions(&self.name, id).await?.accounts
                }
                _ => BTreeSet::new(),
            };
            return Ok(HashMap::from([(query.clone(), shared_with(&present, query))]));
        }
        let mut shared: HashMap<String, BTreeSet<String>> = HashMap::new();
        for account in all_accounts(group) {
            let mut note = |id: String| {
                shared.entry(id).or_default().insert(account.to_owned());
            };
            if matches!(group.first(), Some(Query::LaunchAccounts(..))) {
                let filter = ImageFilter::SharedWith(account.to_owned());
                self.ec2.visit_images(&self.name, &filter, &mut |image| note(image.id.0)).await?;
            } else {
                let filter = SnapshotFilter::SharedWith(account.to_owned());
                self.ec2.visit_snapshots(&self.name, &filter, &mut |snapshot| note(snapshot.id.0)).await?;
            }
        }
        let nobody = BTreeSet::new();
        let answer = |query: &Query| {
            let id = match query {
                Query::LaunchAccounts(id, _) => &id.0,
                Query::VolumeAccounts(id, _) => &id.0,
                _ => return None,
            };
            Some((query.clone(), shared_with(shared.get(id).unwrap_or(&nobody), query)))
        };
        Ok(group.iter().filter_map(answer).collect())
    }
}

/// Where a list for each account is more than a call for each image.
pub(super) fn worthwhile(group: Vec<Query>) -> Vec<Vec<Query>> {
    if group.len() > 1 && group.len() <= all_accounts(&group).len() {
        return group.into_iter().map(|query| vec![query]).collect();
    }
    vec![group]
}

fn asked_accounts(query: &Query) -> Option<&Accounts> {
    match query {
        Query::LaunchAccounts(_, accounts) | Query::VolumeAccounts(_, accounts) => Some(accounts),
        _ => None,
    }
}

fn all_accounts(group: &[Query]) -> BTreeSet<&str> {
    group.iter().filter_map(asked_accounts).flat_map(|accounts| accounts.iter().map(String::as_str)).collect()
}

/// Of all that an image or a snapshot is shared with those that were asked for.
fn shared_with(present: &BTreeSet<String>, query: &Query) -> Answer {
    let accounts = asked_accounts(query).map(|asked| present & &**asked).unwrap_or_default();
    Answer::Grants(Box::new(Grants { accounts, ..Grants::default() }))
}
