//! Errors as AWS answers them.

use super::Service;

/// A refused call: the code that clients branch on, the text for people, the HTTP status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ApiError {
    pub code: String,
    pub message: String,
    pub status: u16,
    /// What the call did before it was refused stays done.
    pub is_partial: bool,
}

impl ApiError {
    /// A client error with status 400, the status of nearly all of EC2's refusals.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), status: 400, is_partial: false }
    }

    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// For calls that are not carried out as a whole.
    #[must_use]
    pub fn after_a_part(mut self) -> Self {
        self.is_partial = true;
        self
    }

    /// A required parameter is absent (or empty, which EC2 treats alike).
    pub fn missing(parameter: &str) -> Self {
        Self::new("MissingParameter", format!("The request must contain the parameter {parameter}"))
    }

    /// The same by services other than EC2, each with a code of its own.
    pub fn null_member(code: &str, member: &str) -> Self {
        let message = format!(
            "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
        );
        Self::new(code, message)
    }

    pub fn invalid_value(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterValue", message)
    }

    /// A value outside of what the parameter accepts, in EC2's usual wording.
    pub fn bad_value(value: &str, parameter: &str, hint: &str) -> Self {
        Self::invalid_value(
            format!("Value ({value}) for parameter {parameter} is invalid. {hint}").trim_end(),
        )
    }

    pub fn invalid_combination(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterCombination", message)
    }

    pub fn not_permitted(message: impl Into<String>) -> Self {
        Self::new("OperationNotPermitted", message)
    }

    /// What EC2 answers to a dry run that would have succeeded.
    pub fn dry_run() -> Self {
        Self::new("DryRunOperation", "Request would have succeeded, but DryRun flag is set.").with_status(412)
    }

    pub fn unknown_action(action: &str) -> Self {
        Self::new("InvalidAction", format!("The action {action} is not valid for this web service."))
    }

    /// A call without a signature.
    pub fn unsigned(service: Service) -> Self {
        match service {
            // EC2 still asks for the parameter of the first version of the protocol.
            Service::Ec2 => Self::missing("AWSAccessKeyId"),
            Service::Sts | Service::Iam => {
                let message = "Request is missing Authentication Token";
                Self::new("MissingAuthenticationToken", message).with_status(403)
            }
            Service::Ssm | Service::Kms => {
                Self::new("MissingAuthenticationTokenException", "Missing Authentication Token")
            }
        }
    }

    /// A call to another service of AWS. Clients do not retry this status.
    pub fn not_simulated(service: &str) -> Self {
        Self::new("NotImplemented", format!("The service {service} is not simulated.")).with_status(501)
    }

    /// Bad credentials, and any call into a region to which the account has not opted in.
    pub fn auth_failure() -> Self {
        Self::new("AuthFailure", "AWS was not able to validate the provided access credentials")
            .with_status(401)
    }

    /// What a service answers to temporary credentials that are over.
    pub fn expired(service: Service) -> Self {
        let token = |code: &str| Self::new(code, "The security token included in the request is expired");
        match service {
            Service::Ec2 => Self::new("RequestExpired", "Request has expired."),
            Service::Sts | Service::Iam => token("ExpiredToken").with_status(403),
            Service::Ssm | Service::Kms => token("ExpiredTokenException"),
        }
    }

    /// What a service answers to calls that come too fast.
    pub fn throttled(service: Service) -> Self {
        match service {
            Service::Ec2 => Self::new("RequestLimitExceeded", "Request limit exceeded.").with_status(503),
            Service::Sts | Service::Iam => Self::new("Throttling", "Rate exceeded"),
            Service::Ssm | Service::Kms => Self::new("ThrottlingException", "Rate exceeded"),
        }
    }
}
