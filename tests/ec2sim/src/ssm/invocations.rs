//! Commands on single instances.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{commands::position, invalid, listed, page, required, seconds};
use crate::core::{
    Call, Handler, Outcome,
    error::ApiError,
    params::Params,
    records::{Command, Invocation, InvocationState},
    world::World,
};

const PLUGIN: &str = "aws:runShellScript";
/// What `ListCommandInvocations` shows of the output of a plugin, in characters.
const MAX_OUTPUT: usize = 2500;

pub fn handler(action: &str) -> Option<Handler> {
    match action {
        "GetCommandInvocation" => Some(Handler::Read(get_command_invocation)),
        "ListCommandInvocations" => Some(Handler::Read(list_command_invocations)),
        _ => None,
    }
}

fn get_command_invocation(call: &Call, world: &World) -> Outcome {
    let (id, instance) = (required(call.params, "CommandId")?, required(call.params, "InstanceId")?);
    if call
        .params
        .text("PluginName")
        .is_some_and(|name| !name.eq_ignore_ascii_case(PLUGIN) && name != "runShellScript")
    {
        return Err(ApiError::new("InvalidPluginName", "The plugin name isn't valid."));
    }
    let command = call.region(world).commands.get(id).filter(|command| command.owner == call.account());
    let invocation = command.and_then(|command| Some((command, command.invocations.get(instance)?)));
    let message = "The command ID and managed node ID you specified didn't match any invocations.";
    let (command, invocation) = invocation.ok_or_else(|| ApiError::new("InvocationDoesNotExist", message))?;
    Ok(detail(command, instance, invocation, call.now).into())
}

/// The output shows when the script is over; a cancelled one shows none.
fn output(invocation: &Invocation, state: InvocationState) -> (&str, &str) {
    match state {
        InvocationState::Pending | InvocationState::InProgress | InvocationState::Cancelled => ("", ""),
        InvocationState::Success | InvocationState::Failed | InvocationState::TimedOut => {
            (&invocation.stdout, &invocation.stderr)
        }
    }
}

/// -1 means that there is no exit code (yet).
fn response_code(invocation: &Invocation, state: InvocationState) -> i32 {
    if matches!(state, InvocationState::Success | InvocationState::Failed) {
        invocation.exit_code
    } else {
        -1
    }
}

fn end(invocation: &Invocation, state: InvocationState) -> Option<Timestamp> {
    state.is_over().then(|| invocation.cancelled_at.unwrap_or(invocation.ends_at))
}

fn detail(command: &Command, instance: &str, invocation: &Invocation, now: Timestamp) -> Value {
    let state = invocation.state(now);
    let (stdout, stderr) = output(invocation, state);
    let end = end(invocation, state);
    let iso = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
    let elapsed = end.map(|end| format!("PT{}S", end.duration_since(invocation.started_at).as_secs_f64()));
    json!({
        "CommandId": command.id,
        "InstanceId": instance,
        "Comment": command.comment,
        "DocumentName": command.document,
        "DocumentVersion": "$DEFAULT",
        "PluginName": PLUGIN,
        "ResponseCode": response_code(invocation, state),
        "ExecutionStartDateTime": if now < invocation.started_at { String::new() } else { iso(invocation.started_at) },
        "ExecutionElapsedTime": elapsed.unwrap_or_default(),
        "ExecutionEndDateTime": end.map(iso).unwrap_or_default(),
        "Status": state.name(),
        "StatusDetails": state.details(),
        "StandardOutputContent": stdout,
        "StandardOutputUrl": "",
        "StandardErrorContent": stderr,
        "StandardErrorUrl": "",
        "CloudWatchOutputConfig": {"CloudWatchLogGroupName": "", "CloudWatchOutputEnabled": false},
    })
}

fn list_command_invocations(call: &Call, world: &World) -> Outcome {
    let filters = Filters::parse(call.params)?;
    let details = call.params.is_set("Details")?;
    let page = page(call, 1..=50)?;
    let (id, only) = (call.params.text("CommandId"), call.params.text("InstanceId"));
    let commands = call.region(world).commands.values().filter(|command| command.owner == call.account());
    let all = commands
        .flat_map(|command| command.invocations.iter().map(move |(instance, it)| (command, instance, it)));
    let mut shown: Vec<_> = all
        .filter(|(command, instance, invocation)| {
            id.is_none_or(|id| command.id == id)
                && only.is_none_or(|only| *instance == only)
                && filters.fit(command, invocation.state(call.now))
        })
        .collect();
    shown.sort_by_key(|(command, instance, _)| format!("{} {instance}", position(command)));
    let (invocations, token) =
        page.cut(shown, |(command, instance, _)| format!("{} {instance}", position(command)));
    let nodes = invocations
        .into_iter()
        .map(|(command, instance, it)| brief(command, instance, it, call.now, details));
    Ok(listed("CommandInvocations", nodes, token).into())
}

fn brief(command: &Command, instance: &str, invocation: &Invocation, now: Timestamp, details: bool) -> Value {
    let state = invocation.state(now);
    let plugins: Vec<Value> = if details { vec![plugin(invocation, state)] } else { Vec::new() };
    json!({
        "CommandId": command.id,
        "InstanceId": instance,
        "InstanceName": "",
        "Comment": command.comment,
        "DocumentName": command.document,
        "DocumentVersion": "$DEFAULT",
        "RequestedDateTime": seconds(command.requested_at),
        "Status": state.name(),
        "StatusDetails": state.details(),
        "StandardOutputUrl": "",
        "StandardErrorUrl": "",
        "CommandPlugins": plugins,
        "ServiceRole": "",
    })
}

fn plugin(invocation: &Invocation, state: InvocationState) -> Value {
    let (stdout, stderr) = output(invocation, state);
    let both = if stderr.is_empty() {
        stdout.to_owned()
    } else {
        format!("{stdout}\n----------ERROR-------\n{stderr}")
    };
    json!({
        "Name": PLUGIN,
        "Status": state.name(),
        "StatusDetails": state.details(),
        "ResponseCode": response_code(invocation, state),
        "ResponseStartDateTime": seconds(invocation.started_at),
        "ResponseFinishDateTime": end(invocation, state).map(seconds),
        "Output": both.chars().take(MAX_OUTPUT).collect::<String>(),
        "StandardOutputUrl": "",
        "StandardErrorUrl": "",
        "OutputS3BucketName": "",
        "OutputS3KeyPrefix": "",
    })
}

/// The `Filters` of command lists, each with one value.
pub struct Filters(Vec<(String, String)>);

impl Filters {
    pub fn parse(params: &Params) -> Result<Self, ApiError> {
        let parse = |item: &Params| {
            let (key, value) = (required(item, "key")?, required(item, "value")?);
            match key {
                "InvokedAfter" | "InvokedBefore" if value.parse::<Timestamp>().is_err() => {
                    Err(invalid(format!("{value} is not a time of the form 2026-11-23T00:00:00Z")))
                }
                "InvokedAfter" | "InvokedBefore" | "Status" | "DocumentName" | "ExecutionStage" => {
                    Ok((key.to_owned(), value.to_owned()))
                }
                other => {
                    Err(ApiError::new("InvalidFilterKey", format!("The specified key {other} isn't valid.")))
                }
            }
        };
        params.list("Filters").into_iter().map(parse).collect::<Result<_, _>>().map(Self)
    }

    pub fn fit(&self, command: &Command, state: InvocationState) -> bool {
        let time = |text: &str| text.parse::<Timestamp>().unwrap_or(Timestamp::MIN);
        self.0.iter().all(|(key, value)| match key.as_str() {
            "InvokedAfter" => command.requested_at >= time(value),
            "InvokedBefore" => command.requested_at < time(value),
            "Status" => state.name() == value,
            "DocumentName" => command.document == *value,
            _ => state.is_over() == (value == "Complete"),
        })
    }
}
