//! Systems Manager's agents and commands, whose protocol is JSON.

use std::iter;

use serde_json::{Value, json};

use super::{
    frankfurt, strings,
    wire::{Reply, Wire},
};
use crate::{
    ec2::{Ec2, aws::AwsEc2},
    model::{
        Action, Agent, AwsError, Class, CommandId, CommandOutput, Document, InstanceId, Invocation,
        InvocationStatus, Ping, SendCommand,
    },
};

const COMMAND: &str = "11111111-2222-3333-4444-555555555555";

fn command() -> CommandId {
    COMMAND.into()
}

fn builder() -> InstanceId {
    "i-1".into()
}

fn step() -> SendCommand {
    SendCommand {
        region: frankfurt(),
        instance_id: builder(),
        document: Document::Shell,
        comment: "build u-1 attempt 1 step 2".into(),
        commands: strings(["set -eu", "echo 'ä'"]),
        execution_timeout_seconds: 900,
        delivery_timeout_seconds: 120,
    }
}

fn answer(content: &Value) -> Reply {
    Reply::Answer(200, content.to_string())
}

fn refusal(status: u16, code: &str, message: &str) -> Reply {
    Reply::Answer(status, json!({"__type": code, "Message": message}).to_string())
}

/// The request that the port makes of a call, whatever becomes of the answer.
async fn sent<T>(call: impl AsyncFnOnce(AwsEc2) -> T) -> Value {
    let wire = Wire::replying([answer(&json!({}))]);
    call(wire.ec2()).await;
    serde_json::from_str(&wire.request().body).unwrap()
}

#[tokio::test]
async fn a_command_is_sent_with_its_comment_and_both_timeouts() {
    let expected = json!({
        "InstanceIds": ["i-1"],
        "DocumentName": "AWS-RunShellScript",
        "Comment": "build u-1 attempt 1 step 2",
        "TimeoutSeconds": 120,
        "Parameters": {"commands": ["set -eu", "echo 'ä'"], "executionTimeout": ["900"]},
    });
    assert_eq!(sent(async |ec2| ec2.send_command(&step()).await).await, expected);
}

#[tokio::test]
async fn a_script_for_windows_goes_by_the_document_of_powershell() {
    let request = SendCommand { document: Document::PowerShell, ..step() };
    let request = sent(async |ec2| ec2.send_command(&request).await).await;
    assert_eq!(request["DocumentName"], "AWS-RunPowerShellScript");
}

#[tokio::test]
async fn a_command_is_cancelled_on_its_machine_only() {
    let request = sent(async |ec2| ec2.cancel_command(&frankfurt(), &command(), &builder()).await).await;
    assert_eq!(request, json!({"CommandId": COMMAND, "InstanceIds": ["i-1"]}));
}

#[tokio::test]
async fn agents_are_asked_for_by_a_filter_of_ids() {
    let ids = ["i-1".into(), "i-2".into()];
    let request = sent(async |ec2| ec2.describe_instance_information(&frankfurt(), &ids).await).await;
    let filters = json!([{"Key": "InstanceIds", "Values": ["i-1", "i-2"]}]);
    assert_eq!(request, json!({"Filters": filters, "MaxResults": 50}));
}

#[tokio::test]
async fn commands_are_listed_with_the_details_that_hold_the_exit_code() {
    let request = sent(async |ec2| ec2.list_command_invocations(&frankfurt(), &builder()).await).await;
    assert_eq!(request, json!({"InstanceId": "i-1", "Details": true, "MaxResults": 50}));
}

#[tokio::test]
async fn an_output_is_asked_for_by_command_and_machine() {
    let call = async |ec2: AwsEc2| ec2.get_command_invocation(&frankfurt(), &command(), &builder()).await;
    assert_eq!(sent(call).await, json!({"CommandId": COMMAND, "InstanceId": "i-1"}));
}

#[tokio::test]
async fn a_command_that_was_sent_answers_its_id() {
    let wire = Wire::replying([answer(&json!({"Command": {"CommandId": COMMAND, "Status": "Pending"}}))]);
    assert_eq!(wire.ec2().send_command(&step()).await.unwrap(), command());
}

#[tokio::test]
async fn a_command_that_answers_no_id_counts_as_unanswered() {
    let wire = Wire::replying([answer(&json!({"Command": {}}))]);
    assert_eq!(wire.ec2().send_command(&step()).await.unwrap_err().code, AwsError::NO_ANSWER);
}

async fn agents(list: &Value) -> Result<Vec<Agent>, AwsError> {
    let wire = Wire::replying([answer(&json!({"InstanceInformationList": list}))]);
    wire.ec2().describe_instance_information(&frankfurt(), &[builder()]).await
}

#[tokio::test]
async fn an_agent_is_read_with_its_ping() {
    let found = json!([{
        "InstanceId": "i-1",
        "PingStatus": "Online",
        "LastPingDateTime": 1_795_000_000.5,
        "AgentVersion": "3.3.2299.0",
        "PlatformType": "Windows",
        "PlatformName": "Microsoft Windows Server 2022 Datacenter",
        "ResourceType": "EC2Instance",
    }]);
    let expected = Agent { instance_id: builder(), ping: Ping::Online };
    assert_eq!(agents(&found).await.unwrap(), [expected]);
}

#[tokio::test]
async fn a_status_of_an_agent_that_was_added_since_is_kept_by_its_name() {
    let found = json!([{"InstanceId": "i-1", "PingStatus": "Dozing"}]);
    assert_eq!(agents(&found).await.unwrap().remove(0).ping, Ping::Other("Dozing".into()));
}

#[tokio::test]
async fn an_agent_without_a_status_spoils_the_list_instead_of_missing_in_it() {
    assert_eq!(agents(&json!([{"InstanceId": "i-1"}])).await.unwrap_err().code, AwsError::NO_ANSWER);
}

fn listed(status: &str, details: &str, response_code: i32) -> Value {
    json!({
        "CommandId": COMMAND,
        "InstanceId": "i-1",
        "Comment": "step 2",
        "RequestedDateTime": 1_795_000_000.25,
        "Status": status,
        "StatusDetails": details,
        "CommandPlugins": [{"Name": "aws:runShellScript", "ResponseCode": response_code, "Output": "hello"}],
    })
}

fn seen(status: InvocationStatus, details: &str, exit_code: Option<i32>) -> Invocation {
    Invocation {
        command_id: command(),
        comment: "step 2".into(),
        requested_at: "2026-11-18T11:06:40Z".parse().unwrap(),
        status,
        status_details: details.into(),
        exit_code,
    }
}

async fn commands_on(pages: impl IntoIterator<Item = Value>) -> Vec<Invocation> {
    let wire = Wire::replying(pages.into_iter().map(|page| answer(&page)));
    wire.ec2().list_command_invocations(&frankfurt(), &builder()).await.unwrap()
}

#[tokio::test]
async fn a_command_that_failed_is_read_with_its_exit_code() {
    let found = commands_on([json!({"CommandInvocations": [listed("Failed", "Failed", 7)]})]).await;
    assert_eq!(found, [seen(InvocationStatus::Failed, "Failed", Some(7))]);
}

/// Until the end the code is -1, or left out, which the SDK reads as 0: the code of success.
#[tokio::test]
async fn a_command_that_runs_has_no_exit_code() {
    let found = commands_on([json!({"CommandInvocations": [listed("InProgress", "InProgress", 0)]})]).await;
    assert_eq!(found, [seen(InvocationStatus::InProgress, "InProgress", None)]);
}

#[tokio::test]
async fn a_command_that_never_ran_has_no_exit_code() {
    let page = json!({"CommandInvocations": [listed("TimedOut", "DeliveryTimedOut", -1)]});
    assert_eq!(commands_on([page]).await, [seen(InvocationStatus::TimedOut, "DeliveryTimedOut", None)]);
}

#[tokio::test]
async fn commands_are_read_from_all_pages() {
    let one = listed("Success", "Success", 0);
    let found = commands_on([
        json!({"CommandInvocations": [one], "NextToken": "page-2"}),
        json!({"CommandInvocations": [one], "NextToken": ""}),
    ])
    .await;
    assert_eq!(found.len(), 2);
}

async fn output(found: Value) -> CommandOutput {
    let wire = Wire::replying([answer(&found)]);
    wire.ec2().get_command_invocation(&frankfurt(), &command(), &builder()).await.unwrap()
}

#[tokio::test]
async fn an_output_is_read_with_the_exit_code() {
    let found = json!({
        "CommandId": COMMAND,
        "InstanceId": "i-1",
        "Status": "Failed",
        "ResponseCode": 7,
        "StandardOutputContent": "hello\n",
        "StandardErrorContent": "failed to run commands: exit status 7",
    });
    let expected = CommandOutput {
        status: InvocationStatus::Failed,
        exit_code: Some(7),
        stdout: "hello\n".into(),
        stderr: "failed to run commands: exit status 7".into(),
    };
    assert_eq!(output(found).await, expected);
}

#[tokio::test]
async fn an_output_is_never_longer_than_systems_manager_says() {
    let long = "ä".repeat(30_000);
    let found = json!({"Status": "Success", "StandardOutputContent": long, "StandardErrorContent": long});
    let output = output(found).await;
    assert_eq!((output.stdout, output.stderr), ("ä".repeat(24_000), "ä".repeat(8_000)));
}

/// The failure of a command that is refused, and how often it was sent.
async fn refused(reply: impl Fn() -> Reply) -> (AwsError, usize) {
    let wire = Wire::replying(iter::repeat_with(reply).take(3));
    let error = wire.ec2().send_command(&step()).await.unwrap_err();
    (error, wire.sent().len())
}

#[tokio::test]
async fn a_refusal_in_json_keeps_its_code_message_and_request_id() {
    let message = "Instances [[i-1]] not in a valid state for account 123456789012";
    let (error, _) = refused(|| refusal(400, "InvalidInstanceId", message)).await;
    let expected = AwsError {
        action: Action::SendCommand,
        region: frankfurt(),
        code: "InvalidInstanceId".into(),
        message: message.into(),
        request_id: Some("r-1".into()),
    };
    assert_eq!((&error, error.class()), (&expected, Class::NotReadyYet));
}

#[tokio::test(start_paused = true)]
async fn a_command_without_an_answer_is_sent_once() {
    let (error, sent) = refused(|| Reply::Silence).await;
    assert_eq!((error.class(), sent), (Class::Ambiguous, 1));
}

#[tokio::test(start_paused = true)]
async fn a_command_that_met_a_failure_of_aws_is_sent_once() {
    let (error, sent) = refused(|| refusal(500, "InternalServerError", "try again")).await;
    assert_eq!((error.class(), sent), (Class::Ambiguous, 1));
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_is_asked_for_up_to_three_times() {
    let wire = Wire::replying(iter::repeat_with(|| refusal(500, "InternalServerError", "try again")).take(3));
    wire.ec2().cancel_command(&frankfurt(), &command(), &builder()).await.unwrap_err();
    assert_eq!(wire.sent().len(), 3);
}

#[tokio::test]
async fn a_command_that_is_not_shown_yet_is_not_found() {
    let wire = Wire::replying([refusal(400, "InvocationDoesNotExist", "")]);
    let error = wire.ec2().get_command_invocation(&frankfurt(), &command(), &builder()).await.unwrap_err();
    assert_eq!(error.class(), Class::NotFound);
}
