use serde_json::{Value, json};

use super::{
    frankfurt, tags,
    wire::{Reply, Wire},
};
use crate::{
    ec2::parameters::Parameters,
    model::{ParameterTier, PutParameter, Tags},
};

const NAME: &str = "/images/web";

fn answered(status: u16, body: &Value) -> Wire {
    Wire::replying([Reply::Answer(status, body.to_string())])
}

fn put(new_with: Option<Tags>) -> PutParameter {
    PutParameter { region: frankfurt(), name: NAME.into(), value: "ami-1".into(), tier: None, new_with }
}

fn body(wire: &Wire) -> Value {
    serde_json::from_str(&wire.request().body).unwrap()
}

#[tokio::test]
async fn a_new_parameter_has_tags_and_overwrites_nothing() {
    let wire = answered(200, &json!({}));
    wire.ec2().put_parameter(&put(Some(tags()))).await.unwrap();
    let expected = json!({
        "Name": NAME,
        "Value": "ami-1",
        "Type": "String",
        "DataType": "aws:ec2:image",
        "Tags": [{"Key": "ami-operator.dev/uid", "Value": "u-1"}, {"Key": "team", "Value": "web"}],
    });
    assert_eq!(body(&wire), expected);
}

#[tokio::test]
async fn a_parameter_is_changed_without_tags() {
    let wire = answered(200, &json!({}));
    wire.ec2().put_parameter(&put(None)).await.unwrap();
    assert_eq!((&body(&wire)["Overwrite"], &body(&wire)["Tags"]), (&json!(true), &Value::Null));
}

#[tokio::test]
async fn the_tier_of_a_parameter_is_spelled_as_aws_spells_it() {
    for (tier, spelled) in [
        (ParameterTier::Standard, "Standard"),
        (ParameterTier::Advanced, "Advanced"),
        (ParameterTier::IntelligentTiering, "Intelligent-Tiering"),
    ] {
        let wire = answered(200, &json!({}));
        wire.ec2().put_parameter(&PutParameter { tier: Some(tier), ..put(None) }).await.unwrap();
        assert_eq!(body(&wire)["Tier"], spelled);
    }
}

#[tokio::test]
async fn the_tags_of_a_parameter_are_read() {
    let wire = answered(200, &json!({"TagList": [{"Key": "team", "Value": "web"}]}));
    let found = wire.ec2().parameter_tags(&frankfurt(), NAME).await.unwrap();
    assert_eq!(found, Some([("team".to_owned(), "web".to_owned())].into()));
}

#[tokio::test]
async fn a_parameter_that_is_gone_has_no_tags_and_needs_no_deletion() {
    let gone = answered(400, &json!({"__type": "InvalidResourceId"}));
    assert_eq!(gone.ec2().parameter_tags(&frankfurt(), NAME).await.unwrap(), None);
    let gone = answered(400, &json!({"__type": "ParameterNotFound"}));
    assert!(gone.ec2().delete_parameter(&frankfurt(), NAME).await.is_ok());
}
