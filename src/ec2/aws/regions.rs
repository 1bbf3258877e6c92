//! Regions that are off for the account.

use crate::model::{AwsError, Class, Region};

/// Whether a region that is off would answer so. Credentials that could not be had were never sent.
pub(super) fn may_be_off(error: &AwsError, home: &Region) -> bool {
    error.class() == Class::NotAuthenticated
        && error.code != AwsError::CREDENTIALS_NOT_FOUND
        && error.region != *home
}

/// The error under its true name, given the regions that are enabled.
pub(super) fn named(error: AwsError, enabled: &[Region]) -> AwsError {
    if enabled.contains(&error.region) {
        return error;
    }
    let (region, code) = (&error.region, &error.code);
    let message = format!("region {region} is not enabled for the account (AWS answered {code})");
    AwsError { code: AwsError::REGION_NOT_ENABLED.to_owned(), message, ..error }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Action;

    fn home() -> Region {
        "us-east-1".into()
    }

    fn error(code: &str) -> AwsError {
        AwsError {
            action: Action::DescribeImages,
            region: "af-south-1".into(),
            code: code.to_owned(),
            message: "AWS was not able to validate the provided access credentials".to_owned(),
            request_id: Some("8f2e".to_owned()),
        }
    }

    #[test]
    fn a_region_that_is_off_is_named_with_region_and_request_id() {
        let named = named(error("AuthFailure"), &[home()]);
        assert_eq!((named.class(), named.class().reason()), (Class::RegionOff, "RegionNotEnabled"));
        let text = "DescribeImages in af-south-1 failed: RegionNotEnabled: region af-south-1 is not enabled for the \
                    account (AWS answered AuthFailure) (request id 8f2e)";
        assert_eq!(named.to_string(), text);
    }

    #[test]
    fn a_region_that_is_on_keeps_its_error() {
        assert_eq!(named(error("AuthFailure"), &[home(), "af-south-1".into()]), error("AuthFailure"));
    }

    #[test]
    fn only_an_answer_about_credentials_is_doubted() {
        assert!(may_be_off(&error("AuthFailure"), &home()));
        assert!(may_be_off(&error("UnrecognizedClientException"), &home()));
        assert!(!may_be_off(&error("UnauthorizedOperation"), &home()));
        assert!(!may_be_off(&error(AwsError::CREDENTIALS_NOT_FOUND), &home()));
    }

    #[test]
    fn the_home_region_is_not_asked_about_itself() {
        assert!(!may_be_off(&error("AuthFailure"), &"af-south-1".into()));
    }
}
