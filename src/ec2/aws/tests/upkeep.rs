use super::{
    frankfurt, strings,
    wire::{Wire, done},
};
use crate::{
    ec2::{aws::AwsEc2, upkeep::Upkeep},
    model::{Action, Grants, SnapshotId, VolumeGrants},
};

async fn sent<T>(action: Action, call: impl AsyncFnOnce(AwsEc2) -> T) -> String {
    let wire = Wire::replying([done(action, "")]);
    call(wire.ec2()).await;
    wire.request().parameters()
}

fn everyone() -> Grants {
    Grants {
        accounts: ["111122223333".to_owned()].into(),
        organizations: ["arn:o".to_owned()].into(),
        organizational_units: ["arn:ou".to_owned()].into(),
        public: true,
    }
}

fn snapshots() -> Vec<SnapshotId> {
    vec!["snap-1".into()]
}

#[tokio::test]
async fn all_kinds_of_launch_permissions_go_in_one_call() {
    let call = async |ec2: AwsEc2| {
        ec2.modify_launch_permissions(&frankfurt(), &"ami-1".into(), &everyone(), &everyone()).await
    };
    let expected = "\
Action=ModifyImageAttribute
ImageId=ami-1
LaunchPermission.Add.1.Group=all
LaunchPermission.Add.2.UserId=111122223333
LaunchPermission.Add.3.OrganizationArn=arn:o
LaunchPermission.Add.4.OrganizationalUnitArn=arn:ou
LaunchPermission.Remove.1.Group=all
LaunchPermission.Remove.2.UserId=111122223333
LaunchPermission.Remove.3.OrganizationArn=arn:o
LaunchPermission.Remove.4.OrganizationalUnitArn=arn:ou";
    assert_eq!(sent(Action::ModifyImageAttribute, call).await, expected);
}

#[tokio::test]
async fn all_kinds_of_launch_permissions_are_read() {
    let items = "<launchPermission><item><group>all</group></item><item><userId>111122223333</userId></item>\
        <item><organizationArn>arn:o</organizationArn></item>\
        <item><organizationalUnitArn>arn:ou</organizationalUnitArn></item></launchPermission>";
    let wire = Wire::replying([done(Action::DescribeImageAttribute, items)]);
    let found = wire.ec2().describe_launch_permissions(&frankfurt(), &"ami-1".into()).await;
    assert_eq!(found.unwrap(), everyone());
}

#[tokio::test]
async fn a_snapshot_is_shared_with_accounts_and_taken_from_them_and_from_everybody() {
    let accounts = || vec!["111122223333".to_owned()];
    for (change, asked) in [
        (VolumeGrants::Add(accounts()), "Add.1.UserId=111122223333"),
        (VolumeGrants::Remove(accounts()), "Remove.1.UserId=111122223333"),
        (VolumeGrants::RemoveEverybody, "Remove.1.Group=all"),
    ] {
        let call =
            async |ec2: AwsEc2| ec2.modify_volume_permissions(&frankfurt(), &"snap-1".into(), &change).await;
        let expected = format!(
            "Action=ModifySnapshotAttribute\nAttribute=createVolumePermission\n\
             CreateVolumePermission.{asked}\nSnapshotId=snap-1"
        );
        assert_eq!(sent(Action::ModifySnapshotAttribute, call).await, expected);
    }
}

#[tokio::test]
async fn what_blocks_public_access_is_read() {
    for (state, blocked) in [("block-new-sharing", true), ("unblocked", false)] {
        let state = format!("<imageBlockPublicAccessState>{state}</imageBlockPublicAccessState>");
        let wire = Wire::replying([done(Action::GetImageBlockPublicAccessState, &state)]);
        assert_eq!(wire.ec2().blocks_public_images(&frankfurt()).await.unwrap(), blocked);
    }
}

#[tokio::test]
async fn a_deprecation_is_asked_for_to_the_second() {
    let at = "2027-01-01T00:00:00Z".parse().unwrap();
    let call = async |ec2: AwsEc2| ec2.enable_image_deprecation(&frankfurt(), &"ami-1".into(), at).await;
    let expected = "Action=EnableImageDeprecation\nDeprecateAt=2027-01-01T00:00:00Z\nImageId=ami-1";
    assert_eq!(sent(Action::EnableImageDeprecation, call).await, expected);
}

#[tokio::test]
async fn a_protection_is_asked_for_with_its_cooldown() {
    let call = async |ec2: AwsEc2| {
        ec2.enable_image_deregistration_protection(&frankfurt(), &"ami-1".into(), true).await
    };
    let expected = "Action=EnableImageDeregistrationProtection\nImageId=ami-1\nWithCooldown=true";
    assert_eq!(sent(Action::EnableImageDeregistrationProtection, call).await, expected);
}

#[tokio::test]
async fn a_fast_restore_that_is_switched_off_counts_for_none() {
    let items = "<fastSnapshotRestoreSet>\
        <item><snapshotId>snap-1</snapshotId><availabilityZone>a</availabilityZone><state>optimizing</state></item>\
        <item><snapshotId>snap-1</snapshotId><availabilityZone>b</availabilityZone><state>disabling</state></item>\
        </fastSnapshotRestoreSet>";
    let wire = Wire::replying([done(Action::DescribeFastSnapshotRestores, items)]);
    let found = wire.ec2().describe_fast_snapshot_restores(&frankfurt(), &snapshots()).await;
    assert_eq!(found.unwrap(), [("snap-1".into(), "a".to_owned())]);
}

#[tokio::test]
async fn a_fast_restore_that_is_refused_is_an_error_though_the_call_succeeds() {
    let items = "<unsuccessful><item><snapshotId>snap-1</snapshotId><fastSnapshotRestoreStateErrorSet><item>\
        <availabilityZone>a</availabilityZone>\
        <error><code>FastSnapshotRestoreQuotaExceeded</code><message>five</message></error>\
        </item></fastSnapshotRestoreStateErrorSet></item></unsuccessful>";
    let wire = Wire::replying([done(Action::EnableFastSnapshotRestores, items)]);
    let zones = strings(["a"]);
    let refused = wire.ec2().enable_fast_snapshot_restores(&frankfurt(), &snapshots(), &zones).await;
    assert_eq!(refused.unwrap_err().code, "FastSnapshotRestoreQuotaExceeded");
}

#[tokio::test]
async fn a_fast_restore_that_is_off_already_was_switched_off() {
    let items = |code: &str| {
        format!(
            "<unsuccessful><item><snapshotId>snap-1</snapshotId><fastSnapshotRestoreStateErrorSet><item>\
            <availabilityZone>a</availabilityZone><error><code>{code}</code><message>said EC2</message></error>\
            </item></fastSnapshotRestoreStateErrorSet></item></unsuccessful>"
        )
    };
    let disable = async |code: &str| {
        let wire = Wire::replying([done(Action::DisableFastSnapshotRestores, &items(code))]);
        let zones = strings(["a"]);
        wire.ec2().disable_fast_snapshot_restores(&frankfurt(), &snapshots(), &zones).await
    };
    assert_eq!(disable("InvalidFastSnapshotRestore.NotFound").await, Ok(()));
    assert_eq!(disable("UnauthorizedOperation").await.unwrap_err().code, "UnauthorizedOperation");
}

#[tokio::test]
async fn all_that_names_an_image_is_asked_for_and_instances_that_are_there() {
    let items = "<imageReferenceSet><item><imageId>ami-1</imageId><resourceType>ec2:Instance</resourceType>\
        <arn>arn:aws:ec2:eu-central-1:123456789012:instance/i-1</arn></item></imageReferenceSet>";
    let wire = Wire::replying([done(Action::DescribeImageReferences, items)]);
    let found = wire.ec2().describe_image_references(&frankfurt(), &"ami-1".into()).await;
    assert_eq!(found.unwrap(), ["arn:aws:ec2:eu-central-1:123456789012:instance/i-1"]);
    let sent = wire.request().parameters();
    assert!(sent.contains("ResourceType.5.ResourceType=imagebuilder:ContainerRecipe"), "{sent}");
    assert!(sent.contains("ResourceType.1.ResourceTypeOption.1.OptionValue.1=pending"), "{sent}");
    assert!(!sent.contains("terminated"), "{sent}");
}

#[tokio::test]
async fn an_image_is_given_its_description() {
    let call =
        async |ec2: AwsEc2| ec2.modify_image_description(&frankfurt(), &"ami-1".into(), "of the web").await;
    let expected = "Action=ModifyImageAttribute\nDescription.Value=of the web\nImageId=ami-1";
    assert_eq!(sent(Action::ModifyImageAttribute, call).await, expected);
}
