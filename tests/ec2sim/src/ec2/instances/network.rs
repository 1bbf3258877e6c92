//! Where in a network an instance comes to stand.

use std::{net::Ipv4Addr, sync::Arc};

use super::wanted::{self, Wanted};
use crate::{
    core::{
        Call,
        error::ApiError,
        ids,
        params::Params,
        records::{Instance, Interface, SecurityGroup, Subnet},
        tags::Tags,
        world::{Region, World},
    },
    ec2::instance_types::InstanceType,
};

/// A subnet with what belongs to it.
#[derive(Clone, Debug)]
pub struct Place {
    pub subnet_id: String,
    pub vpc_id: String,
    pub zone: String,
    pub security_groups: Vec<String>,
    cidr: String,
    private_ip: Option<String>,
    public: bool,
    wanted: Wanted,
    /// Of the interfaces besides the primary one.
    pub more: Vec<Place>,
}

/// Finds subnet and security groups, given for the instance or for its first network interface.
pub fn place(call: &Call, world: &World) -> Result<Place, ApiError> {
    let region = call.region(world);
    let nothing = Params::default();
    let interfaces = wanted::in_order(call.params)?;
    let interface = interfaces.first().copied().unwrap_or(&nothing);
    refuse_both(call.params, interface)?;
    let subnet = subnet(call, region, call.params.text("SubnetId").or(interface.text("SubnetId")))?;
    let further = interfaces.iter().skip(1).map(|it| further(call, region, it, subnet));
    let more = further.collect::<Result<Vec<Place>, ApiError>>()?;
    let place = of_interface(call, region, interface, subnet)?;
    let public = interface.flag("AssociatePublicIpAddress")?.unwrap_or(subnet.map_public_ip);
    let private_ip = place.private_ip.or(call.params.text("PrivateIpAddress").map(str::to_owned));
    Ok(Place { public: public && more.is_empty(), private_ip, more, ..place })
}

/// Of an interface besides the primary one, in whose zone it must be.
fn further(call: &Call, region: &Region, interface: &Params, primary: &Subnet) -> Result<Place, ApiError> {
    let id = interface.text("SubnetId").unwrap_or(&primary.id);
    let subnet = subnet(call, region, Some(id))?;
    if subnet.zone != primary.zone {
        let message = "All network interfaces of an instance must be in the same Availability Zone.";
        return Err(ApiError::invalid_combination(message));
    }
    of_interface(call, region, interface, subnet)
}

fn of_interface(
    call: &Call,
    region: &Region,
    interface: &Params,
    subnet: &Subnet,
) -> Result<Place, ApiError> {
    check_interface(call, region, interface)?;
    Ok(Place {
        subnet_id: subnet.id.clone(),
        vpc_id: subnet.vpc_id.clone(),
        zone: subnet.zone.clone(),
        security_groups: groups(call, region, interface, subnet)?,
        cidr: subnet.cidr.clone(),
        private_ip: private_ip(interface).map(str::to_owned),
        public: false,
        wanted: Wanted::of(interface)?,
        more: Vec::new(),
    })
}

/// The primary address that is asked for.
fn private_ip(interface: &Params) -> Option<&str> {
    let listed = interface.list("PrivateIpAddresses");
    let primary = listed.into_iter().find(|item| item.is_set("Primary").unwrap_or(false));
    interface.text("PrivateIpAddress").or_else(|| primary?.text("PrivateIpAddress"))
}

/// Every interface here belongs to an instance.
fn check_interface(call: &Call, region: &Region, interface: &Params) -> Result<(), ApiError> {
    let Some(id) = interface.text("NetworkInterfaceId") else { return Ok(()) };
    ids::INTERFACE.check(id)?;
    let mut own =
        region.instances.values().filter(|it| it.owner == call.account() && !it.is_terminated(call.now));
    if own.any(|instance| instance.interfaces().any(|it| it.id == id)) {
        let message = format!("Interface: [{id}] in use.");
        return Err(ApiError::new("InvalidNetworkInterface.InUse", message));
    }
    Err(ids::INTERFACE.not_found(id))
}

/// The first four addresses of a subnet and the last one are AWS's (Amazon VPC user guide, "Subnet CIDR blocks").
fn check_address(call: &Call, region: &Region, place: &Place, address: &str) -> Result<(), ApiError> {
    let refuse = |why: &str| Err(ApiError::invalid_value(format!("Address {address} {why}")));
    let Ok(asked) = address.parse::<Ipv4Addr>() else {
        return Err(ApiError::bad_value(address, "privateIpAddress", "Not an IPv4 address."));
    };
    let (first, size) = addresses(&place.cidr);
    match asked.to_bits().checked_sub(first) {
        Some(at) if at < size => {
            if at < 4 || at == size - 1 {
                return refuse("is in subnet's reserved address range");
            }
        }
        _ => return refuse("does not fall within the subnet's address range"),
    }
    let is_taken =
        |it: &Arc<Instance>| it.has_address(&place.subnet_id, address) && !it.is_terminated(call.now);
    if region.instances.values().any(is_taken) {
        return Err(ApiError::new("InvalidIPAddress.InUse", format!("Address {address} is in use.")));
    }
    Ok(())
}

/// The first address of a block, and how many there are.
fn addresses(cidr: &str) -> (u32, u32) {
    let (base, bits) = cidr.split_once('/').unwrap_or((cidr, "32"));
    let first = base.parse::<Ipv4Addr>().map_or(0, Ipv4Addr::to_bits);
    (first, 1 << (32 - bits.parse::<u32>().unwrap_or(32).clamp(1, 32)))
}

impl Place {
    /// An address that is asked for must be free, and is for one instance. A call that is repeated is not asked again.
    pub fn check_new(&self, call: &Call, region: &Region, count: usize) -> Result<(), ApiError> {
        for address in self.private_ip.iter().chain(&self.wanted.addresses) {
            if count > 1 {
                let message = "A private IP address cannot be specified when launching multiple instances.";
                return Err(ApiError::invalid_combination(message));
            }
            check_address(call, region, self, address)?;
        }
        self.more.iter().try_for_each(|place| place.check_new(call, region, count))
    }

    /// A type takes so many interfaces, and each of them so many addresses.
    pub fn check_limits(&self, kind: &InstanceType) -> Result<(), ApiError> {
        let within = |count: usize, limit: u32| u32::try_from(count).is_ok_and(|count| count <= limit);
        let interfaces = 1 + self.more.len();
        if !within(interfaces, kind.interfaces) {
            let message = format!("Interface count {interfaces} exceeds the limit for {}", kind.name);
            return Err(ApiError::new("AttachmentLimitExceeded", message));
        }
        let addresses = |place: &Place| 1 + place.wanted.addresses.len() + place.wanted.count;
        if std::iter::once(self).chain(&self.more).all(|place| within(addresses(place), kind.addresses)) {
            return Ok(());
        }
        let message = format!("Number of private addresses exceeds the limit for {}", kind.name);
        Err(ApiError::new("PrivateIpAddressLimitExceeded", message))
    }
}

fn refuse_both(params: &Params, interface: &Params) -> Result<(), ApiError> {
    if params.text("SubnetId").is_some() && !params.texts("SecurityGroup").is_empty() {
        let message = "The parameter groupName cannot be used with the parameter subnet";
        return Err(ApiError::invalid_combination(message));
    }
    let what = if interface.is_empty() {
        return Ok(());
    } else if params.text("SubnetId").is_some() {
        "subnet ID"
    } else if !params.texts("SecurityGroupId").is_empty() || !params.texts("SecurityGroup").is_empty() {
        "security groups"
    } else {
        return Ok(());
    };
    let message =
        format!("Network interfaces and an instance-level {what} may not be specified on the same request");
    Err(ApiError::invalid_combination(message))
}

fn subnet<'r>(call: &Call, region: &'r Region, asked: Option<&str>) -> Result<&'r Arc<Subnet>, ApiError> {
    let zone = zone(call, region)?;
    if let Some(id) = asked {
        ids::SUBNET.check(id)?;
        let subnet = region.subnets.get(id).filter(|subnet| subnet.owner == call.account());
        let subnet = subnet.ok_or_else(|| ids::SUBNET.not_found(id))?;
        if zone.is_some_and(|zone| zone != subnet.zone) {
            let message = format!("The subnet '{id}' is not in the specified availability zone");
            return Err(ApiError::new("InvalidParameter", message));
        }
        return Ok(subnet);
    }
    let vpc = region.default_vpc(call.account()).ok_or_else(|| {
        ApiError::new(
            "VPCIdNotSpecified",
            "No default VPC for this user. GroupName is only supported for EC2-Classic and default VPC.",
        )
    })?;
    let mut own: Vec<_> = region.subnets.values().filter(|it| it.vpc_id == vpc.id && it.is_default).collect();
    own.sort_by(|one, other| one.zone.cmp(&other.zone));
    let fitting = own.into_iter().find(|subnet| zone.is_none_or(|zone| zone == subnet.zone));
    let message = format!("No subnets found for the default VPC '{}'. Please specify a subnet.", vpc.id);
    fitting.ok_or_else(|| ApiError::new("MissingInput", message))
}

fn zone<'r>(call: &Call, region: &'r Region) -> Result<Option<&'r str>, ApiError> {
    let (name, id) =
        (call.params.text("Placement.AvailabilityZone"), call.params.text("Placement.AvailabilityZoneId"));
    if name.is_some() && id.is_some() {
        let message = "Only one of AvailabilityZone and AvailabilityZoneId may be specified.";
        return Err(ApiError::invalid_combination(message));
    }
    let Some(asked) = name.or(id) else { return Ok(None) };
    let found = region.zones.iter().find(|zone| zone.name == asked || zone.id == asked);
    let refused = || ApiError::invalid_value(format!("Invalid availability zone: [{asked}]"));
    found.map(|zone| Some(zone.name.as_str())).ok_or_else(refused)
}

fn groups(
    call: &Call,
    region: &Region,
    interface: &Params,
    subnet: &Subnet,
) -> Result<Vec<String>, ApiError> {
    let mut asked = call.params.texts("SecurityGroupId");
    asked.extend(interface.texts("SecurityGroupId"));
    let mut found = by_ids(call, region, subnet, &asked)?;
    for name in call.params.texts("SecurityGroup") {
        found.push(named(region, subnet, name)?.id.clone());
    }
    if found.is_empty() {
        found.push(named(region, subnet, "default")?.id.clone());
    }
    Ok(found)
}

fn by_ids(call: &Call, region: &Region, subnet: &Subnet, asked: &[&str]) -> Result<Vec<String>, ApiError> {
    let find = |id: &&str| {
        ids::GROUP.check(id)?;
        let group = region.security_groups.get(*id).filter(|group| group.owner == call.account());
        let group = group.ok_or_else(|| ids::GROUP.not_found(id))?;
        if group.vpc_id != subnet.vpc_id {
            let message =
                format!("Security group {id} and subnet {} belong to different networks.", subnet.id);
            return Err(ApiError::new("InvalidParameter", message));
        }
        Ok(group.id.clone())
    };
    asked.iter().map(find).collect()
}

/// The groups that `ModifyInstanceAttribute` gives an instance.
pub fn groups_of(call: &Call, region: &Region, instance: &Instance) -> Result<Vec<String>, ApiError> {
    let asked = call.params.ids("GroupId")?;
    match region.subnets.get(&instance.primary.subnet_id) {
        Some(subnet) if !asked.is_empty() => by_ids(call, region, subnet, &asked),
        _ => Err(ApiError::missing("GroupId")),
    }
}

fn named<'r>(region: &'r Region, subnet: &Subnet, name: &str) -> Result<&'r Arc<SecurityGroup>, ApiError> {
    let mut groups = region.security_groups.values();
    let found = groups.find(|group| group.vpc_id == subnet.vpc_id && group.name == name);
    let message = format!("The security group '{name}' does not exist in VPC '{}'", subnet.vpc_id);
    found.ok_or_else(|| ApiError::new("InvalidGroup.NotFound", message))
}

/// Makes an interface with addresses drawn from the seed.
pub fn interface(world: &mut World, place: &Place) -> Interface {
    let (private_ip, three) = private_address(world, &place.cidr);
    let [mac_one, mac_two, mac_three, public_one, public_two, ..] = world.draw().to_be_bytes();
    let drawn = (0..place.wanted.count).map(|_| private_address(world, &place.cidr).0).collect::<Vec<_>>();
    Interface {
        id: world.mint(ids::INTERFACE),
        attachment_id: world.mint_prefixed("eni-attach"),
        device_index: place.wanted.device_index,
        mac_address: format!("0a:{three:02x}:{mac_one:02x}:{mac_two:02x}:{mac_three:02x}:01"),
        subnet_id: place.subnet_id.clone(),
        security_groups: place.security_groups.clone(),
        private_ip: place.private_ip.clone().unwrap_or(private_ip),
        secondary_ips: place.wanted.addresses.iter().cloned().chain(drawn).collect(),
        public_ip: place
            .public
            .then(|| format!("54.{}.{public_one}.{}", 144 + three % 64, public_two.max(1))),
        description: place.wanted.description.clone(),
        delete_on_termination: place.wanted.delete_on_termination,
        source_dest_check: true,
        tags: Tags::new(),
    }
}

/// An address of a subnet, with what else was drawn.
fn private_address(world: &mut World, cidr: &str) -> (String, u8) {
    let [one, two, three, ..] = world.draw().to_be_bytes();
    let base = cidr.split('/').next().unwrap_or_default();
    let octets: Vec<u8> = base.split('.').filter_map(|octet| octet.parse().ok()).collect();
    let octet = |at: usize| octets.get(at).copied().unwrap_or_default();
    // A default subnet is a /20: sixteen values of the third octet are its own.
    let host = (octet(2).saturating_add(one % 16), two.clamp(4, 250));
    (format!("{}.{}.{}.{}", octet(0), octet(1), host.0, host.1), three)
}
