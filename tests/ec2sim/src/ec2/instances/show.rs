//! Instances as `DescribeInstances` and `RunInstances` show them.

use super::{features, lifecycle::state_node};
use crate::core::{
    records::{Instance, InstanceState, Interface, MetadataOptions, Phase},
    tags,
    world::Region,
    xml::Node,
};

/// Whose the public addresses are that EC2 assigns.
pub const IP_OWNER: &str = "amazon";

/// One reservation with those of its instances that are given, at least one, each in the phase to show.
pub fn reservation(region: &Region, instances: &[(&Instance, &Phase)]) -> Node {
    let first = instances.first().map(|(instance, _)| instance);
    Node::new()
        .opt("reservationId", first.map(|instance| &instance.reservation_id))
        .opt("ownerId", first.map(|instance| &instance.owner))
        .set("groupSet", [])
        .set("instancesSet", instances.iter().map(|(instance, phase)| node(region, instance, phase)))
}

fn node(region: &Region, instance: &Instance, phase: &Phase) -> Node {
    let state = phase.state;
    // Addresses and devices leave an instance when it is terminated.
    let gone = state == InstanceState::Terminated;
    let node = identity(region, instance, phase);
    let node = match state {
        InstanceState::Terminated => node.set("groupSet", []).set("networkInterfaceSet", []),
        InstanceState::Pending
        | InstanceState::Running
        | InstanceState::Stopping
        | InstanceState::Stopped
        | InstanceState::ShuttingDown => connected(region, instance, state, node),
    };
    let devices = devices(region, instance, attachment_status(state)).filter(|_| !gone);
    options(instance, state, node.set("blockDeviceMapping", devices))
        .set_if_any("tagSet", tags::nodes(&instance.tags))
}

pub fn attachment_status(state: InstanceState) -> &'static str {
    if state == InstanceState::Pending { "attaching" } else { "attached" }
}

/// The `blockDeviceMapping` of an instance.
pub fn devices<'r>(
    region: &'r Region,
    instance: &'r Instance,
    status: &'r str,
) -> impl Iterator<Item = Node> + 'r {
    region.volumes_of(instance).map(move |(device, volume)| {
        let ebs = Node::new()
            .text("volumeId", &device.volume_id)
            .text("status", status)
            .time("attachTime", device.attached_at)
            .text("deleteOnTermination", volume.delete_on_termination);
        Node::new().text("deviceName", &device.device_name).child("ebs", ebs)
    })
}

fn identity(region: &Region, instance: &Instance, phase: &Phase) -> Node {
    let image = &instance.image;
    let codes = image.product_codes.iter();
    Node::new()
        .text("instanceId", &instance.id)
        .text("imageId", &image.id)
        .child("instanceState", state_node(phase.state))
        .text("privateDnsName", private_name(region, instance, phase.state))
        .text("dnsName", public_name(region, instance, phase.state).unwrap_or_default())
        .text("reason", &phase.transition)
        .opt_child("stateReason", phase.reason.as_ref().map(crate::core::records::StateReason::node))
        .opt("keyName", instance.key_name.as_ref())
        .text("amiLaunchIndex", instance.launch_index)
        .set(
            "productCodes",
            codes.map(|code| Node::new().text("productCode", &code.id).text("type", &code.kind)),
        )
        .text("instanceType", &instance.instance_type)
        .time("launchTime", instance.launched_at)
        .child("placement", placement(region, instance))
        .child(
            "monitoring",
            Node::new().text("state", if instance.monitoring { "enabled" } else { "disabled" }),
        )
        .text("architecture", &image.architecture)
        .text("rootDeviceType", "ebs")
        .text("rootDeviceName", &image.root_device_name)
        .text("virtualizationType", &image.virtualization)
        .text("clientToken", &instance.client_token)
        .text("hypervisor", "xen")
        .opt("instanceLifecycle", instance.spot_request.as_ref().map(|_| "spot"))
        .opt("spotInstanceRequestId", instance.spot_request.as_ref())
}

fn placement(region: &Region, instance: &Instance) -> Node {
    Node::new()
        .text("availabilityZone", &instance.zone)
        .opt("availabilityZoneId", region.zone(&instance.zone).map(|zone| &zone.id))
        .text("groupName", "")
        .text("tenancy", &instance.tenancy)
}

/// The domain of private names.
pub fn private_domain(region: &str) -> String {
    if region == "us-east-1" { "ec2.internal".to_owned() } else { format!("{region}.compute.internal") }
}

pub fn private_name(region: &Region, instance: &Instance, state: InstanceState) -> String {
    if state == InstanceState::Terminated {
        return String::new();
    }
    let domain = private_domain(&region.name);
    match instance.features.host_names.kind.as_str() {
        "resource-name" => format!("{}.{domain}", instance.id),
        _ => name_of_address(region, &instance.primary.private_ip),
    }
}

/// The private name of an address.
pub fn name_of_address(region: &Region, address: &str) -> String {
    format!("ip-{}.{}", address.replace('.', "-"), private_domain(&region.name))
}

/// The address that the instance has while it runs.
pub fn public_ip(instance: &Instance, state: InstanceState) -> Option<&String> {
    instance.primary.public_ip.as_ref().filter(|_| state == InstanceState::Running)
}

pub fn public_name(region: &Region, instance: &Instance, state: InstanceState) -> Option<String> {
    let zone = if region.name == "us-east-1" { "compute-1" } else { &format!("{}.compute", region.name) };
    public_ip(instance, state).map(|ip| format!("ec2-{}.{zone}.amazonaws.com", ip.replace('.', "-")))
}

fn connected(region: &Region, instance: &Instance, state: InstanceState, node: Node) -> Node {
    node.text("subnetId", &instance.primary.subnet_id)
        .text("vpcId", &instance.vpc_id)
        .text("privateIpAddress", &instance.primary.private_ip)
        .opt("ipAddress", public_ip(instance, state))
        .text("sourceDestCheck", instance.primary.source_dest_check)
        .set("groupSet", groups(region, instance))
        .set("networkInterfaceSet", interfaces(region, instance, state))
}

pub fn groups<'a>(region: &'a Region, instance: &'a Instance) -> impl Iterator<Item = Node> + 'a {
    groups_by_id(region, &instance.primary.security_groups)
}

fn groups_by_id<'a>(region: &'a Region, ids: &'a [String]) -> impl Iterator<Item = Node> + 'a {
    ids.iter().map(|id| {
        let name = region.security_groups.get(id).map(|group| &group.name);
        Node::new().text("groupId", id).opt("groupName", name)
    })
}

fn interfaces(region: &Region, instance: &Instance, state: InstanceState) -> Vec<Node> {
    let show = |it: &Interface| {
        interface(region, instance, it, state).child("attachment", interface_attachment(instance, it, state))
    };
    instance.interfaces().map(show).collect()
}

pub fn interface_attachment(instance: &Instance, interface: &Interface, state: InstanceState) -> Node {
    Node::new()
        .text("attachmentId", &interface.attachment_id)
        .text("deviceIndex", interface.device_index)
        .text("networkCardIndex", 0)
        .text("status", attachment_status(state))
        .time("attachTime", instance.launched_at)
        .text("deleteOnTermination", interface.delete_on_termination)
}

/// The public address that an interface has while its instance runs.
fn association(
    region: &Region,
    instance: &Instance,
    interface: &Interface,
    state: InstanceState,
) -> Option<Node> {
    let ip = interface.public_ip.as_ref().filter(|_| state == InstanceState::Running)?;
    Some(
        Node::new()
            .text("ipOwnerId", IP_OWNER)
            .opt("publicDnsName", public_name(region, instance, state))
            .text("publicIp", ip),
    )
}

/// An interface without its attachment.
pub fn interface(region: &Region, instance: &Instance, interface: &Interface, state: InstanceState) -> Node {
    let association = association(region, instance, interface, state);
    let name = match interface.device_index {
        0 => private_name(region, instance, state),
        _ => name_of_address(region, &interface.private_ip),
    };
    let primary = address(&interface.private_ip, &name, true).opt_child("association", association.clone());
    let secondary = interface.secondary_ips.iter().map(|ip| address(ip, &name_of_address(region, ip), false));
    let vpc = region.subnets.get(&interface.subnet_id).map_or(&instance.vpc_id, |subnet| &subnet.vpc_id);
    let is_gone = state == InstanceState::Terminated;
    Node::new()
        .text("networkInterfaceId", &interface.id)
        .text("subnetId", &interface.subnet_id)
        .text("vpcId", vpc)
        .text("description", &interface.description)
        .text("ownerId", &instance.owner)
        .text("status", if is_gone { "available" } else { "in-use" })
        .text("macAddress", &interface.mac_address)
        .text("privateIpAddress", &interface.private_ip)
        .text("privateDnsName", &name)
        .text("sourceDestCheck", interface.source_dest_check)
        .text("interfaceType", "interface")
        .set("groupSet", groups_by_id(region, &interface.security_groups))
        .opt_child("association", association)
        .set("privateIpAddressesSet", std::iter::once(primary).chain(secondary))
        .set("ipv6AddressesSet", [])
}

fn address(ip: &str, name: &str, is_primary: bool) -> Node {
    Node::new().text("privateIpAddress", ip).text("privateDnsName", name).text("primary", is_primary)
}

pub fn current_boot_mode(instance: &Instance) -> &'static str {
    let mode = instance.image.boot_mode.as_deref();
    if mode.is_some_and(|mode| mode.starts_with("uefi")) { "uefi" } else { "legacy-bios" }
}

fn options(instance: &Instance, state: InstanceState, node: Node) -> Node {
    let (image, metadata) = (&instance.image, &instance.metadata);
    let profile = instance.instance_profile.as_ref();
    let node = node
        .opt_child("iamInstanceProfile", profile.map(|(arn, id)| Node::new().text("arn", arn).text("id", id)))
        .text("ebsOptimized", instance.ebs_optimized)
        .text("enaSupport", image.ena)
        .opt("sriovNetSupport", image.sriov.as_ref())
        .opt("bootMode", image.boot_mode.as_ref())
        .text("currentInstanceBootMode", current_boot_mode(instance))
        .opt("tpmSupport", image.tpm_support.as_ref())
        .opt("platform", image.is_windows().then_some("windows"))
        .text("platformDetails", &image.platform_details)
        .text("usageOperation", &image.usage_operation)
        .time("usageOperationUpdateTime", instance.launched_at)
        .child(
            "cpuOptions",
            Node::new().text("coreCount", instance.cpu.0).text("threadsPerCore", instance.cpu.1),
        )
        .child(
            "maintenanceOptions",
            Node::new().text("autoRecovery", &instance.auto_recovery).text("rebootMigration", "default"),
        )
        .child("operator", Node::new().text("managed", false))
        .child("metadataOptions", metadata_node(metadata, metadata_state(state)));
    features::show(&instance.features, node)
}

/// The options are being applied while the instance starts.
pub fn metadata_state(state: InstanceState) -> &'static str {
    if state == InstanceState::Pending { "pending" } else { "applied" }
}

pub fn metadata_node(metadata: &MetadataOptions, state: &str) -> Node {
    Node::new()
        .text("state", state)
        .text("httpTokens", &metadata.http_tokens)
        .text("httpPutResponseHopLimit", metadata.hop_limit)
        .text("httpEndpoint", &metadata.http_endpoint)
        .text("httpProtocolIpv6", &metadata.http_protocol_ipv6)
        .text("instanceMetadataTags", &metadata.instance_tags)
}
