//! An HTTP client that keeps what is sent and answers as told.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex},
};

use aws_sdk_ec2::config::{Credentials, HttpClient, RuntimeComponents, SharedHttpClient};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
};

use crate::{ec2::aws::AwsEc2, model::Action};

#[derive(Debug)]
pub enum Reply {
    Answer(u16, String),
    /// The connection stays open, and nothing comes.
    Silence,
    /// The connection is reset.
    Reset,
}

/// EC2 did it: `content` stands between the tags of the response.
pub fn done(action: Action, content: &str) -> Reply {
    Reply::Answer(200, format!("<{action}Response><requestId/>{content}</{action}Response>"))
}

/// EC2 refused.
pub fn refused(status: u16, code: &str, message: &str) -> Reply {
    let error = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    Reply::Answer(status, format!("<Response><Errors>{error}</Errors><RequestID/></Response>"))
}

#[derive(Clone, Debug, Default)]
pub struct Wire(Arc<Mutex<Traffic>>);

#[derive(Debug, Default)]
struct Traffic {
    sent: Vec<Sent>,
    replies: VecDeque<Reply>,
}

#[derive(Clone, Debug)]
pub struct Sent {
    pub uri: String,
    pub body: String,
}

impl Sent {
    /// The parameters of a query, a line each, in order; without the API version.
    pub fn parameters(&self) -> String {
        let pairs = form_urlencoded::parse(self.body.as_bytes());
        let lines: BTreeSet<_> =
            pairs.filter(|(key, _)| key != "Version").map(|(key, value)| format!("{key}={value}")).collect();
        lines.into_iter().collect::<Vec<_>>().join("\n")
    }

    pub fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = form_urlencoded::parse(self.body.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

impl Wire {
    pub fn replying(replies: impl IntoIterator<Item = Reply>) -> Self {
        Self(Arc::new(Mutex::new(Traffic { sent: Vec::new(), replies: replies.into_iter().collect() })))
    }

    pub fn ec2(&self) -> AwsEc2 {
        let credentials = Credentials::new("AKIAEXAMPLE", "secret", None, None, "test");
        AwsEc2::with_http_client(self.http(), credentials, Arc::new(()))
    }

    pub fn http(&self) -> SharedHttpClient {
        SharedHttpClient::new(self.clone())
    }

    pub fn sent(&self) -> Vec<Sent> {
        self.0.lock().unwrap().sent.clone()
    }

    /// The only request that went out.
    pub fn request(&self) -> Sent {
        let sent = self.sent();
        assert_eq!(sent.len(), 1, "{sent:?}");
        sent.into_iter().next().unwrap()
    }
}

impl HttpClient for Wire {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = String::from_utf8(request.body().bytes().unwrap().to_vec()).unwrap();
        let mut traffic = self.0.lock().unwrap();
        traffic.sent.push(Sent { uri: request.uri().to_owned(), body });
        match traffic.replies.pop_front().expect("a reply for each request") {
            Reply::Answer(status, body) => {
                let mut response = HttpResponse::new(status.try_into().unwrap(), body.into());
                response.headers_mut().insert("x-amzn-requestid", "r-1");
                HttpConnectorFuture::ready(Ok(response))
            }
            Reply::Silence => HttpConnectorFuture::new(std::future::pending()),
            Reply::Reset => {
                HttpConnectorFuture::ready(Err(ConnectorError::io("connection reset by peer".into())))
            }
        }
    }
}
