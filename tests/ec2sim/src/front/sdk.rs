//! The AWS SDK for Rust without a socket.

use std::{fmt, future, io, sync::Arc};

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

use super::{Front, broken::Payload};
use crate::faults::Delivery;

/// An HTTP client for `aws_config::ConfigLoader::http_client` that is answered by a front in this process.
///
/// *Guarantees*: the SDK's own serializers, retries and timeouts run as against AWS; region and service are those of the
/// request's signature and the account that of its access key, so that one client serves all clients of a test.
/// *Assumptions*: bodies are in memory, which those of EC2, STS and SSM are.
#[derive(Clone)]
pub struct InProcess(Arc<Front>);

impl InProcess {
    pub fn new(front: Arc<Front>) -> Self {
        Self(front)
    }

    /// A region of AWS that does not exist is a host name without an address.
    fn resolve(&self, host: &str) -> Result<(), ConnectorError> {
        let service_and_region = host.strip_suffix(".amazonaws.com").and_then(|name| name.split_once('.'));
        match service_and_region {
            Some((_, region)) if !self.0.sim.world().regions.contains_key(region) => {
                Err(ConnectorError::io("dns error: Name or service not known".into()))
            }
            _ => Ok(()),
        }
    }

    fn carry_out(
        &self,
        request: HttpRequest,
    ) -> Result<(hyper::Response<Vec<u8>>, Delivery), ConnectorError> {
        let request = request.try_into_http1x().map_err(|error| user(error.into()))?;
        self.resolve(request.uri().host().unwrap_or_default())?;
        let (parts, body) = request.into_parts();
        let body = body.bytes().ok_or_else(|| user("the body is a stream".into()))?.to_vec();
        Ok(self.0.deliver(&Request::from_parts(parts, body)))
    }
}

fn user(error: Box<dyn std::error::Error + Send + Sync>) -> ConnectorError {
    ConnectorError::user(error)
}

fn respond(
    response: hyper::Response<Vec<u8>>,
    body: fn(Vec<u8>) -> SdkBody,
) -> Result<HttpResponse, ConnectorError> {
    Response::try_from(response.map(body)).map_err(|error| user(error.into()))
}

/// Lets an answer arrive as its delivery says. Waiting is tokio's, so that a test with paused time waits for nothing.
async fn arrive(
    response: hyper::Response<Vec<u8>>,
    delivery: Delivery,
) -> Result<HttpResponse, ConnectorError> {
    match delivery {
        Delivery::Now => respond(response, SdkBody::from),
        Delivery::After(delay) => {
            tokio::time::sleep(delay).await;
            respond(response, SdkBody::from)
        }
        Delivery::Never => future::pending().await,
        Delivery::Reset => Err(ConnectorError::io(io::Error::from(io::ErrorKind::ConnectionReset).into())),
        Delivery::Truncated => respond(response, |body| SdkBody::from_body_1_x(Payload::half(body))),
    }
}

impl fmt::Debug for InProcess {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("InProcess")
    }
}

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        match self.carry_out(request) {
            Ok((response, Delivery::Now)) => HttpConnectorFuture::ready(respond(response, SdkBody::from)),
            Ok((response, delivery)) => HttpConnectorFuture::new(arrive(response, delivery)),
            Err(error) => HttpConnectorFuture::ready(Err(error)),
        }
    }
}

impl HttpClient for InProcess {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, timeout};

    use super::*;
    use crate::{
        core::{Sim, clock::Clock, profile::Profile, world::World},
        faults::{Effect, Rule},
    };

    fn client() -> InProcess {
        let clock = Clock::tokio("2026-01-01T00:00:00Z".parse().expect("a time"));
        let now = clock.now();
        InProcess::new(Arc::new(Front::new(
            Arc::new(Sim::new(World::new(1, now), now, Profile::test())),
            clock,
        )))
    }

    /// What a call comes to that meets an effect.
    async fn meet(effect: Effect) -> Result<HttpResponse, ConnectorError> {
        let client = client();
        let rule = Rule::on("DescribeVpcs", effect);
        client.0.sim.gate(|gate| gate.faults.add(client.0.clock.now(), rule)).expect("valid");
        client.call(describe_vpcs("us-east-1")).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_delay_is_one_of_the_paused_clock() {
        let begun = Instant::now();
        meet(Effect::Delay { ms: 40_000 }).await.expect("answered");
        assert_eq!(begun.elapsed(), Duration::from_secs(40));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_hangs_is_never_answered() {
        let waited = timeout(Duration::from_hours(24), meet(Effect::Hang)).await;
        assert!(waited.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_reply_is_an_error_of_the_connection() {
        assert!(meet(Effect::LostReply).await.expect_err("lost").is_io());
    }

    #[tokio::test(start_paused = true)]
    async fn a_truncated_answer_breaks_off_in_its_body() {
        use http_body_util::BodyExt;

        let response = meet(Effect::TruncatedBody).await.expect("a head");
        assert_eq!(response.status().as_u16(), 200);
        assert!(response.into_body().collect().await.is_err());
    }

    #[tokio::test]
    async fn a_region_that_does_not_exist_has_no_address() {
        assert!(client().call(describe_vpcs("eu-west-9")).await.expect_err("no host").is_io());
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
