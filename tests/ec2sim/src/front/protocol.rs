//! The three protocols: EC2 query, and STS and IAM query, with XML; SSM and KMS with JSON 1.1.

use hyper::{Request, Response, header::AUTHORIZATION};
use serde_json::{Value, json};

use crate::core::{Outcome, Reply, Service, error::ApiError, params::Params};

const EC2_NAMESPACE: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";
const STS_NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
const IAM_NAMESPACE: &str = "https://iam.amazonaws.com/doc/2010-05-08/";

/// Parameters that belong to the protocol and not to the action.
const ENVELOPE: [&str; 13] = [
    "AWSAccessKeyId",
    "Action",
    "Signature",
    "SignatureMethod",
    "SignatureVersion",
    "Timestamp",
    "Version",
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
];

/// A request without its envelope.
pub struct Message {
    pub service: Service,
    /// The service that the signature is for, if that is none of ours.
    foreign: Option<String>,
    pub action: Option<String>,
    pub params: Params,
    /// False for a JSON protocol's body that is no JSON.
    pub readable: bool,
    /// The credential of a presigned URL.
    pub credential: Option<String>,
}

impl Message {
    pub fn read(request: &Request<Vec<u8>>) -> Self {
        let foreign = signed_for(request).filter(|service| Service::named(service).is_none());
        Self { foreign: foreign.map(str::to_owned), ..Self::read_own(request) }
    }

    fn read_own(request: &Request<Vec<u8>>) -> Self {
        match request.headers().get("x-amz-target").and_then(|target| target.to_str().ok()) {
            Some(target) => Self::read_json(target, request.body()),
            None => Self::read_query(request),
        }
    }

    fn read_json(target: &str, body: &[u8]) -> Self {
        let action = target.rsplit_once('.').map(|(_, action)| action.to_owned());
        let json = serde_json::from_slice(body);
        let readable = body.is_empty() || json.is_ok();
        let params = Params::from_json(&json.unwrap_or(Value::Null));
        let service = if target.starts_with("TrentService.") { Service::Kms } else { Service::Ssm };
        Self { service, foreign: None, action, params, readable, credential: None }
    }

    fn read_query(request: &Request<Vec<u8>>) -> Self {
        let query = request.uri().query().unwrap_or_default().as_bytes();
        let pairs = form_urlencoded::parse(query).chain(form_urlencoded::parse(request.body()));
        let params = Params::from_query(pairs);
        let text = |name| params.text(name).map(str::to_owned);
        let (action, credential) = (text("Action"), text("X-Amz-Credential"));
        let sts_version = params.text("Version") == Some("2011-06-15");
        let signed = signed_for(request).and_then(Service::named);
        let service = signed.unwrap_or(if sts_version { Service::Sts } else { Service::Ec2 });
        let params = params.without(&ENVELOPE);
        Self { service, foreign: None, action, credential, readable: true, params }
    }
}

fn signed_for(request: &Request<Vec<u8>>) -> Option<&str> {
    let header = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let scope = header.split_once("Credential=")?.1.split(',').next()?;
    scope.rsplit('/').nth(1)
}

/// The response of the request's protocol.
pub fn write(message: &Message, outcome: &Outcome, request_id: &str) -> Response<Vec<u8>> {
    let action = message.action.as_deref().unwrap_or_default();
    if let (Err(error), Some(foreign)) = (outcome, &message.foreign) {
        return write_foreign(foreign, error, request_id);
    }
    match (outcome, message.service) {
        (Ok(Reply::Json(json)), _) => respond(200, JSON, json.to_string(), request_id),
        (Ok(Reply::Xml(node)), Service::Sts | Service::Iam) => {
            let mut content = String::new();
            node.write(&mut content);
            let namespace = namespace(message.service);
            respond(200, XML, query_answer(namespace, action, &content, request_id), request_id)
        }
        (Ok(Reply::Xml(node)), Service::Ec2 | Service::Ssm | Service::Kms) => {
            let mut content = String::new();
            node.write(&mut content);
            respond(200, XML, ec2_answer(action, &content, request_id), request_id)
        }
        (Err(error), Service::Ec2) => respond(error.status, XML, ec2_error(error, request_id), request_id),
        (Err(error), Service::Sts | Service::Iam) => {
            let body = query_error(namespace(message.service), error, request_id);
            respond(error.status, XML, body, request_id)
        }
        (Err(error), Service::Ssm | Service::Kms) => {
            respond(error.status, JSON, json_error(error), request_id)
        }
    }
}

/// An error in the protocol of a service that is not simulated, so that its clients can read it.
fn write_foreign(service: &str, error: &ApiError, request_id: &str) -> Response<Vec<u8>> {
    match service {
        "s3" => {
            let mut content = String::new();
            error_node(error).write(&mut content);
            let body = format!("{DECLARATION}\n<Error>{content}<RequestId>{request_id}</RequestId></Error>");
            respond(error.status, XML, body, request_id)
        }
        "autoscaling" | "cloudformation" | "elasticloadbalancing" | "monitoring" | "rds" => {
            respond(error.status, XML, query_error(STS_NAMESPACE, error, request_id), request_id)
        }
        _ => respond(error.status, JSON, json_error(error), request_id),
    }
}

const XML: &str = "text/xml;charset=UTF-8";
const JSON: &str = "application/x-amz-json-1.1";
const DECLARATION: &str = r#"<?xml version="1.0" encoding="UTF-8"?>"#;

fn respond(status: u16, content_type: &str, body: String, request_id: &str) -> Response<Vec<u8>> {
    Response::builder()
        .status(status)
        .header("content-type", content_type)
        .header("x-amzn-requestid", request_id)
        .header("server", "AmazonEC2")
        .body(body.into_bytes())
        .expect("statuses and headers are valid")
}

fn ec2_answer(action: &str, content: &str, request_id: &str) -> String {
    format!(
        "{DECLARATION}\n<{action}Response xmlns=\"{EC2_NAMESPACE}\"><requestId>{request_id}</requestId>{content}</{action}Response>"
    )
}

fn namespace(service: Service) -> &'static str {
    match service {
        Service::Sts => STS_NAMESPACE,
        Service::Iam => IAM_NAMESPACE,
        Service::Ec2 | Service::Ssm | Service::Kms => EC2_NAMESPACE,
    }
}

/// In the query protocol of all services but EC2.
fn query_answer(namespace: &str, action: &str, content: &str, request_id: &str) -> String {
    format!(
        "<{action}Response xmlns=\"{namespace}\"><{action}Result>{content}</{action}Result>\
         <ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{action}Response>"
    )
}

fn ec2_error(error: &ApiError, request_id: &str) -> String {
    let mut content = String::new();
    error_node(error).write(&mut content);
    format!(
        "{DECLARATION}\n<Response><Errors><Error>{content}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
    )
}

fn query_error(namespace: &str, error: &ApiError, request_id: &str) -> String {
    let mut content = String::new();
    error_node(error).write(&mut content);
    format!(
        "<ErrorResponse xmlns=\"{namespace}\"><Error><Type>Sender</Type>{content}</Error>\
         <RequestId>{request_id}</RequestId></ErrorResponse>"
    )
}

fn error_node(error: &ApiError) -> crate::core::xml::Node {
    crate::core::xml::Node::new().text("Code", &error.code).text("Message", &error.message)
}

fn json_error(error: &ApiError) -> String {
    // SSM and KMS have their own names for what the core refuses for all services.
    let code = match error.code.as_str() {
        "InvalidAction" => "UnknownOperationException",
        "AuthFailure" => "UnrecognizedClientException",
        code => code,
    };
    json!({"__type": code, "message": error.message}).to_string()
}
