use super::{
    copy, frankfurt, launch, new_image, strings, tags,
    wire::{Reply, Wire, done},
};
use crate::{
    ec2::{Ec2, ImageFilter, InstanceFilter, SnapshotFilter, aws::AwsEc2},
    model::{
        Action, BootMode, ClientToken, ConsoleView, CopyImage, CreateImage, ImageSelector, LaunchVolume,
        RunInstances, Tags, VolumeType,
    },
};

/// The request that the port makes of a call, whatever becomes of the answer.
async fn sent<T>(action: Action, call: impl AsyncFnOnce(AwsEc2) -> T) -> String {
    let wire = Wire::replying([done(action, "")]);
    call(wire.ec2()).await;
    wire.request().parameters()
}

#[tokio::test]
async fn a_launch_without_options_still_keeps_the_builder_safe() {
    let request = sent(Action::RunInstances, async |ec2| ec2.run_instances(&launch()).await).await;
    let expected = "\
Action=RunInstances
BlockDeviceMapping.1.DeviceName=/dev/xvda
BlockDeviceMapping.1.Ebs.DeleteOnTermination=true
ClientToken=token-1
ImageId=ami-1
InstanceInitiatedShutdownBehavior=stop
InstanceType=m7i.large
MaintenanceOptions.AutoRecovery=disabled
MaxCount=1
MetadataOptions.HttpEndpoint=enabled
MetadataOptions.HttpPutResponseHopLimit=1
MetadataOptions.HttpTokens=required
MinCount=1
TagSpecification.1.ResourceType=instance
TagSpecification.1.Tag.1.Key=ami-operator.dev/uid
TagSpecification.1.Tag.1.Value=u-1
TagSpecification.1.Tag.2.Key=team
TagSpecification.1.Tag.2.Value=web
TagSpecification.2.ResourceType=volume
TagSpecification.2.Tag.1.Key=ami-operator.dev/uid
TagSpecification.2.Tag.1.Value=u-1
TagSpecification.2.Tag.2.Key=team
TagSpecification.2.Tag.2.Value=web
TagSpecification.3.ResourceType=network-interface
TagSpecification.3.Tag.1.Key=ami-operator.dev/uid
TagSpecification.3.Tag.1.Value=u-1
TagSpecification.3.Tag.2.Key=team
TagSpecification.3.Tag.2.Value=web
UserData=I2Nsb3VkLWNvbmZpZw==";
    assert_eq!(request, expected);
}

#[tokio::test]
async fn a_launch_carries_the_network_and_the_profile_that_were_chosen() {
    let request = RunInstances {
        subnet_id: Some("subnet-1".into()),
        security_group_ids: strings(["sg-2", "sg-1"]),
        instance_profile: Some("builder".into()),
        tags: Tags::new(),
        volumes: Vec::new(),
        ..launch()
    };
    let request = sent(Action::RunInstances, async |ec2| ec2.run_instances(&request).await).await;
    for line in [
        "SubnetId=subnet-1",
        "SecurityGroupId.1=sg-2",
        "SecurityGroupId.2=sg-1",
        "IamInstanceProfile.Name=builder",
    ] {
        assert!(request.lines().any(|sent| sent == line), "{line} is not in\n{request}");
    }
}

#[tokio::test]
async fn a_volume_carries_what_was_asked_of_it() {
    let volume = LaunchVolume {
        device_name: "/dev/xvdb".into(),
        size_gib: Some(20),
        volume_type: Some(VolumeType::Gp3),
        iops: Some(4_000),
        throughput: Some(250),
        kms_key_id: Some("alias/images".into()),
    };
    let request = RunInstances { volumes: vec![volume], ..launch() };
    let request = sent(Action::RunInstances, async |ec2| ec2.run_instances(&request).await).await;
    let devices: Vec<_> = request.lines().filter(|line| line.starts_with("BlockDeviceMapping")).collect();
    let expected = [
        "BlockDeviceMapping.1.DeviceName=/dev/xvdb",
        "BlockDeviceMapping.1.Ebs.DeleteOnTermination=true",
        "BlockDeviceMapping.1.Ebs.Encrypted=true",
        "BlockDeviceMapping.1.Ebs.Iops=4000",
        "BlockDeviceMapping.1.Ebs.KmsKeyId=alias/images",
        "BlockDeviceMapping.1.Ebs.Throughput=250",
        "BlockDeviceMapping.1.Ebs.VolumeSize=20",
        "BlockDeviceMapping.1.Ebs.VolumeType=gp3",
    ];
    assert_eq!(devices, expected);
}

/// The SDK fills in a token of its own where ours is missing, which would hide that a launch cannot be found again.
#[tokio::test]
async fn a_launch_never_leaves_without_our_token() {
    let request = RunInstances { client_token: ClientToken("ours".into()), ..launch() };
    let request = sent(Action::RunInstances, async |ec2| ec2.run_instances(&request).await).await;
    assert!(request.contains("ClientToken=ours\n"), "{request}");
}

#[tokio::test]
async fn a_copy_never_leaves_without_our_token() {
    let request = CopyImage { client_token: ClientToken("ours".into()), ..copy() };
    let request = sent(Action::CopyImage, async |ec2| ec2.copy_image(&request).await).await;
    assert!(request.contains("ClientToken=ours\n"), "{request}");
}

#[tokio::test]
async fn an_image_is_made_with_its_tags_and_kept_devices() {
    let request = CreateImage {
        description: Some("web server".into()),
        kept_devices: strings(["/dev/xvdb"]),
        boot_mode: Some(BootMode::Uefi),
        ..new_image()
    };
    let request = sent(Action::CreateImage, async |ec2| ec2.create_image(&request).await).await;
    let expected = "\
Action=CreateImage
BlockDeviceMapping.1.DeviceName=/dev/xvdb
BlockDeviceMapping.1.Ebs.DeleteOnTermination=false
BootModeOverride=uefi
Description=web server
InstanceId=i-1
Name=web-1
TagSpecification.1.ResourceType=image
TagSpecification.1.Tag.1.Key=ami-operator.dev/uid
TagSpecification.1.Tag.1.Value=u-1
TagSpecification.1.Tag.2.Key=team
TagSpecification.1.Tag.2.Value=web
TagSpecification.2.ResourceType=snapshot
TagSpecification.2.Tag.1.Key=ami-operator.dev/uid
TagSpecification.2.Tag.1.Value=u-1
TagSpecification.2.Tag.2.Key=team
TagSpecification.2.Tag.2.Value=web";
    assert_eq!(request, expected);
}

#[tokio::test]
async fn a_copy_is_asked_of_its_destination_with_tags_of_its_own() {
    let wire = Wire::replying([done(Action::CopyImage, "")]);
    let _ = wire.ec2().copy_image(&copy()).await;
    let expected = "\
Action=CopyImage
ClientToken=token-2
CopyImageTags=false
Name=web-1
SourceImageId=ami-1
SourceRegion=us-east-1
TagSpecification.1.ResourceType=image
TagSpecification.1.Tag.1.Key=ami-operator.dev/uid
TagSpecification.1.Tag.1.Value=u-1
TagSpecification.1.Tag.2.Key=team
TagSpecification.1.Tag.2.Value=web
TagSpecification.2.ResourceType=snapshot
TagSpecification.2.Tag.1.Key=ami-operator.dev/uid
TagSpecification.2.Tag.1.Value=u-1
TagSpecification.2.Tag.2.Key=team
TagSpecification.2.Tag.2.Value=web";
    assert_eq!(wire.request().parameters(), expected);
    assert_eq!(wire.request().uri, "https://ec2.eu-central-1.amazonaws.com/");
}

#[tokio::test]
async fn a_copy_with_a_key_is_encrypted_without_being_told_so() {
    let request = CopyImage { kms_key_id: Some("alias/images".into()), ..copy() };
    let request = sent(Action::CopyImage, async |ec2| ec2.copy_image(&request).await).await;
    assert!(request.contains("\nEncrypted=true\nKmsKeyId=alias/images\n"), "{request}");
}

#[tokio::test]
async fn a_copy_says_in_how_many_minutes_it_must_be_done() {
    let request = CopyImage { completion_minutes: Some(30), ..copy() };
    let request = sent(Action::CopyImage, async |ec2| ec2.copy_image(&request).await).await;
    assert!(request.contains("\nSnapshotCopyCompletionDurationMinutes=30\n"), "{request}");
}

#[tokio::test]
async fn an_instance_is_terminated_by_its_id() {
    let call = async |ec2: AwsEc2| ec2.terminate_instances(&frankfurt(), &"i-1".into()).await;
    assert_eq!(sent(Action::TerminateInstances, call).await, "Action=TerminateInstances\nInstanceId.1=i-1");
}

#[tokio::test]
async fn an_instance_is_never_stopped_by_force() {
    let call = async |ec2: AwsEc2| ec2.stop_instances(&frankfurt(), &"i-1".into()).await;
    assert_eq!(sent(Action::StopInstances, call).await, "Action=StopInstances\nInstanceId.1=i-1");
}

#[tokio::test]
async fn an_image_is_told_to_require_imdsv2() {
    let call = async |ec2: AwsEc2| ec2.require_imdsv2(&frankfurt(), &"ami-1".into()).await;
    let expected = "Action=ModifyImageAttribute\nImageId=ami-1\nImdsSupport.Value=v2.0";
    assert_eq!(sent(Action::ModifyImageAttribute, call).await, expected);
}

#[tokio::test]
async fn an_image_goes_with_its_snapshots() {
    let call = async |ec2: AwsEc2| ec2.deregister_image(&frankfurt(), &"ami-1".into()).await;
    let expected = "Action=DeregisterImage\nDeleteAssociatedSnapshots=true\nImageId=ami-1";
    assert_eq!(sent(Action::DeregisterImage, call).await, expected);
}

#[tokio::test]
async fn a_snapshot_is_deleted_by_its_id() {
    let call = async |ec2: AwsEc2| ec2.delete_snapshot(&frankfurt(), &"snap-1".into()).await;
    assert_eq!(sent(Action::DeleteSnapshot, call).await, "Action=DeleteSnapshot\nSnapshotId=snap-1");
}

#[tokio::test]
async fn tags_are_set_on_all_resources_at_once() {
    let call =
        async |ec2: AwsEc2| ec2.create_tags(&frankfurt(), &strings(["ami-1", "snap-1"]), &tags()).await;
    let expected = "\
Action=CreateTags
ResourceId.1=ami-1
ResourceId.2=snap-1
Tag.1.Key=ami-operator.dev/uid
Tag.1.Value=u-1
Tag.2.Key=team
Tag.2.Value=web";
    assert_eq!(sent(Action::CreateTags, call).await, expected);
}

#[tokio::test]
async fn tags_are_deleted_whatever_their_value() {
    let call =
        async |ec2: AwsEc2| ec2.delete_tags(&frankfurt(), &strings(["ami-1"]), &strings(["team"])).await;
    let expected = "Action=DeleteTags\nResourceId.1=ami-1\nTag.1.Key=team";
    assert_eq!(sent(Action::DeleteTags, call).await, expected);
}

async fn instances_asked(filter: InstanceFilter) -> String {
    let call = async |ec2: AwsEc2| ec2.describe_instances(&frankfurt(), &filter).await;
    sent(Action::DescribeInstances, call).await
}

#[tokio::test]
async fn instances_are_asked_for_by_a_filter_of_ids() {
    let expected = "Action=DescribeInstances
Filter.1.Name=instance-id
Filter.1.Value.1=i-1
Filter.1.Value.2=i-2
MaxResults=1000";
    assert_eq!(instances_asked(InstanceFilter::Ids(vec!["i-1".into(), "i-2".into()])).await, expected);
}

#[tokio::test]
async fn instances_are_asked_for_by_token() {
    let expected = "Action=DescribeInstances
Filter.1.Name=client-token
Filter.1.Value.1=token-1
MaxResults=1000";
    assert_eq!(instances_asked(InstanceFilter::Tokens(strings(["token-1"]))).await, expected);
}

async fn images_asked(filter: ImageFilter) -> String {
    let call = async |ec2: AwsEc2| ec2.describe_images(&frankfurt(), &filter).await;
    sent(Action::DescribeImages, call).await
}

#[tokio::test]
async fn images_by_id_are_found_whoever_owns_them_deprecated_or_disabled() {
    let expected = "Action=DescribeImages
Filter.1.Name=image-id
Filter.1.Value.1=ami-1
IncludeDeprecated=true
IncludeDisabled=true";
    assert_eq!(images_asked(ImageFilter::Ids(vec!["ami-1".into()])).await, expected);
}

#[tokio::test]
async fn images_by_name_are_ours() {
    let expected = "Action=DescribeImages
Filter.1.Name=name
Filter.1.Value.1=web-1
IncludeDisabled=true
MaxResults=1000
Owner.1=self";
    assert_eq!(images_asked(ImageFilter::Named(strings(["web-1"]))).await, expected);
}

#[tokio::test]
async fn images_of_an_object_carry_its_uid() {
    let expected = "Action=DescribeImages
Filter.1.Name=tag:ami-operator.dev/uid
Filter.1.Value.1=u-1
IncludeDisabled=true
MaxResults=1000
Owner.1=self";
    assert_eq!(images_asked(ImageFilter::OwnedBy(strings(["u-1"]))).await, expected);
}

#[tokio::test]
async fn images_that_are_shared_with_an_account_are_ours_disabled_or_not() {
    let expected = "Action=DescribeImages
ExecutableBy.1=111111111111
IncludeDisabled=true
MaxResults=1000
Owner.1=self";
    assert_eq!(images_asked(ImageFilter::SharedWith("111111111111".to_owned())).await, expected);
}

#[tokio::test]
async fn a_base_image_is_available_and_on_ebs_and_of_a_named_owner() {
    let selector = ImageSelector {
        owners: strings(["amazon"]),
        name: Some("al2023-*".into()),
        architecture: Some("arm64".into()),
        product_code: Some("code-1".into()),
        tags: [("channel".into(), "stable".into())].into(),
    };
    let expected = "\
Action=DescribeImages
Filter.1.Name=state
Filter.1.Value.1=available
Filter.2.Name=root-device-type
Filter.2.Value.1=ebs
Filter.3.Name=name
Filter.3.Value.1=al2023-*
Filter.4.Name=architecture
Filter.4.Value.1=arm64
Filter.5.Name=product-code
Filter.5.Value.1=code-1
Filter.6.Name=tag:channel
Filter.6.Value.1=stable
IncludeDisabled=true
MaxResults=1000
Owner.1=amazon";
    assert_eq!(images_asked(ImageFilter::Selected(selector)).await, expected);
}

async fn snapshots_asked(filter: SnapshotFilter) -> String {
    let call = async |ec2: AwsEc2| ec2.describe_snapshots(&frankfurt(), &filter).await;
    sent(Action::DescribeSnapshots, call).await
}

#[tokio::test]
async fn snapshots_that_an_account_may_use_are_ours() {
    let expected = "Action=DescribeSnapshots
MaxResults=1000
Owner.1=self
RestorableBy.1=111111111111";
    assert_eq!(snapshots_asked(SnapshotFilter::SharedWith("111111111111".to_owned())).await, expected);
}

#[tokio::test]
async fn snapshots_of_an_object_are_ours_and_carry_its_uid() {
    let expected = "Action=DescribeSnapshots
Filter.1.Name=tag:ami-operator.dev/uid
Filter.1.Value.1=u-1
MaxResults=1000
Owner.1=self";
    assert_eq!(snapshots_asked(SnapshotFilter::OwnedBy(strings(["u-1"]))).await, expected);
}

#[tokio::test]
async fn the_posted_console_is_asked_for() {
    let get = async |ec2: AwsEc2, view| ec2.get_console_output(&frankfurt(), &"i-1".into(), view).await;
    let posted = async |ec2: AwsEc2| get(ec2, ConsoleView::Posted).await;
    assert_eq!(sent(Action::GetConsoleOutput, posted).await, "Action=GetConsoleOutput\nInstanceId=i-1");
    let latest = async |ec2: AwsEc2| get(ec2, ConsoleView::Latest).await;
    assert_eq!(
        sent(Action::GetConsoleOutput, latest).await,
        "Action=GetConsoleOutput\nInstanceId=i-1\nLatest=true"
    );
}

#[tokio::test]
async fn the_account_is_asked_of_the_regions_own_sts() {
    let wire = Wire::replying([done(Action::GetCallerIdentity, "")]);
    let _ = wire.ec2().get_caller_identity(&frankfurt()).await;
    assert_eq!(wire.request().uri, "https://sts.eu-central-1.amazonaws.com/");
}

#[tokio::test]
async fn parameters_are_asked_for_by_name_and_not_decrypted() {
    let wire = Wire::replying([Reply::Answer(200, "{}".into())]);
    let _ = wire.ec2().get_parameters(&frankfurt(), &strings(["/images/base"])).await;
    assert_eq!(wire.request().body, r#"{"Names":["/images/base"]}"#);
}

#[tokio::test]
async fn each_page_is_asked_for_with_the_token_of_the_one_before() {
    let wire = Wire::replying([
        done(Action::DescribeImages, "<nextToken>page-2</nextToken>"),
        done(Action::DescribeImages, "<nextToken></nextToken>"),
    ]);
    let _ = wire.ec2().describe_images(&frankfurt(), &ImageFilter::Named(strings(["web-1"]))).await;
    let tokens: Vec<_> = wire.sent().iter().map(|sent| sent.parameter("NextToken")).collect();
    assert_eq!(tokens, [None, Some("page-2".to_owned())]);
}
