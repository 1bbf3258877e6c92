use super::{
    copy, frankfurt, launch, new_image, strings,
    wire::{Reply, Wire, done},
};
use crate::{
    ec2::{CallerIdentity, Deregistered, Ec2, ImageFilter, InstanceFilter, SnapshotFilter},
    model::{
        Action, AwsError, ClientToken, ConsoleView, Device, Image, ImageState, Instance, InstanceState,
        Protection, Snapshot, SnapshotState, StateReason,
    },
};

const INSTANCE: &str = "
<item>
  <instanceId>i-1</instanceId>
  <imageId>ami-1</imageId>
  <instanceState><code>80</code><name>stopped</name></instanceState>
  <stateReason>
    <code>Client.InstanceInitiatedShutdown</code>
    <message>Client.InstanceInitiatedShutdown: Instance initiated shutdown</message>
  </stateReason>
  <instanceType>m7i.large</instanceType>
  <launchTime>2026-11-23T10:00:00.000Z</launchTime>
  <placement><availabilityZone>eu-central-1a</availabilityZone></placement>
  <clientToken>token-1</clientToken>
  <tagSet><item><key>team</key><value>web</value></item></tagSet>
</item>";

fn stopped_instance() -> Instance {
    Instance {
        id: "i-1".into(),
        state: InstanceState::Stopped,
        state_reason: Some(StateReason {
            code: StateReason::GUEST_SHUTDOWN.into(),
            message: "Client.InstanceInitiatedShutdown: Instance initiated shutdown".into(),
        }),
        image_id: "ami-1".into(),
        instance_type: "m7i.large".into(),
        availability_zone: "eu-central-1a".into(),
        client_token: Some(ClientToken("token-1".into())),
        launched_at: Some("2026-11-23T10:00:00Z".parse().unwrap()),
        tags: [("team".into(), "web".into())].into(),
    }
}

fn reservation(instances: &str) -> String {
    format!("<reservationSet><item><instancesSet>{instances}</instancesSet></item></reservationSet>")
}

async fn instances_of(wire: &Wire) -> Result<Vec<Instance>, AwsError> {
    wire.ec2().describe_instances(&frankfurt(), &InstanceFilter::Ids(vec!["i-1".into()])).await
}

#[tokio::test]
async fn an_instance_is_read_with_all_that_decisions_need() {
    let wire = Wire::replying([done(Action::DescribeInstances, &reservation(INSTANCE))]);
    assert_eq!(instances_of(&wire).await.unwrap(), [stopped_instance()]);
}

#[tokio::test]
async fn an_instance_state_that_was_added_since_is_kept_by_its_name() {
    let answer = reservation(
        "<item><instanceId>i-1</instanceId><instanceState><name>dozing</name></instanceState></item>",
    );
    let wire = Wire::replying([done(Action::DescribeInstances, &answer)]);
    assert_eq!(instances_of(&wire).await.unwrap()[0].state, InstanceState::Other("dozing".into()));
}

#[tokio::test]
async fn an_instance_without_a_state_spoils_the_list_instead_of_missing_in_it() {
    let wire = Wire::replying([done(
        Action::DescribeInstances,
        &reservation("<item><instanceId>i-1</instanceId></item>"),
    )]);
    assert_eq!(instances_of(&wire).await.unwrap_err().code, AwsError::NO_ANSWER);
}

#[tokio::test]
async fn a_launch_answers_its_instance() {
    let wire =
        Wire::replying([done(Action::RunInstances, &format!("<instancesSet>{INSTANCE}</instancesSet>"))]);
    assert_eq!(wire.ec2().run_instances(&launch()).await.unwrap(), stopped_instance());
}

#[tokio::test]
async fn a_launch_that_answers_no_instance_counts_as_unanswered() {
    let wire = Wire::replying([done(Action::RunInstances, "<instancesSet/>")]);
    assert_eq!(wire.ec2().run_instances(&launch()).await.unwrap_err().code, AwsError::NO_ANSWER);
}

const IMAGE: &str = "
<imagesSet><item>
  <imageId>ami-1</imageId>
  <name>web-1</name>
  <imageState>failed</imageState>
  <stateReason><code>Server.InternalError</code><message>Server.InternalError: out of luck</message></stateReason>
  <imageOwnerId>123456789012</imageOwnerId>
  <architecture>x86_64</architecture>
  <platform>windows</platform>
  <usageOperation>RunInstances:0002</usageOperation>
  <creationDate>2026-11-23T10:00:00.000Z</creationDate>
  <rootDeviceType>ebs</rootDeviceType>
  <rootDeviceName>/dev/xvda</rootDeviceName>
  <blockDeviceMapping>
    <item>
      <deviceName>/dev/xvda</deviceName>
      <ebs><snapshotId>snap-1</snapshotId><encrypted>true</encrypted><volumeSize>8</volumeSize><deleteOnTermination>true</deleteOnTermination></ebs>
    </item>
    <item><deviceName>/dev/xvdb</deviceName><ebs><snapshotId/><volumeSize>20</volumeSize></ebs></item>
    <item><deviceName>/dev/sdc</deviceName><virtualName>ephemeral0</virtualName></item>
  </blockDeviceMapping>
  <bootMode>uefi-preferred</bootMode>
  <description>of the web</description>
  <imdsSupport>v2.0</imdsSupport>
  <isPublic>true</isPublic>
  <deprecationTime>2027-11-23T10:00:00.000Z</deprecationTime>
  <lastLaunchedTime>2026-11-24T10:00:00.000Z</lastLaunchedTime>
  <deregistrationProtection>enabled-with-cooldown</deregistrationProtection>
  <sourceInstanceId>i-1</sourceInstanceId>
  <sourceImageId>ami-0</sourceImageId>
  <productCodes><item><productCode>code-1</productCode><type>marketplace</type></item></productCodes>
  <tagSet><item><key>team</key><value>web</value></item></tagSet>
</item></imagesSet>";

fn failed_image() -> Image {
    let device = |name: &str, snapshot: Option<&str>, size, delete_on_termination| Device {
        device_name: name.into(),
        snapshot_id: snapshot.map(Into::into),
        size_gib: Some(size),
        delete_on_termination,
        encrypted: snapshot.is_some(),
    };
    Image {
        id: "ami-1".into(),
        name: "web-1".into(),
        description: Some("of the web".into()),
        state: ImageState::Failed,
        state_reason: Some("Server.InternalError: out of luck".into()),
        owner_id: "123456789012".into(),
        architecture: "x86_64".into(),
        platform: Some("windows".into()),
        created_at: Some("2026-11-23T10:00:00Z".parse().unwrap()),
        root_device_type: "ebs".into(),
        devices: vec![device("/dev/xvda", Some("snap-1"), 8, true), device("/dev/xvdb", None, 20, false)],
        root_device_name: Some("/dev/xvda".into()),
        boot_mode: Some("uefi-preferred".into()),
        imds_support: Some("v2.0".into()),
        product_codes: strings(["code-1"]),
        usage_operation: Some("RunInstances:0002".into()),
        source_instance_id: Some("i-1".into()),
        source_image_id: Some("ami-0".into()),
        public: true,
        deprecated_at: Some("2027-11-23T10:00:00Z".parse().unwrap()),
        last_launched_at: Some("2026-11-24T10:00:00Z".parse().unwrap()),
        protection: Protection::On { cooldown: true },
        tags: [("team".into(), "web".into())].into(),
    }
}

async fn images_of(wire: &Wire) -> Vec<Image> {
    wire.ec2().describe_images(&frankfurt(), &ImageFilter::Named(strings(["web-1"]))).await.unwrap()
}

#[tokio::test]
async fn an_image_is_read_with_all_that_decisions_need() {
    let wire = Wire::replying([done(Action::DescribeImages, IMAGE)]);
    assert_eq!(images_of(&wire).await, [failed_image()]);
}

#[tokio::test]
async fn an_empty_page_does_not_end_the_list() {
    let wire = Wire::replying([
        done(Action::DescribeImages, "<imagesSet/><nextToken>page-2</nextToken>"),
        done(Action::DescribeImages, IMAGE),
    ]);
    assert_eq!(images_of(&wire).await, [failed_image()]);
}

#[tokio::test]
async fn a_snapshot_is_read_with_its_progress_and_trouble() {
    let answer = "<snapshotSet><item>
        <snapshotId>snap-1</snapshotId><status>error</status><progress>42%</progress>
        <statusMessage>Given key ID is not accessible</statusMessage>
        <startTime>2026-11-23T10:00:00.000Z</startTime>
        <description>Created by CreateImage(i-1) for ami-2</description>
        <tagSet><item><key>team</key><value>web</value></item></tagSet>
    </item></snapshotSet>";
    let wire = Wire::replying([done(Action::DescribeSnapshots, answer)]);
    let expected = Snapshot {
        id: "snap-1".into(),
        state: SnapshotState::Error,
        progress: 42,
        state_message: Some("Given key ID is not accessible".into()),
        started_at: Some("2026-11-23T10:00:00Z".parse().unwrap()),
        description: "Created by CreateImage(i-1) for ami-2".into(),
        tags: [("team".into(), "web".into())].into(),
    };
    let filter = SnapshotFilter::OwnedBy(strings(["u-1"]));
    assert_eq!(wire.ec2().describe_snapshots(&frankfurt(), &filter).await.unwrap(), [expected]);
}

#[tokio::test]
async fn a_new_image_answers_its_id() {
    let wire = Wire::replying([done(Action::CreateImage, "<imageId>ami-2</imageId>")]);
    assert_eq!(wire.ec2().create_image(&new_image()).await.unwrap(), "ami-2".into());
}

#[tokio::test]
async fn a_copy_answers_its_id() {
    let wire = Wire::replying([done(Action::CopyImage, "<imageId>ami-2</imageId>")]);
    assert_eq!(wire.ec2().copy_image(&copy()).await.unwrap(), "ami-2".into());
}

#[tokio::test]
async fn snapshots_that_stayed_when_their_image_went_are_told() {
    let answer = "<return>true</return><deleteSnapshotResultSet>
        <item><snapshotId>snap-1</snapshotId><returnCode>success</returnCode></item>
        <item><snapshotId>snap-2</snapshotId><returnCode>skipped</returnCode></item>
        <item><snapshotId>snap-3</snapshotId><returnCode>missing-permissions</returnCode></item>
    </deleteSnapshotResultSet>";
    let wire = Wire::replying([done(Action::DeregisterImage, answer)]);
    let kept = vec![("snap-2".into(), "skipped".into()), ("snap-3".into(), "missing-permissions".into())];
    assert_eq!(
        wire.ec2().deregister_image(&frankfurt(), &"ami-1".into()).await.unwrap(),
        Deregistered { kept }
    );
}

#[tokio::test]
async fn a_console_is_decoded() {
    let wire = Wire::replying([done(
        Action::GetConsoleOutput,
        "<instanceId>i-1</instanceId><output>Ym9vdGVk\n</output>",
    )]);
    assert_eq!(
        wire.ec2().get_console_output(&frankfurt(), &"i-1".into(), ConsoleView::Posted).await.unwrap(),
        "booted"
    );
}

#[tokio::test]
async fn a_console_that_was_not_posted_yet_is_empty() {
    let wire = Wire::replying([done(Action::GetConsoleOutput, "<instanceId>i-1</instanceId>")]);
    assert_eq!(
        wire.ec2().get_console_output(&frankfurt(), &"i-1".into(), ConsoleView::Posted).await.unwrap(),
        ""
    );
}

#[tokio::test]
async fn parameters_are_known_by_the_name_they_were_asked_for_with() {
    let answer = r#"{"Parameters":[{"Name":"/base","Value":"ami-1"},{"Name":"/web","Selector":":3","Value":"ami-2"}],
        "InvalidParameters":["/missing"]}"#;
    let wire = Wire::replying([Reply::Answer(200, answer.into())]);
    let found =
        wire.ec2().get_parameters(&frankfurt(), &strings(["/base", "/web:3", "/missing"])).await.unwrap();
    assert_eq!(found, [("/base".into(), "ami-1".into()), ("/web:3".into(), "ami-2".into())].into());
}

#[tokio::test]
async fn account_and_role_of_the_credentials_are_told() {
    let arn = "arn:aws:sts::123456789012:assumed-role/images/s";
    let answer = format!(
        "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account><Arn>{arn}</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>"
    );
    let wire = Wire::replying([Reply::Answer(200, answer)]);
    let expected = CallerIdentity { account: "123456789012".to_owned(), arn: arn.to_owned() };
    assert_eq!(wire.ec2().get_caller_identity(&frankfurt()).await.unwrap(), expected);
}
