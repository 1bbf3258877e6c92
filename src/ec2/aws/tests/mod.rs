//! What goes over the wire for each verb, and what is made of the answers.

mod answers;
mod commands;
mod failures;
mod parameters;
mod requests;
mod sweeps;
mod upkeep;
mod wire;

use crate::model::{ClientToken, CopyImage, CreateImage, LaunchVolume, Region, RunInstances, Tags};

fn frankfurt() -> Region {
    "eu-central-1".into()
}

fn tags() -> Tags {
    [("ami-operator.dev/uid", "u-1"), ("team", "web")].map(|(key, value)| (key.into(), value.into())).into()
}

fn strings<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).into()
}

fn launch() -> RunInstances {
    RunInstances {
        region: frankfurt(),
        client_token: ClientToken("token-1".into()),
        image_id: "ami-1".into(),
        instance_type: "m7i.large".into(),
        subnet_id: None,
        security_group_ids: Vec::new(),
        instance_profile: None,
        user_data: "#cloud-config".into(),
        volumes: vec![LaunchVolume { device_name: "/dev/xvda".into(), ..LaunchVolume::default() }],
        tags: tags(),
    }
}

fn new_image() -> CreateImage {
    CreateImage {
        boot_mode: None,
        region: frankfurt(),
        instance_id: "i-1".into(),
        name: "web-1".into(),
        description: None,
        kept_devices: Vec::new(),
        tags: tags(),
    }
}

fn copy() -> CopyImage {
    CopyImage {
        region: frankfurt(),
        client_token: ClientToken("token-2".into()),
        source_image_id: "ami-1".into(),
        source_region: "us-east-1".into(),
        name: "web-1".into(),
        kms_key_id: None,
        completion_minutes: None,
        tags: tags(),
    }
}
