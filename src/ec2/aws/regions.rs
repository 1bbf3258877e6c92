//! Regions that are not enabled for the account, or do not exist.

use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::{sync::Mutex, time::Instant};

use super::{AwsEc2, failure::incomplete};
use crate::{
    ec2::timing::REGIONS_LAST,
    model::{Action, AwsError, Class, Region},
};

/// So many letters must agree for a name to be suggested in place of another.
const ALIKE: usize = 3;

/// So many names are suggested.
const SUGGESTED: usize = 3;

/// A region as the account has it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Listed {
    name: Region,
    enabled: bool,
}

/// All regions, or none where they are not known.
type Answer = Option<Arc<[Listed]>>;

/// What was last answered about all regions, and when; that there was no answer included.
#[derive(Default)]
pub(super) struct Listing(Mutex<Option<(Instant, Answer)>>);

impl Listing {
    /// The list; asked for again when it is old. Whoever needs it meanwhile waits for the same answer.
    async fn get(&self, ask: impl Future<Output = Result<Vec<Listed>, AwsError>>) -> Answer {
        let mut last = self.0.lock().await;
        if let Some((_, listed)) = last.as_ref().filter(|(asked_at, _)| asked_at.elapsed() < REGIONS_LAST) {
            return listed.clone();
        }
        let listed = ask.await.ok().map(Arc::from);
        *last = Some((Instant::now(), listed.clone()));
        listed
    }
}

impl AwsEc2 {
    /// AWS answers in a region that is off as to unknown keys, and a region that does not exist is a host name without an
    /// address: the home region tells these from trouble that passes.
    pub(super) async fn explained(&self, error: AwsError, unreachable: bool) -> AwsError {
        if !is_doubtful(&error, unreachable, &self.home) {
            return error;
        }
        match self.listing.get(self.all_regions()).await {
            // A list without the region that gave it is not all of it.
            Some(all) if all.iter().any(|listed| listed.name == self.home) => named(error, &all),
            Some(_) | None => error,
        }
    }

    /// `ec2:DescribeRegions` of all that there are for the account. Boxed, as its own failure is explained too.
    fn all_regions(&self) -> BoxFuture<'_, Result<Vec<Listed>, AwsError>> {
        Box::pin(async {
            let (action, clients) = (Action::DescribeRegions, self.clients(&self.home));
            let asked = clients.ec2.describe_regions().all_regions(true).send();
            let answer = self.call(action, &self.home, asked).await?.regions.unwrap_or_default();
            let listed = answer.into_iter().map(|region| {
                let enabled = region.opt_in_status.as_deref() != Some("not-opted-in");
                region.region_name.map(|name| Listed { name: Region(name), enabled })
            });
            super::all(listed.collect()).ok_or_else(|| incomplete(action, &self.home, "name of a region"))
        })
    }
}

/// Whether a region that is off, or (`unreachable`) one that does not exist, would fail so. Credentials that could not be
/// had were never sent.
fn is_doubtful(error: &AwsError, unreachable: bool, home: &Region) -> bool {
    let is_refused =
        error.class() == Class::NotAuthenticated && error.code != AwsError::CREDENTIALS_NOT_FOUND;
    let is_unreachable = unreachable && error.code == AwsError::NO_ANSWER;
    (is_refused || is_unreachable) && error.region != *home
}

/// The error under its true name, given all regions. A region that is off and cannot be reached may be on by now.
fn named(error: AwsError, all: &[Listed]) -> AwsError {
    let region = &error.region;
    let is_unreachable = error.code == AwsError::NO_ANSWER;
    let found = if is_unreachable { error.message.clone() } else { format!("AWS answered {}", error.code) };
    let (code, message) = match all.iter().find(|listed| listed.name == *region) {
        Some(listed) if listed.enabled || is_unreachable => return error,
        Some(_) => {
            let message = format!("region {region} is not enabled for the account ({found})");
            (AwsError::REGION_NOT_ENABLED, message)
        }
        None => {
            let message = format!(
                "DescribeRegions lists no {region} for this account{} ({found})",
                instead(region, all)
            );
            (AwsError::UNKNOWN_REGION, message)
        }
    };
    AwsError { code: code.to_owned(), message, ..error }
}

/// The names that begin most alike: a number or a letter is what people get wrong.
fn instead(region: &Region, all: &[Listed]) -> String {
    let alike = |name: &Region| name.0.bytes().zip(region.0.bytes()).take_while(|(a, b)| a == b).count();
    let most = all.iter().map(|listed| alike(&listed.name)).max().unwrap_or(0);
    let nearest = all.iter().filter(|listed| most >= ALIKE && alike(&listed.name) == most);
    let names: Vec<&str> = nearest.take(SUGGESTED).map(|listed| listed.name.0.as_str()).collect();
    if names.is_empty() { String::new() } else { format!(", but {}", names.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> Region {
        "us-east-1".into()
    }

    fn error_in(region: &str, code: &str, message: &str) -> AwsError {
        AwsError {
            action: Action::DescribeImages,
            region: region.into(),
            code: code.to_owned(),
            message: message.to_owned(),
            request_id: Some("8f2e".to_owned()),
        }
    }

    fn error(code: &str) -> AwsError {
        error_in("af-south-1", code, "AWS was not able to validate the provided access credentials")
    }

    fn unreachable(region: &str) -> AwsError {
        error_in(region, AwsError::NO_ANSWER, "dns error")
    }

    /// Of which only Cape Town is off.
    fn all() -> Vec<Listed> {
        let names = ["af-south-1", "eu-central-1", "eu-west-1", "eu-west-2", "us-east-1"];
        names.map(|name| Listed { name: name.into(), enabled: name != "af-south-1" }).into()
    }

    #[test]
    fn a_region_that_is_off_is_named_with_region_and_request_id() {
        let named = named(error("AuthFailure"), &all());
        assert_eq!((named.class(), named.class().reason()), (Class::RegionOff, "RegionNotEnabled"));
        let text = "DescribeImages in af-south-1 failed: RegionNotEnabled: region af-south-1 is not enabled for the \
                    account (AWS answered AuthFailure) (request id 8f2e)";
        assert_eq!(named.to_string(), text);
    }

    #[test]
    fn a_region_that_does_not_exist_is_named_with_those_that_were_meant() {
        let named = named(unreachable("eu-west-9"), &all());
        assert_eq!((named.class(), named.class().reason()), (Class::NoSuchRegion, "UnknownRegion"));
        assert_eq!(
            named.message,
            "DescribeRegions lists no eu-west-9 for this account, but eu-west-1, eu-west-2 (dns error)"
        );
    }

    #[test]
    fn nothing_is_suggested_for_a_name_that_is_like_no_other() {
        let named = named(unreachable("moon-base-1"), &all());
        assert_eq!(named.message, "DescribeRegions lists no moon-base-1 for this account (dns error)");
    }

    #[test]
    fn an_endpoint_of_all_regions_may_refuse_one_that_does_not_exist() {
        assert_eq!(named(error_in("eu-west-9", "AuthFailure", ""), &all()).class(), Class::NoSuchRegion);
    }

    #[test]
    fn a_region_that_is_on_keeps_its_error() {
        let listed = [Listed { name: "af-south-1".into(), enabled: true }];
        assert_eq!(named(error("AuthFailure"), &listed), error("AuthFailure"));
        assert_eq!(named(unreachable("eu-west-1"), &all()), unreachable("eu-west-1"));
    }

    #[test]
    fn a_region_that_is_off_and_cannot_be_reached_may_be_on_by_now() {
        assert_eq!(named(unreachable("af-south-1"), &all()), unreachable("af-south-1"));
    }

    #[test]
    fn only_an_answer_about_credentials_is_doubted() {
        assert!(is_doubtful(&error("AuthFailure"), false, &home()));
        assert!(is_doubtful(&error("UnrecognizedClientException"), false, &home()));
        assert!(!is_doubtful(&error("UnauthorizedOperation"), false, &home()));
        assert!(!is_doubtful(&error(AwsError::CREDENTIALS_NOT_FOUND), true, &home()));
    }

    #[test]
    fn a_connection_that_did_not_come_about_is_doubted_and_an_answer_that_did_not_come_is_not() {
        assert!(is_doubtful(&unreachable("eu-west-9"), true, &home()));
        assert!(!is_doubtful(&unreachable("eu-west-9"), false, &home()));
    }

    #[test]
    fn the_home_region_is_not_asked_about_itself() {
        assert!(!is_doubtful(&error("AuthFailure"), false, &"af-south-1".into()));
    }

    #[tokio::test(start_paused = true)]
    async fn regions_are_asked_for_once_a_minute_also_in_vain() {
        let listing = Listing::default();
        let asked = std::cell::Cell::new(0);
        let ask = async |listing: &Listing| {
            listing
                .get(async {
                    asked.set(asked.get() + 1);
                    Err(unreachable("us-east-1"))
                })
                .await
        };
        assert_eq!((ask(&listing).await, ask(&listing).await, asked.get()), (None, None, 1));
        tokio::time::advance(REGIONS_LAST).await;
        ask(&listing).await;
        assert_eq!(asked.get(), 2);
    }
}
