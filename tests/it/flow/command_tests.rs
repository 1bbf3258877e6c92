//! Run Command through the port and the poller, as ec2sim answers it.

use std::{sync::Arc, time::Duration};

use ami_operator::{
    ec2::{
        Ec2,
        clock::Clock,
        poller::{Poller, Tempo},
    },
    model::{
        Answer, AwsError, Class, ClientToken, CommandId, Document, ImageId, InstanceId, InvocationStatus,
        Ping, Query, Region, RunInstances, Seen, SendCommand,
    },
    plan::{Pace, Watch},
};

use super::{Flow, build};

const LINUX: &str = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64";
const WINDOWS: &str = "/aws/service/ami-windows-latest/Windows_Server-2022-English-Full-Base";

fn region() -> Region {
    "us-east-1".into()
}

/// A builder with an instance profile, whose agent has had the time to register.
async fn builder(ec2: &dyn Ec2, source: &str) -> InstanceId {
    let found = ec2.get_parameters(&region(), &[source.to_owned()]).await.expect("the parameter is there");
    let request = RunInstances {
        region: region(),
        client_token: ClientToken("token-1".to_owned()),
        image_id: ImageId::from(found[source].as_str()),
        instance_type: "m7i.large".to_owned(),
        subnet_id: None,
        security_group_ids: Vec::new(),
        instance_profile: Some("image-builder".to_owned()),
        user_data: Vec::new(),
        volumes: Vec::new(),
        tags: [("team".to_owned(), "platform".to_owned())].into(),
    };
    let instance = ec2.run_instances(&request).await.expect("it is launched");
    tokio::time::advance(Duration::from_mins(2)).await;
    instance.id
}

fn command(instance: &InstanceId, lines: &[&str]) -> SendCommand {
    SendCommand {
        region: region(),
        instance_id: instance.clone(),
        document: Document::Shell,
        comment: "step one".to_owned(),
        commands: lines.iter().map(|line| (*line).to_owned()).collect(),
        execution_timeout_seconds: 600,
        delivery_timeout_seconds: 60,
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_tells_its_exit_code_and_output() {
    let flow = Flow::new();
    let id = builder(&*flow.ec2, LINUX).await;
    let sent = flow.ec2.send_command(&command(&id, &["echo hello", "exit 7"])).await.expect("it is sent");
    tokio::time::advance(Duration::from_secs(5)).await;
    let listed = flow.ec2.list_command_invocations(&region(), &id).await.expect("they are listed").remove(0);
    assert_eq!((&listed.command_id, listed.comment.as_str()), (&sent, "step one"));
    assert_eq!((listed.status, listed.exit_code), (InvocationStatus::Failed, Some(7)));
    let output = flow.ec2.get_command_invocation(&region(), &sent, &id).await.expect("it is shown");
    assert_eq!((output.exit_code, output.stdout.as_str()), (Some(7), "hello\n"));
}

#[tokio::test(start_paused = true)]
async fn a_command_that_is_cancelled_has_ended() {
    let flow = Flow::new();
    let id = builder(&*flow.ec2, LINUX).await;
    let sent = flow.ec2.send_command(&command(&id, &["sleep 300"])).await.expect("it is sent");
    tokio::time::advance(Duration::from_secs(5)).await;
    flow.ec2.cancel_command(&region(), &sent, &id).await.expect("it is cancelled");
    let output = flow.ec2.get_command_invocation(&region(), &sent, &id).await.expect("it is shown");
    assert_eq!(output.status, InvocationStatus::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn a_windows_machine_has_an_agent_and_its_image_names_the_system() {
    let flow = Flow::new();
    let id = builder(&*flow.ec2, WINDOWS).await;
    let agents = flow
        .ec2
        .describe_instance_information(&region(), std::slice::from_ref(&id))
        .await
        .expect("it is there");
    assert_eq!(agents[0].ping, Ping::Online);
    let found = flow.ec2.get_parameters(&region(), &[WINDOWS.to_owned()]).await.expect("it is there");
    let filter = ami_operator::ec2::ImageFilter::Ids(vec![ImageId::from(found[WINDOWS].as_str())]);
    let image = flow.ec2.describe_images(&region(), &filter).await.expect("it is there").remove(0);
    assert_eq!(image.platform.as_deref(), Some("windows"));
}

#[tokio::test(start_paused = true)]
async fn a_machine_without_agent_is_not_ready_for_a_command() {
    let flow = Flow::new();
    let error = flow.ec2.send_command(&command(&"i-0123456789abcdef0".into(), &["true"])).await.unwrap_err();
    assert_eq!(error.class(), Class::NotReadyYet);
}

#[tokio::test(start_paused = true)]
async fn a_shell_script_for_windows_is_refused_for_good() {
    let flow = Flow::new();
    let id = builder(&*flow.ec2, WINDOWS).await;
    let error: AwsError = flow.ec2.send_command(&command(&id, &["true"])).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.class()), ("UnsupportedPlatformType", Class::Invalid));
}

#[tokio::test(start_paused = true)]
async fn the_poller_shows_the_agent_its_commands_and_their_output() {
    let flow = Flow::new();
    let id = builder(&*flow.ec2, LINUX).await;
    let sent: CommandId = flow.ec2.send_command(&command(&id, &["echo hello"])).await.expect("it is sent");
    tokio::time::advance(Duration::from_secs(5)).await;
    let (poller, mut woken) =
        Poller::new(flow.ec2.clone() as Arc<dyn Ec2>, Clock::starting_at(flow.now()), Tempo::default());
    let queries = [
        Query::Agent(id.clone()),
        Query::Commands(id.clone()),
        Query::CommandOutput(sent.clone(), id.clone()),
    ];
    let watch = |query: &Query| Watch { region: region(), query: query.clone(), pace: Pace::Now };
    poller.watch(&build("web"), &queries.iter().map(watch).collect::<Vec<_>>());
    woken.recv().await;
    let seen = poller.sightings(&build("web"));
    let answers = queries.map(|query| seen.0[&(region(), query)].seen.clone());
    let [
        Seen::Present(Answer::Agent(agent)),
        Seen::Present(Answer::Commands(commands)),
        Seen::Present(output),
    ] = answers
    else {
        panic!("{answers:?}")
    };
    assert_eq!((agent.instance_id, &commands[0].command_id), (id, &sent));
    assert!(matches!(output, Answer::CommandOutput(output) if output.stdout == "hello\n"));
}
