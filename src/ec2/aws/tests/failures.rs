use std::{
    iter,
    sync::{Arc, Mutex},
};

use aws_credential_types::{credential_fn::provide_credentials_fn, provider::error::CredentialsError};
use aws_sdk_ec2::config::Credentials;
use tokio::time::Instant;

use super::{
    copy, frankfurt, launch, new_image,
    wire::{Reply, Sent, Wire, done, refused},
};
use crate::{
    ec2::{
        Ec2, InstanceFilter,
        aws::{AwsEc2, CallObserver},
    },
    model::{Action, AwsError, Class, Region},
};

async fn stop_failure(reply: impl Fn() -> Reply) -> AwsError {
    let wire = Wire::replying(iter::repeat_with(reply).take(9));
    wire.ec2().terminate_instances(&frankfurt(), &"i-1".into()).await.unwrap_err()
}

#[tokio::test]
async fn a_refusal_keeps_its_code_message_and_request_id() {
    let error = stop_failure(|| refused(400, "IncorrectInstanceState", "it is pending")).await;
    let expected = AwsError {
        action: Action::TerminateInstances,
        region: frankfurt(),
        code: "IncorrectInstanceState".into(),
        message: "it is pending".into(),
        request_id: Some("r-1".into()),
    };
    assert_eq!(error, expected);
}

#[tokio::test]
async fn a_denial_loses_the_part_that_nobody_can_read() {
    let message =
        "You are not authorized to perform this operation. Encoded authorization failure message: Zk3Jt9";
    let error = stop_failure(|| refused(403, "UnauthorizedOperation", message)).await;
    assert_eq!(
        (error.class(), error.message.as_str()),
        (Class::Denied, "You are not authorized to perform this operation.")
    );
}

#[tokio::test(start_paused = true)]
async fn an_error_page_of_something_in_between_is_no_answer() {
    let error = stop_failure(|| Reply::Answer(503, "<html><body>Bad day</body></html>".into())).await;
    assert_eq!((error.class(), error.code.as_str()), (Class::Ambiguous, AwsError::NO_ANSWER));
}

#[tokio::test]
async fn an_answer_that_breaks_off_before_the_id_is_no_answer() {
    let wire = Wire::replying([Reply::Answer(200, "<CreateImageResponse><requestId>r-1</requestId>".into())]);
    assert_eq!(wire.ec2().create_image(&new_image()).await.unwrap_err().code, AwsError::NO_ANSWER);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_read_is_no_answer() {
    let error = stop_failure(|| Reply::Answer(200, "It works!".into())).await;
    assert_eq!(error.code, AwsError::NO_ANSWER);
}

#[tokio::test(start_paused = true)]
async fn a_reset_connection_is_no_answer_and_says_so() {
    let error = stop_failure(|| Reply::Reset).await;
    assert_eq!(error.code, AwsError::NO_ANSWER);
    assert!(error.message.ends_with("connection reset by peer"), "{}", error.message);
}

/// How a call fails that reaches no region, where these are all that there are, and what was asked last.
async fn unreachable(regions: &[&str]) -> (AwsError, Sent) {
    let item = |name: &&str| format!("<item><regionName>{name}</regionName></item>");
    let listed = format!("<regionInfo>{}</regionInfo>", regions.iter().map(item).collect::<String>());
    let answers = [Reply::Reset, Reply::Reset, Reply::Reset, done(Action::DescribeRegions, &listed)];
    let wire = Wire::replying(answers);
    let error = wire.ec2().terminate_instances(&frankfurt(), &"i-1".into()).await.unwrap_err();
    (error, wire.sent().pop().unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_region_that_cannot_be_reached_is_looked_for_among_all_regions() {
    let (error, asked) = unreachable(&["us-east-1", "eu-west-1"]).await;
    assert_eq!((error.class(), error.code.as_str()), (Class::NoSuchRegion, AwsError::UNKNOWN_REGION));
    assert_eq!(asked.parameters(), "Action=DescribeRegions\nAllRegions=true");
    assert!(asked.uri.contains("us-east-1"), "{}", asked.uri);
}

#[tokio::test(start_paused = true)]
async fn a_list_of_regions_that_lacks_the_one_that_gave_it_proves_nothing() {
    for listed in [&[] as &[&str], &["eu-west-1"]] {
        assert_eq!(unreachable(listed).await.0.code, AwsError::NO_ANSWER);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_is_given_up_after_ninety_seconds() {
    let started = Instant::now();
    let error = stop_failure(|| Reply::Silence).await;
    assert_eq!(error.code, AwsError::NO_ANSWER);
    assert_eq!(started.elapsed().as_secs(), 90);
}

#[tokio::test]
async fn missing_credentials_are_told_from_a_missing_answer() {
    let wire = Wire::default();
    let none = provide_credentials_fn(|| async { Err(CredentialsError::not_loaded("no profile")) });
    let ec2 = AwsEc2::with_http_client(wire.http(), none, Arc::new(()));
    let error = ec2.terminate_instances(&frankfurt(), &"i-1".into()).await.unwrap_err();
    assert_eq!(
        (error.class(), error.code.as_str()),
        (Class::NotAuthenticated, AwsError::CREDENTIALS_NOT_FOUND)
    );
    assert!(error.message.contains("no profile"), "{}", error.message);
}

#[tokio::test(start_paused = true)]
async fn credentials_that_are_slow_to_come_are_tried_again() {
    let slow = provide_credentials_fn(|| async {
        Err(CredentialsError::provider_timed_out(std::time::Duration::from_secs(5)))
    });
    let ec2 = AwsEc2::with_http_client(Wire::default().http(), slow, Arc::new(()));
    let error = ec2.terminate_instances(&frankfurt(), &"i-1".into()).await.unwrap_err();
    assert_eq!(error.class(), Class::Ambiguous);
}

#[tokio::test]
async fn a_region_that_is_no_host_name_is_never_asked() {
    let error =
        Wire::default().ec2().terminate_instances(&"eu central".into(), &"i-1".into()).await.unwrap_err();
    assert_eq!((error.class(), error.code.as_str()), (Class::Invalid, AwsError::NOT_SENT));
}

/// How many requests a failing call sends.
async fn attempts<T>(
    reply: impl Fn() -> Reply,
    call: impl AsyncFnOnce(AwsEc2) -> Result<T, AwsError>,
) -> usize {
    let wire = Wire::replying(iter::repeat_with(reply).take(9));
    assert!(call(wire.ec2()).await.is_err());
    wire.sent().len()
}

fn broken() -> Reply {
    refused(500, "InternalError", "try again")
}

#[tokio::test(start_paused = true)]
async fn missing_capacity_costs_one_launch_and_not_three() {
    let no_room = || refused(500, "InsufficientInstanceCapacity", "no room");
    assert_eq!(attempts(no_room, async |ec2| ec2.run_instances(&launch()).await).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_launch_without_an_answer_is_sent_once() {
    assert_eq!(attempts(|| Reply::Silence, async |ec2| ec2.run_instances(&launch()).await).await, 1);
}

#[tokio::test(start_paused = true)]
async fn an_image_is_asked_for_once() {
    assert_eq!(attempts(broken, async |ec2| ec2.create_image(&new_image()).await).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_copy_is_asked_for_once() {
    assert_eq!(attempts(broken, async |ec2| ec2.copy_image(&copy()).await).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_asked_for_up_to_three_times() {
    assert_eq!(
        attempts(broken, async |ec2| ec2.terminate_instances(&frankfurt(), &"i-1".into()).await).await,
        3
    );
}

#[tokio::test(start_paused = true)]
async fn a_throttled_list_is_asked_for_up_to_three_times() {
    let throttled = || refused(503, "RequestLimitExceeded", "slow down");
    let list = async |ec2: AwsEc2| {
        ec2.describe_instances(&frankfurt(), &InstanceFilter::Tokens(vec!["t".into()])).await
    };
    assert_eq!(attempts(throttled, list).await, 3);
}

/// A retry budget holds a hundred retries, and the SDK's own would be shared by all accounts of the process.
#[tokio::test(start_paused = true)]
async fn an_account_in_trouble_uses_up_no_other_accounts_retries() {
    let wires = [0; 2].map(|_| Wire::replying(iter::repeat_with(broken).take(1_000)));
    let [troubled, other] = wires.each_ref().map(Wire::ec2);
    for _ in 0..60 {
        troubled.terminate_instances(&frankfurt(), &"i-1".into()).await.unwrap_err();
    }
    other.terminate_instances(&frankfurt(), &"i-1".into()).await.unwrap_err();
    assert_eq!(wires[1].sent().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn writes_wait_for_the_limits() {
    let wire = Wire::replying(iter::repeat_with(broken).take(7));
    let (ec2, started) = (wire.ec2(), Instant::now());
    for _ in 0..7 {
        ec2.run_instances(&launch()).await.unwrap_err();
    }
    assert_eq!(started.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_launch_holds_back_the_next_one_of_the_region() {
    let throttled = || refused(503, "RequestLimitExceeded", "slow down");
    let wire = Wire::replying(iter::repeat_with(throttled).take(3));
    let (ec2, started) = (wire.ec2(), Instant::now());
    for _ in 0..3 {
        ec2.run_instances(&launch()).await.unwrap_err();
    }
    assert_eq!(started.elapsed().as_secs(), 2 + 4);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_is_given_up_after_half_a_minute_and_in_all_after_one_and_a_half() {
    let launch = async |ec2: AwsEc2| drop(ec2.run_instances(&launch()).await);
    assert_eq!(seconds_of_silence(launch).await, 30);
    let terminate = async |ec2: AwsEc2| drop(ec2.terminate_instances(&frankfurt(), &"i-1".into()).await);
    assert_eq!(seconds_of_silence(terminate).await, 90);
}

/// How long a call waits for answers that never come.
async fn seconds_of_silence(call: impl AsyncFnOnce(AwsEc2)) -> u64 {
    let wire = Wire::replying(iter::repeat_with(|| Reply::Silence).take(9));
    let started = Instant::now();
    call(wire.ec2()).await;
    started.elapsed().as_secs()
}

type Call = (Action, Region, Option<Class>, f64);

#[derive(Default)]
struct Log(Mutex<Vec<Call>>);

impl CallObserver for Log {
    fn observed(&self, action: Action, region: &Region, error: Option<Class>, seconds: f64) {
        self.0.lock().unwrap().push((action, region.clone(), error, seconds));
    }
}

#[tokio::test(start_paused = true)]
async fn every_call_is_observed_with_its_result_and_time() {
    let wire = Wire::replying([done(Action::TerminateInstances, ""), Reply::Silence]);
    let log = Arc::new(Log::default());
    let ec2 =
        AwsEc2::with_http_client(wire.http(), Credentials::new("a", "b", None, None, "test"), log.clone());
    ec2.terminate_instances(&frankfurt(), &"i-1".into()).await.unwrap();
    ec2.run_instances(&launch()).await.unwrap_err();
    let expected = [
        (Action::TerminateInstances, frankfurt(), None, 0.0),
        (Action::RunInstances, frankfurt(), Some(Class::Ambiguous), 30.0),
    ];
    let rounded = log.0.lock().unwrap().clone().into_iter().map(|(a, r, class, s)| (a, r, class, s.round()));
    assert_eq!(rounded.collect::<Vec<_>>(), expected);
}
