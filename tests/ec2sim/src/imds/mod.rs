//! The instance metadata service, as an instance finds it at 169.254.169.254 (EC2 user guide, "Use the Instance
//! Metadata Service to access instance metadata").

mod content;
#[cfg(test)]
mod tests;
mod token;

use std::collections::BTreeMap;

use hyper::{Method, Request, Response};
use jiff::Timestamp;

use crate::core::{
    records::Instance,
    world::{Region, World},
};

const TOKEN: &str = "x-aws-ec2-metadata-token";
const TOKEN_TTL: &str = "x-aws-ec2-metadata-token-ttl-seconds";

/// Some of the versions that there are, as the root lists them. Every one of them has what the latest has.
const VERSIONS: [&str; 5] = ["1.0", "2009-04-04", "2016-09-02", "2021-03-23", "latest"];

/// What is refused, by its status.
struct Refused(u16);

/// Answers one request of an instance, whose user data and metadata come from the world.
pub fn answer<B>(
    world: &World,
    now: Timestamp,
    instance_id: &str,
    request: &Request<B>,
) -> Response<Vec<u8>> {
    match find(world, instance_id).ok_or(Refused(404)).and_then(|found| route(found, now, request)) {
        Ok(response) => response,
        Err(Refused(status)) => {
            Response::builder().status(status).body(Vec::new()).expect("the status is valid")
        }
    }
}

fn find<'w>(world: &'w World, id: &str) -> Option<(&'w Region, &'w Instance)> {
    world.regions.values().find_map(|region| Some((&**region, &**region.instances.get(id)?)))
}

fn route<B>(
    (region, instance): (&Region, &Instance),
    now: Timestamp,
    request: &Request<B>,
) -> Result<Response<Vec<u8>>, Refused> {
    if instance.metadata.http_endpoint == "disabled" {
        return Err(Refused(403));
    }
    let path = request.uri().path().trim_matches('/');
    match *request.method() {
        Method::PUT if path == "latest/api/token" => issue(instance, now, request),
        Method::GET | Method::HEAD => {
            check_token(instance, now, request)?;
            let body = read(region, instance, path).ok_or(Refused(404))?;
            Ok(plain(body))
        }
        Method::PUT => Err(Refused(404)),
        _ => Err(Refused(405)),
    }
}

fn plain(body: Vec<u8>) -> Response<Vec<u8>> {
    let response = Response::builder().header("content-type", "text/plain").header("server", "EC2ws");
    response.body(body).expect("the headers are valid")
}

fn header<'r, B>(request: &'r Request<B>, name: &str) -> Option<&'r str> {
    request.headers().get(name).map(|value| value.to_str().unwrap_or_default())
}

fn issue<B>(instance: &Instance, now: Timestamp, request: &Request<B>) -> Result<Response<Vec<u8>>, Refused> {
    // A proxy that faces the world must not hand out tokens.
    if request.headers().contains_key("x-forwarded-for") {
        return Err(Refused(403));
    }
    let seconds = header(request, TOKEN_TTL).and_then(|text| text.parse().ok()).ok_or(Refused(400))?;
    let token = token::issue(&instance.id, now, seconds).ok_or(Refused(400))?;
    let mut response = plain(token.into_bytes());
    response.headers_mut().insert(TOKEN_TTL, seconds.into());
    Ok(response)
}

/// Who shows a token is asked for a good one, also where none is required.
fn check_token<B>(instance: &Instance, now: Timestamp, request: &Request<B>) -> Result<(), Refused> {
    match header(request, TOKEN) {
        Some(token) if token::is_valid(token, &instance.id, now) => Ok(()),
        None if instance.metadata.http_tokens != "required" => Ok(()),
        Some(_) | None => Err(Refused(401)),
    }
}

/// The content of a path that begins with a version.
fn read(region: &Region, instance: &Instance, path: &str) -> Option<Vec<u8>> {
    let (version, rest) = path.split_once('/').unwrap_or((path, ""));
    if version.is_empty() {
        return Some(VERSIONS.join("\n").into_bytes());
    }
    if version != "latest" && !version.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let content = content::of(region, instance);
    match content.get(rest) {
        Some(bytes) => Some(bytes.clone()),
        None => list(&content, rest, instance.key_name.as_deref()),
    }
}

/// The names in a directory, a line each; directories end in `/`, but for those of the first level.
fn list(content: &BTreeMap<String, Vec<u8>>, directory: &str, key_name: Option<&str>) -> Option<Vec<u8>> {
    let prefix = if directory.is_empty() { String::new() } else { format!("{directory}/") };
    let mut names: Vec<String> = content
        .keys()
        .filter_map(|path| path.strip_prefix(&prefix))
        .map(|rest| rest.split_inclusive('/').next().unwrap_or_default().to_owned())
        .collect();
    names.dedup();
    match directory {
        "" => names.iter_mut().for_each(|name| name.truncate(name.trim_end_matches('/').len())),
        "meta-data/public-keys" => names = vec![format!("0={}", key_name.unwrap_or_default())],
        _ => {}
    }
    (!names.is_empty()).then(|| names.join("\n").into_bytes())
}
