//! What a launch says of its network interfaces.

use crate::core::{error::ApiError, params::Params};

/// What is wanted of one interface, besides its place.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub device_index: i64,
    pub description: String,
    pub delete_on_termination: bool,
    /// Secondary addresses that are named.
    pub addresses: Vec<String>,
    /// How many more the subnet is to give.
    pub count: usize,
}

impl Wanted {
    pub fn of(interface: &Params) -> Result<Self, ApiError> {
        let is_primary = |item: &&Params| item.is_set("Primary").unwrap_or(false);
        let listed = interface.list("PrivateIpAddresses");
        let secondary = listed.iter().filter(|item| !is_primary(item));
        let addresses: Vec<String> =
            secondary.filter_map(|item| item.text("PrivateIpAddress")).map(str::to_owned).collect();
        let count = interface.int("SecondaryPrivateIpAddressCount")?.unwrap_or_default();
        if count > 0 && !addresses.is_empty() {
            let message =
                "The parameter secondaryPrivateIpAddressCount cannot be used with secondary addresses.";
            return Err(ApiError::invalid_combination(message));
        }
        Ok(Self {
            device_index: interface.int("DeviceIndex")?.unwrap_or_default(),
            description: interface.text("Description").unwrap_or_default().to_owned(),
            delete_on_termination: interface.flag("DeleteOnTermination")?.unwrap_or(true),
            addresses,
            count: usize::try_from(count)
                .map_err(|_| ApiError::bad_value(&count.to_string(), "secondaryPrivateIpAddressCount", ""))?,
        })
    }
}

/// The interfaces of a launch in the order in which they are attached, the primary one first; none if there are none.
/// Source: EC2 API reference, `InstanceNetworkInterfaceSpecification`.
pub fn in_order(params: &Params) -> Result<Vec<&Params>, ApiError> {
    let mut numbered = Vec::new();
    for interface in params.list("NetworkInterface") {
        let index = interface.int("DeviceIndex")?;
        numbered.push((index.ok_or_else(|| ApiError::missing("NetworkInterface.DeviceIndex"))?, interface));
    }
    numbered.sort_by_key(|(index, _)| *index);
    let has_twins = numbered.windows(2).any(|pair| pair[0].0 == pair[1].0);
    if has_twins {
        return Err(ApiError::invalid_combination("Each network interface requires a unique device index."));
    }
    if numbered.first().is_some_and(|(index, _)| *index != 0) {
        let message = "When specifying network interfaces, you must include a device at index 0.";
        return Err(ApiError::invalid_combination(message));
    }
    let is_public = |(_, interface): &(i64, &Params)| interface.text("AssociatePublicIpAddress").is_some();
    if numbered.len() > 1 && numbered.iter().any(is_public) {
        let message = "The associatePublicIpAddress parameter cannot be specified when launching with multiple network interfaces.";
        return Err(ApiError::invalid_combination(message));
    }
    Ok(numbered.into_iter().map(|(_, interface)| interface).collect())
}
