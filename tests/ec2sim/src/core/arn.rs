//! Amazon resource names.

/// (AWS general reference, "Amazon Resource Names", partitions)
const PARTITIONS: [&str; 3] = ["aws", "aws-cn", "aws-us-gov"];

/// What follows `arn:<partition>:<service>:`, in any partition.
pub fn of_service<'a>(arn: &'a str, service: &str) -> Option<&'a str> {
    let (partition, rest) = arn.strip_prefix("arn:")?.split_once(':')?;
    let (named, rest) = rest.split_once(':')?;
    (PARTITIONS.contains(&partition) && named == service).then_some(rest)
}

/// An instance profile's, by its name.
pub fn of_profile(account: &str, name: &str) -> String {
    format!("arn:aws:iam::{account}:instance-profile/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_partition_is_known() {
        for partition in PARTITIONS {
            let arn = format!("arn:{partition}:kms:us-east-1:111122223333:key/1");
            assert_eq!(of_service(&arn, "kms"), Some("us-east-1:111122223333:key/1"));
        }
    }

    #[test]
    fn another_service_or_partition_is_none() {
        assert_eq!(of_service("arn:aws:iam::111122223333:role/x", "kms"), None);
        assert_eq!(of_service("arn:azure:kms:us-east-1:1:key/1", "kms"), None);
    }
}
