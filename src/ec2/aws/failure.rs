//! SDK error → [`AwsError`].

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ec2::{
    error::{ProvideErrorMetadata, SdkError},
    operation::RequestId,
};

use crate::model::{Action, AwsError, Region};

/// Conditions and events show messages; AWS's can be longer than both may be.
const MAX_MESSAGE: usize = 1_024;

/// What follows these words is not for people: a blob that only `sts:DecodeAuthorizationMessage` can read, or the
/// signed request with its session token.
const CUT_AT: [&str; 2] = ["Encoded authorization failure message", "The Canonical String"];

/// The failure of a call, whatever brought it about.
pub(super) fn failure<E>(action: Action, region: &Region, error: &SdkError<E>) -> AwsError
where
    E: Error + ProvideErrorMetadata + 'static,
{
    let (code, message) = match error {
        SdkError::ServiceError(answer) => refused(answer.err(), answer.raw().status().as_u16()),
        _ => unanswered(error, matches!(error, SdkError::ConstructionFailure(_))),
    };
    AwsError {
        action,
        region: region.clone(),
        code,
        message: presentable(&message),
        request_id: error.request_id().map(str::to_owned),
    }
}

/// An answer that lacks what it must hold. Treated as none: it may be complete the next time.
pub(super) fn incomplete(action: Action, region: &Region, lacking: &str) -> AwsError {
    AwsError {
        action,
        region: region.clone(),
        code: AwsError::NO_ANSWER.to_owned(),
        message: format!("the answer holds no {lacking}"),
        request_id: None,
    }
}

/// An answer without a code comes from something in between, or is one that the SDK cannot read.
fn refused<E: Error + ProvideErrorMetadata + 'static>(error: &E, status: u16) -> (String, String) {
    match error.code() {
        Some(code) => (code.to_owned(), error.message().unwrap_or_default().to_owned()),
        None => {
            (AwsError::NO_ANSWER.to_owned(), format!("HTTP {status} is no answer of AWS: {}", causes(error)))
        }
    }
}

fn unanswered(error: &(dyn Error + 'static), never_sent: bool) -> (String, String) {
    let code = match credentials_error(error) {
        // Their source is slow, which passes; the call itself was not sent.
        Some(CredentialsError::ProviderTimedOut(_)) => AwsError::NO_ANSWER,
        Some(_) => AwsError::CREDENTIALS_NOT_FOUND,
        None if never_sent => AwsError::NOT_SENT,
        None => AwsError::NO_ANSWER,
    };
    (code.to_owned(), causes(error))
}

fn credentials_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a CredentialsError> {
    chain(error).find_map(|cause| cause.downcast_ref())
}

fn causes(error: &(dyn Error + 'static)) -> String {
    chain(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn presentable(message: &str) -> String {
    let end = CUT_AT.iter().filter_map(|words| message.find(words)).min().unwrap_or(message.len());
    message[..end].trim_end().chars().take(MAX_MESSAGE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoded_authorization_message_is_cut() {
        let message =
            "You are not authorized to perform this operation. Encoded authorization failure message: Zk3Jt9";
        assert_eq!(presentable(message), "You are not authorized to perform this operation.");
    }

    #[test]
    fn a_signed_request_is_cut() {
        let message = "The signature does not match. The Canonical String for this request should have been x-amz-security-token:IQoJb3";
        assert_eq!(presentable(message), "The signature does not match.");
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        assert_eq!(presentable(&"ä".repeat(2_000)), "ä".repeat(MAX_MESSAGE));
    }
}
