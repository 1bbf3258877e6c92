//! Steps as commands of Systems Manager.

use crate::{
    api::image_build::{CommandStatus, StepStatus, Transport},
    customize::CLEANUP,
    model::{
        Agent, Answer, CommandId, CommandOutput, InstanceId, InstanceState, Invocation, InvocationStatus,
        Nonce, Ping, Query, StepResult,
    },
    plan::{
        build::{BuildCall, BuildRecord, BuildStep},
        fixtures::*,
        naming,
    },
    status::Outcome,
};

const COMMAND: &str = "11111111-2222-4333-8444-555555555555";

/// A builder that runs, with two steps to do by commands.
fn running() -> Build {
    let steps = serde_json::json!([
        {"name": "one", "script": {"inline": "true"}},
        {"name": "two", "script": {"inline": "true", "timeout": "5m"}},
    ]);
    Build::running(60).sees_instance(instance(InstanceState::Running)).with(|b| {
        b.spec.customize.transport = Transport::Ssm;
        b.spec.customize.steps = serde_json::from_value(steps).expect("steps");
    })
}

fn agent(ping: Ping) -> Answer {
    Answer::Agent(Agent { instance_id: InstanceId::from(BUILDER), ping })
}

fn online() -> Build {
    running().builder(|b| b.agent_online_at = Some(time(-50)))
}

/// The command of this step was written down so many seconds ago.
fn begun(step: &str, age: i64) -> Build {
    online().builder(|b| {
        b.command = Some(CommandStatus {
            step: step.to_owned(),
            requested_at: time(-age),
            command_id: None,
            uncertain: None,
            finished_at: None,
            cancelled_at: None,
        });
    })
}

fn sent(step: &str) -> Build {
    begun(step, 20).builder(|b| {
        b.command.as_mut().expect("a command").command_id = Some(CommandId(COMMAND.to_owned()));
    })
}

fn done(build: Build, step: &str) -> Build {
    build.with(|b| {
        b.status.steps.push(StepStatus {
            name: step.to_owned(),
            result: StepResult::Succeeded,
            exit_code: Some(0),
            duration: None,
        });
    })
}

fn cleaned(build: Build) -> Build {
    let cleanup = begun(CLEANUP, 20).status.builder.expect("a builder").command;
    build.builder(|b| {
        b.command = cleanup;
        b.command.as_mut().expect("a command").finished_at = Some(time(-1));
    })
}

fn comment(step: &str) -> String {
    naming::command_comment(&Nonce::for_token(&token()), step)
}

fn invocation(step: &str, status: InvocationStatus, exit_code: Option<i32>) -> Invocation {
    Invocation {
        command_id: CommandId(COMMAND.to_owned()),
        comment: comment(step),
        requested_at: at(-20),
        status_details: format!("{status:?}"),
        status,
        exit_code,
    }
}

fn lists(build: Build, commands: Vec<Invocation>) -> Build {
    build.sees(Query::Commands(InstanceId::from(BUILDER)), Answer::Commands(commands))
}

/// The command is over, and printed this.
fn ended(build: Build, invocation: Invocation, stdout: &str) -> Build {
    let output = CommandOutput {
        status: invocation.status.clone(),
        exit_code: invocation.exit_code,
        stdout: stdout.to_owned(),
        stderr: String::new(),
    };
    let query = Query::CommandOutput(CommandId(COMMAND.to_owned()), InstanceId::from(BUILDER));
    lists(build, vec![invocation]).sees(query, Answer::CommandOutput(Box::new(output)))
}

#[test]
fn the_agent_is_waited_for_before_anything_is_sent() {
    let seen = |ping| running().sees(Query::Agent(InstanceId::from(BUILDER)), agent(ping)).says();
    assert_eq!(running().says(), "wait WaitingForAgent");
    assert_eq!(seen(Ping::ConnectionLost), "wait WaitingForAgent");
    assert_eq!(seen(Ping::Online), "record agent online");
}

#[test]
fn an_agent_that_never_comes_fails_the_build_with_what_it_needs() {
    let late = running().builder(|b| b.running_at = Some(time(-33 * 60)));
    let Some(BuildStep::Record(BuildRecord::Failed { failure, .. })) = late.plan().step else {
        panic!("{}", late.says())
    };
    assert_eq!(failure.reason, "AgentNotOnline");
    assert!(failure.message.contains("AmazonSSMManagedInstanceCore"), "{}", failure.message);
}

#[test]
fn a_command_is_written_down_before_it_is_sent() {
    assert_eq!(online().says(), "record command one");
    assert_eq!(begun("one", 0).says(), format!("SendCommand {}", comment("one")));
}

#[test]
fn a_command_ends_with_its_step_s_time_or_with_the_time_of_all() {
    let limit = |build: Build| match build.call() {
        BuildCall::SendCommand(request) => request.execution_timeout_seconds,
        other => panic!("{other:?}"),
    };
    assert_eq!(limit(begun("one", 0)), 30 * 60);
    assert_eq!(limit(done(begun("two", 0), "one")), 6 * 60);
}

#[test]
fn a_command_that_may_have_been_sent_is_looked_for_by_its_comment() {
    let build = begun("one", 31);
    assert_eq!(build.says(), "wait Customizing");
    let found = lists(build, vec![invocation("one", InvocationStatus::InProgress, None)]);
    assert_eq!(found.says(), format!("record command found {COMMAND}"));
}

#[test]
fn of_two_commands_of_one_step_the_first_counts() {
    let second = Invocation {
        command_id: CommandId("second".to_owned()),
        requested_at: at(-10),
        ..invocation("one", InvocationStatus::InProgress, None)
    };
    let build = lists(begun("one", 31), vec![second, invocation("one", InvocationStatus::InProgress, None)]);
    assert_eq!(build.says(), format!("record command found {COMMAND}"));
}

#[test]
fn a_command_that_stays_missing_is_sent_again_with_the_same_comment() {
    let missing =
        |age| lists(begun("one", age), vec![invocation("zero", InvocationStatus::Success, Some(0))]);
    assert_eq!(missing(59).says(), "wait Customizing");
    assert_eq!(missing(60).says(), format!("SendCommand {}", comment("one")));
}

#[test]
fn a_command_that_runs_is_waited_for() {
    for status in [
        InvocationStatus::Pending,
        InvocationStatus::InProgress,
        InvocationStatus::Delayed,
        InvocationStatus::Cancelling,
        InvocationStatus::Other("new".to_owned()),
    ] {
        let build = lists(sent("one"), vec![invocation("one", status, None)]);
        assert_eq!(build.says(), "wait Customizing");
    }
}

#[test]
fn a_step_that_succeeded_is_written_down_with_its_output_and_the_next_one_begins() {
    let build = ended(sent("one"), invocation("one", InvocationStatus::Success, Some(0)), "fine\n");
    assert_eq!(build.says(), "record command one done");
    let status = build.after(&Outcome::NoCall);
    assert_eq!(status.log.as_deref(), Some("fine"));
    assert_eq!((status.steps[0].name.as_str(), status.steps[0].exit_code), ("one", Some(0)));
    assert_eq!(build.with(|b| b.status = status).says(), "record command two");
}

#[test]
fn a_step_that_failed_ends_the_build_with_its_code_and_output() {
    let build = ended(sent("one"), invocation("one", InvocationStatus::Failed, Some(3)), "went wrong\n");
    let status = build.after(&Outcome::NoCall);
    let failure = status.failure.expect("a failure");
    assert_eq!(failure.reason, "StepFailed");
    assert!(failure.message.contains("step one failed with exit code 3"), "{}", failure.message);
    assert_eq!(status.log.as_deref(), Some("went wrong"));
    assert_eq!(status.steps[0].result, StepResult::Failed);
}

#[test]
fn a_command_that_never_reached_the_machine_says_so() {
    let undelivered = Invocation {
        status_details: "Undeliverable".to_owned(),
        ..invocation("one", InvocationStatus::TimedOut, None)
    };
    let failure = ended(sent("one"), undelivered, "").after(&Outcome::NoCall).failure.expect("a failure");
    assert!(failure.message.contains("Undeliverable"), "{}", failure.message);
}

#[test]
fn output_that_cannot_be_had_holds_up_nothing() {
    let query = Query::CommandOutput(CommandId(COMMAND.to_owned()), InstanceId::from(BUILDER));
    let build = lists(sent("one"), vec![invocation("one", InvocationStatus::Success, Some(0))]);
    assert_eq!(build.says(), "wait Customizing");
    assert_eq!(build.cannot_see(query, "AccessDeniedException").says(), "record command one done");
}

#[test]
fn output_cannot_steer_a_terminal_or_fill_the_status() {
    let noise = format!("\u{1b}[31m{}\n", "x".repeat(1000)).repeat(24);
    let build = ended(sent("one"), invocation("one", InvocationStatus::Failed, Some(1)), &noise);
    let log = build.after(&Outcome::NoCall).log.expect("a log");
    assert!(log.len() <= 8192 && !log.contains('\u{1b}'), "{}", log.len());
}

#[test]
fn the_cleanup_is_the_last_command_and_then_the_machine_is_stopped() {
    let steps = || done(done(online(), "one"), "two");
    assert_eq!(steps().says(), format!("record command {CLEANUP}"));
    assert_eq!(cleaned(steps()).says(), format!("StopInstances {BUILDER}"));
}

#[test]
fn a_machine_that_was_asked_to_stop_is_waited_for_and_asked_again_in_the_end() {
    let asked = |age: i64| {
        cleaned(done(done(online(), "one"), "two")).builder(|b| b.stopping_at = Some(time(-age))).says()
    };
    assert_eq!(asked(10), "wait WaitingForStop");
    assert_eq!(asked(300), format!("StopInstances {BUILDER}"));
}

#[test]
fn a_machine_that_stopped_when_its_steps_were_done_is_customised_though_the_answer_was_lost() {
    let stopped = || because(InstanceState::Stopped, "Client.UserInitiatedShutdown");
    let steps = || done(done(online(), "one"), "two");
    assert_eq!(cleaned(steps()).sees_instance(stopped()).says(), "record stopped");
    assert_eq!(steps().sees_instance(stopped()).says(), "record failed BuilderInterrupted");
}

#[test]
fn a_machine_that_we_stopped_is_customised() {
    let stopped = because(InstanceState::Stopped, "Client.UserInitiatedShutdown");
    let asked = online().builder(|b| b.stopping_at = Some(time(-10)));
    assert_eq!(asked.sees_instance(stopped).says(), "record stopped");
    let off = online().builder(|b| b.stopped_at = Some(time(-1)));
    assert_eq!(off.says(), "record customized, image images-web");
}

#[test]
fn a_machine_that_stopped_before_its_steps_were_done_was_interrupted() {
    for code in ["Client.UserInitiatedShutdown", "Client.InstanceInitiatedShutdown"] {
        let stopped = because(InstanceState::Stopped, code);
        assert_eq!(sent("one").sees_instance(stopped).says(), "record failed BuilderInterrupted");
    }
}

#[test]
fn a_command_under_way_is_cancelled_before_its_machine_goes() {
    let failed = sent("one").failed("CustomizeTimeout");
    assert_eq!(failed.says(), format!("CancelCommand {COMMAND}"));
    let status = failed.after(&Outcome::Accepted);
    let cancelled = failed.with(|b| b.status = status);
    assert_eq!(cancelled.says(), format!("TerminateInstances {BUILDER}"));
}

#[test]
fn a_cancellation_that_is_refused_keeps_no_machine_alive() {
    let failed = sent("one").failed("CustomizeTimeout");
    let status = failed.after(&Outcome::Failed(error("AccessDeniedException")));
    assert_eq!(failed.with(|b| b.status = status).says(), format!("TerminateInstances {BUILDER}"));
}

#[test]
fn a_step_that_windows_cannot_do_is_refused_before_the_launch() {
    let build = Build::resolved().with(|b| {
        b.status.source.as_mut().expect("a source").platform = Some("windows".to_owned());
        b.spec.customize.transport = Transport::Ssm;
        let step = serde_json::json!([{"name": "nginx", "packages": {"install": ["nginx"]}}]);
        b.spec.customize.steps = serde_json::from_value(step).expect("steps");
    });
    assert_eq!(build.says(), "record failed StepNotSupported");
}
