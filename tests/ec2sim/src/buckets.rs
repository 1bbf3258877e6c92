//! Request throttling: token buckets by account, region and action.
//!
//! The numbers of EC2 are those of its user guide ("Request throttling for the Amazon EC2 API"), those of SSM its
//! default throughput ("Systems Manager service quotas"), those of STS its quota of 600 requests a second. IAM names none, and
//! those of KMS are far above what anybody here asks it.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::core::{Call, Service, error::ApiError};

/// A bucket's size, and how fast it is filled again.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Rate {
    burst: f64,
    per_second: f64,
}

const fn rate(burst: f64, per_second: f64) -> Rate {
    Rate { burst, per_second }
}

const READING: Rate = rate(100.0, 20.0);
/// Reads that ask for all there is, neither by filter nor by page.
const UNBOUNDED: Rate = rate(50.0, 10.0);
const CHANGING: Rate = rate(50.0, 5.0);

const UNBOUNDED_ACTIONS: [&str; 7] = [
    "DescribeInstances",
    "DescribeInstanceStatus",
    "DescribeNetworkInterfaces",
    "DescribeSecurityGroups",
    "DescribeSnapshots",
    "DescribeSpotInstanceRequests",
    "DescribeVolumes",
];

/// Levels of all buckets; one that is not here is full.
#[derive(Debug, Default)]
pub struct Buckets(HashMap<(String, String, String), Level>);

#[derive(Clone, Copy, Debug)]
struct Level {
    tokens: f64,
    at: Timestamp,
}

impl Buckets {
    /// Takes what a call costs, or refuses it. A refused call costs nothing.
    pub fn admit(&mut self, service: Service, call: &Call) -> Result<(), ApiError> {
        let costs = costs(service, call);
        let has_room = costs.iter().all(|(name, rate, cost)| self.level(call, name, *rate) >= *cost);
        if !has_room {
            return Err(ApiError::throttled(service));
        }
        for (name, rate, cost) in costs {
            let tokens = self.level(call, &name, rate) - cost;
            self.0.insert(key(call, &name), Level { tokens, at: call.now });
        }
        Ok(())
    }

    fn level(&self, call: &Call, name: &str, rate: Rate) -> f64 {
        let Some(level) = self.0.get(&key(call, name)) else { return rate.burst };
        let gained = call.now.duration_since(level.at).as_secs_f64().max(0.0) * rate.per_second;
        (level.tokens + gained).min(rate.burst)
    }
}

fn key(call: &Call, name: &str) -> (String, String, String) {
    (call.caller.account.clone(), call.caller.region.clone(), name.to_owned())
}

/// The buckets that a call draws from: that of its requests, and for some that of its instances.
fn costs(service: Service, call: &Call) -> Vec<(String, Rate, f64)> {
    let name = format!("{}:{}", service.name(), call.action);
    let mut costs = match service {
        Service::Ec2 if is_unbounded(call) => vec![(format!("{name} of all"), UNBOUNDED, 1.0)],
        Service::Ec2 => vec![(name, of_ec2(call.action), 1.0)],
        Service::Ssm => vec![(name, of_ssm(call.action), 1.0)],
        Service::Sts => vec![(name, rate(600.0, 600.0), 1.0)],
        Service::Iam | Service::Kms => Vec::new(),
    };
    if let (Service::Ec2, Some((rate, resources))) = (service, resources(call)) {
        costs.push((format!("instances of {}", call.action), rate, resources));
    }
    costs
}

fn is_unbounded(call: &Call) -> bool {
    let ids =
        ["InstanceId", "SnapshotId", "VolumeId", "GroupId", "NetworkInterfaceId", "SpotInstanceRequestId"];
    let mut bounds = ["Filter", "MaxResults"].iter().chain(&ids);
    UNBOUNDED_ACTIONS.contains(&call.action) && bounds.all(|name| !call.params.has(name))
}

fn of_ec2(action: &str) -> Rate {
    match action {
        "RunInstances" | "StartInstances" => rate(5.0, 2.0),
        "CopyImage" => rate(100.0, 1.0),
        "AttachVolume"
        | "CreateSnapshot"
        | "CreateSnapshots"
        | "CreateVolume"
        | "DeleteSnapshot"
        | "DeleteVolume"
        | "DeregisterImage"
        | "DetachVolume"
        | "ModifyImageAttribute"
        | "ModifySnapshotAttribute"
        | "ModifyVolume"
        | "TerminateInstances" => rate(100.0, 5.0),
        "CreateTags" | "DeleteTags" => rate(100.0, 10.0),
        "DisableImageBlockPublicAccess" | "EnableImageBlockPublicAccess" => rate(1.0, 0.1),
        read if read.starts_with("Describe") || read.starts_with("Get") || read.starts_with("List") => {
            READING
        }
        _ => CHANGING,
    }
}

fn of_ssm(action: &str) -> Rate {
    match action {
        "GetParameter" | "GetParameters" | "GetParametersByPath" => rate(40.0, 40.0),
        "PutParameter" | "DeleteParameter" | "DeleteParameters" => rate(3.0, 3.0),
        _ => rate(10.0, 5.0),
    }
}

/// The bucket for the instances that a call starts or ends, and how many they are.
fn resources(call: &Call) -> Option<(Rate, f64)> {
    let named = call.params.texts("InstanceId").len();
    let asked = || call.params.int("MaxCount").ok().flatten().and_then(|count| usize::try_from(count).ok());
    let (rate, count) = match call.action {
        "RunInstances" => (rate(1000.0, 2.0), asked().unwrap_or(1)),
        "StartInstances" => (rate(1000.0, 2.0), named),
        "StopInstances" | "TerminateInstances" => (rate(1000.0, 20.0), named),
        _ => return None,
    };
    Some((rate, f64::from(u32::try_from(count).unwrap_or(u32::MAX))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::Lab;

    /// How many of many calls at once are let through.
    fn admitted(lab: &Lab, action: &str, params: &[(&str, &str)]) -> usize {
        let refused = |error: &ApiError| error.code == "RequestLimitExceeded" && error.status == 503;
        let calls = (0..200).map(|_| lab.try_call(action, params));
        calls.filter(|answer| !answer.as_ref().is_err_and(refused)).count()
    }

    fn throttled() -> Lab {
        let lab = Lab::new();
        lab.sim.gate(|gate| gate.buckets = Some(Buckets::default()));
        lab
    }

    #[test]
    fn each_action_has_a_bucket_of_its_own() {
        let lab = throttled();
        assert_eq!(admitted(&lab, "RunInstances", &[]), 5);
        assert_eq!(admitted(&lab, "CreateImage", &[]), 50);
        assert_eq!(admitted(&lab, "CopyImage", &[]), 100);
        assert_eq!(admitted(&lab, "DescribeImages", &[]), 100);
        assert_eq!(admitted(&lab, "EnableImageBlockPublicAccess", &[]), 1);
    }

    #[test]
    fn reads_of_all_there_is_have_the_smaller_bucket() {
        let lab = throttled();
        assert_eq!(admitted(&lab, "DescribeInstances", &[]), 50);
        assert_eq!(admitted(&lab, "DescribeInstances", &[("MaxResults", "100")]), 100);
    }

    #[test]
    fn a_bucket_fills_again_with_time() {
        let lab = throttled();
        admitted(&lab, "RunInstances", &[]);
        lab.wait(1);
        assert_eq!(admitted(&lab, "RunInstances", &[]), 2);
        lab.wait(3600);
        assert_eq!(admitted(&lab, "RunInstances", &[]), 5);
    }

    #[test]
    fn accounts_and_regions_do_not_take_from_each_other() {
        let lab = throttled();
        admitted(&lab, "RunInstances", &[]);
        assert_eq!(admitted(&lab.region("eu-west-1"), "RunInstances", &[]), 5);
        assert_eq!(admitted(&lab.account(crate::lab::OTHER), "RunInstances", &[]), 5);
    }

    #[test]
    fn a_thousand_instances_empty_the_bucket_of_instances() {
        let lab = throttled();
        let thousand = [("MinCount", "1000"), ("MaxCount", "1000")];
        assert_eq!(admitted(&lab, "RunInstances", &thousand), 1);
    }
}
