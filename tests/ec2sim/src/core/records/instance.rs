use std::{sync::Arc, time::Duration};

use imbl::Vector;
use jiff::Timestamp;

use super::{Image, StateReason};
use crate::core::{clock::after, tags::Tags};

/// How long a terminated instance stays visible.
const TERMINATED_VISIBLE: Duration = Duration::from_hours(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstanceState {
    Pending,
    Running,
    ShuttingDown,
    Terminated,
    Stopping,
    Stopped,
}

impl InstanceState {
    pub fn code(self) -> u8 {
        match self {
            Self::Pending => 0,
            Self::Running => 16,
            Self::ShuttingDown => 32,
            Self::Terminated => 48,
            Self::Stopping => 64,
            Self::Stopped => 80,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
        }
    }
}

/// From when an instance is in a state, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    pub from: Timestamp,
    pub state: InstanceState,
    pub reason: Option<StateReason>,
    /// EC2's text for people, for example `User initiated (2026-11-23 12:00:00 GMT)`.
    pub transition: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataOptions {
    pub http_tokens: String,
    pub http_endpoint: String,
    pub hop_limit: i64,
    pub http_protocol_ipv6: String,
    pub instance_tags: String,
}

/// Metadata options that launches of an account take by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataDefaults {
    pub http_tokens: Option<String>,
    pub hop_limit: Option<i64>,
    pub http_endpoint: Option<String>,
    pub instance_tags: Option<String>,
    /// `enabled` if no instance may start without required tokens.
    pub tokens_enforced: Option<String>,
}

/// What a launch switches on for as long as the instance lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Features {
    pub enclave: bool,
    pub hibernation: bool,
    /// Which Capacity Reservations the instance may use.
    pub reservations: String,
    pub host_names: HostNames,
    pub bandwidth: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostNames {
    /// `ip-name` or `resource-name`.
    pub kind: String,
    pub a_record: bool,
    pub aaaa_record: bool,
}

/// A volume on an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    pub device_name: String,
    pub volume_id: String,
    pub attached_at: Timestamp,
}

/// A network interface on an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    pub id: String,
    pub attachment_id: String,
    pub device_index: i64,
    pub mac_address: String,
    pub subnet_id: String,
    pub security_groups: Vec<String>,
    pub private_ip: String,
    pub secondary_ips: Vec<String>,
    pub public_ip: Option<String>,
    pub description: String,
    pub delete_on_termination: bool,
    pub source_dest_check: bool,
    pub tags: Tags,
}

// Each flag is one that EC2 shows.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug)]
pub struct Instance {
    pub id: String,
    pub owner: String,
    pub reservation_id: String,
    /// The image as it was at launch: it may be deregistered since.
    pub image: Arc<Image>,
    pub instance_type: String,
    pub key_name: Option<String>,
    pub vpc_id: String,
    pub zone: String,
    pub primary: Interface,
    /// Interfaces besides the primary one, in the order of their device index.
    pub more_interfaces: Vec<Interface>,
    pub launched_at: Timestamp,
    /// Past and coming states, in the order of time.
    pub phases: Vec<Phase>,
    /// What the serial console prints in this boot, past and coming, in the order of time.
    pub console: Vector<(Timestamp, Arc<[u8]>)>,
    /// A real machine runs it: what it will do is not known, and comes to be told as it happens.
    pub is_machine: bool,
    /// As the client sent it: base64.
    pub user_data: Option<String>,
    pub devices: Vec<Attachment>,
    pub terminate_on_shutdown: bool,
    pub disable_api_termination: bool,
    pub disable_api_stop: bool,
    pub ebs_optimized: bool,
    pub monitoring: bool,
    pub auto_recovery: String,
    pub tenancy: String,
    /// ARN and id.
    pub instance_profile: Option<(String, String)>,
    pub metadata: MetadataOptions,
    pub features: Features,
    pub cpu: (i64, i64),
    /// `standard` or `unlimited`, of burstable types.
    pub cpu_credits: Option<String>,
    pub client_token: String,
    pub launch_index: usize,
    pub spot_request: Option<String>,
    pub boots: u32,
    pub tags: Tags,
}

impl Instance {
    pub fn phase(&self, now: Timestamp) -> &Phase {
        let begun = self.phases.iter().rev().find(|phase| phase.from <= now);
        begun.unwrap_or(self.first_phase())
    }

    pub fn first_phase(&self) -> &Phase {
        self.phases.first().expect("an instance is never without its first phase")
    }

    pub fn state(&self, now: Timestamp) -> InstanceState {
        self.phase(now).state
    }

    /// A terminated instance stays visible for an hour.
    pub fn is_visible(&self, now: Timestamp) -> bool {
        let phase = self.phase(now);
        phase.state != InstanceState::Terminated || now < after(phase.from, TERMINATED_VISIBLE)
    }

    pub fn is_terminated(&self, now: Timestamp) -> bool {
        self.state(now) == InstanceState::Terminated
    }

    /// When it will be, or was, terminated.
    pub fn terminated_at(&self) -> Option<Timestamp> {
        self.phases.iter().find(|phase| phase.state == InstanceState::Terminated).map(|phase| phase.from)
    }

    /// The primary interface and the others.
    pub fn interfaces(&self) -> impl Iterator<Item = &Interface> {
        std::iter::once(&self.primary).chain(&self.more_interfaces)
    }

    pub fn interface_mut(&mut self, id: &str) -> Option<&mut Interface> {
        std::iter::once(&mut self.primary).chain(&mut self.more_interfaces).find(|it| it.id == id)
    }

    pub fn uses_group(&self, id: &String) -> bool {
        self.interfaces().any(|it| it.security_groups.contains(id))
    }

    /// How many addresses of a subnet it has.
    pub fn addresses_in(&self, subnet_id: &str) -> usize {
        let there = self.interfaces().filter(|it| it.subnet_id == subnet_id);
        there.map(|it| 1 + it.secondary_ips.len()).sum()
    }

    /// Whether an address of a subnet is one of its own.
    pub fn has_address(&self, subnet_id: &str, address: &str) -> bool {
        let mut there = self.interfaces().filter(|it| it.subnet_id == subnet_id);
        there.any(|it| it.private_ip == address || it.secondary_ips.iter().any(|ip| ip == address))
    }

    /// The volume that it boots from.
    pub fn root_volume(&self) -> Option<&str> {
        let mut devices = self.devices.iter();
        let root = devices.find(|device| device.device_name == self.image.root_device_name)?;
        Some(&root.volume_id)
    }

    /// Drops what would have come after now, console lines included.
    pub fn interrupt(&mut self, now: Timestamp) {
        self.phases.retain(|phase| phase.from <= now);
        self.console.retain(|(at, _)| *at <= now);
    }
}
