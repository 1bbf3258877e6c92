//! The verbs that only a sweep uses.

use super::{
    frankfurt,
    wire::{Wire, done},
};
use crate::{
    ec2::{Ec2, ImageFilter, InstanceFilter, SnapshotFilter},
    model::{Action, AwsError, Volume, VolumeState},
};

fn cluster() -> String {
    "c-1".to_owned()
}

#[tokio::test]
async fn whatever_is_of_a_cluster_is_asked_for_by_its_tag() {
    let wire = Wire::replying([
        done(Action::DescribeInstances, ""),
        done(Action::DescribeVolumes, ""),
        done(Action::DescribeImages, ""),
        done(Action::DescribeSnapshots, ""),
    ]);
    let (ec2, region) = (wire.ec2(), frankfurt());
    ec2.describe_instances(&region, &InstanceFilter::OfCluster(cluster())).await.unwrap();
    ec2.describe_volumes(&region, "c-1").await.unwrap();
    ec2.describe_images(&region, &ImageFilter::OfCluster(cluster())).await.unwrap();
    ec2.describe_snapshots(&region, &SnapshotFilter::OfCluster(cluster())).await.unwrap();
    let filter = "Filter.1.Name=tag:ami-operator.dev/cluster-id\nFilter.1.Value.1=c-1";
    let expected = [
        format!("Action=DescribeInstances\n{filter}\nMaxResults=1000"),
        format!("Action=DescribeVolumes\n{filter}\nMaxResults=1000"),
        format!("Action=DescribeImages\n{filter}\nIncludeDisabled=true\nMaxResults=1000\nOwner.1=self"),
        format!("Action=DescribeSnapshots\n{filter}\nMaxResults=1000\nOwner.1=self"),
    ];
    let sent: Vec<String> = wire.sent().iter().map(super::wire::Sent::parameters).collect();
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn a_volume_is_read_with_all_that_decisions_need() {
    let answer = "<volumeSet><item>
        <volumeId>vol-1</volumeId><status>available</status><createTime>2026-11-23T10:00:00.000Z</createTime>
        <tagSet><item><key>team</key><value>web</value></item></tagSet>
    </item></volumeSet>";
    let wire = Wire::replying([done(Action::DescribeVolumes, answer)]);
    let expected = Volume {
        id: "vol-1".into(),
        state: VolumeState::Available,
        created_at: Some("2026-11-23T10:00:00Z".parse().unwrap()),
        tags: [("team".into(), "web".into())].into(),
    };
    assert_eq!(wire.ec2().describe_volumes(&frankfurt(), "c-1").await.unwrap(), [expected]);
}

#[tokio::test]
async fn a_volume_without_a_state_spoils_the_list_instead_of_missing_in_it() {
    let answer = "<volumeSet><item><volumeId>vol-1</volumeId></item></volumeSet>";
    let wire = Wire::replying([done(Action::DescribeVolumes, answer)]);
    let error = wire.ec2().describe_volumes(&frankfurt(), "c-1").await.unwrap_err();
    assert_eq!(error.code, AwsError::NO_ANSWER);
}

#[tokio::test]
async fn a_volume_is_deleted_by_its_id() {
    let wire = Wire::replying([done(Action::DeleteVolume, "")]);
    wire.ec2().delete_volume(&frankfurt(), &"vol-1".into()).await.unwrap();
    assert_eq!(wire.request().parameters(), "Action=DeleteVolume\nVolumeId=vol-1");
}

#[tokio::test]
async fn only_regions_that_the_account_enabled_are_asked_for() {
    let answer = "<regionInfo><item><regionName>eu-west-1</regionName></item></regionInfo>";
    let wire = Wire::replying([done(Action::DescribeRegions, answer)]);
    assert_eq!(wire.ec2().describe_regions(&frankfurt()).await.unwrap(), ["eu-west-1".into()]);
    assert_eq!(wire.request().parameters(), "Action=DescribeRegions");
}
