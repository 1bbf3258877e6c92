//! Sending, listing and cancelling commands.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    at_most, command_id,
    documents::Document,
    fate, invalid,
    invocations::{Filters, fate_of},
    listed, managed, page, required, seconds,
};
use crate::{
    core::{
        Call, Handler, Outcome,
        clock::after,
        error::ApiError,
        params::Params,
        records::{Command, Instance, InstanceState, Invocation, InvocationState, Recipients},
        world::World,
    },
    ec2,
    guest::{self, Run},
};

/// `SendCommand`: the delivery timeout without `TimeoutSeconds`, its bounds, and instances in one call.
const DEFAULT_TIMEOUT: i64 = 3600;
const TIMEOUTS: std::ops::RangeInclusive<i64> = 30..=2_592_000;
const MAX_INSTANCES: usize = 50;
const MAX_COMMENT: usize = 100;
/// The document's parameter `executionTimeout`: its default, what the document takes, and what the agent heeds: for
/// less it takes the default (amazon-ssm-agent, `ValidateExecutionTimeout`).
const EXECUTION_SECONDS: u64 = 3600;
const EXECUTION_TIMEOUTS: std::ops::RangeInclusive<u64> = 1..=172_800;
const SHORTEST_EXECUTION: u64 = 5;
/// What `GetCommandInvocation` shows of the output, in characters, and how the agent marks what it cut.
const MAX_STDOUT: usize = 24_000;
const CUT: &str = "--output truncated--";

pub fn handler(action: &str) -> Option<Handler> {
    match action {
        "SendCommand" => Some(Handler::Write(send_command)),
        "CancelCommand" => Some(Handler::Write(cancel_command)),
        "ListCommands" => Some(Handler::Read(list_commands)),
        _ => None,
    }
}

fn send_command(call: &Call, world: &mut World) -> Outcome {
    let document = document(call)?;
    let comment = at_most(call.params, "Comment", MAX_COMMENT)?.to_owned();
    let parameters = parameters(call)?;
    let execution = execution_timeout(&parameters)?;
    let timeout_seconds = timeout(call)?;
    let instances = targets(call, world, document)?;
    let lines = parameters.get("commands").map(|lines| lines.join("\n")).unwrap_or_default();
    let sent_at = call.end_of(world, call.profile.command);
    let total = execution + Duration::from_secs(timeout_seconds.unsigned_abs());
    let mut invocations = BTreeMap::new();
    for instance in instances {
        let run = run(call, document, &instance, &lines, execution);
        power_off(call, world, &instance, &run, sent_at);
        invocations.insert(instance.id.clone(), of_run(&run, document, sent_at, after(call.now, total)));
    }
    let id = uuid(world);
    let command = Command {
        id: id.clone(),
        owner: call.account().to_owned(),
        document: document.name.to_owned(),
        comment,
        parameters,
        recipients: recipients(call.params),
        reporting: reporting(call.params)?,
        timeout_seconds,
        requested_at: call.now,
        invocations,
    };
    call.region_mut(world).commands.insert(id, Arc::new(command.clone()));
    let mut shown = node(call, world, &command);
    // The answer shows the request as received, before any agent saw it.
    shown["Status"] = "Pending".into();
    shown["StatusDetails"] = "Pending".into();
    shown["CompletedCount"] = 0.into();
    shown["ErrorCount"] = 0.into();
    Ok(json!({ "Command": shown }).into())
}

fn uuid(world: &mut World) -> String {
    let (high, low) = (world.draw(), world.draw());
    let digits = format!("{high:016x}{low:016x}");
    format!("{}-{}-4{}-8{}-{}", &digits[..8], &digits[8..12], &digits[13..16], &digits[17..20], &digits[20..])
}

fn document(call: &Call) -> Result<&'static Document, ApiError> {
    let asked = required(call.params, "DocumentName")?;
    let missing = || ApiError::new("InvalidDocument", format!("Document with name {asked} does not exist."));
    Document::find(asked).ok_or_else(missing)
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

fn targets(call: &Call, world: &World, document: &Document) -> Result<Vec<Arc<Instance>>, ApiError> {
    let asked = call.params.texts("InstanceIds");
    let criteria = call.params.list("Targets");
    let managed: Vec<&Arc<Instance>> = managed::known(call, call.region(world)).collect();
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
    let targets: Vec<Arc<Instance>> = managed.into_iter().filter(is_target).cloned().collect();
    if targets.iter().all(|instance| document.supports(instance)) {
        return Ok(targets);
    }
    let message = "The document isn't supported on the platform type of the managed nodes.";
    Err(ApiError::new("UnsupportedPlatformType", message))
}

/// As the answers repeat them.
fn recipients(params: &Params) -> Recipients {
    let texts = |params: &Params, name: &str| params.texts(name).into_iter().map(str::to_owned).collect();
    let text = |name: &str, default: &str| params.text(name).unwrap_or(default).to_owned();
    let target = |it: &Params| (it.text("Key").unwrap_or_default().to_owned(), texts(it, "Values"));
    Recipients {
        instance_ids: texts(params, "InstanceIds"),
        targets: params.list("Targets").into_iter().map(target).collect(),
        max_concurrency: text("MaxConcurrency", "50"),
        max_errors: text("MaxErrors", "0"),
    }
}

/// The answers show all of it, empty where nothing was asked.
fn reporting(params: &Params) -> Result<Value, ApiError> {
    let text = |name: &str| params.text(name).unwrap_or_default();
    let enabled = params.is_set("CloudWatchOutputConfig.CloudWatchOutputEnabled")?;
    let notification = json!({
        "NotificationArn": text("NotificationConfig.NotificationArn"),
        "NotificationEvents": params.texts("NotificationConfig.NotificationEvents"),
        "NotificationType": text("NotificationConfig.NotificationType"),
    });
    let group = text("CloudWatchOutputConfig.CloudWatchLogGroupName");
    let logs = json!({"CloudWatchLogGroupName": group, "CloudWatchOutputEnabled": enabled});
    Ok(json!({
        "OutputS3BucketName": text("OutputS3BucketName"),
        "OutputS3KeyPrefix": text("OutputS3KeyPrefix"),
        "ServiceRole": text("ServiceRoleArn"),
        "NotificationConfig": notification,
        "CloudWatchOutputConfig": logs,
    }))
}

/// The case of `InstanceIds` does not matter: AWS's own examples write `instanceids`.
fn fits(target: &Params, instance: &Instance) -> bool {
    let values = target.texts("Values");
    match target.text("Key") {
        Some(key) if key.eq_ignore_ascii_case("InstanceIds") => values.contains(&instance.id.as_str()),
        Some("tag-key") => instance.tags.keys().any(|key| values.contains(&key.as_str())),
        Some(key) => key
            .strip_prefix("tag:")
            .and_then(|key| instance.tags.get(key))
            .is_some_and(|value| values.contains(&value.as_str())),
        None => false,
    }
}

fn execution_timeout(parameters: &BTreeMap<String, Vec<String>>) -> Result<Duration, ApiError> {
    let Some(text) = parameters.get("executionTimeout").and_then(|values| values.first()) else {
        return Ok(Duration::from_secs(EXECUTION_SECONDS));
    };
    let seconds = text.parse().ok().filter(|seconds| EXECUTION_TIMEOUTS.contains(seconds));
    let seconds = seconds.ok_or_else(|| {
        let message = format!(
            "Parameter \"executionTimeout\" has the value {text}, which the document does not allow."
        );
        ApiError::new("InvalidParameters", message)
    })?;
    Ok(Duration::from_secs(if seconds < SHORTEST_EXECUTION { EXECUTION_SECONDS } else { seconds }))
}

/// What the script does on an instance. A restart takes as long as a start.
fn run(call: &Call, document: &Document, instance: &Instance, lines: &str, limit: Duration) -> Run {
    if document.can_run_on(instance) {
        return guest::run_command(lines, document.shell, limit, call.profile.run);
    }
    Run { exit_code: 1, ..Run::default() }
}

/// Turns a running machine off where its script does.
fn power_off(call: &Call, world: &mut World, instance: &Instance, run: &Run, sent_at: Timestamp) {
    let Some(off) = run.off.map(|off| after(sent_at, off)) else { return };
    if !fate::is_online(instance, call.profile.agent, sent_at)
        || instance.state(off) != InstanceState::Running
    {
        return;
    }
    let takes = call.jittered(world, call.profile.stop);
    if let Some(instance) = call.region_mut(world).instances.get_mut(&instance.id).map(Arc::make_mut) {
        instance.phases.retain(|phase| phase.from <= off);
        ec2::power_off_phases(instance, off, takes);
    }
}

fn of_run(run: &Run, document: &Document, sent_at: Timestamp, expires_at: Timestamp) -> Invocation {
    let stdout: String = run.output.iter().flat_map(|(_, line)| line.chars().chain(['\n'])).collect();
    let killed = run.exit_code == document.shell.killed_code();
    let stderr = if killed || run.exit_code == 0 {
        String::new()
    } else {
        format!("failed to run commands: exit status {}", run.exit_code)
    };
    let (took, exit_code) = (run.took, run.exit_code);
    let stdout = shortened(stdout);
    Invocation { sent_at, expires_at, took, killed, exit_code, stdout, stderr, cancelled_at: None }
}

fn shortened(output: String) -> String {
    if output.chars().count() < MAX_STDOUT {
        return output;
    }
    output.chars().take(MAX_STDOUT - CUT.len()).chain(CUT.chars()).collect()
}

/// Stops what is still running; the rest has its result already.
fn cancel_command(call: &Call, world: &mut World) -> Outcome {
    let id = command_id(call.params)?;
    let only = call.params.texts("InstanceIds");
    let found = call.region(world).commands.get(id).filter(|command| command.owner == call.account());
    let mut command = Command::clone(
        found.ok_or_else(|| ApiError::new("InvalidCommandId", "The specified command ID isn't valid."))?,
    );
    if only.iter().any(|id| !command.invocations.contains_key(*id)) {
        return Err(ApiError::new("InvalidInstanceId", "The command was not sent to the instance."));
    }
    for (instance, invocation) in &mut command.invocations {
        let is_meant = only.is_empty() || only.contains(&instance.as_str());
        if is_meant && !fate_of(call, world, instance, invocation).state.is_over() {
            invocation.cancelled_at = Some(call.now);
        }
    }
    call.region_mut(world).commands.insert(id.to_owned(), Arc::new(command));
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
                && filters.fit(command, state(&states(call, world, command)))
        })
        .collect();
    shown.sort_by_key(|command| position(command));
    let (commands, token) = page.cut(shown, |command| position(command));
    Ok(listed("Commands", commands.into_iter().map(|command| node(call, world, command)), token).into())
}

/// Sorts the newest command first.
pub fn position(command: &Command) -> String {
    format!("{:020} {}", i64::MAX - command.requested_at.as_millisecond(), command.id)
}

fn states(call: &Call, world: &World, command: &Command) -> Vec<InvocationState> {
    let invocations = command.invocations.iter();
    invocations.map(|(instance, invocation)| fate_of(call, world, instance, invocation).state).collect()
}

/// A command is under way while one of its invocations is, and failed if one has.
fn state(states: &[InvocationState]) -> InvocationState {
    let order = [
        InvocationState::InProgress,
        InvocationState::Delayed,
        InvocationState::Pending,
        InvocationState::Failed,
        InvocationState::ExecutionTimedOut,
        InvocationState::DeliveryTimedOut,
        InvocationState::Undeliverable,
        InvocationState::Cancelled,
    ];
    order.into_iter().find(|state| states.contains(state)).unwrap_or(InvocationState::Success)
}

fn node(call: &Call, world: &World, command: &Command) -> Value {
    let states = states(call, world, command);
    let state = state(&states);
    let count = |counted: &[InvocationState]| states.iter().filter(|state| counted.contains(state)).count();
    let target = |(key, values): &(String, Vec<String>)| json!({"Key": key, "Values": values});
    let targets: Vec<Value> = command.recipients.targets.iter().map(target).collect();
    let expires = command.invocations.values().map(|invocation| invocation.expires_at).max();
    let mut shown = json!({
        "CommandId": command.id,
        "DocumentName": command.document,
        "DocumentVersion": "$DEFAULT",
        "Comment": command.comment,
        "ExpiresAfter": seconds(expires.unwrap_or(command.requested_at)),
        "Parameters": command.parameters,
        "InstanceIds": command.recipients.instance_ids,
        "Targets": targets,
        "RequestedDateTime": seconds(command.requested_at),
        "Status": state.name(),
        "StatusDetails": state.details(),
        "MaxConcurrency": command.recipients.max_concurrency,
        "MaxErrors": command.recipients.max_errors,
        "TargetCount": command.invocations.len(),
        "CompletedCount": states.iter().filter(|state| state.is_over()).count(),
        "ErrorCount": count(&[InvocationState::Failed, InvocationState::ExecutionTimedOut]),
        "DeliveryTimedOutCount": count(&[InvocationState::DeliveryTimedOut]),
        "TimeoutSeconds": command.timeout_seconds,
    });
    if let (Value::Object(members), Value::Object(reporting)) = (&mut shown, &command.reporting) {
        members.extend(reporting.clone());
    }
    shown
}
