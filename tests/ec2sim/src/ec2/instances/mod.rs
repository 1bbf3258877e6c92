//! Instances.

mod attribute;
mod boot;
mod console;
mod credits;
mod describe;
mod features;
mod filters;
mod image_metadata;
mod interface_filters;
mod interfaces;
mod lifecycle;
mod metadata_defaults;
mod modify;
pub mod network;
mod options;
mod password;
mod profiles;
mod request;
mod run;
mod show;
mod status;
#[cfg(test)]
mod tests;
mod uefi;
mod upkeep;
mod wanted;

pub use self::{
    boot::power_off_phases,
    console::BUFFER as CONSOLE_BUFFER,
    filters::group_names,
    request::profile_id,
    show::{current_boot_mode, groups as group_nodes, private_domain, private_name, public_name},
};

use std::sync::Arc;

use crate::core::{
    Call, Handler,
    error::ApiError,
    ids,
    records::Instance,
    world::{Region, World},
};

pub use self::{lifecycle::terminate, request::opt_in_required, run::run};

pub fn handler(action: &str) -> Option<Handler> {
    match action {
        "DescribeInstanceAttribute" => Some(Handler::Read(attribute::describe)),
        "DescribeInstanceCreditSpecifications" => Some(Handler::Read(credits::describe)),
        "ModifyInstanceCreditSpecification" => Some(Handler::Write(credits::modify)),
        "DescribeInstanceImageMetadata" => Some(Handler::Read(image_metadata::describe)),
        "DescribeNetworkInterfaces" => Some(Handler::Read(interfaces::describe)),
        "DeleteNetworkInterface" => Some(Handler::Write(interfaces::delete)),
        "DescribeInstanceStatus" => Some(Handler::Read(status::describe)),
        "DescribeInstances" => Some(Handler::Read(describe::describe)),
        "GetInstanceMetadataDefaults" => Some(Handler::Read(metadata_defaults::get)),
        "GetInstanceUefiData" => Some(Handler::Read(uefi::get)),
        "ModifyInstanceMetadataDefaults" => Some(Handler::Write(metadata_defaults::modify)),
        "ResetInstanceAttribute" => Some(Handler::Write(modify::reset)),
        "GetPasswordData" => Some(Handler::Read(password::get)),
        "GetConsoleOutput" => Some(Handler::Read(console::get)),
        "ModifyInstanceAttribute" => Some(Handler::Write(modify::modify)),
        "ModifyInstanceMetadataOptions" => Some(Handler::Write(modify::modify_metadata_options)),
        "ModifyInstanceMaintenanceOptions" => Some(Handler::Write(upkeep::modify_maintenance)),
        "MonitorInstances" => Some(Handler::Write(upkeep::monitor)),
        "UnmonitorInstances" => Some(Handler::Write(upkeep::unmonitor)),
        "RebootInstances" => Some(Handler::Write(lifecycle::reboot)),
        "RunInstances" => Some(Handler::Write(run::run)),
        "StartInstances" => Some(Handler::Write(lifecycle::start)),
        "StopInstances" => Some(Handler::Write(lifecycle::stop)),
        "TerminateInstances" => Some(Handler::Write(lifecycle::terminate)),
        other => profiles::handler(other),
    }
}

/// The caller's instance, if it is still visible.
pub fn find<'r>(call: &Call, region: &'r Region, id: &str) -> Result<&'r Arc<Instance>, ApiError> {
    ids::INSTANCE.check(id)?;
    let instance = region.instances.get(id);
    let visible = instance.filter(|it| it.owner == call.account() && it.is_visible(call.now));
    visible.ok_or_else(|| ids::INSTANCE.not_found(id))
}

/// The account's instances that a list shows.
fn visible<'r>(call: &'r Call, region: &'r Region) -> impl Iterator<Item = &'r Arc<Instance>> {
    region.instances.values().filter(|it| it.owner == call.account() && it.is_visible(call.now))
}

/// The ids of a call, all of them checked: one that is wrong fails the whole call, with all missing ones named.
pub fn find_all<'r>(
    call: &Call,
    region: &'r Region,
    asked: &[&str],
) -> Result<Vec<&'r Arc<Instance>>, ApiError> {
    for id in asked {
        ids::INSTANCE.check(id)?;
    }
    let missing: Vec<&str> = asked.iter().copied().filter(|id| find(call, region, id).is_err()).collect();
    match missing.as_slice() {
        [] => asked.iter().map(|id| find(call, region, id)).collect(),
        [id] => Err(ids::INSTANCE.not_found(id)),
        several => {
            let message = format!("The instance IDs '{}' do not exist", several.join(", "));
            Err(ApiError::new("InvalidInstanceID.NotFound", message))
        }
    }
}

fn change(call: &Call, world: &mut World, id: &str, change: impl FnOnce(&mut Instance)) {
    if let Some(instance) = call.region_mut(world).instances.get_mut(id) {
        change(Arc::make_mut(instance));
    }
}
