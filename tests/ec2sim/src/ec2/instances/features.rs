//! What a launch switches on: enclaves, hibernation, Capacity Reservations, host names, bandwidth.

use super::options;
use crate::{
    core::{
        error::ApiError,
        params::Params,
        records::{Device, Features, HostNames},
        xml::Node,
    },
    ec2::instance_types::InstanceType,
};

const RESERVATIONS: [&str; 3] = ["open", "none", "capacity-reservations-only"];
const HOST_NAMES: [&str; 2] = ["ip-name", "resource-name"];
const WEIGHTINGS: [&str; 3] = ["default", "vpc-1", "ebs-1"];

pub const HIBERNATION: &str = "HibernationOptions.Configured";

/// What a launch asks for.
/// Source: EC2 API reference, `RunInstances`.
pub fn of_launch(params: &Params) -> Result<Features, ApiError> {
    let one_of = |name: &str, allowed: &[&str]| {
        let hint = format!("Valid values: {}.", allowed.join(", "));
        options::one_of(params, name, allowed, allowed[0], &hint)
    };
    check_reservation(params)?;
    let features = Features {
        enclave: params.is_set("EnclaveOptions.Enabled")?,
        hibernation: params.is_set(HIBERNATION)?,
        reservations: one_of(
            "CapacityReservationSpecification.CapacityReservationPreference",
            &RESERVATIONS,
        )?,
        host_names: HostNames {
            kind: one_of("PrivateDnsNameOptions.HostnameType", &HOST_NAMES)?,
            a_record: params.is_set("PrivateDnsNameOptions.EnableResourceNameDnsARecord")?,
            aaaa_record: params.is_set("PrivateDnsNameOptions.EnableResourceNameDnsAAAARecord")?,
        },
        bandwidth: one_of("NetworkPerformanceOptions.BandwidthWeighting", &WEIGHTINGS)?,
    };
    if features.enclave && features.hibernation {
        let message = "Enclaves and hibernation cannot both be enabled on the same instance.";
        return Err(ApiError::invalid_combination(message));
    }
    Ok(features)
}

/// The memory goes to the root volume, which must be encrypted; not every type can do it.
/// Source: EC2 user guide, "Prerequisites for EC2 instance hibernation"; EC2 API error codes.
pub fn check_hibernation(
    params: &Params,
    kind: &InstanceType,
    root: Option<&Device>,
) -> Result<(), ApiError> {
    let refuse = |message: String| Err(ApiError::new("UnsupportedHibernationConfiguration", message));
    let is_encrypted = root.and_then(|root| root.ebs.as_ref()).is_some_and(|ebs| ebs.encrypted);
    match params.is_set(HIBERNATION)? {
        true if !kind.hibernates() => {
            refuse(format!("Hibernation is not supported for the instance type {}.", kind.name))
        }
        true if !is_encrypted => refuse("Hibernation needs an encrypted root volume.".to_owned()),
        true | false => Ok(()),
    }
}

/// There are no Capacity Reservations here.
fn check_reservation(params: &Params) -> Result<(), ApiError> {
    let target = "CapacityReservationSpecification.CapacityReservationTarget.CapacityReservationId";
    match params.text(target) {
        Some(id) => {
            let message = format!("The capacity reservation '{id}' does not exist");
            Err(ApiError::new("InvalidCapacityReservationId.NotFound", message))
        }
        None => Ok(()),
    }
}

/// The members of an instance that show them.
pub fn show(features: &Features, node: Node) -> Node {
    let names = Node::new()
        .text("hostnameType", &features.host_names.kind)
        .text("enableResourceNameDnsARecord", features.host_names.a_record)
        .text("enableResourceNameDnsAAAARecord", features.host_names.aaaa_record);
    let reservations = Node::new().text("capacityReservationPreference", &features.reservations);
    node.child("capacityReservationSpecification", reservations)
        .child("hibernationOptions", Node::new().text("configured", features.hibernation))
        .child("enclaveOptions", enclave(features))
        .child("networkPerformanceOptions", Node::new().text("bandwidthWeighting", &features.bandwidth))
        .child("privateDnsNameOptions", names)
}

pub fn enclave(features: &Features) -> Node {
    Node::new().text("enabled", features.enclave)
}

/// What an instance has for a filter of them.
pub fn filter_value(features: &Features, name: &str) -> Option<String> {
    Some(match name {
        "capacity-reservation-specification.capacity-reservation-preference" => features.reservations.clone(),
        "enclave-options.enabled" => features.enclave.to_string(),
        "hibernation-options.configured" => features.hibernation.to_string(),
        "network-performance-options.bandwidth-weighting" => features.bandwidth.clone(),
        "private-dns-name-options.enable-resource-name-dns-a-record" => {
            features.host_names.a_record.to_string()
        }
        "private-dns-name-options.enable-resource-name-dns-aaaa-record" => {
            features.host_names.aaaa_record.to_string()
        }
        "private-dns-name-options.hostname-type" => features.host_names.kind.clone(),
        _ => return None,
    })
}
