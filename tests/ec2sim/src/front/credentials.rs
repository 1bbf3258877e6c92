//! What the signature says about a request; the signature itself is not checked, there are no secrets.

use hyper::{Request, header::AUTHORIZATION};

use super::protocol::Message;
use crate::core::{Service, error::ApiError};

/// The scope of a credential: `<key>/<date>/<region>/<service>/aws4_request`.
pub struct Scope {
    pub access_key: String,
    pub region: String,
    pub service: Service,
}

/// Calls that are made without credentials, because they give some.
const UNSIGNED: [&str; 2] = ["AssumeRoleWithWebIdentity", "AssumeRoleWithSAML"];

pub fn scope(request: &Request<Vec<u8>>, message: &Message) -> Result<Scope, ApiError> {
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let credential = match (header, message.credential.as_deref()) {
        (Some(header), _) => credential_of(header).ok_or_else(incomplete)?,
        (None, Some(presigned)) => presigned,
        (None, None) if message.action.as_deref().is_some_and(|action| UNSIGNED.contains(&action)) => {
            return Ok(unsigned(request));
        }
        (None, None) => return Err(ApiError::unsigned(message.service)),
    };
    parse(credential)
}

fn credential_of(header: &str) -> Option<&str> {
    let fields = header.strip_prefix("AWS4-HMAC-SHA256")?;
    fields.split(',').find_map(|field| field.trim().strip_prefix("Credential="))
}

fn parse(credential: &str) -> Result<Scope, ApiError> {
    let parts: Vec<&str> = credential.rsplitn(5, '/').collect();
    let [_terminator, service, region, _date, access_key] = parts.as_slice() else {
        return Err(ApiError::auth_failure());
    };
    let service = Service::named(service).ok_or_else(|| ApiError::not_simulated(service))?;
    Ok(Scope { access_key: (*access_key).to_owned(), region: (*region).to_owned(), service })
}

/// The region of an unsigned call is in the host name of a regional endpoint, if anywhere.
fn unsigned(request: &Request<Vec<u8>>) -> Scope {
    let host = request.headers().get(hyper::header::HOST).and_then(|host| host.to_str().ok());
    let named = host.or(request.uri().host()).and_then(|host| host.strip_prefix("sts."));
    let region = named.and_then(|rest| rest.strip_suffix(".amazonaws.com")).unwrap_or("us-east-1");
    Scope { access_key: String::new(), region: region.to_owned(), service: Service::Sts }
}

fn incomplete() -> ApiError {
    ApiError::new("IncompleteSignature", "Authorization header requires 'Credential' parameter.")
        .with_status(403)
}
