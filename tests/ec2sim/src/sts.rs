//! The actions of AWS STS.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde_json::Value;

use crate::core::{
    Call, Handler, Outcome, clock::after, digest, error::ApiError, seed, world::Identity, world::World,
    xml::Node,
};

/// Session length without `DurationSeconds`, and the bounds of that parameter (`AssumeRole`).
const DEFAULT_SECONDS: i64 = 3600;
const SECONDS: std::ops::RangeInclusive<i64> = 900..=43_200;
/// Longest session of a role that another role's session assumes.
const CHAINED_SECONDS: i64 = 3600;
/// As for users (`GetSessionToken`).
const USER_SECONDS: i64 = 43_200;
const USER_RANGE: std::ops::RangeInclusive<i64> = 900..=129_600;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

pub fn handler(action: &str) -> Option<Handler> {
    match action {
        "GetCallerIdentity" => Some(Handler::Read(get_caller_identity)),
        "AssumeRole" => Some(Handler::Write(assume_role)),
        "DecodeAuthorizationMessage" => Some(Handler::Read(decode_authorization_message)),
        "GetAccessKeyInfo" => Some(Handler::Read(get_access_key_info)),
        "GetSessionToken" => Some(Handler::Write(get_session_token)),
        "AssumeRoleWithWebIdentity" => Some(Handler::Write(assume_role_with_web_identity)),
        _ => None,
    }
}

// Handlers are all of one type.
#[allow(clippy::unnecessary_wraps)]
fn get_caller_identity(call: &Call, world: &World) -> Outcome {
    let session = world.access_keys.values().find(|identity| identity.principal == call.caller.principal);
    let user_id = session
        .map_or_else(|| seed::default_identity(&call.caller.principal).user_id, |it| it.user_id.clone());
    let node = Node::new()
        .text("Arn", &call.caller.principal)
        .text("UserId", user_id)
        .text("Account", call.account());
    Ok(node.into())
}

/// Whose a key is; nothing is said about whether it exists.
fn get_access_key_info(call: &Call, world: &World) -> Outcome {
    let key = call.params.text("AccessKeyId").unwrap_or_default();
    if !(16..=128).contains(&key.len())
        || !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    {
        return Err(violates(key, "accessKeyId", "Member must have length from 16 to 128"));
    }
    let known = world.access_keys.get(key).map(|identity| identity.account.clone());
    let account = known.unwrap_or_else(|| seed::default_identity(key).account);
    Ok(Node::new().text("Account", account).into())
}

fn assume_role(call: &Call, world: &mut World) -> Outcome {
    let role = Role::asked(call)?;
    let seconds = seconds(call)?;
    if call.caller.principal.contains(":assumed-role/") && seconds > CHAINED_SECONDS {
        let message = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining";
        return Err(invalid(message));
    }
    Ok(role.session(call, world, seconds).into())
}

/// Keys of the caller for a time, which sessions cannot ask for.
fn get_session_token(call: &Call, world: &mut World) -> Outcome {
    let seconds = seconds_within(call, USER_SECONDS, USER_RANGE)?;
    let principal = call.caller.principal.clone();
    if principal.contains(":assumed-role/") {
        let message = "Cannot call GetSessionToken with session credentials";
        return Err(ApiError::new("AccessDenied", message).with_status(403));
    }
    let expires_at = after(call.now, Duration::from_secs(seconds.unsigned_abs()));
    let identity = Identity {
        account: call.account().to_owned(),
        user_id: seed::default_identity(&principal).user_id,
        principal,
        expires_at: Some(expires_at),
    };
    Ok(Node::new().child("Credentials", mint_keys(world, identity, expires_at)).into())
}

/// Of the messages with which EC2 refuses what no policy allows.
fn decode_authorization_message(call: &Call, _: &World) -> Outcome {
    let encoded = required(call, "EncodedMessage", "encodedMessage")?;
    let decoded = BASE64_URL_SAFE_NO_PAD.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let decoded =
        decoded.filter(|text| serde_json::from_str::<Value>(text).is_ok_and(|json| json.is_object()));
    let message = "Message is not valid";
    let decoded = decoded.ok_or_else(|| ApiError::new("InvalidAuthorizationMessageException", message))?;
    Ok(Node::new().text("DecodedMessage", decoded).into())
}

/// The token must be a JWT that has not expired; nobody's signature is checked.
fn assume_role_with_web_identity(call: &Call, world: &mut World) -> Outcome {
    let role = Role::asked(call)?;
    let seconds = seconds(call)?;
    let claims = claims(required(call, "WebIdentityToken", "webIdentityToken")?)?;
    let now = call.now.as_second();
    if claims["exp"].as_i64().is_some_and(|end| end <= now) {
        let message = format!(
            "Token expired: current date/time {now} must be before the expiration date/time {}",
            claims["exp"]
        );
        return Err(ApiError::new("ExpiredTokenException", message));
    }
    let text = |claim: &Value| claim.as_str().map(str::to_owned);
    let audience = text(&claims["aud"]).or_else(|| text(&claims["aud"][0]));
    let node = role
        .session(call, world, seconds)
        .opt("SubjectFromWebIdentityToken", text(&claims["sub"]))
        .opt("Audience", audience)
        .opt("Provider", text(&claims["iss"]));
    Ok(node.into())
}

fn claims(token: &str) -> Result<Value, ApiError> {
    let mut parts = token.split('.');
    let payload = parts.nth(1).filter(|_| parts.next().is_some() && parts.next().is_none());
    let bytes = payload.and_then(|payload| BASE64_URL_SAFE_NO_PAD.decode(payload).ok());
    let claims = bytes.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    claims
        .filter(|claims| claims["iss"].is_string() && claims["sub"].is_string())
        .ok_or_else(|| ApiError::new("InvalidIdentityToken", "The ID Token provided is not a valid JWT."))
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("ValidationError", message)
}

/// STS's wording for a parameter that breaks a constraint.
fn violates(value: &str, parameter: &str, constraint: &str) -> ApiError {
    invalid(format!(
        "1 validation error detected: Value '{value}' at '{parameter}' failed to satisfy constraint: {constraint}"
    ))
}

fn required<'c>(call: &'c Call, name: &str, shown: &str) -> Result<&'c str, ApiError> {
    call.params.text(name).ok_or_else(|| ApiError::null_member("ValidationError", shown))
}

fn seconds(call: &Call) -> Result<i64, ApiError> {
    seconds_within(call, DEFAULT_SECONDS, SECONDS)
}

fn seconds_within(call: &Call, default: i64, range: std::ops::RangeInclusive<i64>) -> Result<i64, ApiError> {
    let Some(text) = call.params.text("DurationSeconds") else { return Ok(default) };
    let refuse = |constraint: &str| Err(violates(text, "durationSeconds", constraint));
    match text.parse::<i64>() {
        Ok(seconds) if range.contains(&seconds) => Ok(seconds),
        Ok(seconds) if seconds < *range.start() => {
            refuse(&format!("Member must have value greater than or equal to {}", range.start()))
        }
        Ok(_) => refuse(&format!("Member must have value less than or equal to {}", range.end())),
        Err(_) => refuse("Member must be an integer"),
    }
}

/// A role that somebody wants to be, under the name of a session.
struct Role {
    account: String,
    /// Without its path.
    name: String,
    /// `AROA…`
    id: String,
    session: String,
}

impl Role {
    fn asked(call: &Call) -> Result<Self, ApiError> {
        let arn = required(call, "RoleArn", "roleArn")?;
        let session = required(call, "RoleSessionName", "roleSessionName")?;
        check_session(session)?;
        let (account, path) = split_role(arn).ok_or_else(|| invalid(format!("{arn} is invalid")))?;
        let name = path.rsplit('/').next().unwrap_or(path).to_owned();
        let id = format!("AROA{}", digest(arn)[..17].to_uppercase());
        Ok(Self { account: account.to_owned(), name, id, session: session.to_owned() })
    }

    /// Mints the keys of a session. The world holds no roles: every role exists and trusts everybody.
    fn session(&self, call: &Call, world: &mut World, seconds: i64) -> Node {
        let arn = format!("arn:aws:sts::{}:assumed-role/{}/{}", self.account, self.name, self.session);
        let user_id = format!("{}:{}", self.id, self.session);
        let expires_at = after(call.now, Duration::from_secs(seconds.unsigned_abs()));
        let identity = Identity {
            account: self.account.clone(),
            principal: arn.clone(),
            user_id: user_id.clone(),
            expires_at: Some(expires_at),
        };
        Node::new()
            .child("Credentials", mint_keys(world, identity, expires_at))
            .child("AssumedRoleUser", Node::new().text("AssumedRoleId", user_id).text("Arn", arn))
    }
}

/// New keys for somebody.
fn mint_keys(world: &mut World, identity: Identity, expires_at: Timestamp) -> Node {
    let access_key = format!("ASIA{}", base32(world, 16));
    world.access_keys.insert(access_key.clone(), identity);
    credentials(world, &access_key, expires_at)
}

fn credentials(world: &mut World, access_key: &str, expires_at: Timestamp) -> Node {
    Node::new()
        .text("AccessKeyId", access_key)
        .text("SecretAccessKey", base32(world, 40))
        .text("SessionToken", base32(world, 160))
        .time("Expiration", expires_at)
}

fn base32(world: &mut World, length: usize) -> String {
    let mut text = String::new();
    while text.len() < length {
        let mut random = world.draw();
        for _ in 0..12 {
            let digit = usize::try_from(random & 31).expect("five bits are left");
            text.push(char::from(BASE32[digit]));
            random >>= 5;
        }
    }
    text.truncate(length);
    text
}

/// `RoleSessionName`: 2 to 64 of letters, digits, and `_=,.@-+`.
fn check_session(name: &str) -> Result<(), ApiError> {
    let refuse = |constraint: &str| Err(violates(name, "roleSessionName", constraint));
    if !name.chars().all(|character| character.is_ascii_alphanumeric() || "_=,.@-+".contains(character)) {
        return refuse("Member must satisfy regular expression pattern: [\\w+=,.@-]*");
    }
    match name.len() {
        0..2 => refuse("Member must have length greater than or equal to 2"),
        2..=64 => Ok(()),
        _ => refuse("Member must have length less than or equal to 64"),
    }
}

/// Account and path of `arn:aws:iam::<account>:role/<path>`.
fn split_role(arn: &str) -> Option<(&str, &str)> {
    let mut parts = arn.splitn(6, ':');
    let is_iam = parts.next() == Some("arn") && parts.next().is_some_and(|it| it.starts_with("aws"));
    let is_iam = is_iam && parts.next() == Some("iam") && parts.next() == Some("");
    let account =
        parts.next().filter(|it| it.len() == 12 && it.bytes().all(|digit| digit.is_ascii_digit()))?;
    let path = parts.next()?.strip_prefix("role/").filter(|path| !path.is_empty())?;
    is_iam.then_some((account, path))
}
