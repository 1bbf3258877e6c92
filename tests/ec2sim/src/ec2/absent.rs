//! Describe calls of kinds that there are none of here: whoever looks finds nothing, and whoever names one is told so.

use crate::core::{
    Call, Handler, Outcome, error::ApiError, filters::Filters, paging::Page, world::World, xml::Node,
};

struct Absent {
    action: &'static str,
    set: &'static str,
    /// The parameters that name some, with the code that answers what does not exist.
    names: &'static [(&'static str, &'static str)],
    filters: &'static [&'static str],
}

/// Source: EC2 API reference, for the filters; its error codes.
const ALL: [Absent; 7] = [
    Absent {
        action: "DescribeAddresses",
        set: "addressesSet",
        names: &[("AllocationId", "InvalidAllocationID.NotFound"), ("PublicIp", "InvalidAddress.NotFound")],
        filters: &[
            "allocation-id",
            "association-id",
            "domain",
            "instance-id",
            "network-border-group",
            "network-interface-id",
            "network-interface-owner-id",
            "private-ip-address",
            "public-ip",
            "tag-key",
        ],
    },
    Absent {
        action: "DescribeCapacityReservations",
        set: "capacityReservationSet",
        names: &[("CapacityReservationId", "InvalidCapacityReservationId.NotFound")],
        filters: &[
            "availability-zone",
            "availability-zone-id",
            "end-date",
            "end-date-type",
            "instance-match-criteria",
            "instance-platform",
            "instance-type",
            "outpost-arn",
            "owner-id",
            "placement-group-arn",
            "start-date",
            "state",
            "tag-key",
            "tenancy",
        ],
    },
    Absent {
        action: "DescribeManagedPrefixLists",
        set: "prefixListSet",
        names: &[("PrefixListId", "InvalidPrefixListID.NotFound")],
        filters: &["owner-id", "prefix-list-id", "prefix-list-name", "tag-key"],
    },
    Absent {
        action: "DescribeNatGateways",
        set: "natGatewaySet",
        names: &[("NatGatewayId", "NatGatewayNotFound")],
        filters: &["nat-gateway-id", "state", "subnet-id", "tag-key", "vpc-id"],
    },
    Absent {
        action: "DescribePlacementGroups",
        set: "placementGroupSet",
        names: &[
            ("GroupId", "InvalidPlacementGroup.Unknown"),
            ("GroupName", "InvalidPlacementGroup.Unknown"),
        ],
        filters: &["group-arn", "group-name", "spread-level", "state", "strategy", "tag-key"],
    },
    Absent {
        action: "DescribePrefixLists",
        set: "prefixListSet",
        names: &[("PrefixListId", "InvalidPrefixListID.NotFound")],
        filters: &["prefix-list-id", "prefix-list-name"],
    },
    Absent {
        action: "DescribeVpcEndpoints",
        set: "vpcEndpointSet",
        names: &[("VpcEndpointId", "InvalidVpcEndpointId.NotFound")],
        filters: &[
            "ip-address-type",
            "service-name",
            "service-region",
            "tag-key",
            "vpc-endpoint-id",
            "vpc-endpoint-state",
            "vpc-endpoint-type",
            "vpc-id",
        ],
    },
];

pub fn handler(action: &str) -> Option<Handler> {
    ALL.iter().any(|it| it.action == action).then_some(Handler::Read(describe))
}

fn describe(call: &Call, _: &World) -> Outcome {
    let it = ALL.iter().find(|it| it.action == call.action).expect("the handler knows the action");
    Filters::parse(call.params, it.filters)?;
    Page::parse(call.params, 1..=1000)?;
    for (parameter, code) in it.names {
        if let Some(name) = call.params.ids(parameter)?.first() {
            return Err(ApiError::new(*code, format!("'{name}' does not exist")));
        }
    }
    Ok(Node::new().set(it.set, []).into())
}
