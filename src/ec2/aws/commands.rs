//! Systems Manager agents and commands: translation of requests and responses.

use std::collections::HashMap;

use aws_sdk_ssm::{
    operation::{
        describe_instance_information::builders::DescribeInstanceInformationInputBuilder,
        get_command_invocation::GetCommandInvocationOutput, send_command::builders::SendCommandInputBuilder,
    },
    types::{self, CommandInvocationStatus, CommandPlugin, InstanceInformationStringFilter, PingStatus},
};
use jiff::Timestamp;

use crate::model::{
    Agent, CommandId, CommandOutput, InstanceId, Invocation, InvocationStatus, Ping, SendCommand,
};

/// The largest page of both lists. Source: SSM API reference, `MaxResults`.
pub(super) const PAGE_SIZE: i32 = 50;

/// What Systems Manager keeps of an output, in characters. Source: SSM API reference, `GetCommandInvocation`.
const STDOUT_CHARACTERS: usize = 24_000;
const STDERR_CHARACTERS: usize = 8_000;

/// The code of a script that has not run. Source: SSM API reference, `GetCommandInvocation.ResponseCode`.
const NOT_RUN: i32 = -1;

pub(super) fn describe_instance_information(ids: &[InstanceId]) -> DescribeInstanceInformationInputBuilder {
    let ids = ids.iter().map(|id| id.0.clone()).collect();
    let filter = InstanceInformationStringFilter::builder().key("InstanceIds").set_values(Some(ids)).build();
    DescribeInstanceInformationInputBuilder::default()
        .filters(filter.expect("a key and values are given"))
        .max_results(PAGE_SIZE)
}

pub(super) fn send_command(request: &SendCommand) -> SendCommandInputBuilder {
    let timeout = request.execution_timeout_seconds.to_string();
    let parameters = HashMap::from([
        ("commands".to_owned(), request.commands.clone()),
        ("executionTimeout".to_owned(), vec![timeout]),
    ]);
    SendCommandInputBuilder::default()
        .instance_ids(&request.instance_id.0)
        .document_name(request.document.name())
        .comment(&request.comment)
        .set_parameters(Some(parameters))
        .set_timeout_seconds(i32::try_from(request.delivery_timeout_seconds).ok())
}

/// None where Systems Manager left out the id or the status.
pub(super) fn agent(found: types::InstanceInformation) -> Option<Agent> {
    Some(Agent { instance_id: InstanceId(found.instance_id?), ping: ping(&found.ping_status?) })
}

fn ping(status: &PingStatus) -> Ping {
    match status {
        PingStatus::Online => Ping::Online,
        PingStatus::ConnectionLost => Ping::ConnectionLost,
        PingStatus::Inactive => Ping::Inactive,
        added_since => Ping::Other(added_since.as_str().to_owned()),
    }
}

/// None where Systems Manager left out the id, the status or the time.
pub(super) fn invocation(found: types::CommandInvocation) -> Option<Invocation> {
    let status = status(&found.status?);
    let requested = found.requested_date_time?;
    let script = found.command_plugins.unwrap_or_default().into_iter().next();
    Some(Invocation {
        command_id: CommandId(found.command_id?),
        comment: found.comment.unwrap_or_default(),
        requested_at: Timestamp::from_second(requested.secs()).ok()?,
        exit_code: script.and_then(|script: CommandPlugin| exit_code(&status, script.response_code)),
        status,
        status_details: found.status_details.unwrap_or_default(),
    })
}

/// None where Systems Manager left out the status.
pub(super) fn output(found: GetCommandInvocationOutput) -> Option<CommandOutput> {
    let status = status(&found.status?);
    Some(CommandOutput {
        exit_code: exit_code(&status, found.response_code),
        status,
        stdout: start(found.standard_output_content, STDOUT_CHARACTERS),
        stderr: start(found.standard_error_content, STDERR_CHARACTERS),
    })
}

/// A code that is left out reads as 0 in the SDK, so none counts before the end.
fn exit_code(status: &InvocationStatus, code: i32) -> Option<i32> {
    Some(code).filter(|code| status.is_final() && *code != NOT_RUN)
}

fn status(status: &CommandInvocationStatus) -> InvocationStatus {
    match status {
        CommandInvocationStatus::Pending => InvocationStatus::Pending,
        CommandInvocationStatus::InProgress => InvocationStatus::InProgress,
        CommandInvocationStatus::Delayed => InvocationStatus::Delayed,
        CommandInvocationStatus::Success => InvocationStatus::Success,
        CommandInvocationStatus::Failed => InvocationStatus::Failed,
        CommandInvocationStatus::TimedOut => InvocationStatus::TimedOut,
        CommandInvocationStatus::Cancelled => InvocationStatus::Cancelled,
        CommandInvocationStatus::Cancelling => InvocationStatus::Cancelling,
        added_since => InvocationStatus::Other(added_since.as_str().to_owned()),
    }
}

fn start(text: Option<String>, characters: usize) -> String {
    let mut text = text.unwrap_or_default();
    if let Some((end, _)) = text.char_indices().nth(characters) {
        text.truncate(end);
    }
    text
}
