//! Sending, listing and cancelling commands.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{invalid, invocations::Filters, listed, managed, page, required, seconds};
use crate::{
    core::{
        Call, Handler, Outcome,
        clock::after,
        error::ApiError,
        params::Params,
        records::{Command, Instance, Invocation, InvocationState},
        world::World,
    },
    guest,
};

/// `SendCommand`: the delivery timeout without `TimeoutSeconds`, its bounds, and instances in one call.
const DEFAULT_TIMEOUT: i64 = 3600;
const TIMEOUTS: std::ops::RangeInclusive<i64> = 30..=2_592_000;
const MAX_INSTANCES: usize = 50;
/// Default of the document's parameter `executionTimeout`.
const EXECUTION_SECONDS: u64 = 3600;
/// What `GetCommandInvocation` shows of the output streams, in characters.
const MAX_STDOUT: usize = 24_000;

pub const DOCUMENT: &str = "AWS-RunShellScript";

pub fn handler(action: &str) -> Option<Handler> {
    match action {
        "SendCommand" => Some(Handler::Write(send_command)),
        "CancelCommand" => Some(Handler::Write(cancel_command)),
        "ListCommands" => Some(Handler::Read(list_commands)),
        _ => None,
    }
}

fn send_command(call: &Call, world: &mut World) -> Outcome {
    check_document(call)?;
    let parameters = parameters(call)?;
    let timeout_seconds = timeout(call)?;
    let instances = targets(call, world)?;
    let invocation = invocation(call.now, &parameters)?;
    let id = uuid(world);
    let command = Command {
        id: id.clone(),
        owner: call.account().to_owned(),
        document: DOCUMENT.to_owned(),
        comment: call.params.text("Comment").unwrap_or_default().to_owned(),
        parameters,
        timeout_seconds,
        requested_at: call.now,
        invocations: instances.into_iter().map(|id| (id, invocation.clone())).collect(),
    };
    let mut shown = node(&command, call.now);
    // The answer shows the request as received, before any agent saw it.
    shown["Status"] = "Pending".into();
    shown["StatusDetails"] = "Pending".into();
    shown["CompletedCount"] = 0.into();
    shown["ErrorCount"] = 0.into();
    call.region_mut(world).commands.insert(id, Arc::new(command));
    Ok(json!({ "Command": shown }).into())
}

fn uuid(world: &mut World) -> String {
    let (high, low) = (world.draw(), world.draw());
    let digits = format!("{high:016x}{low:016x}");
    format!("{}-{}-4{}-8{}-{}", &digits[..8], &digits[8..12], &digits[13..16], &digits[17..20], &digits[20..])
}

fn check_document(call: &Call) -> Result<(), ApiError> {
    let asked = required(call.params, "DocumentName")?;
    match asked.rsplit('/').next().unwrap_or(asked) {
        DOCUMENT => Ok(()),
        "AWS-RunPowerShellScript" => {
            let message = "The document isn't supported on the platform type of the managed nodes.";
            Err(ApiError::new("UnsupportedPlatformType", message))
        }
        _ => Err(ApiError::new("InvalidDocument", format!("Document with name {asked} does not exist."))),
    }
}

/// The parameters of the document that it knows, `commands` at least.
fn parameters(call: &Call) -> Result<BTreeMap<String, Vec<String>>, ApiError> {
    let refused = |message: String| ApiError::new("InvalidParameters", message);
    let given = call.params.get("Parameters").map(|parameters| {
        let values = |(name, values): (&str, &Params)| {
            let texts = values.members().map(|(_, value)| value.value().unwrap_or_default().to_owned());
            (name.to_owned(), in_order(values, texts.count()))
        };
        parameters.members().map(values).collect::<BTreeMap<_, _>>()
    });
    let given = given.unwrap_or_default();
    if let Some(unknown) = given
        .keys()
        .find(|name| !matches!(name.as_str(), "commands" | "workingDirectory" | "executionTimeout"))
    {
        return Err(refused(format!("Parameter \"{unknown}\" is not defined in the document.")));
    }
    if given.get("commands").is_none_or(Vec::is_empty) {
        return Err(refused("Parameter \"commands\" requires a value.".to_owned()));
    }
    Ok(given)
}

/// The items of a JSON array, the empty ones too: a script may have empty lines.
fn in_order(values: &Params, count: usize) -> Vec<String> {
    let item = |at: usize| values.text(&at.to_string()).unwrap_or_default().to_owned();
    values.value().map_or_else(|| (1..=count).map(item).collect(), |single| vec![single.to_owned()])
}

fn timeout(call: &Call) -> Result<i64, ApiError> {
    let seconds = call.params.int("TimeoutSeconds").map_err(|error| invalid(error.message))?;
    let seconds = seconds.unwrap_or(DEFAULT_TIMEOUT);
    if TIMEOUTS.contains(&seconds) {
        return Ok(seconds);
    }
    Err(invalid(format!(
        "Value '{seconds}' at 'timeoutSeconds' failed to satisfy constraint: between 30 and 2592000"
    )))
}

fn targets(call: &Call, world: &World) -> Result<Vec<String>, ApiError> {
    let asked = call.params.texts("InstanceIds");
    let criteria = call.params.list("Targets");
    let managed: Vec<&Arc<Instance>> = managed::all(call, call.region(world)).collect();
    if asked.is_empty() && criteria.is_empty() {
        return Err(ApiError::new("InvalidInstanceId", "InstanceIds or Targets are needed."));
    }
    if asked.len() > MAX_INSTANCES {
        return Err(invalid(
            "Value at 'instanceIds' failed to satisfy constraint: Member must have length less than or equal to 50",
        ));
    }
    if asked.iter().collect::<BTreeSet<_>>().len() < asked.len() {
        return Err(ApiError::new(
            "DuplicateInstanceId",
            "You can't specify a managed node ID in more than one target.",
        ));
    }
    let unknown: Vec<&str> =
        asked.iter().copied().filter(|id| !managed.iter().any(|it| it.id == *id)).collect();
    if !unknown.is_empty() {
        let message = format!(
            "Instances [[{}]] not in a valid state for account {}",
            unknown.join(", "),
            call.account()
        );
        return Err(ApiError::new("InvalidInstanceId", message));
    }
    let is_target = |instance: &&Arc<Instance>| {
        asked.contains(&instance.id.as_str())
            || (!criteria.is_empty() && criteria.iter().all(|it| fits(it, instance)))
    };
    Ok(managed.into_iter().filter(is_target).map(|instance| instance.id.clone()).collect())
}

fn fits(target: &Params, instance: &Instance) -> bool {
    let values = target.texts("Values");
    match target.text("Key") {
        Some("InstanceIds") => values.contains(&instance.id.as_str()),
        Some("tag-key") => instance.tags.keys().any(|key| values.contains(&key.as_str())),
        Some(key) => key
            .strip_prefix("tag:")
            .and_then(|key| instance.tags.get(key))
            .is_some_and(|value| values.contains(&value.as_str())),
        None => false,
    }
}

/// What the script does on any instance.
fn invocation(now: Timestamp, parameters: &BTreeMap<String, Vec<String>>) -> Result<Invocation, ApiError> {
    let limit = match parameters.get("executionTimeout").and_then(|values| values.first()) {
        Some(text) => {
            text.parse().map_err(|_| ApiError::new("InvalidParameters", "executionTimeout is no number"))?
        }
        None => EXECUTION_SECONDS,
    };
    let limit = Duration::from_secs(limit);
    let run = guest::run(&parameters.get("commands").map(|lines| lines.join("\n")).unwrap_or_default());
    let times_out = run.took > limit;
    let told = run.output.iter().filter(|(at, _)| *at <= limit);
    let stdout: String = told.flat_map(|(_, line)| line.chars().chain(['\n'])).take(MAX_STDOUT).collect();
    let failed = run.exit_code != 0 && !times_out;
    let stderr =
        if failed { format!("failed to run commands: exit status {}", run.exit_code) } else { String::new() };
    let ends_at = after(now, run.took.min(limit));
    Ok(Invocation {
        started_at: now,
        ends_at,
        cancelled_at: None,
        times_out,
        exit_code: run.exit_code,
        stdout,
        stderr,
    })
}

/// Stops what is still running; the rest has its result already.
fn cancel_command(call: &Call, world: &mut World) -> Outcome {
    let id = required(call.params, "CommandId")?;
    let only = call.params.texts("InstanceIds");
    let found = call.region_mut(world).commands.get_mut(id).filter(|command| command.owner == call.account());
    let command = Arc::make_mut(
        found.ok_or_else(|| ApiError::new("InvalidCommandId", "The specified command ID isn't valid."))?,
    );
    if only.iter().any(|id| !command.invocations.contains_key(*id)) {
        return Err(ApiError::new("InvalidInstanceId", "The command was not sent to the instance."));
    }
    for (instance, invocation) in &mut command.invocations {
        let is_meant = only.is_empty() || only.contains(&instance.as_str());
        if is_meant && !invocation.state(call.now).is_over() {
            invocation.cancelled_at = Some(call.now);
        }
    }
    Ok(json!({}).into())
}

fn list_commands(call: &Call, world: &World) -> Outcome {
    let filters = Filters::parse(call.params)?;
    let page = page(call, 1..=50)?;
    let (id, instance) = (call.params.text("CommandId"), call.params.text("InstanceId"));
    let mut shown: Vec<_> = call
        .region(world)
        .commands
        .values()
        .filter(|command| {
            command.owner == call.account()
                && id.is_none_or(|id| command.id == id)
                && instance.is_none_or(|instance| command.invocations.contains_key(instance))
                && filters.fit(command, state(command, call.now))
        })
        .collect();
    shown.sort_by_key(|command| position(command));
    let (commands, token) = page.cut(shown, |command| position(command));
    Ok(listed("Commands", commands.into_iter().map(|command| node(command, call.now)), token).into())
}

/// Sorts the newest command first.
pub fn position(command: &Command) -> String {
    format!("{:020} {}", i64::MAX - command.requested_at.as_millisecond(), command.id)
}

/// A command is under way while one of its invocations is, and failed if one has.
fn state(command: &Command, now: Timestamp) -> InvocationState {
    let states: Vec<InvocationState> = command.invocations.values().map(|it| it.state(now)).collect();
    let order = [
        InvocationState::InProgress,
        InvocationState::Pending,
        InvocationState::Failed,
        InvocationState::TimedOut,
        InvocationState::Cancelled,
    ];
    order.into_iter().find(|state| states.contains(state)).unwrap_or(InvocationState::Success)
}

fn node(command: &Command, now: Timestamp) -> Value {
    let state = state(command, now);
    let states = command.invocations.values().map(|invocation| invocation.state(now));
    let failed =
        states.clone().filter(|state| matches!(state, InvocationState::Failed | InvocationState::TimedOut));
    let expires = after(
        command.requested_at,
        Duration::from_secs(command.timeout_seconds.unsigned_abs() + EXECUTION_SECONDS),
    );
    json!({
        "CommandId": command.id,
        "DocumentName": command.document,
        "DocumentVersion": "$DEFAULT",
        "Comment": command.comment,
        "ExpiresAfter": seconds(expires),
        "Parameters": command.parameters,
        "InstanceIds": command.invocations.keys().collect::<Vec<_>>(),
        "Targets": [],
        "RequestedDateTime": seconds(command.requested_at),
        "Status": state.name(),
        "StatusDetails": state.details(),
        "OutputS3BucketName": "",
        "OutputS3KeyPrefix": "",
        "MaxConcurrency": "50",
        "MaxErrors": "0",
        "TargetCount": command.invocations.len(),
        "CompletedCount": states.filter(|state| state.is_over()).count(),
        "ErrorCount": failed.count(),
        "DeliveryTimedOutCount": 0,
        "ServiceRole": "",
        "NotificationConfig": {"NotificationArn": "", "NotificationEvents": [], "NotificationType": ""},
        "TimeoutSeconds": command.timeout_seconds,
    })
}
