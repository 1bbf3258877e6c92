//! Which image is copied, and which cannot be.

use std::sync::Arc;

use ami_operator::{ec2::poller::Subject, model::Action};
use ec2sim::core::{records::ProductCode, world::World};
use serde_json::json;

use super::{
    Flow, replication,
    replication_tests::{HOUR, default_spec, destination, ready},
    world::{ACCOUNT, condition, with},
};

const ID: &str = "ami-0123456789abcdef0";
const VENDOR: &str = "999999999999";

/// An image of somebody else that our account may launch.
fn shared_by_a_vendor(flow: &Flow) {
    flow.seed_image(ID, "appliance");
    flow.meddle(|world| {
        let region = world.region_mut("us-east-1");
        let image = region.images.get_mut(ID).map(Arc::make_mut).expect("the image");
        VENDOR.clone_into(&mut image.owner);
        image.permissions.users.insert(ACCOUNT.to_owned());
        for id in image.devices.iter().filter_map(|d| d.ebs.as_ref()?.snapshot_id.clone()) {
            let snapshot = region.snapshots.get_mut(&id).map(Arc::make_mut).expect("its snapshot");
            VENDOR.clone_into(&mut snapshot.owner);
            snapshot.permissions = ec2sim::core::records::Permissions::default();
        }
    });
}

fn share_snapshots(world: &mut World) {
    let region = world.region_mut("us-east-1");
    let ids: Vec<String> = region.images[ID].snapshot_ids().map(str::to_owned).collect();
    for id in ids {
        let snapshot = region.snapshots.get_mut(&id).map(Arc::make_mut).expect("its snapshot");
        snapshot.permissions.users.insert(ACCOUNT.to_owned());
    }
}

fn copy_of_it(flow: &mut Flow) -> Subject {
    let copies = replication("appliance");
    let source = json!({"image": {"imageID": ID, "region": "us-east-1"}});
    flow.apply(&copies, with(default_spec(), "/source", source));
    copies
}

#[tokio::test(start_paused = true)]
async fn a_shared_image_whose_snapshots_are_not_shared_waits_for_its_owner() {
    let mut flow = Flow::new();
    shared_by_a_vendor(&flow);
    let copies = copy_of_it(&mut flow);
    flow.until("stalled", HOUR, |f| f.is_true(&copies, "Stalled")).await;
    let (_, reason, message) = condition(&destination(&flow, &copies, "eu-west-1"), "Stalled");
    assert_eq!(reason, "SnapshotsNotShared");
    assert!(message.contains("createVolumePermission"), "{message}");
    flow.meddle(share_snapshots);
    ready(&mut flow, &copies).await;
}

#[tokio::test(start_paused = true)]
async fn somebody_else_s_product_is_refused_before_anything_is_copied() {
    let mut flow = Flow::new();
    shared_by_a_vendor(&flow);
    flow.meddle(|world| {
        share_snapshots(world);
        let image = world.region_mut("us-east-1").images.get_mut(ID).map(Arc::make_mut).expect("the image");
        image.product_codes.push(ProductCode { id: "code-1".to_owned(), kind: "marketplace".to_owned() });
    });
    let copies = copy_of_it(&mut flow);
    flow.until("stalled", HOUR, |f| f.is_true(&copies, "Stalled")).await;
    let (_, reason, message) = flow.condition(&copies, "SourceResolved");
    assert_eq!(reason, "SourceNotCopyable");
    assert!(message.contains(VENDOR) && message.contains("product code code-1"), "{message}");
    assert_eq!(flow.ec2.count(Action::CopyImage), 0);
}
