use super::*;
use crate::lab::Lab;

struct Machine {
    lab: Lab,
    id: String,
}

impl Machine {
    fn with(more: &[(&str, &str)]) -> Self {
        let lab = Lab::new();
        let id = lab.launch(more);
        Self { lab, id }
    }

    fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).expect("a request");
        let response = answer(&self.lab.sim.world(), self.lab.now(), &self.id, &request);
        (response.status().as_u16(), String::from_utf8(response.into_body()).expect("text"))
    }

    fn token(&self, seconds: &str) -> String {
        let (status, token) = self.ask(Method::PUT, "/latest/api/token", &[(TOKEN_TTL, seconds)]);
        assert_eq!(status, 200);
        token
    }

    fn read(&self, path: &str) -> (u16, String) {
        self.ask(Method::GET, path, &[(TOKEN, &self.token("60"))])
    }
}

const REQUIRED: [(&str, &str); 1] = [("MetadataOptions.HttpTokens", "required")];

#[test]
fn where_tokens_are_required_nothing_is_read_without_one() {
    let machine = Machine::with(&REQUIRED);
    assert_eq!(machine.ask(Method::GET, "/latest/meta-data/instance-id", &[]).0, 401);
    assert_eq!(machine.ask(Method::GET, "/latest/meta-data/", &[(TOKEN, "made-up")]).0, 401);
    assert_eq!(machine.read("/latest/meta-data/instance-id"), (200, machine.id.clone()));
}

#[test]
fn where_tokens_are_optional_a_wrong_one_is_still_refused() {
    let machine = Machine::with(&[("MetadataOptions.HttpTokens", "optional")]);
    assert_eq!(machine.ask(Method::GET, "/latest/meta-data/instance-id", &[]).0, 200);
    assert_eq!(machine.ask(Method::GET, "/latest/meta-data/instance-id", &[(TOKEN, "made-up")]).0, 401);
}

#[test]
fn a_token_ends_and_is_no_other_machines() {
    let machine = Machine::with(&REQUIRED);
    let token = machine.token("60");
    let other = Machine { lab: machine.lab.clone(), id: machine.lab.launch(&REQUIRED) };
    assert_eq!(other.ask(Method::GET, "/latest/meta-data/", &[(TOKEN, &token)]).0, 401);
    machine.lab.wait(59);
    assert_eq!(machine.ask(Method::GET, "/latest/meta-data/", &[(TOKEN, &token)]).0, 200);
    machine.lab.wait(1);
    assert_eq!(machine.ask(Method::GET, "/latest/meta-data/", &[(TOKEN, &token)]).0, 401);
}

#[test]
fn a_token_needs_a_time_of_at_most_six_hours_and_no_proxy() {
    let machine = Machine::with(&[]);
    let put = |headers: &[(&str, &str)]| machine.ask(Method::PUT, "/latest/api/token", headers).0;
    assert_eq!(put(&[]), 400);
    assert_eq!(put(&[(TOKEN_TTL, "0")]), 400);
    assert_eq!(put(&[(TOKEN_TTL, "21601")]), 400);
    assert_eq!(put(&[(TOKEN_TTL, "21600")]), 200);
    assert_eq!(put(&[(TOKEN_TTL, "60"), ("x-forwarded-for", "10.0.0.1")]), 403);
}

#[test]
fn directories_list_their_names_and_end_in_a_slash() {
    let machine = Machine::with(&[]);
    assert_eq!(machine.read("/latest/"), (200, "dynamic\nmeta-data".to_owned()));
    let (_, names) = machine.read("/2021-03-23/meta-data");
    assert!(names.starts_with("ami-id\nami-launch-index\n"), "{names}");
    assert!(names.contains("\nblock-device-mapping/\n") && names.contains("\nplacement/\n"), "{names}");
    assert_eq!(machine.read("/latest/meta-data/network/").1, "interfaces/");
    assert_eq!(machine.read("/latest/meta-data/nothing").0, 404);
}

#[test]
fn user_data_comes_as_bytes_and_is_not_found_where_there_is_none() {
    assert_eq!(Machine::with(&[]).read("/latest/user-data").0, 404);
    let machine = Machine::with(&[("UserData", "IyEvYmluL3NoCg==")]);
    assert_eq!(machine.read("/2009-04-04/user-data"), (200, "#!/bin/sh\n".to_owned()));
}

#[test]
fn the_identity_document_and_the_zone_are_those_of_the_launch() {
    let machine = Machine::with(&[("Placement.AvailabilityZone", "us-east-1b")]);
    let (_, document) = machine.read("/latest/dynamic/instance-identity/document");
    let document: serde_json::Value = serde_json::from_str(&document).expect("JSON");
    assert_eq!(document["instanceId"], machine.id);
    assert_eq!(document["availabilityZone"], "us-east-1b");
    assert_eq!(machine.read("/latest/meta-data/placement/availability-zone").1, "us-east-1b");
}

#[test]
fn an_endpoint_that_is_disabled_answers_nothing() {
    let machine = Machine::with(&[("MetadataOptions.HttpEndpoint", "disabled")]);
    assert_eq!(machine.ask(Method::GET, "/latest/meta-data/", &[]).0, 403);
}
