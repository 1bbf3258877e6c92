//! The AWS SDK for Rust without a socket.

use std::{fmt, sync::Arc};

use aws_smithy_runtime_api::{
    client::{
        http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    http::Response,
};
use aws_smithy_types::body::SdkBody;
use hyper::Request;

use super::Front;

/// An HTTP client for `aws_config::ConfigLoader::http_client` that is answered by a front in this process.
///
/// *Guarantees*: the SDK's own serialisers, retries and timeouts run as against AWS; region and service are those of the
/// request's signature and the account that of its access key, so that one client serves all clients of a test.
/// *Assumptions*: bodies are in memory, which those of EC2, STS and SSM are.
#[derive(Clone)]
pub struct InProcess(Arc<Front>);

impl InProcess {
    pub fn new(front: Arc<Front>) -> Self {
        Self(front)
    }

    fn answer(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let user = |error: Box<dyn std::error::Error + Send + Sync>| ConnectorError::user(error);
        let request = request.try_into_http1x().map_err(|error| user(error.into()))?;
        let (parts, body) = request.into_parts();
        let body = body.bytes().ok_or_else(|| user("the body is a stream".into()))?.to_vec();
        let response = self.0.answer(&Request::from_parts(parts, body)).map(SdkBody::from);
        Response::try_from(response).map_err(|error| user(error.into()))
    }
}

impl fmt::Debug for InProcess {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("InProcess")
    }
}

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::ready(self.answer(request))
    }
}

impl HttpClient for InProcess {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{Sim, clock::Clock, profile::Profile, world::World};

    fn client() -> InProcess {
        let clock = Clock::tokio("2026-01-01T00:00:00Z".parse().expect("a time"));
        let now = clock.now();
        InProcess::new(Arc::new(Front::new(
            Arc::new(Sim::new(World::new(1, now), now, Profile::test())),
            clock,
        )))
    }

    fn describe_vpcs(region: &str) -> HttpRequest {
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260101/{region}/ec2/aws4_request");
        let request = Request::builder()
            .method("POST")
            .uri(format!("https://ec2.{region}.amazonaws.com/"))
            .header("authorization", authorization)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(SdkBody::from("Action=DescribeVpcs&Version=2016-11-15"));
        HttpRequest::try_from(request.expect("valid")).expect("valid")
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_is_answered_in_the_region_of_its_signature() {
        let client = client();
        let mut answers = Vec::new();
        for region in ["us-east-1", "eu-west-1"] {
            let response = client.call(describe_vpcs(region)).await.expect("answered");
            assert_eq!(response.status().as_u16(), 200);
            answers
                .push(String::from_utf8(response.body().bytes().expect("in memory").to_vec()).expect("text"));
        }
        assert!(answers[0].contains("<isDefault>true</isDefault>"));
        let vpc = |answer: &str| answer.split_once("<vpcId>").map(|(_, rest)| rest[..21].to_owned());
        assert_ne!(vpc(&answers[0]), vpc(&answers[1]));
    }
}
