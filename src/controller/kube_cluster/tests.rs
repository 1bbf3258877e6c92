//! What the API server is asked for.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use http_body_util::BodyExt;
use hyper::{Method, Request, Response};
use kube::client::Body;
use tower::service_fn;

use super::*;

/// An API server that takes what it is sent, and remembers it.
#[derive(Clone, Default)]
struct Server(Arc<Mutex<Vec<(Method, Value)>>>);

impl Server {
    fn cluster(&self) -> KubeCluster {
        let server = self.clone();
        let service = service_fn(move |request| server.clone().take(request));
        KubeCluster::new(Client::new(service, "default"))
    }

    async fn take(self, request: Request<Body>) -> Result<Response<Body>, Infallible> {
        let method = request.method().clone();
        let body = request.into_body().collect().await.expect("a body").to_bytes();
        let sent = serde_json::from_slice(&body).expect("JSON");
        self.0.lock().expect("a lock").push((method, sent));
        Ok(Response::new(Body::from(body.to_vec())))
    }
}

fn copied(message: &str) -> Note {
    Note { warning: false, reason: "Copied".to_owned(), message: message.to_owned() }
}

#[tokio::test]
async fn each_note_about_an_object_is_an_event_of_its_own() {
    let server = Server::default();
    let cluster = server.cluster();
    let subject =
        Subject { kind: "ImageReplication", namespace: "images".to_owned(), name: "web".to_owned() };
    for region in ["eu-west-1", "eu-west-3"] {
        cluster.publish(&subject, "uid", &copied(region)).await;
    }
    let sent = server.0.lock().expect("a lock").clone();
    let told: Vec<_> = sent.iter().map(|(method, event)| (method, event["note"].as_str())).collect();
    assert_eq!(told, [(&Method::POST, Some("eu-west-1")), (&Method::POST, Some("eu-west-3"))]);
    assert_ne!(sent[0].1["metadata"]["name"], sent[1].1["metadata"]["name"]);
}
