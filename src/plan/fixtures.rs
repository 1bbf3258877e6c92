//! Objects, answers and golden texts for the tests of decisions and of their projection. No clock, no I/O.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::json;

use super::{
    Progress, Sightings,
    build::{self, BaseBuild, BuildCall, BuildPlan, BuildRecord, BuildStep, BuildView},
    naming,
    replication::{
        self, DestinationCall, DestinationPlan, DestinationRecord, DestinationStep, ReplicationPlan,
        ReplicationView,
    },
};
use crate::{
    api::{
        DeletionPolicy, ImageBuildSpec, ImageBuildStatus, ImageReplicationSpec, ImageReplicationStatus,
        image_build::{BuilderStatus, DeviceStatus, FailureStatus, ImageStatus, SourceStatus},
        image_replication::{DestinationStatus, PreviousCopy, ReplicationSourceStatus},
    },
    customize::Nonce,
    model::{
        Action, Answer, AwsError, ClientToken, Device, Image, ImageId, ImageState, Instance, InstanceId,
        InstanceState, Query, Region, Seen, Snapshot, SnapshotId, SnapshotState, StateReason, Tags,
        ownership::{Owner, Role},
    },
    status::{Outcome, Seeing, replication::Outcomes},
};

pub const BUILDER: &str = "i-00000000000000001";
pub const IMAGE: &str = "ami-00000000000000001";
pub const SOURCE: &str = "ami-000000000000000ff";
pub const SNAPSHOT: &str = "snap-00000000000000001";

/// The moment of the decision, moved by so many seconds.
pub fn at(seconds: i64) -> Timestamp {
    let noon: Timestamp = "2026-11-23T12:00:00Z".parse().expect("a time");
    noon + SignedDuration::from_secs(seconds)
}

pub fn time(seconds: i64) -> Time {
    Time(at(seconds))
}

pub fn region() -> Region {
    Region::from("us-east-1")
}

pub fn ireland() -> Region {
    Region::from("eu-west-1")
}

pub fn build_owner() -> Owner {
    owner("ImageBuild")
}

pub fn copy_owner() -> Owner {
    owner("ImageReplication")
}

fn owner(kind: &'static str) -> Owner {
    Owner {
        cluster_id: "cluster".to_owned(),
        uid: format!("uid-of-{kind}"),
        kind,
        namespace: "images".to_owned(),
        name: "web".to_owned(),
    }
}

pub fn error(code: &str) -> AwsError {
    AwsError {
        action: Action::RunInstances,
        region: region(),
        code: code.to_owned(),
        message: "no".to_owned(),
        request_id: Some("request-1".to_owned()),
    }
}

pub fn token() -> ClientToken {
    naming::launch_token(&build_owner(), 1)
}

pub fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

/// Our builder of the first attempt.
pub fn instance(state: InstanceState) -> Instance {
    Instance {
        id: InstanceId::from(BUILDER),
        state,
        state_reason: None,
        image_id: ImageId::from(SOURCE),
        instance_type: "m7i.large".to_owned(),
        availability_zone: "us-east-1a".to_owned(),
        client_token: Some(token()),
        launch_time: Some(at(-60)),
        tags: build_owner().tags(&Tags::new(), Role::Builder, 1, None),
    }
}

pub fn because(state: InstanceState, code: &str) -> Instance {
    let reason = StateReason { code: code.to_owned(), message: "said EC2".to_owned() };
    Instance { state_reason: Some(reason), ..instance(state) }
}

/// The image of our build's first attempt.
pub fn image(state: ImageState) -> Image {
    Image {
        id: ImageId::from(IMAGE),
        name: "images-web".to_owned(),
        state,
        state_reason: None,
        owner_id: "123456789012".to_owned(),
        architecture: "x86_64".to_owned(),
        created_at: Some(at(-30)),
        root_device_type: "ebs".to_owned(),
        devices: vec![Device {
            device_name: "/dev/xvda".to_owned(),
            snapshot_id: Some(SnapshotId::from(SNAPSHOT)),
            size_gib: Some(8),
            delete_on_termination: true,
        }],
        root_device_name: Some("/dev/xvda".to_owned()),
        imds_support: Some("v2.0".to_owned()),
        source_instance_id: None,
        source_image_id: Some(ImageId::from(SOURCE)),
        product_codes: Vec::new(),
        tags: build_owner().tags(&Tags::new(), Role::Image, 1, None),
    }
}

/// Somebody else's image of the same name.
pub fn foreign_image() -> Image {
    Image { id: ImageId::from("ami-0000000000000dead"), tags: Tags::new(), ..image(ImageState::Available) }
}

pub fn source_image(state: ImageState) -> Image {
    Image { id: ImageId::from(SOURCE), name: "base".to_owned(), tags: Tags::new(), ..image(state) }
}

/// A copy by our replication's first attempt, in Ireland.
pub fn copy(state: ImageState) -> Image {
    Image { tags: copy_owner().tags(&channel(), Role::Copy, 1, None), ..image(state) }
}

pub fn channel() -> Tags {
    tags(&[("channel", "stable")])
}

pub fn snapshot(progress: u8) -> Snapshot {
    Snapshot {
        id: SnapshotId::from(SNAPSHOT),
        state: SnapshotState::Pending,
        progress,
        state_message: None,
        tags: build_owner().tags(&Tags::new(), Role::Image, 1, None),
    }
}

/// What a guest of the first attempt prints.
pub fn console(payloads: &[&str]) -> String {
    let line = |payload: &&str| {
        format!("::ami-operator:{}:{payload}:{}::\n", Nonce::for_token(&token()), cksum(payload.as_bytes()))
    };
    payloads.iter().map(line).collect()
}

/// POSIX `cksum`.
fn cksum(bytes: &[u8]) -> u32 {
    let length = bytes.len().to_le_bytes();
    let digits = length.len() - length.iter().rev().take_while(|b| **b == 0).count();
    let all = bytes.iter().chain(length.iter().take(digits));
    !all.fold(0_u32, |sum, byte| {
        (0..8).fold(sum ^ (u32::from(*byte) << 24), |sum, _| {
            (sum << 1) ^ if sum >> 31 == 1 { 0x04c1_1db7 } else { 0 }
        })
    })
}

/// An `ImageBuild` and what is seen of AWS.
pub struct Build {
    pub owner: Owner,
    pub spec: ImageBuildSpec,
    pub status: ImageBuildStatus,
    pub deleting: bool,
    pub held: bool,
    pub base: Option<BaseBuild>,
    pub now: Timestamp,
    pub sightings: Sightings,
}

impl Build {
    /// Held by our finalizer, and nothing more.
    pub fn new() -> Self {
        let spec = json!({
            "region": "us-east-1",
            "source": {"imageID": SOURCE},
            "builder": {"instanceTypes": ["m7i.large", "m6i.large"]},
        });
        Self {
            owner: build_owner(),
            spec: serde_json::from_value(spec).expect("a spec"),
            status: ImageBuildStatus::default(),
            deleting: false,
            held: true,
            base: None,
            now: at(0),
            sightings: Sightings::default(),
        }
    }

    pub fn resolved() -> Self {
        let source = SourceStatus {
            image_id: ImageId::from(SOURCE),
            name: "base".to_owned(),
            owner_id: "137112412989".to_owned(),
            architecture: "x86_64".to_owned(),
            created_at: None,
            root_device_name: Some("/dev/xvda".to_owned()),
            devices: vec![DeviceStatus { device_name: "/dev/xvda".to_owned(), delete_on_termination: true }],
        };
        Self::new().with(|b| b.status.source = Some(source))
    }

    /// The intent to launch was written so many seconds ago.
    pub fn launching(age: i64) -> Self {
        let builder = BuilderStatus {
            client_token: token(),
            requested_at: time(-age),
            instance_type: "m7i.large".to_owned(),
            subnet_id: None,
            instance_id: None,
            availability_zone: None,
            running_at: None,
            stopped_at: None,
            refused: None,
            uncertain: None,
            terminating_at: None,
            terminated_at: None,
        };
        Self::resolved().with(|b| {
            b.status.attempt = Some(1);
            b.status.start_time = Some(time(-age));
            b.status.builder = Some(builder);
        })
    }

    /// The instance's id is known since then.
    pub fn launched(age: i64) -> Self {
        Self::launching(age).builder(|b| b.instance_id = Some(InstanceId::from(BUILDER)))
    }

    pub fn running(age: i64) -> Self {
        Self::launched(age).builder(|b| b.running_at = Some(time(-age)))
    }

    /// The guest shut itself down so many seconds ago.
    pub fn stopped(age: i64) -> Self {
        Self::running(age + 60).builder(|b| b.stopped_at = Some(time(-age)))
    }

    /// The intent to make the image was written so many seconds ago.
    pub fn imaging(age: i64) -> Self {
        let image = ImageStatus {
            name: "images-web".to_owned(),
            region: region(),
            requested_at: time(-age),
            image_id: None,
            uncertain: None,
            architecture: None,
            snapshots: Vec::new(),
            used_snapshots: Vec::new(),
            available_at: None,
            removed_at: None,
        };
        Self::stopped(age).with(|b| b.status.image = Some(image))
    }

    /// The image's id is known since then.
    pub fn imaged(age: i64) -> Self {
        Self::imaging(age).image(|i| i.image_id = Some(ImageId::from(IMAGE)))
    }

    pub fn available() -> Self {
        Self::imaged(400).image(|i| i.available_at = Some(time(-10)))
    }

    /// Its builder is gone, too.
    pub fn completed() -> Self {
        Self::available().terminated().with(|b| b.status.completion_time = Some(time(-1)))
    }

    pub fn terminating(self) -> Self {
        self.builder(|b| b.terminating_at = Some(time(-20)))
    }

    pub fn terminated(self) -> Self {
        self.terminating().builder(|b| b.terminated_at = Some(time(-5)))
    }

    pub fn failed(self, reason: &str) -> Self {
        self.with(|b| {
            b.status.failure = Some(FailureStatus {
                reason: reason.to_owned(),
                message: "it broke".to_owned(),
                time: time(-1),
            });
        })
    }

    pub fn deleting(self, policy: DeletionPolicy) -> Self {
        self.with(|b| {
            b.deleting = true;
            b.spec.deletion_policy = policy;
        })
    }

    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub fn builder(mut self, change: impl FnOnce(&mut BuilderStatus)) -> Self {
        change(self.status.builder.as_mut().expect("a builder"));
        self
    }

    pub fn image(mut self, change: impl FnOnce(&mut ImageStatus)) -> Self {
        change(self.status.image.as_mut().expect("an image"));
        self
    }

    pub fn sees(self, query: Query, answer: Answer) -> Self {
        self.with(|b| b.sightings.insert(&region(), query, Seen::Present(answer)))
    }

    pub fn sees_instance(self, instance: Instance) -> Self {
        self.sees(Query::Instance(InstanceId::from(BUILDER)), Answer::Instance(Box::new(instance)))
    }

    pub fn sees_image(self, image: Image) -> Self {
        self.sees(Query::Image(image.id.clone()), Answer::Image(Box::new(image)))
    }

    pub fn sees_images_of_ours(self, images: Vec<Image>) -> Self {
        let query = Query::ImagesOf(self.owner.uid.clone());
        self.sees(query, Answer::Images(images))
    }

    pub fn sees_named(self, images: Vec<Image>) -> Self {
        self.sees(Query::ImagesNamed("images-web".to_owned()), Answer::Images(images))
    }

    pub fn sees_snapshots(self, snapshots: Vec<Snapshot>) -> Self {
        let query = Query::SnapshotsOf(self.owner.uid.clone());
        self.sees(query, Answer::Snapshots(snapshots))
    }

    /// So many answers in a row did not hold it, the first so many seconds ago.
    pub fn misses(self, query: Query, checks: u32, age: i64) -> Self {
        self.with(|b| b.sightings.insert(&region(), query, Seen::Absent { checks, since: at(-age) }))
    }

    /// Often enough, and long enough.
    pub fn lacks(self, query: Query) -> Self {
        self.misses(query, 5, 60)
    }

    /// No image and no snapshot of ours.
    pub fn lacks_images(self) -> Self {
        let uid = self.owner.uid.clone();
        self.lacks(Query::ImagesOf(uid.clone()))
            .lacks(Query::SnapshotsOf(uid))
            .lacks(Query::Image(ImageId::from(IMAGE)))
    }

    pub fn cannot_see(self, query: Query, code: &str) -> Self {
        self.with(|b| b.sightings.insert_error(&region(), query, error(code)))
    }

    pub fn view(&self) -> BuildView<'_> {
        BuildView {
            owner: &self.owner,
            spec: &self.spec,
            status: &self.status,
            deleting: self.deleting,
            held: self.held,
            base: self.base.clone(),
            now: self.now,
        }
    }

    pub fn plan(&self) -> BuildPlan {
        build::plan(&self.view(), &self.sightings)
    }

    /// The plan as golden text.
    pub fn says(&self) -> String {
        let plan = self.plan();
        plan.step.as_ref().map_or_else(|| progress(&plan.progress), build_step)
    }

    pub fn call(&self) -> BuildCall {
        match self.plan().step {
            Some(BuildStep::Call(call)) => call,
            other => panic!("no call but {other:?}"),
        }
    }

    /// The status after the plan's step had this outcome.
    pub fn after(&self, outcome: &Outcome) -> ImageBuildStatus {
        let seeing = Seeing { generation: Some(1), reconcile_requested_at: None };
        crate::status::build::project(&self.view(), &self.plan(), outcome, &seeing)
    }
}

pub fn instance_query() -> Query {
    Query::Instance(InstanceId::from(BUILDER))
}

pub fn token_query() -> Query {
    Query::InstanceByToken(token())
}

pub fn name_query() -> Query {
    Query::ImagesNamed("images-web".to_owned())
}

pub fn image_query() -> Query {
    Query::Image(ImageId::from(IMAGE))
}

pub fn progress(progress: &Progress) -> String {
    match progress {
        Progress::Moving(waiting_on) => format!("wait {}", waiting_on.reason()),
        Progress::Trouble(error) => format!("trouble {}", error.class().reason()),
        Progress::Blocked(failure) => format!("blocked {}", failure.reason),
        Progress::Done => "done".to_owned(),
        Progress::Rejected(failure) => format!("rejected {}", failure.reason),
    }
}

fn build_step(step: &BuildStep) -> String {
    match step {
        BuildStep::Hold => "hold".to_owned(),
        BuildStep::Release => "release".to_owned(),
        BuildStep::Record(record) => build_record(record),
        BuildStep::Call(call) => build_call(call),
    }
}

fn build_record(record: &BuildRecord) -> String {
    match record {
        BuildRecord::Source(source) => format!("record source {}", source.image_id),
        BuildRecord::Attempt { number, builder } => {
            let subnet = builder.subnet_id.as_deref().unwrap_or("any subnet");
            format!("record attempt {number}: {} in {subnet}", builder.instance_type)
        }
        BuildRecord::Launched(instance) => format!("record launched {}", instance.id),
        BuildRecord::Running => "record running".to_owned(),
        BuildRecord::Stopped => "record stopped".to_owned(),
        BuildRecord::Refused(failure) => format!("record refused {}", failure.reason),
        BuildRecord::Customized { image, .. } => format!("record customized, image {}", image.name),
        BuildRecord::Failed { failure, .. } => format!("record failed {}", failure.reason),
        BuildRecord::ImageFound { image_id, .. } => format!("record found {image_id}"),
        BuildRecord::ImageAvailable(_) => "record available".to_owned(),
        BuildRecord::ImageKept(id) => format!("record kept {id}"),
        BuildRecord::ImageGone => "record image gone".to_owned(),
        BuildRecord::BuilderGone => "record builder gone".to_owned(),
        BuildRecord::Completed => "record completed".to_owned(),
    }
}

fn build_call(call: &BuildCall) -> String {
    match call {
        BuildCall::RunInstances(request) => format!("RunInstances {}", request.instance_type),
        BuildCall::TerminateInstances { id, .. } => format!("TerminateInstances {id}"),
        BuildCall::CreateImage(request) => format!("CreateImage {}", request.name),
        BuildCall::RequireImdsV2 { id, .. } => format!("RequireImdsV2 {id}"),
        BuildCall::DeregisterImage { id, .. } => format!("DeregisterImage {id}"),
        BuildCall::DeleteSnapshot { id, .. } => format!("DeleteSnapshot {id}"),
    }
}

/// An `ImageReplication` of `SOURCE` in us-east-1 into Ireland, and what is seen of AWS there.
pub struct Replication {
    pub owner: Owner,
    pub spec: ImageReplicationSpec,
    pub status: ImageReplicationStatus,
    pub deleting: bool,
    pub held: bool,
    pub base: Option<(BaseBuild, String)>,
    pub now: Timestamp,
    pub sightings: Sightings,
}

pub fn replication_source() -> ReplicationSourceStatus {
    ReplicationSourceStatus {
        image_build_name: None,
        image_id: ImageId::from(SOURCE),
        region: region(),
        name: "base".to_owned(),
    }
}

/// A copy whose call was written down so many seconds ago.
pub fn asked(region: &str, age: i64) -> DestinationStatus {
    let region = Region::from(region);
    let source = ImageId::from(SOURCE);
    DestinationStatus {
        client_token: Some(naming::copy_token(&copy_owner(), &region, &source, None, 1)),
        region,
        image_id: None,
        source_image_id: Some(source),
        snapshot_ids: Vec::new(),
        used_snapshots: Vec::new(),
        attempt: Some(1),
        requested_at: Some(time(-age)),
        uncertain: None,
        progress: None,
        available_at: None,
        observed_generation: None,
        tag_keys: vec!["channel".to_owned()],
        failure: None,
        conditions: Vec::new(),
        previous: Vec::new(),
    }
}

/// A copy whose id is known.
pub fn begun(region: &str, age: i64) -> DestinationStatus {
    DestinationStatus { image_id: Some(ImageId::from(IMAGE)), ..asked(region, age) }
}

/// A copy that is available, and as generation 1 wants it.
pub fn kept(region: &str) -> DestinationStatus {
    DestinationStatus {
        available_at: Some(time(-500)),
        observed_generation: Some(1),
        snapshot_ids: vec![SnapshotId::from(SNAPSHOT)],
        ..begun(region, 600)
    }
}

pub fn previous_copy() -> PreviousCopy {
    PreviousCopy { image_id: ImageId::from("ami-00000000000000002"), source_image_id: None }
}

/// The image that [`previous_copy`] names.
pub fn previous_image() -> Image {
    let device = Device {
        device_name: "/dev/xvda".to_owned(),
        snapshot_id: Some(SnapshotId::from("snap-00000000000000002")),
        size_gib: Some(8),
        delete_on_termination: true,
    };
    Image { id: previous_copy().image_id, devices: vec![device], ..copy(ImageState::Available) }
}

impl Replication {
    pub fn new() -> Self {
        let spec = json!({
            "source": {"image": {"imageID": SOURCE, "region": "us-east-1"}},
            "destinations": [{"region": "eu-west-1"}],
            "tags": {"channel": "stable"},
        });
        Self {
            owner: copy_owner(),
            spec: serde_json::from_value(spec).expect("a spec"),
            status: ImageReplicationStatus::default(),
            deleting: false,
            held: true,
            base: None,
            now: at(0),
            sightings: Sightings::default(),
        }
    }

    /// Its source is known, and these copies.
    pub fn of(destinations: Vec<DestinationStatus>) -> Self {
        Self::new().with(|r| {
            r.status.source = Some(replication_source());
            r.status.destinations = destinations;
        })
    }

    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub fn into_regions(self, regions: &[&str]) -> Self {
        self.with(|r| {
            let list: Vec<_> = regions.iter().map(|region| json!({"region": region})).collect();
            r.spec.destinations = serde_json::from_value(json!(list)).expect("destinations");
        })
    }

    pub fn deleting(self, policy: DeletionPolicy) -> Self {
        self.with(|r| {
            r.deleting = true;
            r.spec.deletion_policy = policy;
        })
    }

    pub fn sees(self, query: Query, answer: Answer) -> Self {
        self.with(|r| r.sightings.insert(&ireland(), query, Seen::Present(answer)))
    }

    pub fn sees_image(self, image: Image) -> Self {
        self.sees(Query::Image(image.id.clone()), Answer::Image(Box::new(image)))
    }

    pub fn sees_images_of_ours(self, images: Vec<Image>) -> Self {
        let query = Query::ImagesOf(self.owner.uid.clone());
        self.sees(query, Answer::Images(images))
    }

    pub fn sees_snapshots(self, snapshots: Vec<Snapshot>) -> Self {
        let query = Query::SnapshotsOf(self.owner.uid.clone());
        self.sees(query, Answer::Snapshots(snapshots))
    }

    pub fn misses(self, query: Query, checks: u32, age: i64) -> Self {
        self.with(|r| r.sightings.insert(&ireland(), query, Seen::Absent { checks, since: at(-age) }))
    }

    pub fn lacks_images(self) -> Self {
        let uid = self.owner.uid.clone();
        self.misses(Query::ImagesOf(uid.clone()), 5, 60).misses(Query::SnapshotsOf(uid), 5, 60).misses(
            image_query(),
            5,
            60,
        )
    }

    pub fn cannot_see(self, query: Query, code: &str) -> Self {
        self.with(|r| r.sightings.insert_error(&ireland(), query, error(code)))
    }

    pub fn view(&self) -> ReplicationView<'_> {
        ReplicationView {
            owner: &self.owner,
            spec: &self.spec,
            status: &self.status,
            deleting: self.deleting,
            held: self.held,
            generation: Some(1),
            base: self.base.clone(),
            now: self.now,
        }
    }

    pub fn plan(&self) -> ReplicationPlan {
        replication::plan(&self.view(), &self.sightings)
    }

    /// The plan for Ireland.
    pub fn ireland(&self) -> DestinationPlan {
        self.plan().destinations.remove(&ireland()).expect("a plan for Ireland")
    }

    /// The plan for Ireland as golden text.
    pub fn says(&self) -> String {
        let plan = self.ireland();
        plan.step.as_ref().map_or_else(|| progress(&plan.progress), destination_step)
    }

    /// The status after the step in Ireland had this outcome.
    pub fn after(&self, outcome: Outcome) -> ImageReplicationStatus {
        let seeing = Seeing { generation: Some(1), reconcile_requested_at: None };
        let outcomes = Outcomes::from([(ireland(), outcome)]);
        crate::status::replication::project(&self.view(), &self.plan(), &outcomes, &seeing)
    }
}

fn destination_step(step: &DestinationStep) -> String {
    match step {
        DestinationStep::Record(record) => destination_record(record),
        DestinationStep::Call(call) => destination_call(call),
    }
}

fn destination_record(record: &DestinationRecord) -> String {
    match record {
        DestinationRecord::Attempt(intent) => {
            format!("record attempt {} ({} previous)", intent.attempt.unwrap_or(0), intent.previous.len())
        }
        DestinationRecord::Found(id) => format!("record found {id}"),
        DestinationRecord::Available(image) => format!("record available {}", image.id),
        DestinationRecord::InSync => "record in sync".to_owned(),
        DestinationRecord::Failed(failure) => format!("record failed {}", failure.reason),
        DestinationRecord::FailedRemoved => "record failed copy removed".to_owned(),
        DestinationRecord::Lost => "record lost".to_owned(),
        DestinationRecord::Dropped => "record dropped".to_owned(),
    }
}

fn destination_call(call: &DestinationCall) -> String {
    match call {
        DestinationCall::CopyImage(request) => format!("CopyImage {}", request.source_image_id),
        DestinationCall::DeregisterImage { id, .. } => format!("DeregisterImage {id}"),
        DestinationCall::DeleteSnapshot { id, .. } => format!("DeleteSnapshot {id}"),
        DestinationCall::CreateTags { tags, repair, .. } => {
            format!("CreateTags {tags:?}{}", if *repair { " as repair" } else { "" })
        }
        DestinationCall::DeleteTags { keys, .. } => format!("DeleteTags {keys:?}"),
    }
}
