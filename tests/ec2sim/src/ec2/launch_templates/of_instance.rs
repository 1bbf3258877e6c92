//! `GetLaunchTemplateData`: what a template would say that launches the like of an instance.

use crate::{
    core::{
        Call, Outcome,
        records::{Attachment, Instance, Interface, Volume},
        tags,
        world::{Region, World},
        xml::Node,
    },
    ec2::instances,
};

pub fn get(call: &Call, world: &World) -> Outcome {
    let region = call.region(world);
    let instance = instances::find(call, region, call.params.require("InstanceId")?)?;
    Ok(Node::new().child("launchTemplateData", data(region, instance)).into())
}

fn data(region: &Region, instance: &Instance) -> Node {
    let placement = Node::new()
        .text("availabilityZone", &instance.zone)
        .text("groupName", "")
        .text("tenancy", &instance.tenancy);
    let profile = instance.instance_profile.as_ref().map(|(arn, _)| Node::new().text("arn", arn));
    let node = Node::new()
        .text("ebsOptimized", instance.ebs_optimized)
        .opt_child("iamInstanceProfile", profile)
        .set("blockDeviceMappingSet", region.volumes_of(instance).map(device))
        .set("networkInterfaceSet", instance.interfaces().map(interface))
        .text("imageId", &instance.image.id)
        .text("instanceType", &instance.instance_type)
        .opt("keyName", instance.key_name.as_ref())
        .child("monitoring", Node::new().text("enabled", instance.monitoring))
        .child("placement", placement)
        .text("disableApiTermination", instance.disable_api_termination)
        .text("disableApiStop", instance.disable_api_stop);
    options(instance, node)
}

fn options(instance: &Instance, node: Node) -> Node {
    let behavior = if instance.terminate_on_shutdown { "terminate" } else { "stop" };
    let cpu = Node::new().text("coreCount", instance.cpu.0).text("threadsPerCore", instance.cpu.1);
    let metadata = Node::new()
        .text("httpTokens", &instance.metadata.http_tokens)
        .text("httpPutResponseHopLimit", instance.metadata.hop_limit)
        .text("httpEndpoint", &instance.metadata.http_endpoint)
        .text("httpProtocolIpv6", &instance.metadata.http_protocol_ipv6)
        .text("instanceMetadataTags", &instance.metadata.instance_tags);
    let own = Node::new().text("resourceType", "instance").set("tagSet", tags::nodes(&instance.tags));
    let credits = instance.cpu_credits.as_ref().map(|credits| Node::new().text("cpuCredits", credits));
    node.text("instanceInitiatedShutdownBehavior", behavior)
        .opt("userData", instance.user_data.as_ref())
        .set_if_any("tagSpecificationSet", (!instance.tags.is_empty()).then_some(own))
        .opt_child("creditSpecification", credits)
        .child("cpuOptions", cpu)
        .child("hibernationOptions", Node::new().text("configured", instance.features.hibernation))
        .child("metadataOptions", metadata)
        .child("enclaveOptions", Node::new().text("enabled", instance.features.enclave))
}

fn device((attachment, volume): (&Attachment, &Volume)) -> Node {
    let provisioned = matches!(volume.volume_type.as_str(), "gp3" | "io1" | "io2");
    let ebs = Node::new()
        .text("encrypted", volume.encrypted)
        .text("deleteOnTermination", volume.delete_on_termination)
        .opt("iops", volume.iops.filter(|_| provisioned))
        .opt("throughput", volume.throughput)
        .opt("kmsKeyId", volume.kms_key_id.as_ref())
        .opt("snapshotId", volume.snapshot_id.as_ref())
        .text("volumeSize", volume.size)
        .text("volumeType", &volume.volume_type);
    Node::new().text("deviceName", &attachment.device_name).child("ebs", ebs)
}

fn interface(it: &Interface) -> Node {
    let groups = it.security_groups.iter().fold(Node::new(), |list, id| list.text("groupId", id));
    let address = Node::new().text("primary", true).text("privateIpAddress", &it.private_ip);
    Node::new()
        .text("associatePublicIpAddress", it.public_ip.is_some())
        .text("deleteOnTermination", it.delete_on_termination)
        .text("description", &it.description)
        .text("deviceIndex", it.device_index)
        .child("groupSet", groups)
        .text("interfaceType", "interface")
        .set("ipv6AddressesSet", [])
        .set("privateIpAddressesSet", [address])
        .text("subnetId", &it.subnet_id)
        .text("networkCardIndex", 0)
}
