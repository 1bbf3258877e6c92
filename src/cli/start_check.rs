//! Checks of the AWS credentials and regions at startup, so that errors are found before the first build. Nothing depends on
//! the answers: failures are reported and checked again while the operator runs.

use std::{sync::Arc, time::Duration};

use crate::{
    ec2::{CallerIdentity, Ec2},
    model::{AwsError, Region},
    ops::http::Readiness,
    status::conditions::explain,
};

/// Delay before a failed check is repeated.
const RETRY: Duration = Duration::from_mins(1);

/// What AWS answered.
struct Answers {
    identity: Result<CallerIdentity, AwsError>,
    regions: Result<Vec<Region>, AwsError>,
}

/// Checks until everything succeeds; the log and /readyz report what does not.
pub(super) async fn run(ec2: Arc<dyn Ec2>, home: Region, ready: Readiness) {
    loop {
        let answers = Answers {
            identity: ec2.get_caller_identity(&home).await,
            regions: ec2.describe_regions(&home).await,
        };
        let troubles = troubles(&answers, &home);
        ready.explain(&troubles);
        if troubles.is_empty() {
            return introduce(&answers);
        }
        for trouble in troubles {
            tracing::warn!(trouble, "AWS is not usable yet");
        }
        tokio::time::sleep(RETRY).await;
    }
}

fn introduce(answers: &Answers) {
    if let Ok(identity) = &answers.identity {
        let regions = answers.regions.as_ref().map_or(0, Vec::len);
        tracing::info!(
            account = identity.account,
            identity = who(&identity.arn),
            regions,
            "AWS accepted the operator's credentials"
        );
    }
}

/// Problems to report, one sentence each.
fn troubles(answers: &Answers, home: &Region) -> Vec<String> {
    let identity = answers
        .identity
        .as_ref()
        .err()
        .map(|e| format!("AWS did not accept the operator's credentials: {}", explain(e)));
    let regions = match &answers.regions {
        Ok(enabled) if enabled.contains(home) => None,
        Ok(_) => Some(format!("AWS_REGION is {home}, which is not enabled for the account")),
        Err(error) => Some(format!("the account's regions could not be listed: {}", explain(error))),
    };
    identity.into_iter().chain(regions).collect()
}

/// `role NAME` of a session, `user NAME`, or the whole ARN of anything else.
fn who(arn: &str) -> String {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    match resource.split('/').collect::<Vec<_>>()[..] {
        ["assumed-role", role, _] => format!("role {role}"),
        ["user", .., name] => format!("user {name}"),
        _ => arn.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Action;

    const ROLE: &str = "arn:aws:sts::123456789012:assumed-role/ami-operator/1700000000";

    fn home() -> Region {
        "eu-west-1".into()
    }

    fn well() -> Answers {
        let identity = CallerIdentity { account: "123456789012".to_owned(), arn: ROLE.to_owned() };
        Answers { identity: Ok(identity), regions: Ok(vec![home()]) }
    }

    fn refused(action: Action, code: &str) -> AwsError {
        let (code, message) = (code.to_owned(), "no".to_owned());
        AwsError { action, region: home(), code, message, request_id: Some("8f2e".to_owned()) }
    }

    #[test]
    fn nothing_is_to_be_told_where_all_is_well() {
        assert_eq!(troubles(&well(), &home()), Vec::<String>::new());
    }

    #[test]
    fn unknown_credentials_are_told_with_what_to_do() {
        let identity = Err(refused(Action::GetCallerIdentity, "InvalidClientTokenId"));
        let told = troubles(&Answers { identity, ..well() }, &home());
        let text = "AWS did not accept the operator's credentials: GetCallerIdentity in eu-west-1 failed: InvalidClientTokenId: no (request id 8f2e); \
                    check the operator's credentials";
        assert_eq!(told, [text]);
    }

    #[test]
    fn a_missing_permission_to_see_the_regions_is_told() {
        let regions = Err(refused(Action::DescribeRegions, "UnauthorizedOperation"));
        let told = troubles(&Answers { regions, ..well() }, &home());
        assert!(
            told[0].starts_with("the account's regions could not be listed: DescribeRegions"),
            "{told:?}"
        );
        assert!(told[0].ends_with("(deploy/iam has the policy)"), "{told:?}");
    }

    #[test]
    fn a_home_region_that_is_off_is_told() {
        let told = troubles(&Answers { regions: Ok(vec!["us-east-1".into()]), ..well() }, &home());
        assert_eq!(told, ["AWS_REGION is eu-west-1, which is not enabled for the account"]);
    }

    #[test]
    fn the_role_behind_a_session_is_named() {
        assert_eq!(who(ROLE), "role ami-operator");
        assert_eq!(who("arn:aws:iam::123456789012:user/team/build"), "user build");
        assert_eq!(who("arn:aws:iam::123456789012:root"), "arn:aws:iam::123456789012:root");
    }
}
