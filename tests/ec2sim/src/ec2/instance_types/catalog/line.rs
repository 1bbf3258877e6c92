//! Reads one type of the list.

use super::{Disks, Gpus, Hypervisor, InstanceType};

/// A pair of numbers: `3x10`.
fn pair(text: &str) -> Option<(u32, u32)> {
    let (one, other) = text.split_once('x')?;
    Some((one.parse().ok()?, other.parse().ok()?))
}

pub fn read(line: &'static str) -> Option<InstanceType> {
    let mut fields = line.split(' ');
    let mut next = || fields.next();
    let (name, vcpus, memory, clock) = (next()?, next()?, next()?, next()?);
    let (manufacturer, hypervisor, network) = (next()?, next()?, next()?);
    let (interfaces, addresses) = pair(network)?;
    let rest: Vec<&'static str> = fields.collect();
    let named = |key: &str| rest.iter().find_map(|field| field.strip_prefix(key)?.strip_prefix('='));
    Some(InstanceType {
        name,
        vcpus: vcpus.parse().ok()?,
        memory: memory.parse().ok()?,
        clock: Some(clock).filter(|clock| *clock != "-"),
        manufacturer,
        hypervisor: if hypervisor == "xen" { Hypervisor::Xen } else { Hypervisor::Nitro },
        interfaces,
        addresses,
        ebs_bandwidth: named("ebs").and_then(|text| text.parse().ok()),
        disks: named("disks").and_then(disks),
        gpus: named("gpus").and_then(gpus),
        network: named("net").unwrap_or("Unknown"),
        encrypts: rest.contains(&"encrypts"),
    })
}

/// `2x300:nvme`
fn disks(text: &'static str) -> Option<Disks> {
    let (disks, kind) = text.split_once(':')?;
    let (count, size) = pair(disks)?;
    let nvme = kind == "nvme";
    Some(Disks { count, size, kind: if nvme { "ssd" } else { kind }, nvme })
}

/// `4x16384:NVIDIA:T4`
fn gpus(text: &'static str) -> Option<Gpus> {
    let mut parts = text.split(':');
    let (count, memory) = pair(parts.next()?)?;
    Some(Gpus { count, memory, manufacturer: parts.next()?, name: parts.next()?.replace('_', " ") })
}
