//! Commands on single instances.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    command_id,
    commands::position,
    documents::Document,
    fate::{self, Fate},
    invalid, listed, page, required, seconds,
};
use crate::core::{
    Call, Handler, Outcome,
    error::ApiError,
    params::Params,
    records::{Command, Invocation, InvocationState},
    world::World,
};

/// What `ListCommandInvocations` shows of the output of a plugin, in characters, and how it marks what it cut.
/// Source: amazon-ssm-agent, `TruncateOutput`.
const MAX_OUTPUT: usize = 2500;
const ERROR_TITLE: &str = "\n----------ERROR-------\n";
const OUTPUT_CUT: &str = "\n---Output truncated---";
const ERROR_CUT: &str = "\n---Error truncated----";

/// What an agent says of a script that it left running when its machine stopped.
const LOST: &str = "document process failed unexpectedly: document worker timed out, check \
    [ssm-document-worker]/[ssm-session-worker] log for crash reason";

pub fn handler(action: &str) -> Option<Handler> {
    match action {
        "GetCommandInvocation" => Some(Handler::Read(get_command_invocation)),
        "ListCommandInvocations" => Some(Handler::Read(list_command_invocations)),
        _ => None,
    }
}

/// A command on an instance, with what became of it.
struct Seen<'w> {
    command: &'w Command,
    instance: &'w str,
    invocation: &'w Invocation,
    fate: Fate,
}

/// What became of a command on an instance.
pub fn fate_of(call: &Call, world: &World, instance: &str, invocation: &Invocation) -> Fate {
    let machine = call.region(world).instances.get(instance).map(AsRef::as_ref);
    fate::fate(invocation, machine, call.profile.agent, call.now)
}

fn get_command_invocation(call: &Call, world: &World) -> Outcome {
    let (id, instance) = (command_id(call.params)?, required(call.params, "InstanceId")?);
    let command = call.region(world).commands.get(id).filter(|command| command.owner == call.account());
    let invocation =
        command.and_then(|command| Some((command, command.invocations.get_key_value(instance)?)));
    let message = "The command ID and managed node ID you specified didn't match any invocations.";
    let (command, (instance, invocation)) =
        invocation.ok_or_else(|| ApiError::new("InvocationDoesNotExist", message))?;
    let document = Document::find(&command.document);
    let is_plugin = |name: &str| {
        document.is_some_and(|it| name.eq_ignore_ascii_case(it.plugin) || name.eq_ignore_ascii_case(it.step))
    };
    if call.params.text("PluginName").is_some_and(|name| !is_plugin(name)) {
        return Err(ApiError::new("InvalidPluginName", "The plugin name isn't valid."));
    }
    let fate = fate_of(call, world, instance, invocation);
    Ok(Seen { command, instance, invocation, fate }.detail().into())
}

impl Seen<'_> {
    /// The output shows when the script is over; one that was cancelled or lost shows none.
    fn output(&self) -> (&str, &str) {
        if fate::ran_to_its_end(self.invocation, &self.fate) {
            return (&self.invocation.stdout, &self.invocation.stderr);
        }
        if self.fate.state == InvocationState::Failed { ("", LOST) } else { ("", "") }
    }

    /// -1 means that there is no exit code (yet).
    fn response_code(&self) -> i32 {
        match self.fate.state {
            _ if fate::ran_to_its_end(self.invocation, &self.fate) => self.invocation.exit_code,
            InvocationState::Failed => 1,
            InvocationState::Cancelled if self.fate.started_at.is_some() => {
                Document::find(&self.command.document).map_or(-1, |document| document.shell.killed_code())
            }
            _ => -1,
        }
    }

    fn plugin_name(&self) -> &str {
        Document::find(&self.command.document).map_or("", |document| document.plugin)
    }

    /// The answer of `GetCommandInvocation`.
    fn detail(&self) -> Value {
        let (stdout, stderr) = self.output();
        let Fate { state, started_at, ended_at } = self.fate;
        let iso = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
        let elapsed = started_at.zip(ended_at).map(|(from, to)| to.duration_since(from).to_string());
        json!({
            "CommandId": self.command.id,
            "InstanceId": self.instance,
            "Comment": self.command.comment,
            "DocumentName": self.command.document,
            "DocumentVersion": "$DEFAULT",
            "PluginName": self.plugin_name(),
            "ResponseCode": self.response_code(),
            "ExecutionStartDateTime": started_at.map(iso).unwrap_or_default(),
            "ExecutionElapsedTime": elapsed.unwrap_or_default(),
            "ExecutionEndDateTime": started_at.and(ended_at).map(iso).unwrap_or_default(),
            "Status": state.name(),
            "StatusDetails": state.details(),
            "StandardOutputContent": stdout,
            "StandardOutputUrl": "",
            "StandardErrorContent": stderr,
            "StandardErrorUrl": "",
            "CloudWatchOutputConfig": self.command.reporting["CloudWatchOutputConfig"],
        })
    }

    /// An item of `ListCommandInvocations`.
    fn brief(&self, details: bool) -> Value {
        let plugins: Vec<Value> = if details { vec![self.plugin()] } else { Vec::new() };
        json!({
            "CommandId": self.command.id,
            "InstanceId": self.instance,
            "InstanceName": "",
            "Comment": self.command.comment,
            "DocumentName": self.command.document,
            "DocumentVersion": "$DEFAULT",
            "RequestedDateTime": seconds(self.command.requested_at),
            "Status": self.fate.state.name(),
            "StatusDetails": self.fate.state.details(),
            "StandardOutputUrl": "",
            "StandardErrorUrl": "",
            "CommandPlugins": plugins,
            "ServiceRole": self.command.reporting["ServiceRole"],
            "NotificationConfig": self.command.reporting["NotificationConfig"],
            "CloudWatchOutputConfig": self.command.reporting["CloudWatchOutputConfig"],
        })
    }

    fn plugin(&self) -> Value {
        let (stdout, stderr) = self.output();
        json!({
            "Name": self.plugin_name(),
            "Status": self.fate.state.name(),
            "StatusDetails": self.fate.state.details(),
            "ResponseCode": self.response_code(),
            "ResponseStartDateTime": self.fate.started_at.map(seconds),
            "ResponseFinishDateTime": self.fate.started_at.and(self.fate.ended_at).map(seconds),
            "Output": shortened(stdout, stderr),
            "StandardOutputUrl": "",
            "StandardErrorUrl": "",
            "OutputS3BucketName": self.command.reporting["OutputS3BucketName"],
            "OutputS3KeyPrefix": self.command.reporting["OutputS3KeyPrefix"],
        })
    }
}

/// Both streams in one text that is never longer than it may be.
fn shortened(stdout: &str, stderr: &str) -> String {
    let count = |text: &str| text.chars().count();
    let first = |text: &str, most: usize| text.chars().take(most).collect::<String>();
    let title = if stderr.is_empty() { "" } else { ERROR_TITLE };
    let space = MAX_OUTPUT - count(title);
    if count(stdout) + count(stderr) < space {
        return format!("{stdout}{title}{stderr}");
    }
    match (count(stdout) > space / 2, count(stderr) > space / 2) {
        (true, true) => {
            let each = (space - count(OUTPUT_CUT) - count(ERROR_CUT)) / 2;
            format!("{}{OUTPUT_CUT}{title}{}{ERROR_CUT}", first(stdout, each), first(stderr, each))
        }
        (false, _) => {
            let left = space - count(ERROR_CUT) - count(stdout);
            format!("{stdout}{title}{}{ERROR_CUT}", first(stderr, left))
        }
        (true, false) => {
            let left = space - count(OUTPUT_CUT) - count(stderr);
            format!("{}{OUTPUT_CUT}{title}{stderr}", first(stdout, left))
        }
    }
}

fn list_command_invocations(call: &Call, world: &World) -> Outcome {
    let filters = Filters::parse(call.params)?;
    let details = call.params.is_set("Details")?;
    let page = page(call, 1..=50)?;
    let (id, only) = (call.params.text("CommandId"), call.params.text("InstanceId"));
    let commands = call.region(world).commands.values().filter(|command| command.owner == call.account());
    let all = commands.flat_map(|command| {
        command.invocations.iter().map(move |(instance, invocation)| Seen {
            command,
            instance,
            invocation,
            fate: fate_of(call, world, instance, invocation),
        })
    });
    let mut shown: Vec<_> = all
        .filter(|seen| {
            id.is_none_or(|id| seen.command.id == id)
                && only.is_none_or(|only| seen.instance == only)
                && filters.fit(seen.command, seen.fate.state)
        })
        .collect();
    let place = |seen: &Seen| format!("{} {}", position(seen.command), seen.instance);
    shown.sort_by_key(place);
    let (invocations, token) = page.cut(shown, place);
    Ok(listed("CommandInvocations", invocations.iter().map(|seen| seen.brief(details)), token).into())
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
            "Status" => state.name() == value || state.details() == value,
            "DocumentName" => command.document == *value,
            _ => state.is_over() == (value == "Complete"),
        })
    }
}
