use std::sync::Arc;

use hyper::{Request, Response};
use jiff::Timestamp;

use super::Front;
use crate::core::{
    Sim,
    clock::Clock,
    profile::Profile,
    world::{Identity, World},
};

const SCOPE: &str = "20261123/us-east-1/ec2/aws4_request";

fn front() -> Front {
    let start: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
    let sim = Sim::new(World::new(1, start), start, Profile::test());
    Front::new(Arc::new(sim), Clock::manual(start))
}

fn request(key: &str, body: &str) -> Request<Vec<u8>> {
    let authorization = format!("AWS4-HMAC-SHA256 Credential={key}/{SCOPE}, SignedHeaders=host, Signature=0");
    let request = Request::post("/").header("authorization", authorization);
    request.body(body.as_bytes().to_vec()).unwrap()
}

fn text(response: &Response<Vec<u8>>) -> String {
    String::from_utf8(response.body().clone()).unwrap()
}

#[test]
fn a_form_is_answered_in_xml() {
    let response = front().answer(&request("AKIA1", "Action=DescribeVpcs&Version=2016-11-15"));
    assert_eq!(response.status(), 200);
    assert!(
        text(&response).contains("<DescribeVpcsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">")
    );
}

#[test]
fn a_request_without_credentials_is_refused() {
    let request = Request::post("/").body(b"Action=DescribeVpcs".to_vec()).unwrap();
    let response = front().answer(&request);
    assert_eq!(response.status(), 400);
    assert!(text(&response).contains("<Code>MissingParameter</Code>"));
}

#[test]
fn a_presigned_address_carries_its_credential() {
    let credential = format!("AKIA1/{SCOPE}").replace('/', "%2F");
    let address = format!("/?Action=DescribeVpcs&X-Amz-Credential={credential}&X-Amz-Signature=0");
    let response = front().answer(&Request::get(address).body(Vec::new()).unwrap());
    assert_eq!(response.status(), 200);
}

#[test]
fn an_account_number_as_key_is_that_account() {
    let response = front().answer(&request("210987654321", "Action=DescribeVpcs"));
    assert!(text(&response).contains("<ownerId>210987654321</ownerId>"));
}

#[test]
fn expired_credentials_are_refused() {
    let front = front();
    let identity = Identity {
        account: "210987654321".to_owned(),
        principal: "arn:aws:sts::210987654321:assumed-role/r/s".to_owned(),
        user_id: "AROA:s".to_owned(),
        expires_at: Some(front.clock.now()),
    };
    front.sim.change(front.clock.now(), |world| world.access_keys.insert("ASIA1".to_owned(), identity));
    let response = front.answer(&request("ASIA1", "Action=DescribeVpcs"));
    assert!(text(&response).contains("<Code>RequestExpired</Code>"));
}

#[test]
fn an_action_that_is_not_simulated_is_unknown() {
    let response = front().answer(&request("AKIA1", "Action=CreateVpc"));
    assert!(text(&response).contains("<Errors><Error><Code>InvalidAction</Code>"));
}

#[test]
fn every_answer_has_its_own_request_id() {
    let front = front();
    let id = || {
        let response = front.answer(&request("AKIA1", "Action=DescribeVpcs"));
        response.headers().get("x-amzn-requestid").unwrap().clone()
    };
    assert_ne!(id(), id());
}
