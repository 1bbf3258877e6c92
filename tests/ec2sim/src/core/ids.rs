//! Ids: how they look, and what is answered to wrong ones.

use super::error::ApiError;

/// A kind of resource as its id shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    pub prefix: &'static str,
    malformed: &'static str,
    not_found: &'static str,
    /// What EC2 calls the thing in "The … 'x' does not exist".
    noun: &'static str,
    /// The resource type of tag specifications and `DescribeTags`.
    pub resource_type: &'static str,
}

const fn kind(
    prefix: &'static str,
    malformed: &'static str,
    not_found: &'static str,
    noun: &'static str,
    resource_type: &'static str,
) -> Kind {
    Kind { prefix, malformed, not_found, noun, resource_type }
}

pub const IMAGE: Kind = kind("ami", "InvalidAMIID.Malformed", "InvalidAMIID.NotFound", "image id", "image");
pub const INSTANCE: Kind =
    kind("i", "InvalidInstanceID.Malformed", "InvalidInstanceID.NotFound", "instance ID", "instance");
pub const SNAPSHOT: Kind =
    kind("snap", "InvalidSnapshotID.Malformed", "InvalidSnapshot.NotFound", "snapshot", "snapshot");
pub const VOLUME: Kind =
    kind("vol", "InvalidVolumeID.Malformed", "InvalidVolume.NotFound", "volume", "volume");
pub const VPC: Kind = kind("vpc", "InvalidVpcID.Malformed", "InvalidVpcID.NotFound", "vpc ID", "vpc");
pub const SUBNET: Kind =
    kind("subnet", "InvalidSubnetID.Malformed", "InvalidSubnetID.NotFound", "subnet ID", "subnet");
pub const GROUP: Kind =
    kind("sg", "InvalidGroupId.Malformed", "InvalidGroup.NotFound", "security group", "security-group");
pub const GROUP_RULE: Kind = kind(
    "sgr",
    "InvalidSecurityGroupRuleId.Malformed",
    "InvalidSecurityGroupRuleId.NotFound",
    "security group rule ID",
    "security-group-rule",
);
pub const KEY_PAIR: Kind =
    kind("key", "InvalidKeyPair.Malformed", "InvalidKeyPair.NotFound", "key pair", "key-pair");
pub const INTERFACE: Kind = kind(
    "eni",
    "InvalidNetworkInterfaceId.Malformed",
    "InvalidNetworkInterfaceID.NotFound",
    "networkInterface ID",
    "network-interface",
);

pub const SPOT_REQUEST: Kind = kind(
    "sir",
    "InvalidSpotInstanceRequestID.Malformed",
    "InvalidSpotInstanceRequestID.NotFound",
    "spot instance request ID",
    "spot-instances-request",
);
pub const LAUNCH_TEMPLATE: Kind = kind(
    "lt",
    "InvalidLaunchTemplateId.Malformed",
    "InvalidLaunchTemplateId.NotFound",
    "launch template ID",
    "launch-template",
);

pub const ROUTE_TABLE: Kind = kind(
    "rtb",
    "InvalidRouteTableId.Malformed",
    "InvalidRouteTableID.NotFound",
    "routeTable ID",
    "route-table",
);
pub const INTERNET_GATEWAY: Kind = kind(
    "igw",
    "InvalidInternetGatewayId.Malformed",
    "InvalidInternetGatewayID.NotFound",
    "internetGateway ID",
    "internet-gateway",
);
pub const NETWORK_ACL: Kind = kind(
    "acl",
    "InvalidNetworkAclId.Malformed",
    "InvalidNetworkAclID.NotFound",
    "networkAcl ID",
    "network-acl",
);
pub const DHCP_OPTIONS: Kind = kind(
    "dopt",
    "InvalidDhcpOptionsId.Malformed",
    "InvalidDhcpOptionID.NotFound",
    "dhcpOption ID",
    "dhcp-options",
);

/// Kinds that carry tags, as `CreateTags` must tell them apart by their prefix.
pub const TAGGABLE: [Kind; 16] = [
    ROUTE_TABLE,
    INTERNET_GATEWAY,
    NETWORK_ACL,
    DHCP_OPTIONS,
    IMAGE,
    INSTANCE,
    SNAPSHOT,
    VOLUME,
    VPC,
    SUBNET,
    GROUP_RULE,
    GROUP,
    KEY_PAIR,
    INTERFACE,
    SPOT_REQUEST,
    LAUNCH_TEMPLATE,
];

impl Kind {
    /// Refuses what cannot be an id: another prefix, or not 8 or 17 hexadecimal digits.
    pub fn check(&self, id: &str) -> Result<(), ApiError> {
        if self.fits(id) { Ok(()) } else { Err(self.malformed(id)) }
    }

    pub fn fits(&self, id: &str) -> bool {
        let digits = id.strip_prefix(self.prefix).and_then(|rest| rest.strip_prefix('-'));
        digits.is_some_and(|digits| {
            matches!(digits.len(), 8 | 17)
                && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
        })
    }

    pub fn malformed(&self, id: &str) -> ApiError {
        ApiError::new(self.malformed, format!("Invalid id: \"{id}\" (expecting \"{}-...\")", self.prefix))
    }

    pub fn not_found(&self, id: &str) -> ApiError {
        let shown = if *self == IMAGE { format!("[{id}]") } else { id.to_owned() };
        ApiError::new(self.not_found, format!("The {} '{shown}' does not exist", self.noun))
    }

    /// The kind of an id by its prefix.
    pub fn of(id: &str) -> Option<Self> {
        let (prefix, _) = id.split_once('-')?;
        TAGGABLE.into_iter().find(|kind| kind.prefix == prefix)
    }
}
